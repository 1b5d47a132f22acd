/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which subnets networks get: the pools (daemon.json's default-address-pools,
 * or built-in ones), and what on this host is taken already.
 */
#include "network_priv.h"

/* "base" and "size" of one pool; false where it is of the other family. */
static bool pool_of(const cJSON *item, struct ipam_net *ret, uint8_t *ret_size)
{
	int64_t size = 0;

	if (!ipam_parse_cidr(json_get_str(item, "base"), ret) || !json_get_i64(item, "size", &size))
		return false;
	*ret_size = (uint8_t)size;
	return true;
}

static bool pool_of6(const cJSON *item, struct ipam6_net *ret, uint8_t *ret_size)
{
	int64_t size = 0;

	if (!ip6_parse_cidr(json_get_str(item, "base"), ret) || !json_get_i64(item, "size", &size))
		return false;
	*ret_size = (uint8_t)size;
	return true;
}

static int subnets_taken(struct networks *n, const char *skip_link, struct ipam_net **ret,
			 size_t *ret_n, struct crl_err *err)
{
	_cleanup_free_ struct ipam_net *taken = NULL;
	size_t count = 0;

	if (netlink_taken(n->netlink, skip_link, &taken, &count, err) < 0)
		return -1;
	struct ipam_net *all = realloc(taken, (count + n->n_items + 1) * sizeof(*all));
	if (!all)
		return crl_fail_oom(err);
	taken = all;
	for (size_t i = 0; i < n->n_items; i++)
		if (network_has_ip4(n->items[i]))
			taken[count++] = n->items[i]->ipam.subnet;
	*ret = take_ptr(taken);
	*ret_n = count;
	return 0;
}

static int subnets_taken6(struct networks *n, const char *skip_link, struct ipam6_net **ret,
			  size_t *ret_n, struct crl_err *err)
{
	_cleanup_free_ struct ipam6_net *taken = NULL;
	size_t count = 0;

	if (netlink_taken6(n->netlink, skip_link, &taken, &count, err) < 0)
		return -1;
	struct ipam6_net *all = realloc(taken, (count + n->n_items + 1) * sizeof(*all));
	if (!all)
		return crl_fail_oom(err);
	taken = all;
	for (size_t i = 0; i < n->n_items; i++)
		if (network_has_ip6(n->items[i]))
			taken[count++] = n->items[i]->ipam6.subnet;
	*ret = take_ptr(taken);
	*ret_n = count;
	return 0;
}

int network_choose_subnet(struct networks *n, const char *skip_link, struct ipam_net *ret,
			  struct crl_err *err)
{
	_cleanup_free_ struct ipam_net *taken = NULL;
	const cJSON *pools = n->d->config.address_pools, *item;
	size_t count = 0;
	bool any = false;

	if (subnets_taken(n, skip_link, &taken, &count, err) < 0)
		return -1;
	cJSON_ArrayForEach (item, pools) {
		struct ipam_net base;
		uint8_t size;
		if (!pool_of(item, &base, &size))
			continue;
		any = true;
		if (ipam_choose_in(base, size, taken, count, ret, err) == 0)
			return 0;
	}
	return any ? -1 : ipam_choose(taken, count, ret, err);
}

int network_choose_subnet6(struct networks *n, const char *skip_link, struct ipam6_net *ret,
			   struct crl_err *err)
{
	_cleanup_free_ struct ipam6_net *taken = NULL;
	const cJSON *pools = n->d->config.address_pools, *item;
	size_t count = 0;
	bool any = false;

	if (subnets_taken6(n, skip_link, &taken, &count, err) < 0)
		return -1;
	cJSON_ArrayForEach (item, pools) {
		struct ipam6_net base;
		uint8_t size;
		if (!pool_of6(item, &base, &size))
			continue;
		any = true;
		if (ipam6_choose(base, size, taken, count, ret, err) == 0)
			return 0;
	}
	if (any)
		return -1;
	return ipam6_choose(ipam6_local_prefix(n->d->id), 64, taken, count, ret, err);
}

int network_check_overlap(const struct networks *n, const struct network *net, struct crl_err *err)
{
	for (size_t i = 0; i < n->n_items; i++) {
		const struct network *o = n->items[i];
		if (o == net)
			continue;
		if ((network_has_ip4(o) && network_has_ip4(net) &&
		     ipam_overlap(o->ipam.subnet, net->ipam.subnet)) ||
		    (network_has_ip6(o) && network_has_ip6(net) &&
		     ip6_overlap(o->ipam6.subnet, net->ipam6.subnet)))
			return crl_fail(err, CRL_FORBIDDEN,
					"invalid pool request: Pool overlaps with other one on "
					"this address space");
	}
	return 0;
}
