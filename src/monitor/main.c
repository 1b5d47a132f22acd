/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * crun-lite-monitor: the parent of one container. Owns the process itself:
 * arguments, signals, the loop's life. It may not depend on the daemon being
 * alive. See setsid(2), signal(7), malloc_trim(3).
 */
#include "monitor.h"

#include <base/cleanup.h>
#include <base/ident.h>
#include <base/log.h>
#include <base/step.h>
#include <crun-lite/netns_proto.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#define LISTEN_FD 3

static struct monitor monitor;
static struct loop_source children = LOOP_SOURCE_INIT;

/* --- when to end --- */

void monitor_maybe_quit(struct monitor *m)
{
	const struct container *c = &m->container;
	if (c->status == CONTAINER_RUNNING || c->task.io.clients || exec_any_alive(m))
		return;
	if (m->released)
		m->loop.stop = true;
	else if (!m->server.connections && !m->lonely.armed)
		loop_timer_set(&m->loop, &m->lonely, MONITOR_LONELY_NS);
}

static void left_alone(void *data)
{
	struct monitor *m = data;
	if (m->dir_fd < 0)
		m->loop.stop = true; /* in reserve, and nobody is left who could need us */
	else
		monitor_maybe_quit(m);
}

static void lonely_for_long(struct loop_timer *t)
{
	struct monitor *m = CONTAINER_OF(t, struct monitor, lonely);
	if (m->server.connections)
		return;
	/* The exit record stays on disk for the daemon that comes next. */
	if (m->container.status != CONTAINER_RUNNING)
		m->released = true;
	monitor_maybe_quit(m);
}

/* --- signals --- */

/*
 * Caught and forgotten rather than ignored: a caught signal is reset by
 * execve(2), an ignored one would stay ignored inside the container.
 */
static void forget_signal(int sig)
{
}

static void set_signals(void)
{
	static const int forgotten[] = {SIGPIPE, SIGTERM, SIGINT, SIGHUP};
	struct sigaction sa = {.sa_handler = forget_signal, .sa_flags = SA_RESTART};
	for (size_t i = 0; i < ARRAY_SIZE(forgotten); i++)
		(void)sigaction(forgotten[i], &sa, NULL);
}

/* Our own children end through their pidfds; what else ends here came to us as an orphan. */
static bool is_ours(const struct monitor *m, pid_t pid)
{
	if (task_alive(&m->container.task) && m->container.task.pid == pid)
		return true;
	for (const struct exec *e = m->execs; e; e = e->next)
		if (task_alive(&e->task) && e->task.pid == pid)
			return true;
	return false;
}

static void check_tasks(struct monitor *m)
{
	for (struct exec *e = m->execs, *next; e; e = next) {
		next = e->next;
		task_check(&e->task);
	}
	task_check(&m->container.task);
}

static void note_child(int sig)
{
	int saved = errno;
	uint64_t one = 1;
	(void)!write(children.fd, &one, sizeof(one));
	errno = saved;
}

static void child_ended(struct loop_source *s, uint32_t events)
{
	uint64_t n;
	(void)!read(s->fd, &n, sizeof(n));
	check_tasks(&monitor);
	for (;;) {
		siginfo_t si = {0};
		if (waitid(P_ALL, 0, &si, WEXITED | WNOHANG | WNOWAIT) < 0 || si.si_pid == 0)
			return;
		if (is_ours(&monitor, si.si_pid))
			check_tasks(&monitor);
		else
			(void)waitid(P_PID, (id_t)si.si_pid, &si, WEXITED | WNOHANG);
	}
}

int monitor_reap_orphans(struct monitor *m, struct crl_err *err)
{
	if (prctl(PR_SET_CHILD_SUBREAPER, 1) < 0)
		return crl_fail_sys(err, errno, "child subreaper");
	children = (struct loop_source){.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
					.ready = child_ended};
	if (children.fd < 0)
		return crl_fail_sys(err, errno, "eventfd");
	/* A handler and no signalfd: that would need a signal mask, which execs would inherit. */
	struct sigaction sa = {.sa_handler = note_child, .sa_flags = SA_RESTART};
	if (sigaction(SIGCHLD, &sa, NULL) < 0)
		return crl_fail_sys(err, errno, "sigaction");
	return loop_watch(&m->loop, &children, EPOLLIN, err);
}

