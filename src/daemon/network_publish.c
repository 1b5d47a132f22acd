/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Published ports of an endpoint: which host addresses a request means, the
 * sockets that hold them, the elements in the firewall's maps.
 *
 * May not decide who has a port: the bound socket does (ports.c).
 */
#include "network_priv.h"

#include "ports.h"

#include <base/log.h>
#include <errno.h>

#define PAIR_TRIES 50

static bool publish_any_address(const char *host_ip)
{
	return str_empty(host_ip) || str_eq(host_ip, "0.0.0.0") || str_eq(host_ip, "::");
}

/* In a routed network the container's own port is what is opened; the host's stays free. */
static bool publish_is_routed(const struct network *net, const struct net_port *p)
{
	return (strchr(p->host_ip, ':') ? net->mode6 : net->mode) == NFT_MODE_ROUTED;
}

static int publish_element(const struct net_attachment *a, const struct net_port *p,
			   struct nft_port *o, struct crl_err *err)
{
	memcpy(o->proto, p->proto, sizeof(o->proto));
	o->six = strchr(p->host_ip, ':') != NULL;
	o->routed = publish_is_routed(a->network, p);
	o->host_port = p->host_port;
	o->to_ip = a->ip;
	o->to_ip6 = a->ip6;
	o->to_port = p->container_port;
	if (publish_any_address(p->host_ip))
		return 0;
	if (o->six ? ip6_parse(p->host_ip, &o->host_ip6) : ipam_parse_ip(p->host_ip, &o->host_ip))
		return 0;
	return crl_fail(err, CRL_INVALID, "invalid host address %s", p->host_ip);
}

int net_attachment_ports(const struct net_attachment *a, struct nft_port **ret, struct crl_err *err)
{
	struct nft_port *out = calloc(a->ep.n_ports + 1, sizeof(*out));

	if (!out)
		return crl_fail_oom(err);
	for (size_t i = 0; i < a->ep.n_ports; i++) {
		if (publish_element(a, &a->ep.ports[i], &out[i], err) == 0)
			continue;
		free(out);
		return -1;
	}
	*ret = out;
	return 0;
}

/* --- what a request means --- */

/* Whether the other family serves the same port of the container: then this one may be missing. */
static bool publish_has_other(const struct net_port *ports, size_t n, const struct net_port *p,
			      bool six)
{
	for (size_t i = 0; i < n; i++)
		if (ports[i].container_port == p->container_port &&
		    str_eq(ports[i].proto, p->proto) &&
		    (str_empty(ports[i].host_ip) || (strchr(ports[i].host_ip, ':') != NULL) != six))
			return true;
	return false;
}

/* Adds one binding with this address to the endpoint; nothing when the network lacks the family. */
static int publish_add(const struct network *net, struct net_endpoint *ep,
		       const struct net_port *ports, size_t n, const struct net_port *asked,
		       const char *host_ip, struct crl_err *err)
{
	bool six = strchr(host_ip, ':') != NULL;
	struct net_port *p = &ep->ports[ep->n_ports];

	if (six ? !network_has_ip6(net) : !network_has_ip4(net)) {
		if (publish_any_address(host_ip) && publish_has_other(ports, n, asked, six))
			return 0;
		return crl_fail(err, CRL_INVALID,
				"cannot publish port %u/%s on %s: network %s has no IPv%d",
				asked->container_port, asked->proto, host_ip, net->name,
				six ? 6 : 4);
	}
	/* The kernel drops what comes back for ::1 from anywhere but lo. */
	if (str_eq(host_ip, "::1"))
		return crl_fail(
			err, CRL_INVALID,
			"cannot publish port %u/%s on ::1: the IPv6 loopback address cannot "
			"be routed, use 127.0.0.1",
			asked->container_port, asked->proto);
	*p = *asked;
	snprintf(p->host_ip, sizeof(p->host_ip), "%s", host_ip);
	if (publish_is_routed(net, p))
		p->host_port = p->host_port_end = 0;
	ep->n_ports++;
	return 0;
}

