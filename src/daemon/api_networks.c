/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Handlers of /networks: list, inspect, remove, prune; api_networks_create.c has the longest one.
 */
#include "api_networks.h"

#include "containers.h"
#include "events.h"
#include "filters.h"
#include "http.h"
#include "network_priv.h"

#include <base/log.h>

static bool network_is_predefined(const struct network *net)
{
	return str_eq(net->name, "bridge") || str_eq(net->name, "host") ||
	       str_eq(net->name, "none");
}

/* --- JSON --- */

static void ipam_add(cJSON *config, const char *subnet, const char *range, const char *gateway,
		     const struct strmap *aux)
{
	cJSON *one = cJSON_CreateObject();

	json_add_str(one, "Subnet", subnet);
	if (range)
		json_add_str(one, "IPRange", range);
	if (gateway)
		json_add_str(one, "Gateway", gateway);
	if (aux->n > 0)
		json_add_strmap(one, "AuxiliaryAddresses", aux);
	cJSON_AddItemToArray(config, one);
}

static cJSON *ipam_json(const struct network *net)
{
	cJSON *ipam = cJSON_CreateObject();
	cJSON *config;

	json_add_str(ipam, "Driver", "default");
	if (network_is_predefined(net) || net->ipam_options.n > 0) {
		if (net->ipam_options.n > 0)
			json_add_strmap(ipam, "Options", &net->ipam_options);
		else
			cJSON_AddNullToObject(ipam, "Options");
	} else
		cJSON_AddObjectToObject(ipam, "Options");
	if (!network_has_ipam(net)) {
		cJSON_AddNullToObject(ipam, "Config");
		return ipam;
	}
	config = cJSON_AddArrayToObject(ipam, "Config");
	if (net->subnet_text)
		ipam_add(config, net->subnet_text, net->range_text, net->gateway_text, &net->aux);
	if (net->subnet6_text)
		ipam_add(config, net->subnet6_text, net->range6_text, net->gateway6_text,
			 &net->aux6);
	return ipam;
}

static void options_json(cJSON *o, const struct network *net)
{
	cJSON *options;

	json_add_strmap(o, "Options", &net->options);
	options = cJSON_GetObjectItemCaseSensitive(o, "Options");
	if (!network_is_bridge(net) || !network_is_predefined(net))
		return;
	json_add_str(options, "com.docker.network.bridge.default_bridge", "true");
	json_add_str(options, "com.docker.network.bridge.enable_icc",
		     net->isolated ? "false" : "true");
	json_add_str(options, "com.docker.network.bridge.enable_ip_masquerade",
		     net->no_masquerade ? "false" : "true");
	json_add_str(options, "com.docker.network.bridge.host_binding_ipv4", "0.0.0.0");
	json_add_str(options, "com.docker.network.bridge.name", net->link);
	json_add_str(options, "com.docker.network.driver.mtu", log_i64(net->mtu));
}

struct name_search {
	const char *id;
	char name[256];
};

static int name_of(const char *id, const char *name, const char *image_id, bool running, void *data)
{
	struct name_search *s = data;

	if (!str_eq(id, s->id))
		return 0;
	snprintf(s->name, sizeof(s->name), "%s", name);
	return 1;
}

static cJSON *endpoint_json(struct daemon *d, const struct net_attachment *a)
{
	struct name_search s = {.id = a->ep.container_id};
	char address[24] = "", address6[CIDR6_TEXT + 8] = "";
	cJSON *o = cJSON_CreateObject();

	containers_each(d, name_of, &s);
	if (a->ep.ip[0])
		snprintf(address, sizeof(address), "%s/%d", a->ep.ip, a->ep.prefix_len);
	if (a->ep.ip6[0])
		snprintf(address6, sizeof(address6), "%s/%d", a->ep.ip6, a->ep.prefix6);
	json_add_str(o, "Name", s.name);
	json_add_str(o, "EndpointID", a->ep.id);
	json_add_str(o, "MacAddress", a->ep.mac);
	json_add_str(o, "IPv4Address", address);
	json_add_str(o, "IPv6Address", address6);
	return o;
}

static void endpoints_json(struct daemon *d, cJSON *out, const struct network *net)
{
	const struct networks *n = d->networks;

	for (size_t i = 0; i < n->n_attachments; i++)
		if (n->attachments[i]->network == net)
			cJSON_AddItemToObject(out, n->attachments[i]->ep.container_id,
					      endpoint_json(d, n->attachments[i]));
}

/* Lists leave the containers out, as dockerd does since 1.28. */
static cJSON *network_json(struct daemon *d, const struct network *net, bool with_endpoints)
{
	cJSON *o = cJSON_CreateObject(), *from;

	json_add_str(o, "Name", net->name);
	json_add_str(o, "Id", net->id);
	json_add_str(o, "Created", net->created);
	json_add_str(o, "Scope", "local");
	json_add_str(o, "Driver", net->driver);
	cJSON_AddBoolToObject(o, "EnableIPv4", !network_is_bridge(net) || network_has_ip4(net));
	cJSON_AddBoolToObject(o, "EnableIPv6", network_has_ip6(net));
	cJSON_AddItemToObject(o, "IPAM", ipam_json(net));
	cJSON_AddBoolToObject(o, "Internal", net->internal);
	cJSON_AddBoolToObject(o, "Attachable", net->attachable);
	cJSON_AddBoolToObject(o, "Ingress", false);
	from = cJSON_AddObjectToObject(o, "ConfigFrom");
	json_add_str(from, "Network", "");
	cJSON_AddBoolToObject(o, "ConfigOnly", false);
	cJSON *containers = cJSON_AddObjectToObject(o, "Containers");
	if (with_endpoints)
		endpoints_json(d, containers, net);
	options_json(o, net);
	json_add_strmap(o, "Labels", &net->labels);
	return o;
}

