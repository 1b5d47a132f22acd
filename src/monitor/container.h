/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The container of this monitor: start (start.c), end, clean-up. */
#ifndef MONITOR_CONTAINER_H
#define MONITOR_CONTAINER_H

#include <crun-lite/monitor_proto.h>
#include <crun-lite/runtime.h>

#include "external.h"
#include "oom.h"
#include "task.h"
#include "volume.h"

struct monitor;
struct server_request;

enum container_status { CONTAINER_IDLE, CONTAINER_RUNNING, CONTAINER_EXITED };

struct container {
	struct monitor *monitor;
	enum container_status status;
	struct task task;
	struct logger log;
	struct oom oom;
	struct mon_started started; /* owned; what hello and start answer */
	struct mon_exit exit;
	struct mon_exit_record record;
	bool durable;
	bool own_pidns;              /* its processes die with init */
	char *cgroup;                /* NULL = none */
	struct crl_seccomp *seccomp; /* for execs; NULL = unconfined */
	struct external *external;   /* NULL = the library */
	struct volume_use *volumes;  /* mounted for this container */
	size_t n_volumes;
	/* Kept only while poststop hooks are to be run by crl_rt_destroy(). */
	struct crl_rt *rt;
	struct oci_spec *spec;
};

void container_init(struct container *c, struct monitor *m);

/*
 * Starts it, with the descriptors of the request (network namespace, then the
 * clients). On success `ret` is a copy for the answer. On failure the container
 * is idle again, nothing is left behind, and *ret_exit_code is 125, 126 or 127.
 */
int container_start(struct container *c, const struct mon_start *spec, int *fds, size_t n_fds,
		    struct mon_started *ret, int *ret_exit_code, struct crl_err *err);

/* Gives back the memory that only the start needed. Once the answer is sent. */
void container_settle(struct container *c);

/* Gives back its volumes: the last user unmounts. Idempotent. */
void container_unuse_volumes(struct container *c);

/* Kills what is left and removes the cgroup. Idempotent. */
void container_cleanup(struct container *c);
void container_deinit(struct container *c);

/* The events of its task; container.c. */
extern const struct task_ops container_task_ops;

#endif
