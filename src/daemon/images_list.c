// SPDX-License-Identifier: GPL-2.0-or-later
/* GET /images/json: filters, sizes and counts over the whole list. */
#include "containers.h"
#include "images_internal.h"
#include "images_json.h"

#include <base/ident.h>
#include <base/path.h>
#include <fnmatch.h>

const char *const images_filters[] = {"dangling", "label", "label!", "reference",
				      "before",   "since", "until",  NULL};

/* --- names --- */

char *image_familiar_name(const char *full_name, bool with_tag)
{
	struct crl_ref ref = {0};
	char *shown;

	if (crl_ref_parse(full_name, &ref, NULL) < 0)
		return strdup(full_name);
	shown = with_tag ? crl_ref_familiar(&ref) : crl_ref_familiar_name(&ref);
	crl_ref_free(&ref);
	return shown;
}

int image_full_name(const char *repo, const char *tag, char **ret, struct crl_err *err)
{
	_cleanup_free_ char *text =
		path_printf("%s%s%s", repo, str_empty(tag) ? "" : ":", tag ? tag : "");
	struct crl_ref ref = {0};
	char *full = NULL;

	if (!text)
		return crl_fail_oom(err);
	if (crl_ref_parse(text, &ref, err) < 0)
		return -1;
	if (ref.digest)
		crl_fail(err, CRL_INVALID, "refusing to create a tag with a digest reference");
	else if (!(full = crl_ref_full(&ref)))
		crl_fail_oom(err);
	crl_ref_free(&ref);
	if (!full)
		return -1;
	*ret = full;
	return 0;
}

static bool reference_matches(char *const *patterns, const char *full_name)
{
	_cleanup_free_ char *name = image_familiar_name(full_name, false),
			    *tagged = image_familiar_name(full_name, true);

	if (!patterns || !*patterns)
		return true;
	for (; name && tagged && *patterns; patterns++) {
		if (fnmatch(*patterns, tagged, FNM_PATHNAME) == 0 ||
		    fnmatch(*patterns, name, FNM_PATHNAME) == 0)
			return true;
	}
	return false;
}

/* Only the names that match; older clients expect a placeholder where there is none. */
static int add_matching_names(cJSON *to, const struct image *img, char *const *patterns,
			      int version)
{
	cJSON *tags = cJSON_AddArrayToObject(to, "RepoTags");
	cJSON *digests = cJSON_AddArrayToObject(to, "RepoDigests");

	for (char **name = img->names; name && *name; name++) {
		_cleanup_free_ char *shown = NULL;

		if (!reference_matches(patterns, *name))
			continue;
		shown = image_familiar_name(*name, true);
		cJSON_AddItemToArray(tags, cJSON_CreateString(shown ? shown : *name));
	}
	if (version < 143 && strv_len(img->names) == 0) {
		cJSON_AddItemToArray(tags, cJSON_CreateString("<none>:<none>"));
		cJSON_AddItemToArray(digests, cJSON_CreateString("<none>@<none>"));
	}
	return cJSON_GetArraySize(tags);
}

void image_add_names(cJSON *to, const struct image *img, int version)
{
	(void)add_matching_names(to, img, NULL, version);
}

/* --- sizes and counts --- */

struct count {
	const char *image_id;
	int64_t n;
};

static int count_container(const char *id, const char *name, const char *image_id, bool running,
			   void *data)
{
	struct count *c = data;

	c->n += str_eq(image_id, c->image_id);
	return 0;
}

int64_t image_container_count(struct daemon *d, const struct image *img)
{
	struct count c = {.image_id = img->id};

	(void)containers_each(d, count_container, &c);
	return c.n;
}

static bool has_layer(const struct image *img, const char *diff_id)
{
	return img->spec.rootfs.diff_ids && strv_contains(img->spec.rootfs.diff_ids, diff_id);
}

static int64_t layer_size(struct daemon *d, const char *diff_id)
{
	int64_t size = 0;

	(void)crl_store_layer_size(d->store, diff_id, &size, NULL);
	return size;
}

static int64_t shared_size(struct daemon *d, const struct image *img)
{
	int64_t sum = 0;

	for (char **id = img->spec.rootfs.diff_ids; id && *id; id++) {
		bool shared = false;

		for (size_t n = 0; n < d->images->n && !shared; n++)
			shared = d->images->items[n] != img && has_layer(d->images->items[n], *id);
		if (shared)
			sum += layer_size(d, *id);
	}
	return sum;
}

int64_t images_layers_size(struct daemon *d)
{
	_cleanup_strv_ char **seen = NULL;
	int64_t sum = 0;

	for (size_t n = 0; n < d->images->n; n++) {
		for (char **id = d->images->items[n]->spec.rootfs.diff_ids; id && *id; id++) {
			if (seen && strv_contains(seen, *id))
				continue;
			(void)strv_push(&seen, *id);
			sum += layer_size(d, *id);
		}
	}
	return sum;
}

