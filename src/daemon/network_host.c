/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What our networks need on the host: bridges, sysctls and the firewall table;
 * made, checked, and made again when somebody removed them.
 *
 * May not touch links, rules or settings that are not ours, with one exception that
 * routing needs: net.ipv4.ip_forward is switched on, and that is logged.
 * See ip-sysctl in the kernel's documentation, bridge(8).
 */
#include "network_priv.h"

#include <base/log.h>
#include <base/path.h>

static void host_sysctl(const char *link, const char *family, const char *key, const char *value)
{
	_cleanup_free_ char *path = path_printf("/proc/sys/net/%s/conf/%s/%s", family, link, key);
	struct crl_err err = CRL_ERR_INIT;

	if (!path || path_write_string(AT_FDCWD, path, value, &err) < 0)
		log_debug("sysctl", "path", path ? path : key, "error", err.msg, NULL);
}

static void host_ip_forward(void)
{
	static const char *const path = "/proc/sys/net/ipv4/ip_forward";
	_cleanup_free_ char *now = NULL;
	struct crl_err err = CRL_ERR_INIT;
	size_t len;

	if (path_read_file(AT_FDCWD, path, 16, &now, &len, &err) == 0 && now[0] == '1')
		return;
	if (path_write_string(AT_FDCWD, path, "1", &err) < 0)
		log_warn("containers cannot reach other hosts: routing is off", "error", err.msg,
			 NULL);
	else
		log_info("switched net.ipv4.ip_forward on: containers need routing", NULL);
}

/*
 * With forwarding a host stops to listen to routers (accept_ra 1 means "unless I
 * forward"), and would lose its own way out some minutes later. Where it listened it
 * goes on to.
 */
static void host_keep_listening(void)
{
	struct if_nameindex *all = if_nameindex();
	struct crl_err err = CRL_ERR_INIT;

	for (struct if_nameindex *i = all; i && i->if_index; i++) {
		_cleanup_free_ char *path =
			path_printf("/proc/sys/net/ipv6/conf/%s/accept_ra", i->if_name);
		_cleanup_free_ char *now = NULL;
		size_t len;
		if (path && path_read_file(AT_FDCWD, path, 16, &now, &len, &err) == 0 &&
		    now[0] == '1')
			host_sysctl(i->if_name, "ipv6", "accept_ra", "2");
	}
	if_freenameindex(all);
	host_sysctl("default", "ipv6", "accept_ra", "2");
}

static void host_ip6_forward(void)
{
	static const char *const path = "/proc/sys/net/ipv6/conf/all/forwarding";
	_cleanup_free_ char *now = NULL;
	struct crl_err err = CRL_ERR_INIT;
	size_t len;

	if (path_read_file(AT_FDCWD, path, 16, &now, &len, &err) < 0 || now[0] == '1')
		return;
	host_keep_listening();
	if (path_write_string(AT_FDCWD, path, "1", &err) < 0)
		log_warn("containers cannot reach other hosts by IPv6: routing is off", "error",
			 err.msg, NULL);
	else
		log_info("switched net.ipv6.conf.all.forwarding on: containers need routing", NULL);
}

/*
 * The order matters: with route_localnet the bridge would accept packets to
 * 127/8, which the table's "raw" chain drops, so the rules are made first.
 * Without it, 127.0.0.1:PORT on the host could not be sent to a container.
 */
static void host_sysctls(const struct network *net)
{
	host_ip_forward();
	host_sysctl(net->link, "ipv4", "route_localnet", "1");
	host_sysctl(net->link, "ipv6", "accept_ra", "0");
	host_sysctl(net->link, "ipv6", "accept_dad", "0");
	if (network_has_ip6(net))
		host_ip6_forward();
}

