/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The text of the firewall table. Whether the kernel takes it is tested in
 * tests/system/network.bats. */
#include <daemon/nft.h>

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

static const struct nft_net plain = {"crlbr", {0xac110000, 16}, .masquerade = true};

static void test_ports(void **state)
{
	static const struct nft_port ports[] = {
		{"tcp", 0, 8080, 0xac110002, 80},
		{"udp", 0x7f000001, 53, 0xac110003, 5353},
	};
	_cleanup_buf_ struct buf out = BUF_INIT, gone = BUF_INIT;

	nft_rules_ports(&out, "t", ports, 2, true);
	assert_string_equal(
		out.data,
		"add element inet t ports_any { tcp . 8080 : 172.17.0.2 . 80 }\n"
		"add element inet t ports_addr { 127.0.0.1 . udp . 53 : 172.17.0.3 . 5353 }\n");
	nft_rules_ports(&gone, "t", ports, 2, false);
	assert_string_equal(gone.data,
			    "delete element inet t ports_any { tcp . 8080 }\n"
			    "delete element inet t ports_addr { 127.0.0.1 . udp . 53 }\n");
}

static void test_network(void **state)
{
	_cleanup_buf_ struct buf out = BUF_INIT;

	nft_rules_net(&out, "t", &plain, true);
	assert_string_equal(out.data,
			    "add element inet t bridges { \"crlbr\" }\n"
			    "add element inet t same_bridge { \"crlbr\" . \"crlbr\" }\n"
			    "add element inet t own_subnet { 172.17.0.0/16 . \"crlbr\" }\n"
			    "add element inet t masqueraded { 172.17.0.0/16 }\n");
}

static void test_internal_is_not_masqueraded(void **state)
{
	struct nft_net inner = plain;
	_cleanup_buf_ struct buf out = BUF_INIT;

	inner.internal = true;
	nft_rules_net(&out, "t", &inner, true);
	assert_non_null(strstr(out.data, "internal { \"crlbr\" }"));
	assert_null(strstr(out.data, "masqueraded"));
}

static void test_isolated_has_no_neighbours(void **state)
{
	struct nft_net alone = plain;
	_cleanup_buf_ struct buf out = BUF_INIT;

	alone.isolated = true;
	nft_rules_net(&out, "t", &alone, true);
	assert_null(strstr(out.data, "same_bridge"));
}

static size_t count(const char *text, const char *what)
{
	size_t n = 0;

	for (const char *p = strstr(text, what); p; p = strstr(p + 1, what))
		n++;
	return n;
}

static void test_all(void **state)
{
	static const struct nft_port port = {"tcp", 0, 80, 0xac110002, 80};
	const struct nft_state s = {&plain, 1, &port, 1};
	_cleanup_buf_ struct buf fresh = BUF_INIT, keep = BUF_INIT;

	nft_rules_all(&fresh, "t", &s, false);
	nft_rules_all(&keep, "t", &s, true);
	assert_int_equal(count(fresh.data, "add rule "), nft_rules_count());
	/* A restart must not interrupt published ports: what they map to is kept till the sweep. */
	assert_int_equal(count(fresh.data, "flush map "), 2);
	assert_int_equal(count(keep.data, "flush map "), 0);
	/* Nothing but our table. */
	assert_int_equal(count(fresh.data, " inet t"), count(fresh.data, "\n"));
	assert_int_equal(count(fresh.data, "flush ruleset"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ports),
		cmocka_unit_test(test_network),
		cmocka_unit_test(test_internal_is_not_masqueraded),
		cmocka_unit_test(test_isolated_has_no_neighbours),
		cmocka_unit_test(test_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
