/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Command-line options: one table per command gives parsing, help, defaults and completion. */
#ifndef CLI_OPT_H
#define CLI_OPT_H

#include <base/str.h>

enum opt_kind {
	OPT_BOOL, /* --x, --x=false; `def` "true" for options that are on by default */
	OPT_STR,  /* the last one counts */
	OPT_INT,  /* checked to be an integer */
	OPT_LIST, /* may be repeated */
};

struct opt_spec {
	char letter; /* 0 = none */
	const char *name;
	enum opt_kind kind;
	const char *arg;      /* shown in the help: "string", "list", "bytes" */
	const char *help;     /* NULL = accepted, but not shown */
	const char *def;      /* NULL = none */
	const char *alias_of; /* another name of that option */
};

struct opt_value {
	bool set;
	char *str;   /* BOOL: "true"/"false"; the last value of STR and INT */
	char **list; /* LIST */
};

/* The outcome of a parse; owns its strings. */
struct opts {
	const struct opt_spec *specs;
	size_t n_specs;
	struct opt_value *values;
	char **args; /* what is no option, NULL-terminated */
	size_t n_args;
};

/*
 * Parses argv[1..]. With `stop_at_arg` everything from the first word that is
 * no option on is an argument (the command line of a container). "--" ends the
 * options. Errors are CRL_INVALID with docker's texts ("unknown flag: --x"),
 * and the nearest known option where there is one. `--help` and, when the
 * table has no `h`, `-h` are reported in *ret_help. On failure *ret is empty.
 */
int opt_parse(const struct opt_spec *specs, size_t n_specs, int argc, char *const *argv,
	      bool stop_at_arg, struct opts *ret, bool *ret_help, struct crl_err *err);
void opt_free(struct opts *o);
#define _cleanup_opts_ _cleanup_(opt_free)

/* By name; the option must be in the table (a mistake here aborts). Strings point into `o`. */
bool opt_set(const struct opts *o, const char *name);
bool opt_bool(const struct opts *o, const char *name);
const char *opt_str(const struct opts *o,
		    const char *name);                   /* NULL when neither given nor defaulted */
int64_t opt_int(const struct opts *o, const char *name); /* 0 when not given */
char *const *opt_list(const struct opts *o, const char *name); /* NULL when not given */
bool opt_known(const struct opts *o, const char *name);

/* Appends the "Options:" section of a help text. */
void opt_help(const struct opt_spec *specs, size_t n_specs, struct buf *out);

/* The candidate nearest to `word` (few edits away), or NULL. */
const char *opt_nearest(const char *word, const char *const *candidates, size_t n);

#endif
