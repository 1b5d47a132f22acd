/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Owns DATA_ROOT/mountpoints. It is never changed while it exists: containers
 * have it mounted. See overlayfs.rst, hier(7).
 */
#include "mount_points.h"

#include "daemon.h"

#include <base/log.h>
#include <base/path.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

static const char *const folders[] = {"dev", "etc", "proc", "sys"};
static const char *const empty_files[] = {"etc/hostname", "etc/hosts", "etc/resolv.conf"};
/* Programs ask by this file whether they run in a container of Docker. */
#define MARK ".dockerenv"

static int make_file(int dir, const char *name, mode_t mode, struct crl_err *err)
{
	int fd = openat(dir, name, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, mode);
	if (fd < 0)
		return crl_fail_sys(err, errno, "%s", name);
	close(fd);
	return 0;
}

static int fill(const char *path, struct crl_err *err)
{
	_cleanup_close_ int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return crl_fail_sys(err, errno, "%s", path);
	for (size_t i = 0; i < ARRAY_SIZE(folders); i++)
		if (mkdirat(dir, folders[i], 0755) < 0 && errno != EEXIST)
			return crl_fail_sys(err, errno, "%s", folders[i]);
	for (size_t i = 0; i < ARRAY_SIZE(empty_files); i++)
		if (make_file(dir, empty_files[i], 0644, err) < 0)
			return -1;
	return make_file(dir, MARK, 0755, err);
}

const char *mount_points_layer(struct daemon *d)
{
	static char *layer; /* of the one daemon of this process */
	struct crl_err err = CRL_ERR_INIT;
	if (layer)
		return layer;
	_cleanup_free_ char *path = path_printf("%s/mountpoints", d->config.data_root);
	if (!path || path_mkdir_p(path, 0755, &err) < 0 || fill(path, &err) < 0) {
		log_warn("layer of mount points", "error", err.msg, NULL);
		return NULL;
	}
	layer = take_ptr(path);
	return layer;
}
