/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Owns the connection to a receiver of logs. It may not wait, but at the open
 * (before there is a container) and a moment at the close (after it). See
 * connect(2), unix(7), memfd_create(2), getaddrinfo(3).
 */
#include "log_socket.h"

#include <base/cleanup.h>
#include <base/ident.h>
#include <base/log.h>
#include <base/str.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/un.h>
#include <unistd.h>

#define OPEN_MS 5000
#define CLOSE_MS 1000
#define PAUSE_MIN (NS_PER_SEC / 10)
#define PAUSE_MAX (30 * NS_PER_SEC)

static void on_ready(struct loop_source *source, uint32_t events);
static void on_retry(struct loop_timer *t);

void log_socket_init(struct log_socket *s, struct loop *loop, size_t max)
{
	*s = (struct log_socket){.loop = loop,
				 .source = {.fd = -1, .ready = on_ready},
				 .retry.fire = on_retry,
				 .pause = PAUSE_MIN,
				 .max = max};
}

/* --- addresses --- */

static int set_unix(struct log_socket *s, const char *path, struct crl_err *err)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	if (strlen(path) >= sizeof(un.sun_path))
		return crl_fail(err, CRL_INVALID, "%s: the path is too long", path);
	memcpy(un.sun_path, path, strlen(path) + 1);
	memcpy(&s->addr, &un, sizeof(un));
	s->addr_len = sizeof(un);
	return 0;
}

/* "host", "host:port", "[v6]:port"; 514 is syslog's. */
static int set_inet(struct log_socket *s, const char *text, struct crl_err *err)
{
	char host[256];
	const char *port = "514", *end = *text == '[' ? strchr(text, ']') : NULL;
	const char *colon = end ? (end[1] == ':' ? end + 1 : NULL) : strrchr(text, ':');
	const char *from = end ? text + 1 : text;
	size_t len = end ? (size_t)(end - from) : colon ? (size_t)(colon - from) : strlen(from);
	struct addrinfo *list = NULL;
	const struct addrinfo hints = {.ai_socktype = s->type};
	if (len >= sizeof(host))
		return crl_fail(err, CRL_INVALID, "%s: the name is too long", text);
	memcpy(host, from, len);
	host[len] = '\0';
	if (colon && colon[1])
		port = colon + 1;
	int r = getaddrinfo(*host ? host : "localhost", port, &hints, &list);
	if (r != 0 || !list)
		return crl_fail(err, CRL_UNAVAILABLE, "lookup %s: %s", host, gai_strerror(r));
	memcpy(&s->addr, list->ai_addr, list->ai_addrlen);
	s->addr_len = list->ai_addrlen;
	freeaddrinfo(list);
	return 0;
}

static const char *const schemes[] = {"unixgram://", "unix://", "udp://", "tcp://"};

static int resolve(struct log_socket *s, const char *url, const char **ret_rest,
		   const char **ret_scheme, struct crl_err *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(schemes); i++) {
		if (!str_starts(url, schemes[i]))
			continue;
		s->type = i % 2 ? SOCK_STREAM : SOCK_DGRAM;
		*ret_rest = url + strlen(schemes[i]);
		*ret_scheme = schemes[i];
		return i < 2 ? set_unix(s, *ret_rest, err) : set_inet(s, *ret_rest, err);
	}
	return crl_fail(err, CRL_INVALID, "unsupported scheme: '%.*s'", (int)strcspn(url, ":"),
			url);
}

/* --- connection --- */

