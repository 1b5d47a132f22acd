/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Owns the epoll set and the list of timers. It may not know what is behind a
 * descriptor. See epoll_ctl(2), epoll_wait(2).
 */
#include <base/loop.h>

#include <base/cleanup.h>
#include <base/ident.h>
#include <errno.h>
#include <limits.h>

int loop_init(struct loop *l, struct crl_err *err)
{
	*l = (struct loop){.epoll_fd = epoll_create1(EPOLL_CLOEXEC)};
	if (l->epoll_fd < 0)
		return crl_fail_sys(err, errno, "epoll_create1");
	return 0;
}

void loop_deinit(struct loop *l)
{
	cleanup_close_p(&l->epoll_fd);
	l->epoll_fd = -1;
}

int loop_watch(struct loop *l, struct loop_source *s, uint32_t events, struct crl_err *err)
{
	if (events == s->events)
		return 0;
	struct epoll_event ev = {.events = events, .data.ptr = s};
	int op = !events ? EPOLL_CTL_DEL : s->events ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
	if (epoll_ctl(l->epoll_fd, op, s->fd, &ev) < 0)
		return crl_fail_sys(err, errno, "epoll_ctl");
	s->events = events;
	return 0;
}

/* A source may go away while later events of the same batch still point to it. */
static void forget_batch(struct loop *l, const struct loop_source *s)
{
	for (int i = 0; i < l->n_batch; i++)
		if (l->batch[i].data.ptr == s)
			l->batch[i].data.ptr = NULL;
}

int loop_release(struct loop *l, struct loop_source *s)
{
	if (s->fd < 0)
		return -1;
	(void)loop_watch(l, s, 0, NULL);
	s->events = 0;
	forget_batch(l, s);
	return take_fd(&s->fd);
}

void loop_close(struct loop *l, struct loop_source *s)
{
	int fd = loop_release(l, s);
	if (fd >= 0)
		close(fd);
}

void loop_timer_stop(struct loop *l, struct loop_timer *t)
{
	if (!t->armed)
		return;
	for (struct loop_timer **p = &l->timers; *p; p = &(*p)->next) {
		if (*p == t) {
			*p = t->next;
			break;
		}
	}
	t->armed = false;
}

void loop_timer_set(struct loop *l, struct loop_timer *t, int64_t ns)
{
	loop_timer_stop(l, t);
	t->at = time_boot_ns() + ns;
	t->armed = true;
	struct loop_timer **p = &l->timers;
	while (*p && (*p)->at <= t->at)
		p = &(*p)->next;
	t->next = *p;
	*p = t;
}

static int wait_ms(const struct loop *l, int limit)
{
	if (!l->timers)
		return limit;
	int64_t ns = l->timers->at - time_boot_ns();
	int64_t ms = ns <= 0 ? 0 : (ns + 999999) / 1000000;
	if (ms > INT_MAX)
		ms = INT_MAX;
	return limit >= 0 && limit < ms ? limit : (int)ms;
}

static void fire_timers(struct loop *l)
{
	if (!l->timers)
		return;
	int64_t now = time_boot_ns();
	while (l->timers && l->timers->at <= now) {
		struct loop_timer *t = l->timers;
		l->timers = t->next;
		t->armed = false;
		t->fire(t);
	}
}

int loop_once(struct loop *l, int timeout_ms, struct crl_err *err)
{
	int n = epoll_wait(l->epoll_fd, l->batch, LOOP_BATCH, wait_ms(l, timeout_ms));
	if (n < 0 && errno != EINTR)
		return crl_fail_sys(err, errno, "epoll_wait");
	l->n_batch = n < 0 ? 0 : n;
	for (int i = 0; i < l->n_batch; i++) {
		struct loop_source *s = l->batch[i].data.ptr;
		if (s)
			s->ready(s, l->batch[i].events);
	}
	l->n_batch = 0;
	fire_timers(l);
	return 0;
}

int loop_run(struct loop *l, struct crl_err *err)
{
	while (!l->stop)
		if (loop_once(l, -1, err) < 0)
			return -1;
	return 0;
}