/* --- filters --- */

static bool has_child(const struct daemon *d, const struct image *img)
{
	for (size_t n = 0; n < d->images->n; n++) {
		if (str_eq(d->images->items[n]->parent, img->id))
			return true;
	}
	return false;
}

bool image_is_dangling(const struct daemon *d, const struct image *img)
{
	return strv_len(img->names) == 0 && !has_child(d, img);
}

struct selection {
	const struct images_list_options *options;
	char *const *references;
	bool dangling_given, dangling;
	int64_t after_ns, before_ns, until_ns; /* exclusive; 0 = not given */
};

static int bound_by_image(struct daemon *d, const struct filters *f, const char *key, int64_t *ret,
			  struct crl_err *err)
{
	char *const *names = filters_get(f, key);
	struct image *img;

	for (; names && *names; names++) {
		if (images_find(d, *names, &img, err) < 0)
			return -1;
		*ret = img->created_ns;
	}
	return 0;
}

static int read_selection(struct daemon *d, const struct images_list_options *o,
			  struct selection *s, struct crl_err *err)
{
	const struct filters *f = o->filters;

	s->options = o;
	s->references = filters_get(f, "reference");
	s->dangling_given = filters_get(f, "dangling") != NULL;
	if (filters_bool(f, "dangling", false, &s->dangling, err) < 0 ||
	    filters_time(f, "until", &s->until_ns, err) < 0 ||
	    bound_by_image(d, f, "before", &s->before_ns, err) < 0)
		return -1;
	return bound_by_image(d, f, "since", &s->after_ns, err);
}

static bool is_selected(const struct daemon *d, const struct selection *s, const struct image *img)
{
	const struct filters *f = s->options->filters;
	const struct strmap *labels = &img->spec.config.labels;

	if (img->hidden)
		return false;
	if (s->dangling_given && image_is_dangling(d, img) != s->dangling)
		return false;
	/* Intermediate images of a build are shown by "all" only. */
	if (!s->options->all && strv_len(img->names) == 0 && has_child(d, img))
		return false;
	if ((s->before_ns && img->created_ns >= s->before_ns) ||
	    (s->after_ns && img->created_ns <= s->after_ns) ||
	    (s->until_ns && img->created_ns > s->until_ns))
		return false;
	if (filters_get(f, "label!") && !filters_exclude_labels(f, "label!", labels))
		return false;
	return filters_match_labels(f, "label", labels);
}

/* --- the list --- */

static cJSON *summary(struct daemon *d, const struct selection *s, const struct image *img)
{
	const struct images_list_options *o = s->options;
	cJSON *item = cJSON_CreateObject();
	int names = add_matching_names(item, img, s->references, o->version);

	if (s->references && *s->references && names == 0) {
		cJSON_Delete(item);
		return NULL;
	}
	json_add_str(item, "Id", img->id);
	json_add_str(item, "ParentId", img->parent);
	json_add_i64(item, "Created", img->created_ns / 1000000000);
	json_add_i64(item, "Size", img->size);
	if (o->version < 144)
		json_add_i64(item, "VirtualSize", img->size);
	json_add_i64(item, "SharedSize", o->shared_size ? shared_size(d, img) : -1);
	json_add_i64(item, "Containers",
		     o->count_containers || o->version >= 151 ? image_container_count(d, img) : -1);
	if (img->spec.config.labels.n > 0)
		json_add_strmap(item, "Labels", &img->spec.config.labels);
	else
		cJSON_AddNullToObject(item, "Labels");
	return item;
}

static int by_age(const void *a, const void *b)
{
	const struct image *x = *(const struct image *const *)a;
	const struct image *y = *(const struct image *const *)b;

	if (x->created_ns != y->created_ns)
		return x->created_ns < y->created_ns ? 1 : -1;
	return strcmp(x->id, y->id);
}

cJSON *images_list_json(struct daemon *d, const struct images_list_options *o, struct crl_err *err)
{
	struct selection s = {0};
	_cleanup_free_ const struct image **sorted = calloc(d->images->n + 1, sizeof(*sorted));
	cJSON *list = cJSON_CreateArray();

	if (!sorted || !list) {
		cJSON_Delete(list);
		crl_fail_oom(err);
		return NULL;
	}
	if (read_selection(d, o, &s, err) < 0) {
		cJSON_Delete(list);
		return NULL;
	}
	for (size_t n = 0; n < d->images->n; n++)
		sorted[n] = d->images->items[n];
	qsort(sorted, d->images->n, sizeof(*sorted), by_age);
	for (size_t n = 0; n < d->images->n; n++) {
		if (is_selected(d, &s, sorted[n]))
			cJSON_AddItemToArray(list, summary(d, &s, sorted[n]));
	}
	return list;
}
