// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The server: accepts, shakes hands, tells the daemon, relays. A client costs nothing but memory
 * until its certificate is known: handshakes have a time limit and a number, and when there are
 * too many the oldest one goes, so that a crowd without certificates cannot lock others out.
 */
#include "front.h"
#include "keys.h"
#include "relay.h"

#include <arpa/inet.h>
#include <base/fd.h>
#include <base/json.h>
#include <base/log.h>
#include <crun-lite/tls_proto.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/socket.h>

#define ARGS_MAX (1024U * 1024)
#define HANDSHAKE_NS (10 * NS_PER_SEC)
#define GOODBYE_NS NS_PER_SEC
#define HANDSHAKES_MAX 256U
#define CLIENTS_MAX 2048U
#define CLIENT_FDS 2U /* the TCP socket and our end of the pair */
#define OTHER_FDS 16U
#define PAUSE_NS (NS_PER_SEC / 10)
#define SUBJECT_MAX 512
#define ADDRESS_MAX (INET6_ADDRSTRLEN + 16)

struct front {
	struct loop loop;
	struct tls_keys keys;
	struct loop_source listener, control;
	struct loop_timer pause;        /* ends a pause of accepting */
	struct client *oldest, *newest; /* shaking hands */
	size_t n_handshakes, n_clients, max_clients;
};

struct client {
	struct front *front;
	struct client *prev, *next; /* while shaking hands */
	gnutls_session_t tls;
	struct loop_source net;
	struct loop_timer limit;
	char from[ADDRESS_MAX];
	struct relay relay;
};

/* --- clients --- */

static void end_if_idle(struct front *f)
{
	f->loop.stop = f->control.fd < 0 && f->n_clients == 0;
}

static void listen_again(struct front *f)
{
	if (f->listener.fd >= 0 && f->n_clients < f->max_clients)
		(void)loop_watch(&f->loop, &f->listener, EPOLLIN, NULL);
}

static void leave_handshakes(struct client *c)
{
	struct front *f = c->front;

	*(c->prev ? &c->prev->next : &f->oldest) = c->next;
	*(c->next ? &c->next->prev : &f->newest) = c->prev;
	c->prev = c->next = NULL;
	f->n_handshakes--;
	loop_timer_stop(&f->loop, &c->limit);
}

static void client_free(struct client *c)
{
	struct front *f = c->front;

	free(c);
	f->n_clients--;
	listen_again(f);
	end_if_idle(f);
}

static void client_close(struct client *c)
{
	leave_handshakes(c);
	if (c->tls)
		gnutls_deinit(c->tls);
	loop_close(&c->front->loop, &c->net);
	client_free(c);
}

/* A client that never became a session. */
static void drop(struct client *c, const char *why)
{
	if (c->tls) /* else it was told already */
		log_info("tls: refused", "from", c->from, "reason", why, NULL);
	client_close(c);
}

static void on_goodbye(struct loop_source *s, uint32_t events)
{
	char waste[4096];

	if (recv(s->fd, waste, sizeof(waste), MSG_DONTWAIT) == 0 || events & (EPOLLERR | EPOLLHUP))
		client_close(CONTAINER_OF(s, struct client, net));
}

static void on_goodbye_over(struct loop_timer *t)
{
	client_close(CONTAINER_OF(t, struct client, limit));
}

/* The reason is on its way; closing at once would make a reset of it where a request waits. */
static void say_goodbye(struct client *c, const char *why)
{
	log_info("tls: refused", "from", c->from, "reason", why, NULL);
	gnutls_deinit(take_ptr(c->tls));
	(void)shutdown(c->net.fd, SHUT_WR);
	c->net.ready = on_goodbye;
	c->limit.fire = on_goodbye_over;
	loop_timer_set(&c->front->loop, &c->limit, GOODBYE_NS);
	if (loop_watch(&c->front->loop, &c->net, EPOLLIN, NULL) < 0)
		client_close(c);
}

static void on_relay_done(struct relay *r)
{
	client_free(CONTAINER_OF(r, struct client, relay));
}

/* --- telling the daemon --- */

