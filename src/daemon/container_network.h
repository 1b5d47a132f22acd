/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A container's endpoints while it runs, and how it gets and loses single ones. */
#ifndef DAEMON_CONTAINER_NETWORK_H
#define DAEMON_CONTAINER_NETWORK_H

#include "container.h"

/* The container has something to attach to, and so gets its namespace from us. */
bool container_wants_network(const struct container *c);
/*
 * Gets an endpoint for an entry of rec.networking: in a new namespace (netns_fd -1), or as a
 * further interface of an existing one, then without a default route.
 */
int container_attach_network(struct container *c, const struct api_endpoint *asked, int netns_fd,
			     const struct net_port *ports, size_t n_ports, struct crl_err *err);
/* Takes the interface and the endpoint of that network away; none is fine. */
void container_detach_network(struct container *c, const char *network, int netns_fd);
/*
 * Default route and published ports move to the endpoint that leads out now, when that is another
 * than `before` (an endpoint's id, "" = none). `kept`: the ports of an endpoint that is gone, so
 * that the next one has the same; NULL = those that are published, or asked for.
 */
int container_settle_gateway(struct container *c, const char *before, int netns_fd,
			     const struct net_port *kept, size_t n_kept, struct crl_err *err);
/* What an endpoint publishes, a copy; the caller frees. */
int container_copy_ports(const struct net_endpoint *ep, struct net_port **ret, size_t *ret_n,
			 struct crl_err *err);
/* The container has a new name, and so have its endpoints. */
void container_net_renamed(struct container *c);
/* Fills rec.endpoints; the caller saves. */
int container_record_endpoints(struct container *c, struct crl_err *err);

/* --- container_connect.c --- */
/* The network namespace of a running container; that of the host is refused. */
int container_open_netns(const struct container *c, int *ret, struct crl_err *err);
/*
 * Puts a container into a network; the members of `asked` are taken. Running: its interface is
 * there on return; otherwise the next start makes it. Errors with docker's texts, and nothing is
 * changed. May wait for the network helper.
 */
int container_connect(struct container *c, const char *network, struct api_endpoint *asked,
		      struct crl_err *err);
/* `force`: a network that is not there any more is only forgotten. */
int container_disconnect(struct container *c, const char *network, bool force, struct crl_err *err);
/* A connect or disconnect that an earlier daemon did not finish: taken back or finished. */
void container_connect_recover(struct container *c);

#endif
