/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Verb "changes" (docker diff): what a container's upper directory says about
 * the layers below it, as JSON on descriptor 1. Compares names and attributes
 * only, never contents, as Docker does. Reads only; the container may run.
 * See Documentation/filesystems/overlayfs.rst, docker-diff(1).
 */
#include "verbs.h"
#include "users.h"

#include <base/fd.h>
#include <image/unpack.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#define DEPTH_MAX 1000 /* two descriptors per level stay open */

enum kind { MODIFIED = 0, ADDED = 1, DELETED = 2 };

struct change {
	char *path;
	enum kind kind;
};

struct changes {
	struct change *v;
	size_t n, cap;
	const cJSON *mounts; /* destinations: what was made for them is no change */
};

/* One directory on the way: in the upper tree, and, when it is there, below. */
struct level {
	int upper, lower; /* lower -1: nothing below */
	const char *path; /* "" for the root */
	int depth;
};

static void changes_free(struct changes *c)
{
	for (size_t i = 0; i < c->n; i++)
		free(c->v[i].path);
	free(c->v);
}

static int add(struct changes *c, const char *path, enum kind kind, struct crl_err *err)
{
	if (c->n == c->cap) {
		size_t cap = c->cap ? c->cap * 2 : 64;
		struct change *v = reallocarray(c->v, cap, sizeof(*v));
		if (!v)
			return crl_fail_oom(err);
		c->v = v;
		c->cap = cap;
	}
	char *copy = strdup(path);
	if (!copy)
		return crl_fail_oom(err);
	c->v[c->n++] = (struct change){copy, kind};
	return 0;
}

static int add_in(struct changes *c, const struct level *l, const char *name, enum kind kind,
		  struct crl_err *err)
{
	_cleanup_free_ char *path = NULL;

	if (asprintf(&path, "%s/%s", l->path, name) < 0)
		return path = NULL, crl_fail_oom(err);
	return add(c, path, kind, err);
}

/* --- what counts as a change --- */

static bool is_whiteout(const struct stat *st)
{
	return S_ISCHR(st->st_mode) && st->st_rdev == makedev(0, 0);
}

static bool differs(const struct stat *a, const struct stat *b)
{
	if (a->st_mode != b->st_mode || a->st_uid != b->st_uid || a->st_gid != b->st_gid)
		return true;
	if (S_ISCHR(a->st_mode) || S_ISBLK(a->st_mode))
		return a->st_rdev != b->st_rdev;
	/* A directory's size and time change with what is in it, which is told on its own. */
	return !S_ISDIR(a->st_mode) &&
	       (a->st_size != b->st_size || a->st_mtim.tv_sec != b->st_mtim.tv_sec ||
		a->st_mtim.tv_nsec != b->st_mtim.tv_nsec);
}

/* "/a" and "/a/b" for a mount at "/a/b": the runtime made them, unless something else is there. */
static bool made_for_mount(const struct changes *c, const char *path, const struct stat *st)
{
	size_t n = strlen(path);
	const cJSON *m;

	if (!S_ISDIR(st->st_mode) && !(S_ISREG(st->st_mode) && st->st_size == 0))
		return false;
	cJSON_ArrayForEach (m, c->mounts) {
		const char *at = cJSON_IsString(m) ? m->valuestring : "";
		if (strncmp(at, path, n) == 0 &&
		    (at[n] == '\0' || (at[n] == '/' && S_ISDIR(st->st_mode))))
			return true;
	}
	return false;
}

/* --- the walk --- */

