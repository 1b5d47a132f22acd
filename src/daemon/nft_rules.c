/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What our nftables table says. Pure: makes messages, sends none. The rules are
 * programs for the kernel's packet machine; the comment of each says in words what
 * it is for, and `nft list table inet crun-lite` shows them in nft's language.
 *
 * Names of links come from us (network.c) and numbers are numbers, so nothing a
 * client wrote is interpreted by anybody.
 */
#include <base/nft_wire.h>

#include "nft.h"

#include <netinet/in.h>

#include <linux/netfilter.h> /* after netinet/in.h: both define the same */
#include <linux/rtnetlink.h>

#define IPS_DST_NAT (1U << 5)
#define CT_ANSWERS (1U << 1 | 1U << 2) /* established, related, as nft's ct state counts */

/* --- a packet's properties, by the registers they are put into --- */
#define R0 8
#define R1 9
#define R2 10
#define R4 12
#define R5 13
#define META(r, key)                                                                               \
	{                                                                                          \
		.kind = OP_META, .reg = (r), .a = (key)                                            \
	}
#define IIF(r) META(r, NFT_META_IIFNAME)
#define OIF(r) META(r, NFT_META_OIFNAME)
#define PAYLOAD(r, base, offset, n)                                                                \
	{                                                                                          \
		.kind = OP_PAYLOAD, .reg = (r), .a = (base), .b = (offset), .len = (n)             \
	}
#define SADDR4(r) PAYLOAD(r, NFT_PAYLOAD_NETWORK_HEADER, 12, 4)
#define DADDR4(r) PAYLOAD(r, NFT_PAYLOAD_NETWORK_HEADER, 16, 4)
#define SADDR6(r) PAYLOAD(r, NFT_PAYLOAD_NETWORK_HEADER, 8, 16)
#define DADDR6(r) PAYLOAD(r, NFT_PAYLOAD_NETWORK_HEADER, 24, 16)
#define L4(r) META(r, NFT_META_L4PROTO)
#define DPORT(r) PAYLOAD(r, NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2)
#define BYTE_IS(r, v)                                                                              \
	{                                                                                          \
		.kind = OP_EQUAL, .reg = (r), .len = 1, .bytes = {(v) }                            \
	}
#define IS_IP4 META(R0, NFT_META_NFPROTO), BYTE_IS(R0, NFPROTO_IPV4)
#define IS_IP6 META(R0, NFT_META_NFPROTO), BYTE_IS(R0, NFPROTO_IPV6)
#define NOT_LO                                                                                     \
	IIF(R0),                                                                                   \
	{                                                                                          \
		.kind = OP_DIFFERENT, .reg = R0, .len = 16, .bytes = "lo"                          \
	}
#define IN(r, set)                                                                                 \
	{                                                                                          \
		.kind = OP_IN, .reg = (r), .name = (set)                                           \
	}
#define NOT_IN(r, set)                                                                             \
	{                                                                                          \
		.kind = OP_NOT_IN, .reg = (r), .name = (set)                                       \
	}
#define MAP(r, map)                                                                                \
	{                                                                                          \
		.kind = OP_MAP, .reg = (r), .name = (map)                                          \
	}
#define FIB(r, flags)                                                                              \
	{                                                                                          \
		.kind = OP_FIB, .reg = (r), .a = (flags)                                           \
	}
#define WORD_IS(op, r, v)                                                                          \
	{                                                                                          \
		.kind = (op), .reg = (r), .len = 4, WORD_BYTES(v)                                  \
	}
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define WORD_BYTES(v) .bytes = {(v)&255}
#else
#define WORD_BYTES(v) .bytes = {0, 0, 0, (v)&255}
#endif
#define TO_THIS_HOST FIB(R0, NFTA_FIB_F_DADDR), WORD_IS(OP_EQUAL, R0, RTN_LOCAL)
#define CT_BITS(key, bits)                                                                         \
	{.kind = OP_CT, .reg = R0, .a = (key)},                                                    \
	{                                                                                          \
		.kind = OP_ANY_BIT, .reg = R0, .a = (bits)                                         \
	}
