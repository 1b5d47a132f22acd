/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * API calls. Owns the kept connection and the version prefix. Our own daemon
 * speaks CLIENT_API_VERSION, so no ping precedes a command: an older daemon
 * says which version it has, and the call is repeated with that (ADR 0080).
 */
#include <cli/client.h>

#include <signal.h>

#define DEFAULT_HOST "unix:///run/crun-lite/crun-lite.sock"

void client_init(struct client *c, const char *host)
{
	static const char *const variables[] = {"CRUN_LITE_HOST", "DOCKER_HOST"};
	*c = (struct client){.conn = HTTP_CONN_INIT};
	for (size_t i = 0; !host && i < ARRAY_SIZE(variables); i++) {
		const char *value = getenv(variables[i]);
		if (!str_empty(value))
			host = value;
	}
	c->host = host ? host : DEFAULT_HOST;
	const char *version = getenv("DOCKER_API_VERSION");
	snprintf(c->version, sizeof c->version, "%s",
		 str_empty(version) ? CLIENT_API_VERSION : version);
}

void client_close(struct client *c)
{
	http_close(&c->conn);
}

char *client_path(const char *fmt, ...)
{
	_cleanup_buf_ struct buf b = BUF_INIT;
	va_list ap;
	va_start(ap, fmt);
	buf_vprintf(&b, fmt, ap);
	va_end(ap);
	return buf_take(&b);
}

char *client_object_path(const char *kind, const char *name, const char *action)
{
	_cleanup_buf_ struct buf b = BUF_INIT;
	buf_printf(&b, "/%s/", kind);
	if (str_eq(kind, "images"))
		http_escape_path(&b, name);
	else
		http_escape(&b, name);
	if (action)
		buf_printf(&b, "/%s", action);
	return buf_take(&b);
}

static enum crl_code code_of_status(int status)
{
	static const enum crl_code codes[] = {CRL_INVALID,     CRL_UNAUTHORIZED, CRL_FORBIDDEN,
					      CRL_NOT_FOUND,   CRL_CONFLICT,     CRL_LIMIT,
					      CRL_UNSUPPORTED, CRL_UNAVAILABLE};
	for (size_t i = 0; i < ARRAY_SIZE(codes); i++)
		if (crl_code_http(codes[i]) == status)
			return codes[i];
	return CRL_IO;
}

static int fail_with_text(int status, const char *text, size_t len, struct crl_err *err)
{
	_cleanup_cjson_ cJSON *tree = NULL;
	const char *message = NULL;
	if (json_parse(text, len, CLIENT_MAX_REPLY, &tree, NULL) == 0)
		message = json_get_str(tree, "message");
	if (!message)
		message = *text ? text : "(no message)";
	size_t n = strlen(message);
	while (n && message[n - 1] == '\n')
		n--;
	return crl_fail(err, code_of_status(status), "Error response from daemon: %.*s", (int)n,
			message);
}

/* "client version 1.51 is too new. Maximum supported API version is 1.41" */
static bool lower_version(struct client *c, int status, const char *text)
{
	static const char phrase[] = "Maximum supported API version is ";
	const char *p = status == 400 && text ? strstr(text, phrase) : NULL;
	if (!p || c->agreed)
		return false;
	p += sizeof phrase - 1;
	size_t n = strspn(p, "0123456789.");
	if (!n || n >= sizeof c->version)
		return false;
	memcpy(c->version, p, n);
	c->version[n] = 0;
	c->agreed = true;
	return true;
}

/* Sends on `conn` (connecting first when it is not) with the version prefix. */
static int send_request(struct client *c, struct http_conn *conn, const struct http_request *r,
			struct crl_err *err)
{
	_cleanup_free_ char *path = client_path("/v%s%s", c->version, r->path);
	struct http_request with_version = *r;
	if (!path)
		return crl_fail_oom(err);
	with_version.path = path;
	/* Of a daemon that was restarted since the last answer. */
	if (http_is_stale(conn))
		http_close(conn);
	if (conn->fd < 0) {
		/* A daemon that goes away in the middle must give EPIPE, not end us. */
		(void)signal(SIGPIPE, SIG_IGN);
		if (http_connect(c->host, conn, err) < 0)
			return -1;
	}
	return http_send(conn, &with_version, err);
}

