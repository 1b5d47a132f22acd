/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Owns the end of an exec that took too long: every process of its session is
 * killed, since a check that hangs usually hangs in a child of its shell. What
 * began a session of its own (a daemon) is none of its business.
 * See setsid(2), proc_pid_stat(5), pidfd_send_signal(2), cgroups(7).
 */
#include "exec.h"

#include "monitor.h"
#include <base/cleanup.h>
#include <base/path.h>
#include <base/proc.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#define ROUNDS 4 /* of looking for what was forked meanwhile */
#define PROCS_MAX (256U * 1024)

/* Field 6 of /proc/PID/stat; 0 when there is no such process. */
static pid_t session_of(pid_t pid)
{
	char path[40];
	size_t len;
	_cleanup_free_ char *stat = NULL;
	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	if (path_read_file(AT_FDCWD, path, 4096, &stat, &len, NULL) < 0)
		return 0;
	/* The name in field 2 may hold anything, also blanks and brackets. */
	const char *end = strrchr(stat, ')');
	int session = 0;
	return end && sscanf(end + 1, " %*c %*d %*d %d", &session) == 1 ? session : 0;
}

/* By pidfd, so that a number that went to somebody else meanwhile harms nobody. */
static bool kill_if_in(pid_t pid, pid_t session)
{
	_cleanup_close_ int fd = -1;
	return proc_open_pidfd(pid, 0, &fd, NULL) == 0 && session_of(pid) == session &&
	       proc_pidfd_kill(fd, SIGKILL, NULL) == 0;
}

static bool kill_members(const char *cgroup, pid_t session)
{
	char path[PATH_MAX];
	size_t len;
	_cleanup_free_ char *procs = NULL;
	bool found = false;
	int n = snprintf(path, sizeof(path), "%s/cgroup.procs", cgroup);
	if (n < 0 || (size_t)n >= sizeof(path) ||
	    path_read_file(AT_FDCWD, path, PROCS_MAX, &procs, &len, NULL) < 0)
		return false;
	for (char *p = procs, *end; *p; p = end + strspn(end, "\n")) {
		long pid = strtol(p, &end, 10);
		if (end == p)
			break;
		if (pid > 1 && pid != session)
			found |= kill_if_in((pid_t)pid, session);
	}
	return found;
}

void exec_kill(struct exec *e)
{
	const char *cgroup = e->monitor->container.cgroup;
	pid_t pid = e->task.pid;
	if (!task_alive(&e->task))
		return;
	/* It is not reaped yet, so its number is still its own, as session and as group. */
	(void)kill(-pid, SIGKILL);
	for (int i = 0; cgroup && i < ROUNDS && kill_members(cgroup, pid); i++)
		;
	(void)task_signal(&e->task, SIGKILL, NULL);
}
