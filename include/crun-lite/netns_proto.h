/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Between the daemon and its network helper (`crun-lite-monitor --make-netns`).
 *
 * Creating a network namespace, a veth pair or deleting a link waits for the
 * kernel's one rtnl lock, which is held for many milliseconds whenever some
 * namespace on the host dies. The daemon has one thread and must not wait for
 * that, and it never changes namespace; so a small process of its own does it.
 *
 * The socket is SOCK_SEQPACKET: one request, one answer, in order. NETNS_MAKE's
 * answer carries the descriptor of the new namespace; the requests of NETNS_ATTACH, _ROUTE
 * and _DETACH carry the descriptor of an existing one. The helper ends at end of stream.
 * Both ends come from one build (the daemon runs a sealed copy), so plain structs do.
 */
#ifndef CRUN_LITE_NETNS_PROTO_H
#define CRUN_LITE_NETNS_PROTO_H

#include <net/if.h>
#include <stdint.h>

enum netns_op {
	NETNS_MAKE = 1, /* new namespace, lo up, and, if `link` is not "", as NETNS_ATTACH */
	NETNS_ATTACH =
		2, /* veth pair: `link` here on the bridge, `ifname` there with its address */
	NETNS_DELETE = 3, /* deletes `link`; one that is not there is success */
	NETNS_ROUTE = 4,  /* in the namespace: `gateway` and `gateway6` through `ifname` are the
			     default routes, 0 = none is */
	NETNS_DETACH = 5, /* in the namespace: deletes `ifname`; one that is not there is success */
	NETNS_DNS = 16,   /* in the namespace: the name server's sockets, as with `dns` below */
};

/* What the interface in the namespace is. */
enum netns_kind {
	NETNS_VETH,    /* `bridge`: the bridge that the host's end is a port of */
	NETNS_MACVLAN, /* of the parent link `bridge`; `link` is only a label then */
	NETNS_IPVLAN,  /* the same, with the parent's hardware address */
};

struct netns_request {
	uint32_t op;
	uint32_t seq;
	char link[IFNAMSIZ];
	char ifname[IFNAMSIZ];
	uint32_t bridge;               /* index of the bridge, or of the parent */
	uint32_t kind;                 /* enum netns_kind */
	uint32_t mode;                 /* the kernel's MACVLAN_MODE_, IPVLAN_MODE_ */
	uint32_t flags;                /* the kernel's IPVLAN_F_ */
	uint32_t mtu;                  /* 0 = the kernel's default */
	uint32_t ip;                   /* network byte order */
	uint32_t gateway;              /* network byte order; 0 = no default route */
	uint8_t ip6[16], gateway6[16]; /* gateway6 0 = no default route */
	uint8_t prefix6;               /* 0 = no IPv6 on `ifname` */
	uint8_t prefix_len;            /* 0 = no IPv4 */
	uint8_t link_route;            /* the default route is the link, without a gateway */
	uint8_t isolated;              /* the bridge does not pass frames to other isolated ports */
	uint8_t mac[6];
	uint8_t dns; /* NETNS_MAKE: with the name server's sockets */
	/*
	 * NETNS_MAKE: the namespace belongs to a user namespace of its own, which has no map yet:
	 * who takes it writes one (userns_owner(), userns_fill()).
	 */
	uint8_t own_users;
};

struct netns_reply {
	uint32_t seq;
	/* Descriptors that follow the namespace's: UDP and listening TCP socket for the name
	 * server (crun-lite/dns_proto.h). */
	uint32_t has_dns;
	int32_t sys;   /* 0, or the errno value of what failed */
	char step[48]; /* what failed: "veth pair", "address" */
};

/* The helper's main: argv[1] is --make-netns, then "--socket-fd N". */
int netns_helper_main(int argc, char **argv);

#endif
