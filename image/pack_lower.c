/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whether a file in an upper directory says the same as the layers below it:
 * overlay copies a file up whole as soon as it is opened for writing, and
 * such a copy is no change. Read-only; walks the layers as the kernel would.
 */
#include "pack.h"
#include "unpack.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#define COMPARE_SIZE 65536

enum found { FOUND_FILE, FOUND_NOTHING, FOUND_HIDDEN /* nothing, and no deeper layer counts */ };

static bool is_opaque(int fd)
{
	char mark;

	return fgetxattr(fd, UNPACK_OPAQUE_XATTR, &mark, 1) == 1 && mark == 'y';
}

/* One layer: `name` part by part. */
static enum found find_in(int layer, const char *name, int *ret_parent, const char **ret_base)
{
	_cleanup_free_ char *copy = strdup(name);
	_cleanup_close_ int dir = openat(layer, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool opaque = false;
	struct stat st;

	for (char *part = copy; part && dir >= 0;) {
		char *slash = strchr(part, '/');
		if (slash)
			*slash = '\0';
		if (fstatat(dir, part, &st, AT_SYMLINK_NOFOLLOW) < 0)
			return opaque ? FOUND_HIDDEN : FOUND_NOTHING;
		if (!slash) {
			if (!S_ISREG(st.st_mode))
				return FOUND_HIDDEN;
			*ret_base = name + (part - copy);
			*ret_parent = take_fd(&dir);
			return FOUND_FILE;
		}
		if (!S_ISDIR(st.st_mode))
			return FOUND_HIDDEN;
		int next = openat(dir, part, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		cleanup_close_p(&dir);
		dir = next;
		opaque = opaque || (dir >= 0 && is_opaque(dir));
		part = slash + 1;
	}
	return FOUND_HIDDEN;
}

static bool same_bytes(int a, int b)
{
	char x[COMPARE_SIZE], y[COMPARE_SIZE];
	off_t at = 0;

	for (;;) {
		ssize_t n = pread(a, x, sizeof(x), at), m = pread(b, y, sizeof(y), at);
		if (n != m || n < 0 || memcmp(x, y, (size_t)n) != 0)
			return false;
		if (n == 0)
			return true;
		at += n;
	}
}

static bool same_attributes(const struct stat *st, const struct tar_entry *e)
{
	return S_ISREG(st->st_mode) && (st->st_mode & 07777) == e->mode && st->st_uid == e->uid &&
	       st->st_gid == e->gid && st->st_size == e->size && st->st_mtim.tv_sec == e->mtime &&
	       st->st_nlink == 1;
}

static bool same_xattrs(int fd, const struct tar_entry *e)
{
	char value[TAR_XATTR_VALUE_MAX];

	for (size_t i = 0; i < e->n_xattrs; i++) {
		ssize_t n = fgetxattr(fd, e->xattrs[i].name, value, sizeof(value));
		if (n < 0 || (size_t)n != e->xattrs[i].len ||
		    memcmp(value, e->xattrs[i].value, (size_t)n) != 0)
			return false;
	}
	/* One that was removed above would be another difference: then the lists differ in length.
	 */
	return e->n_xattrs > 0 || fgetxattr(fd, "security.capability", value, sizeof(value)) < 0;
}

bool pack_unchanged(const int *lowers, size_t n, const char *name, int fd,
		    const struct tar_entry *e)
{
	for (; n > 0; n--, lowers++) {
		const char *base;
		int parent;
		enum found f = find_in(*lowers, name, &parent, &base);
		if (f == FOUND_NOTHING)
			continue;
		if (f == FOUND_HIDDEN)
			return false;
		_cleanup_close_ int dir = parent;
		_cleanup_close_ int lower =
			openat(dir, base, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
		struct stat st;
		return lower >= 0 && fstat(lower, &st) == 0 && same_attributes(&st, e) &&
		       same_xattrs(lower, e) && same_bytes(lower, fd);
	}
	return false;
}
