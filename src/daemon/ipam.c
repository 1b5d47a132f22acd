/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Subnets and addresses as bits; makes no system call and knows no link. */
#include "ipam.h"

#include <arpa/inet.h>
#include <base/str.h>
#include <stdio.h>
#include <stdlib.h>

#define MAX_BITS (1U << 20)

uint32_t ipam_mask(uint8_t prefix_len)
{
	return prefix_len ? UINT32_MAX << (32 - prefix_len) : 0;
}

bool ipam_parse_ip(const char *s, uint32_t *ret)
{
	struct in_addr a;

	if (!s || inet_pton(AF_INET, s, &a) != 1)
		return false;
	*ret = ntohl(a.s_addr);
	return true;
}

bool ipam_parse_cidr(const char *s, struct ipam_net *ret)
{
	const char *slash = s ? strchr(s, '/') : NULL;
	char addr[16];
	uint64_t len;

	if (!slash || (size_t)(slash - s) >= sizeof(addr) || !str_to_u64(slash + 1, &len) ||
	    len > 32)
		return false;
	memcpy(addr, s, (size_t)(slash - s));
	addr[slash - s] = '\0';
	if (!ipam_parse_ip(addr, &ret->addr))
		return false;
	ret->prefix_len = (uint8_t)len;
	return true;
}

char *ipam_format_ip(uint32_t addr, char ret[16])
{
	snprintf(ret, 16, "%u.%u.%u.%u", addr >> 24, (addr >> 16) & 255, (addr >> 8) & 255,
		 addr & 255);
	return ret;
}

char *ipam_format_cidr(struct ipam_net net, char ret[20])
{
	char ip[16];

	snprintf(ret, 20, "%s/%u", ipam_format_ip(net.addr, ip), net.prefix_len);
	return ret;
}

bool ipam_contains(struct ipam_net net, uint32_t addr)
{
	return ((addr ^ net.addr) & ipam_mask(net.prefix_len)) == 0;
}

bool ipam_overlap(struct ipam_net a, struct ipam_net b)
{
	return a.prefix_len < b.prefix_len ? ipam_contains(a, b.addr) : ipam_contains(b, a.addr);
}

static bool ipam_is_free(struct ipam_net net, const struct ipam_net *taken, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (ipam_overlap(net, taken[i]))
			return false;
	return true;
}

static int ipam_no_pool(struct crl_err *err)
{
	return crl_fail(err, CRL_UNAVAILABLE,
			"could not find an available, non-overlapping IPv4 address pool among the "
			"defaults to assign to the network; name a subnet");
}

int ipam_choose(const struct ipam_net *taken, size_t n, struct ipam_net *ret, struct crl_err *err)
{
	static const struct {
		uint32_t first, last;
		uint8_t prefix_len;
	} pools[] = {
		{0xac110000, 0xac1f0000, 16}, /* 172.17.0.0 - 172.31.0.0 */
		{0xc0a80000, 0xc0a8f000, 20}, /* 192.168.0.0 - 192.168.240.0 */
	};

	for (size_t p = 0; p < ARRAY_SIZE(pools); p++) {
		uint32_t step = 1U << (32 - pools[p].prefix_len);
		for (uint32_t a = pools[p].first; a <= pools[p].last; a += step) {
			struct ipam_net net = {a, pools[p].prefix_len};
			if (!ipam_is_free(net, taken, n))
				continue;
			*ret = net;
			return 0;
		}
	}
	return ipam_no_pool(err);
}

int ipam_choose_in(struct ipam_net base, uint8_t size, const struct ipam_net *taken, size_t n,
		   struct ipam_net *ret, struct crl_err *err)
{
	struct ipam_net net = {base.addr & ipam_mask(base.prefix_len), size};

	/* The count of blocks; 2^32 of them would be no pool. */
	uint64_t blocks = UINT64_C(1) << (size - base.prefix_len);
	for (uint64_t i = 0; i < blocks; i++, net.addr += ~ipam_mask(size) + 1) {
		if (!ipam_is_free(net, taken, n))
			continue;
		*ret = net;
		return 0;
	}
	return ipam_no_pool(err);
}

