/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Names of archive entries and the folders they lie in. Every lookup starts
 * at the layer's root and stays in it (openat2, RESOLVE_IN_ROOT): a symlink
 * that the archive made is followed as the container would follow it. A
 * folder is never made through a link that leads nowhere.
 * See openat2(2), path_resolution(7).
 */
#include "unpack.h"

#include <base/path.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

static int append_part(char *out, size_t *len, const char *part, size_t n, struct crl_err *err)
{
	if (n == 2 && part[0] == '.' && part[1] == '.')
		return crl_fail(err, CRL_INVALID, "a \"..\" in the name leads out of the layer");
	if (n > 255)
		return crl_fail(err, CRL_LIMIT, "a part of the name is longer than 255 bytes");
	if (*len + n + 2 > TAR_NAME_MAX)
		return crl_fail(err, CRL_LIMIT, "name longer than %d bytes", TAR_NAME_MAX - 1);
	if (*len > 0)
		out[(*len)++] = '/';
	memcpy(out + *len, part, n);
	*len += n;
	out[*len] = '\0';
	return 0;
}

int unpack_clean_name(const char *name, char out[TAR_NAME_MAX], struct crl_err *err)
{
	size_t len = 0;

	out[0] = '\0';
	for (const char *p = name; *p;) {
		const char *slash = strchrnul(p, '/');
		size_t n = (size_t)(slash - p);
		bool nothing = n == 0 || (n == 1 && *p == '.');
		if (!nothing && append_part(out, &len, p, n, err) < 0)
			return -1;
		p = *slash ? slash + 1 : slash;
	}
	return 0;
}

#define OPEN_TRIES 1000 /* as base/path.c */

static int open_in(int root_fd, const char *path, int flags, uint64_t resolve)
{
	struct open_how how = {.flags = (uint64_t)(flags | O_DIRECTORY | O_CLOEXEC),
			       .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS | resolve};

	for (int tries = 0;; tries++) {
		int fd = (int)syscall(SYS_openat2, root_fd, *path ? path : ".", &how, sizeof(how));
		/* EAGAIN: somebody renames, and the kernel cannot tell whether ".." still is below.
		 */
		if (fd >= 0 || errno != EAGAIN || tries > OPEN_TRIES)
			return fd;
	}
}

int unpack_open_folder(const struct unpack_path *p, const char *path, int flags)
{
	char full[2 * TAR_NAME_MAX];

	if (p->scope_fd < 0)
		return open_in(p->root_fd, path, flags, RESOLVE_NO_XDEV);
	if (!*path)
		return openat(p->root_fd, ".", flags | O_DIRECTORY | O_CLOEXEC);
	int n = snprintf(full, sizeof(full), "%s/%s", p->scope_path, path);
	if (n < 0 || (size_t)n >= sizeof(full)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	return open_in(p->scope_fd, full, flags, 0);
}

static int open_folder(const struct unpack_path *p, const char *path)
{
	return unpack_open_folder(p, path, O_PATH);
}

void unpack_forget(struct unpack_path *p)
{
	cleanup_close_p(&p->cached_fd);
	p->cached_fd = -1;
	free(take_ptr(p->cached));
}

int unpack_set_opaque(int parent_fd, const char *name, struct crl_err *err)
{
	_cleanup_close_ int fd =
		openat(parent_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0 || fsetxattr(fd, UNPACK_OPAQUE_XATTR, "y", 1, 0) < 0)
		return crl_fail_sys(err, errno, "mark the folder as opaque");
	return 0;
}

static bool is_whiteout(int parent_fd, const char *name)
{
	struct stat st;

	return fstatat(parent_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISCHR(st.st_mode) &&
	       st.st_rdev == makedev(0, 0);
}

/* A folder that no entry described: root's, 0755. Over a whiteout of the same layer it starts
 * empty. */
static int make_folder(struct unpack_path *p, int parent_fd, const char *path, const char *name,
		       struct crl_err *err)
{
	bool whiteout = p->overlay && is_whiteout(parent_fd, name);

	if (whiteout && unlinkat(parent_fd, name, 0) < 0)
		return crl_fail_sys(err, errno, "%s", path);
	if (mkdirat(parent_fd, name, 0755) < 0)
		return crl_fail_sys(err, errno == EEXIST ? ENOTDIR : errno, "%s", path);
	if (whiteout && unpack_set_opaque(parent_fd, name, err) < 0)
		return -1;
	return strv_push(&p->implicit, path) < 0 ? crl_fail_oom(err) : 0;
}

/* Opens `path` from the root, making what is missing part by part. */
static int open_or_make(struct unpack_path *p, const char *path, int *ret_fd, struct crl_err *err)
{
	_cleanup_free_ char *prefix = strdup(path);
	_cleanup_close_ int parent = -1;

	if (!prefix)
		return crl_fail_oom(err);
	for (char *part = prefix; part;) {
		char *slash = strchr(part, '/');
		if (slash)
			*slash = '\0';
		int fd = open_folder(p, prefix);
		if (fd < 0 && (errno == ENOENT || errno == ENOTDIR)) {
			if (make_folder(p, parent < 0 ? p->root_fd : parent, prefix, part, err) < 0)
				return -1;
			fd = open_folder(p, prefix);
		}
		if (fd < 0)
			return crl_fail_sys(err, errno, "%s", prefix);
		cleanup_close_p(&parent);
		parent = fd;
		part = slash ? slash + 1 : NULL;
		if (slash)
			*slash = '/';
	}
	*ret_fd = take_fd(&parent);
	return 0;
}

static const char *split(const char *name, char folder[TAR_NAME_MAX])
{
	const char *slash = strrchr(name, '/');
	size_t n = slash ? (size_t)(slash - name) : 0;

	memcpy(folder, name, n);
	folder[n] = '\0';
	return slash ? slash + 1 : name;
}

int unpack_parent(struct unpack_path *p, const char *name, int *ret_fd, const char **ret_base,
		  struct crl_err *err)
{
	char folder[TAR_NAME_MAX];
	const char *base = split(name, folder);

	if (!*folder) {
		*ret_fd = p->root_fd;
		*ret_base = base;
		return 0;
	}
	if (!p->cached || strcmp(p->cached, folder) != 0) {
		unpack_forget(p);
		int fd = open_folder(p, folder);
		if (fd < 0 && open_or_make(p, folder, &fd, err) < 0)
			return -1;
		p->cached_fd = fd;
		p->cached = strdup(folder);
		if (!p->cached)
			return crl_fail_oom(err);
	}
	*ret_fd = p->cached_fd;
	*ret_base = base;
	return 0;
}

int unpack_find_parent(struct unpack_path *p, const char *name, int *ret_fd, const char **ret_base,
		       struct crl_err *err)
{
	char folder[TAR_NAME_MAX];
	const char *base = split(name, folder);
	int fd = open_folder(p, folder);

	if (fd < 0)
		return crl_fail_sys(err, errno, "%s", name);
	*ret_fd = fd;
	*ret_base = base;
	return 0;
}
