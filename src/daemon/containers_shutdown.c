// SPDX-License-Identifier: GPL-2.0-or-later
/* The daemon's end without live-restore. See containers_shutdown() in containers.h. */
#include "container.h"
#include "containers.h"

#include <base/log.h>

#define GRACE_SECONDS 5
#define STOP_SECONDS 10
#define LOOK_US (20ULL * 1000)

struct shutdown {
	struct daemon *daemon;
	void (*done)(void *data);
	void *data;
	int64_t deadline; /* CLOCK_BOOTTIME; INT64_MAX = none */
	sd_event_source *timer;
};
static struct shutdown state;

/* Seconds; -1 = for ever. */
static int64_t time_allowed(const struct daemon *d)
{
	int64_t seconds = d->config.shutdown_timeout;

	for (size_t i = 0; i < d->containers->n && seconds >= 0; i++) {
		const struct container *c = d->containers->items[i];
		const struct opt_i64 *own = &c->rec.config.stop_timeout;
		int64_t wants = own->set ? own->v : STOP_SECONDS;

		if (!container_is_running(c))
			continue;
		if (wants < 0)
			seconds = -1;
		else if (wants + GRACE_SECONDS > seconds)
			seconds = wants + GRACE_SECONDS;
	}
	return seconds;
}

static void finish(void)
{
	state.timer = sd_event_source_disable_unref(state.timer);
	state.done(state.data);
}

static int on_look(sd_event_source *source, uint64_t usec, void *data)
{
	struct containers_counts n = {0};

	containers_count(state.daemon, &n);
	if (n.running + n.paused > 0 && time_boot_ns() < state.deadline) {
		if (sd_event_source_set_time_relative(source, LOOK_US) >= 0)
			(void)sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
		return 0;
	}
	if (n.running + n.paused > 0)
		log_warn("containers did not stop in time and run on", "containers",
			 log_i64((int64_t)(n.running + n.paused)), NULL);
	finish();
	return 0;
}

void containers_shutdown(struct daemon *d, void (*done)(void *data), void *data)
{
	int64_t seconds;

	if (state.daemon) { /* somebody is impatient */
		finish();
		return;
	}
	d->ending = true;
	seconds = time_allowed(d);
	state = (struct shutdown){.daemon = d, .done = done, .data = data, .deadline = INT64_MAX};
	if (seconds >= 0)
		state.deadline = time_boot_ns() + seconds * 1000000000;
	for (size_t i = 0; i < d->containers->n; i++) {
		if (container_is_running(d->containers->items[i]))
			container_stop_for_end(d->containers->items[i]);
	}
	if (sd_event_add_time_relative(d->event, &state.timer, CLOCK_BOOTTIME, 0, 0, on_look,
				       NULL) < 0)
		finish();
}