static int open_dir(int at, const char *name)
{
	return openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

static DIR *list(int fd)
{
	int own = open_dir(fd, ".");
	DIR *d = own < 0 ? NULL : fdopendir(own);

	if (!d)
		cleanup_close_p(&own);
	return d;
}

static bool is_dots(const char *name)
{
	return str_eq(name, ".") || str_eq(name, "..");
}

static bool is_opaque(int fd)
{
	char mark;

	return fgetxattr(fd, UNPACK_OPAQUE_XATTR, &mark, 1) == 1 && mark == 'y';
}

/* A directory that was removed and made again: what is not in the new one is gone. */
static int add_hidden(struct changes *c, const struct level *l, struct crl_err *err)
{
	_cleanup_closedir_ DIR *dir = list(l->lower);
	struct dirent *e;
	struct stat st;

	while (dir && (e = readdir(dir)))
		if (!is_dots(e->d_name) &&
		    fstatat(l->upper, e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 &&
		    add_in(c, l, e->d_name, DELETED, err) < 0)
			return -1;
	return 0;
}

static int walk(struct changes *c, const struct level *l, struct crl_err *err);

static int walk_below(struct changes *c, const struct level *l, const char *name, const char *path,
		      bool in_lower, struct crl_err *err)
{
	_cleanup_close_ int upper = open_dir(l->upper, name),
			    lower = in_lower ? open_dir(l->lower, name) : -1;
	const struct level next = {upper, lower, path, l->depth + 1};

	if (upper < 0) /* gone meanwhile */
		return 0;
	if (lower >= 0 && is_opaque(upper) && add_hidden(c, &next, err) < 0)
		return -1;
	return walk(c, &next, err);
}

static int look_at(struct changes *c, const struct level *l, const char *name, struct crl_err *err)
{
	_cleanup_free_ char *path = NULL;
	struct stat st, below;
	size_t before = c->n;

	if (fstatat(l->upper, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return 0;
	bool in_lower = l->lower >= 0 && fstatat(l->lower, name, &below, AT_SYMLINK_NOFOLLOW) == 0;
	if (is_whiteout(&st))
		return in_lower ? add_in(c, l, name, DELETED, err) : 0;
	if (asprintf(&path, "%s/%s", l->path, name) < 0)
		return path = NULL, crl_fail_oom(err);
	if (S_ISDIR(st.st_mode) && walk_below(c, l, name, path, in_lower, err) < 0)
		return -1;
	bool inside = c->n > before;
	if (in_lower)
		return inside || differs(&st, &below) ? add(c, path, MODIFIED, err) : 0;
	return !inside && made_for_mount(c, path, &st) ? 0 : add(c, path, ADDED, err);
}

static int walk(struct changes *c, const struct level *l, struct crl_err *err)
{
	_cleanup_closedir_ DIR *dir = list(l->upper);
	struct dirent *e;

	if (!dir)
		return crl_fail_sys(err, errno, "%s/", l->path);
	if (l->depth > DEPTH_MAX)
		return crl_fail(err, CRL_LIMIT, "%.100s...: more than %d levels of folders",
				l->path, DEPTH_MAX);
	while ((e = readdir(dir)))
		if (!is_dots(e->d_name) && look_at(c, l, e->d_name, err) < 0)
			return -1;
	return 0;
}

/* --- the answer --- */

static int compare_changes(const void *a, const void *b)
{
	return strcmp(((const struct change *)a)->path, ((const struct change *)b)->path);
}

static int print_one(struct buf *b, const struct change *x, struct crl_err *err)
{
	_cleanup_cjson_ cJSON *o = cJSON_CreateObject();

	json_add_str(o, "Path", x->path);
	json_add_i64(o, "Kind", x->kind);
	_cleanup_free_ char *text = cJSON_PrintUnformatted(o);
	if (!text)
		return crl_fail_oom(err);
	buf_puts(b, text);
	return 0;
}

static int print(struct changes *c, struct crl_err *err)
{
	_cleanup_buf_ struct buf b = BUF_INIT;

	if (c->n > 0)
		qsort(c->v, c->n, sizeof(*c->v), compare_changes);
	for (size_t i = 0; i < c->n; i++) {
		buf_putc(&b, i ? ',' : '[');
		if (print_one(&b, &c->v[i], err) < 0)
			return -1;
	}
	buf_puts(&b, c->n ? "]\n" : "null\n");
	return b.failed ? crl_fail_oom(err) : fd_write_all(STDOUT_FILENO, b.data, b.len, err);
}

/* The image as one tree is the kernel's to make: an overlay of its layers alone. */
int changes_prepare(struct worker *w, struct crl_err *err)
{
	const char *upper = json_get_str(w->args, "upper");
	_cleanup_strv_ char **lowers = NULL;

	if (!upper)
		return crl_fail(err, CRL_INVALID, "arguments without \"upper\"");
	if (json_get_strv(w->args, "lowers", &lowers, err) < 0)
		return -1;
	if (!lowers)
		return crl_fail(err, CRL_INVALID, "arguments without \"lowers\"");
	if (users_open_upper(w->args, upper, &w->top_fd, err) < 0)
		return -1;
	w->layers.v = malloc(sizeof(int));
	if (!w->layers.v)
		return crl_fail_oom(err);
	const struct crl_overlay o = {.lowers = lowers};
	if (crl_overlay_mount(&o, &w->layers.v[0], err) < 0)
		return -1;
	w->layers.n = 1;
	return 0;
}

int changes_run(struct worker *w, cJSON **ret_result, struct crl_err *err)
{
	_cleanup_(changes_free) struct changes c = {
		.mounts = cJSON_GetObjectItemCaseSensitive(w->args, "mounts")};
	const struct level root = {w->top_fd, w->layers.v[0], "", 0};

	if (walk(&c, &root, err) < 0 || print(&c, err) < 0)
		return crl_context(err, "changes");
	*ret_result = cJSON_CreateObject();
	return 0;
}
