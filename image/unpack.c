/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One tar stream to files. Owns the making of each kind of file, the
 * translation of whiteouts to overlay form, and the times of directories, which
 * come last. May not look at anything but root_fd. Attributes: unpack_attrs.c; names:
 * unpack_path.c. See mknod(2), the OCI image layer specification,
 * Documentation/filesystems/overlayfs.rst.
 */
#include "unpack.h"

#include <base/fd.h>
#include <base/path.h>

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

struct dir_time {
	char *name;
	struct timespec mtime;
};

struct unpack {
	struct tar_reader *tar;
	const struct unpack_options *o;
	struct unpack_path path;
	struct unpack_result result;
	struct dir_time *dirs; /* set at the end: making files in them changes their time */
	size_t n_dirs, cap_dirs;
	bool replaced; /* by the current entry: the cached folder may be gone or lie behind a link
			*/
};

/* An entry with its name cleaned and its folder open. */
struct place {
	const struct tar_entry *e;
	char name[TAR_NAME_MAX];
	const char *base;
	int parent;
};

static void unpack_free(struct unpack *u)
{
	for (size_t i = 0; i < u->n_dirs; i++)
		free(u->dirs[i].name);
	free(u->dirs);
	unpack_forget(&u->path);
	strv_free(u->path.implicit);
	if (u->tar)
		tar_reader_free(u->tar);
}

static int fail_at(struct crl_err *err, const char *what)
{
	return crl_fail_sys(err, errno, "%s", what);
}

static struct timespec mtime_of(const struct tar_entry *e)
{
	return (struct timespec){.tv_sec = e->mtime, .tv_nsec = e->mtime_ns};
}

/* Docker's words: its command line shows them as they are. */
static int refuse_kind(const struct place *p, bool is_dir, struct crl_err *err)
{
	return crl_fail(err, CRL_INVALID, "cannot overwrite %s \"%s\" with %s \"%s\"",
			is_dir ? "directory" : "non-directory", p->name,
			is_dir ? "non-directory" : "directory", p->e->name);
}

/* Removes what stands in the way. A later entry replaces an earlier one; it never writes into it.
 */
