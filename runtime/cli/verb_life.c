/* SPDX-License-Identifier: GPL-2.0-or-later */
/* kill, delete, pause, resume, update: on containers that exist. */
#include "../cgroup.h"
#include "args.h"
#include "cli.h"
#include <base/fd.h>
#include <base/path.h>
#include <base/proc.h>
#include <errno.h>
#include <signal.h>

/* Everything in the cgroup; SIGKILL by the kernel in one step, nothing can fork away. */
static int signal_all(const struct state *s, int sig, struct crl_err *err)
{
	_cleanup_free_ char *kill_file = path_printf("%s/cgroup.kill", s->cgroup);
	_cleanup_free_ char *procs = path_printf("%s/cgroup.procs", s->cgroup);
	if (!kill_file || !procs)
		return crl_fail_oom(err);
	if (sig == SIGKILL && path_write_string(AT_FDCWD, kill_file, "1", NULL) == 0)
		return 0;
	_cleanup_fclose_ FILE *f = fopen(procs, "re");
	int pid;
	while (f && fscanf(f, "%d", &pid) == 1)
		if (pid > 0)
			kill(pid, sig);
	return 0;
}

static int signal_init(const struct state *s, int sig, struct crl_err *err)
{
	_cleanup_close_ int fd = -1;
	/* The texts are what containerd and podman look for. */
	if (proc_open_pidfd((pid_t)s->pid, s->start_ticks, &fd, err) < 0 ||
	    proc_pidfd_kill(fd, sig, err) < 0) {
		if (err->code == CRL_NOT_FOUND)
			return crl_fail(err, CRL_NOT_FOUND, "container not running");
		return -1;
	}
	return 0;
}

int verb_kill(struct cli *cli, int argc, char **argv, struct crl_err *err)
{
	bool all = false;
	const struct arg args[] = {{"all", 'a', ARG_FLAG, &all, "signal every process in it"}, {0}};
	int at = args_parse(args, argc, argv, err);
	if (at < 0)
		return 1;
	if (argc - at < 1 || argc - at > 2) {
		crl_fail(err, CRL_INVALID, "kill: ID [SIGNAL] is expected");
		return 1;
	}
	const char *name = argc - at == 2 ? argv[at + 1] : "SIGTERM";
	int sig = proc_signal_number(name);
	if (sig < 0) {
		crl_fail(err, CRL_INVALID, "unknown signal \"%s\"", name);
		return 1;
	}
	_cleanup_state_ struct state s = {0};
	if (state_read(cli, argv[at], &s, err) < 0)
		return 1;
	if (all && !str_empty(s.cgroup))
		return signal_all(&s, sig, err) < 0;
	if (str_eq(state_status(cli, &s), "stopped")) {
		crl_fail(err, CRL_NOT_FOUND, "container not running");
		return 1;
	}
	return signal_init(&s, sig, err) < 0;
}

static int destroy(struct cli *cli, const struct state *s, struct crl_err *err)
{
	if (!str_eq(state_status(cli, s), "stopped"))
		signal_init(s, SIGKILL, NULL);
	if (!str_empty(s->cgroup)) {
		if (crl_cgroup_remove(s->cgroup, err) < 0)
			return -1;
		cgroup_remove_with_parent(s->cgroup);
	}
	struct oci_spec spec = {0};
	bool known = state_read_config(cli, s->id, &spec, NULL) == 0;
	state_remove(cli, s->id);
	if (known)
		cli_poststop(&spec, s);
	json_free(&oci_spec_json, &spec);
	return 0;
}

int verb_delete(struct cli *cli, int argc, char **argv, struct crl_err *err)
{
	bool force = false;
	const struct arg args[] = {{"force", 'f', ARG_FLAG, &force, "kill it first if it runs"},
				   {0}};
	int at = args_parse(args, argc, argv, err);
	const char *id;
	_cleanup_state_ struct state s = {0};
	if (at < 0 || cli_one_id("delete", argc - at, argv + at, &id, err) < 0)
		return 1;
	if (state_read(cli, id, &s, err) < 0) {
		if (!force || err->code == CRL_INVALID)
			return 1;
		/* a folder without a state is what an interrupted create left */
		state_remove(cli, id);
		*err = (struct crl_err)CRL_ERR_INIT;
		return 0;
	}
	const char *status = state_status(cli, &s);
	if (!force && !str_eq(status, "stopped") && !str_eq(status, "created")) {
		crl_fail(err, CRL_CONFLICT, "cannot delete container %s that is not stopped: %s",
			 id, status);
		return 1;
	}
	return destroy(cli, &s, err) < 0;
}

static int freeze(struct cli *cli, const char *verb, int argc, char **argv, bool on,
		  struct crl_err *err)
{
	const char *id;
	_cleanup_state_ struct state s = {0};
	if (cli_one_id(verb, argc, argv, &id, err) < 0 || state_read(cli, id, &s, err) < 0)
		return 1;
	const char *status = state_status(cli, &s);
	if (!str_eq(status, on ? "running" : "paused")) {
		crl_fail(err, CRL_CONFLICT, "container %s is not %s: %s", id,
			 on ? "running" : "paused", status);
		return 1;
	}
	if (str_empty(s.cgroup)) {
		crl_fail(err, CRL_UNSUPPORTED, "%s needs a cgroup", verb);
		return 1;
	}
	return crl_cgroup_freeze(s.cgroup, on, err) < 0;
}

int verb_pause(struct cli *cli, int argc, char **argv, struct crl_err *err)
{
	return freeze(cli, "pause", argc, argv, true, err);
}

int verb_resume(struct cli *cli, int argc, char **argv, struct crl_err *err)
{
	return freeze(cli, "resume", argc, argv, false, err);
}

int verb_update(struct cli *cli, int argc, char **argv, struct crl_err *err)
{
	const char *file = NULL, *id;
	const struct arg args[] = {
		{"resources", 'r', ARG_STRING, &file, "JSON file with linux.resources, - = stdin"},
		{0}};
	int at = args_parse(args, argc, argv, err);
	_cleanup_state_ struct state s = {0};
	if (at < 0 || cli_one_id("update", argc - at, argv + at, &id, err) < 0 ||
	    state_read(cli, id, &s, err) < 0)
		return 1;
	if (!file) {
		crl_fail(err, CRL_INVALID, "update: --resources FILE is expected");
		return 1;
	}
	_cleanup_free_ char *text = NULL;
	size_t len;
	int r = str_eq(file, "-")
			? fd_read_all(0, CLI_CONFIG_LIMIT, &text, &len, err)
			: path_read_file(AT_FDCWD, file, CLI_CONFIG_LIMIT, &text, &len, err);
	struct oci_linux_resources res = {0};
	if (r < 0 || json_decode(&oci_resources_json, text, len, JSON_LAX, &res, err) < 0)
		return 1;
	_cleanup_strv_ char **warnings = NULL;
	r = crl_cgroup_apply(s.cgroup, &res, &warnings, err);
	json_free(&oci_resources_json, &res);
	cli_warn(warnings);
	return r < 0;
}
