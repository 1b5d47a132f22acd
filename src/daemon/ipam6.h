/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * IPv6 address management: the counterpart of ipam.h. A subnet has too many
 * addresses for one bit each, so the ones in use are kept as a sorted list.
 * Pure data, no system calls.
 */
#ifndef DAEMON_IPAM6_H
#define DAEMON_IPAM6_H

#include <crun-lite/err.h>
#include <stddef.h>
#include <stdint.h>

#define IP6_TEXT 46   /* room for an address as text */
#define CIDR6_TEXT 50 /* the same with "/128" */

struct ip6 { /* as numbers in host byte order, so that addresses can be counted and compared */
	uint64_t hi, lo;
};

struct ipam6_net {
	struct ip6 addr;
	uint8_t prefix_len; /* where a subnet may be missing, 0 says so */
};

struct ipam6 {
	struct ipam6_net subnet;
	struct ip6 first, last; /* what ipam6_take() may hand out */
	struct ip6 next;        /* where it looks first */
	struct ip6 *used;       /* sorted */
	size_t n_used, room;
};

/* "fd00::2". No zone ("%eth0"), no IPv4-mapped form. false = not an IPv6 address. */
bool ip6_parse(const char *s, struct ip6 *ret);
/* "fd00::1/64"; the host part is kept. */
bool ip6_parse_cidr(const char *s, struct ipam6_net *ret);
/* The canonical text (RFC 5952). */
char *ip6_format(struct ip6 addr, char ret[IP6_TEXT]);
char *ip6_format_cidr(struct ipam6_net net, char ret[CIDR6_TEXT]);
void ip6_to_bytes(struct ip6 addr, uint8_t ret[16]);
struct ip6 ip6_from_bytes(const uint8_t bytes[16]);
bool ip6_equal(struct ip6 a, struct ip6 b);
bool ip6_is_zero(struct ip6 a);
/* The first and the last address of the block that `net` is in. */
struct ip6 ip6_first(struct ipam6_net net);
struct ip6 ip6_last(struct ipam6_net net);
/* addr + n; wraps. */
struct ip6 ip6_add(struct ip6 addr, uint64_t n);
bool ip6_contains(struct ipam6_net net, struct ip6 addr);
bool ip6_overlap(struct ipam6_net a, struct ipam6_net b);

/*
 * The unique local prefix (RFC 4193) of this daemon: fd, then 40 bits made of its id, so that
 * two hosts hardly ever have the same and a restart finds the same again.
 */
struct ipam6_net ipam6_local_prefix(const char *daemon_id);
/*
 * The first block of `size` bits in `base` that meets none of `taken`; CRL_UNAVAILABLE when none
 * is found among the first 65536.
 */
int ipam6_choose(struct ipam6_net base, uint8_t size, const struct ipam6_net *taken, size_t n,
		 struct ipam6_net *ret, struct crl_err *err);

/*
 * `range` (prefix_len 0 = the whole subnet) limits what ipam6_take() hands out. The
 * subnet's first address (the routers' anycast address) is never handed out.
 */
int ipam6_init(struct ipam6 *m, struct ipam6_net subnet, struct ipam6_net range,
	       struct crl_err *err);
void ipam6_clear(struct ipam6 *m);
/* The next free address after the last one taken. CRL_UNAVAILABLE when full. */
int ipam6_take(struct ipam6 *m, struct ip6 *ret, struct crl_err *err);
/* CRL_INVALID outside the subnet, CRL_CONFLICT when in use. */
int ipam6_reserve(struct ipam6 *m, struct ip6 addr, struct crl_err *err);
void ipam6_put(struct ipam6 *m, struct ip6 addr);
bool ipam6_in_use(const struct ipam6 *m, struct ip6 addr);

#endif
