/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files network*.c share; nobody else includes this. */
#ifndef DAEMON_NETWORK_PRIV_H
#define DAEMON_NETWORK_PRIV_H

#include "daemon.h"
#include "ipam.h"
#include "ipam6.h"
#include "netlink.h"
#include "network.h"
#include "nft.h"

#include <base/ident.h>
#include <crun-lite/netns_proto.h>

#define NET_POOL_DEFAULT 4
#define NET_POOL_MAX 32

struct network { /* one object of the API; the fields with a JSON key are its record in the database
		  */
	char id[ID_HEX + 1];
	char *name, *driver;                              /* "bridge", "host", "null" */
	char *created;                                    /* RFC 3339 */
	char *subnet_text, *gateway_text, *range_text;    /* NULL: no IPv4 */
	char *subnet6_text, *gateway6_text, *range6_text; /* NULL: no IPv6 */
	struct strmap aux, aux6; /* name -> address that is never handed out */
	char *link;              /* of the bridge, or the parent of macvlan and ipvlan */
	int64_t mtu;
	bool internal, attachable, no_masquerade, isolated;
	bool auto_subnet, auto_subnet6; /* chosen by us: nobody may ask for an address of it */
	struct strmap options, labels, ipam_options;

	bool made_link; /* the parent is a VLAN or dummy link that we made */

	/* networks with addresses */
	struct ipam ipam; /* subnet.prefix_len 0: no IPv4 */
	uint32_t gateway;
	struct ipam6 ipam6; /* subnet.prefix_len 0: no IPv6 */
	struct ip6 gateway6;
	uint32_t route; /* what containers get as default route: the gateway, or what a setting says
			 */
	struct ip6 route6;
	/* from the options, by network_parse_options() */
	enum nft_mode mode, mode6;
	bool bare, bare6; /* the bridge has no address: "isolated" */
	char **trust;     /* links that may send anything */
	char host_ip[46]; /* where its ports are published by default; "" = the daemon's choice */
	char prefix[12];  /* of interfaces in containers: "eth" */
	unsigned ifindex; /* of the bridge when we last saw it */
	struct net_pool *pool;
};

struct net_attachment { /* an endpoint in use; what the owner's struct net_endpoint says, for our
			   own books */
	struct net_endpoint ep;
	struct network *network;
	uint32_t ip; /* 0 = none */
	struct ip6 ip6;
	int *holds;  /* one bound socket per port, -1 = none */
	int repairs; /* how often its link was made again */
};

struct networks {
	struct daemon *d;
	struct network **items;
	size_t n_items;
	struct net_attachment **attachments;
	size_t n_attachments;
	struct netlink *netlink;
	struct nft *nft;
	struct net_helper *helper;
	struct net_graves *graves;
	struct net_sockets *sockets;
	int watch_fd; /* changes of firewall tables */
	sd_event_source *watch;
	struct net_watch *links; /* deletions of bridges and containers' links */
	bool suspect;            /* somebody changed some table: ours must be looked at */
	char veth_prefix[12];    /* "crlv" + what tells daemons apart */
	char bridge_prefix[12];  /* "crlb" + the same */
	uint32_t next_link;      /* number in the name of the next link */
	bool swept;              /* recovery is over: the pool may fill */
};

/* --- network.c --- */
struct network *networks_lookup(struct networks *n, const char *name_or_id);
/* Adds a network that record and kernel do not have yet, and brings it up. Takes `net` on success.
 */
int networks_add(struct networks *n, struct network *net, struct crl_err *err);
int networks_remove(struct networks *n, struct network *net, struct crl_err *err);
bool network_is_bridge(const struct network *net);
void network_free(struct network *net);
size_t network_endpoints(const struct networks *n, const struct network *net);
/* A name no link has: prefix + number. */
void networks_link_name(struct networks *n, const char *prefix, char ret[IFNAMSIZ]);

/* --- network_record.c --- */
/* Durable in its file and in the database; writes nothing when both say so already. */
int network_save(struct daemon *d, const struct network *net, struct crl_err *err);
int network_forget(struct daemon *d, const struct network *net, struct crl_err *err);
/*
 * Calls cb for every network on record; it takes `net`. Damaged records are logged and set
 * aside, never a reason to fail.
 */
int network_load_all(struct daemon *d, int (*cb)(struct network *net, void *data), void *data,
		     struct crl_err *err);
/* Parses a record; IPAM is ready afterwards. */
int network_load(const char *id, const char *body, struct network **ret, struct crl_err *err);
/* Fills ipam, ipam6 and the gateways from the texts. */
int network_parse_ipam(struct network *net, struct crl_err *err);

/* bridge, macvlan, ipvlan: it hands out addresses. */
bool network_has_ipam(const struct network *net);

