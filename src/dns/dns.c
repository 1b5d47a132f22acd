/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns the server's timers and the order of a round of its loop. */
#include "dns.h"

#include <base/ident.h>
#include <base/cleanup.h>
#include <base/proc.h>

#define LONELY_NS (60 * NS_PER_SEC)
#define TICK_NS (100 * MS_NS)

void dns_wake(struct dns *d)
{
	if (!d->tick.armed)
		loop_timer_set(&d->loop, &d->tick, TICK_NS);
}

static void tick(struct loop_timer *t)
{
	struct dns *d = CONTAINER_OF(t, struct dns, tick);
	int64_t now = time_boot_ns();

	bool more = forward_tick(d, now);
	more |= stream_tick(d, now);
	/* Those that were given a rest when descriptors had run out. */
	for (struct box *b = d->boxes; b; b = b->next)
		if (b->tcp.fd >= 0 && !b->tcp.events)
			(void)loop_watch(&d->loop, &b->tcp, EPOLLIN, NULL);
	if (more)
		dns_wake(d);
}

/* Nobody to serve, and nobody who could send somebody. */
static void lonely(struct loop_timer *t)
{
	struct dns *d = CONTAINER_OF(t, struct dns, lonely);

	if (!d->boxes && d->control.daemon.fd < 0)
		d->loop.stop = true;
	else
		loop_timer_set(&d->loop, &d->lonely, LONELY_NS);
}

int dns_init(struct dns *d, int listen_fd, struct crl_err *err)
{
	*d = (struct dns){.owner = getuid()};
	d->tick.fire = tick;
	d->lonely.fire = lonely;
	if (loop_init(&d->loop, err) < 0 || control_init(d, listen_fd, err) < 0)
		return -1;
	loop_timer_set(&d->loop, &d->lonely, LONELY_NS);
	return proc_start_time(getpid(), &d->ticks, err);
}

int dns_round(struct dns *d, int timeout_ms, struct crl_err *err)
{
	int r = loop_once(&d->loop, timeout_ms, err);

	server_collect(d);
	return r;
}

void dns_deinit(struct dns *d)
{
	server_deinit(d);
	control_deinit(d);
	loop_deinit(&d->loop);
}
