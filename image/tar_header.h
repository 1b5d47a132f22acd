/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One tar header block and its fields; for the reader only. */
#ifndef IMAGE_TAR_HEADER_H
#define IMAGE_TAR_HEADER_H

#include "tar.h"

struct tar_header {
	char name[100], mode[8], uid[8], gid[8], size[12], mtime[12], checksum[8], type, link[100];
	char magic[6], version[2], uname[32], gname[32], major[8], minor[8];
	union {
		char prefix[155];
		struct { /* old GNU */
			char atime[12], ctime[12], offset[12], longnames[4], unused;
			char sparse[4][24];
			char is_extended, real_size[12];
		} gnu;
	};
	char pad[12];
};
_Static_assert(sizeof(struct tar_header) == TAR_BLOCK, "a tar header is one block");

bool tar_is_zero(const uint8_t *block);
bool tar_checksum_ok(const uint8_t *block);
/* CRL_INVALID "header with a bad WHAT" when it is no number or out of bounds. */
int tar_number(const char *field, size_t len, int64_t min, int64_t max, const char *what,
	       int64_t *ret, struct crl_err *err);
#define TAR_NUMBER(field, min, max, what, ret, err)                                                \
	tar_number((field), sizeof(field), (min), (max), (what), (ret), (err))

#endif
