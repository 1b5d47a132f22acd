/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Owns the connections. It may not know what the operations do. See unix(7)
 * (SOCK_SEQPACKET: one datagram is one message, with order and a hang-up).
 */
#include "server.h"

#include <base/cleanup.h>
#include <crun-lite/runtime.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>

#define OUT_MAX (1024U * 1024) /* bytes waiting for a daemon that does not read */
#define PAGE 4096U
#define ACCEPT_RETRY_NS NS_PER_SEC

struct server_message {
	struct server_message *next;
	size_t len;
	char data[];
};

struct server_connection {
	struct loop_source source;
	struct server *server;
	struct server_connection *next;
	struct server_message *out; /* first in, first out */
	size_t out_bytes;
};

/* One for all connections; what a large message dirtied is given back (after_message()). */
static char message[MON_MSG_MAX] __attribute__((aligned(PAGE)));

static void connection_free(struct server_connection *c)
{
	struct server *s = c->server;
	for (struct server_connection **p = &s->connections; *p; p = &(*p)->next) {
		if (*p == c) {
			*p = c->next;
			break;
		}
	}
	loop_close(s->loop, &c->source);
	while (c->out) {
		struct server_message *m = c->out;
		c->out = m->next;
		free(m);
	}
	free(c);
	if (!s->connections && s->lonely)
		s->lonely(s->data);
}

/* --- out --- */

/* 1 = sent, 0 = must wait, -1 = the connection is broken. */
static int try_send(struct server_connection *c, const char *data, size_t len)
{
	for (;;) {
		ssize_t n = send(c->source.fd, data, len, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n >= 0)
			return 1;
		if (errno != EINTR)
			return errno == EAGAIN ? 0 : -1;
	}
}

static bool queue_message(struct server_connection *c, const char *data, size_t len)
{
	struct server_message *m = NULL;
	if (c->out_bytes + len <= OUT_MAX)
		m = malloc(sizeof(*m) + len);
	if (!m)
		return false;
	m->next = NULL;
	m->len = len;
	memcpy(m->data, data, len);
	struct server_message **p = &c->out;
	while (*p)
		p = &(*p)->next;
	*p = m;
	c->out_bytes += len;
	return loop_watch(c->server->loop, &c->source, EPOLLIN | EPOLLOUT, NULL) == 0;
}

static bool send_text(struct server_connection *c, const char *text)
{
	size_t len = strlen(text);
	int r = c->out ? 0 : try_send(c, text, len);
	return r > 0 || (r == 0 && queue_message(c, text, len));
}

static bool flush(struct server_connection *c)
{
	while (c->out) {
		struct server_message *m = c->out;
		int r = try_send(c, m->data, m->len);
		if (r <= 0)
			return r == 0;
		c->out = m->next;
		c->out_bytes -= m->len;
		free(m);
	}
	return loop_watch(c->server->loop, &c->source, EPOLLIN, NULL) == 0;
}

static char *render(const struct json_table *table, const void *obj, const char *key, cJSON *value)
{
	_cleanup_cjson_ cJSON *tree = table ? json_encode_tree(table, obj) : cJSON_CreateObject();
	if (!tree || !value || !cJSON_AddItemToObject(tree, key, value)) {
		cJSON_Delete(value);
		return NULL;
	}
	return cJSON_PrintUnformatted(tree);
}

size_t server_event(struct server *s, const char *name, const struct json_table *table,
		    const void *obj)
{
	_cleanup_free_ char *text = render(table, obj, "event", cJSON_CreateString(name));
	if (!text)
		return 0;
	size_t n = 0;
	for (struct server_connection *c = s->connections; c; c = c->next) {
		if (send_text(c, text))
			n++;
		else
			/* Not freed here: this may run inside a request of that very connection. */
			(void)shutdown(c->source.fd, SHUT_RDWR);
	}
	return n;
}

/* --- in --- */

static char *render_error(int64_t seq, const struct crl_err *err, int exit_code)
{
	struct mon_error e = {.code = (int32_t)err->code,
			      .sys = err->sys,
			      .exit_code = exit_code ? exit_code : 125,
			      .message = (char *)err->msg};
	_cleanup_cjson_ cJSON *tree = cJSON_CreateObject();
	if (!tree)
		return NULL;
	json_add_i64(tree, "seq", seq);
	cJSON *obj = json_encode_tree(&mon_error_json, &e);
	if (!obj || !cJSON_AddItemToObject(tree, "error", obj))
		return NULL;
	return cJSON_PrintUnformatted(tree);
}

static const struct server_op *find_op(const struct server *s, const char *name)
{
	for (size_t i = 0; name && i < s->n_ops; i++)
		if (strcmp(s->ops[i].name, name) == 0)
			return &s->ops[i];
	return NULL;
}

