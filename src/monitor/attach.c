/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Owns the client's end of a session: its socket, its queue, its detach keys.
 * It may not wait: what the client does not take is queued, and a client that
 * takes nothing is dropped with a notice. See unix(7), send(2), shutdown(2).
 */
#include "attach.h"

#include <base/base64.h>
#include <base/cleanup.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#define HEADER_LEN 8
#define INPUT_CHUNK 4096U
#define STALL_NOTICE                                                                               \
	"\r\ncrun-lite: this client did not read its output in time and was detached; the "        \
	"container goes on\r\n"

static void attach_die(struct attach *a)
{
	if (a->dead)
		return;
	a->dead = true;
	a->full = false;
	loop_timer_stop(a->io->loop, &a->stall);
	loop_close(a->io->loop, &a->source);
	queue_free(&a->out);
	streams_update(a->io);
	streams_sweep_soon(a->io);
}

/*
 * Closing a socket with unread input resets the connection, and with TCP the
 * peer may lose output that is still on its way: read what is there first.
 */
static void close_gently(struct attach *a)
{
	char scratch[INPUT_CHUNK];
	(void)shutdown(a->source.fd, SHUT_WR);
	for (int i = 0; i < 64; i++)
		if (recv(a->source.fd, scratch, sizeof(scratch), MSG_DONTWAIT) <= 0)
			break;
	attach_die(a);
}

/* --- output --- */

static void watch_progress(struct attach *a)
{
	a->taken = 0;
	loop_timer_set(a->io->loop, &a->stall, ATTACH_STALL_NS);
}

static void after_flush(struct attach *a)
{
	if (a->out.len >= ATTACH_QUEUE_MAX && !a->full && !a->finishing) {
		a->full = true;
		watch_progress(a);
		streams_update(a->io);
	} else if (a->full && a->out.len < ATTACH_QUEUE_LOW) {
		a->full = false;
		loop_timer_stop(a->io->loop, &a->stall);
		streams_update(a->io);
	}
	if (a->finishing && !a->out.len)
		close_gently(a);
	else
		attach_update(a);
}

static void flush(struct attach *a)
{
	size_t taken;
	if (queue_flush(&a->out, a->source.fd, true, &taken) < 0) {
		attach_die(a);
		return;
	}
	a->taken += taken;
	after_flush(a);
}

static void enqueue(struct attach *a, const struct iovec *v, size_t n, size_t skip)
{
	for (size_t i = 0; i < n; i++) {
		size_t gone = skip < v[i].iov_len ? skip : v[i].iov_len;
		skip -= gone;
		if (!queue_add(&a->out, (const char *)v[i].iov_base + gone, v[i].iov_len - gone)) {
			attach_die(a);
			return;
		}
	}
}

/* Header and payload in one call while nothing is queued: the usual case copies nothing. */
static void send_or_queue(struct attach *a, struct iovec *v, size_t n)
{
	ssize_t sent = 0;
	if (!a->out.len) {
		struct msghdr m = {.msg_iov = v, .msg_iovlen = n};
		do
			sent = sendmsg(a->source.fd, &m, MSG_NOSIGNAL | MSG_DONTWAIT);
		while (sent < 0 && errno == EINTR);
		if (sent < 0 && errno != EAGAIN) {
			attach_die(a);
			return;
		}
	}
	enqueue(a, v, n, sent > 0 ? (size_t)sent : 0);
	if (!a->dead)
		after_flush(a);
}

static void put(struct attach *a, int stream, const void *data, size_t len)
{
	uint8_t header[HEADER_LEN] = {
		(uint8_t)stream,     0,           0, 0, (uint8_t)(len >> 24), (uint8_t)(len >> 16),
		(uint8_t)(len >> 8), (uint8_t)len};
	struct iovec v[2] = {{header, sizeof(header)}, {(void *)data, len}};
	if (a->framed)
		send_or_queue(a, v, 2);
	else
		send_or_queue(a, v + 1, 1);
}

void attach_output(struct attach *a, int stream, const void *data, size_t len)
{
	if (!a->dead && !a->finishing && a->want_out[stream - 1])
		put(a, stream, data, len);
}

void attach_finish(struct attach *a)
{
	if (a->dead || a->finishing)
		return;
	a->finishing = true;
	a->input_done = true;
	if (a->full) {
		a->full = false;
		streams_update(a->io);
	}
	if (!a->out.len) {
		close_gently(a);
		return;
	}
	watch_progress(a);
	attach_update(a);
}

