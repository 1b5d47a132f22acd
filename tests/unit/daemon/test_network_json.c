/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An endpoint's record: there and back, and refused when it is not one. */
#include <daemon/network.h>

#include <fcntl.h>

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

static cJSON *sample(void)
{
	struct net_port ports[] = {{"tcp", 80, "0.0.0.0", 8080}, {"udp", 53, "127.0.0.1", 5353}};
	struct net_endpoint ep = {.id = "e1",
				  .network_id = "n1",
				  .network = (char *)"bridge",
				  .container_id = "c1",
				  .ip = "172.17.0.2",
				  .prefix_len = 16,
				  .gateway = "172.17.0.1",
				  .driver = (char *)"bridge",
				  .ifname = "eth1",
				  .aliases = (char *[]){"db", NULL},
				  .dns_names = (char *[]){"web", "db", NULL},
				  .links = (char *[]){"other:cache", NULL},
				  .ip6 = "fd00::2",
				  .prefix6 = 64,
				  .gateway6 = "fd00::1",
				  .gw_priority = -3,
				  .mac = "02:42:ac:11:00:02",
				  .link = "crlv_1",
				  .netns_fd = -1,
				  .ports = ports,
				  .n_ports = 2};

	return net_endpoint_to_json(&ep);
}

static void test_round_trip(void **state)
{
	_cleanup_cjson_ cJSON *tree = sample(), *again = NULL;
	struct net_endpoint ep;
	struct crl_err err;

	assert_int_equal(net_endpoint_from_json(tree, &ep, &err), 0);
	assert_int_equal(ep.n_ports, 2);
	assert_int_equal(ep.ports[1].host_port, 5353);
	assert_int_equal(ep.netns_fd, -1);
	again = net_endpoint_to_json(&ep);
	assert_true(cJSON_Compare(tree, again, true));
	net_endpoint_clear(&ep);
}

static void test_damaged(void **state)
{
	static const char *const keys[] = {"EndpointID", "NetworkID", "Network",     "IPAddress",
					   "Gateway",    "Link",      "IPPrefixLen", "MacAddress"};
	struct net_endpoint ep;
	struct crl_err err;

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		_cleanup_cjson_ cJSON *tree = sample();
		cJSON_DeleteItemFromObject(tree, keys[i]);
		assert_int_equal(net_endpoint_from_json(tree, &ep, &err), -1);
		assert_int_equal(err.code, CRL_INVALID);
	}
}

/* What records of earlier versions lack is filled in; what is damaged is refused. */
static void test_later_members(void **state)
{
	static const char *const later[] = {
		"Driver",      "Interface",         "Aliases",
		"DNSNames",    "GlobalIPv6Address", "GlobalIPv6PrefixLen",
		"IPv6Gateway", "GwPriority"};
	_cleanup_cjson_ cJSON *tree = sample();
	struct net_endpoint ep;
	struct crl_err err;

	for (size_t i = 0; i < sizeof(later) / sizeof(later[0]); i++)
		cJSON_DeleteItemFromObject(tree, later[i]);
	assert_int_equal(net_endpoint_from_json(tree, &ep, &err), 0);
	assert_string_equal(ep.driver, "bridge");
	assert_string_equal(ep.ifname, "eth0");
	assert_string_equal(ep.ip6, "");
	assert_null(ep.dns_names);
	net_endpoint_clear(&ep);
	cJSON_AddNumberToObject(tree, "GlobalIPv6PrefixLen", 129);
	assert_int_equal(net_endpoint_from_json(tree, &ep, &err), -1);
	cJSON_DeleteItemFromObject(tree, "GlobalIPv6PrefixLen");
	cJSON_AddItemToArray(cJSON_AddArrayToObject(tree, "DNSNames"), cJSON_CreateNumber(1));
	assert_int_equal(net_endpoint_from_json(tree, &ep, &err), -1);
}

static void test_too_long(void **state)
{
	_cleanup_cjson_ cJSON *tree = sample();
	struct net_endpoint ep;
	struct crl_err err;

	cJSON_ReplaceItemInObject(tree, "Link", cJSON_CreateString("sixteen-letters!"));
	assert_int_equal(net_endpoint_from_json(tree, &ep, &err), -1);
}

static void test_clear_of_zeroes(void **state)
{
	struct net_endpoint ep = {0};

	net_endpoint_clear(&ep); /* must not close descriptor 0 */
	assert_int_not_equal(fcntl(0, F_GETFD), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),      cmocka_unit_test(test_damaged),
		cmocka_unit_test(test_later_members),   cmocka_unit_test(test_too_long),
		cmocka_unit_test(test_clear_of_zeroes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
