/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Owns the cutting of output into lines, and which of the drivers gets them.
 * A line of more than LOGLINE_MAX bytes becomes several records.
 */
#include "logger.h"

#include <base/ident.h>
#include <base/log.h>
#include <errno.h>
#include <string.h>

/* --- open --- */

static bool has_file(const char *driver)
{
	return str_eq(driver, "json-file") || str_eq(driver, "local");
}

static int open_log(struct logger *l, const struct mon_log *log, struct loop *loop,
		    struct crl_err *err)
{
	bool remote = str_eq(log->driver, "journald") || str_eq(log->driver, "syslog");
	if (!remote && !has_file(log->driver))
		return crl_fail(err, CRL_INVALID, "log driver %s is not supported", log->driver);
	if (!remote && str_empty(log->path))
		return crl_fail(err, CRL_INVALID, "log driver %s: path is missing", log->driver);
	if (remote && log_remote_open(log, loop, &l->remote, err) < 0)
		return -1;
	if (str_empty(log->path))
		return 0;
	_cleanup_free_ char *attrs = log->attrs && cJSON_GetArraySize(log->attrs) > 0
					     ? cJSON_PrintUnformatted(log->attrs)
					     : NULL;
	/* A copy is read by us alone: it has our own form. */
	const struct logfile_options o = {.path = log->path,
					  .local = !str_eq(log->driver, "json-file"),
					  .max_size = log->max_size,
					  .max_file = log->max_file,
					  .compress = log->compress,
					  .attrs = attrs};
	return logfile_open(&l->file, &o, loop, err);
}

int logger_open(struct logger *l, const struct mon_log *log, struct loop *loop, struct crl_err *err)
{
	*l = (struct logger){.file.fd = -1};
	if (str_empty(log->driver) || str_eq(log->driver, "none"))
		return 0;
	if (open_log(l, log, loop, err) == 0)
		return 0;
	logger_close(l, false);
	return -1;
}

/* --- lines --- */

static void partial_free(struct logger_partial *p)
{
	free(p->data);
	*p = (struct logger_partial){0};
}

static bool partial_add(struct logger_partial *p, const uint8_t *data, size_t len)
{
	if (p->len + len > p->cap) {
		size_t cap = p->cap ? p->cap : 256;
		while (cap < p->len + len)
			cap *= 2;
		uint8_t *d = realloc(p->data, cap);
		if (!d)
			return false;
		p->data = d;
		p->cap = cap;
	}
	memcpy(p->data + p->len, data, len);
	p->len += len;
	return true;
}

struct moment {
	int64_t ns;
	char text[TIME_BUF];
};

static void now(struct moment *m)
{
	m->ns = time_now_ns();
	time_rfc3339(m->ns, m->text);
}

static void put(struct logger *l, int stream, const uint8_t *text, size_t len, bool newline,
		const struct moment *at)
{
	struct logger_partial *p = &l->partial[stream - 1];
	struct log_record rec = {.text = text,
				 .len = len,
				 .stream = stream,
				 .newline = newline,
				 .time = at->ns,
				 .time_text = at->text};
	if (!newline || p->pieces) {
		if (!p->pieces)
			p->line = ++l->last_line;
		rec.line = p->line;
		rec.piece = ++p->pieces;
	}
	if (newline)
		p->pieces = 0;
	if (l->remote)
		log_remote_put(l->remote, &rec);
	if (l->file.path)
		logfile_put(&l->file, &rec);
}

/* Writes out full pieces of a line that is too long; returns what is left of it. */
static size_t put_pieces(struct logger *l, int stream, const uint8_t **text, size_t len,
			 const struct moment *at)
{
	while (len > LOGLINE_MAX) {
		size_t n = logline_cut(*text, len);
		put(l, stream, *text, n, false, at);
		*text += n;
		len -= n;
	}
	return len;
}

/* One line or the start of one, at most a read buffer long, with what was kept of it before. */
static void put_text(struct logger *l, int stream, const uint8_t *text, size_t len, bool ends,
		     const struct moment *at)
{
	struct logger_partial *p = &l->partial[stream - 1];
	if (p->len) {
		if (!partial_add(p, text, len)) {
			put(l, stream, p->data, p->len, false, at);
			free(p->data);
			p->data = NULL;
			p->len = p->cap = 0;
		} else {
			text = p->data;
			len = p->len;
		}
	}
	len = put_pieces(l, stream, &text, len, at);
	if (ends) {
		put(l, stream, text, len, true, at);
		partial_free(p);
	} else if (p->data && text >= p->data && text < p->data + p->len) {
		memmove(p->data, text, len);
		p->len = len;
	} else {
		p->len = 0;
		if (!partial_add(p, text, len))
			put(l, stream, text, len, false, at);
	}
}

static bool is_open(const struct logger *l)
{
	return l->file.path || l->remote;
}

static void flush(struct logger *l)
{
	if (l->file.path)
		logfile_flush(&l->file);
}

void logger_write(struct logger *l, int stream, const uint8_t *data, size_t len)
{
	struct moment at;
	if (!is_open(l))
		return;
	now(&at);
	while (len) {
		const uint8_t *end = memchr(data, '\n', len);
		size_t n = end ? (size_t)(end - data) : len;
		put_text(l, stream, data, n, end, &at);
		n += end ? 1 : 0;
		data += n;
		len -= n;
	}
	flush(l);
}

void logger_end(struct logger *l, int stream)
{
	struct logger_partial *p = &l->partial[stream - 1];
	if (is_open(l) && p->len) {
		struct moment at;
		now(&at);
		put(l, stream, p->data, p->len, false, &at);
		flush(l);
	}
	partial_free(p);
}

void logger_close(struct logger *l, bool durable)
{
	for (int stream = 1; stream <= LOGGER_STREAMS; stream++)
		logger_end(l, stream);
	log_remote_close(l->remote);
	logfile_close(&l->file, durable);
	*l = (struct logger){.file.fd = -1};
}
