/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Owns a container's endpoints in memory and in its record, from the start of
 * a run to its end. What an endpoint is made of belongs to network_endpoint.c.
 */
#include "container.h"
#include "container_ports.h"

#include <base/log.h>

const struct net_endpoint *container_ep(const struct container *c, const char *network)
{
	for (size_t i = 0; i < c->n_eps; i++)
		if (str_eq(c->eps[i].network, network) || str_eq(c->eps[i].network_id, network))
			return &c->eps[i];
	return NULL;
}

/* Docker's order: the priority, then the network's name. */
static bool leads_better(const struct net_endpoint *a, const struct net_endpoint *b)
{
	if (!b || a->gw_priority != b->gw_priority)
		return !b || a->gw_priority > b->gw_priority;
	return strcmp(a->network, b->network) < 0;
}

const struct net_endpoint *container_gateway_ep(const struct container *c)
{
	const struct net_endpoint *best = NULL;
	for (size_t i = 0; i < c->n_eps; i++)
		if ((c->eps[i].gateway[0] || c->eps[i].gateway6[0]) &&
		    leads_better(&c->eps[i], best))
			best = &c->eps[i];
	return best;
}

/* --- the record --- */

static int record_endpoints(struct container *c, struct crl_err *err)
{
	cJSON *list = cJSON_CreateArray();
	for (size_t i = 0; i < c->n_eps; i++)
		cJSON_AddItemToArray(list, net_endpoint_to_json(&c->eps[i]));
	if (cJSON_GetArraySize(list) != (int)c->n_eps) {
		cJSON_Delete(list);
		return crl_fail_oom(err);
	}
	cJSON_Delete(c->rec.endpoints);
	c->rec.endpoints = list;
	return 0;
}

/* Room for one more, zeroed; it counts only once the caller raises n_eps. */
static struct net_endpoint *next_endpoint(struct container *c, struct crl_err *err)
{
	struct net_endpoint *more = realloc(c->eps, (c->n_eps + 1) * sizeof(*more));
	if (!more) {
		crl_fail_oom(err);
		return NULL;
	}
	c->eps = more;
	c->eps[c->n_eps] = (struct net_endpoint){.netns_fd = -1};
	return &c->eps[c->n_eps];
}

/* --- names --- */

static int add_name(char ***names, const char *name)
{
	if (str_empty(name) || strv_contains(*names, name))
		return 0;
	return strv_push(names, name);
}

/* Docker's order: name, aliases, short id, and the host name where the user chose one. */
static char **dns_names(const struct container *c, const struct api_endpoint *asked)
{
	char **names = NULL, id[13];
	snprintf(id, sizeof(id), "%.12s", c->rec.id);
	bool failed = add_name(&names, c->rec.name) < 0;
	for (char **a = asked ? asked->aliases : NULL; a && *a; a++)
		failed |= add_name(&names, *a) < 0;
	if (failed || add_name(&names, id) < 0 || add_name(&names, c->rec.config.hostname) < 0) {
		strv_free(names);
		return NULL;
	}
	return names;
}

/* --- a run --- */

static const struct api_endpoint *asked_endpoint(const struct container *c, const char *network)
{
	for (size_t i = 0; i < c->rec.networking.n_endpoints; i++)
		if (str_eq(c->rec.networking.endpoints[i].key, network))
			return &c->rec.networking.endpoints[i];
	return c->rec.networking.n_endpoints == 1 ? &c->rec.networking.endpoints[0] : NULL;
}

static int attach(struct container *c, const char *network, const struct net_port *ports,
		  size_t n_ports, struct crl_err *err)
{
	const struct api_endpoint *asked = asked_endpoint(c, network);
	struct net_endpoint *ep = next_endpoint(c, err);
	_cleanup_strv_ char **names = dns_names(c, asked);
	if (!ep || !names)
		return ep ? crl_fail_oom(err) : -1;
	const struct api_ipam_config *ipam = asked ? asked->ipam_config : NULL;
	struct net_request req = {.container_id = c->rec.id,
				  .container_name = c->rec.name,
				  .network = network,
				  .wanted_ip = ipam ? ipam->ipv4_address : NULL,
				  .wanted_ip6 = ipam ? ipam->ipv6_address : NULL,
				  .aliases = asked ? asked->aliases : NULL,
				  .dns_names = names,
				  .gw_priority = asked ? asked->gw_priority : 0,
				  .ports = ports,
				  .n_ports = n_ports};
	if (net_acquire(c->d, &req, ep, err) < 0)
		return -1;
	c->n_eps++;
	return 0;
}

int container_net_start(struct container *c, struct crl_err *err)
{
	_cleanup_free_ struct net_port *ports = NULL;
	size_t n_ports = 0;
	if (container_ports(&c->rec, &ports, &n_ports, err) < 0 ||
	    attach(c, c->rec.host_config.network_mode, ports, n_ports, err) < 0)
		return -1;
	if (record_endpoints(c, err) == 0)
		return 0;
	container_net_release(c);
	return -1;
}

void container_net_release(struct container *c)
{
	while (c->n_eps > 0)
		net_release(c->d, &c->eps[--c->n_eps]);
	free(take_ptr(c->eps));
}

/* --- after a restart of the daemon --- */

static void adopt_one(struct container *c, const cJSON *tree)
{
	struct crl_err err = CRL_ERR_INIT;
	struct net_endpoint *ep = next_endpoint(c, &err);
	if (ep && net_endpoint_from_json(tree, ep, &err) == 0) {
		if (net_adopt(c->d, ep, &err) == 0) {
			c->n_eps++;
			return;
		}
		net_endpoint_clear(ep);
	}
	log_warn("network of a running container is unknown", "container", c->rec.id, "error",
		 err.msg, NULL);
}

void container_net_adopt(struct container *c)
{
	const cJSON *item;
	if (c->n_eps > 0)
		return;
	if (c->rec.endpoint && !c->rec.endpoints) {
		c->rec.endpoints = cJSON_CreateArray();
		cJSON_AddItemToArray(c->rec.endpoints, take_ptr(c->rec.endpoint));
	}
	cJSON_ArrayForEach (item, c->rec.endpoints)
		adopt_one(c, item);
}
