/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Endpoints: a container's place in a network, from net_acquire() to
 * net_release(), and the books about them. The container's record, which
 * survives the daemon, holds the same data; net_adopt() fills the books from it.
 */
#include "network_priv.h"

#include "events.h"

#include <base/log.h>

struct net_attachment *net_attachment_find(const struct networks *n, const char *endpoint_id)
{
	for (size_t i = 0; i < n->n_attachments; i++)
		if (str_eq(n->attachments[i]->ep.id, endpoint_id))
			return n->attachments[i];
	return NULL;
}

void net_attachment_free(struct net_attachment *a)
{
	if (!a)
		return;
	for (size_t i = 0; a->holds && i < a->ep.n_ports; i++)
		cleanup_close_p(&a->holds[i]);
	free(a->holds);
	net_endpoint_clear(&a->ep);
	free(a);
}
DEFINE_CLEANUP(struct net_attachment *, net_attachment_free)

static int endpoint_register(struct networks *n, struct net_attachment *a, struct crl_err *err)
{
	struct net_attachment **more =
		realloc(n->attachments, (n->n_attachments + 1) * sizeof(*more));

	if (!more)
		return crl_fail_oom(err);
	n->attachments = more;
	n->attachments[n->n_attachments++] = a;
	return 0;
}

static void endpoint_unregister(struct networks *n, const struct net_attachment *a)
{
	for (size_t i = 0; i < n->n_attachments; i++) {
		if (n->attachments[i] != a)
			continue;
		n->attachments[i] = n->attachments[--n->n_attachments];
		return;
	}
}

static void endpoint_event(struct daemon *d, const struct net_attachment *a, const char *action)
{
	struct strmap attributes = {0};

	strmap_set(&attributes, "container", a->ep.container_id);
	strmap_set(&attributes, "name", a->network->name);
	strmap_set(&attributes, "type", a->network->driver);
	events_publish(d, "network", action, a->network->id, &attributes);
	strmap_free(&attributes);
}

/* The books' own copy of what the caller gets, without the descriptor. */
static int endpoint_copy(const struct net_endpoint *from, struct net_endpoint *to,
			 struct crl_err *err)
{
	*to = *from;
	to->netns_fd = -1;
	to->network = strdup(from->network);
	to->driver = strdup(from->driver);
	to->aliases = strv_copy(from->aliases);
	to->dns_names = strv_copy(from->dns_names);
	to->links = strv_copy(from->links);
	to->ports = calloc(from->n_ports + 1, sizeof(*to->ports));
	if (!to->network || !to->driver || !to->ports || (from->aliases && !to->aliases) ||
	    (from->dns_names && !to->dns_names) || (from->links && !to->links)) {
		net_endpoint_clear(to);
		return crl_fail_oom(err);
	}
	if (from->n_ports)
		memcpy(to->ports, from->ports, from->n_ports * sizeof(*to->ports));
	return 0;
}

struct wanted { /* addresses that the request names; 0 = any */
	uint32_t ip;
	struct ip6 ip6;
};

/* Docker's rules: not on the default network, and only in a subnet that the user chose. */
static int endpoint_wanted(struct networks *n, const struct network *net,
			   const struct net_request *req, struct wanted *ret, struct crl_err *err)
{
	bool four = !str_empty(req->wanted_ip), six = !str_empty(req->wanted_ip6);

	*ret = (struct wanted){0};
	if ((four || six) && str_eq(net->name, "bridge"))
		return crl_fail(err, CRL_INVALID,
				"user specified IP address is supported on user defined networks "
				"only");
	if (four && !ipam_parse_ip(req->wanted_ip, &ret->ip))
		return crl_fail(err, CRL_INVALID, "invalid IPv4 address: %s", req->wanted_ip);
	if (six && !ip6_parse(req->wanted_ip6, &ret->ip6))
		return crl_fail(err, CRL_INVALID, "invalid IPv6 address: %s", req->wanted_ip6);
	return net_check_addresses(n->d, net->id, req->wanted_ip, req->wanted_ip6, err);
}

