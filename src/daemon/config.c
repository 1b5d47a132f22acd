// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Settings. One table of rows binds option, key in daemon.json and member, so
 * that the three cannot drift apart. The keys are dockerd's.
 */
#include "config.h"

#include <base/log.h>
#include <base/path.h>
#include <config.h>
#include <getopt.h>

#define CONFIG_FILE_MAX (1024U * 1024)
#define NUMBER_MAX 1024

enum row_kind { ROW_STR, ROW_LIST, ROW_BOOL, ROW_INT };

struct row {
	const char *option; /* "data-root"; NULL = only in the file */
	const char *key;    /* in daemon.json; NULL = only as an option */
	enum row_kind kind;
	size_t offset;
	const char *argument, *help;
};

#define MEMBER(m) offsetof(struct daemon_config, m)
static const struct row rows[] = {
	{"data-root", "data-root", ROW_STR, MEMBER(data_root), "DIR",
	 "everything that lasts (default /var/lib/crun-lite)"},
	{"exec-root", "exec-root", ROW_STR, MEMBER(exec_root), "DIR",
	 "run-time state (default /run/crun-lite)"},
	{"host", "hosts", ROW_LIST, MEMBER(hosts), "URL",
	 "-H: unix://PATH or fd:// to listen on, repeatable"},
	{"pidfile", "pidfile", ROW_STR, MEMBER(pidfile), "FILE",
	 "default EXEC_ROOT/crun-lited.pid"},
	{"group", "group", ROW_STR, MEMBER(group), "NAME", "group of the socket (crun-lite)"},
	{"debug", "debug", ROW_BOOL, MEMBER(debug), NULL, "-D: the same as --log-level debug"},
	{"log-level", "log-level", ROW_STR, MEMBER(log_level), "LEVEL",
	 "-l: debug, info, warn, error (info)"},
	{"log-format", "log-format", ROW_STR, MEMBER(log_format), "FORMAT", "text or json (text)"},
	{"bip", "bip", ROW_STR, MEMBER(bridge_subnet), "CIDR",
	 "address and size of the default bridge network"},
	{"ip", "ip", ROW_STR, MEMBER(default_publish_ip), "IP",
	 "address that ports are published on when none is named"},
	{"dns", "dns", ROW_LIST, MEMBER(dns), "IP", "name server of the containers, repeatable"},
	{"label", "labels", ROW_LIST, MEMBER(labels), "KEY=VALUE",
	 "label of this daemon, shown by info, repeatable"},
	{"no-new-privileges", "no-new-privileges", ROW_BOOL, MEMBER(no_new_privileges), NULL,
	 "set no_new_privs in every container"},
	{"netns-pool", "netns-pool", ROW_INT, MEMBER(netns_pool), "N",
	 "network namespaces kept ready (4); -1 = none"},
};

static void *member(const struct daemon_config *c, const struct row *row)
{
	return (char *)(uintptr_t)c + row->offset;
}

static bool is_set(const struct daemon_config *c, const struct row *row)
{
	if (row->kind == ROW_BOOL)
		return *(bool *)member(c, row);
	if (row->kind == ROW_INT)
		return *(int *)member(c, row) != 0;
	return *(void **)member(c, row) != NULL;
}

static int set_string(char **to, const char *value, struct crl_err *err)
{
	char *copy = strdup(value);

	if (!copy)
		return crl_fail_oom(err);
	free(*to);
	*to = copy;
	return 0;
}

static int set_int(int *to, const struct row *row, const char *value, struct crl_err *err)
{
	int64_t n;

	if (!str_to_i64(value, &n) || n < -1 || n > NUMBER_MAX)
		return crl_fail(err, CRL_INVALID, "%s: %s is no number between -1 and %d", row->key,
				value, NUMBER_MAX);
	*to = (int)n;
	return 0;
}

static int set_value(struct daemon_config *c, const struct row *row, const char *value,
		     struct crl_err *err)
{
	switch (row->kind) {
	case ROW_STR: return set_string(member(c, row), value, err);
	case ROW_LIST: return strv_push(member(c, row), value) < 0 ? crl_fail_oom(err) : 0;
	case ROW_INT: return set_int(member(c, row), row, value, err);
	case ROW_BOOL: *(bool *)member(c, row) = value[0] && !str_eq(value, "false"); return 0;
	}
	return 0;
}

void config_free(struct daemon_config *c)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		if (rows[i].kind == ROW_STR)
			free(*(char **)member(c, &rows[i]));
		else if (rows[i].kind == ROW_LIST)
			strv_free(*(char ***)member(c, &rows[i]));
	}
	free(c->libexec_dir);
	*c = (struct daemon_config){0};
}

