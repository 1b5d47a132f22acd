/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One verb of printf in a template. Go's rules: https://pkg.go.dev/fmt */
#include <cli/template_tree.h>

#include <inttypes.h>
#include <math.h>

/* The value alone, as the verb shows it; precision < 0: none given. */
static void format_value(struct buf *b, char verb, int precision, const cJSON *arg)
{
	_cleanup_buf_ struct buf value = BUF_INIT;
	bool number = arg && cJSON_IsNumber(arg);
	tpl_print(arg, &value);
	const char *text = value.data ? value.data : "";
	if (verb == 'q') {
		buf_printf(b, "\"%s\"", text);
	} else if (verb == 'x' && number && fabs(arg->valuedouble) < 1e15) {
		buf_printf(b, "%" PRIx64, (uint64_t)arg->valuedouble);
	} else if (verb == 'x') {
		for (const char *p = text; *p; p++)
			buf_printf(b, "%02x", (unsigned char)*p);
	} else if (verb == 'f' && number) {
		buf_printf(b, "%.*f", precision < 0 ? 6 : precision, arg->valuedouble);
	} else if (precision >= 0 && !number) {
		/* Of text the precision counts characters, not bytes. */
		for (const char *p = text; *p; p++) {
			if (((unsigned char)*p & 0xc0) != 0x80 && precision-- == 0)
				break;
			buf_putc(b, *p);
		}
	} else {
		buf_puts(b, text);
	}
}

size_t tpl_format(struct buf *b, const char *verb, const cJSON *arg)
{
	const char *p = verb + 1;
	size_t flags = strspn(p, "-+ 0");
	bool left = memchr(p, '-', flags), zeros = !left && memchr(p, '0', flags);
	char *end;
	unsigned long width = strtoul(p + flags, &end, 10), precision = 0;
	bool cut = *end == '.';
	if (cut)
		precision = strtoul(end + 1, &end, 10);
	if (width > 1000)
		width = 1000;
	if (precision > 1000)
		precision = 1000;
	_cleanup_buf_ struct buf value = BUF_INIT;
	buf_puts(&value, "");
	format_value(&value, *end, cut ? (int)precision : -1, arg);
	const char *text = value.data ? value.data : "";
	if (zeros && arg && cJSON_IsNumber(arg))
		for (size_t n = strlen(text); n < width; n++)
			buf_putc(b, '0');
	else if (!left)
		for (size_t n = strlen(text); n < width; n++)
			buf_putc(b, ' ');
	buf_puts(b, text);
	for (size_t n = strlen(text); left && n < width; n++)
		buf_putc(b, ' ');
	return (size_t)(end - verb) + (*end ? 1 : 0);
}
