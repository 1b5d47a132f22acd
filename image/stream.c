/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The simple stages: descriptors, memory. May not know formats. See read(2). */
#include "stream.h"

#include <errno.h>
#include <string.h>

void stream_free(struct stream *s)
{
	if (s && s->free)
		s->free(s);
}

ssize_t stream_read(struct stream *s, void *buf, size_t len, struct crl_err *err)
{
	return s->read(s, buf, len, err);
}

ssize_t stream_read_full(struct stream *s, void *buf, size_t len, struct crl_err *err)
{
	size_t got = 0;

	while (got < len) {
		ssize_t n = s->read(s, (char *)buf + got, len - got, err);
		if (n < 0)
			return -1;
		if (n == 0)
			break;
		got += (size_t)n;
	}
	return (ssize_t)got;
}

int stream_drain(struct stream *s, struct crl_err *err)
{
	char buf[65536];
	ssize_t n;

	while ((n = s->read(s, buf, sizeof(buf), err)) > 0)
		;
	return n < 0 ? -1 : 0;
}

struct fd_stream {
	struct stream s;
	int fd;
};

static void free_plain(struct stream *s)
{
	free(s);
}

static ssize_t fd_stream_read(struct stream *s, void *buf, size_t len, struct crl_err *err)
{
	struct fd_stream *f = (struct fd_stream *)s;
	ssize_t n;

	do
		n = read(f->fd, buf, len);
	while (n < 0 && errno == EINTR);
	return n < 0 ? crl_fail_sys(err, errno, "read") : n;
}

struct stream *stream_from_fd(int fd)
{
	struct fd_stream *f = calloc(1, sizeof(*f));

	if (!f)
		return NULL;
	f->s.read = fd_stream_read;
	f->s.free = free_plain;
	f->fd = fd;
	return &f->s;
}

struct memory_stream {
	struct stream s;
	const char *data;
	size_t left;
};

static ssize_t memory_read(struct stream *s, void *buf, size_t len, struct crl_err *err)
{
	struct memory_stream *m = (struct memory_stream *)s;
	size_t n = len < m->left ? len : m->left;

	memcpy(buf, m->data, n);
	m->data += n;
	m->left -= n;
	return (ssize_t)n;
}

struct stream *stream_from_memory(const void *data, size_t len)
{
	struct memory_stream *m = calloc(1, sizeof(*m));

	if (!m)
		return NULL;
	m->s.read = memory_read;
	m->s.free = free_plain;
	m->data = data;
	m->left = len;
	return &m->s;
}
