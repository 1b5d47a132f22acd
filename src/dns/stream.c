/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * TCP connections of containers: one question at a time, each behind two bytes
 * of length (RFC 7766). Bounded in number and in patience: who neither asks nor
 * reads for ten seconds is disconnected.
 */
#include "dns.h"

#include <base/cleanup.h>
#include <base/ident.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define PATIENCE_NS (10000 * MS_NS)

struct stream {
	struct loop_source source;
	struct box *box;
	struct stream *next;
	int64_t deadline; /* 0 = the question is with another server, which has its own */
	size_t have;      /* of `in` */
	uint8_t in[2 + MESSAGE_QUESTION_MAX];
	uint8_t *out; /* what the client has not read yet */
	size_t out_len, out_sent;
};

static void stream_free(struct stream *s)
{
	struct dns *d = s->box->dns;
	struct stream **p = &d->streams;

	while (*p != s)
		p = &(*p)->next;
	*p = s->next;
	d->n_streams--;
	s->box->n_streams--;
	forward_drop_stream(d, s);
	loop_close(&d->loop, &s->source);
	free(s->out);
	free(s);
}

void stream_close_all(struct box *box)
{
	for (struct stream *s = box->dns->streams, *next; s; s = next) {
		next = s->next;
		if (s->box == box)
			stream_free(s);
	}
}

bool stream_tick(struct dns *d, int64_t now)
{
	for (struct stream *s = d->streams, *next; s; s = next) {
		next = s->next;
		if (s->deadline && now >= s->deadline)
			stream_free(s);
	}
	return d->streams != NULL;
}

static void touch(struct stream *s)
{
	s->deadline = time_boot_ns() + PATIENCE_NS;
}

/* Sends what is left; 1 = all of it, 0 = later, -1 = broken. */
static int flush(struct stream *s)
{
	while (s->out_sent < s->out_len) {
		ssize_t n = send(s->source.fd, s->out + s->out_sent, s->out_len - s->out_sent,
				 MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN ? 0 : -1;
		s->out_sent += (size_t)n;
	}
	free(take_ptr(s->out));
	s->out_len = s->out_sent = 0;
	return 1;
}

/* Queues one answer; it is sent from the loop. False: no memory. */
static bool queue(struct stream *s, const uint8_t *p, size_t n)
{
	uint8_t *out = malloc(n + 2);

	if (!out)
		return false;
	out[0] = (uint8_t)(n >> 8);
	out[1] = (uint8_t)n;
	memcpy(out + 2, p, n);
	free(s->out);
	s->out = out;
	s->out_len = n + 2;
	s->out_sent = 0;
	touch(s);
	return loop_watch(&s->box->dns->loop, &s->source, EPOLLOUT, NULL) == 0;
}

void stream_reply(struct stream *s, const uint8_t *p, size_t n)
{
	if (!queue(s, p, n))
		stream_free(s);
}

static size_t announced(const struct stream *s)
{
	return (size_t)(s->in[0] << 8 | s->in[1]);
}

static bool alive(const struct dns *d, const struct stream *s)
{
	const struct stream *t = d->streams;

	while (t && t != s)
		t = t->next;
	return t != NULL;
}

/* One whole question is in. The stream may be gone afterwards. */
static void serve(struct stream *s)
{
	static uint8_t out[MESSAGE_MAX];
	struct dns *d = s->box->dns;
	size_t n = s->have - 2;
	struct question q;

	s->have = 0;
	control_drain(d);
	if (!alive(d, s)) /* its container was dropped by that */
		return;
	ssize_t len = server_answer(s->box, s->in + 2, n, out, sizeof(out), true, &q);
	if (len == 0) {
		stream_free(s);
	} else if (len > 0) {
		stream_reply(s, out, (size_t)len);
	} else {
		s->deadline = 0;
		(void)loop_watch(&d->loop, &s->source, EPOLLRDHUP, NULL);
		forward_question(s->box, s->in + 2, n, &q, NULL, s);
	}
}

/* Reads one question and no byte more, so that nothing has to be moved. */
static void readable(struct stream *s)
{
	for (;;) {
		size_t want = s->have < 2 ? 2 : 2 + announced(s);
		ssize_t n = want > sizeof(s->in) ? 0
						 : recv(s->source.fd, s->in + s->have,
							want - s->have, MSG_DONTWAIT);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n <= 0) { /* the end, or nothing that we want to hear */
			stream_free(s);
			return;
		}
		s->have += (size_t)n;
		if (s->have == want && want > 2) {
			serve(s);
			return;
		}
	}
}

static void ready(struct loop_source *source, uint32_t events)
{
	struct stream *s = CONTAINER_OF(source, struct stream, source);

	if (events & EPOLLOUT) {
		int r = flush(s);
		if (r < 0)
			stream_free(s);
		else if (r > 0)
			(void)loop_watch(&s->box->dns->loop, source, EPOLLIN, NULL);
		return;
	}
	if (source->events & EPOLLIN)
		readable(s);
	else /* while it waits for an answer: it went away */
		stream_free(s);
}

static void stream_new(struct box *box, int fd)
{
	struct dns *d = box->dns;
	struct stream *s = NULL;

	if (d->n_streams < STREAMS_MAX && box->n_streams < STREAMS_PER_BOX)
		s = calloc(1, sizeof(*s));
	if (!s) {
		close(fd);
		return;
	}
	s->source = (struct loop_source){.fd = fd, .ready = ready};
	s->box = box;
	s->next = d->streams;
	d->streams = s;
	d->n_streams++;
	box->n_streams++;
	touch(s);
	dns_wake(d);
	if (loop_watch(&d->loop, &s->source, EPOLLIN, NULL) < 0)
		stream_free(s);
}

void stream_accept(struct box *box)
{
	for (int i = 0; i < BATCH; i++) {
		int fd = accept4(box->tcp.fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd >= 0) {
			stream_new(box, fd);
			continue;
		}
		/* No descriptors left: the tick tries again, rather than this loop for ever. */
		if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) {
			(void)loop_watch(&box->dns->loop, &box->tcp, 0, NULL);
			dns_wake(box->dns);
		}
		return;
	}
}
