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
	const char *id;
	const char *container_dir;
	int dir_fd; /* container_dir */
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

/*
 * Makes us the parent of orphans, and reaps them: for a container without a pid
 * namespace of its own, whose init is not theirs to fall back on. Once.
 */
int monitor_reap_orphans(struct monitor *m, struct crl_err *err);

#endif
