/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Output of lists. Owns the layout of tables; the rows are the commands' business. */
#include <cli/format.h>
#include <cli/listing.h>
#include <unistd.h>

#include <cli/template.h>

/* The commands write \t and \n in templates, and shells do not translate them. */
static char *unescape(const char *s)
{
	char *copy = strdup(s), *to = copy;
	for (; copy && *s; s++) {
		if (s[0] == '\\' && (s[1] == 't' || s[1] == 'n')) {
			*to++ = s[1] == 't' ? '\t' : '\n';
			s++;
		} else {
			*to++ = *s;
		}
	}
	if (copy)
		*to = 0;
	return copy;
}

void listing_add(cJSON *rows, cJSON *row, const cJSON *labels)
{
	cJSON *item = cJSON_CreateObject();
	cJSON_AddItemToObject(item, "row", row);
	if (labels && cJSON_IsObject(labels))
		cJSON_AddItemToObject(item, "labels", cJSON_Duplicate(labels, true));
	else
		cJSON_AddObjectToObject(item, "labels");
	cJSON_AddItemToArray(rows, item);
}

/* Columns count characters, not bytes. */
static size_t text_width(const char *s, size_t len)
{
	size_t width = 0;
	for (size_t i = 0; i < len; i++)
		width += ((unsigned char)s[i] & 0xC0) != 0x80;
	return width;
}

#define MAX_COLUMNS 32
#define CELL_PADDING 3

/* A cell's text is a stranger's: what would steer the terminal is shown instead of obeyed. */
static void write_cell(const char *s, size_t len, FILE *to)
{
	for (size_t i = 0; i < len; i++)
		fputc((unsigned char)s[i] < ' ' || s[i] == 127 ? '?' : s[i], to);
}

void listing_columns(const char *lines, size_t min_width, FILE *to)
{
	size_t widths[MAX_COLUMNS] = {0};
	size_t column = 0;
	for (const char *p = lines; *p;) {
		size_t len = strcspn(p, "\t\n");
		size_t width = text_width(p, len) + CELL_PADDING;
		if (p[len] == '\t' && column < MAX_COLUMNS && width > widths[column])
			widths[column] = width;
		column = p[len] == '\t' ? column + 1 : 0;
		p += len + (p[len] != 0);
	}
	column = 0;
	for (const char *p = lines; *p;) {
		size_t len = strcspn(p, "\t\n");
		write_cell(p, len, to);
		if (p[len] == '\t') {
			size_t want = column < MAX_COLUMNS ? widths[column] : 0;
			size_t have = text_width(p, len);
			if (want < min_width)
				want = min_width;
			fprintf(to, "%*s", (int)(want > have ? want - have : 1), "");
			column++;
		} else {
			fputc('\n', to);
			column = 0;
		}
		p += len + (p[len] != 0);
	}
}

static int print_rows(const struct tpl *t, const cJSON *rows, struct buf *out, struct crl_err *err)
{
	const cJSON *item;
	cJSON_ArrayForEach (item, rows) {
		if (template_exec(t, cJSON_GetObjectItemCaseSensitive(item, "row"),
				  cJSON_GetObjectItemCaseSensitive(item, "labels"), out, err) < 0)
			return -1;
		buf_putc(out, '\n');
	}
	return 0;
}

static int print_header(const struct listing *l, const struct tpl *t, struct buf *out,
			struct crl_err *err)
{
	_cleanup_cjson_ cJSON *header = cJSON_CreateObject();
	_cleanup_cjson_ cJSON *own_names = cJSON_CreateTrue();
	for (size_t i = 0; i < l->n_columns; i++)
		json_add_str(header, l->columns[i].field, l->columns[i].header);
	if (template_exec(t, header, own_names, out, err) < 0)
		return -1;
	buf_putc(out, '\n');
	return 0;
}