int network_link_up(struct networks *n, struct network *net, struct crl_err *err)
{
	bool four = net->gateway && !net->bare, six = !ip6_is_zero(net->gateway6) && !net->bare6;
	struct ipam_net addr = {net->gateway, net->ipam.subnet.prefix_len};
	struct ipam6_net addr6 = {net->gateway6, net->ipam6.subnet.prefix_len};

	if (netlink_bridge_ensure(n->netlink, net->link, (unsigned)net->mtu, &net->ifindex, err) <
	    0)
		return crl_context(err, "network %s", net->name);
	host_sysctls(net);
	host_sysctl(net->link, "ipv6", "disable_ipv6", six ? "0" : "1");
	if ((four && netlink_address(n->netlink, net->link, addr, err) < 0) ||
	    (six && netlink_address6(n->netlink, net->link, addr6, err) < 0) ||
	    netlink_set_up(n->netlink, net->link, err) < 0)
		return crl_context(err, "network %s", net->name);
	return 0;
}

struct nft_net network_nft(const struct network *net)
{
	return (struct nft_net){.link = net->link,
				.subnet = net->ipam.subnet,
				.subnet6 = net->ipam6.subnet,
				.mode = net->mode,
				.mode6 = net->mode6,
				.trust = net->trust,
				.internal = net->internal,
				.masquerade = !net->no_masquerade,
				.isolated = net->isolated};
}

/* All published ports of all endpoints in one array. */
static int host_all_ports(const struct networks *n, struct nft_port **ret, size_t *ret_n,
			  struct crl_err *err)
{
	_cleanup_free_ struct nft_port *all = NULL;
	size_t total = 0, at = 0;

	for (size_t i = 0; i < n->n_attachments; i++)
		total += n->attachments[i]->ep.n_ports;
	all = calloc(total + 1, sizeof(*all));
	if (!all)
		return crl_fail_oom(err);
	for (size_t i = 0; i < n->n_attachments; i++) {
		_cleanup_free_ struct nft_port *some = NULL;
		if (net_attachment_ports(n->attachments[i], &some, err) < 0)
			return -1;
		memcpy(all + at, some, n->attachments[i]->ep.n_ports * sizeof(*all));
		at += n->attachments[i]->ep.n_ports;
	}
	*ret = take_ptr(all);
	*ret_n = total;
	return 0;
}

int network_firewall(struct networks *n, bool keep_ports, struct crl_err *err)
{
	_cleanup_free_ struct nft_net *nets = calloc(n->n_items + 1, sizeof(*nets));
	_cleanup_free_ struct nft_port *ports = NULL;
	struct nft_state state = {.nets = nets};

	if (!nets)
		return crl_fail_oom(err);
	for (size_t i = 0; i < n->n_items; i++)
		if (network_is_bridge(n->items[i]))
			nets[state.n_nets++] = network_nft(n->items[i]);
	if (host_all_ports(n, &ports, &state.n_ports, err) < 0)
		return -1;
	state.ports = ports;
	n->suspect = false;
	return nft_apply(n->nft, &state, keep_ports, err);
}

/* The bridge was deleted and made again: running containers' links hang loose. */
void network_reattach(struct networks *n, const struct network *net)
{
	struct crl_err err = CRL_ERR_INIT;

	for (size_t i = 0; i < n->n_attachments; i++) {
		const struct net_attachment *a = n->attachments[i];
		if (a->network != net || !a->ep.link[0] || if_nametoindex(a->ep.link) == 0 ||
		    netlink_master(n->netlink, a->ep.link) == net->ifindex)
			continue;
		if (netlink_set_master(n->netlink, a->ep.link, net->ifindex, &err) < 0 ||
		    netlink_bridge_port(a->ep.link, net->isolated, &err) < 0)
			log_warn("reattach link", "link", a->ep.link, "error", err.msg, NULL);
	}
}

int network_repair(struct networks *n, struct network *net, struct crl_err *err)
{
	if (n->suspect && !nft_intact(n->nft)) {
		log_warn("somebody removed our firewall rules: made again", NULL);
		if (network_firewall(n, false, err) < 0)
			return -1;
	}
	n->suspect = false;
	if (net && network_has_parent(net))
		return network_parent_up(net, err);
	if (!net || (net->ifindex != 0 && if_nametoindex(net->link) == net->ifindex))
		return 0;
	if (net->ifindex != 0)
		log_warn("somebody removed our bridge: made again", "link", net->link, NULL);
	if (network_link_up(n, net, err) < 0)
		return -1;
	net_pool_drain(net->pool);
	network_reattach(n, net);
	return 0;
}
