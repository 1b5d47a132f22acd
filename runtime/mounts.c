/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Every mount is built detached, as a descriptor with all its flags, then
 * attached by one move_mount(2) onto a target that was resolved once, inside
 * the container's root, to a descriptor. Nothing is ever resolved twice, and a
 * failed step by descriptor is never tried again by path (CVE-2021-30465).
 * See fsopen(2), open_tree(2), mount_setattr(2), openat2(2).
 */
#include "mounts.h"
#include "copy_up.h"
#include "mount_options.h"
#include "namespaces.h"
#include "outer.h"
#include "sys.h"
#include <base/path.h>
#include <errno.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>

/* Below /proc only these may be covered (lxcfs and the like); all else would fake kernel answers.
 */
static const char *const proc_allowed[] = {
	"/proc/cpuinfo",
	"/proc/diskstats",
	"/proc/meminfo",
	"/proc/stat",
	"/proc/swaps",
	"/proc/uptime",
	"/proc/loadavg",
	"/proc/slabinfo",
	"/proc/net/dev",
	"/proc/version",
	"/proc/sys/kernel/ns_last_pid",
	"/proc/sys/crypto/fips_enabled",
};

bool mounts_wanted(const void *ctx)
{
	const struct crl_rt *rt = ctx;
	return rt->spec->n_mounts > 0;
}

bool mounts_want_sources(const void *ctx)
{
	/* The parent may have done it, see outer.h. */
	return mounts_wanted(ctx) && !((const struct crl_rt *)ctx)->binds;
}

bool mounts_is_bind(const struct oci_mount *m)
{
	return str_eq(m->type, "bind") || strv_contains(m->options, "bind") ||
	       strv_contains(m->options, "rbind");
}

static int set_attributes(int tree, const struct mount_options *o, struct crl_err *err)
{
	struct mount_attr attr = {.attr_set = o->set_below,
				  .attr_clr = o->clear_below,
				  .propagation = o->propagation ? o->propagation : MS_PRIVATE};
	bool below = o->propagation ? o->propagation_below : true;
	/* One call for all when nothing differs between the mount and those below it. */
	bool attr_below = o->set_below || o->clear_below;
	if (mount_setattr(tree, "", AT_EMPTY_PATH | (below || attr_below ? AT_RECURSIVE : 0), &attr,
			  sizeof(attr)) < 0)
		return crl_fail_sys(err, errno, "set attributes");
	if (!o->set && !o->clear)
		return 0;
	struct mount_attr own = {.attr_set = o->set, .attr_clr = o->clear};
	if (mount_setattr(tree, "", AT_EMPTY_PATH, &own, sizeof(own)) < 0)
		return crl_fail_sys(err, errno, "set attributes");
	return 0;
}

static int given_source(const struct crl_rt *rt, const char *destination)
{
	for (size_t i = 0; i < rt->opt.n_sources; i++)
		if (str_eq(rt->opt.sources[i].destination, destination))
			return rt->opt.sources[i].fd;
	return -1;
}

static int open_source(const struct crl_rt *rt, const struct oci_mount *m, bool below, int *ret,
		       struct crl_err *err)
{
	int given = given_source(rt, m->destination);
	if (given >= 0) {
		*ret = fcntl(given, F_DUPFD_CLOEXEC, 3);
		return *ret < 0 ? crl_fail_sys(err, errno, "source") : 0;
	}
	if (str_empty(m->source))
		return crl_fail(err, CRL_INVALID, "a bind mount needs a source");
	_cleanup_free_ char *full = NULL;
	if (m->source[0] != '/' && rt->bundle &&
	    !(full = path_printf("%s/%s", rt->bundle, m->source)))
		return crl_fail_oom(err);
	*ret = open_tree(AT_FDCWD, full ? full : m->source,
			 OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | (below ? AT_RECURSIVE : 0));
	return *ret < 0 ? crl_fail_sys(err, errno, "source %s", m->source) : 0;
}

