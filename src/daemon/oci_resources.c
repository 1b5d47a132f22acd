/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Owns the translation of limits and devices from the API into
 * linux.resources and linux.devices. Changes nothing on the host.
 */
#include "oci_config.h"

#include <base/array.h>
#include <base/path.h>
#include <errno.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#define PERIOD_US 100000

static int fill_memory(const struct api_resources *r, struct oci_linux_resources *out)
{
	if (!r->memory && !r->memory_reservation && !r->memory_swap && !r->oom_kill_disable.set &&
	    !r->memory_swappiness.set)
		return 0;
	struct oci_memory *m = out->memory = calloc(1, sizeof(*m));
	if (!m)
		return -1;
	m->limit = (struct opt_i64){r->memory != 0, r->memory};
	m->reservation = (struct opt_i64){r->memory_reservation != 0, r->memory_reservation};
	m->swap = (struct opt_i64){r->memory_swap != 0, r->memory_swap};
	if (r->memory_swappiness.set && r->memory_swappiness.v >= 0)
		m->swappiness = (struct opt_u64){true, (uint64_t)r->memory_swappiness.v};
	if (r->oom_kill_disable.set && r->oom_kill_disable.v)
		m->disable_oom_killer = r->oom_kill_disable;
	return 0;
}

static int fill_cpu(const struct api_resources *r, struct oci_linux_resources *out)
{
	if (!r->cpu_shares && !r->cpu_quota && !r->cpu_period && !r->nano_cpus &&
	    str_empty(r->cpuset_cpus) && str_empty(r->cpuset_mems))
		return 0;
	struct oci_cpu *c = out->cpu = calloc(1, sizeof(*c));
	if (!c)
		return -1;
	c->shares = (struct opt_u64){r->cpu_shares > 0, (uint64_t)r->cpu_shares};
	c->quota = (struct opt_i64){r->cpu_quota != 0, r->cpu_quota};
	c->period = (struct opt_u64){r->cpu_period > 0, (uint64_t)r->cpu_period};
	if (r->nano_cpus > 0) {
		c->period = (struct opt_u64){true, PERIOD_US};
		c->quota = (struct opt_i64){true, r->nano_cpus * PERIOD_US / 1000000000};
	}
	if (!str_empty(r->cpuset_cpus) && !(c->cpus = strdup(r->cpuset_cpus)))
		return -1;
	if (!str_empty(r->cpuset_mems) && !(c->mems = strdup(r->cpuset_mems)))
		return -1;
	return 0;
}

static int fill_pids(const struct api_resources *r, struct oci_linux_resources *out)
{
	if (!r->pids_limit.set || r->pids_limit.v == 0)
		return 0;
	out->pids = calloc(1, sizeof(*out->pids));
	if (!out->pids)
		return -1;
	out->pids->limit = (struct opt_i64){true, r->pids_limit.v < 0 ? -1 : r->pids_limit.v};
	return 0;
}

/* --- block devices --- */

static int block_device(const char *path, int64_t *ret_major, int64_t *ret_minor,
			struct crl_err *err)
{
	struct stat st;
	if (stat(path ? path : "", &st) < 0)
		return crl_fail(err, CRL_INVALID, "%s: %s", path ? path : "", strerror(errno));
	if (!S_ISBLK(st.st_mode))
		return crl_fail(err, CRL_INVALID, "%s is not a block device", path);
	*ret_major = major(st.st_rdev);
	*ret_minor = minor(st.st_rdev);
	return 0;
}

static int fill_throttle(const struct api_throttle_device *in, size_t n,
			 struct oci_throttle_device **out, size_t *n_out, struct crl_err *err)
{
	for (size_t i = 0; i < n; i++) {
		struct oci_throttle_device *t = array_grow(out, n_out, sizeof(*t));
		if (!t)
			return crl_fail_oom(err);
		if (block_device(in[i].path, &t->major, &t->minor, err) < 0)
			return -1;
		t->rate = in[i].rate;
	}
	return 0;
}

static int fill_weights(const struct api_resources *r, struct oci_block_io *b, struct crl_err *err)
{
	for (size_t i = 0; i < r->n_blkio_weight_device; i++) {
		struct oci_weight_device *w =
			array_grow(&b->weight_device, &b->n_weight_device, sizeof(*w));
		if (!w)
			return crl_fail_oom(err);
		if (block_device(r->blkio_weight_device[i].path, &w->major, &w->minor, err) < 0)
			return -1;
		w->weight = (struct opt_u64){true, (uint64_t)r->blkio_weight_device[i].weight};
	}
	return 0;
}

