/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the kernel counts for a container: its cgroup v2 files, else sums over its processes in
 * /proc. */
#ifndef DAEMON_CGROUP_STATS_H
#define DAEMON_CGROUP_STATS_H

#include <base/str.h>
#include <stdint.h>
#include <sys/types.h>

struct cgroup_io {
	unsigned major, minor;
	uint64_t rbytes, wbytes, rios, wios;
};

struct cgroup_stats {
	uint64_t cpu_total_ns, cpu_user_ns, cpu_system_ns;
	uint64_t periods, throttled_periods, throttled_ns;
	uint64_t memory_usage, memory_limit, memory_max, inactive_file, file;
	struct strmap memory_stat;         /* memory.stat as it is; empty without the controller */
	uint64_t pids_current, pids_limit; /* limit 0 = none */
	struct cgroup_io *io;
	size_t n_io;
};

/* Never fails: what is not there stays zero. */
void cgroup_stats_read(const char *cgroup, struct cgroup_stats *ret);
void cgroup_stats_free(struct cgroup_stats *s);
/* Processes in the cgroup and below; caller frees. */
size_t cgroup_pids(const char *cgroup, pid_t **ret);
/* CPU time of the whole host in ns, and MemTotal in bytes. */
uint64_t host_cpu_ns(void);
uint64_t host_memory(void);

#endif
