/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The walk of a directory tree into a tar stream. Owns the order of entries,
 * the map of hard links and the way from overlay's marks back to whiteouts.
 * Reads only. The tree may belong to a stranger: every step is by name under
 * a descriptor, without following links.
 * See Documentation/filesystems/overlayfs.rst, the OCI image layer specification.
 */
#include "pack.h"
#include "unpack.h"

#include <base/fd.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#define DEPTH_MAX 1000 /* one descriptor per level stays open */
#define READ_SIZE (256U * 1024)

struct link {
	dev_t dev;
	ino_t ino;
	char *name;
};

struct pack {
	const struct pack_options *o;
	tar_sink sink;
	void *data;
	int64_t entries;
	const char *first;  /* name of the entry that the caller asked for by name */
	struct link *links; /* open addressing by inode */
	size_t n_links, cap_links;
	char *buffer;
};

static void pack_free(struct pack *p)
{
	for (size_t i = 0; i < p->cap_links; i++)
		free(p->links[i].name);
	free(p->links);
	free(p->buffer);
}

static struct link *link_slot(struct link *v, size_t cap, dev_t dev, ino_t ino)
{
	size_t i = (size_t)(ino * 0x9e3779b97f4a7c15ULL) & (cap - 1);

	while (v[i].name && (v[i].ino != ino || v[i].dev != dev))
		i = (i + 1) & (cap - 1);
	return &v[i];
}

static int links_grow(struct pack *p, struct crl_err *err)
{
	size_t cap = p->cap_links ? p->cap_links * 2 : 64;
	struct link *v = calloc(cap, sizeof(*v));

	if (!v)
		return crl_fail_oom(err);
	for (size_t i = 0; i < p->cap_links; i++)
		if (p->links[i].name)
			*link_slot(v, cap, p->links[i].dev, p->links[i].ino) = p->links[i];
	free(p->links);
	p->links = v;
	p->cap_links = cap;
	return 0;
}

/* The name under which this inode was written before, or NULL: then it is `name` from now on. */
static int find_link(struct pack *p, const struct stat *st, const char *name, const char **ret,
		     struct crl_err *err)
{
	if (p->n_links * 2 >= p->cap_links && links_grow(p, err) < 0)
		return -1;
	struct link *l = link_slot(p->links, p->cap_links, st->st_dev, st->st_ino);
	*ret = l->name;
	if (l->name)
		return 0;
	*l = (struct link){st->st_dev, st->st_ino, strdup(name)};
	if (!l->name)
		return crl_fail_oom(err);
	p->n_links++;
	return 0;
}

static bool kept_xattr(const char *name)
{
	if (str_starts(name, "user."))
		return !str_starts(name, "user.overlay.");
	return str_eq(name, "security.capability") || str_eq(name, "system.posix_acl_access") ||
	       str_eq(name, "system.posix_acl_default");
}

static int add_xattr(struct tar_entry *e, const char *path, const char *name, struct crl_err *err)
{
	ssize_t n = lgetxattr(path, name, NULL, 0);

	if (n < 0)
		return errno == ENODATA ? 0 : crl_fail_sys(err, errno, "%s", name);
	struct tar_xattr *v = reallocarray(e->xattrs, e->n_xattrs + 1, sizeof(*v));
	if (!v)
		return crl_fail_oom(err);
	e->xattrs = v;
	_cleanup_free_ char *value = malloc((size_t)n + 1), *copy = strdup(name);
	if (!value || !copy)
		return crl_fail_oom(err);
	n = lgetxattr(path, name, value, (size_t)n);
	if (n < 0)
		return crl_fail_sys(err, errno, "%s", name);
	v[e->n_xattrs++] = (struct tar_xattr){take_ptr(copy), take_ptr(value), (size_t)n};
	return 0;
}

/*
 * Links and devices cannot be opened to read their attributes, there is no
 * lgetxattrat() before Linux 6.13, and /proc is out of reach in the worker's
 * cage: so the folder becomes the working directory for a moment.
 */
