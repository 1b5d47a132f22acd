/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The engine behind the descriptor tables: parse strictly, decode, encode,
 * free. cJSON does the text; everything that strangers could abuse is decided
 * here (RFC 8259; Go's encoding/json where API clients rely on it).
 */
#include <base/json.h>

#include <inttypes.h>
#include <math.h>
#include <strings.h>

#define EXACT_LIMIT 9007199254740992.0 /* 2^53: above, a double skips integers */

void cjson_delete_p(cJSON **tree)
{
	if (*tree)
		cJSON_Delete(*tree);
}

/* --- strict parsing --- */

/* cJSON recurses by nesting and ends strings at "\u0000", so both are refused in the text, before
 * it. */
static int scan_text(const char *text, size_t len, struct crl_err *err)
{
	size_t depth = 0;
	bool in_string = false;
	for (size_t i = 0; i < len; i++) {
		char c = text[i];
		if (c == '\0')
			return crl_fail(err, CRL_INVALID, "invalid JSON: NUL byte at offset %zu",
					i);
		if (in_string) {
			if (c == '\\' && i + 5 < len && memcmp(text + i, "\\u0000", 6) == 0)
				return crl_fail(err, CRL_INVALID,
						"invalid JSON: \\u0000 in a string at offset %zu",
						i);
			if (c == '\\')
				i++;
			else if (c == '"')
				in_string = false;
		} else if (c == '"') {
			in_string = true;
		} else if (c == '{' || c == '[') {
			if (++depth > JSON_MAX_DEPTH)
				return crl_fail(err, CRL_LIMIT,
						"invalid JSON: nested more than %d deep",
						JSON_MAX_DEPTH);
		} else if ((c == '}' || c == ']') && depth > 0) {
			depth--;
		}
	}
	return 0;
}

static int by_key(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int check_duplicates(const cJSON *tree, struct crl_err *err);

static int check_object_keys(const cJSON *object, struct crl_err *err)
{
	size_t n = (size_t)cJSON_GetArraySize(object);
	if (n < 2)
		return 0;
	const char *few[32];
	_cleanup_free_ const char **many = NULL;
	const char **keys = few;
	if (n > ARRAY_SIZE(few)) {
		many = malloc(n * sizeof(*many));
		if (!many)
			return crl_fail_oom(err);
		keys = many;
	}
	size_t i = 0;
	const cJSON *item;
	cJSON_ArrayForEach (item, object)
		keys[i++] = item->string;
	qsort(keys, n, sizeof(*keys), by_key);
	for (i = 1; i < n; i++)
		if (strcmp(keys[i - 1], keys[i]) == 0)
			return crl_fail(err, CRL_INVALID, "invalid JSON: duplicate key \"%.200s\"",
					keys[i]);
	return 0;
}

static int check_duplicates(const cJSON *tree, struct crl_err *err)
{
	if (cJSON_IsObject(tree) && check_object_keys(tree, err) < 0)
		return -1;
	if (!cJSON_IsObject(tree) && !cJSON_IsArray(tree))
		return 0;
	const cJSON *item;
	cJSON_ArrayForEach (item, tree)
		if (check_duplicates(item, err) < 0)
			return -1;
	return 0;
}

static int fail_position(const char *text, size_t len, const char *at, struct crl_err *err)
{
	size_t offset = at >= text && at <= text + len ? (size_t)(at - text) : 0;
	size_t line = 1;
	for (size_t i = 0; i < offset; i++)
		line += text[i] == '\n';
	return crl_fail(err, CRL_INVALID, "invalid JSON: unexpected text at line %zu, offset %zu",
			line, offset);
}

int json_parse(const char *text, size_t len, size_t max_size, cJSON **ret_tree, struct crl_err *err)
{
	if (len > max_size)
		return crl_fail(err, CRL_LIMIT, "JSON of %zu bytes; at most %zu are accepted", len,
				max_size);
	if (scan_text(text, len, err) < 0)
		return -1;
	const char *end = NULL;
	_cleanup_cjson_ cJSON *tree = cJSON_ParseWithLengthOpts(text, len, &end, 0);
	if (!tree)
		return fail_position(text, len, end, err);
	for (; end < text + len; end++)
		if (!strchr(" \t\r\n", *end))
			return fail_position(text, len, end, err);
	if (check_duplicates(tree, err) < 0)
		return -1;
	*ret_tree = take_ptr(tree);
	return 0;
}

/* --- decoding --- */

struct decoder {
	const struct json_table *table;
	const struct json_field *field;
	unsigned mode;
	struct crl_err *err;
};

static int fail_type(const struct decoder *d, const char *wanted)
{
	return crl_fail(d->err, CRL_INVALID, "invalid JSON: %s.%s: expected %s", d->table->name,
			d->field->key, wanted);
}

static int get_integer(const struct decoder *d, const cJSON *item, double min, double max,
		       double *ret)
{
	if (!cJSON_IsNumber(item) || item->valuedouble != floor(item->valuedouble))
		return fail_type(d, "an integer");
	/* 2^64-1 and 2^63-1 are idioms for "unlimited"; as doubles they round to the power of two.
	 */
	double v = item->valuedouble;
	if (fabs(v) >= EXACT_LIMIT && v != 18446744073709551616.0 && v != 9223372036854775808.0 &&
	    v != -9223372036854775808.0)
		return fail_type(d, "an integer below 2^53");
	if (v < min || v > max)
		return fail_type(d, "an integer in range");
	*ret = v;
	return 0;
}

static int get_i64(const struct decoder *d, const cJSON *item, int64_t *ret)
{
	double v;
	if (get_integer(d, item, -9223372036854775808.0, 9223372036854775808.0, &v) < 0)
		return -1;
	*ret = v >= 9223372036854775808.0 ? INT64_MAX : (int64_t)v;
	return 0;
}

/* Also a number, as far as a double is exact. */
static int get_i64s(const struct decoder *d, const cJSON *item, int64_t *ret)
{
	if (!cJSON_IsString(item))
		return get_i64(d, item, ret);
	int64_t v;
	if (!str_to_i64(item->valuestring, &v))
		return fail_type(d, "an integer in a string");
	*ret = v;
	return 0;
}

static int get_u64(const struct decoder *d, const cJSON *item, uint64_t *ret)
{
	double v;
	if (get_integer(d, item, 0, 18446744073709551616.0, &v) < 0)
		return -1;
	*ret = v >= 18446744073709551616.0 ? UINT64_MAX : (uint64_t)v;
	return 0;
}

static int get_string(const struct decoder *d, const cJSON *item, char **ret)
{
	if (!cJSON_IsString(item))
		return fail_type(d, "a string");
	char *s = strdup(item->valuestring);
	if (!s)
		return crl_fail_oom(d->err);
	*ret = s;
	return 0;
}

static int decode_strv(const struct decoder *d, const cJSON *item, char ***ret)
{
	_cleanup_strv_ char **v = NULL;
	if (cJSON_IsString(item) && (d->field->flags & JSON_STR_OR_LIST)) {
		if (strv_push(&v, item->valuestring) < 0)
			return crl_fail_oom(d->err);
		*ret = take_ptr(v);
		return 0;
	}
	if (!cJSON_IsArray(item))
		return fail_type(d, "a list of strings");
	size_t n = (size_t)cJSON_GetArraySize(item), i = 0;
	v = calloc(n + 1, sizeof(char *));
	if (!v)
		return crl_fail_oom(d->err);
	const cJSON *e;
	cJSON_ArrayForEach (e, item)
		if (get_string(d, e, &v[i++]) < 0)
			return -1;
	*ret = take_ptr(v);
	return 0;
}

static int decode_strmap(const struct decoder *d, const cJSON *item, struct strmap *ret)
{
	if (!cJSON_IsObject(item))
		return fail_type(d, "an object of strings");
	struct strmap m = {0};
	const cJSON *e;
	cJSON_ArrayForEach (e, item) {
		if (!cJSON_IsString(e) && !cJSON_IsNull(e)) {
			strmap_free(&m);
			return fail_type(d, "an object of strings");
		}
		if (strmap_set(&m, e->string, e->valuestring) < 0) {
			strmap_free(&m);
			return crl_fail_oom(d->err);
		}
	}
	*ret = m;
	return 0;
}

static int decode_keyset(const struct decoder *d, const cJSON *item, char ***ret)
{
	if (!cJSON_IsObject(item))
		return fail_type(d, "an object");
	_cleanup_strv_ char **v = NULL;
	const cJSON *e;
	cJSON_ArrayForEach (e, item)
		if (strv_push(&v, e->string) < 0)
			return crl_fail_oom(d->err);
	*ret = take_ptr(v);
	return 0;
}

static void free_items(const struct json_table *t, void *items, size_t n, bool keyed)
{
	for (size_t i = 0; i < n; i++) {
		char *at = (char *)items + i * t->size;
		if (keyed)
			free(*(char **)at);
		json_free(t, at);
	}
	free(items);
}

static int decode_items(const struct decoder *d, const cJSON *item, bool keyed, void **ret_items,
			size_t *ret_n)
{
	const struct json_table *sub = d->field->sub;
	if (keyed ? !cJSON_IsObject(item) : !cJSON_IsArray(item))
		return fail_type(d, keyed ? "an object" : "a list");
	size_t n = (size_t)cJSON_GetArraySize(item), i = 0;
	char *items = n ? calloc(n, sub->size) : NULL;
	if (n && !items)
		return crl_fail_oom(d->err);
	const cJSON *e;
	cJSON_ArrayForEach (e, item) {
		char *at = items + i * sub->size;
		/* A null element is Go's zero value. */
		if (!cJSON_IsNull(e) && json_decode_tree(sub, e, d->mode, at, d->err) < 0) {
			free_items(sub, items, i, keyed);
			return -1;
		}
		i++;
		if (keyed && !(*(char **)at = strdup(e->string))) {
			free_items(sub, items, i, keyed);
			return crl_fail_oom(d->err);
		}
	}
	*ret_items = items;
	*ret_n = n;
	return 0;
}

static int decode_objp(const struct decoder *d, const cJSON *item, void **ret)
{
	void *obj = calloc(1, d->field->sub->size);
	if (!obj)
		return crl_fail_oom(d->err);
	if (json_decode_tree(d->field->sub, item, d->mode, obj, d->err) < 0) {
		free(obj);
		return -1;
	}
	*ret = obj;
	return 0;
}

static int decode_raw(const struct decoder *d, const cJSON *item, cJSON **ret)
{
	*ret = cJSON_Duplicate(item, 1);
	return *ret ? 0 : crl_fail_oom(d->err);
}

static int decode_bool(const struct decoder *d, const cJSON *item, bool *ret)
{
	if (!cJSON_IsBool(item))
		return fail_type(d, "true or false");
	*ret = cJSON_IsTrue(item);
	return 0;
}

static int decode_double(const struct decoder *d, const cJSON *item, double *ret)
{
	if (!cJSON_IsNumber(item))
		return fail_type(d, "a number");
	*ret = item->valuedouble;
	return 0;
}

static int decode_small(const struct decoder *d, const cJSON *item, bool is_signed, void *at)
{
	double v;
	if (get_integer(d, item, is_signed ? INT32_MIN : 0, is_signed ? INT32_MAX : UINT32_MAX,
			&v) < 0)
		return -1;
	if (is_signed)
		*(int32_t *)at = (int32_t)v;
	else
		*(uint32_t *)at = (uint32_t)v;
	return 0;
}

#define DECODE_OPT(type, call)                                                                     \
	do {                                                                                       \
		type *o = at;                                                                      \
		int r = call(d, item, &o->v);                                                      \
		o->set = r == 0;                                                                   \
		return r;                                                                          \
	} while (0)

static int decode_field(const struct decoder *d, const cJSON *item, char *base)
{
	void *at = base + d->field->offset;
	switch (d->field->kind) {
	case JSON_KIND_BOOL: return decode_bool(d, item, at);
	case JSON_KIND_I64: return get_i64(d, item, at);
	case JSON_KIND_I64S: return get_i64s(d, item, at);
	case JSON_KIND_U64: return get_u64(d, item, at);
	case JSON_KIND_I32: return decode_small(d, item, true, at);
	case JSON_KIND_U32: return decode_small(d, item, false, at);
	case JSON_KIND_DOUBLE: return decode_double(d, item, at);
	case JSON_KIND_OPT_BOOL: DECODE_OPT(struct opt_bool, decode_bool);
	case JSON_KIND_OPT_I64: DECODE_OPT(struct opt_i64, get_i64);
	case JSON_KIND_OPT_U64: DECODE_OPT(struct opt_u64, get_u64);
	case JSON_KIND_OPT_DOUBLE: DECODE_OPT(struct opt_double, decode_double);
	case JSON_KIND_STR: return get_string(d, item, at);
	case JSON_KIND_STRV: return decode_strv(d, item, at);
	case JSON_KIND_STRMAP: return decode_strmap(d, item, at);
	case JSON_KIND_KEYSET: return decode_keyset(d, item, at);
	case JSON_KIND_OBJ: return json_decode_tree(d->field->sub, item, d->mode, at, d->err);
	case JSON_KIND_OBJP: return decode_objp(d, item, at);
	case JSON_KIND_OBJV:
	case JSON_KIND_OBJMAP:
		return decode_items(d, item, d->field->kind == JSON_KIND_OBJMAP, at,
				    (size_t *)(void *)(base + d->field->count_offset));
	case JSON_KIND_RAW: return decode_raw(d, item, at);
	default:
		return crl_fail(d->err, CRL_INTERNAL, "%s.%s: unknown kind", d->table->name,
				d->field->key);
	}
}

static const struct json_field *find_field(const struct json_table *t, const char *key,
					   unsigned mode)
{
	for (size_t i = 0; i < t->n_fields; i++)
		if (strcmp(t->fields[i].key, key) == 0)
			return &t->fields[i];
	for (size_t i = 0; (mode & JSON_NOCASE) && i < t->n_fields; i++)
		if (strcasecmp(t->fields[i].key, key) == 0)
			return &t->fields[i];
	return NULL;
}

static int check_required(const struct json_table *t, const cJSON *tree, unsigned mode,
			  struct crl_err *err)
{
	for (size_t i = 0; i < t->n_fields; i++) {
		if (!(t->fields[i].flags & JSON_REQUIRED))
			continue;
		const cJSON *item =
			(mode & JSON_NOCASE)
				? cJSON_GetObjectItem(tree, t->fields[i].key)
				: cJSON_GetObjectItemCaseSensitive(tree, t->fields[i].key);
		if (!item || cJSON_IsNull(item))
			return crl_fail(err, CRL_INVALID, "invalid JSON: %s.%s is missing", t->name,
					t->fields[i].key);
	}
	return 0;
}

/* Frees what a field holds, so that a second spelling of the same key (NOCASE) replaces it. */
static void free_field(const struct json_field *f, char *base);

int json_decode_tree(const struct json_table *table, const cJSON *tree, unsigned mode, void *ret,
		     struct crl_err *err)
{
	if (!cJSON_IsObject(tree))
		return crl_fail(err, CRL_INVALID, "invalid JSON: %s: expected an object",
				table->name);
	if (check_required(table, tree, mode, err) < 0)
		return -1;
	const cJSON *item;
	cJSON_ArrayForEach (item, tree) {
		const struct json_field *f = find_field(table, item->string, mode);
		if (!f || cJSON_IsNull(item))
			continue;
		struct decoder d = {.table = table, .field = f, .mode = mode, .err = err};
		if (mode & JSON_NOCASE)
			free_field(f, ret);
		if (decode_field(&d, item, ret) < 0) {
			json_free(table, ret);
			return -1;
		}
	}
	return 0;
}

int json_decode(const struct json_table *table, const char *text, size_t len, unsigned mode,
		void *ret, struct crl_err *err)
{
	_cleanup_cjson_ cJSON *tree = NULL;
	if (json_parse(text, len, JSON_MAX_SIZE, &tree, err) < 0)
		return -1;
	return json_decode_tree(table, tree, mode, ret, err);
}

/* --- encoding --- */

static cJSON *number_raw(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static cJSON *number_raw(const char *fmt, ...)
{
	char text[32];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return cJSON_CreateRaw(text);
}

static cJSON *number_i64(int64_t v)
{
	return v > -1000000000 && v < 1000000000 ? cJSON_CreateNumber((double)v)
						 : number_raw("%" PRId64, v);
}

static cJSON *number_u64(uint64_t v)
{
	return v < 1000000000 ? cJSON_CreateNumber((double)v) : number_raw("%" PRIu64, v);
}

static cJSON *string_i64(int64_t v)
{
	char text[32];
	snprintf(text, sizeof(text), "%" PRId64, v);
	return cJSON_CreateString(text);
}

static cJSON *encode_strv(char *const *v)
{
	cJSON *list = cJSON_CreateArray();
	for (; list && v && *v; v++)
		cJSON_AddItemToArray(list, cJSON_CreateString(*v));
	return list;
}

static cJSON *encode_keyset(char *const *v)
{
	cJSON *obj = cJSON_CreateObject();
	for (; obj && v && *v; v++)
		cJSON_AddItemToObject(obj, *v, cJSON_CreateObject());
	return obj;
}

static cJSON *encode_strmap(const struct strmap *m)
{
	cJSON *obj = cJSON_CreateObject();
	for (size_t i = 0; obj && i < m->n; i++)
		cJSON_AddStringToObject(obj, m->items[i].key, m->items[i].value);
	return obj;
}

static cJSON *encode_items(const struct json_field *f, const char *base, bool keyed)
{
	const char *items = *(char *const *)(const void *)(base + f->offset);
	size_t n = *(const size_t *)(const void *)(base + f->count_offset);
	cJSON *out = keyed ? cJSON_CreateObject() : cJSON_CreateArray();
	for (size_t i = 0; out && i < n; i++) {
		const char *at = items + i * f->sub->size;
		cJSON *item = json_encode_tree(f->sub, at);
		if (keyed)
			cJSON_AddItemToObject(out, *(char *const *)(const void *)at, item);
		else
			cJSON_AddItemToArray(out, item);
	}
	return out;
}

static bool field_empty(const struct json_field *f, const char *base)
{
	const void *at = base + f->offset;
	switch (f->kind) {
	case JSON_KIND_BOOL: return !*(const bool *)at;
	case JSON_KIND_I64:
	case JSON_KIND_I64S:
	case JSON_KIND_U64: return *(const uint64_t *)at == 0;
	case JSON_KIND_I32:
	case JSON_KIND_U32: return *(const uint32_t *)at == 0;
	case JSON_KIND_DOUBLE: return *(const double *)at == 0;
	case JSON_KIND_OPT_BOOL: return !((const struct opt_bool *)at)->set;
	case JSON_KIND_OPT_I64: return !((const struct opt_i64 *)at)->set;
	case JSON_KIND_OPT_U64: return !((const struct opt_u64 *)at)->set;
	case JSON_KIND_OPT_DOUBLE: return !((const struct opt_double *)at)->set;
	case JSON_KIND_STR: return !*(char *const *)at || !**(char *const *)at;
	case JSON_KIND_STRV:
	case JSON_KIND_KEYSET: return strv_len(*(char **const *)at) == 0;
	case JSON_KIND_STRMAP: return ((const struct strmap *)at)->n == 0;
	case JSON_KIND_OBJP:
	case JSON_KIND_RAW: return !*(void *const *)at;
	case JSON_KIND_OBJV:
	case JSON_KIND_OBJMAP: return *(const size_t *)(const void *)(base + f->count_offset) == 0;
	case JSON_KIND_OBJ:
	default: return false;
	}
}

static cJSON *encode_present(const struct json_field *f, const char *base)
{
	const void *at = base + f->offset;
	switch (f->kind) {
	case JSON_KIND_BOOL: return cJSON_CreateBool(*(const bool *)at);
	case JSON_KIND_I64: return number_i64(*(const int64_t *)at);
	case JSON_KIND_I64S: return string_i64(*(const int64_t *)at);
	case JSON_KIND_U64: return number_u64(*(const uint64_t *)at);
	case JSON_KIND_I32: return number_i64(*(const int32_t *)at);
	case JSON_KIND_U32: return number_u64(*(const uint32_t *)at);
	case JSON_KIND_DOUBLE: return cJSON_CreateNumber(*(const double *)at);
	case JSON_KIND_OPT_BOOL: return cJSON_CreateBool(((const struct opt_bool *)at)->v);
	case JSON_KIND_OPT_I64: return number_i64(((const struct opt_i64 *)at)->v);
	case JSON_KIND_OPT_U64: return number_u64(((const struct opt_u64 *)at)->v);
	case JSON_KIND_OPT_DOUBLE: return cJSON_CreateNumber(((const struct opt_double *)at)->v);
	case JSON_KIND_STR: return cJSON_CreateString(*(char *const *)at ? *(char *const *)at : "");
	case JSON_KIND_STRV: return encode_strv(*(char **const *)at);
	case JSON_KIND_KEYSET: return encode_keyset(*(char **const *)at);
	case JSON_KIND_STRMAP: return encode_strmap(at);
	case JSON_KIND_OBJ: return json_encode_tree(f->sub, at);
	case JSON_KIND_OBJP: return json_encode_tree(f->sub, *(void *const *)at);
	case JSON_KIND_OBJV:
	case JSON_KIND_OBJMAP: return encode_items(f, base, f->kind == JSON_KIND_OBJMAP);
	case JSON_KIND_RAW: return cJSON_Duplicate(*(cJSON *const *)at, 1);
	default: return NULL;
	}
}

/* An absent optional scalar or pointer has no other form than null. */
static bool null_when_empty(const struct json_field *f)
{
	return (f->flags & JSON_NULL_EMPTY) || f->kind == JSON_KIND_OBJP ||
	       f->kind == JSON_KIND_RAW ||
	       (f->kind >= JSON_KIND_OPT_BOOL && f->kind <= JSON_KIND_OPT_DOUBLE);
}

static bool encode_field(cJSON *out, const struct json_field *f, const void *obj)
{
	bool empty = field_empty(f, obj);
	if (empty && (f->flags & JSON_OMIT_EMPTY))
		return true;
	cJSON *item = empty && null_when_empty(f) ? cJSON_CreateNull() : encode_present(f, obj);
	/* An embedded object without content is left out, too, when asked. */
	if (item && f->kind == JSON_KIND_OBJ && (f->flags & JSON_OMIT_EMPTY) && !item->child) {
		cJSON_Delete(item);
		return true;
	}
	return cJSON_AddItemToObjectCS(out, f->key, item);
}

cJSON *json_encode_tree(const struct json_table *table, const void *obj)
{
	cJSON *out = cJSON_CreateObject();
	for (size_t i = 0; out && i < table->n_fields; i++) {
		if (!encode_field(out, &table->fields[i], obj)) {
			cJSON_Delete(out);
			return NULL;
		}
	}
	return out;
}

char *json_encode(const struct json_table *table, const void *obj)
{
	_cleanup_cjson_ cJSON *tree = json_encode_tree(table, obj);
	return tree ? cJSON_PrintUnformatted(tree) : NULL;
}

/* --- freeing --- */

static void free_field(const struct json_field *f, char *base)
{
	void *at = base + f->offset;
	switch (f->kind) {
	case JSON_KIND_STR: free(*(char **)at); break;
	case JSON_KIND_STRV:
	case JSON_KIND_KEYSET: strv_free(*(char ***)at); break;
	case JSON_KIND_STRMAP: strmap_free(at); return;
	case JSON_KIND_OBJ: json_free(f->sub, at); return;
	case JSON_KIND_OBJP:
		if (*(void **)at)
			json_free(f->sub, *(void **)at);
		free(*(void **)at);
		break;
	case JSON_KIND_OBJV:
	case JSON_KIND_OBJMAP: {
		size_t *n = (size_t *)(void *)(base + f->count_offset);
		free_items(f->sub, *(void **)at, *n, f->kind == JSON_KIND_OBJMAP);
		*n = 0;
		break;
	}
	case JSON_KIND_RAW: cJSON_Delete(*(cJSON **)at); break;
	case JSON_KIND_BOOL:
	case JSON_KIND_I64:
	case JSON_KIND_I64S:
	case JSON_KIND_U64:
	case JSON_KIND_I32:
	case JSON_KIND_U32:
	case JSON_KIND_DOUBLE:
	case JSON_KIND_OPT_BOOL:
	case JSON_KIND_OPT_I64:
	case JSON_KIND_OPT_U64:
	case JSON_KIND_OPT_DOUBLE:
	default: return;
	}
	*(void **)at = NULL;
}

void json_free(const struct json_table *table, void *obj)
{
	for (size_t i = 0; i < table->n_fields; i++)
		free_field(&table->fields[i], obj);
	memset(obj, 0, table->size);
}

int json_copy(const struct json_table *table, const void *obj, void *ret, struct crl_err *err)
{
	/* Through text, since large numbers are raw text in an encoded tree. */
	_cleanup_free_ char *text = json_encode(table, obj);
	if (!text)
		return crl_fail_oom(err);
	return json_decode(table, text, strlen(text), JSON_LAX, ret, err);
}

/* --- helpers for hand-made replies --- */

void json_add_str(cJSON *obj, const char *key, const char *value)
{
	cJSON_AddStringToObject(obj, key, value ? value : "");
}

void json_add_i64(cJSON *obj, const char *key, int64_t value)
{
	cJSON_AddItemToObject(obj, key, number_i64(value));
}

void json_add_u64(cJSON *obj, const char *key, uint64_t value)
{
	cJSON_AddItemToObject(obj, key, number_u64(value));
}

void json_add_strv(cJSON *obj, const char *key, char *const *v, bool null_if_empty)
{
	cJSON_AddItemToObject(obj, key,
			      null_if_empty && !strv_len(v) ? cJSON_CreateNull() : encode_strv(v));
}

void json_add_strmap(cJSON *obj, const char *key, const struct strmap *m)
{
	cJSON_AddItemToObject(obj, key, encode_strmap(m));
}

const char *json_get_str(const cJSON *obj, const char *key)
{
	return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(obj, key));
}

bool json_get_i64(const cJSON *obj, const char *key, int64_t *ret)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(obj, key);
	if (!cJSON_IsNumber(item) || fabs(item->valuedouble) >= EXACT_LIMIT)
		return false;
	*ret = (int64_t)item->valuedouble;
	return true;
}

bool json_get_bool(const cJSON *obj, const char *key)
{
	return cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(obj, key));
}
