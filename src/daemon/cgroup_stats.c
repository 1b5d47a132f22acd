/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Owns the reading of a container's counters. On hybrid hosts the v2 tree has
 * cpu.stat but no memory or pids controller: those are summed over the
 * processes. See cgroups(7), proc(5).
 */
#include "cgroup_stats.h"

#include <base/path.h>
#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>

#define FILE_LIMIT (256U * 1024)
#define MAX_DEPTH 16

static char *read_at(const char *cgroup, const char *file)
{
	char *text = NULL;
	size_t len = 0;
	struct crl_err ignored;
	_cleanup_free_ char *path = path_printf("%s/%s", cgroup, file);
	if (!path || path_read_file(AT_FDCWD, path, FILE_LIMIT, &text, &len, &ignored) < 0)
		return NULL;
	return text;
}

static bool read_number(const char *cgroup, const char *file, uint64_t *ret)
{
	_cleanup_free_ char *text = read_at(cgroup, file);
	return text && sscanf(text, "%" SCNu64, ret) == 1;
}

/* "key value\n" lines. */
static void each_pair(char *text, void (*cb)(const char *key, uint64_t value, void *data),
		      void *data)
{
	char *save = NULL;
	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		char key[64];
		uint64_t value;
		if (sscanf(line, "%63s %" SCNu64, key, &value) == 2)
			cb(key, value, data);
	}
}

static void cpu_pair(const char *key, uint64_t value, void *data)
{
	struct cgroup_stats *s = data;
	if (str_eq(key, "usage_usec"))
		s->cpu_total_ns = value * 1000;
	else if (str_eq(key, "user_usec"))
		s->cpu_user_ns = value * 1000;
	else if (str_eq(key, "system_usec"))
		s->cpu_system_ns = value * 1000;
	else if (str_eq(key, "nr_periods"))
		s->periods = value;
	else if (str_eq(key, "nr_throttled"))
		s->throttled_periods = value;
	else if (str_eq(key, "throttled_usec"))
		s->throttled_ns = value * 1000;
}

static void memory_pair(const char *key, uint64_t value, void *data)
{
	struct cgroup_stats *s = data;
	char text[24];
	snprintf(text, sizeof(text), "%" PRIu64, value);
	strmap_set(&s->memory_stat, key, text);
	if (str_eq(key, "inactive_file"))
		s->inactive_file = value;
	else if (str_eq(key, "file"))
		s->file = value;
}

/* --- processes --- */

struct pids {
	pid_t *items;
	size_t n, cap;
};

static void add_pid(struct pids *p, pid_t pid)
{
	if (p->n == p->cap) {
		size_t cap = p->cap ? p->cap * 2 : 64;
		pid_t *items = realloc(p->items, cap * sizeof(*items));
		if (!items)
			return;
		p->items = items;
		p->cap = cap;
	}
	p->items[p->n++] = pid;
}

static void collect(const char *cgroup, struct pids *p, unsigned depth)
{
	_cleanup_free_ char *text = read_at(cgroup, "cgroup.procs");
	char *save = NULL;
	for (char *l = text ? strtok_r(text, "\n", &save) : NULL; l;
	     l = strtok_r(NULL, "\n", &save))
		if (atoi(l) > 0)
			add_pid(p, atoi(l));
	_cleanup_closedir_ DIR *dir = depth < MAX_DEPTH ? opendir(cgroup) : NULL;
	struct dirent *e;
	while (dir && (e = readdir(dir))) {
		if (e->d_type != DT_DIR || e->d_name[0] == '.')
			continue;
		_cleanup_free_ char *sub = path_printf("%s/%s", cgroup, e->d_name);
		if (sub)
			collect(sub, p, depth + 1);
	}
}

size_t cgroup_pids(const char *cgroup, pid_t **ret)
{
	struct pids p = {0};
	if (!str_empty(cgroup))
		collect(cgroup, &p, 0);
	*ret = p.items;
	return p.n;
}

