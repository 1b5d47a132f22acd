/* SPDX-License-Identifier: GPL-2.0-or-later */
/* POST /networks/create: bridge networks, with a subnet of each family at most. */
#include "api_networks.h"
#include "api_networks_ipam.h"

#include "events.h"
#include "http.h"

#include <ctype.h>

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
	JSON_OBJ(struct network_body, ipam, "IPAM", 0, &api_ipam_json),
	JSON_STRMAP(struct network_body, options, "Options", 0),
	JSON_STRMAP(struct network_body, labels, "Labels", 0),
};
static const struct json_table network_body_json =
	JSON_TABLE("network", struct network_body, network_fields);

static bool wants_ip4(const struct network_body *b)
{
	return !b->ipv4.set || b->ipv4.v;
}

static bool wants_ip6(const struct network_body *b)
{
	return b->ipv6.set && b->ipv6.v;
}

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
	if (!str_empty(b->driver) && !str_eq(b->driver, "bridge") &&
	    !str_eq(b->driver, "default") && !str_eq(b->driver, "macvlan") &&
	    !str_eq(b->driver, "ipvlan"))
		return crl_fail(err, CRL_NOT_FOUND,
				"could not find plugin %s: plugin \"%s\" not found", b->driver,
				b->driver);
	if (b->ingress || b->config_only)
		return crl_fail(err, CRL_UNSUPPORTED, "%s networks are not supported",
				b->ingress ? "ingress" : "configuration-only");
	if (!wants_ip4(b) && !wants_ip6(b))
		return crl_fail(err, CRL_INVALID, "IPv4 or IPv6 must be enabled");
	return api_ipam_check(&b->ipam, wants_ip6(b), err);
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

/* Those of daemon.json that the request does not set itself. */
static int create_default_options(const struct daemon *d, struct network *net, struct crl_err *err)
{
	const cJSON *option;

	cJSON_ArrayForEach (option,
			    cJSON_GetObjectItemCaseSensitive(d->config.network_opts, net->driver))
		if (!strmap_get(&net->options, option->string) &&
		    strmap_set(&net->options, option->string, option->valuestring) < 0)
			return crl_fail_oom(err);
	return 0;
}

static int create_fill(struct networks *n, struct network *net, const struct network_body *b,
		       struct crl_err *err)
{
	char now[TIME_BUF];

	ident_random(net->id);
	net->name = strdup(b->name);
	net->driver = strdup(
		str_eq(b->driver, "macvlan") || str_eq(b->driver, "ipvlan") ? b->driver : "bridge");
	net->created = strdup(time_rfc3339(time_now_ns(), now));
	net->internal = b->internal;
	net->attachable = b->attachable;
	if (!net->name || !net->driver || !net->created ||
	    strmap_copy(&net->options, &b->options) < 0 ||
	    strmap_copy(&net->labels, &b->labels) < 0 ||
	    strmap_copy(&net->ipam_options, &b->ipam.options) < 0)
		return crl_fail_oom(err);
	if (create_default_options(n->d, net, err) < 0)
		return -1;
	net->mtu = 1500;
	if (network_parse_options(net, err) < 0 ||
	    (network_has_parent(net) ? network_parent_options(n, net, err)
				     : create_link(n, net, err)) < 0)
		return -1;
	return api_ipam_fill(n, net, &b->ipam, wants_ip4(b), wants_ip6(b), err);
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
		strmap_set(&attributes, "type",
			   str_empty(b.driver) || str_eq(b.driver, "default") ? "bridge"
									      : b.driver);
		events_publish(d, "network", "create", id, &attributes);
		http_reply_json(r, 201, tree);
	}
	strmap_free(&attributes);
	json_free(&network_body_json, &b);
}
