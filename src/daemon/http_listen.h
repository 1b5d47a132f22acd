/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Listening sockets: made here, or inherited from the service manager. */
#ifndef DAEMON_HTTP_LISTEN_H
#define DAEMON_HTTP_LISTEN_H

#include <crun-lite/err.h>

/*
 * "unix://PATH": one socket, *ret_path its file (removed at the end). "fd://", "fd://N",
 * "fd://NAME": those that systemd passed, *ret_path is NULL. "tcp://[ADDRESS][:PORT]": one for
 * each address of that name; the port is 2376 with `tls`, else 2375. `group` may be NULL. The
 * caller closes the descriptors and frees both. The descriptors are non-blocking. tcp:// may wait
 * a second for the socket of a daemon that has just died.
 */
int http_listen_open(const char *host, const char *group, bool tls, int **ret_fds, size_t *ret_n,
		     char **ret_path, struct crl_err *err);
bool http_listen_is_unix(int fd);

#endif
