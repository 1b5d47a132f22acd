/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From an archive's members to images in the store: follows manifest.json
 * (docker) here and index.json in archive_oci.c, checks every digest, size and
 * count, publishes. May not read the archive itself. See docker's image
 * specification v1.2.
 */
#include "archive_load.h"

#include <base/ident.h>

struct docker_entry {
	char *config;
	char **repo_tags, **layers;
};
static const struct json_field docker_entry_fields[] = {
	JSON_STR(struct docker_entry, config, "Config", JSON_REQUIRED),
	JSON_STRV(struct docker_entry, repo_tags, "RepoTags", 0),
	JSON_STRV(struct docker_entry, layers, "Layers", 0),
};
static const struct json_table docker_entry_json =
	JSON_TABLE("manifest.json", struct docker_entry, docker_entry_fields);

void loaded_free(struct loaded *l)
{
	for (size_t i = 0; i < l->n; i++)
		strv_free(l->images[i].names);
	free(l->images);
	*l = (struct loaded){0};
}

static int add_loaded(struct loader *l, const char *id, const char *manifest,
		      struct loaded_image **ret, struct crl_err *err)
{
	for (size_t i = 0; i < l->out.n; i++)
		if (str_eq(l->out.images[i].manifest, manifest)) {
			*ret = &l->out.images[i];
			return 0;
		}
	struct loaded_image *v = reallocarray(l->out.images, l->out.n + 1, sizeof(*v));
	if (!v)
		return crl_fail_oom(err);
	l->out.images = v;
	v += l->out.n++;
	*v = (struct loaded_image){0};
	snprintf(v->id, sizeof(v->id), "%s", id);
	snprintf(v->manifest, sizeof(v->manifest), "%s", manifest);
	*ret = v;
	return 0;
}

/* A name from an archive becomes a name in the store: normalised, with a tag and without a digest.
 */
int load_add_name(struct loaded_image *img, const char *name, struct crl_err *err)
{
	struct crl_ref ref;

	if (crl_ref_parse(name, &ref, err) < 0)
		return crl_context(err, "name \"%.100s\"", name);
	_cleanup_free_ char *full = ref.tag && !ref.digest ? crl_ref_full(&ref) : NULL;
	bool usable = ref.tag && !ref.digest;
	crl_ref_free(&ref);
	if (!usable)
		return crl_fail(err, CRL_INVALID, "name \"%.100s\": not a tag", name);
	if (!full)
		return crl_fail_oom(err);
	if (!strv_contains(img->names, full) && strv_push(&img->names, full) < 0)
		return crl_fail_oom(err);
	return 0;
}

const struct member *load_find_text(const struct loader *l, const char *name, struct crl_err *err)
{
	const struct member *x = members_find(&l->members, name);

	if (!x) {
		crl_fail(err, CRL_INVALID, "%.200s: not in the archive", name);
		return NULL;
	}
	if (!x->text) {
		crl_fail(err, CRL_INVALID, "%.200s: not a JSON document of sensible size", name);
		return NULL;
	}
	return x;
}

const struct member *load_find_blob(const struct loader *l, const struct crl_descriptor *d,
				    struct crl_err *err)
{
	char name[100];

	snprintf(name, sizeof(name), "blobs/sha256/%s", store_hex(d->digest));
	const struct member *x = load_find_text(l, name, err);
	if (x && (!str_eq(x->digest, d->digest) || (int64_t)x->len != d->size)) {
		crl_fail(err, CRL_INVALID, "%s: %zu bytes with digest %s, expected %lld", d->digest,
			 x->len, x->digest, (long long)d->size);
		return NULL;
	}
	return x;
}

/* --- one image --- */
void load_parts_free(struct load_parts *p)
{
	free(p->layers);
}

static int add_document(struct loader *l, const char *text, size_t len, char ret_digest[80],
			struct crl_err *err)
{
	char hex[SHA256_HEX + 1];
	struct document *v = reallocarray(l->documents, l->n_documents + 1, sizeof(*v));

	if (!v)
		return crl_fail_oom(err);
	l->documents = v;
	char *copy = malloc(len + 1);
	if (!copy)
		return crl_fail_oom(err);
	memcpy(copy, text, len);
	v[l->n_documents++] = (struct document){copy, len};
	ident_sha256(text, len, hex);
	snprintf(ret_digest, 80, "sha256:%s", hex);
	return 0;
}

