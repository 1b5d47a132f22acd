/* SPDX-License-Identifier: GPL-2.0-or-later */
/* system df: what takes how much room on the disk. */
#include <cli/commands.h>
#include <cli/df.h>

#include <cli/format.h>
#include <cli/listing.h>

static const struct opt_spec df_opts[] = {
	{0, "format", OPT_STR, "string", "Format the output: table, json or a template"},
	{'v', "verbose", OPT_BOOL, NULL, "Show every image, container, volume and cached step"},
};

static const struct listing_column columns[] = {
	{"Type", "TYPE"}, {"TotalCount", "TOTAL"},        {"Active", "ACTIVE"},
	{"Size", "SIZE"}, {"Reclaimable", "RECLAIMABLE"},
};

static const struct listing listing = {
	.columns = columns,
	.n_columns = ARRAY_SIZE(columns),
	.table = "{{.Type}}\t{{.TotalCount}}\t{{.Active}}\t{{.Size}}\t{{.Reclaimable}}",
};

struct usage {
	int total, active;
	double size, used;
};

static double number(const cJSON *o, const char *key)
{
	const cJSON *n = cJSON_GetObjectItemCaseSensitive(o, key);
	return cJSON_IsNumber(n) && n->valuedouble > 0 ? n->valuedouble : 0;
}

static void count(struct usage *u, double size, bool active)
{
	u->total++;
	u->active += active;
	u->size += size;
	u->used += active ? size : 0;
}

static struct usage of_images(const cJSON *df)
{
	struct usage u = {0};
	const cJSON *i;
	cJSON_ArrayForEach (i, cJSON_GetObjectItemCaseSensitive(df, "Images")) {
		double shared = number(i, "SharedSize");
		count(&u, number(i, "Size") - shared, number(i, "Containers") > 0);
	}
	u.size = number(df, "LayersSize"); /* shared layers count once */
	return u;
}

static struct usage of_containers(const cJSON *df)
{
	struct usage u = {0};
	const cJSON *c;
	cJSON_ArrayForEach (c, cJSON_GetObjectItemCaseSensitive(df, "Containers")) {
		const char *state = json_get_str(c, "State");
		count(&u, number(c, "SizeRw"),
		      str_eq(state, "running") || str_eq(state, "paused") ||
			      str_eq(state, "restarting"));
	}
	return u;
}

static struct usage of_volumes(const cJSON *df)
{
	struct usage u = {0};
	const cJSON *v;
	cJSON_ArrayForEach (v, cJSON_GetObjectItemCaseSensitive(df, "Volumes")) {
		const cJSON *data = cJSON_GetObjectItemCaseSensitive(v, "UsageData");
		count(&u, number(data, "Size"), number(data, "RefCount") > 0);
	}
	return u;
}

static struct usage of_cache(const cJSON *df)
{
	struct usage u = {0};
	const cJSON *b;
	cJSON_ArrayForEach (b, cJSON_GetObjectItemCaseSensitive(df, "BuildCache"))
		count(&u, number(b, "Size"), json_get_bool(b, "InUse"));
	return u;
}

static void add(cJSON *rows, const char *type, struct usage u, bool percent)
{
	cJSON *row = cJSON_CreateObject();
	char text[64], size[32];
	double reclaimable = u.size > u.used ? u.size - u.used : 0;
	snprintf(text, sizeof text, "%d", u.active);
	json_add_str(row, "Active", text);
	format_size4(reclaimable, size);
	if (percent && u.size > 0)
		snprintf(text, sizeof text, "%s (%d%%)", size, (int)(reclaimable * 100 / u.size));
	else
		snprintf(text, sizeof text, "%s", size);
	json_add_str(row, "Reclaimable", text);
	json_add_str(row, "Size", format_size4(u.size, size));
	snprintf(text, sizeof text, "%d", u.total);
	json_add_str(row, "TotalCount", text);
	json_add_str(row, "Type", type);
	listing_add(rows, row, NULL);
}

static int df_main(struct cli *cli, const struct opts *o, struct crl_err *err)
{
	_cleanup_cjson_ cJSON *df = NULL;
	_cleanup_cjson_ cJSON *rows = cJSON_CreateArray();
	if (client_get(&cli->client, "/system/df", &df, err) < 0)
		return -1;
	if (opt_bool(o, "verbose"))
		return df_print_verbose(df, err);
	add(rows, "Images", of_images(df), true);
	add(rows, "Containers", of_containers(df), true);
	add(rows, "Local Volumes", of_volumes(df), true);
	add(rows, "Build Cache", of_cache(df), false);
	return listing_print(&listing, opt_str(o, "format"), false, rows, err);
}

const struct command cmd_system_df = {
	.usage = "[OPTIONS]",
	.summary = "Show the use of the disk",
	CLI_OPTS(df_opts),
	.run = df_main,
};
