/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Networks on a link of the host: macvlan and ipvlan. A container's interface is a
 * face of the parent, made in its namespace by the helper; there is no bridge, no
 * rule of ours, and no published port.
 *
 * A parent named LINK.ID that does not exist is made as a VLAN of LINK, one that is
 * not named at all as a dummy link; only those are deleted here. Options and texts
 * are those of dockerd's drivers. See ip-link(8), the kernel's ipvlan.rst.
 */
#include "network_priv.h"

#include <base/log.h>
#include <base/nlmsg.h>
#include <errno.h>
#include <linux/if_link.h>

struct mode {
	const char *name;
	uint32_t value;
};

static const struct mode macvlan_modes[] = {
	{"bridge", MACVLAN_MODE_BRIDGE},
	{"private", MACVLAN_MODE_PRIVATE},
	{"vepa", MACVLAN_MODE_VEPA},
	{"passthru", MACVLAN_MODE_PASSTHRU},
};
static const struct mode ipvlan_modes[] = {
	{"l2", IPVLAN_MODE_L2},
	{"l3", IPVLAN_MODE_L3},
	{"l3s", IPVLAN_MODE_L3S},
};
static const struct mode ipvlan_flags[] = {
	{"bridge", 0},
	{"private", IPVLAN_F_PRIVATE},
	{"vepa", IPVLAN_F_VEPA},
};

static bool is_macvlan(const struct network *net)
{
	return str_eq(net->driver, "macvlan");
}

bool network_has_parent(const struct network *net)
{
	return is_macvlan(net) || str_eq(net->driver, "ipvlan");
}

/* --- options --- */

/* The first of a table is the default. */
static const struct mode *mode_of(const struct network *net, const char *option,
				  const struct mode *modes, size_t n)
{
	const char *text = strmap_get(&net->options, option);

	if (str_empty(text))
		return &modes[0];
	for (size_t i = 0; i < n; i++)
		if (str_eq(modes[i].name, text))
			return &modes[i];
	return NULL;
}

static const struct mode *main_mode(const struct network *net)
{
	return is_macvlan(net)
		       ? mode_of(net, "macvlan_mode", macvlan_modes, ARRAY_SIZE(macvlan_modes))
		       : mode_of(net, "ipvlan_mode", ipvlan_modes, ARRAY_SIZE(ipvlan_modes));
}

static const struct mode *flag_mode(const struct network *net)
{
	return mode_of(net, "ipvlan_flag", ipvlan_flags, ARRAY_SIZE(ipvlan_flags));
}

bool network_parent_link_route(const struct network *net)
{
	const struct mode *m = str_eq(net->driver, "ipvlan") ? main_mode(net) : NULL;

	return m && m->value != IPVLAN_MODE_L2;
}

void network_parent_request(const struct network *net, struct netns_request *q)
{
	const struct mode *m = main_mode(net), *flag = flag_mode(net);

	q->kind = is_macvlan(net) ? NETNS_MACVLAN : NETNS_IPVLAN;
	q->mode = m ? m->value : 0;
	q->flags = flag ? flag->value : 0;
	if (network_parent_link_route(net))
		q->gateway = 0;
}

static int check_modes(const struct network *net, struct crl_err *err)
{
	bool mac = is_macvlan(net);
	const char *option = mac ? "macvlan_mode" : "ipvlan_mode";

	if (!main_mode(net))
		return crl_fail(err, CRL_INVALID,
				"requested %s mode '%s' is not valid, '%s' mode is the %s driver "
				"default",
				net->driver, strmap_get(&net->options, option),
				mac ? "bridge" : "l2", net->driver);
	if (!mac && !flag_mode(net))
		return crl_fail(err, CRL_INVALID,
				"requested ipvlan flag '%s' is not valid, 'bridge' is the ipvlan "
				"driver default",
				strmap_get(&net->options, "ipvlan_flag"));
	return 0;
}

/* Who shares a parent with whom: docker's rules, which are the kernel's. */
static int check_neighbours(const struct networks *n, const struct network *net,
			    struct crl_err *err)
{
	for (size_t i = 0; i < n->n_items; i++) {
		const struct network *other = n->items[i];
		if (!network_has_parent(other) || !str_eq(other->link, net->link))
			continue;
		if (!is_macvlan(net) || !is_macvlan(other))
			return crl_fail(err, CRL_FORBIDDEN,
					"network %s is already using parent interface %s",
					other->id, net->link);
		if (main_mode(net)->value == MACVLAN_MODE_PASSTHRU)
			return crl_fail(err, CRL_FORBIDDEN,
					"cannot use mode passthru, macvlan network %s is already "
					"using parent interface %s",
					other->id, net->link);
		if (main_mode(other)->value == MACVLAN_MODE_PASSTHRU)
			return crl_fail(err, CRL_FORBIDDEN,
					"macvlan network %s is already using parent interface %s "
					"in mode passthru",
					other->id, net->link);
	}
	return 0;
}

/* --- links --- */

/* Sends one message from the daemon's own namespace; 0 or an errno value. */
static int talk(struct nlmsg *m)
{
	_cleanup_close_ int nl = -1;
	struct crl_err err;

	if (nlmsg_open(&nl, &err) < 0)
		return err.sys ? err.sys : EIO;
	return nlmsg_talk(nl, m);
}

