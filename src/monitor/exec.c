/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Owns the execs: start, streams, exit codes. It may not read config.json
 * again: the start kept what an exec needs (this is the path of health checks).
 * Order at the end, by what clients do: the exit code is known to the daemon
 * before the client's stream closes. See setns(2), pidfd_open(2).
 */
#include "exec.h"

#include "attach.h"
#include "monitor.h"
#include <base/step.h>
#include <base/cleanup.h>
#include <base/ident.h>
#include <base/proc.h>
#include <base/str.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>

static struct exec *of_task(struct task *t)
{
	return CONTAINER_OF(t, struct exec, task);
}

static void unlink_and_free(struct exec *e)
{
	for (struct exec **p = &e->monitor->execs; *p; p = &(*p)->next) {
		if (*p == e) {
			*p = e->next;
			break;
		}
	}
	loop_timer_stop(e->task.io.loop, &e->timeout);
	task_deinit(&e->task);
	free(e->id);
	free(e);
}

/* An exec that nobody was told about is kept for the daemon that comes next, within limits. */
static void forget_oldest_unreported(struct monitor *m)
{
	struct exec *last = NULL;
	size_t n = 0;
	for (struct exec *e = m->execs; e; e = e->next) {
		if (e->task.phase == TASK_FLUSHED && !e->reported) {
			last = e; /* the list is newest first */
			n++;
		}
	}
	if (n > EXEC_UNREPORTED_MAX)
		last->reported = true;
}

static void exec_drained(struct task *t)
{
	struct exec *e = of_task(t);
	struct mon_exit x = {
		.exec_id = e->id,
		.exit_code = proc_exit_code(t->status),
		.signal = WIFSIGNALED(t->status) ? WTERMSIG(t->status) : 0,
		.finished_at = t->finished_at,
		.capture = t->io.capture.max > 0,
		.truncated = t->io.capture.truncated,
		.timed_out = e->timed_out,
		.output = capture_text(&t->io.capture),
	};
	e->exit_code = x.exit_code;
	e->reported = server_event(&e->monitor->server, "exec_exit", &mon_exit_json, &x) > 0;
	free(x.output);
}

static void exec_flushed(struct task *t)
{
	struct monitor *m = of_task(t)->monitor;
	forget_oldest_unreported(m);
	monitor_maybe_quit(m);
}

static void exec_idle(struct task *t)
{
	struct exec *e = of_task(t);
	struct monitor *m = e->monitor;
	if (e->reported)
		unlink_and_free(e);
	monitor_maybe_quit(m);
}

static void exec_detached(struct task *t)
{
	struct exec *e = of_task(t);
	struct mon_exit x = {.exec_id = e->id};
	server_event(&e->monitor->server, "detach", &mon_exit_json, &x);
}

static void exec_reaped(struct task *t)
{
	struct exec *e = of_task(t);
	loop_timer_stop(t->io.loop, &e->timeout);
}

static const struct task_ops exec_task_ops = {
	.reaped = exec_reaped,
	.drained = exec_drained,
	.flushed = exec_flushed,
	.idle = exec_idle,
	.detached = exec_detached,
};

/* --- start --- */

static int open_null(int *ret, int flags, struct crl_err *err)
{
	*ret = open("/dev/null", flags | O_CLOEXEC);
	return *ret < 0 ? crl_fail_sys(err, errno, "/dev/null") : 0;
}

/* Streams that no client asked for are /dev/null: nothing has to be copied for a detached exec. */
static int open_streams(struct exec *e, const struct mon_exec *rq, int ret_child[3],
			struct crl_err *err)
{
	const struct mon_attach *a = rq->attach;
	bool want_in = a && a->stdin_ && rq->open_stdin, keep = rq->capture > 0;
	if (streams_open_pipes(&e->task.io, want_in, keep || (a && a->stdout_),
			       keep || (a && a->stderr_), ret_child, err) < 0)
		return -1;
	for (int i = 0; i < 3; i++)
		if (ret_child[i] < 0 &&
		    open_null(&ret_child[i], i == 0 ? O_RDONLY : O_WRONLY, err) < 0)
			return -1;
	return 0;
}

