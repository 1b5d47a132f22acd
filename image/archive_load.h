/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The two halves of loading: docker's manifest.json and OCI's index.json. */
#ifndef IMAGE_ARCHIVE_LOAD_H
#define IMAGE_ARCHIVE_LOAD_H

#include "image_archive.h"

struct document {
	char *text;
	size_t len;
};

/* Everything is checked before anything is published: what follows `out` is what to publish. */
struct loader {
	struct crl_store *store;
	struct ingest *in;
	struct members members;
	struct loaded out;
	struct staged **layers;
	size_t n_layers;
	struct document *documents; /* configs and manifests */
	size_t n_documents;
};

/* One image, before it is accepted. */
struct load_parts {
	const struct member *manifest; /* NULL: made from the rest */
	const struct member *config;
	struct staged **layers;
	size_t n_layers;
};
void load_parts_free(struct load_parts *p);

/* A JSON document of the archive; NULL: `err` says why not. */
const struct member *load_find_text(const struct loader *l, const char *name, struct crl_err *err);
/* The same by descriptor, with digest and size checked. */
const struct member *load_find_blob(const struct loader *l, const struct crl_descriptor *d,
				    struct crl_err *err);
int load_find_layer(const struct loader *l, const char *name, const struct crl_layer_expect *expect,
		    struct staged **ret, struct crl_err *err);
int load_check_count(const struct crl_image *img, size_t n_layers, struct crl_err *err);
/* Everything about the image is right: it will be published, and is part of the answer. */
int load_accept(struct loader *l, const struct load_parts *p, struct loaded_image **ret,
		struct crl_err *err);
int load_add_name(struct loaded_image *img, const char *name, struct crl_err *err);

/* All images of index.json (image/archive_oci.c). */
int load_oci(struct loader *l, const struct member *index, struct crl_err *err);

#endif