/* A link of the kind without a parent cannot be made; a kernel that has the kind says so. */
static bool kernel_has(const char *kind)
{
	struct ifinfomsg any = {0};
	struct nlmsg m = {0};

	nlmsg_begin(&m, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &any, sizeof(any));
	nlmsg_attr_str(&m, IFLA_IFNAME, "crlprobe");
	size_t info = nlmsg_nest(&m, IFLA_LINKINFO);
	nlmsg_attr_str(&m, IFLA_INFO_KIND, kind);
	nlmsg_end(&m, info);
	return talk(&m) != EOPNOTSUPP;
}

static int lacks(struct crl_err *err, const char *kind)
{
	return crl_fail(err, CRL_KERNEL, "this kernel has no %s links (is the module %s there?)",
			kind, str_eq(kind, "vlan") ? "8021q" : kind);
}

static int make_link(const char *name, const char *kind, unsigned parent, uint16_t vlan,
		     struct crl_err *err)
{
	struct ifinfomsg up = {.ifi_flags = IFF_UP, .ifi_change = IFF_UP};
	struct nlmsg m = {0};

	nlmsg_begin(&m, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &up, sizeof(up));
	nlmsg_attr_str(&m, IFLA_IFNAME, name);
	if (parent)
		nlmsg_attr_u32(&m, IFLA_LINK, parent);
	size_t info = nlmsg_nest(&m, IFLA_LINKINFO);
	nlmsg_attr_str(&m, IFLA_INFO_KIND, kind);
	if (parent) {
		size_t data = nlmsg_nest(&m, IFLA_INFO_DATA);
		nlmsg_attr(&m, IFLA_VLAN_ID, &vlan, sizeof(vlan));
		nlmsg_end(&m, data);
	}
	nlmsg_end(&m, info);
	int sys = talk(&m);
	if (sys == EOPNOTSUPP)
		return lacks(err, kind);
	return sys ? crl_fail_sys(err, sys, "make link %s", name) : 0;
}

/* "eth0.10" */
static int make_vlan(const char *name, struct crl_err *err)
{
	const char *dot = strrchr(name, '.');
	_cleanup_free_ char *master = dot ? strndup(name, (size_t)(dot - name)) : NULL;
	uint64_t id = 0;

	if (!dot || !str_to_u64(dot + 1, &id))
		return crl_fail(err, CRL_INVALID,
				"required interface name format is: name.vlan_id, ex. eth0.10 for "
				"vlan 10, instead received %s",
				name);
	if (!master)
		return crl_fail_oom(err);
	if (id < 1 || id > 4094)
		return crl_fail(err, CRL_INVALID, "vlan id must be between 1-4094, received: %s",
				dot + 1);
	unsigned parent = if_nametoindex(master);
	if (!parent)
		return crl_fail(err, CRL_INVALID,
				"failed to find master interface %s on the Docker host", master);
	return make_link(name, "vlan", parent, (uint16_t)id, err);
}

static bool is_dummy(const struct network *net)
{
	char name[IFNAMSIZ];

	snprintf(name, sizeof(name), "dm-%.12s", net->id);
	return str_eq(net->link, name);
}

int network_parent_up(struct network *net, struct crl_err *err)
{
	struct ifinfomsg up = {.ifi_flags = IFF_UP, .ifi_change = IFF_UP};
	struct nlmsg m = {0};

	net->ifindex = if_nametoindex(net->link);
	if (!net->ifindex) {
		if ((is_dummy(net) ? make_link(net->link, "dummy", 0, 0, err)
				   : make_vlan(net->link, err)) < 0)
			return -1;
		net->made_link = true;
		net->ifindex = if_nametoindex(net->link);
	}
	up.ifi_index = (int)net->ifindex;
	if (!net->made_link)
		return 0; /* whether somebody's link is up is theirs to say */
	nlmsg_begin(&m, RTM_NEWLINK, 0, &up, sizeof(up));
	int sys = talk(&m);
	return sys ? crl_fail_sys(err, sys, "bring %s up", net->link) : 0;
}

void network_parent_down(struct networks *n, const struct network *net)
{
	struct crl_err err = CRL_ERR_INIT;

	if (!network_has_parent(net) || !net->made_link)
		return;
	/* Several networks may be on one VLAN. */
	for (size_t i = 0; i < n->n_items; i++)
		if (n->items[i] != net && network_has_parent(n->items[i]) &&
		    str_eq(n->items[i]->link, net->link)) {
			n->items[i]->made_link = true;
			return;
		}
	if (netlink_delete(n->netlink, net->link, &err) < 0)
		log_warn("parent link", "network", net->name, "error", err.msg, NULL);
}

int network_parent_options(struct networks *n, struct network *net, struct crl_err *err)
{
	const char *parent = strmap_get(&net->options, "parent");
	const char *mtu = strmap_get(&net->options, "com.docker.network.driver.mtu");

	if (check_modes(net, err) < 0)
		return -1;
	if (str_eq(parent, "lo"))
		return crl_fail(err, CRL_INVALID,
				"loopback interface is not a valid %s parent link", net->driver);
	if (!str_empty(parent) && (strlen(parent) >= IFNAMSIZ || strpbrk(parent, "/ \t\n")))
		return crl_fail(err, CRL_INVALID, "invalid parent interface name %s", parent);
	if (!mtu)
		net->mtu = 0; /* the parent's */
	net->link = malloc(IFNAMSIZ);
	if (!net->link)
		return crl_fail_oom(err);
	if (str_empty(parent))
		snprintf(net->link, IFNAMSIZ, "dm-%.12s", net->id);
	else
		snprintf(net->link, IFNAMSIZ, "%s", parent);
	if (!kernel_has(net->driver))
		return lacks(err, net->driver);
	return check_neighbours(n, net, err);
}
