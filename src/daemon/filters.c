// SPDX-License-Identifier: GPL-2.0-or-later
/* See filters.h. Owns nothing but what it parsed; no I/O. */
#include "filters.h"
#include "http.h"

#include <base/ident.h>
#include <base/json.h>
#include <regex.h>

#define FILTERS_MAX_SIZE (256U * 1024)
#define REGEX_MAX 512 /* longer ones are compared as text */

void filters_free(struct filters *f)
{
	for (size_t i = 0; i < f->n; i++) {
		free(f->items[i].key);
		strv_free(f->items[i].values);
	}
	free(f->items);
	*f = (struct filters){0};
}

/* --- parsing --- */

static int take_values(const cJSON *node, struct filter *f, struct crl_err *err)
{
	const cJSON *item;

	cJSON_ArrayForEach (item, node) {
		const char *value = NULL;

		if (cJSON_IsArray(node) && cJSON_IsString(item))
			value = item->valuestring;
		else if (cJSON_IsObject(node) && cJSON_IsTrue(item))
			value = item->string;
		else if (cJSON_IsObject(node) && cJSON_IsFalse(item))
			continue;
		else
			return crl_fail(err, CRL_INVALID, "invalid filter '%s'", f->key);
		if (strv_push(&f->values, value) < 0)
			return crl_fail_oom(err);
	}
	return 0;
}

static int take_filter(const cJSON *node, struct filters *to, struct crl_err *err)
{
	struct filter *more = reallocarray(to->items, to->n + 1, sizeof(*more));
	struct filter *f;

	if (!more)
		return crl_fail_oom(err);
	to->items = more;
	f = &more[to->n];
	*f = (struct filter){.key = strdup(node->string)};
	if (!f->key)
		return crl_fail_oom(err);
	to->n++;
	if (!cJSON_IsArray(node) && !cJSON_IsObject(node))
		return crl_fail(err, CRL_INVALID, "invalid filter '%s'", f->key);
	return take_values(node, f, err);
}

int filters_parse(const char *json, struct filters *ret, struct crl_err *err)
{
	_cleanup_cjson_ cJSON *tree = NULL;
	_cleanup_filters_ struct filters f = {0};
	const cJSON *item;

	*ret = (struct filters){0};
	if (str_empty(json))
		return 0;
	if (json_parse(json, strlen(json), FILTERS_MAX_SIZE, &tree, err) < 0)
		return crl_context(err, "invalid filter");
	if (cJSON_IsNull(tree))
		return 0;
	if (!cJSON_IsObject(tree))
		return crl_fail(err, CRL_INVALID, "invalid filter: expected a JSON object");
	cJSON_ArrayForEach (item, tree) {
		if (take_filter(item, &f, err) < 0)
			return -1;
	}
	*ret = f;
	f = (struct filters){0};
	return 0;
}

int filters_check(const struct filters *f, const char *const *known, struct crl_err *err)
{
	for (size_t i = 0; i < f->n; i++) {
		const char *const *k = known;

		while (*k && !str_eq(*k, f->items[i].key))
			k++;
		if (!*k)
			return crl_fail(err, CRL_INVALID, "Invalid filter '%s'", f->items[i].key);
	}
	return 0;
}

int filters_from_request(const struct http_req *r, const char *const *known, struct filters *ret,
			 struct crl_err *err)
{
	if (filters_parse(http_query(r, "filters"), ret, err) < 0)
		return -1;
	if (filters_check(ret, known, err) < 0) {
		filters_free(ret);
		return -1;
	}
	return 0;
}

int filters_bad_value(struct crl_err *err, const char *key, const char *value)
{
	return crl_fail(err, CRL_INVALID, "Invalid filter '%s=%s'", key, value);
}

/* --- matching --- */

char *const *filters_get(const struct filters *f, const char *key)
{
	static char *const none[] = {NULL};

	for (size_t i = 0; i < f->n; i++) {
		if (str_eq(f->items[i].key, key))
			return f->items[i].values ? f->items[i].values : none;
	}
	return NULL;
}

