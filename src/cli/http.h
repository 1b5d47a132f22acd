/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A small HTTP/1.1 client (RFC 9112): unix sockets and TCP, keep-alive,
 * chunked bodies in both directions, protocol upgrade. Blocking; one request
 * at a time per connection. What a server sends is bounded: see the limits.
 */
#ifndef CLI_HTTP_H
#define CLI_HTTP_H

#include <base/str.h>

#define HTTP_MAX_HEAD (64U * 1024)

enum http_framing {
	HTTP_BODY_NONE,    /* 1xx, 204, 304, answers to HEAD */
	HTTP_BODY_LENGTH,  /* Content-Length */
	HTTP_BODY_CHUNKED, /* Transfer-Encoding: chunked */
	HTTP_BODY_CLOSE,   /* until the connection ends */
};

struct http_response {
	int status;
	enum http_framing framing;
	uint64_t remaining; /* LENGTH: bytes to come; CHUNKED: rest of this chunk */
	bool first_chunk, done;
	bool keep_alive;
	char api_version[16];
	char content_type[64];
	char *path_stat; /* X-Docker-Container-Path-Stat, or NULL */
};

struct http_conn {
	int fd;        /* -1 = not connected */
	struct buf in; /* received and not yet consumed */
	size_t at;     /* first unconsumed byte of `in` */
};
#define HTTP_CONN_INIT                                                                             \
	{                                                                                          \
		.fd = -1                                                                           \
	}

/*
 * Parses a response head up to and including the empty line. Returns the
 * number of bytes it took, 0 when more are needed, -1 on a malformed head.
 * Pure: the fuzz target runs it on anything. `head` = the request was HEAD.
 * The caller frees with http_response_free().
 */
ssize_t http_parse_head(const char *data, size_t len, bool head, struct http_response *ret,
			struct crl_err *err);
void http_response_free(struct http_response *r);
#define _cleanup_response_ _cleanup_(http_response_free)

/* A kept connection that the other side has closed meanwhile. Does not block. */
bool http_is_stale(const struct http_conn *c);
/* `host`: unix://PATH, tcp://NAME:PORT or http://NAME:PORT. */
int http_connect(const char *host, struct http_conn *ret, struct crl_err *err);
void http_close(struct http_conn *c);
#define _cleanup_conn_ _cleanup_(http_close)

struct http_request {
	const char *method, *path;
	const char *content_type; /* NULL = none */
	const char *headers;      /* further lines, each with CRLF, or NULL */
	const char *body;         /* NULL = no body */
	size_t body_len;
	bool chunked; /* body follows by http_write_chunk() */
	bool upgrade; /* ask for a raw stream */
};

/* Sends the request head and its body in one write. */
int http_send(struct http_conn *c, const struct http_request *r, struct crl_err *err);
int http_write_chunk(struct http_conn *c, const void *data, size_t len, struct crl_err *err);
int http_end_chunks(struct http_conn *c, struct crl_err *err);

/* Waits for the response head. The server's close before any byte is CRL_IO. */
int http_read_head(struct http_conn *c, bool head, struct http_response *ret, struct crl_err *err);

/*
 * Up to `size` bytes of the body: what is there, or waits for some.
 * Returns the count, 0 at the end of the body, -1 on error (also when the
 * connection ends inside the body).
 */
ssize_t http_read(struct http_conn *c, struct http_response *r, void *to, size_t size,
		  struct crl_err *err);
/* The rest of the body, NUL-terminated; more than `limit` bytes is CRL_LIMIT. */
int http_read_all(struct http_conn *c, struct http_response *r, size_t limit, char **ret,
		  size_t *ret_len, struct crl_err *err);

/* After an upgrade: bytes that came along with the head, then the socket's. 0 = end. */
ssize_t http_raw_read(struct http_conn *c, void *to, size_t size);
/* True when http_raw_read() would not wait for the socket. */
bool http_has_buffered(const struct http_conn *c);

/* Percent-encodes `s` for a query value or one path segment. */
void http_escape(struct buf *out, const char *s);
/* The same, but slashes and colons stay (image names in paths). */
void http_escape_path(struct buf *out, const char *s);

#endif