/* --- the command line --- */

enum {
	OPT_ROW = 0x100,
	OPT_CONFIG_FILE = 0x200,
	OPT_ROUTES,
	OPT_FSM,
	OPT_STEPS,
	OPT_VERSION,
	OPT_HELP
};

static void build_options(struct option *options)
{
	static const struct option more[] = {
		{"config-file", required_argument, NULL, OPT_CONFIG_FILE},
		{"print-routes", no_argument, NULL, OPT_ROUTES},
		{"print-fsm", no_argument, NULL, OPT_FSM},
		{"print-steps", no_argument, NULL, OPT_STEPS},
		{"version", no_argument, NULL, OPT_VERSION},
		{"help", no_argument, NULL, OPT_HELP},
		{0},
	};
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		options[n++] = (struct option){
			.name = rows[i].option,
			.has_arg = rows[i].kind == ROW_BOOL ? optional_argument : required_argument,
			.val = OPT_ROW + (int)i};
	memcpy(options + n, more, sizeof(more));
}

static int row_by_option(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		if (str_eq(rows[i].option, name))
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
	case 'v': return OPT_VERSION;
	case 'h': return OPT_HELP;
	default: return option;
	}
}

static int take_option(struct config_cli *cli, int option, const char *value, struct crl_err *err)
{
	switch (option) {
	case OPT_CONFIG_FILE: return set_string(&cli->config_file, value, err);
	case OPT_ROUTES: cli->action = CONFIG_ROUTES; return 0;
	case OPT_FSM: cli->action = CONFIG_FSM; return 0;
	case OPT_STEPS: cli->action = CONFIG_STEPS; return 0;
	case OPT_VERSION: cli->action = CONFIG_VERSION; return 0;
	case OPT_HELP: cli->action = CONFIG_HELP; return 0;
	default:
		return set_value(&cli->config, &rows[option - OPT_ROW], value ? value : "true",
				 err);
	}
}

int config_parse_args(int argc, char **argv, struct config_cli *ret, struct crl_err *err)
{
	struct option options[ARRAY_SIZE(rows) + 7] = {0};
	int option;

	build_options(options);
	optind = 1;
	opterr = 0;
	while ((option = getopt_long(argc, argv, ":H:G:Dl:p:vh", options, NULL)) != -1) {
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

void config_print_help(FILE *to)
{
	fputs("Usage: crun-lited [OPTIONS]\n\nThe daemon of crun-lite: serves the Docker Engine "
	      "API.\n\n",
	      to);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		fprintf(to, "  --%-20s %-10s %s\n", rows[i].option,
			rows[i].argument ? rows[i].argument : "", rows[i].help);
	fputs("  --config-file          FILE       settings under dockerd's keys "
	      "(" CONFIG_FILE_DEFAULT ")\n"
	      "  --print-routes                    print the API's route table and exit\n"
	      "  --print-fsm                       print the container's states as Graphviz and "
	      "exit\n"
	      "  --print-steps                     print the named steps of all operations and "
	      "exit\n"
	      "  --version\n  --help\n",
	      to);
}

/* --- daemon.json --- */

static const struct row *row_by_key(const char *key)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		if (str_eq(rows[i].key, key))
			return &rows[i];
	}
	return NULL;
}

/* All unknown keys in one sentence, as dockerd words it. */
static int check_keys(const cJSON *tree, struct crl_err *err)
{
	_cleanup_strv_ char **unknown = NULL;
	_cleanup_free_ char *list = NULL;
	const cJSON *item;

	cJSON_ArrayForEach (item, tree) {
		if (!row_by_key(item->string) && strv_push(&unknown, item->string) < 0)
			return crl_fail_oom(err);
	}
	if (!unknown)
		return 0;
	list = strv_join(unknown, ", ");
	return crl_fail(err, CRL_INVALID,
			"the following directives don't match any configuration option: %s",
			list ? list : "");
}

static int take_list(struct daemon_config *c, const struct row *row, const cJSON *value,
		     struct crl_err *err)
{
	const cJSON *item;

	if (!cJSON_IsArray(value))
		return crl_fail(err, CRL_INVALID, "%s: expected a list of strings", row->key);
	cJSON_ArrayForEach (item, value) {
		if (!cJSON_IsString(item))
			return crl_fail(err, CRL_INVALID, "%s: expected a list of strings",
					row->key);
		if (set_value(c, row, item->valuestring, err) < 0)
			return -1;
	}
	return 0;
}

