// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The life of a worker: spawn, read its messages, reap it. The daemon never
 * waits: messages and the exit (a pidfd) are events of the loop. See jobs.h
 * for the protocol, pidfd_open(2), unix(7).
 */
#include "daemon.h"
#include "images.h"
#include "jobs_internal.h"

#include <base/fd.h>
#include <base/ident.h>
#include <base/log.h>
#include <base/proc.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/wait.h>

#define WORKER "crun-lite-worker"
#define MESSAGE_MAX (64U * 1024)
#define MESSAGES_PER_TURN 64
#define CANCEL_GRACE_US (5ULL * 1000 * 1000)
#define END_GRACE_MS 3000

int jobs_init(struct daemon *d, struct crl_err *err)
{
	d->jobs = calloc(1, sizeof(*d->jobs));
	if (!d->jobs)
		return crl_fail_oom(err);
	d->jobs->daemon = d;
	return 0;
}

static void job_free(struct job *j)
{
	struct jobs *jobs = j->daemon->jobs;

	if (j->prev)
		j->prev->next = j->next;
	else if (jobs->list == j)
		jobs->list = j->next;
	if (j->next)
		j->next->prev = j->prev;
	jobs_end_leases(j);
	sd_event_source_disable_unref(j->on_message);
	sd_event_source_disable_unref(j->on_exit);
	sd_event_source_disable_unref(j->deadline);
	cleanup_close_p(&j->control);
	cleanup_close_p(&j->pidfd);
	cJSON_Delete(j->result);
	free(j->verb);
	free(j);
}

/* Only a build has more to take back than its own process: a container, its cgroup, its mounts. */
static bool job_tidies_up(const struct job *j)
{
	return str_eq(j->verb, "build");
}

/* A worker whose control socket is closed knows that nobody wants its result. */
static void job_hang_up(struct job *j)
{
	j->cancelled = true;
	j->on_message = sd_event_source_disable_unref(j->on_message);
	cleanup_close_p(&j->control);
	j->control = -1;
}

static void job_wait(struct job *j)
{
	struct pollfd p = {.fd = j->pidfd, .events = POLLIN};

	while (poll(&p, 1, END_GRACE_MS) < 0 && errno == EINTR)
		;
	(void)proc_pidfd_kill(j->pidfd, SIGKILL, NULL);
	(void)waitid(P_PIDFD, (id_t)j->pidfd, &(siginfo_t){0}, WEXITED);
}

void jobs_end(struct jobs *jobs)
{
	if (!jobs)
		return;
	/* Not job_cancel(): the loop has ended, no timer of its would fire any more. */
	for (struct job *j = jobs->list; j; j = j->next) {
		if (j->outlives)
			continue;
		job_hang_up(j);
		if (!job_tidies_up(j))
			(void)proc_pidfd_kill(j->pidfd, SIGKILL, NULL);
	}
	for (struct job *j = jobs->list; j; j = j->next) {
		if (j->outlives)
			continue;
		job_wait(j);
		jobs_end_leases(j);
	}
}

void jobs_free(struct jobs *jobs)
{
	if (!jobs)
		return;
	while (jobs->list) {
		if (!jobs->list->outlives) {
			(void)proc_pidfd_kill(jobs->list->pidfd, SIGKILL, NULL);
			(void)waitid(P_PIDFD, (id_t)jobs->list->pidfd, &(siginfo_t){0}, WEXITED);
		}
		job_free(jobs->list);
	}
	free(jobs);
}

/* They add nothing to the store; the layers they look at belong to containers that are there. */
static bool only_looks(const struct job *j)
{
	static const char *const verbs[] = {"archive-get", "archive-put", "archive-stat", "changes",
					    "du",          "sweep",       "websocket"};

	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++)
		if (str_eq(j->verb, verbs[i]))
			return true;
	return false;
}

bool jobs_running(const struct daemon *d)
{
	for (const struct job *j = d->jobs ? d->jobs->list : NULL; j; j = j->next) {
		if (!only_looks(j))
			return true;
	}
	return false;
}

/* --- messages --- */

