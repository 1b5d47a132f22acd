/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * linux.resources written into the files of a cgroup. A limit whose controller
 * this host does not offer in the cgroup2 hierarchy is a warning that names
 * it, never silence. See cgroup-v2.rst, OCI config-linux.md "Control groups".
 */
#include "cgroup.h"
#include <base/path.h>
#include <base/str.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>

struct apply {
	const char *path;
	int dir;
	char ***warnings;
};

/* Says which controller a limit lacks, and why: the host, the parent, or a kernel without the file.
 */
static int warn_missing(struct apply *a, const char *controller, const char *what,
			struct crl_err *err)
{
	static const char *const always[][2] = {{"memory", "memory.current"},
						{"cpu", "cpu.weight"},
						{"cpuset", "cpuset.cpus"},
						{"io", "io.stat"},
						{"pids", "pids.current"}};
	const char *why = crl_cgroup_has(controller)
				  ? "is not handed down to this cgroup"
				  : "is not in the cgroup2 hierarchy of this host";
	for (size_t i = 0; i < ARRAY_SIZE(always); i++)
		if (str_eq(always[i][0], controller) && cgroup_has_file(a->path, always[i][1]))
			why = "of this kernel cannot do that";
	if (a->warnings && strv_pushf(a->warnings, "%s is not applied: controller \"%s\" %s", what,
				      controller, why) < 0)
		return crl_fail_oom(err);
	return 0;
}

/* Writes `value` to `file`; a file that is not there gives the warning for `what`. */
static int put(struct apply *a, const char *file, const char *value, const char *what,
	       struct crl_err *err)
{
	struct crl_err e = CRL_ERR_INIT;
	if (path_write_string(a->dir, file, value, &e) == 0)
		return 0;
	if (e.sys != ENOENT) {
		if (err)
			*err = e;
		return crl_context(err, "%s", what);
	}
	char controller[32];
	snprintf(controller, sizeof(controller), "%.*s", (int)strcspn(file, "."), file);
	return warn_missing(a, controller, what, err);
}

static int put_i64(struct apply *a, const char *file, int64_t value, const char *what,
		   struct crl_err *err)
{
	char text[32];
	snprintf(text, sizeof(text), "%" PRId64, value);
	return put(a, file, value < 0 ? "max" : text, what, err);
}

/* OCI's swap is memory + swap together; v2 counts swap alone. */
static int apply_swap(struct apply *a, const struct oci_memory *m, struct crl_err *err)
{
	if (!m->swap.set || m->swap.v == 0)
		return 0;
	if (m->swap.v < 0)
		return put(a, "memory.swap.max", "max", "the swap limit", err);
	if (!m->limit.set || m->limit.v <= 0)
		return crl_fail(err, CRL_INVALID, "a swap limit needs a memory limit");
	if (m->swap.v < m->limit.v)
		return crl_fail(err, CRL_INVALID,
				"the swap limit (memory and swap together) is "
				"below the memory limit");
	return put_i64(a, "memory.swap.max", m->swap.v - m->limit.v, "the swap limit", err);
}

static int apply_memory(struct apply *a, const struct oci_memory *m, struct crl_err *err)
{
	if (!m)
		return 0;
	if (m->limit.set && m->limit.v != 0 &&
	    put_i64(a, "memory.max", m->limit.v, "the memory limit", err) < 0)
		return -1;
	if (apply_swap(a, m, err) < 0)
		return -1;
	if (m->reservation.set && m->reservation.v != 0)
		return put_i64(a, "memory.low", m->reservation.v, "the memory reservation", err);
	return 0;
}

/*
 * shares 2..262144 to weight 1..10000 so that both ends and Docker's default
 * 1024 = 100 meet: the quadratic in log2 that crun and runc agreed on in 2025.
 */
static uint64_t weight_of_shares(uint64_t shares)
{
	if (shares <= 2)
		return 1;
	if (shares >= 262144)
		return 10000;
	double l = log2((double)shares);
	return (uint64_t)ceil(pow(10, (l * l + 125 * l) / 612.0 - 7.0 / 34.0));
}