/* Without an address: the network's, the daemon's, or all of both families. */
static int publish_add_default(const struct daemon *d, const struct network *net,
			       struct net_endpoint *ep, const struct net_port *asked,
			       struct crl_err *err)
{
	const char *fallback = net->host_ip;

	if (str_empty(fallback) && !str_empty(d->config.default_publish_ip))
		fallback = d->config.default_publish_ip;
	if (!str_empty(fallback) && !publish_any_address(fallback))
		return publish_add(net, ep, asked, 1, asked, fallback, err);
	if (network_has_ip4(net) && publish_add(net, ep, asked, 1, asked, "0.0.0.0", err) < 0)
		return -1;
	/* "0.0.0.0" as the default means what it says; only no default means both. */
	if (network_has_ip6(net) && !str_eq(fallback, "0.0.0.0"))
		return publish_add(net, ep, asked, 1, asked, "::", err);
	return 0;
}

int net_ports_copy(const struct daemon *d, const struct network *net, struct net_endpoint *ep,
		   const struct net_port *ports, size_t n, struct crl_err *err)
{
	/* macvlan and ipvlan are on the wire themselves: docker publishes nothing there, and says
	 * nothing. */
	if (!network_is_bridge(net))
		n = 0;
	ep->ports = calloc(2 * n + 1, sizeof(*ep->ports));
	ep->n_ports = 0;
	if (!ep->ports)
		return crl_fail_oom(err);
	for (size_t i = 0; i < n; i++) {
		const struct net_port *p = &ports[i];
		if (!str_eq(p->proto, "tcp") && !str_eq(p->proto, "udp") &&
		    !str_eq(p->proto, "sctp"))
			return crl_fail(err, CRL_INVALID, "invalid proto: %s", p->proto);
		if ((str_empty(p->host_ip)
			     ? publish_add_default(d, net, ep, p, err)
			     : publish_add(net, ep, ports, n, p, p->host_ip, err)) < 0)
			return -1;
	}
	return 0;
}

/* --- holding --- */

static bool publish_meet(const struct net_port *a, const struct net_port *b)
{
	if (a->host_port != b->host_port || !str_eq(a->proto, b->proto) ||
	    (strchr(a->host_ip, ':') != NULL) != (strchr(b->host_ip, ':') != NULL))
		return false;
	return publish_any_address(a->host_ip) || publish_any_address(b->host_ip) ||
	       str_eq(a->host_ip, b->host_ip);
}

/* Docker has another sentence for a port that one of its own containers has. */
static bool publish_is_ours(const struct networks *n, const struct net_port *p)
{
	for (size_t i = 0; i < n->n_attachments; i++)
		for (size_t k = 0; k < n->attachments[i]->ep.n_ports; k++)
			if (publish_meet(&n->attachments[i]->ep.ports[k], p))
				return true;
	return false;
}

static int publish_taken(const struct networks *n, const struct net_port *p, struct crl_err *err)
{
	struct crl_err taken = *err;
	bool six = strchr(p->host_ip, ':') != NULL;

	if (err->sys != EADDRINUSE || !publish_is_ours(n, p))
		return -1;
	return crl_fail(err, CRL_IO, "Bind for %s%s%s:%u failed: port is already allocated (%s)",
			six ? "[" : "", p->host_ip, six ? "]" : "", p->host_port, taken.msg);
}

/* Both families of one request without an address: clients expect one number. */
static bool publish_is_pair(const struct net_endpoint *ep, size_t i)
{
	const struct net_port *a = &ep->ports[i], *b = a + 1;

	return i + 1 < ep->n_ports && str_eq(a->host_ip, "0.0.0.0") && str_eq(b->host_ip, "::") &&
	       a->container_port == b->container_port && str_eq(a->proto, b->proto) &&
	       a->host_port == b->host_port && a->host_port_end == b->host_port_end;
}

