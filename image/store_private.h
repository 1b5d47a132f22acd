/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The open folders of a store, and the record of an unpacked layer: for the files of image/ only.
 */
#ifndef IMAGE_STORE_PRIVATE_H
#define IMAGE_STORE_PRIVATE_H

#include <crun-lite/image.h>

struct crl_store {
	char *root; /* absolute path, for the paths given to the overlay */
	int root_fd;
	int blobs_fd; /* blobs/sha256 */
	int layers_fd;
	int tmp_fd;
};

#define STORE_LAYER_FS "fs"
#define STORE_LAYER_RECORD "record"
/* A name of its own under tmp/, "PREFIX-" + 32 hex digits. */
#define STORE_TMP_NAME 64
void store_tmp_name(const char *prefix, char ret[STORE_TMP_NAME]);
/* Hex part of a digest that crl_digest_ok() accepted. */
const char *store_hex(const char *digest);

/*
 * What is known about an unpacked layer, kept beside its files:
 * "crun-lite-layer 1 LENGTH SHA256\n" and LENGTH bytes of JSON. A record that
 * does not check out counts as no layer, so that the layer is unpacked again.
 */
struct layer_record {
	char *diff_id;
	char *blob; /* digest of the blob it came from, as received */
	int64_t blob_size;
	int64_t bytes; /* content of regular files */
	int64_t entries;
	bool cut;        /* the layer's root is opaque: nothing below it is visible */
	char **implicit; /* directories no entry described */
};
extern const struct json_table layer_record_json;
int layer_record_write(int dir_fd, const struct layer_record *r, struct crl_err *err);
int layer_record_read(int dir_fd, struct layer_record *ret, struct crl_err *err);
int store_layer_record(struct crl_store *s, const char *diff_id, struct layer_record *ret,
		       struct crl_err *err);

#endif
