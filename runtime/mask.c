/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Files of the kernel's file systems that a container must not read are
 * covered by /dev/null, directories by one empty read-only directory; others
 * become read-only. Both sides of each mount are descriptors: the cover is
 * proven to be what it should be, the target was resolved inside the root.
 */
#include "mask.h"
#include "dev.h"
#include "sys.h"
#include <base/path.h>
#include <errno.h>
#include <sys/stat.h>

bool mask_wanted(const void *ctx)
{
	const struct crl_rt *rt = ctx;
	return rt->spec->linux_ && rt->spec->linux_->masked_paths;
}

bool mask_readonly_wanted(const void *ctx)
{
	const struct crl_rt *rt = ctx;
	return rt->spec->linux_ && rt->spec->linux_->readonly_paths;
}

/* 0 = resolved, 1 = the image or kernel does not have it. */
static int open_path(struct crl_rt *rt, const char *path, int *ret_fd, struct crl_err *err)
{
	struct crl_err e = CRL_ERR_INIT;
	if (path_open_in_root(rt->p.root_fd, path, O_PATH, 0, ret_fd, &e) == 0)
		return 0;
	if (e.sys == ENOENT || e.sys == ENOTDIR)
		return 1;
	if (err)
		*err = e;
	return -1;
}

static int new_empty_dir(int *ret_fd, struct crl_err *err)
{
	_cleanup_close_ int fs = fsopen("tmpfs", FSOPEN_CLOEXEC);
	if (fs < 0 || fsconfig(fs, FSCONFIG_SET_STRING, "nr_blocks", "1", 0) < 0 ||
	    fsconfig(fs, FSCONFIG_SET_STRING, "nr_inodes", "1", 0) < 0 ||
	    fsconfig(fs, FSCONFIG_SET_STRING, "mode", "755", 0) < 0 ||
	    fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return crl_fail_sys(err, errno, "empty directory");
	int fd = fsmount(fs, FSMOUNT_CLOEXEC,
			 MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV |
				 MOUNT_ATTR_NOEXEC);
	if (fd < 0)
		return crl_fail_sys(err, errno, "empty directory");
	*ret_fd = fd;
	return 0;
}

/* The first directory takes the tmpfs itself, the others copies of that mount. */
static int cover_dir(struct crl_rt *rt, int target, struct crl_err *err)
{
	if (rt->empty_fd < 0) {
		if (new_empty_dir(&rt->empty_fd, err) < 0)
			return -1;
		return sys_attach(rt->empty_fd, target) < 0 ? crl_fail_sys(err, errno, "attach")
							    : 0;
	}
	_cleanup_close_ int tree = sys_clone_tree(rt->empty_fd, 0);
	if (tree < 0 || sys_attach(tree, target) < 0)
		return crl_fail_sys(err, errno, "attach");
	return 0;
}

static int cover_file(struct crl_rt *rt, int target, struct crl_err *err)
{
	if (rt->null_fd < 0 && dev_open_null(&rt->null_fd, err) < 0)
		return -1;
	_cleanup_close_ int tree = sys_clone_tree(rt->null_fd, 0);
	if (tree < 0 || sys_attach(tree, target) < 0)
		return crl_fail_sys(err, errno, "attach");
	return 0;
}

static int mask_one(struct crl_rt *rt, const char *path, struct crl_err *err)
{
	_cleanup_close_ int target = -1;
	int r = open_path(rt, path, &target, err);
	if (r != 0)
		return r < 0 ? -1 : 0;
	struct stat st;
	if (fstat(target, &st) < 0)
		return crl_fail_sys(err, errno, "stat");
	return S_ISDIR(st.st_mode) ? cover_dir(rt, target, err) : cover_file(rt, target, err);
}

int mask_paths(void *ctx, struct crl_err *err)
{
	struct crl_rt *rt = ctx;
	char **paths = rt->spec->linux_->masked_paths;
	for (size_t i = 0; paths[i]; i++)
		if (mask_one(rt, paths[i], err) < 0)
			return crl_context(err, "mask %s", paths[i]);
	return 0;
}

static int readonly_one(struct crl_rt *rt, const char *path, struct crl_err *err)
{
	_cleanup_close_ int target = -1;
	int r = open_path(rt, path, &target, err);
	if (r != 0)
		return r < 0 ? -1 : 0;
	_cleanup_close_ int tree = sys_clone_tree(target, 1);
	if (tree < 0)
		return crl_fail_sys(err, errno, "clone");
	struct mount_attr attr = {.attr_set = MOUNT_ATTR_RDONLY};
	if (mount_setattr(tree, "", AT_EMPTY_PATH | AT_RECURSIVE, &attr, sizeof(attr)) < 0)
		return crl_fail_sys(err, errno, "make read-only");
	return sys_attach(tree, target) < 0 ? crl_fail_sys(err, errno, "attach") : 0;
}

int mask_readonly(void *ctx, struct crl_err *err)
{
	struct crl_rt *rt = ctx;
	char **paths = rt->spec->linux_->readonly_paths;
	for (size_t i = 0; paths[i]; i++)
		if (readonly_one(rt, paths[i], err) < 0)
			return crl_context(err, "read-only %s", paths[i]);
	return 0;
}
