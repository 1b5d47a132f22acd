/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Owns the start of a container as a table of named steps, each with its undo:
 * what the monitor prepares, before and around the runtime library's own steps.
 * It may not outlive a failed start: everything is taken back.
 */
#include "start.h"

#include "attach.h"
#include "monitor.h"
#include <base/cleanup.h>
#include <base/fd.h>
#include <base/ident.h>
#include <base/log.h>
#include <base/path.h>
#include <base/proc.h>
#include <base/step.h>
#include <base/userns.h>
#include <crun-lite/image.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#define CONFIG_MAX (4U * 1024 * 1024)

/* --- steps --- */

static int read_spec(void *ctx, struct crl_err *err)
{
	struct start *s = ctx;
	_cleanup_free_ char *text = NULL;
	size_t len;
	if (path_read_file(AT_FDCWD, s->rq->config, CONFIG_MAX, &text, &len, err) < 0)
		return -1;
	s->spec = calloc(1, sizeof(*s->spec));
	if (!s->spec)
		return crl_fail_oom(err);
	if (json_decode(&oci_spec_json, text, len, JSON_LAX, s->spec, err) < 0) {
		free(take_ptr(s->spec));
		return crl_context(err, "%s", s->rq->config);
	}
	/* The request is what the client waits on: it decides. */
	if (s->spec->process)
		s->spec->process->terminal = s->rq->tty;
	return 0;
}

static void free_spec(void *ctx)
{
	struct start *s = ctx;
	if (s->spec)
		json_free(&oci_spec_json, s->spec);
	free(take_ptr(s->spec));
}

static int open_log(void *ctx, struct crl_err *err)
{
	struct start *s = ctx;
	return logger_open(&s->c->log, &s->rq->log, &s->c->monitor->loop, err);
}

static void close_log(void *ctx)
{
	struct start *s = ctx;
	logger_close(&s->c->log, false);
}

static int reserve_slot(void *ctx, struct crl_err *err)
{
	struct start *s = ctx;
	s->c->record = (struct mon_exit_record){0};
	return mon_exit_record_write(s->c->monitor->dir_fd, &s->c->record, s->rq->durable, err);
}

static void remove_slot(void *ctx)
{
	struct start *s = ctx;
	(void)unlinkat(s->c->monitor->dir_fd, "exit", 0);
}

static bool wants_pipes(const void *ctx)
{
	return !((const struct start *)ctx)->rq->tty;
}

static int open_pipes(void *ctx, struct crl_err *err)
{
	struct start *s = ctx;
	if (streams_open_pipes(&s->c->task.io, s->rq->open_stdin, true, true, s->child, err) < 0)
		return -1;
	if (s->child[0] >= 0)
		return 0;
	s->child[0] = open("/dev/null", O_RDONLY | O_CLOEXEC);
	return s->child[0] < 0 ? crl_fail_sys(err, errno, "/dev/null") : 0;
}

static void close_child_ends(struct start *s)
{
	for (int i = 0; i < 3; i++) {
		cleanup_close_p(&s->child[i]);
		s->child[i] = -1;
	}
}

static void close_pipes(void *ctx)
{
	struct start *s = ctx;
	close_child_ends(s);
	streams_deinit(&s->c->task.io);
}

static void narrate(const char *step, const char *why, const char *see, uint64_t us,
		    const struct crl_err *err, void *data)
{
	const struct start *s = data;
	_cleanup_cjson_ cJSON *line = cJSON_CreateObject();
	if (!line || s->explain_fd < 0)
		return;
	json_add_str(line, "step", step);
	json_add_str(line, "why", why);
	json_add_str(line, "see", see);
	json_add_u64(line, "us", us);
	if (err)
		json_add_str(line, "error", err->msg);
	_cleanup_buf_ struct buf text = BUF_INIT;
	_cleanup_free_ char *json = cJSON_PrintUnformatted(line);
	if (!json)
		return;
	buf_printf(&text, "%s\n", json);
	if (!text.failed)
		(void)fd_write_all(s->explain_fd, text.data, text.len, NULL);
}

static void observe(const struct step *step, uint64_t us, const struct crl_err *err, void *data)
{
	narrate(step->name, step->why, step->see, us, err, data);
}

