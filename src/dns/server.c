/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Containers and their sockets: questions by UDP come in here, and what
 * names.c knows is answered at once. See udp(7).
 */
#include "dns.h"

#include <base/cleanup.h>
#include <base/fd.h>
#include <base/log.h>
#include <errno.h>
#include <sys/socket.h>

/* Short, so that clients that keep what they heard (nginx) follow a container that moves; Docker's
 * 600 is a known nuisance. */
#define TTL 5

/* --- answering --- */

static size_t error_reply(const uint8_t *p, const struct question *q, enum message_rcode rcode,
			  uint8_t *out, size_t cap)
{
	struct reply r;

	reply_begin(&r, out, cap, p, q, rcode);
	return reply_end(&r);
}

/* RFC 6891, 6.1.3: a version we do not know is told what we do know. */
static size_t bad_version(const uint8_t *p, const struct question *q, uint8_t *out, size_t cap)
{
	struct reply r;

	reply_begin(&r, out, cap, p, q, RCODE_OK);
	r.extended = 1;
	return reply_end(&r);
}

static void add_all(struct reply *r, uint16_t type, const struct names_addrs *a)
{
	for (size_t i = 0; i < a->n; i++)
		if (!reply_address(r, type, TTL, a->a[i], type == TYPE_A ? 4 : 16))
			return;
}

/* -1 = not ours. */
static ssize_t answer_name(struct box *box, const uint8_t *p, const struct question *q,
			   uint8_t *out, size_t cap)
{
	static struct names_addrs addrs;
	struct names *t = &box->dns->names;
	struct reply r;

	int family = q->type == TYPE_AAAA ? AF_INET6 : AF_INET;
	enum names_found found = names_lookup(t, box->names, q->name, family, &addrs);
	if (found == NAMES_FOREIGN)
		return -1;
	reply_begin(&r, out, cap, p, q, found == NAMES_GONE ? RCODE_NXDOMAIN : RCODE_OK);
	if (found == NAMES_HIT && (q->type == TYPE_A || q->type == TYPE_AAAA))
		add_all(&r, q->type, &addrs);
	if (q->type == TYPE_ANY && found != NAMES_GONE) {
		add_all(&r, TYPE_A, &addrs);
		if (names_lookup(t, box->names, q->name, AF_INET6, &addrs) == NAMES_HIT)
			add_all(&r, TYPE_AAAA, &addrs);
	}
	return (ssize_t)reply_end(&r);
}

static ssize_t answer_reverse(struct box *box, const uint8_t *p, const struct question *q,
			      uint8_t *out, size_t cap)
{
	char name[2 * NAMES_TEXT_MAX];
	struct reply r;

	enum names_found found =
		names_reverse(&box->dns->names, box->names, q->name, name, sizeof(name));
	if (found == NAMES_FOREIGN)
		return -1;
	reply_begin(&r, out, cap, p, q, found == NAMES_HIT ? RCODE_OK : RCODE_NXDOMAIN);
	if (found == NAMES_HIT)
		(void)reply_name(&r, TTL, name);
	return (ssize_t)reply_end(&r);
}

ssize_t server_answer(struct box *box, const uint8_t *p, size_t n, uint8_t *out, size_t cap,
		      bool tcp, struct question *q)
{
	enum question_kind kind = message_parse(p, n, q);

	if (kind == QUESTION_DROP)
		return 0;
	if (!tcp)
		cap = q->udp_size;
	if (kind != QUESTION_OK)
		return (ssize_t)error_reply(p, &(struct question){.id = q->id},
					    kind == QUESTION_NOTIMP ? RCODE_NOTIMP : RCODE_FORMERR,
					    out, cap);
	if (q->edns && q->edns_version > 0)
		return (ssize_t)bad_version(p, q, out, cap);
	ssize_t len = -1;
	if (q->class == CLASS_IN && !q->odd && q->name[0])
		len = q->type == TYPE_PTR ? answer_reverse(box, p, q, out, cap)
					  : answer_name(box, p, q, out, cap);
	/* An internal network leads nowhere, for names as well (Docker answers the same). */
	if (len < 0 && !box->names->foreign)
		len = (ssize_t)error_reply(p, q, RCODE_SERVFAIL, out, cap);
	return len;
}

/* --- UDP --- */

void server_reply_udp(struct box *box, const struct sockaddr_in *to, const uint8_t *p, size_t n)
{
	/* A client whose queue is full asks again. */
	if (box->udp.fd >= 0)
		(void)sendto(box->udp.fd, p, n, MSG_DONTWAIT | MSG_NOSIGNAL,
			     (const struct sockaddr *)to, sizeof(*to));
}

