/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Single requests to the network helper, waited for: an interface more in a
 * container that runs, a namespace that is not like those of the pool, routes.
 *
 * Owns nothing afterwards: what was made belongs to the endpoint.
 */
#include "network_priv.h"

#include <arpa/inet.h>
#include <base/log.h>
#include <errno.h>
#include <sys/random.h>

struct link_call {
	struct networks *n;
	char link[IFNAMSIZ];
	struct netns_reply reply;
	int netns_fd;
	bool done;
	bool abandoned; /* the caller waits no more */
};

static void link_answered(const struct netns_reply *reply, int netns_fd, void *data)
{
	struct link_call *call = data;

	if (call->abandoned) {
		if (netns_fd >= 0)
			close(netns_fd);
		net_sockets_drop(call->n, call->link);
		free(call);
		return;
	}
	call->reply = *reply;
	call->netns_fd = netns_fd;
	call->done = true;
}

int net_helper_call(struct networks *n, const struct netns_request *req, int netns_fd,
		    int *ret_netns, struct crl_err *err)
{
	struct link_call *call = calloc(1, sizeof(*call));

	if (!call)
		return crl_fail_oom(err);
	call->n = n;
	call->netns_fd = -1;
	memcpy(call->link, req->link, sizeof(call->link));
	if (net_helper_submit(n->helper, req, netns_fd, link_answered, call, err) < 0) {
		free(call);
		return -1;
	}
	while (!call->done) {
		if (net_helper_wait(n->helper, err) == 0 || call->done)
			continue;
		call->abandoned = true;
		return -1;
	}
	struct link_call got = *call;
	free(call);
	if (got.reply.sys)
		return crl_fail_sys(err, got.reply.sys, "%s", got.reply.step);
	if (ret_netns)
		*ret_netns = got.netns_fd;
	else if (got.netns_fd >= 0)
		close(got.netns_fd);
	return 0;
}

/* Docker's rule, so that a neighbour's ARP entry stays right when an address gets a new owner. */
void net_link_mac(uint32_t ip, struct ip6 ip6, uint8_t mac[6])
{
	if (ip == 0)
		ip = (uint32_t)ip6.lo;
	uint8_t m[6] = {
		0x02,       0x42, (uint8_t)(ip >> 24), (uint8_t)(ip >> 16), (uint8_t)(ip >> 8),
		(uint8_t)ip};

	memcpy(mac, m, 6);
}

/* Docker's sentence; other errors stay as they are. */
static int address_taken(struct crl_err *err)
{
	if (err->code == CRL_CONFLICT)
		return crl_fail(err, CRL_FORBIDDEN, "Address already in use");
	return -1;
}

static int address_take4(struct networks *n, struct network *net, uint32_t *ip, struct crl_err *err)
{
	if (*ip == 0)
		return ipam_take(&net->ipam, ip, err);
	if (net_graves_claim(n->graves, net, *ip) || ipam_reserve(&net->ipam, *ip, err) == 0)
		return 0;
	return address_taken(err);
}

static int address_take6(struct networks *n, struct network *net, struct ip6 *ip6,
			 struct crl_err *err)
{
	if (ip6_is_zero(*ip6))
		return ipam6_take(&net->ipam6, ip6, err);
	if (net_graves_claim6(n->graves, net, *ip6) || ipam6_reserve(&net->ipam6, *ip6, err) == 0)
		return 0;
	return address_taken(err);
}

int net_address_take(struct networks *n, struct network *net, uint32_t *ip, struct ip6 *ip6,
		     struct crl_err *err)
{
	uint32_t four = *ip;

	if (network_has_ip4(net) && address_take4(n, net, &four, err) < 0)
		return -1;
	if (network_has_ip6(net) && address_take6(n, net, ip6, err) < 0) {
		net_address_put(net, four, (struct ip6){0});
		return -1;
	}
	*ip = four;
	return 0;
}

void net_address_put(struct network *net, uint32_t ip, struct ip6 ip6)
{
	if (ip)
		ipam_put(&net->ipam, ip);
	if (!ip6_is_zero(ip6))
		ipam6_put(&net->ipam6, ip6);
}