/* 0 = connected or on the way to it; else an errno. */
static int start_connect(struct log_socket *s)
{
	_cleanup_close_ int fd =
		socket(s->addr.ss_family, s->type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return errno;
	int r = connect(fd, (const struct sockaddr *)&s->addr, s->addr_len);
	if (r < 0 && errno != EINPROGRESS && errno != EAGAIN)
		return errno;
	s->connecting = r < 0;
	s->source.fd = take_fd(&fd);
	s->sent = 0;
	return 0;
}

static int connect_result(const struct log_socket *s)
{
	int result = 0;
	socklen_t len = sizeof(result);
	return getsockopt(s->source.fd, SOL_SOCKET, SO_ERROR, &result, &len) < 0 ? errno : result;
}

static int watch(struct log_socket *s)
{
	uint32_t events = s->type == SOCK_STREAM ? EPOLLIN | EPOLLRDHUP : 0;
	if (s->connecting || s->queue.len)
		events |= EPOLLOUT;
	return s->loop ? loop_watch(s->loop, &s->source, events, NULL) : 0;
}

static int wait_connected(struct log_socket *s)
{
	struct pollfd p = {.fd = s->source.fd, .events = POLLOUT};
	if (!s->connecting)
		return 0;
	int n = poll(&p, 1, OPEN_MS);
	s->connecting = false;
	return n < 0 ? errno : n == 0 ? ETIMEDOUT : connect_result(s);
}

int log_socket_open(struct log_socket *s, const char *url, struct crl_err *err)
{
	const char *rest, *scheme;
	if (resolve(s, url, &rest, &scheme, err) < 0)
		return -1;
	int r = start_connect(s);
	if (r == 0)
		r = wait_connected(s);
	if (r == 0 && watch(s) == 0)
		return 0;
	if (s->source.fd >= 0 && s->loop)
		loop_close(s->loop, &s->source);
	char why[96];
	snprintf(why, sizeof(why), "%s", strerror(r));
	why[0] = (char)tolower((unsigned char)why[0]);
	return crl_fail(err, CRL_UNAVAILABLE, "dial %.*s %s: connect: %s",
			(int)(strlen(scheme) - 3), scheme, rest, why);
}

static void broken(struct log_socket *s, const char *why)
{
	if (s->source.fd >= 0)
		log_warn("log receiver is gone", "error", why, NULL);
	s->connecting = false;
	s->sent = 0; /* what was begun is sent again from its start */
	loop_close(s->loop, &s->source);
	loop_timer_set(s->loop, &s->retry, s->pause);
	s->pause = s->pause * 2 < PAUSE_MAX ? s->pause * 2 : PAUSE_MAX;
}

/* --- sending --- */

/* journald reads entries that are too large for a datagram from a sealed file in memory. */
static int send_memfd(const struct log_socket *s, const char *data, size_t len)
{
	_cleanup_close_ int fd = memfd_create("log", MFD_ALLOW_SEALING | MFD_CLOEXEC);
	if (fd < 0 || write(fd, data, len) != (ssize_t)len ||
	    fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) < 0)
		return -1;
	union {
		char space[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = {0};
	struct msghdr m = {.msg_control = &control, .msg_controllen = sizeof(control)};
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fd, sizeof(int));
	return (int)sendmsg(s->source.fd, &m, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void drop_first(struct log_socket *s, size_t len)
{
	s->queue.head += sizeof(uint32_t) + len;
	s->queue.len -= sizeof(uint32_t) + len;
	s->sent = 0;
	if (!s->queue.len)
		queue_free(&s->queue);
}

/* 1 = it left, 0 = it must wait, -1 = the connection is broken. */
static int send_one(struct log_socket *s, const char *data, size_t len)
{
	ssize_t n = send(s->source.fd, data + s->sent, len - s->sent, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (n < 0 && errno == EMSGSIZE && s->large_by_memfd)
		n = send_memfd(s, data, len) < 0 ? -1 : (ssize_t)len;
	if (n < 0 && (errno == EAGAIN || errno == ENOBUFS || errno == EINTR))
		return 0;
	if (n < 0 && errno == EMSGSIZE)
		return 1; /* it never will */
	/* Of a datagram over IP this tells of an earlier one; the next may well arrive. */
	if (n < 0 && errno == ECONNREFUSED && s->type == SOCK_DGRAM && s->addr.ss_family != AF_UNIX)
		return 1;
	if (n < 0)
		return -1;
	s->sent += (size_t)n;
	return s->type == SOCK_DGRAM || s->sent == len;
}

static void flush(struct log_socket *s)
{
	while (s->queue.len && s->source.fd >= 0 && !s->connecting) {
		uint32_t len;
		const char *first = s->queue.data + s->queue.head;
		memcpy(&len, first, sizeof(len));
		int r = send_one(s, first + sizeof(len), len);
		if (r < 0) {
			broken(s, strerror(errno));
			return;
		}
		if (r == 0)
			break;
		s->pause = PAUSE_MIN;
		drop_first(s, len);
	}
	if (s->source.fd >= 0 && watch(s) < 0)
		broken(s, "epoll");
}

bool log_socket_send(struct log_socket *s, const void *data, size_t len)
{
	const uint32_t prefix = (uint32_t)len;
	if (len > s->max || s->queue.len + sizeof(prefix) + len > s->max)
		return false;
	if (!queue_add(&s->queue, &prefix, sizeof(prefix)))
		return false;
	if (!queue_add(&s->queue, data, len)) {
		s->queue.len -= sizeof(prefix);
		return false;
	}
	/* With more before it, the loop is at work already. */
	if (s->queue.len == sizeof(prefix) + len)
		flush(s);
	return true;
}

bool log_socket_has_room(const struct log_socket *s)
{
	return s->queue.len < s->max / 2;
}

/* --- events --- */

static void on_ready(struct loop_source *source, uint32_t events)
{
	struct log_socket *s = CONTAINER_OF(source, struct log_socket, source);
	char scratch[512];
	if (s->connecting) {
		int r = connect_result(s);
		if (r != 0) {
			broken(s, strerror(r));
			return;
		}
		s->connecting = false;
	}
	/* A receiver says nothing; what comes is its farewell. */
	if (s->type == SOCK_STREAM && events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) {
		ssize_t n = recv(source->fd, scratch, sizeof(scratch), MSG_DONTWAIT);
		if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
			broken(s, "closed");
			return;
		}
	}
	flush(s);
}

static void on_retry(struct loop_timer *t)
{
	struct log_socket *s = CONTAINER_OF(t, struct log_socket, retry);
	int r = start_connect(s);
	if (r != 0 || watch(s) < 0)
		broken(s, strerror(r));
	else if (!s->connecting)
		flush(s);
}

void log_socket_close(struct log_socket *s)
{
	int64_t end = time_boot_ns() + CLOSE_MS * 1000000LL, left;
	while (s->queue.len && s->source.fd >= 0 && (left = end - time_boot_ns()) > 0) {
		struct pollfd p = {.fd = s->source.fd, .events = POLLOUT};
		if (poll(&p, 1, (int)(left / 1000000)) <= 0)
			break;
		if (s->connecting && connect_result(s) != 0)
			break;
		s->connecting = false;
		flush(s);
	}
	if (s->loop) {
		loop_timer_stop(s->loop, &s->retry);
		loop_close(s->loop, &s->source);
	}
	queue_free(&s->queue);
}
