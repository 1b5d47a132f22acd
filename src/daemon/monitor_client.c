/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Owns the sockets to the monitors and their processes as children: spawn,
 * calls with deadlines, events, reaping. It knows nothing of a container's
 * state. See unix(7) (SOCK_SEQPACKET), pidfd_open(2), waitid(2).
 */
#include "monitor_client.h"
#include "monitor_sock.h"

#include <base/fd.h>
#include <base/log.h>
#include <base/path.h>
#include <base/proc.h>
#include <errno.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/wait.h>

#define DEADLINE_MS 10000U
#define RELEASE_GRACE_US (10 * 1000 * 1000ULL)
/* Before requests of clients: what a monitor said first must be seen first. */
#define MONITOR_PRIORITY (-10)

struct call {
	uint32_t seq;
	monitor_reply reply;
	void *data;
	sd_event_source *timer;
	struct monitor *monitor;
	struct call *next;
};

struct monitor {
	struct daemon *d;
	const struct monitor_events *events;
	void *data;
	int sock, pidfd;
	pid_t pid;
	uint64_t ticks;
	uint32_t last_seq;
	struct call *calls;
	sd_event_source *sock_source, *pid_source, *grace_timer;
	bool gone;      /* `gone` was told */
	bool freed;     /* no callbacks any more */
	bool lingering; /* kept until the process was reaped */
	bool busy;      /* a callback is running: not to be destroyed now */
};

static void destroy(struct monitor *m)
{
	sd_event_source_disable_unref(m->sock_source);
	sd_event_source_disable_unref(m->pid_source);
	sd_event_source_disable_unref(m->grace_timer);
	cleanup_close_p(&m->sock);
	cleanup_close_p(&m->pidfd);
	free(m);
}

/* After a callback, which may have freed or released it. */
static void settle(struct monitor *m, bool was_busy)
{
	m->busy = was_busy;
	if (m->freed && !m->lingering && !m->busy)
		destroy(m);
}

static void call_free(struct call *call)
{
	sd_event_source_disable_unref(call->timer);
	free(call);
}

static void drop_calls(struct monitor *m)
{
	while (m->calls) {
		struct call *next = m->calls->next;
		call_free(m->calls);
		m->calls = next;
	}
}

static struct call *take_call(struct monitor *m, uint32_t seq)
{
	for (struct call **p = &m->calls; *p; p = &(*p)->next) {
		if ((*p)->seq != seq)
			continue;
		struct call *call = *p;
		*p = call->next;
		return call;
	}
	return NULL;
}

/* Every pending call fails with `why`; callbacks may free the monitor. */
static void fail_calls(struct monitor *m, const char *why)
{
	struct crl_err err = CRL_ERR_INIT;
	crl_fail(&err, CRL_UNAVAILABLE, "%s", why);
	while (m->calls && !m->freed) {
		struct call *call = m->calls;
		m->calls = call->next;
		if (call->reply)
			call->reply(NULL, &err, 125, call->data);
		call_free(call);
	}
}

static void tell_gone(struct monitor *m)
{
	if (m->gone)
		return;
	m->gone = true;
	m->sock_source = sd_event_source_disable_unref(m->sock_source);
	fail_calls(m, "the container's monitor is gone");
	if (!m->freed)
		m->events->gone(m->data);
}

/* --- messages --- */

static void answer_call(struct monitor *m, uint32_t seq, const cJSON *tree)
{
	struct call *call = take_call(m, seq);
	if (!call)
		return;
	struct crl_err err = CRL_ERR_INIT;
	struct mon_error wire = {0};
	const cJSON *e = cJSON_GetObjectItemCaseSensitive(tree, "error");
	if (cJSON_IsObject(e)) {
		if (json_decode_tree(&mon_error_json, e, JSON_LAX, &wire, &err) == 0) {
			enum crl_code code = wire.code > CRL_OK && wire.code < CRL_CODE_COUNT
						     ? (enum crl_code)wire.code
						     : CRL_INTERNAL;
			crl_fail(&err, code, "%s", wire.message ? wire.message : "unknown error");
			err.sys = wire.sys;
		}
	}
	if (call->reply)
		call->reply(tree, &err, wire.exit_code, call->data);
	json_free(&mon_error_json, &wire);
	call_free(call);
}

