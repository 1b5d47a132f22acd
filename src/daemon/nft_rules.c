/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The text of our nftables table. Pure: makes commands, runs none. Names of
 * links come from us (network.c) and numbers are printed from integers, so
 * nothing a client wrote reaches this text.
 *
 * libnftables' JSON form would be the other way to say it; 1.0.6 cannot
 * declare a map of address and port in it (ADR 0060).
 */
#include "nft.h"

static const char *const sets[] = {
	"set bridges { type ifname ; comment \"links of our networks\" ; }",
	"set same_bridge { type ifname . ifname ; comment \"from a network to itself\" ; }",
	"set internal { type ifname ; comment \"networks without a way out\" ; }",
	"set masqueraded { type ipv4_addr ; flags interval ; comment \"subnets that leave under "
	"the "
	"host's address\" ; }",
	"set own_subnet { type ipv4_addr . ifname ; flags interval ; comment \"subnet and its "
	"bridge\" ; "
	"}",
};

static const char *const maps[] = {
	"map ports_addr { type ipv4_addr . inet_proto . inet_service : ipv4_addr . inet_service ; "
	"comment \"published on one address\" ; }",
	"map ports_any { type inet_proto . inet_service : ipv4_addr . inet_service ; "
	"comment \"published on every address\" ; }",
};

static const struct {
	const char *name, *spec;
} chains[] = {
	{"raw", "type filter hook prerouting priority -300 ; policy accept ;"},
	{"prerouting", "type nat hook prerouting priority -100 ; policy accept ;"},
	{"output", "type nat hook output priority -100 ; policy accept ;"},
	{"publish", NULL},
	{"postrouting", "type nat hook postrouting priority 100 ; policy accept ;"},
	{"forward", "type filter hook forward priority 0 ; policy accept ;"},
	{"inwards", NULL},
};

static const struct {
	const char *chain, *rule, *why;
} rules[] = {
	/* route_localnet on our bridges would otherwise open the host's loopback to the wire. */
	{"raw", "iifname != \"lo\" ip daddr 127.0.0.0/8 drop", "127/8 never comes over a wire"},
	{"raw", "iifname @bridges ip saddr 127.0.0.0/8 drop", "no container is localhost"},
	{"prerouting", "fib daddr type local jump publish", "from outside and from containers"},
	{"output", "fib daddr type local jump publish", "from the host itself"},
	{"publish", "dnat ip to ip daddr . meta l4proto . th dport map @ports_addr", NULL},
	{"publish", "meta nfproto ipv4 dnat ip to meta l4proto . th dport map @ports_any", NULL},
	{"postrouting", "ip saddr 127.0.0.0/8 oifname @bridges masquerade",
	 "the container must be able to answer localhost"},
	{"postrouting", "ip saddr @masqueraded oifname != @bridges masquerade",
	 "containers to outside"},
	{"postrouting", "ct status dnat ip saddr . oifname @own_subnet masquerade",
	 "a neighbour's published port: answers come back through us"},
	{"forward", "oifname @bridges jump inwards", NULL},
	{"forward", "iifname @internal drop", "internal networks have no way out"},
	{"inwards", "ct state established,related accept", "answers"},
	{"inwards", "iifname . oifname @same_bridge accept", "neighbours on one network"},
	{"inwards", "oifname @internal drop", "internal networks publish nothing"},
	{"inwards", "ct status dnat accept", "published ports"},
	{"inwards", "drop", "everything else from other links"},
};

size_t nft_rules_count(void)
{
	return ARRAY_SIZE(rules);
}

static void rules_element(struct buf *out, const char *table, const char *set, bool add,
			  const char *fmt, ...) __attribute__((format(printf, 5, 6)));

static void rules_element(struct buf *out, const char *table, const char *set, bool add,
			  const char *fmt, ...)
{
	va_list ap;

	buf_printf(out, "%s element inet %s %s { ", add ? "add" : "delete", table, set);
	va_start(ap, fmt);
	buf_vprintf(out, fmt, ap);
	va_end(ap);
	buf_puts(out, " }\n");
}

void nft_rules_net(struct buf *out, const char *table, const struct nft_net *net, bool add)
{
	char subnet[20];

	ipam_format_cidr(net->subnet, subnet);
	rules_element(out, table, "bridges", add, "\"%s\"", net->link);
	if (!net->isolated)
		rules_element(out, table, "same_bridge", add, "\"%s\" . \"%s\"", net->link,
			      net->link);
	rules_element(out, table, "own_subnet", add, "%s . \"%s\"", subnet, net->link);
	if (net->internal)
		rules_element(out, table, "internal", add, "\"%s\"", net->link);
	else if (net->masquerade)
		rules_element(out, table, "masqueraded", add, "%s", subnet);
}

void nft_rules_ports(struct buf *out, const char *table, const struct nft_port *ports, size_t n,
		     bool add)
{
	char host[16], to[16], value[32] = "";

	for (size_t i = 0; i < n; i++) {
		const struct nft_port *p = &ports[i];
		if (add)
			snprintf(value, sizeof(value), " : %s . %u", ipam_format_ip(p->to_ip, to),
				 p->to_port);
		if (p->host_ip)
			rules_element(out, table, "ports_addr", add, "%s . %s . %u%s",
				      ipam_format_ip(p->host_ip, host), p->proto, p->host_port,
				      value);
		else
			rules_element(out, table, "ports_any", add, "%s . %u%s", p->proto,
				      p->host_port, value);
	}
}

static const char *rules_set_name(const char *spec, char name[32])
{
	const char *from = strchr(spec, ' ') + 1;

	snprintf(name, 32, "%.*s", (int)strcspn(from, " "), from);
	return name;
}

static void rules_declare(struct buf *out, const char *table, bool keep_ports)
{
	char name[32];

	buf_printf(out, "add table inet %s\n", table);
	for (size_t i = 0; i < ARRAY_SIZE(sets); i++) {
		rules_set_name(sets[i], name);
		buf_printf(out, "add set inet %s %s\nflush set inet %s %s\n", table,
			   strchr(sets[i], ' ') + 1, table, name);
	}
	for (size_t i = 0; i < ARRAY_SIZE(maps); i++) {
		rules_set_name(maps[i], name);
		buf_printf(out, "add map inet %s %s\n", table, strchr(maps[i], ' ') + 1);
		if (!keep_ports)
			buf_printf(out, "flush map inet %s %s\n", table, name);
	}
}

static void rules_chains(struct buf *out, const char *table)
{
	for (size_t i = 0; i < ARRAY_SIZE(chains); i++) {
		if (chains[i].spec)
			buf_printf(out, "add chain inet %s %s { %s }\n", table, chains[i].name,
				   chains[i].spec);
		else
			buf_printf(out, "add chain inet %s %s\n", table, chains[i].name);
		buf_printf(out, "flush chain inet %s %s\n", table, chains[i].name);
	}
	for (size_t i = 0; i < ARRAY_SIZE(rules); i++) {
		buf_printf(out, "add rule inet %s %s %s", table, rules[i].chain, rules[i].rule);
		if (rules[i].why)
			buf_printf(out, " comment \"%s\"", rules[i].why);
		buf_putc(out, '\n');
	}
}

void nft_rules_all(struct buf *out, const char *table, const struct nft_state *state,
		   bool keep_ports)
{
	rules_declare(out, table, keep_ports);
	rules_chains(out, table);
	for (size_t i = 0; i < state->n_nets; i++)
		nft_rules_net(out, table, &state->nets[i], true);
	nft_rules_ports(out, table, state->ports, state->n_ports, true);
}
