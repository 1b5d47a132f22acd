// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The command line of the daemon, and all settings together: flags over daemon.json
 * (config_file.c) over defaults. The settings themselves are the rows of config_table.c.
 */
#include "config.h"
#include "config_keys.h"

#include <base/log.h>
#include <base/path.h>
#include <config.h>
#include <getopt.h>

#define MORE_OPTIONS 9 /* besides the rows, with the end of the list */

/* Keeps what is there. */
static int set_default(char **to, const char *value, struct crl_err *err)
{
	if (!*to && !(*to = strdup(value)))
		return crl_fail_oom(err);
	return 0;
}

/* --- the command line --- */

enum {
	OPT_ROW = 0x100,
	OPT_CONFIG_FILE = 0x200,
	OPT_ROUTES,
	OPT_FSM,
	OPT_STEPS,
	OPT_SETTINGS,
	OPT_VALIDATE,
	OPT_VERSION,
	OPT_HELP
};

static void build_options(struct option *options)
{
	static const struct option more[MORE_OPTIONS] = {
		{"config-file", required_argument, NULL, OPT_CONFIG_FILE},
		{"print-routes", no_argument, NULL, OPT_ROUTES},
		{"print-fsm", no_argument, NULL, OPT_FSM},
		{"print-steps", no_argument, NULL, OPT_STEPS},
		{"print-settings", no_argument, NULL, OPT_SETTINGS},
		{"validate", no_argument, NULL, OPT_VALIDATE},
		{"version", no_argument, NULL, OPT_VERSION},
		{"help", no_argument, NULL, OPT_HELP},
		{0},
	};
	size_t n = 0;

	for (size_t i = 0; i < config_n_rows; i++) {
		if (config_rows[i].option)
			options[n++] = (struct option){.name = config_rows[i].option,
						       .has_arg = config_rows[i].kind == CONFIG_BOOL
									  ? optional_argument
									  : required_argument,
						       .val = OPT_ROW + (int)i};
	}
	memcpy(options + n, more, sizeof(more));
}

static int row_by_option(const char *name)
{
	for (size_t i = 0; i < config_n_rows; i++) {
		if (str_eq(config_rows[i].option, name))
			return OPT_ROW + (int)i;
	}
	return '?';
}

static int long_form(int option)
{
	switch (option) {
	case 'H': return row_by_option("host");
	case 'G': return row_by_option("group");
	case 'D': return row_by_option("debug");
	case 'l': return row_by_option("log-level");
	case 'p': return row_by_option("pidfile");
	case 's': return row_by_option("storage-driver");
	case 'v': return OPT_VERSION;
	case 'h': return OPT_HELP;
	default: return option;
	}
}

static int take_option(struct config_cli *cli, int option, const char *value, struct crl_err *err)
{
	switch (option) {
	case OPT_CONFIG_FILE: return set_default(&cli->config_file, value, err);
	case OPT_SETTINGS: cli->action = CONFIG_SETTINGS; return 0;
	case OPT_VALIDATE: cli->action = CONFIG_VALIDATE; return 0;
	case OPT_ROUTES: cli->action = CONFIG_ROUTES; return 0;
	case OPT_FSM: cli->action = CONFIG_FSM; return 0;
	case OPT_STEPS: cli->action = CONFIG_STEPS; return 0;
	case OPT_VERSION: cli->action = CONFIG_VERSION; return 0;
	case OPT_HELP: cli->action = CONFIG_HELP; return 0;
	default:
		return config_set_text(&cli->config, (size_t)(option - OPT_ROW),
				       value ? value : "true", err);
	}
}

int config_parse_args(int argc, char **argv, struct config_cli *ret, struct crl_err *err)
{
	_cleanup_free_ struct option *options =
		calloc(config_n_rows + MORE_OPTIONS, sizeof(*options));
	int option;

	if (!options)
		return crl_fail_oom(err);
	build_options(options);
	optind = 1;
	opterr = 0;
	while ((option = getopt_long(argc, argv, ":H:G:Dl:p:s:vh", options, NULL)) != -1) {
		option = long_form(option);
		if (option == ':')
			return crl_fail(err, CRL_INVALID, "flag needs an argument: %s",
					argv[optind - 1]);
		if (option == '?')
			return crl_fail(err, CRL_INVALID, "unknown flag: %s", argv[optind - 1]);
		if (take_option(ret, option, optarg, err) < 0)
			return -1;
	}
	if (optind < argc)
		return crl_fail(err, CRL_INVALID, "crun-lited takes no arguments, found %s",
				argv[optind]);
	return 0;
}

void config_cli_free(struct config_cli *cli)
{
	config_free(&cli->config);
	free(cli->config_file);
	*cli = (struct config_cli){0};
}

#define HELP_LINE "  --%-36s %s\n"

static void print_row(FILE *to, const struct config_row *row)
{
	_cleanup_buf_ struct buf left = BUF_INIT, right = BUF_INIT;

	buf_printf(&left, "%s %s", row->option, row->argument ? row->argument : "");
	buf_puts(&right, row->help);
	if (row->preset)
		buf_printf(&right, " (%s)", row->preset);
	if (!left.failed && !right.failed)
		fprintf(to, HELP_LINE, left.data, right.data);
}

void config_print_settings(FILE *to)
{
	static const char *const uses[] = {
		[CONFIG_HONOURED] = "honoured",
		[CONFIG_IGNORED] = "ignored",
		[CONFIG_REFUSED] = "refused",
	};

	for (size_t i = 0; i < config_n_rows; i++) {
		const struct config_row *row = &config_rows[i];

		fprintf(to, "%-32s %-8s %-7s %s\n", row->key, uses[row->use],
			row->flags & CONFIG_RELOAD ? "SIGHUP" : "-", row->help);
	}
}

