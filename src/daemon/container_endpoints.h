/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What was asked about a container's networks: rec.networking, one entry per
 * network under the network's name. A container is in those networks whenever it
 * runs; what it has of them then are its endpoints (container.h, eps).
 */
#ifndef DAEMON_CONTAINER_ENDPOINTS_H
#define DAEMON_CONTAINER_ENDPOINTS_H

#include "container.h"

#define NET_HOST_SHARED                                                                            \
	"container sharing network namespace with another container or host cannot be "            \
	"connected to any other network"
#define NET_NONE_SHARED                                                                            \
	"container cannot be connected to multiple networks with one of the networks in private "  \
	"(none) mode"

#define NET_OPT_IFNAME "com.docker.network.endpoint.ifname"

/* The entry of the network of that name, or NULL. */
struct api_endpoint *container_asked(const struct container_record *rec, const char *network);
/* Adds an entry; the members of `taken` (or NULL) move into it. NULL with `err` set. */
struct api_endpoint *container_ask(struct container_record *rec, struct api_endpoint *taken,
				   const char *network, struct crl_err *err);
void container_unask(struct container_record *rec, const char *network);
bool container_network_user_defined(const char *name);
/*
 * Addresses, aliases and MAC of one entry, CRL_INVALID "invalid endpoint settings: ..."; a network
 * that does not exist is not looked into.
 */
int container_check_endpoint(struct daemon *d, const char *network, const struct api_endpoint *e,
			     struct crl_err *err);
/*
 * At create: keys become names, the MAC address of the whole container moves to its main network,
 * and where nothing was asked the network mode's entry is made. Warnings are appended.
 */
int container_plan_networks(struct daemon *d, struct container_record *rec, int api_version,
			    char ***warnings, struct crl_err *err);
/* All entries: the network mode's first (eth0), then by name. The caller frees the list only. */
struct api_endpoint **container_asked_in_order(const struct container *c, size_t *ret_n);

#endif
