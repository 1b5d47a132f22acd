/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What many commands share: loops over arguments, questions, filters. */
#include <cli/command.h>

#include <ctype.h>

int cli_for_each(struct cli *cli, const struct opts *o,
		 int (*each)(struct cli *cli, const struct opts *o, const char *name,
			     struct crl_err *err))
{
	int code = 0;
	for (size_t i = 0; i < o->n_args; i++) {
		struct crl_err err = CRL_ERR_INIT;
		if (each(cli, o, o->args[i], &err) < 0) {
			cli_print_error(&err);
			code = 1;
		}
	}
	return code;
}

bool cli_confirm(const char *question)
{
	char line[16] = "";
	(void)fflush(stdout);
	fprintf(stderr, "%s\nAre you sure you want to continue? [y/N] ", question);
	if (!fgets(line, sizeof line, stdin))
		return false;
	return line[0] == 'y' || line[0] == 'Y';
}

static int add_filter(cJSON *tree, const char *filter, struct crl_err *err)
{
	const char *eq = strchr(filter, '=');
	if (!eq || eq == filter)
		return crl_fail(
			err, CRL_INVALID,
			"invalid argument \"%s\" for \"--filter\" flag: expected name=value",
			filter);
	size_t len = (size_t)(eq - filter);
	_cleanup_free_ char *key = strndup(filter, len);
	if (!key)
		return crl_fail_oom(err);
	/* "label!=x" gives the key "label!", which is the API's name for it. */
	for (char *p = key; *p; p++)
		*p = (char)tolower((unsigned char)*p);
	cJSON *values = cJSON_GetObjectItemCaseSensitive(tree, key);
	if (!values)
		values = cJSON_AddObjectToObject(tree, key);
	if (!values)
		return crl_fail_oom(err);
	if (!cJSON_GetObjectItemCaseSensitive(values, eq + 1))
		cJSON_AddTrueToObject(values, eq + 1);
	return 0;
}

int cli_filters(char *const *filters, char **ret_escaped, struct crl_err *err)
{
	_cleanup_cjson_ cJSON *tree = cJSON_CreateObject();
	_cleanup_buf_ struct buf b = BUF_INIT;
	if (!filters || !*filters) {
		*ret_escaped = NULL;
		return 0;
	}
	for (; *filters; filters++)
		if (add_filter(tree, *filters, err) < 0)
			return -1;
	_cleanup_free_ char *text = cJSON_PrintUnformatted(tree);
	if (!text)
		return crl_fail_oom(err);
	http_escape(&b, text);
	char *escaped = buf_take(&b);
	if (!escaped)
		return crl_fail_oom(err);
	*ret_escaped = escaped;
	return 0;
}
