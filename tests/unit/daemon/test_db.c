/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <base/path.h>
#include <base/str.h>
#include <daemon/db.h>
#include <sqlite3.h>

static char dir[64], path[96];

static int setup(void **state)
{
	(void)snprintf(dir, sizeof(dir), "/tmp/crl-db-XXXXXX");
	assert_non_null(mkdtemp(dir));
	(void)snprintf(path, sizeof(path), "%s/state.db", dir);
	return 0;
}

static int teardown(void **state)
{
	return path_remove_tree(AT_FDCWD, dir, NULL);
}

static struct db *open_db(bool expect_fresh)
{
	struct db *db = NULL;
	struct crl_err err;
	bool fresh;

	assert_int_equal(db_open(path, &db, &fresh, &err), 0);
	assert_int_equal(fresh, expect_fresh);
	return db;
}

static void assert_body(struct db *db, const char *id, const char *expected)
{
	char *body = NULL;
	struct crl_err err;

	if (!expected) {
		assert_int_equal(db_get(db, "k", id, &body, &err), -1);
		assert_int_equal(err.code, CRL_NOT_FOUND);
		return;
	}
	assert_int_equal(db_get(db, "k", id, &body, &err), 0);
	assert_string_equal(body, expected);
	free(body);
}

static void keeps_records(void **state)
{
	struct db *db = open_db(true);
	struct crl_err err;

	assert_int_equal(db_put(db, "k", "a", "{\"x\":1}", true, &err), 0);
	assert_int_equal(db_put(db, "k", "a", "{\"x\":2}", false, &err), 0);
	assert_int_equal(db_put(db, "other", "a", "o", false, &err), 0);
	db_close(db);
	db = open_db(false);
	assert_body(db, "a", "{\"x\":2}");
	assert_int_equal(db_delete(db, "k", "a", true, &err), 0);
	assert_body(db, "a", NULL);
	db_close(db);
}

static void nested_transactions(void **state)
{
	struct db *db = open_db(true);
	struct crl_err err;

	assert_int_equal(db_begin(db, true, &err), 0);
	assert_int_equal(db_put(db, "k", "a", "1", true, &err), 0);
	assert_int_equal(db_begin(db, false, &err), 0);
	assert_int_equal(db_put(db, "k", "b", "2", true, &err), 0);
	db_rollback(db);
	/* A part was taken back: the whole must not be kept. */
	assert_int_equal(db_commit(db, &err), -1);
	assert_body(db, "a", NULL);
	assert_int_equal(db_begin(db, true, &err), 0);
	assert_int_equal(db_begin(db, true, &err), 0);
	assert_int_equal(db_put(db, "k", "c", "3", true, &err), 0);
	assert_int_equal(db_commit(db, &err), 0);
	assert_int_equal(db_commit(db, &err), 0);
	assert_body(db, "c", "3");
	db_close(db);
}

static int on_each(const char *id, const char *body, void *data)
{
	struct buf *b = data;

	buf_printf(b, "%s=%s;", id, body ? body : "DAMAGED");
	return 0;
}

/* One flipped record is shown as damaged; the others are not touched by it. */
static void damaged_record(void **state)
{
	struct db *db = open_db(true);
	struct buf seen = BUF_INIT;
	struct crl_err err;
	char *body;
	sqlite3 *raw;

	assert_int_equal(db_put(db, "k", "b", "2", true, &err), 0);
	assert_int_equal(db_put(db, "k", "a", "1", true, &err), 0);
	db_close(db);
	assert_int_equal(sqlite3_open(path, &raw), SQLITE_OK);
	assert_int_equal(
		sqlite3_exec(raw, "UPDATE record SET body='9' WHERE id='a'", NULL, NULL, NULL),
		SQLITE_OK);
	sqlite3_close(raw);
	db = open_db(false);
	assert_int_equal(db_each(db, "k", on_each, &seen, &err), 0);
	assert_string_equal(seen.data, "a=DAMAGED;b=2;");
	assert_int_equal(db_get(db, "k", "a", &body, &err), -1);
	assert_int_equal(err.code, CRL_IO);
	buf_free(&seen);
	db_close(db);
}

/* Garbage is moved aside, not thrown away, and the daemon has a database. */
static void damaged_file(void **state)
{
	static const char garbage[] = "this is no database, and longer than the header of one is: "
				      "one hundred bytes are what SQLite wants to see before it "
				      "says anything about a file";
	struct db *db;
	struct crl_err err;
	char aside[128];

	assert_int_equal(
		path_write_atomic(AT_FDCWD, path, garbage, sizeof(garbage), 0600, false, &err), 0);
	db = open_db(true);
	assert_int_equal(db_put(db, "k", "a", "1", true, &err), 0);
	assert_body(db, "a", "1");
	db_close(db);
	(void)snprintf(aside, sizeof(aside), "%s.damaged", path);
	assert_int_equal(access(aside, F_OK), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(keeps_records, setup, teardown),
		cmocka_unit_test_setup_teardown(nested_transactions, setup, teardown),
		cmocka_unit_test_setup_teardown(damaged_record, setup, teardown),
		cmocka_unit_test_setup_teardown(damaged_file, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
