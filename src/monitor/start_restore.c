/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Owns the start from a checkpoint. The runtime library has built the container as for any start,
 * around a process that waits: its mounts, its cgroup, its network are what criu is given. criu
 * runs as a child that sees a copy of those mounts, and makes the process our child, too; the
 * waiting one ends then. See criu(8), open_tree(2), setns(2).
 */
#include "start.h"

#include "checkpoint.h"
#include "criu.h"
#include "monitor.h"
#include <base/cleanup.h>
#include <base/path.h>
#include <base/proc.h>
#include <base/str.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define FILE_MAX (256U * 1024)

bool start_is_restore(const void *ctx)
{
	const struct start *s = ctx;
	return start_is_ours(s) && !str_empty(s->rq->checkpoint);
}

bool start_is_fresh(const void *ctx)
{
	const struct start *s = ctx;
	return start_is_ours(s) && str_empty(s->rq->checkpoint);
}

struct restore {
	int host_mnt, mnt, net, cgroup_ns; /* namespaces: ours, and of the process that waits */
	int cgroup_procs;                  /* -1 = no cgroup */
	char *base, *mounts, *root;        /* base: an empty folder; the others lie in it */
	char *log, *pid_file;
	const char *criu;
	struct checkpoint k;
};

static void restore_free(struct restore *r)
{
	cleanup_close_p(&r->host_mnt);
	cleanup_close_p(&r->mnt);
	cleanup_close_p(&r->net);
	cleanup_close_p(&r->cgroup_ns);
	cleanup_close_p(&r->cgroup_procs);
	if (r->base)
		(void)rmdir(r->base);
	if (r->pid_file)
		(void)unlink(r->pid_file);
	free(r->base);
	free(r->mounts);
	free(r->root);
	free(r->log);
	free(r->pid_file);
	json_free(&checkpoint_json, &r->k);
}

/* --- in the child --- */

static int clone_mounts(const struct restore *r)
{
	if (setns(r->mnt, CLONE_NEWNS) < 0)
		return -1;
	int tree = (int)syscall(SYS_open_tree, AT_FDCWD, "/",
				OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);
	return setns(r->host_mnt, CLONE_NEWNS) < 0 ? -1 : tree;
}

static const char *enter(const void *data)
{
	const struct restore *r = data;
	if (r->cgroup_procs >= 0 && write(r->cgroup_procs, "0", 1) < 0)
		return "cgroup";
	int tree = clone_mounts(r);
	if (tree < 0)
		return "the container's mounts";
	/* No mount of this reaches the host; all of it goes with criu. */
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return "mount namespace";
	if (mount("criu", r->base, "tmpfs", MS_NOSUID | MS_NODEV, "mode=700") < 0 ||
	    mkdir(r->mounts, 0700) < 0 || mkdir(r->root, 0700) < 0)
		return "folder for the mounts";
	if (syscall(SYS_move_mount, tree, "", AT_FDCWD, r->mounts, MOVE_MOUNT_F_EMPTY_PATH) < 0 ||
	    mount(r->mounts, r->root, NULL, MS_BIND, NULL) < 0)
		return "the container's root";
	if (r->cgroup_ns >= 0 && setns(r->cgroup_ns, CLONE_NEWCGROUP) < 0)
		return "cgroup namespace";
	return NULL;
}

/* --- around it --- */

static int open_of(pid_t pid, const char *what, int *ret, struct crl_err *err)
{
	_cleanup_free_ char *path = path_printf("/proc/%d/ns/%s", (int)pid, what);
	if (!path)
		return crl_fail_oom(err);
	*ret = open(path, O_RDONLY | O_CLOEXEC);
	return *ret < 0 ? crl_fail_sys(err, errno, "%s", path) : 0;
}

static int open_all(const struct start *s, struct restore *r, struct crl_err *err)
{
	pid_t pid = crl_rt_pid(s->rt);
	const char *cgroup = crl_rt_cgroup_path(s->rt);
	_cleanup_free_ char *procs = path_printf("%s/cgroup.procs", cgroup ? cgroup : "");
	if (open_of(getpid(), "mnt", &r->host_mnt, err) < 0 ||
	    open_of(pid, "mnt", &r->mnt, err) < 0 || open_of(pid, "net", &r->net, err) < 0 ||
	    open_of(pid, "cgroup", &r->cgroup_ns, err) < 0)
		return -1;
	if (!procs)
		return crl_fail_oom(err);
	if (cgroup && (r->cgroup_procs = open(procs, O_WRONLY | O_CLOEXEC)) < 0)
		return crl_fail_sys(err, errno, "%s", procs);
	return 0;
}

