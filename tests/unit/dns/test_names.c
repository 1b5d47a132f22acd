/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who is called what: networks apart, aliases in turn, links, reverse, names that went. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <sys/socket.h>

#include "dns/names.h"

static struct names t;

/* A container in one network; names separated by blanks. */
static struct names_box *put(const char *id, const char *net, const char *ip, const char *names)
{
	_cleanup_strv_ char **list = strv_split(names, " ", false);
	char netid[64];
	struct dns_ep ep = {.network_id = netid,
			    .network = (char *)net,
			    .ip = (char *)ip,
			    .prefix = 16,
			    .names = list};
	struct dns_box b = {.id = (char *)id, .eps = &ep, .n_eps = 1};
	struct crl_err err = CRL_ERR_INIT;

	snprintf(netid, sizeof(netid), "id-%s", net);
	struct names_box *box = names_set(&t, &b, &err);
	assert_non_null(box);
	return box;
}

static struct names_addrs addrs;

static enum names_found ask(const struct names_box *box, const char *name)
{
	return names_lookup(&t, box, name, AF_INET, &addrs);
}

static int clean(void **state)
{
	names_deinit(&t);
	assert_null(t.nets);
	return 0;
}

static void test_networks_apart(void **state)
{
	struct names_box *a = put("a", "red", "10.1.0.1", "web");
	struct names_box *b = put("b", "blue", "10.2.0.1", "db");

	assert_int_equal(ask(a, "web"), NAMES_HIT);
	assert_memory_equal(addrs.a[0], "\12\1\0\1", 4);
	assert_int_equal(ask(a, "web.red"), NAMES_HIT);
	assert_int_equal(ask(a, "db"), NAMES_FOREIGN);
	assert_int_equal(ask(a, "db.blue"), NAMES_FOREIGN);
	assert_int_equal(ask(b, "db"), NAMES_HIT);
	assert_int_equal(ask(b, "web"), NAMES_FOREIGN);
	assert_int_equal(ask(a, "web.blue"), NAMES_FOREIGN);
	assert_int_equal(ask(a, "web.red.red"), NAMES_FOREIGN);
	assert_int_equal(ask(a, ".red"), NAMES_FOREIGN);
}

static void test_turns(void **state)
{
	struct names_box *one = put("1", "n", "10.0.0.1", "web-1 web");
	put("2", "n", "10.0.0.2", "web-2 WEB");
	struct names_box *three = put("3", "n", "10.0.0.3", "web-3 web web");
	int first[4] = {0};

	for (int i = 0; i < 300; i++) {
		assert_int_equal(ask(three, "web"), NAMES_HIT);
		assert_int_equal(addrs.n, 3);
		first[addrs.a[0][3]]++;
		/* resolvers ask for both families: that must not upset the turns */
		assert_int_equal(names_lookup(&t, three, "web", AF_INET6, &addrs), NAMES_EMPTY);
	}
	assert_int_equal(first[1], 100);
	assert_int_equal(first[2], 100);
	assert_int_equal(first[3], 100);
	names_drop(&t, one);
	assert_int_equal(ask(three, "web"), NAMES_HIT);
	assert_int_equal(addrs.n, 2);
	assert_int_equal(ask(three, "web-1"), NAMES_GONE);
}

/* Resolvers ask for both kinds: with one counter for both, one of two would never be first. */
static void test_turns_of_both_kinds(void **state)
{
	struct names_box *box = NULL;
	int first4[3] = {0}, first6[3] = {0};

	for (int i = 1; i < 3; i++) {
		char id[2] = {(char)('0' + i)}, ip[] = "10.0.0.x", ip6[] = "fd00::x";
		ip[7] = ip6[6] = id[0];
		struct dns_ep ep = {.network_id = (char *)"i",
				    .network = (char *)"n",
				    .ip = ip,
				    .ip6 = ip6,
				    .names = (char *[]){(char *)"web", NULL}};
		struct dns_box b = {.id = id, .eps = &ep, .n_eps = 1};
		box = names_set(&t, &b, NULL);
	}
	for (int i = 0; i < 100; i++) {
		assert_int_equal(ask(box, "web"), NAMES_HIT);
		first4[addrs.a[0][3]]++;
		assert_int_equal(names_lookup(&t, box, "web", AF_INET6, &addrs), NAMES_HIT);
		first6[addrs.a[0][15]]++;
	}
	assert_int_equal(first4[1], 50);
	assert_int_equal(first6[1], 50);
}

static void test_gone(void **state)
{
	struct names_box *a = put("a", "n", "10.0.0.1", "web www");
	struct names_box *b = put("b", "n", "10.0.0.2", "db");

	assert_int_equal(ask(b, "www"), NAMES_HIT);
	assert_ptr_equal(put("a", "n", "10.0.0.1", "shop"), a); /* renamed */
	assert_int_equal(ask(b, "www"), NAMES_GONE);
	assert_int_equal(ask(b, "web.n"), NAMES_GONE);
	assert_int_equal(ask(b, "shop"), NAMES_HIT);
	names_drop(&t, a);
	assert_int_equal(ask(b, "shop"), NAMES_GONE);
	put("c", "n", "10.0.0.3", "web");
	assert_int_equal(ask(b, "web"), NAMES_HIT);
	for (int i = 0; i < 3 * NAMES_GONE_MAX; i++) {
		char name[20];
		snprintf(name, sizeof(name), "x%d", i);
		put("c", "n", "10.0.0.3", name);
	}
	assert_int_equal(ask(b, "shop"), NAMES_FOREIGN); /* forgotten: the memory is bounded */
}

