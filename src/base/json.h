/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * JSON <-> C structs by descriptor tables, on cJSON.
 *
 * A struct is written by hand and commented; one JSON_* row per field binds a
 * key to a member, and the row macro checks the member's type at compile
 * time. One engine decodes, encodes and frees. It owns cJSON's traps: numbers
 * are doubles (integers of 2^53 and more are refused, large ones printed
 * raw), duplicate keys, trailing bytes, "\u0000", depth and size.
 *
 *	struct point { int64_t x; char *label; };
 *	static const struct json_field point_fields[] = {
 *		JSON_I64(struct point, x, "x", JSON_REQUIRED),
 *		JSON_STR(struct point, label, "label", JSON_OMIT_EMPTY),
 *	};
 *	const struct json_table point_json = JSON_TABLE("point", struct point, point_fields);
 */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include <base/str.h>
#include <cjson/cJSON.h>
#include <crun-lite/err.h>
#include <stdint.h>

/* A scalar that may be absent (Go's *int64, *bool, *uint64). */
struct opt_i64 {
	bool set;
	int64_t v;
};
struct opt_u64 {
	bool set;
	uint64_t v;
};
struct opt_bool {
	bool set;
	bool v;
};
struct opt_double {
	bool set;
	double v;
};

enum json_kind {
	JSON_KIND_BOOL,   /* bool */
	JSON_KIND_I64,    /* int64_t */
	JSON_KIND_I64S,   /* int64_t written as a decimal string: exact beyond 2^53 (nanoseconds) */
	JSON_KIND_U64,    /* uint64_t */
	JSON_KIND_I32,    /* int32_t (int) */
	JSON_KIND_U32,    /* uint32_t (unsigned) */
	JSON_KIND_DOUBLE, /* double */
	JSON_KIND_OPT_BOOL, /* struct opt_bool */
	JSON_KIND_OPT_I64,
	JSON_KIND_OPT_U64,
	JSON_KIND_OPT_DOUBLE,
	JSON_KIND_STR,    /* char * ; null and absent give NULL */
	JSON_KIND_STRV,   /* char ** , NULL-terminated; a lone string is accepted as a list of one
			     with JSON_STR_OR_LIST */
	JSON_KIND_STRMAP, /* struct strmap */
	JSON_KIND_KEYSET, /* char ** from the keys of an object whose values are {} (ExposedPorts,
			     Volumes) */
	JSON_KIND_OBJ,    /* embedded struct */
	JSON_KIND_OBJP,   /* pointer to struct, NULL = absent */
	JSON_KIND_OBJV,   /* struct T *items + size_t count */
	JSON_KIND_OBJMAP, /* struct T *items + size_t count, T's first member is `char *key` (not in
			     T's table) */
	JSON_KIND_RAW,    /* cJSON * kept as it is */
};

enum json_flag {
	JSON_REQUIRED = 1 << 0, /* decode: absent or null is an error */
	JSON_OMIT_EMPTY =
		1 << 1, /* encode: leave out false, 0, NULL, "" and empty lists/maps/objects */
	JSON_NULL_EMPTY = 1 << 2,  /* encode: null instead of [] / {} / "" when empty (Go's nil) */
	JSON_STR_OR_LIST = 1 << 3, /* STRV: also accept one string */
};

struct json_table;
struct json_field {
	const char *key;
	enum json_kind kind;
	unsigned flags;
	size_t offset;
	size_t count_offset; /* OBJV, OBJMAP */
	const struct json_table *sub;
};
struct json_table {
	const char *name; /* for error texts: "HostConfig" */
	size_t size;
	const struct json_field *fields;
	size_t n_fields;
};

#define JSON_TABLE(name_, type, fields_)                                                           \
	{                                                                                          \
		.name = (name_), .size = sizeof(type), .fields = (fields_),                        \
		.n_fields = sizeof(fields_) / sizeof((fields_)[0])                                 \
	}

/* Zero, or a compile error when member `m` of `S` is not of type `T`. */
#define JSON_TYPE_OK(S, m, T)                                                                      \
	(sizeof(char[__builtin_types_compatible_p(__typeof__(((S *)0)->m), T) ? 1 : -1]) - 1)
#define JSON_ROW(S, m, key_, kind_, flags_, T)                                                     \
	{                                                                                          \
		.key = (key_), .kind = (kind_), .flags = (flags_),                                 \
		.offset = offsetof(S, m) + JSON_TYPE_OK(S, m, T)                                   \
	}
