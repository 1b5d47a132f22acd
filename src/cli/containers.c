/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Commands that act on containers by one call each: start to rename. */
#include <cli/commands.h>

#include <cli/start.h>

/* POST /containers/NAME/ACTION[?query]; prints the name as docker does. */
static int act(struct cli *cli, const char *name, const char *action, const char *query,
	       struct crl_err *err)
{
	_cleanup_free_ char *path = client_object_path("containers", name, action);
	_cleanup_free_ char *full = path ? client_path("%s%s", path, query ? query : "") : NULL;
	if (!full)
		return crl_fail_oom(err);
	if (client_call(&cli->client, "POST", full, NULL, NULL, NULL, err) < 0)
		return -1;
	puts(name);
	(void)fflush(stdout);
	return 0;
}

/* ---- stop, restart ---- */

static const struct opt_spec stop_opts[] = {
	{'s', "signal", OPT_STR, "string", "Signal to send first"},
	{'t', "timeout", OPT_INT, "int", "Seconds to wait before the container is killed"},
	{0, "time", OPT_INT, "int", NULL, NULL, "timeout"},
};

static char *stop_query(const struct opts *o)
{
	_cleanup_buf_ struct buf b = BUF_INIT;
	buf_puts(&b, "");
	if (opt_set(o, "timeout"))
		buf_printf(&b, "?t=%lld", (long long)opt_int(o, "timeout"));
	if (opt_set(o, "signal")) {
		buf_printf(&b, "%csignal=", b.len ? '&' : '?');
		http_escape(&b, opt_str(o, "signal"));
	}
	return buf_take(&b);
}

static int stop_one(struct cli *cli, const struct opts *o, const char *name, struct crl_err *err)
{
	_cleanup_free_ char *query = stop_query(o);
	return query ? act(cli, name, "stop", query, err) : crl_fail_oom(err);
}

static int restart_one(struct cli *cli, const struct opts *o, const char *name, struct crl_err *err)
{
	_cleanup_free_ char *query = stop_query(o);
	return query ? act(cli, name, "restart", query, err) : crl_fail_oom(err);
}

static int stop_main(struct cli *cli, const struct opts *o, struct crl_err *err)
{
	return cli_for_each(cli, o, stop_one);
}

static int restart_main(struct cli *cli, const struct opts *o, struct crl_err *err)
{
	return cli_for_each(cli, o, restart_one);
}

#define MANY_CONTAINERS                                                                            \
	.usage = "[OPTIONS] CONTAINER [CONTAINER...]", .min_args = 1, .max_args = CLI_MANY,        \
	.complete = COMPLETE_CONTAINERS

const struct command cmd_stop = {
	MANY_CONTAINERS,
	.summary = "Stop running containers",
	CLI_OPTS(stop_opts),
	.run = stop_main,
};

const struct command cmd_restart = {
	MANY_CONTAINERS,
	.summary = "Stop containers and start them again",
	CLI_OPTS(stop_opts),
	.run = restart_main,
};

/* ---- start ---- */

static const struct opt_spec start_opts[] = {
	{'a', "attach", OPT_BOOL, NULL, "Attach stdout and stderr, and forward signals"},
	{0, "checkpoint", OPT_STR, "string", "Go on from this checkpoint"},
	{0, "checkpoint-dir", OPT_STR, "string", "Folder of the engine's host that it is kept in"},
	{0, "detach-keys", OPT_STR, "string", "Keys that detach from the container"},
	{'i', "interactive", OPT_BOOL, NULL, "Attach stdin"},
};

/* "" without a checkpoint; NULL = no memory. */
static char *start_query(const struct opts *o)
{
	static const char *const names[] = {"checkpoint", "checkpoint-dir"};
	_cleanup_buf_ struct buf b = BUF_INIT;
	buf_puts(&b, "");
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (!opt_set(o, names[i]))
			continue;
		buf_printf(&b, "%c%s=", b.len ? '&' : '?', names[i]);
		http_escape(&b, opt_str(o, names[i]));
	}
	return buf_take(&b);
}

static int start_one(struct cli *cli, const struct opts *o, const char *name, struct crl_err *err)
{
	_cleanup_free_ char *query = start_query(o);
	return query ? act(cli, name, "start", query, err) : crl_fail_oom(err);
}

static int start_main(struct cli *cli, const struct opts *o, struct crl_err *err)
{
	if (opt_set(o, "checkpoint") && o->n_args > 1)
		return crl_fail(err, CRL_INVALID, "you cannot restore multiple containers at once");
	if (!opt_bool(o, "attach") && !opt_bool(o, "interactive"))
		return cli_for_each(cli, o, start_one);
	if (o->n_args > 1)
		return crl_fail(err, CRL_INVALID,
				"you cannot start and attach multiple containers at once");
	_cleanup_free_ char *query = start_query(o);
	if (!query)
		return crl_fail_oom(err);
	return start_attached(cli, o->args[0], opt_bool(o, "interactive"),
			      opt_str(o, "detach-keys"), query, err);
}