static int clone_source(struct crl_rt *rt, const struct oci_mount *m, struct bind_source *b,
			struct crl_err *err)
{
	_cleanup_mount_options_ struct mount_options o = {0};
	if (mount_options_parse(m->options, &o, err) < 0)
		return -1;
	int tree = -1;
	if (open_source(rt, m, o.bind_below, &tree, err) < 0)
		return -1;
	b->fd = tree;
	struct stat st;
	struct statfs fs;
	if (fstat(tree, &st) < 0 || fstatfs(tree, &fs) < 0)
		return crl_fail_sys(err, errno, "source %s: stat", m->source);
	b->is_dir = S_ISDIR(st.st_mode);
	b->is_proc = fs.f_type == PROC_SUPER_MAGIC;
	if (outer_map_mount(rt, m, &o, tree, err) < 0)
		return -1;
	return set_attributes(tree, &o, err);
}

int mounts_clone_sources(void *ctx, struct crl_err *err)
{
	struct crl_rt *rt = ctx;
	rt->binds = calloc(rt->spec->n_mounts, sizeof(*rt->binds));
	if (!rt->binds)
		return crl_fail_oom(err);
	for (size_t i = 0; i < rt->spec->n_mounts; i++) {
		const struct oci_mount *m = &rt->spec->mounts[i];
		rt->binds[i].fd = -1;
		if (mounts_is_bind(m) && clone_source(rt, m, &rt->binds[i], err) < 0)
			return crl_context(err, "mount %s", m->destination);
	}
	return 0;
}

int mounts_file_target(int root_fd, const char *path, int *ret_fd, struct crl_err *err)
{
	if (path_open_in_root(root_fd, path, O_PATH, 0, ret_fd, NULL) == 0)
		return 0;
	_cleanup_free_ char *clean = path_clean(path);
	if (!clean)
		return crl_fail_oom(err);
	char *base = strrchr(clean, '/');
	*base++ = '\0';
	_cleanup_close_ int parent = -1;
	if (path_mkdir_in_root(root_fd, *clean ? clean : "/", 0755, &parent, err) < 0)
		return -1;
	/* O_EXCL: a name that appeared meanwhile, a symlink above all, is an error and not
	 * followed. */
	int fd = openat(parent, base, O_CREAT | O_EXCL | O_NOFOLLOW | O_WRONLY | O_CLOEXEC, 0644);
	if (fd < 0)
		return crl_fail_sys(err, errno, "make mount point %s", path);
	*ret_fd = fd;
	return 0;
}

/* /proc and /sys must be real directories: a symlink would move the masks elsewhere
 * (CVE-2023-27561). */
static int kernel_fs_target(int root_fd, const char *path, int *ret_fd, struct crl_err *err)
{
	uint64_t resolve = RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS;
	int fd = sys_openat2(root_fd, path, O_PATH | O_DIRECTORY, resolve);
	if (fd < 0 && errno == ENOENT) {
		_cleanup_close_ int made = -1;
		if (path_mkdir_in_root(root_fd, path, 0755, &made, err) < 0)
			return -1;
		fd = sys_openat2(root_fd, path, O_PATH | O_DIRECTORY, resolve);
	}
	if (fd < 0 && (errno == ELOOP || errno == ENOTDIR))
		return crl_fail(err, CRL_FORBIDDEN, "%s must be an ordinary directory in the image",
				path);
	if (fd < 0)
		return crl_fail_sys(err, errno, "open %s", path);
	*ret_fd = fd;
	return 0;
}

static int open_target(struct crl_rt *rt, const struct oci_mount *m, const struct bind_source *b,
		       int *ret_fd, struct crl_err *err)
{
	if (str_eq(m->type, "proc") || str_eq(m->type, "sysfs"))
		return kernel_fs_target(rt->p.root_fd, m->destination, ret_fd, err);
	if (b->fd >= 0 && !b->is_dir)
		return mounts_file_target(rt->p.root_fd, m->destination, ret_fd, err);
	return path_mkdir_in_root(rt->p.root_fd, m->destination, 0755, ret_fd, err);
}

