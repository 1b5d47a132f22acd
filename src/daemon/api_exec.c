/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Handlers of exec: create, start (detached or on the hijacked socket),
 * inspect, resize. Health checks of clients live on these: nothing is parsed
 * twice and finished ones are forgotten after a while.
 */
#include "api_containers.h"
#include "exec.h"

#include <base/base64.h>
#include <base/keys.h>
#include <base/log.h>
#include <inttypes.h>

#define KEEP_FINISHED_NS (5 * 60 * 1000000000LL)
#define KEEP_FINISHED_MAX 64
#define KEEP_WAITING_MAX 1000

/* --- create --- */

/* Old ones go; clients may ask for a code minutes later, but not for thousands of them. */
static void forget_old(struct container *c)
{
	int64_t now = time_boot_ns();
	size_t kept = 0, waiting = 0;
	for (struct exec **p = &c->execs; *p;) {
		struct exec *e = *p;
		bool over = e->has_exit_code && (now - e->finished_boot > KEEP_FINISHED_NS ||
						 ++kept > KEEP_FINISHED_MAX);
		/* Created and forgotten by its client. */
		over |= !e->started &&
			(now - e->created_boot > KEEP_FINISHED_NS || ++waiting > KEEP_WAITING_MAX);
		if (!over) {
			p = &e->next;
			continue;
		}
		*p = e->next;
		json_free(&api_exec_create_json, &e->spec);
		free(e);
	}
}

static int check_state(const struct container *c, struct crl_err *err)
{
	if (c->state == FSM_PAUSED)
		return crl_fail(err, CRL_CONFLICT,
				"Container %s is paused, unpause the container before exec",
				c->rec.name);
	if (c->state == FSM_RESTARTING)
		return crl_fail(err, CRL_CONFLICT,
				"Container %s is restarting, wait until the container is running",
				c->rec.id);
	if (c->state != FSM_RUNNING)
		return crl_fail(err, CRL_CONFLICT, "Container %s is not running", c->rec.id);
	return 0;
}

static int create(struct container *c, struct http_req *r, struct exec **ret, struct crl_err *err)
{
	struct exec *e = calloc(1, sizeof(*e));
	if (!e)
		return crl_fail_oom(err);
	if (http_decode_body(r, &api_exec_create_json, false, &e->spec, err) < 0) {
		free(e);
		return -1;
	}
	if (!strv_len(e->spec.cmd))
		crl_fail(err, CRL_INVALID, "No exec command specified");
	else if (!str_empty(e->spec.working_dir) && e->spec.working_dir[0] != '/')
		crl_fail(err, CRL_INVALID, "Cwd must be an absolute path");
	struct keys keys;
	if (!err->code && keys_parse(e->spec.detach_keys, &keys, err) < 0)
		crl_fail(err, CRL_INVALID, "Invalid escape keys (%s) provided",
			 e->spec.detach_keys);
	if (err->code || check_state(c, err) < 0) {
		json_free(&api_exec_create_json, &e->spec);
		free(e);
		return -1;
	}
	ident_random(e->id);
	e->c = c;
	e->created_boot = time_boot_ns();
	api_console_size(e->spec.console_size, &e->rows, &e->cols);
	forget_old(c);
	e->next = c->execs;
	c->execs = e;
	*ret = e;
	return 0;
}

void api_containers_exec(struct http_req *r)
{
	struct container *c;
	struct exec *e = NULL;
	struct crl_err err = CRL_ERR_INIT;
	if (!api_container(r, &c))
		return;
	if (create(c, r, &e, &err) < 0) {
		http_reply_error(r, &err);
		return;
	}
	exec_publish(e, "exec_create");
	cJSON *out = cJSON_CreateObject();
	json_add_str(out, "Id", e->id);
	http_reply_json(r, 201, out);
}

static struct exec *find(struct http_req *r)
{
	struct exec *e = exec_find(http_daemon(r), http_arg(r, 0));
	if (!e)
		http_reply_message(r, 404, "No such exec instance: %s", http_arg(r, 0));
	return e;
}

/* --- start --- */

struct start_call { /* an exec on its way in the monitor */
	struct daemon *d;
	char id[ID_HEX + 1];
	struct late *late; /* detached: the answer; else NULL */
};

static void on_started(const cJSON *answer, const struct crl_err *err, int exit_code, void *data)
{
	struct start_call *call = data;
	struct exec *e = exec_find(call->d, call->id);
	int64_t pid = 0;
	if (e && err->code == CRL_OK && json_get_i64(answer, "pid", &pid)) {
		/* A short command may have ended before its start was reported. */
		if (!e->has_exit_code)
			e->pid = pid;
	} else if (e && err->code != CRL_OK) {
		e->running = false;
		e->has_exit_code = true;
		/* 125 is the client's own: of an exec that did not start dockerd says 126. */
		e->exit_code = exit_code > 125 ? exit_code : 126;
		e->finished_boot = time_boot_ns();
		log_debug("exec did not start", "exec", e->id, "error", err->msg, NULL);
	}
	if (call->late) {
		struct crl_err shown = *err;
		if (shown.code && (exit_code == 126 || exit_code == 127))
			shown.code = CRL_INVALID;
		late_done(shown.code ? &shown : NULL, true, call->late);
	}
	free(call);
}

