/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * crun-lite-runtime: the runtime library as the command line that callers of
 * runc and crun know. Owns arguments, error reports and exit codes; what a
 * container is, the library knows.
 */
#include "args.h"
#include "cli.h"
#include <base/ident.h>
#include <base/step.h>
#include <base/str.h>
#include <config.h>
#include <fcntl.h>
#include <sys/prctl.h>

static const struct verb {
	const char *name;
	cli_verb run;
	bool enters; /* a process of ours goes into a container */
	const char *words, *help;
} verbs[] = {
	{"run", verb_run, true, "[options] ID", "create and start a container, and wait for it"},
	{"create", verb_create, true, "[options] ID",
	 "build a container up to its first instruction"},
	{"start", verb_start, false, "ID", "let a created container go"},
	{"exec", verb_exec, true, "[options] ID COMMAND...",
	 "run a further process in a container"},
	{"state", verb_state, false, "ID", "print its state as JSON"},
	{"list", verb_list, false, "[options]", "print all containers"},
	{"kill", verb_kill, false, "[options] ID [SIGNAL]", "send a signal to it"},
	{"delete", verb_delete, false, "[options] ID", "remove what is left of it"},
	{"pause", verb_pause, false, "ID", "freeze its processes"},
	{"resume", verb_resume, false, "ID", "thaw them"},
	{"update", verb_update, false, "--resources FILE ID", "change its limits"},
	{"ps", verb_ps, false, "[options] ID", "print the pids in it"},
	{"spec", verb_spec, false, "[options]", "write a config.json to start from"},
	{"features", verb_features, false, "", "print what this runtime can do, as JSON"},
};

static void usage(const struct arg *globals)
{
	puts("crun-lite-runtime [options] VERB ...\n\nVerbs:");
	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++)
		printf("  %-9s %-26s %s\n", verbs[i].name, verbs[i].words, verbs[i].help);
	puts("\nOptions:");
	args_help(globals);
}

/* Callers take the last error line of the log; people read stderr. */
static void report(const struct cli *cli, const struct crl_err *err)
{
	char now[TIME_BUF];
	fprintf(stderr, "crun-lite-runtime: %s\n", err->msg);
	if (!cli->log)
		return;
	_cleanup_close_ int fd = open(cli->log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	if (fd < 0)
		return;
	time_rfc3339(time_now_ns(), now);
	if (!cli->log_json) {
		dprintf(fd, "time=\"%s\" level=error msg=\"%s\"\n", now, err->msg);
		return;
	}
	_cleanup_cjson_ cJSON *o = cJSON_CreateObject();
	json_add_str(o, "level", "error");
	json_add_str(o, "msg", err->msg);
	json_add_str(o, "time", now);
	char *text = cJSON_PrintUnformatted(o);
	if (text)
		dprintf(fd, "%s\n", text);
	cJSON_free(text);
}

static int check_globals(struct cli *cli, const char *format, bool systemd, const char *rootless,
			 const char *manager, struct crl_err *err)
{
	if (!str_eq(format, "text") && !str_eq(format, "json"))
		return crl_fail(err, CRL_INVALID, "--log-format %s: text or json", format);
	cli->log_json = str_eq(format, "json");
	if (systemd || (manager && !str_eq(manager, "cgroupfs")))
		return crl_fail(
			err, CRL_UNSUPPORTED,
			"the systemd cgroup driver is not offered: configure the caller for "
			"\"cgroupfs\"");
	if (str_eq(rootless, "true"))
		return crl_fail(err, CRL_UNSUPPORTED, "rootless containers are not offered");
	if (cli->root[0] != '/')
		return crl_fail(err, CRL_INVALID, "--root %s: not an absolute path", cli->root);
	return 0;
}

static int run_verb(struct cli *cli, int argc, char **argv, char **all, struct crl_err *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++) {
		if (!str_eq(argv[0], verbs[i].name))
			continue;
		if (verbs[i].enters && seal_self(all, err) < 0)
			return 1;
		prctl(PR_SET_NAME, "crun-lite-rt");
		return verbs[i].run(cli, argc - 1, argv + 1, err);
	}
	crl_fail(err, CRL_INVALID, "unknown verb \"%s\"; see --help", argv[0]);
	return 1;
}

int main(int argc, char **argv)
{
	struct cli cli = {.root = CLI_DEFAULT_ROOT};
	const char *format = "text", *rootless = "auto", *manager = NULL;
	bool systemd = false, version = false, help = false, steps = false;
	const struct arg globals[] = {
		{"root", 0, ARG_STRING, &cli.root, "folder for the state (" CLI_DEFAULT_ROOT ")"},
		{"log", 0, ARG_STRING, &cli.log, "file that errors are appended to"},
		{"log-format", 0, ARG_STRING, &format, "text or json"},
		{"debug", 0, ARG_FLAG, &cli.debug, NULL},
		{"log-level", 0, ARG_IGNORED_VALUE, NULL, NULL},
		{"systemd-cgroup", 's', ARG_FLAG, &systemd, NULL},
		{"cgroup-manager", 0, ARG_STRING, &manager, "cgroupfs, the only one"},
		{"rootless", 0, ARG_STRING, &rootless, NULL},
		{"criu", 0, ARG_IGNORED_VALUE, NULL, NULL},
		{"version", 'v', ARG_FLAG, &version, "print the version"},
		{"print-steps", 0, ARG_FLAG, &steps, "print the named steps of a start"},
		{"help", 'h', ARG_FLAG, &help, "print this"},
		{0},
	};
	struct crl_err err = CRL_ERR_INIT;
	int at = args_parse(globals, argc - 1, argv + 1, &err);
	int rc = 1;
	if (at >= 0 && steps) {
		steps_print(stdout);
		return 0;
	}
	if (at >= 0 && version) {
		printf("crun-lite-runtime version %s\nspec: 1.3.0\n", CRL_VERSION);
		return 0;
	}
	if (at >= 0 && (help || at == argc - 1)) {
		usage(globals);
		return help ? 0 : 1;
	}
	if (at >= 0 && check_globals(&cli, format, systemd, rootless, manager, &err) == 0)
		rc = run_verb(&cli, argc - 1 - at, argv + 1 + at, argv, &err);
	if (err.code != CRL_OK)
		report(&cli, &err);
	return rc;
}
