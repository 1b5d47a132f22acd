/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Owns the reading of docker cp's paths. Resolves nothing by itself that a
 * later step relies on: the text of a link's target is for the client's eyes.
 * See path_resolution(7), stat(2), Go's io/fs.FileMode.
 */
#include "path_stat.h"

#include <base/ident.h>
#include <base/path.h>
#include <base/str.h>

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#define LINKS_MAX 255

static const struct {
	mode_t bits, value;
	uint32_t go;
} kinds[] = {
	{S_IFMT, S_IFDIR, 1U << 31},  {S_IFMT, S_IFLNK, 1U << 27},
	{S_IFMT, S_IFBLK, 1U << 26},  {S_IFMT, S_IFCHR, 1U << 26 | 1U << 21},
	{S_IFMT, S_IFIFO, 1U << 25},  {S_IFMT, S_IFSOCK, 1U << 24},
	{S_ISUID, S_ISUID, 1U << 23}, {S_ISGID, S_ISGID, 1U << 22},
	{S_ISVTX, S_ISVTX, 1U << 20},
};

uint32_t path_stat_go_mode(mode_t mode)
{
	uint32_t go = mode & 0777;

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if ((mode & kinds[i].bits) == kinds[i].value)
			go |= kinds[i].go;
	return go;
}

void subject_free(struct subject *s)
{
	free(s->clean);
	free(s->name);
	cleanup_close_p(&s->dir_fd);
	s->dir_fd = -1;
}

static bool ends_with_part(const char *path, const char *part)
{
	size_t n = strlen(path), k = strlen(part);

	return n >= k && str_eq(path + n - k, part) && (n == k || path[n - k - 1] == '/');
}

static int open_error(struct crl_err *err, const char *path)
{
	if (errno == ENOENT || errno == ENAMETOOLONG)
		return crl_fail(err, CRL_NOT_FOUND, "%s: no such file or directory", path);
	if (errno == ENOTDIR)
		return crl_fail(err, CRL_INVALID, "%s: not a directory", path);
	if (errno == ELOOP)
		return crl_fail(err, CRL_INVALID, "%s: too many levels of symbolic links", path);
	return crl_fail_sys(err, errno, "%s", path);
}

static int open_folder(int root_fd, const char *path, int *ret_fd, struct crl_err *err)
{
	struct crl_err e = CRL_ERR_INIT;

	if (path_open_in_root(root_fd, path, O_PATH | O_DIRECTORY, 0, ret_fd, &e) == 0)
		return 0;
	errno = e.sys;
	return open_error(err, path);
}

int subject_open(int root_fd, const char *path, struct subject *ret, struct crl_err *err)
{
	_cleanup_free_ char *absolute = path_printf("/%s", path);
	_cleanup_(subject_free) struct subject s = {.dir_fd = -1};
	int r;

	s.clean = absolute ? path_clean(absolute) : NULL;
	if (!s.clean)
		return crl_fail_oom(err);
	bool root = str_eq(s.clean, "/"), dot = ends_with_part(path, ".") && !root;
	char *slash = strrchr(s.clean, '/');
	s.directory = root || dot || ends_with_part(path, "") || ends_with_part(path, "..");
	s.name = strdup(root ? "/" : dot ? "." : slash + 1);
	if (!s.name)
		return crl_fail_oom(err);
	if (s.directory) {
		r = open_folder(root_fd, s.clean, &s.dir_fd, err);
		s.base = ".";
	} else {
		_cleanup_free_ char *folder = path_printf("%.*s/", (int)(slash - s.clean), s.clean);
		r = folder ? open_folder(root_fd, folder, &s.dir_fd, err) : crl_fail_oom(err);
		s.base = slash + 1;
	}
	if (r < 0)
		return -1;
	*ret = s;
	s = (struct subject){.dir_fd = -1};
	return 0;
}

/* --- the target of a link, in words --- */

/* Puts `target` in front of what is left to walk. */
static int push_front(char **rest, const char *target)
{
	char *joined = path_printf("%s/%s", target, *rest);

	free(*rest);
	*rest = joined;
	return joined ? 0 : -1;
}

static void append_part(struct buf *done, const char *part, size_t n)
{
	if (n == 0 || (n == 1 && part[0] == '.'))
		return;
	if (n == 2 && part[0] == '.' && part[1] == '.') {
		while (done->len > 0 && done->data[--done->len] != '/')
			;
		if (done->data)
			done->data[done->len] = '\0';
		return;
	}
	buf_putc(done, '/');
	buf_add(done, part, n);
}

static ssize_t read_link(int root_fd, const char *path, char *out, size_t size)
{
	_cleanup_close_ int fd = -1;

	if (path_open_in_root(root_fd, path, O_PATH | O_NOFOLLOW, 0, &fd, NULL) < 0)
		return -1;
	ssize_t n = readlinkat(fd, "", out, size - 1);
	if (n >= 0)
		out[n] = '\0';
	return n;
}

/* As Docker evaluates it: what is missing is taken as it is written. Caller frees. */
static char *final_target(int root_fd, const char *path)
{
	_cleanup_buf_ struct buf done = BUF_INIT;
	_cleanup_free_ char *rest = strdup(path);
	char target[PATH_MAX];
	int links = 0;

	while (rest && *rest) {
		size_t skip = strspn(rest, "/"), n = strcspn(rest + skip, "/"), before = done.len;
		append_part(&done, rest + skip, n);
		_cleanup_free_ char *next = strdup(rest + skip + n);
		free(rest);
		rest = take_ptr(next);
		if (done.len <= before || !rest || done.failed ||
		    read_link(root_fd, done.data, target, sizeof(target)) < 0)
			continue;
		if (++links > LINKS_MAX || push_front(&rest, target) < 0)
			return NULL;
		done.len = target[0] == '/' ? 0 : before;
		done.data[done.len] = '\0';
	}
	if (!rest || done.failed)
		return NULL;
	return done.len ? buf_take(&done) : strdup("/");
}

int path_stat_json(int root_fd, const struct subject *s, cJSON **ret, struct stat *ret_st,
		   struct crl_err *err)
{
	char when[TIME_BUF];
	struct stat st;

	if (fstatat(s->dir_fd, s->base, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return open_error(err, s->clean);
	_cleanup_free_ char *target = S_ISLNK(st.st_mode) ? final_target(root_fd, s->clean) : NULL;
	cJSON *o = cJSON_CreateObject();
	time_rfc3339((int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec, when);
	json_add_str(o, "name", s->name);
	json_add_i64(o, "size", st.st_size);
	json_add_i64(o, "mode", path_stat_go_mode(st.st_mode));
	json_add_str(o, "mtime", when);
	json_add_str(o, "linkTarget", target);
	*ret = o;
	*ret_st = st;
	return 0;
}