static int read_xattrs(int dir_fd, const char *name, struct tar_entry *e, struct crl_err *err)
{
	char path[NAME_MAX + 3], list[65536];

	if (fchdir(dir_fd) < 0)
		return crl_fail_sys(err, errno, "chdir");
	snprintf(path, sizeof(path), "./%s", name);
	ssize_t n = llistxattr(path, list, sizeof(list));
	if (n < 0)
		return errno == EOPNOTSUPP ? 0 : crl_fail_sys(err, errno, "extended attributes");
	for (const char *x = list; x < list + n; x += strlen(x) + 1)
		if (kept_xattr(x) && add_xattr(e, path, x, err) < 0)
			return -1;
	return 0;
}

static void fill(struct tar_entry *e, const struct stat *st)
{
	e->mode = st->st_mode & 07777;
	e->uid = st->st_uid;
	e->gid = st->st_gid;
	e->mtime = st->st_mtim.tv_sec;
	if (S_ISCHR(st->st_mode) || S_ISBLK(st->st_mode)) {
		e->major = major(st->st_rdev);
		e->minor = minor(st->st_rdev);
	}
	if (S_ISREG(st->st_mode))
		e->size = e->stored = st->st_size;
}

static int emit(struct pack *p, const struct tar_entry *e, struct crl_err *err)
{
	p->entries++;
	return tar_write_header(e, p->sink, p->data, err);
}

/* Exactly as many bytes as the header said, or an error: a file that grows or shrinks must not
 * shift the rest. */
static int write_content(struct pack *p, int fd, int64_t size, struct crl_err *err)
{
	for (int64_t left = size; left > 0;) {
		size_t want = left < (int64_t)READ_SIZE ? (size_t)left : READ_SIZE;
		ssize_t n = read(fd, p->buffer, want);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return crl_fail_sys(err, errno, "read");
		if (n == 0 && !p->o->live)
			return crl_fail(err, CRL_CONFLICT, "became shorter while it was read");
		if (n == 0) {
			memset(p->buffer, 0, want);
			n = (ssize_t)want;
		}
		if (p->sink(p->data, p->buffer, (size_t)n, err) < 0)
			return -1;
		left -= n;
	}
	return tar_write_padding(size, p->sink, p->data, err);
}

/* An empty regular file whose name is the mark. */
static int emit_mark(struct pack *p, const char *folder, const char *prefix, const char *name,
		     struct crl_err *err)
{
	_cleanup_free_ char *full = NULL;

	if (asprintf(&full, "%s%s%s", folder, prefix, name) < 0)
		return full = NULL, crl_fail_oom(err);
	struct tar_entry e = {.name = full, .type = '0'};
	return emit(p, &e, err);
}

/* Somebody changed it since it was listed: it is as if it had not been there. */
static bool may_skip(const struct pack *p, const struct tar_entry *e)
{
	return p->o->live && e->name != p->first;
}

static int pack_regular(struct pack *p, int dir_fd, const char *base, struct tar_entry *e,
			const struct stat *st, struct crl_err *err)
{
	_cleanup_close_ int fd =
		openat(dir_fd, base, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOATIME | O_CLOEXEC);
	struct stat now;

	if (fd < 0 && may_skip(p, e))
		return 0;
	if (fd < 0 || fstat(fd, &now) < 0)
		return crl_fail_sys(err, errno, "open");
	if ((now.st_ino != st->st_ino || !S_ISREG(now.st_mode)) && may_skip(p, e))
		return 0;
	if (now.st_ino != st->st_ino || !S_ISREG(now.st_mode))
		return crl_fail(err, CRL_CONFLICT, "was replaced while it was read");
	if (p->o->diff && p->o->n_lowers && st->st_nlink == 1 &&
	    pack_unchanged(p->o->lowers, p->o->n_lowers, e->name, fd, e))
		return 0;
	if (emit(p, e, err) < 0)
		return -1;
	return write_content(p, fd, e->size, err);
}

static int pack_symlink(struct pack *p, int dir_fd, const char *base, struct tar_entry *e,
			struct crl_err *err)
{
	char target[TAR_NAME_MAX];
	ssize_t n = readlinkat(dir_fd, base, target, sizeof(target) - 1);

