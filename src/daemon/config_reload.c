// SPDX-License-Identifier: GPL-2.0-or-later
/* SIGHUP: the rows marked CONFIG_RELOAD change hands, all of them or, on any error, none. */
#include "config.h"
#include "config_keys.h"

#include <base/log.h>

/* Lists as JSON, as dockerd has them in the event. */
static char *attribute(const struct daemon_config *c, const struct config_row *row)
{
	_cleanup_cjson_ cJSON *list = NULL;

	if (row->kind == CONFIG_TREE && !*(cJSON **)config_member(c, row))
		return strdup("{}");
	if (row->kind != CONFIG_LIST)
		return config_text(c, row);
	list = cJSON_CreateObject();
	json_add_strv(list, "v", *(char ***)config_member(c, row), false);
	return cJSON_PrintUnformatted(cJSON_GetObjectItemCaseSensitive(list, "v"));
}

void config_reloadable(const struct daemon_config *c, struct strmap *ret)
{
	for (size_t i = 0; i < config_n_rows; i++) {
		const struct config_row *row = &config_rows[i];
		_cleanup_free_ char *text = NULL;

		if (row->use != CONFIG_HONOURED || !(row->flags & CONFIG_RELOAD))
			continue;
		text = attribute(c, row);
		(void)strmap_set(ret, row->key, text ? text : "");
	}
}

int config_reload(const struct config_cli *cli, struct daemon_config *current, struct crl_err *err)
{
	struct daemon_config fresh = {0};

	if (config_load(cli, &fresh, err) < 0)
		return -1;
	for (size_t i = 0; i < config_n_rows; i++) {
		const struct config_row *row = &config_rows[i];

		if (row->use != CONFIG_HONOURED || config_same(current, &fresh, row))
			continue;
		if (row->flags & CONFIG_RELOAD)
			config_swap(current, &fresh, i);
		else
			log_warn("changed, but only the next start of the daemon will see it",
				 "key", row->key ? row->key : row->option, NULL);
	}
	config_free(&fresh);
	return 0;
}