static int endpoint_begin(struct networks *n, const struct net_request *req,
			  struct network **ret_net, struct wanted *ret, struct crl_err *err)
{
	struct network *net = networks_lookup(n, req->network);

	if (!net)
		return crl_fail(err, CRL_NOT_FOUND, "network %s not found", req->network);
	if (endpoint_wanted(n, net, req, ret, err) < 0)
		return -1;
	*ret_net = net;
	return network_has_ipam(net) ? network_repair(n, net, err) : 0;
}

static void endpoint_describe(struct net_attachment *a, const struct net_ready *r)
{
	const struct network *net = a->network;
	struct net_endpoint *ep = &a->ep;

	ident_random(ep->id);
	snprintf(ep->network_id, sizeof(ep->network_id), "%s", net->id);
	a->ip = r->ip;
	a->ip6 = r->ip6;
	if (a->ip)
		ipam_format_ip(a->ip, ep->ip);
	if (network_leads_out(net) && network_parent_link_route(net))
		snprintf(ep->gateway, sizeof(ep->gateway), "%s", NET_LINK_ROUTE);
	else if (network_leads_out(net))
		ipam_format_ip(net->route, ep->gateway);
	ep->prefix_len = net->ipam.subnet.prefix_len;
	if (!ip6_is_zero(a->ip6))
		ip6_format(a->ip6, ep->ip6);
	if (network_leads_out6(net))
		ip6_format(net->route6, ep->gateway6);
	ep->prefix6 = net->ipam6.subnet.prefix_len;
	snprintf(ep->mac, sizeof(ep->mac), "%02x:%02x:%02x:%02x:%02x:%02x", r->mac[0], r->mac[1],
		 r->mac[2], r->mac[3], r->mac[4], r->mac[5]);
	if (str_eq(net->driver, "ipvlan"))
		ep->mac[0] = '\0'; /* it has its parent's */
	snprintf(ep->link, sizeof(ep->link), "%s", r->link);
}

static int endpoint_publish_named(struct networks *n, struct net_attachment *a, const char *name,
				  struct crl_err *err)
{
	if (net_ports_publish(n, a, err) == 0)
		return 0;
	return crl_context(err,
			   "driver failed programming external connectivity on endpoint %s (%s)",
			   name ? name : "", a->ep.id);
}

static int endpoint_finish(struct networks *n, struct net_attachment *a,
			   const struct net_request *req, struct net_endpoint *ret,
			   struct crl_err *err)
{
	struct net_endpoint copy;

	if (endpoint_publish_named(n, a, req->container_name, err) < 0)
		return -1;
	if (endpoint_copy(&a->ep, &copy, err) < 0)
		return -1;
	if (endpoint_register(n, a, err) < 0) {
		net_ports_unpublish(n, a);
		net_endpoint_clear(&copy);
		return -1;
	}
	*ret = copy;
	return 0;
}

static int endpoint_copy_request(struct net_endpoint *ep, const struct net_request *req,
				 const struct network *net, struct crl_err *err)
{
	snprintf(ep->container_id, sizeof(ep->container_id), "%s",
		 req->container_id ? req->container_id : "");
	if (str_empty(req->ifname))
		snprintf(ep->ifname, sizeof(ep->ifname), "%s0", network_prefix(net));
	else
		snprintf(ep->ifname, sizeof(ep->ifname), "%s", req->ifname);
	ep->gw_priority = req->gw_priority;
	ep->network = strdup(net->name);
	ep->driver = strdup(net->driver);
	ep->aliases = strv_copy(req->aliases);
	ep->dns_names = strv_copy(req->dns_names);
	ep->links = strv_copy(req->links);
	if (!ep->network || !ep->driver || (req->aliases && !ep->aliases) ||
	    (req->dns_names && !ep->dns_names) || (req->links && !ep->links))
		return crl_fail_oom(err);
	return 0;
}

/*
 * A ready namespace of a pool will do: it has one interface, eth0, with the usual address. NULL =
 * it will not.
 */
