/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns the small template language of log tags and the choice of attributes. Pure. */
#include "log_tag.h"

#include "log_regex.h"

#include <ctype.h>
#include <unistd.h>

/* --- tag --- */

static const char *without_algorithm(const char *id)
{
	const char *colon = id ? strchr(id, ':') : NULL;
	return colon ? colon + 1 : id;
}

/* false: there is no such field. */
static bool put_field(struct buf *b, const char *name, size_t len, const struct log_info *i)
{
	char host[256] = "";
	(void)gethostname(host, sizeof(host) - 1);
	const struct {
		const char *name, *value;
		int max;
	} rows[] = {{"ID", i->id, 12},
		    {"FullID", i->id, 64},
		    {"Name", i->name, 256},
		    {"ImageID", without_algorithm(i->image_id), 12},
		    {"ImageFullID", i->image_id, 256},
		    {"ImageName", i->image_name, 4096},
		    {"DaemonName", "docker", 16},
		    {"Command", i->command, 4096},
		    {"Hostname", host, 256}};
	for (size_t k = 0; k < ARRAY_SIZE(rows); k++) {
		if (strlen(rows[k].name) != len || strncmp(rows[k].name, name, len) != 0)
			continue;
		buf_printf(b, "%.*s", rows[k].max, rows[k].value ? rows[k].value : "");
		return true;
	}
	return false;
}

static const char *skip_blanks(const char *p)
{
	while (isspace((unsigned char)*p))
		p++;
	return p;
}

/* At "{{": writes what it stands for and returns what follows "}}", or NULL. */
static const char *put_action(struct buf *b, const char *p, const struct log_info *info)
{
	p = skip_blanks(p + 2);
	if (*p++ != '.')
		return NULL;
	size_t len = 0;
	while (isalnum((unsigned char)p[len]))
		len++;
	const char *end = skip_blanks(p + len);
	if (strncmp(end, "}}", 2) != 0 || !put_field(b, p, len, info))
		return NULL;
	return end + 2;
}

int log_tag_expand(const char *text, const struct log_info *info, char **ret, struct crl_err *err)
{
	_cleanup_buf_ struct buf b = BUF_INIT;
	for (const char *p = text; *p;) {
		if (strncmp(p, "{{", 2) != 0) {
			buf_putc(&b, *p++);
			continue;
		}
		const char *next = put_action(&b, p, info);
		if (!next)
			return crl_fail(err, CRL_INVALID,
					"invalid log tag: \"%.200s\": a field of a container is "
					"expected, like {{.Name}}",
					p);
		p = next;
	}
	*ret = buf_take(&b);
	return *ret ? 0 : crl_fail_oom(err);
}

/* --- attributes --- */

static bool chosen(const char *list, const regex_t *re, const char *key)
{
	_cleanup_strv_ char **names = list ? strv_split(list, ",", false) : NULL;
	return strv_contains(names, key) || (re && regexec(re, key, 0, NULL, 0) == 0);
}

static void add_pair(cJSON *to, const char *key, const char *value)
{
	cJSON_DeleteItemFromObjectCaseSensitive(to, key);
	json_add_str(to, key, value);
}

static regex_t *compile(const char *text, regex_t *re)
{
	return !str_empty(text) && log_regex_compile(text, re) ? re : NULL;
}

static void add_labels(cJSON *to, const struct strmap *o, const struct strmap *labels)
{
	regex_t space, *re = compile(strmap_get(o, "labels-regex"), &space);
	for (size_t i = 0; i < labels->n; i++)
		if (chosen(strmap_get(o, "labels"), re, labels->items[i].key))
			add_pair(to, labels->items[i].key, labels->items[i].value);
	if (re)
		regfree(re);
}

static void add_env(cJSON *to, const struct strmap *o, char *const *env)
{
	regex_t space, *re = compile(strmap_get(o, "env-regex"), &space);
	for (; env && *env; env++) {
		const char *eq = strchr(*env, '=');
		_cleanup_free_ char *key = eq ? strndup(*env, (size_t)(eq - *env)) : NULL;
		if (key && chosen(strmap_get(o, "env"), re, key))
			add_pair(to, key, eq + 1);
	}
	if (re)
		regfree(re);
}

cJSON *log_attrs(const struct strmap *options, const struct api_config *config)
{
	cJSON *o = cJSON_CreateObject();
	if (!o)
		return NULL;
	add_labels(o, options, &config->labels);
	add_env(o, options, config->env);
	return o;
}
