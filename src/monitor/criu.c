/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See criu.h. Owns the process: a fixed command line, no shell, and its log's errors as ours.
 */
#include "criu.h"

#include <base/cleanup.h>
#include <base/path.h>
#include <base/proc.h>
#include <base/str.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define CRIU_DEADLINE_MS 100000
#define LOG_MAX (4U * 1024 * 1024)
#define CHECK_MAX (64U * 1024)
#define N_ERRORS 2

static char *const criu_env[] = {
	(char *)"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", NULL};

/* --- what went wrong --- */

/* "(00.123456) Error (criu/x.c:1): text" -> "Error (criu/x.c:1): text"; NULL = no error. */
static const char *error_of(const char *line)
{
	const char *e = strstr(line, "Error (");
	/* Said at each run on kernels without a socket module that nobody asked for. */
	return e && !strstr(e, "Diag module missing") ? e : NULL;
}

char *criu_last_errors(const char *log)
{
	_cleanup_strv_ char **lines = strv_split(log, "\n", false);
	const char *last[N_ERRORS] = {NULL};
	size_t n = 0;
	for (char **l = lines; l && *l; l++)
		if (error_of(*l))
			last[n++ % N_ERRORS] = error_of(*l);
	_cleanup_buf_ struct buf b = BUF_INIT;
	for (size_t i = n > N_ERRORS ? n - N_ERRORS : 0; i < n; i++)
		buf_printf(&b, "%s%s", b.len ? "; " : "", last[i % N_ERRORS]);
	return b.len ? buf_take(&b) : NULL;
}

static int failed(const char *verb, const char *log, int status, struct crl_err *err)
{
	_cleanup_free_ char *text = log ? criu_last_errors(log) : NULL;
	if (text)
		return crl_fail(err, CRL_KERNEL, "criu %s failed: %s", verb, text);
	return crl_fail(err, CRL_KERNEL, "criu %s failed with exit status %d", verb,
			proc_exit_code(status));
}

/* --- is it there --- */

int criu_find(const char **ret, struct crl_err *err)
{
	static const char *const places[] = {"/usr/local/sbin/criu", "/usr/local/bin/criu",
					     "/usr/sbin/criu", "/usr/bin/criu"};
	*ret = NULL;
	for (size_t i = 0; i < ARRAY_SIZE(places) && !*ret; i++)
		if (access(places[i], X_OK) == 0)
			*ret = places[i];
	if (!*ret)
		return crl_fail(err, CRL_UNSUPPORTED, "criu is not installed on this host");
	char *const argv[] = {(char *)(uintptr_t)*ret, (char *)"check", NULL};
	_cleanup_free_ char *out = NULL;
	int status = 0;
	if (proc_run(argv, criu_env, true, CHECK_MAX, &out, &status, err) < 0)
		return crl_context(err, "criu check");
	if (status == 0)
		return 0;
	(void)failed("check", out, status, err);
	err->code = CRL_UNSUPPORTED;
	return crl_context(err, "criu does not work on this kernel");
}

/* --- a run --- */

static _Noreturn void child(const struct criu_run *run, int report)
{
	const char *what = NULL;
	sigset_t none;
	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	for (int s = 1; s < NSIG; s++)
		(void)signal(s, SIG_DFL);
	(void)setsid();
	int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	for (int i = 0; i < 3; i++)
		if (dup2(null_fd, i) < 0)
			what = "/dev/null";
	if (!what && run->enter)
		what = run->enter(run->data);
	if (!what && setns(run->netns, CLONE_NEWNET) < 0)
		what = "network namespace";
	for (size_t i = 0; i < run->n_inherit; i++)
		if (run->inherit[i] >= 0)
			(void)fcntl(run->inherit[i], F_SETFD, 0);
	if (!what) {
		execve(run->argv[0], run->argv, criu_env);
		what = "execve";
	}
	dprintf(report, "%s: %s", what, strerror(errno));
	_exit(126);
}

static int wait_for(pid_t pid, int *ret_status, struct crl_err *err)
{
	_cleanup_close_ int pidfd = -1;
	int r = proc_open_pidfd(pid, 0, &pidfd, err);
	struct pollfd p = {.fd = pidfd, .events = POLLIN};
	if (r == 0)
		while ((r = poll(&p, 1, CRIU_DEADLINE_MS)) < 0 && errno == EINTR)
			;
	if (r <= 0)
		(void)kill(pid, SIGKILL);
	while (waitpid(pid, ret_status, 0) < 0 && errno == EINTR)
		;
	return r > 0 ? 0 : crl_fail(err, CRL_KERNEL, "criu did not end in time");
}

int criu_run(const struct criu_run *run, struct crl_err *err)
{
	int report[2], status = 0;
	(void)unlink(run->log);
	if (pipe2(report, O_CLOEXEC) < 0)
		return crl_fail_sys(err, errno, "pipe");
	pid_t pid = fork();
	if (pid == 0)
		child(run, report[1]);
	close(report[1]);
	_cleanup_close_ int in = report[0];
	if (pid < 0)
		return crl_fail_sys(err, errno, "fork");
	if (wait_for(pid, &status, err) < 0)
		return -1;
	if (status == 0)
		return 0;
	char why[256] = "";
	(void)fcntl(in, F_SETFL, O_NONBLOCK);
	ssize_t n = read(in, why, sizeof(why) - 1);
	if (n > 0)
		return crl_fail(err, CRL_KERNEL, "criu %s: %s", run->verb, why);
	_cleanup_free_ char *log = NULL;
	struct crl_err ignored;
	(void)path_read_file(AT_FDCWD, run->log, LOG_MAX, &log, NULL, &ignored);
	return failed(run->verb, log, status, err);
}
