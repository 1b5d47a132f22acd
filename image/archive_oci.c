/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The OCI half of loading: index.json, nested indexes, the choice of a
 * platform, manifests. Decides, and leaves publishing to archive_load.c. See
 * the OCI image layout and image index specifications.
 */
#include "archive_load.h"

#include <sys/utsname.h>

#define INDEX_DEPTH 3

static bool known_layer_type(const char *t)
{
	return str_starts(t, "application/vnd.oci.image.layer.") ||
	       str_starts(t, "application/vnd.docker.image.rootfs.");
}

static int oci_layers(const struct loader *l, const struct crl_manifest *m,
		      const struct crl_image *img, struct load_parts *p, struct crl_err *err)
{
	if (load_check_count(img, m->n_layers, err) < 0)
		return -1;
	p->layers = calloc(m->n_layers + 1, sizeof(*p->layers));
	if (!p->layers)
		return crl_fail_oom(err);
	for (; p->n_layers < m->n_layers; p->n_layers++) {
		const struct crl_descriptor *d = &m->layers[p->n_layers];
		struct crl_layer_expect expect = {.digest = d->digest,
						  .size = d->size,
						  .diff_id = img->rootfs.diff_ids[p->n_layers]};
		char name[100];
		if (!known_layer_type(d->media_type))
			return crl_fail(err, CRL_UNSUPPORTED, "layer %s: unknown media type %.100s",
					d->digest, d->media_type);
		snprintf(name, sizeof(name), "blobs/sha256/%s", store_hex(d->digest));
		if (load_find_layer(l, name, &expect, &p->layers[p->n_layers], err) < 0)
			return -1;
	}
	return 0;
}

static int oci_image(struct loader *l, const struct crl_manifest *m, struct load_parts *p,
		     struct loaded_image **ret, struct crl_err *err)
{
	struct crl_image img;

	if (!str_eq(m->config.media_type, CRL_MT_OCI_CONFIG) &&
	    !str_eq(m->config.media_type, CRL_MT_DOCKER_CONFIG))
		return crl_fail(err, CRL_UNSUPPORTED,
				"not a container image: its config is of type %.100s",
				m->config.media_type);
	p->config = load_find_blob(l, &m->config, err);
	if (!p->config)
		return -1;
	if (crl_image_parse(p->config->text, p->config->len, &img, err) < 0)
		return crl_context(err, "config %s", m->config.digest);
	int r = oci_layers(l, m, &img, p, err);
	json_free(&crl_image_json, &img);
	return r < 0 ? -1 : load_accept(l, p, ret, err);
}

static int oci_manifest(struct loader *l, const struct crl_descriptor *d, struct loaded_image **ret,
			struct crl_err *err)
{
	_cleanup_(load_parts_free) struct load_parts p = {.manifest = load_find_blob(l, d, err)};
	struct crl_manifest m;

	if (!p.manifest)
		return -1;
	if (crl_manifest_parse(p.manifest->text, p.manifest->len, &m, err) < 0)
		return crl_context(err, "manifest %s", d->digest);
	int r = m.media_type && !str_eq(m.media_type, d->media_type)
			? crl_fail(err, CRL_INVALID,
				   "media type %.100s, its descriptor says %.100s", m.media_type,
				   d->media_type)
			: oci_image(l, &m, &p, ret, err);
	json_free(&crl_manifest_json, &m);
	return r < 0 ? crl_context(err, "manifest %s", d->digest) : 0;
}

static const char *host_architecture(void)
{
	static const char *const names[][2] = {{"x86_64", "amd64"},    {"aarch64", "arm64"},
					       {"armv7l", "arm"},      {"i686", "386"},
					       {"ppc64le", "ppc64le"}, {"s390x", "s390x"},
					       {"riscv64", "riscv64"}};
	struct utsname u;

	uname(&u);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (str_eq(u.machine, names[i][0]))
			return names[i][1];
	return "unknown";
}

static bool in_archive(const struct loader *l, const struct crl_descriptor *d)
{
	char name[100];

	snprintf(name, sizeof(name), "blobs/sha256/%s", store_hex(d->digest));
	return members_find(&l->members, name) != NULL;
}

/* 2 = this machine's, 1 = another's (still an image), 0 = no image (attestations are "unknown"). */
static int rate(const struct crl_descriptor *d)
{
	const struct crl_platform *p = d->platform;

	if (strmap_get(&d->annotations, "vnd.docker.reference.type"))
		return 0;
	if (!p)
		return 2;
	if (!str_eq(p->os, "linux"))
		return 0;
	return str_eq(p->architecture, host_architecture()) ? 2 : 1;
}