static void sum_processes(const char *cgroup, struct cgroup_stats *s)
{
	_cleanup_free_ pid_t *pids = NULL;
	size_t n = cgroup_pids(cgroup, &pids);
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	s->pids_current = 0;
	for (size_t i = 0; i < n; i++) {
		char path[64];
		uint64_t resident = 0, shared = 0;
		snprintf(path, sizeof(path), "/proc/%d", (int)pids[i]);
		_cleanup_free_ char *statm = read_at(path, "statm");
		/* Shared pages would count once per process; private ones are the honest sum. */
		if (statm && sscanf(statm, "%*u %" SCNu64 " %" SCNu64, &resident, &shared) == 2)
			s->memory_usage += (resident > shared ? resident - shared : 0) * page;
		_cleanup_free_ char *status = read_at(path, "status");
		const char *threads = status ? strstr(status, "\nThreads:") : NULL;
		s->pids_current += threads ? strtoull(threads + 9, NULL, 10) : 1;
	}
}

/* --- io.stat: "8:0 rbytes=1 wbytes=2 rios=3 wios=4 ..." --- */

static void read_io(const char *cgroup, struct cgroup_stats *s)
{
	_cleanup_free_ char *text = read_at(cgroup, "io.stat");
	char *save = NULL;
	for (char *l = text ? strtok_r(text, "\n", &save) : NULL; l;
	     l = strtok_r(NULL, "\n", &save)) {
		struct cgroup_io io = {0};
		if (sscanf(l,
			   "%u:%u rbytes=%" SCNu64 " wbytes=%" SCNu64 " rios=%" SCNu64
			   " wios=%" SCNu64,
			   &io.major, &io.minor, &io.rbytes, &io.wbytes, &io.rios, &io.wios) < 6)
			continue;
		struct cgroup_io *items = realloc(s->io, (s->n_io + 1) * sizeof(*items));
		if (!items)
			return;
		s->io = items;
		s->io[s->n_io++] = io;
	}
}

uint64_t host_cpu_ns(void)
{
	_cleanup_free_ char *text = read_at("/proc", "stat");
	uint64_t v[8] = {0}, sum = 0;
	long hz = sysconf(_SC_CLK_TCK);
	if (!text || sscanf(text,
			    "cpu %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64
			    " %" SCNu64 " %" SCNu64 " %" SCNu64,
			    &v[0], &v[1], &v[2], &v[3], &v[4], &v[5], &v[6], &v[7]) < 7)
		return 0;
	for (size_t i = 0; i < 8; i++)
		sum += v[i];
	return hz > 0 ? sum * (1000000000ULL / (uint64_t)hz) : 0;
}

uint64_t host_memory(void)
{
	_cleanup_free_ char *text = read_at("/proc", "meminfo");
	uint64_t kb = 0;
	return text && sscanf(text, "MemTotal: %" SCNu64, &kb) == 1 ? kb * 1024 : 0;
}

void cgroup_stats_read(const char *cgroup, struct cgroup_stats *ret)
{
	*ret = (struct cgroup_stats){0};
	ret->memory_limit = host_memory();
	if (str_empty(cgroup))
		return;
	uint64_t limit;
	_cleanup_free_ char *cpu = read_at(cgroup, "cpu.stat");
	if (cpu)
		each_pair(cpu, cpu_pair, ret);
	_cleanup_free_ char *memory = read_at(cgroup, "memory.stat");
	if (memory)
		each_pair(memory, memory_pair, ret);
	bool counted = read_number(cgroup, "memory.current", &ret->memory_usage) &&
		       read_number(cgroup, "pids.current", &ret->pids_current);
	if (!counted) {
		ret->memory_usage = 0;
		sum_processes(cgroup, ret);
	}
	if (read_number(cgroup, "memory.max", &limit) && limit < ret->memory_limit)
		ret->memory_limit = limit;
	(void)read_number(cgroup, "memory.peak", &ret->memory_max);
	(void)read_number(cgroup, "pids.max", &ret->pids_limit);
	read_io(cgroup, ret);
}

void cgroup_stats_free(struct cgroup_stats *s)
{
	strmap_free(&s->memory_stat);
	free(s->io);
	*s = (struct cgroup_stats){0};
}
