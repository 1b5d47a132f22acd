/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The process in front of a tcp:// host that speaks TLS for us; see crun-lite/tls_proto.h. Owns
 * the listening socket over restarts of that process.
 */
#ifndef DAEMON_TLS_FRONT_H
#define DAEMON_TLS_FRONT_H

#include <crun-lite/err.h>

struct http_server;
struct tls_front;

/*
 * Takes `listen_fd`, also on failure. Keys are read here, so that a wrong file is known at the
 * start. A front that dies is started again, later each time.
 */
int tls_front_new(struct http_server *s, int listen_fd, const char *host, struct tls_front **ret,
		  struct crl_err *err);
/* A front with the key files as they are now; sessions of the old one go on. */
int tls_front_renew(struct tls_front *f, struct crl_err *err);
/* The front serves the sessions it has to their end, without us. */
void tls_front_free(struct tls_front *f);

#endif
