/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * IPv4 address management: which subnet a network gets and which addresses of
 * it are in use. Pure data, no system calls. Addresses are in host byte order.
 */
#ifndef DAEMON_IPAM_H
#define DAEMON_IPAM_H

#include <crun-lite/err.h>
#include <stddef.h>
#include <stdint.h>

struct ipam_net {
	uint32_t addr; /* of a subnet: its first address; of a link: its own */
	uint8_t prefix_len;
};

/*
 * Addresses in use of one subnet: one bit each. A subnet larger than /12 is used
 * only up to its first 2^20 addresses.
 */
struct ipam {
	struct ipam_net subnet;
	uint32_t first, last; /* what ipam_take() may hand out */
	uint32_t next;        /* where it looks first */
	uint64_t *bits;
	uint32_t n_bits;
};

/* "10.1.2.3/16"; the host part is kept. false = not a CIDR. */
bool ipam_parse_cidr(const char *s, struct ipam_net *ret);
bool ipam_parse_ip(const char *s, uint32_t *ret);
/* "10.1.2.3" */
char *ipam_format_ip(uint32_t addr, char ret[16]);
/* "10.1.0.0/16" */
char *ipam_format_cidr(struct ipam_net net, char ret[20]);
uint32_t ipam_mask(uint8_t prefix_len);
bool ipam_contains(struct ipam_net net, uint32_t addr);
bool ipam_overlap(struct ipam_net a, struct ipam_net b);

/*
 * The first of 172.17.0.0/16 ... 172.31.0.0/16, 192.168.0.0/20 ...
 * 192.168.240.0/20 that meets none of `taken`. CRL_UNAVAILABLE when all do.
 */
int ipam_choose(const struct ipam_net *taken, size_t n, struct ipam_net *ret, struct crl_err *err);

/* The first block of `size` bits in `base` that meets none of `taken`; CRL_UNAVAILABLE. */
int ipam_choose_in(struct ipam_net base, uint8_t size, const struct ipam_net *taken, size_t n,
		   struct ipam_net *ret, struct crl_err *err);

/*
 * `range` (prefix_len 0 = the whole subnet) limits what ipam_take() hands out. The network
 * and broadcast addresses are never handed out. Prefixes above 30: CRL_INVALID.
 */
int ipam_init(struct ipam *m, struct ipam_net subnet, struct ipam_net range, struct crl_err *err);
void ipam_clear(struct ipam *m);
/*
 * The next free address after the last one taken, so that an address just released is
 * not reused while traces of it (connections, ARP entries) still exist. CRL_UNAVAILABLE when full.
 */
int ipam_take(struct ipam *m, uint32_t *ret, struct crl_err *err);
/* Marks one address as used. CRL_INVALID outside the subnet, CRL_CONFLICT when in use. */
int ipam_reserve(struct ipam *m, uint32_t addr, struct crl_err *err);
void ipam_put(struct ipam *m, uint32_t addr);
bool ipam_in_use(const struct ipam *m, uint32_t addr);

#endif
