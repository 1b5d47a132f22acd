/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * JSON text to a cJSON tree, strictly (RFC 8259): what strangers could abuse is
 * refused here, before and after cJSON has read it. See base/json.h.
 */
#include <base/json.h>

void cjson_delete_p(cJSON **tree)
{
	if (*tree)
		cJSON_Delete(*tree);
}

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