static void take_error(struct job *j, const cJSON *error)
{
	const char *text = json_get_str(error, "message");
	int64_t code = CRL_INTERNAL;

	(void)json_get_i64(error, "code", &code);
	if (code <= CRL_OK || code >= CRL_CODE_COUNT)
		code = CRL_INTERNAL;
	crl_fail(&j->err, (enum crl_code)code, "%s", text ? text : "the worker gave no reason");
}

static void take_message(struct job *j, const char *text, size_t len)
{
	_cleanup_cjson_ cJSON *message = NULL;
	struct crl_err err = CRL_ERR_INIT;
	cJSON *part;

	if (json_parse(text, len, MESSAGE_MAX, &message, &err) < 0) {
		log_warn("worker: bad message", "verb", j->verb, "error", err.msg, NULL);
		return;
	}
	if ((part = cJSON_DetachItemFromObjectCaseSensitive(message, "result"))) {
		cJSON_Delete(j->result);
		j->result = part;
	} else if ((part = cJSON_GetObjectItemCaseSensitive(message, "error")) &&
		   cJSON_IsObject(part)) {
		take_error(j, part);
	} else if (cJSON_HasObjectItem(message, "call")) {
		jobs_answer_call(j, message);
	} else if (j->progress) {
		j->progress(j, message, j->data);
	}
}

/* Returns whether there may be more. A callback may cancel the job, never free it. */
static bool read_message(struct job *j)
{
	static char text[MESSAGE_MAX];
	struct crl_err err = CRL_ERR_INIT;
	size_t len, n_fds;
	int fd;

	if (fd_recv_msg(j->control, text, sizeof(text), &len, &fd, 0, &n_fds, &err) < 0) {
		if (err.sys != EAGAIN)
			log_warn("worker: control socket", "error", err.msg, NULL);
		return err.code == CRL_LIMIT;
	}
	if (len == 0)
		return false;
	take_message(j, text, len);
	return true;
}

static int on_message(sd_event_source *source, int fd, uint32_t events, void *data)
{
	struct job *j = data;

	for (int i = 0; i < MESSAGES_PER_TURN && !j->cancelled && !j->paused; i++) {
		if (read_message(j))
			continue;
		/* The end of the stream stays readable; the exit will come by the pidfd. */
		if (events & EPOLLHUP)
			(void)sd_event_source_set_enabled(source, SD_EVENT_OFF);
		break;
	}
	return 0;
}

void job_pause(struct job *j, bool on)
{
	j->paused = on;
	if (!j->cancelled)
		(void)sd_event_source_set_enabled(j->on_message, on ? SD_EVENT_OFF : SD_EVENT_ON);
}

/* --- the end --- */

static void judge(struct job *j, const siginfo_t *si)
{
	if (j->err.code != CRL_OK)
		return;
	if (si->si_code == CLD_EXITED && si->si_status == 0 && j->result)
		return;
	if (si->si_code == CLD_EXITED)
		crl_fail(&j->err, CRL_INTERNAL, "the worker for %s ended with status %d", j->verb,
			 si->si_status);
	else
		crl_fail(&j->err, CRL_INTERNAL, "the worker for %s was ended by signal %s", j->verb,
			 proc_signal_name(si->si_status));
}

static int on_exit_(sd_event_source *source, int fd, uint32_t events, void *data)
{
	struct job *j = data;
	siginfo_t si = {0};
	struct daemon *d = j->daemon;

	if (waitid(P_PIDFD, (id_t)j->pidfd, &si, WEXITED | WNOHANG) < 0 || si.si_pid == 0)
		return 0;
	j->paused = false;
	while (!j->cancelled && read_message(j))
		;
	judge(j, &si);
	if (!j->cancelled && j->done)
		j->done(j, j->err.code ? NULL : j->result, &j->err, j->data);
	job_free(j);
	images_collect_later(d);
	return 0;
}

static int on_deadline(sd_event_source *source, uint64_t usec, void *data)
{
	struct job *j = data;

	(void)proc_pidfd_kill(j->pidfd, SIGKILL, NULL);
	return 0;
}

/*
 * A builder has containers of its own to clean up: it learns from the closed
 * socket. The others stage below tmp/ and can be killed at any time.
 */
void job_cancel(struct job *j)
{
	if (j->cancelled)
		return;
	job_hang_up(j);
	if (!job_tidies_up(j) ||
	    sd_event_add_time_relative(j->daemon->event, &j->deadline, CLOCK_MONOTONIC,
				       CANCEL_GRACE_US, 0, on_deadline, j) < 0)
		(void)proc_pidfd_kill(j->pidfd, SIGKILL, NULL);
}

