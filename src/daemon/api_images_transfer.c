// SPDX-License-Identifier: GPL-2.0-or-later
/* Images in and out: load, import, save. The work is a worker's; names are given here. */
#include "api_images.h"
#include "daemon.h"
#include "http.h"
#include "images_internal.h"
#include "images_json.h"
#include "job_reply.h"

/* --- load --- */

static char **list_of(const cJSON *object, const char *key)
{
	char **list = NULL;
	const cJSON *item;

	cJSON_ArrayForEach (item, cJSON_GetObjectItemCaseSensitive(object, key)) {
		if (cJSON_IsString(item))
			(void)strv_push(&list, item->valuestring);
	}
	return list;
}

static int finish_one(struct http_req *r, const cJSON *entry, struct crl_err *err)
{
	struct daemon *d = http_daemon(r);
	const char *manifest = json_get_str(entry, "manifest");
	_cleanup_strv_ char **names = list_of(entry, "names");
	struct image *img;

	if (!manifest)
		return crl_fail(err, CRL_INTERNAL, "load: the worker named no manifest");
	if (images_add(d, manifest, names, NULL, &img, err) < 0)
		return -1;
	for (char **name = names; name && *name; name++) {
		_cleanup_free_ char *shown = image_familiar_name(*name, true);

		job_reply_stream_line(r, "Loaded image: %s\n", shown ? shown : *name);
	}
	if (!names)
		job_reply_stream_line(r, "Loaded image ID: %s\n", img->id);
	images_publish(d, "load", img, img->id);
	return 0;
}

static int finish_load(struct http_req *r, const cJSON *result, void *data, struct crl_err *err)
{
	const cJSON *entry;

	cJSON_ArrayForEach (entry, cJSON_GetObjectItemCaseSensitive(result, "images")) {
		if (finish_one(r, entry, err) < 0)
			return -1;
	}
	return 0;
}

void api_images_load(struct http_req *r)
{
	struct job_reply job = {.verb = "load",
				.args = cJSON_CreateObject(),
				.takes_body = true,
				.finish = finish_load};

	cJSON_AddBoolToObject(job.args, "quiet", http_query_bool(r, "quiet", false));
	job_reply_start(r, &job);
}

/* --- import --- */

static int finish_import(struct http_req *r, const cJSON *result, void *data, struct crl_err *err)
{
	struct daemon *d = http_daemon(r);
	const char *manifest = json_get_str(result, "manifest");
	char *names[] = {data, NULL};
	cJSON *line;
	struct image *img;

	if (!manifest)
		return crl_fail(err, CRL_INTERNAL, "import: the worker named no manifest");
	if (images_add(d, manifest, data ? names : NULL, NULL, &img, err) < 0)
		return -1;
	line = cJSON_CreateObject();
	json_add_str(line, "status", img->id);
	job_reply_line(r, line);
	images_publish(d, "import", img, img->id);
	return 0;
}

/* "repo" and "tag" of the query as one full reference; *ret is NULL when there is no repo. */
static int query_name(const struct http_req *r, char **ret, struct crl_err *err)
{
	const char *repo = http_query(r, "repo");

	*ret = NULL;
	if (str_empty(repo))
		return 0;
	return image_full_name(repo, http_query(r, "tag"), ret, err);
}

static void start_import(struct http_req *r)
{
	_cleanup_strv_ char **changes = http_query_all(r, "changes");
	const char *message = http_query(r, "message"), *platform = http_query(r, "platform");
	struct job_reply job = {
		.verb = "import", .takes_body = true, .finish = finish_import, .destroy = free};
	struct crl_err err;
	char *name;

	if (query_name(r, &name, &err) < 0) {
		http_reply_error(r, &err);
		return;
	}
	job.data = name;
	job.args = cJSON_CreateObject();
	json_add_strv(job.args, "changes", changes, false);
	json_add_str(job.args, "message", str_empty(message) ? "Imported from -" : message);
	json_add_str(job.args, "platform", platform);
	json_add_str(job.args, "arch", daemon_arch());
	job_reply_start(r, &job);
}

