/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Decompression by content, never by name or media type. gzip with ISA-L
 * where the build has it, else zlib; zstd; xz and bzip2 through libarchive's
 * raw reader. Owns the rules of what may follow the last member: nothing but
 * zeros. May not write anywhere. See RFC 1952, RFC 8878.
 */
#include "stream.h"

#include "config.h"

#include <archive.h>
#include <string.h>
#include <zstd.h>
#if HAVE_ISAL
#include <isa-l/igzip_lib.h>
#else
#include <zlib.h>
#endif

#define IN_SIZE (256U * 1024)
#define ZSTD_WINDOW_LOG_MAX 27 /* 128 MiB, what other engines accept */
#define HEAD_SIZE 8

/* Input with the sniffed head in front. */
struct input {
	struct stream *source;
	uint8_t *data;
	size_t pos, len;
	bool eof;
};

struct inflater {
	struct stream s;
	struct input in;
	bool in_member, finished;
#if HAVE_ISAL
	struct inflate_state gz;
#else
	z_stream gz;
#endif
	ZSTD_DStream *zstd;
	struct archive *archive;
	char archive_error[128];
};

enum compression compression_sniff(const uint8_t *head, size_t len)
{
	static const struct {
		const char *magic;
		size_t len;
		enum compression kind;
	} rows[] = {
		{"\x1f\x8b\x08", 3, COMPRESSION_GZIP},
		{"\x28\xb5\x2f\xfd", 4, COMPRESSION_ZSTD},
		{"\xfd"
		 "7zXZ\0",
		 6, COMPRESSION_XZ},
		{"BZh", 3, COMPRESSION_BZIP2},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (len >= rows[i].len && memcmp(head, rows[i].magic, rows[i].len) == 0)
			return rows[i].kind;
	/* A zstd stream may open with a skippable frame: 0x184D2A50 to 5F, little endian. */
	if (len >= 4 && (head[0] & 0xf0) == 0x50 && memcmp(head + 1, "\x2a\x4d\x18", 3) == 0)
		return COMPRESSION_ZSTD;
	return COMPRESSION_NONE;
}

/* More input when none is left; 0 at the end. */
static ssize_t refill(struct input *in, struct crl_err *err)
{
	if (in->pos < in->len)
		return (ssize_t)(in->len - in->pos);
	if (in->eof)
		return 0;
	ssize_t n = stream_read(in->source, in->data, IN_SIZE, err);
	if (n < 0)
		return -1;
	in->eof = n == 0;
	in->pos = 0;
	in->len = (size_t)n;
	return n;
}

static ssize_t plain_read(struct stream *s, void *buf, size_t len, struct crl_err *err)
{
	struct inflater *z = (struct inflater *)s;

	if (z->in.pos == z->in.len)
		return z->in.eof ? 0 : stream_read(z->in.source, buf, len, err);
	size_t n = z->in.len - z->in.pos;
	if (n > len)
		n = len;
	memcpy(buf, z->in.data + z->in.pos, n);
	z->in.pos += n;
	return (ssize_t)n;
}

/*
 * Between members: 1 = another one follows, 0 = the end. Zeros are padding that
 * tape-minded tools add; anything else is refused.
 */
static int next_gzip_member(struct inflater *z, struct crl_err *err)
{
	struct input *in = &z->in;
	ssize_t n = refill(in, err);

	if (n <= 0)
		return (int)n;
	if (in->data[in->pos] == 0x1f)
		return 1;
	do {
		for (; in->pos < in->len; in->pos++)
			if (in->data[in->pos] != 0)
				return crl_fail(
					err, CRL_INVALID,
					"bytes that are not gzip after the end of the gzip data");
		n = refill(in, err);
	} while (n > 0);
	return (int)n;
}

#if HAVE_ISAL
static int gzip_begin(struct inflater *z)
{
	isal_inflate_reset(&z->gz);
	z->gz.crc_flag = ISAL_GZIP;
	return 0;
}

/* Bytes made, or -1; *ret_end when the member is complete. */
static ssize_t gzip_step(struct inflater *z, void *buf, size_t len, bool *ret_end,
			 struct crl_err *err)
{
	struct input *in = &z->in;

