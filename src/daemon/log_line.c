/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Owns the parser of one json-file log line. The log is written by our
 * monitor, but what stands in it a container chose, and a disk may have
 * damaged it: nothing is trusted. Keys in any order; unknown ones skipped.
 */
#include "log_reader.h"

#include <base/ident.h>

struct cursor {
	const char *p, *end;
};

static void skip_blanks(struct cursor *c)
{
	while (c->p < c->end && (*c->p == ' ' || *c->p == '\t'))
		c->p++;
}

static bool take(struct cursor *c, char want)
{
	skip_blanks(c);
	if (c->p >= c->end || *c->p != want)
		return false;
	c->p++;
	return true;
}

static int hex4(const char *p)
{
	int v = 0;
	for (int i = 0; i < 4; i++) {
		char d = p[i];
		int n = d >= '0' && d <= '9'   ? d - '0'
			: d >= 'a' && d <= 'f' ? d - 'a' + 10
			: d >= 'A' && d <= 'F' ? d - 'A' + 10
					       : -1;
		if (n < 0)
			return -1;
		v = v * 16 + n;
	}
	return v;
}

static void put_utf8(struct buf *out, unsigned u)
{
	if (u < 0x80) {
		buf_putc(out, (char)u);
	} else if (u < 0x800) {
		buf_putc(out, (char)(0xC0 | u >> 6));
		buf_putc(out, (char)(0x80 | (u & 0x3F)));
	} else if (u < 0x10000) {
		buf_putc(out, (char)(0xE0 | u >> 12));
		buf_putc(out, (char)(0x80 | (u >> 6 & 0x3F)));
		buf_putc(out, (char)(0x80 | (u & 0x3F)));
	} else {
		buf_putc(out, (char)(0xF0 | u >> 18));
		buf_putc(out, (char)(0x80 | (u >> 12 & 0x3F)));
		buf_putc(out, (char)(0x80 | (u >> 6 & 0x3F)));
		buf_putc(out, (char)(0x80 | (u & 0x3F)));
	}
}

/* After "\u": four digits, and a second half when they are the first of a pair. */
static bool take_unicode(struct cursor *c, struct buf *out)
{
	if (c->end - c->p < 4)
		return false;
	int u = hex4(c->p), low;
	if (u < 0)
		return false;
	c->p += 4;
	bool pair = u >= 0xD800 && u < 0xDC00 && c->end - c->p >= 6 && c->p[0] == '\\' &&
		    c->p[1] == 'u' && (low = hex4(c->p + 2)) >= 0xDC00 && low < 0xE000;
	if (pair) {
		put_utf8(out, 0x10000 + (((unsigned)u & 0x3FF) << 10) + ((unsigned)low & 0x3FF));
		c->p += 6;
	} else {
		put_utf8(out, u >= 0xD800 && u < 0xE000 ? 0xFFFD : (unsigned)u);
	}
	return true;
}

static bool take_escape(struct cursor *c, struct buf *out)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	if (c->p >= c->end)
		return false;
	char e = *c->p++;
	if (e == 'u')
		return take_unicode(c, out);
	const char *at = e ? strchr(from, e) : NULL;
	if (!at)
		return false;
	buf_putc(out, to[at - from]);
	return true;
}

/* A JSON string, unescaped into `out`. */
static bool take_string(struct cursor *c, struct buf *out)
{
	if (!take(c, '"'))
		return false;
	while (c->p < c->end && *c->p != '"') {
		const char *run = c->p;
		while (c->p < c->end && *c->p != '"' && *c->p != '\\')
			c->p++;
		buf_add(out, run, (size_t)(c->p - run));
		if (c->p < c->end && *c->p == '\\') {
			c->p++;
			if (!take_escape(c, out))
				return false;
		}
	}
	return take(c, '"');
}

/* A value that is no string ("attrs":{...}): up to the comma or brace that ends it. */
static bool skip_value(struct cursor *c)
{
	struct buf ignored = BUF_INIT;
	int depth = 0;
	for (; c->p < c->end; c->p++) {
		if (*c->p == '"') {
			bool ok = take_string(c, &ignored);
			ignored.len = 0;
			if (!ok)
				break;
			c->p--;
		} else if (*c->p == '{' || *c->p == '[') {
			depth++;
		} else if ((*c->p == '}' || *c->p == ']' || *c->p == ',') && depth == 0) {
			buf_free(&ignored);
			return true;
		} else if (*c->p == '}' || *c->p == ']') {
			depth--;
		}
	}
	buf_free(&ignored);
	return false;
}

struct parts {
	struct buf key, value;
	struct buf *text;
	bool has_text, has_stream, has_time;
	struct log_line *line;
};

static bool take_member(struct cursor *c, struct parts *p)
{
	p->key.len = p->value.len = 0;
	if (!take_string(c, &p->key) || !take(c, ':'))
		return false;
	const char *key = p->key.data ? p->key.data : "";
	skip_blanks(c);
	if (p->key.len == 3 && memcmp(key, "log", 3) == 0 && !p->has_text) {
		p->has_text = true;
		return take_string(c, p->text);
	}
	if (c->p >= c->end || *c->p != '"') {
		const char *begin = c->p;
		if (!skip_value(c))
			return false;
		if (p->key.len == 5 && memcmp(key, "attrs", 5) == 0) {
			p->line->attrs = begin;
			p->line->attrs_len = (size_t)(c->p - begin);
		}
		return true;
	}
	if (!take_string(c, &p->value))
		return false;
	const char *value = p->value.len ? p->value.data : "";
	if (p->key.len == 6 && memcmp(key, "stream", 6) == 0) {
		p->line->stream = str_eq(value, "stderr") ? LOG_STDERR : LOG_STDOUT;
		p->has_stream = true;
	} else if (p->key.len == 4 && memcmp(key, "time", 4) == 0) {
		p->has_time = strchr(value, 'T') && time_parse(value, 0, &p->line->time);
	}
	return true;
}

static bool take_object(struct cursor *c, struct parts *p)
{
	if (!take(c, '{'))
		return false;
	do {
		if (!take_member(c, p))
			return false;
	} while (take(c, ','));
	return take(c, '}');
}

bool log_line_parse(const char *line, size_t len, struct buf *scratch, struct log_line *ret)
{
	struct cursor c = {line, line + len};
	struct log_line l = {.stream = LOG_STDOUT};
	struct parts p = {.text = scratch, .line = &l};
	scratch->len = 0;
	bool ok = take_object(&c, &p) && p.has_text && p.has_time && !scratch->failed;
	buf_free(&p.key);
	buf_free(&p.value);
	if (!ok)
		return false;
	l.text = scratch->data ? scratch->data : "";
	l.len = scratch->len;
	*ret = l;
	return true;
}

void log_frame_header(struct buf *out, enum log_stream stream, size_t len)
{
	const char head[8] = {(char)stream,
			      0,
			      0,
			      0,
			      (char)(len >> 24 & 0xFF),
			      (char)(len >> 16 & 0xFF),
			      (char)(len >> 8 & 0xFF),
			      (char)(len & 0xFF)};
	buf_add(out, head, sizeof(head));
}
