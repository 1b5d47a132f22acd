/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <daemon/ipam6.h>

#include <base/cleanup.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <setjmp.h>
#include <cmocka.h>

static struct ipam6_net cidr(const char *s)
{
	struct ipam6_net n = {0};

	assert_true(ip6_parse_cidr(s, &n));
	return n;
}

static struct ip6 ip(const char *s)
{
	struct ip6 a = {0};

	assert_true(ip6_parse(s, &a));
	return a;
}

static void assert_ip(struct ip6 a, const char *text)
{
	char got[IP6_TEXT];

	assert_string_equal(ip6_format(a, got), text);
}

static void test_parse(void **state)
{
	static const char *const bad[] = {
		"",
		"fd00::",
		"fd00::/129",
		"fd00::/",
		"/64",
		"fd00:::/64",
		"g::/64",
		"fd00::/-1",
		"10.0.0.0/8",
		"fd00::%lo/64",
		"fd00::/64 ",
		" fd00::/64",
		"::ffff:10.0.0.1/120",
		"fd00::/6x",
		"[fd00::]/64",
		"1:2:3:4:5:6:7:8:9/64",
	};
	char text[CIDR6_TEXT];
	struct ipam6_net n;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_false(ip6_parse_cidr(bad[i], &n));
	assert_false(ip6_parse_cidr(NULL, &n));
	assert_string_equal(ip6_format_cidr(cidr("FD00:0:0::1/64"), text), "fd00::1/64");
	assert_string_equal(ip6_format_cidr(cidr("::/0"), text), "::/0");
	assert_ip(ip6_last(cidr("fd00:1:2:3::/64")), "fd00:1:2:3:ffff:ffff:ffff:ffff");
	assert_ip(ip6_last(cidr("fd00::/48")), "fd00::ffff:ffff:ffff:ffff:ffff");
	assert_ip(ip6_first(cidr("fd00::aaaa:5/112")), "fd00::aaaa:0");
	assert_ip(ip6_add(ip("fd00::ffff:ffff:ffff:ffff"), 1), "fd00:0:0:1::");
}

static void test_overlap(void **state)
{
	assert_true(ip6_overlap(cidr("fd00::/8"), cidr("fd12:3456::/64")));
	assert_true(ip6_overlap(cidr("fd12:3456::/64"), cidr("fd00::/8")));
	assert_false(ip6_overlap(cidr("fd00:0:0:1::/64"), cidr("fd00:0:0:2::/64")));
	assert_true(ip6_overlap(cidr("::/0"), cidr("2001:db8::/32")));
}

static void test_choose(void **state)
{
	struct ipam6_net base = ipam6_local_prefix("some-daemon"), got, taken[3];
	struct crl_err err = CRL_ERR_INIT;

	assert_int_equal(base.prefix_len, 48);
	assert_int_equal(base.addr.hi >> 56, 0xfd);
	assert_int_equal(base.addr.hi & 0xffff, 0);
	assert_false(ip6_equal(base.addr, ipam6_local_prefix("other-daemon").addr));
	assert_true(ip6_equal(base.addr, ipam6_local_prefix("some-daemon").addr));
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(ipam6_choose(base, 64, taken, i, &taken[i], &err), 0);
		assert_int_equal(taken[i].addr.hi & 0xffff, i);
	}
	assert_int_equal(ipam6_choose(cidr("fd00::/127"), 128, NULL, 0, &got, &err), 0);
	taken[0] = cidr("fd00::/127");
	assert_int_equal(ipam6_choose(cidr("fd00::/127"), 128, taken, 1, &got, &err), -1);
	assert_int_equal(err.code, CRL_UNAVAILABLE);
}