void config_print_help(FILE *to)
{
	fputs("Usage: crun-lited [OPTIONS]\n\nThe daemon of crun-lite: serves the Docker Engine "
	      "API.\n\n",
	      to);
	for (size_t i = 0; i < config_n_rows; i++) {
		if (config_rows[i].use == CONFIG_HONOURED && config_rows[i].option)
			print_row(to, &config_rows[i]);
	}
	fprintf(to,
		HELP_LINE HELP_LINE HELP_LINE HELP_LINE HELP_LINE HELP_LINE
		"  --version\n  --help\n",
		"config-file FILE", "settings under dockerd's keys (" CONFIG_FILE_DEFAULT ")",
		"validate", "say whether the settings are right, and exit", "print-settings",
		"print all keys of daemon.json and what becomes of them", "print-routes",
		"print the API's route table and exit", "print-fsm",
		"print the container's states as Graphviz and exit", "print-steps",
		"print the named steps of all operations and exit");
}

/* --- all together --- */

static int make_absolute(char **path, struct crl_err *err)
{
	_cleanup_free_ char *cwd = NULL, *joined = NULL;
	char *clean;

	if ((*path)[0] != '/') {
		cwd = getcwd(NULL, 0);
		joined = cwd ? path_printf("%s/%s", cwd, *path) : NULL;
	}
	clean = path_clean(joined ? joined : *path);
	if (!clean)
		return crl_fail_oom(err);
	free(*path);
	*path = clean;
	return 0;
}

static int add_defaults(struct daemon_config *c, struct crl_err *err)
{
	_cleanup_free_ char *host = NULL, *pidfile = NULL;

	if (config_set_presets(c, err) < 0 ||
	    set_default(&c->log_level, c->debug ? "debug" : "info", err) < 0 ||
	    make_absolute(&c->data_root, err) < 0 || make_absolute(&c->exec_root, err) < 0)
		return -1;
	host = path_printf("unix://%s/crun-lite.sock", c->exec_root);
	pidfile = path_printf("%s/crun-lited.pid", c->exec_root);
	if (!host || !pidfile)
		return crl_fail_oom(err);
	if (!c->hosts && strv_push(&c->hosts, host) < 0)
		return crl_fail_oom(err);
	return set_default(&c->pidfile, pidfile, err);
}

/* A tcp:// host is for clients with a certificate, or asked for twice. */
static int check_tcp(const struct daemon_config *c, const char *host, struct crl_err *err)
{
	if (c->tlsverify) {
		if (c->tlscacert && c->tlscert && c->tlskey)
			return 0;
		return crl_fail(err, CRL_INVALID,
				"%s: --tlsverify needs --tlscacert, --tlscert and --tlskey", host);
	}
	if (c->tls)
		return crl_fail(err, CRL_INVALID,
				"%s: --tls alone lets everybody in who reaches it: add --tlsverify "
				"and --tlscacert",
				host);
	if (c->tcp_without_authentication)
		return 0;
	return crl_fail(err, CRL_INVALID,
			"%s: everybody who reaches it would be root on this machine: add "
			"--tlsverify with --tlscacert, --tlscert and --tlskey (or "
			"--tcp-without-authentication, if that is what you want)",
			host);
}

static int check_hosts(const struct daemon_config *c, struct crl_err *err)
{
	for (char **host = c->hosts; *host; host++) {
		if (str_starts(*host, "tcp://") && check_tcp(c, *host, err) < 0)
			return -1;
	}
	return 0;
}

static int check_rows(const struct daemon_config *c, struct crl_err *err)
{
	for (size_t i = 0; i < config_n_rows; i++) {
		if (config_rows[i].check && config_rows[i].check(c, &config_rows[i], err) < 0)
			return -1;
	}
	return 0;
}

static int check(const struct daemon_config *c, struct crl_err *err)
{
	enum log_level level;

	if (check_rows(c, err) < 0 || check_hosts(c, err) < 0)
		return -1;
	if (!log_level_parse(c->log_level, &level))
		return crl_fail(err, CRL_INVALID, "unable to parse logging level: %s",
				c->log_level);
	if (!str_eq(c->log_format, "text") && !str_eq(c->log_format, "json"))
		return crl_fail(err, CRL_INVALID, "invalid log format: %s (text or json)",
				c->log_format);
	if (str_eq(c->data_root, c->exec_root))
		return crl_fail(err, CRL_INVALID, "data-root and exec-root are the same folder: %s",
				c->data_root);
	return 0;
}

static int set_libexec(struct daemon_config *c, struct crl_err *err)
{
	const char *env = getenv("CRUN_LITE_LIBEXEC");

	return set_default(&c->libexec_dir, str_empty(env) ? CRL_LIBEXECDIR : env, err);
}

int config_load(const struct config_cli *cli, struct daemon_config *ret, struct crl_err *err)
{
	struct daemon_config c = {0};
	const char *file = cli->config_file ? cli->config_file : CONFIG_FILE_DEFAULT;
	struct crl_err file_err = CRL_ERR_INIT;

	if (config_read_file(file, &cli->config, &c, &file_err) < 0 &&
	    (cli->config_file || file_err.code != CRL_NOT_FOUND)) {
		*err = file_err;
		return -1;
	}
	if (config_merge(&c, &cli->config, err) < 0 || add_defaults(&c, err) < 0 ||
	    check(&c, err) < 0 || set_libexec(&c, err) < 0) {
		config_free(&c);
		return -1;
	}
	*ret = c;
	return 0;
}
