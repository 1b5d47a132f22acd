// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The images this daemon knows, in memory. The store on disk (blobs, layers)
 * belongs to image/; who has which name is decided here alone, and is in
 * index.json before anybody is told. See images_index.c, images_remove.c,
 * images_collect.c.
 */
#include "images_internal.h"
#include "events.h"

#include <base/ident.h>
#include <base/log.h>
#include <errno.h>

void image_free(struct image *img)
{
	if (!img)
		return;
	free(img->id);
	free(img->manifest_digest);
	json_free(&crl_manifest_json, &img->manifest);
	json_free(&crl_image_json, &img->spec);
	strv_free(img->names);
	free(img->parent);
	free(img->damage);
	free(img);
}
DEFINE_CLEANUP(struct image *, image_free)

/* --- reading --- */

static int layers_size(struct crl_store *store, char *const *diff_ids, int64_t *ret,
		       struct crl_err *err)
{
	int64_t sum = 0;

	for (; diff_ids && *diff_ids; diff_ids++) {
		int64_t size;

		if (crl_store_layer_size(store, *diff_ids, &size, err) < 0)
			return -1;
		sum += size;
	}
	*ret = sum;
	return 0;
}

static int blob_size(struct crl_store *store, const char *digest, int64_t *ret, struct crl_err *err)
{
	_cleanup_close_ int fd = -1;

	return crl_store_open_blob(store, digest, &fd, ret, err);
}

int image_read(struct daemon *d, const char *manifest_digest, struct image *img,
	       struct crl_err *err)
{
	struct crl_manifest manifest = {0};
	struct crl_image spec = {0};
	char *id = NULL, *digest = NULL;

	if (blob_size(d->store, manifest_digest, &img->manifest_size, err) < 0 ||
	    crl_store_load_manifest(d->store, manifest_digest, &manifest, err) < 0)
		return -1;
	if (crl_store_load_image(d->store, manifest.config.digest, &spec, err) < 0 ||
	    layers_size(d->store, spec.rootfs.diff_ids, &img->size, err) < 0)
		goto fail;
	id = strdup(manifest.config.digest);
	digest = strdup(manifest_digest);
	if (!id || !digest) {
		crl_fail_oom(err);
		goto fail;
	}
	json_free(&crl_manifest_json, &img->manifest);
	json_free(&crl_image_json, &img->spec);
	free(img->id);
	free(img->manifest_digest);
	img->manifest = manifest;
	img->spec = spec;
	img->id = id;
	img->manifest_digest = digest;
	if (str_empty(spec.created) || !time_parse(spec.created, 0, &img->created_ns))
		img->created_ns = 0;
	return 0;
fail:
	json_free(&crl_manifest_json, &manifest);
	json_free(&crl_image_json, &spec);
	free(id);
	free(digest);
	return -1;
}

/* --- the list --- */

int images_append(struct images *i, struct image *img, struct crl_err *err)
{
	struct image **more = reallocarray(i->items, i->n + 1, sizeof(*more));

	if (!more)
		return crl_fail_oom(err);
	i->items = more;
	more[i->n++] = img;
	return 0;
}

void images_forget(struct images *i, struct image *img)
{
	for (size_t n = 0; n < i->n; n++) {
		if (i->items[n] != img)
			continue;
		memmove(&i->items[n], &i->items[n + 1], (i->n - n - 1) * sizeof(*i->items));
		i->n--;
		image_free(img);
		return;
	}
}

struct image *images_by_id(const struct images *i, const char *id)
{
	for (size_t n = 0; n < i->n; n++) {
		if (str_eq(i->items[n]->id, id))
			return i->items[n];
	}
	return NULL;
}

size_t images_count(struct daemon *d)
{
	size_t count = 0;

	for (size_t n = 0; n < d->images->n; n++)
		count += !d->images->items[n]->hidden;
	return count;
}

bool image_has_name(const struct image *img, const char *full_name)
{
	return img->names && strv_contains(img->names, full_name);
}

void image_drop_name(struct image *img, const char *full_name)
{
	size_t to = 0;

	for (size_t from = 0; img->names && img->names[from]; from++) {
		if (str_eq(img->names[from], full_name))
			free(img->names[from]);
		else
			img->names[to++] = img->names[from];
	}
	if (img->names)
		img->names[to] = NULL;
}

/* --- finding --- */

static int no_such_image(const char *text, struct crl_err *err)
{
	struct crl_ref ref = {0};
	_cleanup_free_ char *shown = NULL;
	struct crl_err none;

	/* Docker names the tag it looked for: clients take that to pull it. */
	if (!str_starts(text, "sha256:") && crl_ref_parse(text, &ref, &none) == 0) {
		shown = crl_ref_familiar(&ref);
		crl_ref_free(&ref);
	}
	return crl_fail(err, CRL_NOT_FOUND, "No such image: %s", shown ? shown : text);
}

static struct image *find_by_name(const struct images *i, const struct crl_ref *ref)
{
	_cleanup_free_ char *full = crl_ref_full(ref);

	for (size_t n = 0; full && n < i->n; n++) {
		struct image *img = i->items[n];

		if (img->hidden)
			continue;
		if (ref->digest &&
		    (str_eq(img->manifest_digest, ref->digest) || str_eq(img->id, ref->digest)))
			return img;
		if (!ref->digest && image_has_name(img, full))
			return img;
	}
	return NULL;
}

