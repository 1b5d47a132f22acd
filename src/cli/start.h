/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What run, start -a and attach share: the order of attach, wait, start, and the session after it.
 */
#ifndef CLI_START_H
#define CLI_START_H

#include <cli/session.h>
#include <cli/wait.h>
#include <cli/command.h>

struct start_plan {
	const char *name;      /* container */
	const char *keys;      /* detach keys or NULL */
	const char *condition; /* of the wait */
	const char *query;     /* of the start, NULL = none */
	bool in, out, err;
	bool tty;
	bool sig_proxy;
	bool start;              /* false: attach to what runs */
	bool removed_on_failure; /* a failed start removes it; wait for that */
};

/* Runs the plan; the exit code of the container, 0 after a detach, -1 with `err`. */
int start_and_follow(struct cli *cli, const struct start_plan *plan, struct crl_err *err);

/* `start -a` and `start -i`; `query` goes behind the path of the start: "" or "?...". */
int start_attached(struct cli *cli, const char *name, bool interactive, const char *keys,
		   const char *query, struct crl_err *err);

/* 125, 126 or 127 by the daemon's text about a failed start. */
int start_exit_code(const char *message);

/* Prints the error of a failed start, as `docker run`; returns the exit code. */
int start_report(const struct crl_err *err);

/* Config.Tty of a container. */
int start_has_tty(struct cli *cli, const char *name, bool *ret_tty, bool *ret_open_stdin,
		  bool *ret_running, struct crl_err *err);

#endif
