/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The functions of templates: Go's built-in ones and docker's additions, as
 * one table. Arguments may be NULL, a field that does not exist.
 */
#include <cli/template_tree.h>

#include <ctype.h>
#include <math.h>

const cJSON *tpl_keep(struct tpl_pool *pool, cJSON *v)
{
	if (v && pool->n == pool->cap) {
		size_t cap = pool->cap ? pool->cap * 2 : 16;
		cJSON **bigger = realloc(pool->items, cap * sizeof *bigger);
		if (!bigger) {
			cJSON_Delete(v);
			return NULL;
		}
		pool->items = bigger;
		pool->cap = cap;
	}
	if (v)
		pool->items[pool->n++] = v;
	return v;
}

bool tpl_truth(const cJSON *v)
{
	if (!v || cJSON_IsNull(v) || cJSON_IsFalse(v))
		return false;
	if (cJSON_IsString(v))
		return *v->valuestring;
	if (cJSON_IsNumber(v))
		return v->valuedouble != 0;
	if (cJSON_IsArray(v) || cJSON_IsObject(v))
		return v->child;
	return true;
}

static void print_number(double d, struct buf *out)
{
	char text[40];
	if (d == floor(d) && fabs(d) < 1e21) {
		buf_printf(out, "%.0f", d);
		return;
	}
	for (int digits = 1; digits <= 17; digits++) {
		snprintf(text, sizeof text, "%.*g", digits, d);
		if (strtod(text, NULL) == d)
			break;
	}
	buf_puts(out, text);
}

static int by_key(const void *a, const void *b)
{
	return strcmp((*(const cJSON *const *)a)->string, (*(const cJSON *const *)b)->string);
}

static void print_map(const cJSON *v, struct buf *out)
{
	size_t n = (size_t)cJSON_GetArraySize(v), i = 0;
	_cleanup_free_ const cJSON **sorted = calloc(n + 1, sizeof *sorted);
	const cJSON *item;
	if (!sorted)
		return;
	cJSON_ArrayForEach (item, v)
		sorted[i++] = item;
	qsort(sorted, n, sizeof *sorted, by_key);
	buf_puts(out, "map[");
	for (i = 0; i < n; i++) {
		buf_printf(out, "%s%s:", i ? " " : "", sorted[i]->string);
		tpl_print(sorted[i], out);
	}
	buf_putc(out, ']');
}

void tpl_print(const cJSON *v, struct buf *out)
{
	const cJSON *item;
	if (!v) {
		buf_puts(out, "<no value>");
	} else if (cJSON_IsNull(v)) {
		buf_puts(out, "<nil>");
	} else if (cJSON_IsBool(v)) {
		buf_puts(out, cJSON_IsTrue(v) ? "true" : "false");
	} else if (cJSON_IsNumber(v)) {
		print_number(v->valuedouble, out);
	} else if (cJSON_IsObject(v)) {
		print_map(v, out);
	} else if (cJSON_IsArray(v)) {
		buf_putc(out, '[');
		cJSON_ArrayForEach (item, v) {
			if (item->prev && item != v->child)
				buf_putc(out, ' ');
			tpl_print(item, out);
		}
		buf_putc(out, ']');
	} else if (v->valuestring) {
		buf_puts(out, v->valuestring);
	}
}

static int give(struct tpl_pool *pool, cJSON *v, const cJSON **ret, struct crl_err *err)
{
	*ret = tpl_keep(pool, v);
	return *ret ? 0 : crl_fail_oom(err);
}

static int give_buf(struct tpl_pool *pool, struct buf *b, const cJSON **ret, struct crl_err *err)
{
	cJSON *v = b->failed ? NULL : cJSON_CreateString(b->data ? b->data : "");
	buf_free(b);
	return give(pool, v, ret, err);
}

static int bad(struct crl_err *err, const char *name, const char *what)
{
	return crl_fail(err, CRL_INVALID,
			"template parsing error: template: :1: error calling %s: %s", name, what);
}

