/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns the reading of port specifications. Pure. */
#include "container_ports.h"

#include "oci_config.h"

#include <base/array.h>

static int parse_key(const char *text, struct net_port *p, struct crl_err *err)
{
	char *end;
	long port = strtol(text, &end, 10);
	const char *proto = *end == '/' ? end + 1 : "tcp";
	if (port < 1 || port > 65535 ||
	    (!str_eq(proto, "tcp") && !str_eq(proto, "udp") && !str_eq(proto, "sctp")))
		return crl_fail(err, CRL_INVALID, "invalid port specification: \"%s\"", text);
	p->container_port = (uint16_t)port;
	snprintf(p->proto, sizeof(p->proto), "%s", proto);
	return 0;
}

/* "80", "8000-8010" (any of them), or nothing. */
static int parse_host_port(const char *text, struct net_port *p, struct crl_err *err)
{
	uint64_t first = 0, last = 0;
	const char *dash = text ? strchr(text, '-') : NULL;
	_cleanup_free_ char *head = dash ? strndup(text, (size_t)(dash - text)) : NULL;
	if (str_empty(text))
		return 0;
	if (dash && !head)
		return crl_fail_oom(err);
	if (!str_to_u64(dash ? head : text, &first) || first > 65535 ||
	    (dash && (!str_to_u64(dash + 1, &last) || last > 65535 || last < first || !first)))
		return crl_fail(err, CRL_INVALID, "invalid port specification: \"%s\"", text);
	p->host_port = (uint16_t)first;
	p->host_port_end = last > first ? (uint16_t)last : 0;
	return 0;
}

static int add_binding(const char *key, const cJSON *binding, struct net_port **list, size_t *n,
		       struct crl_err *err)
{
	struct net_port *p = array_grow(list, n, sizeof(*p));
	if (!p)
		return crl_fail_oom(err);
	if (parse_key(key, p, err) < 0)
		return -1;
	const char *ip = cJSON_GetStringValue(cJSON_GetObjectItem(binding, "HostIp"));
	const char *port = cJSON_GetStringValue(cJSON_GetObjectItem(binding, "HostPort"));
	snprintf(p->host_ip, sizeof(p->host_ip), "%s", ip ? ip : "");
	return parse_host_port(port, p, err);
}

static bool bound(const struct api_host_config *hc, const char *key)
{
	const cJSON *list = cJSON_GetObjectItemCaseSensitive(hc->port_bindings, key);
	return cJSON_GetArraySize(list) > 0;
}

int container_ports(const struct container_record *rec, struct net_port **ret, size_t *ret_n,
		    struct crl_err *err)
{
	_cleanup_free_ struct net_port *list = NULL;
	size_t n = 0;
	const cJSON *bindings, *b;
	cJSON_ArrayForEach (bindings, rec->host_config.port_bindings)
		cJSON_ArrayForEach (b, bindings)
			if (add_binding(bindings->string, b, &list, &n, err) < 0)
				return -1;
	if (rec->host_config.publish_all_ports)
		for (char **p = rec->config.exposed_ports; p && *p; p++)
			if (!bound(&rec->host_config, *p) &&
			    add_binding(*p, NULL, &list, &n, err) < 0)
				return -1;
	*ret = take_ptr(list);
	*ret_n = n;
	return 0;
}

void container_port_key(const struct net_port *p, char ret[16])
{
	snprintf(ret, 16, "%u/%s", p->container_port, p->proto);
}
