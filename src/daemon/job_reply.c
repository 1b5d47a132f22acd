// SPDX-License-Identifier: GPL-2.0-or-later
/* See job_reply.h. Owns the job while the request lives. */
#include "job_reply.h"
#include "jobs.h"

#include <base/fd.h>
#include <base/log.h>
#include <errno.h>
#include <fcntl.h>

#define PIPE_SIZE (1024 * 1024)

struct reply_state {
	struct job_reply spec;
	struct http_req *req;
	struct job *job;
	bool streaming;   /* the status has left */
	bool error_shown; /* the worker itself put an errorDetail among its messages */
	bool body_open;   /* the client still sends */
	struct buf held;
};

static void state_destroy(void *data)
{
	struct reply_state *s = data;

	if (s->job)
		job_cancel(s->job);
	if (s->spec.destroy)
		s->spec.destroy(s->spec.data);
	buf_free(&s->held);
	free(s);
}

/* --- lines --- */

static void begin(struct reply_state *s)
{
	if (s->streaming)
		return;
	s->streaming = true;
	http_stream(s->req, 200, "application/json");
}

static void add_line(struct reply_state *s, const cJSON *line)
{
	_cleanup_free_ char *text = line ? cJSON_PrintUnformatted(line) : NULL;
	_cleanup_buf_ struct buf b = BUF_INIT;

	if (!text)
		return;
	buf_puts(&b, text);
	buf_puts(&b, "\r\n");
	if (s->spec.hold) {
		buf_add(&s->held, b.data, b.len);
		return;
	}
	begin(s);
	/*
	 * While the client still sends, the worker must not be held up: it would not read the body,
	 * and nobody reads the answer before the body's end.
	 */
	if (!http_write(s->req, b.data, b.len) && s->job && !s->body_open)
		job_pause(s->job, true);
}

void job_reply_line(struct http_req *r, cJSON *line)
{
	struct reply_state *s = http_data(r);

	s->spec.hold = false;
	add_line(s, line);
	cJSON_Delete(line);
}

void job_reply_stream_line(struct http_req *r, const char *fmt, ...)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	cJSON *line = cJSON_CreateObject();
	va_list ap;

	va_start(ap, fmt);
	buf_vprintf(&text, fmt, ap);
	va_end(ap);
	json_add_str(line, "stream", text.data);
	job_reply_line(r, line);
}

static void on_drain(struct http_req *r, void *data)
{
	struct reply_state *s = data;

	if (s->job)
		job_pause(s->job, false);
}

/* --- the job's events --- */

static void on_progress(struct job *j, const cJSON *message, void *data)
{
	struct reply_state *s = data;

	if (cJSON_HasObjectItem(message, "errorDetail"))
		s->error_shown = true;
	add_line(s, message);
}

/* What was held back is part of the story when the end is bad. */
static void show_held(struct reply_state *s)
{
	if (!s->spec.hold || s->held.len == 0)
		return;
	s->spec.hold = false;
	begin(s);
	(void)http_write(s->req, s->held.data, s->held.len);
}

static void show_error(struct reply_state *s, const struct crl_err *err)
{
	cJSON *line, *detail;

	show_held(s);
	if (!s->streaming) {
		http_reply_error(s->req, err);
		return;
	}
	if (!s->error_shown) {
		line = cJSON_CreateObject();
		detail = cJSON_AddObjectToObject(line, "errorDetail");
		json_add_str(detail, "message", err->msg);
		json_add_str(line, "error", err->msg);
		job_reply_line(s->req, line);
	}
	http_stream_end(s->req);
}

static void on_done(struct job *j, const cJSON *result, const struct crl_err *err, void *data)
{
	struct reply_state *s = data;
	struct crl_err finish_err = CRL_ERR_INIT;

	s->job = NULL;
	if (err->code == CRL_OK && s->spec.finish &&
	    s->spec.finish(s->req, result, s->spec.data, &finish_err) < 0)
		err = &finish_err;
	if (err->code != CRL_OK) {
		show_error(s, err);
		return;
	}
	begin(s);
	http_stream_end(s->req);
}

static void on_client_gone(struct http_req *r, void *data)
{
	struct reply_state *s = data;

	if (s->job)
		job_cancel(take_ptr(s->job));
}

static void on_body_end(struct http_req *r, bool ok, void *data)
{
	struct reply_state *s = data;

	s->body_open = false;
}

/* --- the start --- */

static int make_pipe(int *ret_read, int *ret_write, struct crl_err *err)
{
	int fds[2];

	if (pipe2(fds, O_CLOEXEC) < 0)
		return crl_fail_sys(err, errno, "pipe");
	/* Fewer turns of the loop for big archives; a refusal (pipe-user-pages-soft) does no harm.
	 */
	(void)fcntl(fds[1], F_SETPIPE_SZ, PIPE_SIZE);
	*ret_read = fds[0];
	*ret_write = fds[1];
	return 0;
}

static int start_job(struct reply_state *s, int input, int output, struct crl_err *err)
{
	const struct job_spec spec = {
		.verb = s->spec.verb,
		.args = take_ptr(s->spec.args),
		.input_fd = input,
		.output_fd = output,
		.progress = on_progress,
		.done = on_done,
		.data = s,
	};

	return job_start(http_daemon(s->req), &spec, &s->job, err);
}

static int start_lines(struct reply_state *s, struct crl_err *err)
{
	_cleanup_close_ int input = -1, body = -1;

	if (s->spec.takes_body && make_pipe(&input, &body, err) < 0)
		return -1;
	if (start_job(s, take_fd(&input), -1, err) < 0)
		return -1;
	http_on_close(s->req, on_client_gone);
	http_stream_on_drain(s->req, on_drain);
	if (s->spec.takes_body) {
		s->body_open = true;
		http_body_to_fd(s->req, take_fd(&body), on_body_end);
	}
	return 0;
}

void job_reply_start(struct http_req *r, const struct job_reply *spec)
{
	struct reply_state *s = calloc(1, sizeof(*s));
	struct crl_err err;

	if (!s) {
		cJSON_Delete(spec->args);
		if (spec->destroy)
			spec->destroy(spec->data);
		http_reply_message(r, 503, "out of memory");
		return;
	}
	s->spec = *spec;
	s->req = r;
	http_set_data(r, s, state_destroy);
	if (start_lines(s, &err) < 0) {
		cJSON_Delete(take_ptr(s->spec.args));
		http_reply_error(r, &err);
	}
}
