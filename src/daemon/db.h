/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * state.db: SQLite in WAL mode, one table of records (kind, id, JSON body,
 * crc32). It is an index over the objects' own record files and is moved
 * aside and rebuilt when damaged (db_open() reports that by *ret_fresh).
 */
#ifndef DAEMON_DB_H
#define DAEMON_DB_H

#include <crun-lite/err.h>

struct db;
int db_open(const char *path, struct db **ret, bool *ret_fresh, struct crl_err *err);
void db_close(struct db *db);
/*
 * Several changes as one transaction; nesting is allowed (the outermost
 * counts). `durable`: db_commit() returns after fsync (SQLite synchronous=FULL);
 * without, after a power cut the change may be missing, never half there.
 */
int db_begin(struct db *db, bool durable, struct crl_err *err);
int db_commit(struct db *db, struct crl_err *err);
void db_rollback(struct db *db);
/* Inserts or replaces. Outside a transaction: one of its own, durable as said. */
int db_put(struct db *db, const char *kind, const char *id, const char *body, bool durable,
	   struct crl_err *err);
int db_delete(struct db *db, const char *kind, const char *id, bool durable, struct crl_err *err);
/* CRL_NOT_FOUND; caller frees *ret_body. */
int db_get(struct db *db, const char *kind, const char *id, char **ret_body, struct crl_err *err);
/*
 * Calls cb for every record of a kind, ordered by id; a record whose crc is wrong comes with
 * body == NULL. cb returns non-zero to stop (returned).
 */
int db_each(struct db *db, const char *kind,
	    int (*cb)(const char *id, const char *body, void *data), void *data,
	    struct crl_err *err);

#endif
