/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Frames of attach, exec and logs. Pure but for the stdio sink; fuzzed. */
#include <cli/demux.h>

#include <base/fd.h>
#include <string.h>

static int start_frame(struct demux *d, struct crl_err *err)
{
	if (d->head[0] > 3 || d->head[1] || d->head[2] || d->head[3])
		return crl_fail(err, CRL_IO, "unrecognized stream from the daemon");
	d->left = (uint32_t)d->head[4] << 24 | (uint32_t)d->head[5] << 16 |
		  (uint32_t)d->head[6] << 8 | d->head[7];
	return 0;
}

int demux_feed(struct demux *d, const void *data, size_t len, struct crl_err *err)
{
	const uint8_t *p = data;
	while (len) {
		if (d->have < sizeof d->head) {
			d->head[d->have++] = *p++;
			len--;
			if (d->have == sizeof d->head && start_frame(d, err) < 0)
				return -1;
		} else {
			size_t n = len < d->left ? len : d->left;
			if (n && d->sink(d->ctx, d->head[0] >= 2 ? 2 : 1, p, n, err) < 0)
				return -1;
			d->left -= (uint32_t)n;
			p += n;
			len -= n;
		}
		if (d->have == sizeof d->head && !d->left)
			d->have = 0;
	}
	return 0;
}

int demux_to_stdio(void *ctx, int stream, const void *data, size_t len, struct crl_err *err)
{
	return fd_write_all(stream, data, len, err);
}
