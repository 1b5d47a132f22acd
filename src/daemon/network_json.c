/* SPDX-License-Identifier: GPL-2.0-or-later */
/* struct net_endpoint as JSON, under Docker's names where it has one. No system calls. */
#include "network.h"

#include <unistd.h>

static cJSON *port_to_json(const struct net_port *p)
{
	cJSON *o = cJSON_CreateObject();

	json_add_str(o, "Proto", p->proto);
	json_add_i64(o, "ContainerPort", p->container_port);
	json_add_str(o, "HostIp", p->host_ip);
	json_add_i64(o, "HostPort", p->host_port);
	return o;
}

cJSON *net_endpoint_to_json(const struct net_endpoint *ep)
{
	cJSON *o = cJSON_CreateObject();

	json_add_str(o, "EndpointID", ep->id);
	json_add_str(o, "NetworkID", ep->network_id);
	json_add_str(o, "Network", ep->network);
	json_add_str(o, "Driver", ep->driver);
	json_add_str(o, "ContainerID", ep->container_id);
	json_add_str(o, "Interface", ep->ifname);
	json_add_strv(o, "Aliases", ep->aliases, false);
	json_add_strv(o, "DNSNames", ep->dns_names, false);
	json_add_strv(o, "Links", ep->links, false);
	json_add_str(o, "IPAddress", ep->ip);
	json_add_i64(o, "IPPrefixLen", ep->prefix_len);
	json_add_str(o, "Gateway", ep->gateway);
	json_add_str(o, "GlobalIPv6Address", ep->ip6);
	json_add_i64(o, "GlobalIPv6PrefixLen", ep->prefix6);
	json_add_str(o, "IPv6Gateway", ep->gateway6);
	json_add_str(o, "MacAddress", ep->mac);
	json_add_i64(o, "GwPriority", ep->gw_priority);
	json_add_str(o, "Link", ep->link);
	cJSON *ports = cJSON_AddArrayToObject(o, "Ports");
	for (size_t i = 0; i < ep->n_ports; i++)
		cJSON_AddItemToArray(ports, port_to_json(&ep->ports[i]));
	return o;
}

static bool json_to(const cJSON *o, const char *key, char *to, size_t size)
{
	const char *s = json_get_str(o, key);

	return s && (size_t)snprintf(to, size, "%s", s) < size;
}

static bool port_from_json(const cJSON *o, struct net_port *p)
{
	int64_t host, container;

	if (!json_to(o, "Proto", p->proto, sizeof(p->proto)) ||
	    !json_to(o, "HostIp", p->host_ip, sizeof(p->host_ip)) ||
	    !json_get_i64(o, "HostPort", &host) || !json_get_i64(o, "ContainerPort", &container) ||
	    host < 0 || host > UINT16_MAX || container < 0 || container > UINT16_MAX)
		return false;
	p->host_port = (uint16_t)host;
	p->container_port = (uint16_t)container;
	return true;
}

static bool ports_from_json(const cJSON *tree, struct net_endpoint *ep)
{
	const cJSON *list = cJSON_GetObjectItemCaseSensitive(tree, "Ports"), *item;

	ep->ports = calloc((size_t)cJSON_GetArraySize(list) + 1, sizeof(*ep->ports));
	if (!ep->ports)
		return false;
	cJSON_ArrayForEach (item, list)
		if (!port_from_json(item, &ep->ports[ep->n_ports++]))
			return false;
	return true;
}

/* Members that records of earlier versions do not have: absent is empty, damaged is an error. */
static bool text_or(const cJSON *o, const char *key, char *to, size_t size, const char *absent)
{
	if (!cJSON_HasObjectItem(o, key))
		return (size_t)snprintf(to, size, "%s", absent) < size;
	return json_to(o, key, to, size);
}

static bool number_or(const cJSON *o, const char *key, int64_t min, int64_t max, int64_t *ret)
{
	*ret = 0;
	if (!cJSON_HasObjectItem(o, key))
		return true;
	return json_get_i64(o, key, ret) && *ret >= min && *ret <= max;
}

static bool names_from_json(const cJSON *tree, const char *key, char ***ret)
{
	const cJSON *list = cJSON_GetObjectItemCaseSensitive(tree, key), *item;

	cJSON_ArrayForEach (item, list)
		if (!cJSON_IsString(item) || strv_push(ret, item->valuestring) < 0)
			return false;
	return true;
}

static bool later_members(const cJSON *tree, struct net_endpoint *ep)
{
	const char *driver = json_get_str(tree, "Driver");
	int64_t prefix6;

	ep->driver = strdup(driver ? driver : "bridge");
	if (!ep->driver || !names_from_json(tree, "Aliases", &ep->aliases) ||
	    !names_from_json(tree, "DNSNames", &ep->dns_names) ||
	    !names_from_json(tree, "Links", &ep->links) ||
	    !text_or(tree, "Interface", ep->ifname, sizeof(ep->ifname), "eth0") ||
	    !text_or(tree, "GlobalIPv6Address", ep->ip6, sizeof(ep->ip6), "") ||
	    !text_or(tree, "IPv6Gateway", ep->gateway6, sizeof(ep->gateway6), "") ||
	    !number_or(tree, "GlobalIPv6PrefixLen", 0, 128, &prefix6) ||
	    !number_or(tree, "GwPriority", INT64_MIN, INT64_MAX, &ep->gw_priority))
		return false;
	ep->prefix6 = (int)prefix6;
	return true;
}

int net_endpoint_from_json(const cJSON *tree, struct net_endpoint *ret, struct crl_err *err)
{
	struct net_endpoint ep = {.netns_fd = -1};
	const char *network = json_get_str(tree, "Network");
	int64_t prefix_len = 0;

	ep.network = strdup(network ? network : "");
	if (ep.network && network && json_to(tree, "EndpointID", ep.id, sizeof(ep.id)) &&
	    json_to(tree, "NetworkID", ep.network_id, sizeof(ep.network_id)) &&
	    json_to(tree, "ContainerID", ep.container_id, sizeof(ep.container_id)) &&
	    json_to(tree, "IPAddress", ep.ip, sizeof(ep.ip)) &&
	    json_to(tree, "Gateway", ep.gateway, sizeof(ep.gateway)) &&
	    json_to(tree, "MacAddress", ep.mac, sizeof(ep.mac)) &&
	    json_to(tree, "Link", ep.link, sizeof(ep.link)) &&
	    json_get_i64(tree, "IPPrefixLen", &prefix_len) && prefix_len >= 0 && prefix_len <= 32 &&
	    ports_from_json(tree, &ep) && later_members(tree, &ep)) {
		ep.prefix_len = (int)prefix_len;
		*ret = ep;
		return 0;
	}
	net_endpoint_clear(&ep);
	return crl_fail(err, CRL_INVALID, "network endpoint: not a record of ours");
}

void net_endpoint_clear(struct net_endpoint *ep)
{
	if (ep->netns_fd > 0) /* 0: a struct that was only zeroed */
		close(ep->netns_fd);
	free(ep->network);
	free(ep->driver);
	strv_free(ep->aliases);
	strv_free(ep->dns_names);
	strv_free(ep->links);
	free(ep->ports);
	*ep = (struct net_endpoint){.netns_fd = -1};
}