static int introduce(struct client *c, int far, struct crl_err *err)
{
	char subject[SUBJECT_MAX];
	_cleanup_cjson_ cJSON *tree = cJSON_CreateObject();
	_cleanup_free_ char *text = NULL;

	if (c->front->control.fd < 0)
		return crl_fail(err, CRL_UNAVAILABLE, "the daemon is gone");
	tls_peer_subject(c->tls, subject, sizeof(subject));
	json_add_str(tree, "subject", subject);
	json_add_str(tree, "from", c->from);
	text = cJSON_PrintUnformatted(tree);
	if (!text)
		return crl_fail_oom(err);
	return fd_send_msg(c->front->control.fd, text, strlen(text), &far, 1, err);
}

static int hand_over(struct client *c, struct crl_err *err)
{
	_cleanup_close_ int far = -1;
	int pair[2], net;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) < 0)
		return crl_fail_sys(err, errno, "socketpair");
	far = pair[1];
	if (introduce(c, far, err) < 0) {
		close(pair[0]);
		return -1;
	}
	leave_handshakes(c);
	net = loop_release(&c->front->loop, &c->net);
	if (relay_start(&c->relay, &c->front->loop, take_ptr(c->tls), net, pair[0], on_relay_done,
			err) < 0) {
		client_free(c);
		return 0;
	}
	return 0;
}

/* --- the handshake --- */

static void shake(struct client *c)
{
	struct crl_err err = CRL_ERR_INIT;
	char why[256];
	int r = gnutls_handshake(c->tls);

	if (r == GNUTLS_E_SUCCESS) {
		if (hand_over(c, &err) < 0)
			drop(c, err.msg);
		return;
	}
	if (gnutls_error_is_fatal(r)) {
		(void)gnutls_alert_send_appropriate(c->tls, r);
		tls_handshake_reason(c->tls, r, why, sizeof(why));
		say_goodbye(c, why);
		return;
	}
	if (loop_watch(&c->front->loop, &c->net,
		       gnutls_record_get_direction(c->tls) ? EPOLLOUT : EPOLLIN, &err) < 0)
		drop(c, err.msg);
}

static void on_net(struct loop_source *s, uint32_t events)
{
	shake(CONTAINER_OF(s, struct client, net));
}

static void on_limit(struct loop_timer *t)
{
	drop(CONTAINER_OF(t, struct client, limit), "no handshake within ten seconds");
}

static void join_handshakes(struct client *c)
{
	struct front *f = c->front;

	c->prev = f->newest;
	*(c->prev ? &c->prev->next : &f->oldest) = c;
	f->newest = c;
	f->n_handshakes++;
	c->limit.fire = on_limit;
	loop_timer_set(&f->loop, &c->limit, HANDSHAKE_NS);
}

/* --- accepting --- */

static void print_address(const struct sockaddr_storage *addr, char ret[ADDRESS_MAX])
{
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)addr;
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)addr;
	char ip[INET6_ADDRSTRLEN] = "?";

	if (addr->ss_family == AF_INET6) {
		(void)inet_ntop(AF_INET6, &v6->sin6_addr, ip, sizeof(ip));
		(void)snprintf(ret, ADDRESS_MAX, "[%s]:%u", ip, ntohs(v6->sin6_port));
	} else {
		(void)inet_ntop(AF_INET, &v4->sin_addr, ip, sizeof(ip));
		(void)snprintf(ret, ADDRESS_MAX, "%s:%u", ip, ntohs(v4->sin_port));
	}
}

static void client_new(struct front *f, int fd, const struct sockaddr_storage *addr)
{
	struct client *c = calloc(1, sizeof(*c));
	struct crl_err err = CRL_ERR_INIT;
	int one = 1;

	if (!c) {
		close(fd);
		return;
	}
	if (f->n_handshakes >= HANDSHAKES_MAX)
		drop(f->oldest, "too many handshakes");
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	(void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof(one));
	c->front = f;
	c->net = (struct loop_source){.fd = fd, .ready = on_net};
	print_address(addr, c->from);
	f->n_clients++;
	join_handshakes(c);
	if (tls_session_new(&f->keys, NULL, fd, &c->tls, &err) < 0)
		client_close(c);
	else
		shake(c);
}

