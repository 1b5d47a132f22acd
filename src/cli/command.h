/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A command is one table row: words, arguments, options, function. Parsing,
 * help, error texts and shell completion come from it and nowhere else.
 */
#ifndef CLI_COMMAND_H
#define CLI_COMMAND_H

#include <cli/client.h>
#include <cli/opt.h>

#define CLI_MANY (-1)

/* docker's exit codes: the engine itself failed before a container's process ran. */
#define EXIT_ENGINE 125
#define EXIT_CANNOT_EXECUTE 126
#define EXIT_NOT_FOUND 127

struct cli {
	struct client client;
	const struct command *command;
	const char *words; /* how it was called: "container ls" */
};

/* What the completion offers for arguments. */
enum cli_complete {
	COMPLETE_NONE,
	COMPLETE_CONTAINERS,
	COMPLETE_IMAGES,
	COMPLETE_NETWORKS,
	COMPLETE_VOLUMES,
	COMPLETE_FILES,
};

struct command {
	const char *usage;   /* "[OPTIONS] IMAGE [COMMAND] [ARG...]" */
	const char *summary; /* one line */
	const struct opt_spec *opts;
	size_t n_opts;
	int min_args, max_args; /* CLI_MANY = no limit */
	bool stop_at_arg;       /* options end at the first argument */
	bool engine_exit;       /* errors exit with 125 and name the program, as `docker run` */
	enum cli_complete complete;
	/* Returns the exit code; -1 with `err` set prints it. */
	int (*run)(struct cli *cli, const struct opts *o, struct crl_err *err);
};

/* Words that lead to a command; several rows may lead to the same. */
struct command_row {
	const char *words; /* "ps", "container ls" */
	const struct command *command;
};

/* The words of a group ("container") with its summary. */
struct command_group {
	const char *word, *summary;
};

extern const struct command_row command_rows[];
extern const size_t n_command_rows;
extern const struct command_group command_groups[];
extern const size_t n_command_groups;

/* argv[0] is the program; returns the exit code. */
int command_main(int argc, char **argv);

/* The options table of a command as initialisers. */
#define CLI_OPTS(table) .opts = (table), .n_opts = ARRAY_SIZE(table)

/* Prints err->msg on stderr, one line. */
void cli_print_error(const struct crl_err *err);

/*
 * Runs `each` for every argument, prints errors as they come; 1 when one
 * failed. `each` prints the name itself where that is wanted.
 */
int cli_for_each(struct cli *cli, const struct opts *o,
		 int (*each)(struct cli *cli, const struct opts *o, const char *name,
			     struct crl_err *err));

/* Asks "... [y/N] " on stderr; false without a clear yes. */
bool cli_confirm(const char *question);

/* --filter key=value options as the API's JSON, escaped for a query; NULL without filters. */
int cli_filters(char *const *filters, char **ret_escaped, struct crl_err *err);

#endif
