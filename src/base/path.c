/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Paths under a directory descriptor. See openat2(2), path_resolution(7). */
#include <base/cleanup.h>
#include <base/fd.h>
#include <base/path.h>
#include <base/str.h>

#include <errno.h>
#include <linux/openat2.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <sys/syscall.h>

static int do_openat2(int dir_fd, const char *path, int flags, mode_t mode, uint64_t resolve)
{
	struct open_how how = {.flags = (uint64_t)(unsigned)(flags | O_CLOEXEC),
			       .mode = (flags & (O_CREAT | __O_TMPFILE)) ? mode : 0,
			       .resolve = resolve};
	for (int tries = 0;; tries++) {
		long fd = syscall(SYS_openat2, dir_fd, path, &how, sizeof(how));
		/* EAGAIN: a rename raced with the walk; the kernel asks to try again. */
		if (fd >= 0 || (errno != EINTR && errno != EAGAIN) || tries > 1000)
			return (int)fd;
	}
}

static int fail_open(struct crl_err *err, const char *path)
{
	int sys = errno;
	crl_fail_sys(err, sys, "open %s", path);
	if (err && sys == ENOENT)
		err->code = CRL_NOT_FOUND;
	return -1;
}

int path_open_in_root(int root_fd, const char *path, int flags, mode_t mode, int *ret_fd,
		      struct crl_err *err)
{
	int fd = do_openat2(root_fd, *path ? path : ".", flags, mode,
			    RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
	if (fd < 0)
		return fail_open(err, path);
	*ret_fd = fd;
	return 0;
}

int path_open_beneath(int dir_fd, const char *path, int flags, mode_t mode, int *ret_fd,
		      struct crl_err *err)
{
	int fd = do_openat2(dir_fd, *path ? path : ".", flags, mode,
			    RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS);
	if (fd < 0)
		return fail_open(err, path);
	*ret_fd = fd;
	return 0;
}

/*
 * The longest existing prefix is resolved inside the root each time, so that a
 * symlink in the middle is followed there; only the missing tail is made, one
 * plain name at a time below a descriptor.
 */
int path_mkdir_in_root(int root_fd, const char *path, mode_t mode, int *ret_fd, struct crl_err *err)
{
	_cleanup_close_ int fd = -1;
	if (path_open_in_root(root_fd, path, O_PATH | O_DIRECTORY, 0, &fd, NULL) == 0) {
		*ret_fd = take_fd(&fd);
		return 0;
	}
	_cleanup_strv_ char **parts = strv_split(path, "/", false);
	if (!parts)
		return crl_fail_oom(err);
	_cleanup_buf_ struct buf prefix = BUF_INIT;
	_cleanup_close_ int at = -1;
	if (path_open_in_root(root_fd, "/", O_PATH | O_DIRECTORY, 0, &at, err) < 0)
		return -1;
	for (size_t i = 0; parts[i]; i++) {
		buf_printf(&prefix, "/%s", parts[i]);
		if (prefix.failed)
			return crl_fail_oom(err);
		bool plain = !str_eq(parts[i], ".") && !str_eq(parts[i], "..");
		if (plain && mkdirat(at, parts[i], mode) < 0 && errno != EEXIST)
			return crl_fail_sys(err, errno, "make directory %s", path);
		int next = -1;
		if (path_open_in_root(root_fd, prefix.data, O_PATH | O_DIRECTORY, 0, &next, err) <
		    0)
			return -1;
		close(at);
		at = next;
	}
	*ret_fd = take_fd(&at);
	return 0;
}

int path_mkdir_p(const char *path, mode_t mode, struct crl_err *err)
{
	_cleanup_free_ char *copy = strdup(path);
	if (!copy)
		return crl_fail_oom(err);
	for (char *p = copy + 1;; p++) {
		if (*p != '/' && *p != '\0')
			continue;
		char saved = *p;
		*p = '\0';
		if (mkdir(copy, mode) < 0 && errno != EEXIST)
			return crl_fail_sys(err, errno, "make directory %s", copy);
		*p = saved;
		if (!saved)
			return 0;
	}
}

/*
 * Who made a tree chose its depth, and each level costs two descriptors: what
 * lies deeper than this is moved up to the tree's own root, and removed there.
 */
#define REMOVE_DEPTH 64

struct removal {
	dev_t dev;       /* of the tree; mounts in it are not entered */
	int top_fd;      /* the tree's root */
	unsigned serial; /* for the names of what was moved there */
	bool moved;      /* since the root was last read */
};

static int remove_content(struct removal *r, int dir_fd, unsigned depth, struct crl_err *err);

/* Names may be taken, by design of whoever made the tree: then the next one. */
static bool move_up(struct removal *r, int dir_fd, const char *name)
{
	char to[40];

	for (unsigned i = 0; i < 10000; i++) {
		snprintf(to, sizeof(to), "crl-deep-%u", r->serial++);
		if (renameat2(dir_fd, name, r->top_fd, to, RENAME_NOREPLACE) == 0)
			return r->moved = true;
		if (errno != EEXIST)
			return false;
	}
	return false;
}

static int remove_dir(struct removal *r, int dir_fd, const char *name, int sub, unsigned depth,
		      struct crl_err *err)
{
	struct stat st;
	struct removal own = {.top_fd = sub};

