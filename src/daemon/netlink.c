/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Links, addresses and routes of the daemon's own network namespace, by libnl. See rtnetlink(7). */
#include "netlink.h"

#include <base/nlmsg.h>
#include <base/str.h>
#include <errno.h>
#include <linux/if_addr.h>
#include <net/if.h>
#include <netlink/netlink.h>
#include <netlink/route/addr.h>
#include <netlink/route/link.h>
#include <netlink/route/link/bridge.h>
#include <netlink/route/route.h>

DEFINE_CLEANUP(struct rtnl_link *, rtnl_link_put)
DEFINE_CLEANUP(struct rtnl_addr *, rtnl_addr_put)
DEFINE_CLEANUP(struct nl_addr *, nl_addr_put)
DEFINE_CLEANUP(struct nl_cache *, nl_cache_free)

struct netlink {
	struct nl_sock *sock;
};

/* libnl has error numbers of its own; those that a caller may act on become errno values. */
static int netlink_fail(struct crl_err *err, int nle, const char *what, const char *name)
{
	static const struct {
		int nle, sys;
	} map[] = {
		{NLE_NODEV, ENODEV},         {NLE_OBJ_NOTFOUND, ENODEV}, {NLE_EXIST, EEXIST},
		{NLE_PERM, EPERM},           {NLE_NOMEM, ENOMEM},        {NLE_BUSY, EBUSY},
		{NLE_OPNOTSUPP, EOPNOTSUPP}, {NLE_AGAIN, EAGAIN},
	};

	for (size_t i = 0; i < ARRAY_SIZE(map); i++)
		if (map[i].nle == abs(nle))
			return crl_fail_sys(err, map[i].sys, "%s %s", what, name);
	return crl_fail(err, CRL_KERNEL, "%s %s: %s", what, name, nl_geterror(nle));
}

int netlink_open(struct netlink **ret, struct crl_err *err)
{
	struct netlink *nl = calloc(1, sizeof(*nl));
	int r;

	if (!nl || !(nl->sock = nl_socket_alloc())) {
		free(nl);
		return crl_fail_oom(err);
	}
	r = nl_connect(nl->sock, NETLINK_ROUTE);
	if (r < 0) {
		netlink_close(nl);
		return netlink_fail(err, r, "netlink", "socket");
	}
	*ret = nl;
	return 0;
}

void netlink_close(struct netlink *nl)
{
	if (!nl)
		return;
	nl_socket_free(nl->sock);
	free(nl);
}

struct taken {
	struct ipam_net *nets;
	struct ipam6_net *nets6;
	size_t n, n6;
	bool failed;
	unsigned skip;
};

static void taken_add6(struct taken *t, struct nl_addr *a)
{
	const uint8_t *b = nl_addr_get_binary_addr(a);

	if (nl_addr_get_prefixlen(a) == 0 || nl_addr_get_len(a) != 16 || b[0] >= 0xfe)
		return;
	struct ipam6_net *more = realloc(t->nets6, (t->n6 + 1) * sizeof(*more));
	if (!more) {
		t->failed = true;
		return;
	}
	t->nets6 = more;
	t->nets6[t->n6++] =
		(struct ipam6_net){ip6_from_bytes(b), (uint8_t)nl_addr_get_prefixlen(a)};
}

static void taken_add(struct taken *t, struct nl_addr *a)
{
	if (a && nl_addr_get_family(a) == AF_INET6)
		taken_add6(t, a);
	if (!a || nl_addr_get_family(a) != AF_INET || nl_addr_get_len(a) != 4 ||
	    nl_addr_get_prefixlen(a) == 0)
		return;
	struct ipam_net *more = realloc(t->nets, (t->n + 1) * sizeof(*more));
	if (!more) {
		t->failed = true;
		return;
	}
	t->nets = more;
	const uint8_t *b = nl_addr_get_binary_addr(a);
	t->nets[t->n++] = (struct ipam_net){
		.addr = (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3],
		.prefix_len = (uint8_t)nl_addr_get_prefixlen(a),
	};
}