#define PUBLISHED CT_BITS(NFT_CT_STATUS, IPS_DST_NAT)
/* --- what becomes of it --- */
#define ACCEPT                                                                                     \
	{                                                                                          \
		.kind = OP_VERDICT, .a = NF_ACCEPT                                                 \
	}
#define DROP                                                                                       \
	{                                                                                          \
		.kind = OP_VERDICT, .a = NF_DROP                                                   \
	}
#define JUMP(chain)                                                                                \
	{                                                                                          \
		.kind = OP_VERDICT, .a = (uint32_t)NFT_JUMP, .name = (chain)                       \
	}
#define DNAT4(addr, port)                                                                          \
	{                                                                                          \
		.kind = OP_DNAT, .a = NFPROTO_IPV4, .reg = (addr), .b = (port)                     \
	}
#define DNAT6(addr, port)                                                                          \
	{                                                                                          \
		.kind = OP_DNAT, .a = NFPROTO_IPV6, .reg = (addr), .b = (port)                     \
	}
#define MASQUERADE                                                                                 \
	{                                                                                          \
		.kind = OP_MASQUERADE                                                              \
	}

#define PORT4                                                                                      \
	{                                                                                          \
		FIELD_IP4, FIELD_PORT                                                              \
	}
#define PORT6                                                                                      \
	{                                                                                          \
		FIELD_IP6, FIELD_PORT                                                              \
	}
static const struct nft_set_def sets[] = {
	{"bridges", "links of our networks", {FIELD_LINK}, {0}, false},
	{"same_bridge",
	 "from a network to itself, and from links it trusts",
	 {FIELD_LINK, FIELD_LINK},
	 {0},
	 false},
	{"internal", "networks without a way out", {FIELD_LINK}, {0}, false},
	{"masqueraded", "subnets that leave under the host's address", {FIELD_IP4}, {0}, true},
	{"masqueraded6", "the same for IPv6", {FIELD_IP6}, {0}, true},
	{"own_subnet", "subnet and its bridge", {FIELD_IP4, FIELD_LINK}, {0}, true},
	{"own_subnet6", "the same for IPv6", {FIELD_IP6, FIELD_LINK}, {0}, true},
	{"open", "networks that hide no port", {FIELD_LINK, FIELD_FAMILY}, {0}, false},
	{"routed", "networks reached by routing", {FIELD_LINK, FIELD_FAMILY}, {0}, false},
	{"open_ports", "of containers there", {FIELD_IP4, FIELD_L4, FIELD_PORT}, {0}, false},
	{"open_ports6", "the same for IPv6", {FIELD_IP6, FIELD_L4, FIELD_PORT}, {0}, false},
	{"ports_addr", "published on one address", {FIELD_IP4, FIELD_L4, FIELD_PORT}, PORT4, false},
	{"ports_addr6", "the same for IPv6", {FIELD_IP6, FIELD_L4, FIELD_PORT}, PORT6, false},
	{"ports_any", "published on every address", {FIELD_L4, FIELD_PORT}, PORT4, false},
	{"ports_any6", "the same for IPv6", {FIELD_L4, FIELD_PORT}, PORT6, false},
};

/* Those that a restarted daemon must not empty: who published is known only later. */
static bool set_is_of_ports(const char *name)
{
	return str_starts(name, "ports_") || str_starts(name, "open_ports");
}

static const struct {
	const char *name, *type;
	uint32_t hook;
	int32_t priority;
} chains[] = {
	{"raw", "filter", NF_INET_PRE_ROUTING, -300},
	{"publish", NULL, 0, 0},
	{"prerouting", "nat", NF_INET_PRE_ROUTING, -100},
	{"output", "nat", NF_INET_LOCAL_OUT, -100},
	{"postrouting", "nat", NF_INET_POST_ROUTING, 100},
	{"inwards", NULL, 0, 0},
	{"forward", "filter", NF_INET_FORWARD, 0},
	{"input", "filter", NF_INET_LOCAL_IN, 0},
};