/* --- network_parent.c: macvlan and ipvlan --- */
/* Its containers have faces of a link of the host: no bridge, no firewall, no published ports. */
bool network_has_parent(const struct network *net);
/* At create: the driver's options, net->link. CRL_KERNEL when the kernel lacks it. */
int network_parent_options(struct networks *n, struct network *net, struct crl_err *err);
/* The parent is there (made where it is ours to make) and up; sets net->ifindex. */
int network_parent_up(struct network *net, struct crl_err *err);
/* Deletes a parent that we made. */
void network_parent_down(struct networks *n, const struct network *net);
/* What the helper makes of it: kind, mode, flags. */
void network_parent_request(const struct network *net, struct netns_request *q);
/* The way out is the link itself. */
bool network_parent_link_route(const struct network *net);

/* --- network_default.c --- */
/* Fills the network "bridge" from the settings and from what it was before. */
int network_default(struct networks *n, struct network *net, struct crl_err *err);

/* Of interfaces in containers: "eth", or what the network's option says. */
static inline const char *network_prefix(const struct network *net)
{
	return net->prefix[0] ? net->prefix : "eth";
}

/* --- network_subnets.c --- */
/* A subnet of the pools that nobody on this host uses; links named skip_link do not count. */
int network_choose_subnet(struct networks *n, const char *skip_link, struct ipam_net *ret,
			  struct crl_err *err);
int network_choose_subnet6(struct networks *n, const char *skip_link, struct ipam6_net *ret,
			   struct crl_err *err);
/* CRL_FORBIDDEN when another network has addresses of this one. */
int network_check_overlap(const struct networks *n, const struct network *net, struct crl_err *err);

/* --- network_options.c --- */
/* Fills what the driver's options say. CRL_INVALID in docker's words. */
int network_parse_options(struct network *net, struct crl_err *err);
bool network_has_ip4(const struct network *net);
bool network_has_ip6(const struct network *net);
/* What containers get as default route; false = nothing leads out. */
bool network_leads_out(const struct network *net);
bool network_leads_out6(const struct network *net);

/* --- network_host.c: what the kernel must have --- */
/* Bridge, its address and sysctls; sets net->ifindex. */
int network_link_up(struct networks *n, struct network *net, struct crl_err *err);
/* Whole firewall table from the books. */
int network_firewall(struct networks *n, bool keep_ports, struct crl_err *err);
struct nft_net network_nft(const struct network *net);
/* Re-creates what somebody else removed: the bridge, the rules. Two cheap system calls when nothing
 * is wrong. */
int network_repair(struct networks *n, struct network *net, struct crl_err *err);
/* Puts links of running containers that are there, and on no bridge or another one, on theirs. */
void network_reattach(struct networks *n, const struct network *net);

/* --- network_helper.c: the process that makes namespaces and links --- */
typedef void (*net_helper_cb)(const struct netns_reply *reply, int netns_fd /* taken */,
			      void *data);
int net_helper_new(struct daemon *d, struct net_helper **ret, struct crl_err *err);
/* Pending requests are answered with ECONNRESET. */
void net_helper_free(struct net_helper *h);
/* Sends a request now or when the helper has room; starts the helper if none runs. netns_fd is not
 * taken. */
int net_helper_submit(struct net_helper *h, const struct netns_request *req, int netns_fd,
		      net_helper_cb cb, void *data, struct crl_err *err);
/* Handles one answer, waiting for it at most 10 s: CRL_UNAVAILABLE. */
int net_helper_wait(struct net_helper *h, struct crl_err *err);

/* --- network_pool.c: ready namespaces --- */
struct net_ready {
	int netns_fd;
	uint32_t ip; /* 0 = none */
	struct ip6 ip6;
	char link[IFNAMSIZ];
	uint8_t mac[6];
};
int net_pool_new(struct networks *n, struct network *net, struct net_pool **ret,
		 struct crl_err *err);
/* Its namespaces and links vanish with their descriptors. */
void net_pool_free(struct net_pool *p);
/* A ready entry, waiting for one only when there is none; wanted 0 = any. */
int net_pool_take(struct net_pool *p, uint32_t wanted_ip, struct ip6 wanted_ip6,
		  struct net_ready *ret, struct crl_err *err);
/* Gives back one that nobody has used. */
void net_pool_return(struct net_pool *p, struct net_ready *ready);
/* The one beside it, for containers with users of their own; NULL = out of memory. */
struct net_pool *net_pool_users(struct net_pool *p);
/* Fills up when the event loop is idle. */
void net_pool_kick(struct net_pool *p);
/* Drops what is ready: the bridge it hangs on is gone. */
void net_pool_drain(struct net_pool *p);
bool net_pool_has_link(const struct net_pool *p, const char *link);

/* Drops the ready entries that have one of these addresses; net_address_take() finds them then. */
void net_pool_give_up(struct net_pool *p, uint32_t ip, struct ip6 ip6);

