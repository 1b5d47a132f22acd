/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The networks of this daemon: bridge, host, none, and those that users make;
 * finding, adding, removing them, start and end of the whole part.
 *
 * Names in the kernel carry the daemon's suffix, so that two daemons do not meet
 * and what a killed one left can be told from everybody else's.
 */
#include "network_priv.h"

#include "events.h"

#include <base/log.h>
#include <base/path.h>
#include <sys/random.h>

struct network *networks_lookup(struct networks *n, const char *name_or_id)
{
	struct network *found = NULL;
	size_t len = strlen(name_or_id);

	if (str_eq(name_or_id, "default")) /* HostConfig.NetworkMode */
		name_or_id = "bridge";
	for (size_t i = 0; i < n->n_items; i++)
		if (str_eq(n->items[i]->id, name_or_id) || str_eq(n->items[i]->name, name_or_id))
			return n->items[i];
	for (size_t i = 0; i < n->n_items && len > 0; i++) {
		if (!str_starts(n->items[i]->id, name_or_id))
			continue;
		if (found)
			return NULL; /* ambiguous */
		found = n->items[i];
	}
	return found;
}

int networks_find(struct daemon *d, const char *name_or_id, const char **ret_id,
		  const char **ret_name, const char **ret_driver, struct crl_err *err)
{
	const struct network *net = networks_lookup(d->networks, name_or_id);

	if (!net)
		return crl_fail(err, CRL_NOT_FOUND, "network %s not found", name_or_id);
	if (ret_id)
		*ret_id = net->id;
	if (ret_name)
		*ret_name = net->name;
	if (ret_driver)
		*ret_driver = net->driver;
	return 0;
}

size_t network_endpoints(const struct networks *n, const struct network *net)
{
	size_t count = 0;

	for (size_t i = 0; i < n->n_attachments; i++)
		count += n->attachments[i]->network == net;
	return count;
}

void networks_link_name(struct networks *n, const char *prefix, char ret[IFNAMSIZ])
{
	size_t room = IFNAMSIZ - 1 - strlen(prefix);

	do {
		char digits[9];
		snprintf(digits, sizeof(digits), "%08x", n->next_link++);
		/* The last digits are those that count up. */
		const char *from = room < 8 ? digits + 8 - room : digits;
		snprintf(ret, IFNAMSIZ, "%s%s", prefix, from);
	} while (if_nametoindex(ret) != 0);
}

static int networks_append(struct networks *n, struct network *net, struct crl_err *err)
{
	struct network **more = realloc(n->items, (n->n_items + 1) * sizeof(*more));

	if (!more)
		return crl_fail_oom(err);
	n->items = more;
	n->items[n->n_items++] = net;
	return 0;
}

static void networks_take_out(struct networks *n, const struct network *net)
{
	for (size_t i = 0; i < n->n_items; i++) {
		if (n->items[i] != net)
			continue;
		memmove(&n->items[i], &n->items[i + 1], (n->n_items - i - 1) * sizeof(*n->items));
		n->n_items--;
		return;
	}
}

static int networks_bring_up(struct networks *n, struct network *net, struct crl_err *err)
{
	struct nft_net rules = network_nft(net);

	if (nft_net(n->nft, &rules, true, err) < 0 || network_link_up(n, net, err) < 0)
		return -1;
	return net_pool_new(n, net, &net->pool, err);
}

int networks_add(struct networks *n, struct network *net, struct crl_err *err)
{
	struct crl_err ignored;
	struct nft_net rules;

	if ((network_is_bridge(net) && networks_bring_up(n, net, err) < 0) ||
	    (network_has_parent(net) && network_parent_up(net, err) < 0))
		goto undo;
	if (network_save(n->d, net, err) < 0)
		goto undo;
	if (networks_append(n, net, err) < 0) {
		(void)network_forget(n->d, net, &ignored);
		goto undo;
	}
	return 0;
undo:
	network_parent_down(n, net);
	if (network_is_bridge(net)) {
		rules = network_nft(net);
		nft_net(n->nft, &rules, false, &ignored);
		if (net->ifindex)
			netlink_delete(n->netlink, net->link, &ignored);
	}
	return -1;
}