static const struct {
	const char *chain, *why;
	struct nft_op ops[12];
} rules[] = {
	/* route_localnet on our bridges would otherwise open the host's loopback to the wire. */
	{"raw",
	 "127/8 never comes over a wire",
	 {NOT_LO, IS_IP4, PAYLOAD(R0, NFT_PAYLOAD_NETWORK_HEADER, 16, 1), BYTE_IS(R0, 127), DROP}},
	{"raw",
	 "no container is localhost",
	 {IIF(R0), IN(R0, "bridges"), IS_IP4, PAYLOAD(R0, NFT_PAYLOAD_NETWORK_HEADER, 12, 1),
	  BYTE_IS(R0, 127), DROP}},
	{"prerouting", "from outside and from containers", {TO_THIS_HOST, JUMP("publish")}},
	{"output", "from the host itself", {TO_THIS_HOST, JUMP("publish")}},
	{"publish",
	 NULL,
	 {IS_IP4, DADDR4(R0), L4(R1), DPORT(R2), MAP(R0, "ports_addr"), DNAT4(R0, R1)}},
	{"publish", NULL, {IS_IP4, L4(R0), DPORT(R1), MAP(R0, "ports_any"), DNAT4(R0, R1)}},
	{"publish",
	 "::1 cannot be routed: refused at once, so that clients go on to 127.0.0.1",
	 {IS_IP6,
	  DADDR6(R0),
	  {.kind = OP_EQUAL, .reg = R0, .len = 16, .bytes = {[15] = 1}},
	  ACCEPT}},
	{"publish",
	 NULL,
	 {IS_IP6, DADDR6(R0), L4(R4), DPORT(R5), MAP(R0, "ports_addr6"), DNAT6(R0, R4)}},
	{"publish", NULL, {IS_IP6, L4(R0), DPORT(R1), MAP(R0, "ports_any6"), DNAT6(R0, R4)}},
	{"postrouting",
	 "the container must be able to answer localhost",
	 {OIF(R0), IN(R0, "bridges"), IS_IP4, PAYLOAD(R0, NFT_PAYLOAD_NETWORK_HEADER, 12, 1),
	  BYTE_IS(R0, 127), MASQUERADE}},
	{"postrouting",
	 "containers to outside",
	 {IS_IP4, SADDR4(R0), IN(R0, "masqueraded"), OIF(R0), NOT_IN(R0, "bridges"), MASQUERADE}},
	{"postrouting",
	 "the same for IPv6",
	 {IS_IP6, SADDR6(R0), IN(R0, "masqueraded6"), OIF(R0), NOT_IN(R0, "bridges"), MASQUERADE}},
	{"postrouting",
	 "a neighbour's published port: answers come back through us",
	 {PUBLISHED, IS_IP4, SADDR4(R0), OIF(R1), IN(R0, "own_subnet"), MASQUERADE}},
	{"postrouting",
	 "the same for IPv6",
	 {PUBLISHED, IS_IP6, SADDR6(R0), OIF(R4), IN(R0, "own_subnet6"), MASQUERADE}},
	{"forward", NULL, {OIF(R0), IN(R0, "bridges"), JUMP("inwards")}},
	{"forward", "internal networks have no way out", {IIF(R0), IN(R0, "internal"), DROP}},
	{"inwards", "answers", {CT_BITS(NFT_CT_STATE, CT_ANSWERS), ACCEPT}},
	{"inwards", "neighbours on one network", {IIF(R0), OIF(R4), IN(R0, "same_bridge"), ACCEPT}},
	{"inwards", "internal networks publish nothing", {OIF(R0), IN(R0, "internal"), DROP}},
	{"inwards", "nor do they see what others publish", {IIF(R0), IN(R0, "internal"), DROP}},
	{"inwards", "published ports", {PUBLISHED, ACCEPT}},
	{"inwards",
	 "networks that hide no port",
	 {OIF(R0), META(R4, NFT_META_NFPROTO), IN(R0, "open"), ACCEPT}},
	{"inwards",
	 "published ports of routed networks",
	 {IS_IP4, DADDR4(R0), L4(R1), DPORT(R2), IN(R0, "open_ports"), ACCEPT}},
	{"inwards",
	 "the same for IPv6",
	 {IS_IP6, DADDR6(R0), L4(R4), DPORT(R5), IN(R0, "open_ports6"), ACCEPT}},
	{"inwards",
	 "routed networks answer ping",
	 {OIF(R0), META(R4, NFT_META_NFPROTO), IN(R0, "routed"), L4(R0), BYTE_IS(R0, IPPROTO_ICMP),
	  ACCEPT}},
	{"inwards",
	 "the same for IPv6",
	 {OIF(R0), META(R4, NFT_META_NFPROTO), IN(R0, "routed"), L4(R0),
	  BYTE_IS(R0, IPPROTO_ICMPV6), ACCEPT}},
	{"inwards", "everything else from other links", {DROP}},
	/* Multicast and broadcast are how neighbours and routers are found. */
	{"input",
	 "of the host an internal network sees its own bridge only",
	 {IIF(R0), IN(R0, "internal"), FIB(R0, NFTA_FIB_F_DADDR), WORD_IS(OP_EQUAL, R0, RTN_LOCAL),
	  FIB(R0, NFTA_FIB_F_DADDR | NFTA_FIB_F_IIF), WORD_IS(OP_DIFFERENT, R0, RTN_LOCAL), DROP}},
};

