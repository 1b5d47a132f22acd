// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The life of one request between libmicrohttpd and its handler, and what a
 * handler may ask about it. MHD calls http_on_request() with the headers, then
 * with pieces of the body, then once more at its end, and again after every
 * http_resume(); a request without an answer is suspended, and its socket is
 * watched for the client's end meanwhile.
 */
#include "http_internal.h"
#include "metrics.h"

#include <base/log.h>
#include <strings.h>
#include <sys/epoll.h>

static struct http_req *req_new(struct http_server *s, struct MHD_Connection *conn, const char *url)
{
	size_t len = strnlen(url, HTTP_PATH_MAX);
	struct http_req *r = calloc(1, sizeof(*r) + len + 1);

	if (!r)
		return NULL;
	memcpy(r->path, url, len);
	r->server = s;
	r->conn = conn;
	r->peer = MHD_get_connection_info(conn, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
	r->sink_fd = r->hijack_fd = r->hijack_far = -1;
	r->next = s->reqs;
	if (r->next)
		r->next->prev = r;
	s->reqs = r;
	r->peer->busy = true;
	r->peer->req = r;
	r->began = r->moved = time_boot_ns();
	return r;
}

static void req_free(struct http_req *r)
{
	if (r->prev)
		r->prev->next = r->next;
	else
		r->server->reqs = r->next;
	if (r->next)
		r->next->prev = r->prev;
	sd_event_source_disable_unref(r->watch);
	if (r->destroy)
		r->destroy(r->data);
	if (r->response)
		MHD_destroy_response(r->response);
	http_hijack_cleanup(r);
	strmap_free(&r->headers);
	buf_free(&r->body);
	buf_free(&r->out);
	free(r);
}

/* --- suspending --- */

static int on_hangup(sd_event_source *source, int fd, uint32_t events, void *data)
{
	http_abort(data);
	return 0;
}

static void watch_client(struct http_req *r)
{
	/*
	 * On a unix socket a full close is a hang-up, and a mere shutdown of the client's
	 * sending side is not: such a client still gets its answer. TCP cannot tell them apart.
	 */
	uint32_t events = EPOLLHUP | EPOLLERR | (r->peer->is_unix ? 0U : (uint32_t)EPOLLRDHUP);

	if (r->watch)
		return;
	if (sd_event_add_io(r->server->daemon->event, &r->watch, r->peer->fd, events, on_hangup,
			    r) < 0)
		r->watch = NULL;
}

void http_suspend(struct http_req *r)
{
	if (r->suspended)
		return;
	r->suspended = true;
	MHD_suspend_connection(r->conn);
	if (!r->swapped)
		watch_client(r);
}

void http_resume(struct http_req *r)
{
	if (!r->suspended)
		return;
	r->suspended = false;
	MHD_resume_connection(r->conn);
	/* MHD has no wake-up of its own without threads: it looks when it runs. */
	(void)sd_event_source_set_enabled(r->server->again, SD_EVENT_ONESHOT);
}

static bool handler_waits(const struct http_req *r)
{
	return r->called && (!r->answered || (r->stream && !r->ended) || r->hijack_done);
}

/* The handler hears of the lost client once, and only when it still owes something. */
static void tell_gone(struct http_req *r)
{
	bool waits = handler_waits(r);

	if (r->gone)
		return;
	r->gone = true;
	r->hijack_done = NULL;
	http_sink_close(r, false);
	if (waits && r->on_close)
		r->on_close(r, r->data);
	r->on_close = NULL;
	r->on_drain = NULL;
}

void http_abort(struct http_req *r)
{
	r->watch = sd_event_source_disable_unref(r->watch);
	tell_gone(r);
	http_resume(r);
}

void http_on_completed(void *cls, struct MHD_Connection *conn, void **con_cls,
		       enum MHD_RequestTerminationCode why)
{
	struct http_req *r = *con_cls;

