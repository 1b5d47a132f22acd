/* SPDX-License-Identifier: GPL-2.0-or-later */
/* monitor.sock in the run folder of a container. Nothing here waits: both ends are local. */
#ifndef DAEMON_MONITOR_SOCK_H
#define DAEMON_MONITOR_SOCK_H

#include <crun-lite/err.h>
#include <stdbool.h>

/* The run folder as a descriptor (O_PATH); CRL_NOT_FOUND when it is missing and not to be made. */
int monitor_sock_dir(const char *path, bool create, int *ret, struct crl_err *err);
/* A listening socket for a new monitor, in the place of one that was there before. */
int monitor_sock_listen(int dir_fd, int *ret, struct crl_err *err);
/* A connection, non-blocking; CRL_NOT_FOUND when nobody listens. */
int monitor_sock_connect(int dir_fd, int *ret, struct crl_err *err);

#endif