static int take_value(struct daemon_config *c, const struct row *row, const cJSON *value,
		      struct crl_err *err)
{
	if (row->kind == ROW_LIST)
		return take_list(c, row, value, err);
	if (row->kind == ROW_BOOL) {
		if (!cJSON_IsBool(value))
			return crl_fail(err, CRL_INVALID, "%s: expected true or false", row->key);
		*(bool *)member(c, row) = cJSON_IsTrue(value);
		return 0;
	}
	if (row->kind == ROW_INT) {
		if (!cJSON_IsNumber(value))
			return crl_fail(err, CRL_INVALID, "%s: expected a number", row->key);
		return set_value(c, row, log_fmt("%.17g", value->valuedouble), err);
	}
	if (!cJSON_IsString(value))
		return crl_fail(err, CRL_INVALID, "%s: expected a string", row->key);
	return set_value(c, row, value->valuestring, err);
}

int config_parse_file(const char *text, size_t len, const struct daemon_config *flags,
		      struct daemon_config *ret, struct crl_err *err)
{
	_cleanup_cjson_ cJSON *tree = NULL;
	const cJSON *item;

	if (json_parse(text, len, CONFIG_FILE_MAX, &tree, err) < 0)
		return -1;
	if (!cJSON_IsObject(tree))
		return crl_fail(err, CRL_INVALID, "expected a JSON object");
	if (check_keys(tree, err) < 0)
		return -1;
	cJSON_ArrayForEach (item, tree) {
		const struct row *row = row_by_key(item->string);

		if (is_set(flags, row))
			return crl_fail(err, CRL_INVALID,
					"the following directives are specified both as a flag and "
					"in the configuration file: %s",
					row->key);
		if (take_value(ret, row, item, err) < 0)
			return -1;
	}
	return 0;
}

int config_read_file(const char *path, const struct daemon_config *flags, struct daemon_config *ret,
		     struct crl_err *err)
{
	_cleanup_free_ char *text = NULL;
	size_t len;

	if (path_read_file(AT_FDCWD, path, CONFIG_FILE_MAX, &text, &len, err) < 0)
		return -1;
	if (config_parse_file(text, len, flags, ret, err) < 0) {
		config_free(ret);
		return crl_context(err, "unable to configure the daemon with file %s", path);
	}
	return 0;
}

/* --- all together --- */

static int add_flags(struct daemon_config *to, const struct daemon_config *flags,
		     struct crl_err *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct row *row = &rows[i];
		char **list;

		if (!is_set(flags, row))
			continue;
		if (row->kind == ROW_BOOL)
			*(bool *)member(to, row) = true;
		else if (row->kind == ROW_INT)
			*(int *)member(to, row) = *(int *)member(flags, row);
		else if (row->kind == ROW_STR &&
			 set_string(member(to, row), *(char **)member(flags, row), err) < 0)
			return -1;
		for (list = row->kind == ROW_LIST ? *(char ***)member(flags, row) : NULL;
		     list && *list; list++) {
			if (set_value(to, row, *list, err) < 0)
				return -1;
		}
	}
	return 0;
}

static int set_default(char **to, const char *value, struct crl_err *err)
{
	return *to ? 0 : set_string(to, value, err);
}

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

	if (set_default(&c->data_root, "/var/lib/crun-lite", err) < 0 ||
	    set_default(&c->exec_root, "/run/crun-lite", err) < 0 ||
	    set_default(&c->group, "crun-lite", err) < 0 ||
	    set_default(&c->log_level, c->debug ? "debug" : "info", err) < 0 ||
	    set_default(&c->log_format, "text", err) < 0 || make_absolute(&c->data_root, err) < 0 ||
	    make_absolute(&c->exec_root, err) < 0)
		return -1;
	host = path_printf("unix://%s/crun-lite.sock", c->exec_root);
	pidfile = path_printf("%s/crun-lited.pid", c->exec_root);
	if (!host || !pidfile)
		return crl_fail_oom(err);
	if (!c->hosts && strv_push(&c->hosts, host) < 0)
		return crl_fail_oom(err);
	return set_default(&c->pidfile, pidfile, err);
}

static int check(const struct daemon_config *c, struct crl_err *err)
{
	enum log_level level;

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
	if (add_flags(&c, &cli->config, err) < 0 || add_defaults(&c, err) < 0 ||
	    check(&c, err) < 0 || set_libexec(&c, err) < 0) {
		config_free(&c);
		return -1;
	}
	*ret = c;
	return 0;
}
