/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Following a container from before its start to its end. Three connections,
 * as the order of things demands: the stream is open before the start so that
 * no byte is lost, the wait is registered before the start so that the end is
 * not missed, and the start goes beside it.
 */
#include <cli/start.h>

#include <cli/commands.h>

struct follow {
	struct http_conn stream;
	struct wait_call wait;
	struct client control; /* start, resize, kill */
	struct session session;
	char *resize_path, *kill_path, *start_path;
};

static void follow_free(struct follow *f)
{
	http_close(&f->stream);
	wait_close(&f->wait);
	client_close(&f->control);
	free(f->resize_path);
	free(f->kill_path);
	free(f->start_path);
}

/* The text decides, since the API has one status for all failed starts (docker's client does the
 * same). */
int start_exit_code(const char *message)
{
	if (strstr(message, "executable file not found") ||
	    strcasestr(message, "no such file or directory"))
		return EXIT_NOT_FOUND;
	if (strcasestr(message, "permission denied") || strcasestr(message, "is a directory"))
		return EXIT_CANNOT_EXECUTE;
	return EXIT_ENGINE;
}

int start_report(const struct crl_err *err)
{
	(void)fflush(stdout);
	fprintf(stderr, "crun-lite: %s\n\nRun 'crun-lite run --help' for more information\n",
		err->msg);
	return start_exit_code(err->msg);
}

static int open_stream(struct cli *cli, const struct start_plan *p, struct http_conn *ret,
		       struct crl_err *err)
{
	_cleanup_buf_ struct buf path = BUF_INIT;
	_cleanup_response_ struct http_response head = {0};
	_cleanup_free_ char *object = client_object_path("containers", p->name, "attach");
	buf_printf(&path, "%s?stream=1%s%s%s", object ? object : "", p->in ? "&stdin=1" : "",
		   p->out ? "&stdout=1" : "", p->err ? "&stderr=1" : "");
	if (p->keys) {
		buf_puts(&path, "&detachKeys=");
		http_escape(&path, p->keys);
	}
	if (path.failed || !object)
		return crl_fail_oom(err);
	struct http_request r = {.method = "POST", .path = path.data, .upgrade = true};
	return client_open(&cli->client, &r, ret, &head, err);
}

static int prepare(struct cli *cli, const struct start_plan *p, struct follow *f,
		   struct crl_err *err)
{
	bool proxy = p->sig_proxy && !p->tty;
	f->resize_path = client_object_path("containers", p->name, "resize");
	f->kill_path = client_object_path("containers", p->name, "kill");
	_cleanup_free_ char *start = client_object_path("containers", p->name, "start");
	f->start_path = start ? client_path("%s%s", start, p->query ? p->query : "") : NULL;
	if (!f->resize_path || !f->kill_path || !f->start_path)
		return crl_fail_oom(err);
	f->session = (struct session){.conn = &f->stream,
				      .tty = p->tty,
				      .use_stdin = p->in,
				      .sig_proxy = proxy,
				      .detachable = p->in && isatty(STDIN_FILENO),
				      .control = &f->control,
				      .resize_path = f->resize_path,
				      .kill_path = proxy ? f->kill_path : NULL};
	if (session_parse_keys(p->keys, &f->session, err) < 0 ||
	    open_stream(cli, p, &f->stream, err) < 0 ||
	    wait_begin(&cli->client, p->name, p->condition, &f->wait, err) < 0)
		return -1;
	/* The waiting connection is busy until the end. */
	f->control = cli->client;
	f->control.conn = (struct http_conn)HTTP_CONN_INIT;
	f->control.await = session_await;
	session_block_signals(proxy);
	session_raw_mode(&f->session);
	return 0;
}

int start_and_follow(struct cli *cli, const struct start_plan *p, struct crl_err *err)
{
	_cleanup_(follow_free) struct follow f = {
		.stream = HTTP_CONN_INIT, .wait = WAIT_CALL_INIT, .control.conn = HTTP_CONN_INIT};
	enum session_end end;
	int code;
	if (prepare(cli, p, &f, err) < 0)
		return -1;
	if (p->start && client_call(&f.control, "POST", f.start_path, NULL, NULL, NULL, err) < 0) {
		session_restore();
		if (p->removed_on_failure) /* so that the name is free when we are gone */
			(void)wait_finish(&f.wait, 10000, &code, NULL);
		return start_report(err);
	}
	if (p->start)
		session_resize(&f.session);
	else
		session_redraw(&f.session);
	int result = session_run(&f.session, &end, err);
	session_restore();
	if (result < 0)
		return -1;
	if (end == SESSION_DETACHED)
		return 0;
	return wait_finish(&f.wait, -1, &code, err) < 0 ? -1 : code;
}

int start_has_tty(struct cli *cli, const char *name, bool *ret_tty, bool *ret_open_stdin,
		  bool *ret_running, struct crl_err *err)
{
	_cleanup_cjson_ cJSON *c = NULL;
	_cleanup_free_ char *path = client_object_path("containers", name, "json");
	if (!path)
		return crl_fail_oom(err);
	if (client_get(&cli->client, path, &c, err) < 0)
		return -1;
	const cJSON *config = cJSON_GetObjectItemCaseSensitive(c, "Config");
	*ret_tty = json_get_bool(config, "Tty");
	if (ret_open_stdin)
		*ret_open_stdin = json_get_bool(config, "OpenStdin");
	if (ret_running)
		*ret_running =
			json_get_bool(cJSON_GetObjectItemCaseSensitive(c, "State"), "Running");
	return 0;
}

int start_attached(struct cli *cli, const char *name, bool interactive, const char *keys,
		   const char *query, struct crl_err *err)
{
	bool tty, open_stdin;
	if (start_has_tty(cli, name, &tty, &open_stdin, NULL, err) < 0)
		return -1;
	const struct start_plan plan = {
		.name = name,
		.keys = keys,
		.condition = "next-exit",
		.query = query,
		.in = interactive && open_stdin,
		.out = true,
		.err = true,
		.tty = tty,
		.sig_proxy = true,
		.start = true,
	};
	return start_and_follow(cli, &plan, err);
}

/* ---- attach ---- */

static const struct opt_spec attach_opts[] = {
	{0, "detach-keys", OPT_STR, "string", "Keys that detach from the container"},
	{0, "no-stdin", OPT_BOOL, NULL, "Do not attach stdin"},
	{0, "sig-proxy", OPT_BOOL, NULL, "Forward signals to the process", "true"},
};

static int attach_main(struct cli *cli, const struct opts *o, struct crl_err *err)
{
	bool tty, open_stdin, running;
	if (start_has_tty(cli, o->args[0], &tty, &open_stdin, &running, err) < 0)
		return -1;
	if (!running)
		return crl_fail(err, CRL_CONFLICT,
				"cannot attach to a stopped container, start it first");
	const struct start_plan plan = {
		.name = o->args[0],
		.keys = opt_str(o, "detach-keys"),
		.in = open_stdin && !opt_bool(o, "no-stdin"),
		.out = true,
		.err = true,
		.tty = tty,
		.sig_proxy = opt_bool(o, "sig-proxy"),
	};
	if (plan.in && tty && !isatty(STDIN_FILENO))
		return crl_fail(err, CRL_INVALID, "the input device is not a TTY");
	return start_and_follow(cli, &plan, err);
}

const struct command cmd_attach = {
	.usage = "[OPTIONS] CONTAINER",
	.summary = "Attach the terminal's streams to a running container",
	CLI_OPTS(attach_opts),
	.min_args = 1,
	.max_args = 1,
	.complete = COMPLETE_CONTAINERS,
	.run = attach_main,
};