#define FUNC(name)                                                                                 \
	static int name(struct tpl_pool *pool, const cJSON *const *args, size_t n,                 \
			const cJSON **ret, struct crl_err *err)

FUNC(f_json)
{
	struct buf b = BUF_INIT;
	_cleanup_free_ char *text = args[0] ? cJSON_PrintUnformatted(args[0]) : strdup("null");
	if (!text)
		return crl_fail_oom(err);
	buf_puts(&b, text);
	return give_buf(pool, &b, ret, err);
}

FUNC(f_join)
{
	struct buf b = BUF_INIT;
	const cJSON *item;
	if (!args[0] || !args[1] || !cJSON_IsString(args[1]))
		return bad(err, "join", "wants a list and a separator");
	cJSON_ArrayForEach (item, args[0]) {
		if (item != args[0]->child)
			buf_puts(&b, args[1]->valuestring);
		tpl_print(item, &b);
	}
	return give_buf(pool, &b, ret, err);
}

FUNC(f_split)
{
	cJSON *list = cJSON_CreateArray();
	if (!args[0] || !args[1] || !cJSON_IsString(args[0]) || !cJSON_IsString(args[1])) {
		cJSON_Delete(list);
		return bad(err, "split", "wants two strings");
	}
	const char *p = args[0]->valuestring, *separator = args[1]->valuestring;
	while (list) {
		const char *end = *separator ? strstr(p, separator) : NULL;
		_cleanup_free_ char *part = strndup(p, end ? (size_t)(end - p) : strlen(p));
		cJSON_AddItemToArray(list, cJSON_CreateString(part ? part : ""));
		if (!end)
			break;
		p = end + strlen(separator);
	}
	return give(pool, list, ret, err);
}

static int change_case(struct tpl_pool *pool, const cJSON *arg, char how, const cJSON **ret,
		       struct crl_err *err)
{
	struct buf b = BUF_INIT;
	tpl_print(arg, &b);
	for (size_t i = 0; i < b.len; i++) {
		unsigned char c = (unsigned char)b.data[i];
		bool first = i == 0 || isspace((unsigned char)b.data[i - 1]);
		if (how == 'u' || (how == 't' && first))
			b.data[i] = (char)toupper(c);
		else if (how == 'l')
			b.data[i] = (char)tolower(c);
	}
	return give_buf(pool, &b, ret, err);
}

FUNC(f_lower)
{
	return change_case(pool, args[0], 'l', ret, err);
}

FUNC(f_upper)
{
	return change_case(pool, args[0], 'u', ret, err);
}

FUNC(f_title)
{
	return change_case(pool, args[0], 't', ret, err);
}

FUNC(f_truncate)
{
	struct buf b = BUF_INIT;
	if (!args[1] || !cJSON_IsNumber(args[1]) || args[1]->valuedouble < 0 ||
	    args[1]->valuedouble > INT32_MAX)
		return bad(err, "truncate", "wants a string and a length");
	tpl_print(args[0], &b);
	size_t length = (size_t)args[1]->valuedouble;
	if (b.data && b.len > length)
		b.data[b.len = length] = 0;
	return give_buf(pool, &b, ret, err);
}

FUNC(f_pad)
{
	struct buf b = BUF_INIT;
	for (size_t i = 1; i < 3; i++)
		if (!args[i] || !cJSON_IsNumber(args[i]) || args[i]->valuedouble < 0 ||
		    args[i]->valuedouble > 1000)
			return bad(err, "pad", "wants a string and two lengths");
	buf_printf(&b, "%*s", (int)args[1]->valuedouble, "");
	tpl_print(args[0], &b);
	buf_printf(&b, "%*s", (int)args[2]->valuedouble, "");
	return give_buf(pool, &b, ret, err);
}