	if (fstat(sub, &st) < 0)
		return crl_fail_sys(err, errno, "remove %s: stat", name);
	if (r && st.st_dev != r->dev)
		return crl_fail(err, CRL_CONFLICT,
				"remove %s: another file system is mounted there", name);
	if (r && depth >= REMOVE_DEPTH && move_up(r, dir_fd, name))
		return 0;
	own.dev = st.st_dev;
	do {
		own.moved = false;
		if (remove_content(r ? r : &own, sub, depth + 1, err) < 0)
			return crl_context(err, "%s", name);
	} while (own.moved);
	if (unlinkat(dir_fd, name, AT_REMOVEDIR) < 0 && errno != ENOENT)
		return crl_fail_sys(err, errno, "remove %s", name);
	return 0;
}

/* `r` is NULL for the root of the tree. */
static int remove_entry(struct removal *r, int dir_fd, const char *name, unsigned depth,
			struct crl_err *err)
{
	if (unlinkat(dir_fd, name, 0) == 0 || errno == ENOENT)
		return 0;
	if (errno != EISDIR && errno != EPERM)
		return crl_fail_sys(err, errno, "remove %s", name);
	_cleanup_close_ int sub =
		openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (sub < 0)
		return errno == ENOENT ? 0 : crl_fail_sys(err, errno, "remove %s", name);
	return remove_dir(r, dir_fd, name, sub, depth, err);
}

static int remove_content(struct removal *r, int dir_fd, unsigned depth, struct crl_err *err)
{
	if (depth > 2000)
		return crl_fail(err, CRL_LIMIT, "remove: more than 2000 directories deep");
	/* Not a duplicate: its offset would be shared, and the root is read more than once. */
	int own_fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_closedir_ DIR *d = own_fd < 0 ? NULL : fdopendir(own_fd);
	if (!d)
		return crl_fail_sys(err, errno, "read directory");
	struct dirent *e;
	while ((errno = 0, e = readdir(d))) {
		if (str_eq(e->d_name, ".") || str_eq(e->d_name, ".."))
			continue;
		if (remove_entry(r, dir_fd, e->d_name, depth, err) < 0)
			return -1;
	}
	return errno ? crl_fail_sys(err, errno, "read directory") : 0;
}

int path_remove_tree(int dir_fd, const char *name, struct crl_err *err)
{
	return remove_entry(NULL, dir_fd, name, 0, err);
}

int path_read_file(int dir_fd, const char *path, size_t limit, char **ret_data, size_t *ret_len,
		   struct crl_err *err)
{
	_cleanup_close_ int fd = openat(dir_fd, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return fail_open(err, path);
	if (fd_read_all(fd, limit, ret_data, ret_len, err) < 0)
		return crl_context(err, "%s", path);
	return 0;
}

int path_write_string(int dir_fd, const char *path, const char *value, struct crl_err *err)
{
	_cleanup_close_ int fd = openat(dir_fd, path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return fail_open(err, path);
	ssize_t n = write(fd, value, strlen(value));
	if (n < 0)
		return crl_fail_sys(err, errno, "write \"%s\" to %s", value, path);
	return 0;
}

static int write_temp(int dir_fd, const char *temp, const void *data, size_t len, mode_t mode,
		      bool durable, struct crl_err *err)
{
	_cleanup_close_ int fd =
		openat(dir_fd, temp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
	if (fd < 0)
		return crl_fail_sys(err, errno, "create %s", temp);
	if (fd_write_all(fd, data, len, err) < 0)
		return crl_context(err, "%s", temp);
	if (durable && fsync(fd) < 0)
		return crl_fail_sys(err, errno, "fsync %s", temp);
	return 0;
}

int path_write_atomic(int dir_fd, const char *name, const void *data, size_t len, mode_t mode,
		      bool durable, struct crl_err *err)
{
	_cleanup_free_ char *temp = path_printf("%s.new", name);
	if (!temp)
		return crl_fail_oom(err);
	/* A left-over of a crash; two writers of one name do not exist by design. */
	unlinkat(dir_fd, temp, 0);
	if (write_temp(dir_fd, temp, data, len, mode, durable, err) < 0) {
		unlinkat(dir_fd, temp, 0);
		return -1;
	}
	if (renameat(dir_fd, temp, dir_fd, name) < 0) {
		int sys = errno;
		unlinkat(dir_fd, temp, 0);
		return crl_fail_sys(err, sys, "rename %s", temp);
	}
	if (!durable)
		return 0;
	const char *slash = strrchr(name, '/');
	if (!slash && dir_fd != AT_FDCWD && !(fcntl(dir_fd, F_GETFL) & O_PATH))
		return fsync(dir_fd) < 0 ? crl_fail_sys(err, errno, "fsync folder of %s", name) : 0;
	_cleanup_free_ char *dir =
		slash ? path_printf("%.*s", slash == name ? 1 : (int)(slash - name), name)
		      : strdup(".");
	if (!dir)
		return crl_fail_oom(err);
	_cleanup_close_ int fd = openat(dir_fd, dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fsync(fd) < 0)
		return crl_fail_sys(err, errno, "fsync %s", dir);
	return 0;
}

int path_fsync_dir(int dir_fd, const char *path, struct crl_err *err)
{
	_cleanup_close_ int fd = openat(dir_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fsync(fd) < 0)
		return crl_fail_sys(err, errno, "fsync %s", path);
	return 0;
}

char *path_printf(const char *fmt, ...)
{
	char *s = NULL;
	va_list ap;
	va_start(ap, fmt);
	int n = vasprintf(&s, fmt, ap);
	va_end(ap);
	return n < 0 ? NULL : s;
}

char *path_clean(const char *path)
{
	size_t len = strlen(path);
	char *out = malloc(len + 2);
	if (!out)
		return NULL;
	size_t n = 0;
	for (const char *p = path; *p;) {
		while (*p == '/')
			p++;
		size_t part = strcspn(p, "/");
		if (part == 2 && p[0] == '.' && p[1] == '.') {
			while (n > 0 && out[--n] != '/')
				;
		} else if (part > 0 && !(part == 1 && p[0] == '.')) {
			out[n++] = '/';
			memcpy(out + n, p, part);
			n += part;
		}
		p += part;
	}
	if (n == 0)
		out[n++] = '/';
	out[n] = '\0';
	return out;
}
