// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The server: libmicrohttpd without threads inside the sd-event loop. MHD has
 * an epoll set of its own, whose descriptor is one more source of our loop;
 * connections are accepted here, so that several sockets share one MHD daemon,
 * the peer's credentials are known, and limits are kept before any memory is
 * spent on a connection. See http_listen.c for the sockets.
 */
#include "http_internal.h"
#include "http_listen.h"

#include <base/log.h>
#include <base/path.h>
#include <errno.h>
#include <netdb.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>

#define CONN_MEMORY (32U * 1024)
#define CONN_MAX 4096U
#define CONN_MAX_PER_UID 512U /* root is not counted */
#define ACCEPT_BATCH 16
#define ACCEPT_PAUSE_US (100ULL * 1000)
#define IDLE_CHECK_US (60ULL * 1000 * 1000)
#define SOON_CHECK_US (5ULL * 1000 * 1000)

/* --- MHD in the loop --- */

static void server_run(struct http_server *s)
{
	MHD_UNSIGNED_LONG_LONG timeout;

	(void)MHD_run(s->mhd);
	if (MHD_get_timeout(s->mhd, &timeout) == MHD_YES && timeout == 0)
		(void)sd_event_source_set_enabled(s->again, SD_EVENT_ONESHOT);
}

static int on_io(sd_event_source *source, int fd, uint32_t events, void *data)
{
	server_run(data);
	return 0;
}

static int on_again(sd_event_source *source, void *data)
{
	server_run(data);
	return 0;
}

__attribute__((format(printf, 2, 0))) static void on_mhd_log(void *cls, const char *fmt, va_list ap)
{
	char text[256];

	if (!log_enabled(LOG_LEVEL_DEBUG))
		return;
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	/* Our sockets know no TCP options; MHD complains about that at every answer. */
	if (strstr(text, "TCP_") || strstr(text, "push the data"))
		return;
	text[strcspn(text, "\n")] = '\0';
	log_debug("http", "text", text, NULL);
}

/* --- connections --- */

static void conn_free(struct http_conn *c)
{
	struct http_server *s = c->server;

	if (c->prev)
		c->prev->next = c->next;
	else
		s->conns = c->next;
	if (c->next)
		c->next->prev = c->prev;
	s->n_conns--;
	free(c->subject);
	free(c->from);
	free(c);
}

static void on_connection(void *cls, struct MHD_Connection *conn, void **socket_context,
			  enum MHD_ConnectionNotificationCode code)
{
	struct http_server *s = cls;

	if (code == MHD_CONNECTION_NOTIFY_STARTED) {
		*socket_context = take_ptr(s->accepting);
	} else if (*socket_context) {
		conn_free(*socket_context);
		*socket_context = NULL;
	}
}

/* MHD's own time-outs would set a timer at every request. */
static int on_idle_check(sd_event_source *source, uint64_t usec, void *data)
{
	struct http_server *s = data;
	uint64_t next = http_end_impatient(s) ? SOON_CHECK_US : IDLE_CHECK_US;

	s->checked_soon = next == SOON_CHECK_US;
	if (s->conns && sd_event_source_set_time_relative(source, next) >= 0)
		(void)sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
	return 0;
}

void http_check_soon(struct http_server *s)
{
	int enabled = SD_EVENT_ON;

	if (sd_event_source_get_enabled(s->idle, &enabled) < 0 ||
	    (enabled != SD_EVENT_OFF && s->checked_soon))
		return;
	s->checked_soon = true;
	if (sd_event_source_set_time_relative(s->idle, SOON_CHECK_US) >= 0)
		(void)sd_event_source_set_enabled(s->idle, SD_EVENT_ONESHOT);
}

static bool over_limit(const struct http_server *s, uid_t uid)
{
	size_t same = 0;

	if (s->n_conns >= CONN_MAX)
		return true;
	if (uid == 0 || s->n_conns < CONN_MAX_PER_UID)
		return false;
	for (const struct http_conn *c = s->conns; c; c = c->next)
		same += c->uid == uid;
	return same >= CONN_MAX_PER_UID;
}

