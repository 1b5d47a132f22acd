/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Manifests, indexes and image configs from strangers: text to checked
 * struct. Everything that is later used as a path or a count is checked here
 * (CVE-2024-3727, CVE-2021-41190). No file is touched.
 */
#include <crun-lite/image.h>

#define MANIFEST_MAX (4U * 1024 * 1024)
#define CONFIG_MAX (8U * 1024 * 1024)
/* Variables, labels, history: the daemon searches these lists for each of their members. */
#define MEMBERS_MAX 4096
#define LAYERS_MAX 500 /* what the kernel's overlay stacks (overlayfs OVL_MAX_STACK) */

static int check_descriptor(const struct crl_descriptor *d, const char *what, struct crl_err *err)
{
	if (!crl_digest_ok(d->digest))
		return crl_fail(err, CRL_INVALID, "%s: invalid digest \"%.100s\"", what,
				d->digest ? d->digest : "");
	if (d->size < 0)
		return crl_fail(err, CRL_INVALID, "%s %s: negative size", what, d->digest);
	return 0;
}

static bool is_manifest_type(const char *t)
{
	return str_eq(t, CRL_MT_OCI_MANIFEST) || str_eq(t, CRL_MT_DOCKER_MANIFEST);
}

static bool is_index_type(const char *t)
{
	return str_eq(t, CRL_MT_OCI_INDEX) || str_eq(t, CRL_MT_DOCKER_INDEX);
}

/* A body that could be read as two kinds of document is refused, whatever it says it is. */
static int refuse_key(const cJSON *tree, const char *key, const char *kind, struct crl_err *err)
{
	if (cJSON_GetObjectItemCaseSensitive(tree, key))
		return crl_fail(err, CRL_INVALID, "not %s: it has \"%s\"", kind, key);
	return 0;
}

static int check_members(const cJSON *tree, const char *name, struct crl_err *err)
{
	const cJSON *item;
	size_t n = 0;

	if (!cJSON_IsArray(tree) && !cJSON_IsObject(tree))
		return 0;
	cJSON_ArrayForEach (item, tree) {
		const char *inner = item->string ? item->string : name;
		if (++n > MEMBERS_MAX)
			return crl_fail(err, CRL_LIMIT, "\"%.100s\" has more than %d members", name,
					MEMBERS_MAX);
		if (check_members(item, inner, err) < 0)
			return -1;
	}
	return 0;
}

static int check_manifest(const struct crl_manifest *m, struct crl_err *err)
{
	if (m->schema_version != 2)
		return crl_fail(err, CRL_UNSUPPORTED,
				"manifest schema version %lld, only 2 is known",
				(long long)m->schema_version);
	if (m->media_type && !is_manifest_type(m->media_type))
		return crl_fail(err, CRL_INVALID, "not an image manifest: media type %.100s",
				m->media_type);
	if (check_descriptor(&m->config, "config", err) < 0)
		return -1;
	if (m->n_layers > LAYERS_MAX)
		return crl_fail(err, CRL_LIMIT, "%zu layers, at most %d can be stacked",
				m->n_layers, LAYERS_MAX);
	for (size_t i = 0; i < m->n_layers; i++)
		if (check_descriptor(&m->layers[i], "layer", err) < 0)
			return -1;
	return 0;
}

int crl_manifest_parse(const char *text, size_t len, struct crl_manifest *ret, struct crl_err *err)
{
	_cleanup_cjson_ cJSON *tree = NULL;
	struct crl_manifest m = {0};

	if (json_parse(text, len, MANIFEST_MAX, &tree, err) < 0 ||
	    refuse_key(tree, "manifests", "an image manifest", err) < 0 ||
	    refuse_key(tree, "fsLayers", "an image manifest", err) < 0 ||
	    check_members(tree, "manifest", err) < 0 ||
	    json_decode_tree(&crl_manifest_json, tree, JSON_LAX, &m, err) < 0)
		return -1;
	if (check_manifest(&m, err) < 0) {
		json_free(&crl_manifest_json, &m);
		return -1;
	}
	*ret = m;
	return 0;
}

static int check_index(const struct crl_index *index, struct crl_err *err)
{
	if (index->schema_version != 2)
		return crl_fail(err, CRL_UNSUPPORTED, "index schema version %lld, only 2 is known",
				(long long)index->schema_version);
	if (index->media_type && !is_index_type(index->media_type))
		return crl_fail(err, CRL_INVALID, "not an image index: media type %.100s",
				index->media_type);
	for (size_t i = 0; i < index->n_manifests; i++)
		if (check_descriptor(&index->manifests[i], "manifest", err) < 0)
			return -1;
	return 0;
}

int crl_index_parse(const char *text, size_t len, struct crl_index *ret, struct crl_err *err)
{
	_cleanup_cjson_ cJSON *tree = NULL;
	struct crl_index index = {0};

	if (json_parse(text, len, MANIFEST_MAX, &tree, err) < 0 ||
	    refuse_key(tree, "layers", "an image index", err) < 0 ||
	    refuse_key(tree, "config", "an image index", err) < 0 ||
	    json_decode_tree(&crl_index_json, tree, JSON_LAX, &index, err) < 0)
		return -1;
	if (check_index(&index, err) < 0) {
		json_free(&crl_index_json, &index);
		return -1;
	}
	*ret = index;
	return 0;
}

static int check_image(const struct crl_image *img, struct crl_err *err)
{
	if (!str_empty(img->os) && !str_eq(img->os, "linux"))
		return crl_fail(err, CRL_UNSUPPORTED,
				"image is for %.40s, only linux images run here", img->os);
	if (!str_eq(img->rootfs.type, "layers"))
		return crl_fail(err, CRL_INVALID, "rootfs type \"%.40s\", expected \"layers\"",
				img->rootfs.type ? img->rootfs.type : "");
	if (strv_len(img->rootfs.diff_ids) > LAYERS_MAX)
		return crl_fail(err, CRL_LIMIT, "%zu layers, at most %d can be stacked",
				strv_len(img->rootfs.diff_ids), LAYERS_MAX);
	for (char **d = img->rootfs.diff_ids; d && *d; d++)
		if (!crl_digest_ok(*d))
			return crl_fail(err, CRL_INVALID, "invalid diff id \"%.100s\"", *d);
	return 0;
}

int crl_image_parse(const char *text, size_t len, struct crl_image *ret, struct crl_err *err)
{
	_cleanup_cjson_ cJSON *tree = NULL;
	struct crl_image img = {0};

	if (json_parse(text, len, CONFIG_MAX, &tree, err) < 0 ||
	    check_members(tree, "image config", err) < 0 ||
	    json_decode_tree(&crl_image_json, tree, JSON_LAX, &img, err) < 0)
		return -1;
	if (check_image(&img, err) < 0) {
		json_free(&crl_image_json, &img);
		return -1;
	}
	*ret = img;
	return 0;
}
