/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Trees that a COPY reads: listing, filtering, hashing. Everything is opened
 * below a descriptor without following links, so that a link that leads out
 * of a context is only ever a link.
 */
#include "build_exec.h"

#include <base/ident.h>
#include <base/path.h>
#include <dirent.h>
#include <errno.h>
#include <nettle/sha2.h>
#include <stdlib.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#define CHUNK (128U * 1024)
#define XATTRS_MAX (64U * 1024)

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

int build_tree_list(int dir_fd, char ***ret, struct crl_err *err)
{
	int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_closedir_ DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	char **names = calloc(16, sizeof(*names));
	size_t n = 0, alloc = 16;

	if (!dir || !names) {
		int e = errno;
		if (!dir && fd >= 0)
			close(fd);
		free(names);
		return crl_fail_sys(err, e, "read folder");
	}
	for (struct dirent *e; (e = readdir(dir));) {
		if (str_eq(e->d_name, ".") || str_eq(e->d_name, ".."))
			continue;
		if (n + 2 > alloc) {
			char **grown = realloc(names, alloc * 2 * sizeof(*grown));
			if (!grown) {
				strv_free(names);
				return crl_fail_oom(err);
			}
			names = grown;
			alloc *= 2;
		}
		names[n] = strdup(e->d_name);
		names[n + 1] = NULL;
		if (!names[n++]) {
			strv_free(names);
			return crl_fail_oom(err);
		}
	}
	qsort(names, n, sizeof(*names), by_name);
	*ret = names;
	return 0;
}

bool build_filter_skips(const struct build_filter *f, const char *path, const char *below,
			bool is_dir)
{
	if (f->ignore && *path && dockerignore_excluded(f->ignore, path) &&
	    !(is_dir && dockerignore_may_include_below(f->ignore, path)))
		return true;
	return f->exclude && *below && dockerignore_excluded(f->exclude, below) &&
	       !(is_dir && dockerignore_may_include_below(f->exclude, below));
}

/* --- hashing --- */

static void put(struct sha256_ctx *h, const void *data, size_t len)
{
	sha256_update(h, len, data);
}

static void put_number(struct sha256_ctx *h, uint64_t v)
{
	uint8_t le[8];

	for (int i = 0; i < 8; i++)
		le[i] = (uint8_t)(v >> (8 * i));
	put(h, le, sizeof(le));
}

static void put_text(struct sha256_ctx *h, const char *s)
{
	put_number(h, strlen(s));
	put(h, s, strlen(s));
}

