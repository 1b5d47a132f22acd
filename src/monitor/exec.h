/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Further processes in the running container. */
#ifndef MONITOR_EXEC_H
#define MONITOR_EXEC_H

#include <crun-lite/monitor_proto.h>

#include "task.h"

struct monitor;

/* Ended execs that no daemon has heard of are remembered up to this number. */
#define EXEC_UNREPORTED_MAX 64

struct exec {
	struct monitor *monitor;
	struct exec *next;
	char *id;
	struct task task;
	int exit_code; /* once ended */
	bool reported; /* a daemon was told */
	bool timed_out;
	int64_t started_at; /* CLOCK_REALTIME */
	struct loop_timer timeout;
};

/*
 * Starts one; `client` (-1 = detached) is taken. On failure *ret_exit_code is
 * 125, 126 or 127, and *ret_client is the client again, to be told by
 * exec_refuse() once the answer is out.
 */
int exec_start(struct monitor *m, const struct mon_exec *rq, int client, struct mon_started *ret,
	       int *ret_exit_code, int *ret_client, struct crl_err *err);

/* Writes why it did not start into the client's stream, as docker does, and closes it. */
void exec_refuse(int client, bool framed, const char *message);

/* Kills it and what is in its session. */
void exec_kill(struct exec *e);

/* A running exec; NULL = none of that name. */
struct exec *exec_find(struct monitor *m, const char *id);

/* Forgets the ended execs: a daemon has just been told about all of them. */
void exec_forget_reported(struct monitor *m);
bool exec_any_alive(const struct monitor *m);
void exec_free_all(struct monitor *m);

#endif
