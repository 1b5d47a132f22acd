// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * state.db. One process, one thread, one connection: the file is locked
 * exclusively, so that SQLite needs neither shared memory nor a lock per
 * transaction. Every record carries its own crc, since a page checksum is
 * something SQLite does not have. See https://www.sqlite.org/wal.html
 */
#include "db.h"

#include <base/ident.h>
#include <base/log.h>
#include <base/path.h>
#include <base/str.h>
#include <sqlite3.h>
#include <zlib.h>

enum stmt {
	STMT_BEGIN,
	STMT_COMMIT,
	STMT_ROLLBACK,
	STMT_PUT,
	STMT_DELETE,
	STMT_GET,
	STMT_EACH,
	STMT_FULL,
	STMT_NORMAL,
	STMT_COUNT,
};

static const char *const stmt_sql[STMT_COUNT] = {
	[STMT_BEGIN] = "BEGIN IMMEDIATE",
	[STMT_COMMIT] = "COMMIT",
	[STMT_ROLLBACK] = "ROLLBACK",
	[STMT_PUT] = "INSERT OR REPLACE INTO record(kind,id,body,crc) VALUES(?1,?2,?3,?4)",
	[STMT_DELETE] = "DELETE FROM record WHERE kind=?1 AND id=?2",
	[STMT_GET] = "SELECT body,crc FROM record WHERE kind=?1 AND id=?2",
	[STMT_EACH] = "SELECT id,body,crc FROM record WHERE kind=?1 ORDER BY id",
	[STMT_FULL] = "PRAGMA synchronous=FULL",
	[STMT_NORMAL] = "PRAGMA synchronous=NORMAL",
};

struct db {
	sqlite3 *sql;
	sqlite3_stmt *stmts[STMT_COUNT];
	unsigned depth; /* of nested transactions */
	bool failed;    /* an inner transaction was rolled back: the outermost must be, too */
	bool durable;   /* what the connection's synchronous is set to */
};

static int fail(struct db *db, struct crl_err *err, const char *what)
{
	int code = sqlite3_errcode(db->sql);
	bool full = code == SQLITE_FULL || code == SQLITE_IOERR || code == SQLITE_READONLY;

	return crl_fail(err, full ? CRL_IO : CRL_INTERNAL, "state.db: %s: %s", what,
			sqlite3_errmsg(db->sql));
}

/* --- statements --- */

static sqlite3_stmt *stmt_get(struct db *db, enum stmt which)
{
	if (!db->stmts[which])
		(void)sqlite3_prepare_v3(db->sql, stmt_sql[which], -1, SQLITE_PREPARE_PERSISTENT,
					 &db->stmts[which], NULL);
	return db->stmts[which];
}

static void stmt_done(sqlite3_stmt *s)
{
	(void)sqlite3_reset(s);
	(void)sqlite3_clear_bindings(s);
}

static int run(struct db *db, enum stmt which, struct crl_err *err)
{
	sqlite3_stmt *s = stmt_get(db, which);
	int code = s ? sqlite3_step(s) : SQLITE_ERROR;
	int r = code == SQLITE_DONE || code == SQLITE_ROW ? 0 : fail(db, err, stmt_sql[which]);

	if (s)
		stmt_done(s);
	return r;
}

static sqlite3_stmt *bind_key(struct db *db, enum stmt which, const char *kind, const char *id)
{
	sqlite3_stmt *s = stmt_get(db, which);

	if (s && sqlite3_bind_text(s, 1, kind, -1, SQLITE_STATIC) == SQLITE_OK &&
	    (!id || sqlite3_bind_text(s, 2, id, -1, SQLITE_STATIC) == SQLITE_OK))
		return s;
	return NULL;
}

static uint32_t record_crc(const char *id, const char *body)
{
	uLong crc = crc32(0, (const Bytef *)id, (uInt)strlen(id) + 1);

	return (uint32_t)crc32(crc, (const Bytef *)body, (uInt)strlen(body));
}

/* --- opening --- */

