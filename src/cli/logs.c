/* SPDX-License-Identifier: GPL-2.0-or-later */
/* logs and events: streams of the daemon that are only read. */
#include <cli/commands.h>
#include <cli/format.h>

#include <base/fd.h>
#include <base/ident.h>
#include <cli/demux.h>
#include <cli/listing.h>
#include <cli/start.h>
#include <cli/template.h>

/* ---- logs ---- */

static const struct opt_spec logs_opts[] = {
	{0, "details", OPT_BOOL, NULL, "Show further attributes of the lines"},
	{'f', "follow", OPT_BOOL, NULL, "Go on with new output"},
	{0, "since", OPT_STR, "string", "Show lines from this time on (2026-01-02T13:23:37Z, 42m)"},
	{'n', "tail", OPT_STR, "string", "Number of lines to show from the end", "all"},
	{'t', "timestamps", OPT_BOOL, NULL, "Show times"},
	{0, "until", OPT_STR, "string", "Show lines before this time (2026-01-02T13:23:37Z, 42m)"},
};

/* Durations count back from now; the daemon gets seconds, since its clock may not be ours. */
static int add_time(struct buf *b, const char *key, const char *text, struct crl_err *err)
{
	int64_t ns;
	if (!text)
		return 0;
	if (!time_parse(text, time_now_ns(), &ns))
		return crl_fail(err, CRL_INVALID, "invalid value for \"%s\": %s is no time", key,
				text);
	buf_printf(b, "&%s=%lld.%09lld", key, (long long)(ns / 1000000000),
		   (long long)(ns % 1000000000));
	return 0;
}

static int logs_path(const struct opts *o, struct buf *b, struct crl_err *err)
{
	_cleanup_free_ char *object = client_object_path("containers", o->args[0], "logs");
	if (!object)
		return crl_fail_oom(err);
	buf_printf(b, "%s?stdout=1&stderr=1", object);
	if (opt_bool(o, "follow"))
		buf_puts(b, "&follow=1");
	if (opt_bool(o, "timestamps"))
		buf_puts(b, "&timestamps=1");
	if (opt_bool(o, "details"))
		buf_puts(b, "&details=1");
	buf_puts(b, "&tail=");
	http_escape(b, opt_str(o, "tail"));
	if (add_time(b, "since", opt_str(o, "since"), err) < 0 ||
	    add_time(b, "until", opt_str(o, "until"), err) < 0)
		return -1;
	return b->failed ? crl_fail_oom(err) : 0;
}

static int copy_logs(struct http_conn *conn, struct http_response *head, bool tty,
		     struct crl_err *err)
{
	struct demux d = {.sink = demux_to_stdio};
	static char data[65536];
	for (;;) {
		ssize_t n = http_read(conn, head, data, sizeof data, err);
		if (n <= 0)
			return (int)n;
		if ((tty ? fd_write_all(STDOUT_FILENO, data, (size_t)n, err)
			 : demux_feed(&d, data, (size_t)n, err)) < 0)
			return -1;
	}
}

static int logs_main(struct cli *cli, const struct opts *o, struct crl_err *err)
{
	_cleanup_conn_ struct http_conn conn = HTTP_CONN_INIT;
	_cleanup_response_ struct http_response head = {0};
	_cleanup_buf_ struct buf path = BUF_INIT;
	bool tty;
	if (logs_path(o, &path, err) < 0 ||
	    start_has_tty(cli, o->args[0], &tty, NULL, NULL, err) < 0)
		return -1;
	struct http_request r = {.method = "GET", .path = path.data};
	if (client_open(&cli->client, &r, &conn, &head, err) < 0)
		return -1;
	return copy_logs(&conn, &head, tty, err);
}

const struct command cmd_logs = {
	.usage = "[OPTIONS] CONTAINER",
	.summary = "Show what a container has written",
	CLI_OPTS(logs_opts),
	.min_args = 1,
	.max_args = 1,
	.complete = COMPLETE_CONTAINERS,
	.run = logs_main,
};

/* ---- events ---- */

static const struct opt_spec events_opts[] = {
	{'f', "filter", OPT_LIST, "filter",
	 "Show only what matches (type=container, event=die, ...)"},
	{0, "format", OPT_STR, "string", "Format the output: json or a template"},
	{0, "since", OPT_STR, "string", "Show events from this time on"},
	{0, "until", OPT_STR, "string", "Stop at this time"},
};

static int events_path(const struct opts *o, struct buf *b, struct crl_err *err)
{
	_cleanup_free_ char *filters = NULL;
	if (cli_filters(opt_list(o, "filter"), &filters, err) < 0)
		return -1;
	/* A first parameter that says nothing keeps the others alike. */
	buf_printf(b, "/events?filters=%s", filters ? filters : "%7B%7D");
	if (add_time(b, "since", opt_str(o, "since"), err) < 0 ||
	    add_time(b, "until", opt_str(o, "until"), err) < 0)
		return -1;
	return b->failed ? crl_fail_oom(err) : 0;
}

