/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Links, addresses and routes of the host, by libnl-route-3. Calls here take
 * the kernel's rtnl lock and are for start-up, repair and single questions;
 * what happens per container is done by the network helper
 * (crun-lite/netns_proto.h). See rtnetlink(7).
 */
#ifndef DAEMON_NETLINK_H
#define DAEMON_NETLINK_H

#include "ipam.h"
#include "ipam6.h"
#include "network.h"

struct netlink;
int netlink_open(struct netlink **ret, struct crl_err *err);
void netlink_close(struct netlink *nl);

/*
 * What subnets of ours must not overlap: addresses and routes of the host, except
 * those of the link `skip` and default routes. The caller frees *ret.
 */
int netlink_taken(struct netlink *nl, const char *skip, struct ipam_net **ret, size_t *ret_n,
		  struct crl_err *err);
/* Makes the bridge `name` if it is not there. A link of that name that is no bridge: CRL_CONFLICT.
 */
int netlink_bridge_ensure(struct netlink *nl, const char *name, unsigned mtu, unsigned *ret_index,
			  struct crl_err *err);
/* Gives a link an address; one it has already is success. */
int netlink_address(struct netlink *nl, const char *name, struct ipam_net net, struct crl_err *err);
int netlink_address6(struct netlink *nl, const char *name, struct ipam6_net net,
		     struct crl_err *err);
int netlink_set_up(struct netlink *nl, const char *name, struct crl_err *err);
/* As netlink_taken() for IPv6: addresses and routes, except link-local ones and default routes. */
int netlink_taken6(struct netlink *nl, const char *skip, struct ipam6_net **ret, size_t *ret_n,
		   struct crl_err *err);
/* Missing is success. Waits for the kernel to let go of the link: some 10 ms. */
int netlink_delete(struct netlink *nl, const char *name, struct crl_err *err);
int netlink_set_master(struct netlink *nl, const char *name, unsigned bridge, struct crl_err *err);
/* Index of the bridge that a link is a port of; 0 = none, also when there is no such link. */
unsigned netlink_master(struct netlink *nl, const char *name);
/* See nlmsg_bridge_port(). */
int netlink_bridge_port(const char *name, bool isolated, struct crl_err *err);
/* Names of the links that begin with `prefix`; the caller frees the vector. */
int netlink_names(const char *prefix, char ***ret, struct crl_err *err);
/* Counters of a link, as the link itself sees them. */
int netlink_stats(struct netlink *nl, const char *name, struct net_stats *ret, struct crl_err *err);

#endif
