/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cJSON trees to structs by descriptor tables, and freeing such structs. Owns
 * cJSON's trap that numbers are doubles: integers of 2^53 and more are refused.
 */
#include <base/json.h>

#include <math.h>
#include <strings.h>

#define EXACT_LIMIT 9007199254740992.0 /* 2^53: above, a double skips integers */

/* --- freeing --- */

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
	bool object = d->field->kind == JSON_KIND_OBJ || d->field->kind == JSON_KIND_OBJP;
	/* Named by its key here: the table below is a type that several keys may have. */
	if (object && !cJSON_IsObject(item))
		return fail_type(d, "an object");
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
		/* A second spelling of the same key replaces the first, as in Go. */
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

int json_copy(const struct json_table *table, const void *obj, void *ret, struct crl_err *err)
{
	/* Through text, since large numbers are raw text in an encoded tree. */
	_cleanup_free_ char *text = json_encode(table, obj);
	if (!text)
		return crl_fail_oom(err);
	return json_decode(table, text, strlen(text), JSON_LAX, ret, err);
}

/* --- single members of a tree --- */

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

int json_get_strv(const cJSON *obj, const char *key, char ***ret, struct crl_err *err)
{
	const cJSON *list = cJSON_GetObjectItemCaseSensitive(obj, key), *item;

	if (list && !cJSON_IsArray(list))
		return crl_fail(err, CRL_INVALID, "%s: not a list", key);
	cJSON_ArrayForEach (item, list) {
		if (!cJSON_IsString(item))
			return crl_fail(err, CRL_INVALID, "%s: not a list of strings", key);
		if (strv_push(ret, item->valuestring) < 0)
			return crl_fail_oom(err);
	}
	return 0;
}