int networks_remove(struct networks *n, struct network *net, struct crl_err *err)
{
	struct crl_err late = CRL_ERR_INIT;

	if (network_forget(n->d, net, err) < 0)
		return -1;
	networks_take_out(n, net);
	net_graves_forget(n->graves, net);
	if (network_is_bridge(net)) {
		net_pool_free(take_ptr(net->pool));
		struct nft_net rules = network_nft(net);
		if (nft_net(n->nft, &rules, false, &late) < 0 &&
		    network_firewall(n, false, &late) < 0)
			log_warn("network rules", "network", net->name, "error", late.msg, NULL);
		if (netlink_delete(n->netlink, net->link, &late) < 0)
			log_warn("network bridge", "network", net->name, "error", late.msg, NULL);
	}
	network_parent_down(n, net);
	network_free(net);
	return 0;
}

/* --- start --- */

static int load_one(struct network *net, void *data)
{
	struct networks *n = data;
	struct crl_err err = CRL_ERR_INIT;

	if (networks_append(n, net, &err) < 0) {
		log_error("network left out", "network", net->id, "error", err.msg, NULL);
		network_free(net);
	}
	return 0;
}

static struct network *network_named(const char *name, const char *driver)
{
	struct network *net = calloc(1, sizeof(*net));
	char now[TIME_BUF];

	if (!net)
		return NULL;
	ident_random(net->id);
	net->name = strdup(name);
	net->driver = strdup(driver);
	net->created = strdup(time_rfc3339(time_now_ns(), now));
	if (net->name && net->driver && net->created)
		return net;
	network_free(net);
	return NULL;
}

static int networks_predefined(struct networks *n, const char *name, const char *driver,
			       struct crl_err *err)
{
	struct network *net = networks_lookup(n, name);
	struct crl_err late = CRL_ERR_INIT;
	bool fresh = !net;

	if (fresh && !(net = network_named(name, driver)))
		return crl_fail_oom(err);
	if ((network_is_bridge(net) && network_default(n, net, err) < 0) ||
	    (fresh && networks_append(n, net, err) < 0)) {
		if (fresh)
			network_free(net);
		return -1;
	}
	/* A full disk must not keep the daemon from starting. */
	if (network_save(n->d, net, &late) < 0)
		log_warn("network is not on record", "network", name, "error", late.msg, NULL);
	return 0;
}

static int networks_load(struct networks *n, struct crl_err *err)
{
	if (network_load_all(n->d, load_one, n, err) < 0)
		return -1;
	if (networks_predefined(n, "bridge", "bridge", err) < 0 ||
	    networks_predefined(n, "host", "host", err) < 0 ||
	    networks_predefined(n, "none", "null", err) < 0)
		return -1;
	return 0;
}

static int networks_watch(sd_event_source *s, int fd, uint32_t revents, void *data)
{
	struct networks *n = data;
	struct crl_err err = CRL_ERR_INIT;

	if (!nft_watch_read(n->nft, fd))
		return 0;
	n->suspect = true;
	if (network_repair(n, NULL, &err) < 0)
		log_warn("repair firewall rules", "error", err.msg, NULL);
	return 0;
}

static int networks_open(struct networks *n, struct crl_err *err)
{
	char table[32];

	snprintf(table, sizeof(table), "crun-lite%s", n->d->suffix);
	if (net_watch_new(n, &n->links, err) < 0 || netlink_open(&n->netlink, err) < 0 ||
	    nft_open(table, &n->nft, err) < 0 || net_helper_new(n->d, &n->helper, err) < 0 ||
	    nft_watch_open(&n->watch_fd, err) < 0)
		return -1;
	n->graves = net_graves_new(n);
	if (!n->graves)
		return crl_fail_oom(err);
	int r = sd_event_add_io(n->d->event, &n->watch, n->watch_fd, EPOLLIN, networks_watch, n);
	return r < 0 ? crl_fail_sys(err, -r, "watch nftables") : 0;
}

/* The rules come before the bridges: see host_sysctls(). */
static int networks_up(struct networks *n, struct crl_err *err)
{
	if (network_firewall(n, true, err) < 0)
		return crl_context(err, "firewall rules (nf_tables with nat is needed)");
	for (size_t i = 0; i < n->n_items; i++) {
		struct network *net = n->items[i];
		struct crl_err one = CRL_ERR_INIT;
		if (network_has_parent(net) && network_parent_up(net, &one) < 0)
			log_error("network is not up", "network", net->name, "error", one.msg,
				  NULL);
		if (!network_is_bridge(net))
			continue;
		if (net_pool_new(n, net, &net->pool, err) < 0)
			return -1;
		/* net_acquire() tries again; one broken network must not keep the daemon from
		 * starting. */
		if (network_link_up(n, net, &one) < 0)
			log_error("network is not up", "network", net->name, "error", one.msg,
				  NULL);
	}
	return 0;
}

