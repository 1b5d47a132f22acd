/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See copy_up.h. Both sides are walked by descriptor and without following
 * symlinks: the source is a stranger's tree.
 */
#include "copy_up.h"
#include <crun-lite/runtime.h>
#include <base/cleanup.h>
#include <base/str.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/sendfile.h>
#include <sys/stat.h>

#define MAX_DEPTH 64

static int copy_tree(int from, int to, unsigned depth, struct crl_err *err);

static int copy_file(int from, int to, const char *name, const struct stat *st, struct crl_err *err)
{
	_cleanup_close_ int in = openat(from, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	_cleanup_close_ int out =
		openat(to, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
		       st->st_mode & 07777);
	if (in < 0 || out < 0)
		return crl_fail_sys(err, errno, "copy %s", name);
	ssize_t n;
	while ((n = sendfile(out, in, NULL, 1 << 20)) > 0)
		;
	return n < 0 ? crl_fail_sys(err, errno, "copy %s", name) : 0;
}

static int copy_link(int from, int to, const char *name, struct crl_err *err)
{
	char text[4096];
	ssize_t n = readlinkat(from, name, text, sizeof(text) - 1);
	if (n < 0)
		return crl_fail_sys(err, errno, "read link %s", name);
	text[n] = '\0';
	return symlinkat(text, to, name) < 0 ? crl_fail_sys(err, errno, "link %s", name) : 0;
}

static int copy_dir(int from, int to, const char *name, const struct stat *st, unsigned depth,
		    struct crl_err *err)
{
	if (mkdirat(to, name, st->st_mode & 07777) < 0)
		return crl_fail_sys(err, errno, "make %s", name);
	int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	_cleanup_close_ int sub_from = openat(from, name, flags);
	_cleanup_close_ int sub_to = openat(to, name, flags);
	if (sub_from < 0 || sub_to < 0)
		return crl_fail_sys(err, errno, "open %s", name);
	return copy_tree(sub_from, sub_to, depth + 1, err);
}

static int copy_entry(int from, int to, const char *name, unsigned depth, struct crl_err *err)
{
	struct stat st;
	if (fstatat(from, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return crl_fail_sys(err, errno, "stat %s", name);
	int r = 0;
	if (S_ISREG(st.st_mode))
		r = copy_file(from, to, name, &st, err);
	else if (S_ISLNK(st.st_mode))
		r = copy_link(from, to, name, err);
	else if (S_ISDIR(st.st_mode))
		r = copy_dir(from, to, name, &st, depth, err);
	else if (S_ISFIFO(st.st_mode))
		r = mkfifoat(to, name, st.st_mode & 07777) < 0
			    ? crl_fail_sys(err, errno, "%s", name)
			    : 0;
	else
		return 0; /* devices and sockets of an image have no place here */
	if (r < 0)
		return -1;
	if (fchownat(to, name, st.st_uid, st.st_gid, AT_SYMLINK_NOFOLLOW) < 0)
		return crl_fail_sys(err, errno, "chown %s", name);
	/* chown clears set-id bits, and a folder inherits one from the folder it is made in */
	if (!S_ISLNK(st.st_mode) && (S_ISDIR(st.st_mode) || (st.st_mode & 06000)) &&
	    fchmodat(to, name, st.st_mode & 07777, 0) < 0)
		return crl_fail_sys(err, errno, "chmod %s", name);
	struct timespec times[2] = {st.st_atim, st.st_mtim};
	utimensat(to, name, times, AT_SYMLINK_NOFOLLOW);
	return 0;
}

static int copy_tree(int from, int to, unsigned depth, struct crl_err *err)
{
	if (depth > MAX_DEPTH)
		return crl_fail(err, CRL_LIMIT, "copy up: more than %d directories deep",
				MAX_DEPTH);
	int fd = openat(from, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_closedir_ DIR *d = fd < 0 ? NULL : fdopendir(fd);
	if (!d)
		return crl_fail_sys(err, errno, "copy up: read directory");
	struct dirent *e;
	while ((e = readdir(d))) {
		if (str_eq(e->d_name, ".") || str_eq(e->d_name, ".."))
			continue;
		if (copy_entry(from, to, e->d_name, depth, err) < 0)
			return -1;
	}
	return 0;
}

int copy_up(int from, int to, struct crl_err *err)
{
	struct stat st;
	if (fstat(from, &st) < 0)
		return crl_fail_sys(err, errno, "copy up");
	return copy_tree(from, to, 0, err);
}

static int is_empty(int fd, bool *ret, struct crl_err *err)
{
	int again = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_closedir_ DIR *d = again < 0 ? NULL : fdopendir(again);
	struct dirent *e;
	if (!d)
		return crl_fail_sys(err, errno, "copy up: read volume");
	while ((e = readdir(d)) && (str_eq(e->d_name, ".") || str_eq(e->d_name, "..")))
		;
	*ret = !e;
	return 0;
}

int copy_up_volume(int from, int to, struct crl_err *err)
{
	struct stat st;
	bool empty;
	_cleanup_close_ int volume = openat(to, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (volume < 0 || flock(volume, LOCK_EX) < 0 || fstat(from, &st) < 0)
		return crl_fail_sys(err, errno, "copy up: open volume");
	if (is_empty(volume, &empty, err) < 0)
		return -1;
	if (!empty)
		return 0;
	if (fchown(volume, st.st_uid, st.st_gid) < 0 || fchmod(volume, st.st_mode & 07777) < 0)
		return crl_fail_sys(err, errno, "copy up: owner and mode of the volume");
	return copy_tree(from, volume, 0, err);
}

int crl_rt_copy_up(int from, int volume_fd, struct crl_err *err)
{
	return copy_up_volume(from, volume_fd, err);
}