static int open_file(const char *path, struct db *db, struct crl_err *err)
{
	/*
	 * locking_mode before journal_mode: a WAL that was never shared lives without the -shm
	 * file. 256 KiB of page cache is plenty for an index over a few thousand records.
	 */
	static const char setup[] =
		"PRAGMA locking_mode=EXCLUSIVE;"
		"PRAGMA journal_mode=WAL;"
		"PRAGMA synchronous=NORMAL;"
		"PRAGMA cache_size=-256;"
		"PRAGMA temp_store=MEMORY;"
		"PRAGMA journal_size_limit=4194304;"
		"CREATE TABLE IF NOT EXISTS record(kind TEXT NOT NULL, id TEXT NOT NULL, "
		"body TEXT NOT NULL, crc INTEGER NOT NULL, PRIMARY KEY(kind,id)) WITHOUT ROWID;";

	if (sqlite3_open_v2(path, &db->sql,
			    SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX,
			    NULL) != SQLITE_OK ||
	    sqlite3_exec(db->sql, setup, NULL, NULL, NULL) != SQLITE_OK)
		return fail(db, err, path);
	return 0;
}

static int on_check_row(void *ok, int n, char **values, char **names)
{
	*(bool *)ok = n == 1 && str_eq(values[0], "ok");
	return 0;
}

static bool is_sound(struct db *db)
{
	bool ok = false;

	return sqlite3_exec(db->sql, "PRAGMA quick_check(1)", on_check_row, &ok, NULL) ==
		       SQLITE_OK &&
	       ok;
}

static void close_file(struct db *db)
{
	for (size_t i = 0; i < STMT_COUNT; i++) {
		(void)sqlite3_finalize(db->stmts[i]);
		db->stmts[i] = NULL;
	}
	(void)sqlite3_close(db->sql);
	db->sql = NULL;
}

/* Nothing of a damaged database is thrown away: whoever wants can still look into it. */
static void move_aside(const char *path)
{
	static const char *const tails[] = {"", "-wal", "-shm"};

	for (size_t i = 0; i < ARRAY_SIZE(tails); i++) {
		_cleanup_free_ char *from = path_printf("%s%s", path, tails[i]);
		_cleanup_free_ char *to = path_printf("%s.damaged%s", path, tails[i]);

		if (from && to)
			(void)rename(from, to);
	}
	log_warn("the database was damaged and is made anew from the objects' records", "kept as",
		 log_fmt("%s.damaged", path), NULL);
}

static bool is_damage(const struct db *db)
{
	int code = db->sql ? sqlite3_errcode(db->sql) : SQLITE_OK;

	return code == SQLITE_NOTADB || code == SQLITE_CORRUPT;
}

