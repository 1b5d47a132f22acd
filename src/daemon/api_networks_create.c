/* SPDX-License-Identifier: GPL-2.0-or-later */
/* POST /networks/create: bridge networks with one IPv4 subnet. */
#include "api_networks.h"

#include "events.h"
#include "http.h"
#include "network_priv.h"

#include <ctype.h>

struct ipam_config_body {
	char *subnet, *ip_range, *gateway;
};
static const struct json_field ipam_config_fields[] = {
	JSON_STR(struct ipam_config_body, subnet, "Subnet", 0),
	JSON_STR(struct ipam_config_body, ip_range, "IPRange", 0),
	JSON_STR(struct ipam_config_body, gateway, "Gateway", 0),
};
static const struct json_table ipam_config_json =
	JSON_TABLE("IPAM.Config", struct ipam_config_body, ipam_config_fields);

struct ipam_body {
	char *driver;
	struct ipam_config_body *config;
	size_t n_config;
	struct strmap options;
};
static const struct json_field ipam_fields[] = {
	JSON_STR(struct ipam_body, driver, "Driver", 0),
	JSON_OBJV(struct ipam_body, config, n_config, "Config", 0, &ipam_config_json),
	JSON_STRMAP(struct ipam_body, options, "Options", 0),
};
static const struct json_table ipam_json = JSON_TABLE("IPAM", struct ipam_body, ipam_fields);

struct network_body {
	char *name, *driver, *scope;
	bool internal, attachable, ingress, config_only;
	struct opt_bool ipv4, ipv6;
	struct ipam_body ipam;
	struct strmap options, labels;
};
static const struct json_field network_fields[] = {
	JSON_STR(struct network_body, name, "Name", 0),
	JSON_STR(struct network_body, driver, "Driver", 0),
	JSON_STR(struct network_body, scope, "Scope", 0),
	JSON_BOOL(struct network_body, internal, "Internal", 0),
	JSON_BOOL(struct network_body, attachable, "Attachable", 0),
	JSON_BOOL(struct network_body, ingress, "Ingress", 0),
	JSON_BOOL(struct network_body, config_only, "ConfigOnly", 0),
	JSON_OPT_BOOL(struct network_body, ipv4, "EnableIPv4", 0),
	JSON_OPT_BOOL(struct network_body, ipv6, "EnableIPv6", 0),
	JSON_OBJ(struct network_body, ipam, "IPAM", 0, &ipam_json),
	JSON_STRMAP(struct network_body, options, "Options", 0),
	JSON_STRMAP(struct network_body, labels, "Labels", 0),
};
static const struct json_table network_body_json =
	JSON_TABLE("network", struct network_body, network_fields);

static int create_check(const struct networks *n, const struct network_body *b, struct crl_err *err)
{
	if (str_empty(b->name))
		return crl_fail(err, CRL_INVALID, "invalid network name: name is empty");
	/* One letter is enough for a network, unlike for a container. */
	if (!ident_name_ok(b->name) && !(isalnum((unsigned char)b->name[0]) && !b->name[1]))
		return crl_fail(
			err, CRL_INVALID,
			"invalid network name \"%s\": only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed",
			b->name);
	for (size_t i = 0; i < n->n_items; i++)
		if (str_eq(n->items[i]->name, b->name))
			return crl_fail(err, CRL_CONFLICT, "network with name %s already exists",
					b->name);
	if (str_eq(b->name, "default") || str_eq(b->name, "container"))
		return crl_fail(err, CRL_FORBIDDEN,
				"operation is not permitted on predefined %s network", b->name);
	if (str_eq(b->driver, "host") || str_eq(b->driver, "null"))
		return crl_fail(err, CRL_FORBIDDEN,
				"only one instance of \"%s\" network is allowed", b->driver);
	if (!str_empty(b->driver) && !str_eq(b->driver, "bridge") && !str_eq(b->driver, "default"))
		return crl_fail(err, CRL_NOT_FOUND,
				"could not find plugin %s: plugin \"%s\" not found", b->driver,
				b->driver);
	if (b->ingress || b->config_only)
		return crl_fail(err, CRL_UNSUPPORTED, "%s networks are not supported",
				b->ingress ? "ingress" : "configuration-only");
	if ((b->ipv6.set && b->ipv6.v) || (b->ipv4.set && !b->ipv4.v))
		return crl_fail(err, CRL_UNSUPPORTED, "networks with IPv6 are not supported yet");
	if (!str_empty(b->ipam.driver) && !str_eq(b->ipam.driver, "default"))
		return crl_fail(err, CRL_NOT_FOUND, "IPAM driver %s not found", b->ipam.driver);
	if (b->ipam.n_config > 1)
		return crl_fail(err, CRL_UNSUPPORTED,
				"bridge driver doesn't support multiple subnets");
	return 0;
}

