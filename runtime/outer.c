/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See outer.h. May not run anything of the image. */
#include "outer.h"
#include "dev.h"
#include "message.h"
#include "mounts.h"
#include "namespaces.h"
#include "process.h"
#include "root.h"
#include "sys.h"
#include <base/path.h>
#include <errno.h>
#include <signal.h>
#include <sys/stat.h>

/* --- the namespace --- */

bool outer_userns_wanted(const void *ctx)
{
	const struct crl_rt *rt = ctx;
	return rt->opt.userns_fd >= 0 || namespaces_own(&rt->ns, NS_USER);
}

struct userns_map outer_map(const struct crl_rt *rt)
{
	const struct oci_linux *l = rt->spec->linux_;
	return (struct userns_map){.uids = l->uid_mappings,
				   .gids = l->gid_mappings,
				   .n_uids = l->n_uid_mappings,
				   .n_gids = l->n_gid_mappings};
}

static int take_userns(struct crl_rt *rt, struct crl_err *err)
{
	const struct userns_map map = outer_map(rt);
	rt->userns_fd = rt->opt.userns_fd >= 0 ? rt->opt.userns_fd : rt->ns.join[NS_USER];
	if (rt->userns_fd >= 0)
		return 0;
	if (userns_new(&map, &rt->userns_fd, err) < 0)
		return -1;
	rt->userns_owned = true;
	return 0;
}

int outer_userns(void *ctx, struct crl_err *err)
{
	struct crl_rt *rt = ctx;
	const struct userns_map map = outer_map(rt);
	if (take_userns(rt, err) < 0)
		return -1;
	/* "Joining" the one we are in is an error for the kernel; for the caller it is none. */
	if (userns_is_own(rt->userns_fd)) {
		rt->userns_fd = -1;
		return 0;
	}
	int64_t uid = userns_to_host(map.uids, map.n_uids, 0);
	int64_t gid = userns_to_host(map.gids, map.n_gids, 0);
	rt->root_uid = (uint32_t)uid;
	rt->root_gid = (uint32_t)gid;
	if ((uid < 0 || gid < 0) &&
	    userns_root(rt->userns_fd, &rt->root_uid, &rt->root_gid, err) < 0)
		return -1;
	process_own_stdio(rt->p.stdio, rt->root_uid, rt->root_gid);
	return 0;
}

/* --- mounts --- */

static bool wants_map(const struct oci_mount *m)
{
	return m->n_uid_mappings || m->n_gid_mappings || strv_contains(m->options, "idmap") ||
	       strv_contains(m->options, "ridmap");
}

int outer_check_mount(const struct crl_rt *rt, const struct oci_mount *m, struct crl_err *err)
{
	if (!wants_map(m))
		return 0;
	if (!mounts_is_bind(m))
		return crl_fail(err, CRL_UNSUPPORTED,
				"mount %s: id mappings are offered for bind mounts only",
				m->destination);
	if (!m->n_uid_mappings && !m->n_gid_mappings) {
		if (outer_userns_wanted(rt))
			return 0;
		return crl_fail(err, CRL_INVALID,
				"mount %s: option idmap needs uidMappings and gidMappings, or a "
				"container with a user namespace",
				m->destination);
	}
	const struct userns_map map = {.uids = m->uid_mappings,
				       .gids = m->gid_mappings,
				       .n_uids = m->n_uid_mappings,
				       .n_gids = m->n_gid_mappings};
	return userns_check(&map, err) < 0 ? crl_context(err, "mount %s", m->destination) : 0;
}

int outer_map_mount(const struct crl_rt *rt, const struct oci_mount *m,
		    const struct mount_options *o, int tree, struct crl_err *err)
{
	_cleanup_close_ int own = -1;
	if (!wants_map(m))
		return 0;
	const struct userns_map map = {.uids = m->uid_mappings,
				       .gids = m->gid_mappings,
				       .n_uids = m->n_uid_mappings,
				       .n_gids = m->n_gid_mappings};
	if (map.n_uids && userns_new(&map, &own, err) < 0)
		return -1;
	/* One that is the host's: nothing to map. */
	if (own < 0 && rt->userns_fd < 0)
		return 0;
	return userns_map_mount(tree, own >= 0 ? own : rt->userns_fd, o->idmap_below, m->source,
				err);
}

bool outer_mounts_wanted(const void *ctx)
{
	const struct crl_rt *rt = ctx;
	if (outer_userns_wanted(rt))
		return true;
	for (size_t i = 0; i < rt->spec->n_mounts; i++)
		if (wants_map(&rt->spec->mounts[i]))
			return true;
	return false;
}

/*
 * A tmpfs made inside of a user namespace has no devices, whatever is in it; made here it has, and
 * the nodes can belong to the container's root. mknod stays refused inside: that asks for a right
 * on the host.
 */
static int new_dev(struct crl_rt *rt, const struct oci_mount *m, struct bind_source *b,
		   struct crl_err *err)
{
	_cleanup_mount_options_ struct mount_options o = {0};
	_cleanup_close_ int tree = -1;
	if (mount_options_parse(m->options, &o, err) < 0 ||
	    mounts_new_filesystem("tmpfs", m, &o, &tree, err) < 0)
		return -1;
	_cleanup_close_ int dir = openat(tree, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0 || fchown(dir, rt->root_uid, rt->root_gid) < 0)
		return crl_fail_sys(err, errno, "owner of /dev");
	if (dev_fill(rt, dir, err) < 0)
		return -1;
	*b = (struct bind_source){.fd = take_fd(&tree), .is_dir = true};
	return 0;
}

