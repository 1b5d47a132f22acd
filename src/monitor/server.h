/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The monitor's side of the socket to the daemon: any number of connections,
 * requests with descriptors in, answers and events out. A daemon that does not
 * read is disconnected rather than waited for; it asks again with hello.
 */
#ifndef MONITOR_SERVER_H
#define MONITOR_SERVER_H

#include <base/fd.h>
#include <base/loop.h>
#include <crun-lite/monitor_proto.h>

/* What a request brought and what its answer will hold. */
struct server_request {
	const cJSON *body;
	int fds[FD_MSG_MAX_FDS]; /* taken by setting to -1; the rest is closed */
	size_t n_fds;
	/* Filled in on success: encoded into the answer, then freed. NULL table = {}. */
	const struct json_table *answer_table;
	union {
		struct mon_started started;
		struct mon_state state;
	} answer;
	/* On failure: exit code for the "error" object (125 when left 0). */
	int exit_code;
	/* Runs after the answer was sent, e.g. what must not delay it. */
	void (*after)(void *data);
	void *after_data;
};

struct server_op {
	const char *name;
	int (*handle)(void *data, struct server_request *rq, struct crl_err *err);
};

struct server_connection;
struct server {
	struct loop *loop;
	struct loop_source listener;
	struct loop_timer retry; /* accept again, after descriptors ran out */
	struct server_connection *connections;
	const struct server_op *ops;
	size_t n_ops;
	void *data;                 /* for the handlers */
	void (*lonely)(void *data); /* the last connection went */
};

/* Serves on the listening socket `fd` (taken). */
int server_init(struct server *s, struct loop *loop, int fd, const struct server_op *ops,
		size_t n_ops, void *data, struct crl_err *err);
/* Sends {"event":name, fields of obj} to every connection. `table` may be NULL. Returns how many
 * got it. */
size_t server_event(struct server *s, const char *name, const struct json_table *table,
		    const void *obj);
void server_deinit(struct server *s);

#endif
