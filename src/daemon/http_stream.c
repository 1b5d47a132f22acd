// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Long answers and long request bodies. An answer's bytes wait in r->out and
 * MHD fetches them; when there are none, the connection is suspended. A
 * request's bytes go straight into a pipe; when it is full, the connection is
 * suspended until it is not.
 */
#include "http_internal.h"

#include <base/fd.h>
#include <base/log.h>
#include <errno.h>
#include <sys/epoll.h>

#define OUT_LIMIT (1024U * 1024)
#define OUT_RESUME (256U * 1024) /* on_drain is called below this */
#define OUT_KEEP (64U * 1024)    /* a larger empty buffer is given back */
#define BLOCK (16U * 1024)

/* --- answers --- */

static size_t out_pending(const struct http_req *r)
{
	return r->out.len - r->out_off;
}

static void out_consume(struct http_req *r, size_t n)
{
	r->out_off += n;
	if (r->out_off < r->out.len)
		return;
	r->out_off = r->out.len = 0;
	if (r->out.cap > OUT_KEEP)
		buf_free(&r->out);
}

static ssize_t stream_read(void *cls, uint64_t pos, char *buf, size_t max)
{
	struct http_req *r = cls;
	size_t n = out_pending(r);

	if (r->gone || r->close_now || r->out.failed)
		return MHD_CONTENT_READER_END_WITH_ERROR;
	if (n == 0 && r->ended)
		return MHD_CONTENT_READER_END_OF_STREAM;
	if (n == 0) {
		http_suspend(r);
		return 0;
	}
	if (n > max)
		n = max;
	memcpy(buf, r->out.data + r->out_off, n);
	out_consume(r, n);
	if (r->drain_wanted && out_pending(r) < OUT_RESUME) {
		r->drain_wanted = false;
		if (r->on_drain)
			r->on_drain(r, r->data);
	}
	return (ssize_t)n;
}

void http_stream(struct http_req *r, int status, const char *content_type)
{
	struct MHD_Response *response =
		MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK, stream_read, r, NULL);

	if (response && content_type)
		(void)MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, content_type);
	r->stream = true;
	http_set_answer(r, status, response);
}

bool http_write(struct http_req *r, const void *data, size_t len)
{
	bool full;

	if (r->gone || r->ended)
		return false;
	full = out_pending(r) + len > OUT_LIMIT;
	if (full && !r->on_drain)
		return false;
	if (r->out_off > 0 && r->out.len + len > r->out.cap) {
		buf_consume(&r->out, r->out_off);
		r->out_off = 0;
	}
	buf_add(&r->out, data, len);
	if (full)
		r->drain_wanted = true;
	if (r->body_end)
		http_resume(r);
	return !full;
}

void http_stream_on_drain(struct http_req *r, void (*cb)(struct http_req *r, void *data))
{
	r->on_drain = cb;
}

void http_stream_end(struct http_req *r)
{
	r->ended = true;
	r->on_close = NULL;
	r->on_drain = NULL;
	if (r->body_end)
		http_resume(r);
}

void http_stream_abort(struct http_req *r)
{
	r->close_now = true;
	http_stream_end(r);
}

/* --- request bodies --- */

static int on_sink_ready(sd_event_source *source, int fd, uint32_t events, void *data)
{
	(void)sd_event_source_set_enabled(source, SD_EVENT_OFF);
	http_resume(data);
	return 0;
}

void http_sink_close(struct http_req *r, bool ok)
{
	if (r->sink_fd < 0)
		return;
	r->sink_source = sd_event_source_disable_unref(r->sink_source);
	cleanup_close_p(&r->sink_fd);
	r->sink_fd = -1;
	if (r->sink_done)
		r->sink_done(r, ok, r->data);
}

static void sink_wait(struct http_req *r)
{
	int e;

	if (r->sink_source)
		e = sd_event_source_set_enabled(r->sink_source, SD_EVENT_ON);
	else
		e = sd_event_add_io(r->server->daemon->event, &r->sink_source, r->sink_fd, EPOLLOUT,
				    on_sink_ready, r);
	if (e < 0)
		http_sink_close(r, false);
	else
		http_suspend(r);
}

void http_sink_feed(struct http_req *r, const char *data, size_t *size)
{
	size_t done = 0;

	while (done < *size) {
		ssize_t n = write(r->sink_fd, data + done, *size - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			break;
		done += (size_t)n;
	}
	if (done < *size && errno == EAGAIN) {
		*size -= done;
		sink_wait(r);
		return;
	}
	if (done < *size)
		http_sink_close(r, false);
	*size = 0;
}

void http_body_to_fd(struct http_req *r, int fd,
		     void (*done)(struct http_req *r, bool ok, void *data))
{
	struct crl_err err;

	r->sink_fd = fd;
	r->sink_done = done;
	if (fd_set_nonblock(fd, true, &err) < 0)
		log_warn("request body", "error", err.msg, NULL);
	http_resume(r);
}
