/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The messages of the firewall table. Whether the kernel takes them and what they do to packets is
 * tested in tests/system/network.bats, where nft(8) also reads them back.
 */
#include <daemon/nft.h>
#include <base/nft_wire.h>

#include <arpa/inet.h>
#include <base/cleanup.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

static const struct nft_net plain = {"crlbr", {0xac110000, 16}, .masquerade = true};

static const struct nlattr *attr_of(const struct nlmsghdr *h, uint16_t type)
{
	const char *p = (const char *)NLMSG_DATA(h) + sizeof(struct nfgenmsg);
	const char *end = (const char *)h + h->nlmsg_len;

	while (p < end) {
		const struct nlattr *a = (const void *)p;
		assert_true(a->nla_len >= sizeof(*a) && p + a->nla_len <= end);
		if ((a->nla_type & NLA_TYPE_MASK) == type)
			return a;
		p += NLA_ALIGN(a->nla_len);
	}
	return NULL;
}

static const char *text_of(const struct nlmsghdr *h, uint16_t type)
{
	const struct nlattr *a = attr_of(h, type);

	return a ? (const char *)(a + 1) : NULL;
}

/* "+bridges" for elements added to that set, "-bridges" for removed ones, in order. */
static char *element_sets(const struct nft_wire *w)
{
	struct buf out = BUF_INIT;
	size_t left = w->out.len;

	assert_false(w->out.failed);
	for (const struct nlmsghdr *h = (const void *)w->out.data; left > 0;) {
		assert_true(NLMSG_OK(h, left));
		assert_int_equal(h->nlmsg_len % 4, 0);
		assert_string_equal(text_of(h, NFTA_TABLE_NAME), "t");
		bool add = (h->nlmsg_type & 255) == NFT_MSG_NEWSETELEM;
		assert_true(add || (h->nlmsg_type & 255) == NFT_MSG_DELSETELEM);
		buf_printf(&out, "%c%s ", add ? '+' : '-', text_of(h, NFTA_SET_ELEM_LIST_SET));
		h = NLMSG_NEXT(h, left);
	}
	return buf_take(&out);
}

static void assert_net(const struct nft_net *net, bool add, const char *expected)
{
	_cleanup_nft_wire_ struct nft_wire w = NFT_WIRE_INIT;
	_cleanup_free_ char *got = NULL;

	nft_rules_net(&w, "t", net, add);
	got = element_sets(&w);
	assert_string_equal(got, expected);
}

static void test_networks(void **state)
{
	char *trust[] = {"eth7", NULL};
	struct nft_net n = plain;

	assert_net(&n, true, "+bridges +same_bridge +own_subnet +masqueraded ");
	assert_net(&n, false, "-bridges -same_bridge -own_subnet -masqueraded ");
	n.isolated = true;
	assert_net(&n, true, "+bridges +own_subnet +masqueraded ");
	n = plain;
	n.internal = true;
	assert_net(&n, true, "+bridges +same_bridge +internal +own_subnet ");
	n = plain;
	n.masquerade = false;
	n.trust = trust;
	assert_net(&n, true, "+bridges +same_bridge +same_bridge +own_subnet ");
	n = plain;
	n.mode = NFT_MODE_ROUTED;
	assert_net(&n, true, "+bridges +same_bridge +own_subnet +routed ");
	n.mode = NFT_MODE_UNPROTECTED;
	assert_net(&n, true, "+bridges +same_bridge +own_subnet +open +masqueraded ");
	n = plain;
	n.subnet = (struct ipam_net){0};
	n.subnet6 = (struct ipam6_net){{0xfd00000000000000, 0}, 64};
	assert_net(&n, true, "+bridges +same_bridge +own_subnet6 +masqueraded6 ");
}

