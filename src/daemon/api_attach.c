/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * POST /containers/{id}/attach: the client's socket leaves HTTP and goes to
 * the monitor, at once or with the start. With logs=1 the log is written to
 * it first.
 */
#include "api_containers.h"
#include "log_reader.h"
#include "websocket.h"

#include <base/base64.h>
#include <base/fd.h>
#include <base/keys.h>
#include <base/log.h>
#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>

const char *api_stream_type(const struct http_req *r, bool tty)
{
	return !tty && http_api_version(r) >= 142 ? "application/vnd.docker.multiplexed-stream"
						  : "application/vnd.docker.raw-stream";
}

struct attach_call {
	struct daemon *d;
	char id[ID_HEX + 1];
	struct mon_attach spec;
	bool stream, logs;
	bool websocket, text; /* the client speaks WebSocket, and wants text frames */
	/* logs=1: what still goes to the client before the monitor gets the socket */
	struct log_reader *reader;
	struct buf replay;
	int fd;
	sd_event_source *writable, *turn, *pause;
};

static void call_free(void *data)
{
	struct attach_call *call = data;
	sd_event_source_disable_unref(call->writable);
	sd_event_source_disable_unref(call->turn);
	sd_event_source_disable_unref(call->pause);
	log_reader_close(call->reader);
	json_free(&mon_attach_json, &call->spec);
	buf_free(&call->replay);
	cleanup_close_p(&call->fd);
	free(call);
}

/* The socket changes hands. A container that ended meanwhile just closes it. */
static void hand_over(struct attach_call *call)
{
	struct crl_err err = CRL_ERR_INIT;
	struct container *c;
	call->writable = sd_event_source_disable_unref(call->writable);
	if (!call->stream || container_find(call->d, call->id, &c, &err) < 0)
		return;
	if (container_attach(c, take_fd(&call->fd), &call->spec, &err) < 0)
		log_warn("attach", "container", call->id, "error", err.msg, NULL);
}

/* --- logs=1 --- */

static void replay_line(const struct log_line *line, void *data)
{
	struct attach_call *call = data;
	bool err = line->stream == LOG_STDERR;
	if (err ? !call->spec.stderr_ : !call->spec.stdout_)
		return;
	if (call->spec.framed)
		log_frame_header(&call->replay, line->stream, line->len);
	buf_add(&call->replay, line->text, line->len);
}

