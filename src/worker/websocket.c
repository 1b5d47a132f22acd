/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Verb "websocket": between a client that speaks WebSocket (descriptor 0) and
 * the monitor's end of an attach (descriptor 1), until one of them ends. Outlives
 * the daemon, as attached sessions do. Reads from one side only while the
 * other takes what it gave: nothing is queued beyond one piece.
 * See RFC 6455 sections 5 and 7, poll(2).
 */
#include "verbs.h"
#include "ws_frame.h"

#include <base/base64.h>
#include <base/cleanup.h>
#include <base/fd.h>

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#define CLIENT STDIN_FILENO
#define MONITOR STDOUT_FILENO
#define PIECE 16384
#define GOODBYE_MS 2000
#define STATUS_NORMAL 1000
#define UNREAD_MAX (4U * PIECE) /* answers to pings that the client did not read */

struct relay {
	enum ws_opcode kind; /* of what the client gets */
	struct ws_parser parser;
	struct buf to_client, to_monitor;
	uint8_t in[PIECE];
	size_t in_len, in_at;        /* received from the client, not parsed yet */
	bool monitor_ended, closing; /* closing: our close frame is in to_client or sent */
	bool done;
};

static void relay_free(struct relay *r)
{
	buf_free(&r->to_client);
	buf_free(&r->to_monitor);
}

static void send_frame(struct relay *r, enum ws_opcode opcode, const void *data, size_t len)
{
	uint8_t head[WS_HEAD_MAX];

	if (r->closing) /* nothing may follow a close frame */
		return;
	buf_add(&r->to_client, head, ws_head(head, opcode, len));
	buf_add(&r->to_client, data, len);
}

static void send_close(struct relay *r, uint16_t status)
{
	const uint8_t body[2] = {(uint8_t)(status >> 8), (uint8_t)status};

	send_frame(r, WS_CLOSE, body, status ? sizeof(body) : 0);
	r->closing = true;
}

/* --- from the client --- */

static void on_control(struct relay *r, const struct ws_piece *p)
{
	if (p->opcode == WS_PING)
		send_frame(r, WS_PONG, p->data, p->len);
	if (p->opcode != WS_CLOSE)
		return;
	/* Our answer to its close, or its answer to ours: in both cases that was all. */
	send_close(r, ws_close_status(p->data, p->len));
	r->done = true;
}

/* One event at a time; a pause as soon as something waits for the monitor, or the client owes us.
 */
static void parse(struct relay *r)
{
	struct ws_piece p;
	size_t used;

	while (r->in_at < r->in_len && !r->to_monitor.len && !r->done &&
	       r->to_client.len < UNREAD_MAX) {
		enum ws_event e =
			ws_parse(&r->parser, r->in + r->in_at, r->in_len - r->in_at, &used, &p);
		r->in_at += used;
		if (e == WS_EV_DATA && !r->monitor_ended)
			buf_add(&r->to_monitor, p.data, p.len);
		if (e == WS_EV_CONTROL)
			on_control(r, &p);
		if (e == WS_EV_BROKEN) {
			send_close(r, p.status);
			r->done = true;
		}
	}
}

static void read_client(struct relay *r)
{
	ssize_t n = recv(CLIENT, r->in, sizeof(r->in), MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		r->done = true;
		return;
	}
	r->in_at = 0;
	r->in_len = (size_t)n;
}

/* --- from the monitor --- */

static void read_monitor(struct relay *r)
{
	char piece[PIECE];
	ssize_t n = recv(MONITOR, piece, sizeof(piece), MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n > 0) {
		send_frame(r, r->kind, piece, (size_t)n);
		return;
	}
	r->monitor_ended = true;
	r->to_monitor.len = 0;
	send_close(r, STATUS_NORMAL);
}

/* --- the loop --- */

static void flush(struct buf *b, int fd, bool *lost)
{
	ssize_t n = send(fd, b->data, b->len, MSG_DONTWAIT | MSG_NOSIGNAL);

	if (n > 0)
		buf_consume(b, (size_t)n);
	else if (n < 0 && errno != EAGAIN && errno != EINTR)
		*lost = true;
}

static short client_events(const struct relay *r)
{
	return (short)((r->in_at == r->in_len ? POLLIN : 0) | (r->to_client.len ? POLLOUT : 0));
}

static short monitor_events(const struct relay *r)
{
	return (short)((r->to_client.len || r->closing ? 0 : POLLIN) |
		       (r->to_monitor.len ? POLLOUT : 0));
}

static int turn(struct relay *r, struct crl_err *err)
{
	struct pollfd p[2] = {{.fd = CLIENT, .events = client_events(r)},
			      {.fd = r->monitor_ended ? -1 : MONITOR, .events = monitor_events(r)}};
	int n = poll(p, 2, r->closing ? GOODBYE_MS : -1);

	if (n < 0)
		return errno == EINTR ? 0 : crl_fail_sys(err, errno, "poll");
	if (n == 0)
		r->done = true;
	bool monitor_lost = false;
	if (r->to_client.len && p[0].revents)
		flush(&r->to_client, CLIENT, &r->done);
	if (r->to_monitor.len && p[1].revents)
		flush(&r->to_monitor, MONITOR, &monitor_lost);
	if (monitor_lost)
		r->to_monitor.len = 0;
	if (r->in_at == r->in_len && p[0].revents & (POLLIN | POLLHUP | POLLERR))
		read_client(r);
	if (!r->to_client.len && !r->closing && p[1].revents & (POLLIN | POLLHUP | POLLERR))
		read_monitor(r);
	parse(r);
	return r->to_client.failed || r->to_monitor.failed ? crl_fail_oom(err) : 0;
}

/* What is ready for either side goes out, then both sides learn of the end. */
static void say_goodbye(struct relay *r)
{
	struct crl_err ignored;

	if (r->to_client.len)
		(void)send(CLIENT, r->to_client.data, r->to_client.len,
			   MSG_DONTWAIT | MSG_NOSIGNAL);
	if (r->to_monitor.len)
		(void)fd_write_all(MONITOR, r->to_monitor.data, r->to_monitor.len, &ignored);
	shutdown(CLIENT, SHUT_WR);
}

/* Bytes that came behind the handshake. */
static int take_early(struct relay *r, const char *text, struct crl_err *err)
{
	_cleanup_free_ uint8_t *data = NULL;
	size_t n;

	if (str_empty(text))
		return 0;
	if (base64_bytes(text, strlen(text), &data, &n, err) < 0)
		return crl_context(err, "early");
	if (n > sizeof(r->in))
		return crl_fail(err, CRL_LIMIT, "%zu bytes before the connection was there", n);
	memcpy(r->in, data, n);
	r->in_len = n;
	return 0;
}

/* No file is of any concern here. */
int websocket_prepare(struct worker *w, struct crl_err *err)
{
	crl_store_close(take_ptr(w->store));
	return 0;
}

int websocket_run(struct worker *w, cJSON **ret_result, struct crl_err *err)
{
	_cleanup_(relay_free) struct relay r = {.kind = json_get_bool(w->args, "text") ? WS_TEXT
										       : WS_BINARY};

	if (take_early(&r, json_get_str(w->args, "early"), err) < 0)
		return -1;
	parse(&r);
	while (!r.done)
		if (turn(&r, err) < 0)
			return -1;
	say_goodbye(&r);
	*ret_result = cJSON_CreateObject();
	return 0;
}