int networks_init(struct daemon *d, struct crl_err *err)
{
	struct networks *n = calloc(1, sizeof(*n));
	const char *id = d->suffix[0] ? d->suffix + 1 : "_";

	if (!n)
		return crl_fail_oom(err);
	n->d = d;
	n->watch_fd = -1;
	snprintf(n->veth_prefix, sizeof(n->veth_prefix), "crlv%s", id);
	snprintf(n->bridge_prefix, sizeof(n->bridge_prefix), "crlb%s", id);
	if (getrandom(&n->next_link, sizeof(n->next_link), 0) != sizeof(n->next_link))
		n->next_link = (uint32_t)getpid();
	d->networks = n;
	if (networks_open(n, err) == 0 && networks_load(n, err) == 0 && networks_up(n, err) == 0)
		return 0;
	networks_free(n);
	d->networks = NULL;
	return -1;
}

/* --- after recovery, and the end --- */

static bool networks_knows_link(const struct networks *n, const char *link)
{
	for (size_t i = 0; i < n->n_attachments; i++)
		if (str_eq(n->attachments[i]->ep.link, link))
			return true;
	for (size_t i = 0; i < n->n_items; i++)
		if (str_eq(n->items[i]->link, link) ||
		    (n->items[i]->pool && net_pool_has_link(n->items[i]->pool, link)))
			return true;
	return false;
}

static void sweep_links(struct networks *n, const char *prefix)
{
	_cleanup_strv_ char **names = NULL;
	struct crl_err err = CRL_ERR_INIT;

	if (netlink_names(prefix, &names, &err) < 0) {
		log_warn("sweep links", "error", err.msg, NULL);
		return;
	}
	for (char **name = names; name && *name; name++)
		if (!networks_knows_link(n, *name))
			net_graves_add(n->graves, NULL, 0, (struct ip6){0}, *name);
}

void networks_sweep(struct daemon *d)
{
	struct networks *n = d->networks;
	struct crl_err err = CRL_ERR_INIT;

	sweep_links(n, n->veth_prefix);
	sweep_links(n, n->bridge_prefix);
	if (network_firewall(n, false, &err) < 0)
		log_error("firewall rules", "error", err.msg, NULL);
	/* While no daemon watched, a bridge may have gone; networks_up() made it again. */
	for (size_t i = 0; i < n->n_items; i++)
		if (network_is_bridge(n->items[i]))
			network_reattach(n, n->items[i]);
	net_watch_look(n->links);
	n->swept = true;
	for (size_t i = 0; i < n->n_items; i++)
		if (n->items[i]->pool)
			net_pool_kick(n->items[i]->pool);
}

/* Nobody runs: nothing of ours has a reason to stay in the kernel. */
static void networks_take_down(struct networks *n)
{
	struct crl_err err = CRL_ERR_INIT;

	for (size_t i = 0; i < n->n_items; i++) {
		struct network *net = n->items[i];
		if (((network_is_bridge(net) && net->ifindex) || net->made_link) &&
		    netlink_delete(n->netlink, net->link, &err) < 0)
			log_warn("network bridge", "network", net->name, "error", err.msg, NULL);
	}
	if (n->nft)
		nft_delete_table(n->nft);
}

void networks_free(struct networks *n)
{
	if (!n)
		return;
	net_watch_free(n->links);
	net_helper_free(n->helper);
	net_graves_free(n->graves);
	net_sockets_free(n);
	for (size_t i = 0; i < n->n_items; i++)
		net_pool_free(take_ptr(n->items[i]->pool));
	if (n->swept && n->n_attachments == 0)
		networks_take_down(n);
	for (size_t i = 0; i < n->n_attachments; i++)
		net_attachment_free(n->attachments[i]);
	for (size_t i = 0; i < n->n_items; i++)
		network_free(n->items[i]);
	sd_event_source_disable_unref(n->watch);
	cleanup_close_p(&n->watch_fd);
	nft_close(n->nft);
	netlink_close(n->netlink);
	free(n->attachments);
	free(n->items);
	free(n);
}
