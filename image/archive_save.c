/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Images to an archive: an OCI layout whose blobs are the stored bytes, and
 * docker's manifest.json naming the same blobs, so that old and new tools read
 * it. Members are sorted and carry no time: the same images give the same
 * archive. Everything is checked for presence before the first byte leaves.
 */
#include "image_archive.h"

#include <base/fd.h>
#include <base/ident.h>

#include <errno.h>
#include <inttypes.h>

#define COPY_SIZE (256U * 1024)

struct blob {
	char digest[80];
	int64_t size;
};

struct saver {
	struct crl_store *store;
	int fd;
	struct blob *blobs;
	size_t n;
	cJSON *index;  /* manifests of index.json */
	cJSON *docker; /* manifest.json */
};

static void saver_free(struct saver *v)
{
	free(v->blobs);
	cJSON_Delete(v->index);
	cJSON_Delete(v->docker);
}

static int add_blob(struct saver *v, const char *digest, int64_t expected, struct crl_err *err)
{
	_cleanup_close_ int fd = -1;
	int64_t size;

	if (crl_store_open_blob(v->store, digest, &fd, &size, err) < 0)
		return -1;
	if (expected >= 0 && size != expected)
		return crl_fail(err, CRL_IO,
				"blob %s: %" PRId64 " bytes on disk, %" PRId64 " expected", digest,
				size, expected);
	for (size_t i = 0; i < v->n; i++)
		if (str_eq(v->blobs[i].digest, digest))
			return 0;
	struct blob *b = reallocarray(v->blobs, v->n + 1, sizeof(*b));
	if (!b)
		return crl_fail_oom(err);
	v->blobs = b;
	b += v->n++;
	snprintf(b->digest, sizeof(b->digest), "%s", digest);
	b->size = size;
	return 0;
}

static cJSON *index_row(const struct crl_manifest *m, const struct blob *manifest, const char *name)
{
	cJSON *row = cJSON_CreateObject();
	const char *slash = name ? strrchr(name, '/') : NULL;
	const char *tag = slash ? strchr(slash, ':') : NULL;

	json_add_str(row, "mediaType", m->media_type ? m->media_type : CRL_MT_OCI_MANIFEST);
	json_add_str(row, "digest", manifest->digest);
	json_add_i64(row, "size", manifest->size);
	if (name) {
		cJSON *a = cJSON_AddObjectToObject(row, "annotations");
		json_add_str(a, IMAGE_ANNOTATION_NAME, name);
		json_add_str(a, IMAGE_ANNOTATION_REF, tag ? tag + 1 : name);
	}
	return row;
}

static void add_blob_path(cJSON *list, const char *digest)
{
	char path[100];

	snprintf(path, sizeof(path), "blobs/sha256/%s", store_hex(digest));
	cJSON_AddItemToArray(list, cJSON_CreateString(path));
}

static int add_docker_row(struct saver *v, const struct crl_manifest *m, char *const *names,
			  struct crl_err *err)
{
	cJSON *row = cJSON_CreateObject();
	char config[100];

	snprintf(config, sizeof(config), "blobs/sha256/%s", store_hex(m->config.digest));
	json_add_str(row, "Config", config);
	cJSON *tags = cJSON_AddArrayToObject(row, "RepoTags");
	for (; names && *names; names++) {
		struct crl_ref ref;
		if (crl_ref_parse(*names, &ref, err) < 0) {
			cJSON_Delete(row);
			return -1;
		}
		_cleanup_free_ char *familiar = crl_ref_familiar(&ref);
		crl_ref_free(&ref);
		cJSON_AddItemToArray(tags, cJSON_CreateString(familiar ? familiar : ""));
	}
	cJSON *layers = cJSON_AddArrayToObject(row, "Layers");
	for (size_t i = 0; i < m->n_layers; i++)
		add_blob_path(layers, m->layers[i].digest);
	cJSON_AddItemToArray(v->docker, row);
	return 0;
}

static int add_parts(struct saver *v, const struct crl_manifest *m, const struct saved_image *img,
		     struct crl_err *err)
{
	struct blob manifest = {.size = 0};

	if (add_blob(v, img->manifest, -1, err) < 0 ||
	    add_blob(v, m->config.digest, m->config.size, err) < 0)
		return -1;
	for (size_t i = 0; i < m->n_layers; i++)
		if (add_blob(v, m->layers[i].digest, m->layers[i].size, err) < 0)
			return -1;
	for (size_t i = 0; i < v->n; i++)
		if (str_eq(v->blobs[i].digest, img->manifest))
			manifest = v->blobs[i];
	if (!img->names || !*img->names)
		cJSON_AddItemToArray(v->index, index_row(m, &manifest, NULL));
	for (char **n = img->names; n && *n; n++)
		cJSON_AddItemToArray(v->index, index_row(m, &manifest, *n));
	return add_docker_row(v, m, img->names, err);
}

