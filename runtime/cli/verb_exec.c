/* SPDX-License-Identifier: GPL-2.0-or-later */
/* exec: a further process in a running container, by --process FILE or by flags. */
#include "../caps.h"
#include "args.h"
#include "cli.h"
#include <base/path.h>
#include <base/proc.h>
#include <errno.h>
#include <fcntl.h>

struct exec {
	const char *process_file, *console_socket, *pid_file, *cwd, *user;
	char **env, **caps, **groups;
	bool tty, detach, no_new_privs;
	int64_t preserve_fds;
	struct oci_spec spec;       /* of the container */
	struct oci_process process; /* what is run */
};

/* Adds to the four sets that matter; inheritable stays empty (CVE-2022-29162). */
static int add_caps(struct oci_process *p, char *const *caps, struct crl_err *err)
{
	if (!p->capabilities && !(p->capabilities = calloc(1, sizeof(*p->capabilities))))
		return crl_fail_oom(err);
	char ***const sets[] = {&p->capabilities->bounding, &p->capabilities->effective,
				&p->capabilities->permitted};
	for (size_t i = 0; caps && caps[i]; i++) {
		_cleanup_free_ char *name = str_starts(caps[i], "CAP_")
						    ? strdup(caps[i])
						    : path_printf("CAP_%s", caps[i]);
		if (!name)
			return crl_fail_oom(err);
		if (caps_number(name) < 0)
			return crl_fail(err, CRL_INVALID, "--cap %s: unknown capability", caps[i]);
		for (size_t k = 0; k < ARRAY_SIZE(sets); k++)
			if (!strv_contains(*sets[k], name) && strv_push(sets[k], name) < 0)
				return crl_fail_oom(err);
	}
	return 0;
}

static int set_string(char **to, const char *value, struct crl_err *err)
{
	if (!value)
		return 0;
	free(*to);
	*to = strdup(value);
	return *to ? 0 : crl_fail_oom(err);
}

/* The container's own process, with other arguments and what the flags say. */
static int from_flags(struct exec *x, char **argv, struct crl_err *err)
{
	if (!x->spec.process || json_copy(&oci_process_json, x->spec.process, &x->process, err) < 0)
		return -1;
	struct oci_process *p = &x->process;
	strv_free(p->args);
	p->args = strv_copy(argv);
	if (!p->args)
		return crl_fail_oom(err);
	p->terminal = x->tty;
	p->no_new_privileges = p->no_new_privileges || x->no_new_privs;
	for (size_t i = 0; x->env && x->env[i]; i++)
		if (strv_env_set(&p->env, x->env[i]) < 0)
			return crl_fail_oom(err);
	if (set_string(&p->cwd, x->cwd, err) < 0)
		return -1;
	return add_caps(p, x->caps, err);
}

static int from_file(struct exec *x, struct crl_err *err)
{
	_cleanup_free_ char *text = NULL;
	size_t len;
	if (path_read_file(AT_FDCWD, x->process_file, CLI_CONFIG_LIMIT, &text, &len, err) < 0 ||
	    json_decode(&oci_process_json, text, len, JSON_LAX, &x->process, err) < 0)
		return crl_context(err, "--process %s", x->process_file);
	return 0;
}

static int start(struct cli *cli, struct exec *x, const struct state *s, int *ret_pidfd,
		 int *ret_master, pid_t *ret_pid, struct crl_err *err)
{
	_cleanup_free_ char *cache = cli_cache_dir(cli);
	_cleanup_close_ int target = -1;
	if (proc_open_pidfd((pid_t)s->pid, s->start_ticks, &target, err) < 0)
		return crl_fail(err, CRL_NOT_FOUND, "container not running");
	struct crl_rt_exec_options o;
	crl_rt_exec_options_init(&o);
	o.target_pidfd = target;
	o.target_pid = (pid_t)s->pid;
	o.cgroup_path = str_empty(s->cgroup) ? NULL : s->cgroup;
	o.process = &x->process;
	o.seccomp = x->spec.linux_ ? x->spec.linux_->seccomp : NULL;
	o.user = x->user;
	o.group_add = x->groups;
	o.cache_dir = cache;
	o.preserve_fds = (int)x->preserve_fds;
	o.ret_pty_master = ret_master;
	for (int i = 0; i < 3; i++)
		o.stdio[i] = x->process.terminal ? -1 : i;
	return crl_rt_exec(&o, ret_pid, ret_pidfd, err);
}