static int send_start(struct exec *e, int fd, const struct mon_attach *attach, struct late *late,
		      struct crl_err *err)
{
	struct start_call *call = calloc(1, sizeof(*call));
	if (!call)
		return crl_fail_oom(err);
	call->d = e->c->d;
	call->late = late;
	memcpy(call->id, e->id, sizeof(call->id));
	e->running = true;
	const struct exec_streams io = {.client = fd, .attach = attach};
	int r = exec_send(e, &io, 60000, on_started, call, err);
	if (r < 0) {
		free(call);
		e->running = false;
		e->has_exit_code = true;
		e->exit_code = 126;
		e->finished_boot = time_boot_ns();
	}
	return r;
}

static void on_hijacked(struct http_req *r, int fd, const void *early, size_t early_len, void *data)
{
	struct exec *e = exec_find(http_daemon(r), data);
	struct crl_err err = CRL_ERR_INIT;
	_cleanup_free_ char *input = NULL;
	_cleanup_close_ int client = fd;
	if (!e || !e->c->monitor)
		return;
	struct mon_attach a = {.stdin_ = e->spec.attach_stdin,
			       .stdout_ = e->spec.attach_stdout,
			       .stderr_ = e->spec.attach_stderr,
			       .framed = !e->spec.tty,
			       .detach_keys = e->spec.tty ? (str_empty(e->spec.detach_keys)
								     ? (char *)"ctrl-p,ctrl-q"
								     : e->spec.detach_keys)
							  : NULL};
	if (early_len && !(input = base64_text(early, early_len)))
		return;
	a.early_input = input;
	if (send_start(e, client, &a, NULL, &err) < 0)
		log_warn("exec", "exec", e->id, "error", err.msg, NULL);
}

static void start_attached(struct http_req *r, struct exec *e)
{
	char *id = strdup(e->id);
	struct crl_err err = CRL_ERR_INIT;
	if (!id) {
		crl_fail_oom(&err);
		http_reply_error(r, &err);
		return;
	}
	http_set_data(r, id, free);
	http_hijack(r, api_stream_type(r, e->spec.tty), on_hijacked, id);
}

static void start_detached(struct http_req *r, struct exec *e)
{
	struct crl_err err = CRL_ERR_INIT;
	struct late *l = late_new(r, 200, false);
	if (l && send_start(e, -1, NULL, l, &err) < 0)
		late_done(&err, false, l);
}

static int check_start(const struct exec *e, struct crl_err *err)
{
	if (e->started)
		return crl_fail(err, CRL_CONFLICT, "exec command %s %s", e->id,
				e->has_exit_code ? "has already run" : "is already running");
	return check_state(e->c, err);
}

void api_exec_start(struct http_req *r)
{
	struct crl_err err = CRL_ERR_INIT;
	struct api_exec_start body = {0};
	struct exec *e = find(r);
	if (!e)
		return;
	if (check_start(e, &err) < 0 ||
	    http_decode_body(r, &api_exec_start_json, true, &body, &err) < 0) {
		http_reply_error(r, &err);
		return;
	}
	e->started = true;
	api_console_size(body.console_size, &e->rows, &e->cols);
	if (body.detach)
		start_detached(r, e);
	else
		start_attached(r, e);
	json_free(&api_exec_start_json, &body);
}

/* --- inspect, resize --- */

static cJSON *process_config(const struct exec *e)
{
	cJSON *p = cJSON_CreateObject();
	cJSON_AddBoolToObject(p, "tty", e->spec.tty);
	json_add_str(p, "entrypoint", strv_len(e->spec.cmd) ? e->spec.cmd[0] : "");
	json_add_strv(p, "arguments", strv_len(e->spec.cmd) ? e->spec.cmd + 1 : NULL, false);
	cJSON_AddBoolToObject(p, "privileged", e->spec.privileged);
	if (!str_empty(e->spec.user))
		json_add_str(p, "user", e->spec.user);
	return p;
}

void api_exec_inspect(struct http_req *r)
{
	const struct exec *e = find(r);
	if (!e)
		return;
	cJSON *out = cJSON_CreateObject();
	json_add_str(out, "ID", e->id);
	cJSON_AddBoolToObject(out, "Running", e->running);
	if (e->has_exit_code)
		json_add_i64(out, "ExitCode", e->exit_code);
	else
		cJSON_AddNullToObject(out, "ExitCode");
	cJSON_AddItemToObject(out, "ProcessConfig", process_config(e));
	cJSON_AddBoolToObject(out, "OpenStdin", e->spec.attach_stdin);
	cJSON_AddBoolToObject(out, "OpenStderr", e->spec.attach_stderr);
	cJSON_AddBoolToObject(out, "OpenStdout", e->spec.attach_stdout);
	cJSON_AddBoolToObject(out, "CanRemove", e->has_exit_code);
	json_add_str(out, "ContainerID", e->c->rec.id);
	json_add_str(out, "DetachKeys", e->spec.detach_keys);
	json_add_i64(out, "Pid", e->pid);
	http_reply_json(r, 200, out);
}

void api_exec_resize(struct http_req *r)
{
	struct crl_err err = CRL_ERR_INIT;
	struct exec *e = find(r);
	if (!e)
		return;
	if (api_size(r, &e->rows, &e->cols, &err) < 0) {
		http_reply_error(r, &err);
		return;
	}
	struct mon_resize m = {.exec_id = e->id, .rows = e->rows, .cols = e->cols};
	/* Before the start the size is kept for it; after the end nobody minds. */
	if (e->running && e->c->monitor)
		(void)monitor_call(e->c->monitor, "resize", json_encode_tree(&mon_resize_json, &m),
				   NULL, 0, 0, NULL, NULL, &err);
	http_reply_empty(r, 200);
}