/* By another runtime's command line: it knows neither names of users nor our filter. */
static int call_external(struct exec *e, const struct mon_exec *rq, const int child[3],
			 int *ret_master, int *ret_pidfd, int *ret_exit_code, struct crl_err *err)
{
	struct container *c = &e->monitor->container;
	struct oci_process process = {0};
	char path[32];
	if (json_copy(&oci_process_json, &rq->process, &process, err) < 0)
		return -1;
	snprintf(path, sizeof(path), "/proc/%d/root", (int)c->task.pid);
	_cleanup_close_ int root = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	int r = 0;
	if (!str_empty(rq->user) && root >= 0)
		r = crl_rt_user(root, rq->user, rq->group_add, &process.user, NULL, err);
	external_limit_caps(&process);
	if (r == 0)
		r = external_exec(c->external, e->id, &process, child, ret_master, &e->task.pid,
				  ret_pidfd, ret_exit_code, err);
	json_free(&oci_process_json, &process);
	return r;
}

static int call_library(struct exec *e, const struct mon_exec *rq, const int child[3],
			int *ret_master, int *ret_pidfd, int *ret_exit_code, struct crl_err *err)
{
	struct container *c = &e->monitor->container;
	struct crl_rt_exec_options o;
	/* The terminal has its size before the program looks, not when the client's socket is
	 * there. */
	struct oci_process process = rq->process;
	struct oci_box size = {.height = (uint32_t)rq->tty_rows, .width = (uint32_t)rq->tty_cols};
	if (rq->tty_rows > 0 && rq->tty_cols > 0)
		process.console_size = &size;
	crl_rt_exec_options_init(&o);
	o.target_pidfd = c->task.pidfd.fd;
	o.target_pid = c->task.pid;
	o.cgroup_path = c->cgroup;
	o.process = &process;
	o.filter = rq->unconfined ? NULL : c->seccomp;
	o.user = str_empty(rq->user) ? NULL : rq->user;
	o.group_add = rq->group_add;
	memcpy(o.stdio, child, sizeof(o.stdio));
	o.ret_pty_master = ret_master;
	if (crl_rt_exec(&o, &e->task.pid, ret_pidfd, err) == 0)
		return 0;
	*ret_exit_code = crl_rt_exit_code_of(err);
	return -1;
}

static int call_runtime(struct exec *e, const struct mon_exec *rq, const int child[3],
			int *ret_pidfd, int *ret_exit_code, struct crl_err *err)
{
	const struct container *c = &e->monitor->container;
	int master = -1;
	int *ret_master = rq->tty ? &master : NULL;
	if ((c->external
		     ? call_external(e, rq, child, ret_master, ret_pidfd, ret_exit_code, err)
		     : call_library(e, rq, child, ret_master, ret_pidfd, ret_exit_code, err)) < 0) {
		cleanup_close_p(&master);
		return -1;
	}
	if (!rq->tty)
		return 0;
	if (streams_set_terminal(&e->task.io, master, err) < 0) {
		close(master);
		return -1;
	}
	e->task.io.open_stdin = rq->open_stdin;
	if (rq->tty_rows > 0 && rq->tty_cols > 0)
		(void)streams_resize(&e->task.io, rq->tty_rows, rq->tty_cols, NULL);
	return 0;
}

static int spawn(struct exec *e, const struct mon_exec *rq, int *ret_pidfd, int *ret_exit_code,
		 struct crl_err *err)
{
	int child[3] = {-1, -1, -1};
	int r = rq->tty ? 0 : open_streams(e, rq, child, err);
	if (r == 0)
		r = call_runtime(e, rq, child, ret_pidfd, ret_exit_code, err);
	for (int i = 0; i < 3; i++)
		cleanup_close_p(&child[i]);
	return r;
}

static void out_of_time(struct loop_timer *t);

static struct exec *exec_new(struct monitor *m, const char *id)
{
	struct exec *e = calloc(1, sizeof(*e));
	char *copy = strdup(id);
	if (!e || !copy) {
		free(e);
		free(copy);
		return NULL;
	}
	task_init(&e->task, &m->loop, &exec_task_ops);
	e->monitor = m;
	e->id = copy;
	e->task.keep_reading = true;
	e->timeout.fire = out_of_time;
	e->task.io.stdin_once = true;
	e->next = m->execs;
	m->execs = e;
	return e;
}