static int add_layers(struct loader *l, const struct load_parts *p, struct crl_err *err)
{
	struct staged **v = reallocarray(l->layers, l->n_layers + p->n_layers + 1, sizeof(*v));

	if (!v)
		return crl_fail_oom(err);
	l->layers = v;
	for (size_t i = 0; i < p->n_layers; i++)
		v[l->n_layers++] = p->layers[i];
	return 0;
}

static int describe(struct crl_descriptor *d, const char *type, const char *digest, int64_t size)
{
	d->media_type = strdup(type);
	d->digest = strdup(digest);
	d->size = size;
	return d->media_type && d->digest ? 0 : -1;
}

/* docker-archive has no manifest: one that describes the parts as they were received. */
static char *make_manifest(const struct load_parts *p)
{
	struct crl_manifest m = {.schema_version = 2, .media_type = strdup(CRL_MT_OCI_MANIFEST)};
	int r = m.media_type ? 0 : -1;

	r |= describe(&m.config, CRL_MT_OCI_CONFIG, p->config->digest, (int64_t)p->config->len);
	m.layers = calloc(p->n_layers + 1, sizeof(*m.layers));
	for (size_t i = 0; m.layers && i < p->n_layers; i++, m.n_layers++) {
		const struct crl_layer_info *info = &p->layers[i]->info;
		r |= describe(&m.layers[i], info->media_type, info->digest, info->blob_size);
	}
	char *text = r < 0 || !m.layers ? NULL : json_encode(&crl_manifest_json, &m);
	json_free(&crl_manifest_json, &m);
	return text;
}

int load_accept(struct loader *l, const struct load_parts *p, struct loaded_image **ret,
		struct crl_err *err)
{
	_cleanup_free_ char *made = NULL;
	char id[80], manifest[80];

	if (!p->manifest && !(made = make_manifest(p)))
		return crl_fail_oom(err);
	const char *text = made ? made : p->manifest->text;
	size_t len = made ? strlen(made) : p->manifest->len;
	if (ingest_inherit(l->in, p->layers, p->n_layers, err) < 0 || add_layers(l, p, err) < 0 ||
	    add_document(l, p->config->text, p->config->len, id, err) < 0 ||
	    add_document(l, text, len, manifest, err) < 0)
		return -1;
	return add_loaded(l, id, manifest, ret, err);
}

int load_check_count(const struct crl_image *img, size_t n_layers, struct crl_err *err)
{
	size_t n = strv_len(img->rootfs.diff_ids);

	if (n != n_layers)
		return crl_fail(err, CRL_INVALID, "%zu layers, but the image config names %zu",
				n_layers, n);
	return 0;
}

int load_find_layer(const struct loader *l, const char *name, const struct crl_layer_expect *expect,
		    struct staged **ret, struct crl_err *err)
{
	const struct member *x = members_find(&l->members, name);

	if (!x)
		return crl_fail(err, CRL_INVALID, "layer %.200s: not in the archive", name);
	if (!x->staged)
		return crl_fail(err, CRL_INVALID, "layer %.200s: not a tar archive", name);
	if (staged_check(x->staged, expect, err) < 0)
		return -1;
	*ret = x->staged;
	return 0;
}

/* --- docker --- */
static int docker_layers(const struct loader *l, const struct docker_entry *e,
			 const struct crl_image *img, struct load_parts *p, struct crl_err *err)
{
	size_t n = strv_len(e->layers);

	if (load_check_count(img, n, err) < 0)
		return -1;
	p->layers = calloc(n + 1, sizeof(*p->layers));
	if (!p->layers)
		return crl_fail_oom(err);
	for (; p->n_layers < n; p->n_layers++) {
		struct crl_layer_expect expect = {.size = -1,
						  .diff_id = img->rootfs.diff_ids[p->n_layers]};
		if (load_find_layer(l, e->layers[p->n_layers], &expect, &p->layers[p->n_layers],
				    err) < 0)
			return -1;
	}
	return 0;
}

