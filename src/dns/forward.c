/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Questions for other servers. They are asked from the host's side (docs/adr/0092),
 * each from a socket of its own: the kernel chooses its port at random and lets
 * nobody but the server answer, the id is random, and the question must come back.
 *
 * A server that does not answer within a good second is joined by the next one; the
 * first answer wins, also a late one of the first. See RFC 5452.
 */
#include "dns.h"

#include <base/cleanup.h>
#include <base/ident.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>

#define TURN_NS (1200 * MS_NS)
#define TOTAL_NS (4700 * MS_NS) /* clients give up after five seconds */

struct attempt {
	struct loop_source source; /* -1: the server is in the container's loopback, or not tried */
	struct forward *forward;
	union address server;
	uint16_t id;
	bool tried, failed, inside;
	/* TCP only: */
	size_t sent;
	uint8_t head[2], *body;
	size_t have;
};

struct forward {
	struct dns *dns;
	struct box *box;
	struct forward *next;
	struct sockaddr_in client; /* UDP */
	struct stream *stream;     /* TCP, else NULL */
	uint16_t client_id;
	int64_t next_turn, deadline;
	struct attempt attempts[SERVERS_MAX];
	size_t n_attempts, turn;
	size_t q_end; /* of the question in `query`, without the two bytes of length */
	size_t len;
	uint8_t query[]; /* TCP: behind two bytes of length */
};

static uint16_t random_id(void)
{
	static uint16_t pool[128];
	static size_t left;

	if (left == 0) {
		if (getrandom(pool, sizeof(pool), 0) != (ssize_t)sizeof(pool))
			abort(); /* guessable ids are worse than no answers */
		left = ARRAY_SIZE(pool);
	}
	return pool[--left];
}

static uint8_t *message_of(struct forward *f)
{
	return f->query + (f->stream ? 2 : 0);
}

/* --- the end of a question --- */

static void attempt_close(struct attempt *a)
{
	loop_close(&a->forward->dns->loop, &a->source);
	free(take_ptr(a->body));
}

static void forward_free(struct forward *f)
{
	struct forward **p = &f->dns->forwards;

	while (*p != f)
		p = &(*p)->next;
	*p = f->next;
	f->dns->n_forwards--;
	f->box->n_forwards--;
	for (size_t i = 0; i < f->n_attempts; i++)
		attempt_close(&f->attempts[i]);
	free(f);
}

/* `p` is changed: it gets the id that the client knows. */
static void forward_answer(struct forward *f, uint8_t *p, size_t n)
{
	struct box *box = f->box;
	struct stream *stream = f->stream;
	struct sockaddr_in client = f->client;

	message_set_id(p, f->client_id);
	forward_free(f);
	if (stream)
		stream_reply(stream, p, n);
	else
		server_reply_udp(box, &client, p, n);
}

static void servfail(struct box *box, const uint8_t *p, size_t n, const struct sockaddr_in *to,
		     struct stream *stream)
{
	uint8_t out[MESSAGE_UDP_MIN];
	struct question q;
	struct reply r;

	(void)message_parse(p, n, &q);
	reply_begin(&r, out, sizeof(out), p, &q, RCODE_SERVFAIL);
	size_t len = reply_end(&r);
	if (stream)
		stream_reply(stream, out, len);
	else
		server_reply_udp(box, to, out, len);
}

static void forward_fail(struct forward *f)
{
	struct box *box = f->box;
	struct stream *stream = f->stream;
	struct sockaddr_in client = f->client;
	static uint8_t copy[MESSAGE_QUESTION_MAX];
	size_t n = f->len - (stream ? 2 : 0);

	memcpy(copy, message_of(f), n);
	message_set_id(copy, f->client_id);
	forward_free(f);
	servfail(box, copy, n, &client, stream);
}

static bool all_failed(const struct forward *f)
{
	for (size_t i = 0; i < f->n_attempts; i++)
		if (!f->attempts[i].failed)
			return false;
	return true;
}

static void next_turn(struct forward *f, int64_t now);

/* The server is of no use for this question. `p`: its refusal, passed on if all refuse. */
static void attempt_failed(struct attempt *a, uint8_t *p, size_t n)
{
	struct forward *f = a->forward;

	a->failed = true;
	attempt_close(a);
	if (!all_failed(f))
		next_turn(f, time_boot_ns());
	else if (p)
		forward_answer(f, p, n);
	else
		forward_fail(f);
}

