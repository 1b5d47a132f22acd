/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Verbs "archive-stat", "archive-get", "archive-put": docker cp, inside of the
 * container's root (enter.h). Own the rules about paths; the tar streams are
 * image/'s. Everything is reached below a descriptor of the root with
 * openat2(RESOLVE_IN_ROOT), though "/" is the container's as well: a
 * container exchanges directories and links while this runs.
 */
#include "control.h"
#include "enter.h"
#include "path_stat.h"

#include <base/fd.h>
#include <base/path.h>
#include <crun-lite/runtime.h>
#include <image/pack.h>
#include <image/unpack.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>

static int open_root(int *ret, struct crl_err *err)
{
	*ret = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	return *ret < 0 ? crl_fail_sys(err, errno, "/") : 0;
}

static const char *wanted_path(const struct worker *w)
{
	const char *path = json_get_str(w->args, "path");

	return path ? path : "/";
}

int archive_prepare(struct worker *w, struct crl_err *err)
{
	return enter_container(w, err);
}

/* --- stat --- */

int archive_stat_run(struct worker *w, cJSON **ret_result, struct crl_err *err)
{
	_cleanup_(subject_free) struct subject s = {.dir_fd = -1};
	_cleanup_close_ int root = -1;
	struct stat st;

	if (open_root(&root, err) < 0 || subject_open(root, wanted_path(w), &s, err) < 0)
		return -1;
	return path_stat_json(root, &s, ret_result, &st, err);
}

/* --- get --- */

struct limits {
	struct stat dev; /* the container's /dev, when that is a mount */
};

static bool kernel_made(const struct statfs *fs)
{
	static const long magics[] = {
		PROC_SUPER_MAGIC,   SYSFS_MAGIC,    CGROUP_SUPER_MAGIC, CGROUP2_SUPER_MAGIC,
		DEVPTS_SUPER_MAGIC, DEBUGFS_MAGIC,  TRACEFS_MAGIC,      BPF_FS_MAGIC,
		SECURITYFS_MAGIC,   BINFMTFS_MAGIC, EFIVARFS_MAGIC,     0x19800202 /* mqueue */,
	};

	for (size_t i = 0; i < ARRAY_SIZE(magics); i++)
		if ((long)fs->f_type == magics[i])
			return true;
	return false;
}

/* What the kernel or the runtime put there is no file of the container: it is written as empty. */
static bool may_enter(int dir_fd, void *data)
{
	const struct limits *l = data;
	struct statfs fs;
	struct stat st;

	if (fstatfs(dir_fd, &fs) < 0 || fstat(dir_fd, &st) < 0 || kernel_made(&fs))
		return false;
	return st.st_dev != l->dev.st_dev || st.st_ino != l->dev.st_ino;
}

static void find_limits(int root, struct limits *l)
{
	struct stat st;

	*l = (struct limits){0};
	if (fstat(root, &st) < 0 || fstatat(root, "dev", &l->dev, AT_SYMLINK_NOFOLLOW) < 0 ||
	    l->dev.st_dev == st.st_dev)
		*l = (struct limits){0};
}

static int to_stdout(void *data, const void *bytes, size_t len, struct crl_err *err)
{
	return fd_write_all(STDOUT_FILENO, bytes, len, err);
}

/* Before the first byte of the archive: the daemon makes a header of it. */
static int send_stat(cJSON *stat, struct crl_err *err)
{
	cJSON *m = cJSON_CreateObject();

	cJSON_AddItemToObject(m, "stat", stat);
	return control_send(m, err);
}

int archive_get_run(struct worker *w, cJSON **ret_result, struct crl_err *err)
{
	_cleanup_(subject_free) struct subject s = {.dir_fd = -1};
	_cleanup_close_ int root = -1;
	struct limits limits;
	const struct pack_options o = {.live = true, .enter = may_enter, .enter_data = &limits};
	cJSON *json;
	struct stat st;

	if (open_root(&root, err) < 0 || subject_open(root, wanted_path(w), &s, err) < 0 ||
	    path_stat_json(root, &s, &json, &st, err) < 0 || send_stat(json, err) < 0)
		return -1;
	find_limits(root, &limits);
	/* As Docker has it: names below "/" begin with a slash. */
	if (pack_entry_as(s.dir_fd, s.base, str_eq(s.name, "/") ? "" : s.name, &o, to_stdout, NULL,
			  err) < 0)
		return -1;
	*ret_result = cJSON_CreateObject();
	return 0;
}

