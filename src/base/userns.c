/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See userns.h. May not touch the caller's own namespaces and ids, except in userns_become_root().
 */
#include "userns.h"

#include "cleanup.h"
#include "path.h"
#include "str.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/magic.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#define ROWS_MAX 340 /* user_namespaces(7) */

/* --- maps --- */

static bool ranges_meet(uint32_t a, uint32_t n, uint32_t b, uint32_t m)
{
	return (uint64_t)a < (uint64_t)b + m && (uint64_t)b < (uint64_t)a + n;
}

static int check_rows(const struct oci_id_mapping *rows, size_t n, const char *list,
		      struct crl_err *err)
{
	if (n == 0)
		return crl_fail(err, CRL_INVALID, "%s: empty", list);
	if (n > ROWS_MAX)
		return crl_fail(err, CRL_INVALID, "%s: more than %d rows", list, ROWS_MAX);
	for (size_t i = 0; i < n; i++) {
		const struct oci_id_mapping *a = &rows[i];
		/* The last id, 2^32-1, means "no id". */
		if (a->size == 0 || (uint64_t)a->container_id + a->size > UINT32_MAX ||
		    (uint64_t)a->host_id + a->size > UINT32_MAX)
			return crl_fail(err, CRL_INVALID, "%s[%zu]: size %u is out of range", list,
					i, a->size);
		for (size_t k = 0; k < i; k++)
			if (ranges_meet(a->container_id, a->size, rows[k].container_id,
					rows[k].size) ||
			    ranges_meet(a->host_id, a->size, rows[k].host_id, rows[k].size))
				return crl_fail(err, CRL_INVALID, "%s[%zu] overlaps [%zu]", list, i,
						k);
	}
	return 0;
}

int userns_check(const struct userns_map *map, struct crl_err *err)
{
	if (check_rows(map->uids, map->n_uids, "uidMappings", err) < 0)
		return -1;
	return check_rows(map->gids, map->n_gids, "gidMappings", err);
}

static struct oci_id_mapping *inverse_rows(const struct oci_id_mapping *rows, size_t n)
{
	struct oci_id_mapping *out = calloc(n + 1, sizeof(*out));
	for (size_t i = 0; out && i < n; i++)
		out[i] = (struct oci_id_mapping){.container_id = rows[i].host_id,
						 .host_id = rows[i].container_id,
						 .size = rows[i].size};
	return out;
}

int userns_inverse(const struct userns_map *map, struct userns_map *ret, struct crl_err *err)
{
	struct userns_map out = {.uids = inverse_rows(map->uids, map->n_uids),
				 .gids = inverse_rows(map->gids, map->n_gids),
				 .n_uids = map->n_uids,
				 .n_gids = map->n_gids};
	if (!out.uids || !out.gids) {
		userns_map_free(&out);
		return crl_fail_oom(err);
	}
	*ret = out;
	return 0;
}

void userns_map_free(struct userns_map *map)
{
	free((void *)(uintptr_t)map->uids);
	free((void *)(uintptr_t)map->gids);
	*map = (struct userns_map){0};
}

int64_t userns_to_host(const struct oci_id_mapping *rows, size_t n, uint32_t id)
{
	for (size_t i = 0; i < n; i++)
		if (id >= rows[i].container_id && id - rows[i].container_id < rows[i].size)
			return (int64_t)rows[i].host_id + (id - rows[i].container_id);
	return -1;
}

/* --- making one --- */

static int write_rows(pid_t pid, const char *file, const struct oci_id_mapping *rows, size_t n,
		      struct crl_err *err)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	char path[48];
	snprintf(path, sizeof(path), "/proc/%d/%s", pid, file);
	for (size_t i = 0; i < n; i++)
		buf_printf(&text, "%u %u %u\n", rows[i].container_id, rows[i].host_id,
			   rows[i].size);
	if (text.failed)
		return crl_fail_oom(err);
	_cleanup_close_ int fd = open(path, O_WRONLY | O_CLOEXEC);
	/* One write: the kernel takes a map as a whole or not at all. */
	if (fd < 0 || write(fd, text.data, text.len) != (ssize_t)text.len)
		return crl_fail_sys(err, errno, "write %s", file);
	return 0;
}