size_t nft_rules_count(void)
{
	return ARRAY_SIZE(rules);
}

/* --- networks --- */

static void net_link(struct nft_wire *w, const char *set, bool add, const char *link)
{
	struct nft_element e = {0};

	nft_value_link(&e.key, link);
	nft_wire_elements(w, set, add, &e, 1);
}

static void net_links(struct nft_wire *w, bool add, const char *from, const char *to)
{
	struct nft_element e = {0};

	nft_value_link(&e.key, from);
	nft_value_link(&e.key, to);
	nft_wire_elements(w, "same_bridge", add, &e, 1);
}

static void net_mode(struct nft_wire *w, bool add, const char *link, uint8_t family,
		     enum nft_mode mode)
{
	struct nft_element e = {0};

	if (mode == NFT_MODE_NAT)
		return;
	nft_value_link(&e.key, link);
	nft_value_byte(&e.key, family);
	nft_wire_elements(w, mode == NFT_MODE_ROUTED ? "routed" : "open", add, &e, 1);
}

static void value_ip6(struct nft_value *v, struct ip6 addr)
{
	uint8_t bytes[16];

	ip6_to_bytes(addr, bytes);
	nft_value_ip6(v, bytes);
}

static void net_ip4(struct nft_wire *w, const struct nft_net *net, bool add)
{
	uint32_t last = net->subnet.addr | ~ipam_mask(net->subnet.prefix_len);
	struct nft_element own = {0}, range[2] = {{.interval_end = false}, {.interval_end = true}};

	nft_value_ip4(&own.key, net->subnet.addr);
	nft_value_link(&own.key, net->link);
	nft_value_ip4(&own.key_end, last);
	nft_value_link(&own.key_end, net->link);
	nft_wire_elements(w, "own_subnet", add, &own, 1);
	net_mode(w, add, net->link, NFPROTO_IPV4, net->mode);
	if (net->internal || !net->masquerade || net->mode == NFT_MODE_ROUTED)
		return;
	nft_value_ip4(&range[0].key, net->subnet.addr);
	nft_value_ip4(&range[1].key, last + 1);
	nft_wire_elements(w, "masqueraded", add, range, 2);
}

static void net_ip6(struct nft_wire *w, const struct nft_net *net, bool add)
{
	struct nft_element own = {0}, range[2] = {{.interval_end = false}, {.interval_end = true}};

	value_ip6(&own.key, ip6_first(net->subnet6));
	nft_value_link(&own.key, net->link);
	value_ip6(&own.key_end, ip6_last(net->subnet6));
	nft_value_link(&own.key_end, net->link);
	nft_wire_elements(w, "own_subnet6", add, &own, 1);
	net_mode(w, add, net->link, NFPROTO_IPV6, net->mode6);
	if (net->internal || !net->masquerade || net->mode6 == NFT_MODE_ROUTED)
		return;
	value_ip6(&range[0].key, ip6_first(net->subnet6));
	value_ip6(&range[1].key, ip6_add(ip6_last(net->subnet6), 1));
	nft_wire_elements(w, "masqueraded6", add, range, 2);
}

