/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Verb "du": apparent sizes of trees, as Docker counts them: everything but
 * directories by its length, a file with several names once per tree. The
 * trees may be a running container's. See stat(2), docker-ps(1) --size.
 */
#include "verbs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#define DEPTH_MAX 1000 /* one descriptor per level stays open */

struct inode {
	dev_t dev;
	ino_t ino; /* 0 = free slot */
};

struct sum {
	int64_t bytes;
	struct inode *seen; /* open addressing; only what has several names */
	size_t n, cap;
};

static void sum_free(struct sum *s)
{
	free(s->seen);
}

static struct inode *slot(struct inode *v, size_t cap, dev_t dev, ino_t ino)
{
	size_t i = (size_t)(ino * 0x9e3779b97f4a7c15ULL) & (cap - 1);

	while (v[i].ino && (v[i].ino != ino || v[i].dev != dev))
		i = (i + 1) & (cap - 1);
	return &v[i];
}

static int grow(struct sum *s, struct crl_err *err)
{
	size_t cap = s->cap ? s->cap * 2 : 64;
	struct inode *v = calloc(cap, sizeof(*v));

	if (!v)
		return crl_fail_oom(err);
	for (size_t i = 0; i < s->cap; i++)
		if (s->seen[i].ino)
			*slot(v, cap, s->seen[i].dev, s->seen[i].ino) = s->seen[i];
	free(s->seen);
	s->seen = v;
	s->cap = cap;
	return 0;
}

static int count(struct sum *s, const struct stat *st, struct crl_err *err)
{
	if (st->st_nlink > 1) {
		if (s->n * 2 >= s->cap && grow(s, err) < 0)
			return -1;
		struct inode *i = slot(s->seen, s->cap, st->st_dev, st->st_ino);
		if (i->ino)
			return 0;
		*i = (struct inode){st->st_dev, st->st_ino};
		s->n++;
	}
	s->bytes += st->st_size;
	return 0;
}

static int walk(struct sum *s, int at, const char *name, int depth, struct crl_err *err)
{
	int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_NOATIME | O_CLOEXEC);
	_cleanup_closedir_ DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;
	struct stat st;

	if (!dir) { /* gone meanwhile */
		cleanup_close_p(&fd);
		return 0;
	}
	if (depth > DEPTH_MAX)
		return crl_fail(err, CRL_LIMIT, "more than %d levels of folders", DEPTH_MAX);
	while ((e = readdir(dir))) {
		if (str_eq(e->d_name, ".") || str_eq(e->d_name, "..") ||
		    fstatat(dirfd(dir), e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		if (S_ISDIR(st.st_mode) ? walk(s, dirfd(dir), e->d_name, depth + 1, err) < 0
					: count(s, &st, err) < 0)
			return -1;
	}
	return 0;
}

/* The trees in the order of the arguments; -1 for one that is not there. */
int du_prepare(struct worker *w, struct crl_err *err)
{
	const cJSON *list = cJSON_GetObjectItemCaseSensitive(w->args, "trees"), *t;

	w->layers.v = calloc((size_t)cJSON_GetArraySize(list) + 1, sizeof(int));
	if (!w->layers.v)
		return crl_fail_oom(err);
	cJSON_ArrayForEach (t, list)
		w->layers.v[w->layers.n++] =
			cJSON_IsString(t) ? open(t->valuestring, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
					  : -1;
	return 0;
}

int du_run(struct worker *w, cJSON **ret_result, struct crl_err *err)
{
	cJSON *result = cJSON_CreateObject(), *sizes = cJSON_AddArrayToObject(result, "sizes");

	*ret_result = result;
	for (size_t i = 0; i < w->layers.n; i++) {
		_cleanup_(sum_free) struct sum s = {.bytes = 0};
		struct crl_err e = CRL_ERR_INIT;
		bool whole = w->layers.v[i] >= 0 && walk(&s, w->layers.v[i], ".", 0, &e) == 0;
		/* Doubles hold whole numbers up to 8 PiB. */
		cJSON_AddItemToArray(sizes, cJSON_CreateNumber(whole ? (double)s.bytes : -1));
	}
	return 0;
}
