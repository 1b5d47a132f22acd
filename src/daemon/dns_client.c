/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The connection to crun-lite-dns and its process: when it is started, taken over,
 * restarted and let go. What it is told about a container is made by dns_tell.c.
 * See unix(7), pidfd_open(2).
 */
#include "dns_client.h"

#include "container.h"
#include "dns_tell.h"

#include <base/fd.h>
#include <base/log.h>
#include <base/path.h>
#include <base/proc.h>
#include <crun-lite/dns_proto.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#define SOCKET "dns.sock"
#define PIDFILE "dns.pid"
#define PULSE_US (10ULL * 1000 * 1000)
#define IDLE_US (10ULL * 1000 * 1000)
#define RESTART_US (200ULL * 1000)
#define RESTART_CALM_NS (2LL * 1000 * 1000 * 1000)
/* What a server may have unread. Thousands of containers fit; a server that leaves more is stuck.
 */
#define UNREAD_MAX (8 * 1024 * 1024)

struct dns_client {
	struct daemon *d;
	int sock;  /* -1 = there is no server */
	int pidfd; /* -1 = not known yet */
	sd_event_source *io, *idle, *restart, *pulse;
	bool asked;     /* whether it lives: the answer is outstanding */
	size_t n_boxes; /* containers with has_dns */
	int64_t started;
	bool recovering; /* not everything has been told: no commit yet */
};

static void dns_lost(struct dns_client *dns);
static void dns_quit(struct dns_client *dns);

/* --- the socket --- */

/* The folder's descriptor keeps the name short: sun_path has 108 bytes. */
static int dns_address(const struct dns_client *dns, int *ret_dir, struct sockaddr_un *ret,
		       struct crl_err *err)
{
	int dir = open(dns->d->config.exec_root, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (dir < 0)
		return crl_fail_sys(err, errno, "%s", dns->d->config.exec_root);
	*ret = (struct sockaddr_un){.sun_family = AF_UNIX};
	(void)snprintf(ret->sun_path, sizeof(ret->sun_path), "/proc/self/fd/%d/" SOCKET, dir);
	*ret_dir = dir;
	return 0;
}

static int dns_listen(const struct dns_client *dns, int *ret, struct crl_err *err)
{
	_cleanup_close_ int dir = -1, fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	struct sockaddr_un addr;

	if (fd < 0)
		return crl_fail_sys(err, errno, "socket");
	if (dns_address(dns, &dir, &addr, err) < 0)
		return -1;
	(void)unlinkat(dir, SOCKET, 0);
	if (bind(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0 ||
	    chmod(addr.sun_path, 0600) < 0 || listen(fd, 4) < 0)
		return crl_fail_sys(err, errno, SOCKET);
	*ret = take_fd(&fd);
	return 0;
}

/* 1 = connected, 0 = nobody listens. */
static int dns_connect(struct dns_client *dns, struct crl_err *err)
{
	_cleanup_close_ int dir = -1;
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	const int unread = UNREAD_MAX;
	struct sockaddr_un addr;

	if (fd < 0)
		return crl_fail_sys(err, errno, "socket");
	if (dns_address(dns, &dir, &addr, err) < 0)
		return -1;
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &unread, sizeof(unread));
	if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0)
		return errno == ENOENT || errno == ECONNREFUSED ? 0
								: crl_fail_sys(err, errno, SOCKET);
	dns->sock = take_fd(&fd);
	return 1;
}

/* It is there and of no use. */
static void dns_kill(struct dns_client *dns)
{
	struct crl_err ignored;

	if (dns->pidfd >= 0)
		(void)proc_pidfd_kill(dns->pidfd, SIGKILL, &ignored);
	dns_lost(dns);
}

void dns_send(struct dns_client *dns, const struct dns_msg *m, int *fds)
{
	_cleanup_free_ char *text = json_encode(&dns_msg_json, m);
	struct crl_err err = CRL_ERR_INIT;

	if (dns->sock < 0)
		return;
	if (text && fd_send_msg(dns->sock, text, strlen(text), fds, fds ? 2 : 0, &err) == 0)
		return;
	log_warn("name server not told", "error", text ? err.msg : "no memory", NULL);
	dns_kill(dns);
}