/* Options of dockerd's bridge driver that mean something here; the others are kept and shown. */
static int create_options(struct network *net, struct crl_err *err)
{
	const char *mtu = strmap_get(&net->options, "com.docker.network.driver.mtu");
	const char *icc = strmap_get(&net->options, "com.docker.network.bridge.enable_icc");
	const char *masq =
		strmap_get(&net->options, "com.docker.network.bridge.enable_ip_masquerade");

	net->mtu = 1500;
	if (mtu && (!str_to_i64(mtu, &net->mtu) || net->mtu < 68 || net->mtu > 65535))
		return crl_fail(err, CRL_INVALID, "invalid MTU: %s", mtu);
	net->isolated = str_eq(icc, "false");
	net->no_masquerade = str_eq(masq, "false");
	return 0;
}

/* The bridge's name: asked for, or of our own pattern, which the sweep knows. */
static int create_link(struct networks *n, struct network *net, struct crl_err *err)
{
	const char *wanted = strmap_get(&net->options, "com.docker.network.bridge.name");
	char link[IFNAMSIZ];

	if (wanted && (!ident_name_ok(wanted) || strlen(wanted) >= IFNAMSIZ))
		return crl_fail(err, CRL_INVALID, "invalid bridge name %s", wanted);
	/* Taking somebody else's bridge would mean deleting it later. */
	if (wanted && if_nametoindex(wanted) != 0)
		return crl_fail(err, CRL_CONFLICT, "link %s exists already", wanted);
	networks_link_name(n, n->bridge_prefix, link);
	net->link = strdup(wanted ? wanted : link);
	return net->link ? 0 : crl_fail_oom(err);
}

static int create_subnet(struct networks *n, struct network *net, const struct network_body *b,
			 struct crl_err *err)
{
	const struct ipam_config_body *c = b->ipam.n_config ? &b->ipam.config[0] : NULL;
	char text[20];
	struct ipam_net subnet;

	if (c && !str_empty(c->subnet)) {
		if (!ipam_parse_cidr(c->subnet, &subnet))
			return crl_fail(err, CRL_INVALID,
					"invalid subnet %s: invalid CIDR block notation",
					c->subnet);
		if (subnet.addr & ~ipam_mask(subnet.prefix_len))
			return crl_fail(err, CRL_INVALID,
					"invalid subnet %s: it should be a network address",
					c->subnet);
	} else {
		net->auto_subnet = true;
		if (network_choose_subnet(n, NULL, &subnet, err) < 0)
			return -1;
	}
	for (size_t i = 0; i < n->n_items; i++)
		if (network_is_bridge(n->items[i]) &&
		    ipam_overlap(n->items[i]->ipam.subnet, subnet))
			return crl_fail(
				err, CRL_FORBIDDEN,
				"invalid pool request: Pool overlaps with other one on this "
				"address space");
	net->subnet_text = strdup(ipam_format_cidr(subnet, text));
	net->gateway_text = strdup(
		c && !str_empty(c->gateway) ? c->gateway : ipam_format_ip(subnet.addr + 1, text));
	if (c && !str_empty(c->ip_range) && !(net->range_text = strdup(c->ip_range)))
		return crl_fail_oom(err);
	if (!net->subnet_text || !net->gateway_text)
		return crl_fail_oom(err);
	return network_parse_ipam(net, err);
}

static int create_fill(struct networks *n, struct network *net, const struct network_body *b,
		       struct crl_err *err)
{
	char now[TIME_BUF];

	ident_random(net->id);
	net->name = strdup(b->name);
	net->driver = strdup("bridge");
	net->created = strdup(time_rfc3339(time_now_ns(), now));
	net->internal = b->internal;
	net->attachable = b->attachable;
	if (!net->name || !net->driver || !net->created ||
	    strmap_copy(&net->options, &b->options) < 0 ||
	    strmap_copy(&net->labels, &b->labels) < 0 ||
	    strmap_copy(&net->ipam_options, &b->ipam.options) < 0)
		return crl_fail_oom(err);
	if (create_options(net, err) < 0 || create_link(n, net, err) < 0)
		return -1;
	return create_subnet(n, net, b, err);
}

static int create_network(struct daemon *d, const struct network_body *b, const char **ret_id,
			  struct crl_err *err)
{
	struct network *net;

	if (create_check(d->networks, b, err) < 0)
		return -1;
	net = calloc(1, sizeof(*net));
	if (!net)
		return crl_fail_oom(err);
	if (create_fill(d->networks, net, b, err) < 0 || networks_add(d->networks, net, err) < 0) {
		network_free(net);
		return -1;
	}
	*ret_id = net->id;
	return 0;
}

void api_networks_create(struct http_req *r)
{
	struct daemon *d = http_daemon(r);
	struct network_body b = {0};
	struct crl_err err = CRL_ERR_INIT;
	struct strmap attributes = {0};
	const char *id = NULL;

	if (http_decode_body(r, &network_body_json, false, &b, &err) < 0 ||
	    create_network(d, &b, &id, &err) < 0) {
		http_reply_error(r, &err);
	} else {
		cJSON *tree = cJSON_CreateObject();
		json_add_str(tree, "Id", id);
		json_add_str(tree, "Warning", "");
		strmap_set(&attributes, "name", b.name);
		strmap_set(&attributes, "type", "bridge");
		events_publish(d, "network", "create", id, &attributes);
		http_reply_json(r, 201, tree);
	}
	strmap_free(&attributes);
	json_free(&network_body_json, &b);
}
