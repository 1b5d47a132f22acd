/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the images*.c files share. */
#ifndef DAEMON_IMAGES_INTERNAL_H
#define DAEMON_IMAGES_INTERNAL_H

#include "daemon.h"
#include "images.h"

struct images {
	struct daemon *daemon;
	struct image **items;
	size_t n;
	sd_event_source *collect; /* deferred garbage collection */
	bool keep_all; /* some index entry is unknown to us: nothing may be thrown away */
};

/* images_index.c */
/* Reads index.json (or, when that is damaged, the copy in the database) into d->images. */
int images_index_load(struct daemon *d, struct crl_err *err);
/* Writes all records: index.json durably, and the copy. */
int images_index_save(struct daemon *d, struct crl_err *err);

/* images.c */
void image_free(struct image *img);
/* Fills manifest, spec, id, sizes from the store. On failure nothing is changed. */
int image_read(struct daemon *d, const char *manifest_digest, struct image *img,
	       struct crl_err *err);
int images_append(struct images *i, struct image *img, struct crl_err *err);
struct image *images_by_id(const struct images *i, const char *id);
/* Takes an image out of the list and frees it. */
void images_forget(struct images *i, struct image *img);
bool image_has_name(const struct image *img, const char *full_name);
void image_drop_name(struct image *img, const char *full_name);

#endif
