/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * JSON messages. On a terminal every id has a row that is redrawn; elsewhere
 * each change of status is one line and the bars are left out.
 */
#include <cli/progress.h>

#define MAX_LINE (4U * 1024 * 1024)

void progress_init(struct progress *p, FILE *to)
{
	*p = (struct progress){.out = to, .tty = to && isatty(fileno(to))};
}

void progress_free(struct progress *p)
{
	free(p->id);
	strv_free(p->ids);
	buf_free(&p->quiet);
	*p = (struct progress){0};
}

/* Rows up from the cursor to the row of `id`; a new id gets a new row at the bottom. */
static size_t row_of(struct progress *p, const char *id)
{
	size_t n = strv_len(p->ids);
	for (size_t i = 0; i < n; i++)
		if (str_eq(p->ids[i], id))
			return n - i;
	if (strv_push(&p->ids, id) == 0)
		fputc('\n', p->out);
	return 1;
}

static void bar(const cJSON *detail, char *out, size_t size)
{
	int64_t current = 0, total = 0;
	char done[32], all[32], line[52];
	*out = 0;
	if (!json_get_i64(detail, "current", &current) || current <= 0)
		return;
	str_size_decimal((double)current, done);
	if (!json_get_i64(detail, "total", &total) || total <= 0 || current > total) {
		snprintf(out, size, "%s", done);
		return;
	}
	size_t filled = (size_t)(current * 50 / total);
	memset(line, ' ', 50);
	memset(line, '=', filled);
	if (filled < 50)
		line[filled] = '>';
	line[50] = 0;
	snprintf(out, size, "[%s] %s/%s", line, done, str_size_decimal((double)total, all));
}

static void show_status(struct progress *p, const cJSON *m)
{
	const char *id = json_get_str(m, "id"), *status = json_get_str(m, "status");
	const cJSON *detail = cJSON_GetObjectItemCaseSensitive(m, "progressDetail");
	char text[160];
	bar(detail, text, sizeof text);
	if (!p->out)
		return;
	if (!p->tty) {
		if (!*text)
			fprintf(p->out, "%s%s%s\n", id ? id : "", id ? ": " : "", status);
		return;
	}
	if (!id) {
		strv_free(p->ids);
		p->ids = NULL;
		fprintf(p->out, "%s\n", status);
		return;
	}
	size_t up = row_of(p, id);
	fprintf(p->out, "\033[%zuA\033[2K\r%s: %s %s\033[%zuB\r", up, id, status, text, up);
	(void)fflush(p->out);
}

static void show_stream(struct progress *p, const char *text)
{
	if (p->keep)
		buf_puts(&p->quiet, text);
	if (!p->out)
		return;
	fputs(text, p->out);
	if (p->tty || strchr(text, '\n'))
		(void)fflush(p->out);
}

static int show_error(struct progress *p, const char *message, struct crl_err *err)
{
	if (p->keep && p->quiet.data)
		fwrite(p->quiet.data, 1, p->quiet.len, stderr);
	if (p->out)
		(void)fflush(p->out);
	return crl_fail(err, CRL_INVALID, "%s", message);
}

static int show(struct progress *p, const cJSON *m, struct crl_err *err)
{
	const cJSON *detail = cJSON_GetObjectItemCaseSensitive(m, "errorDetail");
	const char *error = json_get_str(detail, "message"), *id;
	if (!error)
		error = json_get_str(m, "error");
	if (error)
		return show_error(p, error, err);
	if (json_get_str(m, "stream"))
		show_stream(p, json_get_str(m, "stream"));
	else if (json_get_str(m, "status"))
		show_status(p, m);
	id = json_get_str(cJSON_GetObjectItemCaseSensitive(m, "aux"), "ID");
	if (id) {
		free(p->id);
		p->id = strdup(id);
	}
	return 0;
}

int progress_line(struct progress *p, const char *line, size_t len, struct crl_err *err)
{
	_cleanup_cjson_ cJSON *m = NULL;
	if (strspn(line, " \t\r\n") >= len)
		return 0;
	if (json_parse(line, len, MAX_LINE, &m, err) < 0)
		return crl_context(err, "message of the daemon");
	return show(p, m, err);
}

static int take_lines(struct progress *p, struct buf *b, struct crl_err *err)
{
	char *nl;
	while (b->len && (nl = memchr(b->data, '\n', b->len))) {
		size_t n = (size_t)(nl - b->data);
		*nl = 0;
		if (progress_line(p, b->data, n, err) < 0)
			return -1;
		buf_consume(b, n + 1);
	}
	if (b->len > MAX_LINE)
		return crl_fail(err, CRL_LIMIT, "a message of the daemon exceeds %u bytes",
				MAX_LINE);
	return 0;
}

int progress_read(struct progress *p, struct http_conn *conn, struct http_response *r,
		  struct crl_err *err)
{
	_cleanup_buf_ struct buf b = BUF_INIT;
	char tmp[8192];
	for (;;) {
		ssize_t n = http_read(conn, r, tmp, sizeof tmp, err);
		if (n < 0)
			return -1;
		if (n == 0)
			break;
		buf_add(&b, tmp, (size_t)n);
		if (take_lines(p, &b, err) < 0)
			return -1;
	}
	return b.len ? progress_line(p, b.data, b.len, err) : 0;
}

bool progress_has_tag(const char *image)
{
	const char *slash = strrchr(image, '/');
	return strchr(slash ? slash : image, ':') || strchr(image, '@');
}

/* name, and what follows the tag's colon or the digest's @ */
static void pull_query(struct buf *b, const char *image, const char *platform)
{
	const char *at = strchr(image, '@'), *slash = strrchr(image, '/');
	const char *colon = at ? NULL : strchr(slash ? slash : image, ':');
	const char *split = at ? at : colon;
	_cleanup_free_ char *name = strndup(image, split ? (size_t)(split - image) : strlen(image));
	buf_puts(b, "/images/create?fromImage=");
	http_escape(b, name ? name : "");
	buf_puts(b, "&tag=");
	http_escape(b, split ? split + 1 : "latest");
	if (platform) {
		buf_puts(b, "&platform=");
		http_escape(b, platform);
	}
}

int progress_pull(struct cli *cli, const char *image, const char *platform, bool quiet, FILE *out,
		  struct crl_err *err)
{
	_cleanup_progress_ struct progress p;
	_cleanup_conn_ struct http_conn conn = HTTP_CONN_INIT;
	_cleanup_response_ struct http_response head = {0};
	_cleanup_buf_ struct buf path = BUF_INIT;
	pull_query(&path, image, platform);
	progress_init(&p, quiet ? NULL : out);
	if (path.failed)
		return crl_fail_oom(err);
	struct http_request r = {.method = "POST", .path = path.data};
	if (client_open(&cli->client, &r, &conn, &head, err) < 0)
		return -1;
	return progress_read(&p, &conn, &head, err);
}
