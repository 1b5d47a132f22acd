// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Reads the records that image/build_cache.c writes, one small file per build step. A step's layer
 * may be an image's, too: then its room is not the cache's to give back.
 */
#include "build_cache.h"
#include "daemon.h"
#include "events.h"
#include "filters.h"
#include "http.h"
#include "images_internal.h"

#include <base/ident.h>
#include <base/path.h>
#include <base/record.h>
#include <dirent.h>
#include <sys/stat.h>

#define FOLDER "buildcache"
#define RECORD_KIND "build-step"
#define RECORD_MAX (64U * 1024)

struct step {
	char id[SHA256_HEX + 1];
	char *layer; /* diffID, NULL when the step changed no file */
	char *what;
	int64_t size, created, used; /* bytes; ns */
	bool shared;                 /* an image has the layer */
};

struct steps {
	struct step *items;
	size_t n;
	int fd; /* of the folder, -1 = there is none */
};

static void steps_free(struct steps *s)
{
	for (size_t i = 0; i < s->n; i++) {
		free(s->items[i].layer);
		free(s->items[i].what);
	}
	free(s->items);
	cleanup_close_p(&s->fd);
}
#define _cleanup_steps_ _cleanup_(steps_free)

static bool image_has(const struct daemon *d, const char *layer)
{
	for (size_t i = 0; i < d->images->n; i++) {
		char **ids = d->images->items[i]->spec.rootfs.diff_ids;

		if (ids && strv_contains(ids, layer))
			return true;
	}
	return false;
}

static void read_body(const struct daemon *d, const char *body, size_t len, struct step *s)
{
	_cleanup_cjson_ cJSON *tree = NULL;
	const char *layer, *what, *created;

	if (json_parse(body, len, RECORD_MAX, &tree, NULL) < 0)
		return;
	layer = json_get_str(tree, "diffID");
	what = json_get_str(tree, "what");
	created = json_get_str(tree, "created");
	s->what = strdup(what ? what : "");
	if (created)
		(void)str_to_i64(created, &s->created);
	if (str_empty(layer))
		return;
	s->layer = strdup(layer);
	s->shared = image_has(d, layer);
	(void)crl_store_layer_size(d->store, layer, &s->size, NULL);
}

