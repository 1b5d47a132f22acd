/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Owns the json-file format of one record. Pure: what it makes goes to a sink.
 * The escapes are those of Docker's own encoder (also <, >, & and U+2028/9, which
 * makes a record safe inside HTML and JavaScript), so that files compare equal.
 * See RFC 8259 section 7, RFC 3629 (UTF-8).
 */
#include "logline.h"

#include <stdio.h>
#include <string.h>

/* Length of the UTF-8 character at p (1..4), or 0 when there is none within `len` bytes. */
static size_t utf8_length(const uint8_t *p, size_t len)
{
	static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
	size_t n = p[0] < 0x80   ? 1
		   : p[0] < 0xC0 ? 0
		   : p[0] < 0xE0 ? 2
		   : p[0] < 0xF0 ? 3
		   : p[0] < 0xF8 ? 4
				 : 0;
	if (n <= 1 || n > len)
		return n > len ? 0 : n;
	uint32_t c = p[0] & (0x7FU >> n);
	for (size_t i = 1; i < n; i++) {
		if ((p[i] & 0xC0) != 0x80)
			return 0;
		c = c << 6 | (p[i] & 0x3F);
	}
	/* Overlong forms, surrogates and what lies beyond Unicode are not characters. */
	if (c < smallest[n] || (c >= 0xD800 && c <= 0xDFFF) || c > 0x10FFFF)
		return 0;
	return n;
}

static bool is_line_separator(const uint8_t *p, size_t n)
{
	return n == 3 && p[0] == 0xE2 && p[1] == 0x80 && (p[2] == 0xA8 || p[2] == 0xA9);
}

/* The escape for one character, or NULL when it stands for itself. */
static const char *escape_of(const uint8_t *p, size_t n, char buf[8])
{
	if (n == 0)
		return "\\ufffd";
	if (is_line_separator(p, n))
		return p[2] == 0xA8 ? "\\u2028" : "\\u2029";
	if (n > 1)
		return NULL;
	switch (*p) {
	case '"': return "\\\"";
	case '\\': return "\\\\";
	case '\n': return "\\n";
	case '\r': return "\\r";
	case '<':
	case '>':
	case '&': break;
	default:
		if (*p >= 0x20)
			return NULL;
	}
	snprintf(buf, 8, "\\u%04x", *p);
	return buf;
}

void logline_escape(struct logline_sink *sink, const uint8_t *data, size_t len)
{
	size_t plain = 0; /* start of the run that needs no escape */
	for (size_t i = 0; i < len;) {
		char buf[8];
		size_t n = utf8_length(data + i, len - i);
		const char *escape = escape_of(data + i, n, buf);
		if (escape) {
			if (i > plain)
				sink->put(sink, (const char *)data + plain, i - plain);
			sink->put(sink, escape, strlen(escape));
			plain = i + (n ? n : 1);
		}
		i += n ? n : 1;
	}
	if (len > plain)
		sink->put(sink, (const char *)data + plain, len - plain);
}

static void put_str(struct logline_sink *sink, const char *s)
{
	sink->put(sink, s, strlen(s));
}

void logline_record(struct logline_sink *sink, const uint8_t *text, size_t len, bool newline,
		    const char *stream, const char *time, const char *attrs)
{
	put_str(sink, "{\"log\":\"");
	logline_escape(sink, text, len);
	put_str(sink, newline ? "\\n\",\"stream\":\"" : "\",\"stream\":\"");
	put_str(sink, stream);
	if (attrs) {
		put_str(sink, "\",\"attrs\":");
		put_str(sink, attrs);
	}
	put_str(sink, attrs ? ",\"time\":\"" : "\",\"time\":\"");
	put_str(sink, time);
	put_str(sink, "\"}\n");
}

size_t logline_cut(const uint8_t *text, size_t len)
{
	if (len <= LOGLINE_MAX)
		return len;
	size_t start = LOGLINE_MAX;
	while (start > LOGLINE_MAX - 3 && (text[start] & 0xC0) == 0x80)
		start--;
	/* Only a character that is whole on the other side of the limit is worth keeping together.
	 */
	return start < LOGLINE_MAX && utf8_length(text + start, len - start) > LOGLINE_MAX - start
		       ? start
		       : LOGLINE_MAX;
}
