/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Owns the steps of a start by another runtime (external.h), and what is known of its container
 * afterwards. See runc(8).
 */
#include "start.h"

#include "monitor.h"
#include <base/cleanup.h>
#include <base/ident.h>
#include <base/log.h>
#include <base/path.h>
#include <base/proc.h>
#include <base/str.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

int start_take_terminal(struct start *s, struct crl_err *err)
{
	if (!s->rq->tty)
		return 0;
	if (streams_set_terminal(&s->c->task.io, s->master, err) < 0)
		return -1;
	s->master = -1;
	s->c->task.io.open_stdin = s->rq->open_stdin;
	if (s->rq->tty_rows > 0 && s->rq->tty_cols > 0)
		(void)streams_resize(&s->c->task.io, s->rq->tty_rows, s->rq->tty_cols, NULL);
	return 0;
}

bool start_is_ours(const void *ctx)
{
	return !((const struct start *)ctx)->rq->runtime;
}

bool start_is_external(const void *ctx)
{
	return !start_is_ours(ctx);
}

int start_make_bundle(void *ctx, struct crl_err *err)
{
	struct start *s = ctx;
	struct container *c = s->c;
	const struct external_root root = {.spec = s->spec,
					   .rootfs_fd = s->rootfs_fd,
					   .sources = s->sources,
					   .n_sources = s->rq->n_sources,
					   .user = s->rq->user,
					   .group_add = s->group_add,
					   .netns_fd = s->netns_fd};
	if (external_new(s->rq->runtime, c->monitor->run_dir, c->monitor->id, &c->external, err) <
	    0)
		return -1;
	if (external_bundle(c->external, &root, err) == 0)
		return 0;
	external_free(take_ptr(c->external));
	return -1;
}

void start_remove_bundle(void *ctx)
{
	struct start *s = ctx;
	external_free(take_ptr(s->c->external));
}

int start_create_external(void *ctx, struct crl_err *err)
{
	struct start *s = ctx;
	return external_create(s->c->external, s->child, s->rq->tty ? &s->master : NULL, &s->pid,
			       &s->pidfd, &s->exit_code, err);
}

void start_destroy_external(void *ctx)
{
	struct start *s = ctx;
	external_delete(s->c->external);
	(void)proc_pidfd_kill(s->pidfd, SIGKILL, NULL);
	while (waitpid(s->pid, NULL, 0) < 0 && errno == EINTR)
		;
	cleanup_close_p(&s->pidfd);
	s->pidfd = -1;
	cleanup_close_p(&s->master);
	s->master = -1;
}

int start_let_external_go(void *ctx, struct crl_err *err)
{
	struct start *s = ctx;
	if (start_take_terminal(s, err) < 0)
		return -1;
	return external_start(s->c->external, &s->exit_code, err);
}

bool start_has_own_pidns(const struct oci_spec *spec)
{
	for (size_t i = 0; spec->linux_ && i < spec->linux_->n_namespaces; i++)
		if (str_eq(spec->linux_->namespaces[i].type, "pid"))
			return str_empty(spec->linux_->namespaces[i].path);
	return false;
}

/* What is known of a container that another runtime made. */
int start_keep_external(struct start *s, struct crl_err *err)
{
	struct container *c = s->c;
	c->cgroup = external_cgroup(c->external, s->pid);
	c->own_pidns = start_has_own_pidns(s->spec);
	c->started.pid = s->pid;
	c->started.started_at = time_now_ns();
	c->started.cgroup = strdup(c->cgroup ? c->cgroup : "");
	(void)proc_start_time(s->pid, &c->started.start_ticks, NULL);
	c->record.pid = c->started.pid;
	c->record.start_ticks = c->started.start_ticks;
	c->record.started_at = c->started.started_at;
	return task_run(&c->task, s->pid, take_fd(&s->pidfd), err);
}
