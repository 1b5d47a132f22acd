/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ps: the list of containers in docker's columns. */
#include <cli/commands.h>

#include <base/ident.h>
#include <cli/format.h>
#include <cli/listing.h>

static const struct opt_spec ps_opts[] = {
	{'a', "all", OPT_BOOL, NULL, "Show all containers, not only running ones"},
	{'f', "filter", OPT_LIST, "filter",
	 "Show only what matches (status=exited, name=web, ...)"},
	{0, "format", OPT_STR, "string", "Format the output: table, json or a template"},
	{'n', "last", OPT_INT, "int", "Show the N containers created last, in any state"},
	{'l', "latest", OPT_BOOL, NULL, "Show the container created last, in any state"},
	{0, "no-trunc", OPT_BOOL, NULL, "Do not shorten the output"},
	{'q', "quiet", OPT_BOOL, NULL, "Show IDs only"},
	{'s', "size", OPT_BOOL, NULL, "Show sizes"},
};

static const struct listing_column columns[] = {
	{"ID", "CONTAINER ID"},
	{"Image", "IMAGE"},
	{"Command", "COMMAND"},
	{"CreatedAt", "CREATED AT"},
	{"RunningFor", "CREATED"},
	{"Status", "STATUS"},
	{"State", "STATE"},
	{"Ports", "PORTS"},
	{"Names", "NAMES"},
	{"Size", "SIZE"},
	{"Labels", "LABELS"},
	{"Mounts", "MOUNTS"},
	{"LocalVolumes", "LOCAL VOLUMES"},
	{"Networks", "NETWORKS"},
	{"Platform", "PLATFORM"},
};

static const struct listing listing = {
	.columns = columns,
	.n_columns = ARRAY_SIZE(columns),
	.table = "{{.ID}}\t{{.Image}}\t{{.Command}}\t{{.RunningFor}}\t{{.Status}}\t{{.Ports}}\t{{."
		 "Names}}",
	.quiet = "{{.ID}}",
};

static const struct listing listing_size = {
	.columns = columns,
	.n_columns = ARRAY_SIZE(columns),
	.table = "{{.ID}}\t{{.Image}}\t{{.Command}}\t{{.RunningFor}}\t{{.Status}}\t{{.Ports}}\t{{."
		 "Names}}\t{{.Size}}",
	.quiet = "{{.ID}}",
};

static int list_path(const struct opts *o, char **ret, struct crl_err *err)
{
	_cleanup_buf_ struct buf b = BUF_INIT;
	_cleanup_free_ char *filters = NULL;
	int64_t limit = opt_bool(o, "latest") ? 1 : opt_set(o, "last") ? opt_int(o, "last") : -1;
	const char *format = opt_str(o, "format");
	if (cli_filters(opt_list(o, "filter"), &filters, err) < 0)
		return -1;
	buf_printf(&b, "/containers/json?all=%d", opt_bool(o, "all") || limit > 0);
	if (limit > 0)
		buf_printf(&b, "&limit=%lld", (long long)limit);
	/* Sizes cost the daemon a walk over files: only when they will be shown. */
	if (opt_bool(o, "size") || (format && strstr(format, ".Size")))
		buf_puts(&b, "&size=1");
	if (filters)
		buf_printf(&b, "&filters=%s", filters);
	char *path = buf_take(&b);
	if (!path)
		return crl_fail_oom(err);
	*ret = path;
	return 0;
}

static void names_text(const cJSON *c, bool no_trunc, struct buf *out)
{
	const cJSON *name;
	cJSON_ArrayForEach (name, cJSON_GetObjectItemCaseSensitive(c, "Names")) {
		const char *s = cJSON_IsString(name) ? name->valuestring : "";
		s += *s == '/';
		/* "/web/alias" is a link's name, not the container's. */
		if (!no_trunc && strchr(s, '/'))
			continue;
		buf_printf(out, "%s%s", out->len ? "," : "", s);
	}
}

