// SPDX-License-Identifier: GPL-2.0-or-later
/* See metrics_text.h and the description of Prometheus' exposition formats. */
#include "metrics_text.h"

static const char *current; /* name of the family, a literal */

void metrics_family(struct buf *b, const char *name, const char *type, const char *help)
{
	current = name;
	buf_printf(b, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

/* Backslash, quote and line end are escaped, and nothing else. */
static void add_value(struct buf *b, const char *value)
{
	for (; value && *value; value++) {
		if (*value == '\n') {
			buf_puts(b, "\\n");
			continue;
		}
		if (*value == '\\' || *value == '"')
			buf_putc(b, '\\');
		buf_putc(b, *value);
	}
}

void metrics_sample(struct buf *b, double value, ...)
{
	const char *label;
	bool any = false;
	va_list ap;

	buf_puts(b, current);
	va_start(ap, value);
	while ((label = va_arg(ap, const char *))) {
		buf_printf(b, "%c%s=\"", any ? ',' : '{', label);
		add_value(b, va_arg(ap, const char *));
		buf_putc(b, '"');
		any = true;
	}
	va_end(ap);
	if (any)
		buf_putc(b, '}');
	if (value < 1e15 && value > -1e15 && value == (double)(int64_t)value)
		buf_printf(b, " %.0f\n", value);
	else
		buf_printf(b, " %.9g\n", value);
}
