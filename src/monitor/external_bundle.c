/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Owns the bundle of another runtime: a mount namespace that the host does not
 * see, the root and the sources mounted in it, and config.json in words that
 * any runtime knows. See mount_namespaces(7), move_mount(2).
 */
#include "external.h"

#include <base/cleanup.h>
#include <base/path.h>
#include <base/str.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

/* What runtimes of the last years all accept; nothing newer is used. */
#define OCI_VERSION "1.0.2"

/* --- the namespace --- */

/*
 * The mount that holds the bundle becomes a slave: what is mounted below it
 * stays here. Everything else keeps its propagation, so that shared binds of
 * the container go on working.
 */
static int keep_from_host(const char *path, struct crl_err *err)
{
	_cleanup_free_ char *at = strdup(path);
	if (!at)
		return crl_fail_oom(err);
	for (;;) {
		struct statx st;
		if (statx(AT_FDCWD, at, AT_SYMLINK_NOFOLLOW, 0, &st) < 0)
			return crl_fail_sys(err, errno, "%s", at);
		if (st.stx_attributes & STATX_ATTR_MOUNT_ROOT)
			break;
		char *slash = strrchr(at, '/');
		slash[slash == at] = '\0';
	}
	return mount(NULL, at, NULL, MS_SLAVE, NULL) < 0
		       ? crl_fail_sys(err, errno, "propagation of %s", at)
		       : 0;
}

static int enter_namespace(struct external *x, struct crl_err *err)
{
	x->host_ns = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);
	if (x->host_ns < 0 || unshare(CLONE_NEWNS) < 0)
		return crl_fail_sys(err, errno, "mount namespace");
	return keep_from_host(x->bundle, err);
}