static struct net_pool *endpoint_pool(const struct network *net, const struct net_request *req,
				      const char *ifname, const struct wanted *wanted)
{
	char usual[IFNAMSIZ];

	snprintf(usual, sizeof(usual), "%s0", network_prefix(net));
	if (!net->pool || req->attach || !str_empty(req->mac) || !str_eq(ifname, usual))
		return NULL;
	if (!req->own_users)
		return net->pool;
	return wanted->ip || !ip6_is_zero(wanted->ip6) ? NULL : net_pool_users(net->pool);
}

static int endpoint_make(struct networks *n, struct network *net, const struct net_request *req,
			 const char *ifname, const struct wanted *wanted, struct net_ready *ret,
			 struct crl_err *err)
{
	struct net_link_spec spec = {.wanted_ip = wanted->ip,
				     .wanted_ip6 = wanted->ip6,
				     .ifname = ifname,
				     .attach = req->attach,
				     .own_users = req->own_users,
				     .netns_fd = req->netns_fd};

	if (!str_empty(req->mac) && str_eq(net->driver, "ipvlan"))
		return crl_fail(err, CRL_INVALID,
				"ipvlan interfaces do not support custom mac address assignment");
	if (!str_empty(req->mac) && !net_mac_parse(req->mac, spec.mac))
		return crl_fail(err, CRL_INVALID, "invalid MAC address %s", req->mac);
	spec.has_mac = !str_empty(req->mac);
	return net_link_make(n, net, &spec, ret, err);
}

/* host and none: an entry in the books, so that inspect and events know who is there. */
static int endpoint_presence(struct networks *n, struct net_attachment *a, struct net_endpoint *ret,
			     struct crl_err *err)
{
	struct net_endpoint copy;

	ident_random(a->ep.id);
	snprintf(a->ep.network_id, sizeof(a->ep.network_id), "%s", a->network->id);
	a->ep.ifname[0] = '\0';
	if (endpoint_copy(&a->ep, &copy, err) < 0)
		return -1;
	if (endpoint_register(n, a, err) < 0) {
		net_endpoint_clear(&copy);
		return -1;
	}
	*ret = copy;
	return 0;
}

int net_acquire(struct daemon *d, const struct net_request *req, struct net_endpoint *ret,
		struct crl_err *err)
{
	_cleanup_(net_attachment_free_p) struct net_attachment *a = calloc(1, sizeof(*a));
	struct networks *n = d->networks;
	struct net_ready ready;
	struct wanted wanted;

	if (!a)
		return crl_fail_oom(err);
	a->ep.netns_fd = -1;
	if (endpoint_begin(n, req, &a->network, &wanted, err) < 0)
		return -1;
	if (endpoint_copy_request(&a->ep, req, a->network, err) < 0)
		return -1;
	if (!network_has_ipam(a->network)) {
		if (endpoint_presence(n, a, ret, err) < 0)
			return -1;
		endpoint_event(d, take_ptr(a), "connect");
		return 0;
	}
	if (net_ports_copy(d, a->network, &a->ep, req->ports, req->n_ports, err) < 0)
		return -1;
	struct net_pool *pool = endpoint_pool(a->network, req, a->ep.ifname, &wanted);
	if ((pool ? net_pool_take(pool, wanted.ip, wanted.ip6, &ready, err)
		  : endpoint_make(n, a->network, req, a->ep.ifname, &wanted, &ready, err)) < 0)
		return -1;
	endpoint_describe(a, &ready);
	if (endpoint_finish(n, a, req, ret, err) < 0) {
		if (pool)
			net_pool_return(pool, &ready);
		else
			net_link_drop(n, a->network, &ready);
		return -1;
	}
	ret->netns_fd = ready.netns_fd;
	if (a->network->pool)
		net_pool_kick(a->network->pool);
	endpoint_event(d, take_ptr(a), "connect");
	return 0;
}

