// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Values of settings by the rows of config_table.c: from a flag's text, from JSON, compared,
 * printed, freed. Knows no key by name. See config_keys.h.
 */
#include "config_keys.h"
#include "config.h"

#include <base/log.h>

#define NUMBER_MAX 1000000

void *config_member(const struct daemon_config *c, const struct config_row *row)
{
	return (char *)(uintptr_t)c + row->offset;
}

bool config_given(const struct daemon_config *c, size_t i)
{
	return c->given[i / 64] >> (i % 64) & 1;
}

static void mark(struct daemon_config *c, size_t i, bool given)
{
	uint64_t bit = UINT64_C(1) << (i % 64);

	c->given[i / 64] = given ? c->given[i / 64] | bit : c->given[i / 64] & ~bit;
}

/* Of a message: the key, which is what both the file and the flag's help call it. */
static const char *name_of(const struct config_row *row)
{
	return row->key ? row->key : row->option;
}

/* --- setting --- */

static int set_string(char **to, const char *value, struct crl_err *err)
{
	char *copy = strdup(value);

	if (!copy)
		return crl_fail_oom(err);
	free(*to);
	*to = copy;
	return 0;
}

static int set_int(int *to, const struct config_row *row, const char *value, struct crl_err *err)
{
	int max = row->max ? row->max : NUMBER_MAX;
	int64_t n;

	if (!str_to_i64(value, &n) || n < row->min || n > max)
		return crl_fail(err, CRL_INVALID, "%s: %s is no number between %d and %d",
				name_of(row), value, row->min, max);
	*to = (int)n;
	return 0;
}

static int set_size(int64_t *to, const struct config_row *row, const char *value,
		    struct crl_err *err)
{
	int64_t n;

	if (str_parse_size(value, &n, err) < 0)
		return crl_context(err, "%s", name_of(row));
	*to = n;
	return 0;
}

/* What Go's strconv.ParseBool takes. */
static int set_bool(bool *to, const struct config_row *row, const char *value, struct crl_err *err)
{
	static const char *const yes[] = {"1", "t", "T", "true", "TRUE", "True"};
	static const char *const no[] = {"0", "f", "F", "false", "FALSE", "False"};

	for (size_t i = 0; i < ARRAY_SIZE(yes); i++) {
		if (str_eq(value, yes[i]) || str_eq(value, no[i])) {
			*to = str_eq(value, yes[i]);
			return 0;
		}
	}
	return crl_fail(err, CRL_INVALID, "%s: %s is neither true nor false", name_of(row), value);
}

static int set_pair(struct strmap *to, const struct config_row *row, const char *value,
		    struct crl_err *err)
{
	const char *eq = strchr(value, '=');
	_cleanup_free_ char *key = eq ? strndup(value, (size_t)(eq - value)) : NULL;

	if (!eq || eq == value)
		return crl_fail(err, CRL_INVALID, "%s: %s is not of the form KEY=VALUE",
				name_of(row), value);
	if (!key || strmap_set(to, key, eq + 1) < 0)
		return crl_fail_oom(err);
	return 0;
}

static int set_value(struct daemon_config *c, const struct config_row *row, const char *value,
		     struct crl_err *err)
{
	void *to = config_member(c, row);

	switch (row->kind) {
	case CONFIG_STR: return set_string(to, value, err);
	case CONFIG_LIST: return strv_push(to, value) < 0 ? crl_fail_oom(err) : 0;
	case CONFIG_BOOL: return set_bool(to, row, value, err);
	case CONFIG_INT: return set_int(to, row, value, err);
	case CONFIG_SIZE: return set_size(to, row, value, err);
	case CONFIG_MAP: return set_pair(to, row, value, err);
	case CONFIG_TREE: return row->add(to, value, err);
	}
	return 0;
}

/* --- what is not honoured --- */

/* Is `value` one of the words of row->plain, or nothing at all? */
static bool asks_nothing(const struct config_row *row, const char *value)
{
	_cleanup_strv_ char **plain = row->plain ? strv_split(row->plain, "|", true) : NULL;

	return str_empty(value) || str_eq(value, "null") || str_eq(value, "[]") ||
	       str_eq(value, "{}") || strv_contains(plain, value);
}

static int judge(struct daemon_config *c, const struct config_row *row, const char *value,
		 struct crl_err *err)
{
	if (asks_nothing(row, value))
		return 0;
	if (row->use == CONFIG_REFUSED)
		return crl_fail(err, CRL_UNSUPPORTED, "%s: %s is not supported: %s", name_of(row),
				value, row->help);
	if (strv_pushf(&c->warnings, "%s: %s is ignored: %s", name_of(row), value, row->help) < 0)
		return crl_fail_oom(err);
	return 0;
}

