// SPDX-License-Identifier: GPL-2.0-or-later
/* See tls_front.h. TLS itself, and every byte that a stranger sends, is beyond this file. */
#include "tls_front.h"
#include "daemon.h"
#include "http_internal.h"

#include <base/fd.h>
#include <base/log.h>
#include <base/path.h>
#include <base/proc.h>
#include <crun-lite/tls_proto.h>
#include <errno.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/wait.h>

#define PROGRAM "crun-lite-tls"
#define PEM_MAX (256U * 1024)
#define DELAY_MIN_US (100ULL * 1000)
#define DELAY_MAX_US (10ULL * 1000 * 1000)
#define CLIENTS_BATCH 16

struct tls_front {
	struct http_server *server;
	char *host;
	int listen_fd;
	int control, pidfd; /* of the front that runs; -1 */
	sd_event_source *on_client, *on_exit, *later;
	uint64_t delay_us;
};

static sd_event *loop_of(const struct tls_front *f)
{
	return f->server->daemon->event;
}

/* --- what the front gets --- */

static int add_pem(cJSON *args, const char *key, const char *path, struct crl_err *err)
{
	_cleanup_free_ char *text = NULL;
	size_t len;

	if (path_read_file(AT_FDCWD, path, PEM_MAX, &text, &len, err) < 0)
		return -1;
	json_add_str(args, key, text);
	explicit_bzero(text, len);
	return 0;
}

static int args_file(const struct tls_front *f, int *ret_fd, struct crl_err *err)
{
	const struct daemon_config *c = &f->server->daemon->config;
	_cleanup_cjson_ cJSON *args = cJSON_CreateObject();
	_cleanup_free_ char *text = NULL;
	int r;

	if (add_pem(args, "ca", c->tlscacert, err) < 0 ||
	    add_pem(args, "cert", c->tlscert, err) < 0 || add_pem(args, "key", c->tlskey, err) < 0)
		return -1;
	json_add_str(args, "log", c->debug ? "debug" : c->log_level);
	cJSON_AddBoolToObject(args, "json", str_eq(c->log_format, "json"));
	text = cJSON_PrintUnformatted(args);
	if (!text)
		return crl_fail_oom(err);
	r = fd_sealed_memfd(PROGRAM, text, strlen(text), ret_fd, err);
	explicit_bzero(text, strlen(text));
	return r;
}

static int spawn(struct tls_front *f, int control, struct crl_err *err)
{
	char *const argv[] = {(char *)PROGRAM, (char *)"server", NULL};
	_cleanup_close_ int args = -1;
	_cleanup_free_ char *path = NULL;
	pid_t pid;

	if (daemon_program(f->server->daemon, PROGRAM, &path, err) < 0 ||
	    args_file(f, &args, err) < 0)
		return -1;
	const int fds[] = {-1, -1, STDERR_FILENO, control, f->listen_fd, args};
	const struct proc_spawn p = {.path = path,
				     .argv = argv,
				     .fds = fds,
				     .n_fds = ARRAY_SIZE(fds),
				     .new_session = true};

	return proc_spawn(&p, &pid, &f->pidfd, err);
}

/* --- clients it sends --- */

/* false: nothing more is there, or the front is gone. */
static bool take_client(struct tls_front *f)
{
	char text[TLS_MESSAGE_MAX + 1];
	_cleanup_cjson_ cJSON *tree = NULL;
	struct crl_err err = CRL_ERR_INIT;
	size_t len = 0, n = 0;
	int fd = -1;

	if (fd_recv_msg(f->control, text, TLS_MESSAGE_MAX, &len, &fd, 1, &n, &err) < 0)
		return false;
	if (len == 0 || n == 0) { /* its end, which on_exit hears of, too */
		if (n)
			close(fd);
		(void)sd_event_source_set_enabled(f->on_client, SD_EVENT_OFF);
		return false;
	}
	if (json_parse(text, len, TLS_MESSAGE_MAX, &tree, &err) < 0 || !http_listen_is_unix(fd) ||
	    fd_set_nonblock(fd, true, &err) < 0) {
		log_warn("tls front: a message that is none", "error", err.msg, NULL);
		close(fd);
		return true;
	}
	f->delay_us = DELAY_MIN_US;
	http_server_take(f->server, fd, json_get_str(tree, "subject"), json_get_str(tree, "from"));
	return true;
}

static int on_client(sd_event_source *source, int fd, uint32_t events, void *data)
{
	for (int i = 0; i < CLIENTS_BATCH && take_client(data); i++)
		;
	return 0;
}

/* --- its life --- */

static void forget(struct tls_front *f)
{
	f->on_client = sd_event_source_disable_unref(f->on_client);
	f->on_exit = sd_event_source_disable_unref(f->on_exit);
	cleanup_close_p(&f->control);
	cleanup_close_p(&f->pidfd);
	f->control = f->pidfd = -1;
}

