/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Records of network endpoints, which lie on disk, and addresses with prefixes, which clients
 * write. */
#include <daemon/ipam.h>
#include <daemon/ipam6.h>
#include <daemon/network.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_record(const char *text, size_t size)
{
	_cleanup_cjson_ cJSON *tree = NULL;
	struct net_endpoint ep;
	struct crl_err err;

	if (json_parse(text, size, 65536, &tree, &err) < 0 ||
	    net_endpoint_from_json(tree, &ep, &err) < 0)
		return;
	cJSON_Delete(net_endpoint_to_json(&ep));
	net_endpoint_clear(&ep);
}

static void fuzz_subnet(const char *text)
{
	struct ipam_net net, back;
	struct ipam m;
	struct crl_err err;
	char cidr[20];
	uint32_t a;

	if (!ipam_parse_cidr(text, &net))
		return;
	if (!ipam_parse_cidr(ipam_format_cidr(net, cidr), &back) || back.addr != net.addr ||
	    back.prefix_len != net.prefix_len)
		abort();
	if (ipam_init(&m, net, (struct ipam_net){0}, &err) < 0)
		return;
	if (ipam_take(&m, &a, &err) == 0 && !ipam_contains(net, a))
		abort();
	ipam_clear(&m);
}

static void fuzz_subnet6(const char *text)
{
	struct ipam6_net net, back;
	struct ipam6 m;
	struct crl_err err;
	char cidr[CIDR6_TEXT];
	struct ip6 a;

	if (!ip6_parse_cidr(text, &net))
		return;
	if (!ip6_parse_cidr(ip6_format_cidr(net, cidr), &back) || !ip6_equal(back.addr, net.addr) ||
	    back.prefix_len != net.prefix_len)
		abort();
	if (!ip6_contains(net, ip6_first(net)) || !ip6_contains(net, ip6_last(net)) ||
	    !ip6_overlap(net, back))
		abort();
	if (ipam6_init(&m, net, (struct ipam6_net){0}, &err) < 0)
		return;
	if (ipam6_take(&m, &a, &err) == 0 && !ip6_contains(net, a))
		abort();
	ipam6_clear(&m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *text = malloc(size + 1);

	if (!text)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	fuzz_record(text, size);
	fuzz_subnet(text);
	fuzz_subnet6(text);
	return 0;
}