	if (n < 0 && may_skip(p, e))
		return 0;
	if (n < 0)
		return crl_fail_sys(err, errno, "readlink");
	target[n] = '\0';
	e->link = strdup(target);
	return e->link ? emit(p, e, err) : crl_fail_oom(err);
}

static bool is_whiteout(const struct stat *st)
{
	return S_ISCHR(st->st_mode) && st->st_rdev == makedev(0, 0);
}

static int pack_dir(struct pack *p, int dir_fd, const char *prefix, int depth, struct crl_err *err);

static int pack_subdir(struct pack *p, int dir_fd, const char *base, struct tar_entry *e, int depth,
		       struct crl_err *err)
{
	_cleanup_free_ char *prefix = NULL;
	char mark;

	if (asprintf(&prefix, "%s/", e->name) < 0)
		return prefix = NULL, crl_fail_oom(err);
	_cleanup_close_ int fd =
		openat(dir_fd, base, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_NOATIME | O_CLOEXEC);
	if (fd < 0 && may_skip(p, e))
		return 0;
	if (fd < 0)
		return crl_fail_sys(err, errno, "%s: open", e->name);
	free(e->name);
	e->name = strdup(prefix);
	if (!e->name)
		return crl_fail_oom(err);
	if (emit(p, e, err) < 0)
		return -1;
	if (p->o->diff && fgetxattr(fd, UNPACK_OPAQUE_XATTR, &mark, 1) == 1 && mark == 'y' &&
	    emit_mark(p, prefix, "", WHITEOUT_OPAQUE, err) < 0)
		return -1;
	if (p->o->enter && !p->o->enter(fd, p->o->enter_data))
		return 0;
	return pack_dir(p, take_fd(&fd), prefix, depth + 1, err);
}

/* 1 = written as a link to the first name of the inode. */
static int pack_as_link(struct pack *p, struct tar_entry *e, const struct stat *st,
			struct crl_err *err)
{
	const char *first;

	if (find_link(p, st, e->name, &first, err) < 0)
		return -1;
	if (!first)
		return 0;
	struct tar_entry link = *e;
	link.type = '1';
	link.link = (char *)first;
	link.size = link.stored = 0;
	link.n_xattrs = 0;
	return emit(p, &link, err) < 0 ? -1 : 1;
}

static int pack_entry(struct pack *p, int dir_fd, const char *base, struct tar_entry *e,
		      const struct stat *st, int depth, struct crl_err *err)
{
	static const struct {
		mode_t mode;
		char type;
	} types[] = {{S_IFREG, '0'}, {S_IFLNK, '2'}, {S_IFCHR, '3'},
		     {S_IFBLK, '4'}, {S_IFDIR, '5'}, {S_IFIFO, '6'}};

	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		if ((st->st_mode & S_IFMT) == types[i].mode)
			e->type = types[i].type;
	if (!e->type)
		return 0; /* a socket means nothing without its process */
	fill(e, st);
	if (read_xattrs(dir_fd, base, e, err) < 0)
		return may_skip(p, e) ? 0 : -1;
	if (e->type == '5')
		return pack_subdir(p, dir_fd, base, e, depth, err);
	int linked = st->st_nlink > 1 ? pack_as_link(p, e, st, err) : 0;
	if (linked != 0)
		return linked < 0 ? -1 : 0;
	if (e->type == '0')
		return pack_regular(p, dir_fd, base, e, st, err);
	return e->type == '2' ? pack_symlink(p, dir_fd, base, e, err) : emit(p, e, err);
}

static int pack_name(struct pack *p, int dir_fd, const char *prefix, const char *base, int depth,
		     struct crl_err *err)
{
	struct tar_entry e = {0};
	struct stat st;