static void dispatch_event(struct monitor *m, const char *event, const cJSON *tree)
{
	struct mon_exit e = {0};
	struct crl_err err = CRL_ERR_INIT;
	if (str_eq(event, "oom")) {
		m->events->oom(m->data);
		return;
	}
	if (json_decode_tree(&mon_exit_json, tree, JSON_LAX, &e, &err) < 0) {
		log_warn("monitor sent a bad event", "event", event, "error", err.msg, NULL);
		return;
	}
	if (str_eq(event, "exit") || str_eq(event, "exec_exit"))
		m->events->exited(&e, m->data);
	else if (str_eq(event, "detach"))
		m->events->detached(e.exec_id ? e.exec_id : "", m->data);
	json_free(&mon_exit_json, &e);
}

static void dispatch(struct monitor *m, const char *text, size_t len)
{
	_cleanup_cjson_ cJSON *tree = NULL;
	struct crl_err err = CRL_ERR_INIT;
	if (json_parse(text, len, MON_MSG_MAX, &tree, &err) < 0) {
		log_warn("monitor sent garbage", "error", err.msg, NULL);
		return;
	}
	int64_t seq = 0;
	const char *event = json_get_str(tree, "event");
	if (event)
		dispatch_event(m, event, tree);
	else if (json_get_i64(tree, "seq", &seq))
		answer_call(m, (uint32_t)seq, tree);
}

static void receive(struct monitor *m)
{
	static char buf[MON_MSG_MAX];
	size_t len = 0, n_fds = 0;
	struct crl_err err = CRL_ERR_INIT;
	if (fd_recv_msg(m->sock, buf, sizeof(buf), &len, NULL, 0, &n_fds, &err) < 0) {
		if (err.sys != EAGAIN && err.sys != EINTR)
			tell_gone(m);
	} else if (len == 0) {
		tell_gone(m);
	} else {
		dispatch(m, buf, len);
	}
}

static int on_sock(sd_event_source *s, int fd, uint32_t revents, void *data)
{
	struct monitor *m = data;
	m->busy = true;
	receive(m);
	settle(m, false);
	return 0;
}

static void reap(struct monitor *m)
{
	siginfo_t info = {0};
	/* ECHILD after a restart of the daemon: it is init's child then. */
	(void)waitid(P_PIDFD, (id_t)m->pidfd, &info, WEXITED | WNOHANG);
}

static int on_pidfd(sd_event_source *s, int fd, uint32_t revents, void *data)
{
	struct monitor *m = data;
	char peek;
	m->busy = true;
	/* What it still said before it died comes first. */
	while (!m->freed && !m->gone && recv(m->sock, &peek, 1, MSG_PEEK | MSG_DONTWAIT) > 0)
		receive(m);
	reap(m);
	m->pid_source = sd_event_source_disable_unref(m->pid_source);
	m->lingering = false;
	if (!m->freed)
		tell_gone(m);
	settle(m, false);
	return 0;
}

static int on_deadline(sd_event_source *s, uint64_t usec, void *data)
{
	struct call *call = data;
	struct monitor *m = call->monitor;
	struct crl_err err = CRL_ERR_INIT;
	crl_fail(&err, CRL_UNAVAILABLE,
		 "the container's monitor (pid %d) does not answer; is it stopped?", (int)m->pid);
	take_call(m, call->seq);
	m->busy = true;
	if (call->reply)
		call->reply(NULL, &err, 125, call->data);
	call_free(call);
	settle(m, false);
	return 0;
}

