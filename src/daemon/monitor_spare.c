/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Owns the monitor in reserve and its run folder, which takes the container's
 * name when the monitor is taken. It may not fail a start: without a reserve
 * there is the ordinary way. See rename(2), vfork(2).
 */
#include "monitor_spare.h"

#include <base/log.h>
#include <base/path.h>
#include <stdio.h>

struct monitor_spare {
	struct daemon *d;
	struct monitor *m;             /* NULL = none */
	char *container_dir, *run_dir; /* as long as those of a container */
	sd_event_source *idle;
};

/* --- what a monitor tells that has no container yet --- */

static void spare_exited(const struct mon_exit *e, void *data)
{
}

static void spare_oom(void *data)
{
}

static void spare_detached(const char *exec_id, void *data)
{
}

static void remove_dir(const struct monitor_spare *s)
{
	struct crl_err err = CRL_ERR_INIT;
	if (path_remove_tree(AT_FDCWD, s->run_dir, &err) < 0)
		log_warn("run folder not removed", "error", err.msg, NULL);
}

static void spare_gone(void *data)
{
	struct monitor_spare *s = data;
	monitor_kill(take_ptr(s->m));
	remove_dir(s);
}

static const struct monitor_events spare_events = {spare_exited, spare_oom, spare_detached,
						   spare_gone};

/* --- making one --- */

static int on_idle(sd_event_source *source, void *data)
{
	struct monitor_spare *s = data;
	struct crl_err err = CRL_ERR_INIT;
	const struct monitor_spec spec = {.d = s->d,
					  .id = MON_SPARE_ID,
					  .container_dir = s->container_dir,
					  .run_dir = s->run_dir,
					  .events = &spare_events,
					  .data = s};
	if (!s->m && monitor_spawn(&spec, &s->m, &err) < 0)
		log_warn("no monitor in reserve", "error", err.msg, NULL);
	return 0;
}

int monitor_spare_new(struct daemon *d, struct monitor_spare **ret, struct crl_err *err)
{
	struct monitor_spare *s = calloc(1, sizeof(*s));
	if (!s)
		return crl_fail_oom(err);
	s->d = d;
	s->container_dir = path_printf("%s/containers/%s", d->config.data_root, MON_SPARE_ID);
	s->run_dir = path_printf("%s/containers/%s", d->config.exec_root, MON_SPARE_ID);
	if (!s->container_dir || !s->run_dir) {
		monitor_spare_free(s);
		return crl_fail_oom(err);
	}
	int r = sd_event_add_defer(d->event, &s->idle, on_idle, s);
	if (r >= 0)
		r = sd_event_source_set_priority(s->idle, SD_EVENT_PRIORITY_IDLE);
	if (r >= 0)
		r = sd_event_source_set_enabled(s->idle, SD_EVENT_OFF);
	if (r < 0) {
		monitor_spare_free(s);
		return crl_fail_sys(err, -r, "monitor in reserve");
	}
	*ret = s;
	return 0;
}

void monitor_spare_free(struct monitor_spare *s)
{
	if (!s)
		return;
	sd_event_source_disable_unref(s->idle);
	if (s->m) {
		monitor_kill(s->m);
		remove_dir(s);
	}
	free(s->container_dir);
	free(s->run_dir);
	free(s);
}

/* --- taking it --- */

struct monitor *monitor_spare_take(struct monitor_spare *s, const struct monitor_spec *spec)
{
	(void)sd_event_source_set_enabled(s->idle, SD_EVENT_ONESHOT);
	if (!s->m || rename(s->run_dir, spec->run_dir) < 0)
		return NULL;
	struct monitor *m = take_ptr(s->m);
	monitor_adopt(m, spec->events, spec->data);
	return m;
}