static int clear_the_way(struct unpack *u, const struct place *p, struct crl_err *err)
{
	struct stat st;

	u->replaced = true;
	if (fstatat(p->parent, p->base, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return fail_at(err, "replace");
	if (u->o->keep_kind && S_ISDIR(st.st_mode) != (p->e->type == '5'))
		return refuse_kind(p, S_ISDIR(st.st_mode), err);
	if (!S_ISDIR(st.st_mode)) {
		if (unlinkat(p->parent, p->base, 0) < 0)
			return fail_at(err, "replace");
	} else {
		int parent = openat(p->parent, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		int r = parent < 0 ? fail_at(err, "replace")
				   : path_remove_tree(parent, p->base, err);
		cleanup_close_p(&parent);
		if (r < 0)
			return -1;
	}
	return 0;
}

static int write_content(struct unpack *u, int fd, const struct tar_entry *e, struct crl_err *err)
{
	const void *data;
	size_t len;
	int64_t offset;

	for (;;) {
		if (tar_data(u->tar, &data, &len, &offset, err) < 0)
			return -1;
		if (len == 0)
			break;
		u->result.bytes += (int64_t)len;
		if (u->result.bytes > u->o->max_bytes)
			return crl_fail(err, CRL_LIMIT, "layer with more than %" PRId64 " bytes",
					u->o->max_bytes);
		if (!e->sparse && fd_write_all(fd, data, len, err) < 0)
			return -1;
		for (size_t done = 0; e->sparse && done < len;) {
			ssize_t n = pwrite(fd, (const char *)data + done, len - done,
					   offset + (off_t)done);
			if (n < 0)
				return fail_at(err, "write");
			done += (size_t)n;
		}
	}
	if (e->sparse || e->size != e->stored)
		return ftruncate(fd, e->size) < 0 ? fail_at(err, "size") : 0;
	return 0;
}

static int open_new(const struct place *p)
{
	return openat(p->parent, p->base, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
		      p->e->mode & 0777);
}

static int make_regular(struct unpack *u, const struct place *p, struct crl_err *err)
{
	struct timespec times[2] = {mtime_of(p->e), mtime_of(p->e)};

	/* Holes cost nothing on disk but everything to whoever copies them. */
	if (p->e->size > u->o->max_bytes)
		return crl_fail(err, CRL_LIMIT, "file of %" PRId64 " bytes, at most %" PRId64,
				p->e->size, u->o->max_bytes);
	int first = open_new(p);
	if (first < 0 && errno == EEXIST) {
		if (clear_the_way(u, p, err) < 0)
			return -1;
		first = open_new(p);
	}
	_cleanup_close_ int fd = first;
	if (fd < 0)
		return fail_at(err, "create");
	if (write_content(u, fd, p->e, err) < 0 ||
	    unpack_set_attributes(u->o, fd, p->e, true, err) < 0)
		return -1;
	return futimens(fd, times) < 0 ? fail_at(err, "times") : 0;
}

static int remember_dir(struct unpack *u, const char *name, const struct tar_entry *e,
			struct crl_err *err)
{
	if (u->n_dirs == u->cap_dirs) {
		size_t cap = u->cap_dirs ? u->cap_dirs * 2 : 64;
		struct dir_time *v = reallocarray(u->dirs, cap, sizeof(*v));
		if (!v)
			return crl_fail_oom(err);
		u->dirs = v;
		u->cap_dirs = cap;
	}
	char *copy = strdup(name);
	if (!copy)
		return crl_fail_oom(err);
	u->dirs[u->n_dirs++] = (struct dir_time){copy, mtime_of(e)};
	return 0;
}

static int finish_dir(struct unpack *u, int parent, const char *base, const struct place *p,
		      bool fresh, struct crl_err *err)
{
	bool plain = fresh && !p->e->n_xattrs && !(p->e->mode & 07000) &&
		     unpack_owner(u->o->uid, p->e->uid) == 0 &&
		     unpack_owner(u->o->gid, p->e->gid) == 0;

	if (!plain) {
		_cleanup_close_ int fd =
			openat(parent, base, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (fd < 0)
			return fail_at(err, "open");
		if (unpack_set_attributes(u->o, fd, p->e, fresh, err) < 0)
			return -1;
	}
	return remember_dir(u, p->name, p->e, err);
}

static int make_directory(struct unpack *u, const struct place *p, struct crl_err *err)
{
	struct stat st;

	if (mkdirat(p->parent, p->base, p->e->mode & 0777) == 0)
		return finish_dir(u, p->parent, p->base, p, true, err);
	if (errno != EEXIST || fstatat(p->parent, p->base, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return fail_at(err, "mkdir");
	if (S_ISDIR(st.st_mode))
		return finish_dir(u, p->parent, p->base, p, false, err);
	/*
	 * Over a whiteout or another kind of file of this layer: whatever lower
	 * layers have under the name stays hidden.
	 */
	if (clear_the_way(u, p, err) < 0)
		return -1;
	if (mkdirat(p->parent, p->base, p->e->mode & 0777) < 0)
		return fail_at(err, "mkdir");
	if (u->o->overlay && unpack_set_opaque(p->parent, p->base, err) < 0)
		return -1;
	return finish_dir(u, p->parent, p->base, p, true, err);
}

/* Owner and times of what has no descriptor to write through: links, devices, pipes. */
static int set_by_name(struct unpack *u, const struct place *p, struct crl_err *err)
{
	struct timespec times[2] = {mtime_of(p->e), mtime_of(p->e)};
	uint32_t uid = unpack_owner(u->o->uid, p->e->uid), gid = unpack_owner(u->o->gid, p->e->gid);

	if ((uid != 0 || gid != 0) &&
	    fchownat(p->parent, p->base, uid, gid, AT_SYMLINK_NOFOLLOW) < 0)
		return fail_at(err, "chown");
	if (utimensat(p->parent, p->base, times, AT_SYMLINK_NOFOLLOW) < 0)
		return fail_at(err, "times");
	return 0;
}

static int make_symlink(struct unpack *u, const struct place *p, struct crl_err *err)
{
	if (!*p->e->link)
		return crl_fail(err, CRL_INVALID, "symbolic link without a target");
	int r = symlinkat(p->e->link, p->parent, p->base);
	if (r < 0 && errno == EEXIST) {
		if (clear_the_way(u, p, err) < 0)
			return -1;
		r = symlinkat(p->e->link, p->parent, p->base);
	}
	return r < 0 ? fail_at(err, "symlink") : set_by_name(u, p, err);
}

static bool is_whiteout_device(mode_t type, unsigned maj, unsigned min)
{
	return type == S_IFCHR && maj == 0 && min == 0;
}

static int make_special(struct unpack *u, const struct place *p, mode_t type, struct crl_err *err)
{
	dev_t dev = type == S_IFIFO ? 0 : makedev(p->e->major, p->e->minor);

	if (is_whiteout_device(type, p->e->major, p->e->minor))
		return crl_fail(
			err, CRL_INVALID,
			"character device 0:0 is overlay's mark for a deleted file and may not "
			"come from a layer");
	int r = mknodat(p->parent, p->base, type | (p->e->mode & 0777), dev);
	if (r < 0 && errno == EEXIST) {
		if (clear_the_way(u, p, err) < 0)
			return -1;
		r = mknodat(p->parent, p->base, type | (p->e->mode & 0777), dev);
	}
	return r < 0 ? fail_at(err, "mknod") : set_by_name(u, p, err);
}

/* Names and hard links' targets alike, so that these still meet. */
static int clean_name(const struct unpack *u, const char *name, char out[TAR_NAME_MAX],
		      struct crl_err *err)
{
	char own[TAR_NAME_MAX];

	if (!u->o->top)
		return unpack_clean_name(name, out, err);
	if (unpack_clean_name(name, own, err) < 0)
		return -1;
	int n = snprintf(out, TAR_NAME_MAX, "%s%s", u->o->top, *own ? strchrnul(own, '/') : "");
	return n < TAR_NAME_MAX ? 0 : crl_fail(err, CRL_LIMIT, "name too long");
}

static int make_hardlink(struct unpack *u, const struct place *p, struct crl_err *err)
{
	char target[TAR_NAME_MAX];
	const char *base;
	struct stat st;
	int parent;

	if (clean_name(u, p->e->link, target, err) < 0)
		return crl_context(err, "hard link to %.200s", p->e->link);
	if (!*target || strcmp(target, p->name) == 0)
		return crl_fail(err, CRL_INVALID, "hard link to %s",
				*target ? "itself" : "the root directory");
	if (unpack_find_parent(&u->path, target, &parent, &base, err) < 0)
		return crl_context(err, "hard link to %.200s", p->e->link);
	_cleanup_close_ int fd = parent;
	if (fstatat(fd, base, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return crl_fail_sys(err, errno, "hard link to %.200s", p->e->link);
	if (S_ISDIR(st.st_mode) ||
	    is_whiteout_device(st.st_mode & S_IFMT, major(st.st_rdev), minor(st.st_rdev)))
		return crl_fail(err, CRL_INVALID, "hard link to %.200s, which is no file",
				p->e->link);
	int r = linkat(fd, base, p->parent, p->base, 0);
	if (r < 0 && errno == EEXIST) {
		if (clear_the_way(u, p, err) < 0)
			return -1;
		r = linkat(fd, base, p->parent, p->base, 0);
	}
	return r < 0 ? crl_fail_sys(err, errno, "hard link to %.200s", p->e->link) : 0;
}

/* ".wh..wh..opq": the folder hides everything below it. */
static int apply_opaque(struct unpack *u, struct place *p, struct crl_err *err)
{
	char *slash = strrchr(p->name, '/');

	if (!slash) {
		u->result.cut = true;
		return 0;
	}
	*slash = '\0';
	int parent;
	const char *base;
	/* Found anew through its own parent, to set the attribute on the folder and not on a link
	 * to it. */
	if (unpack_parent(&u->path, p->name, &parent, &base, err) < 0)
		return -1;
	return unpack_set_opaque(parent, base, err);
}

/*
 * ".wh.NAME" deletes NAME of lower layers only: what this layer has made under
 * the name stays, and a directory of this layer becomes opaque instead.
 */
static int apply_whiteout(struct unpack *u, struct place *p, struct crl_err *err)
{
	const char *target = p->base + strlen(WHITEOUT_PREFIX);
	struct stat st;

	if (p->e->type != '0')
		return crl_fail(err, CRL_INVALID, "a whiteout must be a regular file");
	if (strcmp(p->base, WHITEOUT_OPAQUE) == 0)
		return apply_opaque(u, p, err);
	if (!*target || str_eq(target, ".") || str_eq(target, ".."))
		return crl_fail(err, CRL_INVALID, "whiteout of \"%s\"", target);
	if (fstatat(p->parent, target, &st, AT_SYMLINK_NOFOLLOW) == 0)
		return S_ISDIR(st.st_mode) ? unpack_set_opaque(p->parent, target, err) : 0;
	if (mknodat(p->parent, target, S_IFCHR, makedev(0, 0)) < 0)
		return fail_at(err, "whiteout");
	return 0;
}

/* The entry "./" describes the layer's root. */
static int apply_root(struct unpack *u, const struct place *p, struct crl_err *err)
{
	if (u->o->scope_fd >= 0) /* it is somebody's already */
		return 0;
	if (p->e->type != '5')
		return crl_fail(err, CRL_INVALID, "the root of a layer must be a directory");
	if (unpack_set_attributes(u->o, u->path.root_fd, p->e, false, err) < 0)
		return -1;
	return remember_dir(u, "", p->e, err);
}

static int make_entry(struct unpack *u, const struct place *p, struct crl_err *err)
{
	switch (p->e->type) {
	case '0': return make_regular(u, p, err);
	case '1': return make_hardlink(u, p, err);
	case '2': return make_symlink(u, p, err) < 0 ? -1 : set_by_name(u, p, err);
	case '3': return make_special(u, p, S_IFCHR, err);
	case '4': return make_special(u, p, S_IFBLK, err);
	case '5': return make_directory(u, p, err);
	default: return make_special(u, p, S_IFIFO, err);
	}
}

/* AUFS' own bookkeeping in old layers means nothing to anybody else. */
static bool is_aufs_metadata(const char *name)
{
	return str_starts(name, WHITEOUT_META) && strcmp(name, WHITEOUT_OPAQUE) != 0;
}

static int check_parts(const char *name, struct crl_err *err)
{
	const char *last = strrchr(name, '/');

	for (const char *p = name; p && last && p <= last; p = strchr(p, '/') + 1)
		if (str_starts(p, WHITEOUT_PREFIX))
			return crl_fail(err, CRL_INVALID, "a folder named like a whiteout");
	return 0;
}

static int unpack_entry(struct unpack *u, struct place *p, struct crl_err *err)
{
	if (clean_name(u, p->e->name, p->name, err) < 0 || unpack_check_xattrs(p->e, err) < 0)
		return -1;
	if (++u->result.entries > u->o->max_entries)
		return crl_fail(err, CRL_LIMIT, "layer with more than %" PRId64 " entries",
				u->o->max_entries);
	if (!*p->name)
		return apply_root(u, p, err);
	if (u->o->overlay && is_aufs_metadata(p->name))
		return 0;
	if (u->o->overlay && check_parts(p->name, err) < 0)
		return -1;
	if (unpack_parent(&u->path, p->name, &p->parent, &p->base, err) < 0)
		return -1;
	if (u->o->overlay && str_starts(p->base, WHITEOUT_PREFIX))
		return apply_whiteout(u, p, err);
	return make_entry(u, p, err);
}

static int unpack_entries(struct unpack *u, struct crl_err *err)
{
	struct place p;
	int r;

	while ((r = tar_next(u->tar, &p.e, err)) == 1) {
		if (unpack_entry(u, &p, err) < 0)
			return crl_context(err, "%.300s", p.e->name);
		if (u->replaced)
			unpack_forget(&u->path);
		u->replaced = false;
	}
	return r < 0 ? -1 : tar_finish(u->tar, err);
}

/*
 * Deepest last entries first. A directory that was replaced later is not found
 * or is another one: that is no error, the time matters little.
 */
static void set_dir_times(struct unpack *u)
{
	for (size_t i = u->n_dirs; i > 0; i--) {
		const struct dir_time *d = &u->dirs[i - 1];
		struct timespec times[2] = {d->mtime, d->mtime};
		_cleanup_close_ int fd =
			unpack_open_folder(&u->path, d->name, O_RDONLY | O_NOFOLLOW);
		if (fd >= 0)
			futimens(fd, times);
	}
}

int unpack_tar(struct stream *plain, int root_fd, const struct unpack_options *o,
	       struct unpack_result *ret, struct crl_err *err)
{
	_cleanup_(unpack_free) struct unpack u = {.o = o,
						  .path = {.root_fd = root_fd,
							   .scope_fd = o->scope_fd,
							   .scope_path = o->scope_path,
							   .overlay = o->overlay,
							   .cached_fd = -1}};
	mode_t mask = umask(0);
	int r = tar_reader_new(plain, &u.tar, err);

	if (r == 0)
		r = unpack_entries(&u, err);
	umask(mask);
	if (r < 0)
		return -1;
	set_dir_times(&u);
	*ret = u.result;
	ret->implicit = take_ptr(u.path.implicit);
	return 0;
}