/* 1 = all is with the kernel, 0 = the client must read first, -1 = it is gone. */
static int send_replay(struct attach_call *call)
{
	while (call->replay.len) {
		ssize_t n = send(call->fd, call->replay.data, call->replay.len,
				 MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN ? 0 : -1;
		buf_consume(&call->replay, (size_t)n);
	}
	return call->replay.failed ? -1 : 1;
}

/* One block of the log a turn, and none while the client does not read. */
static int on_replay_turn(sd_event_source *s, void *data)
{
	struct attach_call *call = data;
	struct crl_err err = CRL_ERR_INIT;
	int more = call->replay.len ? 1 : log_reader_next(call->reader, replay_line, call, &err);
	int sent = send_replay(call);
	if (sent == 0) {
		sd_event_source_set_enabled(call->turn, SD_EVENT_OFF);
		sd_event_source_set_io_events(call->writable, EPOLLOUT);
	} else if (sent < 0 || more <= 0) {
		if (sent > 0)
			hand_over(call);
		call_free(call);
	}
	return 0;
}

static int on_replay_ready(sd_event_source *s, int fd, uint32_t revents, void *data)
{
	struct attach_call *call = data;
	if (revents & (EPOLLHUP | EPOLLERR)) {
		call_free(call);
		return 0;
	}
	sd_event_source_set_io_events(call->writable, 0);
	sd_event_source_set_enabled(call->turn, SD_EVENT_ON);
	return 0;
}

/*
 * docker-py reads the head through a buffer that it then throws away, with all that came in the
 * same packet: it loses a log that follows the head at once, and has not met an engine that does.
 */
#define REPLAY_PAUSE_US 10000

static int on_pause_over(sd_event_source *s, uint64_t usec, void *data)
{
	struct attach_call *call = data;
	sd_event_source_set_enabled(call->turn, SD_EVENT_ON);
	return 0;
}

/* false: there is no log that could be read. */
static bool begin_replay(struct attach_call *call)
{
	struct crl_err err = CRL_ERR_INIT;
	struct container *c;
	bool local;
	if (container_find(call->d, call->id, &c, &err) < 0)
		return false;
	_cleanup_free_ char *path = container_log_source(c, &local);
	const struct log_query q = {.tail = -1};
	return !str_empty(path) && log_reader_open(path, local, &q, &call->reader, &err) == 0 &&
	       sd_event_add_io(call->d->event, &call->writable, call->fd, 0, on_replay_ready,
			       call) >= 0 &&
	       sd_event_add_defer(call->d->event, &call->turn, on_replay_turn, call) >= 0 &&
	       sd_event_source_set_enabled(call->turn, SD_EVENT_OFF) >= 0 &&
	       sd_event_add_time_relative(call->d->event, &call->pause, CLOCK_MONOTONIC,
					  REPLAY_PAUSE_US, 1000, on_pause_over, call) >= 0;
}

/* --- the request --- */

/* From here on `fd` carries plain bytes, in the monitor's form. */
static int take_client(struct attach_call *call, int fd, const void *early, size_t early_len)
{
	struct crl_err err = CRL_ERR_INIT;
	if (call->websocket) {
		if (websocket_relay(call->d, fd, early, early_len, call->text, &call->fd, &err) ==
		    0)
			return 0;
		log_warn("websocket", "container", call->id, "error", err.msg, NULL);
		return -1;
	}
	call->fd = fd;
	if (early_len)
		call->spec.early_input = base64_text(early, early_len);
	return 0;
}

static void on_hijacked(struct http_req *r, int fd, const void *early, size_t early_len, void *data)
{
	struct attach_call *call = *(struct attach_call **)data;
	*(struct attach_call **)data = NULL;
	if (take_client(call, fd, early, early_len) < 0) {
		call_free(call);
		return;
	}
	if (call->logs && begin_replay(call))
		return;
	hand_over(call);
	call_free(call);
}

static void slot_free(void *data)
{
	struct attach_call **slot = data;
	if (*slot)
		call_free(*slot);
	free(slot);
}

static int fill_spec(struct http_req *r, const struct container *c, struct mon_attach *a)
{
	const char *keys = http_query(r, "detachKeys");
	a->stdin_ = http_query_bool(r, "stdin", false) && c->rec.config.open_stdin;
	a->stdout_ = http_query_bool(r, "stdout", false);
	a->stderr_ = http_query_bool(r, "stderr", false);
	a->framed = !c->rec.config.tty;
	if (c->rec.config.tty)
		a->detach_keys = strdup(str_empty(keys) ? "ctrl-p,ctrl-q" : keys);
	return 0;
}

static int check_attach(const struct container *c, struct crl_err *err)
{
	if (c->state == FSM_PAUSED)
		return crl_fail(err, CRL_CONFLICT,
				"container %s is paused, unpause the container before attach",
				c->rec.id);
	if (c->state == FSM_RESTARTING)
		return crl_fail(err, CRL_CONFLICT,
				"container %s is restarting, wait until the container is running",
				c->rec.id);
	return 0;
}

static struct attach_call *call_new(struct http_req *r, const struct container *c, bool websocket)
{
	struct attach_call *call = calloc(1, sizeof(*call));
	if (!call)
		return NULL;
	call->d = http_daemon(r);
	call->fd = -1;
	memcpy(call->id, c->rec.id, sizeof(call->id));
	fill_spec(r, c, &call->spec);
	call->stream = http_query_bool(r, "stream", false);
	call->logs = http_query_bool(r, "logs", false);
	if (websocket) {
		call->websocket = true;
		call->spec.framed = false; /* it has frames of its own, and one stream only */
		call->text = http_api_version(r) < 128;
	}
	return call;
}

static bool may_attach(struct http_req *r, struct container **ret)
{
	struct crl_err err = CRL_ERR_INIT;
	const char *keys = http_query(r, "detachKeys");
	struct keys parsed;
	if (!api_container(r, ret))
		return false;
	if (keys_parse(keys, &parsed, &err) < 0) {
		http_reply_message(r, 400, "Invalid detach keys (%s) provided", keys);
		return false;
	}
	if (check_attach(*ret, &err) == 0)
		return true;
	http_reply_error(r, &err);
	return false;
}

static void attach(struct http_req *r, bool websocket)
{
	struct container *c;
	if (!may_attach(r, &c))
		return;
	struct attach_call **slot = calloc(1, sizeof(*slot));
	struct attach_call *call = call_new(r, c, websocket);
	if (!slot || !call) {
		struct crl_err err = CRL_ERR_INIT;
		free(slot);
		if (call)
			call_free(call);
		crl_fail_oom(&err);
		http_reply_error(r, &err);
		return;
	}
	*slot = call;
	http_set_data(r, slot, slot_free);
	if (!websocket)
		http_hijack(r, api_stream_type(r, c->rec.config.tty), on_hijacked, slot);
	else if (!websocket_accept(r, on_hijacked, slot))
		return;
	container_publish(c, "attach", NULL);
}

void api_containers_attach(struct http_req *r)
{
	attach(r, false);
}

void api_containers_attach_ws(struct http_req *r)
{
	attach(r, true);
}
