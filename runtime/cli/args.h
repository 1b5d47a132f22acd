/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Command-line options of crun-lite-runtime: one table gives parsing and help. */
#ifndef RUNTIME_CLI_ARGS_H
#define RUNTIME_CLI_ARGS_H

#include <crun-lite/err.h>
#include <stdint.h>

enum arg_kind { ARG_FLAG, ARG_STRING, ARG_NUMBER, ARG_LIST, ARG_IGNORED, ARG_IGNORED_VALUE };

struct arg {
	const char *name; /* "pid-file" */
	char letter;      /* 'p' or 0 */
	enum arg_kind kind;
	void *to; /* bool *, const char **, int64_t *, char *** */
	const char *help;
};

/*
 * Reads options up to the first other word or "--". Returns the index in argv
 * of that word, or -1. Takes --name value, --name=value, -x value, -xvalue.
 */
int args_parse(const struct arg *args, int argc, char **argv, struct crl_err *err);
void args_help(const struct arg *args);

#endif