/* A number that is free in both families. */
static int publish_hold_pair(struct net_port *p, int *holds, struct crl_err *err)
{
	struct net_port asked = p[0];

	for (int i = 0; i < PAIR_TRIES; i++) {
		p[0] = asked;
		if (ports_hold(&p[0], &holds[0], err) < 0)
			return -1;
		p[1].host_port = p[0].host_port;
		p[1].host_port_end = 0;
		if (ports_hold(&p[1], &holds[1], err) == 0)
			return 0;
		cleanup_close_p(&holds[0]);
		holds[0] = -1;
		if (err->sys != EADDRINUSE || (asked.host_port && !asked.host_port_end))
			return -1;
		/* Of a range, the numbers after the one that the other family lacks. */
		if (asked.host_port && p[0].host_port >= asked.host_port_end)
			return -1;
		if (asked.host_port)
			asked.host_port = (uint16_t)(p[0].host_port + 1);
	}
	return -1;
}

int net_ports_hold(struct networks *n, struct net_attachment *a, struct crl_err *err)
{
	struct net_endpoint *ep = &a->ep;

	a->holds = malloc((ep->n_ports + 1) * sizeof(int));
	if (!a->holds)
		return crl_fail_oom(err);
	for (size_t i = 0; i < ep->n_ports; i++)
		a->holds[i] = -1;
	for (size_t i = 0; i < ep->n_ports; i++) {
		struct net_port *p = &ep->ports[i];
		if (publish_is_routed(a->network, p))
			continue;
		bool pair = publish_is_pair(ep, i) && !publish_is_routed(a->network, p + 1);
		if ((pair ? publish_hold_pair(p, &a->holds[i], err)
			  : ports_hold(p, &a->holds[i], err)) < 0)
			return publish_taken(n, pair && p[1].host_port ? &p[1] : p, err);
		i += pair;
	}
	return 0;
}

/* --- the firewall --- */

static void publish_forget_flows(const struct nft_port *ports, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (str_eq(ports[i].proto, "udp") && !ports[i].routed)
			ports_forget_flows(&ports[i]);
}

int net_ports_publish(struct networks *n, struct net_attachment *a, struct crl_err *err)
{
	_cleanup_free_ struct nft_port *ports = NULL;

	if (a->ep.n_ports == 0)
		return 0;
	if (net_attachment_ports(a, &ports, err) < 0 || net_ports_hold(n, a, err) < 0)
		return -1;
	free(take_ptr(ports)); /* again: random ports are known only now */
	if (net_attachment_ports(a, &ports, err) < 0)
		return -1;
	if (nft_ports(n->nft, ports, a->ep.n_ports, true, err) < 0) {
		/* The table may have been removed, or holds an element nobody owns. */
		log_warn("publish ports", "error", err->msg, NULL);
		if (network_firewall(n, false, err) < 0 ||
		    nft_ports(n->nft, ports, a->ep.n_ports, true, err) < 0)
			return -1;
	}
	publish_forget_flows(ports, a->ep.n_ports);
	return 0;
}

void net_ports_unpublish(struct networks *n, struct net_attachment *a)
{
	_cleanup_free_ struct nft_port *ports = NULL;
	struct crl_err err = CRL_ERR_INIT;

	if (a->ep.n_ports == 0 || net_attachment_ports(a, &ports, &err) < 0)
		return;
	if (nft_ports(n->nft, ports, a->ep.n_ports, false, &err) < 0) {
		/* One missing element fails the whole transaction: say everything anew. */
		log_debug("unpublish ports", "error", err.msg, NULL);
		if (network_firewall(n, false, &err) < 0)
			log_warn("unpublish ports", "error", err.msg, NULL);
	}
	publish_forget_flows(ports, a->ep.n_ports);
}
