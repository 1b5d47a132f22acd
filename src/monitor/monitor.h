/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The one object of a monitor: its container, the execs in it, and the daemon's connections. */
#ifndef MONITOR_MONITOR_H
#define MONITOR_MONITOR_H

#include "container.h"
#include "exec.h"
#include "server.h"

/* Without any daemon this long, a monitor that has nothing to guard ends. */
#define MONITOR_LONELY_NS (10 * NS_PER_SEC)

struct monitor {
	char *id, *container_dir, *run_dir; /* our arguments: ps(1) shows what stands in them */
	int dir_fd;                         /* container_dir; -1 = without a container yet */
	struct loop loop;
	struct server server;
	struct container container;
	struct exec *execs;
	struct loop_timer lonely;
	bool released;
};

/* The operations of monitor_proto.h; ops.c. */
extern const struct server_op monitor_ops[];
extern const size_t monitor_n_ops;

/* Ends the loop when the container and all execs are over, every client has its output, and nobody
 * needs us. */
void monitor_maybe_quit(struct monitor *m);

/* A monitor in reserve becomes that of container `id`; any other id than our own is refused. */
int monitor_take_id(struct monitor *m, const char *id, struct crl_err *err);

/*
 * Makes us the parent of orphans, and reaps them: for a container without a pid
 * namespace of its own, whose init is not theirs to fall back on. Once.
 */
int monitor_reap_orphans(struct monitor *m, struct crl_err *err);

#endif