static int apply_cpu_max(struct apply *a, const struct oci_cpu *c, struct crl_err *err)
{
	bool quota = c->quota.set && c->quota.v != 0;
	if (!quota && !(c->period.set && c->period.v))
		return 0;
	char text[64], limit[24] = "max";
	if (quota && c->quota.v > 0)
		snprintf(limit, sizeof(limit), "%" PRId64, c->quota.v);
	snprintf(text, sizeof(text), "%s %" PRIu64, limit,
		 c->period.set && c->period.v ? c->period.v : UINT64_C(100000));
	return put(a, "cpu.max", text, "the CPU quota", err);
}

static int apply_cpu(struct apply *a, const struct oci_cpu *c, struct crl_err *err)
{
	if (!c)
		return 0;
	if (c->shares.set && c->shares.v &&
	    put_i64(a, "cpu.weight", (int64_t)weight_of_shares(c->shares.v), "the CPU weight",
		    err) < 0)
		return -1;
	if (apply_cpu_max(a, c, err) < 0)
		return -1;
	if (c->burst.set &&
	    put_i64(a, "cpu.max.burst", (int64_t)c->burst.v, "the CPU burst", err) < 0)
		return -1;
	if (c->idle.set && put_i64(a, "cpu.idle", c->idle.v, "CPU idle", err) < 0)
		return -1;
	if (!str_empty(c->cpus) && put(a, "cpuset.cpus", c->cpus, "the CPU set", err) < 0)
		return -1;
	if (!str_empty(c->mems) && put(a, "cpuset.mems", c->mems, "the memory node set", err) < 0)
		return -1;
	return 0;
}

static int apply_throttle(struct apply *a, const struct oci_throttle_device *v, size_t n,
			  const char *key, struct crl_err *err)
{
	for (size_t i = 0; i < n; i++) {
		char text[96], rate[24] = "max";
		if (v[i].rate)
			snprintf(rate, sizeof(rate), "%" PRIu64, v[i].rate);
		snprintf(text, sizeof(text), "%" PRId64 ":%" PRId64 " %s=%s", v[i].major,
			 v[i].minor, key, rate);
		if (put(a, "io.max", text, "the I/O limit", err) < 0)
			return -1;
	}
	return 0;
}

/* OCI weights are 10..1000 as bfq's, io.weight's 1..10000. `device` is "MAJOR:MINOR " or "". */
static int put_io_weight(struct apply *a, const char *device, uint64_t weight, struct crl_err *err)
{
	char text[64];
	if (weight < 10 || weight > 1000)
		return crl_fail(err, CRL_INVALID, "blockIO.weight %" PRIu64 ": not in 10..1000",
				weight);
	bool bfq = cgroup_has_file(a->path, "io.bfq.weight");
	snprintf(text, sizeof(text), "%s%" PRIu64, device,
		 bfq ? weight : 1 + (weight - 10) * 9999 / 990);
	return put(a, bfq ? "io.bfq.weight" : "io.weight", text, "the I/O weight", err);
}

static int apply_io_weights(struct apply *a, const struct oci_block_io *b, struct crl_err *err)
{
	if (b->weight.set && b->weight.v && put_io_weight(a, "", b->weight.v, err) < 0)
		return -1;
	for (size_t i = 0; i < b->n_weight_device; i++) {
		const struct oci_weight_device *w = &b->weight_device[i];
		char device[48];
		snprintf(device, sizeof(device), "%" PRId64 ":%" PRId64 " ", w->major, w->minor);
		if (w->weight.set && w->weight.v && put_io_weight(a, device, w->weight.v, err) < 0)
			return -1;
	}
	return 0;
}

static int apply_block_io(struct apply *a, const struct oci_block_io *b, struct crl_err *err)
{
	if (!b)
		return 0;
	if (apply_io_weights(a, b, err) < 0 ||
	    apply_throttle(a, b->throttle_read_bps, b->n_throttle_read_bps, "rbps", err) < 0 ||
	    apply_throttle(a, b->throttle_write_bps, b->n_throttle_write_bps, "wbps", err) < 0 ||
	    apply_throttle(a, b->throttle_read_iops, b->n_throttle_read_iops, "riops", err) < 0)
		return -1;
	return apply_throttle(a, b->throttle_write_iops, b->n_throttle_write_iops, "wiops", err);
}