static void attempt_answered(struct attempt *a, uint8_t *p, size_t n)
{
	struct forward *f = a->forward;
	size_t head = f->stream ? 2 : 0;

	if (!message_answers(p, n, f->query + head, f->q_end, a->id))
		return; /* not ours: the right one may still come */
	resolv_judge(&a->server, true, 0);
	enum message_rcode code = message_rcode_of(p);
	if (code == RCODE_OK || code == RCODE_NXDOMAIN)
		forward_answer(f, p, n);
	else
		attempt_failed(a, p, n);
}

/* --- UDP --- */

static uint8_t answer[MESSAGE_MAX];

static void udp_ready(struct loop_source *s, uint32_t events)
{
	struct attempt *a = CONTAINER_OF(s, struct attempt, source);

	ssize_t n = recv(s->fd, answer, sizeof(answer), MSG_DONTWAIT);
	if (n >= 0)
		attempt_answered(a, answer, (size_t)n);
	else if (errno != EAGAIN && errno != EINTR) { /* ECONNREFUSED: nobody is there */
		resolv_judge(&a->server, false, time_boot_ns());
		attempt_failed(a, NULL, 0);
	}
}

static bool send_udp(struct attempt *a)
{
	struct forward *f = a->forward;

	message_set_id(f->query, a->id);
	if (a->inside)
		return sendto(f->box->udp.fd, f->query, f->len, MSG_DONTWAIT | MSG_NOSIGNAL,
			      &a->server.any, address_len(&a->server)) >= 0;
	return send(a->source.fd, f->query, f->len, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0 ||
	       errno == EAGAIN;
}

void forward_inside(struct box *box, const struct sockaddr_in *from, const uint8_t *p, size_t n)
{
	const union address sender = {.v4 = *from};

	for (struct forward *f = box->dns->forwards; f; f = f->next) {
		for (size_t i = 0; f->box == box && !f->stream && i < f->n_attempts; i++) {
			struct attempt *a = &f->attempts[i];
			if (!a->tried || !a->inside || a->failed ||
			    !address_eq(&a->server, &sender) ||
			    !message_answers(p, n, f->query, f->q_end, a->id))
				continue;
			memcpy(answer, p, n);
			attempt_answered(a, answer, n);
			return;
		}
	}
}

/* --- TCP --- */

static bool write_tcp(struct attempt *a)
{
	struct forward *f = a->forward;

	message_set_id(f->query + 2, a->id);
	ssize_t n = send(a->source.fd, f->query + a->sent, f->len - a->sent,
			 MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	a->sent += (size_t)n;
	return a->sent < f->len || loop_watch(&f->dns->loop, &a->source, EPOLLIN, NULL) == 0;
}

/* 1 = the answer is whole, 0 = more must come, -1 = it never will. */
static int read_tcp(struct attempt *a, size_t *ret_len)
{
	size_t want = a->have < 2 ? 2 : 2U + (size_t)(a->head[0] << 8 | a->head[1]);
	uint8_t *to = a->have < 2 ? a->head + a->have : a->body + a->have - 2;

	ssize_t n = recv(a->source.fd, to, want - a->have, MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n <= 0)
		return -1;
	a->have += (size_t)n;
	if (a->have == 2) {
		size_t len = (size_t)(a->head[0] << 8 | a->head[1]);
		a->body = len >= MESSAGE_HEADER ? malloc(len) : NULL;
		return a->body ? 0 : -1;
	}
	*ret_len = a->have - 2;
	return a->have == want && want > 2;
}

static void tcp_ready(struct loop_source *s, uint32_t events)
{
	struct attempt *a = CONTAINER_OF(s, struct attempt, source);
	size_t len = 0;

	if (s->events & EPOLLOUT) {
		if ((events & EPOLLERR) || !write_tcp(a))
			attempt_failed(a, NULL, 0);
		return;
	}
	int r = read_tcp(a, &len);
	if (r == 0)
		return;
	_cleanup_free_ uint8_t *body = take_ptr(a->body);
	if (r < 0 || !message_answers(body, len, message_of(a->forward), a->forward->q_end, a->id))
		attempt_failed(a, NULL, 0);
	else
		attempt_answered(a, body, len);
}

/* --- turns --- */

static bool attempt_open(struct attempt *a)
{
	struct forward *f = a->forward;
	bool tcp = f->stream != NULL;

	a->tried = true;
	a->id = random_id();
	if (a->inside)
		return !tcp && send_udp(a);
	int fd = socket(a->server.any.sa_family,
			(tcp ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return false;
	a->source = (struct loop_source){.fd = fd, .ready = tcp ? tcp_ready : udp_ready};
	if (connect(fd, &a->server.any, address_len(&a->server)) < 0 && errno != EINPROGRESS)
		return false;
	if (loop_watch(&f->dns->loop, &a->source, tcp ? EPOLLOUT : EPOLLIN, NULL) < 0)
		return false;
	return tcp || send_udp(a);
}

/* The next server that has not refused; one that was asked already is asked again (UDP). */
static void next_turn(struct forward *f, int64_t now)
{
	f->next_turn = now + TURN_NS;
	for (size_t i = 0; i < f->n_attempts; i++) {
		struct attempt *a = &f->attempts[f->turn++ % f->n_attempts];
		if (a->failed)
			continue;
		if (a->tried ? (f->stream || send_udp(a)) : attempt_open(a))
			return;
		a->failed = true;
		resolv_judge(&a->server, false, now);
		attempt_close(a);
	}
	if (all_failed(f))
		forward_fail(f);
}

static void blame_silent(struct forward *f, int64_t now)
{
	for (size_t i = 0; i < f->n_attempts; i++)
		if (f->attempts[i].tried && !f->attempts[i].failed)
			resolv_judge(&f->attempts[i].server, false, now);
}

bool forward_tick(struct dns *d, int64_t now)
{
	for (struct forward *f = d->forwards, *next; f; f = next) {
		next = f->next;
		if (now < f->next_turn && now < f->deadline)
			continue;
		blame_silent(f, now);
		if (now >= f->deadline)
			forward_fail(f);
		else
			next_turn(f, now);
	}
	return d->forwards != NULL;
}

/* --- new questions --- */

static bool same_client(const struct forward *f, const struct sockaddr_in *to, uint16_t id)
{
	return f->client_id == id && f->client.sin_port == to->sin_port &&
	       f->client.sin_addr.s_addr == to->sin_addr.s_addr;
}

/* Clients repeat themselves while they wait. */
static bool is_repeated(const struct box *box, const uint8_t *p, size_t n,
			const struct sockaddr_in *to, uint16_t id)
{
	for (const struct forward *f = box->dns->forwards; f; f = f->next)
		if (f->box == box && !f->stream && f->len == n && same_client(f, to, id) &&
		    memcmp(f->query + 2, p + 2, n - 2) == 0)
			return true;
	return false;
}

static void choose_servers(struct forward *f)
{
	union address servers[SERVERS_MAX];
	bool own = f->box->n_servers > 0;

	if (own)
		memcpy(servers, f->box->servers, sizeof(servers));
	f->n_attempts = own ? f->box->n_servers : resolv_host(servers);
	resolv_sort(servers, f->n_attempts, time_boot_ns());
	for (size_t i = 0; i < f->n_attempts; i++)
		f->attempts[i] = (struct attempt){
			.source = LOOP_SOURCE_INIT,
			.forward = f,
			.server = servers[i],
			/* --dns 127.0.0.1 means the container's own; that of the host's file, the
			 * host's. */
			.inside = own && address_is_loopback(&servers[i]),
		};
}

static struct forward *forward_new(struct box *box, const uint8_t *p, size_t n,
				   const struct question *q, struct stream *stream)
{
	struct dns *d = box->dns;
	size_t head = stream ? 2 : 0;
	struct forward *f = calloc(1, sizeof(*f) + head + n);

	if (!f)
		return NULL;
	f->dns = d;
	f->box = box;
	f->stream = stream;
	f->client_id = q->id;
	f->q_end = q->end;
	f->len = head + n;
	f->query[0] = (uint8_t)(n >> 8);
	f->query[1] = (uint8_t)n;
	memcpy(f->query + head, p, n);
	f->next = d->forwards;
	d->forwards = f;
	d->n_forwards++;
	box->n_forwards++;
	choose_servers(f);
	return f;
}

void forward_question(struct box *box, const uint8_t *p, size_t n, const struct question *q,
		      const struct sockaddr_in *to, struct stream *stream)
{
	struct dns *d = box->dns;
	struct forward *f = NULL;

	if (to && is_repeated(box, p, n, to, q->id))
		return;
	if (d->n_forwards < FORWARDS_MAX && box->n_forwards < FORWARDS_PER_BOX)
		f = forward_new(box, p, n, q, stream);
	if (!f) {
		servfail(box, p, n, to, stream);
		return;
	}
	if (to)
		f->client = *to;
	int64_t now = time_boot_ns();
	f->deadline = now + TOTAL_NS;
	dns_wake(d);
	next_turn(f, now);
}

void forward_drop_box(struct box *box)
{
	for (struct forward *f = box->dns->forwards, *next; f; f = next) {
		next = f->next;
		if (f->box == box)
			forward_free(f);
	}
}

void forward_drop_stream(struct dns *d, const struct stream *s)
{
	for (struct forward *f = d->forwards, *next; f; f = next) {
		next = f->next;
		if (f->stream == s)
			forward_free(f);
	}
}
