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
	json_add_str(o, "ContainerID", ep->container_id);
	json_add_str(o, "IPAddress", ep->ip);
	json_add_i64(o, "IPPrefixLen", ep->prefix_len);
	json_add_str(o, "Gateway", ep->gateway);
	json_add_str(o, "MacAddress", ep->mac);
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
	    ports_from_json(tree, &ep)) {
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
	free(ep->ports);
	*ep = (struct net_endpoint){.netns_fd = -1};
}