/* timeNano needs all its digits, which a double does not have. */
static int64_t event_time(const char *line, const cJSON *event)
{
	const char *p = strstr(line, "\"timeNano\":");
	int64_t seconds = 0;
	if (p)
		return strtoll(p + strlen("\"timeNano\":"), NULL, 10);
	(void)json_get_i64(event, "time", &seconds);
	return seconds * 1000000000;
}

static void print_attributes(const cJSON *attributes)
{
	_cleanup_strv_ char **list = NULL;
	const cJSON *a;
	size_t n = 0;
	cJSON_ArrayForEach (a, attributes) {
		if (cJSON_IsString(a) && strv_pushf(&list, "%s=%s", a->string, a->valuestring) == 0)
			n++;
	}
	for (size_t i = 1; i < n; i++) /* few: insertion sort */
		for (size_t j = i; j > 0 && strcmp(list[j - 1], list[j]) > 0; j--) {
			char *t = list[j];
			list[j] = list[j - 1];
			list[j - 1] = t;
		}
	for (size_t i = 0; i < n; i++) {
		_cleanup_buf_ struct buf safe = BUF_INIT;
		format_safe(&safe, list[i]);
		printf("%s%s", i ? ", " : " (", safe.data ? safe.data : "");
	}
	puts(n ? ")" : "");
}

static void print_event(const char *line, const cJSON *event)
{
	int64_t ns = event_time(line, event);
	time_t t = (time_t)(ns / 1000000000);
	struct tm tm;
	char when[32] = "", zone[8] = "";
	const cJSON *actor = cJSON_GetObjectItemCaseSensitive(event, "Actor");
	const char *type = json_get_str(event, "Type"), *action = json_get_str(event, "Action");
	const char *id = json_get_str(actor, "ID");
	if (localtime_r(&t, &tm)) {
		strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%S", &tm);
		strftime(zone, sizeof zone, "%z", &tm);
	}
	if (str_eq(zone, "+0000"))
		snprintf(zone, sizeof zone, "Z");
	else if (strlen(zone) == 5)
		memmove(zone + 4, zone + 3, 3), zone[3] = ':';
	/* "exec_start: " has the command behind it. */
	_cleanup_buf_ struct buf safe = BUF_INIT;
	format_safe(&safe, action);
	printf("%s.%09lld%s %s %s %s", when, (long long)(ns % 1000000000), zone, type ? type : "",
	       safe.data ? safe.data : "", id ? id : "");
	print_attributes(cJSON_GetObjectItemCaseSensitive(actor, "Attributes"));
}

static int show_event(const char *format, const char *line, struct crl_err *err)
{
	_cleanup_cjson_ cJSON *event = NULL;
	if (!line[strspn(line, " \r\t")])
		return 0;
	if (str_eq(format, "json")) {
		printf("%s\n", line);
		return 0;
	}
	if (json_parse(line, strlen(line), CLIENT_MAX_REPLY, &event, err) < 0)
		return -1;
	if (!str_empty(format))
		return listing_print_value(format, event, err);
	print_event(line, event);
	return 0;
}

static int copy_events(struct http_conn *conn, struct http_response *head, const char *format,
		       struct crl_err *err)
{
	_cleanup_buf_ struct buf b = BUF_INIT;
	char data[8192], *nl;
	for (;;) {
		ssize_t n = http_read(conn, head, data, sizeof data, err);
		if (n < 0)
			return -1;
		buf_add(&b, n ? data : "\n", n ? (size_t)n : 1);
		while (b.len && (nl = memchr(b.data, '\n', b.len))) {
			size_t len = (size_t)(nl - b.data);
			b.data[len > 0 && b.data[len - 1] == '\r' ? len - 1 : len] = 0;
			if (show_event(format, b.data, err) < 0)
				return -1;
			buf_consume(&b, len + 1);
		}
		(void)fflush(stdout);
		if (n == 0)
			return 0;
	}
}

static int events_main(struct cli *cli, const struct opts *o, struct crl_err *err)
{
	_cleanup_conn_ struct http_conn conn = HTTP_CONN_INIT;
	_cleanup_response_ struct http_response head = {0};
	_cleanup_buf_ struct buf path = BUF_INIT;
	if (events_path(o, &path, err) < 0)
		return -1;
	struct http_request r = {.method = "GET", .path = path.data};
	if (client_open(&cli->client, &r, &conn, &head, err) < 0)
		return -1;
	return copy_events(&conn, &head, opt_str(o, "format"), err);
}

const struct command cmd_events = {
	.usage = "[OPTIONS]",
	.summary = "Show what happens in the daemon, as it happens",
	CLI_OPTS(events_opts),
	.run = events_main,
};