	z->gz.next_in = in->data + in->pos;
	z->gz.avail_in = (uint32_t)(in->len - in->pos);
	z->gz.next_out = buf;
	z->gz.avail_out = (uint32_t)len;
	int r = isal_inflate(&z->gz);
	/* What is left beyond a member's end sits in the bit buffer; isal_inflate hands whole bytes
	 * back. */
	in->pos = in->len - z->gz.avail_in;
	if (r != ISAL_DECOMP_OK && r != ISAL_END_INPUT)
		return crl_fail(err, CRL_INVALID, "broken gzip data (%s)",
				r == ISAL_INCORRECT_CHECKSUM ? "checksum" : "stream");
	*ret_end = z->gz.block_state == ISAL_BLOCK_FINISH;
	return (ssize_t)(len - z->gz.avail_out);
}

static void gzip_end(struct inflater *z)
{
}
#else
static int gzip_begin(struct inflater *z)
{
	if (z->gz.state)
		return inflateReset(&z->gz) == Z_OK ? 0 : -1;
	return inflateInit2(&z->gz, 15 + 16) == Z_OK ? 0 : -1;
}

static ssize_t gzip_step(struct inflater *z, void *buf, size_t len, bool *ret_end,
			 struct crl_err *err)
{
	struct input *in = &z->in;