static void serve_datagram(struct box *box, const uint8_t *p, size_t n,
			   const struct sockaddr_in *from)
{
	static uint8_t out[MESSAGE_UDP_MAX];
	struct question q;

	if (n >= MESSAGE_HEADER && (p[2] & 0x80)) {
		forward_inside(box, from, p, n);
		return;
	}
	ssize_t len = server_answer(box, p, n, out, sizeof(out), false, &q);
	if (len > 0)
		server_reply_udp(box, from, out, (size_t)len);
	else if (len < 0)
		forward_question(box, p, n, &q, from, NULL);
}

static void udp_ready(struct loop_source *s, uint32_t events)
{
	static uint8_t in[MESSAGE_MAX];
	struct box *box = CONTAINER_OF(s, struct box, udp);

	for (int i = 0; i < BATCH; i++) {
		struct sockaddr_in from;
		socklen_t len = sizeof(from);
		ssize_t n = recvfrom(s->fd, in, sizeof(in), MSG_DONTWAIT, (struct sockaddr *)&from,
				     &len);
		if (n < 0 || len != sizeof(from))
			return;
		/* Told before it was asked: see dns_proto.h. */
		control_drain(box->dns);
		if (!box->names || s->fd < 0)
			return;
		serve_datagram(box, in, (size_t)n, &from);
	}
}

static void tcp_ready(struct loop_source *s, uint32_t events)
{
	stream_accept(CONTAINER_OF(s, struct box, tcp));
}

/* --- containers --- */

struct box *server_find(struct dns *d, const char *id)
{
	struct box *b = d->boxes;

	while (b && !str_eq(b->names->id, id))
		b = b->next;
	return b;
}

static struct box *box_new(struct dns *d)
{
	struct box *box = calloc(1, sizeof(*box));

	if (!box)
		return NULL;
	box->dns = d;
	box->udp = (struct loop_source){.fd = -1, .ready = udp_ready};
	box->tcp = (struct loop_source){.fd = -1, .ready = tcp_ready};
	return box;
}

static void close_sockets(struct box *box)
{
	forward_drop_box(box);
	stream_close_all(box);
	loop_close(&box->dns->loop, &box->udp);
	loop_close(&box->dns->loop, &box->tcp);
}

static void use_sockets(struct box *box, int fds[2])
{
	struct loop *l = &box->dns->loop;

	close_sockets(box);
	box->udp.fd = take_fd(&fds[0]);
	box->tcp.fd = take_fd(&fds[1]);
	if (fd_set_nonblock(box->tcp.fd, true, &(struct crl_err){0}) < 0 ||
	    loop_watch(l, &box->udp, EPOLLIN, NULL) < 0 ||
	    loop_watch(l, &box->tcp, EPOLLIN, NULL) < 0)
		close_sockets(box);
}

static void use_servers(struct box *box, char *const *servers)
{
	box->n_servers = 0;
	for (; servers && *servers && box->n_servers < SERVERS_MAX; servers++)
		box->n_servers += resolv_parse(*servers, &box->servers[box->n_servers]);
}

bool server_set(struct dns *d, const struct dns_box *b, int fds[2])
{
	struct crl_err err = CRL_ERR_INIT;
	struct box *box = server_find(d, b->id), *fresh = NULL;

	if (!box)
		box = fresh = box_new(d);
	struct names_box *names = box ? names_set(&d->names, b, &err) : NULL;
	if (!names) {
		log_warn("container refused", "container", b->id, "error", err.msg, NULL);
		free(fresh);
		return true;
	}
	box->names = names;
	box->told = true;
	if (fresh) {
		box->next = d->boxes;
		d->boxes = box;
	}
	use_servers(box, b->servers);
	if (fds)
		use_sockets(box, fds);
	return box->udp.fd >= 0;
}

void server_drop(struct dns *d, struct box *box)
{
	struct box **p = &d->boxes;

	close_sockets(box);
	names_drop(&d->names, take_ptr(box->names));
	while (*p != box)
		p = &(*p)->next;
	*p = box->next;
	box->next = d->dropped;
	d->dropped = box;
}

void server_collect(struct dns *d)
{
	while (d->dropped) {
		struct box *box = d->dropped;
		d->dropped = box->next;
		free(box);
	}
}

void server_deinit(struct dns *d)
{
	while (d->boxes)
		server_drop(d, d->boxes);
	server_collect(d);
	names_deinit(&d->names);
}
