/* SPDX-License-Identifier: GPL-2.0-or-later */
/* IPv6 subnets and addresses; makes no system call and knows no link. See RFC 4193, RFC 4291. */
#include "ipam6.h"

#include <arpa/inet.h>
#include <base/str.h>
#include <stdio.h>
#include <stdlib.h>

#define CHOOSE_TRIES 65536U

static int ip6_compare(struct ip6 a, struct ip6 b)
{
	if (a.hi != b.hi)
		return a.hi < b.hi ? -1 : 1;
	return a.lo == b.lo ? 0 : a.lo < b.lo ? -1 : 1;
}

bool ip6_equal(struct ip6 a, struct ip6 b)
{
	return ip6_compare(a, b) == 0;
}

bool ip6_is_zero(struct ip6 a)
{
	return a.hi == 0 && a.lo == 0;
}

void ip6_to_bytes(struct ip6 addr, uint8_t ret[16])
{
	for (int i = 0; i < 8; i++) {
		ret[i] = (uint8_t)(addr.hi >> (56 - 8 * i));
		ret[8 + i] = (uint8_t)(addr.lo >> (56 - 8 * i));
	}
}

struct ip6 ip6_from_bytes(const uint8_t bytes[16])
{
	struct ip6 a = {0};

	for (int i = 0; i < 8; i++) {
		a.hi = a.hi << 8 | bytes[i];
		a.lo = a.lo << 8 | bytes[8 + i];
	}
	return a;
}

bool ip6_parse(const char *s, struct ip6 *ret)
{
	struct in6_addr a;

	if (!s || inet_pton(AF_INET6, s, &a) != 1 || IN6_IS_ADDR_V4MAPPED(&a))
		return false;
	*ret = ip6_from_bytes(a.s6_addr);
	return true;
}

bool ip6_parse_cidr(const char *s, struct ipam6_net *ret)
{
	const char *slash = s ? strchr(s, '/') : NULL;
	char addr[IP6_TEXT];
	struct ip6 a;
	uint64_t len;

	if (!slash || (size_t)(slash - s) >= sizeof(addr) || !str_to_u64(slash + 1, &len) ||
	    len > 128)
		return false;
	memcpy(addr, s, (size_t)(slash - s));
	addr[slash - s] = '\0';
	if (!ip6_parse(addr, &a))
		return false;
	*ret = (struct ipam6_net){a, (uint8_t)len};
	return true;
}

char *ip6_format(struct ip6 addr, char ret[IP6_TEXT])
{
	uint8_t bytes[16];

	ip6_to_bytes(addr, bytes);
	if (!inet_ntop(AF_INET6, bytes, ret, IP6_TEXT))
		*ret = '\0';
	return ret;
}

char *ip6_format_cidr(struct ipam6_net net, char ret[CIDR6_TEXT])
{
	char ip[IP6_TEXT];

	snprintf(ret, CIDR6_TEXT, "%s/%u", ip6_format(net.addr, ip), net.prefix_len);
	return ret;
}

static struct ip6 ip6_mask(uint8_t len)
{
	return (struct ip6){
		.hi = len >= 64 ? UINT64_MAX
		      : len     ? UINT64_MAX << (64 - len)
				: 0,
		.lo = len >= 128 ? UINT64_MAX
		      : len > 64 ? UINT64_MAX << (128 - len)
				 : 0,
	};
}

struct ip6 ip6_first(struct ipam6_net net)
{
	struct ip6 m = ip6_mask(net.prefix_len);

	return (struct ip6){net.addr.hi & m.hi, net.addr.lo & m.lo};
}

struct ip6 ip6_last(struct ipam6_net net)
{
	struct ip6 m = ip6_mask(net.prefix_len);

	return (struct ip6){net.addr.hi | ~m.hi, net.addr.lo | ~m.lo};
}

struct ip6 ip6_add(struct ip6 addr, uint64_t n)
{
	struct ip6 sum = {addr.hi, addr.lo + n};

	sum.hi += sum.lo < n;
	return sum;
}

bool ip6_contains(struct ipam6_net net, struct ip6 addr)
{
	return ip6_compare(addr, ip6_first(net)) >= 0 && ip6_compare(addr, ip6_last(net)) <= 0;
}

bool ip6_overlap(struct ipam6_net a, struct ipam6_net b)
{
	return a.prefix_len < b.prefix_len ? ip6_contains(a, b.addr) : ip6_contains(b, a.addr);
}

/* FNV-1a: spreads, and nobody gains anything by guessing it. */
struct ipam6_net ipam6_local_prefix(const char *daemon_id)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);

	for (const char *p = daemon_id; *p; p++)
		hash = (hash ^ (uint8_t)*p) * UINT64_C(0x100000001b3);
	hash ^= hash >> 40;
	return (struct ipam6_net){{UINT64_C(0xfd) << 56 | (hash & UINT64_C(0xffffffffff)) << 16, 0},
				  48};
}

static bool ipam6_is_free(struct ipam6_net net, const struct ipam6_net *taken, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (ip6_overlap(net, taken[i]))
			return false;
	return true;
}