static void test_ports(void **state)
{
	static const struct nft_port ports[] = {
		{.proto = "tcp", .host_port = 8080, .to_ip = 0xac110002, .to_port = 80},
		{"udp", .host_ip = 0x7f000001, .host_port = 53, .to_ip = 1, .to_port = 5353},
		{"tcp", .six = true, .host_port = 80, .to_ip6 = {1, 2}, .to_port = 80},
		{"tcp", .six = true, .host_ip6 = {1, 1}, .host_port = 80, .to_port = 80},
		{"sctp", .routed = true, .to_ip = 1, .to_port = 9},
		{"sctp", .routed = true, .six = true, .to_ip6 = {1, 1}, .to_port = 9},
	};
	_cleanup_nft_wire_ struct nft_wire add = NFT_WIRE_INIT, gone = NFT_WIRE_INIT;
	_cleanup_free_ char *sets = NULL, *gone_sets = NULL;

	nft_rules_ports(&add, "t", ports, ARRAY_SIZE(ports), true);
	sets = element_sets(&add);
	assert_string_equal(
		sets, "+ports_any +ports_addr +ports_any6 +ports_addr6 +open_ports +open_ports6 ");
	nft_rules_ports(&gone, "t", ports, ARRAY_SIZE(ports), false);
	gone_sets = element_sets(&gone);
	assert_string_equal(gone_sets, "-ports_any -ports_addr -ports_any6 -ports_addr6 "
				       "-open_ports -open_ports6 ");
}

/* The one element that most containers have, byte by byte. */
static void test_element_bytes(void **state)
{
	static const struct nft_port port = {"tcp", .host_port = 0x1f90, .to_ip = 0xac110002,
					     .to_port = 80};
	static const uint8_t key[] = {6, 0, 0, 0, 0x1f, 0x90, 0, 0};
	static const uint8_t data[] = {0xac, 0x11, 0, 2, 0, 80, 0, 0};
	_cleanup_nft_wire_ struct nft_wire w = NFT_WIRE_INIT;

	nft_rules_ports(&w, "t", &port, 1, true);
	assert_non_null(memmem(w.out.data, w.out.len, key, sizeof(key)));
	assert_non_null(memmem(w.out.data, w.out.len, data, sizeof(data)));
}

static size_t count_messages(const struct nft_wire *w, uint16_t type)
{
	size_t n = 0, left = w->out.len;

	for (const struct nlmsghdr *h = (const void *)w->out.data; NLMSG_OK(h, left);
	     h = NLMSG_NEXT(h, left))
		n += h->nlmsg_type == (NFNL_SUBSYS_NFTABLES << 8 | type);
	return n;
}

static void test_everything(void **state)
{
	const struct nft_port port = {.proto = "tcp", .host_port = 80, .to_ip = 1, .to_port = 80};
	const struct nft_state all = {&plain, 1, &port, 1};
	_cleanup_nft_wire_ struct nft_wire fresh = NFT_WIRE_INIT, kept = NFT_WIRE_INIT;

	nft_rules_all(&fresh, "t", &all, false);
	assert_int_equal(count_messages(&fresh, NFT_MSG_NEWRULE), nft_rules_count());
	assert_int_equal(count_messages(&fresh, NFT_MSG_DELTABLE), 1);
	nft_rules_all(&kept, "t", &all, true);
	assert_int_equal(count_messages(&kept, NFT_MSG_NEWRULE), nft_rules_count());
	assert_int_equal(count_messages(&kept, NFT_MSG_DELTABLE), 0);
	/* What restarts must not interrupt is not flushed: six sets of ports of all the sets. */
	assert_int_equal(count_messages(&kept, NFT_MSG_DELSETELEM),
			 count_messages(&kept, NFT_MSG_NEWSET) - 6);
}

/* A rule that jumps needs its chain before it; one that looks up, its set. */
static void test_order(void **state)
{
	const struct nft_state none = {0};
	_cleanup_nft_wire_ struct nft_wire w = NFT_WIRE_INIT;
	bool rules = false;

	nft_rules_all(&w, "t", &none, false);
	size_t left = w.out.len;
	for (const struct nlmsghdr *h = (const void *)w.out.data; NLMSG_OK(h, left);
	     h = NLMSG_NEXT(h, left)) {
		uint16_t type = h->nlmsg_type & 255;
		rules |= type == NFT_MSG_NEWRULE;
		assert_false(rules && (type == NFT_MSG_NEWCHAIN || type == NFT_MSG_NEWSET));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_networks),      cmocka_unit_test(test_ports),
		cmocka_unit_test(test_element_bytes), cmocka_unit_test(test_everything),
		cmocka_unit_test(test_order),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