static int add_image(struct saver *v, const struct saved_image *img, struct crl_err *err)
{
	struct crl_manifest m;

	if (crl_store_load_manifest(v->store, img->manifest, &m, err) < 0)
		return -1;
	int r = add_parts(v, &m, img, err);
	json_free(&crl_manifest_json, &m);
	return r;
}

/* --- writing --- */
static int fd_sink(void *data, const void *bytes, size_t len, struct crl_err *err)
{
	return fd_write_all(*(int *)data, bytes, len, err);
}

static int write_header(struct saver *v, const char *name, char type, int64_t size,
			struct crl_err *err)
{
	struct tar_entry e = {.name = (char *)name,
			      .type = type,
			      .mode = type == '5' ? 0755 : 0644,
			      .size = size};

	return tar_write_header(&e, fd_sink, &v->fd, err);
}

static int write_text(struct saver *v, const char *name, const cJSON *tree, struct crl_err *err)
{
	_cleanup_free_ char *text = cJSON_PrintUnformatted(tree);

	if (!text)
		return crl_fail_oom(err);
	int64_t len = (int64_t)strlen(text);
	if (write_header(v, name, '0', len, err) < 0 ||
	    fd_write_all(v->fd, text, (size_t)len, err) < 0)
		return -1;
	return tar_write_padding(len, fd_sink, &v->fd, err);
}

/* The digest is checked while the bytes leave: a damaged blob must not be handed on unnoticed. */
static int copy_blob(struct saver *v, const struct blob *b, char *buffer, struct crl_err *err)
{
	_cleanup_close_ int fd = -1;
	char name[100], digest[80];
	int64_t size;
	ssize_t n;

	if (crl_store_open_blob(v->store, b->digest, &fd, &size, err) < 0)
		return -1;
	_cleanup_stream_ struct stream *source = stream_from_fd(fd);
	if (!source)
		return crl_fail_oom(err);
	struct stream_digest check;
	stream_digest_init(&check, source, b->size, v->fd);
	snprintf(name, sizeof(name), "blobs/sha256/%s", store_hex(b->digest));
	if (write_header(v, name, '0', b->size, err) < 0)
		return -1;
	while ((n = stream_read(&check.s, buffer, COPY_SIZE, err)) > 0)
		;
	stream_digest_final(&check, digest);
	if (n < 0)
		return -1;
	if (check.count != b->size || !str_eq(digest, b->digest))
		return crl_fail(err, CRL_IO, "blob %s: damaged on disk", b->digest);
	return tar_write_padding(b->size, fd_sink, &v->fd, err);
}

static int compare_blobs(const void *a, const void *b)
{
	return strcmp(((const struct blob *)a)->digest, ((const struct blob *)b)->digest);
}

static int write_blobs(struct saver *v, struct crl_err *err)
{
	_cleanup_free_ char *buffer = malloc(COPY_SIZE);

	if (!buffer)
		return crl_fail_oom(err);
	qsort(v->blobs, v->n, sizeof(*v->blobs), compare_blobs);
	if (write_header(v, "blobs/", '5', 0, err) < 0 ||
	    write_header(v, "blobs/sha256/", '5', 0, err) < 0)
		return -1;
	for (size_t i = 0; i < v->n; i++)
		if (copy_blob(v, &v->blobs[i], buffer, err) < 0)
			return -1;
	return 0;
}

static int write_archive(struct saver *v, struct crl_err *err)
{
	_cleanup_cjson_ cJSON *index = cJSON_CreateObject(), *layout = cJSON_CreateObject();

	json_add_i64(index, "schemaVersion", 2);
	json_add_str(index, "mediaType", CRL_MT_OCI_INDEX);
	cJSON_AddItemReferenceToObject(index, "manifests", v->index);
	json_add_str(layout, "imageLayoutVersion", "1.0.0");
	if (write_blobs(v, err) < 0 || write_text(v, "index.json", index, err) < 0 ||
	    write_text(v, "manifest.json", v->docker, err) < 0 ||
	    write_text(v, "oci-layout", layout, err) < 0)
		return -1;
	return tar_write_end(fd_sink, &v->fd, err);
}

int archive_save(struct crl_store *s, const struct saved_image *images, size_t n, int fd,
		 struct crl_err *err)
{
	_cleanup_(saver_free) struct saver v = {
		.store = s, .fd = fd, .index = cJSON_CreateArray(), .docker = cJSON_CreateArray()};

	if (!v.index || !v.docker)
		return crl_fail_oom(err);
	for (size_t i = 0; i < n; i++)
		if (add_image(&v, &images[i], err) < 0)
			return -1;
	return write_archive(&v, err);
}