static void taken_addr(struct nl_object *o, void *data)
{
	struct rtnl_addr *a = (void *)o;
	struct taken *t = data;

	if ((unsigned)rtnl_addr_get_ifindex(a) != t->skip)
		taken_add(t, rtnl_addr_get_local(a));
}

static void taken_route(struct nl_object *o, void *data)
{
	struct rtnl_route *route = (void *)o;
	struct rtnl_nexthop *hop = rtnl_route_nexthop_n(route, 0);
	struct taken *t = data;

	if (!hop || t->skip == 0 || (unsigned)rtnl_route_nh_get_ifindex(hop) != t->skip)
		taken_add(t, rtnl_route_get_dst(route));
}

static int taken_list(struct netlink *nl, const char *skip, int family, struct taken *t,
		      struct crl_err *err)
{
	_cleanup_(nl_cache_free_p) struct nl_cache *addrs = NULL, *routes = NULL;
	int r = rtnl_addr_alloc_cache(nl->sock, &addrs);

	t->skip = skip ? if_nametoindex(skip) : 0;
	if (r < 0)
		return netlink_fail(err, r, "list", "addresses");
	r = rtnl_route_alloc_cache(nl->sock, family, 0, &routes);
	if (r < 0)
		return netlink_fail(err, r, "list", "routes");
	nl_cache_foreach(addrs, taken_addr, t);
	nl_cache_foreach(routes, taken_route, t);
	return t->failed ? crl_fail_oom(err) : 0;
}

int netlink_taken(struct netlink *nl, const char *skip, struct ipam_net **ret, size_t *ret_n,
		  struct crl_err *err)
{
	struct taken t = {0};
	int r = taken_list(nl, skip, AF_INET, &t, err);

	free(t.nets6);
	if (r < 0) {
		free(t.nets);
		return -1;
	}
	*ret = t.nets;
	*ret_n = t.n;
	return 0;
}

int netlink_taken6(struct netlink *nl, const char *skip, struct ipam6_net **ret, size_t *ret_n,
		   struct crl_err *err)
{
	struct taken t = {0};
	int r = taken_list(nl, skip, AF_INET6, &t, err);

	free(t.nets);
	if (r < 0) {
		free(t.nets6);
		return -1;
	}
	*ret = t.nets6;
	*ret_n = t.n6;
	return 0;
}

static int netlink_link(struct netlink *nl, const char *name, struct rtnl_link **ret,
			struct crl_err *err)
{
	int r = rtnl_link_get_kernel(nl->sock, 0, name, ret);

	return r < 0 ? netlink_fail(err, r, "link", name) : 0;
}

/*
 * A MAC of its own: without one a bridge takes that of some port and changes it with every
 * container. Made of the name, so that a bridge that is made again is the one that
 * containers know.
 */
static int netlink_bridge_mac(struct rtnl_link *link, const char *name)
{
	uint32_t hash = 0x811c9dc5;

	for (const char *p = name; *p; p++)
		hash = (hash ^ (uint8_t)*p) * 0x01000193;
	uint8_t mac[6] = {0x02,
			  0x42,
			  (uint8_t)(hash >> 24),
			  (uint8_t)(hash >> 16),
			  (uint8_t)(hash >> 8),
			  (uint8_t)hash};
	_cleanup_(nl_addr_put_p) struct nl_addr *a = nl_addr_build(AF_LLC, mac, sizeof(mac));

	if (!a)
		return -NLE_NOMEM;
	rtnl_link_set_addr(link, a);
	return 0;
}

static int netlink_bridge_create(struct netlink *nl, const char *name, unsigned mtu,
				 struct crl_err *err)
{
	_cleanup_(rtnl_link_put_p) struct rtnl_link *link = rtnl_link_bridge_alloc();

