/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See root.h; mount_namespaces(7), pivot_root(2), move_mount(2). */
#include "root.h"
#include "sys.h"
#include <base/path.h>
#include <errno.h>

static const struct {
	const char *name;
	uint64_t flags;
} propagations[] = {
	{"private", MS_PRIVATE},       {"rprivate", MS_PRIVATE | MS_REC},
	{"slave", MS_SLAVE},           {"rslave", MS_SLAVE | MS_REC},
	{"shared", MS_SHARED},         {"rshared", MS_SHARED | MS_REC},
	{"unbindable", MS_UNBINDABLE}, {"runbindable", MS_UNBINDABLE | MS_REC},
};

int root_private_mounts(void *ctx, struct crl_err *err)
{
	/*
	 * From here on nothing mounted in this namespace reaches the host. Slave,
	 * not private: a bind mount that asked for "rslave" still hears the host.
	 */
	if (mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0)
		return crl_fail_sys(err, errno, "make all mounts slaves");
	return 0;
}

int root_clone(struct crl_rt *rt, struct crl_err *err)
{
	const char *path = rt->spec->root->path;
	_cleanup_free_ char *full = NULL;
	if (path[0] != '/' && rt->bundle) {
		full = path_printf("%s/%s", rt->bundle, path);
		if (!full)
			return crl_fail_oom(err);
		path = full;
	}
	int tree = open_tree(AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);
	if (tree < 0)
		return crl_fail_sys(err, errno, "root.path %s", path);
	rt->root_tree = tree;
	rt->root_tree_owned = true;
	struct mount_attr attr = {.propagation = MS_PRIVATE};
	if (mount_setattr(tree, "", AT_EMPTY_PATH | AT_RECURSIVE, &attr, sizeof(attr)) < 0)
		return crl_fail_sys(err, errno, "root.path %s: make private", path);
	return 0;
}

int root_mount(void *ctx, struct crl_err *err)
{
	struct crl_rt *rt = ctx;
	if (rt->opt.rootfs_fd >= 0)
		rt->root_tree = rt->opt.rootfs_fd;
	else if (rt->root_tree < 0 && root_clone(rt, err) < 0)
		return -1;
	/*
	 * On top of the old "/" of this namespace: any place would do until
	 * pivot_root, and this one always exists. Lookups of host paths still see
	 * the old root below, since our root directory stays where it is.
	 */
	if (move_mount(rt->root_tree, "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH) < 0)
		return crl_fail_sys(err, errno, "attach the root");
	rt->p.root_fd = rt->root_tree;
	return 0;
}

static int set_propagation(const char *name, struct crl_err *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(propagations); i++) {
		if (!str_eq(name, propagations[i].name))
			continue;
		if (mount(NULL, "/", NULL, propagations[i].flags, NULL) < 0)
			return crl_fail_sys(err, errno, "rootfsPropagation %s", name);
		return 0;
	}
	return crl_fail(err, CRL_INVALID, "linux.rootfsPropagation: unknown value \"%s\"", name);
}

int root_pivot(void *ctx, struct crl_err *err)
{
	struct crl_rt *rt = ctx;
	if (fchdir(rt->p.root_fd) < 0)
		return crl_fail_sys(err, errno, "enter the root");
	/* With "." twice the old root lands on top of the new one, and needs no folder in it. */
	if (sys_pivot_root(".", ".") < 0)
		return crl_fail_sys(err, errno, "pivot_root");
	/* The host's mounts leave this namespace here, with everything below them. */
	if (umount2(".", MNT_DETACH) < 0)
		return crl_fail_sys(err, errno, "detach the old root");
	if (chdir("/") < 0)
		return crl_fail_sys(err, errno, "chdir /");
	const struct oci_linux *l = rt->spec->linux_;
	if (l && !str_empty(l->rootfs_propagation))
		return set_propagation(l->rootfs_propagation, err);
	return 0;
}

int root_readonly(void *ctx, struct crl_err *err)
{
	struct mount_attr attr = {.attr_set = MOUNT_ATTR_RDONLY};
	if (mount_setattr(AT_FDCWD, "/", 0, &attr, sizeof(attr)) < 0)
		return crl_fail_sys(err, errno, "make / read-only");
	return 0;
}
