/* SPDX-License-Identifier: GPL-2.0-or-later */
/* IPAM of POST /networks/create. The sentences are those of dockerd, which clients show. */
#include "api_networks_ipam.h"

static const struct json_field config_fields[] = {
	JSON_STR(struct ipam_config_body, subnet, "Subnet", 0),
	JSON_STR(struct ipam_config_body, ip_range, "IPRange", 0),
	JSON_STR(struct ipam_config_body, gateway, "Gateway", 0),
	JSON_STRMAP(struct ipam_config_body, aux, "AuxiliaryAddresses", 0),
};
static const struct json_table config_json =
	JSON_TABLE("IPAM.Config", struct ipam_config_body, config_fields);
static const struct json_field ipam_fields[] = {
	JSON_STR(struct ipam_body, driver, "Driver", 0),
	JSON_OBJV(struct ipam_body, config, n_config, "Config", 0, &config_json),
	JSON_STRMAP(struct ipam_body, options, "Options", 0),
};
const struct json_table api_ipam_json = JSON_TABLE("IPAM", struct ipam_body, ipam_fields);

/* A prefix of either family; IPv4 in the first bytes. */
struct block {
	bool six;
	struct ipam_net four;
	struct ipam6_net net6;
};

static bool block_parse(const char *text, struct block *ret)
{
	ret->six = text && strchr(text, ':');
	return ret->six ? ip6_parse_cidr(text, &ret->net6) : ipam_parse_cidr(text, &ret->four);
}

static uint8_t block_len(const struct block *b)
{
	return b->six ? b->net6.prefix_len : b->four.prefix_len;
}

/* With the host's bits off; true when they were off already. */
static bool block_masked(const struct block *b, char ret[CIDR6_TEXT])
{
	if (b->six) {
		struct ipam6_net m = {ip6_first(b->net6), b->net6.prefix_len};
		ip6_format_cidr(m, ret);
		return ip6_equal(m.addr, b->net6.addr);
	}
	struct ipam_net m = {b->four.addr & ipam_mask(b->four.prefix_len), b->four.prefix_len};
	ipam_format_cidr(m, ret);
	return m.addr == b->four.addr;
}

static bool block_has(const struct block *b, const struct block *inner)
{
	return b->six ? ip6_contains(b->net6, inner->net6.addr)
		      : ipam_contains(b->four, inner->four.addr);
}

static bool address_parse(const char *text, struct block *ret)
{
	*ret = (struct block){.six = strchr(text, ':') != NULL};
	return ret->six ? ip6_parse(text, &ret->net6.addr) : ipam_parse_ip(text, &ret->four.addr);
}

/* --- mistakes, a line each --- */

static void check_range(struct buf *out, const char *range, const char *text,
			const struct block *subnet)
{
	char masked[CIDR6_TEXT];
	struct block r;

	if (str_empty(range))
		return;
	if (!block_parse(range, &r)) {
		buf_printf(out, "\ninvalid ip-range %s: invalid CIDR block notation", range);
		return;
	}
	if (r.six != subnet->six) {
		buf_printf(out, "\ninvalid ip-range %s: parent subnet is an IPv%d block", range,
			   subnet->six ? 6 : 4);
		return;
	}
	if (block_len(&r) < block_len(subnet))
		buf_printf(out,
			   "\ninvalid ip-range %s: CIDR block is bigger than its parent subnet %s",
			   range, text);
	if (!block_masked(&r, masked))
		buf_printf(out, "\ninvalid ip-range %s: it should be %s", range, masked);
	if (!block_has(subnet, &r))
		buf_printf(out, "\ninvalid ip-range %s: parent subnet %s doesn't contain ip-range",
			   range, text);
}

static void check_address(struct buf *out, const char *what, const char *name, const char *address,
			  const char *text, const struct block *subnet)
{
	struct block a;

	if (str_empty(address))
		return;
	if (!address_parse(address, &a))
		buf_printf(out, "\ninvalid %s %s: invalid address", what, name);
	else if (a.six != subnet->six)
		buf_printf(out, "\ninvalid %s %s: parent subnet is an IPv%d block", what, name,
			   subnet->six ? 6 : 4);
	else if (!block_has(subnet, &a))
		buf_printf(out, "\ninvalid %s %s: parent subnet %s doesn't contain this address",
			   what, name, text);
}

