/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The two modes of crun-lite-tls, and its cage. */
#ifndef TLS_FRONT_H
#define TLS_FRONT_H

#include <crun-lite/err.h>

/* Serves until the daemon is gone and the last session has ended. See crun-lite/tls_proto.h. */
int front_run(struct crl_err *err);

/*
 * "client HOST PORT": the command line's way to a tcp:// daemon. Plain bytes on descriptor 3, TLS
 * to HOST. The files are named by CRUN_LITE_TLS_CA, _CERT and _KEY.
 */
int client_run(const char *host, const char *port, struct crl_err *err);

/*
 * Gives up everything but the descriptors that are open: other users' rights (`drop_user`: becomes
 * nobody), the file system, new programs, sockets of its own to anywhere. What a hole in the TLS
 * library is worth after this is the bytes of the sessions themselves.
 */
int cage(bool drop_user, struct crl_err *err);

#endif
