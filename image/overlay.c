/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Overlay mounts, detached. Owns the choice between what kernels offer:
 * "lowerdir+" one layer at a time (6.8), one "lowerdir" string of at most 255
 * bytes through fsconfig, or mount(2) in a namespace of a short-lived child,
 * whose options fit one page. Layers are opened first and named through
 * /proc/self/fd, so that neither the length of a path nor a ":" or "," in it
 * matters. May not touch any other mount.
 * See fsopen(2), fsconfig(2), open_tree(2), Documentation/filesystems/overlayfs.rst.
 */
#include <crun-lite/image.h>

#include <base/fd.h>
#include <base/path.h>
#include <base/str.h>
#include <base/userns.h>

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>

#include "overlay.h"

#define FSCONFIG_VALUE_MAX 255 /* strndup_user() limit in fsconfig(2) */
#define MOUNT_PAGE_MAX 4095    /* mount(2) cuts longer options without a word */

/* An upper directory must stay a plain diff: no redirects, no metadata-only copies. */
static const char *const plain_options[][2] = {
	{"redirect_dir", "nofollow"},
	{"metacopy", "off"},
	{"index", "off"},
	{"xino", "off"},
};

struct layers {
	int *fds;
	size_t n;
	int upper, work; /* -1 when read-only */
};

static void layers_close(struct layers *l)
{
	for (size_t i = 0; i < l->n; i++)
		cleanup_close_p(&l->fds[i]);
	free(l->fds);
	cleanup_close_p(&l->upper);
	cleanup_close_p(&l->work);
}

static int open_one(const char *path, int *ret_fd, struct crl_err *err)
{
	int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return crl_fail_sys(err, errno, "%s", path);
	*ret_fd = fd;
	return 0;
}

/* A mount of its own over the layer, which may have other ids than the disk. */
static int open_mapped(const char *path, int userns, int *ret_fd, struct crl_err *err)
{
	_cleanup_close_ int tree = open_tree(AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);

	if (tree < 0)
		return crl_fail_sys(err, errno, "%s", path);
	if (userns_map_mount(tree, userns, false, path, err) < 0)
		return -1;
	*ret_fd = take_fd(&tree);
	return 0;
}

static const int *userns_of(const struct crl_overlay *o, size_t i)
{
	const int *fd = i == 0 && o->top_userns ? o->top_userns : o->userns;

	return fd && *fd >= 0 ? fd : NULL;
}

static bool is_mapped(const struct crl_overlay *o)
{
	return o->userns || o->top_userns;
}

static int open_lower(const struct crl_overlay *o, size_t i, int *ret_fd, struct crl_err *err)
{
	const int *userns = userns_of(o, i);

	return userns ? open_mapped(o->lowers[i], *userns, ret_fd, err)
		      : open_one(o->lowers[i], ret_fd, err);
}

static int layers_open(const struct crl_overlay *o, struct layers *l, struct crl_err *err)
{
	size_t n = strv_len(o->lowers);

	l->fds = calloc(n + 1, sizeof(int));
	if (!l->fds)
		return crl_fail_oom(err);
	for (; l->n < n; l->n++)
		if (open_lower(o, l->n, &l->fds[l->n], err) < 0)
			return -1;
	if (!o->upper)
		return 0;
	if (open_one(o->upper, &l->upper, err) < 0)
		return -1;
	return open_one(o->work, &l->work, err);
}

/* The kernel explains a refused overlay only through the fs descriptor. */
static int fail_fs(int fs, int sys, const char *what, struct crl_err *err)
{
	char text[256];
	ssize_t n = read(fs, text, sizeof(text) - 1);

	if (n <= 0)
		return crl_fail_sys(err, sys, "%s", what);
	while (n > 0 && text[n - 1] == '\n')
		n--;
	text[n] = '\0';
	return crl_fail_sys(err, sys, "%s: %s", what,
			    strncmp(text, "e ", 2) == 0 ? text + 2 : text);
}

static int set_string(int fs, const char *key, const char *value)
{
	return fsconfig(fs, FSCONFIG_SET_STRING, key, value, 0) < 0 ? -errno : 0;
}