void api_images_create(struct http_req *r)
{
	const char *source = http_query(r, "fromSrc"), *image = http_query(r, "fromImage");

	if (!str_empty(image))
		http_reply_message(r, 501,
				   "this build of crun-lite cannot pull %s: it has no registry "
				   "client; use load or import",
				   image);
	else if (str_eq(source, "-"))
		start_import(r);
	else if (str_empty(source))
		http_reply_message(r, 400, "fromImage or fromSrc must be given");
	else
		http_reply_message(r, 501,
				   "importing from a URL is not supported: send the archive "
				   "as the body with fromSrc=-");
}

/* --- save --- */

/* "busybox" means all its tags; "busybox:1" that one; an id none. */
static bool is_wanted_name(const char *text, const char *full_name)
{
	_cleanup_free_ char *wanted = NULL, *repo = NULL, *other = NULL;
	const char *slash = strrchr(text, '/');

	if (strchr(slash ? slash : text, ':') || strchr(text, '@'))
		return image_full_name(text, NULL, &wanted, NULL) == 0 && str_eq(wanted, full_name);
	repo = image_familiar_name(text, false);
	other = image_familiar_name(full_name, false);
	return str_eq(repo, other);
}

static cJSON *entry_for(cJSON *images, const struct image *img)
{
	cJSON *entry;

	cJSON_ArrayForEach (entry, images) {
		if (str_eq(json_get_str(entry, "manifest"), img->manifest_digest))
			return entry;
	}
	entry = cJSON_CreateObject();
	json_add_str(entry, "manifest", img->manifest_digest);
	cJSON_AddArrayToObject(entry, "names");
	cJSON_AddItemToArray(images, entry);
	return entry;
}

static void add_name(cJSON *entry, const char *name)
{
	cJSON *names = cJSON_GetObjectItemCaseSensitive(entry, "names"), *item;

	cJSON_ArrayForEach (item, names) {
		if (str_eq(item->valuestring, name))
			return;
	}
	cJSON_AddItemToArray(names, cJSON_CreateString(name));
}

static int select_one(struct daemon *d, const char *text, cJSON *images, struct crl_err *err)
{
	struct image *img;
	bool by_name = false;

	/* A bare repository may have tags on several images. */
	for (size_t n = 0; n < d->images->n; n++) {
		img = d->images->items[n];
		for (char **name = img->hidden ? NULL : img->names; name && *name; name++) {
			if (!is_wanted_name(text, *name))
				continue;
			add_name(entry_for(images, img), *name);
			by_name = true;
		}
	}
	if (by_name)
		return 0;
	if (images_find(d, text, &img, err) < 0)
		return -1;
	if (img->damage)
		return crl_fail(err, CRL_IO, "image %s is damaged: %s", text, img->damage);
	(void)entry_for(images, img);
	return 0;
}

static void save(struct http_req *r, char *const *names)
{
	cJSON *args = cJSON_CreateObject(), *images = cJSON_AddArrayToObject(args, "images");
	struct daemon *d = http_daemon(r);
	struct image *img;
	struct crl_err err;

	for (char *const *name = names; name && *name; name++) {
		if (select_one(d, *name, images, &err) < 0) {
			cJSON_Delete(args);
			http_reply_error(r, &err);
			return;
		}
	}
	for (char *const *name = names; name && *name; name++) {
		if (images_find(d, *name, &img, &err) == 0)
			images_publish(d, "save", img, img->id);
	}
	job_reply_download(r, "save", args, "application/x-tar");
}

void api_images_get(struct http_req *r)
{
	_cleanup_strv_ char **names = http_query_all(r, "names");

	if (!names)
		http_reply_message(r, 400, "names: no image was named");
	else
		save(r, names);
}

void api_images_get_one(struct http_req *r)
{
	char *names[] = {(char *)(uintptr_t)http_arg(r, 0), NULL};

	save(r, names);
}
