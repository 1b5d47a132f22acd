/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Owns the entering of a running container. May not run anything of it: no
 * namespace but mount and user is joined, so that no process in there sees us.
 * See setns(2), mount_namespaces(7), mount_setattr(2), proc_pid_ns(5).
 */
#include "enter.h"

#include "enter_stopped.h"

#include <base/fd.h>
#include <base/path.h>
#include <base/proc.h>
#include <base/userns.h>

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

static int fail_gone(struct crl_err *err)
{
	return crl_fail(err, CRL_CONFLICT, "the container has ended meanwhile");
}

/*
 * /proc/PID as a descriptor stays bound to its process: if the start time is
 * right after it was opened, it is the container's, whatever the number means later.
 */
static int open_process(const cJSON *args, int64_t pid, int *ret_fd, struct crl_err *err)
{
	_cleanup_free_ char *path = path_printf("/proc/%lld", (long long)pid);
	int64_t ticks = 0;
	uint64_t now;

	if (!path)
		return crl_fail_oom(err);
	_cleanup_close_ int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	(void)json_get_i64(args, "ticks", &ticks);
	if (fd < 0 || proc_start_time((pid_t)pid, &now, err) < 0 ||
	    (ticks && now != (uint64_t)ticks))
		return fail_gone(err);
	*ret_fd = take_fd(&fd);
	return 0;
}

/* Ids in archives are the container's: so a user namespace of its own is joined, too. */
static int join_user(int process, struct crl_err *err)
{
	_cleanup_close_ int fd = openat(process, "ns/user", O_RDONLY | O_CLOEXEC);

	if (fd < 0 && errno == ENOENT) /* a kernel without them */
		return 0;
	if (fd < 0)
		return fail_gone(err);
	if (userns_is_own(fd))
		return 0;
	if (setns(fd, CLONE_NEWUSER) < 0)
		return crl_fail_sys(err, errno, "join the user namespace");
	/* Refused where its maker denied setgroups: then there are none to drop. */
	(void)setgroups(0, NULL);
	if (setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0)
		return crl_fail_sys(err, errno, "become the container's root");
	return 0;
}

/* A copy of all its mounts for this process alone: what is changed here, is not changed there. */
static int copy_mounts(struct crl_err *err)
{
	struct mount_attr attr = {.attr_set =
					  MOUNT_ATTR_NODEV | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC,
				  .propagation = MS_PRIVATE};

	if (unshare(CLONE_NEWNS) < 0)
		return crl_fail_sys(err, errno, "copy the mount namespace");
	/* Whoever puts a device where a file was must not get us to open the device. */
	if (mount_setattr(AT_FDCWD, "/", AT_RECURSIVE, &attr, sizeof(attr)) < 0)
		return crl_fail_sys(err, errno, "mounts without devices");
	return 0;
}

static int enter_running(const cJSON *args, int64_t pid, struct crl_err *err)
{
	_cleanup_close_ int process = -1;

	if (open_process(args, pid, &process, err) < 0)
		return -1;
	_cleanup_close_ int mounts = openat(process, "ns/mnt", O_RDONLY | O_CLOEXEC);
	if (mounts < 0)
		return fail_gone(err);
	if (join_user(process, err) < 0)
		return -1;
	/* Root and working directory become those of the namespace: the container's "/". */
	if (setns(mounts, CLONE_NEWNS) < 0)
		return crl_fail_sys(err, errno, "join the mount namespace");
	return copy_mounts(err);
}

int enter_container(struct worker *w, struct crl_err *err)
{
	int64_t pid = 0;
	int r;

	(void)json_get_i64(w->args, "pid", &pid);
	r = pid > 0 ? enter_running(w->args, pid, err) : enter_stopped(w, err);
	/* Its folders are the host's. */
	crl_store_close(take_ptr(w->store));
	if (r == 0 && (chroot("/") < 0 || chdir("/") < 0))
		r = crl_fail_sys(err, errno, "chdir");
	return r;
}