static void dns_op(struct dns_client *dns, const char *op)
{
	dns_send(dns, &(struct dns_msg){.op = (char *)op, .version = DNS_PROTO_VERSION}, NULL);
}

/* --- what it says --- */

static void dns_hello(struct dns_client *dns, const struct dns_msg *m)
{
	struct crl_err err = CRL_ERR_INIT;

	dns->asked = false;
	if (dns->pidfd < 0 && m->pid > 0)
		(void)proc_open_pidfd((pid_t)m->pid, m->ticks, &dns->pidfd, &err);
	if (m->version >= DNS_PROTO_VERSION)
		return;
	log_info("name server is of an older release and is replaced", NULL);
	dns_quit(dns);
	dns_lost(dns);
}

static void dns_handle(struct dns_client *dns, const char *text, size_t len)
{
	struct crl_err err = CRL_ERR_INIT;
	struct dns_msg m = {0};

	if (json_decode(&dns_msg_json, text, len, JSON_LAX, &m, &err) < 0) {
		log_warn("name server", "error", err.msg, NULL);
		return;
	}
	if (str_eq(m.op, "hello"))
		dns_hello(dns, &m);
	else if (str_eq(m.op, "missing") && m.id)
		dns_tell_missing(dns->d, m.id);
	json_free(&dns_msg_json, &m);
}

static int dns_io(sd_event_source *s, int fd, uint32_t revents, void *data)
{
	struct dns_client *dns = data;
	char text[1024];

	for (int i = 0; i < 64 && dns->sock == fd; i++) {
		ssize_t n = recv(fd, text, sizeof(text), MSG_DONTWAIT);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return 0;
		if (n <= 0)
			dns_lost(dns);
		else
			dns_handle(dns, text, (size_t)n);
	}
	return 0;
}

/* --- the process --- */

/* For the next daemon, which may find it stopped: who does not answer cannot say its number. */
static void dns_note_pid(const struct dns_client *dns, pid_t pid)
{
	_cleanup_free_ char *name = path_printf("%s/" PIDFILE, dns->d->config.exec_root);
	struct crl_err err = CRL_ERR_INIT;
	uint64_t ticks;
	char text[64];

	if (!name || proc_start_time(pid, &ticks, &err) < 0)
		return;
	int len = snprintf(text, sizeof(text), "%lld %llu\n", (long long)pid,
			   (unsigned long long)ticks);
	if (path_write_atomic(AT_FDCWD, name, text, (size_t)len, 0644, false, &err) < 0)
		log_warn("name server's pid", "error", err.msg, NULL);
}

static void dns_find_pid(struct dns_client *dns)
{
	_cleanup_free_ char *name = path_printf("%s/" PIDFILE, dns->d->config.exec_root);
	_cleanup_free_ char *text = NULL;
	struct crl_err ignored;
	long long pid;
	unsigned long long ticks;
	size_t len;

	if (name && path_read_file(AT_FDCWD, name, 64, &text, &len, &ignored) == 0 &&
	    sscanf(text, "%lld %llu", &pid, &ticks) == 2 && ticks > 0)
		(void)proc_open_pidfd((pid_t)pid, ticks, &dns->pidfd, &ignored);
}

/* A server that is stopped or runs in circles has its sockets, and nobody would notice. */
static int dns_pulse(sd_event_source *s, uint64_t usec, void *data)
{
	struct dns_client *dns = data;

	if (dns->sock < 0)
		return 0;
	if (dns->asked) {
		log_warn("name server does not answer", NULL);
		dns_kill(dns);
		return 0;
	}
	dns->asked = true;
	dns_op(dns, "hello");
	sd_event_source_set_time_relative(s, PULSE_US);
	sd_event_source_set_enabled(s, SD_EVENT_ONESHOT);
	return 0;
}

