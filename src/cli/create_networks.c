/* SPDX-License-Identifier: GPL-2.0-or-later */
/* --network, in its short and its long form, and the options of the first network's endpoint. */
#include <cli/create.h>

static bool user_defined(const char *network)
{
	return !str_eq(network, "default") && !str_eq(network, "bridge") &&
	       !str_eq(network, "host") && !str_eq(network, "none") &&
	       !str_starts(network, "container:");
}

/* An option of the command line and the same thing in --network name=...,KEY=...; docker's words.
 */
static int both(const cJSON *endpoint, const char *key, const char *option, const char *what,
		struct crl_err *err)
{
	if (!cJSON_HasObjectItem(endpoint, key))
		return 0;
	return crl_fail(err, CRL_INVALID,
			"conflicting options: cannot specify both --%s and per-network %s", option,
			what);
}

static int set_addresses(struct create *c, cJSON *endpoint, struct crl_err *err)
{
	const char *ip = opt_str(c->o, "ip"), *ip6 = opt_str(c->o, "ip6");
	char *const *local = opt_list(c->o, "link-local-ip");
	if (!ip && !ip6 && !local)
		return 0;
	cJSON *ipam = create_object(endpoint, "IPAMConfig");
	if ((ip && both(ipam, "IPv4Address", "ip", "IPv4 address", err) < 0) ||
	    (ip6 && both(ipam, "IPv6Address", "ip6", "IPv6 address", err) < 0) ||
	    (local &&
	     both(ipam, "LinkLocalIPs", "link-local-ip", "link-local IP addresses", err) < 0))
		return -1;
	if (ip)
		create_set(ipam, "IPv4Address", ip);
	if (ip6)
		create_set(ipam, "IPv6Address", ip6);
	if (local)
		json_add_strv(ipam, "LinkLocalIPs", local, false);
	return 0;
}

/* Options that have an option of their own; they belong to the first network. */
static int endpoint_options(struct create *c, const char *network, cJSON *endpoint,
			    struct crl_err *err)
{
	if (set_addresses(c, endpoint, err) < 0)
		return -1;
	if (opt_set(c->o, "network-alias")) {
		if (!user_defined(network))
			return crl_fail(err, CRL_INVALID,
					"network-scoped aliases are only supported for "
					"user-defined networks");
		if (both(endpoint, "Aliases", "network-alias", "alias", err) < 0)
			return -1;
		json_add_strv(endpoint, "Aliases", opt_list(c->o, "network-alias"), false);
	}
	if (opt_set(c->o, "link") && user_defined(network))
		json_add_strv(endpoint, "Links", opt_list(c->o, "link"), false);
	if (opt_set(c->o, "mac-address")) {
		if (both(endpoint, "MacAddress", "mac-address", "MAC address", err) < 0)
			return -1;
		create_set(endpoint, "MacAddress", opt_str(c->o, "mac-address"));
	}
	return 0;
}

static void add_to(cJSON *parent, const char *key, const char *value)
{
	cJSON_AddItemToArray(create_array(parent, key), cJSON_CreateString(value));
}

static int long_field(cJSON *endpoint, const char *key, char *value, struct crl_err *err)
{
	int64_t priority;
	char *eq = strchr(value, '=');
	if (str_eq(key, "alias")) {
		add_to(endpoint, "Aliases", value);
	} else if (str_eq(key, "ip")) {
		create_set(create_object(endpoint, "IPAMConfig"), "IPv4Address", value);
	} else if (str_eq(key, "ip6")) {
		create_set(create_object(endpoint, "IPAMConfig"), "IPv6Address", value);
	} else if (str_eq(key, "link-local-ip")) {
		add_to(create_object(endpoint, "IPAMConfig"), "LinkLocalIPs", value);
	} else if (str_eq(key, "mac-address")) {
		create_set(endpoint, "MacAddress", value);
	} else if (str_eq(key, "driver-opt")) {
		if (!eq)
			return crl_fail(err, CRL_INVALID,
					"invalid key value pair format in driver options");
		*eq++ = 0;
		create_set(create_object(endpoint, "DriverOpts"), value, eq);
	} else if (str_eq(key, "gw-priority")) {
		if (!str_to_i64(value, &priority))
			return crl_fail(err, CRL_INVALID, "invalid gw-priority: %s", value);
		json_add_i64(endpoint, "GwPriority", priority);
	} else {
		return crl_fail(err, CRL_INVALID, "invalid field key %s", key);
	}
	return 0;
}

/* name=net,alias=a,ip=1.2.3.4,driver-opt=k=v */
static int network_long(const char *text, char **ret_name, cJSON *endpoint, struct crl_err *err)
{
	_cleanup_strv_ char **part = strv_split(text, ",", false);
	for (char **p = part; p && *p; p++) {
		char *eq = strchr(*p, '=');
		if (!eq)
			return crl_fail(err, CRL_INVALID, "invalid field %s", *p);
		*eq++ = 0;
		if (str_eq(*p, "name")) {
			free(*ret_name);
			*ret_name = strdup(eq);
		} else if (long_field(endpoint, *p, eq, err) < 0) {
			return -1;
		}
	}
	return *ret_name ? 0 : crl_fail(err, CRL_INVALID, "network name/id is not specified");
}

static int add_network(struct create *c, const char *text, bool first, struct crl_err *err)
{
	_cleanup_free_ char *name = strchr(text, '=') ? NULL : strdup(text);
	_cleanup_cjson_ cJSON *endpoint = cJSON_CreateObject();
	if (strchr(text, '=') && network_long(text, &name, endpoint, err) < 0)
		return -1;
	if (!name || !endpoint)
		return crl_fail_oom(err);
	if (first) {
		create_set(c->host, "NetworkMode", name);
		if (endpoint_options(c, name, endpoint, err) < 0)
			return -1;
	}
	bool special =
		str_eq(name, "host") || str_eq(name, "none") || str_starts(name, "container:");
	if (special && !endpoint->child)
		return 0;
	if (cJSON_GetObjectItemCaseSensitive(c->endpoints, name))
		return crl_fail(err, CRL_INVALID, "network \"%s\" is specified multiple times",
				name);
	cJSON_AddItemToObject(c->endpoints, name, take_ptr(endpoint));
	return 0;
}

/* host, none and another container's network allow no company. */
static int check_company(char *const *networks, struct crl_err *err)
{
	for (size_t i = 0; networks[1] && networks[i]; i++)
		if (str_eq(networks[i], "host") || str_eq(networks[i], "none") ||
		    str_starts(networks[i], "container:"))
			return crl_fail(err, CRL_INVALID,
					"conflicting options: cannot attach both user-defined and "
					"non-user-defined network-modes");
	return 0;
}

int create_network(struct create *c, const char *option, const char *key, struct crl_err *err)
{
	char *const *networks = opt_list(c->o, option);
	if (opt_set(c->o, "link"))
		json_add_strv(c->host, "Links", opt_list(c->o, "link"), false);
	if (networks) {
		if (check_company(networks, err) < 0)
			return -1;
		for (size_t i = 0; networks[i]; i++)
			if (add_network(c, networks[i], i == 0, err) < 0)
				return -1;
		return 0;
	}
	_cleanup_cjson_ cJSON *endpoint = cJSON_CreateObject();
	if (endpoint_options(c, "default", endpoint, err) < 0)
		return -1;
	if (endpoint && endpoint->child)
		cJSON_AddItemToObject(c->endpoints, "default", take_ptr(endpoint));
	create_set(c->host, "NetworkMode", "default");
	return 0;
}
