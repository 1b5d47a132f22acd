/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Walks a folder and gives an archive of it piece by piece. Files are opened
 * one after the other; a file that grows or shrinks while it is read keeps the
 * size of its header (cut or filled with zeros), as tar(1) does.
 */
#include <cli/tar_head.h>

#include <errno.h>
#include <fcntl.h>

struct level {
	int fd;
	char *path; /* "" at the top, else "a/b" */
	char **names;
	size_t next;
};

struct link {
	dev_t dev;
	ino_t ino;
	char *name;
};

struct tar {
	struct tar_options options;
	struct level *levels;
	size_t n_levels;
	struct link *links; /* files with several names that were sent */
	size_t n_links;
	struct buf out; /* headers and padding that are ready */
	size_t at;
	int file; /* being copied, or -1 */
	uint64_t left;
	size_t padding;
	bool ended;
	char *rename_to; /* name of the single top entry in the archive */
};

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int read_names(int fd, char ***ret, struct crl_err *err)
{
	_cleanup_strv_ char **names = NULL;
	int copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_closedir_ DIR *dir = copy < 0 ? NULL : fdopendir(copy);
	if (!dir)
		return crl_fail_sys(err, errno, "open folder");
	for (struct dirent *d; (errno = 0, d = readdir(dir));)
		if (!str_eq(d->d_name, ".") && !str_eq(d->d_name, "..") &&
		    strv_push(&names, d->d_name) < 0)
			return crl_fail_oom(err);
	if (errno)
		return crl_fail_sys(err, errno, "read folder");
	if (names)
		qsort(names, strv_len(names), sizeof *names, by_name);
	*ret = take_ptr(names);
	return 0;
}

static int push_level(struct tar *t, int fd, const char *path, struct crl_err *err)
{
	_cleanup_close_ int owned = fd;
	struct level *bigger = realloc(t->levels, (t->n_levels + 1) * sizeof *bigger);
	if (!bigger)
		return crl_fail_oom(err);
	t->levels = bigger;
	struct level l = {.path = strdup(path)};
	if (!l.path)
		return crl_fail_oom(err);
	if (read_names(fd, &l.names, err) < 0) {
		free(l.path);
		return crl_context(err, "%s", path);
	}
	l.fd = take_fd(&owned);
	t->levels[t->n_levels++] = l;
	return 0;
}

static void pop_level(struct tar *t)
{
	struct level *l = &t->levels[--t->n_levels];
	cleanup_close_p(&l->fd);
	strv_free(l->names);
	free(l->path);
}

struct tar *tar_new(int dir_fd, const struct tar_options *options)
{
	struct tar *t = tar_new_empty();
	int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (!t || fd < 0) {
		cleanup_close_p(&fd);
		tar_free(t);
		return NULL;
	}
	if (push_level(t, fd, "", NULL) < 0) {
		tar_free(t);
		return NULL;
	}
	if (options)
		t->options = *options;
	return t;
}

struct tar *tar_new_empty(void)
{
	struct tar *t = calloc(1, sizeof *t);
	if (t)
		t->file = -1;
	return t;
}

struct tar *tar_new_single(int dir_fd, const char *name, const char *as,
			   const struct tar_options *options)
{
	struct tar *t = tar_new_empty();
	int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct level *l = calloc(1, sizeof *l);
	if (!t || !l || fd < 0) {
		cleanup_close_p(&fd);
		free(l);
		free(t);
		return NULL;
	}
	*l = (struct level){.fd = fd, .path = strdup("")};
	t->levels = l;
	t->n_levels = 1;
	t->rename_to = strdup(as);
	if (options)
		t->options = *options;
	if (!t->rename_to || !l->path || strv_push(&l->names, name) < 0) {
		tar_free(t);
		return NULL;
	}
	return t;
}

void tar_free(struct tar *t)
{
	if (!t)
		return;
	while (t->n_levels)
		pop_level(t);
	for (size_t i = 0; i < t->n_links; i++)
		free(t->links[i].name);
	cleanup_close_p(&t->file);
	free(t->links);
	free(t->levels);
	free(t->rename_to);
	buf_free(&t->out);
	free(t);
}

static void zeros(struct tar *t, size_t n)
{
	static const char zero[TAR_BLOCK];
	for (; n; n -= n < TAR_BLOCK ? n : TAR_BLOCK)
		buf_add(&t->out, zero, n < TAR_BLOCK ? n : TAR_BLOCK);
}

int tar_add_memory(struct tar *t, const char *name, const void *data, size_t len,
		   struct crl_err *err)
{
	struct tar_entry e = {.name = name, .type = '0'};
	e.st.st_mode = S_IFREG | 0644;
	e.st.st_size = (off_t)len;
	tar_head(&t->out, &e);
	buf_add(&t->out, data, len);
	zeros(t, (TAR_BLOCK - len % TAR_BLOCK) % TAR_BLOCK);
	return t->out.failed ? crl_fail_oom(err) : 0;
}