static int hash_content(struct sha256_ctx *h, int fd, const char *path, struct crl_err *err)
{
	_cleanup_free_ char *chunk = malloc(CHUNK);
	uint64_t total = 0;
	ssize_t n;

	if (!chunk)
		return crl_fail_oom(err);
	posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
	while ((n = read(fd, chunk, CHUNK)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return crl_fail_sys(err, errno, "read %s", path);
		put(h, chunk, (size_t)n);
		total += (uint64_t)n;
	}
	put_number(h, total);
	return 0;
}

/* Attributes that a layer keeps; sorted, since file systems list them in any order. */
static int hash_xattrs(struct sha256_ctx *h, int fd, struct crl_err *err)
{
	char list[4096], value[XATTRS_MAX];
	ssize_t len = flistxattr(fd, list, sizeof(list));
	_cleanup_strv_ char **names = NULL;

	for (ssize_t i = 0; i < len; i += (ssize_t)strlen(list + i) + 1)
		if ((str_starts(list + i, "user.") || str_eq(list + i, "security.capability")) &&
		    strv_push(&names, list + i) < 0)
			return crl_fail_oom(err);
	if (!names)
		return 0;
	qsort(names, strv_len(names), sizeof(*names), by_name);
	for (size_t i = 0; names[i]; i++) {
		ssize_t n = fgetxattr(fd, names[i], value, sizeof(value));
		if (n < 0)
			continue;
		put_text(h, names[i]);
		put_number(h, (uint64_t)n);
		put(h, value, (size_t)n);
	}
	return 0;
}

struct hash_walk {
	bool owners;
	const struct build_filter *filter;
	struct timespec *newest;
};

static int hash_entry(const struct hash_walk *w, int dir_fd, const char *name, const char *path,
		      const char *below, struct sha256_ctx *h, struct crl_err *err);

static int hash_dir(const struct hash_walk *w, int fd, const char *path, const char *below,
		    struct sha256_ctx *h, struct crl_err *err)
{
	_cleanup_strv_ char **names = NULL;

	if (build_tree_list(fd, &names, err) < 0)
		return crl_context(err, "%s", path);
	for (size_t i = 0; names[i]; i++) {
		_cleanup_free_ char *sub = path_printf("%s%s%s", path, *path ? "/" : "", names[i]);
		_cleanup_free_ char *rel =
			path_printf("%s%s%s", below, *below ? "/" : "", names[i]);
		if (!sub || !rel)
			return crl_fail_oom(err);
		if (hash_entry(w, fd, names[i], sub, rel, h, err) < 0)
			return -1;
	}
	put_text(h, "."); /* end of the folder: no entry is called so */
	return 0;
}

static void hash_stat(const struct hash_walk *w, const struct stat *st, struct sha256_ctx *h)
{
	put_number(h, st->st_mode);
	if (w->owners) {
		put_number(h, st->st_uid);
		put_number(h, st->st_gid);
	}
	if (S_ISCHR(st->st_mode) || S_ISBLK(st->st_mode))
		put_number(h, st->st_rdev);
	if (st->st_mtim.tv_sec > w->newest->tv_sec)
		*w->newest = st->st_mtim;
}

static int hash_body(const struct hash_walk *w, int dir_fd, const char *name, const char *path,
		     const char *below, const struct stat *st, struct sha256_ctx *h,
		     struct crl_err *err)
{
	int type = S_ISDIR(st->st_mode) ? O_DIRECTORY : 0;
	_cleanup_close_ int fd = -1;

	if (S_ISLNK(st->st_mode)) {
		char target[PATH_MAX];
		ssize_t n = readlinkat(dir_fd, name, target, sizeof(target) - 1);
		if (n < 0)
			return crl_fail_sys(err, errno, "%s", path);
		put_number(h, (uint64_t)n);
		put(h, target, (size_t)n);
		return 0;
	}
	if (!S_ISREG(st->st_mode) && !S_ISDIR(st->st_mode))
		return 0;
	fd = openat(dir_fd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | type);
	if (fd < 0)
		return crl_fail_sys(err, errno, "%s", path);
	if (hash_xattrs(h, fd, err) < 0)
		return -1;
	return type ? hash_dir(w, fd, path, below, h, err) : hash_content(h, fd, path, err);
}

static int hash_entry(const struct hash_walk *w, int dir_fd, const char *name, const char *path,
		      const char *below, struct sha256_ctx *h, struct crl_err *err)
{
	struct stat st;

	if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return crl_fail_sys(err, errno, "%s", path);
	if (build_filter_skips(w->filter, path, below, S_ISDIR(st.st_mode)) || S_ISSOCK(st.st_mode))
		return 0;
	put_text(h, name);
	hash_stat(w, &st, h);
	return hash_body(w, dir_fd, name, path, below, &st, h, err);
}

int build_tree_hash(int fd, const char *path, bool owners, const struct build_filter *filter,
		    char ret_hex[65], struct timespec *newest, struct crl_err *err)
{
	const struct hash_walk w = {.owners = owners, .filter = filter, .newest = newest};
	struct sha256_ctx h;
	struct stat st;
	uint8_t digest[SHA256_DIGEST_SIZE];
	int r = 0;

	if (fstat(fd, &st) < 0)
		return crl_fail_sys(err, errno, "%s", path);
	/* The source's own name is no part of it: a renamed file with a named destination is a hit.
	 */
	sha256_init(&h);
	hash_stat(&w, &st, &h);
	if (S_ISREG(st.st_mode) || S_ISDIR(st.st_mode))
		r = hash_xattrs(&h, fd, err);
	if (r == 0 && S_ISDIR(st.st_mode))
		r = hash_dir(&w, fd, path, "", &h, err);
	else if (r == 0 && S_ISREG(st.st_mode))
		r = hash_content(&h, fd, path, err);
	if (r < 0)
		return -1;
	sha256_digest(&h, sizeof(digest), digest);
	ident_hex(digest, sizeof(digest), ret_hex);
	return 0;
}