	if (!r)
		return;
	*con_cls = NULL;
	r->peer->busy = false;
	r->peer->req = NULL;
	r->peer->idle_since = time_boot_ns();
	tell_gone(r);
	req_free(r);
}

/* --- from headers to handler --- */

static bool body_announced_too_large(struct MHD_Connection *conn)
{
	const char *text =
		MHD_lookup_connection_value(conn, MHD_HEADER_KIND, MHD_HTTP_HEADER_CONTENT_LENGTH);
	uint64_t len;

	return text && (!str_to_u64(text, &len) || len > JSON_MAX_SIZE);
}

static void reply_too_large(struct http_req *r)
{
	r->discard = true;
	buf_free(&r->body);
	http_reply_message(r, crl_code_http(CRL_LIMIT), "request body exceeds %u bytes",
			   JSON_MAX_SIZE);
}

static void call_handler(struct http_req *r)
{
	r->called = true;
	http_audit(r);
	r->match.route->handler(r);
}

static enum MHD_Result count_framing(void *cls, enum MHD_ValueKind kind, const char *key,
				     const char *value)
{
	unsigned *n = cls;

	*n += strcasecmp(key, MHD_HTTP_HEADER_CONTENT_LENGTH) == 0 ||
	      strcasecmp(key, MHD_HTTP_HEADER_TRANSFER_ENCODING) == 0;
	return MHD_YES;
}

/*
 * Where a body ends is said once. Two answers to that are how a second request is hidden in the
 * body of a first one, behind a proxy that believes the other answer (RFC 9112, 6.3).
 */
static bool framing_is_clear(struct MHD_Connection *conn)
{
	const char *coding = MHD_lookup_connection_value(conn, MHD_HEADER_KIND,
							 MHD_HTTP_HEADER_TRANSFER_ENCODING);
	unsigned n = 0;

	(void)MHD_get_connection_values(conn, MHD_HEADER_KIND, count_framing, &n);
	return n <= 1 && (!coding || strcasecmp(coding, "chunked") == 0);
}

static enum MHD_Result refuse_framing(struct http_req *r)
{
	r->discard = true;
	http_reply_message(r, 400,
			   "the length of the body must be given once: by Content-Length "
			   "or by Transfer-Encoding: chunked");
	/* What follows cannot be told apart from a further request. */
	(void)MHD_add_response_header(r->response, MHD_HTTP_HEADER_CONNECTION, "close");
	return MHD_queue_response(r->conn, (unsigned)r->status, r->response);
}

static bool has_body(struct MHD_Connection *conn)
{
	unsigned n = 0;

	(void)MHD_get_connection_values(conn, MHD_HEADER_KIND, count_framing, &n);
	return n > 0;
}

static int find_route(struct http_req *r, const char *method, struct crl_err *err)
{
	static const struct http_route metrics[] = {
		{"GET", "/metrics", API_VERSION_MIN, api_metrics, 0, "Prometheus metrics"}};

	if (r->peer->metrics)
		return http_route_find(metrics, ARRAY_SIZE(metrics), method, r->path, &r->match,
				       err);
	return http_route_find(http_routes, http_n_routes, method, r->path, &r->match, err);
}

/* With the headers: finds the route. Answers that need no body are made here, sent at its end. */
static enum MHD_Result req_begin(struct http_req *r, const char *method, size_t path_len)
{
	struct crl_err err = CRL_ERR_INIT;
	bool streams;

	if (!framing_is_clear(r->conn))
		return refuse_framing(r);
	if (path_len > HTTP_PATH_MAX) {
		r->discard = true;
		http_reply_message(r, 414, "the path of the request is longer than %d bytes",
				   HTTP_PATH_MAX);
		return MHD_YES;
	}
	if (find_route(r, method, &err) < 0) {
		r->discard = true;
		r->match.version = API_VERSION_MAX;
		http_reply_error(r, &err);
		return MHD_YES;
	}
	r->method = r->match.route->method;
	if (http_check_access(r, &err) < 0) {
		r->discard = true;
		http_reply_error(r, &err);
		return MHD_YES;
	}
	streams = r->match.route->flags & HTTP_STREAM_BODY;
	if (!streams && body_announced_too_large(r->conn)) {
		reply_too_large(r);
		return MHD_queue_response(r->conn, (unsigned)r->status, r->response);
	}
	if (streams)
		call_handler(r);
	else if (has_body(r->conn))
		http_check_soon(r->server);
	return MHD_YES;
}

static enum MHD_Result req_body(struct http_req *r, const char *data, size_t *size)
{
	bool streams = !r->discard && r->match.route->flags & HTTP_STREAM_BODY;

