/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The pure rules of endpoints: which one leads out, their names, addresses in text. No system
 * calls. */
#include "network.h"

#include <base/ident.h>

/*
 * As dockerd ranks them: the priority, then both families before one, then the
 * network's name.
 */
static bool leads_better(const struct net_endpoint *a, const struct net_endpoint *b)
{
	bool both_a = a->gateway[0] && a->gateway6[0], both_b = b->gateway[0] && b->gateway6[0];

	if (a->gw_priority != b->gw_priority)
		return a->gw_priority > b->gw_priority;
	if (both_a != both_b)
		return both_a;
	return strcmp(a->network, b->network) < 0;
}

const struct net_endpoint *net_gateway_of(const struct net_endpoint *eps, size_t n)
{
	const struct net_endpoint *best = NULL;

	for (size_t i = 0; i < n; i++)
		if ((eps[i].gateway[0] || eps[i].gateway6[0]) &&
		    (!best || leads_better(&eps[i], best)))
			best = &eps[i];
	return best;
}

static int add_name(char ***names, const char *name)
{
	if (str_empty(name) || strv_contains(*names, name))
		return 0;
	return strv_push(names, name);
}

char **net_dns_names(const char *container_name, const char *container_id, const char *hostname,
		     char *const *aliases)
{
	char **names = NULL, id[13];
	bool failed = add_name(&names, container_name) < 0;

	snprintf(id, sizeof(id), "%.12s", container_id);
	for (; aliases && *aliases; aliases++)
		failed |= add_name(&names, *aliases) < 0;
	if (!failed && add_name(&names, id) == 0 && add_name(&names, hostname) == 0)
		return names;
	strv_free(names);
	return NULL;
}

bool net_mac_parse(const char *text, uint8_t ret[6])
{
	uint8_t mac[6];

	for (size_t i = 0; i < 6; i++, text += 2) {
		if (i > 0 && *text != ':' && *text != '-')
			return false;
		text += i > 0;
		int high = ident_hex_digit(text[0]), low = high < 0 ? -1 : ident_hex_digit(text[1]);
		if (low < 0)
			return false;
		mac[i] = (uint8_t)(high << 4 | low);
	}
	if (*text)
		return false;
	memcpy(ret, mac, sizeof(mac));
	return true;
}

int net_free_ifname(const char *prefix, const struct net_endpoint *eps, size_t n, char ret[16])
{
	for (unsigned k = 0; k <= n; k++) {
		bool taken = false;
		snprintf(ret, 16, "%s%u", prefix, k);
		for (size_t i = 0; i < n; i++)
			taken |= str_eq(eps[i].ifname, ret);
		if (!taken)
			return 0;
	}
	return -1;
}
