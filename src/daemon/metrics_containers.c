// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What running containers use, under cAdvisor's names, which the dashboards of the world expect:
 * id is the cgroup, name and image tell people which it is. The kernel's files are read once per
 * container and second; a crowd of scrapers costs no more than one.
 */
#include "cgroup_stats.h"
#include "container.h"
#include "metrics_text.h"

#include <base/ident.h>

#define FRESH_NS 1000000000LL

struct row {
	char id[ID_HEX + 9]; /* "/docker/..." */
	char *name, *image;
	double start;
	struct cgroup_stats s;
};

static double cpu(const struct row *r)
{
	return (double)r->s.cpu_total_ns / 1e9;
}
static double cpu_user(const struct row *r)
{
	return (double)r->s.cpu_user_ns / 1e9;
}
static double cpu_system(const struct row *r)
{
	return (double)r->s.cpu_system_ns / 1e9;
}
static double periods(const struct row *r)
{
	return (double)r->s.periods;
}
static double throttled(const struct row *r)
{
	return (double)r->s.throttled_periods;
}
static double throttled_seconds(const struct row *r)
{
	return (double)r->s.throttled_ns / 1e9;
}
static double memory(const struct row *r)
{
	return (double)r->s.memory_usage;
}
/* What cannot be taken back without pain: dashboards alarm on it. */
static double working_set(const struct row *r)
{
	return r->s.memory_usage > r->s.inactive_file
		       ? (double)(r->s.memory_usage - r->s.inactive_file)
		       : 0;
}
static double cache(const struct row *r)
{
	return (double)r->s.file;
}
static double memory_limit(const struct row *r)
{
	return (double)r->s.memory_limit;
}
static double processes(const struct row *r)
{
	return (double)r->s.pids_current;
}
static double reads(const struct row *r)
{
	double sum = 0;

	for (size_t i = 0; i < r->s.n_io; i++)
		sum += (double)r->s.io[i].rbytes;
	return sum;
}
static double writes(const struct row *r)
{
	double sum = 0;

	for (size_t i = 0; i < r->s.n_io; i++)
		sum += (double)r->s.io[i].wbytes;
	return sum;
}
static double start_time(const struct row *r)
{
	return r->start;
}

static const struct family {
	const char *name, *type, *help;
	double (*value)(const struct row *r);
} families[] = {
	{"container_cpu_usage_seconds_total", "counter", "CPU time used", cpu},
	{"container_cpu_user_seconds_total", "counter", "CPU time used in programs", cpu_user},
	{"container_cpu_system_seconds_total", "counter", "CPU time used in the kernel",
	 cpu_system},
	{"container_cpu_cfs_periods_total", "counter", "Periods of the CPU quota", periods},
	{"container_cpu_cfs_throttled_periods_total", "counter", "Periods that hit the quota",
	 throttled},
	{"container_cpu_cfs_throttled_seconds_total", "counter", "Time spent held back by it",
	 throttled_seconds},
	{"container_memory_usage_bytes", "gauge", "Memory in use, with file cache", memory},
	{"container_memory_working_set_bytes", "gauge", "Memory in use, less inactive file cache",
	 working_set},
	{"container_memory_cache", "gauge", "File cache", cache},
	{"container_spec_memory_limit_bytes", "gauge", "Memory limit", memory_limit},
	{"container_processes", "gauge", "Processes", processes},
	{"container_fs_reads_bytes_total", "counter", "Bytes read from disks", reads},
	{"container_fs_writes_bytes_total", "counter", "Bytes written to disks", writes},
	{"container_start_time_seconds", "gauge", "Start since the epoch", start_time},
};

static struct {
	int64_t at;
	struct buf text;
} last; /* of this process: there is one daemon in it */

static void read_row(const struct container *c, struct row *r)
{
	(void)snprintf(r->id, sizeof(r->id), "/docker/%s", c->rec.id);
	r->name = c->rec.name;
	r->image = c->rec.config.image;
	r->start = (double)c->rec.started_at / 1e9;
	if (c->rec.cgroup)
		cgroup_stats_read(c->rec.cgroup, &r->s);
}

static void make_text(struct daemon *d, struct buf *b)
{
	_cleanup_free_ struct row *rows = calloc(d->containers->n + 1, sizeof(*rows));
	size_t n = 0;

	for (size_t i = 0; rows && i < d->containers->n; i++) {
		if (container_is_running(d->containers->items[i]))
			read_row(d->containers->items[i], &rows[n++]);
	}
	for (size_t f = 0; f < ARRAY_SIZE(families); f++) {
		metrics_family(b, families[f].name, families[f].type, families[f].help);
		for (size_t i = 0; i < n; i++)
			metrics_sample(b, families[f].value(&rows[i]), "id", rows[i].id, "name",
				       rows[i].name, "image", rows[i].image ? rows[i].image : "",
				       NULL);
	}
	for (size_t i = 0; i < n; i++)
		cgroup_stats_free(&rows[i].s);
}

void metrics_containers(struct daemon *d, struct buf *b)
{
	int64_t now = time_boot_ns();

	if (!last.text.data || now - last.at > FRESH_NS) {
		buf_free(&last.text);
		last.text = (struct buf)BUF_INIT;
		make_text(d, &last.text);
		last.at = now;
	}
	if (last.text.failed)
		b->failed = true;
	else
		buf_add(b, last.text.data, last.text.len);
}