int monitor_call(struct monitor *m, const char *op, cJSON *body, const int *fds, size_t n_fds,
		 unsigned deadline_ms, monitor_reply reply, void *data, struct crl_err *err)
{
	_cleanup_cjson_ cJSON *tree = body ? body : cJSON_CreateObject();
	if (!tree || m->gone)
		return m->gone ? crl_fail(err, CRL_UNAVAILABLE, "the container's monitor is gone")
			       : crl_fail_oom(err);
	struct call *call = calloc(1, sizeof(*call));
	if (!call)
		return crl_fail_oom(err);
	*call = (struct call){.seq = ++m->last_seq, .reply = reply, .data = data, .monitor = m};
	json_add_str(tree, "op", op);
	json_add_i64(tree, "seq", call->seq);
	_cleanup_free_ char *text = cJSON_PrintUnformatted(tree);
	if (!text || fd_send_msg(m->sock, text, strlen(text), fds, n_fds, err) < 0) {
		call_free(call);
		if (!text)
			return crl_fail_oom(err);
		err->code = CRL_UNAVAILABLE;
		return crl_context(err, "monitor");
	}
	uint64_t us = (deadline_ms ? deadline_ms : DEADLINE_MS) * 1000ULL;
	if (sd_event_add_time_relative(m->d->event, &call->timer, CLOCK_BOOTTIME, us, 0,
				       on_deadline, call) < 0)
		log_warn("a call to a monitor has no deadline", "op", op, NULL);
	call->next = m->calls;
	m->calls = call;
	return 0;
}

/* --- birth --- */

static int watch(struct monitor *m, struct crl_err *err)
{
	int r = sd_event_add_io(m->d->event, &m->sock_source, m->sock, EPOLLIN, on_sock, m);
	if (r >= 0)
		r = sd_event_add_io(m->d->event, &m->pid_source, m->pidfd, EPOLLIN, on_pidfd, m);
	if (r < 0)
		return crl_fail_sys(err, -r, "watch monitor");
	sd_event_source_set_priority(m->sock_source, MONITOR_PRIORITY);
	sd_event_source_set_priority(m->pid_source, MONITOR_PRIORITY + 1);
	return 0;
}

static int exec_monitor(struct monitor *m, const struct monitor_spec *spec, int listener,
			struct crl_err *err)
{
	char exe[40];
	snprintf(exe, sizeof(exe), "/proc/self/fd/%d", spec->d->monitor_exe_fd);
	char *const argv[] = {(char *)"crun-lite-monitor",
			      (char *)"--id",
			      (char *)spec->id,
			      (char *)"--container-dir",
			      (char *)spec->container_dir,
			      (char *)"--run-dir",
			      (char *)spec->run_dir,
			      NULL};
	/* Failpoints reach the monitor by its environment. */
	const char *fail = getenv("CRUN_LITE_FAIL");
	_cleanup_free_ char *fail_env = fail ? path_printf("CRUN_LITE_FAIL=%s", fail) : NULL;
	/*
	 * Without malloc's per-thread cache, what the monitor frees after the start
	 * goes back to the kernel instead of pinning pages for the container's life.
	 */
	char *const env[] = {"GLIBC_TUNABLES=glibc.malloc.tcache_count=0", fail_env, NULL};
	const int fds[] = {-1, -1, 2, listener};
	const struct proc_spawn spawn = {.path = exe,
					 .argv = argv,
					 .env = env,
					 .fds = fds,
					 .n_fds = ARRAY_SIZE(fds),
					 .new_session = true};
	return proc_spawn(&spawn, &m->pid, &m->pidfd, err);
}

static struct monitor *monitor_new(const struct monitor_spec *spec)
{
	struct monitor *m = calloc(1, sizeof(*m));
	if (!m)
		return NULL;
	*m = (struct monitor){
		.d = spec->d, .events = spec->events, .data = spec->data, .sock = -1, .pidfd = -1};
	return m;
}

int monitor_spawn(const struct monitor_spec *spec, struct monitor **ret, struct crl_err *err)
{
	_cleanup_close_ int dir = -1, listener = -1;
	struct monitor *m = monitor_new(spec);
	if (!m)
		return crl_fail_oom(err);
	if (monitor_sock_dir(spec->run_dir, true, &dir, err) < 0 ||
	    monitor_sock_listen(dir, &listener, err) < 0 ||
	    monitor_sock_connect(dir, &m->sock, err) < 0 ||
	    exec_monitor(m, spec, listener, err) < 0) {
		destroy(m);
		return crl_context(err, "monitor");
	}
	if (proc_start_time(m->pid, &m->ticks, err) < 0 || watch(m, err) < 0) {
		monitor_kill(m);
		return crl_context(err, "monitor");
	}
	*ret = m;
	return 0;
}

