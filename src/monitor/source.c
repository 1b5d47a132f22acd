/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See source.h. Containers write to volumes while this runs, and images come
 * from strangers: paths go through openat2(2) below a descriptor, and the
 * descriptor that was found is what is mounted. See open_tree(2), unshare(2).
 */
#include "source.h"

#include <base/cleanup.h>
#include <base/path.h>
#include <base/str.h>
#include <crun-lite/image.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define MS_PRIVATE_ (1UL << 18)

static int tree_of(int fd, bool below, int *ret, struct crl_err *err)
{
	unsigned flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH |
			 (below ? (unsigned)AT_RECURSIVE : 0);
	*ret = (int)syscall(SYS_open_tree, fd, "", flags);
	return *ret < 0 ? crl_fail_sys(err, errno, "clone the mount") : 0;
}

static int find(int root, const char *subpath, int *ret, struct crl_err *err)
{
	struct crl_err why = CRL_ERR_INIT;
	if (path_open_in_root(root, subpath, O_PATH, 0, ret, &why) == 0)
		return 0;
	if (why.sys == ENOENT || why.sys == ENOTDIR)
		return crl_fail(err, CRL_INVALID,
				"cannot access path %s: no such file or directory", subpath);
	*err = why;
	return crl_context(err, "cannot access path %s", subpath);
}

/* --- an image --- */

static int image_tree(const struct mon_source *s, const int *userns, int *ret, struct crl_err *err)
{
	_cleanup_close_ int fd = -1;
	if (strv_len(s->lowers) > 1 || userns) {
		struct crl_overlay o = {.lowers = s->lowers, .userns = userns};
		return crl_overlay_mount(&o, ret, err);
	}
	/* An overlay of one layer is no overlay, says the kernel. */
	fd = open(s->lowers[0], O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return crl_fail_sys(err, errno, "layer %s", s->lowers[0]);
	return tree_of(fd, false, ret, err);
}

struct inner {
	int image;
	int64_t peer; /* process whose mounts are looked at */
	const char *subpath;
	int tree;
	struct crl_err err;
};

/*
 * In a mount namespace of its own, which ends with this process: kernels before
 * 6.15 clone only from mounts that are attached somewhere.
 */
static void find_in_image(struct inner *x)
{
	_cleanup_close_ int found = -1;
	if (unshare(CLONE_NEWNS) < 0 || syscall(SYS_mount_setattr, AT_FDCWD, "/", AT_RECURSIVE,
						&(struct mount_attr){.propagation = MS_PRIVATE_},
						sizeof(struct mount_attr)) < 0) {
		crl_fail_sys(&x->err, errno, "mount namespace");
		return;
	}
	if (syscall(SYS_move_mount, x->image, "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH) < 0) {
		crl_fail_sys(&x->err, errno, "attach the image");
		return;
	}
	if (find(x->image, x->subpath, &found, &x->err) == 0)
		(void)tree_of(found, false, &x->tree, &x->err);
}

/*
 * A mount can be cloned only by who is in its namespace. What comes out is
 * detached, and belongs to nobody's.
 */
static void find_in_peer(struct inner *x)
{
	char path[48];
	snprintf(path, sizeof(path), "/proc/%lld/ns/mnt", (long long)x->peer);
	_cleanup_close_ int found = -1, root = -1, ns = open(path, O_RDONLY | O_CLOEXEC);
	if (ns < 0 || setns(ns, CLONE_NEWNS) < 0) {
		crl_fail_sys(&x->err, errno, "enter the other container's mounts");
		return;
	}
	root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root >= 0 && find(root, x->subpath, &found, &x->err) == 0)
		(void)tree_of(found, false, &x->tree, &x->err);
}

/* The table of descriptors is shared with the child, and a page: it leaves its result in both. */
static int find_in_child(const struct inner *what, void (*finder)(struct inner *), int *ret,
			 struct crl_err *err)
{
	struct inner *x =
		mmap(NULL, sizeof(*x), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (x == MAP_FAILED)
		return crl_fail_oom(err);
	*x = *what;
	x->tree = -1;
	pid_t pid = (pid_t)syscall(SYS_clone, CLONE_FILES | SIGCHLD, NULL, NULL, NULL, NULL);
	if (pid == 0) {
		finder(x);
		_exit(0);
	}
	int r = pid < 0 ? crl_fail_sys(err, errno, "clone") : 0;
	while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	if (r == 0 && x->tree < 0) {
		*err = x->err;
		r = err->code ? -1 : crl_fail(err, CRL_INTERNAL, "the mount's helper died");
	}
	*ret = x->tree;
	(void)munmap(x, sizeof(*x));
	return r;
}

static int open_peer(const struct mon_source *s, int *ret, struct crl_err *err)
{
	const struct inner what = {.peer = s->peer, .subpath = s->root};
	return find_in_child(&what, find_in_peer, ret, err);
}

static int open_image(const struct mon_source *s, const int *userns, int *ret, struct crl_err *err)
{
	_cleanup_close_ int image = -1;
	if (image_tree(s, userns, &image, err) < 0)
		return -1;
	if (str_empty(s->subpath)) {
		*ret = take_fd(&image);
		return 0;
	}
	const struct inner what = {.image = image, .subpath = s->subpath};
	return find_in_child(&what, find_in_image, ret, err);
}

/* --- a volume --- */

static int open_volume(const struct mon_source *s, int *ret, struct crl_err *err)
{
	_cleanup_close_ int found = -1, root = open(s->root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return crl_fail_sys(err, errno, "%s", s->root);
	if (find(root, str_empty(s->subpath) ? "." : s->subpath, &found, err) < 0)
		return -1;
	return tree_of(found, true, ret, err);
}

int source_open(const struct mon_source *s, const int *userns, int *ret_fd, struct crl_err *err)
{
	if (s->peer > 0)
		return open_peer(s, ret_fd, err);
	return strv_len(s->lowers) ? open_image(s, userns, ret_fd, err)
				   : open_volume(s, ret_fd, err);
}

int sources_open(const struct mon_source *s, size_t n, const int *userns,
		 struct crl_rt_source **ret, struct crl_err *err)
{
	struct crl_rt_source *out = n ? calloc(n, sizeof(*out)) : NULL;
	if (n && !out)
		return crl_fail_oom(err);
	for (size_t i = 0; i < n; i++) {
		out[i] = (struct crl_rt_source){.destination = s[i].destination, .fd = -1};
		if (source_open(&s[i], userns, &out[i].fd, err) == 0)
			continue;
		sources_close(out, i);
		return crl_context(err, "mount %s", s[i].destination);
	}
	*ret = out;
	return 0;
}

void sources_close(struct crl_rt_source *sources, size_t n)
{
	for (size_t i = 0; i < n && sources; i++)
		cleanup_close_p(&sources[i].fd);
	free(sources);
}
