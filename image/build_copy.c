/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * COPY and ADD: files from a source tree into the merged view of a step. The
 * destination is resolved as the container would see it (openat2(2),
 * RESOLVE_IN_ROOT); below it every name is made with *at() calls that follow
 * no link, so that neither tree can lead out of its root.
 */
#include "build_exec.h"

#include <base/fd.h>
#include <base/path.h>
#include <crun-lite/layer.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#define MAX_LINKS 40

struct copier {
	const struct build_copy_job *job;
	/* Files with several names: the first name made, for link(2). */
	struct hard_link {
		dev_t dev;
		ino_t ino;
		char *path; /* relative to the destination root of this source */
	} * links;
	size_t n_links;
	int link_root;
};

/* --- attributes --- */

static mode_t wanted_mode(const struct copier *c, const struct stat *st)
{
	return build_chmod_apply(&c->job->copy->chmod, st->st_mode & 07777, S_ISDIR(st->st_mode));
}

static void wanted_owner(const struct copier *c, const struct stat *st, uid_t *uid, gid_t *gid)
{
	*uid = *gid = 0;
	if (c->job->owner.set) {
		*uid = c->job->owner.uid;
		*gid = c->job->owner.gid;
	} else if (c->job->keep_owner) {
		*uid = st->st_uid;
		*gid = st->st_gid;
	}
}

/* Owner before mode: chown(2) clears the set-id bits. */
static int apply_stat(const struct copier *c, int dir_fd, const char *name, const struct stat *st,
		      const char *path, struct crl_err *err)
{
	const struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, st->st_mtim};
	uid_t uid;
	gid_t gid;

	wanted_owner(c, st, &uid, &gid);
	if (fchownat(dir_fd, name, uid, gid, AT_SYMLINK_NOFOLLOW) < 0)
		return crl_fail_sys(err, errno, "owner of %s", path);
	if (!S_ISLNK(st->st_mode) && fchmodat(dir_fd, name, wanted_mode(c, st), 0) < 0)
		return crl_fail_sys(err, errno, "mode of %s", path);
	if (utimensat(dir_fd, name, times, AT_SYMLINK_NOFOLLOW) < 0)
		return crl_fail_sys(err, errno, "time of %s", path);
	return 0;
}

static void copy_xattrs(int from, int to)
{
	char list[4096], value[65536];
	ssize_t len = flistxattr(from, list, sizeof(list));

	for (ssize_t i = 0; i < len; i += (ssize_t)strlen(list + i) + 1) {
		if (!str_starts(list + i, "user.") && !str_eq(list + i, "security.capability"))
			continue;
		ssize_t n = fgetxattr(from, list + i, value, sizeof(value));
		if (n >= 0)
			fsetxattr(to, list + i, value, (size_t)n, 0);
	}
}

/* --- content --- */

static int copy_bytes(int from, int to, const char *path, struct crl_err *err)
{
	_cleanup_free_ char *chunk = NULL;
	ssize_t n;

	while ((n = copy_file_range(from, NULL, to, NULL, 1U << 30, 0)) > 0)
		;
	if (n == 0)
		return 0;
	if (errno != EXDEV && errno != EINVAL && errno != EOPNOTSUPP && errno != ENOSYS)
		return crl_fail_sys(err, errno, "copy %s", path);
	chunk = malloc(1U << 17);
	if (!chunk)
		return crl_fail_oom(err);
	while ((n = read(from, chunk, 1U << 17)) != 0) {
		if (n < 0 && errno != EINTR)
			return crl_fail_sys(err, errno, "read %s", path);
		if (n > 0 && fd_write_all(to, chunk, (size_t)n, err) < 0)
			return crl_context(err, "write %s", path);
	}
	return 0;
}

static int make_way(int dir_fd, const char *name, const char *path, struct crl_err *err)
{
	struct stat st;

	if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return 0;
	if (S_ISDIR(st.st_mode))
		return crl_fail(err, CRL_CONFLICT, "cannot replace the directory %s by a file",
				path);
	if (unlinkat(dir_fd, name, 0) < 0)
		return crl_fail_sys(err, errno, "replace %s", path);
	return 0;
}

