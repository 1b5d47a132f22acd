// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Events. An event is one line of JSON, made once by hand (it happens several
 * times in every container start) and shared by the ring and the subscribers.
 * Filters are looked at only when somebody listens. A subscriber that does not
 * read loses its connection; it never slows anybody else down.
 */
#include "events.h"
#include "daemon.h"
#include "filters.h"
#include "http.h"
#include "metrics.h"

#include <base/ident.h>
#include <base/json.h>
#include <base/log.h>
#include <ctype.h>

#define RING 1000

struct event {
	char *text; /* with the line end */
	size_t len;
	int64_t time_ns;
};

struct subscriber {
	struct events *events;
	struct http_req *req;
	struct subscriber *prev, *next;
	struct filters filters;
	int64_t since_ns, until_ns; /* 0 = not given */
	sd_event_source *timer;     /* until */
};

struct events {
	struct daemon *daemon;
	struct event ring[RING];
	size_t next, count;
	struct subscriber *subscribers;
};

struct events *events_new(struct daemon *d)
{
	struct events *e = calloc(1, sizeof(*e));

	if (e)
		e->daemon = d;
	return e;
}

void events_free(struct events *e)
{
	if (!e)
		return;
	for (size_t i = 0; i < RING; i++)
		free(e->ring[i].text);
	free(e);
}

/* --- text --- */

static void add_pair(struct buf *b, const char *key, const char *value)
{
	json_buf_str(b, key);
	buf_putc(b, ':');
	json_buf_str(b, value ? value : "");
}

/* The fields of API versions before 1.52, which the widest spread clients still read. */
static void add_legacy(struct buf *b, const char *type, const char *action, const char *id,
		       const struct strmap *attributes)
{
	bool container = str_eq(type, "container"), image = str_eq(type, "image");

	if (!container && !image)
		return;
	add_pair(b, "status", action);
	buf_putc(b, ',');
	add_pair(b, "id", id);
	buf_putc(b, ',');
	if (container && attributes) {
		add_pair(b, "from", strmap_get(attributes, "image"));
		buf_putc(b, ',');
	}
}

static void make_text(struct buf *b, const char *type, const char *action, const char *id,
		      const struct strmap *attributes, int64_t now)
{
	buf_putc(b, '{');
	add_legacy(b, type, action, id, attributes);
	add_pair(b, "Type", type);
	buf_putc(b, ',');
	add_pair(b, "Action", action);
	buf_puts(b, ",\"Actor\":{");
	add_pair(b, "ID", id);
	buf_puts(b, ",\"Attributes\":{");
	for (size_t i = 0; attributes && i < attributes->n; i++) {
		if (i > 0)
			buf_putc(b, ',');
		add_pair(b, attributes->items[i].key, attributes->items[i].value);
	}
	buf_printf(b, "}},\"scope\":\"local\",\"time\":%lld,\"timeNano\":%lld}\n",
		   (long long)(now / 1000000000), (long long)now);
}

/* --- filters --- */

struct view { /* an event as the filters see it */
	const char *type, *action, *id;
	const struct strmap *attributes;
};

static bool starts_or_is(char *const *wanted, const char *id, const char *name)
{
	for (; *wanted; wanted++) {
		if (str_starts(id, *wanted) || str_eq(name, *wanted))
			return true;
	}
	return false;
}

/* "container=x", "network=x", ...: an event of that type about that object, or one that names it.
 */
static bool match_object(const struct filters *f, const char *key, const struct view *v)
{
	char *const *wanted = filters_get(f, key);
	const char *name = v->attributes ? strmap_get(v->attributes, "name") : NULL;

	if (!wanted || !*wanted)
		return true;
	if (str_eq(v->type, key))
		return starts_or_is(wanted, v->id, name);
	name = v->attributes ? strmap_get(v->attributes, key) : NULL;
	return name && starts_or_is(wanted, name, name);
}

