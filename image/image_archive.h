/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Image archives: docker-archive and OCI layout in a tar, read and written. */
#ifndef IMAGE_IMAGE_ARCHIVE_H
#define IMAGE_IMAGE_ARCHIVE_H

#include "ingest.h"

/* What `load` found: in order of the archive. */
struct loaded_image {
	char id[80], manifest[80];
	char **names; /* full references */
};
struct loaded {
	struct loaded_image *images;
	size_t n;
};
void loaded_free(struct loaded *l);
/* Called when a layer was read; may be NULL. */
typedef void (*archive_progress)(void *data, const char *diff_id, int64_t bytes);

/*
 * Reads an archive from `fd` once, front to back, and puts its images into
 * the store. Nothing of it is there after a failure.
 */
int archive_load(struct crl_store *s, int fd, archive_progress progress, void *data,
		 struct loaded *ret, struct crl_err *err);

/* --- members of an archive (image/archive_read.c) --- */
struct member {
	char *name; /* cleaned */
	char *text; /* small files that are no layer */
	size_t len;
	char digest[80]; /* of text */
	struct staged *staged;
	char *target; /* a link within the archive, cleaned */
};
struct members {
	struct member *v;
	size_t n;
	int64_t text_bytes;
};
void members_free(struct members *m);
int members_read(struct ingest *in, int fd, archive_progress progress, void *data,
		 struct members *ret, struct crl_err *err);
/* By name, through links; NULL when missing or when links lead in circles. */
const struct member *members_find(const struct members *m, const char *name);

/* --- one image, once its parts are known (image/archive_load.c) --- */
#define IMAGE_ANNOTATION_NAME "io.containerd.image.name"
#define IMAGE_ANNOTATION_REF "org.opencontainers.image.ref.name"

/*
 * Writes the dual form (an OCI layout that also has docker's manifest.json).
 * The bytes depend on the images and names alone.
 */
struct saved_image {
	char *manifest; /* digest */
	char **names;
};
int archive_save(struct crl_store *s, const struct saved_image *images, size_t n, int fd,
		 struct crl_err *err);

#endif