static void test_take(void **state)
{
	_cleanup_(ipam6_clear) struct ipam6 m = {0};
	struct crl_err err = CRL_ERR_INIT;
	struct ip6 a;

	assert_int_equal(ipam6_init(&m, cidr("fd00::/64"), (struct ipam6_net){0}, &err), 0);
	assert_int_equal(ipam6_reserve(&m, ip("fd00::1"), &err), 0);
	assert_int_equal(ipam6_take(&m, &a, &err), 0);
	assert_ip(a, "fd00::2");
	ipam6_put(&m, a); /* not handed out again at once */
	assert_int_equal(ipam6_take(&m, &a, &err), 0);
	assert_ip(a, "fd00::3");
	assert_int_equal(ipam6_reserve(&m, ip("fd00::dead:beef:0:1"), &err), 0);
	assert_int_equal(ipam6_reserve(&m, ip("fd00::dead:beef:0:1"), &err), -1);
	assert_int_equal(err.code, CRL_CONFLICT);
	assert_int_equal(ipam6_reserve(&m, ip("fd01::1"), &err), -1);
	assert_int_equal(err.code, CRL_INVALID);
	assert_int_equal(ipam6_reserve(&m, ip("fd00::"), &err), -1);
	assert_true(ipam6_in_use(&m, ip("fd00::dead:beef:0:1")));
	ipam6_put(&m, ip("fd00::dead:beef:0:1"));
	assert_false(ipam6_in_use(&m, ip("fd00::dead:beef:0:1")));
	ipam6_put(&m, ip("fd00::77")); /* was not taken */
	assert_int_equal(m.n_used, 2);
}

static void test_small_range(void **state)
{
	_cleanup_(ipam6_clear) struct ipam6 m = {0};
	struct crl_err err = CRL_ERR_INIT;
	struct ip6 a;

	assert_int_equal(ipam6_init(&m, cidr("fd00::/64"), cidr("fd00::100/126"), &err), 0);
	for (unsigned i = 0; i < 4; i++) {
		assert_int_equal(ipam6_take(&m, &a, &err), 0);
		assert_true(ip6_equal(a, ip6_add(ip("fd00::100"), i)));
	}
	assert_int_equal(ipam6_take(&m, &a, &err), -1);
	assert_int_equal(err.code, CRL_UNAVAILABLE);
	ipam6_put(&m, ip("fd00::102"));
	assert_int_equal(ipam6_take(&m, &a, &err), 0);
	assert_ip(a, "fd00::102");
	assert_int_equal(ipam6_init(&m, cidr("fd00::/64"), cidr("fd01::/80"), &err), -1);
	assert_int_equal(ipam6_init(&m, cidr("fd00::/64"), cidr("fd00::/48"), &err), -1);
	assert_int_equal(ipam6_init(&m, cidr("fd00::/127"), (struct ipam6_net){0}, &err), -1);
}

/* Against a plain model: no address twice, none outside, none lost. */
static void test_random(void **state)
{
	_cleanup_(ipam6_clear) struct ipam6 m = {0};
	struct crl_err err = CRL_ERR_INIT;
	bool model[256] = {false};
	unsigned seed = 7;

	assert_int_equal(ipam6_init(&m, cidr("fd00::/120"), (struct ipam6_net){0}, &err), 0);
	for (unsigned round = 0; round < 20000; round++) {
		unsigned i = (unsigned)rand_r(&seed) % 256;
		struct ip6 a = ip6_add(ip("fd00::"), i);
		if (round % 3 == 0 && ipam6_take(&m, &a, &err) == 0) {
			assert_true(a.lo < 256 && a.lo != 0 && !model[a.lo]);
			model[a.lo] = true;
		} else if (round % 3 == 1) {
			assert_int_equal(ipam6_reserve(&m, a, &err) == 0, i != 0 && !model[i]);
			model[i] |= i != 0;
		} else {
			ipam6_put(&m, a);
			model[i] = false;
		}
		assert_int_equal(ipam6_in_use(&m, a), model[a.lo]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),  cmocka_unit_test(test_overlap),
		cmocka_unit_test(test_choose), cmocka_unit_test(test_take),
		cmocka_unit_test(test_random), cmocka_unit_test(test_small_range),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
