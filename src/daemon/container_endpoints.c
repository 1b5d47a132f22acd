/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Owns what was asked about networks: the endpoints of create and connect,
 * checked, completed and kept in the record under the networks' names. Nothing
 * here touches the kernel. Rules and texts: dockerd's.
 */
#include "container_endpoints.h"

#include <arpa/inet.h>
#include <stdlib.h>

struct api_endpoint *container_asked(const struct container_record *rec, const char *network)
{
	for (size_t i = 0; i < rec->networking.n_endpoints; i++)
		if (str_eq(rec->networking.endpoints[i].key, network))
			return &rec->networking.endpoints[i];
	return NULL;
}

struct api_endpoint *container_ask(struct container_record *rec, struct api_endpoint *taken,
				   const char *network, struct crl_err *err)
{
	struct api_networking_config *n = &rec->networking;
	struct api_endpoint *more = realloc(n->endpoints, (n->n_endpoints + 1) * sizeof(*more));
	char *key = strdup(network);
	if (more)
		n->endpoints = more;
	if (!more || !key) {
		free(key);
		crl_fail_oom(err);
		return NULL;
	}
	struct api_endpoint *e = &more[n->n_endpoints++];
	*e = taken ? *taken : (struct api_endpoint){0};
	if (taken)
		*taken = (struct api_endpoint){0};
	free(e->key);
	e->key = key;
	return e;
}

void container_unask(struct container_record *rec, const char *network)
{
	struct api_networking_config *n = &rec->networking;
	struct api_endpoint *e = container_asked(rec, network);
	if (!e)
		return;
	struct api_endpoint *gone = malloc(sizeof(*gone));
	if (gone) {
		*gone = *e;
		struct api_networking_config one = {.endpoints = gone, .n_endpoints = 1};
		json_free(&api_networking_config_json, &one);
	}
	size_t i = (size_t)(e - n->endpoints);
	memmove(e, e + 1, (n->n_endpoints - i - 1) * sizeof(*e));
	n->n_endpoints--;
}

bool container_network_user_defined(const char *name)
{
	return !str_eq(name, "bridge") && !str_eq(name, "default") && !str_eq(name, "host") &&
	       !str_eq(name, "none");
}

/* --- one endpoint --- */