/* A target in procfs, or procfs' own place, is for procfs and the short list above. */
static int check_proc_target(const struct oci_mount *m, const struct bind_source *b, int target,
			     struct crl_err *err)
{
	struct statfs fs;
	if (fstatfs(target, &fs) < 0)
		return crl_fail_sys(err, errno, "%s: statfs", m->destination);
	_cleanup_free_ char *clean = path_clean(m->destination);
	if (!clean)
		return crl_fail_oom(err);
	bool at_proc = str_eq(clean, "/proc");
	if (at_proc && (str_eq(m->type, "proc") || b->is_proc))
		return 0;
	if (!at_proc && fs.f_type != PROC_SUPER_MAGIC)
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(proc_allowed); i++)
		if (str_eq(clean, proc_allowed[i]))
			return 0;
	return crl_fail(err, CRL_FORBIDDEN, "mounting inside /proc is refused");
}

static int set_data(int fs, const struct oci_mount *m, const struct mount_options *o,
		    struct crl_err *err)
{
	for (size_t i = 0; o->data[i]; i++) {
		_cleanup_free_ char *key = strdup(o->data[i]);
		if (!key)
			return crl_fail_oom(err);
		char *value = strchr(key, '=');
		if (value)
			*value++ = '\0';
		if (fsconfig(fs, value ? FSCONFIG_SET_STRING : FSCONFIG_SET_FLAG, key, value, 0) <
		    0)
			return crl_fail_sys(err, errno, "option \"%s\"", o->data[i]);
	}
	/* Only a label for the mount table. */
	if (!str_empty(m->source) && fsconfig(fs, FSCONFIG_SET_STRING, "source", m->source, 0) < 0)
		return crl_fail_sys(err, errno, "source %s", m->source);
	return 0;
}

