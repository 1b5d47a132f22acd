/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Watches a cgroup's memory.events for processes that the kernel killed for lack of memory. */
#ifndef MONITOR_OOM_H
#define MONITOR_OOM_H

#include <base/loop.h>

struct oom {
	struct loop *loop;
	struct loop_source source; /* memory.events; -1 = no memory controller here */
	uint64_t kills;
	void (*grew)(struct oom *o); /* more processes were killed */
};

/* Starts watching. No memory controller is no error: there is nothing to watch then. */
void oom_watch(struct oom *o, struct loop *loop, const char *cgroup);
/* Reads the counter once more, before the cgroup goes away. */
void oom_check(struct oom *o);
void oom_deinit(struct oom *o);

#endif