static void check_config(struct buf *out, const struct ipam_config_body *c, bool ipv6)
{
	char masked[CIDR6_TEXT];
	struct block subnet;

	if (!block_parse(c->subnet, &subnet)) {
		buf_printf(out, "\ninvalid subnet %s: invalid CIDR block notation",
			   c->subnet ? c->subnet : "");
		return;
	}
	if (subnet.six && !ipv6)
		return; /* it is not used */
	if (!block_masked(&subnet, masked))
		buf_printf(out, "\ninvalid subnet %s: it should be %s", c->subnet, masked);
	check_range(out, c->ip_range, c->subnet, &subnet);
	check_address(out, "gateway", c->gateway, c->gateway, c->subnet, &subnet);
	for (size_t i = 0; i < c->aux.n; i++)
		check_address(out, "auxiliary address", c->aux.items[i].key, c->aux.items[i].value,
			      c->subnet, &subnet);
}

/* A description without a subnet means one from the pools. */
static bool config_is_empty(const struct ipam_config_body *c)
{
	return str_empty(c->subnet) && str_empty(c->ip_range) && str_empty(c->gateway);
}

int api_ipam_check(const struct ipam_body *b, bool ipv6, struct crl_err *err)
{
	_cleanup_buf_ struct buf lines = BUF_INIT;
	size_t four = 0, six = 0;

	if (!str_empty(b->driver) && !str_eq(b->driver, "default"))
		return crl_fail(err, CRL_NOT_FOUND, "IPAM driver %s not found", b->driver);
	for (size_t i = 0; i < b->n_config; i++) {
		if (config_is_empty(&b->config[i]))
			continue;
		check_config(&lines, &b->config[i], ipv6);
		bool is_six = strchr(b->config[i].subnet ? b->config[i].subnet : "", ':') != NULL;
		four += !is_six;
		six += is_six;
	}
	if (lines.failed)
		return crl_fail_oom(err);
	if (lines.len > 0)
		return crl_fail(err, CRL_INVALID, "invalid network config:%s", lines.data);
	if (four > 1 || six > 1)
		return crl_fail(err, CRL_UNSUPPORTED,
				"bridge driver doesn't support multiple subnets");
	return 0;
}

/* --- what it means --- */

static const struct ipam_config_body *config_of(const struct ipam_body *b, bool six)
{
	for (size_t i = 0; i < b->n_config; i++)
		if (!str_empty(b->config[i].subnet) &&
		    (strchr(b->config[i].subnet, ':') != NULL) == six)
			return &b->config[i];
	return NULL;
}

static int copy_or_none(char **to, const char *from, struct crl_err *err)
{
	*to = str_empty(from) ? NULL : strdup(from);
	return *to || str_empty(from) ? 0 : crl_fail_oom(err);
}

/* The subnet's first address is the gateway, where none is named. */
static int fill4(struct networks *n, struct network *net, const struct ipam_config_body *c,
		 struct crl_err *err)
{
	struct ipam_net subnet;
	char text[20];

	if (!c && network_choose_subnet(n, NULL, &subnet, err) < 0)
		return -1;
	if (c)
		(void)ipam_parse_cidr(c->subnet, &subnet);
	net->auto_subnet = !c;
	net->subnet_text = strdup(ipam_format_cidr(subnet, text));
	if (copy_or_none(&net->range_text, c ? c->ip_range : NULL, err) < 0 ||
	    copy_or_none(&net->gateway_text,
			 c && !str_empty(c->gateway) ? c->gateway
						     : ipam_format_ip(subnet.addr + 1, text),
			 err) < 0)
		return -1;
	if (!net->subnet_text || (c && strmap_copy(&net->aux, &c->aux) < 0))
		return crl_fail_oom(err);
	return 0;
}

static int fill6(struct networks *n, struct network *net, const struct ipam_config_body *c,
		 struct crl_err *err)
{
	struct ipam6_net subnet;
	char text[CIDR6_TEXT], gateway[IP6_TEXT];

	if (!c && network_choose_subnet6(n, NULL, &subnet, err) < 0)
		return -1;
	if (c)
		(void)ip6_parse_cidr(c->subnet, &subnet);
	net->auto_subnet6 = !c;
	net->subnet6_text = strdup(ip6_format_cidr(subnet, text));
	ip6_format(ip6_add(subnet.addr, 1), gateway);
	if (copy_or_none(&net->range6_text, c ? c->ip_range : NULL, err) < 0 ||
	    copy_or_none(&net->gateway6_text, c && !str_empty(c->gateway) ? c->gateway : gateway,
			 err) < 0)
		return -1;
	if (!net->subnet6_text || (c && strmap_copy(&net->aux6, &c->aux) < 0))
		return crl_fail_oom(err);
	return 0;
}

int api_ipam_fill(struct networks *n, struct network *net, const struct ipam_body *b, bool ipv4,
		  bool ipv6, struct crl_err *err)
{
	if ((ipv4 && fill4(n, net, config_of(b, false), err) < 0) ||
	    (ipv6 && fill6(n, net, config_of(b, true), err) < 0) ||
	    network_parse_ipam(net, err) < 0)
		return -1;
	return network_check_overlap(n, net, err);
}
