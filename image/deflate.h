/* SPDX-License-Identifier: GPL-2.0-or-later */
/* gzip output, the same bytes for the same input and build. */
#ifndef IMAGE_DEFLATE_H
#define IMAGE_DEFLATE_H

#include "tar.h"

struct deflater;
/* Compressed bytes go to `sink`. */
int deflater_new(tar_sink sink, void *data, struct deflater **ret, struct crl_err *err);
int deflater_write(struct deflater *d, const void *bytes, size_t len, struct crl_err *err);
int deflater_finish(struct deflater *d, struct crl_err *err);
void deflater_free(struct deflater *d);
DEFINE_CLEANUP(struct deflater *, deflater_free)
#define _cleanup_deflater_ _cleanup_(deflater_free_p)

#endif