/* True when the key is absent, has no values, or one of them satisfies `test`. */
static bool any(const struct filters *f, const char *key, const char *value,
		bool (*test)(const char *wanted, const char *value))
{
	char *const *v = filters_get(f, key);

	if (!v || !*v)
		return true;
	for (; *v; v++) {
		if (test(*v, value ? value : ""))
			return true;
	}
	return false;
}

static bool test_exact(const char *wanted, const char *value)
{
	return strcmp(wanted, value) == 0;
}

static bool test_prefix(const char *wanted, const char *value)
{
	return str_starts(value, wanted);
}

/* "a++", "(a+)+": the C library doubles the expression for each, in memory as in time. */
static bool repeats_repetition(const char *s)
{
	for (size_t i = 1; s[0] && s[i]; i++)
		if (strchr("*+?", s[i]) && strchr("*+?)", s[i - 1]))
			return true;
	return false;
}

static bool test_name(const char *wanted, const char *value)
{
	regex_t re;
	bool hit;

	if (*value == '/')
		value++;
	if (*wanted == '/')
		wanted++;
	/*
	 * No names hold braces or backslashes; in an expression, counted repetitions grow without
	 * bound when they are nested, and references back take exponential time.
	 */
	if (!strpbrk(wanted, "^$.|?*+()[") || strpbrk(wanted, "{\\") ||
	    strlen(wanted) > REGEX_MAX || repeats_repetition(wanted))
		return strstr(value, wanted) != NULL;
	/* Go's "^/name$" is common: the slash is not part of our names. */
	if (str_starts(wanted, "^/"))
		return test_exact(wanted + 2, value) ||
		       (str_ends(wanted, "$") && strlen(wanted + 2) == strlen(value) + 1 &&
			strncmp(wanted + 2, value, strlen(value)) == 0);
	if (regcomp(&re, wanted, REG_EXTENDED | REG_NOSUB) != 0)
		return strstr(value, wanted) != NULL;
	hit = regexec(&re, value, 0, NULL, 0) == 0;
	regfree(&re);
	return hit;
}

bool filters_match_exact(const struct filters *f, const char *key, const char *value)
{
	return any(f, key, value, test_exact);
}

bool filters_match_prefix(const struct filters *f, const char *key, const char *value)
{
	return any(f, key, value, test_prefix);
}

bool filters_match_name(const struct filters *f, const char *key, const char *value)
{
	return any(f, key, value, test_name);
}

static bool has_label(const struct strmap *labels, const char *wanted)
{
	const char *eq = strchr(wanted, '=');
	size_t len = eq ? (size_t)(eq - wanted) : strlen(wanted);

	for (size_t i = 0; i < labels->n; i++) {
		const struct strmap_item *item = &labels->items[i];

		if (strlen(item->key) == len && strncmp(item->key, wanted, len) == 0)
			return !eq || str_eq(item->value, eq + 1);
	}
	return false;
}

bool filters_match_labels(const struct filters *f, const char *key, const struct strmap *labels)
{
	for (char *const *v = filters_get(f, key); v && *v; v++) {
		if (!has_label(labels, *v))
			return false;
	}
	return true;
}

bool filters_exclude_labels(const struct filters *f, const char *key, const struct strmap *labels)
{
	for (char *const *v = filters_get(f, key); v && *v; v++) {
		if (has_label(labels, *v))
			return false;
	}
	return true;
}

int filters_bool(const struct filters *f, const char *key, bool absent, bool *ret,
		 struct crl_err *err)
{
	char *const *v = filters_get(f, key);

	if (!v || !*v) {
		*ret = absent;
		return 0;
	}
	if (v[1] ||
	    !(str_eq(*v, "true") || str_eq(*v, "1") || str_eq(*v, "false") || str_eq(*v, "0")))
		return filters_bad_value(err, key, v[1] ? v[1] : *v);
	*ret = str_eq(*v, "true") || str_eq(*v, "1");
	return 0;
}

int filters_time(const struct filters *f, const char *key, int64_t *ret_ns, struct crl_err *err)
{
	char *const *v = filters_get(f, key);

	*ret_ns = 0;
	if (!v || !*v)
		return 0;
	if (v[1])
		return crl_fail(err, CRL_INVALID, "more than one %s filter specified", key);
	if (!time_parse(*v, time_now_ns(), ret_ns))
		return filters_bad_value(err, key, *v);
	return 0;
}