static int check_request(struct monitor *m, const struct mon_exec *rq, int client,
			 struct crl_err *err)
{
	if (!task_alive(&m->container.task))
		return crl_fail(err, CRL_CONFLICT, "exec: the container is not running");
	if (exec_find(m, rq->exec_id))
		return crl_fail(err, CRL_CONFLICT, "exec %s exists", rq->exec_id);
	if ((client >= 0) != (rq->attach != NULL))
		return crl_fail(err, CRL_INVALID, "exec: a client's descriptor goes with attach");
	return 0;
}

/* Its session goes with it: what it left in the background must not pile up. */
static void out_of_time(struct loop_timer *t)
{
	struct exec *e = CONTAINER_OF(t, struct exec, timeout);
	e->timed_out = true;
	exec_kill(e);
}

static void limit(struct exec *e, const struct mon_exec *rq)
{
	if (rq->capture > 0) {
		e->task.io.capture.max =
			rq->capture < CAPTURE_MAX ? (size_t)rq->capture : CAPTURE_MAX;
		e->task.keep_reading = false;
	}
	if (rq->timeout_ms > 0 && rq->timeout_ms < INT64_MAX / 1000000)
		loop_timer_set(&e->monitor->loop, &e->timeout, rq->timeout_ms * 1000000);
}

/* It runs: from here on failures are the exec's own end, not the start's. */
static void started(struct exec *e, const struct mon_exec *rq, int pidfd, int *client,
		    struct mon_started *ret)
{
	struct crl_err err = CRL_ERR_INIT;
	*ret = (struct mon_started){.pid = e->task.pid, .started_at = time_now_ns()};
	(void)proc_start_time(e->task.pid, &ret->start_ticks, NULL);
	e->started_at = ret->started_at;
	limit(e, rq);
	if (task_run(&e->task, e->task.pid, pidfd, &err) < 0 ||
	    (rq->attach && attach_add(&e->task.io, take_fd(client), rq->attach, &err) < 0))
		(void)task_signal(&e->task, SIGKILL, NULL);
}

int exec_start(struct monitor *m, const struct mon_exec *rq, int client, struct mon_started *ret,
	       int *ret_exit_code, int *ret_client, struct crl_err *err)
{
	_cleanup_close_ int fd = client;
	int pidfd = -1;
	struct exec *e = NULL;
	int r = check_request(m, rq, client, err);
	if (r == 0) {
		e = exec_new(m, rq->exec_id);
		r = e ? spawn(e, rq, &pidfd, ret_exit_code, err) : crl_fail_oom(err);
	}
	if (r < 0) {
		if (e)
			unlink_and_free(e);
		*ret_client = take_fd(&fd);
		return -1;
	}
	started(e, rq, pidfd, &fd, ret);
	return 0;
}

void exec_refuse(int client, bool framed, const char *message)
{
	if (client < 0)
		return;
	char text[1100];
	int n = snprintf(text, sizeof(text), "OCI runtime exec failed: %s\r\n",
			 step_skip_names(message));
	size_t len = n < (int)sizeof(text) ? (size_t)n : sizeof(text) - 1;
	uint8_t header[8] = {1, 0, 0, 0, 0, 0, (uint8_t)(len >> 8), (uint8_t)len};
	if (framed)
		(void)send(client, header, sizeof(header), MSG_NOSIGNAL | MSG_DONTWAIT | MSG_MORE);
	(void)send(client, text, len, MSG_NOSIGNAL | MSG_DONTWAIT);
	(void)shutdown(client, SHUT_RDWR);
	close(client);
}

/* --- all of them --- */

struct exec *exec_find(struct monitor *m, const char *id)
{
	for (struct exec *e = m->execs; e; e = e->next)
		if (str_eq(e->id, id))
			return e;
	return NULL;
}

void exec_forget_reported(struct monitor *m)
{
	for (struct exec *e = m->execs, *next; e; e = next) {
		next = e->next;
		if (e->task.phase != TASK_FLUSHED)
			continue;
		e->reported = true;
		exec_idle(&e->task);
	}
}

bool exec_any_alive(const struct monitor *m)
{
	for (const struct exec *e = m->execs; e; e = e->next)
		if (e->task.phase < TASK_FLUSHED || e->task.io.clients)
			return true;
	return false;
}

void exec_free_all(struct monitor *m)
{
	while (m->execs)
		unlink_and_free(m->execs);
}