static int fill_blkio(const struct api_resources *r, struct oci_linux_resources *out,
		      struct crl_err *err)
{
	if (!r->blkio_weight && !r->n_blkio_weight_device && !r->n_read_bps && !r->n_write_bps &&
	    !r->n_read_iops && !r->n_write_iops)
		return 0;
	struct oci_block_io *b = out->block_io = calloc(1, sizeof(*b));
	if (!b)
		return crl_fail_oom(err);
	b->weight = (struct opt_u64){r->blkio_weight > 0, (uint64_t)r->blkio_weight};
	if (fill_weights(r, b, err) < 0 ||
	    fill_throttle(r->read_bps, r->n_read_bps, &b->throttle_read_bps,
			  &b->n_throttle_read_bps, err) < 0 ||
	    fill_throttle(r->write_bps, r->n_write_bps, &b->throttle_write_bps,
			  &b->n_throttle_write_bps, err) < 0 ||
	    fill_throttle(r->read_iops, r->n_read_iops, &b->throttle_read_iops,
			  &b->n_throttle_read_iops, err) < 0)
		return -1;
	return fill_throttle(r->write_iops, r->n_write_iops, &b->throttle_write_iops,
			     &b->n_throttle_write_iops, err);
}

int oci_resources_fill(const struct api_resources *r, struct oci_linux_resources *ret,
		       struct crl_err *err)
{
	if (fill_memory(r, ret) < 0 || fill_cpu(r, ret) < 0 || fill_pids(r, ret) < 0)
		return crl_fail_oom(err);
	return fill_blkio(r, ret, err);
}

/* --- devices --- */

static int add_rule(struct oci_linux_resources *r, bool allow, const char *type, int64_t maj,
		    int64_t min, const char *access)
{
	struct oci_device_cgroup *d = array_grow(&r->devices, &r->n_devices, sizeof(*d));
	if (!d)
		return -1;
	d->allow = allow;
	d->major = (struct opt_i64){maj >= 0, maj};
	d->minor = (struct opt_i64){min >= 0, min};
	d->type = strdup(type);
	d->access = strdup(access);
	return d->type && d->access ? 0 : -1;
}

/* Deny all, allow making nodes, then the harmless devices of every container. */
static int default_rules(struct oci_linux_resources *r)
{
	static const struct {
		char type[2];
		int major, minor;
		const char *access;
	} allow[] = {
		{"c", -1, -1, "m"}, {"b", -1, -1, "m"}, {"c", 1, 3, "rwm"},    {"c", 1, 5, "rwm"},
		{"c", 1, 7, "rwm"}, {"c", 1, 8, "rwm"}, {"c", 1, 9, "rwm"},    {"c", 5, 0, "rwm"},
		{"c", 5, 1, "rwm"}, {"c", 5, 2, "rwm"}, {"c", 136, -1, "rwm"},
	};
	if (add_rule(r, false, "a", -1, -1, "rwm") < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_SIZE(allow); i++)
		if (add_rule(r, true, allow[i].type, allow[i].major, allow[i].minor,
			     allow[i].access) < 0)
			return -1;
	return 0;
}

static int add_device(const char *host, const char *inside, const char *access, struct oci_linux *l,
		      struct crl_err *err)
{
	struct stat st;
	if (stat(host, &st) < 0)
		return crl_fail(err, CRL_INVALID,
				"error gathering device information while adding custom device "
				"\"%s\": no such file or directory",
				host);
	if (!S_ISCHR(st.st_mode) && !S_ISBLK(st.st_mode))
		return crl_fail(err, CRL_INVALID,
				"error gathering device information while adding custom device "
				"\"%s\": not a device node",
				host);
	const char *type = S_ISCHR(st.st_mode) ? "c" : "b";
	struct oci_device *d = array_grow(&l->devices, &l->n_devices, sizeof(*d));
	if (!d)
		return crl_fail_oom(err);
	d->type = strdup(type);
	d->path = strdup(inside);
	d->major = major(st.st_rdev);
	d->minor = minor(st.st_rdev);
	d->file_mode = (struct opt_u64){true, st.st_mode & 07777};
	d->uid = (struct opt_u64){true, st.st_uid};
	d->gid = (struct opt_u64){true, st.st_gid};
	if (!d->type || !d->path ||
	    add_rule(l->resources, true, type, d->major, d->minor, access) < 0)
		return crl_fail_oom(err);
	return 0;
}