/* Makes a further name of a file that this copy has made already; 1 = done. */
static int try_link(struct copier *c, const struct stat *st, int dst_dir, const char *dst_name)
{
	for (size_t i = 0; st->st_nlink > 1 && i < c->n_links; i++) {
		struct hard_link *l = &c->links[i];
		if (l->dev == st->st_dev && l->ino == st->st_ino &&
		    linkat(c->link_root, l->path, dst_dir, dst_name, 0) == 0)
			return 1;
	}
	return 0;
}

static void remember_link(struct copier *c, const struct stat *st, const char *rel)
{
	if (st->st_nlink < 2 || c->link_root < 0 || c->n_links >= 65536)
		return;
	struct hard_link *grown = realloc(c->links, (c->n_links + 1) * sizeof(*grown));
	if (!grown)
		return;
	c->links = grown;
	char *path = strdup(rel);
	if (path)
		c->links[c->n_links++] =
			(struct hard_link){.dev = st->st_dev, .ino = st->st_ino, .path = path};
}

/* A new file with the content and the attributes of an open one. */
static int write_file(const struct copier *c, int from, int dst_dir, const char *dst,
		      const struct stat *st, struct crl_err *err)
{
	const struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, st->st_mtim};
	_cleanup_close_ int to =
		openat(dst_dir, dst, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	uid_t uid;
	gid_t gid;

	if (to < 0)
		return crl_fail_sys(err, errno, "make %s", dst);
	if (lseek(from, 0, SEEK_SET) < 0 || copy_bytes(from, to, dst, err) < 0)
		return -1;
	wanted_owner(c, st, &uid, &gid);
	if (fchown(to, uid, gid) < 0)
		return crl_fail_sys(err, errno, "owner of %s", dst);
	copy_xattrs(from, to); /* after chown(2), which drops file capabilities */
	if (fchmod(to, wanted_mode(c, st)) < 0 || futimens(to, times) < 0)
		return crl_fail_sys(err, errno, "attributes of %s", dst);
	return 0;
}