int monitor_reconnect(const struct monitor_spec *spec, pid_t pid, uint64_t ticks,
		      struct monitor **ret, struct crl_err *err)
{
	_cleanup_close_ int dir = -1;
	struct monitor *m = monitor_new(spec);
	if (!m)
		return crl_fail_oom(err);
	m->pid = pid;
	m->ticks = ticks;
	if (proc_open_pidfd(pid, ticks, &m->pidfd, err) < 0 ||
	    monitor_sock_dir(spec->run_dir, false, &dir, err) < 0 ||
	    monitor_sock_connect(dir, &m->sock, err) < 0 || watch(m, err) < 0) {
		destroy(m);
		return -1;
	}
	*ret = m;
	return 0;
}

pid_t monitor_find(const char *run_dir)
{
	static const char hello[] = "{\"op\":\"hello\",\"seq\":1}";
	const struct timeval patience = {.tv_sec = 1};
	_cleanup_close_ int dir = -1, sock = -1;
	_cleanup_cjson_ cJSON *tree = NULL;
	struct crl_err err = CRL_ERR_INIT;
	char buf[4096];
	int64_t pid = 0;
	if (monitor_sock_dir(run_dir, false, &dir, &err) < 0 ||
	    monitor_sock_connect(dir, &sock, &err) < 0 || fd_set_nonblock(sock, false, &err) < 0 ||
	    setsockopt(sock, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) < 0 ||
	    send(sock, hello, strlen(hello), MSG_NOSIGNAL) < 0)
		return 0;
	ssize_t n = recv(sock, buf, sizeof(buf), 0);
	if (n <= 0 || json_parse(buf, (size_t)n, sizeof(buf), &tree, &err) < 0)
		return 0;
	return json_get_i64(tree, "monitor_pid", &pid) && pid > 1 ? (pid_t)pid : 0;
}

void monitor_adopt(struct monitor *m, const struct monitor_events *events, void *data)
{
	m->events = events;
	m->data = data;
}

pid_t monitor_pid(const struct monitor *m)
{
	return m->pid;
}

uint64_t monitor_ticks(const struct monitor *m)
{
	return m->ticks;
}

/* --- farewell --- */

static int on_grace_over(sd_event_source *s, uint64_t usec, void *data)
{
	struct monitor *m = data;
	struct crl_err err = CRL_ERR_INIT;
	log_warn("monitor did not end by itself: killed", "pid", log_i64(m->pid), NULL);
	(void)proc_pidfd_kill(m->pidfd, SIGKILL, &err);
	return 0;
}

/* The object stays, nameless, until its process was reaped. */
static void linger(struct monitor *m, uint64_t grace_us)
{
	m->freed = true;
	drop_calls(m);
	m->sock_source = sd_event_source_disable_unref(m->sock_source);
	m->lingering = m->pid_source != NULL;
	if (!m->lingering && m->pidfd >= 0)
		reap(m);
	if (m->lingering && grace_us)
		sd_event_add_time_relative(m->d->event, &m->grace_timer, CLOCK_BOOTTIME, grace_us,
					   0, on_grace_over, m);
	settle(m, m->busy);
}

void monitor_release(struct monitor *m)
{
	struct crl_err err = CRL_ERR_INIT;
	if (!m)
		return;
	if (!m->gone)
		(void)monitor_call(m, "release", NULL, NULL, 0, 0, NULL, NULL, &err);
	linger(m, RELEASE_GRACE_US);
}

void monitor_kill(struct monitor *m)
{
	struct crl_err err = CRL_ERR_INIT;
	if (!m)
		return;
	if (m->pidfd >= 0)
		(void)proc_pidfd_kill(m->pidfd, SIGKILL, &err);
	linger(m, 0);
}

void monitor_free(struct monitor *m)
{
	if (!m)
		return;
	m->freed = true;
	drop_calls(m);
	settle(m, m->busy);
}