/* --privileged: every node of the host's /dev, without its special file systems. */
static int add_host_devices(struct oci_linux *l, const char *dir, unsigned depth,
			    struct crl_err *err)
{
	_cleanup_closedir_ DIR *d = opendir(dir);
	struct dirent *e;
	while (d && (e = readdir(d))) {
		static const char *const skip[] = {"pts",    "shm",     "fd",   "mqueue", "console",
						   "ptmx",   "tty",     "null", "zero",   "full",
						   "random", "urandom", ".",    "..",     ".lxc"};
		bool skipped = false;
		for (size_t i = 0; i < ARRAY_SIZE(skip); i++)
			skipped |= str_eq(e->d_name, skip[i]);
		struct stat st;
		if (skipped || fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		_cleanup_free_ char *path = path_printf("%s/%s", dir, e->d_name);
		if (!path)
			return crl_fail_oom(err);
		if (S_ISDIR(st.st_mode) && depth < 4 &&
		    add_host_devices(l, path, depth + 1, err) < 0)
			return -1;
		if ((S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode)) &&
		    add_device(path, path, "rwm", l, err) < 0)
			return -1;
	}
	return 0;
}

struct rule {
	char type[2];
	int64_t major, minor; /* -1 = any */
	char access[8];
};

static int rule_number(const char *text, int64_t *ret)
{
	*ret = -1;
	return str_eq(text, "*") || (str_to_i64(text, ret) && *ret >= 0) ? 0 : -1;
}

/* "c 1:3 rwm" */
static int read_rule(const char *text, struct rule *ret, struct crl_err *err)
{
	struct rule r = {0};
	char type = 0, maj[16] = "", min[16] = "", rest = 0;
	if (sscanf(text, "%c %15[0-9*]:%15[0-9*] %7[rwm]%c", &type, maj, min, r.access, &rest) !=
		    4 ||
	    !strchr("acb", type) || rule_number(maj, &r.major) < 0 ||
	    rule_number(min, &r.minor) < 0 || strlen(r.access) > 3)
		return crl_fail(err, CRL_INVALID, "invalid device cgroup rule format: '%s'", text);
	r.type[0] = type;
	*ret = r;
	return 0;
}

int oci_device_rule_check(const char *text, struct crl_err *err)
{
	struct rule r;
	return read_rule(text, &r, err);
}

static int parse_rule(const char *text, struct oci_linux_resources *to, struct crl_err *err)
{
	struct rule r;
	if (read_rule(text, &r, err) < 0)
		return -1;
	return add_rule(to, true, r.type, r.major, r.minor, r.access) < 0 ? crl_fail_oom(err) : 0;
}

/* A folder of devices: each one in it, at the same place below `inside`. */
static int add_device_tree(const char *host, const char *inside, const char *access, unsigned depth,
			   struct oci_linux *l, struct crl_err *err)
{
	_cleanup_closedir_ DIR *d = opendir(host);
	struct dirent *e;
	if (!d)
		return crl_fail_sys(err, errno, "%s", host);
	while ((e = readdir(d))) {
		struct stat st;
		if (str_eq(e->d_name, ".") || str_eq(e->d_name, "..") ||
		    fstatat(dirfd(d), e->d_name, &st, 0) < 0)
			continue;
		_cleanup_free_ char *from = path_printf("%s/%s", host, e->d_name);
		_cleanup_free_ char *to = path_printf("%s/%s", inside, e->d_name);
		if (!from || !to)
			return crl_fail_oom(err);
		int r = 0;
		if (S_ISDIR(st.st_mode) && depth < 8)
			r = add_device_tree(from, to, access, depth + 1, l, err);
		else if (S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode))
			r = add_device(from, to, access, l, err);
		if (r < 0)
			return -1;
	}
	return 0;
}

static int add_asked(const struct api_device *d, struct oci_linux *l, struct crl_err *err)
{
	const char *host = d->path_on_host ? d->path_on_host : "";
	const char *inside = str_empty(d->path_in_container) ? host : d->path_in_container;
	const char *access = str_empty(d->cgroup_permissions) ? "rwm" : d->cgroup_permissions;
	struct stat st;
	size_t before = l->n_devices;
	if (stat(host, &st) < 0 || !S_ISDIR(st.st_mode))
		return add_device(host, inside, access, l, err);
	if (add_device_tree(host, inside, access, 0, l, err) < 0)
		return -1;
	return l->n_devices > before
		       ? 0
		       : crl_fail(err, CRL_INVALID,
				  "error gathering device information while adding custom device "
				  "\"%s\": not a device node",
				  host);
}

int oci_devices_fill(const struct api_host_config *hc, struct oci_linux *l, struct crl_err *err)
{
	if (hc->privileged) {
		if (add_rule(l->resources, true, "a", -1, -1, "rwm") < 0)
			return crl_fail_oom(err);
		return add_host_devices(l, "/dev", 0, err);
	}
	if (default_rules(l->resources) < 0)
		return crl_fail_oom(err);
	for (size_t i = 0; i < hc->res.n_devices; i++)
		if (add_asked(&hc->res.devices[i], l, err) < 0)
			return -1;
	for (char **rule = hc->res.device_cgroup_rules; rule && *rule; rule++)
		if (parse_rule(*rule, l->resources, err) < 0)
			return -1;
	return 0;
}