/* The block after `a` of the same size. */
static struct ip6 ipam6_next_block(struct ip6 a, uint8_t size)
{
	if (size > 64)
		return ip6_add(a, UINT64_C(1) << (128 - size));
	return (struct ip6){a.hi + (UINT64_C(1) << (64 - size)), a.lo};
}

int ipam6_choose(struct ipam6_net base, uint8_t size, const struct ipam6_net *taken, size_t n,
		 struct ipam6_net *ret, struct crl_err *err)
{
	struct ipam6_net net = {ip6_first(base), size};

	for (unsigned i = 0; size > 0 && i < CHOOSE_TRIES && ip6_contains(base, net.addr); i++) {
		if (ipam6_is_free(net, taken, n)) {
			*ret = net;
			return 0;
		}
		net.addr = ipam6_next_block(net.addr, size);
	}
	return crl_fail(err, CRL_UNAVAILABLE,
			"could not find an available, non-overlapping IPv6 address pool among the "
			"defaults to assign to the network");
}

int ipam6_init(struct ipam6 *m, struct ipam6_net subnet, struct ipam6_net range,
	       struct crl_err *err)
{
	struct ipam6 n = {.subnet = {ip6_first(subnet), subnet.prefix_len}};
	char text[CIDR6_TEXT];

	if (subnet.prefix_len < 8 || subnet.prefix_len > 126)
		return crl_fail(err, CRL_INVALID, "subnet %s: the prefix must be 8 to 126 bits",
				ip6_format_cidr(subnet, text));
	if (range.prefix_len &&
	    (range.prefix_len < subnet.prefix_len || !ip6_contains(subnet, range.addr)))
		return crl_fail(err, CRL_INVALID, "address range %s is not within the subnet",
				ip6_format_cidr(range, text));
	n.first = range.prefix_len ? ip6_first(range) : n.subnet.addr;
	n.last = range.prefix_len ? ip6_last(range) : ip6_last(subnet);
	if (ip6_equal(n.first, n.subnet.addr) && !ip6_equal(n.first, n.last))
		n.first = ip6_add(n.first, 1);
	n.next = n.first;
	*m = n;
	return 0;
}

void ipam6_clear(struct ipam6 *m)
{
	free(m->used);
	*m = (struct ipam6){0};
}

/* Index of the first used address that is not below `addr`. */
static size_t ipam6_position(const struct ipam6 *m, struct ip6 addr)
{
	size_t low = 0, high = m->n_used;

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (ip6_compare(m->used[mid], addr) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

bool ipam6_in_use(const struct ipam6 *m, struct ip6 addr)
{
	size_t i = ipam6_position(m, addr);

	return i < m->n_used && ip6_equal(m->used[i], addr);
}

static int ipam6_insert(struct ipam6 *m, struct ip6 addr, struct crl_err *err)
{
	size_t i = ipam6_position(m, addr);

	if (m->n_used == m->room) {
		size_t room = m->room ? 2 * m->room : 8;
		struct ip6 *more = realloc(m->used, room * sizeof(*more));
		if (!more)
			return crl_fail_oom(err);
		m->used = more;
		m->room = room;
	}
	memmove(&m->used[i + 1], &m->used[i], (m->n_used - i) * sizeof(*m->used));
	m->used[i] = addr;
	m->n_used++;
	return 0;
}

/* Of one more address than are in use, one is free: no need to look at all of a subnet. */
int ipam6_take(struct ipam6 *m, struct ip6 *ret, struct crl_err *err)
{
	for (size_t n = 0; n <= m->n_used; n++) {
		struct ip6 a = m->next;
		m->next = ip6_equal(a, m->last) ? m->first : ip6_add(a, 1);
		if (ipam6_in_use(m, a))
			continue;
		if (ipam6_insert(m, a, err) < 0)
			return -1;
		*ret = a;
		return 0;
	}
	return crl_fail(err, CRL_UNAVAILABLE,
			"no available IPv6 addresses on this network's address pools");
}

int ipam6_reserve(struct ipam6 *m, struct ip6 addr, struct crl_err *err)
{
	char ip[IP6_TEXT], net[CIDR6_TEXT];

	if (!ip6_contains(m->subnet, addr) || ip6_equal(addr, m->subnet.addr))
		return crl_fail(err, CRL_INVALID, "address %s is not usable in subnet %s",
				ip6_format(addr, ip), ip6_format_cidr(m->subnet, net));
	if (ipam6_in_use(m, addr))
		return crl_fail(err, CRL_CONFLICT, "Address already in use: %s",
				ip6_format(addr, ip));
	return ipam6_insert(m, addr, err);
}

void ipam6_put(struct ipam6 *m, struct ip6 addr)
{
	size_t i = ipam6_position(m, addr);

	if (i >= m->n_used || !ip6_equal(m->used[i], addr))
		return;
	m->n_used--;
	memmove(&m->used[i], &m->used[i + 1], (m->n_used - i) * sizeof(*m->used));
}
