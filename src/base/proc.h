/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Processes: spawn with a pidfd, identity by start time, /proc readers. See pidfd_open(2),
 * posix_spawn(3). */
#ifndef BASE_PROC_H
#define BASE_PROC_H

#include <crun-lite/err.h>
#include <stdint.h>
#include <sys/types.h>

struct proc_spawn {
	const char *path; /* executed as it is (may be /proc/self/fd/N of a sealed copy) */
	char *const *argv;
	char *const *env; /* NULL = empty environment */
	/* fds[i] becomes descriptor i in the child; -1 = /dev/null. At least 3. All others are
	 * closed. */
	const int *fds;
	size_t n_fds;
	bool new_session; /* setsid(), so that terminal signals of ours do not reach it */
};

/*
 * Starts a program; all signals reset to default and unblocked in it. The
 * caller must reap it (waitid(P_PIDFD)). Does not block beyond exec.
 */
int proc_spawn(const struct proc_spawn *spec, pid_t *ret_pid, int *ret_pidfd, struct crl_err *err);

/*
 * Runs a program to its end and collects stdout (and stderr when `merge`), at
 * most `limit` bytes. Blocks: not for the daemon.
 * *ret_status is a wait status.
 */
int proc_run(char *const *argv, char *const *env, bool merge, size_t limit, char **ret_output,
	     int *ret_status, struct crl_err *err);

/* Field 22 of /proc/PID/stat, clock ticks since boot: with the pid it names a process for good. */
int proc_start_time(pid_t pid, uint64_t *ret_ticks, struct crl_err *err);

/*
 * A pidfd of `pid` if it still is the process that started at `ticks`
 * (0 = do not check), else CRL_NOT_FOUND.
 */
int proc_open_pidfd(pid_t pid, uint64_t ticks, int *ret_pidfd, struct crl_err *err);

int proc_pidfd_kill(int pidfd, int signal, struct crl_err *err); /* ESRCH: CRL_NOT_FOUND */

/* 128 + signal or the exit status, from a wait status. */
int proc_exit_code(int wait_status);

/* "KILL", "SIGKILL", "9", "RTMIN+3" -> 9...; -1 = unknown. Case-insensitive. */
int proc_signal_number(const char *name);
/* 9 -> "SIGKILL"; NULL for unknown. */
const char *proc_signal_name(int signal);

#endif