static int dns_reap(sd_event_source *s, int fd, uint32_t revents, void *data)
{
	siginfo_t info;

	if (waitid(P_PIDFD, (id_t)fd, &info, WEXITED | WNOHANG) == 0 || errno == ECHILD)
		sd_event_source_disable_unref(s);
	return 0;
}

static int dns_spawn(struct dns_client *dns, struct crl_err *err)
{
	_cleanup_free_ char *path = NULL;
	_cleanup_free_ char *name = path_printf("%s/" SOCKET, dns->d->config.exec_root);
	_cleanup_close_ int listener = -1;
	sd_event_source *reaper = NULL;
	pid_t pid;
	int pidfd;

	if (!name)
		return crl_fail_oom(err);
	if (daemon_program(dns->d, "crun-lite-dns", &path, err) < 0 ||
	    dns_listen(dns, &listener, err) < 0 || dns_connect(dns, err) < 0)
		return -1;
	char *const argv[] = {(char *)"crun-lite-dns", name, NULL};
	const int fds[] = {-1, -1, 2, listener};
	const struct proc_spawn spawn = {
		.path = path, .argv = argv, .fds = fds, .n_fds = 4, .new_session = true};
	if (proc_spawn(&spawn, &pid, &pidfd, err) < 0) {
		cleanup_close_p(&dns->sock);
		dns->sock = -1;
		return -1;
	}
	dns->pidfd = fcntl(pidfd, F_DUPFD_CLOEXEC, 3);
	dns_note_pid(dns, pid);
	if (sd_event_add_io(dns->d->event, &reaper, pidfd, EPOLLIN, dns_reap, NULL) < 0) {
		close(pidfd);
		return 0;
	}
	(void)sd_event_source_set_io_fd_own(reaper, 1);
	(void)sd_event_source_set_floating(reaper, 1);
	sd_event_source_unref(reaper);
	return 0;
}

static int dns_watch(struct dns_client *dns, struct crl_err *err)
{
	int r = sd_event_add_io(dns->d->event, &dns->io, dns->sock, EPOLLIN, dns_io, dns);

	return r < 0 ? crl_fail_sys(err, -r, "watch the name server") : 0;
}

static void dns_close(struct dns_client *dns)
{
	dns->io = sd_event_source_disable_unref(dns->io);
	cleanup_close_p(&dns->sock);
	cleanup_close_p(&dns->pidfd);
	dns->sock = dns->pidfd = -1;
}

/* Takes over the one that listens, or starts one, and tells it all that we know. */
static int dns_begin(struct dns_client *dns, struct crl_err *err)
{
	int r = dns_connect(dns, err);

	if (r > 0)
		dns_find_pid(dns);
	else if (r == 0)
		r = dns_spawn(dns, err);
	if (r < 0 || dns_watch(dns, err) < 0) {
		dns_close(dns);
		return crl_context(err, "name server");
	}
	dns->started = time_boot_ns();
	dns->asked = true;
	sd_event_source_set_time_relative(dns->pulse, PULSE_US);
	sd_event_source_set_enabled(dns->pulse, SD_EVENT_ONESHOT);
	dns_op(dns, "hello");
	dns_op(dns, "begin");
	for (size_t i = 0; i < dns->d->containers->n && dns->sock >= 0; i++)
		if (dns->d->containers->items[i]->has_dns)
			dns_tell(dns->d->containers->items[i], NULL);
	if (!dns->recovering)
		dns_op(dns, "commit");
	if (dns->sock < 0)
		return crl_fail(err, CRL_UNAVAILABLE, "name server ended");
	return 0;
}

static int dns_restart(sd_event_source *s, uint64_t usec, void *data)
{
	struct dns_client *dns = data;
	struct crl_err err = CRL_ERR_INIT;

	if (dns->sock >= 0 || dns->n_boxes == 0 || dns_begin(dns, &err) == 0)
		return 0;
	log_warn("name server not started", "error", err.msg, NULL);
	sd_event_source_set_time_relative(s, RESTART_US);
	sd_event_source_set_enabled(s, SD_EVENT_ONESHOT);
	return 0;
}

