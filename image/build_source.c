/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Words of COPY and ADD -> paths of the source tree: cleaned, matched, filtered. */
#include "build_exec.h"
#include "pathglob.h"

#include <base/path.h>
#include <errno.h>
#include <stdlib.h>

struct finder {
	struct build *b;
	const struct dockerignore *ignore; /* NULL with --from, and where there is none */
	bool context;
	int root_fd;
	struct build_source *found;
	size_t n;
};

void build_sources_free(struct build_source *s, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		free(s[i].path);
		free(s[i].name);
	}
	free(s);
}

static int add(struct finder *f, const char *path, bool is_dir, struct crl_err *err)
{
	struct build_source *grown = realloc(f->found, (f->n + 1) * sizeof(*grown));
	const char *slash = strrchr(path, '/');

	if (!grown)
		return crl_fail_oom(err);
	f->found = grown;
	struct build_source s = {
		.path = strdup(path), .name = strdup(slash ? slash + 1 : path), .is_dir = is_dir};
	if (!s.path || !s.name) {
		free(s.path);
		free(s.name);
		return crl_fail_oom(err);
	}
	f->found[f->n++] = s;
	return 0;
}

/* Whether the path, links followed inside the root, is a folder; false also when it is missing. */
static bool exists(const struct finder *f, const char *path, bool *ret_is_dir)
{
	_cleanup_close_ int fd = -1;
	struct stat st;

	if (path_open_in_root(f->root_fd, path, O_PATH, 0, &fd, NULL) < 0 || fstat(fd, &st) < 0)
		return false;
	*ret_is_dir = S_ISDIR(st.st_mode);
	return true;
}

/* The name in the same folder that the writer may have meant. */
static char *near_name(const struct finder *f, const char *path)
{
	const char *slash = strrchr(path, '/');
	_cleanup_free_ char *dir = strndup(path, slash ? (size_t)(slash - path) : 0);
	_cleanup_strv_ char **names = NULL;
	_cleanup_close_ int fd = -1;

	if (!dir ||
	    path_open_in_root(f->root_fd, *dir ? dir : "/", O_RDONLY | O_DIRECTORY, 0, &fd, NULL) <
		    0 ||
	    build_tree_list(fd, &names, NULL) < 0)
		return NULL;
	const char *near = dockerfile_nearest(slash ? slash + 1 : path, (const char *const *)names,
					      strv_len(names));
	/* The very name: a link that leads nowhere. */
	return near && !str_eq(near, slash ? slash + 1 : path) ? strdup(near) : NULL;
}

static int missing(const struct finder *f, const char *word, const char *path, struct crl_err *err)
{
	bool is_dir;

	if (f->ignore && exists(f, path, &is_dir))
		return crl_fail(err, CRL_NOT_FOUND,
				"%s: file not found in build context or excluded by .dockerignore: "
				"it is excluded by %s",
				word, f->b->ignore_name);
	_cleanup_free_ char *near = near_name(f, path);
	return crl_fail(err, CRL_NOT_FOUND, "%s: file not found in %s%s%s%s", word,
			f->context ? "build context or excluded by .dockerignore"
				   : "the source of --from",
			near ? " (did you mean " : "", near ? near : "", near ? "?)" : "");
}

static int find_plain(struct finder *f, const char *word, const char *path, struct crl_err *err)
{
	bool is_dir;

	if (!exists(f, path, &is_dir))
		return missing(f, word, path, err);
	if (*path && dockerignore_excluded(f->ignore, path) &&
	    !(is_dir && dockerignore_may_include_below(f->ignore, path)))
		return missing(f, word, path, err);
	return add(f, path, is_dir, err);
}

static int match_dir(struct finder *f, const struct pathglob *g, int dir_fd, const char *path,
		     struct crl_err *err);

