// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * index.json <-> the list in memory. The daemon is its only writer. One entry
 * per name (so that other tools find "docker.io/library/x:tag"), one without a
 * name for an image that has none; what the OCI layout has no field for is in
 * annotations. A copy lives in state.db, in case the file is damaged.
 */
#include "db.h"
#include "images_internal.h"

#include <base/ident.h>
#include <base/log.h>
#include <errno.h>
#include <stdio.h>

#define ANN_REF "org.opencontainers.image.ref.name"
#define ANN_NAME "io.containerd.image.name"
#define ANN_PARENT "org.crun-lite.parent"
#define ANN_TAGGED "org.crun-lite.tagged"
#define ANN_HIDDEN "org.crun-lite.hidden"

/* --- loading --- */

static struct image *by_manifest(const struct images *i, const char *digest)
{
	for (size_t n = 0; n < i->n; n++) {
		if (str_eq(i->items[n]->manifest_digest, digest))
			return i->items[n];
	}
	return NULL;
}

/* It is listed, with its reason, and can be removed; the daemon starts all the same. */
static int make_damaged(struct image *img, const char *digest, const struct crl_err *why,
			struct crl_err *err)
{
	log_error("image is damaged", "manifest", digest, "error", why->msg, NULL);
	img->id = strdup(digest);
	img->manifest_digest = strdup(digest);
	img->damage = strdup(why->msg);
	return img->id && img->manifest_digest && img->damage ? 0 : crl_fail_oom(err);
}

static int record_for(struct daemon *d, const char *digest, struct image **ret, struct crl_err *err)
{
	struct image *img = by_manifest(d->images, digest);
	struct crl_err why = CRL_ERR_INIT;

	if (img) {
		*ret = img;
		return 0;
	}
	img = calloc(1, sizeof(*img));
	if (!img)
		return crl_fail_oom(err);
	if ((image_read(d, digest, img, &why) < 0 && make_damaged(img, digest, &why, err) < 0) ||
	    images_append(d->images, img, err) < 0) {
		image_free(img);
		return -1;
	}
	*ret = img;
	return 0;
}

static int take_entry(struct daemon *d, const struct crl_descriptor *entry, struct crl_err *err)
{
	const struct strmap *a = &entry->annotations;
	const char *name = strmap_get(a, ANN_NAME), *parent = strmap_get(a, ANN_PARENT);
	const char *tagged = strmap_get(a, ANN_TAGGED);
	struct image *img = NULL;

	if (!crl_digest_ok(entry->digest)) {
		d->images->keep_all = true;
		log_error("index.json: an entry without a usable digest is left alone", NULL);
		return 0;
	}
	if (record_for(d, entry->digest, &img, err) < 0)
		return -1;
	if (name && !image_has_name(img, name) && strv_push(&img->names, name) < 0)
		return crl_fail_oom(err);
	if (parent && !img->parent && !(img->parent = strdup(parent)))
		return crl_fail_oom(err);
	if (tagged)
		(void)str_to_i64(tagged, &img->last_tag_ns);
	img->hidden = str_eq(strmap_get(a, ANN_HIDDEN), "true");
	return 0;
}

/* index.json cannot be read: it is put aside, and the copy in the database counts. */
static int read_copy(struct daemon *d, const struct crl_err *why, struct crl_index *ret,
		     struct crl_err *err)
{
	_cleanup_free_ char *text = NULL;
	int root = crl_store_root_fd(d->store);

	log_error("the image index is damaged, its copy is used", "error", why->msg, NULL);
	(void)renameat(root, "index.json", root, "index.json.damaged");
	*ret = (struct crl_index){0};
	if (db_get(d->db, "image-index", "", &text, err) < 0 ||
	    json_decode(&crl_index_json, text, strlen(text), JSON_LAX, ret, err) < 0) {
		/* Names are lost; the content is not, so that loading again is quick. */
		log_error("there is no copy of the image index either", "error", err->msg, NULL);
		d->images->keep_all = true;
	}
	return 0;
}

int images_index_load(struct daemon *d, struct crl_err *err)
{
	struct crl_index index = {0};
	struct crl_err why = CRL_ERR_INIT;
	bool repaired = false;
	int r = 0;

	if (crl_store_read_index(d->store, &index, &why) < 0) {
		repaired = true;
		if (read_copy(d, &why, &index, err) < 0)
			return -1;
	}
	for (size_t n = 0; r == 0 && n < index.n_manifests; n++)
		r = take_entry(d, &index.manifests[n], err);
	json_free(&crl_index_json, &index);
	if (r == 0 && repaired && images_index_save(d, &why) < 0)
		log_error("image index", "error", why.msg, NULL);
	return r;
}

/* --- saving --- */

static int annotate(struct strmap *a, const struct image *img, const char *name)
{
	if (name && (strmap_set(a, ANN_REF, name) < 0 || strmap_set(a, ANN_NAME, name) < 0))
		return -1;
	if (img->parent && strmap_set(a, ANN_PARENT, img->parent) < 0)
		return -1;
	if (img->last_tag_ns && strmap_set(a, ANN_TAGGED, log_i64(img->last_tag_ns)) < 0)
		return -1;
	return img->hidden ? strmap_set(a, ANN_HIDDEN, "true") : 0;
}

static int add_entry(struct crl_index *index, const struct image *img, const char *name,
		     struct crl_err *err)
{
	struct crl_descriptor *more =
		reallocarray(index->manifests, index->n_manifests + 1, sizeof(*more));
	const char *type = img->manifest.media_type;
	struct crl_descriptor *e;

	if (!more)
		return crl_fail_oom(err);
	index->manifests = more;
	e = &more[index->n_manifests++];
	*e = (struct crl_descriptor){.size = img->manifest_size};
	e->digest = strdup(img->manifest_digest);
	e->media_type = strdup(str_empty(type) ? CRL_MT_OCI_MANIFEST : type);
	if (!e->digest || !e->media_type || annotate(&e->annotations, img, name) < 0)
		return crl_fail_oom(err);
	return 0;
}

static int build_index(const struct images *i, struct crl_index *index, struct crl_err *err)
{
	index->schema_version = 2;
	index->media_type = strdup(CRL_MT_OCI_INDEX);
	if (!index->media_type)
		return crl_fail_oom(err);
	for (size_t n = 0; n < i->n; n++) {
		const struct image *img = i->items[n];

		if (strv_len(img->names) == 0 && add_entry(index, img, NULL, err) < 0)
			return -1;
		for (char **name = img->names; name && *name; name++) {
			if (add_entry(index, img, *name, err) < 0)
				return -1;
		}
	}
	return 0;
}

int images_index_save(struct daemon *d, struct crl_err *err)
{
	struct crl_index index = {0};
	_cleanup_free_ char *text = NULL;
	struct crl_err copy_err = CRL_ERR_INIT;
	int r = build_index(d->images, &index, err);

	if (r == 0)
		r = crl_store_write_index(d->store, &index, err);
	if (r == 0 && (text = json_encode(&crl_index_json, &index)) &&
	    db_put(d->db, "image-index", "", text, false, &copy_err) < 0)
		log_warn("copy of the image index", "error", copy_err.msg, NULL);
	json_free(&crl_index_json, &index);
	return r;
}
