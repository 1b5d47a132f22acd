/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Owns the queue of trees to be measured and the cache of results. Walks
 * nothing itself. A slow tree holds up those of its own job only, and these
 * not for ever. See src/worker/du.c.
 */
#include "sizes.h"

#include "container.h"
#include "jobs.h"

#include <base/ident.h>
#include <base/log.h>

#define FRESH_NS (5LL * 1000 * 1000 * 1000)
#define LIMIT_US (30ULL * 1000 * 1000)
#define BATCH_TREES 2000 /* descriptors of one worker */
#define BATCHES_MAX 3

struct entry {
	char *path;
	int64_t bytes, at; /* CLOCK_BOOTTIME */
};
struct waiter {
	struct sizes *s;
	struct waiter *next;
	struct http_req *r; /* NULL: the client is gone */
	http_handler again;
	int64_t since; /* CLOCK_BOOTTIME: what was measured later is good enough for this one */
};
struct batch {
	struct sizes *s;
	struct batch *next;
	char **paths;
	struct job *job;
	sd_event_source *limit;
};
struct sizes {
	struct daemon *d;
	struct entry *entries;
	size_t n, cap;
	char **wanted; /* of the next batch */
	struct batch *batches;
	struct waiter *waiters;
	int64_t since; /* of the request that is called again just now, else 0 */
};

/* --- cache --- */

static struct entry *find(const struct sizes *s, const char *path)
{
	for (size_t i = 0; s && i < s->n; i++)
		if (str_eq(s->entries[i].path, path))
			return &s->entries[i];
	return NULL;
}

static bool is_fresh(const struct sizes *s, const struct entry *e)
{
	return e && (time_boot_ns() - e->at < FRESH_NS || (s->since && e->at >= s->since));
}

static bool is_awaited(const struct sizes *s, const struct entry *e)
{
	for (const struct waiter *w = s->waiters; w; w = w->next)
		if (e->at >= w->since)
			return true;
	return false;
}

static void drop_stale(struct sizes *s)
{
	for (size_t i = s->n; i-- > 0;) {
		if (is_fresh(s, &s->entries[i]) || is_awaited(s, &s->entries[i]))
			continue;
		free(s->entries[i].path);
		s->entries[i] = s->entries[--s->n];
	}
}

static void store(struct sizes *s, const char *path, int64_t bytes)
{
	struct entry *e = find(s, path);

	if (!e && s->n == s->cap) {
		size_t cap = s->cap ? s->cap * 2 : 16;
		struct entry *v = reallocarray(s->entries, cap, sizeof(*v));
		if (!v)
			return;
		s->entries = v;
		s->cap = cap;
	}
	if (!e) {
		char *copy = strdup(path);
		if (!copy)
			return;
		e = &s->entries[s->n++];
		e->path = copy;
	}
	e->bytes = bytes;
	e->at = time_boot_ns();
}

int64_t sizes_get(const struct daemon *d, const char *path)
{
	const struct entry *e = path ? find(d->sizes, path) : NULL;

	return e ? e->bytes : -1;
}

/* --- batches --- */

static void batch_free(struct batch *b)
{
	sd_event_source_disable_unref(b->limit);
	if (b->job)
		job_cancel(b->job);
	strv_free(b->paths);
	free(b);
}

static void start_batches(struct sizes *s);

/* Each asks again for all it needs, and finds it, or waits for the rest. */
static void wake(struct sizes *s)
{
	struct waiter *w = take_ptr(s->waiters);

	while (w) {
		struct waiter *next = w->next;
		struct http_req *r = w->r;
		http_handler again = w->again;
		s->since = w->since;
		if (r) {
			http_set_data(r, NULL, NULL);
			http_on_close(r, NULL);
		}
		free(w);
		if (r)
			again(r);
		w = next;
	}
	s->since = 0;
}

static void finish(struct batch *b, const cJSON *sizes)
{
	struct sizes *s = b->s;
	struct batch **at = &s->batches;

	while (*at != b)
		at = &(*at)->next;
	*at = b->next;
	drop_stale(s);
	for (int i = 0; b->paths[i]; i++) {
		const cJSON *n = cJSON_GetArrayItem(sizes, i);
		store(s, b->paths[i], cJSON_IsNumber(n) ? (int64_t)n->valuedouble : -1);
	}
	batch_free(b);
	start_batches(s);
	wake(s);
}

static void on_done(struct job *j, const cJSON *result, const struct crl_err *err, void *data)
{
	struct batch *b = data;

	b->job = NULL;
	if (err->code != CRL_OK)
		log_warn("sizes", "error", err->msg, NULL);
	finish(b, cJSON_GetObjectItemCaseSensitive(result, "sizes"));
}