int config_set_text(struct daemon_config *c, size_t i, const char *value, struct crl_err *err)
{
	const struct config_row *row = &config_rows[i];
	int r = row->use == CONFIG_HONOURED ? set_value(c, row, value, err)
					    : judge(c, row, value, err);

	if (r == 0)
		mark(c, i, true);
	return r;
}

/* --- from JSON --- */

static int fail_kind(const struct config_row *row, struct crl_err *err)
{
	static const char *const wanted[] = {
		[CONFIG_STR] = "a string",
		[CONFIG_LIST] = "a list of strings",
		[CONFIG_BOOL] = "true or false",
		[CONFIG_INT] = "a number",
		[CONFIG_SIZE] = "a size (\"64m\" or a number of bytes)",
		[CONFIG_MAP] = "an object of strings",
		[CONFIG_TREE] = "an object or a list",
	};

	return crl_fail(err, CRL_INVALID, "%s: expected %s", row->key, wanted[row->kind]);
}

static int set_members(struct daemon_config *c, const struct config_row *row, const cJSON *value,
		       struct crl_err *err)
{
	const cJSON *item;

	cJSON_ArrayForEach (item, value) {
		if (!cJSON_IsString(item))
			return fail_kind(row, err);
		if (row->kind == CONFIG_LIST) {
			if (set_value(c, row, item->valuestring, err) < 0)
				return -1;
		} else if (strmap_set(config_member(c, row), item->string, item->valuestring) < 0) {
			return crl_fail_oom(err);
		}
	}
	return 0;
}

static int set_tree(cJSON **to, const cJSON *value, struct crl_err *err)
{
	cJSON *copy = cJSON_Duplicate(value, true);

	if (!copy)
		return crl_fail_oom(err);
	cJSON_Delete(*to);
	*to = copy;
	return 0;
}

static bool kind_fits(const struct config_row *row, const cJSON *value)
{
	switch (row->kind) {
	case CONFIG_STR: return cJSON_IsString(value);
	case CONFIG_LIST: return cJSON_IsArray(value);
	case CONFIG_BOOL: return cJSON_IsBool(value);
	case CONFIG_INT: return cJSON_IsNumber(value);
	case CONFIG_SIZE: return cJSON_IsNumber(value) || cJSON_IsString(value);
	case CONFIG_MAP: return cJSON_IsObject(value);
	case CONFIG_TREE: return cJSON_IsObject(value) || cJSON_IsArray(value);
	}
	return false;
}

static int set_json(struct daemon_config *c, const struct config_row *row, const cJSON *value,
		    struct crl_err *err)
{
	void *to = config_member(c, row);

	if (!kind_fits(row, value))
		return fail_kind(row, err);
	if (row->kind == CONFIG_LIST || row->kind == CONFIG_MAP)
		return set_members(c, row, value, err);
	if (row->kind == CONFIG_TREE)
		return set_tree(to, value, err);
	if (row->kind == CONFIG_BOOL) {
		*(bool *)to = cJSON_IsTrue(value);
		return 0;
	}
	if (cJSON_IsNumber(value))
		return set_value(c, row, log_fmt("%.17g", value->valuedouble), err);
	return set_value(c, row, value->valuestring, err);
}

int config_set_json(struct daemon_config *c, size_t i, const cJSON *value, struct crl_err *err)
{
	const struct config_row *row = &config_rows[i];
	_cleanup_free_ char *text = NULL;

	if (cJSON_IsNull(value))
		return 0;
	if (row->use == CONFIG_HONOURED) {
		if (set_json(c, row, value, err) < 0)
			return -1;
	} else {
		text = config_json_text(value);
		if (!text)
			return crl_fail_oom(err);
		if (judge(c, row, text, err) < 0)
			return -1;
	}
	mark(c, i, true);
	return 0;
}

/* --- merging --- */

static int merge_row(struct daemon_config *to, const struct daemon_config *from,
		     const struct config_row *row, struct crl_err *err)
{
	void *a = config_member(to, row), *b = config_member(from, row);

	switch (row->kind) {
	case CONFIG_STR: return set_string(a, *(char **)b, err);
	case CONFIG_BOOL: *(bool *)a = *(bool *)b; return 0;
	case CONFIG_INT: *(int *)a = *(int *)b; return 0;
	case CONFIG_SIZE: *(int64_t *)a = *(int64_t *)b; return 0;
	case CONFIG_MAP: return strmap_copy(a, b) < 0 ? crl_fail_oom(err) : 0;
	case CONFIG_TREE: return set_tree(a, *(cJSON **)b, err);
	case CONFIG_LIST: break;
	}
	for (char **item = *(char ***)b; item && *item; item++) {
		if (strv_push(a, *item) < 0)
			return crl_fail_oom(err);
	}
	return 0;
}

