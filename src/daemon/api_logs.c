/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * GET /containers/{id}/logs: headers at once, then what is there, then (follow)
 * what comes, told by inotify(7). A slow client pauses its own reader only;
 * the writer never knows.
 */
#include "api_containers.h"
#include "log_reader.h"

#include <base/log.h>
#include <ctype.h>
#include <sys/inotify.h>

struct log_stream_state {
	struct http_req *r;
	struct daemon *d;
	char id[ID_HEX + 1];
	struct log_reader *reader;
	sd_event_source *watch, *turn;
	bool out, err, framed, timestamps, details, follow, paused;
};

static void state_free(void *data)
{
	struct log_stream_state *s = data;
	sd_event_source_disable_unref(s->watch);
	sd_event_source_disable_unref(s->turn);
	log_reader_close(s->reader);
	free(s);
}

static void on_close(struct http_req *r, void *data)
{
	struct log_stream_state *s = data;
	s->watch = sd_event_source_disable_unref(s->watch);
	s->turn = sd_event_source_disable_unref(s->turn);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* As in a URL's query: a blank or a comma inside cannot be mistaken for what separates them. */
static void add_escaped(struct buf *out, const char *text)
{
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;
		if (c == ' ')
			buf_putc(out, '+');
		else if ((c < 128 && isalnum(c)) || strchr("-_.~", c))
			buf_putc(out, (char)c);
		else
			buf_printf(out, "%%%02X", c);
	}
}

/* "a=1,b=2 " in front of the line; without attributes only the blank, as docker has it. */
static void add_details(struct buf *out, const struct log_line *line)
{
	_cleanup_cjson_ cJSON *tree = NULL;
	_cleanup_strv_ char **names = NULL;
	struct crl_err ignored;
	const cJSON *a;
	if (line->attrs)
		(void)json_parse(line->attrs, line->attrs_len, JSON_MAX_SIZE, &tree, &ignored);
	cJSON_ArrayForEach (a, tree)
		if (cJSON_IsString(a))
			(void)strv_push(&names, a->string);
	if (names)
		qsort(names, strv_len(names), sizeof(*names), by_name);
	for (char **n = names; n && *n; n++) {
		if (n != names)
			buf_putc(out, ',');
		add_escaped(out, *n);
		buf_putc(out, '=');
		add_escaped(out, json_get_str(tree, *n));
	}
	buf_putc(out, ' ');
}

static void on_line(const struct log_line *line, void *data)
{
	struct log_stream_state *s = data;
	char stamp[TIME_BUF] = "";
	_cleanup_buf_ struct buf b = BUF_INIT, attrs = BUF_INIT;
	if (line->stream == LOG_STDERR ? !s->err : !s->out)
		return;
	size_t extra = 0;
	if (s->timestamps) {
		time_rfc3339_fixed(line->time, stamp);
		extra = strlen(stamp) + 1;
	}
	if (s->details)
		add_details(&attrs, line);
	if (s->framed)
		log_frame_header(&b, line->stream, line->len + extra + attrs.len);
	if (extra) {
		buf_puts(&b, stamp);
		buf_putc(&b, ' ');
	}
	buf_add(&b, attrs.data, attrs.len);
	buf_add(&b, line->text, line->len);
	if (!b.failed && !http_write(s->r, b.data, b.len))
		s->paused = true;
}

/*
 * The monitor has written everything before it reports the end: end of file is
 * the end then. The record that follows each change of state wakes us.
 */
static bool container_over(const struct log_stream_state *s)
{
	struct container *c;
	struct crl_err ignored;
	if (container_find(s->d, s->id, &c, &ignored) < 0)
		return true;
	return c->state != FSM_RUNNING && c->state != FSM_PAUSED && c->state != FSM_STARTING &&
	       c->state != FSM_RESTARTING && c->state != FSM_CREATED;
}

static void finish(struct log_stream_state *s)
{
	on_close(s->r, s);
	http_stream_end(s->r);
}