static void refuse(int fd)
{
	static const char text[] = "HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\n"
				   "Content-Type: application/json\r\nContent-Length: 34\r\n\r\n"
				   "{\"message\":\"too many connections\"}";

	(void)send(fd, text, sizeof(text) - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
	close(fd);
}

/* "192.0.2.1:4711". Caller frees. */
static char *address_text(const struct sockaddr *addr, socklen_t len)
{
	char host[NI_MAXHOST], port[NI_MAXSERV];

	if (getnameinfo(addr, len, host, sizeof(host), port, sizeof(port),
			NI_NUMERICHOST | NI_NUMERICSERV) != 0)
		return NULL;
	return strdup(log_fmt(addr->sa_family == AF_INET6 ? "[%s]:%s" : "%s:%s", host, port));
}

static struct http_conn *conn_new(struct http_server *s, int fd, const struct ucred *cred)
{
	struct http_conn *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->server = s;
	c->fd = fd;
	c->uid = cred->uid;
	c->pid = cred->pid;
	c->idle_since = -time_boot_ns(); /* negative: no request yet */
	c->next = s->conns;
	if (c->next)
		c->next->prev = c;
	s->conns = c;
	s->n_conns++;
	return c;
}

/* Gives it to MHD; c may be gone afterwards. */
static void conn_start(struct http_conn *c, const struct sockaddr *addr, socklen_t addr_len)
{
	struct http_server *s = c->server;

	s->accepting = c;
	/* On failure MHD has closed the socket. */
	if (MHD_add_connection(s->mhd, c->fd, addr, addr_len) != MHD_YES) {
		if (s->accepting)
			conn_free(take_ptr(s->accepting));
		return;
	}
	/* libmicrohttpd 1.0 puts it into a queue first; on_connection() must see it before the
	 * next one is accepted. */
	if (s->accepting)
		server_run(s);
	http_check_soon(s);
}

static void take_connection(struct http_server *s, const struct http_listener *l, int fd,
			    const struct sockaddr *addr, socklen_t addr_len)
{
	struct ucred cred = {.uid = (uid_t)-1, .gid = (gid_t)-1};
	socklen_t len = sizeof(cred);
	struct http_conn *c;

	if (l->is_unix)
		(void)getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len);
	if (over_limit(s, cred.uid)) {
		refuse(fd);
		return;
	}
	c = conn_new(s, fd, &cred);
	if (!c) {
		close(fd);
		return;
	}
	c->is_unix = l->is_unix;
	c->remote = !l->is_unix;
	c->metrics = l->metrics;
	if (c->remote)
		c->from = address_text(addr, addr_len);
	conn_start(c, addr, addr_len);
}

void http_server_take(struct http_server *s, int fd, const char *subject, const char *from)
{
	const struct ucred nobody = {.uid = (uid_t)-1, .gid = (gid_t)-1};
	const struct sockaddr_un addr = {.sun_family = AF_UNIX};
	struct http_conn *c;

	if (over_limit(s, nobody.uid)) {
		refuse(fd);
		return;
	}
	c = conn_new(s, fd, &nobody);
	if (!c) {
		close(fd);
		return;
	}
	c->is_unix = c->remote = true;
	c->subject = strdup(subject ? subject : "");
	c->from = strdup(from ? from : "");
	conn_start(c, (const struct sockaddr *)&addr, sizeof(sa_family_t));
}

/* --- accepting --- */

static void set_accepting(struct http_server *s, bool on)
{
	for (size_t i = 0; i < s->n_listeners; i++) {
		if (s->listeners[i]->source)
			(void)sd_event_source_set_enabled(s->listeners[i]->source,
							  on ? SD_EVENT_ON : SD_EVENT_OFF);
	}
}

static int on_pause_over(sd_event_source *source, uint64_t usec, void *data)
{
	set_accepting(data, true);
	return 0;
}

