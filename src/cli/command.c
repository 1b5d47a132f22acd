/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From the words on the command line to a command's function: lookup, help,
 * argument counts, errors with the nearest known word. Owns no command.
 */
#include <cli/command.h>
#include <cli/format.h>
#include <cli/http_tls.h>

#include "config.h"

static const struct opt_spec global_opts[] = {
	{'H', "host", OPT_STR, "string",
	 "Daemon socket: unix://PATH or tcp://HOST:PORT (else CRUN_LITE_HOST, DOCKER_HOST)"},
	{0, "tlsverify", OPT_BOOL, NULL, "tcp:// by TLS (else DOCKER_TLS_VERIFY)"},
	{0, "tlscacert", OPT_STR, "file",
	 "Certificate the daemon's is signed by (DOCKER_CERT_PATH/ca.pem)"},
	{0, "tlscert", OPT_STR, "file", "Our certificate (DOCKER_CERT_PATH/cert.pem)"},
	{0, "tlskey", OPT_STR, "file", "Its key (DOCKER_CERT_PATH/key.pem)"},
	{'v', "version", OPT_BOOL, NULL, "Print the version and quit"},
	{0, "help", OPT_BOOL, NULL, "Print this text, or the text of a command"},
};

void cli_print_error(const struct crl_err *err)
{
	(void)fflush(stdout);
	_cleanup_buf_ struct buf safe = BUF_INIT;
	format_safe(&safe, err->msg);
	fprintf(stderr, "%s\n", safe.data ? safe.data : "");
}

static const struct command *find(const char *words)
{
	for (size_t i = 0; i < n_command_rows; i++)
		if (str_eq(command_rows[i].words, words))
			return command_rows[i].command;
	return NULL;
}

static bool is_group(const char *word)
{
	for (size_t i = 0; i < n_command_groups; i++)
		if (str_eq(command_groups[i].word, word))
			return true;
	return false;
}

/* The commands below `group` (or the single words when NULL), name and summary. */
static void list_commands(const char *group, struct buf *out)
{
	size_t len = group ? strlen(group) : 0;
	buf_puts(out, "\nCommands:\n");
	for (size_t i = 0; i < n_command_rows; i++) {
		const char *words = command_rows[i].words;
		if (group && !(strncmp(words, group, len) == 0 && words[len] == ' '))
			continue;
		if (!group && strchr(words, ' '))
			continue;
		buf_printf(out, "  %-12s%s\n", group ? words + len + 1 : words,
			   command_rows[i].command->summary);
	}
}

static void print_buf(const struct buf *b, FILE *to)
{
	if (b->failed)
		fputs("out of memory\n", to);
	else
		fwrite(b->data, 1, b->len, to);
}

static int top_help(FILE *to)
{
	_cleanup_buf_ struct buf b = BUF_INIT;
	buf_puts(&b, "Usage:  crun-lite [OPTIONS] COMMAND\n\nBuilds images and runs containers.\n");
	list_commands(NULL, &b);
	buf_puts(&b, "\nManagement commands:\n");
	for (size_t i = 0; i < n_command_groups; i++)
		buf_printf(&b, "  %-12s%s\n", command_groups[i].word, command_groups[i].summary);
	opt_help(global_opts, ARRAY_SIZE(global_opts), &b);
	buf_puts(&b, "\nRun 'crun-lite COMMAND --help' for more information on a command.\n");
	print_buf(&b, to);
	return 0;
}

static int group_help(const char *group, FILE *to)
{
	_cleanup_buf_ struct buf b = BUF_INIT;
	buf_printf(&b, "Usage:  crun-lite %s COMMAND\n", group);
	list_commands(group, &b);
	buf_printf(&b, "\nRun 'crun-lite %s COMMAND --help' for more information on a command.\n",
		   group);
	print_buf(&b, to);
	return 0;
}

static void list_aliases(const struct command *c, struct buf *out)
{
	size_t n = 0;
	for (size_t i = 0; i < n_command_rows; i++)
		n += command_rows[i].command == c;
	if (n < 2)
		return;
	buf_puts(out, "\nAliases:\n ");
	for (size_t i = 0, seen = 0; i < n_command_rows; i++)
		if (command_rows[i].command == c)
			buf_printf(out, "%s crun-lite %s", seen++ ? "," : "",
				   command_rows[i].words);
	buf_putc(out, '\n');
}

static int command_help(const struct command *c, const char *words)
{
	_cleanup_buf_ struct buf b = BUF_INIT;
	buf_printf(&b, "Usage:  crun-lite %s %s\n\n%s\n", words, c->usage, c->summary);
	list_aliases(c, &b);
	opt_help(c->opts, c->n_opts, &b);
	print_buf(&b, stdout);
	return 0;
}

static int unknown_command(const char *group, const char *word)
{
	_cleanup_free_ const char **names =
		calloc(n_command_rows + n_command_groups, sizeof *names);
	const char *near = NULL;
	size_t n = 0, len = group ? strlen(group) : 0;
	for (size_t i = 0; names && i < n_command_rows; i++) {
		const char *words = command_rows[i].words;
		if (group && strncmp(words, group, len) == 0 && words[len] == ' ')
			names[n++] = words + len + 1;
		else if (!group && !strchr(words, ' '))
			names[n++] = words;
	}
	for (size_t i = 0; names && !group && i < n_command_groups; i++)
		names[n++] = command_groups[i].word;
	if (names)
		near = opt_nearest(word, names, n);
	fprintf(stderr, "crun-lite: unknown command: crun-lite %s%s%s\n", group ? group : "",
		group ? " " : "", word);
	if (near)
		fprintf(stderr, "Did you mean '%s'?\n", near);
	fprintf(stderr, "\nRun 'crun-lite %s%s--help' for more information\n", group ? group : "",
		group ? " " : "");
	return 1;
}

