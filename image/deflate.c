/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Compression of layers made here. gzip, since every engine reads it; fast
 * rather than small (docs/adr/0021). The header carries no time and no name.
 */
#include "deflate.h"

#include "config.h"

#if HAVE_ISAL
#include <isa-l/igzip_lib.h>
#else
#include <zlib.h>
#endif

#define OUT_SIZE (128U * 1024)

struct deflater {
	tar_sink sink;
	void *data;
#if HAVE_ISAL
	struct isal_zstream z;
	uint8_t level[ISAL_DEF_LVL1_DEFAULT];
#else
	z_stream z;
#endif
	uint8_t out[OUT_SIZE];
};

#if HAVE_ISAL
static int begin(struct deflater *d)
{
	isal_deflate_init(&d->z);
	d->z.level = 1;
	d->z.level_buf = d->level;
	d->z.level_buf_size = sizeof(d->level);
	d->z.gzip_flag = IGZIP_GZIP;
	return 0;
}

static int pump(struct deflater *d, const void *bytes, size_t len, bool end, struct crl_err *err)
{
	d->z.next_in = (uint8_t *)bytes;
	d->z.avail_in = (uint32_t)len;
	d->z.end_of_stream = end;
	do {
		d->z.next_out = d->out;
		d->z.avail_out = OUT_SIZE;
		if (isal_deflate(&d->z) != COMP_OK)
			return crl_fail(err, CRL_INTERNAL, "gzip");
		if (d->sink(d->data, d->out, OUT_SIZE - d->z.avail_out, err) < 0)
			return -1;
	} while (d->z.avail_out == 0 || (end && d->z.internal_state.state != ZSTATE_END));
	return 0;
}

static void end_state(struct deflater *d)
{
}
#else
static int begin(struct deflater *d)
{
	return deflateInit2(&d->z, 4, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) == Z_OK ? 0 : -1;
}

static int pump(struct deflater *d, const void *bytes, size_t len, bool end, struct crl_err *err)
{
	d->z.next_in = (Bytef *)bytes;
	d->z.avail_in = (uInt)len;
	do {
		d->z.next_out = d->out;
		d->z.avail_out = OUT_SIZE;
		if (deflate(&d->z, end ? Z_FINISH : Z_NO_FLUSH) == Z_STREAM_ERROR)
			return crl_fail(err, CRL_INTERNAL, "gzip");
		if (d->sink(d->data, d->out, OUT_SIZE - d->z.avail_out, err) < 0)
			return -1;
	} while (d->z.avail_out == 0);
	return 0;
}

static void end_state(struct deflater *d)
{
	deflateEnd(&d->z);
}
#endif

int deflater_new(tar_sink sink, void *data, struct deflater **ret, struct crl_err *err)
{
	struct deflater *d = calloc(1, sizeof(*d));

	if (!d || begin(d) < 0) {
		free(d);
		return crl_fail_oom(err);
	}
	d->sink = sink;
	d->data = data;
	*ret = d;
	return 0;
}

int deflater_write(struct deflater *d, const void *bytes, size_t len, struct crl_err *err)
{
	const char *p = bytes;

	while (len > 0) {
		size_t n = len < (1U << 30) ? len : 1U << 30;
		if (pump(d, p, n, false, err) < 0)
			return -1;
		p += n;
		len -= n;
	}
	return 0;
}

int deflater_finish(struct deflater *d, struct crl_err *err)
{
	return pump(d, NULL, 0, true, err);
}

void deflater_free(struct deflater *d)
{
	end_state(d);
	free(d);
}
