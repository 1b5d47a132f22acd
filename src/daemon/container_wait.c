/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Owns POST /containers/{id}/wait: registrations made while the request is
 * handled, whose headers leave at once, and which are answered when the
 * condition comes true. Nothing is polled.
 */
#include "api_containers.h"
#include "container.h"
#include "http.h"

#include <inttypes.h>

enum condition { WAIT_NOT_RUNNING, WAIT_NEXT_EXIT, WAIT_REMOVED };

struct container_wait {
	struct container *c; /* NULL once answered */
	struct http_req *r;
	enum condition condition;
	struct container_wait *next;
};

static void take_out(struct container_wait *w)
{
	for (struct container_wait **p = &w->c->waits; *p; p = &(*p)->next) {
		if (*p != w)
			continue;
		*p = w->next;
		w->c = NULL;
		return;
	}
}

static void answer(struct http_req *r, int32_t code)
{
	char text[64];
	int n = snprintf(text, sizeof(text), "{\"Error\":null,\"StatusCode\":%" PRId32 "}\n", code);
	http_write(r, text, (size_t)n);
	http_stream_end(r);
}

static void on_close(struct http_req *r, void *data)
{
	struct container_wait *w = data;
	if (w->c)
		take_out(w);
}

static bool parse_condition(struct http_req *r, enum condition *ret)
{
	const char *text = http_query(r, "condition");
	static const char *const names[] = {"not-running", "next-exit", "removed"};
	*ret = WAIT_NOT_RUNNING;
	if (str_empty(text))
		return true;
	for (unsigned i = 0; i < ARRAY_SIZE(names); i++) {
		if (!str_eq(text, names[i]))
			continue;
		*ret = (enum condition)i;
		return true;
	}
	return http_api_version(r) < 142;
}

/* The code of a container that is gone, for a waiter that comes late. */
static bool answer_tombstone(struct http_req *r)
{
	int32_t code;
	if (!tombstone_find(http_daemon(r), http_arg(r, 0), &code))
		return false;
	http_stream(r, 200, "application/json");
	answer(r, code);
	return true;
}

void api_containers_wait(struct http_req *r)
{
	struct crl_err err = CRL_ERR_INIT;
	struct container *c;
	enum condition condition;
	if (!parse_condition(r, &condition)) {
		http_reply_message(r, 400, "invalid condition: \"%s\"", http_query(r, "condition"));
		return;
	}
	if (container_find(http_daemon(r), http_arg(r, 0), &c, &err) < 0) {
		if (!answer_tombstone(r))
			http_reply_error(r, &err);
		return;
	}
	struct container_wait *w = calloc(1, sizeof(*w));
	if (!w) {
		crl_fail_oom(&err);
		http_reply_error(r, &err);
		return;
	}
	http_set_data(r, w, free);
	http_stream(r, 200, "application/json");
	bool running =
		container_is_running(c) || c->state == FSM_STARTING || c->state == FSM_RESTARTING;
	if (condition == WAIT_NOT_RUNNING && !running) {
		answer(r, c->rec.exit_code);
		return;
	}
	*w = (struct container_wait){.c = c, .r = r, .condition = condition, .next = c->waits};
	c->waits = w;
	http_on_close(r, on_close);
}

/* Answering frees the registration: it is taken out first, and the search starts again. */
static void fire(struct container *c, int32_t code, bool removed)
{
	struct container_wait *w = c->waits;
	while (w) {
		if (!removed && w->condition == WAIT_REMOVED) {
			w = w->next;
			continue;
		}
		struct http_req *r = w->r;
		take_out(w);
		answer(r, code);
		w = c->waits;
	}
}

void container_wait_fire_exit(struct container *c, int32_t exit_code)
{
	fire(c, exit_code, false);
}

void container_wait_fire_removed(struct container *c)
{
	fire(c, c->rec.exit_code, true);
}
