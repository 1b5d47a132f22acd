/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Owns the operations that the daemon can ask for (monitor_proto.h), one small
 * function each, in one table. Arguments come from elsewhere: every one is
 * checked here or where it is used.
 */
#include "monitor.h"

#include "attach.h"
#include "checkpoint.h"
#include <base/cleanup.h>
#include <base/str.h>
#include <errno.h>
#include <signal.h>
#include <string.h>

/* --- hello --- */

static int add_execs(const struct monitor *m, struct mon_state *st, struct crl_err *err)
{
	size_t n = 0;
	for (const struct exec *e = m->execs; e; e = e->next)
		n++;
	if (!n)
		return 0;
	st->execs = calloc(n, sizeof(*st->execs));
	if (!st->execs)
		return crl_fail_oom(err);
	for (const struct exec *e = m->execs; e; e = e->next) {
		struct mon_exec_state *x = &st->execs[st->n_execs++];
		x->exec_id = strdup(e->id);
		x->running = task_alive(&e->task);
		x->pid = e->task.pid;
		x->exit_code = e->exit_code;
		x->started_at = e->started_at;
		x->finished_at = e->task.finished_at;
		x->capture = e->task.io.capture.max > 0;
		x->truncated = e->task.io.capture.truncated;
		x->timed_out = e->timed_out;
		x->output = capture_text(&e->task.io.capture);
	}
	return 0;
}

static const char *status_name(const struct container *c)
{
	switch (c->status) {
	case CONTAINER_RUNNING: return "running";
	case CONTAINER_EXITED: return "exited";
	case CONTAINER_IDLE:
	default: return "idle";
	}
}

static void forget_told(void *data)
{
	exec_forget_reported(data);
}

static int op_hello(void *data, struct server_request *rq, struct crl_err *err)
{
	struct monitor *m = data;
	struct mon_state st = {.version = MON_PROTO_VERSION, .monitor_pid = getpid()};
	st.status = strdup(status_name(&m->container));
	st.exit = m->container.exit;
	if (!st.status || add_execs(m, &st, err) < 0 ||
	    json_copy(&mon_started_json, &m->container.started, &st.started, err) < 0) {
		json_free(&mon_state_json, &st);
		return -1;
	}
	rq->answer_table = &mon_state_json;
	rq->answer.state = st;
	rq->after = forget_told;
	rq->after_data = m;
	return 0;
}

/* --- start, attach, exec --- */

static void settle(void *data)
{
	struct monitor *m = data;
	container_settle(&m->container);
}

static int op_start(void *data, struct server_request *rq, struct crl_err *err)
{
	struct monitor *m = data;
	struct mon_start spec = {0};
	if (json_decode_tree(&mon_start_json, rq->body, JSON_LAX, &spec, err) < 0)
		return -1;
	int r = monitor_take_id(m, spec.id, err);
	if (r == 0)
		r = container_start(&m->container, &spec, rq->fds, rq->n_fds, &rq->answer.started,
				    &rq->exit_code, err);
	json_free(&mon_start_json, &spec);
	if (r < 0)
		return -1;
	rq->answer_table = &mon_started_json;
	rq->after = settle;
	rq->after_data = m;
	return 0;
}

static int op_attach(void *data, struct server_request *rq, struct crl_err *err)
{
	struct monitor *m = data;
	if (!task_alive(&m->container.task))
		return crl_fail(err, CRL_CONFLICT, "attach: the container is not running");
	if (rq->n_fds != 1)
		return crl_fail(err, CRL_INVALID, "attach: the client's descriptor is missing");
	struct mon_attach spec = {0};
	if (json_decode_tree(&mon_attach_json, rq->body, JSON_LAX, &spec, err) < 0)
		return -1;
	int r = attach_add(&m->container.task.io, take_fd(&rq->fds[0]), &spec, err);
	json_free(&mon_attach_json, &spec);
	return r;
}

/* A client whose exec did not start: told after the daemon knows. One request at a time, so one
 * slot. */
static struct {
	int client;
	bool framed;
	char message[sizeof(((struct crl_err *)0)->msg)];
} refused;

static void refuse(void *data)
{
	exec_refuse(refused.client, refused.framed, refused.message);
}