static const struct crl_descriptor *choose(const struct loader *l, const struct crl_index *index)
{
	const struct crl_descriptor *best = NULL;
	int best_rate = 0;

	for (size_t i = 0; i < index->n_manifests; i++) {
		int r = rate(&index->manifests[i]);
		if (r > best_rate && in_archive(l, &index->manifests[i])) {
			best = &index->manifests[i];
			best_rate = r;
		}
	}
	return best;
}

static int oci_descriptor(struct loader *l, const struct crl_descriptor *d, int depth,
			  struct loaded_image **ret, struct crl_err *err);

static int oci_nested(struct loader *l, const struct crl_descriptor *d, int depth,
		      struct loaded_image **ret, struct crl_err *err)
{
	const struct member *x = load_find_blob(l, d, err);
	struct crl_index index;

	if (!x)
		return -1;
	if (depth >= INDEX_DEPTH)
		return crl_fail(err, CRL_LIMIT, "index %s: more than %d levels of indexes",
				d->digest, INDEX_DEPTH);
	if (crl_index_parse(x->text, x->len, &index, err) < 0)
		return crl_context(err, "index %s", d->digest);
	const struct crl_descriptor *best = choose(l, &index);
	int r = best ? oci_descriptor(l, best, depth + 1, ret, err)
		     : crl_fail(err, CRL_INVALID, "index %s: no image in it for linux", d->digest);
	json_free(&crl_index_json, &index);
	return r;
}

static int oci_descriptor(struct loader *l, const struct crl_descriptor *d, int depth,
			  struct loaded_image **ret, struct crl_err *err)
{
	if (str_eq(d->media_type, CRL_MT_OCI_INDEX) || str_eq(d->media_type, CRL_MT_DOCKER_INDEX))
		return oci_nested(l, d, depth, ret, err);
	if (str_eq(d->media_type, CRL_MT_OCI_MANIFEST) ||
	    str_eq(d->media_type, CRL_MT_DOCKER_MANIFEST))
		return oci_manifest(l, d, ret, err);
	return crl_fail(err, CRL_UNSUPPORTED, "%s: unknown media type %.100s", d->digest,
			d->media_type);
}

/* The name given by containerd and docker; else a whole reference in the OCI one (often only a
 * tag). */
static const char *descriptor_name(const struct crl_descriptor *d)
{
	const char *name = strmap_get(&d->annotations, IMAGE_ANNOTATION_NAME);

	if (!name) {
		name = strmap_get(&d->annotations, IMAGE_ANNOTATION_REF);
		if (name && !strpbrk(name, ":/"))
			name = NULL;
	}
	return name;
}

static int check_layout(const struct loader *l, struct crl_err *err)
{
	const struct member *x = members_find(&l->members, "oci-layout");
	_cleanup_cjson_ cJSON *tree = NULL;

	if (!x || !x->text)
		return x ? crl_fail(err, CRL_INVALID, "oci-layout: not JSON") : 0;
	if (json_parse(x->text, x->len, JSON_MAX_SIZE, &tree, err) < 0)
		return crl_context(err, "oci-layout");
	const char *version = json_get_str(tree, "imageLayoutVersion");
	if (!version || !str_starts(version, "1."))
		return crl_fail(err, CRL_UNSUPPORTED,
				"oci-layout: version \"%.20s\", only 1.x is known",
				version ? version : "");
	return 0;
}

static int load_oci_entries(struct loader *l, const struct crl_index *index, struct crl_err *err)
{
	size_t images = 0;

	for (size_t i = 0; i < index->n_manifests; i++) {
		const struct crl_descriptor *d = &index->manifests[i];
		const char *name = descriptor_name(d);
		struct loaded_image *img;
		if (rate(d) == 0)
			continue;
		if (oci_descriptor(l, d, 0, &img, err) < 0 ||
		    (name && load_add_name(img, name, err) < 0))
			return -1;
		images++;
	}
	return images ? 0 : crl_fail(err, CRL_INVALID, "index.json: no image in the archive");
}

int load_oci(struct loader *l, const struct member *x, struct crl_err *err)
{
	struct crl_index index;

	if (check_layout(l, err) < 0)
		return -1;
	if (!x->text || crl_index_parse(x->text, x->len, &index, err) < 0)
		return crl_context(err, "index.json");
	int r = load_oci_entries(l, &index, err);
	json_free(&crl_index_json, &index);
	return r;
}
