/* SPDX-License-Identifier: GPL-2.0-or-later */
/* JSON strings printed straight into a buffer. See RFC 8259 section 7, utf-8(7). */
#include <base/json.h>

static const char *short_escape(unsigned char c)
{
	switch (c) {
	case '"': return "\\\"";
	case '\\': return "\\\\";
	case '\n': return "\\n";
	case '\r': return "\\r";
	case '\t': return "\\t";
	default: return NULL;
	}
}

/* Length of the well-formed sequence at `s`, 0 when there is none. */
static size_t utf8_len(const unsigned char *s)
{
	unsigned char c = s[0], low = 0x80, high = 0xbf;
	size_t len;

	if (c < 0x80)
		return 1;
	if (c < 0xc2 || c > 0xf4)
		return 0;
	len = c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
	/* No overlong forms, no surrogates, nothing above U+10FFFF. */
	if (c == 0xe0)
		low = 0xa0;
	else if (c == 0xed)
		high = 0x9f;
	else if (c == 0xf0)
		low = 0x90;
	else if (c == 0xf4)
		high = 0x8f;
	if (s[1] < low || s[1] > high)
		return 0;
	for (size_t i = 2; i < len; i++) {
		if (s[i] < 0x80 || s[i] > 0xbf)
			return 0;
	}
	return len;
}

static bool is_plain(unsigned char c)
{
	return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
}

void json_buf_str(struct buf *b, const char *text)
{
	const unsigned char *s = (const unsigned char *)(text ? text : "");

	buf_putc(b, '"');
	while (*s) {
		size_t run = 0, len;
		const char *escape;

		while (is_plain(s[run]))
			run++;
		buf_add(b, s, run);
		s += run;
		if (!*s)
			break;
		escape = short_escape(*s);
		len = utf8_len(s);
		if (escape)
			buf_puts(b, escape);
		else if (*s < 0x20 || *s == 0x7f)
			buf_printf(b, "\\u%04x", *s);
		else if (len > 0)
			buf_add(b, s, len);
		else
			buf_puts(b, "\\ufffd");
		s += len > 0 ? len : 1;
	}
	buf_putc(b, '"');
}