static int write_maps(pid_t pid, const struct userns_map *map, struct crl_err *err)
{
	if (write_rows(pid, "gid_map", map->gids, map->n_gids, err) < 0)
		return -1;
	return write_rows(pid, "uid_map", map->uids, map->n_uids, err);
}

/* A process in the namespace is what /proc/PID/uid_map needs; it does nothing but be there. */
_Noreturn static void inhabit(int join_fd, int ready)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	int sys = join_fd >= 0 && setns(join_fd, CLONE_NEWUSER) < 0 ? errno : 0;
	if (write(ready, &sys, sizeof(sys)) == (ssize_t)sizeof(sys))
		for (;;)
			pause();
	_exit(1);
}

/* `join_fd` -1 = in a new one. No SIGCHLD at its end: nobody else's wait finds it. */
static pid_t clone_inhabitant(int join_fd, int flags, struct crl_err *err)
{
	int pair[2], sys = ECHILD;
	if (pipe2(pair, O_CLOEXEC) < 0)
		return crl_fail_sys(err, errno, "pipe");
	_cleanup_close_ int in = pair[0];
	_cleanup_close_ int out = pair[1];
	if (join_fd < 0)
		flags |= CLONE_NEWUSER;
	pid_t pid = (pid_t)syscall(SYS_clone, flags, NULL, NULL, NULL, NULL);
	if (pid == 0)
		inhabit(join_fd, out);
	if (pid < 0 && (errno == ENOSPC || errno == EUSERS))
		return crl_fail(err, CRL_LIMIT,
				"new user namespace: user.max_user_namespaces is reached");
	if (pid < 0)
		return crl_fail_sys(err, errno, "new user namespace");
	close(take_fd(&out));
	if (TEMP_FAILURE_RETRY(read(in, &sys, sizeof(sys))) == (ssize_t)sizeof(sys) && sys == 0)
		return pid;
	kill(pid, SIGKILL);
	(void)TEMP_FAILURE_RETRY(waitpid(pid, NULL, __WALL));
	return crl_fail_sys(err, sys, "join the user namespace");
}

static void end_inhabitant(pid_t pid)
{
	kill(pid, SIGKILL);
	(void)TEMP_FAILURE_RETRY(waitpid(pid, NULL, __WALL));
}

static int open_ns_of(pid_t pid, const char *name, int *ret_fd, struct crl_err *err)
{
	char path[48];
	snprintf(path, sizeof(path), "/proc/%d/ns/%s", pid, name);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return crl_fail_sys(err, errno, "%s", path);
	*ret_fd = fd;
	return 0;
}

int userns_new(const struct userns_map *map, int *ret_fd, struct crl_err *err)
{
	if (userns_check(map, err) < 0)
		return -1;
	pid_t pid = clone_inhabitant(-1, 0, err);
	if (pid < 0)
		return -1;
	int fd = -1;
	int r = write_maps(pid, map, err);
	if (r == 0)
		r = open_ns_of(pid, "user", &fd, err);
	end_inhabitant(pid);
	if (r == 0)
		*ret_fd = fd;
	return r;
}

int userns_new_owning(int flag, const char *name, int *ret_ns_fd, struct crl_err *err)
{
	pid_t pid = clone_inhabitant(-1, flag, err);
	if (pid < 0)
		return -1;
	int r = open_ns_of(pid, name, ret_ns_fd, err);
	end_inhabitant(pid);
	return r;
}

int userns_fill(int userns_fd, const struct userns_map *map, struct crl_err *err)
{
	if (userns_check(map, err) < 0)
		return -1;
	pid_t pid = clone_inhabitant(userns_fd, 0, err);
	if (pid < 0)
		return -1;
	int r = write_maps(pid, map, err);
	end_inhabitant(pid);
	return r;
}

static int read_root(pid_t pid, const char *file, uint32_t *ret, struct crl_err *err)
{
	char path[48];
	uint32_t inside, outside, size;
	snprintf(path, sizeof(path), "/proc/%d/%s", pid, file);
	_cleanup_fclose_ FILE *f = fopen(path, "re");
	if (!f)
		return crl_fail_sys(err, errno, "%s", path);
	while (fscanf(f, "%u %u %u", &inside, &outside, &size) == 3)
		if (inside == 0) {
			*ret = outside;
			return 0;
		}
	return crl_fail(err, CRL_INVALID, "user namespace: %s has no id 0", file);
}

