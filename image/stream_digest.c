/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The stage that counts and digests what passes; apart from the others, so that who needs no
 * digests needs no nettle (which uses the processor's instructions for SHA-256).
 */
#include "stream.h"

#include <base/fd.h>
#include <base/ident.h>

#include <string.h>

static ssize_t digest_read(struct stream *s, void *buf, size_t len, struct crl_err *err)
{
	struct stream_digest *d = (struct stream_digest *)s;
	ssize_t n = d->source->read(d->source, buf, len, err);

	if (n <= 0)
		return n;
	d->count += n;
	if (d->count > d->limit)
		return crl_fail(err, CRL_LIMIT, "more than %lld bytes", (long long)d->limit);
	if (d->ratio_base && d->count > STREAM_RATIO_FREE &&
	    d->count / STREAM_RATIO_MAX > *d->ratio_base)
		return crl_fail(err, CRL_LIMIT, "inflates to more than %d times its size",
				STREAM_RATIO_MAX);
	sha256_update(&d->sha, (size_t)n, buf);
	if (d->copy_fd >= 0 && fd_write_all(d->copy_fd, buf, (size_t)n, err) < 0)
		return -1;
	return n;
}

void stream_digest_init(struct stream_digest *d, struct stream *source, int64_t limit, int copy_fd)
{
	*d = (struct stream_digest){
		.s = {.read = digest_read}, .source = source, .limit = limit, .copy_fd = copy_fd};
	sha256_init(&d->sha);
}

void stream_digest_final(struct stream_digest *d, char ret_digest[80])
{
	uint8_t sum[SHA256_DIGEST_SIZE];

	sha256_digest(&d->sha, sizeof(sum), sum);
	memcpy(ret_digest, "sha256:", 7);
	ident_hex(sum, sizeof(sum), ret_digest + 7);
}