static int set_fd_path(int fs, const char *key, int fd)
{
	char path[40];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return set_string(fs, key, path);
}

/* -EINVAL from the very first one means that the kernel (6.5 to 6.7) does not know "lowerdir+". */
static int set_lowers_one_by_one(int fs, const struct layers *l)
{
	for (size_t i = 0; i < l->n; i++) {
		int r = set_fd_path(fs, "lowerdir+", l->fds[i]);
		if (r < 0)
			return r;
	}
	return 0;
}

static char *joined_lowers(const struct layers *l)
{
	struct buf b = BUF_INIT;

	for (size_t i = 0; i < l->n; i++)
		buf_printf(&b, "%s/proc/self/fd/%d", i ? ":" : "", l->fds[i]);
	return buf_take(&b);
}

static int set_common(int fs, const struct crl_overlay *o, const struct layers *l)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(plain_options); i++)
		r = set_string(fs, plain_options[i][0], plain_options[i][1]);
	if (r == 0 && o->upper)
		r = set_fd_path(fs, "upperdir", l->upper);
	if (r == 0 && o->upper)
		r = set_fd_path(fs, "workdir", l->work);
	if (r == 0 && o->upper && o->is_volatile)
		r = fsconfig(fs, FSCONFIG_SET_FLAG, "volatile", NULL, 0) < 0 ? -errno : 0;
	return r;
}

/*
 * Before 6.5 overlay sees its options only at the creation: "lowerdir+" is
 * taken without a word and refused there, by the same EINVAL as any other.
 */
static int create_fs(int fs, const struct crl_overlay *o, enum overlay_way way, struct crl_err *err)
{
	if (fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) == 0)
		return 0;
	int sys = errno;
	if (way == OVERLAY_LOWERDIR_PLUS && sys == EINVAL)
		return crl_fail(err, CRL_UNSUPPORTED, "lowerdir+");
	/* Layers that are mounted nowhere are taken since 6.15 only. */
	if (is_mapped(o) && sys == EINVAL)
		return crl_fail(err, CRL_UNSUPPORTED, "detached layers");
	return fail_fs(fs, sys, "overlay", err);
}

static int mount_fs(int fs, const struct crl_overlay *o, const struct layers *l,
		    enum overlay_way way, int *ret_fd, struct crl_err *err)
{
	int r = set_common(fs, o, l);

	if (r == 0)
		r = set_string(fs, "source", "overlay");
	if (r < 0)
		return fail_fs(fs, -r, "overlay options", err);
	if (create_fs(fs, o, way, err) < 0)
		return -1;
	int fd = fsmount(fs, FSMOUNT_CLOEXEC, o->upper ? 0 : MOUNT_ATTR_RDONLY);
	if (fd < 0)
		return fail_fs(fs, errno, "fsmount overlay", err);
	*ret_fd = fd;
	return 0;
}

static char *mount_options(const struct crl_overlay *o, const struct layers *l)
{
	_cleanup_free_ char *lowers = joined_lowers(l);
	struct buf b = BUF_INIT;

	if (!lowers)
		return NULL;
	buf_printf(&b, "lowerdir=%s", lowers);
	for (size_t i = 0; i < ARRAY_SIZE(plain_options); i++)
		buf_printf(&b, ",%s=%s", plain_options[i][0], plain_options[i][1]);
	if (o->upper)
		buf_printf(&b, ",upperdir=/proc/self/fd/%d,workdir=/proc/self/fd/%d%s", l->upper,
			   l->work, o->is_volatile ? ",volatile" : "");
	return buf_take(&b);
}

/* Mapped layers go where they came from, in the child's namespace: the kernel wants them mounted.
 */
static int attach_mapped(const struct crl_overlay *o, const struct layers *l, struct crl_err *err)
{
	for (size_t i = 0; i < l->n; i++)
		if (userns_of(o, i) &&
		    move_mount(l->fds[i], "", AT_FDCWD, o->lowers[i], MOVE_MOUNT_F_EMPTY_PATH) < 0)
			return crl_fail_sys(err, errno, "attach %s", o->lowers[i]);
	return 0;
}