static void add_step(const struct daemon *d, struct steps *all, const char *name)
{
	struct step *more = reallocarray(all->items, all->n + 1, sizeof(*more)), s = {0};
	_cleanup_free_ char *text = NULL;
	const char *body;
	struct stat st;
	size_t len, body_len;

	if (more)
		all->items = more;
	if (!more || strlen(name) != SHA256_HEX ||
	    path_read_file(all->fd, name, RECORD_MAX, &text, &len, NULL) < 0 ||
	    fstatat(all->fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return;
	memcpy(s.id, name, sizeof(s.id));
	s.used = (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec;
	s.created = s.used;
	/* A damaged one is shown all the same, so that it can be pruned. */
	if (record_body(RECORD_KIND, 1, text, len, &body, &body_len, NULL) == 0)
		read_body(d, body, body_len, &s);
	all->items[all->n++] = s;
}

static int oldest_first(const void *a, const void *b)
{
	const struct step *x = a, *y = b;

	return x->used < y->used ? -1 : x->used > y->used;
}

static void steps_load(const struct daemon *d, struct steps *ret)
{
	int fd = openat(crl_store_root_fd(d->store), FOLDER,
			O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	_cleanup_closedir_ DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	struct dirent *e;

	*ret = (struct steps){.fd = -1};
	if (!dir)
		return;
	ret->fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	while (ret->fd >= 0 && (e = readdir(dir))) {
		if (e->d_name[0] != '.')
			add_step(d, ret, e->d_name);
	}
	if (ret->n)
		qsort(ret->items, ret->n, sizeof(*ret->items), oldest_first);
}

/* --- GET /system/df --- */

static cJSON *step_json(const struct step *s)
{
	cJSON *o = cJSON_CreateObject();
	char time[TIME_BUF];

	json_add_str(o, "ID", s->id);
	cJSON_AddItemToObject(o, "Parents", cJSON_CreateNull());
	json_add_str(o, "Type", "regular");
	json_add_str(o, "Description", s->what);
	cJSON_AddBoolToObject(o, "InUse", false);
	cJSON_AddBoolToObject(o, "Shared", s->shared);
	json_add_i64(o, "Size", s->size);
	json_add_str(o, "CreatedAt", time_rfc3339(s->created, time));
	json_add_str(o, "LastUsedAt", time_rfc3339(s->used, time));
	json_add_i64(o, "UsageCount", s->used > s->created + 1000000000 ? 2 : 1);
	return o;
}

cJSON *build_cache_json(struct daemon *d)
{
	_cleanup_steps_ struct steps all;
	cJSON *list = cJSON_CreateArray();

	steps_load(d, &all);
	for (size_t i = 0; i < all.n; i++)
		cJSON_AddItemToArray(list, step_json(&all.items[i]));
	return list;
}

/* --- POST /build/prune --- */

struct prune {
	struct filters filters;
	int64_t until;               /* last used before; 0 = any */
	int64_t keep;                /* bytes that may stay; -1 = none */
	int in_use, shared, private; /* -1 = any */
};

static int read_bool(const struct filters *f, const char *key, int *ret, struct crl_err *err)
{
	char *const *values = filters_get(f, key);
	bool on = false;

	*ret = -1;
	if (!values)
		return 0;
	/* The key alone ("shared") means true. */
	if (values[0] && values[0][0] && filters_bool(f, key, true, &on, err) < 0)
		return -1;
	*ret = values[0] && values[0][0] ? on : true;
	return 0;
}

static int read_prune(struct http_req *r, struct prune *p, struct crl_err *err)
{
	static const char *const known[] = {"until", "unused-for", "id",      "parent",      "type",
					    "inuse", "shared",     "private", "description", NULL};
	static const char *const limits[] = {"keep-storage", "reserved-space", "max-used-space"};

	p->keep = -1;
	for (size_t i = 0; i < ARRAY_SIZE(limits); i++) {
		int64_t n;

		if (http_query_i64(r, limits[i], 0, &n, err) < 0)
			return -1;
		if (n > 0)
			p->keep = n;
	}
	if (filters_from_request(r, known, &p->filters, err) < 0)
		return -1;
	if (filters_time(&p->filters, filters_get(&p->filters, "until") ? "until" : "unused-for",
			 &p->until, err) < 0 ||
	    read_bool(&p->filters, "inuse", &p->in_use, err) < 0 ||
	    read_bool(&p->filters, "shared", &p->shared, err) < 0 ||
	    read_bool(&p->filters, "private", &p->private, err) < 0)
		return -1;
	return 0;
}

static bool wanted(const struct prune *p, const struct step *s)
{
	if (p->until && s->used > p->until)
		return false;
	if ((p->shared >= 0 && s->shared != p->shared) ||
	    (p->private >= 0 && s->shared == p->private) || p->in_use == 1)
		return false;
	return filters_match_prefix(&p->filters, "id", s->id) &&
	       filters_match_exact(&p->filters, "type", "regular") &&
	       filters_match_exact(&p->filters, "parent", "") &&
	       filters_match_name(&p->filters, "description", s->what ? s->what : "");
}

/* Whether a step other than the i-th, and still there, needs the layer of the i-th. */
static bool needed(const struct steps *all, size_t i)
{
	for (size_t k = 0; k < all->n; k++) {
		if (k != i && all->items[k].id[0] &&
		    str_eq(all->items[k].layer, all->items[i].layer))
			return true;
	}
	return false;
}

static int64_t total(const struct steps *all)
{
	int64_t sum = 0;

	for (size_t i = 0; i < all->n; i++)
		sum += all->items[i].shared ? 0 : all->items[i].size;
	return sum;
}

/* The least recently used go first, until what stays is small enough. */
static int64_t prune_steps(const struct prune *p, struct steps *all, cJSON **deleted)
{
	int64_t left = total(all), freed = 0;

	for (size_t i = 0; i < all->n; i++) {
		struct step *s = &all->items[i];

		if (!wanted(p, s) || (p->keep >= 0 && left <= p->keep) ||
		    unlinkat(all->fd, s->id, 0) < 0)
			continue;
		if (!*deleted)
			*deleted = cJSON_CreateArray();
		cJSON_AddItemToArray(*deleted, cJSON_CreateString(s->id));
		s->id[0] = '\0';
		left -= s->shared ? 0 : s->size;
		if (s->layer && !s->shared && !needed(all, i))
			freed += s->size;
	}
	return freed;
}

void api_build_prune(struct http_req *r)
{
	struct daemon *d = http_daemon(r);
	_cleanup_steps_ struct steps all;
	struct crl_err err = CRL_ERR_INIT;
	struct prune p = {0};
	cJSON *tree, *deleted = NULL;
	int64_t freed;

	steps_load(d, &all);
	if (read_prune(r, &p, &err) < 0) {
		filters_free(&p.filters);
		http_reply_error(r, &err);
		return;
	}
	freed = prune_steps(&p, &all, &deleted);
	filters_free(&p.filters);
	tree = cJSON_CreateObject();
	cJSON_AddItemToObject(tree, "CachesDeleted", deleted ? deleted : cJSON_CreateNull());
	json_add_i64(tree, "SpaceReclaimed", freed);
	/* The layers themselves go with the next collection. */
	images_collect_later(d);
	events_publish_prune(d, "builder", freed);
	http_reply_json(r, 200, tree);
}
