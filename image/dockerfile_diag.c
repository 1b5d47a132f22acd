/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Messages about a Dockerfile: where, the source around it, and the nearest
 * word that would have been right.
 */
#include "dockerfile.h"

#include <base/word.h>

#include <stdio.h>

const char *dockerfile_nearest(const char *word, const char *const *known, size_t n)
{
	size_t best = 3; /* at most two edits, and no more than half of the word */
	const char *found = NULL;

	for (size_t i = 0; i < n; i++) {
		size_t d = word_distance(word, known[i]);
		if (d < best && d * 2 <= strlen(word)) {
			best = d;
			found = known[i];
		}
	}
	return found;
}

/* One source line, shortened, control characters shown as '?'. */
static void excerpt_line(const char *line, size_t max, struct buf *out)
{
	size_t n = strlen(line), shown = n > max ? max : n;

	for (size_t i = 0; i < shown; i++) {
		unsigned char c = (unsigned char)line[i];
		buf_putc(out, c == '\t' ? ' ' : c < 0x20 || c == 0x7f ? '?' : (char)c);
	}
	if (shown < n)
		buf_puts(out, "...");
	buf_putc(out, '\n');
}

void dockerfile_excerpt(const struct dockerfile *df, unsigned first, unsigned last, size_t limit,
			struct buf *out)
{
	unsigned from = first > 2 ? first - 2 : 1;
	unsigned to = last + 2 > df->n_lines ? (unsigned)df->n_lines : last + 2;

	if (to - from > 8 && to >= from) /* a long instruction: its beginning is enough */
		to = from + 8;
	for (unsigned i = from; i <= to && out->len < limit; i++) {
		buf_printf(out, "%4u %s ", i, i >= first && i <= last ? ">>>" : "  |");
		excerpt_line(df->lines[i - 1], 72, out);
	}
}

int dockerfile_error(const struct dockerfile *df, const struct dockerfile_insn *in,
		     struct crl_err *err)
{
	_cleanup_buf_ struct buf out = BUF_INIT;
	const char *op = dockerfile_op_name(in->op);

	if (!err)
		return -1;
	if (*op && !str_starts(err->msg, op))
		crl_context(err, "%s", op);
	crl_context(err, "%s:%u", df->name, in->first_line);
	size_t used = strlen(err->msg);
	if (used + 100 >= sizeof(err->msg))
		return -1;
	dockerfile_excerpt(df, in->first_line, in->last_line, sizeof(err->msg) - used - 100, &out);
	if (out.data && !out.failed)
		snprintf(err->msg + used, sizeof(err->msg) - used, "\n%s", out.data);
	used = strlen(err->msg);
	if (used > 0 && err->msg[used - 1] == '\n')
		err->msg[used - 1] = 0;
	return -1;
}