static bool is_text(const cJSON *v)
{
	return v && cJSON_IsString(v);
}

static int print_all(struct tpl_pool *pool, const cJSON *const *args, size_t n, bool line,
		     const cJSON **ret, struct crl_err *err)
{
	struct buf b = BUF_INIT;
	for (size_t i = 0; i < n; i++) {
		/* Go's Print divides what is no text on either side, Println everything. */
		if (i && (line || (!is_text(args[i - 1]) && !is_text(args[i]))))
			buf_putc(&b, ' ');
		tpl_print(args[i], &b);
	}
	if (line)
		buf_putc(&b, '\n');
	return give_buf(pool, &b, ret, err);
}

FUNC(f_print)
{
	return print_all(pool, args, n, false, ret, err);
}

FUNC(f_println)
{
	return print_all(pool, args, n, true, ret, err);
}

FUNC(f_printf)
{
	struct buf b = BUF_INIT;
	size_t used = 1;
	if (!args[0] || !cJSON_IsString(args[0]))
		return bad(err, "printf", "wants a format");
	for (const char *p = args[0]->valuestring; *p;) {
		if (*p != '%') {
			buf_putc(&b, *p++);
		} else if (p[1] == '%') {
			buf_putc(&b, '%');
			p += 2;
		} else {
			if (used >= n) {
				buf_free(&b);
				return bad(err, "printf", "too few arguments");
			}
			p += tpl_format(&b, p, args[used++]);
		}
	}
	return give_buf(pool, &b, ret, err);
}

FUNC(f_len)
{
	if (!args[0])
		return bad(err, "len", "no value");
	double length = cJSON_IsString(args[0]) ? (double)strlen(args[0]->valuestring)
						: (double)cJSON_GetArraySize(args[0]);
	return give(pool, cJSON_CreateNumber(length), ret, err);
}

FUNC(f_index)
{
	const cJSON *v = args[0];
	for (size_t i = 1; i < n; i++) {
		const cJSON *key = args[i];
		if (!v || cJSON_IsNull(v))
			return bad(err, "index", "index of untyped nil");
		if (cJSON_IsObject(v) && key && cJSON_IsString(key)) {
			v = cJSON_GetObjectItemCaseSensitive(v, key->valuestring);
			if (!v)
				return give(pool, cJSON_CreateString(""), ret, err);
		} else if (cJSON_IsArray(v) && key && cJSON_IsNumber(key)) {
			v = key->valuedouble < 0 || key->valuedouble >= cJSON_GetArraySize(v)
				    ? NULL
				    : cJSON_GetArrayItem(v, (int)key->valuedouble);
			if (!v)
				return bad(err, "index", "index out of range");
		} else {
			return bad(err, "index", "cannot index this value with that key");
		}
	}
	*ret = v;
	return 0;
}

/* Bounds as in Go: [from, to) of a string's bytes or of a list. */
FUNC(f_slice)
{
	const cJSON *v = args[0];
	if (!v || (!cJSON_IsString(v) && !cJSON_IsArray(v)))
		return bad(err, "slice", "cannot slice this value");
	double size =
		cJSON_IsString(v) ? (double)strlen(v->valuestring) : (double)cJSON_GetArraySize(v);
	double at[2] = {0, size};
	if (n > 3)
		return bad(err, "slice", "too many indexes");
	for (size_t i = 1; i < n; i++) {
		if (!args[i] || !cJSON_IsNumber(args[i]))
			return bad(err, "slice", "cannot index with that key");
		at[i - 1] = args[i]->valuedouble;
	}
	if (!(at[0] >= 0 && at[0] <= at[1] && at[1] <= size))
		return bad(err, "slice", "index out of range");
	if (cJSON_IsString(v)) {
		struct buf b = BUF_INIT;
		buf_add(&b, v->valuestring + (size_t)at[0], (size_t)at[1] - (size_t)at[0]);
		return give_buf(pool, &b, ret, err);
	}
	cJSON *list = cJSON_CreateArray();
	for (int i = (int)at[0]; list && i < (int)at[1]; i++)
		cJSON_AddItemToArray(list, cJSON_Duplicate(cJSON_GetArrayItem(v, i), true));
	return give(pool, list, ret, err);
}