int userns_root_of(pid_t pid, uint32_t *ret_uid, uint32_t *ret_gid, struct crl_err *err)
{
	uint32_t uid;
	if (read_root(pid, "uid_map", &uid, err) < 0 || read_root(pid, "gid_map", ret_gid, err) < 0)
		return -1;
	*ret_uid = uid;
	return 0;
}

int userns_root(int userns_fd, uint32_t *ret_uid, uint32_t *ret_gid, struct crl_err *err)
{
	pid_t pid = clone_inhabitant(userns_fd, 0, err);
	if (pid < 0)
		return -1;
	int r = userns_root_of(pid, ret_uid, ret_gid, err);
	end_inhabitant(pid);
	return r;
}

bool userns_is_own(int userns_fd)
{
	struct stat own, other;
	return stat("/proc/self/ns/user", &own) == 0 && fstat(userns_fd, &other) == 0 &&
	       own.st_ino == other.st_ino && own.st_dev == other.st_dev;
}

bool userns_differs(pid_t pid, const char *ns)
{
	struct stat own, other;
	char path[48];
	snprintf(path, sizeof(path), "/proc/self/ns/%s", ns);
	if (stat(path, &own) < 0)
		return false;
	snprintf(path, sizeof(path), "/proc/%d/ns/%s", pid, ns);
	return stat(path, &other) == 0 &&
	       (own.st_ino != other.st_ino || own.st_dev != other.st_dev);
}

int userns_owner(int ns_fd, int *ret_fd, struct crl_err *err)
{
	int fd = ioctl(ns_fd, NS_GET_USERNS);
	if (fd < 0)
		return crl_fail_sys(err, errno, "owner of the namespace");
	*ret_fd = fd;
	return 0;
}

/* --- mounts --- */

static const char *type_name(int fd)
{
	static const struct {
		long magic;
		const char *name;
	} types[] = {
		{EXT4_SUPER_MAGIC, "ext4"},     {XFS_SUPER_MAGIC, "xfs"},
		{BTRFS_SUPER_MAGIC, "btrfs"},   {TMPFS_MAGIC, "tmpfs"},
		{NFS_SUPER_MAGIC, "nfs"},       {OVERLAYFS_SUPER_MAGIC, "overlay"},
		{FUSE_SUPER_MAGIC, "fuse"},     {PROC_SUPER_MAGIC, "proc"},
		{SYSFS_MAGIC, "sysfs"},         {V9FS_MAGIC, "9p"},
		{MSDOS_SUPER_MAGIC, "vfat"},    {CGROUP2_SUPER_MAGIC, "cgroup2"},
		{DEVPTS_SUPER_MAGIC, "devpts"},
	};
	struct statfs fs;
	if (fstatfs(fd, &fs) == 0)
		for (size_t i = 0; i < ARRAY_SIZE(types); i++)
			if ((long)fs.f_type == types[i].magic)
				return types[i].name;
	return "of an unknown type";
}

int userns_map_mount(int tree_fd, int userns_fd, bool below, const char *what, struct crl_err *err)
{
	struct mount_attr attr = {.attr_set = MOUNT_ATTR_IDMAP,
				  .userns_fd = (uint64_t)(unsigned)userns_fd};
	if (mount_setattr(tree_fd, "", AT_EMPTY_PATH | (below ? AT_RECURSIVE : 0), &attr,
			  sizeof(attr)) == 0)
		return 0;
	int sys = errno;
	if (sys == EINVAL)
		return crl_fail(err, CRL_INVALID,
				"%s: its file system (%s)%s cannot show files under mapped user "
				"ids on this kernel",
				what, type_name(tree_fd), below ? " or one mounted below it" : "");
	if (sys == EPERM)
		return crl_fail_sys(err, sys, "%s: is mounted with mapped user ids already", what);
	return crl_fail_sys(err, sys, "%s: map user ids", what);
}

int userns_become_root(struct crl_err *err)
{
	/* A namespace of somebody else's may forbid setgroups; then there are none to drop. */
	if (setgroups(0, NULL) < 0 && errno != EPERM)
		return crl_fail_sys(err, errno, "user namespace: setgroups");
	if (setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0) {
		if (errno == EINVAL)
			return crl_fail(err, CRL_INVALID,
					"user namespace: it has no id 0: uidMappings and "
					"gidMappings must map container id 0");
		return crl_fail_sys(err, errno, "user namespace: become its root");
	}
	return 0;
}
