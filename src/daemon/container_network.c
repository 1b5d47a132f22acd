/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Owns a container's endpoints in memory and in its record, from the start of
 * a run to its end. What an endpoint is made of belongs to network_endpoint.c,
 * what was asked to container_endpoints.c.
 */
#include "container_network.h"

#include "container_endpoints.h"
#include "container_users.h"
#include "container_ports.h"
#include "dns_client.h"

#include <base/log.h>

const struct net_endpoint *container_ep(const struct container *c, const char *network)
{
	for (size_t i = 0; i < c->n_eps; i++)
		if (str_eq(c->eps[i].network, network) || str_eq(c->eps[i].network_id, network))
			return &c->eps[i];
	return NULL;
}

const struct net_endpoint *container_gateway_ep(const struct container *c)
{
	return net_gateway_of(c->eps, c->n_eps);
}

/* --- the record --- */

int container_record_endpoints(struct container *c, struct crl_err *err)
{
	cJSON *list = cJSON_CreateArray();
	for (size_t i = 0; i < c->n_eps; i++) {
		struct api_endpoint *asked = container_asked(&c->rec, c->eps[i].network);
		cJSON_AddItemToArray(list, net_endpoint_to_json(&c->eps[i]));
		/* Inspect shows it after the run, too. */
		if (asked && !str_eq(asked->network_id, c->eps[i].network_id)) {
			free(asked->network_id);
			asked->network_id = strdup(c->eps[i].network_id);
		}
	}
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

/* --- attaching --- */

static const char *ifname_of(const struct container *c, const struct api_endpoint *asked,
			     char automatic[16])
{
	const char *wanted = strmap_get(&asked->driver_opts, NET_OPT_IFNAME);
	(void)net_free_ifname(net_ifname_prefix(c->d, asked->key), c->eps, c->n_eps, automatic);
	return wanted ? wanted : automatic;
}

/* Names on the default bridge would be answered to nobody: docker has none there. */
static int names_of(const struct container *c, const struct api_endpoint *asked, char ***ret,
		    struct crl_err *err)
{
	if (!container_network_user_defined(asked->key))
		return 0;
	*ret = net_dns_names(c->rec.name, c->rec.id, c->rec.config.hostname, asked->aliases);
	return *ret ? 0 : crl_fail_oom(err);
}

int container_attach_network(struct container *c, const struct api_endpoint *asked, int netns_fd,
			     const struct net_port *ports, size_t n_ports, struct crl_err *err)
{
	struct net_endpoint *ep = next_endpoint(c, err);
	_cleanup_strv_ char **names = NULL;
	char automatic[16];
	if (!ep || names_of(c, asked, &names, err) < 0)
		return -1;
	const struct api_ipam_config *ipam = asked->ipam_config;
	struct net_request req = {.container_id = c->rec.id,
				  .container_name = c->rec.name,
				  .network = asked->key,
				  .wanted_ip = ipam ? ipam->ipv4_address : NULL,
				  .wanted_ip6 = ipam ? ipam->ipv6_address : NULL,
				  .mac = asked->mac_address,
				  .ifname = ifname_of(c, asked, automatic),
				  .aliases = asked->aliases,
				  .dns_names = names,
				  .links = asked->links,
				  .gw_priority = asked->gw_priority,
				  .attach = netns_fd >= 0,
				  .netns_fd = netns_fd,
				  .own_users = container_users_own(&c->rec),
				  .ports = ports,
				  .n_ports = n_ports};
	if (net_acquire(c->d, &req, ep, err) < 0)
		return -1;
	c->n_eps++;
	return 0;
}

void container_detach_network(struct container *c, const char *network, int netns_fd)
{
	for (size_t i = 0; i < c->n_eps; i++) {
		if (!str_eq(c->eps[i].network, network))
			continue;
		net_detach(c->d, &c->eps[i], netns_fd);
		memmove(&c->eps[i], &c->eps[i + 1], (c->n_eps - i - 1) * sizeof(*c->eps));
		c->n_eps--;
		return;
	}
}

/* --- the way out --- */

static struct net_endpoint *endpoint_by_id(struct container *c, const char *id)
{
	for (size_t i = 0; i < c->n_eps; i++)
		if (str_eq(c->eps[i].id, id))
			return &c->eps[i];
	return NULL;
}

int container_copy_ports(const struct net_endpoint *ep, struct net_port **ret, size_t *ret_n,
			 struct crl_err *err)
{
	struct net_port *copy = calloc(ep->n_ports + 1, sizeof(*copy));
	if (!copy)
		return crl_fail_oom(err);
	if (ep->n_ports)
		memcpy(copy, ep->ports, ep->n_ports * sizeof(*copy));
	*ret = copy;
	*ret_n = ep->n_ports;
	return 0;
}

/* What the container publishes now, with the host's ports that were chosen; the caller frees. */
static int current_ports(struct container *c, struct net_port **ret, size_t *ret_n,
			 struct crl_err *err)
{
	for (size_t i = 0; i < c->n_eps; i++)
		if (c->eps[i].n_ports > 0)
			return container_copy_ports(&c->eps[i], ret, ret_n, err);
	return container_ports(&c->rec, ret, ret_n, err);
}

static int publish_there(struct container *c, struct net_endpoint *to, const struct net_port *kept,
			 size_t n_kept, struct crl_err *err)
{
	_cleanup_free_ struct net_port *ports = NULL;
	size_t n = 0;
	if (kept)
		return net_publish(c->d, to, c->rec.name, kept, n_kept, err);
	if (current_ports(c, &ports, &n, err) < 0)
		return -1;
	for (size_t i = 0; i < c->n_eps; i++)
		if (c->eps[i].n_ports > 0)
			net_unpublish(c->d, &c->eps[i]);
	return n ? net_publish(c->d, to, c->rec.name, ports, n, err) : 0;
}

int container_settle_gateway(struct container *c, const char *before, int netns_fd,
			     const struct net_port *kept, size_t n_kept, struct crl_err *err)
{
	const struct net_endpoint *best = container_gateway_ep(c);
	if (str_eq(best ? best->id : "", before))
		return 0;
	if (net_route(c->d, netns_fd, best, err) < 0)
		return -1;
	return best ? publish_there(c, endpoint_by_id(c, best->id), kept, n_kept, err) : 0;
}

/* --- a run --- */

bool container_wants_network(const struct container *c)
{
	return c->rec.networking.n_endpoints > 0;
}

static int start_several(struct container *c, struct api_endpoint *const *asked, size_t n,
			 struct crl_err *err)
{
	for (size_t i = 0; i < n; i++)
		if (container_attach_network(c, asked[i], c->n_eps ? c->eps[0].netns_fd : -1, NULL,
					     0, err) < 0)
			return -1;
	/* The first one's namespace came with its default route. */
	const struct net_endpoint *best = container_gateway_ep(c);
	if (!best)
		return 0;
	if (best != &c->eps[0] && net_route(c->d, c->eps[0].netns_fd, best, err) < 0)
		return -1;
	return publish_there(c, endpoint_by_id(c, best->id), NULL, 0, err);
}

static int start_one(struct container *c, const struct api_endpoint *asked, struct crl_err *err)
{
	_cleanup_free_ struct net_port *ports = NULL;
	size_t n_ports = 0;
	if (container_ports(&c->rec, &ports, &n_ports, err) < 0)
		return -1;
	return container_attach_network(c, asked, -1, ports, n_ports, err);
}

int container_net_start(struct container *c, struct crl_err *err)
{
	size_t n = 0;
	_cleanup_free_ struct api_endpoint **asked = container_asked_in_order(c, &n);
	if (!asked)
		return crl_fail_oom(err);
	int r = n == 1 ? start_one(c, asked[0], err) : start_several(c, asked, n, err);
	if (r == 0)
		r = container_record_endpoints(c, err);
	if (r == 0)
		r = dns_update(c, err);
	if (r < 0)
		container_net_release(c);
	return r;
}

void container_net_release(struct container *c)
{
	dns_drop(c);
	while (c->n_eps > 0)
		net_release(c->d, &c->eps[--c->n_eps]);
	free(take_ptr(c->eps));
}

void container_net_renamed(struct container *c)
{
	for (size_t i = 0; i < c->n_eps; i++) {
		const struct api_endpoint *asked = container_asked(&c->rec, c->eps[i].network);
		_cleanup_strv_ char **names = NULL;
		struct crl_err err = CRL_ERR_INIT;
		if (!asked || names_of(c, asked, &names, &err) < 0 ||
		    net_set_names(c->d, &c->eps[i], names, &err) < 0)
			log_warn("names of an endpoint", "container", c->rec.id, "error", err.msg,
				 NULL);
	}
	if (c->n_eps > 0) {
		struct crl_err err = CRL_ERR_INIT;
		(void)container_record_endpoints(c, &err);
		if (dns_update(c, &err) < 0)
			log_warn("name server", "container", c->rec.id, "error", err.msg, NULL);
	}
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
	struct crl_err err = CRL_ERR_INIT;
	const cJSON *item;
	if (c->n_eps > 0)
		return;
	if (c->rec.endpoint && !c->rec.endpoints) {
		c->rec.endpoints = cJSON_CreateArray();
		cJSON_AddItemToArray(c->rec.endpoints, take_ptr(c->rec.endpoint));
	}
	cJSON_ArrayForEach (item, c->rec.endpoints)
		adopt_one(c, item);
	if (dns_update(c, &err) < 0)
		log_warn("no name server for a container", "container", c->rec.id, "error", err.msg,
			 NULL);
}