static int prepare(const struct start *s, struct restore *r, struct crl_err *err)
{
	const char *run_dir = s->c->monitor->run_dir;
	_cleanup_free_ char *file = path_printf("%s/" CHECKPOINT_FILE, s->rq->checkpoint);
	_cleanup_free_ char *text = NULL;
	size_t len;
	r->base = path_printf("%s/criu", run_dir);
	r->mounts = path_printf("%s/criu/mounts", run_dir);
	r->root = path_printf("%s/criu/root", run_dir);
	r->log = path_printf("%s/restore.log", run_dir);
	r->pid_file = path_printf("%s/criu.pid", run_dir);
	if (!file || !r->base || !r->mounts || !r->root || !r->log || !r->pid_file)
		return crl_fail_oom(err);
	if (path_read_file(AT_FDCWD, file, FILE_MAX, &text, &len, err) < 0 ||
	    json_decode(&checkpoint_json, text, len, JSON_LAX, &r->k, err) < 0)
		return crl_context(err, "checkpoint");
	if (strv_len(r->k.pipes) != 3)
		return crl_fail(err, CRL_INVALID, "checkpoint: " CHECKPOINT_FILE " is damaged");
	if (mkdir(r->base, 0700) < 0 && errno != EEXIST)
		return crl_fail_sys(err, errno, "%s", r->base);
	(void)unlink(r->pid_file);
	return open_all(s, r, err);
}

static char **command_line(const struct start *s, const struct restore *r)
{
	char **argv = NULL;
	int e = strv_push(&argv, r->criu) | strv_push(&argv, "restore") |
		strv_push(&argv, "--images-dir") | strv_push(&argv, s->rq->checkpoint) |
		strv_push(&argv, "--work-dir") | strv_push(&argv, s->c->monitor->run_dir) |
		strv_push(&argv, "--log-file") | strv_push(&argv, "restore.log") |
		strv_push(&argv, "-v2") | strv_push(&argv, "--root") | strv_push(&argv, r->root) |
		strv_push(&argv, "--manage-cgroups=ignore") | strv_push(&argv, "--file-locks") |
		strv_push(&argv, "--restore-detached") | strv_push(&argv, "--restore-sibling") |
		strv_push(&argv, "--pidfile") | strv_push(&argv, r->pid_file);
	for (char **p = r->k.mounts; p && *p; p++)
		e |= strv_push(&argv, "--external") |
		     strv_pushf(&argv, "mnt[%s]:%s%s", *p, r->mounts, *p);
	for (int i = 0; i < 3; i++)
		if (!str_empty(r->k.pipes[i]) && s->child[i] >= 0)
			e |= strv_push(&argv, "--inherit-fd") |
			     strv_pushf(&argv, "fd[%d]:%s", s->child[i], r->k.pipes[i]);
	if (e == 0)
		return argv;
	strv_free(argv);
	return NULL;
}

static int adopt(struct start *s, const struct restore *r, struct crl_err *err)
{
	_cleanup_free_ char *text = NULL;
	int64_t pid;
	int pidfd;
	if (path_read_file(AT_FDCWD, r->pid_file, 64, &text, NULL, err) < 0)
		return crl_context(err, "criu's pid file");
	text[strcspn(text, "\n")] = '\0';
	if (!str_to_i64(text, &pid) || pid <= 1)
		return crl_fail(err, CRL_INTERNAL, "criu's pid file says \"%s\"", text);
	if (proc_open_pidfd((pid_t)pid, 0, &pidfd, err) < 0)
		return -1;
	crl_rt_replace(s->rt, (pid_t)pid, pidfd);
	return 0;
}

static int restore(struct start *s, struct restore *r, struct crl_err *err)
{
	if (criu_find(&r->criu, err) < 0 || prepare(s, r, err) < 0)
		return -1;
	_cleanup_strv_ char **argv = command_line(s, r);
	const struct criu_run run = {.verb = "restore",
				     .argv = argv,
				     .netns = r->net,
				     .log = r->log,
				     .inherit = s->child,
				     .n_inherit = 3,
				     .enter = enter,
				     .data = r};
	if (!argv)
		return crl_fail_oom(err);
	return criu_run(&run, err) < 0 ? -1 : adopt(s, r, err);
}

int start_restore(void *ctx, struct crl_err *err)
{
	struct start *s = ctx;
	struct restore r = {
		.host_mnt = -1, .mnt = -1, .net = -1, .cgroup_ns = -1, .cgroup_procs = -1};
	int result = restore(s, &r, err);
	restore_free(&r);
	/* A start has no 501. */
	if (result < 0 && err->code == CRL_UNSUPPORTED)
		err->code = CRL_KERNEL;
	return result;
}