int ipam_init(struct ipam *m, struct ipam_net subnet, struct ipam_net range, struct crl_err *err)
{
	uint32_t mask = ipam_mask(subnet.prefix_len);
	struct ipam n = {.subnet = {subnet.addr & mask, subnet.prefix_len}};
	char text[20];

	if (subnet.prefix_len < 1 || subnet.prefix_len > 30)
		return crl_fail(err, CRL_INVALID, "subnet %s: the prefix must be 1 to 30 bits",
				ipam_format_cidr(subnet, text));
	if (range.prefix_len &&
	    (range.prefix_len < subnet.prefix_len || !ipam_contains(subnet, range.addr)))
		return crl_fail(err, CRL_INVALID, "address range %s is not within the subnet",
				ipam_format_cidr(range, text));
	uint32_t size = ~mask + 1;
	n.n_bits = size > MAX_BITS ? MAX_BITS : size;
	n.first = n.subnet.addr + 1;
	n.last = n.subnet.addr + n.n_bits - (n.n_bits == size ? 2 : 1);
	if (range.prefix_len) {
		uint32_t start = range.addr & ipam_mask(range.prefix_len);
		uint32_t end = start + ~ipam_mask(range.prefix_len);
		n.first = start > n.first ? start : n.first;
		n.last = end < n.last ? end : n.last;
	}
	if (n.first > n.last)
		return crl_fail(err, CRL_INVALID,
				"address range %s lies beyond the first %u addresses",
				ipam_format_cidr(range, text), MAX_BITS);
	n.next = n.first;
	n.bits = calloc((n.n_bits + 63) / 64, sizeof(uint64_t));
	if (!n.bits)
		return crl_fail_oom(err);
	*m = n;
	return 0;
}

void ipam_clear(struct ipam *m)
{
	free(m->bits);
	*m = (struct ipam){0};
}

/* Outside of what the bits cover, an address counts as used: it must not be handed out. */
bool ipam_in_use(const struct ipam *m, uint32_t addr)
{
	uint32_t i = addr - m->subnet.addr;

	return i >= m->n_bits || (m->bits[i / 64] >> (i % 64) & 1);
}

static void ipam_set(struct ipam *m, uint32_t addr)
{
	uint32_t i = addr - m->subnet.addr;

	m->bits[i / 64] |= UINT64_C(1) << (i % 64);
}

int ipam_take(struct ipam *m, uint32_t *ret, struct crl_err *err)
{
	uint32_t total = m->last - m->first + 1;

	for (uint32_t n = 0; n < total; n++) {
		uint32_t a = m->next;
		m->next = a == m->last ? m->first : a + 1;
		if (ipam_in_use(m, a))
			continue;
		ipam_set(m, a);
		*ret = a;
		return 0;
	}
	return crl_fail(err, CRL_UNAVAILABLE,
			"no available IPv4 addresses on this network's address pools");
}

int ipam_reserve(struct ipam *m, uint32_t addr, struct crl_err *err)
{
	uint32_t i = addr - m->subnet.addr;
	char ip[16], net[20];

	if (i == 0 || i >= m->n_bits || addr == (m->subnet.addr | ~ipam_mask(m->subnet.prefix_len)))
		return crl_fail(err, CRL_INVALID, "address %s is not usable in subnet %s",
				ipam_format_ip(addr, ip), ipam_format_cidr(m->subnet, net));
	if (ipam_in_use(m, addr))
		return crl_fail(err, CRL_CONFLICT, "Address already in use: %s",
				ipam_format_ip(addr, ip));
	ipam_set(m, addr);
	return 0;
}

void ipam_put(struct ipam *m, uint32_t addr)
{
	uint32_t i = addr - m->subnet.addr;

	if (i < m->n_bits)
		m->bits[i / 64] &= ~(UINT64_C(1) << (i % 64));
}