const struct command cmd_start = {
	MANY_CONTAINERS,
	.summary = "Start stopped containers",
	CLI_OPTS(start_opts),
	.run = start_main,
};

/* ---- kill, pause, unpause ---- */

static const struct opt_spec kill_opts[] = {
	{'s', "signal", OPT_STR, "string", "Signal to send", "KILL"},
};

static int kill_one(struct cli *cli, const struct opts *o, const char *name, struct crl_err *err)
{
	_cleanup_buf_ struct buf b = BUF_INIT;
	buf_puts(&b, "?signal=");
	http_escape(&b, opt_str(o, "signal"));
	return b.failed ? crl_fail_oom(err) : act(cli, name, "kill", b.data, err);
}

static int kill_main(struct cli *cli, const struct opts *o, struct crl_err *err)
{
	return cli_for_each(cli, o, kill_one);
}

const struct command cmd_kill = {
	MANY_CONTAINERS,
	.summary = "Send a signal to running containers",
	CLI_OPTS(kill_opts),
	.run = kill_main,
};

static int pause_one(struct cli *cli, const struct opts *o, const char *name, struct crl_err *err)
{
	return act(cli, name, "pause", NULL, err);
}

static int unpause_one(struct cli *cli, const struct opts *o, const char *name, struct crl_err *err)
{
	return act(cli, name, "unpause", NULL, err);
}

static int pause_main(struct cli *cli, const struct opts *o, struct crl_err *err)
{
	return cli_for_each(cli, o, pause_one);
}

static int unpause_main(struct cli *cli, const struct opts *o, struct crl_err *err)
{
	return cli_for_each(cli, o, unpause_one);
}

const struct command cmd_pause = {
	MANY_CONTAINERS,
	.summary = "Freeze all processes of containers",
	.run = pause_main,
};

const struct command cmd_unpause = {
	MANY_CONTAINERS,
	.summary = "Let the processes of containers go on",
	.run = unpause_main,
};

/* ---- rm ---- */

static const struct opt_spec rm_opts[] = {
	{'f', "force", OPT_BOOL, NULL, "Kill a running container first"},
	{'l', "link", OPT_BOOL, NULL, "Remove the link of that name"},
	{'v', "volumes", OPT_BOOL, NULL, "Remove its anonymous volumes, too"},
};

static int rm_one(struct cli *cli, const struct opts *o, const char *name, struct crl_err *err)
{
	_cleanup_free_ char *path = client_object_path("containers", name, NULL);
	_cleanup_buf_ struct buf b = BUF_INIT;
	if (!path)
		return crl_fail_oom(err);
	buf_puts(&b, path);
	const char *separator = "?";
	static const char *const flags[][2] = {
		{"force", "force"}, {"link", "link"}, {"volumes", "v"}};
	for (size_t i = 0; i < ARRAY_SIZE(flags); i++) {
		if (!opt_bool(o, flags[i][0]))
			continue;
		buf_printf(&b, "%s%s=1", separator, flags[i][1]);
		separator = "&";
	}
	if (b.failed)
		return crl_fail_oom(err);
	if (client_call(&cli->client, "DELETE", b.data, NULL, NULL, NULL, err) < 0)
		return opt_bool(o, "force") && err->code == CRL_NOT_FOUND
			       ? (cli_print_error(err), 0)
			       : -1;
	puts(name);
	(void)fflush(stdout);
	return 0;
}

static int rm_main(struct cli *cli, const struct opts *o, struct crl_err *err)
{
	return cli_for_each(cli, o, rm_one);
}

const struct command cmd_rm = {
	MANY_CONTAINERS,
	.summary = "Remove containers",
	CLI_OPTS(rm_opts),
	.run = rm_main,
};

/* ---- rename ---- */

static int rename_main(struct cli *cli, const struct opts *o, struct crl_err *err)
{
	_cleanup_free_ char *path = client_object_path("containers", o->args[0], "rename?name=");
	_cleanup_buf_ struct buf b = BUF_INIT;
	if (!path)
		return crl_fail_oom(err);
	buf_puts(&b, path);
	http_escape(&b, o->args[1]);
	if (b.failed)
		return crl_fail_oom(err);
	return client_call(&cli->client, "POST", b.data, NULL, NULL, NULL, err);
}

const struct command cmd_rename = {
	.usage = "CONTAINER NEW_NAME",
	.summary = "Give a container another name",
	.min_args = 2,
	.max_args = 2,
	.complete = COMPLETE_CONTAINERS,
	.run = rename_main,
};
