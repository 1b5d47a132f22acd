/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * HTTP/1.1 client. Owns connections and the framing of messages; knows no
 * route of the API. See RFC 9112, unix(7), tcp(7).
 */
#include <cli/http.h>
#include <cli/http_tls.h>

#include <base/fd.h>
#include <ctype.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>

/* ---- connections ---- */

static int connect_unix(const char *path, int *ret_fd, struct crl_err *err)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	if (strlen(path) >= sizeof a.sun_path)
		return crl_fail(err, CRL_INVALID, "socket path is longer than %zu bytes: %s",
				sizeof a.sun_path - 1, path);
	memcpy(a.sun_path, path, strlen(path) + 1);
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return crl_fail_sys(err, errno, "socket");
	if (connect(fd, (struct sockaddr *)&a, sizeof a) < 0)
		return crl_fail_sys(err, errno,
				    "Cannot connect to the crun-lite daemon at unix://%s. Is "
				    "crun-lited running?",
				    path);
	*ret_fd = take_fd(&fd);
	return 0;
}

static int connect_first(struct addrinfo *list, const char *host, int *ret_fd, struct crl_err *err)
{
	int last = ENOENT;
	for (struct addrinfo *a = list; a; a = a->ai_next) {
		_cleanup_close_ int fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
		if (fd >= 0 && connect(fd, a->ai_addr, a->ai_addrlen) == 0) {
			int one = 1;
			(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
			*ret_fd = take_fd(&fd);
			return 0;
		}
		last = errno;
	}
	return crl_fail_sys(err, last,
			    "Cannot connect to the crun-lite daemon at tcp://%s. Is it running?",
			    host);
}

/* NAME:PORT or [v6]:PORT; docker's port without TLS is 2375. */
static int connect_tcp(const char *host, int *ret_fd, struct crl_err *err)
{
	_cleanup_free_ char *copy = strdup(host);
	if (!copy)
		return crl_fail_oom(err);
	copy[strcspn(copy, "/")] = 0;
	char *name = copy, *port = strrchr(copy, ':');
	if (*name == '[') {
		char *end = strchr(++name, ']');
		if (!end)
			return crl_fail(err, CRL_INVALID, "invalid host address: tcp://%s", host);
		*end = 0;
		port = end[1] == ':' ? end + 1 : NULL;
	} else if (port) {
		*port = 0;
	}
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *list = NULL;
	int r = getaddrinfo(*name ? name : "localhost", port ? port + 1 : "2375", &hints, &list);
	if (r)
		return crl_fail(err, CRL_IO, "resolve tcp://%s: %s", host, gai_strerror(r));
	r = connect_first(list, host, ret_fd, err);
	freeaddrinfo(list);
	return r;
}

int http_connect(const char *host, struct http_conn *ret, struct crl_err *err)
{
	int fd, r;
	if (str_starts(host, "unix://"))
		r = connect_unix(host + 7, &fd, err);
	else if (str_starts(host, "tcp://") && http_tls_wanted())
		r = http_tls_connect(host + 6, &fd, err);
	else if (str_starts(host, "tcp://"))
		r = connect_tcp(host + 6, &fd, err);
	else if (str_starts(host, "http://"))
		r = connect_tcp(host + 7, &fd, err);
	else if (host[0] == '/')
		r = connect_unix(host, &fd, err);
	else
		return crl_fail(err, CRL_INVALID,
				"unable to parse docker host `%s`: use unix:// or tcp://", host);
	if (r < 0)
		return -1;
	*ret = (struct http_conn){.fd = fd};
	return 0;
}

bool http_is_stale(const struct http_conn *c)
{
	char byte;
	return c->fd >= 0 && recv(c->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

void http_close(struct http_conn *c)
{
	cleanup_close_p(&c->fd);
	c->fd = -1;
	buf_free(&c->in);
	c->at = 0;
}

/* ---- sending ---- */

int http_send(struct http_conn *c, const struct http_request *r, struct crl_err *err)
{
	_cleanup_buf_ struct buf b = BUF_INIT;
	buf_printf(&b, "%s %s HTTP/1.1\r\nHost: localhost\r\nUser-Agent: crun-lite\r\n", r->method,
		   r->path);
	if (r->content_type)
		buf_printf(&b, "Content-Type: %s\r\n", r->content_type);
	if (r->upgrade)
		buf_puts(&b, "Connection: Upgrade\r\nUpgrade: tcp\r\n");
	if (r->headers)
		buf_puts(&b, r->headers);
	if (r->chunked)
		buf_puts(&b, "Transfer-Encoding: chunked\r\n");
	else if (r->body || str_eq(r->method, "POST") || str_eq(r->method, "PUT"))
		buf_printf(&b, "Content-Length: %zu\r\n", r->body ? r->body_len : 0);
	buf_puts(&b, "\r\n");
	if (r->body)
		buf_add(&b, r->body, r->body_len);
	if (b.failed)
		return crl_fail_oom(err);
	if (fd_write_all(c->fd, b.data, b.len, err) < 0)
		return crl_context(err, "send %s %s", r->method, r->path);
	return 0;
}

int http_write_chunk(struct http_conn *c, const void *data, size_t len, struct crl_err *err)
{
	char head[24];
	if (!len)
		return 0;
	int n = snprintf(head, sizeof head, "%zx\r\n", len);
	if (fd_write_all(c->fd, head, (size_t)n, err) < 0 ||
	    fd_write_all(c->fd, data, len, err) < 0 || fd_write_all(c->fd, "\r\n", 2, err) < 0)
		return crl_context(err, "send body");
	return 0;
}

int http_end_chunks(struct http_conn *c, struct crl_err *err)
{
	if (fd_write_all(c->fd, "0\r\n\r\n", 5, err) < 0)
		return crl_context(err, "send body");
	return 0;
}

/* ---- receiving ---- */

bool http_has_buffered(const struct http_conn *c)
{
	return c->in.len > c->at;
}

/* One read(2) into the buffer. Returns the count, 0 at the end, -1 on error. */
static ssize_t fill(struct http_conn *c, struct crl_err *err)
{
	char tmp[16384];
	ssize_t n;
	if (c->at == c->in.len)
		c->in.len = c->at = 0;
	do
		n = read(c->fd, tmp, sizeof tmp);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return crl_fail_sys(err, errno, "read from the daemon");
	buf_add(&c->in, tmp, (size_t)n);
	return c->in.failed ? crl_fail_oom(err) : n;
}

int http_read_head(struct http_conn *c, bool head, struct http_response *ret, struct crl_err *err)
{
	for (;;) {
		struct http_response r = {0};
		if (http_has_buffered(c)) {
			ssize_t n = http_parse_head(c->in.data + c->at, c->in.len - c->at, head, &r,
						    err);
			if (n < 0)
				return -1;
			if (n > 0) {
				c->at += (size_t)n;
				/* 100 Continue and the like precede the real answer. */
				if (r.status >= 100 && r.status < 200 && r.status != 101) {
					http_response_free(&r);
					continue;
				}
				*ret = r;
				return 0;
			}
		}
		ssize_t got = fill(c, err);
		if (got < 0)
			return -1;
		if (got == 0)
			return crl_fail(err, CRL_IO,
					"the daemon closed the connection without an answer");
	}
}

/* Reads the "\r\n" after a chunk and the size line of the next one. */
static int next_chunk(struct http_conn *c, struct http_response *r, struct crl_err *err)
{
	for (;;) {
		const char *p = c->in.data ? c->in.data + c->at : "", *start = p;
		size_t len = c->in.len - c->at;
		if (!r->first_chunk && len >= 2) {
			if (p[0] != '\r' || p[1] != '\n')
				return crl_fail(err, CRL_IO, "malformed chunk from the daemon");
			start += 2;
			len -= 2;
		}
		const char *nl = (r->first_chunk || start != p) ? memchr(start, '\n', len) : NULL;
		if (nl) {
			size_t digits = strspn(start, "0123456789abcdefABCDEF");
			if (!digits || digits > 15 || !strchr("\r\n;", start[digits]))
				return crl_fail(err, CRL_IO,
						"malformed chunk size from the daemon");
			r->remaining = strtoull(start, NULL, 16);
			c->at += (size_t)(nl + 1 - p);
			r->first_chunk = false;
			return 0;
		}
		if (len > 64)
			return crl_fail(err, CRL_IO, "chunk size line is too long");
		ssize_t got = fill(c, err);
		if (got < 0)
			return -1;
		if (got == 0)
			return crl_fail(err, CRL_IO, "the daemon closed the connection early");
	}
}

/* Skips the trailer section up to its empty line, so that the connection can be used again. */
static int skip_trailers(struct http_conn *c, struct crl_err *err)
{
	size_t line = 0, total = 0;
	for (;;) {
		while (http_has_buffered(c)) {
			char ch = c->in.data[c->at++];
			if (ch == '\n' && line == 0)
				return 0;
			line = ch == '\n' ? 0 : line + (ch != '\r');
			if (++total > HTTP_MAX_HEAD)
				return crl_fail(err, CRL_IO, "trailers are too long");
		}
		ssize_t got = fill(c, err);
		if (got < 0)
			return -1;
		if (got == 0)
			return crl_fail(err, CRL_IO, "the daemon closed the connection early");
	}
}

static ssize_t read_some(struct http_conn *c, void *to, size_t size, struct crl_err *err)
{
	if (!http_has_buffered(c)) {
		ssize_t got = fill(c, err);
		if (got <= 0)
			return got;
	}
	size_t n = c->in.len - c->at;
	if (n > size)
		n = size;
	memcpy(to, c->in.data + c->at, n);
	c->at += n;
	return (ssize_t)n;
}

static int body_ended(struct http_conn *c, struct http_response *r, struct crl_err *err)
{
	if (r->done)
		return 1;
	if (r->framing == HTTP_BODY_CHUNKED && !r->remaining) {
		if (next_chunk(c, r, err) < 0)
			return -1;
		if (!r->remaining) {
			if (skip_trailers(c, err) < 0)
				return -1;
			r->done = true;
		}
	} else if (r->framing == HTTP_BODY_NONE ||
		   (r->framing == HTTP_BODY_LENGTH && !r->remaining)) {
		r->done = true;
	}
	return r->done;
}

ssize_t http_read(struct http_conn *c, struct http_response *r, void *to, size_t size,
		  struct crl_err *err)
{
	int ended = body_ended(c, r, err);
	if (ended)
		return ended < 0 ? -1 : 0;
	if (r->framing != HTTP_BODY_CLOSE && size > r->remaining)
		size = (size_t)r->remaining;
	ssize_t n = read_some(c, to, size, err);
	if (n < 0)
		return -1;
	if (r->framing == HTTP_BODY_CLOSE) {
		r->done = n == 0;
		return n;
	}
	if (n == 0)
		return crl_fail(err, CRL_IO, "the daemon closed the connection early");
	r->remaining -= (uint64_t)n;
	return n;
}

int http_read_all(struct http_conn *c, struct http_response *r, size_t limit, char **ret,
		  size_t *ret_len, struct crl_err *err)
{
	_cleanup_buf_ struct buf b = BUF_INIT;
	char tmp[16384];
	for (;;) {
		ssize_t n = http_read(c, r, tmp, sizeof tmp, err);
		if (n < 0)
			return -1;
		if (n == 0)
			break;
		if (b.len + (size_t)n > limit)
			return crl_fail(err, CRL_LIMIT, "the daemon's answer exceeds %zu bytes",
					limit);
		buf_add(&b, tmp, (size_t)n);
	}
	size_t len = b.len;
	char *text = buf_take(&b);
	if (!text)
		return crl_fail_oom(err);
	*ret = text;
	*ret_len = len;
	return 0;
}

ssize_t http_raw_read(struct http_conn *c, void *to, size_t size)
{
	return read_some(c, to, size, NULL);
}

/* ---- escaping ---- */

static void escape(struct buf *out, const char *s, const char *keep)
{
	for (; *s; s++) {
		unsigned char ch = (unsigned char)*s;
		if (isalnum(ch) || strchr("-_.~", ch) || strchr(keep, ch))
			buf_putc(out, *s);
		else
			buf_printf(out, "%%%02X", ch);
	}
}

void http_escape(struct buf *out, const char *s)
{
	escape(out, s, "");
}

void http_escape_path(struct buf *out, const char *s)
{
	escape(out, s, "/:@");
}