static void configure_once(void)
{
	static bool done;

	if (done)
		return;
	done = true;
	(void)sqlite3_config(SQLITE_CONFIG_SINGLETHREAD);
	(void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
	(void)sqlite3_config(SQLITE_CONFIG_LOOKASIDE, 128, 64);
}

int db_open(const char *path, struct db **ret, bool *ret_fresh, struct crl_err *err)
{
	struct db *db;
	bool existed = access(path, F_OK) == 0, damaged;
	int r;

	configure_once();
	db = calloc(1, sizeof(*db));
	if (!db)
		return crl_fail_oom(err);
	r = open_file(path, db, err);
	damaged = r < 0 ? is_damage(db) : existed && !is_sound(db);
	if (damaged) {
		close_file(db);
		move_aside(path);
		existed = false;
		r = open_file(path, db, err);
	}
	if (r < 0) {
		close_file(db);
		free(db);
		return -1;
	}
	*ret = db;
	*ret_fresh = !existed;
	return 0;
}

void db_close(struct db *db)
{
	if (!db)
		return;
	close_file(db);
	free(db);
}

/* --- transactions --- */

int db_begin(struct db *db, bool durable, struct crl_err *err)
{
	if (db->depth == 0) {
		/* Changes only outside a transaction. */
		if (durable != db->durable && run(db, durable ? STMT_FULL : STMT_NORMAL, err) < 0)
			return -1;
		db->durable = durable;
		if (run(db, STMT_BEGIN, err) < 0)
			return -1;
		db->failed = false;
	}
	db->depth++;
	return 0;
}

int db_commit(struct db *db, struct crl_err *err)
{
	if (db->depth == 0)
		return crl_fail(err, CRL_INTERNAL, "state.db: commit without begin");
	if (--db->depth > 0)
		return 0;
	if (db->failed) {
		(void)run(db, STMT_ROLLBACK, NULL);
		return crl_fail(err, CRL_INTERNAL,
				"state.db: a part of the change was rolled back");
	}
	if (run(db, STMT_COMMIT, err) == 0)
		return 0;
	(void)run(db, STMT_ROLLBACK, NULL);
	return -1;
}

void db_rollback(struct db *db)
{
	if (db->depth == 0)
		return;
	db->failed = true;
	if (--db->depth == 0)
		(void)run(db, STMT_ROLLBACK, NULL);
}

/* A lone change needs no explicit transaction, but the right `synchronous`. */
static int lone_begin(struct db *db, bool durable, struct crl_err *err)
{
	if (db->depth > 0 || durable == db->durable)
		return 0;
	if (run(db, durable ? STMT_FULL : STMT_NORMAL, err) < 0)
		return -1;
	db->durable = durable;
	return 0;
}

/* --- records --- */

int db_put(struct db *db, const char *kind, const char *id, const char *body, bool durable,
	   struct crl_err *err)
{
	sqlite3_stmt *s;
	int r;

	if (lone_begin(db, durable, err) < 0)
		return -1;
	s = bind_key(db, STMT_PUT, kind, id);
	if (!s || sqlite3_bind_text(s, 3, body, -1, SQLITE_STATIC) != SQLITE_OK ||
	    sqlite3_bind_int64(s, 4, record_crc(id, body)) != SQLITE_OK)
		return fail(db, err, "put");
	r = sqlite3_step(s) == SQLITE_DONE ? 0 : fail(db, err, "put");
	stmt_done(s);
	return r;
}

int db_delete(struct db *db, const char *kind, const char *id, bool durable, struct crl_err *err)
{
	sqlite3_stmt *s;
	int r;

	if (lone_begin(db, durable, err) < 0)
		return -1;
	s = bind_key(db, STMT_DELETE, kind, id);
	if (!s)
		return fail(db, err, "delete");
	r = sqlite3_step(s) == SQLITE_DONE ? 0 : fail(db, err, "delete");
	stmt_done(s);
	return r;
}

/* NULL when the record's crc is wrong. */
static const char *checked_body(sqlite3_stmt *s, int column, const char *id)
{
	const char *body = (const char *)sqlite3_column_text(s, column);

	return body && sqlite3_column_int64(s, column + 1) == record_crc(id, body) ? body : NULL;
}

int db_get(struct db *db, const char *kind, const char *id, char **ret_body, struct crl_err *err)
{
	sqlite3_stmt *s = bind_key(db, STMT_GET, kind, id);
	int code = s ? sqlite3_step(s) : SQLITE_ERROR;
	const char *body;
	char *copy = NULL;
	int r = 0;

	if (code == SQLITE_DONE)
		r = crl_fail(err, CRL_NOT_FOUND, "state.db: no record %s %s", kind, id);
	else if (code != SQLITE_ROW)
		r = fail(db, err, "get");
	else if (!(body = checked_body(s, 0, id)))
		r = crl_fail(err, CRL_IO, "state.db: record %s %s is damaged", kind, id);
	else if (!(copy = strdup(body)))
		r = crl_fail_oom(err);
	if (s)
		stmt_done(s);
	if (r == 0)
		*ret_body = copy;
	return r;
}

struct row {
	char *id, *body;
};

/*
 * Collects first: the callback may change records, and a statement that is
 * being read must not see that.
 */
static int collect(struct db *db, const char *kind, struct row **rows, size_t *n,
		   struct crl_err *err)
{
	sqlite3_stmt *s = bind_key(db, STMT_EACH, kind, NULL);
	int code = SQLITE_ERROR;

	while (s && (code = sqlite3_step(s)) == SQLITE_ROW) {
		const char *id = (const char *)sqlite3_column_text(s, 0);
		const char *body = id ? checked_body(s, 1, id) : NULL;
		struct row *more = reallocarray(*rows, *n + 1, sizeof(*more));

		if (more)
			*rows = more;
		if (!more || !id || !(more[*n].id = strdup(id)))
			break;
		more[*n].body = body ? strdup(body) : NULL;
		(*n)++;
	}
	if (s)
		stmt_done(s);
	return code == SQLITE_DONE ? 0 : fail(db, err, "list");
}

int db_each(struct db *db, const char *kind,
	    int (*cb)(const char *id, const char *body, void *data), void *data,
	    struct crl_err *err)
{
	struct row *rows = NULL;
	size_t n = 0;
	int r = collect(db, kind, &rows, &n, err);

	for (size_t i = 0; i < n; i++) {
		if (r == 0)
			r = cb(rows[i].id, rows[i].body, data);
		free(rows[i].id);
		free(rows[i].body);
	}
	free(rows);
	return r;
}