static int start(struct tls_front *f, struct crl_err *err);

static int on_later(sd_event_source *source, uint64_t usec, void *data)
{
	struct tls_front *f = data;
	struct crl_err err = CRL_ERR_INIT;

	f->delay_us = f->delay_us * 2 > DELAY_MAX_US ? DELAY_MAX_US : f->delay_us * 2;
	if (start(f, &err) == 0)
		return 0;
	log_error("tls front", "host", f->host, "error", err.msg, NULL);
	if (sd_event_source_set_time_relative(f->later, f->delay_us) >= 0)
		(void)sd_event_source_set_enabled(f->later, SD_EVENT_ONESHOT);
	return 0;
}

static int on_exit_(sd_event_source *source, int fd, uint32_t events, void *data)
{
	struct tls_front *f = data;
	siginfo_t si = {0};

	if (waitid(P_PIDFD, (id_t)f->pidfd, &si, WEXITED | WNOHANG) < 0 || si.si_pid == 0)
		return 0;
	log_error("the tls front ended and is started again", "host", f->host, "status",
		  log_i64(si.si_status), NULL);
	forget(f);
	if (sd_event_source_set_time_relative(f->later, f->delay_us) >= 0)
		(void)sd_event_source_set_enabled(f->later, SD_EVENT_ONESHOT);
	return 0;
}

static int start(struct tls_front *f, struct crl_err *err)
{
	int pair[2];
	_cleanup_close_ int far = -1;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) < 0)
		return crl_fail_sys(err, errno, "socketpair");
	f->control = pair[0];
	far = pair[1];
	if (spawn(f, far, err) < 0) {
		forget(f);
		return -1;
	}
	if (sd_event_add_io(loop_of(f), &f->on_client, f->control, EPOLLIN, on_client, f) < 0 ||
	    sd_event_add_io(loop_of(f), &f->on_exit, f->pidfd, EPOLLIN, on_exit_, f) < 0) {
		forget(f);
		return crl_fail(err, CRL_INTERNAL, "tls front: event sources");
	}
	return 0;
}

/* The old process is nobody's child from here on but ours to reap. */
static int on_old_exit(sd_event_source *source, int fd, uint32_t events, void *data)
{
	(void)waitid(P_PIDFD, (id_t)fd, &(siginfo_t){0}, WEXITED | WNOHANG);
	sd_event_source_disable_unref(source);
	return 0;
}

int tls_front_renew(struct tls_front *f, struct crl_err *err)
{
	struct tls_front old = *f;
	sd_event_source *reaper = NULL;

	f->control = f->pidfd = -1;
	f->on_client = f->on_exit = NULL;
	if (start(f, err) < 0) {
		f->control = old.control;
		f->pidfd = old.pidfd;
		f->on_client = old.on_client;
		f->on_exit = old.on_exit;
		return crl_context(err, "%s", f->host);
	}
	old.on_exit = sd_event_source_disable_unref(old.on_exit);
	if (old.pidfd >= 0 &&
	    sd_event_add_io(loop_of(f), &reaper, old.pidfd, EPOLLIN, on_old_exit, NULL) >= 0) {
		(void)sd_event_source_set_io_fd_own(reaper, true);
		old.pidfd = -1;
	}
	/* What it handed over last is still on the socket. */
	while (old.control >= 0 && take_client(&old))
		;
	forget(&old);
	return 0;
}

void tls_front_free(struct tls_front *f)
{
	if (!f)
		return;
	forget(f);
	sd_event_source_disable_unref(f->later);
	cleanup_close_p(&f->listen_fd);
	free(f->host);
	free(f);
}

int tls_front_new(struct http_server *s, int listen_fd, const char *host, struct tls_front **ret,
		  struct crl_err *err)
{
	struct tls_front *f = calloc(1, sizeof(*f));

	if (!f || !(f->host = strdup(host))) {
		free(f);
		close(listen_fd);
		return crl_fail_oom(err);
	}
	f->server = s;
	f->listen_fd = listen_fd;
	f->control = f->pidfd = -1;
	f->delay_us = DELAY_MIN_US;
	if (sd_event_add_time_relative(s->daemon->event, &f->later, CLOCK_MONOTONIC, DELAY_MIN_US,
				       0, on_later, f) < 0 ||
	    sd_event_source_set_enabled(f->later, SD_EVENT_OFF) < 0) {
		tls_front_free(f);
		return crl_fail(err, CRL_INTERNAL, "tls front: event source");
	}
	if (start(f, err) < 0) {
		tls_front_free(f);
		return crl_context(err, "%s", host);
	}
	*ret = f;
	return 0;
}
