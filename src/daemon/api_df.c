// SPDX-License-Identifier: GPL-2.0-or-later
/* GET /system/df. Trees are walked by a worker (sizes.c); the rest is known. */
#include "api_containers.h"
#include "api_system.h"
#include "build_cache.h"
#include "daemon.h"
#include "http.h"
#include "images_json.h"
#include "sizes.h"
#include "volumes.h"

/* "type" may be repeated; without it everything is wanted. */
static bool wants(const struct http_req *r, const char *type)
{
	_cleanup_strv_ char **types = http_query_all(r, "type");

	return !types || strv_contains(types, type);
}

struct volume_list {
	struct daemon *daemon;
	cJSON *list;
};

static int add_volume(const struct volume_info *v, void *data)
{
	struct volume_list *l = data;
	cJSON *item = volume_to_json(l->daemon, v->name), *usage;

	if (!item)
		return 0;
	usage = cJSON_CreateObject();
	json_add_i64(usage, "Size", volume_size(l->daemon, v->name));
	json_add_i64(usage, "RefCount", (int64_t)v->users);
	cJSON_AddItemToObject(item, "UsageData", usage);
	cJSON_AddItemToArray(l->list, item);
	return 0;
}

static cJSON *volumes_df(struct daemon *d)
{
	struct volume_list l = {d, cJSON_CreateArray()};

	(void)volumes_each(d, add_volume, &l);
	return l.list;
}

static cJSON *or_null(cJSON *list)
{
	return list ? list : cJSON_CreateNull();
}

static bool is_any(const struct container *c, const void *data)
{
	return true;
}

static bool await_sizes(struct http_req *r)
{
	_cleanup_strv_ char **volumes =
		wants(r, "volume") ? volumes_size_paths(http_daemon(r)) : NULL;

	if (wants(r, "container") && sizes_await_containers(r, is_any, NULL, api_system_df))
		return true;
	return sizes_await(r, volumes, api_system_df);
}

void api_system_df(struct http_req *r)
{
	if (await_sizes(r))
		return;
	static const struct filters none = {0};
	struct daemon *d = http_daemon(r);
	const struct images_list_options all = {.filters = &none,
						.all = true,
						.shared_size = true,
						.count_containers = true,
						.version = http_api_version(r)};
	bool images = wants(r, "image");
	cJSON *t = cJSON_CreateObject();

	json_add_i64(t, "LayersSize", images ? images_layers_size(d) : 0);
	cJSON_AddItemToObject(t, "Images",
			      or_null(images ? images_list_json(d, &all, NULL) : NULL));
	cJSON_AddItemToObject(t, "Containers",
			      or_null(wants(r, "container") ? api_containers_df(d) : NULL));
	cJSON_AddItemToObject(t, "Volumes", or_null(wants(r, "volume") ? volumes_df(d) : NULL));
	cJSON_AddItemToObject(t, "BuildCache",
			      or_null(wants(r, "build-cache") ? build_cache_json(d) : NULL));
	json_add_i64(t, "BuilderSize", 0);
	http_reply_json(r, 200, t);
}