/* --- put --- */

static uint64_t mount_id(int fd)
{
	struct statx x;

	return statx(fd, "", AT_EMPTY_PATH, STATX_MNT_ID, &x) < 0 ? 0 : x.stx_mnt_id;
}

/* Told beforehand, in Docker's words. */
static int check_writable(const struct worker *w, int root, int dir, struct crl_err *err)
{
	bool in_root = mount_id(root) == mount_id(dir);
	struct statfs fs;

	if (fstatfs(dir, &fs) < 0)
		return crl_fail_sys(err, errno, "%s", wanted_path(w));
	bool read_only = fs.f_flags & ST_RDONLY;
	if (in_root && (read_only || json_get_bool(w->args, "read_only")))
		return crl_fail(err, CRL_FORBIDDEN, "container rootfs is marked read-only");
	if (read_only)
		return crl_fail(err, CRL_FORBIDDEN, "mounted volume is marked read-only");
	if (kernel_made(&fs))
		return crl_fail(err, CRL_FORBIDDEN, "%s: this file system is made by the kernel",
				wanted_path(w));
	return 0;
}

static int open_target(const struct worker *w, int root, int *ret_fd, struct crl_err *err)
{
	_cleanup_(subject_free) struct subject s = {.dir_fd = -1};
	_cleanup_close_ int fd = -1;
	struct stat st;
	struct crl_err e = CRL_ERR_INIT;

	/* Its last part may be a link to a directory. */
	if (subject_open(root, wanted_path(w), &s, err) < 0)
		return -1;
	if (path_open_in_root(root, s.clean, O_PATH, 0, &fd, &e) < 0)
		return crl_fail(err, e.sys == ENOENT ? CRL_NOT_FOUND : CRL_INVALID, "%s", e.msg);
	if (fstat(fd, &st) < 0)
		return crl_fail_sys(err, errno, "%s", s.clean);
	if (!S_ISDIR(st.st_mode))
		return crl_fail(err, CRL_INVALID, "extraction point is not a directory");
	*ret_fd = take_fd(&fd);
	return 0;
}

/* Its path without links, as openat2() will need it for the entries. */
static int path_of(int root, int dir, char path[PATH_MAX], struct crl_err *err)
{
	if (fchdir(dir) < 0 || !getcwd(path, PATH_MAX) || fchdir(root) < 0)
		return crl_fail_sys(err, errno, "path of the folder");
	return path[0] == '/' ? 0
			      : crl_fail(err, CRL_CONFLICT, "the folder was moved away meanwhile");
}

static int set_owner(const struct worker *w, int root, struct unpack_options *o,
		     struct crl_err *err)
{
	const char *user = json_get_str(w->args, "user");
	struct oci_user who = {0};

	if (!json_get_bool(w->args, "copy_uid_gid") || str_empty(user))
		return 0;
	if (crl_rt_user(root, user, NULL, &who, NULL, err) < 0)
		return -1;
	o->uid = who.uid;
	o->gid = who.gid;
	cJSON_Delete(who.additional_gids);
	return 0;
}

int archive_put_run(struct worker *w, cJSON **ret_result, struct crl_err *err)
{
	_cleanup_stream_ struct stream *body = stream_from_fd(STDIN_FILENO), *plain = NULL;
	_cleanup_close_ int root = -1, dir = -1;
	struct unpack_options o = UNPACK_DEFAULTS;
	struct unpack_result result = {0};
	char path[PATH_MAX];

	if (!body)
		return crl_fail_oom(err);
	if (open_root(&root, err) < 0 || open_target(w, root, &dir, err) < 0 ||
	    check_writable(w, root, dir, err) < 0 || path_of(root, dir, path, err) < 0 ||
	    set_owner(w, root, &o, err) < 0)
		return -1;
	o.overlay = false;
	o.keep_kind = json_get_bool(w->args, "keep_kind");
	o.scope_fd = root;
	o.scope_path = path;
	if (stream_inflate(body, &plain, NULL, err) < 0 ||
	    unpack_tar(plain, dir, &o, &result, err) < 0)
		return -1;
	strv_free(result.implicit);
	*ret_result = cJSON_CreateObject();
	return 0;
}