struct answer {
	struct http_response head;
	char *text;
	size_t len;
};

static int exchange(struct client *c, const struct http_request *r, struct answer *ret,
		    struct crl_err *err)
{
	struct answer a = {0};
	if (send_request(c, &c->conn, r, err) < 0 || (c->await && c->await(c, err) < 0) ||
	    http_read_head(&c->conn, str_eq(r->method, "HEAD"), &a.head, err) < 0 ||
	    http_read_all(&c->conn, &a.head, CLIENT_MAX_REPLY, &a.text, &a.len, err) < 0) {
		http_response_free(&a.head);
		http_close(&c->conn);
		return -1;
	}
	if (!a.head.keep_alive)
		http_close(&c->conn);
	*ret = a;
	return 0;
}

static int exchange_agreed(struct client *c, const struct http_request *r, struct answer *ret,
			   struct crl_err *err)
{
	if (exchange(c, r, ret, err) < 0)
		return -1;
	if (lower_version(c, ret->head.status, ret->text)) {
		free(ret->text);
		http_response_free(&ret->head);
		if (exchange(c, r, ret, err) < 0)
			return -1;
	}
	c->agreed = true;
	return 0;
}

int client_call(struct client *c, const char *method, const char *path, const cJSON *body,
		int *ret_status, char **ret_text, struct crl_err *err)
{
	_cleanup_free_ char *text = body ? cJSON_PrintUnformatted(body) : NULL;
	if (body && !text)
		return crl_fail_oom(err);
	struct http_request r = {.method = method,
				 .path = path,
				 .content_type = body ? "application/json" : NULL,
				 .body = text,
				 .body_len = text ? strlen(text) : 0};
	struct answer a;
	if (exchange_agreed(c, &r, &a, err) < 0)
		return -1;
	_cleanup_free_ char *reply = a.text;
	http_response_free(&a.head);
	if (a.head.status >= 400)
		return fail_with_text(a.head.status, reply, a.len, err);
	if (ret_status)
		*ret_status = a.head.status;
	if (ret_text)
		*ret_text = take_ptr(reply);
	return 0;
}

int client_json(struct client *c, const char *method, const char *path, const cJSON *body,
		cJSON **ret, struct crl_err *err)
{
	_cleanup_free_ char *text = NULL;
	if (client_call(c, method, path, body, NULL, &text, err) < 0)
		return -1;
	if (json_parse(text, strlen(text), CLIENT_MAX_REPLY, ret, err) < 0)
		return crl_context(err, "answer of %s %s", method, path);
	return 0;
}

int client_get(struct client *c, const char *path, cJSON **ret, struct crl_err *err)
{
	return client_json(c, "GET", path, NULL, ret, err);
}

int client_agree(struct client *c, struct crl_err *err)
{
	struct http_request ping = {.method = "GET", .path = "/_ping"};
	struct answer a;
	if (c->agreed)
		return 0;
	if (exchange_agreed(c, &ping, &a, err) < 0)
		return -1;
	free(a.text);
	http_response_free(&a.head);
	return 0;
}

int client_answer(struct http_conn *conn, bool head, struct http_response *ret, struct crl_err *err)
{
	struct http_response r = {0};
	if (http_read_head(conn, head, &r, err) < 0)
		return -1;
	if (r.status < 400) {
		*ret = r;
		return 0;
	}
	_cleanup_free_ char *text = NULL;
	size_t len;
	int status = r.status;
	int got = http_read_all(conn, &r, CLIENT_MAX_REPLY, &text, &len, err);
	http_response_free(&r);
	return got < 0 ? -1 : fail_with_text(status, text, len, err);
}

int client_open(struct client *c, const struct http_request *r, struct http_conn *ret_conn,
		struct http_response *ret, struct crl_err *err)
{
	_cleanup_conn_ struct http_conn conn = HTTP_CONN_INIT;
	if (client_agree(c, err) < 0 || send_request(c, &conn, r, err) < 0)
		return -1;
	if (!r->chunked && client_answer(&conn, str_eq(r->method, "HEAD"), ret, err) < 0)
		return -1;
	*ret_conn = conn;
	conn = (struct http_conn)HTTP_CONN_INIT;
	return 0;
}