/* Image names are matched with and without their tag. */
static bool match_image(const struct filters *f, const struct view *v)
{
	char *const *wanted = filters_get(f, "image");
	const char *name = v->attributes ? strmap_get(v->attributes, "image") : NULL;

	if (!wanted || !*wanted)
		return true;
	if (str_eq(v->type, "image")) {
		name = v->attributes ? strmap_get(v->attributes, "name") : NULL;
		if (starts_or_is(wanted, v->id, name))
			return true;
	}
	for (; name && *wanted; wanted++) {
		const char *colon = strrchr(name, ':');
		size_t len = strlen(*wanted);

		if (str_eq(name, *wanted))
			return true;
		if (colon && !strchr(colon, '/') && (size_t)(colon - name) == len &&
		    strncmp(name, *wanted, len) == 0)
			return true;
	}
	return false;
}

/* "event=health_status" also means "health_status: healthy", "exec_start" "exec_start: sh". */
static bool match_action(const struct filters *f, const char *action)
{
	char *const *wanted = filters_get(f, "event");

	if (!wanted || !*wanted)
		return true;
	for (; *wanted; wanted++) {
		size_t len = strlen(*wanted);

		if (strncmp(action, *wanted, len) == 0 && (!action[len] || action[len] == ':'))
			return true;
	}
	return false;
}

static bool matches(const struct filters *f, const struct view *v)
{
	static const char *const objects[] = {"container", "network", "volume", "daemon", "plugin",
					      "service",   "node",    "secret", "config"};
	static const struct strmap none = {0};

	if (f->n == 0)
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(objects); i++) {
		if (!match_object(f, objects[i], v))
			return false;
	}
	return match_action(f, v->action) && match_image(f, v) &&
	       filters_match_exact(f, "type", v->type) &&
	       filters_match_exact(f, "scope", "local") &&
	       filters_match_labels(f, "label", v->attributes ? v->attributes : &none);
}

/* --- publishing --- */

static void drop_subscriber(struct subscriber *s)
{
	if (s->prev)
		s->prev->next = s->next;
	else if (s->events->subscribers == s)
		s->events->subscribers = s->next;
	if (s->next)
		s->next->prev = s->prev;
	s->prev = s->next = NULL;
	s->timer = sd_event_source_disable_unref(s->timer);
}

static void subscriber_destroy(void *data)
{
	struct subscriber *s = data;

	drop_subscriber(s);
	filters_free(&s->filters);
	free(s);
}

static void end_subscriber(struct subscriber *s)
{
	struct http_req *r = s->req;

	drop_subscriber(s);
	http_stream_end(r);
}

static void ring_add(struct events *e, char *text, size_t len, int64_t now)
{
	struct event *slot = &e->ring[e->next];

	free(slot->text);
	*slot = (struct event){text, len, now};
	e->next = (e->next + 1) % RING;
	if (e->count < RING)
		e->count++;
}

void events_publish(struct daemon *d, const char *type, const char *action, const char *actor_id,
		    const struct strmap *attributes)
{
	struct events *e = d->events;
	struct view view = {type, action, actor_id, attributes};
	struct buf text = BUF_INIT;
	int64_t now = time_now_ns();

	if (!e)
		return;
	make_text(&text, type, action, actor_id, attributes, now);
	if (text.failed) {
		buf_free(&text);
		return;
	}
	for (struct subscriber *s = e->subscribers, *next; s; s = next) {
		next = s->next;
		if (matches(&s->filters, &view) && !http_write(s->req, text.data, text.len)) {
			log_warn("a reader of events does not read and is dropped", NULL);
			end_subscriber(s);
		}
	}
	ring_add(e, text.data, text.len, now);
	metrics_event(d);
}

size_t events_listeners(const struct daemon *d)
{
	size_t n = 0;

	for (const struct subscriber *s = d->events ? d->events->subscribers : NULL; s; s = s->next)
		n++;
	return n;
}

void events_publish_prune(struct daemon *d, const char *type, int64_t bytes)
{
	struct strmap attributes = {0};

	(void)strmap_set(&attributes, "reclaimed", log_i64(bytes));
	events_publish(d, type, "prune", "", &attributes);
	strmap_free(&attributes);
}

/* --- GET /events --- */