	if (!link || netlink_bridge_mac(link, name) < 0)
		return crl_fail_oom(err);
	rtnl_link_set_name(link, name);
	if (mtu)
		rtnl_link_set_mtu(link, mtu);
	int r = rtnl_link_add(nl->sock, link, NLM_F_CREATE | NLM_F_EXCL);
	return r < 0 ? netlink_fail(err, r, "create bridge", name) : 0;
}

static int netlink_add_address(struct netlink *nl, const char *name, struct nl_addr *local,
			       struct nl_addr *broadcast, struct crl_err *err)
{
	_cleanup_(rtnl_addr_put_p) struct rtnl_addr *a = rtnl_addr_alloc();

	if (!a)
		return crl_fail_oom(err);
	rtnl_addr_set_ifindex(a, (int)if_nametoindex(name));
	if (rtnl_addr_set_local(a, local) < 0 ||
	    (broadcast && rtnl_addr_set_broadcast(a, broadcast) < 0))
		return crl_fail_oom(err);
	/* The subnet is ours: nobody to detect as a duplicate, and a tentative address is none. */
	if (nl_addr_get_family(local) == AF_INET6)
		rtnl_addr_set_flags(a, IFA_F_NODAD);
	int r = rtnl_addr_add(nl->sock, a, NLM_F_EXCL);
	return r < 0 && r != -NLE_EXIST ? netlink_fail(err, r, "address of", name) : 0;
}

int netlink_address(struct netlink *nl, const char *name, struct ipam_net net, struct crl_err *err)
{
	uint8_t b[4] = {(uint8_t)(net.addr >> 24), (uint8_t)(net.addr >> 16),
			(uint8_t)(net.addr >> 8), (uint8_t)net.addr};
	uint32_t last = net.addr | ~ipam_mask(net.prefix_len);
	uint8_t c[4] = {(uint8_t)(last >> 24), (uint8_t)(last >> 16), (uint8_t)(last >> 8),
			(uint8_t)last};
	_cleanup_(nl_addr_put_p) struct nl_addr *local = nl_addr_build(AF_INET, b, 4);
	_cleanup_(nl_addr_put_p) struct nl_addr *broadcast = nl_addr_build(AF_INET, c, 4);

	if (!local || !broadcast)
		return crl_fail_oom(err);
	nl_addr_set_prefixlen(local, net.prefix_len);
	return netlink_add_address(nl, name, local, broadcast, err);
}

int netlink_address6(struct netlink *nl, const char *name, struct ipam6_net net,
		     struct crl_err *err)
{
	uint8_t b[16];

	ip6_to_bytes(net.addr, b);
	_cleanup_(nl_addr_put_p) struct nl_addr *local = nl_addr_build(AF_INET6, b, 16);
	if (!local)
		return crl_fail_oom(err);
	nl_addr_set_prefixlen(local, net.prefix_len);
	return netlink_add_address(nl, name, local, NULL, err);
}

static int netlink_change(struct netlink *nl, const char *name, unsigned flags, unsigned master,
			  struct crl_err *err)
{
	_cleanup_(rtnl_link_put_p) struct rtnl_link *old = NULL, *change = rtnl_link_alloc();

	if (!change)
		return crl_fail_oom(err);
	if (netlink_link(nl, name, &old, err) < 0)
		return -1;
	if (flags)
		rtnl_link_set_flags(change, flags);
	if (master)
		rtnl_link_set_master(change, (int)master);
	int r = rtnl_link_change(nl->sock, old, change, 0);
	return r < 0 ? netlink_fail(err, r, "change link", name) : 0;
}

int netlink_bridge_ensure(struct netlink *nl, const char *name, unsigned mtu, unsigned *ret_index,
			  struct crl_err *err)
{
	_cleanup_(rtnl_link_put_p) struct rtnl_link *link = NULL;

