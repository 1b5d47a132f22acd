/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Structs to JSON by descriptor tables, and small helpers for replies that are
 * built by hand. Large integers are printed raw: a double would round them.
 */
#include <base/json.h>

#include <inttypes.h>

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