	r->moved = time_boot_ns();
	if (r->discard || (r->answered && r->sink_fd < 0)) {
		*size = 0;
	} else if (r->sink_fd >= 0) {
		http_sink_feed(r, data, size);
	} else if (streams && r->sink_done) { /* the reader went away */
		*size = 0;
	} else if (streams) { /* the handler has not named the pipe yet */
		http_suspend(r);
	} else if (r->body.len + *size > JSON_MAX_SIZE) {
		reply_too_large(r);
		*size = 0;
	} else {
		buf_add(&r->body, data, *size);
		*size = 0;
	}
	return MHD_YES;
}

static enum MHD_Result queue_answer(struct http_req *r)
{
	if (r->hijack)
		return http_hijack_queue(r);
	if (r->close_now || !r->response)
		return MHD_NO;
	return MHD_queue_response(r->conn, (unsigned)r->status, r->response);
}

static enum MHD_Result req_end(struct http_req *r)
{
	if (!r->body_end) {
		r->body_end = true;
		if (r->sink_fd >= 0)
			http_sink_close(r, true);
		if (r->body.failed)
			http_reply_message(r, 503, "out of memory");
		else if (!r->called && !r->answered)
			call_handler(r);
	}
	if (r->answered)
		return queue_answer(r);
	http_suspend(r);
	return MHD_YES;
}

enum MHD_Result http_on_request(void *cls, struct MHD_Connection *conn, const char *url,
				const char *method, const char *version, const char *upload_data,
				size_t *upload_data_size, void **con_cls)
{
	struct http_req *r = *con_cls;

	if (!r) {
		r = req_new(cls, conn, url);
		if (!r)
			return MHD_NO;
		*con_cls = r;
		return req_begin(r, method, strlen(url));
	}
	if (r->gone)
		return MHD_NO;
	if (*upload_data_size > 0)
		return req_body(r, upload_data, upload_data_size);
	return req_end(r);
}

/* --- what handlers ask --- */

struct daemon *http_daemon(struct http_req *r)
{
	return r->server->daemon;
}

const char *http_method(const struct http_req *r)
{
	return r->method;
}

int http_api_version(const struct http_req *r)
{
	return r->match.version;
}

const char *http_arg(const struct http_req *r, size_t n)
{
	return n < HTTP_MAX_ARGS && r->match.args[n] ? r->match.args[n] : "";
}

const char *http_query(const struct http_req *r, const char *key)
{
	const char *value = NULL;

	if (MHD_lookup_connection_value_n(r->conn, MHD_GET_ARGUMENT_KIND, key, strlen(key), &value,
					  NULL) != MHD_YES)
		return NULL;
	return value ? value : "";
}

struct collect {
	const char *key;
	char **values;
};

static enum MHD_Result collect_value(void *cls, enum MHD_ValueKind kind, const char *key,
				     const char *value)
{
	struct collect *c = cls;

	if (str_eq(key, c->key))
		(void)strv_push(&c->values, value ? value : "");
	return MHD_YES;
}

char **http_query_all(const struct http_req *r, const char *key)
{
	struct collect c = {.key = key};

	(void)MHD_get_connection_values(r->conn, MHD_GET_ARGUMENT_KIND, collect_value, &c);
	return c.values;
}

bool http_query_bool(const struct http_req *r, const char *key, bool absent)
{
	const char *value = http_query(r, key);

	return value ? http_bool_value(value) : absent;
}

int http_query_i64(const struct http_req *r, const char *key, int64_t absent, int64_t *ret,
		   struct crl_err *err)
{
	const char *value = http_query(r, key);
	int64_t n;

	if (str_empty(value)) {
		*ret = absent;
		return 0;
	}
	if (!str_to_i64(value, &n))
		return crl_fail(err, CRL_INVALID, "invalid %s: %s is not a number", key, value);
	*ret = n;
	return 0;
}

const char *http_header(const struct http_req *r, const char *name)
{
	return MHD_lookup_connection_value(r->conn, MHD_HEADER_KIND, name);
}

const char *http_body(const struct http_req *r, size_t *ret_len)
{
	if (ret_len)
		*ret_len = r->body.len;
	return r->body.data ? r->body.data : "";
}

/* "application/json; charset=utf-8" -> is it application/json? */
static bool content_type_is(const char *header, const char *wanted)
{
	size_t len;

	if (!header)
		return false;
	header += strspn(header, " \t");
	len = strcspn(header, "; \t");
	return len == strlen(wanted) && strncasecmp(header, wanted, len) == 0;
}

int http_decode_body(struct http_req *r, const struct json_table *t, bool optional, void *ret,
		     struct crl_err *err)
{
	const char *type = http_header(r, MHD_HTTP_HEADER_CONTENT_TYPE);

	memset(ret, 0, t->size);
	if (r->body.len == 0) {
		if (!optional)
			return crl_fail(err, CRL_INVALID,
					"invalid JSON: got EOF while reading request body");
		return 0;
	}
	if (!content_type_is(type, "application/json"))
		return crl_fail(err, CRL_INVALID,
				"Content-Type specified (%s) must be 'application/json'",
				type ? type : "");
	return json_decode(t, r->body.data, r->body.len, JSON_NOCASE, ret, err);
}

void http_peer(const struct http_req *r, uid_t *ret_uid, pid_t *ret_pid)
{
	*ret_uid = r->peer->uid;
	*ret_pid = r->peer->pid;
}

void http_set_data(struct http_req *r, void *data, void (*destroy)(void *data))
{
	r->data = data;
	r->destroy = destroy;
}

void *http_data(const struct http_req *r)
{
	return r->data;
}

void http_on_close(struct http_req *r, void (*cb)(struct http_req *r, void *data))
{
	r->on_close = cb;
}
