/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The container's /dev is opened once, as a real directory and not a symlink,
 * and everything happens below that descriptor: an image whose /dev is a link
 * would otherwise have nodes made on the host (CVE-2026-41579, CVE-2026-47766).
 * See mknodat(2), pts(4), ioctl_tty(2).
 */
#include "dev.h"
#include "mounts.h"
#include "sys.h"
#include <base/path.h>
#include <base/userns.h>
#include <errno.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <termios.h>

static const struct {
	const char *name;
	unsigned major, minor;
} nodes[] = {
	{"null", 1, 3},   {"zero", 1, 5},    {"full", 1, 7},
	{"random", 1, 8}, {"urandom", 1, 9}, {"tty", 5, 0},
};

static const struct {
	const char *name, *target;
} links[] = {
	{"fd", "/proc/self/fd"},       {"stdin", "/proc/self/fd/0"}, {"stdout", "/proc/self/fd/1"},
	{"stderr", "/proc/self/fd/2"}, {"core", "/proc/kcore"},
};

bool dev_wanted(const void *ctx)
{
	/* A /dev of the host bound over everything is complete, and not ours to change. */
	return !((const struct crl_rt *)ctx)->dev_is_bind;
}

static int open_dev(struct crl_rt *rt, struct crl_err *err)
{
	if (mkdirat(rt->p.root_fd, "dev", 0755) < 0 && errno != EEXIST && errno != EROFS)
		return crl_fail_sys(err, errno, "make /dev");
	int fd = sys_openat2(rt->p.root_fd, "dev", O_PATH | O_DIRECTORY,
			     RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS);
	if (fd < 0 && (errno == ELOOP || errno == ENOTDIR))
		return crl_fail(err, CRL_FORBIDDEN,
				"/dev must be an ordinary directory in the image");
	if (fd < 0)
		return crl_fail_sys(err, errno, "open /dev");
	rt->dev_fd = fd;
	return 0;
}

/* Whether `name` is that device already; -1 when it is something else. */
static int same_device(int dir, const char *name, mode_t type, dev_t dev)
{
	struct stat st;
	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return -1;
	return (st.st_mode & S_IFMT) == type && (type == S_IFIFO || st.st_rdev == dev) ? 0 : -1;
}

