/* SPDX-License-Identifier: GPL-2.0-or-later */
/* YAML to the tree of the same JSON, by libfyaml. See cdi.h; yaml.org, core schema. */
#include "cdi.h"

#include <base/str.h>
#include <ctype.h>
#include <libfyaml.h>

static int convert(struct fy_node *n, unsigned depth, cJSON **ret, struct crl_err *err);

static bool one_of(const char *s, const char *const *list)
{
	for (; *list; list++)
		if (str_eq(s, *list))
			return true;
	return false;
}

/* 12, -3, 0x1f, 0o644, and 0644 as Go's reader takes it. */
static bool read_number(const char *s, double *ret)
{
	const char *digits = *s == '-' || *s == '+' ? s + 1 : s;
	int base = 10;
	char *end;
	if (!isdigit((unsigned char)*digits))
		return false;
	if (str_starts(digits, "0o"))
		base = 8, digits += 2;
	else if (str_starts(digits, "0x"))
		base = 16, digits += 2;
	else if (digits[0] == '0' && digits[1])
		base = 8;
	if (!isxdigit((unsigned char)*digits))
		return false;
	long long n = strtoll(digits, &end, base);
	if (*end || n > (1LL << 53))
		return false;
	*ret = (double)(*s == '-' ? -n : n);
	return true;
}

static cJSON *plain(const char *s)
{
	static const char *const nulls[] = {"", "~", "null", "Null", "NULL", NULL};
	static const char *const trues[] = {"true", "True", "TRUE", NULL};
	static const char *const falses[] = {"false", "False", "FALSE", NULL};
	double number;
	if (one_of(s, nulls))
		return cJSON_CreateNull();
	if (one_of(s, trues))
		return cJSON_CreateTrue();
	if (one_of(s, falses))
		return cJSON_CreateFalse();
	return read_number(s, &number) ? cJSON_CreateNumber(number) : cJSON_CreateString(s);
}

static char *scalar_text(struct fy_node *n, struct crl_err *err)
{
	size_t len = 0;
	const char *text = fy_node_get_scalar(n, &len);
	char *copy = text && !memchr(text, '\0', len) ? strndup(text, len) : NULL;
	if (!text)
		copy = strdup("");
	if (!copy)
		crl_fail(err, CRL_INVALID, "a text with a zero byte");
	return copy;
}

static int convert_scalar(struct fy_node *n, cJSON **ret, struct crl_err *err)
{
	_cleanup_free_ char *text = scalar_text(n, err);
	if (!text)
		return -1;
	*ret = !n || fy_node_get_style(n) == FYNS_PLAIN ? plain(text) : cJSON_CreateString(text);
	return *ret ? 0 : crl_fail_oom(err);
}

static int convert_mapping(struct fy_node *n, unsigned depth, cJSON *to, struct crl_err *err)
{
	void *at = NULL;
	struct fy_node_pair *pair;
	while ((pair = fy_node_mapping_iterate(n, &at))) {
		struct fy_node *key = fy_node_pair_key(pair);
		cJSON *value = NULL;
		if (!key || fy_node_get_type(key) != FYNT_SCALAR || fy_node_is_alias(key))
			return crl_fail(err, CRL_INVALID, "a key that is no text");
		_cleanup_free_ char *name = scalar_text(key, err);
		if (!name || convert(fy_node_pair_value(pair), depth + 1, &value, err) < 0)
			return -1;
		if (cJSON_GetObjectItemCaseSensitive(to, name)) {
			cJSON_Delete(value);
			return crl_fail(err, CRL_INVALID, "key \"%s\" twice", name);
		}
		cJSON_AddItemToObject(to, name, value);
	}
	return 0;
}

static int convert_sequence(struct fy_node *n, unsigned depth, cJSON *to, struct crl_err *err)
{
	void *at = NULL;
	struct fy_node *item;
	while ((item = fy_node_sequence_iterate(n, &at))) {
		cJSON *value = NULL;
		if (convert(item, depth + 1, &value, err) < 0)
			return -1;
		cJSON_AddItemToArray(to, value);
	}
	return 0;
}

static int convert(struct fy_node *n, unsigned depth, cJSON **ret, struct crl_err *err)
{
	if (depth > JSON_MAX_DEPTH)
		return crl_fail(err, CRL_LIMIT, "nested too deeply");
	if (n && fy_node_is_alias(n))
		return crl_fail(err, CRL_INVALID, "aliases are not taken");
	if (!n || fy_node_get_type(n) == FYNT_SCALAR)
		return convert_scalar(n, ret, err);
	bool map = fy_node_get_type(n) == FYNT_MAPPING;
	_cleanup_cjson_ cJSON *out = map ? cJSON_CreateObject() : cJSON_CreateArray();
	if (!out)
		return crl_fail_oom(err);
	if ((map ? convert_mapping(n, depth, out, err) : convert_sequence(n, depth, out, err)) < 0)
		return -1;
	*ret = out;
	out = NULL;
	return 0;
}

/* What the library would print: its first line says what is wrong and where. */
static void keep_words(struct fy_diag *diag, void *user, const char *text, size_t len)
{
	struct buf *words = user;
	if (words->len < 512)
		buf_add(words, text, len);
}

static int no_yaml(const struct buf *words, struct crl_err *err)
{
	const char *text = words->len ? words->data : "";
	const char *where = strstr(text, ">:");
	if (where)
		text = where + 2;
	return crl_fail(err, CRL_INVALID, "no valid YAML: %.*s", (int)strcspn(text, "\n"), text);
}

/* libfyaml 0.7 reads a damaged one for ever, and no description of devices needs any. */
static bool has_directive(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (text[i] == '%' && (i == 0 || text[i - 1] == '\n' || text[i - 1] == '\r'))
			return true;
	return false;
}

int cdi_yaml_parse(const char *text, size_t len, cJSON **ret, struct crl_err *err)
{
	_cleanup_buf_ struct buf words = BUF_INIT;
	struct fy_diag_cfg diag_cfg;
	if (len > CDI_FILE_MAX)
		return crl_fail(err, CRL_LIMIT, "more than %d bytes", CDI_FILE_MAX);
	if (has_directive(text, len))
		return crl_fail(err, CRL_INVALID, "no valid YAML: a line begins with %%");
	fy_diag_cfg_default(&diag_cfg);
	diag_cfg.fp = NULL;
	diag_cfg.output_fn = keep_words;
	diag_cfg.user = &words;
	struct fy_diag *diag = fy_diag_create(&diag_cfg);
	if (!diag)
		return crl_fail_oom(err);
	const struct fy_parse_cfg cfg = {.diag = diag};
	struct fy_document *doc = fy_document_build_from_string(&cfg, text, len);
	int r = doc ? convert(fy_document_root(doc), 0, ret, err) : no_yaml(&words, err);
	fy_document_destroy(doc);
	fy_diag_destroy(diag);
	return r;
}