static void test_six(void **state)
{
	struct dns_ep ep = {.network_id = (char *)"i",
			    .network = (char *)"n",
			    .ip6 = (char *)"fd00::5",
			    .prefix6 = 64,
			    .names = (char *[]){(char *)"six", NULL}};
	struct dns_box b = {.id = (char *)"x", .eps = &ep, .n_eps = 1};
	struct names_box *box = names_set(&t, &b, NULL);
	char name[300];

	assert_non_null(box);
	assert_int_equal(names_lookup(&t, box, "six", AF_INET6, &addrs), NAMES_HIT);
	assert_int_equal(addrs.a[0][15], 5);
	assert_int_equal(ask(box, "six"), NAMES_EMPTY);
	const char *arpa =
		"5.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.d.f.ip6.arpa";
	assert_int_equal(names_reverse(&t, box, arpa, name, sizeof(name)), NAMES_HIT);
	assert_string_equal(name, "six.n");
	arpa = "6.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.d.f.ip6.arpa";
	assert_int_equal(names_reverse(&t, box, arpa, name, sizeof(name)), NAMES_GONE);
	arpa = "6.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.1.d.f.ip6.arpa";
	assert_int_equal(names_reverse(&t, box, arpa, name, sizeof(name)), NAMES_FOREIGN);
}

static void test_reverse(void **state)
{
	struct names_box *a = put("a", "red", "10.1.0.1", "web www");
	char name[300];

	put("b", "blue", "10.2.0.1", "db");
	assert_int_equal(names_reverse(&t, a, "1.0.1.10.in-addr.arpa", name, sizeof(name)),
			 NAMES_HIT);
	assert_string_equal(name, "web.red");
	/* nobody has it, but it could only be ours */
	assert_int_equal(names_reverse(&t, a, "2.0.1.10.in-addr.arpa", name, sizeof(name)),
			 NAMES_GONE);
	assert_int_equal(names_reverse(&t, a, "1.0.2.10.in-addr.arpa", name, sizeof(name)),
			 NAMES_FOREIGN);
	const char *odd[] = {"1.0.1.10.in-addr.arpa.x", "1.0.1.in-addr.arpa",
			     "256.0.1.10.in-addr.arpa", "in-addr.arpa", "web"};
	for (size_t i = 0; i < ARRAY_SIZE(odd); i++)
		assert_int_equal(names_reverse(&t, a, odd[i], name, sizeof(name)), NAMES_FOREIGN);
}

static void test_links(void **state)
{
	struct names_box *a, *other = put("o", "n", "10.0.0.9", "other");
	struct dns_ep ep = {.network_id = (char *)"id-n",
			    .network = (char *)"n",
			    .ip = (char *)"10.0.0.1",
			    .prefix = 16};
	struct dns_box b = {.id = (char *)"a", .eps = &ep, .n_eps = 1};

	strmap_set(&ep.links, "DataBase", "db-id");
	a = names_set(&t, &b, NULL);
	strmap_free(&ep.links);
	assert_int_equal(ask(a, "database"), NAMES_FOREIGN); /* not there yet */
	put("db-id", "n", "10.0.0.7", "db");
	assert_int_equal(ask(a, "database"), NAMES_HIT);
	assert_memory_equal(addrs.a[0], "\12\0\0\7", 4);
	assert_int_equal(ask(other, "database"), NAMES_FOREIGN);
}

static void test_internal(void **state)
{
	struct dns_ep eps[2] = {
		{.network_id = (char *)"1", .network = (char *)"in", .internal = true},
		{.network_id = (char *)"2", .network = (char *)"out"},
	};
	struct dns_box b = {.id = (char *)"a", .eps = eps, .n_eps = 1};

	assert_false(names_set(&t, &b, NULL)->foreign);
	b.n_eps = 2;
	assert_true(names_set(&t, &b, NULL)->foreign);
	b.eps[1].network_id = b.eps[0].network_id;
	assert_null(names_set(&t, &b, NULL));
	assert_true(names_find(&t, "a")->foreign); /* nothing has changed */
	b.n_eps = 0;
	assert_false(names_set(&t, &b, NULL)->foreign);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_networks_apart, clean),
		cmocka_unit_test_teardown(test_turns, clean),
		cmocka_unit_test_teardown(test_turns_of_both_kinds, clean),
		cmocka_unit_test_teardown(test_gone, clean),
		cmocka_unit_test_teardown(test_six, clean),
		cmocka_unit_test_teardown(test_reverse, clean),
		cmocka_unit_test_teardown(test_links, clean),
		cmocka_unit_test_teardown(test_internal, clean),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
