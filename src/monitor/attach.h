/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One client on a process' standard streams, over the socket of its HTTP
 * request. The rules for end of file, detach keys and framing are Docker's.
 */
#ifndef MONITOR_ATTACH_H
#define MONITOR_ATTACH_H

#include <crun-lite/monitor_proto.h>

#include <base/keys.h>
#include "streams.h"

#define ATTACH_QUEUE_MAX (1024U * 1024) /* bytes kept for a client before the process is paused */
#define ATTACH_QUEUE_LOW (ATTACH_QUEUE_MAX / 2)
#define ATTACH_STALL_NS (3 * NS_PER_SEC)
#define ATTACH_STALL_MIN 16384U /* taking less than this in that time counts as not reading */

struct attach {
	struct loop_source source;
	struct streams *io;
	struct attach *next;
	struct queue out;
	struct keys keys;
	struct loop_timer stall;
	size_t taken; /* since `stall` was armed */
	bool want_in, want_out[2], framed;
	bool full;       /* above the limit: the process is paused for it */
	bool input_done; /* its end of file was seen */
	bool finishing;  /* nothing more is added; closes when `out` is empty */
	bool dead;       /* closed; freed by the sweep */
};

/* Adds a client; takes `fd`, also on failure. Its early input is delivered at once. */
int attach_add(struct streams *io, int fd, const struct mon_attach *spec, struct crl_err *err);

/* Output of stream 1 or 2 for this client, if it wants it. */
void attach_output(struct attach *a, int stream, const void *data, size_t len);

/* Flush, then close. */
void attach_finish(struct attach *a);

/* Recomputes what is watched. */
void attach_update(struct attach *a);

/* Closes at once and frees. Not from within its own events. */
void attach_free(struct attach *a);

#endif
