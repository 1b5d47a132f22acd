/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Users of containers: the words of --userns, /etc/subuid, and the choice of a range. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/container_users.h"

#include <cmocka.h>

static void test_modes(void **state)
{
	(void)state;
	static const struct {
		const char *mode;
		int result;
		uint32_t size;
	} cases[] = {
		{NULL, 0, 0},
		{"", 0, 0},
		{"host", 0, 0},
		{"auto", 0, 0},
		{"auto:size=1", 0, 1},
		{"auto:size=131072", 0, 131072},
		{"auto:", 0, 0},
		{"auto:size=0", -1, 0},
		{"auto:size=-1", -1, 0},
		{"auto:size=4294967296", -1, 0},
		{"auto:size=2147483648", -1, 0},
		{"auto:size", -1, 0},
		{"auto:uidmapping=0:1:1", -1, 0},
		{"auto:size=5,gidmapping=0:1:1", -1, 0},
		{"automatic", -1, 0},
		{"container:x", -1, 0},
		{"HOST", -1, 0},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct crl_err err = CRL_ERR_INIT;
		uint32_t size = 77;
		int r = users_mode_parse(cases[i].mode, &size, &err);
		if (r != cases[i].result || (r == 0 && size != cases[i].size))
			fail_msg("\"%s\": %d, %u", cases[i].mode ? cases[i].mode : "NULL", r, size);
		if (r < 0)
			assert_int_equal(err.code, CRL_INVALID);
	}
}

static void test_subid(void **state)
{
	(void)state;
	static const char text[] = "# a comment\n"
				   "alice:100000:65536\n"
				   "bob:1:2:3\n"
				   "bob:x:10\n"
				   "bob::10\n"
				   "bob:300000:0\n"
				   "bob:4294967000:1000\n"
				   "bob:99999999999:1\n"
				   "bob:200000:10\n"
				   "1000:500000:5\n"
				   "bob:300000:7";
	struct oci_id_mapping *rows;
	struct crl_err err = CRL_ERR_INIT;
	size_t n;

	assert_int_equal(subid_parse(text, "bob", 1000, &rows, &n, &err), 0);
	/* By name and by number, in the file's order; container ids count on. */
	assert_int_equal(n, 3);
	static const struct oci_id_mapping want[] = {
		{0, 200000, 10}, {10, 500000, 5}, {15, 300000, 7}};
	assert_memory_equal(rows, want, sizeof(want));
	free(rows);
	assert_int_equal(subid_parse(text, "bo", -1, &rows, &n, &err), 0);
	assert_int_equal(n, 0);
	free(rows);
	assert_int_equal(subid_parse("", "bob", -1, &rows, &n, &err), 0);
	assert_int_equal(n, 0);
	free(rows);
}

static void test_allocate(void **state)
{
	(void)state;
	const struct subid_pool pool = {.start = {1000, 5000}, .size = {300, 100}, .n = 2};
	const struct oci_id_mapping taken[] = {{0, 1100, 100}, {0, 5000, 1}, {0, 900, 150}};
	struct crl_err err = CRL_ERR_INIT;
	uint32_t at;

	/* From the cursor on, behind what is taken. */
	assert_int_equal(subid_allocate(&pool, taken, 3, 50, 1000, &at, &err), 0);
	assert_int_equal(at, 1050);
	assert_int_equal(subid_allocate(&pool, taken, 3, 100, 1000, &at, &err), 0);
	assert_int_equal(at, 1200);
	assert_int_equal(subid_allocate(&pool, taken, 3, 99, 1201, &at, &err), 0);
	assert_int_equal(at, 1201);
	assert_int_equal(subid_allocate(&pool, taken, 3, 99, 1202, &at, &err), 0);
	assert_int_equal(at, 5001);
	/* Around the end to the beginning; a cursor outside of the pool is no problem. */
	assert_int_equal(subid_allocate(&pool, taken, 3, 50, 5060, &at, &err), 0);
	assert_int_equal(at, 1050);
	assert_int_equal(subid_allocate(&pool, taken, 3, 50, 4000000000U, &at, &err), 0);
	assert_int_equal(at, 1050);
	/* Never across two ranges, never over an end. */
	assert_int_equal(subid_allocate(&pool, taken, 3, 101, 1000, &at, &err), -1);
	assert_int_equal(err.code, CRL_LIMIT);
	assert_int_equal(subid_allocate(&pool, NULL, 0, 300, 1100, &at, &err), 0);
	assert_int_equal(at, 1000);
}

/* Two hundred in a row do not meet, and freed ones are found again. */
static void test_allocate_many(void **state)
{
	(void)state;
	const struct subid_pool pool = {.start = {0x70000000}, .size = {200 * 65536}, .n = 1};
	struct oci_id_mapping taken[200];
	struct crl_err err = CRL_ERR_INIT;
	uint32_t at = 0x70000000 + 37 * 65536;

	for (size_t i = 0; i < 200; i++) {
		assert_int_equal(subid_allocate(&pool, taken, i, 65536, at, &at, &err), 0);
		for (size_t k = 0; k < i; k++)
			assert_int_not_equal(taken[k].host_id, at);
		taken[i] = (struct oci_id_mapping){0, at, 65536};
	}
	assert_int_equal(subid_allocate(&pool, taken, 200, 65536, at, &at, &err), -1);
	uint32_t freed = taken[120].host_id;
	taken[120] = taken[199];
	assert_int_equal(subid_allocate(&pool, taken, 199, 65536, at, &at, &err), 0);
	assert_int_equal(at, freed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_modes),
		cmocka_unit_test(test_subid),
		cmocka_unit_test(test_allocate),
		cmocka_unit_test(test_allocate_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
