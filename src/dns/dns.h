/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * crun-lite-dns: the name server 127.0.0.11 of all containers on user-defined
 * networks. One process per daemon, one thread, no privileges. It lives on when
 * the daemon dies. See docs/adr/0090 to 0092.
 *
 *	dns.c      timers and the round of the loop
 *	control.c  what the daemon tells (crun-lite/dns_proto.h)
 *	server.c   containers' sockets; answers what names.c knows
 *	stream.c   containers' TCP connections
 *	forward.c  questions for other servers, and their answers
 *	resolv.c   which servers
 *	names.c    who is called what
 *	message.c  DNS messages
 *	confine.c  giving up privileges
 */
#ifndef DNS_DNS_H
#define DNS_DNS_H

#include "message.h"
#include "names.h"

#include <base/loop.h>
#include <netinet/in.h>

#define MS_NS (1000LL * 1000)
#define SERVERS_MAX 3

/* Bounds: a container that asks without end harms itself, and all of them not the host. */
#define FORWARDS_MAX 2048
#define FORWARDS_PER_BOX 128
#define STREAMS_MAX 512
#define STREAMS_PER_BOX 16
#define BATCH 16 /* questions of one container before it is the next one's turn */

union address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

struct dns;
struct stream;

struct box { /* one container's network namespace */
	struct dns *dns;
	struct names_box *names; /* NULL: dropped, freed at the end of the round */
	struct loop_source udp, tcp;
	union address servers[SERVERS_MAX]; /* its own; 0 = the host's */
	size_t n_servers;
	unsigned n_forwards, n_streams;
	bool told; /* since the last "begin" */
	struct box *next;
};

struct control {
	struct loop_source listener, daemon;
};

struct forward;

struct dns {
	struct loop loop;
	struct control control;
	struct names names;
	struct box *boxes, *dropped;
	struct forward *forwards;
	unsigned n_forwards;
	struct stream *streams;
	unsigned n_streams;
	struct loop_timer tick; /* armed while there is a deadline somewhere */
	struct loop_timer lonely;
	uid_t owner;    /* who started us */
	uint64_t ticks; /* when our process began */
};

/* --- dns.c --- */
int dns_init(struct dns *d, int listen_fd, struct crl_err *err);
/* Waits for something to do, at most so long (-1 = for ever), and does it. */
int dns_round(struct dns *d, int timeout_ms, struct crl_err *err);
void dns_deinit(struct dns *d);
/* Arms the tick, which looks after deadlines: whoever sets one calls this. */
void dns_wake(struct dns *d);

/* --- control.c --- */
int control_init(struct dns *d, int listen_fd, struct crl_err *err);
/* Takes in all that the daemon has sent. Boxes may be dropped by it, but not freed. */
void control_drain(struct dns *d);
void control_deinit(struct dns *d);

/* --- server.c --- */
/* What the daemon says of a container; `fds` (UDP, TCP) or NULL. Takes the descriptors. False:
 * it has no sockets. */
bool server_set(struct dns *d, const struct dns_box *b, int fds[2]);
void server_drop(struct dns *d, struct box *box);
struct box *server_find(struct dns *d, const char *id);
/* Frees what was dropped; only between rounds of the loop. */
void server_collect(struct dns *d);
void server_deinit(struct dns *d);
/*
 * Answers a question of the box now, into `out` (of `cap` >= 512 bytes): bytes, 0 = nothing is to
 * be said, -1 = it must be forwarded.
 */
ssize_t server_answer(struct box *box, const uint8_t *p, size_t n, uint8_t *out, size_t cap,
		      bool tcp, struct question *q);
void server_reply_udp(struct box *box, const struct sockaddr_in *to, const uint8_t *p, size_t n);

/* --- stream.c --- */
void stream_accept(struct box *box);
/* The answer to the question that a stream waits for. */
void stream_reply(struct stream *s, const uint8_t *p, size_t n);
/* Closes what is too slow; false when no stream is left. */
bool stream_tick(struct dns *d, int64_t now);
void stream_close_all(struct box *box);

/* --- forward.c --- */
/*
 * Sends the question on; the answer, or SERVFAIL, comes to `to` or to `stream`, in which case it is
 * asked by TCP. May answer at once.
 */
void forward_question(struct box *box, const uint8_t *p, size_t n, const struct question *q,
		      const struct sockaddr_in *to, struct stream *stream);
bool forward_tick(struct dns *d, int64_t now);
/* Nobody waits any more. */
void forward_drop_box(struct box *box);
void forward_drop_stream(struct dns *d, const struct stream *s);
/* An answer that came to the container's own socket, from a server in its loopback. */
void forward_inside(struct box *box, const struct sockaddr_in *from, const uint8_t *p, size_t n);

/* --- resolv.c --- */
/* "1.2.3.4", "::1", "fe80::1%eth0"; port 53. */
bool resolv_parse(const char *text, union address *ret);
/* Name servers in the text of a resolv.conf. */
size_t resolv_read(const char *text, union address ret[SERVERS_MAX]);
/* The host's, read anew when the file has changed; looked at once a second at most. */
size_t resolv_host(union address ret[SERVERS_MAX]);
/* Puts servers last that did not answer lately. */
void resolv_sort(union address *servers, size_t n, int64_t now);
void resolv_judge(const union address *server, bool good, int64_t now);
bool address_eq(const union address *a, const union address *b);
socklen_t address_len(const union address *a);
bool address_is_loopback(const union address *a);

/* --- confine.c --- */
/* Another user, no capabilities, no files but resolv.conf's, few system calls. */
int confine(struct crl_err *err);

#endif
