/* SPDX-License-Identifier: GPL-2.0-or-later */
/* exec: a further process in a running container. */
#include <cli/commands.h>

#include <cli/create.h>
#include <cli/session.h>

static const struct opt_spec exec_opts[] = {
	{'d', "detach", OPT_BOOL, NULL, "Run in the background"},
	{0, "detach-keys", OPT_STR, "string", "Keys that detach from the process"},
	{'e', "env", OPT_LIST, "list", "Set environment variables"},
	{0, "env-file", OPT_LIST, "list", "Read environment variables from a file"},
	{'i', "interactive", OPT_BOOL, NULL, "Keep stdin open"},
	{0, "privileged", OPT_BOOL, NULL, "Give all privileges to the process"},
	{'t', "tty", OPT_BOOL, NULL, "Give the process a terminal"},
	{'u', "user", OPT_STR, "string", "User of the process (name|uid[:group|gid])"},
	{'w', "workdir", OPT_STR, "string", "Working directory of the process"},
};

static void add_console_size(cJSON *body)
{
	unsigned rows, columns;
	if (!session_window(&rows, &columns))
		return;
	cJSON *size = create_array(body, "ConsoleSize");
	cJSON_AddItemToArray(size, cJSON_CreateNumber(rows));
	cJSON_AddItemToArray(size, cJSON_CreateNumber(columns));
}

static int exec_body(const struct opts *o, cJSON **ret, struct crl_err *err)
{
	_cleanup_cjson_ cJSON *body = cJSON_CreateObject();
	bool detach = opt_bool(o, "detach");
	cJSON_AddBoolToObject(body, "AttachStdin", !detach && opt_bool(o, "interactive"));
	cJSON_AddBoolToObject(body, "AttachStdout", !detach);
	cJSON_AddBoolToObject(body, "AttachStderr", !detach);
	cJSON_AddBoolToObject(body, "Tty", opt_bool(o, "tty"));
	cJSON_AddBoolToObject(body, "Privileged", opt_bool(o, "privileged"));
	json_add_strv(body, "Cmd", o->args + 1, false);
	if (opt_set(o, "user"))
		create_set(body, "User", opt_str(o, "user"));
	if (opt_set(o, "workdir"))
		create_set(body, "WorkingDir", opt_str(o, "workdir"));
	if (opt_set(o, "detach-keys"))
		create_set(body, "DetachKeys", opt_str(o, "detach-keys"));
	if (opt_set(o, "env") || opt_set(o, "env-file")) {
		if (create_env_list(create_array(body, "Env"), opt_list(o, "env-file"),
				    opt_list(o, "env"), err) < 0)
			return -1;
	}
	if (opt_bool(o, "tty"))
		add_console_size(body);
	*ret = take_ptr(body);
	return 0;
}

static int exec_create(struct cli *cli, const struct opts *o, char **ret_id, struct crl_err *err)
{
	_cleanup_cjson_ cJSON *body = NULL;
	_cleanup_cjson_ cJSON *reply = NULL;
	_cleanup_free_ char *path = client_object_path("containers", o->args[0], "exec");
	if (!path)
		return crl_fail_oom(err);
	if (exec_body(o, &body, err) < 0 ||
	    client_json(&cli->client, "POST", path, body, &reply, err) < 0)
		return -1;
	const char *id = json_get_str(reply, "Id");
	char *copy = id ? strdup(id) : NULL;
	if (!copy)
		return crl_fail(err, CRL_IO, "the daemon's answer to exec has no Id");
	*ret_id = copy;
	return 0;
}

static int open_stream(struct cli *cli, const struct opts *o, const char *id, struct http_conn *ret,
		       struct crl_err *err)
{
	_cleanup_cjson_ cJSON *body = cJSON_CreateObject();
	_cleanup_free_ char *path = client_path("/exec/%s/start", id);
	_cleanup_response_ struct http_response head = {0};
	cJSON_AddBoolToObject(body, "Detach", false);
	cJSON_AddBoolToObject(body, "Tty", opt_bool(o, "tty"));
	if (opt_bool(o, "tty"))
		add_console_size(body);
	_cleanup_free_ char *text = cJSON_PrintUnformatted(body);
	if (!path || !text)
		return crl_fail_oom(err);
	struct http_request r = {.method = "POST",
				 .path = path,
				 .content_type = "application/json",
				 .body = text,
				 .body_len = strlen(text),
				 .upgrade = true};
	return client_open(&cli->client, &r, ret, &head, err);
}

static int exit_code(struct cli *cli, const char *id, struct crl_err *err)
{
	_cleanup_cjson_ cJSON *exec = NULL;
	_cleanup_free_ char *path = client_path("/exec/%s/json", id);
	int64_t code;
	if (!path)
		return crl_fail_oom(err);
	if (client_get(&cli->client, path, &exec, err) < 0)
		return -1;
	if (!json_get_i64(exec, "ExitCode", &code))
		return crl_fail(err, CRL_IO, "the exit code of the process is not known");
	return (int)code;
}

static int follow(struct cli *cli, const struct opts *o, const char *id, struct crl_err *err)
{
	_cleanup_conn_ struct http_conn stream = HTTP_CONN_INIT;
	_cleanup_free_ char *resize = client_path("/exec/%s/resize", id);
	enum session_end end;
	struct session s = {.conn = &stream,
			    .tty = opt_bool(o, "tty"),
			    .use_stdin = opt_bool(o, "interactive"),
			    .detachable = opt_bool(o, "interactive") && isatty(STDIN_FILENO),
			    .control = &cli->client,
			    .resize_path = resize};
	if (!resize)
		return crl_fail_oom(err);
	if (session_parse_keys(opt_str(o, "detach-keys"), &s, err) < 0 ||
	    open_stream(cli, o, id, &stream, err) < 0)
		return -1;
	session_block_signals(false);
	session_raw_mode(&s);
	session_resize(&s);
	int r = session_run(&s, &end, err);
	session_restore();
	if (r < 0)
		return -1;
	return end == SESSION_DETACHED ? 0 : exit_code(cli, id, err);
}

static int exec_main(struct cli *cli, const struct opts *o, struct crl_err *err)
{
	_cleanup_free_ char *id = NULL;
	if (opt_bool(o, "interactive") && opt_bool(o, "tty") && !opt_bool(o, "detach") &&
	    !isatty(STDIN_FILENO)) {
		fputs("the input device is not a TTY\n", stderr);
		return 1;
	}
	if (exec_create(cli, o, &id, err) < 0)
		return -1;
	if (!opt_bool(o, "detach"))
		return follow(cli, o, id, err);
	_cleanup_cjson_ cJSON *body = cJSON_CreateObject();
	_cleanup_free_ char *path = client_path("/exec/%s/start", id);
	cJSON_AddBoolToObject(body, "Detach", true);
	cJSON_AddBoolToObject(body, "Tty", opt_bool(o, "tty"));
	if (!path)
		return crl_fail_oom(err);
	return client_call(&cli->client, "POST", path, body, NULL, NULL, err);
}

const struct command cmd_exec = {
	.usage = "[OPTIONS] CONTAINER COMMAND [ARG...]",
	.summary = "Run a command in a running container",
	CLI_OPTS(exec_opts),
	.min_args = 2,
	.max_args = CLI_MANY,
	.stop_at_arg = true,
	.complete = COMPLETE_CONTAINERS,
	.run = exec_main,
};
