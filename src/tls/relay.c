// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * See relay.h. Level-triggered, so each side is watched only for what can be used right now: a
 * side that cannot be served is taken out of the set. See gnutls_record_recv(3), epoll(7).
 */
#include "relay.h"

#include <base/cleanup.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>

#define LINGER_NS (2 * NS_PER_SEC)

void relay_deinit(struct relay *r)
{
	if (r->tls)
		gnutls_deinit(r->tls);
	r->tls = NULL;
	loop_timer_stop(r->loop, &r->linger);
	loop_close(r->loop, &r->net);
	loop_close(r->loop, &r->plain);
	free(r->up.data);
	free(r->down.data);
	r->up.data = r->down.data = NULL;
}

static void finish(struct relay *r)
{
	relay_deinit(r);
	r->done(r);
}

/* --- moving bytes; each returns true when something moved, -1 for a broken peer --- */

static bool again(int r)
{
	return r == GNUTLS_E_AGAIN || r == GNUTLS_E_INTERRUPTED;
}

static bool net_has_fin(const struct relay *r)
{
	char c;

	return recv(r->net.fd, &c, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

static int read_net(struct relay *r)
{
	struct relay_way *w = &r->up;
	ssize_t n;

	if (w->eof || w->len > 0)
		return 0;
	n = gnutls_record_recv(r->tls, w->data, RELAY_BUFFER);
	if (n == GNUTLS_E_FATAL_ALERT_RECEIVED)
		r->alert = gnutls_alert_get_name(gnutls_alert_get(r->tls));
	if (n < 0)
		return again((int)n) ? 0 : -1;
	w->start = 0;
	w->len = w->drop ? 0 : (size_t)n;
	w->eof = n == 0;
	return 1;
}

static int write_plain(struct relay *r)
{
	struct relay_way *w = &r->up;
	ssize_t n;

	if (w->len > 0) {
		n = send(r->plain.fd, w->data + w->start, w->len, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return 0;
		w->drop = w->drop || n < 0;
		w->start += n < 0 ? 0 : (size_t)n;
		w->len = n < 0 ? 0 : w->len - (size_t)n;
		return 1;
	}
	if (!w->eof || w->closed)
		return 0;
	w->closed = true;
	(void)shutdown(r->plain.fd, SHUT_WR);
	return 1;
}

static int read_plain(struct relay *r)
{
	struct relay_way *w = &r->down;
	ssize_t n;

	if (w->eof || w->len > 0)
		return 0;
	n = recv(r->plain.fd, w->data, RELAY_BUFFER, MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	w->start = 0;
	w->len = n < 0 ? 0 : (size_t)n;
	w->eof = n <= 0;
	return 1;
}

static int write_net(struct relay *r)
{
	struct relay_way *w = &r->down;
	ssize_t n;

	if (w->len > 0) {
		/* After EAGAIN the same bytes are offered again, as GnuTLS wants it. */
		n = gnutls_record_send(r->tls, w->data + w->start, w->len);
		if (n < 0)
			return again((int)n) ? 0 : -1;
		w->start += (size_t)n;
		w->len -= (size_t)n;
		return 1;
	}
	if (!w->eof || w->closed)
		return 0;
	n = gnutls_bye(r->tls, GNUTLS_SHUT_WR);
	if (n < 0)
		return again((int)n) ? 0 : -1;
	w->closed = true;
	return 1;
}

/* --- the end --- */

static bool plain_hung_up(const struct relay *r)
{
	struct pollfd p = {.fd = r->plain.fd};

	return poll(&p, 1, 0) == 1 && p.revents & (POLLHUP | POLLERR);
}

static void on_linger_over(struct loop_timer *t)
{
	finish(CONTAINER_OF(t, struct relay, linger));
}

/*
 * Closing a socket with unread bytes in it makes the kernel send a reset, which would take what
 * the peer has not read yet: so the rest is read first.
 */
static void start_lingering(struct relay *r)
{
	r->lingering = true;
	loop_close(r->loop, &r->plain);
	(void)shutdown(r->net.fd, SHUT_WR);
	r->linger.fire = on_linger_over;
	loop_timer_set(r->loop, &r->linger, LINGER_NS);
	if (loop_watch(r->loop, &r->net, EPOLLIN, NULL) < 0)
		finish(r);
}

static void linger(struct relay *r)
{
	char waste[4096];
	ssize_t n;

	do
		n = recv(r->net.fd, waste, sizeof(waste), MSG_DONTWAIT);
	while (n > 0);
	if (n == 0 || (errno != EAGAIN && errno != EINTR))
		finish(r);
}

/* --- both together --- */

static int pump(struct relay *r)
{
	int (*const moves[])(struct relay *) = {read_net, write_plain, read_plain, write_net};
	int moved = 1;

	/* A few rounds only: others have connections, too. */
	for (int round = 0; round < 16 && moved; round++) {
		moved = 0;
		for (size_t i = 0; i < ARRAY_SIZE(moves); i++) {
			int n = moves[i](r);

			if (n < 0)
				return -1;
			moved |= n;
		}
	}
	return 0;
}

static int watch(struct relay *r)
{
	uint32_t net = 0, plain = 0;

	if (!r->up.eof && r->up.len == 0)
		net |= EPOLLIN;
	else if (r->up.closed)
		net |= EPOLLRDHUP;
	if (r->down.len > 0 || (r->down.eof && !r->down.closed))
		net |= EPOLLOUT;
	if (!r->down.eof && r->down.len == 0)
		plain |= EPOLLIN;
	if (r->up.len > 0)
		plain |= EPOLLOUT;
	if (r->down.closed && !plain)
		plain = EPOLLHUP;
	/* Records that GnuTLS holds already make no socket readable. */
	if (net & EPOLLIN && gnutls_record_check_pending(r->tls) > 0)
		net |= EPOLLOUT;
	if (loop_watch(r->loop, &r->net, net, NULL) < 0 ||
	    loop_watch(r->loop, &r->plain, plain, NULL) < 0)
		return -1;
	return 0;
}

static void step(struct relay *r)
{
	if (r->lingering) {
		linger(r);
		return;
	}
	if (pump(r) < 0 || (r->up.closed && net_has_fin(r))) {
		finish(r);
		return;
	}
	if (r->down.closed && (r->up.closed || plain_hung_up(r))) {
		start_lingering(r);
		return;
	}
	if (watch(r) < 0)
		finish(r);
}

static void on_net(struct loop_source *s, uint32_t events)
{
	struct relay *r = CONTAINER_OF(s, struct relay, net);

	if (events & EPOLLERR)
		finish(r);
	else
		step(r);
}

static void on_plain(struct loop_source *s, uint32_t events)
{
	step(CONTAINER_OF(s, struct relay, plain));
}

int relay_start(struct relay *r, struct loop *loop, gnutls_session_t tls, int net, int plain,
		void (*done)(struct relay *r), struct crl_err *err)
{
	*r = (struct relay){.loop = loop, .tls = tls, .done = done};
	r->net = (struct loop_source){.fd = net, .ready = on_net};
	r->plain = (struct loop_source){.fd = plain, .ready = on_plain};
	r->up.data = malloc(RELAY_BUFFER);
	r->down.data = malloc(RELAY_BUFFER);
	if (!r->up.data || !r->down.data) {
		relay_deinit(r);
		return crl_fail_oom(err);
	}
	step(r);
	return 0;
}
