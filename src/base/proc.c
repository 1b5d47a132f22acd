/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Processes; see base/proc.h, posix_spawn(3), pidfd_open(2), proc_pid_stat(5). */
#include <base/cleanup.h>
#include <base/fd.h>
#include <base/path.h>
#include <base/proc.h>
#include <base/str.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/wait.h>

static int pidfd_open_(pid_t pid)
{
	return (int)syscall(SYS_pidfd_open, pid, 0);
}

/*
 * Sources are first moved above every target and every source, so that no dup2
 * overwrites one that is still needed; posix_spawn closes the rest.
 */
static int add_fds(posix_spawn_file_actions_t *fa, const struct proc_spawn *s, struct crl_err *err)
{
	int r = 0;
	int base = (int)s->n_fds;
	for (size_t i = 0; i < s->n_fds; i++)
		base = s->fds[i] >= base ? s->fds[i] + 1 : base;
	for (size_t i = 0; i < s->n_fds && !r; i++) {
		if (s->fds[i] >= 0)
			r = posix_spawn_file_actions_adddup2(fa, s->fds[i], base + (int)i);
		else
			r = posix_spawn_file_actions_addopen(fa, base + (int)i, "/dev/null", O_RDWR,
							     0);
	}
	for (size_t i = 0; i < s->n_fds && !r; i++)
		r = posix_spawn_file_actions_adddup2(fa, base + (int)i, (int)i);
	if (!r)
		r = posix_spawn_file_actions_addclosefrom_np(fa, (int)s->n_fds);
	return r ? crl_fail_sys(err, r, "prepare spawn") : 0;
}

static int set_attributes(posix_spawnattr_t *attr, bool new_session, struct crl_err *err)
{
	sigset_t all, none;
	sigfillset(&all);
	sigemptyset(&none);
	short flags = POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK;
	if (new_session)
		flags |= POSIX_SPAWN_SETSID;
	int r = posix_spawnattr_setsigdefault(attr, &all);
	if (!r)
		r = posix_spawnattr_setsigmask(attr, &none);
	if (!r)
		r = posix_spawnattr_setflags(attr, flags);
	return r ? crl_fail_sys(err, r, "prepare spawn") : 0;
}

static void reap(pid_t pid)
{
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}

/*
 * "/proc/self/fd/N" is looked up by the child after closefrom has taken its copy
 * away; through our pid it names the same file in our table.
 */
static const char *path_in_child(const char *path, char buf[64])
{
	static const char self[] = "/proc/self/fd/";

	if (!str_starts(path, self))
		return path;
	(void)snprintf(buf, 64, "/proc/%d/fd/%s", (int)getpid(), path + strlen(self));
	return buf;
}

int proc_spawn(const struct proc_spawn *s, pid_t *ret_pid, int *ret_pidfd, struct crl_err *err)
{
	static char *const empty[] = {NULL};
	posix_spawn_file_actions_t fa;
	posix_spawnattr_t attr;
	pid_t pid = -1;
	posix_spawn_file_actions_init(&fa);
	posix_spawnattr_init(&attr);
	int r = add_fds(&fa, s, err);
	if (r == 0)
		r = set_attributes(&attr, s->new_session, err);
	if (r == 0) {
		char buf[64];
		int e = posix_spawn(&pid, path_in_child(s->path, buf), &fa, &attr, s->argv,
				    s->env ? s->env : empty);
		if (e)
			r = crl_fail_sys(err, e, "start %s", s->argv[0]);
	}
	posix_spawn_file_actions_destroy(&fa);
	posix_spawnattr_destroy(&attr);
	if (r < 0)
		return -1;
	/* No race: the child stays a zombie until we reap it, so the pid is its. */
	int pidfd = pidfd_open_(pid);
	if (pidfd < 0) {
		int sys = errno;
		kill(pid, SIGKILL);
		reap(pid);
		return crl_fail_sys(err, sys, "pidfd_open %s", s->argv[0]);
	}
	*ret_pid = pid;
	*ret_pidfd = pidfd;
	return 0;
}

