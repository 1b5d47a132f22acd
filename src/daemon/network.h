/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Networks of this host: the default bridge (in the API "bridge"; its link is
 * "crunlite0" or "crl" + suffix), "host" and "none"; addresses, veth pairs,
 * a pool of ready network namespaces, NAT and published ports in one nftables
 * table of our own ("crun-lite" + suffix). Rules of others are never touched.
 *
 * Namespaces are made by a helper process (crun-lite-monitor --make-netns)
 * that hands over the namespace's descriptor and a netlink socket opened in it;
 * the daemon itself never changes namespace.
 */
#ifndef DAEMON_NETWORK_H
#define DAEMON_NETWORK_H

#include <base/json.h>
#include <base/str.h>
#include <crun-lite/err.h>
#include <stdint.h>
#include <sys/types.h>

struct daemon;
struct networks;

struct net_port {      /* one published port */
	char proto[5]; /* tcp, udp, sctp */
	uint16_t container_port;
	/*
	 * "0.0.0.0" or "::" = all of the family; in a request "" = the daemon's default, which
	 * without a setting is all of both
	 */
	char host_ip[46];
	uint16_t host_port;     /* 0 = choose; net_acquire() fills in both, "0.0.0.0" for all */
	uint16_t host_port_end; /* > host_port in a request: any of them will do */
};

#define NET_LINK_ROUTE "0.0.0.0" /* ipvlan in layer 3: the link itself is the way out */

struct net_endpoint { /* a container's place in a network; all members owned by it */
	char id[65];  /* EndpointID */
	char network_id[65];
	char *network; /* "bridge" */
	char *driver;  /* of the network: "bridge", "macvlan", ... */
	char container_id[65];
	char ifname[16];  /* in the container: "eth0"; "" in the networks host and none */
	char **aliases;   /* as the user gave them */
	char **dns_names; /* all names it answers to in its network, the container's name first */
	char **links;     /* "container:alias", seen by this endpoint only */
	char ip[16];      /* "172.17.0.2" */
	int prefix_len;
	char gateway[16]; /* "" = the network leads nowhere, NET_LINK_ROUTE = without a gateway */
	char ip6[46];     /* "" = none; so for the two below */
	int prefix6;
	char gateway6[46];
	char mac[18];
	int64_t gw_priority; /* of several endpoints the highest has the default route */
	char link[16];       /* host side of the veth pair; a mere label with macvlan and ipvlan */
	int netns_fd;        /* -1 once handed over */
	struct net_port *ports;
	size_t n_ports;
};

struct net_request {
	const char *container_id, *container_name;
	const char *network;   /* name or id of a bridge network */
	const char *wanted_ip; /* or NULL; CRL_INVALID on the default network, as with docker */
	const char *wanted_ip6;
	const char *mac;        /* or NULL: from the address */
	const char *ifname;     /* or NULL: "eth0" */
	char *const *aliases;   /* copied */
	char *const *dns_names; /* copied */
	char *const *links;     /* copied */
	int64_t gw_priority;
	/* true: into the namespace `netns_fd` (not taken), without a default route */
	bool attach;
	int netns_fd;
	const struct net_port *ports;
	size_t n_ports;
	bool own_users; /* the namespace belongs to a user namespace of its own, without a map */
};

int networks_init(struct daemon *d, struct crl_err *err);
void networks_free(struct networks *n);
/* CRL_NOT_FOUND "network x not found". *ret_id (64 hex) and *ret_name stay owned by networks. */
int networks_find(struct daemon *d, const char *name_or_id, const char **ret_id,
		  const char **ret_name, const char **ret_driver, struct crl_err *err);
/*
 * Takes a prepared namespace (or makes one), an address, publishes the
 * ports, and the event "network connect" (net_release(): "disconnect"). A taken host port: CRL_IO
 * with docker's text "driver failed programming external connectivity on endpoint NAME (ID): ...
 * bind: address already in use".
 */
int net_acquire(struct daemon *d, const struct net_request *req, struct net_endpoint *ret,
		struct crl_err *err);
/* Unpublishes, removes the link, frees the address; tolerates what is already gone. Frees the
 * members. */