/* One block a turn, so that a long log does not hold up anybody else. */
static int on_turn(sd_event_source *src, void *data)
{
	struct log_stream_state *s = data;
	struct crl_err err = CRL_ERR_INIT;
	bool over = container_over(s);
	int more = log_reader_next(s->reader, on_line, s, &err);
	if (more < 0)
		log_warn("logs", "container", s->id, "error", err.msg, NULL);
	if (more < 0 || more == 2 || (more == 0 && (!s->follow || over))) {
		finish(s);
		return 0;
	}
	if (more == 0 || s->paused)
		sd_event_source_set_enabled(src, SD_EVENT_OFF);
	return 0;
}

static void wake(struct log_stream_state *s)
{
	if (s->turn && !s->paused)
		sd_event_source_set_enabled(s->turn, SD_EVENT_ON);
}

static int on_change(sd_event_source *src, const struct inotify_event *event, void *data)
{
	wake(data);
	return 0;
}

static void on_drain(struct http_req *r, void *data)
{
	struct log_stream_state *s = data;
	s->paused = false;
	wake(s);
}

static int watch(struct log_stream_state *s, const struct container *c, struct crl_err *err)
{
	_cleanup_free_ char *dir = container_dir(c);
	int r = sd_event_add_defer(s->d->event, &s->turn, on_turn, s);
	if (r >= 0)
		r = sd_event_source_set_enabled(s->turn, SD_EVENT_ON);
	if (r >= 0 && s->follow)
		r = sd_event_add_inotify(s->d->event, &s->watch, dir ? dir : "",
					 IN_MODIFY | IN_CREATE | IN_MOVED_TO | IN_ATTRIB |
						 IN_MOVE_SELF | IN_DELETE_SELF | IN_CLOSE_WRITE,
					 on_change, s);
	return r < 0 ? crl_fail_sys(err, -r, "logs") : 0;
}

static int parse_times(struct http_req *r, struct log_query *q, struct crl_err *err)
{
	const struct {
		const char *key;
		int64_t *to;
	} rows[] = {{"since", &q->since}, {"until", &q->until}};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const char *text = http_query(r, rows[i].key);
		if (str_empty(text) || str_eq(text, "0"))
			continue;
		if (!time_parse(text, time_now_ns(), rows[i].to))
			return crl_fail(err, CRL_INVALID, "invalid value for \"%s\": %s",
					rows[i].key, text);
	}
	const char *tail = http_query(r, "tail");
	uint64_t n;
	q->tail = tail && str_to_u64(tail, &n) && n < INT64_MAX ? (int64_t)n : -1;
	return 0;
}

static struct log_stream_state *state_new(struct http_req *r, struct container *c,
					  struct crl_err *err)
{
	struct log_stream_state *s = calloc(1, sizeof(*s));
	struct log_query q = {0};
	if (!s) {
		crl_fail_oom(err);
		return NULL;
	}
	s->r = r;
	s->d = c->d;
	memcpy(s->id, c->rec.id, sizeof(s->id));
	s->out = http_query_bool(r, "stdout", false);
	s->err = http_query_bool(r, "stderr", false);
	s->framed = !c->rec.config.tty;
	s->timestamps = http_query_bool(r, "timestamps", false);
	s->follow = http_query_bool(r, "follow", false);
	s->details = http_query_bool(r, "details", false);
	q.attrs = s->details;
	bool local;
	_cleanup_free_ char *path = container_log_source(c, &local);
	if (!s->out && !s->err)
		crl_fail(err, CRL_INVALID, "Bad parameters: you must choose at least one stream");
	else if (path && !*path)
		crl_fail(err, CRL_UNSUPPORTED,
			 "configured logging driver does not support reading");
	else if (parse_times(r, &q, err) == 0 && path &&
		 log_reader_open(path, local, &q, &s->reader, err) == 0 && watch(s, c, err) == 0)
		return s;
	state_free(s);
	return NULL;
}

void api_containers_logs(struct http_req *r)
{
	struct container *c;
	struct crl_err err = CRL_ERR_INIT;
	if (!api_container(r, &c))
		return;
	struct log_stream_state *s = state_new(r, c, &err);
	if (!s) {
		http_reply_error(r, &err);
		return;
	}
	http_set_data(r, s, state_free);
	http_on_close(r, on_close);
	http_stream(r, 200, api_stream_type(r, c->rec.config.tty));
	http_stream_on_drain(r, on_drain);
}