static int usage_error(const struct command *c, const char *words, const char *text, int code)
{
	fprintf(stderr,
		"%s\n\nUsage:  crun-lite %s %s\n\nRun 'crun-lite %s --help' for more information\n",
		text, words, c->usage, words);
	return code;
}

/* docker's sentences about the number of arguments. */
static bool count_ok(const struct command *c, const char *words, size_t n, char *text, size_t size)
{
	size_t min = (size_t)c->min_args, max = (size_t)c->max_args;
	if (n >= min && (c->max_args == CLI_MANY || n <= max))
		return true;
	if (c->max_args == 0)
		snprintf(text, size, "crun-lite: 'crun-lite %s' accepts no arguments", words);
	else if (min == max)
		snprintf(text, size, "crun-lite: 'crun-lite %s' requires %zu argument%s", words,
			 min, min == 1 ? "" : "s");
	else if (n < min)
		snprintf(text, size, "crun-lite: 'crun-lite %s' requires at least %zu argument%s",
			 words, min, min == 1 ? "" : "s");
	else
		snprintf(text, size, "crun-lite: 'crun-lite %s' requires at most %zu argument%s",
			 words, max, max == 1 ? "" : "s");
	return false;
}

static int report(const struct command *c, const char *words, const struct crl_err *err)
{
	_cleanup_buf_ struct buf safe = BUF_INIT;
	(void)fflush(stdout);
	if (!c->engine_exit) {
		cli_print_error(err);
		return 1;
	}
	format_safe(&safe, err->msg);
	fprintf(stderr, "crun-lite: %s\n\nRun 'crun-lite %s --help' for more information\n",
		safe.data ? safe.data : "", words);
	return EXIT_ENGINE;
}

static int run_command(struct cli *cli, int argc, char **argv)
{
	const struct command *c = cli->command;
	_cleanup_opts_ struct opts o = {0};
	struct crl_err err = CRL_ERR_INIT;
	bool help = false;
	char text[200];
	if (opt_parse(c->opts, c->n_opts, argc, argv, c->stop_at_arg, &o, &help, &err) < 0)
		return usage_error(c, cli->words, err.msg, EXIT_ENGINE);
	if (help)
		return command_help(c, cli->words);
	if (!count_ok(c, cli->words, o.n_args, text, sizeof text))
		return usage_error(c, cli->words, text, 1);
	int code = c->run(cli, &o, &err);
	if (code < 0)
		code = report(c, cli->words, &err);
	if (fflush(stdout) != 0 && code == 0)
		code = 1;
	return code;
}

/* The command of argv[0..], "help" in front allowed; *ret_used = words taken. */
static int dispatch(struct cli *cli, int argc, char **argv)
{
	char words[64];
	if (argc && str_eq(argv[0], "help")) {
		if (argc == 1)
			return top_help(stdout);
		if (is_group(argv[1]) && argc == 2)
			return group_help(argv[1], stdout);
		snprintf(words, sizeof words, "%s%s%s", argv[1], argc > 2 ? " " : "",
			 argc > 2 ? argv[2] : "");
		return find(words) ? command_help(find(words), words)
				   : unknown_command(NULL, argv[1]);
	}
	if (!is_group(argv[0])) {
		cli->words = argv[0];
		cli->command = find(argv[0]);
		return cli->command ? run_command(cli, argc, argv) : unknown_command(NULL, argv[0]);
	}
	if (argc < 2 || str_eq(argv[1], "--help") || str_eq(argv[1], "-h"))
		return group_help(argv[0], argc < 2 ? stderr : stdout) + (argc < 2);
	snprintf(words, sizeof words, "%s %s", argv[0], argv[1]);
	cli->words = words;
	cli->command = find(words);
	return cli->command ? run_command(cli, argc - 1, argv + 1)
			    : unknown_command(argv[0], argv[1]);
}

int command_main(int argc, char **argv)
{
	_cleanup_opts_ struct opts o = {0};
	struct crl_err err = CRL_ERR_INIT;
	struct cli cli = {0};
	bool help = false;
	if (opt_parse(global_opts, ARRAY_SIZE(global_opts), argc, argv, true, &o, &help, &err) <
	    0) {
		fprintf(stderr, "%s\nSee 'crun-lite --help'.\n", err.msg);
		return EXIT_ENGINE;
	}
	if (opt_bool(&o, "version")) {
		printf("crun-lite version %s\n", CRL_VERSION);
		return 0;
	}
	if (help || !o.n_args)
		return top_help(help ? stdout : stderr) + !help;
	http_tls_set(opt_bool(&o, "tlsverify"), opt_str(&o, "tlscacert"), opt_str(&o, "tlscert"),
		     opt_str(&o, "tlskey"));
	client_init(&cli.client, opt_str(&o, "host"));
	int code = dispatch(&cli, (int)o.n_args, o.args);
	client_close(&cli.client);
	return code;
}
