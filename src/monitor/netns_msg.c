/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the network helper says to the kernel about a container's interface, as messages that
 * are only written here, never sent. See rtnetlink(7), veth(4).
 */
#include "netns_msg.h"

#include <arpa/inet.h>
#include <linux/if_link.h>
#include <linux/veth.h>
#include <string.h>
#include <sys/socket.h>

/*
 * One message makes both ends, puts the peer into its namespace under its
 * final name and ours onto the bridge: nothing half made is ever visible, and
 * rtnl is taken once.
 */
void netns_msg_veth(struct nlmsg *m, const struct netns_request *q, int netns)
{
	struct ifinfomsg up = {.ifi_flags = IFF_UP, .ifi_change = IFF_UP};
	struct ifinfomsg down = {0}; /* veth refuses to open an end before it knows the other */

	nlmsg_begin(m, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &up, sizeof(up));
	nlmsg_attr_str(m, IFLA_IFNAME, q->link);
	nlmsg_attr_u32(m, IFLA_MASTER, q->bridge);
	if (q->mtu)
		nlmsg_attr_u32(m, IFLA_MTU, q->mtu);
	size_t info = nlmsg_nest(m, IFLA_LINKINFO);
	nlmsg_attr_str(m, IFLA_INFO_KIND, "veth");
	size_t data = nlmsg_nest(m, IFLA_INFO_DATA);
	size_t peer = nlmsg_nest(m, VETH_INFO_PEER);
	nlmsg_raw(m, &down, sizeof(down));
	nlmsg_attr_str(m, IFLA_IFNAME, q->ifname);
	nlmsg_attr(m, IFLA_ADDRESS, q->mac, sizeof(q->mac));
	nlmsg_attr_u32(m, IFLA_NET_NS_FD, (uint32_t)netns);
	if (q->mtu)
		nlmsg_attr_u32(m, IFLA_MTU, q->mtu);
	nlmsg_end(m, peer);
	nlmsg_end(m, data);
	nlmsg_end(m, info);
}

static void slave_mode(struct nlmsg *m, const struct netns_request *q)
{
	uint16_t mode = (uint16_t)q->mode, flags = (uint16_t)q->flags;

	if (q->kind == NETNS_MACVLAN) {
		nlmsg_attr_u32(m, IFLA_MACVLAN_MODE, q->mode);
		return;
	}
	nlmsg_attr(m, IFLA_IPVLAN_MODE, &mode, sizeof(mode));
	nlmsg_attr(m, IFLA_IPVLAN_FLAGS, &flags, sizeof(flags));
}

/* A second face of a link of the host, made in the namespace at once. */
void netns_msg_slave(struct nlmsg *m, const struct netns_request *q, int netns)
{
	struct ifinfomsg down = {0};

	nlmsg_begin(m, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &down, sizeof(down));
	nlmsg_attr_str(m, IFLA_IFNAME, q->ifname);
	nlmsg_attr_u32(m, IFLA_LINK, q->bridge);
	nlmsg_attr_u32(m, IFLA_NET_NS_FD, (uint32_t)netns);
	if (q->mtu)
		nlmsg_attr_u32(m, IFLA_MTU, q->mtu);
	if (q->kind == NETNS_MACVLAN)
		nlmsg_attr(m, IFLA_ADDRESS, q->mac, sizeof(q->mac));
	size_t info = nlmsg_nest(m, IFLA_LINKINFO);
	nlmsg_attr_str(m, IFLA_INFO_KIND, q->kind == NETNS_MACVLAN ? "macvlan" : "ipvlan");
	size_t data = nlmsg_nest(m, IFLA_INFO_DATA);
	slave_mode(m, q);
	nlmsg_end(m, data);
	nlmsg_end(m, info);
}

void netns_msg_up(struct nlmsg *m, unsigned index)
{
	struct ifinfomsg up = {.ifi_index = (int)index, .ifi_flags = IFF_UP, .ifi_change = IFF_UP};

	nlmsg_begin(m, RTM_NEWLINK, 0, &up, sizeof(up));
}

void netns_msg_address(struct nlmsg *m, const struct netns_request *q, unsigned index)
{
	struct ifaddrmsg a = {
		.ifa_family = AF_INET, .ifa_prefixlen = q->prefix_len, .ifa_index = index};
	uint32_t host_bits = q->prefix_len >= 32 ? 0 : htonl(UINT32_MAX >> q->prefix_len);
	uint32_t broadcast = q->ip | host_bits;

	nlmsg_begin(m, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, &a, sizeof(a));
	nlmsg_attr_u32(m, IFA_LOCAL, q->ip);
	nlmsg_attr_u32(m, IFA_ADDRESS, q->ip);
	nlmsg_attr_u32(m, IFA_BROADCAST, broadcast);
}

/*
 * No duplicate address detection: the daemon hands out each address once, and a
 * start must not wait a second for an answer that never comes.
 */
void netns_msg_address6(struct nlmsg *m, const struct netns_request *q, unsigned index)
{
	struct ifaddrmsg a = {
		.ifa_family = AF_INET6, .ifa_prefixlen = q->prefix6, .ifa_index = index};

	nlmsg_begin(m, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, &a, sizeof(a));
	nlmsg_attr(m, IFA_LOCAL, q->ip6, sizeof(q->ip6));
	nlmsg_attr(m, IFA_ADDRESS, q->ip6, sizeof(q->ip6));
	nlmsg_attr_u32(m, IFA_FLAGS, IFA_F_NODAD);
}

bool netns_msg_has_gateway6(const struct netns_request *q)
{
	static const uint8_t none[16];

	return memcmp(q->gateway6, none, sizeof(none)) != 0;
}

void netns_msg_default_route6(struct nlmsg *m, const uint8_t gateway[16], unsigned index)
{
	struct rtmsg r = {.rtm_family = AF_INET6,
			  .rtm_table = RT_TABLE_MAIN,
			  .rtm_protocol = RTPROT_BOOT,
			  .rtm_scope = RT_SCOPE_UNIVERSE,
			  .rtm_type = RTN_UNICAST};

	nlmsg_begin(m, RTM_NEWROUTE, NLM_F_CREATE, &r, sizeof(r));
	nlmsg_attr(m, RTA_GATEWAY, gateway, 16);
	nlmsg_attr_u32(m, RTA_OIF, index);
}

/* Gateway 0: everything is said to be on the link. */
void netns_msg_default_route(struct nlmsg *m, uint32_t gateway, unsigned index)
{
	struct rtmsg r = {.rtm_family = AF_INET,
			  .rtm_table = RT_TABLE_MAIN,
			  .rtm_protocol = RTPROT_BOOT,
			  .rtm_scope = gateway ? RT_SCOPE_UNIVERSE : RT_SCOPE_LINK,
			  .rtm_type = RTN_UNICAST};

	nlmsg_begin(m, RTM_NEWROUTE, NLM_F_CREATE, &r, sizeof(r));
	if (gateway)
		nlmsg_attr_u32(m, RTA_GATEWAY, gateway);
	nlmsg_attr_u32(m, RTA_OIF, index);
}
