/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Addresses back to names: the two trees under arpa. See RFC 1035 section 3.5, RFC 3596. */
#include "names.h"

#include <sys/socket.h>

static bool parse_arpa4(const char *name, uint8_t ret[4])
{
	unsigned v[4];
	int end = 0;

	if (strlen(name) > 28 ||
	    sscanf(name, "%3u.%3u.%3u.%3u.in-addr.arpa%n", &v[3], &v[2], &v[1], &v[0], &end) != 4 ||
	    end == 0 || name[end])
		return false;
	for (size_t i = 0; i < 4; i++) {
		if (v[i] > 255)
			return false;
		ret[i] = (uint8_t)v[i];
	}
	return true;
}

static int nibble(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool parse_arpa6(const char *name, uint8_t ret[16])
{
	if (strlen(name) != 72 || !str_eq(name + 64, "ip6.arpa"))
		return false;
	memset(ret, 0, 16);
	for (size_t i = 0; i < 32; i++) {
		int v = nibble(name[2 * i]);
		size_t at = 31 - i;
		if (v < 0 || name[2 * i + 1] != '.')
			return false;
		ret[at / 2] |= (uint8_t)(at % 2 ? v : v << 4);
	}
	return true;
}

static bool same_prefix(const uint8_t *a, const uint8_t *b, unsigned bits)
{
	unsigned rest = bits % 8;

	return memcmp(a, b, bits / 8) == 0 &&
	       (!rest || ((a[bits / 8] ^ b[bits / 8]) >> (8 - rest)) == 0);
}

static bool has_address(const struct names_ep *e, int family, const uint8_t *addr)
{
	return family == AF_INET ? e->has4 && memcmp(e->ip, addr, 4) == 0
				 : e->has6 && memcmp(e->ip6, addr, 16) == 0;
}

static bool in_subnet(const struct names_ep *e, int family, const uint8_t *addr)
{
	return family == AF_INET ? e->has4 && same_prefix(e->ip, addr, e->prefix)
				 : e->has6 && same_prefix(e->ip6, addr, e->prefix6);
}

enum names_found names_reverse(const struct names *t, const struct names_box *box, const char *name,
			       char *ret, size_t size)
{
	uint8_t addr[16];
	int family = parse_arpa4(name, addr) ? AF_INET : AF_INET6;
	bool ours = false;

	if (family == AF_INET6 && !parse_arpa6(name, addr))
		return NAMES_FOREIGN;
	for (size_t i = 0; i < box->n_eps; i++) {
		const struct names_net *net = box->eps[i].net;
		ours |= in_subnet(&box->eps[i], family, addr);
		for (const struct names_ep *e = net->eps; e; e = e->next) {
			if (!has_address(e, family, addr) || strv_len(e->names) == 0)
				continue;
			(void)snprintf(ret, size, "%s.%s", e->names[0], net->name);
			return NAMES_HIT;
		}
	}
	return ours ? NAMES_GONE : NAMES_FOREIGN;
}