static void on_pause_over(struct loop_timer *t)
{
	listen_again(CONTAINER_OF(t, struct front, pause));
}

static void pause_accepting(struct front *f)
{
	(void)loop_watch(&f->loop, &f->listener, 0, NULL);
	f->pause.fire = on_pause_over;
	loop_timer_set(&f->loop, &f->pause, PAUSE_NS);
}

static void on_listener(struct loop_source *s, uint32_t events)
{
	struct front *f = CONTAINER_OF(s, struct front, listener);
	struct sockaddr_storage addr;
	socklen_t len = sizeof(addr);
	int fd;

	if (f->n_clients >= f->max_clients) { /* the backlog keeps them */
		(void)loop_watch(&f->loop, &f->listener, 0, NULL);
		return;
	}
	fd = accept4(s->fd, (struct sockaddr *)&addr, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd >= 0)
		client_new(f, fd, &addr);
	else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS)
		pause_accepting(f);
}

/* The daemon says nothing here: what comes is its end. */
static void on_control(struct loop_source *s, uint32_t events)
{
	struct front *f = CONTAINER_OF(s, struct front, control);
	char waste[16];

	if (recv(s->fd, waste, sizeof(waste), MSG_DONTWAIT) > 0)
		return;
	loop_close(&f->loop, &f->control);
	loop_close(&f->loop, &f->listener);
	while (f->oldest)
		drop(f->oldest, "the daemon ended");
	end_if_idle(f);
}

/* --- start --- */

static int read_args(struct tls_keys *keys, struct crl_err *err)
{
	_cleanup_free_ char *text = NULL;
	_cleanup_cjson_ cJSON *args = NULL;
	const char *ca, *cert, *key;
	enum log_level level;
	size_t len;

	if (lseek(TLS_ARGS_FD, 0, SEEK_SET) < 0 ||
	    fd_read_all(TLS_ARGS_FD, ARGS_MAX, &text, &len, err) < 0)
		return crl_fail(
			err, CRL_INVALID,
			"no arguments on descriptor 5: this program is started by crun-lited");
	close(TLS_ARGS_FD);
	if (json_parse(text, len, ARGS_MAX, &args, err) < 0)
		return -1;
	explicit_bzero(text, len);
	ca = json_get_str(args, "ca");
	cert = json_get_str(args, "cert");
	key = json_get_str(args, "key");
	if (!ca || !cert || !key)
		return crl_fail(err, CRL_INVALID, "arguments without ca, cert and key");
	if (log_level_parse(json_get_str(args, "log"), &level))
		log_set_level(level);
	log_set_json(json_get_bool(args, "json"));
	return tls_keys_init(keys, ca, cert, key, err);
}

/* So many that accept never lacks a descriptor for the pair. */
static size_t clients_by_limit(void)
{
	struct rlimit l = {0};
	size_t n;

	fd_raise_nofile();
	if (getrlimit(RLIMIT_NOFILE, &l) < 0 || l.rlim_cur <= OTHER_FDS + CLIENT_FDS)
		return 1;
	n = ((size_t)l.rlim_cur - OTHER_FDS) / (CLIENT_FDS + 1);
	return n < CLIENTS_MAX ? n : CLIENTS_MAX;
}

int front_run(struct crl_err *err)
{
	static struct front f;

	f.listener = (struct loop_source){.fd = TLS_LISTEN_FD, .ready = on_listener};
	f.control = (struct loop_source){.fd = TLS_CONTROL_FD, .ready = on_control};
	f.max_clients = clients_by_limit();
	if (read_args(&f.keys, err) < 0 || loop_init(&f.loop, err) < 0 ||
	    loop_watch(&f.loop, &f.listener, EPOLLIN, err) < 0 ||
	    loop_watch(&f.loop, &f.control, EPOLLIN, err) < 0 || cage(true, err) < 0)
		return -1;
	if (loop_run(&f.loop, err) < 0)
		return -1;
	loop_deinit(&f.loop);
	tls_keys_deinit(&f.keys);
	return 0;
}
