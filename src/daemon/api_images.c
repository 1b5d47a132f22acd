// SPDX-License-Identifier: GPL-2.0-or-later
/* What is answered at once: list, inspect, history, tag, delete, prune. */
#include "api_images.h"
#include "daemon.h"
#include "events.h"
#include "http.h"
#include "images_internal.h"
#include "images_json.h"

void api_images_list(struct http_req *r)
{
	_cleanup_filters_ struct filters filters = {0};
	struct images_list_options o = {
		.filters = &filters,
		.all = http_query_bool(r, "all", false),
		.shared_size = http_query_bool(r, "shared-size", false),
		.version = http_api_version(r),
	};
	struct crl_err err;
	cJSON *list = NULL;

	if (filters_from_request(r, images_filters, &filters, &err) == 0)
		list = images_list_json(http_daemon(r), &o, &err);
	if (list)
		http_reply_json(r, 200, list);
	else
		http_reply_error(r, &err);
}

static struct image *find_or_reply(struct http_req *r)
{
	struct image *img = NULL;
	struct crl_err err;

	if (images_find(http_daemon(r), http_arg(r, 0), &img, &err) < 0)
		http_reply_error(r, &err);
	return img;
}

void api_images_inspect(struct http_req *r)
{
	const struct image *img = find_or_reply(r);

	if (img)
		http_reply_json(r, 200,
				image_inspect_json(http_daemon(r), img, http_api_version(r)));
}

void api_images_history(struct http_req *r)
{
	const struct image *img = find_or_reply(r);

	if (img)
		http_reply_json(r, 200, image_history_json(http_daemon(r), img));
}

/* --- tag --- */

void api_images_tag(struct http_req *r)
{
	struct daemon *d = http_daemon(r);
	struct crl_err err;
	struct image *img = find_or_reply(r);
	_cleanup_free_ char *full = NULL, *shown = NULL;
	const char *repo = http_query(r, "repo");

	if (!img)
		return;
	if (image_full_name(repo ? repo : "", http_query(r, "tag"), &full, &err) < 0 ||
	    images_tag(d, img, full, &err) < 0) {
		http_reply_error(r, &err);
		return;
	}
	shown = image_familiar_name(full, true);
	images_publish(d, "tag", img, shown ? shown : full);
	http_reply_empty(r, 201);
}

/* --- delete --- */

void api_images_delete(struct http_req *r)
{
	struct crl_err err;
	cJSON *list;

	if (images_remove(http_daemon(r), http_arg(r, 0), http_query_bool(r, "force", false),
			  !http_query_bool(r, "noprune", false), &list, &err) < 0)
		http_reply_error(r, &err);
	else
		http_reply_json(r, 200, list);
}

/* --- prune --- */

static bool prune_wants(struct daemon *d, const struct image *img, const struct filters *f,
			bool dangling_only, int64_t until_ns)
{
	const struct strmap *labels = &img->spec.config.labels;

	if (img->hidden || image_container_count(d, img) > 0)
		return false;
	if (dangling_only ? !image_is_dangling(d, img) : false)
		return false;
	if (until_ns && img->created_ns > until_ns)
		return false;
	return filters_match_labels(f, "label", labels) &&
	       filters_exclude_labels(f, "label!", labels);
}

/* Ids first: a removal takes parents along and changes the list. */
static char **prune_candidates(struct daemon *d, const struct filters *f, struct crl_err *err)
{
	char **ids = NULL;
	bool dangling;
	int64_t until_ns;

	if (filters_bool(f, "dangling", true, &dangling, err) < 0 ||
	    filters_time(f, "until", &until_ns, err) < 0)
		return NULL;
	for (size_t n = 0; n < d->images->n; n++) {
		const struct image *img = d->images->items[n];

		if (prune_wants(d, img, f, dangling, until_ns))
			(void)strv_push(&ids, img->id);
	}
	return ids;
}

/* By every name, then by id: what a person would do. Conflicts leave the image alone. */
static void prune_one(struct daemon *d, const char *id, cJSON *deleted)
{
	struct image *img = images_by_id(d->images, id);
	_cleanup_strv_ char **names = img ? strv_copy(img->names) : NULL;
	_cleanup_cjson_ cJSON *list = NULL;
	cJSON *item;

	for (char **name = names; name && *name; name++) {
		_cleanup_cjson_ cJSON *part = NULL;

		if (images_remove(d, *name, false, true, &part, NULL) < 0)
			return;
		while ((item = cJSON_DetachItemFromArray(part, 0)))
			cJSON_AddItemToArray(deleted, item);
	}
	if (!images_by_id(d->images, id) || images_remove(d, id, false, true, &list, NULL) < 0)
		return;
	while ((item = cJSON_DetachItemFromArray(list, 0)))
		cJSON_AddItemToArray(deleted, item);
}

void api_images_prune(struct http_req *r)
{
	static const char *const known[] = {"dangling", "label", "label!", "until", NULL};
	struct daemon *d = http_daemon(r);
	_cleanup_filters_ struct filters filters = {0};
	_cleanup_strv_ char **ids = NULL;
	struct crl_err err = CRL_ERR_INIT;
	cJSON *tree, *deleted;
	int64_t before, freed;

	if (filters_from_request(r, known, &filters, &err) == 0)
		ids = prune_candidates(d, &filters, &err);
	if (err.code != CRL_OK) {
		http_reply_error(r, &err);
		return;
	}
	before = images_layers_size(d);
	deleted = cJSON_CreateArray();
	for (char **id = ids; id && *id; id++)
		prune_one(d, *id, deleted);
	tree = cJSON_CreateObject();
	if (cJSON_GetArraySize(deleted) == 0) {
		cJSON_Delete(deleted);
		deleted = cJSON_CreateNull();
	}
	cJSON_AddItemToObject(tree, "ImagesDeleted", deleted);
	freed = before - images_layers_size(d);
	json_add_i64(tree, "SpaceReclaimed", freed);
	events_publish_prune(d, "image", freed);
	http_reply_json(r, 200, tree);
}

/* --- what needs a registry --- */

void api_images_push(struct http_req *r)
{
	http_reply_message(r, 501,
			   "this build of crun-lite cannot push: it has no registry client; "
			   "use save and load to move images");
}

void api_images_search(struct http_req *r)
{
	http_reply_message(r, 501, "this build of crun-lite cannot search a registry");
}

void api_distribution_inspect(struct http_req *r)
{
	http_reply_message(r, 501, "this build of crun-lite cannot ask a registry");
}