static void mounts_text(const cJSON *c, bool no_trunc, struct buf *out, int *ret_volumes)
{
	const cJSON *m;
	*ret_volumes = 0;
	cJSON_ArrayForEach (m, cJSON_GetObjectItemCaseSensitive(c, "Mounts")) {
		const char *name = json_get_str(m, "Name");
		if (str_empty(name))
			name = json_get_str(m, "Source");
		*ret_volumes += str_eq(json_get_str(m, "Driver"), "local");
		if (out->len)
			buf_putc(out, ',');
		if (name)
			format_ellipsis(out, name, no_trunc ? 0 : 15);
	}
}

static void add_buf(cJSON *row, const char *key, struct buf *b)
{
	json_add_str(row, key, b->data);
	buf_free(b);
}

static void add_sizes(cJSON *row, const cJSON *c)
{
	int64_t rw = 0, root = 0;
	char a[32], b[32], text[80];
	(void)json_get_i64(c, "SizeRw", &rw);
	(void)json_get_i64(c, "SizeRootFs", &root);
	snprintf(text, sizeof text, root ? "%s (virtual %s)" : "%s",
		 str_size_decimal((double)rw, a), str_size_decimal((double)root, b));
	json_add_str(row, "Size", text);
}

static cJSON *make_row(const cJSON *c, bool no_trunc)
{
	cJSON *row = cJSON_CreateObject();
	struct buf b = BUF_INIT;
	int64_t created = 0;
	int volumes;
	char text[64];
	(void)json_get_i64(c, "Created", &created);
	format_quoted(&b, json_get_str(c, "Command"), no_trunc ? 0 : 20);
	add_buf(row, "Command", &b);
	json_add_str(row, "CreatedAt", format_local_time(created, text, sizeof text));
	format_short_id(&b, json_get_str(c, "Id"), no_trunc);
	add_buf(row, "ID", &b);
	format_image(&b, json_get_str(c, "Image"), no_trunc);
	add_buf(row, "Image", &b);
	format_pairs(&b, cJSON_GetObjectItemCaseSensitive(c, "Labels"));
	add_buf(row, "Labels", &b);
	mounts_text(c, no_trunc, &b, &volumes);
	snprintf(text, sizeof text, "%d", volumes);
	json_add_str(row, "LocalVolumes", text);
	add_buf(row, "Mounts", &b);
	names_text(c, no_trunc, &b);
	add_buf(row, "Names", &b);
	format_keys(&b,
		    cJSON_GetObjectItemCaseSensitive(
			    cJSON_GetObjectItemCaseSensitive(c, "NetworkSettings"), "Networks"));
	add_buf(row, "Networks", &b);
	format_ports(&b, cJSON_GetObjectItemCaseSensitive(c, "Ports"));
	add_buf(row, "Ports", &b);
	format_ago(created, text, sizeof text);
	json_add_str(row, "RunningFor", text);
	add_sizes(row, c);
	json_add_str(row, "State", json_get_str(c, "State"));
	json_add_str(row, "Status", json_get_str(c, "Status"));
	return row;
}

static int ps_main(struct cli *cli, const struct opts *o, struct crl_err *err)
{
	_cleanup_cjson_ cJSON *list = NULL;
	_cleanup_cjson_ cJSON *rows = cJSON_CreateArray();
	_cleanup_free_ char *path = NULL;
	const cJSON *c;
	if (list_path(o, &path, err) < 0 || client_get(&cli->client, path, &list, err) < 0)
		return -1;
	cJSON_ArrayForEach (c, list)
		listing_add(rows, make_row(c, opt_bool(o, "no-trunc")),
			    cJSON_GetObjectItemCaseSensitive(c, "Labels"));
	return listing_print(opt_bool(o, "size") ? &listing_size : &listing, opt_str(o, "format"),
			     opt_bool(o, "quiet"), rows, err);
}

const struct command cmd_ps = {
	.usage = "[OPTIONS]",
	.summary = "List containers",
	CLI_OPTS(ps_opts),
	.run = ps_main,
};
