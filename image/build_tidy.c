/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An upper directory before it becomes a layer: what overlay or a copy only
 * touched by the way is put back, so that the same step gives the same layer,
 * and a step without effect gives none; SOURCE_DATE_EPOCH is applied here.
 */
#include "build_exec.h"

#include <base/path.h>
#include <errno.h>
#include <sys/xattr.h>

struct tidy {
	char *const *lowers;
	bool restore;  /* times of folders that are there below */
	int64_t epoch; /* -1 = none */
};

/* The folder as the layers below have it. */
static bool find_below(char *const *lowers, const char *path, struct stat *ret)
{
	for (size_t i = 0; lowers[i]; i++) {
		_cleanup_free_ char *full = path_printf("%s/%s", lowers[i], path);
		if (full && lstat(full, ret) == 0)
			return S_ISDIR(ret->st_mode);
	}
	return false;
}

static void clamp(int dir_fd, const char *name, const struct stat *st, int64_t epoch)
{
	const struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = epoch}};

	if (epoch >= 0 && st->st_mtim.tv_sec >= epoch)
		utimensat(dir_fd, name, times, AT_SYMLINK_NOFOLLOW);
}

static bool same_folder(int fd, const struct stat *a, const struct stat *below)
{
	char mark;

	return a->st_mode == below->st_mode && a->st_uid == below->st_uid &&
	       a->st_gid == below->st_gid && a->st_mtim.tv_sec == below->st_mtim.tv_sec &&
	       fgetxattr(fd, "trusted.overlay.opaque", &mark, 1) < 0 &&
	       fgetxattr(fd, "user.overlay.opaque", &mark, 1) < 0;
}

static int tidy_dir(const struct tidy *t, int dir_fd, const char *path, struct crl_err *err);

/* Done inside first; then its own time, which that may have changed. */
static int tidy_subdir(const struct tidy *t, int dir_fd, const char *name, const char *path,
		       struct stat *st, struct crl_err *err)
{
	struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, st->st_mtim};
	_cleanup_close_ int fd =
		openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat below;

	if (fd < 0)
		return crl_fail_sys(err, errno, "%s", path);
	if (tidy_dir(t, fd, path, err) < 0)
		return -1;
	bool is_below = find_below(t->lowers, path, &below);
	if (is_below && t->restore)
		times[1] = st->st_mtim = below.st_mtim;
	futimens(fd, times);
	if (is_below && same_folder(fd, st, &below))
		unlinkat(dir_fd, name, AT_REMOVEDIR); /* goes when nothing is in it */
	else if (!is_below || !t->restore)
		clamp(dir_fd, name, st, t->epoch);
	return 0;
}

static int tidy_dir(const struct tidy *t, int dir_fd, const char *path, struct crl_err *err)
{
	_cleanup_strv_ char **names = NULL;

	if (build_tree_list(dir_fd, &names, err) < 0)
		return -1;
	for (size_t i = 0; names[i]; i++) {
		_cleanup_free_ char *sub = path_printf("%s%s%s", path, *path ? "/" : "", names[i]);
		struct stat st;
		if (!sub)
			return crl_fail_oom(err);
		if (fstatat(dir_fd, names[i], &st, AT_SYMLINK_NOFOLLOW) < 0)
			return crl_fail_sys(err, errno, "%s", sub);
		if (!S_ISDIR(st.st_mode))
			clamp(dir_fd, names[i], &st, t->epoch);
		else if (tidy_subdir(t, dir_fd, names[i], sub, &st, err) < 0)
			return -1;
	}
	return 0;
}

int build_tidy(int upper_fd, char *const *lowers, bool restore_times, int64_t epoch,
	       struct crl_err *err)
{
	const struct tidy t = {.lowers = lowers, .restore = restore_times, .epoch = epoch};

	return tidy_dir(&t, upper_fd, "", err);
}
