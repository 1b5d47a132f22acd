/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Owns the clients that attached before the start: their sockets wait here and
 * go to the monitor with the start message (container_start.c). Of a running
 * container they go to its monitor at once. See unix(7) (SCM_RIGHTS).
 */
#include "container.h"

#include <base/fd.h>
#include <sys/epoll.h>

static void attach_free(struct container_attach *a)
{
	sd_event_source_disable_unref(a->source);
	json_free(&mon_attach_json, &a->spec);
	cleanup_close_p(&a->fd);
	free(a);
}

static void attach_take_out(struct container_attach *a)
{
	for (struct container_attach **p = &a->c->attaches; *p; p = &(*p)->next) {
		if (*p != a)
			continue;
		*p = a->next;
		return;
	}
}

void container_drop_attaches(struct container *c)
{
	while (c->attaches) {
		struct container_attach *a = c->attaches;
		c->attaches = a->next;
		attach_free(a);
	}
}

/* No event is asked for: EPOLLHUP and EPOLLERR come anyway, a half close (EPOLLRDHUP) does not. */
static int on_early_hangup(sd_event_source *s, int fd, uint32_t revents, void *data)
{
	struct container_attach *a = data;
	attach_take_out(a);
	attach_free(a);
	return 0;
}

static int keep_attach(struct container *c, int fd, const struct mon_attach *spec,
		       struct crl_err *err)
{
	struct container_attach *a = calloc(1, sizeof(*a));
	if (!a) {
		close(fd);
		return crl_fail_oom(err);
	}
	a->c = c;
	a->fd = fd;
	if (json_copy(&mon_attach_json, spec, &a->spec, err) < 0) {
		attach_free(a);
		return -1;
	}
	(void)sd_event_add_io(c->d->event, &a->source, fd, 0, on_early_hangup, a);
	struct container_attach **p = &c->attaches;
	while (*p)
		p = &(*p)->next;
	*p = a;
	return 0;
}

int container_attach(struct container *c, int fd, const struct mon_attach *spec,
		     struct crl_err *err)
{
	/* "start -a" attaches to an ended container, too, before it starts it again. */
	if (!container_is_running(c) || !c->monitor)
		return keep_attach(c, fd, spec, err);
	cJSON *body = json_encode_tree(&mon_attach_json, spec);
	int r = monitor_call(c->monitor, "attach", body, &fd, 1, 0, NULL, NULL, err);
	close(fd);
	return r;
}