static int op_exec(void *data, struct server_request *rq, struct crl_err *err)
{
	struct monitor *m = data;
	struct mon_exec spec = {0};
	if (json_decode_tree(&mon_exec_json, rq->body, JSON_LAX, &spec, err) < 0)
		return -1;
	spec.process.terminal = spec.tty; /* one truth: what the client waits on */
	int client = rq->n_fds ? take_fd(&rq->fds[0]) : -1;
	int r = exec_start(m, &spec, client, &rq->answer.started, &rq->exit_code, &refused.client,
			   err);
	if (r == 0) {
		rq->answer_table = &mon_started_json;
	} else {
		refused.framed = spec.attach && spec.attach->framed;
		memcpy(refused.message, err->msg, sizeof(refused.message));
		rq->after = refuse;
	}
	json_free(&mon_exec_json, &spec);
	return r;
}

/* --- small ones --- */

static int find_task(struct monitor *m, const char *exec_id, struct task **ret, struct crl_err *err)
{
	if (str_empty(exec_id)) {
		*ret = &m->container.task;
		return 0;
	}
	struct exec *e = exec_find(m, exec_id);
	if (!e)
		return crl_fail(err, CRL_NOT_FOUND, "no such exec: %s", exec_id);
	*ret = &e->task;
	return 0;
}

static int op_resize(void *data, struct server_request *rq, struct crl_err *err)
{
	struct mon_resize spec = {0};
	struct task *t = NULL;
	if (json_decode_tree(&mon_resize_json, rq->body, JSON_LAX, &spec, err) < 0)
		return -1;
	int r = find_task(data, spec.exec_id, &t, err);
	if (r == 0)
		r = streams_resize(&t->io, spec.rows, spec.cols, err);
	json_free(&mon_resize_json, &spec);
	return r;
}

static int op_signal(void *data, struct server_request *rq, struct crl_err *err)
{
	struct mon_signal spec = {0};
	struct task *t = NULL;
	if (json_decode_tree(&mon_signal_json, rq->body, JSON_LAX, &spec, err) < 0)
		return -1;
	int r = find_task(data, spec.exec_id, &t, err);
	if (r == 0 && (spec.signal < 1 || spec.signal > SIGRTMAX))
		r = crl_fail(err, CRL_INVALID, "invalid signal: %d", spec.signal);
	/* SIGKILL of an exec is meant for all of it: a check that is no longer wanted. */
	struct exec *e = str_empty(spec.exec_id) ? NULL : exec_find(data, spec.exec_id);
	if (r == 0 && e && spec.signal == SIGKILL)
		exec_kill(e);
	else if (r == 0)
		r = task_signal(t, spec.signal, err);
	json_free(&mon_signal_json, &spec);
	return r;
}

static int op_close_stdin(void *data, struct server_request *rq, struct crl_err *err)
{
	struct monitor *m = data;
	streams_close_input(&m->container.task.io);
	return 0;
}

static int op_checkpoint(void *data, struct server_request *rq, struct crl_err *err)
{
	struct mon_checkpoint spec = {0};
	if (json_decode_tree(&mon_checkpoint_json, rq->body, JSON_LAX, &spec, err) < 0)
		return -1;
	int r = checkpoint_make(data, &spec, err);
	json_free(&mon_checkpoint_json, &spec);
	return r;
}

static void quit_if_over(void *data)
{
	monitor_maybe_quit(data);
}

static int op_release(void *data, struct server_request *rq, struct crl_err *err)
{
	struct monitor *m = data;
	if (m->container.status == CONTAINER_RUNNING)
		return crl_fail(err, CRL_CONFLICT, "release: the container is running");
	container_cleanup(&m->container);
	m->released = true;
	rq->after = quit_if_over;
	rq->after_data = m;
	return 0;
}

const struct server_op monitor_ops[] = {
	{"hello", op_hello},
	{"start", op_start},
	{"attach", op_attach},
	{"exec", op_exec},
	{"resize", op_resize},
	{"signal", op_signal},
	{"close_stdin", op_close_stdin},
	{"release", op_release},
	{"checkpoint", op_checkpoint},
};
const size_t monitor_n_ops = ARRAY_SIZE(monitor_ops);