/* --- the start --- */

static int spawn(struct job *j, const struct job_spec *spec, int control, int args,
		 struct crl_err *err)
{
	_cleanup_free_ char *path = NULL;
	_cleanup_strv_ char **env = NULL;
	char *const argv[] = {(char *)WORKER, j->verb, NULL};
	const int fds[] = {spec->input_fd, spec->output_fd, STDERR_FILENO, control, args};
	struct proc_spawn p = {
		.argv = argv, .fds = fds, .n_fds = ARRAY_SIZE(fds), .new_session = true};
	const char *search = getenv("PATH"), *fail = getenv("CRUN_LITE_FAIL");

	if (daemon_program(j->daemon, WORKER, &path, err) < 0)
		return -1;
	if (strv_pushf(&env, "PATH=%s", search ? search : "/usr/sbin:/usr/bin:/sbin:/bin") < 0 ||
	    (fail && strv_pushf(&env, "CRUN_LITE_FAIL=%s", fail) < 0))
		return crl_fail_oom(err);
	p.path = path;
	p.env = env;
	return proc_spawn(&p, &j->pid, &j->pidfd, err);
}

static int args_file(struct daemon *d, cJSON *args, int *ret_fd, struct crl_err *err)
{
	_cleanup_free_ char *text = NULL;

	json_add_str(args, "root", d->config.data_root);
	json_add_str(args, "log", d->config.debug ? "debug" : d->config.log_level);
	text = cJSON_PrintUnformatted(args);
	if (!text)
		return crl_fail_oom(err);
	return fd_sealed_memfd("crun-lite-args", text, strlen(text), ret_fd, err);
}

static int watch(struct job *j, struct crl_err *err)
{
	sd_event *event = j->daemon->event;

	if (sd_event_add_io(event, &j->on_message, j->control, EPOLLIN, on_message, j) < 0 ||
	    sd_event_add_io(event, &j->on_exit, j->pidfd, EPOLLIN, on_exit_, j) < 0)
		return crl_fail(err, CRL_INTERNAL, "job: event sources");
	return 0;
}

static int start(struct job *j, const struct job_spec *spec, cJSON *args, struct crl_err *err)
{
	_cleanup_close_ int theirs = -1, args_fd = -1;
	int pair[2];

	if (!j->verb || !args)
		return crl_fail_oom(err);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return crl_fail_sys(err, errno, "socketpair");
	j->control = pair[0];
	theirs = pair[1];
	if (fd_set_nonblock(j->control, true, err) < 0 ||
	    args_file(j->daemon, args, &args_fd, err) < 0 ||
	    spawn(j, spec, theirs, args_fd, err) < 0)
		return -1;
	if (watch(j, err) < 0) {
		(void)proc_pidfd_kill(j->pidfd, SIGKILL, NULL);
		(void)waitid(P_PIDFD, (id_t)j->pidfd, &(siginfo_t){0}, WEXITED);
		return -1;
	}
	return 0;
}

int job_start(struct daemon *d, const struct job_spec *spec, struct job **ret, struct crl_err *err)
{
	_cleanup_cjson_ cJSON *args = spec->args ? spec->args : cJSON_CreateObject();
	__attribute__((unused)) _cleanup_close_ int input = spec->input_fd;
	__attribute__((unused)) _cleanup_close_ int output = spec->output_fd;
	struct job *j = calloc(1, sizeof(*j));

	if (!j)
		return crl_fail_oom(err);
	*j = (struct job){.daemon = d,
			  .verb = strdup(spec->verb),
			  .pidfd = -1,
			  .control = -1,
			  .progress = spec->progress,
			  .done = spec->done,
			  .data = spec->data,
			  .outlives = spec->outlives};
	j->next = d->jobs->list;
	if (j->next)
		j->next->prev = j;
	d->jobs->list = j;
	if (start(j, spec, args, err) < 0) {
		job_free(j);
		return crl_context(err, "worker %s", spec->verb);
	}
	log_debug("worker started", "verb", j->verb, "pid", log_i64(j->pid), NULL);
	*ret = j;
	return 0;
}