static int docker_parts(struct loader *l, const struct docker_entry *e, struct load_parts *p,
			struct crl_err *err)
{
	struct crl_image img;

	p->config = load_find_text(l, e->config, err);
	if (!p->config)
		return -1;
	if (crl_image_parse(p->config->text, p->config->len, &img, err) < 0)
		return crl_context(err, "%.200s", e->config);
	int r = docker_layers(l, e, &img, p, err);
	json_free(&crl_image_json, &img);
	return r;
}

/* In a dual archive the image is there already, and only its names may be new. */
static struct loaded_image *loaded_by_id(const struct loader *l, const char *id)
{
	for (size_t i = 0; i < l->out.n; i++)
		if (str_eq(l->out.images[i].id, id))
			return &l->out.images[i];
	return NULL;
}

static int load_docker_entry(struct loader *l, const struct docker_entry *e, struct crl_err *err)
{
	_cleanup_(load_parts_free) struct load_parts p = {0};
	const struct member *config = load_find_text(l, e->config, err);

	if (!config)
		return -1;
	struct loaded_image *img = loaded_by_id(l, config->digest);
	if (!img && (docker_parts(l, e, &p, err) < 0 || load_accept(l, &p, &img, err) < 0))
		return -1;
	for (char **t = e->repo_tags; t && *t; t++)
		if (load_add_name(img, *t, err) < 0)
			return -1;
	return 0;
}

static int load_docker(struct loader *l, const struct member *x, struct crl_err *err)
{
	_cleanup_cjson_ cJSON *tree = NULL;
	const cJSON *item;

	if (!x->text)
		return crl_fail(err, CRL_INVALID, "manifest.json: not JSON");
	if (json_parse(x->text, x->len, JSON_MAX_SIZE, &tree, err) < 0)
		return crl_context(err, "manifest.json");
	if (!cJSON_IsArray(tree) || !tree->child)
		return crl_fail(err, CRL_INVALID, "manifest.json: no image in the archive");
	cJSON_ArrayForEach (item, tree) {
		struct docker_entry e = {0};
		if (json_decode_tree(&docker_entry_json, item, JSON_LAX, &e, err) < 0)
			return crl_context(err, "manifest.json");
		int r = load_docker_entry(l, &e, err);
		json_free(&docker_entry_json, &e);
		if (r < 0)
			return -1;
	}
	return 0;
}

static int load_images(struct loader *l, struct crl_err *err)
{
	const struct member *index = members_find(&l->members, "index.json");
	const struct member *manifest = members_find(&l->members, "manifest.json");

	if (!index && !manifest) {
		if (members_find(&l->members, "repositories"))
			return crl_fail(
				err, CRL_UNSUPPORTED,
				"archive of docker before 1.10: save it again with a newer docker");
		return crl_fail(err, CRL_INVALID,
				"neither index.json nor manifest.json in it: not an image archive");
	}
	if (index && load_oci(l, index, err) < 0)
		return -1;
	return manifest ? load_docker(l, manifest, err) : 0;
}

static int publish_all(struct loader *l, struct crl_err *err)
{
	char digest[80];

	if (ingest_publish(l->in, l->layers, l->n_layers, err) < 0)
		return -1;
	for (size_t i = 0; i < l->n_documents; i++)
		if (crl_store_add_blob(l->store, l->documents[i].text, l->documents[i].len, digest,
				       err) < 0)
			return -1;
	return 0;
}

static void loader_free(struct loader *l)
{
	for (size_t i = 0; i < l->n_documents; i++)
		free(l->documents[i].text);
	free(l->documents);
	free(l->layers);
	members_free(&l->members);
	loaded_free(&l->out);
	if (l->in)
		ingest_close(l->in);
}

int archive_load(struct crl_store *s, int fd, archive_progress progress, void *data,
		 struct loaded *ret, struct crl_err *err)
{
	_cleanup_(loader_free) struct loader l = {.store = s};

	if (ingest_open(s, &l.in, err) < 0 ||
	    members_read(l.in, fd, progress, data, &l.members, err) < 0 ||
	    load_images(&l, err) < 0 || publish_all(&l, err) < 0)
		return -1;
	*ret = l.out;
	l.out = (struct loaded){0};
	return 0;
}
