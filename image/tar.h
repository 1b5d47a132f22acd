/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A strict tar reader (ustar, pax, GNU) over a stream, and a writer that gives
 * the same bytes for the same entries. No file is touched here.
 */
#ifndef IMAGE_TAR_H
#define IMAGE_TAR_H

#include "stream.h"

#include <base/str.h>

#define TAR_BLOCK 512
#define TAR_NAME_MAX 4096               /* PATH_MAX: a longer name could not be used anyway */
#define TAR_EXTENSION_MAX (1024 * 1024) /* body of a pax or long-name header */
#define TAR_XATTR_NAME_MAX 255
#define TAR_XATTR_VALUE_MAX 65536
#define TAR_SPARSE_MAX 65536 /* segments */
#define TAR_SIZE_MAX (1LL << 50)

struct tar_xattr {
	char *name;
	char *value; /* may hold any byte */
	size_t len;
};
struct tar_segment {
	int64_t offset, size;
};
struct tar_entry {
	char *name, *link; /* as written in the archive */
	char type; /* '0' regular, '1' hard link, '2' symlink, '3' char, '4' block, '5' directory,
		      '6' fifo */
	uint32_t mode, uid, gid; /* mode: the 12 permission bits */
	int64_t size;            /* of the content; a sparse file's holes count */
	int64_t stored;          /* bytes in the archive */
	int64_t mtime;
	uint32_t mtime_ns;
	uint32_t major, minor;
	struct tar_xattr *xattrs;
	size_t n_xattrs;
	struct tar_segment *sparse; /* NULL: not sparse */
	size_t n_sparse;
};

struct tar_reader;
int tar_reader_new(struct stream *source, struct tar_reader **ret, struct crl_err *err);
void tar_reader_free(struct tar_reader *t);
DEFINE_CLEANUP(struct tar_reader *, tar_reader_free)
#define _cleanup_tar_reader_ _cleanup_(tar_reader_free_p)
/* The next entry, valid until the next call: 1, 0 at the end of the archive, -1. Unread data is
 * skipped. */
int tar_next(struct tar_reader *t, const struct tar_entry **ret, struct crl_err *err);
/* The next piece of the entry's content and where it belongs in the file; length 0 at the end. */
int tar_data(struct tar_reader *t, const void **ret, size_t *ret_len, int64_t *ret_offset,
	     struct crl_err *err);
/* After tar_next() gave 0: reads the rest of the stream, which counts for digests. */
int tar_finish(struct tar_reader *t, struct crl_err *err);
/* Whether 512 bytes are a tar header with a right checksum. */
bool tar_sniff(const uint8_t *block, size_t len);

/* --- pax records (image/pax.c) --- */
struct pax {
	struct strmap values; /* what is not below */
	struct tar_xattr *xattrs;
	size_t n_xattrs;
	struct buf sparse; /* offsets and sizes of GNU.sparse 0.0, as in 0.1 */
};
void pax_free(struct pax *p);
/* Adds the records of one extended header. */
int pax_parse(const char *body, size_t len, struct pax *p, struct crl_err *err);
/* Lays what the records say over the entry; the xattrs move there. */
int pax_apply(struct pax *p, struct tar_entry *e, struct crl_err *err);
/* "offset,size,offset,size" */
int pax_sparse_map(const char *text, struct tar_entry *e, struct crl_err *err);
int tar_entry_add_segment(struct tar_entry *e, int64_t offset, int64_t size, struct crl_err *err);
void tar_entry_clear(struct tar_entry *e);

/* --- writer (image/tar_write.c) --- */
typedef int (*tar_sink)(void *data, const void *bytes, size_t len, struct crl_err *err);
/* Header blocks of `e` (pax only where ustar cannot hold a value, then sorted by key). */
int tar_write_header(const struct tar_entry *e, tar_sink sink, void *data, struct crl_err *err);
/* Zeros up to the next block after `size` bytes of content. */
int tar_write_padding(int64_t size, tar_sink sink, void *data, struct crl_err *err);
/* The two zero blocks. */
int tar_write_end(tar_sink sink, void *data, struct crl_err *err);

#endif
