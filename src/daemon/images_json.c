// SPDX-License-Identifier: GPL-2.0-or-later
/* One image as JSON, in Docker's shapes (inspect, history), with the fields old clients index. */
#include "images_json.h"
#include "images_internal.h"

#include <base/ident.h>

static void add_time(cJSON *to, const char *key, int64_t ns)
{
	char text[TIME_BUF];

	json_add_str(to, key, time_rfc3339(ns, text));
}

/* --- config --- */

static void add_missing(cJSON *to, const char *key, cJSON *value)
{
	if (cJSON_HasObjectItem(to, key))
		cJSON_Delete(value);
	else
		cJSON_AddItemToObject(to, key, value);
}

/*
 * Up to API 1.49 an image's config had the shape of a container's, zero fields
 * included. compose v1 indexes ContainerConfig in any version.
 */
static cJSON *config_json(const struct image *img, bool legacy)
{
	static const char *const strings[] = {"Hostname", "Domainname", "User", "Image",
					      "WorkingDir"};
	static const char *const bools[] = {"AttachStdin", "AttachStdout", "AttachStderr",
					    "Tty",         "OpenStdin",    "StdinOnce"};
	static const char *const nulls[] = {"Env",        "Cmd",     "Volumes",
					    "Entrypoint", "OnBuild", "Labels"};
	cJSON *config = json_encode_tree(&crl_image_config_json, &img->spec.config);

	if (!config || !legacy)
		return config;
	for (size_t n = 0; n < ARRAY_SIZE(strings); n++)
		add_missing(config, strings[n], cJSON_CreateString(""));
	for (size_t n = 0; n < ARRAY_SIZE(bools); n++)
		add_missing(config, bools[n], cJSON_CreateFalse());
	for (size_t n = 0; n < ARRAY_SIZE(nulls); n++)
		add_missing(config, nulls[n], cJSON_CreateNull());
	return config;
}

/* --- inspect --- */

static void add_graph_driver(struct daemon *d, const struct image *img, cJSON *to)
{
	cJSON *driver = cJSON_AddObjectToObject(to, "GraphDriver");
	cJSON *data = cJSON_AddObjectToObject(driver, "Data");
	_cleanup_strv_ char **lowers = NULL;
	_cleanup_free_ char *rest = NULL;

	json_add_str(driver, "Name", "overlay2");
	if (images_lowers(d, img, &lowers, NULL) < 0 || !lowers || !lowers[0])
		return;
	if (lowers[1]) {
		rest = strv_join(lowers + 1, ":");
		json_add_str(data, "LowerDir", rest);
	}
	json_add_str(data, "UpperDir", lowers[0]);
}

static void add_rootfs(const struct image *img, cJSON *to)
{
	cJSON *rootfs = cJSON_AddObjectToObject(to, "RootFS");

	json_add_str(rootfs, "Type", "layers");
	if (strv_len(img->spec.rootfs.diff_ids) > 0)
		json_add_strv(rootfs, "Layers", img->spec.rootfs.diff_ids, false);
}

/* The last step's words about itself. */
static const char *last_comment(const struct image *img)
{
	size_t n = img->spec.n_history;

	return n > 0 ? img->spec.history[n - 1].comment : NULL;
}

cJSON *image_inspect_json(struct daemon *d, const struct image *img, int version)
{
	cJSON *tree = cJSON_CreateObject(), *metadata;

	json_add_str(tree, "Id", img->id);
	image_add_names(tree, img, 151); /* never "<none>" here */
	json_add_str(tree, "Parent", img->parent);
	json_add_str(tree, "Comment", last_comment(img));
	add_time(tree, "Created", img->created_ns);
	json_add_str(tree, "Container", "");
	cJSON_AddItemToObject(tree, "ContainerConfig", config_json(img, true));
	json_add_str(tree, "DockerVersion", "");
	json_add_str(tree, "Author", img->spec.author);
	cJSON_AddItemToObject(tree, "Config", config_json(img, version < 150));
	json_add_str(tree, "Architecture", img->spec.architecture);
	if (!str_empty(img->spec.variant))
		json_add_str(tree, "Variant", img->spec.variant);
	json_add_str(tree, "Os", str_empty(img->spec.os) ? "linux" : img->spec.os);
	json_add_i64(tree, "Size", img->size);
	if (version < 144)
		json_add_i64(tree, "VirtualSize", img->size);
	add_graph_driver(d, img, tree);
	add_rootfs(img, tree);
	metadata = cJSON_AddObjectToObject(tree, "Metadata");
	add_time(metadata, "LastTagTime", img->last_tag_ns);
	if (img->damage)
		json_add_str(tree, "Damage", img->damage);
	return tree;
}

/* --- history --- */

static int64_t layer_size(struct daemon *d, const struct image *img, size_t layer)
{
	int64_t size = 0;

	if (layer < strv_len(img->spec.rootfs.diff_ids))
		(void)crl_store_layer_size(d->store, img->spec.rootfs.diff_ids[layer], &size, NULL);
	return size;
}

static cJSON *history_item(const struct crl_history *h, int64_t size)
{
	cJSON *item = cJSON_CreateObject();
	int64_t created = 0;

	if (!str_empty(h->created))
		(void)time_parse(h->created, 0, &created);
	json_add_str(item, "Comment", h->comment);
	json_add_i64(item, "Created", created / 1000000000);
	json_add_str(item, "CreatedBy", h->created_by);
	json_add_str(item, "Id", "<missing>");
	json_add_i64(item, "Size", size);
	cJSON_AddNullToObject(item, "Tags");
	return item;
}

/* The newest step stands for the image itself. */
static void mark_newest(cJSON *item, const struct image *img)
{
	_cleanup_cjson_ cJSON *names = cJSON_CreateObject();
	cJSON *tags;

	cJSON_ReplaceItemInObjectCaseSensitive(item, "Id", cJSON_CreateString(img->id));
	image_add_names(names, img, 151);
	tags = cJSON_DetachItemFromObjectCaseSensitive(names, "RepoTags");
	if (cJSON_GetArraySize(tags) > 0)
		cJSON_ReplaceItemInObjectCaseSensitive(item, "Tags", tags);
	else
		cJSON_Delete(tags);
}

cJSON *image_history_json(struct daemon *d, const struct image *img)
{
	cJSON *list = cJSON_CreateArray();
	size_t layer = 0;

	for (size_t n = 0; n < img->spec.n_history; n++) {
		const struct crl_history *h = &img->spec.history[n];
		int64_t size = h->empty_layer ? 0 : layer_size(d, img, layer++);

		(void)cJSON_InsertItemInArray(list, 0, history_item(h, size));
	}
	if (cJSON_GetArraySize(list) == 0)
		cJSON_AddItemToArray(list, history_item(&(struct crl_history){0}, img->size));
	mark_newest(cJSON_GetArrayItem(list, 0), img);
	return list;
}