#define JSON_BOOL(S, m, k, f) JSON_ROW(S, m, k, JSON_KIND_BOOL, f, bool)
#define JSON_I64(S, m, k, f) JSON_ROW(S, m, k, JSON_KIND_I64, f, int64_t)
#define JSON_I64S(S, m, k, f) JSON_ROW(S, m, k, JSON_KIND_I64S, f, int64_t)
#define JSON_U64(S, m, k, f) JSON_ROW(S, m, k, JSON_KIND_U64, f, uint64_t)
#define JSON_I32(S, m, k, f) JSON_ROW(S, m, k, JSON_KIND_I32, f, int32_t)
#define JSON_U32(S, m, k, f) JSON_ROW(S, m, k, JSON_KIND_U32, f, uint32_t)
#define JSON_DOUBLE(S, m, k, f) JSON_ROW(S, m, k, JSON_KIND_DOUBLE, f, double)
#define JSON_OPT_BOOL(S, m, k, f) JSON_ROW(S, m, k, JSON_KIND_OPT_BOOL, f, struct opt_bool)
#define JSON_OPT_I64(S, m, k, f) JSON_ROW(S, m, k, JSON_KIND_OPT_I64, f, struct opt_i64)
#define JSON_OPT_U64(S, m, k, f) JSON_ROW(S, m, k, JSON_KIND_OPT_U64, f, struct opt_u64)
#define JSON_OPT_DOUBLE(S, m, k, f) JSON_ROW(S, m, k, JSON_KIND_OPT_DOUBLE, f, struct opt_double)
#define JSON_STR(S, m, k, f) JSON_ROW(S, m, k, JSON_KIND_STR, f, char *)
#define JSON_STRV(S, m, k, f) JSON_ROW(S, m, k, JSON_KIND_STRV, f, char **)
#define JSON_STRMAP(S, m, k, f) JSON_ROW(S, m, k, JSON_KIND_STRMAP, f, struct strmap)
#define JSON_KEYSET(S, m, k, f) JSON_ROW(S, m, k, JSON_KIND_KEYSET, f, char **)
#define JSON_RAW(S, m, k, f) JSON_ROW(S, m, k, JSON_KIND_RAW, f, cJSON *)
#define JSON_OBJ(S, m, k, f, table)                                                                \
	{                                                                                          \
		.key = (k), .kind = JSON_KIND_OBJ, .flags = (f), .offset = offsetof(S, m),         \
		.sub = (table)                                                                     \
	}
#define JSON_OBJP(S, m, k, f, table)                                                               \
	{                                                                                          \
		.key = (k), .kind = JSON_KIND_OBJP, .flags = (f), .offset = offsetof(S, m),        \
		.sub = (table)                                                                     \
	}
#define JSON_OBJV(S, m, count_m, k, f, table)                                                      \
	{                                                                                          \
		.key = (k), .kind = JSON_KIND_OBJV, .flags = (f), .offset = offsetof(S, m),        \
		.count_offset = offsetof(S, count_m) + JSON_TYPE_OK(S, count_m, size_t),           \
		.sub = (table)                                                                     \
	}
#define JSON_OBJMAP(S, m, count_m, k, f, table)                                                    \
	{                                                                                          \
		.key = (k), .kind = JSON_KIND_OBJMAP, .flags = (f), .offset = offsetof(S, m),      \
		.count_offset = offsetof(S, count_m) + JSON_TYPE_OK(S, count_m, size_t),           \
		.sub = (table)                                                                     \
	}

/* Limits on text that strangers send (reliability.md: 4 MB bodies, depth 64). */
#define JSON_MAX_SIZE (4U * 1024 * 1024)
#define JSON_MAX_DEPTH 64

/*
 * Parses strictly: one value, nothing but blanks after it, no duplicate keys,
 * no "\u0000", at most JSON_MAX_DEPTH deep and `max_size` bytes. Errors are
 * CRL_INVALID "invalid JSON: ..." or CRL_LIMIT. The tree belongs to the caller
 * (cJSON_Delete).
 */
int json_parse(const char *text, size_t len, size_t max_size, cJSON **ret_tree,
	       struct crl_err *err);

enum json_mode {
	JSON_LAX = 0,         /* unknown keys are ignored */
	JSON_NOCASE = 1 << 0, /* keys match case-insensitively, as Go does (API bodies) */
};

/*
 * Fills the zero-initialised struct `ret` of `table`. Wrong types give
 * CRL_INVALID naming table, key, and what was expected. On failure everything
 * is freed and *ret is zero again.
 */
int json_decode_tree(const struct json_table *table, const cJSON *tree, unsigned mode, void *ret,
		     struct crl_err *err);
int json_decode(const struct json_table *table, const char *text, size_t len, unsigned mode,
		void *ret, struct crl_err *err);

/* NULL only when out of memory. */
cJSON *json_encode_tree(const struct json_table *table, const void *obj);
/* Unformatted text, caller frees; NULL only when out of memory. */
char *json_encode(const struct json_table *table, const void *obj);

/* Frees what the members own and zeroes the struct; not the struct itself. */
void json_free(const struct json_table *table, void *obj);

/* Deep copy by encode and decode. */
int json_copy(const struct json_table *table, const void *obj, void *ret, struct crl_err *err);

void cjson_delete_p(cJSON **tree);
#define _cleanup_cjson_ _cleanup_(cjson_delete_p)

/* Small helpers for replies that are built by hand. Adding takes ownership; NULL values add null.
 */
void json_add_str(cJSON *obj, const char *key, const char *value); /* NULL value adds "" */
void json_add_i64(cJSON *obj, const char *key, int64_t value);     /* printed exactly */
void json_add_u64(cJSON *obj, const char *key, uint64_t value);
void json_add_strv(cJSON *obj, const char *key, char *const *v, bool null_if_empty);
void json_add_strmap(cJSON *obj, const char *key, const struct strmap *m);
const char *json_get_str(const cJSON *obj, const char *key); /* NULL when absent or not a string */
bool json_get_i64(const cJSON *obj, const char *key, int64_t *ret);
bool json_get_bool(const cJSON *obj, const char *key); /* absent = false */
/* Appends copies of a list of strings to *ret, which stays the caller's to free, also on failure;
 * absent adds nothing. CRL_INVALID: something else is in it. */
int json_get_strv(const cJSON *obj, const char *key, char ***ret, struct crl_err *err);

/*
 * Appends `s` as a quoted, escaped JSON string (NULL as ""). For hot paths that print JSON
 * without a tree. Bytes that are no UTF-8 are replaced by U+FFFD.
 */
void json_buf_str(struct buf *b, const char *s);

#endif