static int run(struct cli *cli, struct exec *x, const struct state *s, struct crl_err *err)
{
	_cleanup_close_ int pidfd = -1, master = -1;
	pid_t pid = 0;
	if (start(cli, x, s, &pidfd, &master, &pid, err) < 0) {
		int rc = crl_rt_exit_code_of(err);
		return rc == 125 ? 255 : rc;
	}
	if (master >= 0 && x->console_socket && console_send(x->console_socket, master, err) < 0) {
		proc_pidfd_kill(pidfd, 9, NULL);
		return 255;
	}
	if (cli_write_pid_file(x->pid_file, pid, err) < 0)
		return 255;
	return x->detach ? 0 : console_wait(pidfd, x->console_socket ? -1 : master);
}

static int prepare(struct cli *cli, struct exec *x, int argc, char **argv, struct state *s,
		   struct crl_err *err)
{
	if (argc < 1 || (argc < 2 && !x->process_file))
		return crl_fail(err, CRL_INVALID, "exec: ID COMMAND... is expected");
	if (state_read(cli, argv[0], s, err) < 0)
		return -1;
	const char *status = state_status(cli, s);
	if (str_eq(status, "stopped") || str_eq(status, "paused"))
		return crl_fail(err, CRL_CONFLICT, "cannot exec in a %s container", status);
	if (state_read_config(cli, argv[0], &x->spec, err) < 0)
		return -1;
	if ((x->process_file ? from_file(x, err) : from_flags(x, argv + 1, err)) < 0)
		return -1;
	if (x->process.terminal && x->detach && !x->console_socket)
		return crl_fail(err, CRL_INVALID,
				"cannot allocate tty if runc will detach without "
				"setting console socket");
	return 0;
}

int verb_exec(struct cli *cli, int argc, char **argv, struct crl_err *err)
{
	struct exec x = {0};
	const struct arg args[] = {
		{"process", 'p', ARG_STRING, &x.process_file, "JSON file with the process"},
		{"console-socket", 0, ARG_STRING, &x.console_socket,
		 "socket that receives the terminal"},
		{"detach", 'd', ARG_FLAG, &x.detach, "return once it runs"},
		{"pid-file", 0, ARG_STRING, &x.pid_file, "file to write its pid to"},
		{"tty", 't', ARG_FLAG, &x.tty, "with a terminal"},
		{"env", 'e', ARG_LIST, &x.env, "NAME=VALUE"},
		{"user", 'u', ARG_STRING, &x.user, "user, or uid, and :group"},
		{"additional-gids", 'g', ARG_LIST, &x.groups, "further group"},
		{"cwd", 0, ARG_STRING, &x.cwd, "working directory"},
		{"cap", 'c', ARG_LIST, &x.caps, "further capability"},
		{"no-new-privs", 0, ARG_FLAG, &x.no_new_privs, "set no_new_privs"},
		{"preserve-fds", 0, ARG_NUMBER, &x.preserve_fds, "pass descriptors 3..3+N-1 on"},
		{"no-subreaper", 0, ARG_IGNORED, NULL, NULL},
		{0},
	};
	_cleanup_state_ struct state s = {0};
	int at = args_parse(args, argc, argv, err);
	int rc = 255;
	if (at >= 0 && prepare(cli, &x, argc - at, argv + at, &s, err) == 0)
		rc = run(cli, &x, &s, err);
	json_free(&oci_process_json, &x.process);
	json_free(&oci_spec_json, &x.spec);
	strv_free(x.env);
	strv_free(x.caps);
	strv_free(x.groups);
	return rc;
}
