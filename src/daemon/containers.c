/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Owns the table of containers: look-up by id, name and prefix, names that are
 * taken, exit codes of those that are gone; and the small helpers all
 * operations share. It starts and stops nothing.
 */
#include "container.h"
#include "container_root.h"
#include "db.h"
#include "events.h"
#include "exec.h"
#include "recovery.h"
#include "monitor_spare.h"
#include "trash.h"

#include <base/log.h>
#include <base/path.h>
#include <base/step.h>

struct container *container_new(struct daemon *d)
{
	struct container *c = calloc(1, sizeof(*c));
	if (!c)
		return NULL;
	c->d = d;
	c->init_pidfd = -1;
	return c;
}

void container_free(struct container *c)
{
	if (!c)
		return;
	sd_event_source_disable_unref(c->restart_timer);
	sd_event_source_disable_unref(c->stop_timer);
	sd_event_source_disable_unref(c->death_source);
	sd_event_source_disable_unref(c->health_timer);
	monitor_free(c->monitor);
	container_drop_attaches(c);
	execs_free(c);
	container_end_writers(c);
	cleanup_close_p(&c->init_pidfd);
	for (size_t i = 0; i < c->n_eps; i++)
		net_endpoint_clear(&c->eps[i]);
	free(c->eps);
	free(c->checkpoint);
	container_record_free(&c->rec);
	free(c);
}

int containers_insert(struct daemon *d, struct container *c, struct crl_err *err)
{
	struct containers *cs = d->containers;
	if (cs->n == cs->cap) {
		size_t cap = cs->cap ? cs->cap * 2 : 16;
		struct container **items = realloc(cs->items, cap * sizeof(struct container *));
		if (!items)
			return crl_fail_oom(err);
		cs->items = items;
		cs->cap = cap;
	}
	cs->items[cs->n++] = c;
	return 0;
}

void containers_take_out(struct container *c)
{
	struct containers *cs = c->d->containers;
	for (size_t i = 0; i < cs->n; i++) {
		if (cs->items[i] != c)
			continue;
		memmove(&cs->items[i], &cs->items[i + 1],
			(cs->n - i - 1) * sizeof(struct container *));
		cs->n--;
		return;
	}
}

struct container *container_by_name(struct daemon *d, const char *name)
{
	for (size_t i = 0; i < d->containers->n; i++)
		if (str_eq(d->containers->items[i]->rec.name, name))
			return d->containers->items[i];
	return NULL;
}

static int find_prefix(struct daemon *d, const char *text, struct container **ret,
		       struct crl_err *err)
{
	struct container *found = NULL;
	for (size_t i = 0; i < d->containers->n; i++) {
		struct container *c = d->containers->items[i];
		if (!str_starts(c->rec.id, text))
			continue;
		if (found)
			return crl_fail(err, CRL_INVALID,
					"Multiple IDs found with provided prefix: %s", text);
		found = c;
	}
	if (!found)
		return crl_fail(err, CRL_NOT_FOUND, "No such container: %s", text);
	*ret = found;
	return 0;
}

int container_find(struct daemon *d, const char *text, struct container **ret, struct crl_err *err)
{
	struct container *c = NULL;
	const char *name = text[0] == '/' ? text + 1 : text;
	if (!*name)
		return crl_fail(err, CRL_NOT_FOUND, "No such container: %s", text);
	for (size_t i = 0; i < d->containers->n && !c; i++)
		if (str_eq(d->containers->items[i]->rec.id, text))
			c = d->containers->items[i];
	if (!c)
		c = container_by_name(d, name);
	if (!c)
		return find_prefix(d, text, ret, err);
	*ret = c;
	return 0;
}

void tombstone_add(struct daemon *d, const char *id, int32_t exit_code)
{
	struct containers *cs = d->containers;
	struct tombstone *t = &cs->tombstones[cs->next_tombstone++ % N_TOMBSTONES];
	snprintf(t->id, sizeof(t->id), "%s", id);
	t->exit_code = exit_code;
}