/* At once, unless it does nothing but die. */
static void dns_lost(struct dns_client *dns)
{
	bool calm = time_boot_ns() - dns->started > RESTART_CALM_NS;

	dns_close(dns);
	if (dns->n_boxes == 0)
		return;
	log_warn("name server ended", "containers", log_i64((int64_t)dns->n_boxes), NULL);
	sd_event_source_set_time_relative(dns->restart, calm ? 0 : RESTART_US);
	sd_event_source_set_enabled(dns->restart, SD_EVENT_ONESHOT);
}

/* Its name goes first: the next container shall not be told to one that ends. */
static void dns_quit(struct dns_client *dns)
{
	_cleanup_free_ char *name = path_printf("%s/" SOCKET, dns->d->config.exec_root);

	if (name)
		(void)unlink(name);
	dns_op(dns, "quit");
	dns_close(dns);
}

static int dns_idle(sd_event_source *s, uint64_t usec, void *data)
{
	struct dns_client *dns = data;

	if (dns->n_boxes == 0)
		dns_quit(dns);
	return 0;
}

/* --- for others --- */

int dns_ensure(struct dns_client *dns, struct crl_err *err)
{
	return dns->sock >= 0 ? 0 : dns_begin(dns, err);
}

bool dns_recovering(const struct dns_client *dns)
{
	return dns->recovering;
}

void dns_count(struct dns_client *dns, struct container *c, bool has_dns)
{
	if (c->has_dns == has_dns)
		return;
	c->has_dns = has_dns;
	dns->n_boxes += has_dns ? 1 : (size_t)-1;
	sd_event_source_set_time_relative(dns->idle, IDLE_US);
	sd_event_source_set_enabled(dns->idle, dns->n_boxes ? SD_EVENT_OFF : SD_EVENT_ONESHOT);
}

void dns_client_recovered(struct daemon *d)
{
	struct dns_client *dns = d->dns;
	struct crl_err err = CRL_ERR_INIT;

	dns->recovering = false;
	if (dns->sock >= 0) {
		dns_op(dns, "commit");
	} else if (dns->n_boxes == 0 && dns_connect(dns, &err) > 0) {
		dns_quit(dns); /* one that serves nobody any more */
	}
}

static int dns_timer(struct dns_client *dns, sd_event_source **ret,
		     int (*cb)(sd_event_source *, uint64_t, void *))
{
	int r = sd_event_add_time_relative(dns->d->event, ret, CLOCK_MONOTONIC, IDLE_US, 1000, cb,
					   dns);

	return r < 0 ? r : sd_event_source_set_enabled(*ret, SD_EVENT_OFF);
}

int dns_client_new(struct daemon *d, struct dns_client **ret, struct crl_err *err)
{
	struct dns_client *dns = calloc(1, sizeof(*dns));

	if (!dns)
		return crl_fail_oom(err);
	*dns = (struct dns_client){.d = d, .sock = -1, .pidfd = -1, .recovering = true};
	int r = dns_timer(dns, &dns->idle, dns_idle);
	if (r >= 0)
		r = dns_timer(dns, &dns->restart, dns_restart);
	if (r >= 0)
		r = dns_timer(dns, &dns->pulse, dns_pulse);
	if (r < 0) {
		dns_client_free(dns);
		return crl_fail_sys(err, -r, "name server's timer");
	}
	*ret = dns;
	return 0;
}

void dns_client_free(struct dns_client *dns)
{
	if (!dns)
		return;
	if (dns->sock >= 0 && dns->n_boxes == 0)
		dns_quit(dns);
	dns_close(dns);
	sd_event_source_disable_unref(dns->idle);
	sd_event_source_disable_unref(dns->restart);
	sd_event_source_disable_unref(dns->pulse);
	free(dns);
}