static int fail_mount(const struct crl_overlay *o, int sys, struct crl_err *err)
{
	if (is_mapped(o) && sys == EINVAL)
		return crl_fail(err, CRL_KERNEL,
				"layers with mapped user ids are not taken by this kernel (Linux "
				"5.19 does): use --userns=host");
	return crl_fail_sys(err, sys, "mount(2)");
}

/*
 * In the child: a private namespace, the mount over the folder of a layer, a
 * detached copy of it. The layers are opened anew, since the kernel refuses
 * folders that belong to another mount namespace.
 */
static int child_mount(const struct crl_overlay *o, int *ret_fd, struct crl_err *err)
{
	_cleanup_(layers_close) struct layers l = {.upper = -1, .work = -1};
	const char *at = o->lowers[0];

	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return crl_fail_sys(err, errno, "mount namespace");
	if (layers_open(o, &l, err) < 0 || attach_mapped(o, &l, err) < 0)
		return -1;
	_cleanup_free_ char *options = mount_options(o, &l);
	if (!options)
		return crl_fail_oom(err);
	if (strlen(options) > MOUNT_PAGE_MAX)
		return crl_fail(err, CRL_LIMIT, "%zu layers are too many for this kernel", l.n);
	if (mount("overlay", at, "overlay", o->upper ? 0 : MS_RDONLY, options) < 0)
		return fail_mount(o, errno, err);
	*ret_fd = open_tree(AT_FDCWD, at, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	return *ret_fd < 0 ? crl_fail_sys(err, errno, "open_tree") : 0;
}

static void child_main(const struct crl_overlay *o, int sock)
{
	struct crl_err result = CRL_ERR_INIT, ignored;
	int fd = -1;

	(void)child_mount(o, &fd, &result);
	(void)fd_send_msg(sock, &result, sizeof(result), &fd, fd < 0 ? 0 : 1, &ignored);
	_exit(0);
}

static int receive_mount(int sock, int *ret_fd, struct crl_err *err)
{
	struct crl_err result = CRL_ERR_INIT;
	size_t len = 0, nfds = 0;
	int fd = -1;

	if (fd_recv_msg(sock, &result, sizeof(result), &len, &fd, 1, &nfds, err) < 0)
		return -1;
	if (len == sizeof(result) && result.code != CRL_OK) {
		if (err)
			*err = result;
		return crl_context(err, "overlay");
	}
	if (len != sizeof(result) || nfds != 1)
		return crl_fail(err, CRL_INTERNAL, "overlay: the child that mounts it died");
	*ret_fd = fd;
	return 0;
}

static int mount_in_child(const struct crl_overlay *o, int *ret_fd, struct crl_err *err)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return crl_fail_sys(err, errno, "socketpair");
	_cleanup_close_ int ours = pair[0];
	_cleanup_close_ int theirs = pair[1];
	pid_t pid = fork();
	if (pid < 0)
		return crl_fail_sys(err, errno, "fork");
	if (pid == 0)
		child_main(o, theirs);
	close(take_fd(&theirs));
	int r = receive_mount(ours, ret_fd, err);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	return r;
}

/* A lone lower layer without an upper is no overlay for the kernel: a read-only clone of it is the
 * same. One with mapped ids is a clone already. */
static int clone_single(int layer, bool mapped, int *ret_fd, struct crl_err *err)
{
	struct mount_attr attr = {.attr_set = MOUNT_ATTR_RDONLY};
	_cleanup_close_ int fd =
		mapped ? fcntl(layer, F_DUPFD_CLOEXEC, 3)
		       : open_tree(layer, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);

	if (fd < 0)
		return crl_fail_sys(err, errno, "open_tree of the layer");
	if (mount_setattr(fd, "", AT_EMPTY_PATH, &attr, sizeof(attr)) < 0)
		return crl_fail_sys(err, errno, "mount_setattr read-only");
	*ret_fd = take_fd(&fd);
	return 0;
}

static int set_joined(int fs, const struct layers *l, struct crl_err *err)
{
	_cleanup_free_ char *joined = joined_lowers(l);

	if (!joined)
		return crl_fail_oom(err);
	if (strlen(joined) > FSCONFIG_VALUE_MAX)
		return crl_fail(err, CRL_UNSUPPORTED, "too many layers for one option");
	int r = set_string(fs, "lowerdir", joined);
	return r < 0 ? fail_fs(fs, -r, "lowerdir", err) : 0;
}