/* --- network_link.c: one namespace or interface, made while the caller waits --- */
struct net_link_spec {
	uint32_t wanted_ip; /* 0 = any */
	struct ip6 wanted_ip6;
	bool has_mac;
	uint8_t mac[6];
	const char *ifname;
	bool attach; /* to netns_fd, without a default route */
	bool own_users;
	int netns_fd;
};
/* Takes an address and makes the link; errors leave nothing. ret->netns_fd is -1 with `attach`. */
int net_link_make(struct networks *n, struct network *net, const struct net_link_spec *spec,
		  struct net_ready *ret, struct crl_err *err);
/* Undoes it. */
void net_link_drop(struct networks *n, struct network *net, struct net_ready *ready);
/* Sends a request and waits for its answer, at most 10 s. *ret_netns may be NULL. */
int net_helper_call(struct networks *n, const struct netns_request *req, int netns_fd,
		    int *ret_netns, struct crl_err *err);
/*
 * The addresses that the network gives: 0 becomes the next free one; another is taken as it is,
 * also when it is still with the link of an ended container. CRL_FORBIDDEN "Address already in
 * use", as with docker.
 */
int net_address_take(struct networks *n, struct network *net, uint32_t *ip, struct ip6 *ip6,
		     struct crl_err *err);
void net_address_put(struct network *net, uint32_t ip, struct ip6 ip6);
/* The address that an endpoint's link gets when nobody asked for one. */
void net_link_mac(uint32_t ip, struct ip6 ip6, uint8_t mac[6]);
/* Everything the helper must know about a link of this network, except `op` and `ifname`. */
void net_link_fill(const struct network *net, const struct net_ready *entry, bool routed,
		   struct netns_request *q);

/* --- network_sockets.c: of the name server, in namespaces that nobody uses yet --- */
/* Keeps (and takes) UDP and TCP socket of the namespace whose link this is. */
void net_sockets_put(struct networks *n, const char *link, int fds[2]);
bool net_sockets_take(struct networks *n, const char *link, int ret_fds[2]);
/* The namespace ends: they would keep it alive. */
void net_sockets_drop(struct networks *n, const char *link);
void net_sockets_free(struct networks *n);
/*
 * Opens them in a namespace that is in use: net_sockets_take() has them afterwards, by `key` in
 * place of a link's name. The first waits for the helper.
 */
int net_sockets_open(struct networks *n, const char *key, int netns_fd, struct crl_err *err);
int net_sockets_begin(struct networks *n, const char *key, int netns_fd, net_helper_cb cb,
		      void *data, struct crl_err *err);
/* All networks but the default one have a name server. */
bool network_has_dns(const struct network *net);

/* --- network_graves.c: links of ended containers --- */
struct net_graves *net_graves_new(struct networks *n);
void net_graves_free(struct net_graves *g);
/* Frees the addresses once the link is gone; deletes the link if its namespace lives on. ip 0 =
 * just the link. */
void net_graves_add(struct net_graves *g, struct network *net, uint32_t ip, struct ip6 ip6,
		    const char *link);
/* Takes an address out of its grave: it stays in use, now by the caller. false = it is in none. */
bool net_graves_claim(struct net_graves *g, const struct network *net, uint32_t ip);
bool net_graves_claim6(struct net_graves *g, const struct network *net, struct ip6 ip6);
/* A network ends: forget its addresses. */
void net_graves_forget(struct net_graves *g, const struct network *net);

/* --- network_watch.c --- */
int net_watch_new(struct networks *n, struct net_watch **ret, struct crl_err *err);
void net_watch_free(struct net_watch *w);
/* Looks soon, as if something had been deleted. */
void net_watch_look(struct net_watch *w);

/* --- network_endpoint.c --- */
struct net_attachment *net_attachment_find(const struct networks *n, const char *endpoint_id);
void net_attachment_free(struct net_attachment *a);

/* --- network_publish.c --- */
/* What `ports` means in this network: the bindings, with an address each, become ep's. */
int net_ports_copy(const struct daemon *d, const struct network *net, struct net_endpoint *ep,
		   const struct net_port *ports, size_t n, struct crl_err *err);
/* Binds the sockets that keep others away, and fills in chosen numbers. */
int net_ports_hold(struct networks *n, struct net_attachment *a, struct crl_err *err);
/* Holds the host's ports and lets the firewall send them on. */
int net_ports_publish(struct networks *n, struct net_attachment *a, struct crl_err *err);
void net_ports_unpublish(struct networks *n, struct net_attachment *a);
/* The endpoint's ports as firewall elements; the caller frees *ret. */
int net_attachment_ports(const struct net_attachment *a, struct nft_port **ret,
			 struct crl_err *err);

#endif
