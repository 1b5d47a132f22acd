/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns pending bytes. It never waits and knows no limit: its users decide when enough is enough. */
#include "queue.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define QUEUE_MIN 4096U

static bool make_room(struct queue *q, size_t len)
{
	if (q->head && q->head + q->len + len > q->cap) {
		memmove(q->data, q->data + q->head, q->len);
		q->head = 0;
	}
	if (q->len + len <= q->cap)
		return true;
	size_t cap = q->cap ? q->cap : QUEUE_MIN;
	while (cap < q->len + len)
		cap *= 2;
	char *data = realloc(q->data, cap);
	if (!data)
		return false;
	q->data = data;
	q->cap = cap;
	return true;
}

bool queue_add(struct queue *q, const void *data, size_t len)
{
	if (!len)
		return true;
	if (q->head + q->len + len > q->cap && !make_room(q, len))
		return false;
	memcpy(q->data + q->head + q->len, data, len);
	q->len += len;
	return true;
}

int queue_flush(struct queue *q, int fd, bool socket, size_t *ret_taken)
{
	size_t taken = 0;
	while (q->len) {
		const char *p = q->data + q->head;
		ssize_t n = socket ? send(fd, p, q->len, MSG_NOSIGNAL | MSG_DONTWAIT)
				   : write(fd, p, q->len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno != EAGAIN)
			return -1;
		if (n < 0)
			break;
		q->head += (size_t)n;
		q->len -= (size_t)n;
		taken += (size_t)n;
	}
	if (!q->len)
		queue_free(q);
	if (ret_taken)
		*ret_taken = taken;
	return 0;
}

void queue_free(struct queue *q)
{
	free(q->data);
	*q = (struct queue){0};
}
