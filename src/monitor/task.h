/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The end of a process and of its streams, in the order that clients of the
 * engine rely on, for the container and for each exec:
 *
 *	reaped    the process is a zombie no more, its status is known
 *	drained   its output was read to the end (or TASK_DRAIN_NS passed)
 *	flushed   its clients have everything (or TASK_FLUSH_NS passed)
 *	idle      no client and no open stream is left
 */
#ifndef MONITOR_TASK_H
#define MONITOR_TASK_H

#include "streams.h"

#include <sys/types.h>

#define TASK_DRAIN_NS (2 * NS_PER_SEC)
#define TASK_FLUSH_NS (2 * NS_PER_SEC)

enum task_phase { TASK_NEW, TASK_RUNNING, TASK_DRAINING, TASK_FLUSHING, TASK_FLUSHED };

struct task;
struct task_ops { /* each may be NULL */
	void (*reaped)(struct task *t);
	void (*drained)(struct task *t);
	void (*flushed)(struct task *t);
	void (*idle)(struct task *t); /* may come more than once; may free the task */
	void (*detached)(struct task *t);
};

struct task {
	const struct task_ops *ops;
	enum task_phase phase;
	pid_t pid;
	struct loop_source pidfd;
	struct streams io;
	int status; /* wait status, once reaped */
	int64_t finished_at;
	bool keep_reading; /* after the drain time: discard instead of closing */
	struct loop_timer deadline;
};

void task_init(struct task *t, struct loop *loop, const struct task_ops *ops);
/* The process runs: takes pidfd. */
int task_run(struct task *t, pid_t pid, int pidfd, struct crl_err *err);
/* Reaps it if it ended (for SIGCHLD; the pidfd tells the same). */
void task_check(struct task *t);
/* Running, i.e. not reaped. */
bool task_alive(const struct task *t);
int task_signal(struct task *t, int signal, struct crl_err *err);
void task_deinit(struct task *t);

#endif