static int make_bundle(struct external *x, struct crl_err *err)
{
	struct crl_err ignored;
	(void)path_remove_tree(AT_FDCWD, x->bundle, &ignored);
	if (mkdir(x->bundle, 0711) < 0)
		return crl_fail_sys(err, errno, "%s", x->bundle);
	if (enter_namespace(x, err) < 0)
		return -1;
	x->dir_fd = open(x->bundle, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (x->dir_fd < 0 || mkdirat(x->dir_fd, "rootfs", 0755) < 0 ||
	    mkdirat(x->dir_fd, "state", 0700) < 0)
		return crl_fail_sys(err, errno, "%s", x->bundle);
	/* What the runtime leaves behind is ours to wait for. */
	return prctl(PR_SET_CHILD_SUBREAPER, 1) < 0 ? crl_fail_sys(err, errno, "child subreaper")
						    : 0;
}

/* --- mounts --- */

static int attach(const struct external *x, int tree, const char *name, bool is_dir,
		  struct crl_err *err)
{
	int r = is_dir ? mkdirat(x->dir_fd, name, 0755)
		       : mknodat(x->dir_fd, name, S_IFREG | 0600, 0);
	if (r < 0 && errno != EEXIST)
		return crl_fail_sys(err, errno, "%s", name);
	if (syscall(SYS_move_mount, tree, "", x->dir_fd, name, MOVE_MOUNT_F_EMPTY_PATH) < 0)
		return crl_fail_sys(err, errno, "mount %s", name);
	return 0;
}

static struct oci_mount *mount_at(const struct oci_spec *spec, const char *destination)
{
	for (size_t i = 0; i < spec->n_mounts; i++)
		if (str_eq(spec->mounts[i].destination, destination))
			return &spec->mounts[i];
	return NULL;
}

static int attach_sources(const struct external *x, const struct external_root *root,
			  struct crl_err *err)
{
	for (size_t i = 0; i < root->n_sources; i++) {
		struct oci_mount *m = mount_at(root->spec, root->sources[i].destination);
		_cleanup_free_ char *name = path_printf("source-%zu", i);
		struct stat st;
		if (!m || !name)
			return m ? crl_fail_oom(err) : 0;
		if (fstat(root->sources[i].fd, &st) < 0)
			return crl_fail_sys(err, errno, "source of %s", m->destination);
		if (attach(x, root->sources[i].fd, name, S_ISDIR(st.st_mode), err) < 0)
			return -1;
		free(m->source);
		if (!(m->source = path_printf("%s/%s", x->bundle, name)))
			return crl_fail_oom(err);
	}
	return 0;
}

/* "copyup" is a word of ours: done here, for runtimes that do not know it. */
static int copy_up_one(int root_fd, struct oci_mount *m, struct crl_err *err)
{
	_cleanup_close_ int from = -1, to = -1;
	struct crl_err ignored;
	size_t n = 0, kept = 0;
	for (; m->options[n]; n++) {
		if (str_eq(m->options[n], "copyup"))
			free(m->options[n]);
		else
			m->options[kept++] = m->options[n];
	}
	m->options[kept] = NULL;
	if (path_open_in_root(root_fd, m->destination, O_RDONLY | O_DIRECTORY, 0, &from, &ignored) <
	    0)
		return 0;
	to = open(m->source, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (to < 0)
		return crl_fail_sys(err, errno, "source %s", m->source);
	return crl_rt_copy_up(from, to, err);
}

static int copy_up_all(int root_fd, struct oci_spec *spec, struct crl_err *err)
{
	for (size_t i = 0; i < spec->n_mounts; i++)
		if (strv_contains(spec->mounts[i].options, "copyup") &&
		    copy_up_one(root_fd, &spec->mounts[i], err) < 0)
			return crl_context(err, "mount %s", spec->mounts[i].destination);
	return 0;
}

/* --- config.json --- */

static int set_netns(const struct external_root *root, struct crl_err *err)
{
	struct oci_linux *l = root->spec->linux_;
	for (size_t i = 0; root->netns_fd >= 0 && i < l->n_namespaces; i++) {
		if (!str_eq(l->namespaces[i].type, "network"))
			continue;
		free(l->namespaces[i].path);
		l->namespaces[i].path =
			path_printf("/proc/%d/fd/%d", (int)getpid(), root->netns_fd);
		if (!l->namespaces[i].path)
			return crl_fail_oom(err);
	}
	return 0;
}

static int replace(char **at, const char *value, struct crl_err *err)
{
	char *copy = strdup(value);
	if (!copy)
		return crl_fail_oom(err);
	free(*at);
	*at = copy;
	return 0;
}

/* Whether we hold a capability by its place in the kernel's list, which is its number. */
static bool can_give(const char *name)
{
	const char *const *all = crl_all_capabilities();
	for (int i = 0; all[i]; i++)
		if (str_eq(all[i], name))
			return prctl(PR_CAPBSET_READ, i, 0, 0, 0) == 1;
	return false;
}

static void limit_set(char **caps)
{
	size_t kept = 0;
	for (size_t i = 0; caps && caps[i]; i++) {
		if (can_give(caps[i]))
			caps[kept++] = caps[i];
		else
			free(caps[i]);
	}
	if (caps)
		caps[kept] = NULL;
}

void external_limit_caps(struct oci_process *p)
{
	struct oci_capabilities *c = p->capabilities;
	if (!c)
		return;
	limit_set(c->bounding);
	limit_set(c->effective);
	limit_set(c->inheritable);
	limit_set(c->permitted);
	limit_set(c->ambient);
}

static int write_config(const struct external *x, const struct external_root *root, int root_fd,
			struct crl_err *err)
{
	struct oci_spec *spec = root->spec;
	external_limit_caps(spec->process);
	if (!str_empty(root->user) &&
	    crl_rt_user(root_fd, root->user, root->group_add, &spec->process->user, NULL, err) < 0)
		return -1;
	if (set_netns(root, err) < 0 || replace(&spec->oci_version, OCI_VERSION, err) < 0 ||
	    (root->rootfs_fd >= 0 && replace(&spec->root->path, "rootfs", err) < 0))
		return -1;
	_cleanup_free_ char *text = json_encode(&oci_spec_json, spec);
	if (!text)
		return crl_fail_oom(err);
	return path_write_atomic(x->dir_fd, "config.json", text, strlen(text), 0600, false, err);
}

int external_bundle(struct external *x, const struct external_root *root, struct crl_err *err)
{
	_cleanup_close_ int root_fd = -1;
	if (!root->spec->linux_ || !root->spec->process || !root->spec->root)
		return crl_fail(err, CRL_INVALID, "config.json without process, root or linux");
	if (make_bundle(x, err) < 0)
		return -1;
	if (root->rootfs_fd >= 0 && attach(x, root->rootfs_fd, "rootfs", true, err) < 0)
		return -1;
	root_fd = root->rootfs_fd >= 0
			  ? openat(x->dir_fd, "rootfs", O_PATH | O_DIRECTORY | O_CLOEXEC)
			  : open(root->spec->root->path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root_fd < 0)
		return crl_fail_sys(err, errno, "root");
	if (attach_sources(x, root, err) < 0 || copy_up_all(root_fd, root->spec, err) < 0)
		return -1;
	return write_config(x, root, root_fd, err);
}