void net_link_fill(const struct network *net, const struct net_ready *entry, bool routed,
		   struct netns_request *q)
{
	q->bridge = net->ifindex;
	q->mtu = (uint32_t)net->mtu;
	q->ip = htonl(entry->ip);
	q->prefix_len = net->ipam.subnet.prefix_len;
	if (routed && network_leads_out(net))
		q->gateway = htonl(net->route);
	q->prefix6 = net->ipam6.subnet.prefix_len;
	ip6_to_bytes(entry->ip6, q->ip6);
	if (routed && network_leads_out6(net))
		ip6_to_bytes(net->route6, q->gateway6);
	q->isolated = net->isolated;
	memcpy(q->link, entry->link, sizeof(q->link));
	memcpy(q->mac, entry->mac, sizeof(q->mac));
	if (!network_has_parent(net))
		return;
	network_parent_request(net, q);
	q->link_route = routed && network_leads_out(net) && network_parent_link_route(net);
}

static int link_request(struct networks *n, const struct network *net,
			const struct net_link_spec *spec, struct net_ready *entry, int *ret_netns,
			struct crl_err *err)
{
	struct netns_request q = {.op = spec->attach ? NETNS_ATTACH : NETNS_MAKE};

	net_link_fill(net, entry, !spec->attach, &q);
	q.own_users = spec->own_users;
	q.dns = !spec->attach && network_has_dns(net);
	snprintf(q.ifname, sizeof(q.ifname), "%s", spec->ifname);
	if (net_helper_call(n, &q, spec->attach ? spec->netns_fd : -1, ret_netns, err) < 0)
		return crl_context(err, "network %s", net->name);
	return 0;
}

/*
 * On a parent two faces may not have one address, and that of an ended container goes when the
 * kernel comes to it.
 */
static void link_random_mac(uint8_t mac[6])
{
	mac[0] = 0x02;
	mac[1] = 0x42;
	if (getrandom(mac + 2, 4, 0) != 4)
		memset(mac + 2, 0x77, 4);
}

int net_link_make(struct networks *n, struct network *net, const struct net_link_spec *spec,
		  struct net_ready *ret, struct crl_err *err)
{
	struct net_ready entry = {.netns_fd = -1, .ip = spec->wanted_ip, .ip6 = spec->wanted_ip6};

	/* A ready namespace may have the wanted address, and be of no use here. */
	if (net->pool)
		net_pool_give_up(net->pool, entry.ip, entry.ip6);
	if (net_address_take(n, net, &entry.ip, &entry.ip6, err) < 0)
		return -1;
	networks_link_name(n, n->veth_prefix, entry.link);
	if (spec->has_mac)
		memcpy(entry.mac, spec->mac, sizeof(entry.mac));
	else if (network_has_parent(net))
		link_random_mac(entry.mac);
	else
		net_link_mac(entry.ip, entry.ip6, entry.mac);
	if (link_request(n, net, spec, &entry, &entry.netns_fd, err) < 0) {
		net_link_drop(n, net, &entry);
		return -1;
	}
	*ret = entry;
	return 0;
}

static void link_deleted(const struct netns_reply *reply, int netns_fd, void *data)
{
	if (reply->sys)
		log_warn("delete link", "step", reply->step, "error", strerror(reply->sys), NULL);
}

void net_link_drop(struct networks *n, struct network *net, struct net_ready *ready)
{
	struct netns_request q = {.op = NETNS_DELETE};
	struct crl_err err = CRL_ERR_INIT;

	cleanup_close_p(&ready->netns_fd);
	ready->netns_fd = -1;
	memcpy(q.link, ready->link, sizeof(q.link));
	if (net_helper_submit(n->helper, &q, -1, link_deleted, NULL, &err) < 0)
		log_warn("delete link", "link", ready->link, "error", err.msg, NULL);
	net_graves_add(n->graves, net, ready->ip, ready->ip6, ready->link);
}

int net_route(struct daemon *d, int netns_fd, const struct net_endpoint *gateway,
	      struct crl_err *err)
{
	struct netns_request q = {.op = NETNS_ROUTE};
	struct ip6 ip6 = {0};
	uint32_t ip = 0;

	if (gateway) {
		snprintf(q.ifname, sizeof(q.ifname), "%s", gateway->ifname);
		q.link_route = str_eq(gateway->gateway, NET_LINK_ROUTE);
		if (gateway->gateway[0] && !ipam_parse_ip(gateway->gateway, &ip))
			return crl_fail(err, CRL_INVALID, "gateway %s", gateway->gateway);
		if (gateway->gateway6[0] && !ip6_parse(gateway->gateway6, &ip6))
			return crl_fail(err, CRL_INVALID, "gateway %s", gateway->gateway6);
	}
	q.gateway = htonl(ip);
	ip6_to_bytes(ip6, q.gateway6);
	return net_helper_call(d->networks, &q, netns_fd, NULL, err);
}