	if (if_nametoindex(name) == 0 && netlink_bridge_create(nl, name, mtu, err) < 0)
		return -1;
	if (netlink_link(nl, name, &link, err) < 0)
		return -1;
	if (!str_eq(rtnl_link_get_type(link), "bridge"))
		return crl_fail(err, CRL_CONFLICT, "link %s exists and is not a bridge", name);
	*ret_index = (unsigned)rtnl_link_get_ifindex(link);
	return 0;
}

int netlink_set_up(struct netlink *nl, const char *name, struct crl_err *err)
{
	return netlink_change(nl, name, IFF_UP, 0, err);
}

int netlink_delete(struct netlink *nl, const char *name, struct crl_err *err)
{
	_cleanup_(rtnl_link_put_p) struct rtnl_link *link = rtnl_link_alloc();

	if (!link)
		return crl_fail_oom(err);
	rtnl_link_set_name(link, name);
	int r = rtnl_link_delete(nl->sock, link);
	if (r == -NLE_NODEV || r == -NLE_OBJ_NOTFOUND)
		r = 0;
	return r < 0 ? netlink_fail(err, r, "delete link", name) : 0;
}

int netlink_set_master(struct netlink *nl, const char *name, unsigned bridge, struct crl_err *err)
{
	return netlink_change(nl, name, IFF_UP, bridge, err);
}

unsigned netlink_master(struct netlink *nl, const char *name)
{
	_cleanup_(rtnl_link_put_p) struct rtnl_link *link = NULL;
	struct crl_err ignored;

	return netlink_link(nl, name, &link, &ignored) < 0 ? 0
							   : (unsigned)rtnl_link_get_master(link);
}

int netlink_bridge_port(const char *name, bool isolated, struct crl_err *err)
{
	_cleanup_close_ int sock = -1;
	struct nlmsg m = {0};

	if (nlmsg_open(&sock, err) < 0)
		return -1;
	nlmsg_bridge_port(&m, if_nametoindex(name), isolated);
	int sys = nlmsg_talk(sock, &m);
	return sys ? crl_fail_sys(err, sys, "bridge port %s", name) : 0;
}

int netlink_names(const char *prefix, char ***ret, struct crl_err *err)
{
	struct if_nameindex *all = if_nameindex();
	_cleanup_strv_ char **names = NULL;
	int r = 0;

	if (!all)
		return crl_fail_sys(err, errno, "list links");
	for (struct if_nameindex *i = all; i->if_index && r == 0; i++)
		if (str_starts(i->if_name, prefix))
			r = strv_push(&names, i->if_name);
	if_freenameindex(all);
	if (r < 0)
		return crl_fail_oom(err);
	*ret = take_ptr(names);
	return 0;
}

int netlink_stats(struct netlink *nl, const char *name, struct net_stats *ret, struct crl_err *err)
{
	_cleanup_(rtnl_link_put_p) struct rtnl_link *link = NULL;

	if (netlink_link(nl, name, &link, err) < 0)
		return -1;
	*ret = (struct net_stats){
		.rx_bytes = rtnl_link_get_stat(link, RTNL_LINK_RX_BYTES),
		.rx_packets = rtnl_link_get_stat(link, RTNL_LINK_RX_PACKETS),
		.rx_errors = rtnl_link_get_stat(link, RTNL_LINK_RX_ERRORS),
		.rx_dropped = rtnl_link_get_stat(link, RTNL_LINK_RX_DROPPED),
		.tx_bytes = rtnl_link_get_stat(link, RTNL_LINK_TX_BYTES),
		.tx_packets = rtnl_link_get_stat(link, RTNL_LINK_TX_PACKETS),
		.tx_errors = rtnl_link_get_stat(link, RTNL_LINK_TX_ERRORS),
		.tx_dropped = rtnl_link_get_stat(link, RTNL_LINK_TX_DROPPED),
	};
	return 0;
}