/* Docker lists all that is wrong, one a line. */
static void complain(struct buf *out, size_t *n, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
static void complain(struct buf *out, size_t *n, const char *fmt, ...)
{
	char text[256];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	buf_printf(out, "%s%s", (*n)++ ? "\n" : "", text);
}

static void check_family(struct buf *out, size_t *n, int family, const char *text)
{
	static const unsigned char zero[16];
	unsigned char address[16];
	if (!str_empty(text) && (inet_pton(family, text, address) != 1 ||
				 !memcmp(address, zero, family == AF_INET ? 4 : 16)))
		complain(out, n, "invalid %s address: %s", family == AF_INET ? "IPv4" : "IPv6",
			 text);
}

static void check_ipam(struct daemon *d, const char *network, const struct api_ipam_config *ipam,
		       struct buf *out, size_t *n)
{
	struct crl_err err = CRL_ERR_INIT;
	size_t before = *n;
	unsigned char address[16];
	if (!container_network_user_defined(network) &&
	    (!str_empty(ipam->ipv4_address) || !str_empty(ipam->ipv6_address)))
		complain(out, n,
			 "user specified IP address is supported on user defined networks only");
	check_family(out, n, AF_INET, ipam->ipv4_address);
	check_family(out, n, AF_INET6, ipam->ipv6_address);
	for (char **a = ipam->link_local_ips; a && *a; a++)
		if (inet_pton(AF_INET, *a, address) != 1 && inet_pton(AF_INET6, *a, address) != 1)
			complain(out, n, "invalid link-local IP address: %s", *a);
	if (strv_len(ipam->link_local_ips))
		complain(out, n, "link-local IP addresses are not supported");
	if (*n == before &&
	    net_check_addresses(d, network, ipam->ipv4_address, ipam->ipv6_address, &err) < 0)
		complain(out, n, "%s", err.msg);
}

/* What dev_valid_name() of the kernel takes, and no '%', which is a pattern for it. */
static bool ifname_ok(const char *name)
{
	if (str_empty(name) || strlen(name) > 15 || str_eq(name, ".") || str_eq(name, "..") ||
	    str_eq(name, "lo"))
		return false;
	for (; *name; name++)
		if ((unsigned char)*name <= ' ' || *name == '/' || *name == ':' || *name == '%')
			return false;
	return true;
}

static void check_driver_opts(const struct api_endpoint *e, struct buf *out, size_t *n)
{
	const char *ifname = strmap_get(&e->driver_opts, NET_OPT_IFNAME);
	if (ifname && !ifname_ok(ifname))
		complain(out, n, "invalid interface name %s", ifname);
	if (strmap_get(&e->driver_opts, "com.docker.network.endpoint.sysctls"))
		complain(out, n,
			 "com.docker.network.endpoint.sysctls is not supported: use Sysctls of "
			 "the container");
}

int container_check_endpoint(struct daemon *d, const char *network, const struct api_endpoint *e,
			     struct crl_err *err)
{
	_cleanup_buf_ struct buf out = BUF_INIT;
	size_t n = 0;
	uint8_t mac[6];
	if (e->ipam_config)
		check_ipam(d, network, e->ipam_config, &out, &n);
	if (!container_network_user_defined(network) && strv_len(e->aliases))
		complain(&out, &n,
			 "network-scoped alias is supported only for containers in user defined "
			 "networks");
	check_driver_opts(e, &out, &n);
	if (!str_empty(e->mac_address) && !net_mac_parse(e->mac_address, mac))
		return crl_fail(err, CRL_INVALID, "invalid MAC address %s", e->mac_address);
	if (out.failed)
		return crl_fail_oom(err);
	return n ? crl_fail(err, CRL_INVALID, "invalid endpoint settings:\n%s", out.data) : 0;
}

/* --- create --- */

static bool is_container_mode(const char *mode)
{
	return mode && str_starts(mode, "container:");
}

static void forget_all(struct container_record *rec)
{
	json_free(&api_networking_config_json, &rec->networking);
	rec->networking = (struct api_networking_config){0};
}

/* "default" and ids become names; two keys for one network are one too many. */
static int name_endpoints(struct daemon *d, struct container_record *rec, struct crl_err *err)
{
	for (size_t i = 0; i < rec->networking.n_endpoints; i++) {
		struct api_endpoint *e = &rec->networking.endpoints[i];
		const char *name = e->key;
		struct crl_err unknown;
		/* One that is not there (yet) is the start's to complain of, as with docker. */
		(void)networks_find(d, e->key, NULL, &name, NULL, &unknown);
		if (str_eq(name, e->key))
			continue;
		if (container_asked(rec, name))
			return crl_fail(err, CRL_INVALID, "network %s is named twice", name);
		char *copy = strdup(name);
		if (!copy)
			return crl_fail_oom(err);
		free(e->key);
		e->key = copy;
	}
	return 0;
}

static int check_count(const struct container_record *rec, int api_version, struct crl_err *err)
{
	_cleanup_buf_ struct buf names = BUF_INIT;
	if (api_version >= 144 || rec->networking.n_endpoints <= 1)
		return 0;
	for (size_t i = 0; i < rec->networking.n_endpoints; i++)
		buf_printf(&names, "%s%s", i ? ", " : "", rec->networking.endpoints[i].key);
	return crl_fail(err, CRL_INVALID, "Container cannot be connected to network endpoints: %s",
			names.data ? names.data : "");
}

/* The address of the whole container, as it was before 1.44, goes to the main network's endpoint.
 */
static int migrate_mac(struct container_record *rec, int api_version, char ***warnings,
		       struct crl_err *err)
{
	const char *mode = rec->host_config.network_mode;
	struct api_networking_config *n = &rec->networking;
	if (str_empty(rec->config.mac_address)) {
		/* The old API did not know the endpoint's. */
		for (size_t i = 0; api_version < 144 && i < n->n_endpoints; i++)
			free(take_ptr(n->endpoints[i].mac_address));
		return 0;
	}
	if (str_eq(mode, "host") || str_eq(mode, "none") || is_container_mode(mode))
		return api_version >= 144
			       ? 0
			       : crl_fail(err, CRL_INVALID,
					  "conflicting options: mac-address and the network mode");
	struct api_endpoint *e = container_asked(rec, mode);
	if (!e && n->n_endpoints > 0)
		return crl_fail(err, CRL_INVALID,
				"if a container-wide MAC address is supplied, "
				"HostConfig.NetworkMode must match the identity of a network in "
				"NetworkSettings.Networks");
	if (!e && !(e = container_ask(rec, NULL, mode, err)))
		return -1;
	if (str_empty(e->mac_address) || api_version < 144) {
		free(e->mac_address);
		e->mac_address = strdup(rec->config.mac_address);
	}
	if (!e->mac_address)
		return crl_fail_oom(err);
	if (!str_eq(e->mac_address, rec->config.mac_address))
		return crl_fail(err, CRL_INVALID,
				"the container-wide MAC address must match the endpoint-specific "
				"MAC address for the main network, or be left empty");
	if (api_version < 144)
		return 0;
	free(take_ptr(rec->config.mac_address));
	(void)strv_push(warnings, "The container-wide MacAddress field is now deprecated. It "
				  "should be specified in EndpointsConfig instead.");
	return 0;
}

static int check_company(const struct container_record *rec, struct crl_err *err)
{
	if (rec->networking.n_endpoints <= 1)
		return 0;
	if (container_asked(rec, "host"))
		return crl_fail(err, CRL_INVALID, NET_HOST_SHARED);
	if (container_asked(rec, "none"))
		return crl_fail(err, CRL_INVALID, NET_NONE_SHARED);
	return 0;
}

static int check_all(struct daemon *d, const struct container_record *rec, struct crl_err *err)
{
	for (size_t i = 0; i < rec->networking.n_endpoints; i++) {
		const struct api_endpoint *e = &rec->networking.endpoints[i];
		if (container_check_endpoint(d, e->key, e, err) < 0)
			return crl_context(err, "invalid config for network %s", e->key);
	}
	return 0;
}

int container_plan_networks(struct daemon *d, struct container_record *rec, int api_version,
			    char ***warnings, struct crl_err *err)
{
	const char *mode = rec->host_config.network_mode, *name = mode;
	struct crl_err unknown;
	rec->net_planned = true;
	if (check_count(rec, api_version, err) < 0 || name_endpoints(d, rec, err) < 0)
		return -1;
	if (is_container_mode(mode) || rec->config.network_disabled) {
		if (is_container_mode(mode) && !str_empty(rec->config.mac_address))
			return crl_fail(err, CRL_INVALID,
					"conflicting options: mac-address and the network mode");
		forget_all(rec);
		return 0;
	}
	(void)networks_find(d, mode, NULL, &name, NULL, &unknown);
	if (migrate_mac(rec, api_version, warnings, err) < 0)
		return -1;
	if (rec->networking.n_endpoints == 0 && !container_ask(rec, NULL, name, err))
		return -1;
	if (name_endpoints(d, rec, err) < 0 || check_company(rec, err) < 0)
		return -1;
	return check_all(d, rec, err);
}

/* --- order --- */

static int by_key(const void *a, const void *b)
{
	const struct api_endpoint *x = *(struct api_endpoint *const *)a;
	const struct api_endpoint *y = *(struct api_endpoint *const *)b;
	return strcmp(x->key, y->key);
}

struct api_endpoint **container_asked_in_order(const struct container *c, size_t *ret_n)
{
	const struct container_record *rec = &c->rec;
	const char *first = rec->host_config.network_mode;
	size_t total = rec->networking.n_endpoints, n = 0;
	struct crl_err unknown;
	struct api_endpoint **list = calloc(total + 1, sizeof(*list));
	if (!list)
		return NULL;
	(void)networks_find(c->d, first, NULL, &first, NULL, &unknown);
	for (size_t i = 0; i < total; i++)
		if (str_eq(rec->networking.endpoints[i].key, first))
			list[n++] = &rec->networking.endpoints[i];
	size_t fixed = n;
	for (size_t i = 0; i < total; i++)
		if (!str_eq(rec->networking.endpoints[i].key, first))
			list[n++] = &rec->networking.endpoints[i];
	qsort(list + fixed, n - fixed, sizeof(struct api_endpoint *), by_key);
	*ret_n = n;
	return list;
}