/* The specification: -1 = no limit; 0 is a limit since 1.3, but older engines send 0 for "none". */
static int apply_pids(struct apply *a, const struct oci_pids *p, struct crl_err *err)
{
	if (!p || !p->limit.set || p->limit.v == 0)
		return 0;
	return put_i64(a, "pids.max", p->limit.v, "the pids limit", err);
}

static int apply_hugepages(struct apply *a, const struct oci_linux_resources *r,
			   struct crl_err *err)
{
	for (size_t i = 0; i < r->n_hugepage_limits; i++) {
		const struct oci_hugepage_limit *h = &r->hugepage_limits[i];
		char file[64], value[24];
		if (strchr(h->page_size, '/') || strlen(h->page_size) > 16)
			return crl_fail(err, CRL_INVALID, "hugepageLimits: page size %.40s",
					h->page_size);
		snprintf(file, sizeof(file), "hugetlb.%s.max", h->page_size);
		snprintf(value, sizeof(value), "%" PRIu64, h->limit);
		if (put(a, file, value, "the huge page limit", err) < 0)
			return -1;
	}
	return 0;
}

/* "unified" names the file itself; the cgroup.* core files would move or kill processes. */
static int apply_unified(struct apply *a, const struct strmap *unified, struct crl_err *err)
{
	for (size_t i = 0; i < unified->n; i++) {
		const char *key = unified->items[i].key;
		if (strchr(key, '/') || !strchr(key, '.') || str_starts(key, "cgroup."))
			return crl_fail(err, CRL_INVALID, "linux.resources.unified: key \"%s\"",
					key);
		_cleanup_free_ char *what = path_printf("%s", key);
		if (put(a, key, unified->items[i].value, what ? what : key, err) < 0)
			return -1;
	}
	return 0;
}

/* What the specification knows and the cgroup2 hierarchy has no file for: said, never skipped. */
static int warn_unoffered(struct apply *a, const struct oci_linux_resources *r, struct crl_err *err)
{
	const struct oci_memory no_memory = {0}, *m = r->memory ? r->memory : &no_memory;
	const struct oci_cpu no_cpu = {0}, *c = r->cpu ? r->cpu : &no_cpu;
	const struct oci_block_io no_io = {0}, *b = r->block_io ? r->block_io : &no_io;
	const struct {
		bool asked;
		const char *field;
	} rows[] = {
		{m->kernel.set && m->kernel.v, "memory.kernel"},
		{m->kernel_tcp.set && m->kernel_tcp.v, "memory.kernelTCP"},
		{m->swappiness.set, "memory.swappiness"},
		{m->disable_oom_killer.set && m->disable_oom_killer.v, "memory.disableOOMKiller"},
		{m->use_hierarchy.set && !m->use_hierarchy.v, "memory.useHierarchy=false"},
		{m->check_before_update.set && m->check_before_update.v,
		 "memory.checkBeforeUpdate"},
		{c->realtime_runtime.set && c->realtime_runtime.v, "cpu.realtimeRuntime"},
		{c->realtime_period.set && c->realtime_period.v, "cpu.realtimePeriod"},
		{b->leaf_weight.set && b->leaf_weight.v, "blockIO.leafWeight"},
		{b->n_weight_device > 0, "blockIO.weightDevice"},
		{r->network && r->network->child, "network"},
		{r->rdma && r->rdma->child, "rdma"},
	};
	for (size_t i = 0; a->warnings && i < ARRAY_SIZE(rows); i++)
		if (rows[i].asked &&
		    strv_pushf(a->warnings, "linux.resources.%s is not offered and not applied",
			       rows[i].field) < 0)
			return crl_fail_oom(err);
	return 0;
}

int crl_cgroup_apply(const char *path, const struct oci_linux_resources *r, char ***warnings,
		     struct crl_err *err)
{
	if (!r)
		return 0;
	_cleanup_close_ int dir = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return crl_fail_sys(err, errno, "open cgroup %s", path);
	struct apply a = {.path = path, .dir = dir, .warnings = warnings};
	if (apply_memory(&a, r->memory, err) < 0 || apply_cpu(&a, r->cpu, err) < 0 ||
	    apply_pids(&a, r->pids, err) < 0 || apply_block_io(&a, r->block_io, err) < 0 ||
	    apply_hugepages(&a, r, err) < 0 || warn_unoffered(&a, r, err) < 0)
		return -1;
	return apply_unified(&a, &r->unified, err);
}