int config_merge(struct daemon_config *to, const struct daemon_config *from, struct crl_err *err)
{
	for (size_t i = 0; i < config_n_rows; i++) {
		if (!config_given(from, i))
			continue;
		if (config_rows[i].use == CONFIG_HONOURED &&
		    merge_row(to, from, &config_rows[i], err) < 0)
			return -1;
		mark(to, i, true);
	}
	for (char **warning = from->warnings; warning && *warning; warning++) {
		if (strv_push(&to->warnings, *warning) < 0)
			return crl_fail_oom(err);
	}
	return 0;
}

int config_set_presets(struct daemon_config *c, struct crl_err *err)
{
	for (size_t i = 0; i < config_n_rows; i++) {
		const struct config_row *row = &config_rows[i];

		if (row->use == CONFIG_HONOURED && row->preset && !config_given(c, i) &&
		    set_value(c, row, row->preset, err) < 0)
			return -1;
	}
	return 0;
}

/* --- text --- */

static char *list_text(char *const *list)
{
	_cleanup_free_ char *joined = strv_join(list, " ");
	struct buf b = BUF_INIT;

	buf_printf(&b, "[%s]", joined ? joined : "");
	return buf_take(&b);
}

static char *map_text(const struct strmap *m)
{
	struct buf b = BUF_INIT;

	buf_puts(&b, "map[");
	for (size_t i = 0; i < m->n; i++)
		buf_printf(&b, "%s%s:%s", i ? " " : "", m->items[i].key, m->items[i].value);
	buf_putc(&b, ']');
	return buf_take(&b);
}

char *config_text(const struct daemon_config *c, const struct config_row *row)
{
	const void *m = config_member(c, row);

	switch (row->kind) {
	case CONFIG_STR: return strdup(*(char *const *)m ? *(char *const *)m : "");
	case CONFIG_LIST: return list_text(*(char **const *)m);
	case CONFIG_BOOL: return strdup(*(const bool *)m ? "true" : "false");
	case CONFIG_INT: return strdup(log_i64(*(const int *)m));
	case CONFIG_SIZE: return strdup(log_i64(*(const int64_t *)m));
	case CONFIG_MAP: return map_text(m);
	case CONFIG_TREE: return cJSON_PrintUnformatted(*(cJSON *const *)m);
	}
	return NULL;
}

char *config_json_text(const cJSON *value)
{
	_cleanup_strv_ char **list = NULL;
	const cJSON *item;

	if (cJSON_IsString(value))
		return strdup(value->valuestring);
	if (!cJSON_IsArray(value) || cJSON_GetArraySize(value) == 0)
		return cJSON_PrintUnformatted(value);
	cJSON_ArrayForEach (item, value) {
		char *text = config_json_text(item);

		if (!text || strv_take(&list, text) < 0)
			return NULL;
	}
	return list_text(list);
}

bool config_same(const struct daemon_config *a, const struct daemon_config *b,
		 const struct config_row *row)
{
	_cleanup_free_ char *one = config_text(a, row), *other = config_text(b, row);

	return str_eq(one, other);
}

/* --- owning --- */

static size_t member_size(enum config_kind kind)
{
	switch (kind) {
	case CONFIG_STR: return sizeof(char *);
	case CONFIG_LIST: return sizeof(char **);
	case CONFIG_BOOL: return sizeof(bool);
	case CONFIG_INT: return sizeof(int);
	case CONFIG_SIZE: return sizeof(int64_t);
	case CONFIG_MAP: return sizeof(struct strmap);
	case CONFIG_TREE: return sizeof(cJSON *);
	}
	return 0;
}

void config_swap(struct daemon_config *a, struct daemon_config *b, size_t i)
{
	const struct config_row *row = &config_rows[i];
	char *x = config_member(a, row), *y = config_member(b, row);
	bool given = config_given(a, i);

	for (size_t n = 0; n < member_size(row->kind); n++) {
		char byte = x[n];

		x[n] = y[n];
		y[n] = byte;
	}
	mark(a, i, config_given(b, i));
	mark(b, i, given);
}

static void free_row(struct daemon_config *c, const struct config_row *row)
{
	void *m = config_member(c, row);

	if (row->kind == CONFIG_STR)
		free(*(char **)m);
	else if (row->kind == CONFIG_LIST)
		strv_free(*(char ***)m);
	else if (row->kind == CONFIG_MAP)
		strmap_free(m);
	else if (row->kind == CONFIG_TREE)
		cJSON_Delete(*(cJSON **)m);
}

void config_free(struct daemon_config *c)
{
	for (size_t i = 0; i < config_n_rows; i++) {
		if (config_rows[i].use == CONFIG_HONOURED)
			free_row(c, &config_rows[i]);
	}
	strv_free(c->warnings);
	free(c->libexec_dir);
	*c = (struct daemon_config){0};
}