static int create(void *ctx, struct crl_err *err)
{
	struct start *s = ctx;
	struct crl_rt_options o;
	crl_rt_options_init(&o);
	o.id = s->c->monitor->id;
	o.bundle_dir = s->c->monitor->container_dir;
	o.rootfs_fd = s->rootfs_fd;
	memcpy(o.stdio, s->child, sizeof(o.stdio));
	o.ret_pty_master = s->rq->tty ? &s->master : NULL;
	o.netns_fd = s->netns_fd;
	o.userns_fd = s->userns_fd;
	o.cache_dir = s->rq->cache_dir;
	o.user = str_empty(s->rq->user) ? NULL : s->rq->user;
	o.group_add = s->group_add;
	o.pdeathsig = true;
	o.sources = s->sources;
	o.n_sources = s->rq->n_sources;
	if (s->explain_fd >= 0) {
		o.explain = narrate;
		o.explain_data = s;
	}
	if (crl_rt_create(s->spec, &o, &s->rt, err) < 0) {
		s->exit_code = crl_rt_exit_code_of(err);
		return -1;
	}
	return 0;
}

static void destroy(void *ctx)
{
	struct start *s = ctx;
	pid_t pid = crl_rt_pid(s->rt);
	(void)proc_pidfd_kill(crl_rt_pidfd(s->rt), SIGKILL, NULL);
	crl_rt_destroy(take_ptr(s->rt));
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	cleanup_close_p(&s->master);
	s->master = -1;
}

static int let_go(void *ctx, struct crl_err *err)
{
	struct start *s = ctx;
	if (start_take_terminal(s, err) < 0)
		return -1;
	if (crl_rt_start(s->rt, err) < 0) {
		s->exit_code = crl_rt_exit_code_of(err);
		return -1;
	}
	return 0;
}

/* --- the same by another runtime --- */

static const struct step steps[] = {
	{"mon.spec", "read what the container is: its OCI config.json",
	 "OCI runtime-spec config.md", read_spec, free_spec, NULL},
	{"mon.devices", "devices by name: what their vendor says that a container needs for them",
	 "CDI specification", start_add_devices, start_forget_groups, NULL},
	{"mon.log", "open the log first, so that no line can be lost", "open(2)", open_log,
	 close_log, NULL},
	{"mon.slot",
	 "reserve the exit record on disk: a full disk later cannot lose the exit status",
	 "pwrite(2)", reserve_slot, remove_slot, NULL},
	{"mon.stdio", "pipes are all that the container shares with us; the other ends are ours",
	 "pipe(7)", open_pipes, close_pipes, wants_pipes},
	{"mon.volumes", "mount the volumes that are file systems of their own, once for all users",
	 "mount(2)", start_mount_volumes, start_unmount_volumes, start_wants_volumes},
	{"mon.userns",
	 "users of its own come first: the image's layers are shown through their map",
	 "user_namespaces(7)", start_open_userns, start_close_userns, start_wants_userns},
	{"mon.sources",
	 "find folders inside volumes and images by descriptor: their owners may be changing them",
	 "open_tree(2)", start_open_sources, start_close_sources, start_wants_sources},
	{"mon.rootfs",
	 "stack the image's layers under a writable one; mounted nowhere, so nothing is left on "
	 "the host",
	 "fsmount(2)", start_mount_root, start_unmount_root, start_wants_overlay},
	{"mon.create", "build the container around a process that waits before its execve",
	 "clone3(2)", create, destroy, start_is_ours},
	{"mon.start", "let the process execve", "execve(2)", let_go, NULL, start_is_fresh},
	{"mon.restore",
	 "a process from a checkpoint takes the place of the one that waits in the container",
	 "criu(8)", start_restore, NULL, start_is_restore},
	{"mon.bundle",
	 "root and config.json where another runtime finds them, in mounts that only it sees",
	 "mount_namespaces(7)", start_make_bundle, start_remove_bundle, start_is_external},
	{"mon.external_create", "the other runtime builds the container", "runc-create(8)",
	 start_create_external, start_destroy_external, start_is_external},
	{"mon.external_start", "and lets its process go", "runc-start(8)", start_let_external_go,
	 NULL, start_is_external},
};
STEPS_LISTED(steps);

/* --- around the steps --- */

/* What is kept of the runtime's objects for the container's life; the rest is freed. */
static int keep(struct start *s, struct crl_err *err)
{
	struct container *c = s->c;
	const char *cgroup = crl_rt_cgroup_path(s->rt);
	c->cgroup = cgroup ? strdup(cgroup) : NULL;
	c->own_pidns = start_has_own_pidns(s->spec);
	if (crl_rt_take_seccomp(s->rt, &c->seccomp, err) < 0)
		return -1;
	c->started.pid = crl_rt_pid(s->rt);
	c->started.started_at = time_now_ns();
	c->started.cgroup = strdup(cgroup ? cgroup : "");
	c->started.warnings = strv_copy(crl_rt_warnings(s->rt));
	/* Unreadable start time: 0, which means "do not compare". */
	(void)proc_start_time(crl_rt_pid(s->rt), &c->started.start_ticks, NULL);
	c->record.pid = c->started.pid;
	c->record.start_ticks = c->started.start_ticks;
	c->record.started_at = c->started.started_at;
	int pidfd = fcntl(crl_rt_pidfd(s->rt), F_DUPFD_CLOEXEC, 3);
	if (pidfd < 0)
		return crl_fail_sys(err, errno, "pidfd");
	return task_run(&c->task, crl_rt_pid(s->rt), pidfd, err);
}

