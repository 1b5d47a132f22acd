/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Our nftables table: what it says (nft_rules.c, text only) and how it gets
 * into the kernel (nft.c, libnftables). The rules are fixed; networks and
 * published ports are elements of the sets and maps that the rules look up, so
 * a packet costs the same with one container as with a thousand.
 *
 * Everything changes by whole transactions. Nothing outside the table is
 * written. See nft(8), libnftables(3).
 */
#ifndef DAEMON_NFT_H
#define DAEMON_NFT_H

#include "ipam.h"

#include <base/str.h>

struct nft_net { /* one bridge network */
	const char *link;
	struct ipam_net subnet;
	bool internal;   /* no way out and none in */
	bool masquerade; /* what leaves gets the host's address */
	bool isolated;   /* its containers do not reach each other */
};

struct nft_port { /* one published port, host byte order */
	char proto[5];
	uint32_t host_ip; /* 0 = every address of the host */
	uint16_t host_port;
	uint32_t to_ip;
	uint16_t to_port;
};

struct nft_state { /* everything the table holds */
	const struct nft_net *nets;
	size_t n_nets;
	const struct nft_port *ports;
	size_t n_ports;
};

/* --- nft_rules.c: commands in nft(8)'s language --- */
/* Table, sets, chains, rules and elements; `keep_ports` leaves what the port maps hold already. */
void nft_rules_all(struct buf *out, const char *table, const struct nft_state *state,
		   bool keep_ports);
void nft_rules_net(struct buf *out, const char *table, const struct nft_net *net, bool add);
void nft_rules_ports(struct buf *out, const char *table, const struct nft_port *ports, size_t n,
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
/* Whether somebody removed or flushed the table behind our back. About 0.5 ms. */
bool nft_intact(struct nft *n);
void nft_delete_table(struct nft *n);
/*
 * A descriptor that becomes readable when any table of the host changes;
 * nft_watch_read() drains it and says whether somebody else than this process did it.
 */
int nft_watch_open(int *ret_fd, struct crl_err *err);
bool nft_watch_read(int fd);

#endif
