/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Bytes on their way to a descriptor that cannot take them yet. Holds memory only while there are
 * some. */
#ifndef MONITOR_QUEUE_H
#define MONITOR_QUEUE_H

#include <stdbool.h>
#include <stddef.h>

struct queue {
	char *data;
	size_t head, len, cap; /* the bytes are data[head .. head+len-1] */
};

/* false = no memory; the queue is unchanged. */
bool queue_add(struct queue *q, const void *data, size_t len);
/*
 * Writes as much as the non-blocking `fd` takes. Returns 0 (also when
 * something is left) or -1 with errno when the descriptor is broken.
 * `socket`: send(2) with MSG_NOSIGNAL instead of write(2). *ret_taken counts the bytes written.
 */
int queue_flush(struct queue *q, int fd, bool socket, size_t *ret_taken);
void queue_free(struct queue *q);

#endif
