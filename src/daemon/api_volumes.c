/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Handlers of /volumes. */
#include "api_volumes.h"

#include "daemon.h"
#include "events.h"
#include "filters.h"
#include "http.h"
#include "sizes.h"
#include "volumes.h"

struct volume_body {
	char *name, *driver;
	struct strmap driver_opts, labels;
};
static const struct json_field body_fields[] = {
	JSON_STR(struct volume_body, name, "Name", 0),
	JSON_STR(struct volume_body, driver, "Driver", 0),
	JSON_STRMAP(struct volume_body, driver_opts, "DriverOpts", 0),
	JSON_STRMAP(struct volume_body, labels, "Labels", 0),
};
static const struct json_table body_json = JSON_TABLE("volume", struct volume_body, body_fields);

/* --- GET /volumes --- */

struct list {
	struct daemon *d;
	struct filters filters;
	bool filter_dangling, dangling;
	cJSON *out;
};

static int list_one(const struct volume_info *v, void *data)
{
	struct list *l = data;

	if (!filters_match_name(&l->filters, "name", v->name) ||
	    !filters_match_exact(&l->filters, "driver", v->driver) ||
	    !filters_match_labels(&l->filters, "label", v->labels) ||
	    (l->filter_dangling && l->dangling != (v->users == 0)))
		return 0;
	cJSON_AddItemToArray(l->out, volume_to_json(l->d, v->name));
	return 0;
}

void api_volumes_list(struct http_req *r)
{
	static const char *const known[] = {"dangling", "driver", "label", "name", NULL};
	struct list l = {.d = http_daemon(r)};
	struct crl_err err = CRL_ERR_INIT;

	if (filters_from_request(r, known, &l.filters, &err) < 0 ||
	    filters_bool(&l.filters, "dangling", false, &l.dangling, &err) < 0) {
		http_reply_error(r, &err);
		filters_free(&l.filters);
		return;
	}
	l.filter_dangling = filters_get(&l.filters, "dangling") != NULL;
	cJSON *tree = cJSON_CreateObject();
	l.out = cJSON_AddArrayToObject(tree, "Volumes");
	volumes_each(l.d, list_one, &l);
	cJSON_AddNullToObject(tree, "Warnings");
	filters_free(&l.filters);
	http_reply_json(r, 200, tree);
}

/* --- POST /volumes/create --- */

static int create_check(const struct volume_body *b, struct crl_err *err)
{
	if (!str_empty(b->driver) && !str_eq(b->driver, "local"))
		return crl_fail(err, CRL_NOT_FOUND,
				"error looking up volume plugin %s: plugin \"%s\" not found",
				b->driver, b->driver);
	return 0;
}

void api_volumes_create(struct http_req *r)
{
	struct daemon *d = http_daemon(r);
	struct volume_body b = {0};
	struct crl_err err = CRL_ERR_INIT;
	_cleanup_free_ char *name = NULL;

	if (http_decode_body(r, &body_json, false, &b, &err) < 0 || create_check(&b, &err) < 0 ||
	    volume_ensure(d, str_empty(b.name) ? NULL : b.name, &b.labels, &b.driver_opts, &name,
			  NULL, NULL, &err) < 0)
		http_reply_error(r, &err);
	else
		http_reply_json(r, 201, volume_to_json(d, name));
	json_free(&body_json, &b);
}

/* --- GET, DELETE /volumes/NAME --- */

void api_volumes_inspect(struct http_req *r)
{
	cJSON *tree = volume_to_json(http_daemon(r), http_arg(r, 0));

	if (tree)
		http_reply_json(r, 200, tree);
	else
		http_reply_message(r, 404, "get %s: no such volume", http_arg(r, 0));
}

void api_volumes_remove(struct http_req *r)
{
	struct crl_err err = CRL_ERR_INIT;

	if (volume_remove(http_daemon(r), http_arg(r, 0), &err) == 0 ||
	    (err.code == CRL_NOT_FOUND && http_query_bool(r, "force", false)))
		http_reply_empty(r, 204);
	else
		http_reply_error(r, &err);
}

/* PUT changes volumes of a cluster, and there is none. */
void api_volumes_update(struct http_req *r)
{
	http_reply_message(
		r, 503, "volume update only valid for cluster volumes, but swarm is unavailable");
}

/* --- POST /volumes/prune --- */

struct prune {
	struct daemon *d;
	struct filters filters;
	bool all;
	cJSON *deleted;
	int64_t bytes;
};

static int prune_one(const struct volume_info *v, void *data)
{
	struct prune *p = data;
	_cleanup_free_ char *name = strdup(v->name);
	struct crl_err err;

	if (!name || v->users > 0 || (!p->all && !volume_is_anonymous(v)) ||
	    !filters_match_labels(&p->filters, "label", v->labels) ||
	    !filters_exclude_labels(&p->filters, "label!", v->labels))
		return 0;
	int64_t size = volume_size(p->d, name);
	if (volume_remove(p->d, name, &err) == 0) {
		cJSON_AddItemToArray(p->deleted, cJSON_CreateString(name));
		p->bytes += size > 0 ? size : 0;
	}
	return 0;
}

void api_volumes_prune(struct http_req *r)
{
	static const char *const known[] = {"all", "label", "label!", NULL};
	struct prune p = {.d = http_daemon(r)};
	struct crl_err err = CRL_ERR_INIT;

	/* Named volumes were pruned, too, before API 1.42. */
	if (filters_from_request(r, known, &p.filters, &err) < 0 ||
	    filters_bool(&p.filters, "all", http_api_version(r) < 142, &p.all, &err) < 0) {
		http_reply_error(r, &err);
		filters_free(&p.filters);
		return;
	}
	_cleanup_strv_ char **paths = volumes_size_paths(p.d);
	if (sizes_await(r, paths, api_volumes_prune)) {
		filters_free(&p.filters);
		return;
	}
	cJSON *tree = cJSON_CreateObject();
	p.deleted = cJSON_AddArrayToObject(tree, "VolumesDeleted");
	volumes_each(p.d, prune_one, &p);
	json_add_i64(tree, "SpaceReclaimed", p.bytes);
	events_publish_prune(p.d, "volume", p.bytes);
	filters_free(&p.filters);
	http_reply_json(r, 200, tree);
}
