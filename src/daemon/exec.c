/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns the table of execs of each container. Handlers are in api_exec.c. */
#include "exec.h"

#include "container.h"

#include <inttypes.h>

#define EXIT_LOST 137

struct exec *exec_find(struct daemon *d, const char *id)
{
	for (size_t i = 0; i < d->containers->n; i++)
		for (struct exec *e = d->containers->items[i]->execs; e; e = e->next)
			if (str_eq(e->id, id))
				return e;
	return NULL;
}

static struct exec *find_in(struct container *c, const char *id)
{
	for (struct exec *e = c->execs; e; e = e->next)
		if (str_eq(e->id, id))
			return e;
	return NULL;
}

static void ended(struct exec *e, int32_t code)
{
	e->running = false;
	e->exit_code = code;
	e->has_exit_code = true;
	e->pid = 0;
	e->finished_boot = time_boot_ns();
}

void exec_on_exit(struct container *c, const struct mon_exit *x)
{
	struct exec *e = find_in(c, x->exec_id);
	char code[16];
	if (!e)
		return;
	ended(e, x->exit_code);
	snprintf(code, sizeof(code), "%" PRId32, x->exit_code);
	container_publish(c, "exec_die", "execID", e->id, "exitCode", code, NULL);
	if (e->probe)
		container_health_probed(c, e, x);
}

void exec_on_detach(struct container *c, const char *exec_id)
{
	container_publish(c, "exec_detach", "execID", exec_id, NULL);
}

void execs_end(struct container *c)
{
	for (struct exec *e = c->execs; e; e = e->next)
		if (e->running)
			ended(e, EXIT_LOST);
	container_health_drop(c);
}

static void exec_free(struct exec *e)
{
	json_free(&api_exec_create_json, &e->spec);
	free(e);
}

void exec_forget(struct exec *e)
{
	for (struct exec **p = &e->c->execs; *p; p = &(*p)->next) {
		if (*p != e)
			continue;
		*p = e->next;
		exec_free(e);
		return;
	}
}

void execs_free(struct container *c)
{
	while (c->execs) {
		struct exec *e = c->execs;
		c->execs = e->next;
		exec_free(e);
	}
}

void exec_adopt(struct container *c, const struct mon_exec_state *s)
{
	if (!s->exec_id || strlen(s->exec_id) != ID_HEX || find_in(c, s->exec_id))
		return;
	struct exec *e = calloc(1, sizeof(*e));
	if (!e)
		return;
	memcpy(e->id, s->exec_id, ID_HEX);
	e->c = c;
	e->started = true;
	e->running = s->running;
	e->pid = s->pid;
	if (!s->running)
		ended(e, s->exit_code);
	e->probe = s->capture;
	e->next = c->execs;
	c->execs = e;
	if (e->probe)
		container_health_adopt(c, e, s);
}

char **exec_running_ids(const struct container *c)
{
	char **ids = NULL;
	for (const struct exec *e = c->execs; e; e = e->next)
		if (!e->has_exit_code)
			(void)strv_push(&ids, e->id);
	return ids;
}