int proc_run(char *const *argv, char *const *env, bool merge, size_t limit, char **ret_output,
	     int *ret_status, struct crl_err *err)
{
	int p[2];
	if (pipe2(p, O_CLOEXEC) < 0)
		return crl_fail_sys(err, errno, "pipe");
	_cleanup_close_ int from = p[0];
	_cleanup_close_ int to = p[1];
	_cleanup_close_ int pidfd = -1;
	pid_t pid;
	int fds[3] = {-1, to, merge ? to : 2};
	struct proc_spawn s = {.path = argv[0], .argv = argv, .env = env, .fds = fds, .n_fds = 3};
	if (proc_spawn(&s, &pid, &pidfd, err) < 0)
		return -1;
	close(take_fd(&to));
	int r = fd_read_all(from, limit, ret_output, NULL, err);
	if (r < 0)
		kill(pid, SIGKILL);
	int status = 0;
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (r == 0)
		*ret_status = status;
	return r;
}

int proc_start_time(pid_t pid, uint64_t *ret_ticks, struct crl_err *err)
{
	char path[40], text[1024];
	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	if (n <= 0)
		return crl_fail(err, CRL_NOT_FOUND, "process %d is gone", (int)pid);
	text[n] = '\0';
	/* The name in parentheses may hold anything; fields are counted behind the last one. */
	char *p = strrchr(text, ')');
	for (int field = 2; p && field < 22; field++)
		p = strchr(p + 1, ' ');
	if (!p)
		return crl_fail(err, CRL_INTERNAL, "%s: unexpected form", path);
	*ret_ticks = strtoull(p + 1, NULL, 10);
	return 0;
}

int proc_open_pidfd(pid_t pid, uint64_t ticks, int *ret_pidfd, struct crl_err *err)
{
	_cleanup_close_ int fd = pidfd_open_(pid);
	if (fd < 0) {
		if (errno == ESRCH || errno == EINVAL)
			return crl_fail(err, CRL_NOT_FOUND, "process %d is gone", (int)pid);
		return crl_fail_sys(err, errno, "pidfd_open %d", (int)pid);
	}
	/* Checked with the pidfd in hand: it cannot be reused between the two. */
	uint64_t now = 0;
	if (ticks && (proc_start_time(pid, &now, err) < 0 || now != ticks))
		return crl_fail(err, CRL_NOT_FOUND, "process %d is another one by now", (int)pid);
	*ret_pidfd = take_fd(&fd);
	return 0;
}

int proc_pidfd_kill(int pidfd, int signal, struct crl_err *err)
{
	if (syscall(SYS_pidfd_send_signal, pidfd, signal, NULL, 0) == 0)
		return 0;
	if (errno == ESRCH)
		return crl_fail(err, CRL_NOT_FOUND, "the process is gone");
	return crl_fail_sys(err, errno, "send signal %d", signal);
}

int proc_exit_code(int status)
{
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

int proc_signal_number(const char *name)
{
	uint64_t n;
	if (str_to_u64(name, &n))
		return n > 0 && n <= 64 ? (int)n : -1;
	if (strncasecmp(name, "SIG", 3) == 0)
		name += 3;
	if (strncasecmp(name, "RTMIN", 5) == 0 || strncasecmp(name, "RTMAX", 5) == 0) {
		bool from_min = strncasecmp(name, "RTMIN", 5) == 0;
		n = 0;
		if (name[5] &&
		    (name[5] != (from_min ? '+' : '-') || !str_to_u64(name + 6, &n) || n > 30))
			return -1;
		/* Kernel numbering 34..64: glibc keeps two for itself. */
		return from_min ? 34 + (int)n : 64 - (int)n;
	}
	for (int s = 1; s < 32; s++) {
		const char *abbrev = sigabbrev_np(s);
		if (abbrev && strcasecmp(abbrev, name) == 0)
			return s;
	}
	return strcasecmp(name, "IOT") == 0 ? SIGABRT : strcasecmp(name, "CLD") == 0 ? SIGCHLD : -1;
}

const char *proc_signal_name(int signal)
{
	static char text[16];
	const char *abbrev = signal > 0 && signal < 32 ? sigabbrev_np(signal) : NULL;
	if (abbrev)
		snprintf(text, sizeof(text), "SIG%s", abbrev);
	else if (signal >= 34 && signal <= 64)
		snprintf(text, sizeof(text), "SIGRTMIN+%d", signal - 34);
	else
		return NULL;
	return text;
}
