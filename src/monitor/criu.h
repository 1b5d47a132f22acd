/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * criu as a program: where it is, whether it can work on this kernel, and one run of it. All calls
 * block, as the container's processes are frozen meanwhile, or do not run yet. See criu(8).
 */
#ifndef MONITOR_CRIU_H
#define MONITOR_CRIU_H

#include <crun-lite/err.h>
#include <sys/types.h>

struct criu_run {
	const char *verb;   /* for texts: "dump", "restore" */
	char *const *argv;  /* argv[0] is its path */
	int netns;          /* entered before, so that criu takes it as given */
	const char *log;    /* path of the log that argv names */
	const int *inherit; /* descriptors that stay open, -1 = none */
	size_t n_inherit;
	/* In the child before the execve; may only make system calls. Returns what failed, or
	 * NULL. */
	const char *(*enter)(const void *data);
	const void *data;
};

/* Path of criu; CRL_UNSUPPORTED when there is none, or its own check says no. */
int criu_find(const char **ret, struct crl_err *err);
int criu_run(const struct criu_run *run, struct crl_err *err);

/*
 * The last errors of a log in one line, without time stamps; NULL = it has none. Caller frees.
 */
char *criu_last_errors(const char *log);

#endif