/* The one image whose id begins with `hex`; NULL when there is none or more than one. */
static struct image *find_by_prefix(const struct images *i, const char *hex)
{
	struct image *found = NULL;

	for (size_t n = 0; n < i->n; n++) {
		struct image *img = i->items[n];

		if ((img->hidden && strlen(hex) < ID_HEX) ||
		    !str_starts(img->id + strlen("sha256:"), hex))
			continue;
		if (found)
			return NULL;
		found = img;
	}
	return found;
}

int images_find(struct daemon *d, const char *text, struct image **ret, struct crl_err *err)
{
	const char *hex = str_starts(text, "sha256:") ? text + strlen("sha256:") : text;
	bool maybe_id = ident_is_hex(hex, 1, ID_HEX);
	struct image *img = NULL;
	struct crl_ref ref = {0};

	if (maybe_id && (strlen(hex) == ID_HEX || hex != text)) {
		img = find_by_prefix(d->images, hex);
	} else {
		if (crl_ref_parse(text, &ref, err) == 0) {
			img = find_by_name(d->images, &ref);
			crl_ref_free(&ref);
		} else if (!maybe_id) {
			return -1;
		}
		if (!img && maybe_id)
			img = find_by_prefix(d->images, hex);
	}
	if (!img)
		return no_such_image(text, err);
	*ret = img;
	return 0;
}

int images_lowers(struct daemon *d, const struct image *img, char ***ret, struct crl_err *err)
{
	if (img->damage)
		return crl_fail(err, CRL_IO, "image %.19s is damaged: %s (load or pull it again)",
				img->id, img->damage);
	return crl_store_lowers(d->store, img->spec.rootfs.diff_ids, ret, err);
}

/* --- changing --- */

static struct image *name_owner(const struct images *i, const char *full_name)
{
	for (size_t n = 0; n < i->n; n++) {
		if (image_has_name(i->items[n], full_name))
			return i->items[n];
	}
	return NULL;
}

static int take_name(struct images *i, struct image *img, const char *full_name,
		     struct crl_err *err)
{
	struct image *owner = name_owner(i, full_name);

	img->last_tag_ns = time_now_ns();
	if (owner == img)
		return 0;
	if (strv_push(&img->names, full_name) < 0)
		return crl_fail_oom(err);
	if (owner)
		image_drop_name(owner, full_name);
	return 0;
}

int images_tag(struct daemon *d, struct image *img, const char *full_name, struct crl_err *err)
{
	if (take_name(d->images, img, full_name, err) < 0)
		return -1;
	return images_index_save(d, err);
}

static int add_record(struct daemon *d, const char *manifest_digest, struct image **ret,
		      struct crl_err *err)
{
	_cleanup_(image_free_p) struct image *fresh = calloc(1, sizeof(*fresh));
	struct image *known;

	if (!fresh)
		return crl_fail_oom(err);
	if (image_read(d, manifest_digest, fresh, err) < 0)
		return -1;
	known = images_by_id(d->images, fresh->id);
	if (known) {
		/* The same content again, perhaps compressed otherwise, perhaps repairing it. */
		if (image_read(d, manifest_digest, known, err) < 0)
			return -1;
		free(take_ptr(known->damage));
		known->hidden = false;
		*ret = known;
		return 0;
	}
	if (images_append(d->images, fresh, err) < 0)
		return -1;
	*ret = take_ptr(fresh);
	return 0;
}

/* A new manifest for an image that was recorded as damaged under the manifest's own digest. */
static void replace_damaged(struct images *i, const struct image *img)
{
	for (size_t n = 0; n < i->n; n++) {
		struct image *old = i->items[n];

		if (old == img || !old->damage ||
		    !str_eq(old->manifest_digest, img->manifest_digest))
			continue;
		images_forget(i, old);
		return;
	}
}

int images_add(struct daemon *d, const char *manifest_digest, char *const *names,
	       const char *parent_id, struct image **ret, struct crl_err *err)
{
	struct image *img = NULL;

	if (add_record(d, manifest_digest, &img, err) < 0)
		return -1;
	replace_damaged(d->images, img);
	if (!str_empty(parent_id) && !img->parent && images_by_id(d->images, parent_id) &&
	    !str_eq(parent_id, img->id)) {
		img->parent = strdup(parent_id);
		if (!img->parent)
			return crl_fail_oom(err);
	}
	for (; names && *names; names++) {
		if (take_name(d->images, img, *names, err) < 0)
			return -1;
	}
	if (images_index_save(d, err) < 0)
		return -1;
	*ret = img;
	return 0;
}

void images_publish(struct daemon *d, const char *action, const struct image *img, const char *name)
{
	struct strmap attributes = {0};

	if (strmap_copy(&attributes, &img->spec.config.labels) == 0 &&
	    strmap_set(&attributes, "name", name) == 0)
		events_publish(d, "image", action, img->id, &attributes);
	strmap_free(&attributes);
}

/* --- start and end --- */

int images_init(struct daemon *d, struct crl_err *err)
{
	d->images = calloc(1, sizeof(*d->images));
	if (!d->images)
		return crl_fail_oom(err);
	d->images->daemon = d;
	return images_index_load(d, err);
}

void images_free(struct images *i)
{
	if (!i)
		return;
	sd_event_source_disable_unref(i->collect);
	for (size_t n = 0; n < i->n; n++)
		image_free(i->items[n]);
	free(i->items);
	free(i);
}