static void stalled(struct loop_timer *t)
{
	struct attach *a = CONTAINER_OF(t, struct attach, stall);
	if (a->taken >= ATTACH_STALL_MIN) {
		watch_progress(a);
		return;
	}
	if (a->finishing) {
		attach_die(a);
		return;
	}
	/* Should it wake up soon, it reads what was queued and then why there is no more. */
	put(a, 2, STALL_NOTICE, sizeof(STALL_NOTICE) - 1);
	attach_finish(a);
}

/* --- input --- */

static void take_input(struct attach *a, const uint8_t *data, size_t len)
{
	if (!a->want_in || a->input_done)
		return;
	if (!a->io->tty || !a->keys.n) {
		streams_input(a->io, data, len);
		return;
	}
	while (len && !a->input_done) {
		uint8_t out[INPUT_CHUNK + KEYS_MAX];
		size_t n = len < INPUT_CHUNK ? len : INPUT_CHUNK, n_out;
		bool detach = keys_feed(&a->keys, data, n, out, &n_out);
		streams_input(a->io, out, n_out);
		if (detach) {
			attach_finish(a);
			a->io->detached(a->io);
		}
		data += n;
		len -= n;
	}
}

/* Half close, by dockerd's rule: without a use for its input an end of file means nothing. */
static void take_eof(struct attach *a)
{
	a->input_done = true;
	if (!a->want_in || !a->io->open_stdin)
		return;
	if (a->io->stdin_once && !a->io->tty)
		streams_close_input(a->io);
	else
		attach_finish(a);
}

/* Reads once, or (hung up) until nothing is left. */
static void read_input(struct attach *a, bool hung_up)
{
	uint8_t buf[INPUT_CHUNK];
	do {
		ssize_t n = recv(a->source.fd, buf, sizeof(buf), MSG_DONTWAIT);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			break;
		if (n > 0)
			take_input(a, buf, (size_t)n);
		else
			take_eof(a);
		if (n < 0) /* reset */
			attach_die(a);
	} while (hung_up && !a->dead && !a->input_done);
}

static void attach_ready(struct loop_source *s, uint32_t events)
{
	struct attach *a = CONTAINER_OF(s, struct attach, source);
	bool hung_up = events & (EPOLLHUP | EPOLLERR);
	if (events & EPOLLOUT)
		flush(a);
	if (!a->dead && !a->input_done && (events & EPOLLIN || hung_up))
		read_input(a, hung_up);
	/* Both directions are closed: nobody is there any more. */
	if (hung_up)
		attach_die(a);
	if (!a->dead)
		attach_update(a);
}

void attach_update(struct attach *a)
{
	if (a->dead)
		return;
	uint32_t events = a->out.len ? EPOLLOUT : 0;
	if (!a->input_done && !streams_input_busy(a->io))
		events |= EPOLLIN;
	/* With nothing to do we still want to hear of its end. */
	if (loop_watch(a->io->loop, &a->source, events ? events : EPOLLHUP, NULL) < 0)
		attach_die(a);
}

/* --- life --- */

static int early_input(struct attach *a, const char *text, struct crl_err *err)
{
	_cleanup_free_ uint8_t *data = NULL;
	size_t n;
	if (base64_bytes(text, strlen(text), &data, &n, err) < 0)
		return crl_context(err, "early input");
	take_input(a, data, n);
	return 0;
}

int attach_add(struct streams *io, int fd, const struct mon_attach *spec, struct crl_err *err)
{
	struct attach *a = calloc(1, sizeof(*a));
	if (!a) {
		close(fd);
		return crl_fail_oom(err);
	}
	*a = (struct attach){
		.source = {.fd = fd, .ready = attach_ready},
		.io = io,
		.stall.fire = stalled,
		.want_in = spec->stdin_,
		.want_out = {spec->stdout_, io->tty ? spec->stdout_ : spec->stderr_},
		.framed = spec->framed,
	};
	a->next = io->clients;
	io->clients = a;
	if (keys_parse(io->tty ? spec->detach_keys : NULL, &a->keys, err) < 0 ||
	    (spec->early_input && early_input(a, spec->early_input, err) < 0)) {
		attach_die(a);
		return crl_context(err, "attach");
	}
	attach_update(a);
	return 0;
}

void attach_free(struct attach *a)
{
	loop_timer_stop(a->io->loop, &a->stall);
	loop_close(a->io->loop, &a->source);
	queue_free(&a->out);
	free(a);
}