void net_release(struct daemon *d, struct net_endpoint *ep);
/*
 * The same for a container that runs on: its interface goes, too. The
 * link may still be there for some milliseconds; its address is free only then.
 */
void net_detach(struct daemon *d, struct net_endpoint *ep, int netns_fd);
/*
 * Publishes on an endpoint that has no ports so far, fills in what was chosen; errors as
 * net_acquire(). `name` is the container's.
 */
int net_publish(struct daemon *d, struct net_endpoint *ep, const char *name,
		const struct net_port *ports, size_t n, struct crl_err *err);
/* Takes all its ports back. */
void net_unpublish(struct daemon *d, struct net_endpoint *ep);
/* Makes `gateway` the default route of the namespace; NULL = it has none. Waits for the helper. */
int net_route(struct daemon *d, int netns_fd, const struct net_endpoint *gateway,
	      struct crl_err *err);
/*
 * Deletes an interface in a namespace by its name, as after a connect that was not finished.
 * Missing is success. Waits for the helper.
 */
int net_delete_interface(struct daemon *d, int netns_fd, const char *ifname, struct crl_err *err);
/*
 * Makes the link of an endpoint again that somebody deleted, in the container's namespace;
 * `routed`: with its default routes. Waits for the helper.
 */
int net_reattach(struct daemon *d, const struct net_endpoint *ep, int netns_fd, bool routed,
		 struct crl_err *err);
/* A daemon restart found this container running: its address, ports and link are in use. */
int net_adopt(struct daemon *d, const struct net_endpoint *ep, struct crl_err *err);
/* After recovery: removes links and rules of ours that nobody adopted. */
void networks_sweep(struct daemon *d);
/* rx_bytes, rx_packets, rx_errors, rx_dropped, tx_* as seen from the container. */
struct net_stats {
	uint64_t rx_bytes, rx_packets, rx_errors, rx_dropped;
	uint64_t tx_bytes, tx_packets, tx_errors, tx_dropped;
};
int net_stats_read(const struct net_endpoint *ep, struct net_stats *ret, struct crl_err *err);
/* The same from the process's own namespace, where the host has no end of the link. */
int net_stats_inside(pid_t pid, const char *ifname, struct net_stats *ret, struct crl_err *err);

/* --- network_names.c: pure --- */
/* The endpoint that has the default route: dockerd's order. NULL when none leads out. */
const struct net_endpoint *net_gateway_of(const struct net_endpoint *eps, size_t n);
/*
 * Container's name, aliases, short id, host name; each once. The first is what a reverse question
 * gets. NULL = no memory; the caller frees.
 */
char **net_dns_names(const char *container_name, const char *container_id, const char *hostname,
		     char *const *aliases);
/* "02:42:ac:11:00:02", also with '-'. */
bool net_mac_parse(const char *text, uint8_t ret[6]);
/* The first name of `prefix` and a number that none of them has. */
int net_free_ifname(const char *prefix, const struct net_endpoint *eps, size_t n, char ret[16]);
/* What interfaces of containers in this network are called: "eth", or what its option says. */
const char *net_ifname_prefix(const struct daemon *d, const char *network);

/*
 * Fixed addresses against the network's subnets, docker's texts (CRL_INVALID). A network that does
 * not exist and NULL addresses are fine.
 */
int net_check_addresses(struct daemon *d, const char *network, const char *ip, const char *ip6,
			struct crl_err *err);
/* Names of an endpoint in use; copied. */
int net_set_names(struct daemon *d, struct net_endpoint *ep, char *const *names,
		  struct crl_err *err);
/*
 * Releases what a container that does not exist (any more) has in a network, by its id.
 * CRL_NOT_FOUND "endpoint x not found".
 */
int net_release_gone(struct daemon *d, const char *network, const char *container,
		     struct crl_err *err);

/* JSON for persistence and for inspect's NetworkSettings. */
cJSON *net_endpoint_to_json(const struct net_endpoint *ep);
int net_endpoint_from_json(const cJSON *tree, struct net_endpoint *ret, struct crl_err *err);
void net_endpoint_clear(struct net_endpoint *ep);

#endif