static int add_dev(struct crl_rt *rt, struct crl_err *err)
{
	for (size_t i = 0; i < rt->spec->n_mounts; i++) {
		const struct oci_mount *m = &rt->spec->mounts[i];
		if (rt->binds[i].fd < 0 && str_eq(m->destination, "/dev") &&
		    str_eq(m->type, "tmpfs"))
			return new_dev(rt, m, &rt->binds[i], err);
	}
	return 0;
}

int outer_mounts(void *ctx, struct crl_err *err)
{
	struct crl_rt *rt = ctx;
	if (rt->spec->n_mounts && mounts_clone_sources(rt, err) < 0)
		return -1;
	if (rt->userns_fd < 0)
		return 0;
	if (rt->opt.rootfs_fd < 0 && root_clone(rt, err) < 0)
		return -1;
	return rt->spec->n_mounts ? add_dev(rt, err) : 0;
}

void outer_close(struct crl_rt *rt)
{
	for (size_t i = 0; rt->binds && i < rt->spec->n_mounts; i++)
		cleanup_close_p(&rt->binds[i].fd);
	free(take_ptr(rt->binds));
	if (rt->root_tree_owned)
		close(rt->root_tree);
	rt->root_tree_owned = false;
	rt->root_tree = -1;
	if (rt->userns_owned)
		close(rt->userns_fd);
	rt->userns_owned = false;
	rt->userns_fd = -1;
}

/* --- cgroup --- */

/* The specification's conditions: an own view of cgroup2, mounted writable. */
bool outer_cgroup_wanted(const void *ctx)
{
	const struct crl_rt *rt = ctx;
	if (rt->userns_fd < 0 || !rt->cgroup_made || !namespaces_own(&rt->ns, NS_CGROUP))
		return false;
	for (size_t i = 0; i < rt->spec->n_mounts; i++) {
		const struct oci_mount *m = &rt->spec->mounts[i];
		if (str_eq(m->type, "cgroup") || str_eq(m->type, "cgroup2"))
			return !strv_contains(m->options, "ro");
	}
	return false;
}

int outer_cgroup(void *ctx, struct crl_err *err)
{
	struct crl_rt *rt = ctx;
	_cleanup_free_ char *list = NULL;
	size_t len = 0;
	struct crl_err ignored;
	if (fchown(rt->cgroup_fd, rt->root_uid, rt->root_gid) < 0)
		return crl_fail_sys(err, errno, "owner of %s", rt->cgroup_path);
	/* What the kernel lets be handed down; its own limits are not among it. */
	if (path_read_file(AT_FDCWD, "/sys/kernel/cgroup/delegate", 4096, &list, &len, &ignored) <
	    0)
		list = strdup("cgroup.procs\ncgroup.subtree_control\ncgroup.threads\n");
	_cleanup_strv_ char **files = strv_split(list, "\n", false);
	if (!list || !files)
		return crl_fail_oom(err);
	for (char **f = files; *f; f++)
		if (fchownat(rt->cgroup_fd, *f, rt->root_uid, rt->root_gid, AT_SYMLINK_NOFOLLOW) <
			    0 &&
		    errno != ENOENT)
			return crl_fail_sys(err, errno, "owner of %s/%s", rt->cgroup_path, *f);
	return 0;
}

/* --- the process in between --- */

static int step_join(void *ctx, struct crl_err *err)
{
	struct crl_rt *rt = ctx;
	int own[2] = {-1, -1};
	/* While we may: what others own is closed to the container's root. */
	if (namespaces_join(&rt->ns, err) < 0)
		return -1;
	return create_enter_for_children(rt, own, err);
}

static int step_userns(void *ctx, struct crl_err *err)
{
	struct crl_rt *rt = ctx;
	if (setns(rt->userns_fd, CLONE_NEWUSER) < 0)
		return crl_fail_sys(err, errno, "join namespace user");
	return userns_become_root(err);
}

static const struct step outer_steps[] = {
	{"rt.join_outer", "Enter namespaces of others while we are the host's root", "setns(2)",
	 step_join},
	{"rt.enter_userns", "From here on root means root of the container only",
	 "user_namespaces(7)", step_userns},
};
STEPS_LISTED(outer_steps);

static void report(const struct step *step, uint64_t us, const struct crl_err *err, void *data)
{
	struct crl_rt *rt = data;
	struct message m = {.kind = MESSAGE_STEP, .step = step, .us = us};
	if (err)
		m.err = *err;
	message_send(rt->sock, &m, -1, NULL);
}

_Noreturn static void die(struct crl_rt *rt, const struct crl_err *err)
{
	struct message m = {.kind = MESSAGE_ERROR, .err = *err};
	message_send(rt->sock, &m, -1, NULL);
	_exit(125);
}

void outer_main(struct crl_rt *rt)
{
	struct crl_err err = CRL_ERR_INIT;
	struct step_run run = {0};
	int pidfd = -1;
	if (rt->opt.explain) {
		run.observer = report;
		run.observer_data = rt;
	}
	if (steps_run(outer_steps, ARRAY_SIZE(outer_steps), rt, &run, &err) < 0)
		die(rt, &err);
	/* The caller's child, so that it reaps it; born into all namespaces at once. */
	struct sys_clone_args args = {.flags = create_clone_flags(rt) | CLONE_PARENT | CLONE_PIDFD,
				      .pidfd = (uint64_t)(uintptr_t)&pidfd};
	pid_t pid = sys_clone3(&args);
	if (pid == 0)
		init_main(rt);
	if (pid < 0) {
		crl_fail_sys(&err, errno, "clone3");
		die(rt, &err);
	}
	struct message m = {.kind = MESSAGE_PID, .pid = pid};
	if (message_send(rt->sock, &m, pidfd, &err) < 0)
		syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, NULL, 0);
	_exit(0);
}
