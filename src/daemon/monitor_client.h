/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The daemon's end of include/crun-lite/monitor_proto.h. Every call is
 * asynchronous and has a deadline: a stopped or hung monitor costs its own
 * container an error, and nobody else anything.
 */
#ifndef DAEMON_MONITOR_CLIENT_H
#define DAEMON_MONITOR_CLIENT_H

#include "daemon.h"

#include <crun-lite/monitor_proto.h>

struct monitor;

struct monitor_events {
	void (*exited)(const struct mon_exit *e, void *data); /* exec_id "" = the container */
	void (*oom)(void *data);
	void (*detached)(const char *exec_id, void *data);
	/* The monitor's process is gone, or its socket closed. Nothing follows; call
	 * monitor_free(). */
	void (*gone)(void *data);
};

struct monitor_spec {
	struct daemon *d;
	const char *id, *container_dir, *run_dir;
	const struct monitor_events *events;
	void *data;
};

/* Makes run_dir and its socket, spawns the monitor, connects. */
int monitor_spawn(const struct monitor_spec *spec, struct monitor **ret, struct crl_err *err);
/*
 * Connects to a monitor that outlived the daemon that spawned it. CRL_NOT_FOUND when no such
 * process lives any more.
 */
int monitor_reconnect(const struct monitor_spec *spec, pid_t pid, uint64_t ticks,
		      struct monitor **ret, struct crl_err *err);

/*
 * Pid of the monitor that listens in run_dir, 0 when none does. Waits for its
 * answer up to a second: for the daemon's start only.
 */
pid_t monitor_find(const char *run_dir);

/* From now on the monitor's events go there: one that was spawned in reserve got its container. */
void monitor_adopt(struct monitor *m, const struct monitor_events *events, void *data);

pid_t monitor_pid(const struct monitor *m);
uint64_t monitor_ticks(const struct monitor *m);

/*
 * `answer` is the whole message; err->code == CRL_OK when it is an answer and no
 * error. exit_code: 125, 126, 127 of an error, else 0. Not called after monitor_free().
 */
typedef void (*monitor_reply)(const cJSON *answer, const struct crl_err *err, int exit_code,
			      void *data);

/*
 * Sends `op` with the members of `body` (taken; NULL = none) and descriptors
 * (borrowed). Without `reply` the answer is ignored. Never blocks: a full
 * socket is CRL_UNAVAILABLE. deadline_ms 0 = the usual 10 s.
 */
int monitor_call(struct monitor *m, const char *op, cJSON *body, const int *fds, size_t n_fds,
		 unsigned deadline_ms, monitor_reply reply, void *data, struct crl_err *err);

/* Forgets callbacks and pending calls; the monitor goes on. */
void monitor_free(struct monitor *m);
/* Tells it that the exit is noted, so that it ends, and reaps it later; frees m. */
void monitor_release(struct monitor *m);
/* Kills it with SIGKILL and reaps it later; frees m. */
void monitor_kill(struct monitor *m);

#endif