static void keep_or_free_runtime(struct start *s)
{
	struct container *c = s->c;
	if (!s->rq->runtime && s->spec->hooks && s->spec->hooks->n_poststop) {
		c->rt = take_ptr(s->rt);
		c->spec = take_ptr(s->spec);
		return;
	}
	crl_rt_free(take_ptr(s->rt));
	free_spec(s);
}

static int add_clients(struct start *s, int *fds, struct crl_err *err)
{
	struct streams *io = &s->c->task.io;
	io->log = &s->c->log;
	io->stdin_once = s->rq->stdin_once;
	for (size_t i = 0; i < s->rq->n_attach; i++)
		if (attach_add(io, take_fd(&fds[i]), &s->rq->attach[i], err) < 0)
			return -1;
	return 0;
}

static int check_request(const struct container *c, const struct mon_start *rq, size_t n_fds,
			 struct crl_err *err)
{
	if (c->status == CONTAINER_RUNNING)
		return crl_fail(err, CRL_CONFLICT, "start: the container is running");
	if (c->status == CONTAINER_EXITED)
		return crl_fail(err, CRL_CONFLICT, "start: a monitor serves one life only");
	if (n_fds != rq->n_attach + rq->netns)
		return crl_fail(err, CRL_INVALID, "start: %zu descriptors came, %zu are needed",
				n_fds, rq->n_attach + rq->netns);
	return 0;
}

/* "exec: "x": not found" is about the user's command: our step's name in front of it would only
 * distract. */
static void strip_step_name(struct start *s, struct crl_err *err)
{
	const char *rest = strstr(err->msg, ": ");
	static const char *const whole[] = {": error while mounting volume",
					    ": failed to initialize logging driver",
					    ": could not select device driver",
					    ": CDI device injection failed", ": OCI runtime"};
	bool known = false;
	for (size_t i = 0; i < ARRAY_SIZE(whole); i++)
		known |= strstr(err->msg, whole[i]) != NULL;
	if ((s->exit_code > 125 || known) && str_starts(err->msg, "mon.") && rest)
		memmove(err->msg, rest + 2, strlen(rest + 2) + 1);
}

static void after_failure(struct start *s, struct step_run *run)
{
	steps_undo(steps, s, run);
	struct container *c = s->c;
	struct monitor *m = c->monitor;
	container_deinit(c);
	container_init(c, m);
}

static int run_start(struct start *s, int *client_fds, struct crl_err *err)
{
	struct step_run run = {.observer = s->explain_fd >= 0 ? observe : NULL, .observer_data = s};
	if (steps_run(steps, ARRAY_SIZE(steps), s, &run, err) < 0) {
		strip_step_name(s, err);
		after_failure(s, &run);
		return -1;
	}
	close_child_ends(s);
	start_unmount_root(s);
	start_close_sources(s);
	start_forget_groups(s);
	start_close_userns(s);
	if (add_clients(s, client_fds, err) < 0 ||
	    (s->rq->runtime ? start_keep_external(s, err) : keep(s, err)) < 0) {
		after_failure(s, &run);
		return -1;
	}
	keep_or_free_runtime(s);
	return 0;
}

int container_start(struct container *c, const struct mon_start *rq, int *fds, size_t n_fds,
		    struct mon_started *ret, int *ret_exit_code, struct crl_err *err)
{
	if (check_request(c, rq, n_fds, err) < 0)
		return -1;
	struct start s = {.c = c,
			  .rq = rq,
			  .netns_fd = rq->netns ? fds[0] : -1,
			  .userns_fd = -1,
			  .rootfs_fd = -1,
			  .child = {-1, -1, -1},
			  .master = -1,
			  .pidfd = -1,
			  .explain_fd = -1};
	_cleanup_close_ int explain = -1;
	if (rq->explain)
		explain = s.explain_fd =
			open(rq->explain, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	c->durable = rq->durable;
	if (run_start(&s, fds + rq->netns, err) < 0) {
		*ret_exit_code = s.exit_code;
		return -1;
	}
	c->status = CONTAINER_RUNNING;
	/* What another runtime starts in the container falls to us, too. */
	if ((!c->own_pidns || c->external) && monitor_reap_orphans(c->monitor, err) < 0)
		log_warn("orphans", "container", c->monitor->id, "error", err->msg, NULL);
	return json_copy(&mon_started_json, &c->started, ret, err);
}
