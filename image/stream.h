/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Pulling bytes through stages: descriptor, digest, inflate. One reader, blocking. */
#ifndef IMAGE_STREAM_H
#define IMAGE_STREAM_H

#include <base/cleanup.h>
#include <crun-lite/err.h>
#include <nettle/sha2.h>
#include <stdint.h>
#include <sys/types.h>

struct stream {
	/* Bytes read (at most len, 0 = end), or -1. */
	ssize_t (*read)(struct stream *s, void *buf, size_t len, struct crl_err *err);
	void (*free)(struct stream *s); /* the stage alone, not what it reads from */
};
void stream_free(struct stream *s);
DEFINE_CLEANUP(struct stream *, stream_free)
#define _cleanup_stream_ _cleanup_(stream_free_p)
ssize_t stream_read(struct stream *s, void *buf, size_t len, struct crl_err *err);
/* Fills the buffer unless the end comes first. */
ssize_t stream_read_full(struct stream *s, void *buf, size_t len, struct crl_err *err);
/* Reads and drops what is left. */
int stream_drain(struct stream *s, struct crl_err *err);

struct stream *stream_from_fd(int fd); /* borrowed */
struct stream *stream_from_memory(const void *data, size_t len);

/* Plain bytes beyond this many times the compressed ones are a bomb, once past the first 512 MiB.
 */
#define STREAM_RATIO_MAX 200
#define STREAM_RATIO_FREE (512LL << 20)

/* Digest and length of what passes; with copy_fd >= 0 a copy is written there. More than `limit`
 * bytes: CRL_LIMIT. */
struct stream_digest {
	struct stream s;
	struct stream *source;
	struct sha256_ctx sha;
	int64_t count, limit;
	int copy_fd;
	const int64_t *ratio_base; /* bytes before inflating: a bomb is refused */
};
void stream_digest_init(struct stream_digest *d, struct stream *source, int64_t limit, int copy_fd);
void stream_digest_final(struct stream_digest *d, char ret_digest[80]);

enum compression {
	COMPRESSION_NONE,
	COMPRESSION_GZIP,
	COMPRESSION_ZSTD,
	COMPRESSION_XZ,
	COMPRESSION_BZIP2,
};
enum compression compression_sniff(const uint8_t *head, size_t len);
/*
 * Plain bytes of `source`, whose compression is found by its first bytes.
 * gzip in any number of members, zstd in any number of frames (windows up to
 * 128 MiB). Broken data, a missing end and bytes after it are CRL_INVALID.
 */
int stream_inflate(struct stream *source, struct stream **ret, enum compression *ret_kind,
		   struct crl_err *err);

/* Reads `source` ahead in a thread of its own, so that inflate and file creation overlap. */
int stream_ahead(struct stream *source, struct stream **ret, struct crl_err *err);

#endif