static int on_limit(sd_event_source *source, uint64_t usec, void *data)
{
	struct batch *b = data;

	log_warn("sizes: it takes too long", "trees", log_i64((int64_t)strv_len(b->paths)), NULL);
	finish(b, NULL);
	return 0;
}

static char **take_wanted(struct sizes *s)
{
	char **all = take_ptr(s->wanted), **rest = NULL;
	size_t n = strv_len(all);

	for (size_t i = BATCH_TREES; i < n; i++) {
		(void)strv_push(&rest, all[i]);
		free(take_ptr(all[i]));
	}
	s->wanted = rest;
	return all;
}

static int start_batch(struct sizes *s, struct crl_err *err)
{
	struct batch *b = calloc(1, sizeof(*b));

	if (!b)
		return crl_fail_oom(err);
	b->s = s;
	b->paths = take_wanted(s);
	struct job_spec spec = {.verb = "du",
				.args = cJSON_CreateObject(),
				.input_fd = -1,
				.output_fd = -1,
				.done = on_done,
				.data = b};
	json_add_strv(spec.args, "trees", b->paths, false);
	if (job_start(s->d, &spec, &b->job, err) < 0) {
		batch_free(b);
		return -1;
	}
	if (sd_event_add_time_relative(s->d->event, &b->limit, CLOCK_MONOTONIC, LIMIT_US, 0,
				       on_limit, b) < 0)
		log_warn("timer", NULL);
	b->next = s->batches;
	s->batches = b;
	return 0;
}

static size_t count_batches(const struct sizes *s)
{
	size_t n = 0;

	for (const struct batch *b = s->batches; b; b = b->next)
		n++;
	return n;
}

static void start_batches(struct sizes *s)
{
	struct crl_err err = CRL_ERR_INIT;

	while (s->wanted && count_batches(s) < BATCHES_MAX) {
		if (start_batch(s, &err) == 0)
			continue;
		log_warn("sizes", "error", err.msg, NULL);
		return;
	}
}

/* --- who asks --- */

static struct sizes *sizes_of(struct daemon *d)
{
	if (!d->sizes && (d->sizes = calloc(1, sizeof(*d->sizes))))
		d->sizes->d = d;
	return d->sizes;
}

static bool under_way(const struct sizes *s, const char *path)
{
	for (const struct batch *b = s->batches; b; b = b->next)
		if (strv_contains(b->paths, path))
			return true;
	return strv_contains(s->wanted, path);
}

static void on_client_gone(struct http_req *r, void *data)
{
	struct waiter *w = data;

	w->r = NULL;
}

static bool wait_for(struct sizes *s, struct http_req *r, http_handler again)
{
	struct waiter *w = calloc(1, sizeof(*w));

	if (!w)
		return false;
	*w = (struct waiter){.s = s,
			     .next = s->waiters,
			     .r = r,
			     .again = again,
			     .since = s->since ? s->since : time_boot_ns()};
	s->waiters = w;
	http_set_data(r, w, NULL);
	http_on_close(r, on_client_gone);
	return true;
}

bool sizes_await(struct http_req *r, char *const *paths, http_handler again)
{
	struct sizes *s = sizes_of(http_daemon(r));
	bool all = true;

	for (; s && paths && *paths; paths++) {
		if (is_fresh(s, find(s, *paths)))
			continue;
		all = false;
		if (!under_way(s, *paths) && strv_push(&s->wanted, *paths) < 0)
			return false;
	}
	if (!s || all)
		return false;
	start_batches(s);
	/* No worker at all: better no sizes than no answer. */
	return s->batches && wait_for(s, r, again);
}

bool sizes_await_containers(struct http_req *r,
			    bool (*want)(const struct container *c, const void *data),
			    const void *data, http_handler again)
{
	struct containers *cs = http_daemon(r)->containers;
	_cleanup_strv_ char **paths = NULL;

	for (size_t i = 0; i < cs->n; i++) {
		_cleanup_free_ char *upper =
			want(cs->items[i], data) ? container_path_of(cs->items[i], "upper") : NULL;
		if (upper)
			(void)strv_push(&paths, upper);
	}
	return sizes_await(r, paths, again);
}

void sizes_free(struct sizes *s)
{
	if (!s)
		return;
	while (s->batches) {
		struct batch *b = s->batches;
		s->batches = b->next;
		b->job = NULL; /* the jobs have ended */
		batch_free(b);
	}
	while (s->waiters) {
		struct waiter *w = s->waiters;
		s->waiters = w->next;
		free(w);
	}
	for (size_t i = 0; i < s->n; i++)
		free(s->entries[i].path);
	free(s->entries);
	strv_free(s->wanted);
	free(s);
}
