/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Between dns_client.c and dns_tell.c. */
#ifndef DAEMON_DNS_TELL_H
#define DAEMON_DNS_TELL_H

#include "dns_client.h"

struct dns_msg;

/* --- dns_tell.c --- */
/* Sends the container's endpoints as they are; `fds`: its two sockets or NULL, not taken. */
void dns_tell(struct container *c, int *fds);
/* The server has no sockets for this container: they are opened and sent later. */
void dns_tell_missing(struct daemon *d, const char *id);

/* --- dns_client.c --- */
/* Sends without waiting. A server that does not take it is ended and started anew. */
void dns_send(struct dns_client *dns, const struct dns_msg *m, int *fds);
/* A server is there and has been told what we know. */
int dns_ensure(struct dns_client *dns, struct crl_err *err);
/* Has the server told of it (c->has_dns)? When nobody has been for a while, the server goes. */
void dns_count(struct dns_client *dns, struct container *c, bool has_dns);
bool dns_recovering(const struct dns_client *dns);

#endif
