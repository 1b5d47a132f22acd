/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Layers in the making (worker only; image_dep): tar to unpacked layer, upper
 * directory to layer. The light store in image.h knows finished ones.
 */
#ifndef CRUN_LITE_LAYER_H
#define CRUN_LITE_LAYER_H

#include <crun-lite/image.h>

struct crl_layer_info {
	char diff_id[80]; /* digest of the plain tar */
	char digest[80];  /* digest of the blob in the store */
	int64_t blob_size;
	int64_t bytes;          /* content of regular files */
	int64_t entries;        /* 0: the layer changes nothing (a builder leaves it out) */
	const char *media_type; /* static */
};

/*
 * Makes a layer of an overlay's upper directory: writes its deterministic
 * gzip-compressed tar as a blob and its files as layers/HEX, durably (one
 * syncfs). The files are copied, the upper directory is only read; nothing may
 * write to it meanwhile. `lowers` (top first, may be NULL) are the layers
 * below it: what was copied up without a change of content or attributes is
 * left out. With entries == 0 nothing was added to the store and the other
 * members are of the empty layer. Names are never followed out of upper_fd.
 * Blocks. Errors name the file.
 */
int crl_layer_commit(struct crl_store *s, int upper_fd, char *const *lowers,
		     struct crl_layer_info *ret, struct crl_err *err);

/*
 * Unpacks one layer tar (plain, gzip, zstd, xz, bzip2: sniffed) read from `fd`
 * to its end, and keeps the bytes as received as a blob. `expect_digest` and
 * `expect_diff_id` may be NULL; expect_size -1 = unknown. Durable on return.
 * Errors name the layer and the entry; nothing is left after a failure.
 */
struct crl_layer_expect {
	const char *digest, *diff_id;
	int64_t size;
};
int crl_layer_unpack(struct crl_store *s, int fd, const struct crl_layer_expect *expect,
		     struct crl_layer_info *ret, struct crl_err *err);

/*
 * Extracts a tar (sniffed as above) into an existing directory of a build step
 * (ADD of a local archive): same safety, but whiteout names are ordinary files
 * and overlay marks are never written. `uid`/`gid` >= 0 replace the owners.
 */
int crl_tar_extract(int fd, int dir_fd, int64_t uid, int64_t gid, struct crl_err *err);
/* Whether the file starts like an archive crl_tar_extract() reads. The offset is kept. */
bool crl_tar_sniff(int fd);

/*
 * Writes config and manifest of an image whose layers are in the store.
 * `layers` bottom first; their diff ids must equal image->rootfs.diff_ids.
 */
int crl_image_write(struct crl_store *s, const struct crl_image *image,
		    const struct crl_descriptor *layers, size_t n_layers,
		    char ret_manifest_digest[80], char ret_config_digest[80], struct crl_err *err);

#endif
