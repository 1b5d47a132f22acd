/* SPDX-License-Identifier: GPL-2.0-or-later */
/* volume: ls, create, rm. */
#include <cli/commands.h>

#include <cli/create.h>
#include <cli/format.h>
#include <cli/listing.h>

static const struct opt_spec ls_opts[] = {
	{'f', "filter", OPT_LIST, "filter",
	 "Show only what matches (dangling=true, name=..., ...)"},
	{0, "format", OPT_STR, "string", "Format the output: table, json or a template"},
	{'q', "quiet", OPT_BOOL, NULL, "Show names only"},
};

static const struct listing_column columns[] = {
	{"Name", "VOLUME NAME"}, {"Driver", "DRIVER"},
	{"Scope", "SCOPE"},      {"Mountpoint", "MOUNTPOINT"},
	{"Labels", "LABELS"},    {"Links", "LINKS"},
	{"Size", "SIZE"},
};

static const struct listing listing = {
	.columns = columns,
	.n_columns = ARRAY_SIZE(columns),
	.table = "{{.Driver}}\t{{.Name}}",
	.quiet = "{{.Name}}",
};

static cJSON *make_row(const cJSON *v)
{
	cJSON *row = cJSON_CreateObject();
	_cleanup_buf_ struct buf labels = BUF_INIT;
	format_pairs(&labels, cJSON_GetObjectItemCaseSensitive(v, "Labels"));
	json_add_str(row, "Driver", json_get_str(v, "Driver"));
	json_add_str(row, "Labels", labels.data);
	json_add_str(row, "Links", "N/A");
	json_add_str(row, "Mountpoint", json_get_str(v, "Mountpoint"));
	json_add_str(row, "Name", json_get_str(v, "Name"));
	json_add_str(row, "Scope", json_get_str(v, "Scope"));
	json_add_str(row, "Size", "N/A");
	return row;
}

static int by_name(const void *a, const void *b)
{
	const char *x = json_get_str(*(cJSON *const *)a, "Name");
	const char *y = json_get_str(*(cJSON *const *)b, "Name");
	return strcmp(x ? x : "", y ? y : "");
}

static int ls_main(struct cli *cli, const struct opts *o, struct crl_err *err)
{
	_cleanup_cjson_ cJSON *reply = NULL;
	_cleanup_cjson_ cJSON *rows = cJSON_CreateArray();
	_cleanup_free_ char *filters = NULL;
	if (cli_filters(opt_list(o, "filter"), &filters, err) < 0)
		return -1;
	_cleanup_free_ char *path =
		client_path("/volumes%s%s", filters ? "?filters=" : "", filters ? filters : "");
	if (!path)
		return crl_fail_oom(err);
	if (client_get(&cli->client, path, &reply, err) < 0)
		return -1;
	cJSON *list = cJSON_GetObjectItemCaseSensitive(reply, "Volumes");
	size_t n = (size_t)cJSON_GetArraySize(list), i = 0;
	_cleanup_free_ cJSON **sorted = calloc(n + 1, sizeof *sorted);
	if (!sorted)
		return crl_fail_oom(err);
	for (cJSON *item = n ? list->child : NULL; item; item = item->next)
		sorted[i++] = item;
	qsort(sorted, n, sizeof *sorted, by_name);
	for (i = 0; i < n; i++)
		listing_add(rows, make_row(sorted[i]),
			    cJSON_GetObjectItemCaseSensitive(sorted[i], "Labels"));
	return listing_print(&listing, opt_str(o, "format"), opt_bool(o, "quiet"), rows, err);
}

const struct command cmd_volume_ls = {
	.usage = "[OPTIONS]",
	.summary = "List volumes",
	CLI_OPTS(ls_opts),
	.run = ls_main,
};

static const struct opt_spec create_opts[] = {
	{'d', "driver", OPT_STR, "string", "Driver of the volume", "local"},
	{0, "label", OPT_LIST, "list", "Set labels"},
	{0, "name", OPT_STR, "string", NULL},
	{'o', "opt", OPT_LIST, "map", "Options of the driver"},
};

static void pairs(cJSON *map, char *const *list)
{
	for (; list && *list; list++) {
		const char *eq = strchr(*list, '=');
		_cleanup_free_ char *name =
			strndup(*list, eq ? (size_t)(eq - *list) : strlen(*list));
		if (name)
			create_set(map, name, eq ? eq + 1 : "");
	}
}

static int create_main_volume(struct cli *cli, const struct opts *o, struct crl_err *err)
{
	_cleanup_cjson_ cJSON *body = cJSON_CreateObject();
	_cleanup_cjson_ cJSON *reply = NULL;
	const char *name = o->n_args ? o->args[0] : opt_str(o, "name");
	if (name)
		create_set(body, "Name", name);
	create_set(body, "Driver", opt_str(o, "driver"));
	pairs(create_object(body, "DriverOpts"), opt_list(o, "opt"));
	pairs(create_object(body, "Labels"), opt_list(o, "label"));
	if (client_json(&cli->client, "POST", "/volumes/create", body, &reply, err) < 0)
		return -1;
	name = json_get_str(reply, "Name");
	puts(name ? name : "");
	return 0;
}

const struct command cmd_volume_create = {
	.usage = "[OPTIONS] [VOLUME]",
	.summary = "Create a volume",
	CLI_OPTS(create_opts),
	.max_args = 1,
	.run = create_main_volume,
};

static const struct opt_spec rm_opts[] = {
	{'f', "force", OPT_BOOL, NULL, "No error for a volume that does not exist"},
};

static int rm_one(struct cli *cli, const struct opts *o, const char *name, struct crl_err *err)
{
	_cleanup_free_ char *path = client_object_path("volumes", name, NULL);
	_cleanup_free_ char *full =
		path ? client_path("%s%s", path, opt_bool(o, "force") ? "?force=1" : "") : NULL;
	if (!full)
		return crl_fail_oom(err);
	if (client_call(&cli->client, "DELETE", full, NULL, NULL, NULL, err) < 0)
		return -1;
	puts(name);
	return 0;
}

static int rm_main(struct cli *cli, const struct opts *o, struct crl_err *err)
{
	return cli_for_each(cli, o, rm_one);
}

const struct command cmd_volume_rm = {
	.usage = "[OPTIONS] VOLUME [VOLUME...]",
	.summary = "Remove volumes",
	CLI_OPTS(rm_opts),
	.min_args = 1,
	.max_args = CLI_MANY,
	.complete = COMPLETE_VOLUMES,
	.run = rm_main,
};