int net_reattach(struct daemon *d, const struct net_endpoint *ep, int netns_fd, bool routed,
		 struct crl_err *err)
{
	const struct net_attachment *a = net_attachment_find(d->networks, ep->id);
	struct netns_request q = {.op = NETNS_ATTACH};
	struct net_ready entry = {.netns_fd = -1};

	if (!a || !network_is_bridge(a->network))
		return crl_fail(err, CRL_NOT_FOUND, "endpoint %s not found", ep->id);
	if (network_repair(d->networks, a->network, err) < 0)
		return -1;
	entry.ip = a->ip;
	entry.ip6 = a->ip6;
	memcpy(entry.link, a->ep.link, sizeof(entry.link));
	if (!net_mac_parse(a->ep.mac, entry.mac))
		net_link_mac(a->ip, a->ip6, entry.mac);
	net_link_fill(a->network, &entry, routed, &q);
	snprintf(q.ifname, sizeof(q.ifname), "%s", a->ep.ifname);
	if (net_helper_call(d->networks, &q, netns_fd, NULL, err) < 0)
		return crl_context(err, "network %s", a->network->name);
	return 0;
}

int net_delete_interface(struct daemon *d, int netns_fd, const char *ifname, struct crl_err *err)
{
	struct netns_request q = {.op = NETNS_DETACH};

	snprintf(q.ifname, sizeof(q.ifname), "%s", ifname);
	return net_helper_call(d->networks, &q, netns_fd, NULL, err);
}

static int no_such_subnet(const char *address, struct crl_err *err)
{
	return crl_fail(err, CRL_INVALID,
			"no configured subnet or ip-range contain the IP address %s", address);
}

int net_check_addresses(struct daemon *d, const char *network, const char *ip, const char *ip6,
			struct crl_err *err)
{
	const struct network *net = networks_lookup(d->networks, network);
	bool four, six;
	struct ip6 address6 = {0};
	uint32_t address = 0;

	if (!net || (!network_has_ip4(net) && !network_has_ip6(net)))
		return 0;
	four = !str_empty(ip) && ipam_parse_ip(ip, &address);
	six = !str_empty(ip6) && ip6_parse(ip6, &address6);
	if ((four && net->auto_subnet) || (six && net->auto_subnet6))
		return crl_fail(err, CRL_INVALID,
				"user specified IP address is supported only when connecting to "
				"networks with user configured subnets");
	if (four && (!network_has_ip4(net) || !ipam_contains(net->ipam.subnet, address)))
		return no_such_subnet(ip, err);
	if (six && (!network_has_ip6(net) || !ip6_contains(net->ipam6.subnet, address6)))
		return no_such_subnet(ip6, err);
	return 0;
}

const char *net_ifname_prefix(const struct daemon *d, const char *network)
{
	const struct network *net = network ? networks_lookup(d->networks, network) : NULL;

	return net ? network_prefix(net) : "eth";
}

int net_set_names(struct daemon *d, struct net_endpoint *ep, char *const *names,
		  struct crl_err *err)
{
	struct net_attachment *a = net_attachment_find(d->networks, ep->id);
	char **mine = strv_copy(names), **books = strv_copy(names);

	if (names && (!mine || !books)) {
		strv_free(mine);
		strv_free(books);
		return crl_fail_oom(err);
	}
	strv_free(ep->dns_names);
	ep->dns_names = mine;
	if (!a) {
		strv_free(books);
		return 0;
	}
	strv_free(a->ep.dns_names);
	a->ep.dns_names = books;
	return 0;
}

int net_release_gone(struct daemon *d, const char *network, const char *container,
		     struct crl_err *err)
{
	const struct network *net = networks_lookup(d->networks, network);
	const struct networks *n = d->networks;

	if (!net)
		return crl_fail(err, CRL_NOT_FOUND, "network %s not found", network);
	for (size_t i = 0; i < n->n_attachments; i++) {
		struct net_endpoint copy = {.netns_fd = -1};
		const struct net_attachment *a = n->attachments[i];
		if (a->network != net || !str_eq(a->ep.container_id, container))
			continue;
		memcpy(copy.id, a->ep.id, sizeof(copy.id));
		net_release(d, &copy);
		return 0;
	}
	return crl_fail(err, CRL_NOT_FOUND, "endpoint %s not found", container);
}