	z->gz.next_in = in->data + in->pos;
	z->gz.avail_in = (uInt)(in->len - in->pos);
	z->gz.next_out = buf;
	z->gz.avail_out = (uInt)len;
	int r = inflate(&z->gz, Z_NO_FLUSH);
	in->pos = in->len - z->gz.avail_in;
	if (r != Z_OK && r != Z_STREAM_END && r != Z_BUF_ERROR)
		return crl_fail(err, CRL_INVALID, "broken gzip data (%s)",
				z->gz.msg ? z->gz.msg : "stream");
	*ret_end = r == Z_STREAM_END;
	return (ssize_t)(len - z->gz.avail_out);
}

static void gzip_end(struct inflater *z)
{
	if (z->gz.state)
		inflateEnd(&z->gz);
}
#endif

/* One turn of the decoder: bytes made (perhaps 0 while it goes on), -1, or 0 with finished set. */
static ssize_t gzip_turn(struct inflater *z, void *buf, size_t len, struct crl_err *err)
{
	bool end = false;

	if (!z->in_member) {
		int more = next_gzip_member(z, err);
		if (more < 0)
			return -1;
		if (more == 0) {
			z->finished = true;
			return 0;
		}
		if (gzip_begin(z) < 0)
			return crl_fail_oom(err);
		z->in_member = true;
	}
	ssize_t avail = refill(&z->in, err);
	if (avail < 0)
		return -1;
	size_t before = z->in.pos;
	ssize_t n = gzip_step(z, buf, len, &end, err);
	if (n < 0)
		return -1;
	if (end)
		z->in_member = false;
	else if (n == 0 && avail == 0 && z->in.pos == before)
		return crl_fail(err, CRL_INVALID, "gzip data ends too early");
	return n;
}

static ssize_t gzip_read(struct stream *s, void *buf, size_t len, struct crl_err *err)
{
	struct inflater *z = (struct inflater *)s;
	ssize_t n = 0;

	while (n == 0 && !z->finished)
		n = gzip_turn(z, buf, len > UINT32_MAX ? UINT32_MAX : len, err);
	return n;
}

static ssize_t zstd_read(struct stream *s, void *buf, size_t len, struct crl_err *err)
{
	struct inflater *z = (struct inflater *)s;
	ZSTD_outBuffer out = {.dst = buf, .size = len};

	while (out.pos == 0) {
		ssize_t avail = refill(&z->in, err);
		if (avail < 0)
			return -1;
		if (avail == 0 && !z->in_member)
			return 0;
		ZSTD_inBuffer in = {.src = z->in.data, .size = z->in.len, .pos = z->in.pos};
		size_t r = ZSTD_decompressStream(z->zstd, &out, &in);
		if (ZSTD_isError(r))
			return crl_fail(err, CRL_INVALID, "broken zstd data (%s)",
					ZSTD_getErrorName(r));
		bool stuck = avail == 0 && out.pos == 0;
		z->in.pos = in.pos;
		z->in_member = r != 0;
		if (stuck && z->in_member)
			return crl_fail(err, CRL_INVALID, "zstd data ends too early");
	}
	return (ssize_t)out.pos;
}

static la_ssize_t archive_source(struct archive *a, void *data, const void **ret)
{
	struct inflater *z = data;
	struct crl_err err = CRL_ERR_INIT;
	ssize_t n = refill(&z->in, &err);

	if (n < 0) {
		archive_set_error(a, err.sys ? err.sys : 1, "%s", err.msg);
		return ARCHIVE_FATAL;
	}
	*ret = z->in.data + z->in.pos;
	z->in.pos = z->in.len;
	return n;
}

static ssize_t archive_stage_read(struct stream *s, void *buf, size_t len, struct crl_err *err)
{
	struct inflater *z = (struct inflater *)s;
	la_ssize_t n = archive_read_data(z->archive, buf, len);

	if (n < 0)
		return crl_fail(err, CRL_INVALID, "broken compressed data (%s)",
				archive_error_string(z->archive));
	return n;
}

static int archive_begin(struct inflater *z, struct crl_err *err)
{
	struct archive_entry *entry;

	z->archive = archive_read_new();
	if (!z->archive)
		return crl_fail_oom(err);
	archive_read_support_filter_xz(z->archive);
	archive_read_support_filter_bzip2(z->archive);
	archive_read_support_format_raw(z->archive);
	if (archive_read_open(z->archive, z, NULL, archive_source, NULL) != ARCHIVE_OK ||
	    archive_read_next_header(z->archive, &entry) != ARCHIVE_OK)
		return crl_fail(err, CRL_INVALID, "broken compressed data (%s)",
				archive_error_string(z->archive));
	return 0;
}

static void inflater_free(struct stream *s)
{
	struct inflater *z = (struct inflater *)s;

	gzip_end(z);
	ZSTD_freeDStream(z->zstd);
	if (z->archive)
		archive_read_free(z->archive);
	free(z->in.data);
	free(z);
}

static int begin(struct inflater *z, enum compression kind, struct crl_err *err)
{
	switch (kind) {
	case COMPRESSION_NONE: z->s.read = plain_read; return 0;
	case COMPRESSION_GZIP:
#if HAVE_ISAL
		isal_inflate_init(&z->gz);
#endif
		z->s.read = gzip_read;
		return 0;
	case COMPRESSION_ZSTD:
		z->s.read = zstd_read;
		z->zstd = ZSTD_createDStream();
		if (!z->zstd)
			return crl_fail_oom(err);
		ZSTD_DCtx_setParameter(z->zstd, ZSTD_d_windowLogMax, ZSTD_WINDOW_LOG_MAX);
		return 0;
	case COMPRESSION_XZ:
	case COMPRESSION_BZIP2: z->s.read = archive_stage_read; return archive_begin(z, err);
	}
	return crl_fail(err, CRL_INTERNAL, "unknown compression");
}

int stream_inflate(struct stream *source, struct stream **ret, enum compression *ret_kind,
		   struct crl_err *err)
{
	struct inflater *z = calloc(1, sizeof(*z));

	if (!z)
		return crl_fail_oom(err);
	_cleanup_stream_ struct stream *guard = &z->s;
	z->s.free = inflater_free;
	z->in.source = source;
	z->in.data = malloc(IN_SIZE);
	if (!z->in.data)
		return crl_fail_oom(err);
	ssize_t n = stream_read_full(source, z->in.data, HEAD_SIZE, err);
	if (n < 0)
		return -1;
	z->in.len = (size_t)n;
	enum compression kind = compression_sniff(z->in.data, z->in.len);
	if (begin(z, kind, err) < 0)
		return -1;
	*ret = take_ptr(guard);
	if (ret_kind)
		*ret_kind = kind;
	return 0;
}