/* An earlier name of the same file; otherwise this name is remembered. */
static const char *earlier_name(struct tar *t, const struct stat *st, const char *name)
{
	for (size_t i = 0; i < t->n_links; i++)
		if (t->links[i].dev == st->st_dev && t->links[i].ino == st->st_ino)
			return t->links[i].name;
	struct link *bigger = realloc(t->links, (t->n_links + 1) * sizeof *bigger);
	char *copy = bigger ? strdup(name) : NULL;
	if (bigger)
		t->links = bigger;
	if (copy)
		t->links[t->n_links++] = (struct link){st->st_dev, st->st_ino, copy};
	return NULL;
}

static char type_of(mode_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFREG: return '0';
	case S_IFLNK: return '2';
	case S_IFCHR: return '3';
	case S_IFBLK: return '4';
	case S_IFDIR: return '5';
	case S_IFIFO: return '6';
	default: return 0; /* sockets have no place in an archive */
	}
}

static int read_target(int dir, const char *name, char **ret, struct crl_err *err)
{
	char target[4096];
	ssize_t n = readlinkat(dir, name, target, sizeof target - 1);
	if (n < 0)
		return crl_fail_sys(err, errno, "readlink %s", name);
	target[n] = 0;
	*ret = strdup(target);
	return *ret ? 0 : crl_fail_oom(err);
}

static int open_file(struct tar *t, int dir, const char *name, struct tar_entry *e,
		     struct crl_err *err)
{
	_cleanup_close_ int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return crl_fail_sys(err, errno, "open %s", e->name);
	t->left = (uint64_t)e->st.st_size;
	t->padding = (TAR_BLOCK - (size_t)(t->left % TAR_BLOCK)) % TAR_BLOCK;
	t->file = take_fd(&fd);
	return 0;
}

static int descend(struct tar *t, int dir, const char *name, const char *path, struct crl_err *err)
{
	int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return crl_fail_sys(err, errno, "open %s", path);
	return push_level(t, fd, path, err);
}

static int add_entry(struct tar *t, int dir, const char *name, const char *path, bool send,
		     bool enter, struct tar_entry *e, struct crl_err *err)
{
	_cleanup_free_ char *target = NULL;
	const char *earlier = NULL;
	if (e->type == '2' && read_target(dir, name, &target, err) < 0)
		return -1;
	e->target = target;
	if (send && e->type == '0' && e->st.st_nlink > 1 &&
	    (earlier = earlier_name(t, &e->st, path))) {
		e->type = '1';
		e->target = earlier;
	}
	if (!t->options.keep_owner)
		e->st.st_uid = e->st.st_gid = 0;
	if (send && e->type == '0' && open_file(t, dir, name, e, err) < 0)
		return -1;
	if (send)
		tar_head(&t->out, e);
	if (e->type == '5' && enter)
		return descend(t, dir, name, path, err);
	return 0;
}

/* The next entry of the innermost folder. */
static int next_entry(struct tar *t, struct crl_err *err)
{
	struct level *l = &t->levels[t->n_levels - 1];
	if (!l->names || !l->names[l->next]) {
		pop_level(t);
		return 0;
	}
	const char *name = l->names[l->next++];
	const char *shown = t->n_levels == 1 && t->rename_to ? t->rename_to : name;
	_cleanup_free_ char *path = NULL;
	if (asprintf(&path, "%s%s%s", l->path, *l->path ? "/" : "", shown) < 0) {
		path = NULL;
		return crl_fail_oom(err);
	}
	struct tar_entry e = {.name = path};
	bool enter = true;
	if (fstatat(l->fd, name, &e.st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : crl_fail_sys(err, errno, "stat %s", path);
	e.type = type_of(e.st.st_mode);
	bool send = !t->options.wanted ||
		    t->options.wanted(t->options.ctx, path, e.type == '5', &enter);
	if (!e.type || (!send && !(e.type == '5' && enter)))
		return 0;
	return add_entry(t, l->fd, name, path, send, enter, &e, err);
}

/* Bytes of the open file, zeros when it has become shorter. */
static ssize_t read_file(struct tar *t, char *to, size_t size, struct crl_err *err)
{
	ssize_t n;
	if (size > t->left)
		size = (size_t)t->left;
	do
		n = size ? read(t->file, to, size) : 0;
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return crl_fail_sys(err, errno, "read a file of the context");
	if (n == 0 && size) {
		memset(to, 0, size);
		n = (ssize_t)size;
	}
	t->left -= (uint64_t)n;
	if (!t->left) {
		cleanup_close_p(&t->file);
		t->file = -1;
		zeros(t, t->padding);
	}
	return n;
}

ssize_t tar_read(struct tar *t, void *to, size_t size, struct crl_err *err)
{
	for (;;) {
		if (t->out.len > t->at) {
			size_t n = t->out.len - t->at;
			n = n < size ? n : size;
			memcpy(to, t->out.data + t->at, n);
			t->at += n;
			return (ssize_t)n;
		}
		t->out.len = t->at = 0;
		if (t->file >= 0) {
			ssize_t n = read_file(t, to, size, err);
			if (n)
				return n;
		} else if (t->n_levels) {
			if (next_entry(t, err) < 0)
				return -1;
		} else if (t->ended) {
			return 0;
		} else {
			t->ended = true;
			zeros(t, 2 * (size_t)TAR_BLOCK);
		}
		if (t->out.failed)
			return crl_fail_oom(err);
	}
}