/* --- start --- */

static const struct option options[] = {
	{"id", required_argument, NULL, 'i'},      {"container-dir", required_argument, NULL, 'c'},
	{"run-dir", required_argument, NULL, 'r'}, {"version", no_argument, NULL, 'v'},
	{"help", no_argument, NULL, 'h'},          {NULL, 0, NULL, 0},
};

static int usage(int code)
{
	static const char text[] =
		"usage: crun-lite-monitor --id ID --container-dir DIR --run-dir DIR\n"
		"Started by crun-lited, with the container's listening socket as descriptor 3.\n";
	(void)!write(code ? 2 : 1, text, sizeof(text) - 1);
	return code;
}

static int parse(struct monitor *m, int argc, char **argv)
{
	int o;
	while ((o = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (o) {
		case 'i': m->id = optarg; break;
		case 'c': m->container_dir = optarg; break;
		case 'r': m->run_dir = optarg; break;
		case 'h': return usage(0) - 1;
		default: return usage(2);
		}
	}
	return m->id && m->container_dir && m->run_dir && optind == argc ? 0 : usage(2);
}

static int open_dir(struct monitor *m, struct crl_err *err)
{
	m->dir_fd = open(m->container_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return m->dir_fd < 0 ? crl_fail_sys(err, errno, "%s", m->container_dir) : 0;
}

static void replace_id(char *arg, const char *id)
{
	size_t len = strlen(arg), n = strlen(MON_SPARE_ID);
	if (len >= n && memcmp(arg + len - n, MON_SPARE_ID, n) == 0)
		memcpy(arg + len - n, id, n);
}

int monitor_take_id(struct monitor *m, const char *id, struct crl_err *err)
{
	if (str_empty(id) || str_eq(id, m->id))
		return 0;
	if (!str_eq(m->id, MON_SPARE_ID) || !ident_is_hex(id, ID_HEX, ID_HEX))
		return crl_fail(err, CRL_CONFLICT, "this is the monitor of %s", m->id);
	replace_id(m->id, id);
	replace_id(m->container_dir, id);
	replace_id(m->run_dir, id);
	return open_dir(m, err);
}

static int init(struct monitor *m, struct crl_err *err)
{
	/* Not in the daemon's session, and deaf to what stops the daemon's group. */
	(void)setsid();
	set_signals();
	/* What is freed after the start goes back to the kernel rather than into a reserve. */
	(void)mallopt(M_TRIM_THRESHOLD, 64 * 1024);
	(void)mallopt(M_MMAP_THRESHOLD, 64 * 1024);
	(void)mallopt(M_TOP_PAD, 16 * 1024);
	if (!str_eq(m->id, MON_SPARE_ID) && open_dir(m, err) < 0)
		return -1;
	if (loop_init(&m->loop, err) < 0)
		return -1;
	m->lonely.fire = lonely_for_long;
	container_init(&m->container, m);
	if (server_init(&m->server, &m->loop, LISTEN_FD, monitor_ops, monitor_n_ops, m, err) < 0)
		return -1;
	m->server.lonely = left_alone;
	monitor_maybe_quit(m);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], "--make-netns") == 0)
		return netns_helper_main(argc, argv);
	if (argc > 1 && strcmp(argv[1], "--print-steps") == 0) {
		steps_print(stdout);
		return 0;
	}
	struct monitor *m = &monitor;
	m->dir_fd = -1;
	if (parse(m, argc, argv) != 0)
		return 2;
	struct crl_err err = CRL_ERR_INIT;
	if (init(m, &err) < 0 || loop_run(&m->loop, &err) < 0) {
		log_error("monitor", "container", m->id, "error", err.msg, NULL);
		return 1;
	}
	exec_free_all(m);
	container_deinit(&m->container);
	server_deinit(&m->server);
	loop_deinit(&m->loop);
	cleanup_close_p(&m->dir_fd);
	return 0;
}
