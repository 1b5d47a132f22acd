/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Owns how the sources of mounts are opened: folders and files of the host,
 * folders inside volumes, layers of images, and nothing at all in the place
 * of a volume that is a file system of its own, which only a running container has
 * mounted. See open_tree(2), fsmount(2), mount_setattr(2).
 */
#include "enter_source.h"

#include <base/fd.h>
#include <base/path.h>
#include <base/userns.h>
#include <crun-lite/image.h>

#include <errno.h>
#include <fcntl.h>
#include <sys/mount.h>

#define SAFE (MOUNT_ATTR_NODEV | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC)

static unsigned depth(const cJSON *m)
{
	return json_get_bool(m, "recursive") ? AT_RECURSIVE : 0;
}

/* An empty folder that cannot be written to: better than the one below the mount that is missing.
 */
static int open_nothing(int *ret_fd, struct crl_err *err)
{
	_cleanup_close_ int fs = fsopen("tmpfs", FSOPEN_CLOEXEC);

	if (fs < 0 || fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return crl_fail_sys(err, errno, "tmpfs");
	*ret_fd = fsmount(fs, FSMOUNT_CLOEXEC, MOUNT_ATTR_RDONLY);
	return *ret_fd < 0 ? crl_fail_sys(err, errno, "tmpfs") : 0;
}

static int open_image(const cJSON *m, int *ret_fd, struct crl_err *err)
{
	_cleanup_strv_ char **lowers = NULL;

	if (json_get_strv(m, "lowers", &lowers, err) < 0)
		return -1;
	const struct crl_overlay o = {.lowers = lowers};
	return crl_overlay_mount(&o, ret_fd, err);
}

/* A tree of the folder `path` inside what `base` shows; a stranger may have made links there. */
static int clone_inside(int base, const char *path, unsigned deep, int *ret_fd, struct crl_err *err)
{
	_cleanup_close_ int fd = -1;

	if (path_open_in_root(base, path, O_PATH, 0, &fd, err) < 0)
		return -1;
	*ret_fd = open_tree(fd, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH | deep);
	return *ret_fd < 0 ? crl_fail_sys(err, errno, "%s", path) : 0;
}

static int open_host(const cJSON *m, int *ret_fd, struct crl_err *err)
{
	const char *source = json_get_str(m, "source"), *subpath = json_get_str(m, "subpath");

	if (!str_empty(subpath)) {
		_cleanup_close_ int base = open(source, O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (base < 0)
			return crl_fail(err, CRL_NOT_FOUND, "%s", source);
		return clone_inside(base, subpath, depth(m), ret_fd, err);
	}
	*ret_fd = open_tree(AT_FDCWD, source, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | depth(m));
	if (*ret_fd < 0 && errno == ENOENT)
		return crl_fail(err, CRL_NOT_FOUND, "%s", source);
	return *ret_fd < 0 ? crl_fail_sys(err, errno, "%s", source) : 0;
}

static int open_any(const cJSON *m, int *ret_fd, struct crl_err *err)
{
	const char *subpath = json_get_str(m, "subpath");

	if (json_get_bool(m, "absent"))
		return open_nothing(ret_fd, err);
	if (!cJSON_GetObjectItemCaseSensitive(m, "lowers"))
		return open_host(m, ret_fd, err);
	_cleanup_close_ int image = -1;
	if (open_image(m, &image, err) < 0)
		return -1;
	if (str_empty(subpath)) {
		*ret_fd = take_fd(&image);
		return 0;
	}
	return clone_inside(image, subpath, 0, ret_fd, err);
}

int enter_source(const cJSON *m, int userns, int *ret_fd, struct crl_err *err)
{
	struct mount_attr attr = {.attr_set = SAFE, .propagation = MS_PRIVATE};
	const char *at = json_get_str(m, "destination");
	_cleanup_close_ int fd = -1;

	if (open_any(m, &fd, err) < 0)
		return -1;
	if (userns >= 0 && json_get_bool(m, "mapped") &&
	    userns_map_mount(fd, userns, depth(m) != 0, at, err) < 0)
		return -1;
	if (!json_get_bool(m, "rw"))
		attr.attr_set |= MOUNT_ATTR_RDONLY;
	if (mount_setattr(fd, "", AT_EMPTY_PATH | depth(m), &attr, sizeof(attr)) < 0)
		return crl_fail_sys(err, errno, "mount options");
	*ret_fd = take_fd(&fd);
	return 0;
}