int mounts_new_filesystem(const char *type, const struct oci_mount *m,
			  const struct mount_options *o, int *ret_fd, struct crl_err *err)
{
	_cleanup_close_ int fs = fsopen(type, FSOPEN_CLOEXEC);
	if (fs < 0)
		return crl_fail_sys(err, errno, "file system type \"%s\"", type);
	if (set_data(fs, m, o, err) < 0)
		return -1;
	if (fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return crl_fail_sys(err, errno, "create %s", type);
	int fd = fsmount(fs, FSMOUNT_CLOEXEC, (unsigned)(o->set | o->set_below));
	if (fd < 0)
		return crl_fail_sys(err, errno, "fsmount %s", type);
	*ret_fd = fd;
	return 0;
}

/*
 * The cgroup2 hierarchy, on hybrid hosts too. Writable only when asked for and
 * from an own cgroup namespace (CVE-2022-0492, CVE-2023-25809). Without such a
 * namespace a second mount would reset the options of the host's, so that one
 * is bound.
 */
static int new_cgroup(struct crl_rt *rt, const struct oci_mount *m, struct mount_options *o,
		      int *ret_fd, struct crl_err *err)
{
	o->data[0] = NULL;
	if (namespaces_own(&rt->ns, NS_CGROUP))
		return mounts_new_filesystem("cgroup2", m, o, ret_fd, err);
	const char *host = crl_cgroup_root();
	if (!host)
		return crl_fail(err, CRL_UNSUPPORTED, "this host has no cgroup2 hierarchy");
	int tree = open_tree(AT_FDCWD, host, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	if (tree < 0)
		return crl_fail_sys(err, errno, "clone %s", host);
	*ret_fd = tree;
	o->set |= MOUNT_ATTR_RDONLY;
	return set_attributes(tree, o, err);
}

/*
 * In a user namespace sysfs shows the network namespace's devices only to who
 * owns that. Where the network is shared with the host (or another owner), the
 * host's sysfs is what a container may see, and only read.
 */
static int bind_host_sys(int *ret_fd, struct crl_err *err)
{
	struct mount_attr attr = {.attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID |
					      MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC,
				  .propagation = MS_PRIVATE};
	_cleanup_close_ int tree =
		open_tree(AT_FDCWD, "/sys", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);
	if (tree < 0 ||
	    mount_setattr(tree, "", AT_EMPTY_PATH | AT_RECURSIVE, &attr, sizeof(attr)) < 0)
		return crl_fail_sys(err, errno, "bind the host's /sys");
	*ret_fd = take_fd(&tree);
	return 0;
}

static int new_sysfs(struct crl_rt *rt, const struct oci_mount *m, const struct mount_options *o,
		     int *ret_fd, struct crl_err *err)
{
	struct crl_err e = CRL_ERR_INIT;
	if (mounts_new_filesystem("sysfs", m, o, ret_fd, &e) == 0)
		return 0;
	if (e.sys == EPERM && rt->userns_fd >= 0)
		return bind_host_sys(ret_fd, err);
	*err = e;
	return -1;
}

static int build_new(struct crl_rt *rt, const struct oci_mount *m, struct mount_options *o,
		     int *ret_fd, struct crl_err *err)
{
	if (str_eq(m->type, "cgroup") || str_eq(m->type, "cgroup2"))
		return new_cgroup(rt, m, o, ret_fd, err);
	if (str_eq(m->type, "sysfs"))
		return new_sysfs(rt, m, o, ret_fd, err);
	return mounts_new_filesystem(str_empty(m->type) ? "none" : m->type, m, o, ret_fd, err);
}

static int build(struct crl_rt *rt, const struct oci_mount *m, struct bind_source *b, int *ret_fd,
		 struct crl_err *err)
{
	if (b->fd >= 0) {
		*ret_fd = take_fd(&b->fd);
		return 0;
	}
	_cleanup_mount_options_ struct mount_options o = {0};
	if (mount_options_parse(m->options, &o, err) < 0)
		return -1;
	int r = build_new(rt, m, &o, ret_fd, err);
	if (r == 0 && o.propagation)
		r = set_attributes(
			*ret_fd,
			&(struct mount_options){.propagation = o.propagation,
						.propagation_below = o.propagation_below},
			err);
	return r;
}

static int copy_content(const struct oci_mount *m, const struct bind_source *b, bool copies,
			int target, int tree, struct crl_err *err)
{
	if (str_eq(m->type, "tmpfs") && strv_contains(m->options, "tmpcopyup"))
		return copy_up(target, tree, err);
	if (b->fd >= 0 && b->is_dir && copies)
		return copy_up_volume(target, tree, err);
	return 0;
}

/* A volume takes over what the image has there, not the folder that was made to mount on. */
static bool would_copy(const struct crl_rt *rt, const struct oci_mount *m)
{
	_cleanup_close_ int fd = -1;
	struct crl_err ignored;
	return strv_contains(m->options, "copyup") &&
	       path_open_in_root(rt->p.root_fd, m->destination, O_PATH, 0, &fd, &ignored) == 0;
}

static int attach_one(struct crl_rt *rt, const struct oci_mount *m, struct bind_source *b,
		      struct crl_err *err)
{
	_cleanup_close_ int target = -1, tree = -1;
	struct bind_source kind = *b;
	bool copies = would_copy(rt, m);
	if (open_target(rt, m, b, &target, err) < 0 || check_proc_target(m, b, target, err) < 0 ||
	    build(rt, m, b, &tree, err) < 0)
		return -1;
	if (copy_content(m, &kind, copies, target, tree, err) < 0)
		return -1;
	if (sys_attach(tree, target) < 0)
		return crl_fail_sys(err, errno, "attach");
	if (str_eq(m->type, "devpts") && kind.fd < 0)
		rt->p.devpts_fd = take_fd(&tree);
	return 0;
}

int mounts_attach(void *ctx, struct crl_err *err)
{
	struct crl_rt *rt = ctx;
	for (size_t i = 0; i < rt->spec->n_mounts; i++) {
		const struct oci_mount *m = &rt->spec->mounts[i];
		if (mounts_is_bind(m)) {
			_cleanup_free_ char *clean = path_clean(m->destination);
			rt->dev_is_bind = rt->dev_is_bind || str_eq(clean, "/dev");
		}
		if (attach_one(rt, m, &rt->binds[i], err) < 0)
			return crl_context(err, "mount %s", m->destination);
	}
	return 0;
}