static int mount_with_fsconfig(const struct crl_overlay *o, const struct layers *l,
			       enum overlay_way way, int *ret_fd, struct crl_err *err)
{
	_cleanup_close_ int fs = fsopen("overlay", FSOPEN_CLOEXEC);

	if (fs < 0 && errno == ENODEV)
		return crl_fail(err, CRL_UNSUPPORTED,
				"this kernel has no overlay file system (modprobe overlay)");
	if (fs < 0)
		return crl_fail_sys(err, errno, "fsopen overlay");
	if (way == OVERLAY_LOWERDIR_PLUS) {
		int r = set_lowers_one_by_one(fs, l);
		if (r == -EINVAL)
			return crl_fail(err, CRL_UNSUPPORTED, "lowerdir+");
		if (r < 0)
			return fail_fs(fs, -r, "lowerdir+", err);
	} else if (set_joined(fs, l, err) < 0) {
		return -1;
	}
	return mount_fs(fs, o, l, way, ret_fd, err);
}

static int mount_by(const struct crl_overlay *o, const struct layers *l, enum overlay_way way,
		    int *ret_fd, struct crl_err *err)
{
	if (l->n == 0)
		return crl_fail(err, CRL_INVALID, "overlay: no layer");
	if (l->n == 1 && !o->upper)
		return clone_single(l->fds[0], userns_of(o, 0) != NULL, ret_fd, err);
	if (way == OVERLAY_CHILD)
		return mount_in_child(o, ret_fd, err);
	return mount_with_fsconfig(o, l, way, ret_fd, err);
}

int overlay_mount_by(const struct crl_overlay *o, enum overlay_way way, int *ret_fd,
		     struct crl_err *err)
{
	_cleanup_(layers_close) struct layers l = {.upper = -1, .work = -1};

	if (layers_open(o, &l, err) < 0)
		return -1;
	return mount_by(o, &l, way, ret_fd, err);
}

/* Layers that are mounted nowhere are taken since 6.15: before, two attempts would be in vain. */
static enum overlay_way first_way(const struct crl_overlay *o)
{
	struct utsname u;
	unsigned major = 0, minor = 0;

	if (!is_mapped(o) || uname(&u) < 0 || sscanf(u.release, "%u.%u", &major, &minor) != 2)
		return OVERLAY_LOWERDIR_PLUS;
	return major > 6 || (major == 6 && minor >= 15) ? OVERLAY_LOWERDIR_PLUS : OVERLAY_CHILD;
}

int crl_overlay_mount(const struct crl_overlay *o, int *ret_fd, struct crl_err *err)
{
	_cleanup_(layers_close) struct layers l = {.upper = -1, .work = -1};

	if (layers_open(o, &l, err) < 0)
		return -1;
	for (enum overlay_way way = first_way(o); way < OVERLAY_CHILD; way++) {
		struct crl_err why = CRL_ERR_INIT;
		if (mount_by(o, &l, way, ret_fd, &why) == 0)
			return 0;
		if (why.code != CRL_UNSUPPORTED) {
			if (err)
				*err = why;
			return -1;
		}
		/* What failed has marked the work folder already, and the mark would fail the next.
		 */
		if (is_mapped(o) && o->is_volatile)
			crl_overlay_forget_volatile(o->work);
	}
	return mount_by(o, &l, OVERLAY_CHILD, ret_fd, err);
}

int crl_overlay_unshift(const char *upper, int inverse_userns, int *ret_fd, struct crl_err *err)
{
	char *lowers[] = {(char *)(uintptr_t)upper, NULL};
	const struct crl_overlay o = {.lowers = lowers, .top_userns = &inverse_userns};

	return crl_overlay_mount(&o, ret_fd, err);
}

void crl_overlay_forget_volatile(const char *work)
{
	_cleanup_free_ char *inner = work ? path_printf("%s/work", work) : NULL;
	_cleanup_close_ int fd = inner ? open(inner, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;

	if (fd >= 0)
		(void)path_remove_tree(fd, "incompat", NULL);
}