/* --- GET /networks --- */

static int type_matches(const struct filters *f, const struct network *net, bool *ret,
			struct crl_err *err)
{
	char *const *types = filters_get(f, "type");
	const char *mine = network_is_predefined(net) ? "builtin" : "custom";

	*ret = !types;
	for (; types && *types; types++) {
		if (!str_eq(*types, "builtin") && !str_eq(*types, "custom"))
			return filters_bad_value(err, "type", *types);
		*ret |= str_eq(*types, mine);
	}
	return 0;
}

static int list_matches(const struct networks *n, const struct filters *f,
			const struct network *net, bool *ret, struct crl_err *err)
{
	bool type, dangling;

	if (type_matches(f, net, &type, err) < 0 ||
	    filters_bool(f, "dangling", false, &dangling, err) < 0)
		return -1;
	if (filters_get(f, "dangling"))
		type &= dangling == (!network_is_predefined(net) && network_endpoints(n, net) == 0);
	*ret = type && filters_match_prefix(f, "id", net->id) &&
	       filters_match_name(f, "name", net->name) &&
	       filters_match_exact(f, "driver", net->driver) &&
	       filters_match_exact(f, "scope", "local") &&
	       filters_match_labels(f, "label", &net->labels);
	return 0;
}

void api_networks_list(struct http_req *r)
{
	static const char *const known[] = {"dangling", "driver", "id",   "label",
					    "name",     "scope",  "type", NULL};
	_cleanup_filters_ struct filters f = {0};
	_cleanup_cjson_ cJSON *out = cJSON_CreateArray();
	struct daemon *d = http_daemon(r);
	struct crl_err err = CRL_ERR_INIT;

	if (filters_from_request(r, known, &f, &err) < 0) {
		http_reply_error(r, &err);
		return;
	}
	for (size_t i = 0; i < d->networks->n_items; i++) {
		bool wanted;
		if (list_matches(d->networks, &f, d->networks->items[i], &wanted, &err) < 0) {
			http_reply_error(r, &err);
			return;
		}
		if (wanted)
			cJSON_AddItemToArray(out, network_json(d, d->networks->items[i], false));
	}
	http_reply_json(r, 200, take_ptr(out));
}

/* --- GET, DELETE /networks/ID --- */

void api_networks_inspect(struct http_req *r)
{
	struct daemon *d = http_daemon(r);
	const struct network *net = networks_lookup(d->networks, http_arg(r, 0));

	if (net)
		http_reply_json(r, 200, network_json(d, net, true));
	else
		http_reply_message(r, 404, "network %s not found", http_arg(r, 0));
}

static void network_event(struct daemon *d, const char *action, const struct network *net)
{
	struct strmap attributes = {0};

	strmap_set(&attributes, "name", net->name);
	strmap_set(&attributes, "type", net->driver);
	events_publish(d, "network", action, net->id, &attributes);
	strmap_free(&attributes);
}

static int remove_one(struct daemon *d, struct network *net, struct crl_err *err)
{
	if (network_is_predefined(net))
		return crl_fail(err, CRL_FORBIDDEN,
				"%s is a pre-defined network and cannot be removed", net->name);
	if (network_endpoints(d->networks, net) > 0)
		return crl_fail(
			err, CRL_FORBIDDEN,
			"error while removing network: network %s id %s has active endpoints",
			net->name, net->id);
	network_event(d, "destroy", net);
	return networks_remove(d->networks, net, err);
}

void api_networks_remove(struct http_req *r)
{
	struct daemon *d = http_daemon(r);
	struct network *net = networks_lookup(d->networks, http_arg(r, 0));
	struct crl_err err = CRL_ERR_INIT;

	if (!net)
		http_reply_message(r, 404, "network %s not found", http_arg(r, 0));
	else if (remove_one(d, net, &err) < 0)
		http_reply_error(r, &err);
	else
		http_reply_empty(r, 204);
}

/* --- POST /networks/prune --- */

static bool prune_wanted(const struct networks *n, const struct network *net,
			 const struct filters *f, int64_t until)
{
	int64_t created = 0;

	return !network_is_predefined(net) && network_endpoints(n, net) == 0 &&
	       filters_match_labels(f, "label", &net->labels) &&
	       filters_exclude_labels(f, "label!", &net->labels) &&
	       (!until || (time_parse(net->created, time_now_ns(), &created) && created < until));
}

void api_networks_prune(struct http_req *r)
{
	static const char *const known[] = {"label", "label!", "until", NULL};
	_cleanup_filters_ struct filters f = {0};
	struct daemon *d = http_daemon(r);
	struct crl_err err = CRL_ERR_INIT;
	cJSON *out = NULL, *tree;
	int64_t until = 0;

	if (filters_from_request(r, known, &f, &err) < 0 ||
	    filters_time(&f, "until", &until, &err) < 0) {
		http_reply_error(r, &err);
		return;
	}
	for (size_t i = d->networks->n_items; i-- > 0;) {
		struct network *net = d->networks->items[i];
		_cleanup_free_ char *name = strdup(net->name);
		if (!prune_wanted(d->networks, net, &f, until) || remove_one(d, net, &err) < 0)
			continue;
		out = out ? out : cJSON_CreateArray();
		cJSON_AddItemToArray(out, cJSON_CreateString(name));
	}
	events_publish_prune(d, "network", 0);
	tree = cJSON_CreateObject();
	cJSON_AddItemToObject(tree, "NetworksDeleted", out ? out : cJSON_CreateNull());
	http_reply_json(r, 200, tree);
}
