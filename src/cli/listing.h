/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lists of objects as tables, as JSON lines, or through a --format template. */
#ifndef CLI_LISTING_H
#define CLI_LISTING_H

#include <base/json.h>

struct listing_column {
	const char *field, *header;
};

struct listing {
	const struct listing_column *columns; /* every field a template may name */
	size_t n_columns;
	const char *table; /* the template behind the default table */
	const char *quiet; /* the template of -q, or NULL */
};

/* Appends an object with all of the row's fields to `rows`; `labels` (may be NULL) is copied. Takes
 * `row`. */
void listing_add(cJSON *rows, cJSON *row, const cJSON *labels);

/* `format`: NULL or "table", "table TEMPLATE", "json", TEMPLATE. Writes to stdout. */
int listing_print(const struct listing *l, const char *format, bool quiet, const cJSON *rows,
		  struct crl_err *err);

/*
 * Writes lines of tab-separated cells in columns, as docker does: at least
 * `min_width` wide and 3 blanks apart, the last cell as it is.
 */
void listing_columns(const char *lines, size_t min_width, FILE *to);

/* One value through a --format template or "json" (version, info, inspect). Prints and ends the
 * line. */
int listing_print_value(const char *format, const cJSON *value, struct crl_err *err);

/* Pretty-prints JSON text with 4 blanks of indentation at `depth`; numbers stay as they are. */
void listing_indent_json(const char *text, int depth, struct buf *out);

#endif