/* Without descriptors the listening socket would stay readable and the loop spin: wait a little. */
static void pause_accepting(struct http_server *s)
{
	log_warn("no more connections for the moment", "reason", strerror(errno), NULL);
	set_accepting(s, false);
	if (sd_event_source_set_time_relative(s->pause, ACCEPT_PAUSE_US) >= 0)
		(void)sd_event_source_set_enabled(s->pause, SD_EVENT_ONESHOT);
}

static int on_accept(sd_event_source *source, int listen_fd, uint32_t events, void *data)
{
	struct http_listener *l = data;

	for (int i = 0; i < ACCEPT_BATCH; i++) {
		struct sockaddr_storage addr;
		socklen_t len = sizeof(addr);
		int fd = accept4(listen_fd, (struct sockaddr *)&addr, &len,
				 SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd < 0) {
			if (errno == EMFILE || errno == ENFILE || errno == ENOMEM ||
			    errno == ENOBUFS)
				pause_accepting(l->server);
			return 0;
		}
		take_connection(l->server, l, fd, (struct sockaddr *)&addr, len);
	}
	return 0;
}

/* Takes fd and path. */
static struct http_listener *listener_new(struct http_server *s, int fd, char *path,
					  struct crl_err *err)
{
	struct http_listener *l = calloc(1, sizeof(*l));
	struct http_listener **more = reallocarray(s->listeners, s->n_listeners + 1, sizeof(*more));

	if (more)
		s->listeners = more;
	if (!l || !more) {
		free(l);
		free(path);
		close(fd);
		crl_fail_oom(err);
		return NULL;
	}
	*l = (struct http_listener){.server = s, .fd = fd, .path = path};
	l->is_unix = http_listen_is_unix(fd);
	s->listeners[s->n_listeners++] = l;
	return l;
}

static int watch_listener(struct http_listener *l, const char *host, struct crl_err *err)
{
	if (sd_event_add_io(l->server->daemon->event, &l->source, l->fd, EPOLLIN, on_accept, l) < 0)
		return crl_fail(err, CRL_INTERNAL, "%s: event source", host);
	return 0;
}

/* Takes fd and path. TCP is for the front, or was asked for twice. */
static int listener_add(struct http_server *s, int fd, char *path, const char *host,
			struct crl_err *err)
{
	struct http_listener *l = listener_new(s, fd, path, err);

	if (!l)
		return -1;
	if (!l->is_unix && s->daemon->config.tlsverify)
		return tls_front_new(s, take_fd(&l->fd), host, &l->front, err);
	if (!l->is_unix && !s->daemon->config.tcp_without_authentication)
		return crl_fail(err, CRL_FORBIDDEN,
				"%s: a TCP socket needs --tlsverify, or "
				"--tcp-without-authentication",
				host);
	return watch_listener(l, host, err);
}

int http_server_listen(struct http_server *s, const char *host, struct crl_err *err)
{
	const struct daemon_config *config = &s->daemon->config;
	_cleanup_free_ int *fds = NULL;
	_cleanup_free_ char *path = NULL;
	size_t n = 0;

	if (http_listen_open(host, config->group, config->tlsverify, &fds, &n, &path, err) < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		if (listener_add(s, fds[i], take_ptr(path), host, err) < 0) {
			while (++i < n)
				close(fds[i]);
			return -1;
		}
	}
	return 0;
}

int http_server_listen_metrics(struct http_server *s, const char *address, struct crl_err *err)
{
	_cleanup_free_ char *host = path_printf("tcp://%s", address), *path = NULL;
	_cleanup_free_ int *fds = NULL;
	size_t n = 0;

	if (!host)
		return crl_fail_oom(err);
	if (http_listen_open(host, NULL, false, &fds, &n, &path, err) < 0)
		return crl_context(err, "metrics-addr");
	for (size_t i = 0; i < n; i++) {
		struct http_listener *l = listener_new(s, fds[i], NULL, err);

		if (!l || watch_listener(l, host, err) < 0) {
			while (++i < n)
				close(fds[i]);
			return -1;
		}
		l->metrics = true;
	}
	return 0;
}