static void read_attributes(const cJSON *actor, struct strmap *to)
{
	const cJSON *attributes = cJSON_GetObjectItemCaseSensitive(actor, "Attributes"), *item;

	cJSON_ArrayForEach (item, attributes) {
		if (cJSON_IsString(item))
			(void)strmap_set(to, item->string, item->valuestring);
	}
}

/* Past events are kept as text only: they are asked for rarely. */
static bool past_matches(const struct event *ev, const struct filters *f)
{
	_cleanup_cjson_ cJSON *tree = NULL;
	struct strmap attributes = {0};
	const cJSON *actor;
	bool hit;

	if (f->n == 0)
		return true;
	tree = cJSON_ParseWithLength(ev->text, ev->len);
	actor = cJSON_GetObjectItemCaseSensitive(tree, "Actor");
	if (!actor)
		return false;
	read_attributes(actor, &attributes);
	hit = matches(f, &(struct view){json_get_str(tree, "Type"), json_get_str(tree, "Action"),
					json_get_str(actor, "ID"), &attributes});
	strmap_free(&attributes);
	return hit;
}

static void send_past(const struct events *e, const struct subscriber *s)
{
	size_t first = (e->next + RING - e->count) % RING;

	for (size_t i = 0; i < e->count; i++) {
		const struct event *ev = &e->ring[(first + i) % RING];

		if (ev->time_ns >= s->since_ns && (!s->until_ns || ev->time_ns <= s->until_ns) &&
		    past_matches(ev, &s->filters))
			(void)http_write(s->req, ev->text, ev->len);
	}
}

static int on_until(sd_event_source *source, uint64_t usec, void *data)
{
	end_subscriber(data);
	return 0;
}

static void on_client_gone(struct http_req *r, void *data)
{
	drop_subscriber(data);
}

static int parse_time(const struct http_req *r, const char *key, int64_t *ret, struct crl_err *err)
{
	const char *text = http_query(r, key);

	*ret = 0;
	if (str_empty(text))
		return 0;
	if (!time_parse(text, time_now_ns(), ret))
		return crl_fail(err, CRL_INVALID, "invalid %s: %s is no time", key, text);
	return 0;
}

static int subscriber_new(struct http_req *r, struct subscriber **ret, struct crl_err *err)
{
	static const char *const known[] = {"config", "container", "daemon", "event",  "image",
					    "label",  "network",   "node",   "plugin", "scope",
					    "secret", "service",   "type",   "volume", NULL};
	struct subscriber *s = calloc(1, sizeof(*s));

	if (!s)
		return crl_fail_oom(err);
	s->events = http_daemon(r)->events;
	s->req = r;
	if (parse_time(r, "since", &s->since_ns, err) < 0 ||
	    parse_time(r, "until", &s->until_ns, err) < 0 ||
	    filters_from_request(r, known, &s->filters, err) < 0) {
		free(s);
		return -1;
	}
	if (s->since_ns && s->until_ns && s->until_ns < s->since_ns) {
		filters_free(&s->filters);
		free(s);
		return crl_fail(err, CRL_INVALID, "`since` time cannot be after `until` time");
	}
	*ret = s;
	return 0;
}

/* Joins the list; with `until` for as long as that is in the future. */
static void subscribe(struct subscriber *s)
{
	struct events *e = s->events;
	int64_t left = s->until_ns - time_now_ns();

	if (s->until_ns && (left <= 0 || sd_event_add_time_relative(
						 e->daemon->event, &s->timer, CLOCK_MONOTONIC,
						 (uint64_t)left / 1000, 1000, on_until, s) < 0)) {
		http_stream_end(s->req);
		return;
	}
	s->next = e->subscribers;
	if (s->next)
		s->next->prev = s;
	e->subscribers = s;
	http_on_close(s->req, on_client_gone);
}

void api_events(struct http_req *r)
{
	struct subscriber *s = NULL;
	struct crl_err err;

	if (subscriber_new(r, &s, &err) < 0) {
		http_reply_error(r, &err);
		return;
	}
	http_set_data(r, s, subscriber_destroy);
	http_stream(r, 200, "application/json");
	if (s->since_ns || s->until_ns)
		send_past(s->events, s);
	subscribe(s);
}
