// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * job_reply_download(): the worker writes an archive into a pipe, the client
 * gets it as it comes. When the client is slow the pipe is not read, and the
 * worker waits in write(2).
 */
#include "daemon.h"
#include "job_reply.h"
#include "jobs.h"

#include <base/fd.h>
#include <base/log.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/epoll.h>

#define BLOCK (64U * 1024)

struct download {
	struct http_req *req;
	struct job *job;
	struct job_download spec;
	bool open; /* the head is complete: the body may follow */
	int fd;    /* -1 after the end of the worker's output */
	sd_event_source *source;
	bool streaming, finished;
	struct crl_err err;
};

static void download_destroy(void *data)
{
	struct download *d = data;

	if (d->job)
		job_cancel(d->job);
	sd_event_source_disable_unref(d->source);
	cleanup_close_p(&d->fd);
	if (d->spec.destroy)
		d->spec.destroy(d->spec.data);
	free(d);
}

/* Both ends must have come: the output's and the worker's, in whatever order. */
static void maybe_end(struct download *d)
{
	if (!d->finished || d->fd >= 0)
		return;
	if (d->err.code == CRL_OK && !d->streaming)
		http_stream(d->req, 200, d->spec.content_type);
	if (d->err.code == CRL_OK)
		http_stream_end(d->req);
	else if (!d->streaming)
		http_reply_error(d->req, &d->err);
	else
		http_stream_abort(
			d->req); /* the client must not take half an archive for a whole */
}

static void output_end(struct download *d)
{
	d->source = sd_event_source_disable_unref(d->source);
	cleanup_close_p(&d->fd);
	d->fd = -1;
	maybe_end(d);
}

static int on_output(sd_event_source *source, int fd, uint32_t events, void *data)
{
	static char block[BLOCK];
	struct download *d = data;
	ssize_t n = read(fd, block, sizeof(block));

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n <= 0) {
		output_end(d);
		return 0;
	}
	if (!d->streaming) {
		d->streaming = true;
		http_stream(d->req, 200, d->spec.content_type);
	}
	if (!http_write(d->req, block, (size_t)n))
		(void)sd_event_source_set_enabled(source, SD_EVENT_OFF);
	return 0;
}

static void on_drain(struct http_req *r, void *data)
{
	struct download *d = data;

	if (d->source)
		(void)sd_event_source_set_enabled(d->source, SD_EVENT_ON);
}

static void open_body(struct download *d)
{
	d->open = true;
	if (d->source)
		(void)sd_event_source_set_enabled(d->source, SD_EVENT_ON);
}

static void on_message(struct job *j, const cJSON *message, void *data)
{
	struct download *d = data;

	if (!d->open && d->spec.head && d->spec.head(d->req, message, d->spec.data))
		open_body(d);
}

static void on_done(struct job *j, const cJSON *result, const struct crl_err *err, void *data)
{
	struct download *d = data;

	d->job = NULL;
	d->finished = true;
	d->err = *err;
	if (d->spec.failed && err->code != CRL_OK)
		d->spec.failed(&d->err, d->spec.data);
	if (!d->open)
		open_body(d);
	if (err->code != CRL_OK && crl_code_http(d->err.code) >= 500)
		log_warn("download", "error", err->msg, NULL);
	maybe_end(d);
}

static void on_client_gone(struct http_req *r, void *data)
{
	struct download *d = data;

	if (d->job)
		job_cancel(take_ptr(d->job));
}

static int start(struct download *d, struct crl_err *err)
{
	struct job_spec spec = {.verb = d->spec.verb,
				.args = take_ptr(d->spec.args),
				.input_fd = -1,
				.progress = on_message,
				.done = on_done,
				.data = d};
	sd_event *event = http_daemon(d->req)->event;
	int fds[2];

	if (pipe2(fds, O_CLOEXEC) < 0) {
		cJSON_Delete(spec.args);
		return crl_fail_sys(err, errno, "pipe");
	}
	d->fd = fds[0];
	spec.output_fd = fds[1];
	if (job_start(http_daemon(d->req), &spec, &d->job, err) < 0)
		return -1;
	if (fd_set_nonblock(d->fd, true, err) < 0)
		return -1;
	if (sd_event_add_io(event, &d->source, d->fd, EPOLLIN, on_output, d) < 0 ||
	    sd_event_source_set_enabled(d->source, d->open ? SD_EVENT_ON : SD_EVENT_OFF) < 0)
		return crl_fail(err, CRL_INTERNAL, "download: event source");
	return 0;
}

void job_reply_download_with(struct http_req *r, const struct job_download *spec)
{
	struct download *d = calloc(1, sizeof(*d));
	struct crl_err err;

	if (!d) {
		cJSON_Delete(spec->args);
		if (spec->destroy)
			spec->destroy(spec->data);
		http_reply_message(r, 503, "out of memory");
		return;
	}
	d->spec = *spec;
	d->req = r;
	d->fd = -1;
	d->open = !spec->head;
	http_set_data(r, d, download_destroy);
	http_on_close(r, on_client_gone);
	http_stream_on_drain(r, on_drain);
	if (start(d, &err) == 0)
		return;
	if (d->job)
		job_cancel(take_ptr(d->job));
	http_reply_error(r, &err);
}

void job_reply_download(struct http_req *r, const char *verb, cJSON *args, const char *content_type)
{
	const struct job_download spec = {.verb = verb, .args = args, .content_type = content_type};

	job_reply_download_with(r, &spec);
}