static int print_table(const struct listing *l, const char *text, const cJSON *rows,
		       struct crl_err *err)
{
	_cleanup_tpl_ struct tpl *t = NULL;
	_cleanup_buf_ struct buf out = BUF_INIT;
	_cleanup_free_ char *plain = unescape(text);
	if (!plain)
		return crl_fail_oom(err);
	if (template_parse(plain, &t, err) < 0 || print_header(l, t, &out, err) < 0 ||
	    print_rows(t, rows, &out, err) < 0)
		return -1;
	if (out.failed)
		return crl_fail_oom(err);
	listing_columns(out.data, 10, stdout);
	return 0;
}

static int print_plain(const char *text, const cJSON *rows, struct crl_err *err)
{
	_cleanup_tpl_ struct tpl *t = NULL;
	_cleanup_buf_ struct buf out = BUF_INIT;
	_cleanup_free_ char *plain = unescape(text);
	if (!plain)
		return crl_fail_oom(err);
	if (template_parse(plain, &t, err) < 0 || print_rows(t, rows, &out, err) < 0)
		return -1;
	if (out.len)
		fwrite(out.data, 1, out.len, stdout);
	return out.failed ? crl_fail_oom(err) : 0;
}

int listing_print(const struct listing *l, const char *format, bool quiet, const cJSON *rows,
		  struct crl_err *err)
{
	bool table = str_empty(format) || str_eq(format, "table");
	if (quiet && l->quiet && table)
		return print_plain(l->quiet, rows, err);
	if (table)
		return print_table(l, l->table, rows, err);
	if (str_starts(format, "table ") || str_starts(format, "table\t"))
		return print_table(l, format + 6, rows, err);
	return print_plain(str_eq(format, "json") ? "{{json .}}" : format, rows, err);
}

/* Scripts get what there is; a terminal gets nothing that it would obey. */
static int print_value(const struct buf *text)
{
	_cleanup_buf_ struct buf safe = BUF_INIT;
	if (!isatty(STDOUT_FILENO)) {
		fwrite(text->data, 1, text->len, stdout);
		return 0;
	}
	format_safe(&safe, text->data);
	if (safe.failed)
		return -1;
	fwrite(safe.data, 1, safe.len, stdout);
	return 0;
}

int listing_print_value(const char *format, const cJSON *value, struct crl_err *err)
{
	_cleanup_tpl_ struct tpl *t = NULL;
	_cleanup_buf_ struct buf out = BUF_INIT;
	_cleanup_free_ char *plain = unescape(str_eq(format, "json") ? "{{json .}}" : format);
	if (!plain)
		return crl_fail_oom(err);
	if (template_parse(plain, &t, err) < 0 || template_exec(t, value, NULL, &out, err) < 0)
		return -1;
	buf_putc(&out, '\n');
	if (out.failed)
		return crl_fail_oom(err);
	return print_value(&out) < 0 ? crl_fail_oom(err) : 0;
}

static void newline(struct buf *out, int depth)
{
	buf_printf(out, "\n%*s", depth * 4, "");
}

/* Copies a string with its quotes; returns the byte behind it. */
static const char *copy_string(const char *p, struct buf *out)
{
	const char *start = p++;
	while (*p && *p != '"')
		p += p[0] == '\\' && p[1] ? 2 : 1;
	if (*p)
		p++;
	buf_add(out, start, (size_t)(p - start));
	return p;
}

void listing_indent_json(const char *text, int depth, struct buf *out)
{
	for (const char *p = text; *p;) {
		const char *rest = p + 1 + strspn(p + 1, " \t\r\n");
		if (*p == '"') {
			p = copy_string(p, out);
			continue;
		}
		if ((*p == '{' && *rest == '}') || (*p == '[' && *rest == ']')) {
			buf_putc(out, *p);
			buf_putc(out, *rest);
			p = rest + 1;
			continue;
		}
		if (*p == '}' || *p == ']')
			newline(out, --depth);
		if (!strchr(" \t\r\n", *p))
			buf_putc(out, *p);
		if (*p == '{' || *p == '[')
			newline(out, ++depth);
		else if (*p == ',')
			newline(out, depth);
		else if (*p == ':')
			buf_putc(out, ' ');
		p++;
	}
}