void net_release(struct daemon *d, struct net_endpoint *ep)
{
	struct networks *n = d->networks;
	struct net_attachment *a = net_attachment_find(n, ep->id);

	if (a) {
		endpoint_unregister(n, a);
		net_ports_unpublish(n, a);
		if (a->ep.link[0])
			net_graves_add(n->graves, a->network, a->ip, a->ip6, a->ep.link);
		endpoint_event(d, a, "disconnect");
		net_attachment_free(a);
	}
	net_endpoint_clear(ep);
}

void net_detach(struct daemon *d, struct net_endpoint *ep, int netns_fd)
{
	struct crl_err err = CRL_ERR_INIT;

	if (ep->ifname[0] && net_delete_interface(d, netns_fd, ep->ifname, &err) < 0)
		log_warn("delete interface", "container", ep->container_id, "error", err.msg, NULL);
	net_release(d, ep);
}

/* Tells the caller's copy what the books say. */
static int endpoint_share_ports(struct net_attachment *a, struct net_endpoint *ep,
				struct crl_err *err)
{
	struct net_port *copy = calloc(a->ep.n_ports + 1, sizeof(*copy));

	if (!copy)
		return crl_fail_oom(err);
	if (a->ep.n_ports)
		memcpy(copy, a->ep.ports, a->ep.n_ports * sizeof(*copy));
	free(ep->ports);
	ep->ports = copy;
	ep->n_ports = a->ep.n_ports;
	return 0;
}

static void endpoint_forget_ports(struct net_attachment *a)
{
	for (size_t i = 0; a->holds && i < a->ep.n_ports; i++)
		cleanup_close_p(&a->holds[i]);
	free(take_ptr(a->holds));
	free(take_ptr(a->ep.ports));
	a->ep.n_ports = 0;
}

int net_publish(struct daemon *d, struct net_endpoint *ep, const char *name,
		const struct net_port *ports, size_t n, struct crl_err *err)
{
	struct net_attachment *a = net_attachment_find(d->networks, ep->id);

	if (!a)
		return crl_fail(err, CRL_NOT_FOUND, "endpoint %s not found", ep->id);
	endpoint_forget_ports(a);
	if (net_ports_copy(d, a->network, &a->ep, ports, n, err) < 0 ||
	    endpoint_publish_named(d->networks, a, name, err) < 0) {
		endpoint_forget_ports(a);
		return -1;
	}
	if (endpoint_share_ports(a, ep, err) == 0)
		return 0;
	net_unpublish(d, ep);
	return -1;
}

void net_unpublish(struct daemon *d, struct net_endpoint *ep)
{
	struct net_attachment *a = net_attachment_find(d->networks, ep->id);

	if (a) {
		net_ports_unpublish(d->networks, a);
		endpoint_forget_ports(a);
	}
	free(take_ptr(ep->ports));
	ep->n_ports = 0;
}

int net_adopt(struct daemon *d, const struct net_endpoint *ep, struct crl_err *err)
{
	_cleanup_(net_attachment_free_p) struct net_attachment *a = calloc(1, sizeof(*a));
	struct networks *n = d->networks;
	struct crl_err held = CRL_ERR_INIT;

	if (!a)
		return crl_fail_oom(err);
	a->ep.netns_fd = -1;
	a->network = networks_lookup(n, ep->network_id);
	if (!a->network)
		return crl_fail(err, CRL_NOT_FOUND, "network %s not found", ep->network);
	if (endpoint_copy(ep, &a->ep, err) < 0)
		return -1;
	if ((ep->ip[0] && !ipam_parse_ip(ep->ip, &a->ip)) ||
	    (ep->ip6[0] && !ip6_parse(ep->ip6, &a->ip6)))
		return crl_fail(err, CRL_INVALID, "endpoint %s: address %s %s", ep->id, ep->ip,
				ep->ip6);
	if (net_address_take(n, a->network, &a->ip, &a->ip6, err) < 0 ||
	    endpoint_register(n, a, err) < 0)
		return -1;
	/* A port that somebody took while no daemon held it: the rule is still there and wins. */
	if (net_ports_hold(n, a, &held) < 0)
		log_warn("hold port", "container", a->ep.container_id, "error", held.msg, NULL);
	take_ptr(a);
	return 0;
}
