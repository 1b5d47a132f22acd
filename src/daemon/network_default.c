/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The default network "bridge": made of the settings bip, bip6, fixed-cidr,
 * ipv6 and so on at each start; what no setting says stays as it was. Makes no
 * system call of its own.
 */
#include "network_priv.h"

#include <base/path.h>

static int set_text(char **to, const char *text, struct crl_err *err)
{
	char *copy = text ? strdup(text) : NULL;

	if (text && !copy)
		return crl_fail_oom(err);
	free(*to);
	*to = copy;
	return 0;
}

/* An address with its prefix: subnet, and the bridge's place in it. */
static int default_set4(struct network *net, struct ipam_net addr, struct crl_err *err)
{
	uint32_t first = addr.addr & ipam_mask(addr.prefix_len);
	uint32_t gateway = addr.addr == first ? first + 1 : addr.addr;
	char text[20];

	addr.addr = first;
	if (set_text(&net->subnet_text, ipam_format_cidr(addr, text), err) < 0)
		return -1;
	return set_text(&net->gateway_text, ipam_format_ip(gateway, text), err);
}

static int default_set6(struct network *net, struct ipam6_net addr, struct crl_err *err)
{
	struct ip6 first = ip6_first(addr);
	struct ip6 gateway = ip6_equal(addr.addr, first) ? ip6_add(first, 1) : addr.addr;
	char text[CIDR6_TEXT];

	addr.addr = first;
	if (set_text(&net->subnet6_text, ip6_format_cidr(addr, text), err) < 0)
		return -1;
	return set_text(&net->gateway6_text, ip6_format(gateway, text), err);
}

/* The setting says it (fixed-cidr alone means all of a subnet), or it is remembered, or chosen. */
static int default_ip4(struct networks *n, struct network *net, struct crl_err *err)
{
	const struct daemon_config *c = &n->d->config;
	const char *text = str_empty(c->bridge_subnet) ? c->bridge_range : c->bridge_subnet;
	struct ipam_net addr;

	if (set_text(&net->range_text, str_empty(c->bridge_range) ? NULL : c->bridge_range, err) <
	    0)
		return -1;
	if (str_empty(text)) {
		if (net->subnet_text)
			return 0;
		if (network_choose_subnet(n, net->link, &addr, err) < 0)
			return -1;
	} else if (!ipam_parse_cidr(text, &addr)) {
		return crl_fail(err, CRL_INVALID, "bip %s: not an address with a prefix length",
				text);
	}
	return default_set4(net, addr, err);
}

static int default_ip6(struct networks *n, struct network *net, struct crl_err *err)
{
	const struct daemon_config *c = &n->d->config;
	const char *text = str_empty(c->bridge_subnet6) ? c->bridge_range6 : c->bridge_subnet6;
	struct ipam6_net addr;

	if (!c->bridge_ipv6) {
		(void)set_text(&net->subnet6_text, NULL, err);
		(void)set_text(&net->gateway6_text, NULL, err);
		return set_text(&net->range6_text, NULL, err);
	}
	if (set_text(&net->range6_text, str_empty(c->bridge_range6) ? NULL : c->bridge_range6,
		     err) < 0)
		return -1;
	if (str_empty(text)) {
		if (net->subnet6_text)
			return 0;
		if (network_choose_subnet6(n, net->link, &addr, err) < 0)
			return -1;
	} else if (!ip6_parse_cidr(text, &addr)) {
		return crl_fail(err, CRL_INVALID, "bip6 %s: not an address with a prefix length",
				text);
	}
	return default_set6(net, addr, err);
}

/* Another router in the subnet instead of the bridge; its address is nobody else's. */
static void default_routes(const struct daemon_config *c, struct network *net)
{
	struct crl_err ignored;
	struct ip6 six;
	uint32_t four;

	if (!str_empty(c->bridge_gateway) && ipam_parse_ip(c->bridge_gateway, &four)) {
		net->route = four;
		(void)ipam_reserve(&net->ipam, four, &ignored);
	}
	if (network_has_ip6(net) && !str_empty(c->bridge_gateway6) &&
	    ip6_parse(c->bridge_gateway6, &six)) {
		net->route6 = six;
		(void)ipam6_reserve(&net->ipam6, six, &ignored);
	}
}

int network_default(struct networks *n, struct network *net, struct crl_err *err)
{
	const struct daemon_config *c = &n->d->config;

	if (!net->link)
		net->link = n->d->suffix[0] ? path_printf("crl%s", n->d->suffix + 1)
					    : strdup("crunlite0");
	if (!net->link)
		return crl_fail_oom(err);
	net->mtu = c->bridge_mtu > 0 ? c->bridge_mtu : 1500;
	net->isolated = !c->bridge_icc;
	net->no_masquerade = !c->bridge_masquerade;
	if (network_parse_options(net, err) < 0 || default_ip4(n, net, err) < 0 ||
	    default_ip6(n, net, err) < 0 || network_parse_ipam(net, err) < 0)
		return crl_context(err, "default network");
	default_routes(c, net);
	return 0;
}
