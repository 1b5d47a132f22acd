/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The part of Go's text/template that --format needs, over JSON values:
 * fields, range, if, with, variables, pipes, comparisons, and docker's
 * functions (json, join, split, lower, upper, title, truncate, pad, println).
 */
#ifndef CLI_TEMPLATE_H
#define CLI_TEMPLATE_H

#include <base/json.h>

struct tpl;

/* Errors are "template parsing error: ...". */
int template_parse(const char *text, struct tpl **ret, struct crl_err *err);
void template_free(struct tpl *t);
DEFINE_CLEANUP(struct tpl *, template_free)
#define _cleanup_tpl_ _cleanup_(template_free_p)

/*
 * Appends the result to `out`. `labels` (may be NULL) answers {{.Label "key"}};
 * the value true in its place gives the header of such a column.
 * A field that does not exist is an error where it is printed, false in `if`.
 */
int template_exec(const struct tpl *t, const cJSON *data, const cJSON *labels, struct buf *out,
		  struct crl_err *err);

#endif