static int match_entry(struct finder *f, const struct pathglob *g, int dir_fd, const char *name,
		       const char *path, struct crl_err *err)
{
	struct stat st;
	bool is_dir;

	if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return crl_fail_sys(err, errno, "%s", path);
	is_dir = S_ISDIR(st.st_mode);
	if (dockerignore_excluded(f->ignore, path) &&
	    !(is_dir && dockerignore_may_include_below(f->ignore, path)))
		return 0;
	if (pathglob_match(g, path)) {
		bool target_is_dir = is_dir;
		if (S_ISLNK(st.st_mode) && !exists(f, path, &target_is_dir))
			return 0; /* a link that leads nowhere is no source */
		if (add(f, path, target_is_dir, err) < 0)
			return -1;
	}
	if (!is_dir || !pathglob_match_below(g, path))
		return 0;
	_cleanup_close_ int fd =
		openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return crl_fail_sys(err, errno, "%s", path);
	return match_dir(f, g, fd, path, err);
}

static int match_dir(struct finder *f, const struct pathglob *g, int dir_fd, const char *path,
		     struct crl_err *err)
{
	_cleanup_strv_ char **names = NULL;

	if (build_tree_list(dir_fd, &names, err) < 0)
		return -1;
	for (size_t i = 0; names[i]; i++) {
		_cleanup_free_ char *sub = path_printf("%s%s%s", path, *path ? "/" : "", names[i]);
		if (!sub)
			return crl_fail_oom(err);
		if (match_entry(f, g, dir_fd, names[i], sub, err) < 0)
			return -1;
	}
	return 0;
}

static int find_pattern(struct finder *f, const char *word, const char *pattern,
			struct crl_err *err)
{
	_cleanup_pathglob_ struct pathglob *g = NULL;
	_cleanup_close_ int fd = -1;
	size_t before = f->n;

	if (pathglob_compile(pattern, &g, err) < 0 ||
	    path_open_in_root(f->root_fd, "/", O_RDONLY | O_DIRECTORY, 0, &fd, err) < 0 ||
	    match_dir(f, g, fd, "", err) < 0)
		return -1;
	if (f->n == before)
		build_say(f->b, "[Warning] %s matches nothing\n", word);
	return 0;
}

static int find_word(struct finder *f, const char *word, struct crl_err *err)
{
	_cleanup_free_ char *rooted = path_printf("/%s", word);
	_cleanup_free_ char *clean = rooted ? path_clean(rooted) : NULL;

	if (!clean)
		return crl_fail_oom(err);
	if (pathglob_is_pattern(clean + 1))
		return find_pattern(f, word, clean + 1, err);
	_cleanup_free_ char *plain = pathglob_unescape(clean + 1);
	if (!plain)
		return crl_fail_oom(err);
	return find_plain(f, word, plain, err);
}

int build_sources_find(struct build *b, const struct build_copy *c, int root_fd,
		       struct build_source **ret, size_t *ret_n, struct crl_err *err)
{
	struct finder f = {.b = b, .root_fd = root_fd};

	f.context = c->from == BUILD_FROM_CONTEXT;
	f.ignore = f.context ? b->ignore : NULL;
	for (size_t i = 0; c->sources && c->sources[i]; i++) {
		if (find_word(&f, c->sources[i], err) < 0) {
			build_sources_free(f.found, f.n);
			return -1;
		}
	}
	*ret = f.found;
	*ret_n = f.n;
	return 0;
}

int build_source_open(int root_fd, const struct build_source *s, int *ret_fd, struct stat *ret_st,
		      struct crl_err *err)
{
	const char *path = *s->path ? s->path : "/";
	_cleanup_close_ int fd = -1;
	struct stat st;

	/* Device nodes are not opened for reading: that may have effects. */
	if (path_open_in_root(root_fd, path, O_PATH, 0, &fd, err) < 0)
		return -1;
	if (fstat(fd, &st) < 0)
		return crl_fail_sys(err, errno, "%s", path);
	if (S_ISREG(st.st_mode) || S_ISDIR(st.st_mode)) {
		cleanup_close_p(&fd);
		fd = -1;
		if (path_open_in_root(root_fd, path, O_RDONLY | O_NONBLOCK, 0, &fd, err) < 0)
			return -1;
		if (fstat(fd, &st) < 0)
			return crl_fail_sys(err, errno, "%s", path);
	}
	*ret_st = st;
	*ret_fd = take_fd(&fd);
	return 0;
}
