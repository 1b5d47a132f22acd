/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which endpoint leads out, what an endpoint is called, which interface is free. */
#include <daemon/network.h>

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#define EP(NAME, GW, PRIO)                                                                         \
	{                                                                                          \
		.network = (char *)(NAME), .gateway = GW, .gw_priority = (PRIO)                    \
	}

static const char *gateway_of(const struct net_endpoint *eps, size_t n)
{
	const struct net_endpoint *ep = net_gateway_of(eps, n);

	return ep ? ep->network : "none";
}

static void test_gateway(void **state)
{
	const struct net_endpoint plain[] = {EP("red", "10.0.0.1", 0), EP("blue", "10.1.0.1", 0),
					     EP("amber", "", 0)};
	const struct net_endpoint ranked[] = {EP("a", "10.0.0.1", 0), EP("b", "10.1.0.1", 7),
					      EP("c", "", 99), EP("d", "10.2.0.1", -1)};
	struct net_endpoint both[] = {EP("a", "10.0.0.1", 0), EP("b", "10.1.0.1", 0)};

	assert_string_equal(gateway_of(NULL, 0), "none");
	assert_string_equal(gateway_of(&plain[2], 1), "none");
	assert_string_equal(gateway_of(plain, 3), "blue");
	assert_string_equal(gateway_of(ranked, 4), "b");
	assert_string_equal(gateway_of(&ranked[3], 1), "d");
	strcpy(both[1].gateway6, "fd00::1");
	assert_string_equal(gateway_of(both, 2), "b");
}

static void test_names(void **state)
{
	static const char *const id =
		"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
	char *aliases[] = {"db", "web", "db", NULL};
	char **names = net_dns_names("web", id, "0123456789ab", aliases);
	_cleanup_free_ char *all = strv_join(names, " ");

	assert_string_equal(all, "web db 0123456789ab");
	strv_free(names);
	names = net_dns_names("web", id, "box", NULL);
	free(all);
	all = strv_join(names, " ");
	assert_string_equal(all, "web 0123456789ab box");
	strv_free(names);
}

static void test_mac(void **state)
{
	static const char *const wrong[] = {"",
					    "02:42:ac:11:00",
					    "02:42:ac:11:00:02:03",
					    "02:42:ac:11:00:0g",
					    "024:2:ac:11:00:02",
					    "02 42 ac 11 00 02",
					    "02:42:ac:11:00:0"};
	uint8_t mac[6] = {0};

	assert_true(net_mac_parse("02:42:aC:11:00:fE", mac));
	assert_int_equal(mac[2], 0xac);
	assert_int_equal(mac[5], 0xfe);
	assert_true(net_mac_parse("02-42-ac-11-00-02", mac));
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_false(net_mac_parse(wrong[i], mac));
}

static void test_interface(void **state)
{
	const struct net_endpoint eps[] = {
		{.ifname = "eth0"}, {.ifname = "eth2"}, {.ifname = "lan"}};
	char name[16];

	assert_int_equal(net_free_ifname("eth", NULL, 0, name), 0);
	assert_string_equal(name, "eth0");
	assert_int_equal(net_free_ifname("eth", eps, 3, name), 0);
	assert_string_equal(name, "eth1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_gateway),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_mac),
		cmocka_unit_test(test_interface),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