bool tombstone_find(struct daemon *d, const char *id, int32_t *ret_exit_code)
{
	/* A name may belong to another container by now: ids only, and not by a few digits. */
	if (!ident_is_hex(id, 12, ID_HEX))
		return false;
	for (size_t i = 0; i < N_TOMBSTONES; i++) {
		if (!str_starts(d->containers->tombstones[i].id, id))
			continue;
		*ret_exit_code = d->containers->tombstones[i].exit_code;
		return true;
	}
	return false;
}

char *container_dir(const struct container *c)
{
	return path_printf("%s/containers/%s", c->d->config.data_root, c->rec.id);
}

char *container_run_dir(const struct container *c)
{
	return path_printf("%s/containers/%s", c->d->config.exec_root, c->rec.id);
}

char *container_start_dir(const struct container *c)
{
	return c->rec.host_config.auto_remove ? container_run_dir(c) : container_dir(c);
}

char *container_start_path(const struct container *c, const char *file)
{
	_cleanup_free_ char *dir = container_start_dir(c);
	return dir ? path_printf("%s/%s", dir, file) : NULL;
}

char *container_path_of(const struct container *c, const char *file)
{
	return path_printf("%s/containers/%s/%s", c->d->config.data_root, c->rec.id, file);
}

bool container_is_running(const struct container *c)
{
	return c->state == FSM_RUNNING || c->state == FSM_PAUSED;
}

enum fsm_state container_shown_state(const struct container *c)
{
	return c->state == FSM_STARTING ? c->before_start : c->state;
}

int container_add_done(struct done_item **list, container_done cb, void *data)
{
	struct done_item *item = malloc(sizeof(*item));
	if (!item)
		return -1;
	*item = (struct done_item){.cb = cb, .data = data};
	while (*list)
		list = &(*list)->next;
	*list = item;
	return 0;
}

void container_call_done(struct done_item **list, const struct crl_err *err, bool modified)
{
	struct done_item *item = take_ptr(*list);
	while (item) {
		struct done_item *next = item->next;
		item->cb(err, modified, item->data);
		free(item);
		item = next;
	}
}

/* --- events --- */

static void add_extra(struct strmap *attrs, va_list ap)
{
	const char *key;
	while ((key = va_arg(ap, const char *)))
		strmap_set(attrs, key, va_arg(ap, const char *));
}

void container_publish(struct container *c, const char *action, ...)
{
	struct strmap attrs = {0};
	strmap_copy(&attrs, &c->rec.config.labels);
	strmap_set(&attrs, "image", c->rec.config.image ? c->rec.config.image : "");
	strmap_set(&attrs, "name", c->rec.name);
	va_list ap;
	va_start(ap, action);
	add_extra(&attrs, ap);
	va_end(ap);
	events_publish(c->d, "container", action, c->rec.id, &attrs);
	strmap_free(&attrs);
}

/* --- transitions --- */

static int op_persist(void *data, enum fsm_state to, struct crl_err *err)
{
	struct container *c = data;
	/* An --rm container that ends is removed in the same breath: its record goes, too. */
	if (to == FSM_EXITED && c->rec.host_config.auto_remove)
		return 0;
	char *status = strdup(fsm_state_name(to));
	if (!status)
		return crl_fail_oom(err);
	char *before = c->rec.status;
	c->rec.status = status;
	if (container_save(c, err) < 0) {
		c->rec.status = before;
		free(status);
		return -1;
	}
	free(before);
	return 0;
}

static void op_enter(void *data, enum fsm_state to)
{
	struct container *c = data;
	if (to == FSM_STARTING)
		c->before_start = c->state;
	c->state = to;
}

