/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Owns the container after its start: the exit record, which comes before
 * anything else that an exit brings, the exit event, which comes last, and the
 * removal of the cgroup. It may not decide about restarts or removal.
 * See cgroups(7) (cgroup.kill), waitid(2).
 */
#include "container.h"

#include "monitor.h"
#include <base/log.h>
#include <base/path.h>
#include <base/proc.h>
#include <base/step.h>
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

static const struct step points[] = {
	{.name = "mon.exit_record",
	 .why = "how it ended is on the disk before anybody hears of it",
	 .see = "pwrite(2)"},
};
STEPS_LISTED(points);

static struct container *of_task(struct task *t)
{
	return CONTAINER_OF(t, struct container, task);
}

static void oom_grew(struct oom *o)
{
	struct container *c = CONTAINER_OF(o, struct container, oom);
	c->exit.oom_killed = true;
	server_event(&c->monitor->server, "oom", NULL, NULL);
}

void container_init(struct container *c, struct monitor *m)
{
	*c = (struct container){.monitor = m, .oom.grew = oom_grew, .oom.source.fd = -1};
	c->log.file.fd = -1;
	task_init(&c->task, &m->loop, &container_task_ops);
}

void container_settle(struct container *c)
{
	if (c->status == CONTAINER_RUNNING) {
		struct crl_err err = CRL_ERR_INIT;
		oom_watch(&c->oom, c->task.io.loop, c->cgroup);
		/* Who runs, for a daemon that comes back after a crash; the slot itself is there
		 * since before the start. */
		if (mon_exit_record_write(c->monitor->dir_fd, &c->record, false, &err) < 0)
			log_warn("exit record", "container", c->monitor->id, "error", err.msg,
				 NULL);
	}
	malloc_trim(0);
}

/* --- the end --- */

static void kill_cgroup(const struct container *c)
{
	char path[PATH_MAX];
	int n = snprintf(path, sizeof(path), "%s/cgroup.kill", c->cgroup);
	if (n > 0 && (size_t)n < sizeof(path))
		(void)path_write_string(AT_FDCWD, path, "1", NULL);
}

static void write_record(struct container *c)
{
	struct crl_err err = CRL_ERR_INIT;
	c->record.state = 1;
	c->record.exit_code = c->exit.exit_code;
	c->record.signal = c->exit.signal;
	c->record.oom_killed = c->exit.oom_killed;
	c->record.finished_at = c->exit.finished_at;
	if (failpoint("mon.exit_record", false, &err) < 0 ||
	    mon_exit_record_write(c->monitor->dir_fd, &c->record, c->durable, &err) < 0 ||
	    failpoint("mon.exit_record", true, &err) < 0)
		log_error("exit record", "container", c->monitor->id, "error", err.msg, NULL);
}

static void container_reaped(struct task *t)
{
	struct container *c = of_task(t);
	c->exit.exit_code = proc_exit_code(t->status);
	c->exit.signal = WIFSIGNALED(t->status) ? WTERMSIG(t->status) : 0;
	c->exit.finished_at = t->finished_at;
	oom_check(&c->oom);
	write_record(c);
	/* With the host's pid namespace its children outlive it, and would hold its pipes open. */
	if (!c->own_pidns && c->cgroup)
		kill_cgroup(c);
}

static void container_drained(struct task *t)
{
	struct container *c = of_task(t);
	logger_close(&c->log, c->durable);
}

static void container_delete_external(struct container *c)
{
	if (c->external && c->started.pid)
		external_delete(c->external);
	/* Back among the host's mounts: there the volumes are unmounted. */
	external_free(take_ptr(c->external));
}

static void container_flushed(struct task *t)
{
	struct container *c = of_task(t);
	c->status = CONTAINER_EXITED;
	/* Before the daemon hears of it and removes the folder with the runtime's state. */
	container_delete_external(c);
	server_event(&c->monitor->server, "exit", &mon_exit_json, &c->exit);
	container_cleanup(c);
	monitor_maybe_quit(c->monitor);
}

static void container_idle(struct task *t)
{
	monitor_maybe_quit(of_task(t)->monitor);
}

static void container_detached(struct task *t)
{
	struct mon_exit none = {0};
	server_event(&of_task(t)->monitor->server, "detach", &mon_exit_json, &none);
}

const struct task_ops container_task_ops = {
	.reaped = container_reaped,
	.drained = container_drained,
	.flushed = container_flushed,
	.idle = container_idle,
	.detached = container_detached,
};

/* --- clean-up --- */

static void free_spec(struct container *c)
{
	if (c->spec)
		json_free(&oci_spec_json, c->spec);
	free(c->spec);
	c->spec = NULL;
}

void container_unuse_volumes(struct container *c)
{
	for (size_t i = c->n_volumes; i > 0; i--)
		volume_unuse(&c->volumes[i - 1]);
	c->n_volumes = 0;
	free(take_ptr(c->volumes));
}

void container_cleanup(struct container *c)
{
	oom_deinit(&c->oom);
	container_delete_external(c);
	if (c->rt) {
		crl_rt_destroy(take_ptr(c->rt));
		free_spec(c);
	} else if (c->cgroup) {
		struct crl_err err = CRL_ERR_INIT;
		if (crl_cgroup_remove(c->cgroup, &err) < 0)
			log_warn("cgroup not removed", "container", c->monitor->id, "error",
				 err.msg, NULL);
	}
	free(take_ptr(c->cgroup));
	container_unuse_volumes(c);
}

void container_deinit(struct container *c)
{
	container_cleanup(c);
	task_deinit(&c->task);
	logger_close(&c->log, false);
	json_free(&mon_started_json, &c->started);
	crl_seccomp_free(take_ptr(c->seccomp));
}
