/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See procfs.h; proc(5), fsopen(2). */
#include "procfs.h"
#include "sys.h"
#include <base/cleanup.h>
#include <errno.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>

int procfs_open(int *ret_fd, struct crl_err *err)
{
	_cleanup_close_ int fs = fsopen("proc", FSOPEN_CLOEXEC);
	if (fs < 0)
		return crl_fail_sys(err, errno, "fsopen proc");
	if (fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return crl_fail_sys(err, errno, "create proc");
	int fd = fsmount(fs, FSMOUNT_CLOEXEC,
			 MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
	if (fd < 0)
		return crl_fail_sys(err, errno, "fsmount proc");
	*ret_fd = fd;
	return 0;
}

int procfs_open_host(int *ret_fd, struct crl_err *err)
{
	_cleanup_close_ int fd = open("/proc", O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct statfs fs;
	struct stat st;
	if (fd < 0 || fstatfs(fd, &fs) < 0 || fstat(fd, &st) < 0)
		return crl_fail_sys(err, errno, "/proc");
	if (fs.f_type != PROC_SUPER_MAGIC || st.st_ino != 1)
		return crl_fail(err, CRL_FORBIDDEN, "/proc of the host is no procfs");
	*ret_fd = take_fd(&fd);
	return 0;
}

int procfs_write(int proc_fd, const char *path, const char *value, struct crl_err *err)
{
	_cleanup_close_ int fd = sys_openat2(
		proc_fd, path, O_WRONLY, RESOLVE_BENEATH | RESOLVE_NO_XDEV | RESOLVE_NO_MAGICLINKS);
	if (fd < 0) {
		int sys = errno;
		crl_fail_sys(err, sys, "/proc/%s", path);
		if (err && sys == ENOENT)
			err->code = CRL_NOT_FOUND;
		return -1;
	}
	struct statfs fs;
	if (fstatfs(fd, &fs) < 0 || fs.f_type != PROC_SUPER_MAGIC)
		return crl_fail(err, CRL_FORBIDDEN, "/proc/%s is not in procfs", path);
	if (write(fd, value, strlen(value)) < 0)
		return crl_fail_sys(err, errno, "write \"%s\" to /proc/%s", value, path);
	return 0;
}
