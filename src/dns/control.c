/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The daemon's connection. Owns nothing but it: what is told goes to server.c.
 * There is one daemon at a time; a new connection replaces the old one. See
 * crun-lite/dns_proto.h, unix(7).
 */
#include "dns.h"

#include <base/cleanup.h>
#include <base/fd.h>
#include <base/log.h>
#include <errno.h>
#include <sys/socket.h>

static void send_msg(struct dns *d, const struct dns_msg *m)
{
	_cleanup_free_ char *text = json_encode(&dns_msg_json, m);
	struct crl_err err = CRL_ERR_INIT;

	/* A daemon that does not read is hung or gone: it tells everything anew when it is back. */
	if (text && fd_send_msg(d->control.daemon.fd, text, strlen(text), NULL, 0, &err) < 0)
		log_warn("daemon not told", "error", err.msg, NULL);
}

static void handle_set(struct dns *d, const struct dns_msg *m, int *fds, size_t n_fds)
{
	if (!m->box)
		return;
	if (!server_set(d, m->box, n_fds == 2 ? fds : NULL))
		send_msg(d, &(struct dns_msg){.op = (char *)"missing", .id = m->box->id});
}

static void handle_drop(struct dns *d, const struct dns_msg *m, int *fds, size_t n_fds)
{
	struct box *box = m->id ? server_find(d, m->id) : NULL;

	if (box)
		server_drop(d, box);
}

static void handle_hello(struct dns *d, const struct dns_msg *m, int *fds, size_t n_fds)
{
	send_msg(d, &(struct dns_msg){.op = (char *)"hello",
				      .version = DNS_PROTO_VERSION,
				      .pid = getpid(),
				      .ticks = d->ticks});
}

static void handle_begin(struct dns *d, const struct dns_msg *m, int *fds, size_t n_fds)
{
	for (struct box *b = d->boxes; b; b = b->next)
		b->told = false;
}

static void handle_commit(struct dns *d, const struct dns_msg *m, int *fds, size_t n_fds)
{
	for (struct box *b = d->boxes, *next; b; b = next) {
		next = b->next;
		if (!b->told)
			server_drop(d, b);
	}
}

static void handle_quit(struct dns *d, const struct dns_msg *m, int *fds, size_t n_fds)
{
	d->loop.stop = true;
}

static const struct {
	const char *op;
	void (*handle)(struct dns *d, const struct dns_msg *m, int *fds, size_t n_fds);
} ops[] = {
	{"set", handle_set},     {"drop", handle_drop},     {"hello", handle_hello},
	{"begin", handle_begin}, {"commit", handle_commit}, {"quit", handle_quit},
};

static void handle(struct dns *d, const char *text, size_t len, int *fds, size_t n_fds)
{
	struct crl_err err = CRL_ERR_INIT;
	struct dns_msg m = {0};

	if (json_decode(&dns_msg_json, text, len, JSON_LAX, &m, &err) < 0) {
		log_warn("message not understood", "error", err.msg, NULL);
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(ops); i++)
		if (str_eq(m.op, ops[i].op))
			ops[i].handle(d, &m, fds, n_fds);
	json_free(&dns_msg_json, &m);
}

static void lost(struct dns *d)
{
	loop_close(&d->loop, &d->control.daemon);
	loop_timer_set(&d->loop, &d->lonely, 60 * NS_PER_SEC);
}

/* False: nothing more is there now. */
static bool receive(struct dns *d)
{
	static char text[DNS_MSG_MAX];
	int fds[2] = {-1, -1};
	struct crl_err err = CRL_ERR_INIT;
	size_t len = 0, n_fds = 0;

	if (fd_recv_msg(d->control.daemon.fd, text, sizeof(text), &len, fds, 2, &n_fds, &err) < 0) {
		if (err.code == CRL_LIMIT)
			return true;
		if (err.sys != EAGAIN)
			lost(d);
		return false;
	}
	if (len == 0)
		lost(d);
	else
		handle(d, text, len, fds, n_fds);
	for (size_t i = 0; i < n_fds; i++)
		if (fds[i] >= 0)
			close(fds[i]);
	return len > 0;
}

/* Only who may stop us anyway: root, or the user we were started by. */
static bool is_trusted(const struct dns *d, int fd)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 &&
	       (peer.uid == 0 || peer.uid == d->owner);
}

static bool accept_daemon(struct dns *d)
{
	int fd = accept4(d->control.listener.fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd < 0)
		return false;
	if (!is_trusted(d, fd)) {
		close(fd);
		return true;
	}
	loop_close(&d->loop, &d->control.daemon);
	d->control.daemon.fd = fd;
	loop_timer_stop(&d->loop, &d->lonely);
	if (loop_watch(&d->loop, &d->control.daemon, EPOLLIN, NULL) < 0)
		lost(d);
	return true;
}

void control_drain(struct dns *d)
{
	do
		while (d->control.daemon.fd >= 0 && receive(d))
			;
	while (d->control.daemon.fd < 0 && accept_daemon(d));
}

static void daemon_ready(struct loop_source *s, uint32_t events)
{
	control_drain(CONTAINER_OF(s, struct dns, control.daemon));
}

static void listener_ready(struct loop_source *s, uint32_t events)
{
	struct dns *d = CONTAINER_OF(s, struct dns, control.listener);

	/* What the old one said comes first. */
	control_drain(d);
	while (accept_daemon(d))
		;
	control_drain(d);
}

int control_init(struct dns *d, int listen_fd, struct crl_err *err)
{
	d->control.daemon = (struct loop_source){.fd = -1, .ready = daemon_ready};
	d->control.listener = (struct loop_source){.fd = listen_fd, .ready = listener_ready};
	if (fd_set_nonblock(listen_fd, true, err) < 0 || fd_set_cloexec(listen_fd, true, err) < 0)
		return -1;
	return loop_watch(&d->loop, &d->control.listener, EPOLLIN, err);
}

void control_deinit(struct dns *d)
{
	loop_close(&d->loop, &d->control.daemon);
	loop_close(&d->loop, &d->control.listener);
}