static int copy_regular(struct copier *c, int src_dir, const char *src, int dst_dir,
			const char *dst, const struct stat *st, const char *rel,
			struct crl_err *err)
{
	if (try_link(c, st, dst_dir, dst))
		return 0;
	_cleanup_close_ int from =
		openat(src_dir, src, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (from < 0)
		return crl_fail_sys(err, errno, "%s", src);
	if (write_file(c, from, dst_dir, dst, st, err) < 0)
		return -1;
	remember_link(c, st, rel);
	return 0;
}

static int copy_special(struct copier *c, int src_dir, const char *src, int dst_dir,
			const char *dst, const struct stat *st, struct crl_err *err)
{
	char target[PATH_MAX];

	if (S_ISLNK(st->st_mode)) {
		ssize_t n = readlinkat(src_dir, src, target, sizeof(target) - 1);
		if (n < 0)
			return crl_fail_sys(err, errno, "%s", src);
		target[n] = 0;
		if (symlinkat(target, dst_dir, dst) < 0)
			return crl_fail_sys(err, errno, "make link %s", dst);
	} else if (mknodat(dst_dir, dst, st->st_mode & (S_IFMT | 0600), st->st_rdev) < 0) {
		return crl_fail_sys(err, errno, "make %s", dst);
	}
	return apply_stat(c, dst_dir, dst, st, dst, err);
}

/* --- trees --- */

struct place { /* one entry on its way */
	int src_dir, dst_dir;
	const char *src, *dst;
	const char *path;  /* in the source root, for .dockerignore */
	const char *below; /* below the copied folder, for --exclude and messages */
};

static int copy_entry(struct copier *c, const struct place *p, struct crl_err *err);

static int copy_children(struct copier *c, int src_fd, int dst_fd, const char *path,
			 const char *below, struct crl_err *err)
{
	_cleanup_strv_ char **names = NULL;

	if (build_tree_list(src_fd, &names, err) < 0)
		return crl_context(err, "%s", path);
	for (size_t i = 0; names[i]; i++) {
		_cleanup_free_ char *sub = path_printf("%s%s%s", path, *path ? "/" : "", names[i]);
		_cleanup_free_ char *rel =
			path_printf("%s%s%s", below, *below ? "/" : "", names[i]);
		if (!sub || !rel)
			return crl_fail_oom(err);
		const struct place p = {.src_dir = src_fd,
					.dst_dir = dst_fd,
					.src = names[i],
					.dst = names[i],
					.path = sub,
					.below = rel};
		if (copy_entry(c, &p, err) < 0)
			return -1;
	}
	return 0;
}

static int copy_dir(struct copier *c, const struct place *p, const struct stat *st,
		    struct crl_err *err)
{
	_cleanup_close_ int src =
		openat(p->src_dir, p->src, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	_cleanup_close_ int dst = -1;

	if (src < 0)
		return crl_fail_sys(err, errno, "%s", p->path);
	if (mkdirat(p->dst_dir, p->dst, 0700) < 0 && errno != EEXIST)
		return crl_fail_sys(err, errno, "make %s", p->below);
	dst = openat(p->dst_dir, p->dst, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (dst < 0 && (errno == ENOTDIR || errno == ELOOP))
		return crl_fail(err, CRL_CONFLICT, "cannot copy to non-directory: %s", p->below);
	if (dst < 0)
		return crl_fail_sys(err, errno, "%s", p->below);
	if (copy_children(c, src, dst, p->path, p->below, err) < 0)
		return -1;
	copy_xattrs(src, dst);
	return apply_stat(c, p->dst_dir, p->dst, st, p->below, err);
}

static int copy_entry(struct copier *c, const struct place *p, struct crl_err *err)
{
	struct stat st;

	if (fstatat(p->src_dir, p->src, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return crl_fail_sys(err, errno, "%s", p->path);
	if (S_ISSOCK(st.st_mode) ||
	    build_filter_skips(&c->job->filter, p->path, p->below, S_ISDIR(st.st_mode)))
		return 0;
	if (S_ISDIR(st.st_mode))
		return copy_dir(c, p, &st, err);
	if (make_way(p->dst_dir, p->dst, p->below, err) < 0)
		return -1;
	if (S_ISREG(st.st_mode))
		return copy_regular(c, p->src_dir, p->src, p->dst_dir, p->dst, &st, p->below, err);
	return copy_special(c, p->src_dir, p->src, p->dst_dir, p->dst, &st, err);
}

/* --- destinations --- */

int build_make_dirs(int root_fd, const char *path, const struct build_owner *owner,
		    struct timespec mtime, bool *ret_made, struct crl_err *err)
{
	_cleanup_strv_ char **parts = strv_split(path, "/", false);
	_cleanup_buf_ struct buf prefix = BUF_INIT;
	_cleanup_free_ int *made = NULL;
	size_t n_made = 0;
	int r = 0;

	if (!parts || !(made = calloc(strv_len(parts) + 1, sizeof(*made))))
		return crl_fail_oom(err);
	for (size_t i = 0; parts[i] && r == 0; i++) {
		_cleanup_close_ int parent = -1, fd = -1;
		const char *up = prefix.data ? prefix.data : "/";
		r = path_open_in_root(root_fd, up, O_RDONLY | O_DIRECTORY, 0, &parent, err);
		if (r < 0)
			break;
		bool fresh = mkdirat(parent, parts[i], 0755) == 0;
		if (!fresh && errno != EEXIST) {
			r = crl_fail_sys(err, errno, "make directory %s", path);
			break;
		}
		buf_printf(&prefix, "/%s", parts[i]);
		r = path_open_in_root(root_fd, prefix.data, O_RDONLY | O_DIRECTORY, 0, &fd, err);
		if (r == 0 && fresh) {
			if (fchown(fd, owner->set ? owner->uid : 0, owner->set ? owner->gid : 0) <
				    0 ||
			    fchmod(fd, 0755) < 0)
				r = crl_fail_sys(err, errno, "make directory %s", path);
			made[n_made++] = take_fd(&fd);
		}
	}
	/* Times last: making a folder changes that of the one above. */
	const struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, mtime};
	*ret_made = n_made > 0;
	while (n_made > 0) {
		futimens(made[--n_made], times);
		close(made[n_made]);
	}
	return r;
}

static bool is_dir_in_root(int root_fd, const char *path)
{
	_cleanup_close_ int fd = -1;

	return path_open_in_root(root_fd, path, O_PATH | O_DIRECTORY, 0, &fd, NULL) == 0;
}

/* Opens the folder of a destination file and gives its last name; a link there is followed. */
static int open_parent(const struct copier *c, int root_fd, const char *dest, int *ret_fd,
		       char **ret_name, struct crl_err *err)
{
	_cleanup_free_ char *path = strdup(dest);
	char target[PATH_MAX];
	bool made;

	for (int i = 0; path && i < MAX_LINKS; i++) {
		char *slash = strrchr(path, '/');
		_cleanup_free_ char *dir = strndup(path, (size_t)(slash - path));
		_cleanup_close_ int fd = -1;
		if (!dir)
			return crl_fail_oom(err);
		if (build_make_dirs(root_fd, dir, &c->job->owner, c->job->mtime, &made, err) < 0 ||
		    path_open_in_root(root_fd, *dir ? dir : "/", O_RDONLY | O_DIRECTORY, 0, &fd,
				      err) < 0)
			return -1;
		ssize_t n = readlinkat(fd, slash + 1, target, sizeof(target) - 1);
		if (n < 0) {
			*ret_name = strdup(slash + 1);
			if (!*ret_name)
				return crl_fail_oom(err);
			*ret_fd = take_fd(&fd);
			return 0;
		}
		target[n] = 0;
		char *next = *target == '/' ? strdup(target) : path_printf("%s/%s", dir, target);
		free(path);
		path = next;
	}
	return path ? crl_fail_sys(err, ELOOP, "%s", dest) : crl_fail_oom(err);
}

static void forget_links(struct copier *c)
{
	for (size_t i = 0; i < c->n_links; i++)
		free(c->links[i].path);
	free(c->links);
	c->links = NULL;
	c->n_links = 0;
	c->link_root = -1;
}

static int copy_source_dir(struct copier *c, const struct build_source *s, int src_fd, int root_fd,
			   struct crl_err *err)
{
	const char *dest = c->job->copy->dest;
	_cleanup_close_ int dst = -1;
	bool made;

	if (build_make_dirs(root_fd, dest, &c->job->owner, c->job->mtime, &made, err) < 0 ||
	    path_open_in_root(root_fd, dest, O_RDONLY | O_DIRECTORY, 0, &dst, err) < 0)
		return crl_context(err, "cannot copy to %s", dest);
	c->link_root = dst;
	int r = copy_children(c, src_fd, dst, s->path, "", err);
	forget_links(c);
	if (r == 0 && made) {
		const struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, c->job->mtime};
		futimens(dst, times);
	}
	return r;
}

/* ADD: what is an archive by its content is unpacked into the destination. */
static int extract(struct copier *c, int src_fd, int root_fd, struct crl_err *err)
{
	const char *dest = c->job->copy->dest;
	_cleanup_close_ int dst = -1;
	bool made;

	if (build_make_dirs(root_fd, dest, &c->job->owner, c->job->mtime, &made, err) < 0 ||
	    path_open_in_root(root_fd, dest, O_RDONLY | O_DIRECTORY, 0, &dst, err) < 0)
		return crl_context(err, "cannot unpack to %s", dest);
	return crl_tar_extract(src_fd, dst, -1, -1, err);
}

/* Content from an open file under a new name: the source was found through links, so no name is
 * opened again. */
static int copy_open_file(struct copier *c, int from, const struct stat *st, int dst_dir,
			  const char *dst, struct crl_err *err)
{
	if (make_way(dst_dir, dst, dst, err) < 0)
		return -1;
	if (!S_ISREG(st->st_mode)) {
		if (mknodat(dst_dir, dst, st->st_mode & (S_IFMT | 0600), st->st_rdev) < 0)
			return crl_fail_sys(err, errno, "make %s", dst);
		return apply_stat(c, dst_dir, dst, st, dst, err);
	}
	return write_file(c, from, dst_dir, dst, st, err);
}

static char *file_dest(const struct copier *c, int root_fd, const char *name)
{
	const struct build_copy *copy = c->job->copy;

	if (copy->dest_is_dir || is_dir_in_root(root_fd, copy->dest))
		return path_printf("%s%s%s", copy->dest, str_eq(copy->dest, "/") ? "" : "/", name);
	return strdup(copy->dest);
}

static int copy_source_file(struct copier *c, const char *name, int src_fd, const struct stat *st,
			    int root_fd, struct crl_err *err)
{
	_cleanup_free_ char *dest = file_dest(c, root_fd, name), *leaf = NULL;
	_cleanup_close_ int dir = -1;

	if (!dest)
		return crl_fail_oom(err);
	if (open_parent(c, root_fd, dest, &dir, &leaf, err) < 0)
		return crl_context(err, "cannot copy to %s", dest);
	return copy_open_file(c, src_fd, st, dir, leaf, err);
}

static int copy_source(struct copier *c, const struct build_source *s, int root_fd,
		       struct crl_err *err)
{
	_cleanup_close_ int fd = -1;
	struct stat st;

	if (build_source_open(c->job->source_fd, s, &fd, &st, err) < 0)
		return -1;
	if (S_ISDIR(st.st_mode))
		return copy_source_dir(c, s, fd, root_fd, err);
	if (c->job->copy->add && S_ISREG(st.st_mode) && crl_tar_sniff(fd))
		return extract(c, fd, root_fd, err);
	return copy_source_file(c, s->name, fd, &st, root_fd, err);
}

/* A heredoc becomes a file named after its word. */
static int copy_inline(struct copier *c, const char *name, const char *body, int root_fd,
		       struct crl_err *err)
{
	_cleanup_close_ int fd = -1;
	struct stat st;

	if (fd_sealed_memfd("heredoc", body, strlen(body), &fd, err) < 0)
		return -1;
	if (fstat(fd, &st) < 0)
		return crl_fail_sys(err, errno, "heredoc");
	st.st_mode = S_IFREG | 0644;
	st.st_uid = st.st_gid = 0;
	st.st_mtim = c->job->mtime;
	st.st_nlink = 1;
	return copy_source_file(c, name, fd, &st, root_fd, err);
}

int build_copy_run(const struct build_copy_job *job, int dest_root_fd, struct crl_err *err)
{
	struct copier c = {.job = job, .link_root = -1};
	const struct strmap *files = &job->copy->inline_files;
	size_t n = job->n_sources + files->n;

	if (n > 1 && !job->copy->dest_is_dir && !is_dir_in_root(dest_root_fd, job->copy->dest))
		return crl_fail(err, CRL_INVALID,
				"%s must be a directory, written with a / at its end: %zu sources "
				"are copied to it",
				job->copy->dest, n);
	for (size_t i = 0; i < job->n_sources; i++)
		if (copy_source(&c, &job->sources[i], dest_root_fd, err) < 0)
			return -1;
	for (size_t i = 0; i < files->n; i++)
		if (copy_inline(&c, files->items[i].key, files->items[i].value, dest_root_fd, err) <
		    0)
			return -1;
	return 0;
}