void nft_rules_net(struct nft_wire *w, const char *table, const struct nft_net *net, bool add)
{
	w->table = table;
	net_link(w, "bridges", add, net->link);
	if (!net->isolated)
		net_links(w, add, net->link, net->link);
	for (char *const *t = net->trust; t && *t; t++)
		if (!str_eq(*t, net->link))
			net_links(w, add, *t, net->link);
	if (net->internal)
		net_link(w, "internal", add, net->link);
	if (net->subnet.prefix_len)
		net_ip4(w, net, add);
	if (net->subnet6.prefix_len)
		net_ip6(w, net, add);
}

/* --- ports --- */

static uint8_t port_l4(const struct nft_port *p)
{
	return str_eq(p->proto, "udp")    ? IPPROTO_UDP
	       : str_eq(p->proto, "sctp") ? IPPROTO_SCTP
					  : IPPROTO_TCP;
}

static void port_addr(struct nft_value *v, const struct nft_port *p, uint32_t ip, struct ip6 ip6)
{
	if (p->six)
		value_ip6(v, ip6);
	else
		nft_value_ip4(v, ip);
}

static void port_routed(struct nft_wire *w, const struct nft_port *p, bool add)
{
	struct nft_element e = {0};

	port_addr(&e.key, p, p->to_ip, p->to_ip6);
	nft_value_byte(&e.key, port_l4(p));
	nft_value_port(&e.key, p->to_port);
	nft_wire_elements(w, p->six ? "open_ports6" : "open_ports", add, &e, 1);
}

static void port_nat(struct nft_wire *w, const struct nft_port *p, bool add)
{
	bool any = p->six ? ip6_is_zero(p->host_ip6) : p->host_ip == 0;
	struct nft_element e = {0};

	if (!any)
		port_addr(&e.key, p, p->host_ip, p->host_ip6);
	nft_value_byte(&e.key, port_l4(p));
	nft_value_port(&e.key, p->host_port);
	port_addr(&e.data, p, p->to_ip, p->to_ip6);
	nft_value_port(&e.data, p->to_port);
	if (p->six)
		nft_wire_elements(w, any ? "ports_any6" : "ports_addr6", add, &e, 1);
	else
		nft_wire_elements(w, any ? "ports_any" : "ports_addr", add, &e, 1);
}

void nft_rules_ports(struct nft_wire *w, const char *table, const struct nft_port *ports, size_t n,
		     bool add)
{
	w->table = table;
	for (size_t i = 0; i < n; i++) {
		if (ports[i].routed)
			port_routed(w, &ports[i], add);
		else
			port_nat(w, &ports[i], add);
	}
}

/* --- everything --- */

static void rules_declare(struct nft_wire *w, bool keep_ports)
{
	/* "Add" first: deleting what is not there would be an error. */
	nft_wire_table(w, true);
	if (!keep_ports) {
		nft_wire_table(w, false);
		nft_wire_table(w, true);
	}
	for (size_t i = 0; i < ARRAY_SIZE(sets); i++) {
		nft_wire_set(w, &sets[i], (uint32_t)i + 1);
		if (keep_ports && !set_is_of_ports(sets[i].name))
			nft_wire_flush_set(w, sets[i].name);
	}
}

static void rules_chains(struct nft_wire *w)
{
	for (size_t i = 0; i < ARRAY_SIZE(chains); i++)
		nft_wire_chain(w, chains[i].name, chains[i].type, chains[i].hook,
			       chains[i].priority);
	for (size_t i = 0; i < ARRAY_SIZE(rules); i++)
		nft_wire_rule(w, rules[i].chain, rules[i].ops, rules[i].why);
}

void nft_rules_all(struct nft_wire *w, const char *table, const struct nft_state *state,
		   bool keep_ports)
{
	w->table = table;
	rules_declare(w, keep_ports);
	rules_chains(w);
	for (size_t i = 0; i < state->n_nets; i++)
		nft_rules_net(w, table, &state->nets[i], true);
	nft_rules_ports(w, table, state->ports, state->n_ports, true);
}
