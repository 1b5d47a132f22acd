/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The event loop of the small programs (monitor, dns): descriptors and
 * one-shot timers on epoll(7). No heap, no library: a monitor lives beside
 * every container, so its memory is counted in pages.
 */
#ifndef BASE_LOOP_H
#define BASE_LOOP_H

#include <crun-lite/err.h>
#include <stdint.h>
#include <sys/epoll.h>

/* The object that embeds member `m` at address `p`. */
#define CONTAINER_OF(p, type, m) ((type *)((char *)(p)-offsetof(type, m)))

#define NS_PER_SEC 1000000000LL

struct loop_source {
	int fd;
	uint32_t events; /* what epoll watches now; 0 = not in the set */
	void (*ready)(struct loop_source *s, uint32_t events);
};
#define LOOP_SOURCE_INIT                                                                           \
	{                                                                                          \
		.fd = -1                                                                           \
	}

struct loop_timer {
	int64_t at; /* CLOCK_BOOTTIME */
	bool armed;
	void (*fire)(struct loop_timer *t);
	struct loop_timer *next;
};

#define LOOP_BATCH 8
struct loop {
	int epoll_fd;
	bool stop;
	struct epoll_event batch[LOOP_BATCH];
	int n_batch;
	struct loop_timer *timers;
};

int loop_init(struct loop *l, struct crl_err *err);
void loop_deinit(struct loop *l);

/*
 * Changes what is watched on s->fd, adding or removing it as needed. events = 0
 * takes it out of the set (a hang-up is not reported either); EPOLLHUP alone
 * waits for nothing else. Failure (no memory in the kernel) is returned.
 */
int loop_watch(struct loop *l, struct loop_source *s, uint32_t events, struct crl_err *err);

/* Takes it out, closes s->fd and sets it to -1; events already fetched for it are dropped. Accepts
 * an empty source. */
void loop_close(struct loop *l, struct loop_source *s);
/* The same without closing: the descriptor is returned. */
int loop_release(struct loop *l, struct loop_source *s);

/* (Re)arms: fires once `ns` from now. */
void loop_timer_set(struct loop *l, struct loop_timer *t, int64_t ns);
void loop_timer_stop(struct loop *l, struct loop_timer *t);

/* Runs until l->stop. */
int loop_run(struct loop *l, struct crl_err *err);
/* One round: waits at most `timeout_ms` (-1 = until something happens) and handles it. For tests,
 * too. */
int loop_once(struct loop *l, int timeout_ms, struct crl_err *err);

#endif
