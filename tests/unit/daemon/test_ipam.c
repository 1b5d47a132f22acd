/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <daemon/ipam.h>

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

static struct ipam_net cidr(const char *s)
{
	struct ipam_net n = {0};

	assert_true(ipam_parse_cidr(s, &n));
	return n;
}

static void test_parse(void **state)
{
	static const char *const bad[] = {
		"",           "10.0.0.0",  "10.0.0.0/33", "10.0.0/8", "10.0.0.0/",
		"/8",         "a.b.c.d/8", "10.0.0.0/-1", "::1/64",   "10.0.0.0.0.0.0.0.0.0/8",
		"10.0.0.0/8 "};
	struct ipam_net n;
	char text[20];

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(ipam_parse_cidr(bad[i], &n));
	assert_false(ipam_parse_cidr(NULL, &n));
	n = cidr("172.17.0.1/16");
	assert_int_equal(n.addr, 0xac110001);
	assert_string_equal(ipam_format_cidr(n, text), "172.17.0.1/16");
	n = cidr("255.255.255.255/32");
	assert_string_equal(ipam_format_cidr(n, text), "255.255.255.255/32");
}

static void test_overlap(void **state)
{
	assert_true(ipam_overlap(cidr("10.0.0.0/8"), cidr("10.1.2.0/24")));
	assert_true(ipam_overlap(cidr("10.1.2.0/24"), cidr("10.0.0.0/8")));
	assert_true(ipam_overlap(cidr("10.1.2.3/32"), cidr("10.1.2.3/32")));
	assert_false(ipam_overlap(cidr("10.1.2.0/24"), cidr("10.1.3.0/24")));
	assert_true(ipam_overlap(cidr("0.0.0.0/0"), cidr("192.168.1.0/24")));
}

static void test_choose(void **state)
{
	struct ipam_net all[31], got;
	struct crl_err err;
	char text[20];

	assert_int_equal(ipam_choose(NULL, 0, &got, &err), 0);
	assert_string_equal(ipam_format_cidr(got, text), "172.17.0.0/16");
	all[0] = cidr("172.17.5.1/24");
	all[1] = cidr("172.18.0.0/15");
	assert_int_equal(ipam_choose(all, 2, &got, &err), 0);
	assert_string_equal(ipam_format_cidr(got, text), "172.20.0.0/16");
	all[0] = cidr("172.16.0.0/12");
	assert_int_equal(ipam_choose(all, 1, &got, &err), 0);
	assert_string_equal(ipam_format_cidr(got, text), "192.168.0.0/20");
	all[1] = cidr("192.168.0.0/16");
	got = cidr("1.2.3.4/5");
	assert_int_equal(ipam_choose(all, 2, &got, &err), -1);
	assert_int_equal(err.code, CRL_UNAVAILABLE);
	assert_int_equal(got.prefix_len, 5);
}

static void test_take_all(void **state)
{
	struct ipam m;
	struct crl_err err;
	uint32_t a;

	/* 10.0.0.8/29: six addresses between network and broadcast. */
	assert_int_equal(ipam_init(&m, cidr("10.0.0.9/29"), (struct ipam_net){0}, &err), 0);
	for (uint32_t i = 9; i <= 14; i++) {
		assert_int_equal(ipam_take(&m, &a, &err), 0);
		assert_int_equal(a, 0x0a000000 + i);
	}
	assert_int_equal(ipam_take(&m, &a, &err), -1);
	assert_int_equal(err.code, CRL_UNAVAILABLE);
	ipam_put(&m, 0x0a00000b);
	assert_int_equal(ipam_take(&m, &a, &err), 0);
	assert_int_equal(a, 0x0a00000b);
	ipam_clear(&m);
}

static void test_no_hasty_reuse(void **state)
{
	struct ipam m;
	struct crl_err err;
	uint32_t first, second;

	assert_int_equal(ipam_init(&m, cidr("10.0.0.0/24"), (struct ipam_net){0}, &err), 0);
	assert_int_equal(ipam_take(&m, &first, &err), 0);
	ipam_put(&m, first);
	assert_int_equal(ipam_take(&m, &second, &err), 0);
	assert_int_not_equal(first, second);
	ipam_clear(&m);
}

static void test_reserve(void **state)
{
	static const uint32_t unusable[] = {0x0a000000, 0x0a0000ff, 0x0a000100, 0x09ffffff, 0};
	struct ipam m;
	struct crl_err err;

	assert_int_equal(ipam_init(&m, cidr("10.0.0.0/24"), (struct ipam_net){0}, &err), 0);
	assert_int_equal(ipam_reserve(&m, 0x0a000005, &err), 0);
	assert_int_equal(ipam_reserve(&m, 0x0a000005, &err), -1);
	assert_int_equal(err.code, CRL_CONFLICT);
	for (size_t i = 0; i < sizeof(unusable) / sizeof(unusable[0]); i++) {
		assert_int_equal(ipam_reserve(&m, unusable[i], &err), -1);
		assert_int_equal(err.code, CRL_INVALID);
		ipam_put(&m, unusable[i]); /* tolerated */
	}
	ipam_clear(&m);
}

static void test_range(void **state)
{
	struct ipam m;
	struct crl_err err;
	uint32_t a;

	assert_int_equal(ipam_init(&m, cidr("10.0.0.0/24"), cidr("10.0.0.128/30"), &err), 0);
	for (uint32_t i = 128; i <= 131; i++) {
		assert_int_equal(ipam_take(&m, &a, &err), 0);
		assert_int_equal(a, 0x0a000000 + i);
	}
	assert_int_equal(ipam_take(&m, &a, &err), -1);
	assert_int_equal(ipam_reserve(&m, 0x0a000002, &err),
			 0); /* named addresses may lie outside */
	ipam_clear(&m);
	assert_int_equal(ipam_init(&m, cidr("10.0.0.0/24"), cidr("10.0.1.0/25"), &err), -1);
	assert_int_equal(ipam_init(&m, cidr("10.0.0.0/24"), cidr("10.0.0.0/16"), &err), -1);
}

static void test_sizes(void **state)
{
	struct ipam m;
	struct crl_err err;
	uint32_t a;

	assert_int_equal(ipam_init(&m, cidr("10.0.0.0/31"), (struct ipam_net){0}, &err), -1);
	assert_int_equal(ipam_init(&m, cidr("10.0.0.0/0"), (struct ipam_net){0}, &err), -1);
	assert_int_equal(ipam_init(&m, cidr("10.0.0.0/8"), (struct ipam_net){0}, &err), 0);
	assert_int_equal(m.last, 0x0a0fffff);
	m.next = m.last;
	assert_int_equal(ipam_take(&m, &a, &err), 0);
	assert_int_equal(ipam_take(&m, &a, &err), 0);
	assert_int_equal(a, m.first);
	ipam_clear(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),          cmocka_unit_test(test_overlap),
		cmocka_unit_test(test_choose),         cmocka_unit_test(test_take_all),
		cmocka_unit_test(test_no_hasty_reuse), cmocka_unit_test(test_reserve),
		cmocka_unit_test(test_range),          cmocka_unit_test(test_sizes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
