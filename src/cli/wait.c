/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The wait call, and the command of that name. */
#include <cli/wait.h>

#include <cli/commands.h>
#include <poll.h>

int wait_begin(struct client *client, const char *name, const char *condition,
	       struct wait_call *ret, struct crl_err *err)
{
	_cleanup_buf_ struct buf path = BUF_INIT;
	_cleanup_(wait_close) struct wait_call w = WAIT_CALL_INIT;
	if (client_agree(client, err) < 0)
		return -1;
	buf_printf(&path, "/v%s/containers/", client->version);
	http_escape(&path, name);
	buf_puts(&path, "/wait");
	if (condition)
		buf_printf(&path, "?condition=%s", condition);
	if (path.failed)
		return crl_fail_oom(err);
	w.conn = client->conn;
	client->conn = (struct http_conn)HTTP_CONN_INIT;
	struct http_request r = {.method = "POST", .path = path.data};
	if (w.conn.fd < 0 && http_connect(client->host, &w.conn, err) < 0)
		return -1;
	if (http_send(&w.conn, &r, err) < 0 || client_answer(&w.conn, false, &w.head, err) < 0)
		return -1;
	*ret = w;
	w = (struct wait_call)WAIT_CALL_INIT;
	return 0;
}

int wait_finish(struct wait_call *w, int timeout_ms, int *ret_code, struct crl_err *err)
{
	_cleanup_free_ char *text = NULL;
	_cleanup_cjson_ cJSON *tree = NULL;
	size_t len;
	int64_t code;
	struct pollfd p = {.fd = w->conn.fd, .events = POLLIN};
	if (timeout_ms >= 0 && !http_has_buffered(&w->conn) && poll(&p, 1, timeout_ms) <= 0)
		return crl_fail(err, CRL_UNAVAILABLE, "the container has not ended in time");
	if (http_read_all(&w->conn, &w->head, CLIENT_MAX_REPLY, &text, &len, err) < 0 ||
	    json_parse(text, len, CLIENT_MAX_REPLY, &tree, err) < 0)
		return crl_context(err, "wait");
	if (!json_get_i64(tree, "StatusCode", &code))
		return crl_fail(err, CRL_IO, "the daemon's answer to wait has no StatusCode");
	const char *message =
		json_get_str(cJSON_GetObjectItemCaseSensitive(tree, "Error"), "Message");
	if (!str_empty(message))
		return crl_fail(err, CRL_IO, "Error response from daemon: %s", message);
	*ret_code = (int)code;
	return 0;
}

void wait_close(struct wait_call *w)
{
	http_close(&w->conn);
	http_response_free(&w->head);
}

static int wait_one(struct cli *cli, const struct opts *o, const char *name, struct crl_err *err)
{
	_cleanup_(wait_close) struct wait_call w = WAIT_CALL_INIT;
	int code;
	if (wait_begin(&cli->client, name, NULL, &w, err) < 0 ||
	    wait_finish(&w, -1, &code, err) < 0)
		return -1;
	printf("%d\n", code);
	(void)fflush(stdout);
	return 0;
}

static int wait_main(struct cli *cli, const struct opts *o, struct crl_err *err)
{
	return cli_for_each(cli, o, wait_one);
}

const struct command cmd_wait = {
	.usage = "CONTAINER [CONTAINER...]",
	.summary = "Wait until containers stop, then print their exit codes",
	.min_args = 1,
	.max_args = CLI_MANY,
	.complete = COMPLETE_CONTAINERS,
	.run = wait_main,
};