/* <0, 0, >0; 2 = the kinds cannot be compared. */
static int compare(const cJSON *a, const cJSON *b)
{
	if (!a || !b || cJSON_IsNull(a) || cJSON_IsNull(b))
		return (!a || cJSON_IsNull(a)) && (!b || cJSON_IsNull(b)) ? 0 : 2;
	if (cJSON_IsNumber(a) && cJSON_IsNumber(b))
		return (a->valuedouble > b->valuedouble) - (a->valuedouble < b->valuedouble);
	if (cJSON_IsString(a) && cJSON_IsString(b)) {
		int c = strcmp(a->valuestring, b->valuestring);
		return (c > 0) - (c < 0);
	}
	if (cJSON_IsBool(a) && cJSON_IsBool(b))
		return cJSON_IsTrue(a) - cJSON_IsTrue(b);
	return 2;
}

static int give_bool(struct tpl_pool *pool, bool b, const cJSON **ret, struct crl_err *err)
{
	return give(pool, cJSON_CreateBool(b), ret, err);
}

FUNC(f_eq)
{
	bool any = false;
	for (size_t i = 1; i < n; i++)
		any = any || compare(args[0], args[i]) == 0;
	return give_bool(pool, any, ret, err);
}

FUNC(f_ne)
{
	return give_bool(pool, compare(args[0], args[1]) != 0, ret, err);
}

FUNC(f_lt)
{
	return give_bool(pool, compare(args[0], args[1]) == -1, ret, err);
}

FUNC(f_le)
{
	return give_bool(pool, compare(args[0], args[1]) <= 0, ret, err);
}

FUNC(f_gt)
{
	return give_bool(pool, compare(args[0], args[1]) == 1, ret, err);
}

FUNC(f_ge)
{
	int c = compare(args[0], args[1]);
	return give_bool(pool, c == 0 || c == 1, ret, err);
}

FUNC(f_not)
{
	return give_bool(pool, !tpl_truth(args[0]), ret, err);
}

FUNC(f_and)
{
	size_t i = 0;
	while (i + 1 < n && tpl_truth(args[i]))
		i++;
	*ret = args[i];
	return 0;
}

FUNC(f_or)
{
	size_t i = 0;
	while (i + 1 < n && !tpl_truth(args[i]))
		i++;
	*ret = args[i];
	return 0;
}

static const struct {
	const char *name;
	tpl_func f;
	size_t min_args;
} functions[] = {
	{"json", f_json, 1},
	{"join", f_join, 2},
	{"split", f_split, 2},
	{"lower", f_lower, 1},
	{"upper", f_upper, 1},
	{"title", f_title, 1},
	{"truncate", f_truncate, 2},
	{"pad", f_pad, 3},
	{"print", f_print, 0},
	{"println", f_println, 0},
	{"printf", f_printf, 1},
	{"len", f_len, 1},
	{"index", f_index, 1},
	{"slice", f_slice, 1},
	{"eq", f_eq, 2},
	{"ne", f_ne, 2},
	{"lt", f_lt, 2},
	{"le", f_le, 2},
	{"gt", f_gt, 2},
	{"ge", f_ge, 2},
	{"not", f_not, 1},
	{"and", f_and, 1},
	{"or", f_or, 1},
};

tpl_func tpl_func_find(const char *name, size_t *ret_min_args)
{
	for (size_t i = 0; i < ARRAY_SIZE(functions); i++) {
		if (str_eq(functions[i].name, name)) {
			*ret_min_args = functions[i].min_args;
			return functions[i].f;
		}
	}
	return NULL;
}