size_t http_server_connections(const struct http_server *s)
{
	return s ? s->n_conns : 0;
}

void http_server_renew_keys(struct http_server *s)
{
	struct crl_err err = CRL_ERR_INIT;

	for (size_t i = 0; i < s->n_listeners; i++) {
		if (s->listeners[i]->front && tls_front_renew(s->listeners[i]->front, &err) < 0)
			log_error("the TLS front goes on with its old keys", "error", err.msg,
				  NULL);
	}
}

/* --- start and end --- */

static struct MHD_Daemon *start_mhd(struct http_server *s)
{
	return MHD_start_daemon(
		MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET | MHD_ALLOW_SUSPEND_RESUME |
			MHD_ALLOW_UPGRADE | MHD_USE_ERROR_LOG,
		0, NULL, NULL, http_on_request, s,
		/* The logger first: it is used for complaints about the rest. */
		MHD_OPTION_EXTERNAL_LOGGER, on_mhd_log, s, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
		(size_t)CONN_MEMORY, MHD_OPTION_CONNECTION_LIMIT, CONN_MAX,
		MHD_OPTION_CONNECTION_TIMEOUT, 0U, MHD_OPTION_NOTIFY_COMPLETED, http_on_completed,
		s, MHD_OPTION_NOTIFY_CONNECTION, on_connection, s,
		MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1, MHD_OPTION_END);
}

static int add_sources(struct http_server *s, struct crl_err *err)
{
	sd_event *event = s->daemon->event;
	const union MHD_DaemonInfo *info = MHD_get_daemon_info(s->mhd, MHD_DAEMON_INFO_EPOLL_FD);

	if (!info || sd_event_add_io(event, &s->io, info->epoll_fd, EPOLLIN, on_io, s) < 0 ||
	    sd_event_add_defer(event, &s->again, on_again, s) < 0 ||
	    sd_event_source_set_enabled(s->again, SD_EVENT_OFF) < 0 ||
	    sd_event_add_time_relative(event, &s->idle, CLOCK_BOOTTIME, IDLE_CHECK_US,
				       10ULL * 1000 * 1000, on_idle_check, s) < 0 ||
	    sd_event_source_set_enabled(s->idle, SD_EVENT_OFF) < 0 ||
	    sd_event_add_time_relative(event, &s->pause, CLOCK_MONOTONIC, ACCEPT_PAUSE_US, 0,
				       on_pause_over, s) < 0 ||
	    sd_event_source_set_enabled(s->pause, SD_EVENT_OFF) < 0)
		return crl_fail(err, CRL_INTERNAL, "http: event sources");
	return 0;
}

int http_server_new(struct daemon *d, struct http_server **ret, struct crl_err *err)
{
	struct http_server *s = calloc(1, sizeof(*s));

	if (!s)
		return crl_fail_oom(err);
	s->daemon = d;
	s->mhd = start_mhd(s);
	if (!s->mhd) {
		free(s);
		return crl_fail(err, CRL_INTERNAL, "http: libmicrohttpd does not start");
	}
	if (add_sources(s, err) < 0) {
		http_server_free(s);
		return -1;
	}
	*ret = s;
	return 0;
}

static void listener_free(struct http_listener *l)
{
	sd_event_source_disable_unref(l->source);
	tls_front_free(l->front);
	if (l->path)
		(void)unlink(l->path);
	cleanup_close_p(&l->fd);
	free(l->path);
	free(l);
}

void http_server_free(struct http_server *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->n_listeners; i++)
		listener_free(s->listeners[i]);
	free(s->listeners);
	/* MHD cannot stop with suspended connections: wake all of them as lost. */
	for (struct http_req *r = s->reqs; r; r = r->next)
		http_abort(r);
	(void)MHD_run(s->mhd);
	MHD_stop_daemon(s->mhd);
	sd_event_source_disable_unref(s->io);
	sd_event_source_disable_unref(s->again);
	sd_event_source_disable_unref(s->idle);
	sd_event_source_disable_unref(s->pause);
	free(s);
}
