/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Users and groups by the texts of passwd and group: a matrix of what -u may hold. */
#include "runtime/user.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static const char passwd[] = "root:x:0:0:root:/root:/bin/sh\n"
			     "broken line\n"
			     "bob:x:1000:1000::/home/bob:/bin/sh\n"
			     "99:x:4242:4243::/nines:/bin/sh\n"
			     "big:x:4294967295:1::/:/bin/sh\n"
			     "nohome:x:7:7";
static const char group[] = "root:x:0:\nwheel:x:10:root,bob\nbob:x:1000:\nbobby:x:11:bobby\n"
			    "audio:x:29:alice,bob";

struct row {
	const char *user;
	int uid, gid; /* -1 = refused */
	const char *groups;
};

static const struct row rows[] = {
	{"", 0, 0, "0 10"},
	{"root", 0, 0, "0 10"},
	{"0", 0, 0, "0 10"},
	{"bob", 1000, 1000, "1000 10 29"},
	{"1000", 1000, 1000, "1000 10 29"},
	{"1", 1, 0, "0"}, /* CVE-2026-30892: not 0 */
	{"1:2", 1, 2, "2"},
	{"bob:wheel", 1000, 10, "10"},
	{"bob:10", 1000, 10, "10"},
	{"1000:", 1000, 1000, "1000 10 29"},
	{":10", 0, 10, "10"},
	{"99", 4242, 4243, "4243"}, /* a name of digits is a name first */
	{"2147483647", INT32_MAX, 0, "0"},
	{"2147483648", -1, -1, NULL},
	{"4294967295", -1, -1, NULL},
	{"4294967296", -1, -1, NULL},
	{"-1", -1, -1, NULL},
	{"+1", -1, -1, NULL},
	{"0x1", -1, -1, NULL},
	{"1 ", -1, -1, NULL},
	{"big", -1, -1, NULL},
	{"nobody", -1, -1, NULL},
	{"bob:nogroup", -1, -1, NULL},
	{"bob:-1", -1, -1, NULL},
	{"bob:1:2", -1, -1, NULL},
};

static void join(const struct identity *id, char *to, size_t size)
{
	*to = '\0';
	for (size_t i = 0; i < id->n_groups; i++)
		snprintf(to + strlen(to), size - strlen(to), "%s%u", i ? " " : "", id->groups[i]);
}

static void test_matrix(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct identity id = {0};
		struct crl_err err = CRL_ERR_INIT;
		char groups[200];
		int r = user_lookup(passwd, group, rows[i].user, NULL, &id, &err);
		if (rows[i].uid < 0) {
			if (r == 0)
				fail_msg("user \"%s\" was taken as %u", rows[i].user, id.uid);
			assert_non_null(strstr(err.msg, "no matching entries in"));
			continue;
		}
		if (r < 0)
			fail_msg("user \"%s\": %s", rows[i].user, err.msg);
		join(&id, groups, sizeof(groups));
		assert_int_equal(id.uid, rows[i].uid);
		assert_int_equal(id.gid, rows[i].gid);
		assert_string_equal(groups, rows[i].groups);
		user_free(&id);
	}
}

static void test_missing_files(void **state)
{
	struct identity id = {0};
	struct crl_err err = CRL_ERR_INIT;
	assert_int_equal(user_lookup(NULL, NULL, "5:6", NULL, &id, &err), 0);
	assert_int_equal(id.uid, 5);
	assert_int_equal(id.gid, 6);
	user_free(&id);
	assert_int_equal(user_lookup(NULL, NULL, "bob", NULL, &id, &err), -1);
	assert_string_equal(err.msg, "unable to find user bob: no matching entries in passwd file");
}

static void test_group_add(void **state)
{
	struct identity id = {0};
	struct crl_err err = CRL_ERR_INIT;
	char *add[] = {"audio", "77", "audio", NULL};
	char groups[100];
	assert_int_equal(user_lookup(passwd, group, "0:0", add, &id, &err), 0);
	join(&id, groups, sizeof(groups));
	assert_string_equal(groups, "0 29 77");
	user_free(&id);
	add[0] = "none";
	assert_int_equal(user_lookup(passwd, group, "0:0", add, &id, &err), -1);
	assert_string_equal(err.msg,
			    "unable to find group none: no matching entries in group file");
}

static void test_home(void **state)
{
	char *home = user_home(passwd, 1000);
	assert_string_equal(home, "/home/bob");
	free(home);
	assert_null(user_home(passwd, 7));
	assert_null(user_home(passwd, 1));
	assert_null(user_home(NULL, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_matrix),
		cmocka_unit_test(test_missing_files),
		cmocka_unit_test(test_group_add),
		cmocka_unit_test(test_home),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