/* The name itself, made when missing and never followed. What it is, the caller judges. */
static int file_to_cover(int dir, const char *name, mode_t mode)
{
	int made = openat(dir, name, O_CREAT | O_EXCL | O_NOFOLLOW | O_WRONLY | O_CLOEXEC, mode);
	if (made >= 0)
		close(made);
	return openat(dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
}

/* Where mknod is not allowed or the name is taken by a file: the host's node, checked, bound on it.
 */
static int bind_node(int dir, const char *name, const char *host, mode_t type, dev_t dev,
		     struct crl_err *err)
{
	_cleanup_close_ int source = open(host, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;
	if (source < 0 || fstat(source, &st) < 0)
		return crl_fail_sys(err, errno, "%s", host);
	if ((st.st_mode & S_IFMT) != type || st.st_rdev != dev)
		return crl_fail(err, CRL_FORBIDDEN, "%s is not device %u:%u", host, major(dev),
				minor(dev));
	_cleanup_close_ int target = file_to_cover(dir, name, 0644);
	if (target < 0 || fstat(target, &st) < 0)
		return crl_fail_sys(err, errno, "open /dev/%s", name);
	if (!S_ISREG(st.st_mode))
		return crl_fail(err, CRL_FORBIDDEN,
				"/dev/%s in the image is neither the device nor a "
				"plain file",
				name);
	_cleanup_close_ int tree = sys_clone_tree(source, 0);
	if (tree < 0 || sys_attach(tree, target) < 0)
		return crl_fail_sys(err, errno, "bind /dev/%s", name);
	return 0;
}

static int make_node(int dir, const char *name, const char *host, mode_t mode, dev_t dev,
		     struct crl_err *err)
{
	if (mknodat(dir, name, mode, dev) == 0)
		return 0;
	int sys = errno;
	if (sys == EEXIST && same_device(dir, name, mode & S_IFMT, dev) == 0)
		return 0;
	if (sys != EEXIST && sys != EPERM)
		return crl_fail_sys(err, sys, "make node %s", name);
	return bind_node(dir, name, host, mode & S_IFMT, dev, err);
}

static mode_t type_of(const char *type)
{
	switch (type[0]) {
	case 'c':
	case 'u': return S_IFCHR;
	case 'b': return S_IFBLK;
	case 'p': return S_IFIFO;
	default: return 0;
	}
}

/* linux.devices: anywhere in the root, usually below /dev. */
static int make_asked(struct crl_rt *rt, const struct oci_device *d, struct crl_err *err)
{
	mode_t type = type_of(d->type);
	if (!type || d->type[1] || d->path[0] != '/')
		return crl_fail(err, CRL_INVALID, "type \"%s\"", d->type);
	_cleanup_free_ char *clean = path_clean(d->path);
	if (!clean)
		return crl_fail_oom(err);
	char *base = strrchr(clean, '/');
	*base++ = '\0';
	_cleanup_close_ int parent = -1;
	if (path_mkdir_in_root(rt->p.root_fd, *clean ? clean : "/", 0755, &parent, err) < 0)
		return -1;
	mode_t mode = type | (mode_t)(d->file_mode.set ? d->file_mode.v & 07777 : 0666);
	if (make_node(parent, base, d->path, mode, makedev((unsigned)d->major, (unsigned)d->minor),
		      err) < 0)
		return -1;
	if (!d->uid.v && !d->gid.v)
		return 0;
	/* Only a node of the container's own: a bound one is the host's (CVE-2026-88265). */
	struct stat st, parent_st;
	if (fstatat(parent, base, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    fstat(parent, &parent_st) == 0 && st.st_dev == parent_st.st_dev &&
	    fchownat(parent, base, (uid_t)d->uid.v, (gid_t)d->gid.v, AT_SYMLINK_NOFOLLOW) < 0)
		return crl_fail_sys(err, errno, "chown");
	return 0;
}

/* EPERM: a host that may not make nodes itself; then those of the host are bound, from inside. */
static int fill_one(struct crl_rt *rt, int dir, const char *name, mode_t mode, dev_t dev,
		    uint32_t uid, uint32_t gid, struct crl_err *err)
{
	if (mknodat(dir, name, mode, dev) < 0)
		return errno == EPERM || errno == EEXIST ? 0
							 : crl_fail_sys(err, errno, "make node");
	const struct oci_linux *l = rt->spec->linux_;
	int64_t u = userns_to_host(l->uid_mappings, l->n_uid_mappings, uid);
	int64_t g = userns_to_host(l->gid_mappings, l->n_gid_mappings, gid);
	if (fchownat(dir, name, u < 0 ? rt->root_uid : (uid_t)u, g < 0 ? rt->root_gid : (gid_t)g,
		     AT_SYMLINK_NOFOLLOW) < 0)
		return crl_fail_sys(err, errno, "owner");
	return 0;
}

static int fill_asked(struct crl_rt *rt, int dir, const struct oci_device *d, struct crl_err *err)
{
	mode_t type = type_of(d->type), mode = d->file_mode.set ? d->file_mode.v & 07777 : 0666;
	_cleanup_free_ char *clean = path_clean(d->path);
	if (!clean)
		return crl_fail_oom(err);
	/* Elsewhere and in folders the child sees to it, by binding the host's node. */
	if (!type || d->type[1] || !str_starts(clean, "/dev/") || strchr(clean + 5, '/'))
		return 0;
	return fill_one(rt, dir, clean + 5, type | mode,
			makedev((unsigned)d->major, (unsigned)d->minor), (uint32_t)d->uid.v,
			(uint32_t)d->gid.v, err);
}

int dev_fill(struct crl_rt *rt, int dir, struct crl_err *err)
{
	const struct oci_linux *l = rt->spec->linux_;
	mode_t mask = umask(0);
	int r = 0;
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(nodes); i++)
		if ((r = fill_one(rt, dir, nodes[i].name, S_IFCHR | 0666,
				  makedev(nodes[i].major, nodes[i].minor), 0, 0, err)) < 0)
			crl_context(err, "/dev/%s", nodes[i].name);
	for (size_t i = 0; r == 0 && i < l->n_devices; i++)
		if ((r = fill_asked(rt, dir, &l->devices[i], err)) < 0)
			crl_context(err, "device %s", l->devices[i].path);
	umask(mask);
	return r;
}

int dev_nodes(void *ctx, struct crl_err *err)
{
	struct crl_rt *rt = ctx;
	if (open_dev(rt, err) < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_SIZE(nodes); i++) {
		char host[32];
		snprintf(host, sizeof(host), "/dev/%s", nodes[i].name);
		if (make_node(rt->dev_fd, nodes[i].name, host, S_IFCHR | 0666,
			      makedev(nodes[i].major, nodes[i].minor), err) < 0)
			return -1;
	}
	const struct oci_linux *l = rt->spec->linux_;
	for (size_t i = 0; l && i < l->n_devices; i++)
		if (make_asked(rt, &l->devices[i], err) < 0)
			return crl_context(err, "device %s", l->devices[i].path);
	return 0;
}

int dev_links(void *ctx, struct crl_err *err)
{
	struct crl_rt *rt = ctx;
	for (size_t i = 0; i < ARRAY_SIZE(links); i++)
		if (symlinkat(links[i].target, rt->dev_fd, links[i].name) < 0 && errno != EEXIST)
			return crl_fail_sys(err, errno, "link /dev/%s", links[i].name);
	if (rt->p.devpts_fd < 0)
		return 0;
	/* The host's 5:2 node would reach the host's ptys; this one leads to the container's own.
	 */
	if (symlinkat("pts/ptmx", rt->dev_fd, "ptmx") == 0)
		return 0;
	if (errno != EEXIST || unlinkat(rt->dev_fd, "ptmx", 0) < 0 ||
	    symlinkat("pts/ptmx", rt->dev_fd, "ptmx") < 0)
		return crl_fail_sys(err, errno, "link /dev/ptmx");
	return 0;
}

int dev_open_null(int *ret_fd, struct crl_err *err)
{
	_cleanup_close_ int fd = open("/dev/null", O_PATH | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;
	if (fd < 0 || fstat(fd, &st) < 0)
		return crl_fail_sys(err, errno, "/dev/null");
	/* Never trust the name: a mask made of something else would be no mask (CVE-2025-31133). */
	if (!S_ISCHR(st.st_mode) || st.st_rdev != makedev(1, 3))
		return crl_fail(err, CRL_FORBIDDEN, "/dev/null of the host is not device 1:3");
	*ret_fd = take_fd(&fd);
	return 0;
}

static void set_size(int fd, const struct oci_box *size)
{
	if (!size || size->height > UINT16_MAX || size->width > UINT16_MAX)
		return;
	struct winsize w = {.ws_row = (unsigned short)size->height,
			    .ws_col = (unsigned short)size->width};
	ioctl(fd, TIOCSWINSZ, &w);
}

int dev_new_pty(int devpts_fd, const struct oci_process *process, int *ret_master, int *ret_slave,
		struct crl_err *err)
{
	_cleanup_close_ int master =
		sys_openat2(devpts_fd, "ptmx", O_RDWR | O_NOCTTY,
			    RESOLVE_BENEATH | RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS);
	if (master < 0)
		return crl_fail_sys(err, errno, "open ptmx of the container's devpts");
	int unlock = 0;
	if (ioctl(master, TIOCSPTLCK, &unlock) < 0)
		return crl_fail_sys(err, errno, "unlock the pty");
	/* The other end of this very pty, not a path somebody may have replaced (CVE-2025-52565).
	 */
	int slave = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (slave < 0)
		return crl_fail_sys(err, errno, "TIOCGPTPEER");
	set_size(master, process->console_size);
	*ret_master = take_fd(&master);
	*ret_slave = slave;
	return 0;
}

bool dev_console_wanted(const void *ctx)
{
	const struct crl_rt *rt = ctx;
	return rt->spec->process && rt->spec->process->terminal;
}

/* /dev/console shows the same pty, bound by its descriptor onto a file we make ourselves. */
static int bind_console(struct crl_rt *rt, struct crl_err *err)
{
	_cleanup_close_ int target = file_to_cover(rt->dev_fd, "console", 0600);
	struct stat st;
	if (target < 0 || fstat(target, &st) < 0)
		return crl_fail_sys(err, errno, "open /dev/console");
	if (!S_ISREG(st.st_mode) && !S_ISCHR(st.st_mode))
		return crl_fail(err, CRL_FORBIDDEN,
				"/dev/console in the image is not a plain file");
	_cleanup_close_ int tree = sys_clone_tree(rt->p.pty_slave, 0);
	if (tree < 0 || sys_attach(tree, target) < 0)
		return crl_fail_sys(err, errno, "bind /dev/console");
	return 0;
}

int dev_console(void *ctx, struct crl_err *err)
{
	struct crl_rt *rt = ctx;
	if (rt->p.devpts_fd < 0)
		return crl_fail(err, CRL_INVALID, "process.terminal needs a devpts mount");
	if (dev_new_pty(rt->p.devpts_fd, rt->spec->process, &rt->p.pty_master, &rt->p.pty_slave,
			err) < 0)
		return -1;
	return rt->dev_fd >= 0 ? bind_console(rt, err) : 0;
}