	if (fstatat(dir_fd, base, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return p->o->live ? 0 : crl_fail_sys(err, errno, "%s%s", prefix, base);
	if (p->o->diff && is_whiteout(&st))
		return emit_mark(p, prefix, WHITEOUT_PREFIX, base, err);
	if (str_starts(base, WHITEOUT_PREFIX) && p->o->diff)
		return crl_fail(err, CRL_INVALID,
				"%s%s: names that begin with .wh. cannot be kept in a layer",
				prefix, base);
	if (asprintf(&e.name, "%s%s", prefix, base) < 0)
		return crl_fail_oom(err);
	int r = strlen(e.name) >= TAR_NAME_MAX - 1
			? crl_fail(err, CRL_LIMIT, "name too long")
			: pack_entry(p, dir_fd, base, &e, &st, depth, err);
	tar_entry_clear(&e);
	/* A folder's failure was named by what is in it. */
	return r < 0 && !S_ISDIR(st.st_mode) ? crl_context(err, "%s%s", prefix, base) : r;
}

static int compare_strings(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int list_names(DIR *dir, char ***ret, struct crl_err *err)
{
	_cleanup_strv_ char **names = NULL;
	struct dirent *e;
	size_t n = 0, cap = 0;

	while ((errno = 0, e = readdir(dir))) {
		if (str_eq(e->d_name, ".") || str_eq(e->d_name, ".."))
			continue;
		if (n + 2 > cap) {
			cap = cap ? cap * 2 : 64;
			char **v = reallocarray(names, cap, sizeof(*v));
			if (!v)
				return crl_fail_oom(err);
			names = v;
		}
		names[n] = strdup(e->d_name);
		if (!names[n])
			return crl_fail_oom(err);
		names[++n] = NULL;
	}
	if (errno)
		return crl_fail_sys(err, errno, "readdir");
	if (n > 0)
		qsort(names, n, sizeof(*names), compare_strings);
	*ret = take_ptr(names);
	return 0;
}

/* Takes dir_fd. */
static int pack_dir(struct pack *p, int dir_fd, const char *prefix, int depth, struct crl_err *err)
{
	_cleanup_closedir_ DIR *dir = fdopendir(dir_fd);
	_cleanup_strv_ char **names = NULL;

	if (!dir) {
		int sys = errno;
		cleanup_close_p(&dir_fd);
		return crl_fail_sys(err, sys, "%s", prefix);
	}
	if (depth > DEPTH_MAX)
		return crl_fail(err, CRL_LIMIT, "%.100s...: more than %d levels of folders", prefix,
				DEPTH_MAX);
	if (list_names(dir, &names, err) < 0)
		return -1;
	for (char **n = names; n && *n; n++)
		if (pack_name(p, dirfd(dir), prefix, *n, depth, err) < 0)
			return -1;
	return 0;
}

int pack_tree(int dir_fd, const struct pack_options *o, tar_sink sink, void *data,
	      int64_t *ret_entries, struct crl_err *err)
{
	_cleanup_(pack_free) struct pack p = {.o = o, .sink = sink, .data = data};

	p.buffer = malloc(READ_SIZE);
	if (!p.buffer)
		return crl_fail_oom(err);
	int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return crl_fail_sys(err, errno, "open");
	if (pack_dir(&p, fd, "", 0, err) < 0 || tar_write_end(sink, data, err) < 0)
		return -1;
	if (ret_entries)
		*ret_entries = p.entries;
	return 0;
}

static int pack_first(struct pack *p, int dir_fd, const char *base, const char *name,
		      struct crl_err *err)
{
	struct tar_entry e = {0};
	struct stat st;

	if (fstatat(dir_fd, base, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return crl_fail_sys(err, errno, "%s", name);
	e.name = strdup(name);
	if (!e.name)
		return crl_fail_oom(err);
	p->first = e.name;
	int r = pack_entry(p, dir_fd, base, &e, &st, 0, err);
	tar_entry_clear(&e);
	return r;
}

int pack_entry_as(int dir_fd, const char *base, const char *name, const struct pack_options *o,
		  tar_sink sink, void *data, struct crl_err *err)
{
	_cleanup_(pack_free) struct pack p = {.o = o, .sink = sink, .data = data};

	p.buffer = malloc(READ_SIZE);
	if (!p.buffer)
		return crl_fail_oom(err);
	if (pack_first(&p, dir_fd, base, name, err) < 0)
		return -1;
	return tar_write_end(sink, data, err);
}
