/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Our nftables table: what it says (nft_rules.c, pure), how that looks on the
 * wire (nft_wire.c, pure) and how it gets into the kernel (nft.c, netlink).
 * The rules are fixed; networks and published ports are elements of the sets and
 * maps that the rules look up, so a packet costs the same with one container as
 * with a thousand, and publishing a port changes one element.
 *
 * Everything changes by whole transactions. Nothing outside the table is
 * written, and nothing outside it is read. See nft(8), ADR 0066.
 */
#ifndef DAEMON_NFT_H
#define DAEMON_NFT_H

#include "ipam.h"
#include "ipam6.h"

#include <base/str.h>

enum nft_mode { /* how hosts elsewhere reach containers: docker's gateway_mode_ipv4, _ipv6 */
		NFT_MODE_NAT,         /* by the host's published ports only */
		NFT_MODE_ROUTED,      /* by the container's address, published ports only */
		NFT_MODE_UNPROTECTED, /* by the container's address, all ports */
};

struct nft_net { /* one bridge network */
	const char *link;
	struct ipam_net subnet;   /* prefix_len 0 = the network has no IPv4 */
	struct ipam6_net subnet6; /* the same for IPv6 */
	enum nft_mode mode, mode6;
	bool internal;      /* no way out and none in */
	bool masquerade;    /* what leaves by NAT gets the host's address */
	bool isolated;      /* its containers do not reach each other */
	char *const *trust; /* links from which everything may come in; NULL = none */
};

struct nft_port { /* one published port, host byte order */
	char proto[5];
	bool six;         /* host and to are IPv6 addresses */
	bool routed;      /* opens the container's own port; the host's is not used */
	uint32_t host_ip; /* 0 = every address of the host */
	uint16_t host_port;
	uint32_t to_ip;
	uint16_t to_port;
	struct ip6 host_ip6, to_ip6; /* instead of the two above when `six` */
};

struct nft_state { /* everything the table holds */
	const struct nft_net *nets;
	size_t n_nets;
	const struct nft_port *ports;
	size_t n_ports;
};

/* --- nft_rules.c: messages for one transaction, to be put into a struct nft_wire --- */
struct nft_wire;
/*
 * Table, sets, chains, rules and elements. `keep_ports` leaves what the port maps hold already;
 * without it whatever the table was is replaced.
 */
void nft_rules_all(struct nft_wire *w, const char *table, const struct nft_state *state,
		   bool keep_ports);
void nft_rules_net(struct nft_wire *w, const char *table, const struct nft_net *net, bool add);
void nft_rules_ports(struct nft_wire *w, const char *table, const struct nft_port *ports, size_t n,
		     bool add);
/* How many rules the table has when it is whole. */
size_t nft_rules_count(void);

/* --- nft.c --- */
struct nft;
int nft_open(const char *table, struct nft **ret, struct crl_err *err);
void nft_close(struct nft *n);
/*
 * Puts the table into the wanted state by one transaction; running connections and other tables
 * are not disturbed. A table of the same name with other sets (an older version's) is replaced.
 */
int nft_apply(struct nft *n, const struct nft_state *state, bool keep_ports, struct crl_err *err);
/* Add: CRL_KERNEL when the table is gone or the element is there with another value. */
int nft_net(struct nft *n, const struct nft_net *net, bool add, struct crl_err *err);
int nft_ports(struct nft *n, const struct nft_port *ports, size_t count, bool add,
	      struct crl_err *err);
/* Whether somebody removed or flushed the table behind our back. Reads our table only. */
bool nft_intact(struct nft *n);
void nft_delete_table(struct nft *n);
/*
 * A descriptor that becomes readable when any table of the host changes; nft_watch_read()
 * drains it and says whether somebody else changed ours.
 */
int nft_watch_open(int *ret_fd, struct crl_err *err);
bool nft_watch_read(const struct nft *n, int fd);

#endif
