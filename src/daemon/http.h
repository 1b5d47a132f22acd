/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * HTTP between the sockets and the handlers: libmicrohttpd in external-epoll
 * mode inside the sd-event loop. Five kinds of answer: fixed, no body,
 * stream (headers flushed at once, body as it comes), hijack (the client's
 * socket leaves HTTP), and a late answer: a handler may return without
 * answering and answer later; the connection is suspended meanwhile.
 *
 * A request lives from the handler's call until its answer is complete or the
 * client is gone. `on_close` tells a handler that still holds it; after that
 * call the pointer is dead.
 */
#ifndef DAEMON_HTTP_H
#define DAEMON_HTTP_H

#include <base/json.h>
#include <crun-lite/err.h>
#include <sys/types.h>

struct daemon;
struct http_req;
struct http_server;

/* --- the request --- */
struct daemon *http_daemon(struct http_req *r);
const char *http_method(const struct http_req *r);
/* Negotiated API version as major*100+minor: 151, 124. Without a prefix: the newest. */
int http_api_version(const struct http_req *r);
/* The n-th '*' of the route's pattern, URL-decoded ("" never NULL). */
const char *http_arg(const struct http_req *r, size_t n);
/* Query parameter, URL-decoded; NULL when absent. */
const char *http_query(const struct http_req *r, const char *key);
/* All values of a repeated parameter; the caller frees the vector. */
char **http_query_all(const struct http_req *r, const char *key);
/* Docker's booleans: "", 0, no, false, none = false; anything else true; absent = `absent`. */
bool http_query_bool(const struct http_req *r, const char *key, bool absent);
/* Missing: `absent`. Not a number: CRL_INVALID. */
int http_query_i64(const struct http_req *r, const char *key, int64_t absent, int64_t *ret,
		   struct crl_err *err);
const char *http_header(const struct http_req *r, const char *name);
/* Whole body of a route without HTTP_STREAM_BODY (at most JSON_MAX_SIZE). */
const char *http_body(const struct http_req *r, size_t *ret_len);
/*
 * Body as JSON: checks Content-Type, parses with the limits. An empty body
 * gives CRL_INVALID unless `optional`, then *ret is zeroed and 0 returned.
 */
int http_decode_body(struct http_req *r, const struct json_table *t, bool optional, void *ret,
		     struct crl_err *err);
/* Peer's uid and pid (SO_PEERCRED); -1 and 0 for TCP. */
void http_peer(const struct http_req *r, uid_t *ret_uid, pid_t *ret_pid);

/* Private data of a handler that answers later; freed by http with `destroy` at the end of the
 * request. */
void http_set_data(struct http_req *r, void *data, void (*destroy)(void *data));
void *http_data(const struct http_req *r);
/* Called once when the client vanished before the answer was complete. */
void http_on_close(struct http_req *r, void (*cb)(struct http_req *r, void *data));

/* --- answers: exactly one of these per request --- */
void http_reply(struct http_req *r, int status, const char *content_type, const void *body,
		size_t len); /* body is copied */
void http_reply_json(struct http_req *r, int status,
		     cJSON *tree); /* takes the tree; NULL = out of memory, 500 */
void http_reply_text(struct http_req *r, int status,
		     char *json); /* takes a JSON text made by json_encode(); NULL = 500 */
void http_reply_empty(struct http_req *r, int status); /* 200 without body, 204, 304 */
void http_reply_error(struct http_req *r,
		      const struct crl_err *err); /* {"message":...} with crl_code_http() */
void http_reply_message(struct http_req *r, int status, const char *fmt, ...)
	__attribute__((format(printf, 3, 4))); /* {"message":...} */
void http_add_header(struct http_req *r, const char *name,
		     const char *value); /* before answering */

/*
 * Stream: status and headers leave at once. http_write() never blocks: it
 * queues; when more than 1 MiB waits it returns false and what was given is
 * dropped, unless `on_drain` is set: then it always queues, and the producer
 * is expected to pause after false until on_drain is called.
 */
void http_stream(struct http_req *r, int status, const char *content_type);
bool http_write(struct http_req *r, const void *data, size_t len);
void http_stream_on_drain(struct http_req *r, void (*cb)(struct http_req *r, void *data));
void http_stream_end(
	struct http_req *r); /* flushes, then ends the body; r is dead for the caller */
/* Drops the connection in the middle, so that the client sees that the body is not whole. */
void http_stream_abort(struct http_req *r);

/*
 * Hijack: answers 101 UPGRADED, or 200 when the client sent no Upgrade header,
 * and calls `done` with the client's socket itself (non-blocking; now owned by
 * the callee, HTTP has no copy of it) and the bytes that came behind the
 * request. When the client is gone before that: on_close instead of `done`.
 */
void http_hijack(struct http_req *r, const char *content_type,
		 void (*done)(struct http_req *r, int fd, const void *early, size_t early_len,
			      void *data),
		 void *data);

/* The same with the handshake's answer of a WebSocket; websocket.h is what handlers use. */
void http_hijack_websocket(struct http_req *r, const char *accept,
			   void (*done)(struct http_req *r, int fd, const void *early,
					size_t early_len, void *data),
			   void *data);

/* --- streamed request bodies (routes with HTTP_STREAM_BODY: build, load, import) ---
 * The handler is called when the headers are there, and names a pipe: bytes go
 * there with back-pressure. `done` is called at the end (ok) or when the client
 * vanished or the reader closed (not ok); the pipe's end is closed by then.
 */
void http_body_to_fd(struct http_req *r, int fd /* taken */,
		     void (*done)(struct http_req *r, bool ok, void *data));

/* --- the server (main.c) --- */
/* The server without a socket yet; its requests come from d->event. */
int http_server_new(struct daemon *d, struct http_server **ret, struct crl_err *err);
/*
 * Listens on one of d->config.hosts: "unix:///path" (mode 0660, group d->config.group; the socket
 * of a dead daemon is replaced, that of a living one is CRL_CONFLICT) or "fd://", "fd://N",
 * "fd://NAME" (sd_listen_fds(3)), or "tcp://ADDRESS:PORT" behind a TLS front.
 */
int http_server_listen(struct http_server *s, const char *host, struct crl_err *err);
/* Serves GET /metrics, and nothing else, on ADDRESS:PORT. */
int http_server_listen_metrics(struct http_server *s, const char *address, struct crl_err *err);
size_t http_server_connections(const struct http_server *s);
/* TLS fronts with the key files as they are now; called after SIGHUP. */
void http_server_renew_keys(struct http_server *s);
/* Drops every connection, tells waiting handlers (on_close), removes the sockets it made. */
void http_server_free(struct http_server *s);

/* --- routes --- */
enum http_route_flag {
	HTTP_STREAM_BODY = 1 << 0,
	HTTP_READS =
		1 << 1, /* changes nothing, though its method is not GET: not in the audit log */
};
typedef void (*http_handler)(struct http_req *r);
struct http_route {
	const char *method;  /* "GET"; HEAD is served by GET routes unless a HEAD row exists */
	const char *pattern; /* "/containers/<star>/json"; a star matches one or more path parts, as
				few as possible before the rest matches */
	int min_version;     /* 124 */
	http_handler handler;
	unsigned flags;
	const char *summary; /* for --print-routes */
};
/* The table: src/daemon/routes.c. Handlers are named api_<area>_<verb>. */
extern const struct http_route http_routes[];
extern const size_t http_n_routes;

#endif
