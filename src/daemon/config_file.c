// SPDX-License-Identifier: GPL-2.0-or-later
/* daemon.json: dockerd's keys, by the rows of config_table.c. */
#include "config.h"
#include "config_keys.h"

#include <base/path.h>

#define CONFIG_FILE_MAX (1024U * 1024)

static bool row_by_key(const char *key, size_t *ret)
{
	for (size_t i = 0; i < config_n_rows; i++) {
		if (str_eq(config_rows[i].key, key)) {
			*ret = i;
			return true;
		}
	}
	return false;
}

/* All unknown keys in one sentence, as dockerd words it. */
static int check_keys(const cJSON *tree, struct crl_err *err)
{
	_cleanup_strv_ char **unknown = NULL;
	_cleanup_free_ char *list = NULL;
	const cJSON *item;
	size_t i;

	cJSON_ArrayForEach (item, tree) {
		if (!row_by_key(item->string, &i) && strv_push(&unknown, item->string) < 0)
			return crl_fail_oom(err);
	}
	if (!unknown)
		return 0;
	list = strv_join(unknown, ", ");
	return crl_fail(err, CRL_INVALID,
			"the following directives don't match any configuration option: %s",
			list ? list : "");
}

static int add_conflict(const struct daemon_config *flags, const struct config_row *row,
			const cJSON *item, char ***list, struct crl_err *err)
{
	bool held = row->use == CONFIG_HONOURED;
	_cleanup_free_ char *flag = held ? config_text(flags, row) : strdup("given");
	_cleanup_free_ char *file = config_json_text(item);

	if (!flag || !file ||
	    strv_pushf(list, "%s: (from flag: %s, from file: %s)", row->key, flag, file) < 0)
		return crl_fail_oom(err);
	return 0;
}

/* A setting has one place: neither flag nor file wins, as in dockerd. */
static int check_conflicts(const cJSON *tree, const struct daemon_config *flags,
			   struct crl_err *err)
{
	_cleanup_strv_ char **conflicts = NULL;
	_cleanup_free_ char *list = NULL;
	const cJSON *item;
	size_t i;

	cJSON_ArrayForEach (item, tree) {
		if (row_by_key(item->string, &i) && config_given(flags, i) &&
		    add_conflict(flags, &config_rows[i], item, &conflicts, err) < 0)
			return -1;
	}
	if (!conflicts)
		return 0;
	list = strv_join(conflicts, ", ");
	return crl_fail(err, CRL_INVALID,
			"the following directives are specified both as a flag and in the "
			"configuration file: %s",
			list ? list : "");
}

int config_parse_file(const char *text, size_t len, const struct daemon_config *flags,
		      struct daemon_config *ret, struct crl_err *err)
{
	_cleanup_cjson_ cJSON *tree = NULL;
	const cJSON *item;
	size_t i;

	if (strspn(text, " \t\r\n") == len) /* an empty file says nothing */
		return 0;
	if (json_parse(text, len, CONFIG_FILE_MAX, &tree, err) < 0)
		return -1;
	if (!cJSON_IsObject(tree))
		return crl_fail(err, CRL_INVALID, "expected a JSON object");
	if (check_keys(tree, err) < 0 || check_conflicts(tree, flags, err) < 0)
		return -1;
	cJSON_ArrayForEach (item, tree) {
		if (row_by_key(item->string, &i) && config_set_json(ret, i, item, err) < 0)
			return -1;
	}
	return 0;
}

int config_read_file(const char *path, const struct daemon_config *flags, struct daemon_config *ret,
		     struct crl_err *err)
{
	_cleanup_free_ char *text = NULL;
	size_t len;

	if (path_read_file(AT_FDCWD, path, CONFIG_FILE_MAX, &text, &len, err) < 0)
		return -1;
	if (config_parse_file(text, len, flags, ret, err) < 0) {
		config_free(ret);
		return crl_context(err, "unable to configure the daemon with file %s", path);
	}
	return 0;
}
