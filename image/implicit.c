/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Folders that a layer has only because a file lies in them. In the merged
 * tree such a folder hides the attributes of the one below, so it takes them
 * over, once the chain of layers is known. Never follows a link.
 */
#include "ingest.h"
#include "unpack.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>

#define XATTR_LIST 65536

static int open_dir(int root, const char *path)
{
	struct open_how how = {.flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC,
			       .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV};

	return (int)syscall(SYS_openat2, root, path, &how, sizeof(how));
}

static void copy_xattrs(int from, int to)
{
	_cleanup_free_ char *names = malloc(XATTR_LIST), *value = malloc(XATTR_LIST);
	ssize_t n = names && value ? flistxattr(from, names, XATTR_LIST) : -1;

	for (const char *x = names; n > 0 && x < names + n; x += strlen(x) + 1) {
		ssize_t len =
			str_starts(x, "trusted.") ? -1 : fgetxattr(from, x, value, XATTR_LIST);
		if (len >= 0)
			(void)fsetxattr(to, x, value, (size_t)len, 0);
	}
}

static int copy_attributes(int from, int to, struct crl_err *err)
{
	struct stat st;

	if (fstat(from, &st) < 0 || fchown(to, st.st_uid, st.st_gid) < 0 ||
	    fchmod(to, st.st_mode & 07777) < 0)
		return crl_fail_sys(err, errno, "attributes of a folder");
	copy_xattrs(from, to);
	const struct timespec times[2] = {st.st_mtim, st.st_mtim};
	return futimens(to, times) < 0 ? crl_fail_sys(err, errno, "times of a folder") : 0;
}

/* From the layer just below to the bottom; the first one that has the name decides. */
static int inherit_one(const int *fs, size_t below, int own, const char *path, struct crl_err *err)
{
	_cleanup_close_ int to = open_dir(own, path);

	/* A later entry may have put something else there. */
	for (size_t i = below; to >= 0 && i > 0; i--) {
		_cleanup_close_ int from = open_dir(fs[i - 1], path);
		if (from >= 0)
			return copy_attributes(from, to, err);
		if (errno != ENOENT)
			return 0; /* a file, a link, a whiteout: the folder is new */
	}
	return 0;
}

static int inherit_all(struct staged *const *layers, const int *fs, size_t n, struct crl_err *err)
{
	for (size_t i = 1; i < n; i++)
		for (char **p = layers[i]->record.implicit; p && *p; p++)
			if (inherit_one(fs, i, fs[i], *p, err) < 0)
				return crl_context(err, "layer %s: %.200s", layers[i]->info.digest,
						   *p);
	return 0;
}

int ingest_inherit(struct ingest *in, struct staged *const *layers, size_t n, struct crl_err *err)
{
	struct layer_fds fs = {.v = calloc(n + 1, sizeof(int))};
	int r = fs.v ? 0 : crl_fail_oom(err);

	for (; r == 0 && fs.n < n; fs.n++) {
		char path[40];
		snprintf(path, sizeof(path), "l%u/" STORE_LAYER_FS, layers[fs.n]->number);
		fs.v[fs.n] = open_dir(in->fd, path);
		if (fs.v[fs.n] < 0) {
			r = crl_fail_sys(err, errno, "staging");
			break;
		}
	}
	if (r == 0)
		r = inherit_all(layers, fs.v, n, err);
	layer_fds_close(&fs);
	return r;
}