static int handle(struct server *s, struct server_request *rq, struct crl_err *err)
{
	const char *name = json_get_str(rq->body, "op");
	const struct server_op *op = find_op(s, name);
	if (!op)
		return crl_fail(err, CRL_UNSUPPORTED, "operation %s is not known here",
				name ? name : "(none)");
	return op->handle(s->data, rq, err);
}

/* The answer to one message; NULL = none can be given (no seq, no memory): the connection ends. */
static char *answer(struct server *s, struct server_request *rq, size_t len)
{
	struct crl_err err = CRL_ERR_INIT;
	_cleanup_cjson_ cJSON *body = NULL;
	int64_t seq;
	if (json_parse(message, len, MON_MSG_MAX, &body, &err) < 0 ||
	    !json_get_i64(body, "seq", &seq) || seq == 0)
		return NULL;
	rq->body = body;
	int r = handle(s, rq, &err);
	rq->body = NULL;
	if (r < 0)
		return render_error(seq, &err, rq->exit_code);
	char *text = render(rq->answer_table, &rq->answer, "seq", cJSON_CreateNumber((double)seq));
	if (rq->answer_table)
		json_free(rq->answer_table, &rq->answer);
	return text;
}

/* A start with a large environment leaves dozens of dirty pages behind that are never needed again.
 */
static void after_message(size_t len)
{
	if (len > PAGE)
		(void)madvise(message + PAGE, sizeof(message) - PAGE, MADV_DONTNEED);
}

/* One message; false = the connection ends. */
static bool serve(struct server_connection *c)
{
	struct server_request rq = {0};
	struct crl_err err = CRL_ERR_INIT;
	size_t len;
	if (fd_recv_msg(c->source.fd, message, sizeof(message), &len, rq.fds, FD_MSG_MAX_FDS,
			&rq.n_fds, &err) < 0)
		return err.sys == EAGAIN || err.sys == EINTR;
	_cleanup_free_ char *text = len ? answer(c->server, &rq, len) : NULL;
	for (size_t i = 0; i < rq.n_fds; i++)
		cleanup_close_p(&rq.fds[i]);
	after_message(len);
	bool ok = text && send_text(c, text);
	if (rq.after)
		rq.after(rq.after_data);
	return ok;
}

static void connection_ready(struct loop_source *source, uint32_t events)
{
	struct server_connection *c = CONTAINER_OF(source, struct server_connection, source);
	bool ok = true;
	if (events & EPOLLOUT)
		ok = flush(c);
	if (ok && events & (EPOLLIN | EPOLLHUP | EPOLLERR))
		ok = serve(c);
	if (!ok)
		connection_free(c);
}

static void listener_ready(struct loop_source *source, uint32_t events)
{
	struct server *s = CONTAINER_OF(source, struct server, listener);
	_cleanup_close_ int fd = accept4(source->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd < 0) {
		/* Out of descriptors: the waiting connection would wake us in vain until one is
		 * closed. */
		if (errno == EMFILE || errno == ENFILE) {
			(void)loop_watch(s->loop, source, 0, NULL);
			loop_timer_set(s->loop, &s->retry, ACCEPT_RETRY_NS);
		}
		return;
	}
	struct server_connection *c = calloc(1, sizeof(*c));
	if (!c)
		return;
	c->server = s;
	c->source = (struct loop_source){.fd = take_fd(&fd), .ready = connection_ready};
	c->next = s->connections;
	s->connections = c;
	if (loop_watch(s->loop, &c->source, EPOLLIN, NULL) < 0)
		connection_free(c);
}

static void accept_again(struct loop_timer *t)
{
	struct server *s = CONTAINER_OF(t, struct server, retry);
	(void)loop_watch(s->loop, &s->listener, EPOLLIN, NULL);
}

int server_init(struct server *s, struct loop *loop, int fd, const struct server_op *ops,
		size_t n_ops, void *data, struct crl_err *err)
{
	*s = (struct server){
		.loop = loop,
		.listener = {.fd = fd, .ready = listener_ready},
		.retry.fire = accept_again,
		.ops = ops,
		.n_ops = n_ops,
		.data = data,
	};
	if (fd_set_nonblock(fd, true, err) < 0 || fd_set_cloexec(fd, true, err) < 0)
		return -1;
	return loop_watch(loop, &s->listener, EPOLLIN, err);
}

void server_deinit(struct server *s)
{
	s->lonely = NULL;
	while (s->connections)
		connection_free(s->connections);
	loop_timer_stop(s->loop, &s->retry);
	loop_close(s->loop, &s->listener);
}
