/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The daemon's end of crun-lite-dns (crun-lite/dns_proto.h): starts it when the first
 * container needs it, tells it who is called what, gives it the sockets of containers'
 * namespaces, restarts it when it dies, takes over the one that runs when the daemon was
 * restarted, and lets it go when nobody needs it.
 *
 * Nothing here waits for the server.
 */
#ifndef DAEMON_DNS_CLIENT_H
#define DAEMON_DNS_CLIENT_H

#include <crun-lite/err.h>

struct container;
struct daemon;
struct dns_client;

int dns_client_new(struct daemon *d, struct dns_client **ret, struct crl_err *err);
/* The server ends with us when it serves nobody, and runs on otherwise. */
void dns_client_free(struct dns_client *dns);
/* Recovery is over: what the server knows of others is dropped. */
void dns_client_recovered(struct daemon *d);

/* Is some network of the container's a user-defined one, or was one in this run? Then its
 * resolv.conf names 127.0.0.11. */
bool dns_wanted(const struct container *c);
/*
 * The container's endpoints or names have changed: start, connect, disconnect, rename, adoption.
 * A question asked after this is answered accordingly. With the first user-defined
 * network its sockets are opened, for which a running container's namespace is
 * entered by the network helper, which is waited for.
 */
int dns_update(struct container *c, struct crl_err *err);
/* Its run ends. */
void dns_drop(struct container *c);

#endif
