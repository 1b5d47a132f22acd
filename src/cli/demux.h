/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Docker's multiplexed streams: frames of {stream, 0, 0, 0, length (big endian)} and payload. */
#ifndef CLI_DEMUX_H
#define CLI_DEMUX_H

#include <crun-lite/err.h>
#include <stdint.h>

/* Gets a piece of the payload: stream 1 = stdout, 2 = stderr. */
typedef int (*demux_sink)(void *ctx, int stream, const void *data, size_t len, struct crl_err *err);

struct demux {
	uint8_t head[8];
	size_t have;   /* bytes of `head` */
	uint32_t left; /* payload to come */
	demux_sink sink;
	void *ctx;
};

/* Feeds any piece of the stream. Unknown stream numbers are CRL_IO. Stream 3 (an error text of the
 * daemon) goes to stream 2. */
int demux_feed(struct demux *d, const void *data, size_t len, struct crl_err *err);

/* The usual sink: writes to descriptors 1 and 2 at once. */
int demux_to_stdio(void *ctx, int stream, const void *data, size_t len, struct crl_err *err);

#endif
