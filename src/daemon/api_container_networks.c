/* SPDX-License-Identifier: GPL-2.0-or-later */
/* NetworkSettings.Networks of inspect and list: what was asked, and what a running container has.
 */
#include "api_containers.h"
#include "container_endpoints.h"

static cJSON *ipam_json(const struct api_endpoint *asked)
{
	const struct api_ipam_config *ipam = asked->ipam_config;
	if (!ipam)
		return cJSON_CreateNull();
	cJSON *o = cJSON_CreateObject();
	if (!str_empty(ipam->ipv4_address))
		json_add_str(o, "IPv4Address", ipam->ipv4_address);
	if (!str_empty(ipam->ipv6_address))
		json_add_str(o, "IPv6Address", ipam->ipv6_address);
	if (strv_len(ipam->link_local_ips))
		json_add_strv(o, "LinkLocalIPs", ipam->link_local_ips, false);
	return o;
}

static void add_aliases(cJSON *o, const struct container *c, const struct api_endpoint *asked,
			int version)
{
	_cleanup_strv_ char **all = strv_copy(asked->aliases);
	char id[13];
	snprintf(id, sizeof(id), "%.12s", c->rec.id);
	if (version < 145 && container_network_user_defined(asked->key)) {
		if (!strv_contains(all, id))
			(void)strv_push(&all, id);
		if (!str_empty(c->rec.config.hostname) &&
		    !strv_contains(all, c->rec.config.hostname))
			(void)strv_push(&all, c->rec.config.hostname);
	}
	json_add_strv(o, "Aliases", all, true);
}

static void add_names(cJSON *o, const struct container *c, const struct api_endpoint *asked,
		      const struct net_endpoint *ep)
{
	_cleanup_strv_ char **names = NULL;
	/* As docker: once it has run, they are shown. */
	if (!ep && c->rec.started_at && container_network_user_defined(asked->key))
		names = net_dns_names(c->rec.name, c->rec.id, c->rec.config.hostname,
				      asked->aliases);
	json_add_strv(o, "DNSNames", ep ? ep->dns_names : names, true);
}

static cJSON *endpoint_json(const struct container *c, const struct api_endpoint *asked,
			    int version)
{
	const struct net_endpoint none = {0}, *live = container_ep(c, asked->key),
				  *ep = live ? live : &none;
	cJSON *o = cJSON_CreateObject();
	cJSON_AddItemToObject(o, "IPAMConfig", ipam_json(asked));
	json_add_strv(o, "Links", asked->links, true);
	add_aliases(o, c, asked, version);
	json_add_str(o, "MacAddress", live || c->rec.started_at ? ep->mac : asked->mac_address);
	if (asked->driver_opts.n > 0)
		json_add_strmap(o, "DriverOpts", &asked->driver_opts);
	else
		cJSON_AddNullToObject(o, "DriverOpts");
	json_add_i64(o, "GwPriority", asked->gw_priority);
	json_add_str(o, "NetworkID", live ? ep->network_id : asked->network_id);
	json_add_str(o, "EndpointID", ep->id);
	json_add_str(o, "Gateway", str_eq(ep->gateway, NET_LINK_ROUTE) ? "" : ep->gateway);
	json_add_str(o, "IPAddress", ep->ip);
	json_add_i64(o, "IPPrefixLen", ep->prefix_len);
	json_add_str(o, "IPv6Gateway", ep->gateway6);
	json_add_str(o, "GlobalIPv6Address", ep->ip6);
	json_add_i64(o, "GlobalIPv6PrefixLen", ep->prefix6);
	add_names(o, c, asked, live);
	return o;
}

cJSON *api_networks_json(const struct container *c, int version)
{
	cJSON *o = cJSON_CreateObject();
	for (size_t i = 0; i < c->rec.networking.n_endpoints; i++) {
		const struct api_endpoint *asked = &c->rec.networking.endpoints[i];
		cJSON_AddItemToObject(o, asked->key, endpoint_json(c, asked, version));
	}
	return o;
}