static void op_effect(void *data, enum fsm_effect effect)
{
	struct container *c = data;
	switch (effect) {
	case FSM_FX_RUN:
		c->stop_requested = false;
		c->started_boot = time_boot_ns();
		container_health_begin(c);
		break;
	case FSM_FX_END:
	case FSM_FX_BACKOFF:
		cleanup_close_p(&c->init_pidfd);
		c->init_pidfd = -1;
		c->stop_timer = sd_event_source_disable_unref(c->stop_timer);
		c->restart_timer = sd_event_source_disable_unref(c->restart_timer);
		if (effect == FSM_FX_BACKOFF)
			container_arm_restart(c);
		break;
	case FSM_FX_FORGET: containers_take_out(c); break;
	case FSM_FX_NONE:
	default: break;
	}
}

static void op_publish(void *data, const char *action)
{
	struct container *c = data;
	if (str_eq(action, "start"))
		container_publish_volumes(c, true);
	if (!str_eq(action, "die")) {
		container_publish(c, action, NULL);
		return;
	}
	char code[16], seconds[32];
	int64_t ran = c->started_boot ? time_boot_ns() - c->started_boot : 0;
	snprintf(code, sizeof(code), "%d", c->rec.exit_code);
	snprintf(seconds, sizeof(seconds), "%lld", (long long)(ran / 1000000000));
	container_publish(c, action, "exitCode", code, "execDuration", seconds, NULL);
}

int container_fire(struct container *c, enum fsm_event event, struct crl_err *err)
{
	static const struct fsm_ops ops = {op_persist, op_enter, op_effect, op_publish};
	return fsm_fire(c->state, event, &ops, c, err);
}

void container_strip_step(const struct step *steps, size_t n, struct crl_err *err)
{
	for (size_t i = 0; i < n; i++) {
		size_t len = strlen(steps[i].name);
		if (strncmp(err->msg, steps[i].name, len) || strncmp(err->msg + len, ": ", 2))
			continue;
		memmove(err->msg, err->msg + len + 2, strlen(err->msg + len + 2) + 1);
		return;
	}
}

/* --- what other parts see --- */

int containers_init(struct daemon *d, struct crl_err *err)
{
	d->containers = calloc(1, sizeof(*d->containers));
	if (!d->containers)
		return crl_fail_oom(err);
	if (trash_new(d, &d->containers->trash, err) < 0 ||
	    monitor_spare_new(d, &d->containers->spare, err) < 0)
		return -1;
	return recovery_run(d, err);
}

void containers_free(struct containers *cs)
{
	if (!cs)
		return;
	for (size_t i = 0; i < cs->n; i++)
		container_free(cs->items[i]);
	trash_free(cs->trash);
	monitor_spare_free(cs->spare);
	free(cs->items);
	free(cs->seccomp_default);
	free(cs->seccomp_caps);
	free(cs);
}

void containers_count(struct daemon *d, struct containers_counts *ret)
{
	*ret = (struct containers_counts){.total = d->containers->n};
	for (size_t i = 0; i < d->containers->n; i++) {
		enum fsm_state s = container_shown_state(d->containers->items[i]);
		if (s == FSM_PAUSED)
			ret->paused++;
		else if (s == FSM_RUNNING)
			ret->running++;
		else
			ret->stopped++;
	}
}

int containers_each(struct daemon *d,
		    int (*cb)(const char *id, const char *name, const char *image_id, bool running,
			      void *data),
		    void *data)
{
	for (size_t i = 0; i < d->containers->n; i++) {
		const struct container *c = d->containers->items[i];
		bool running = container_is_running(c);
		int r = cb(c->rec.id, c->rec.name, c->rec.image_id, running, data);
		for (size_t m = 0; !r && m < c->rec.n_mounts; m++)
			if (str_eq(c->rec.mounts[m].type, "image"))
				r = cb(c->rec.id, c->rec.name, c->rec.mounts[m].source, running,
				       data);
		if (r)
			return r;
	}
	return 0;
}
