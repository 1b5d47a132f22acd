/* SPDX-License-Identifier: GPL-2.0-or-later */
/* images, rmi, tag, history. */
#include <cli/commands.h>

#include <base/ident.h>
#include <cli/format.h>
#include <cli/listing.h>
#include <cli/progress.h>

static const struct opt_spec images_opts[] = {
	{'a', "all", OPT_BOOL, NULL, "Show intermediate images, too"},
	{0, "digests", OPT_BOOL, NULL, "Show digests"},
	{'f', "filter", OPT_LIST, "filter",
	 "Show only what matches (dangling=true, label=..., ...)"},
	{0, "format", OPT_STR, "string", "Format the output: table, json or a template"},
	{0, "no-trunc", OPT_BOOL, NULL, "Do not shorten the output"},
	{'q', "quiet", OPT_BOOL, NULL, "Show IDs only"},
};

static const struct listing_column columns[] = {
	{"ID", "IMAGE ID"},
	{"Repository", "REPOSITORY"},
	{"Tag", "TAG"},
	{"Digest", "DIGEST"},
	{"CreatedSince", "CREATED"},
	{"CreatedAt", "CREATED AT"},
	{"Size", "SIZE"},
	{"Containers", "CONTAINERS"},
	{"VirtualSize", "VIRTUAL SIZE"},
	{"SharedSize", "SHARED SIZE"},
	{"UniqueSize", "UNIQUE SIZE"},
};

static const struct listing listing = {
	.columns = columns,
	.n_columns = ARRAY_SIZE(columns),
	.table = "{{.Repository}}\t{{.Tag}}\t{{.ID}}\t{{.CreatedSince}}\t{{.Size}}",
	.quiet = "{{.ID}}",
};

static const struct listing listing_digests = {
	.columns = columns,
	.n_columns = ARRAY_SIZE(columns),
	.table = "{{.Repository}}\t{{.Tag}}\t{{.Digest}}\t{{.ID}}\t{{.CreatedSince}}\t{{.Size}}",
	.quiet = "{{.ID}}",
};

static int list_path(const struct opts *o, char **ret, struct crl_err *err)
{
	_cleanup_buf_ struct buf b = BUF_INIT;
	_cleanup_free_ char *escaped = NULL;
	_cleanup_free_ char *reference = NULL;
	_cleanup_strv_ char **filters = strv_copy(opt_list(o, "filter"));
	if (o->n_args) {
		reference = client_path("reference=%s", o->args[0]);
		if (!reference || strv_push(&filters, reference) < 0)
			return crl_fail_oom(err);
	}
	if (cli_filters(filters, &escaped, err) < 0)
		return -1;
	buf_printf(&b, "/images/json?all=%d%s%s", opt_bool(o, "all"), escaped ? "&filters=" : "",
		   escaped ? escaped : "");
	char *path = buf_take(&b);
	if (!path)
		return crl_fail_oom(err);
	*ret = path;
	return 0;
}

static void size_text(cJSON *row, const char *key, const cJSON *image, const char *field)
{
	char text[32] = "N/A";
	int64_t n = -1;
	if (json_get_i64(image, field, &n) && n >= 0)
		str_size_decimal((double)n, text);
	json_add_str(row, key, text);
}

static cJSON *make_row(const cJSON *image, const char *repository, const char *tag,
		       const char *digest, bool no_trunc)
{
	cJSON *row = cJSON_CreateObject();
	_cleanup_buf_ struct buf id = BUF_INIT;
	int64_t created = 0, containers = -1;
	char text[64];
	(void)json_get_i64(image, "Created", &created);
	(void)json_get_i64(image, "Containers", &containers);
	format_short_id(&id, json_get_str(image, "Id"), no_trunc);
	snprintf(text, sizeof text, containers < 0 ? "N/A" : "%lld", (long long)containers);
	json_add_str(row, "Containers", text);
	json_add_str(row, "CreatedAt", format_local_time(created, text, sizeof text));
	json_add_str(row, "CreatedSince", format_ago(created, text, sizeof text));
	json_add_str(row, "Digest", digest);
	json_add_str(row, "ID", id.data);
	json_add_str(row, "Repository", repository);
	size_text(row, "SharedSize", image, "SharedSize");
	size_text(row, "Size", image, "Size");
	json_add_str(row, "Tag", tag);
	json_add_str(row, "UniqueSize", "N/A");
	size_text(row, "VirtualSize", image, "Size");
	return row;
}

/* The digest of `repository` among RepoDigests, or "<none>". */
static const char *digest_of(const cJSON *image, const char *repository)
{
	const cJSON *d;
	size_t n = strlen(repository);
	cJSON_ArrayForEach (d, cJSON_GetObjectItemCaseSensitive(image, "RepoDigests")) {
		if (cJSON_IsString(d) && strncmp(d->valuestring, repository, n) == 0 &&
		    d->valuestring[n] == '@')
			return d->valuestring + n + 1;
	}
	return "<none>";
}

static bool add_tags(cJSON *rows, const cJSON *image, const struct opts *o)
{
	const cJSON *tag;
	bool any = false;
	cJSON_ArrayForEach (tag, cJSON_GetObjectItemCaseSensitive(image, "RepoTags")) {
		_cleanup_free_ char *name = cJSON_IsString(tag) ? strdup(tag->valuestring) : NULL;
		char *colon = name ? strrchr(name, ':') : NULL;
		if (!colon || str_eq(name, "<none>:<none>"))
			continue;
		*colon = 0;
		listing_add(rows,
			    make_row(image, name, colon + 1, digest_of(image, name),
				     opt_bool(o, "no-trunc")),
			    NULL);
		any = true;
	}
	return any;
}

static void add_untagged(cJSON *rows, const cJSON *image, const struct opts *o)
{
	const cJSON *first =
		cJSON_GetArrayItem(cJSON_GetObjectItemCaseSensitive(image, "RepoDigests"), 0);
	_cleanup_free_ char *name =
		strdup(cJSON_IsString(first) ? first->valuestring : "<none>@<none>");
	char *at = name ? strchr(name, '@') : NULL;
	if (!at)
		return;
	*at = 0;
	listing_add(rows, make_row(image, name, "<none>", at + 1, opt_bool(o, "no-trunc")), NULL);
}

/* An image of several tags is one id. */
static void drop_repeated_ids(cJSON *rows)
{
	for (int i = 0; i < cJSON_GetArraySize(rows); i++) {
		const cJSON *row = cJSON_GetArrayItem(rows, i)->child;
		for (int j = cJSON_GetArraySize(rows) - 1; j > i; j--)
			if (str_eq(json_get_str(row, "ID"),
				   json_get_str(cJSON_GetArrayItem(rows, j)->child, "ID")))
				cJSON_DeleteItemFromArray(rows, j);
	}
}

static int images_main(struct cli *cli, const struct opts *o, struct crl_err *err)
{
	_cleanup_cjson_ cJSON *list = NULL;
	_cleanup_cjson_ cJSON *rows = cJSON_CreateArray();
	_cleanup_free_ char *path = NULL;
	const cJSON *image;
	if (list_path(o, &path, err) < 0 || client_get(&cli->client, path, &list, err) < 0)
		return -1;
	cJSON_ArrayForEach (image, list) {
		if (!add_tags(rows, image, o))
			add_untagged(rows, image, o);
	}
	if (opt_bool(o, "quiet"))
		drop_repeated_ids(rows);
	return listing_print(opt_bool(o, "digests") ? &listing_digests : &listing,
			     opt_str(o, "format"), opt_bool(o, "quiet"), rows, err);
}

const struct command cmd_images = {
	.usage = "[OPTIONS] [REPOSITORY[:TAG]]",
	.summary = "List images",
	CLI_OPTS(images_opts),
	.max_args = 1,
	.complete = COMPLETE_IMAGES,
	.run = images_main,
};

/* ---- rmi ---- */

static const struct opt_spec rmi_opts[] = {
	{'f', "force", OPT_BOOL, NULL, "Remove even if tags or stopped containers need it"},
	{0, "no-prune", OPT_BOOL, NULL, "Keep untagged parents"},
};

static int rmi_one(struct cli *cli, const struct opts *o, const char *name, struct crl_err *err)
{
	static const char *const words[] = {"Untagged", "Deleted"};
	_cleanup_free_ char *path = client_object_path("images", name, NULL);
	_cleanup_free_ char *full =
		path ? client_path("%s?force=%d&noprune=%d", path, opt_bool(o, "force"),
				   opt_bool(o, "no-prune"))
		     : NULL;
	_cleanup_cjson_ cJSON *done = NULL;
	const cJSON *item;
	if (!full)
		return crl_fail_oom(err);
	if (client_json(&cli->client, "DELETE", full, NULL, &done, err) < 0) {
		if (!opt_bool(o, "force") || err->code != CRL_NOT_FOUND)
			return -1;
		cli_print_error(err);
		return 0;
	}
	cJSON_ArrayForEach (item, done) {
		for (size_t i = 0; i < ARRAY_SIZE(words); i++)
			if (json_get_str(item, words[i]))
				printf("%s: %s\n", words[i], json_get_str(item, words[i]));
	}
	return 0;
}

static int rmi_main(struct cli *cli, const struct opts *o, struct crl_err *err)
{
	return cli_for_each(cli, o, rmi_one);
}

const struct command cmd_rmi = {
	.usage = "[OPTIONS] IMAGE [IMAGE...]",
	.summary = "Remove images",
	CLI_OPTS(rmi_opts),
	.min_args = 1,
	.max_args = CLI_MANY,
	.complete = COMPLETE_IMAGES,
	.run = rmi_main,
};

/* ---- tag ---- */

/* Splits NAME[:TAG] into query parameters repo= and tag=. */
static void repo_and_tag(struct buf *b, const char *name)
{
	const char *slash = strrchr(name, '/');
	const char *colon = strchr(slash ? slash : name, ':');
	_cleanup_free_ char *repo = strndup(name, colon ? (size_t)(colon - name) : strlen(name));
	buf_puts(b, "repo=");
	http_escape(b, repo ? repo : "");
	buf_puts(b, "&tag=");
	http_escape(b, colon ? colon + 1 : "latest");
}

static int tag_main(struct cli *cli, const struct opts *o, struct crl_err *err)
{
	_cleanup_free_ char *path = client_object_path("images", o->args[0], "tag?");
	_cleanup_buf_ struct buf b = BUF_INIT;
	if (!path)
		return crl_fail_oom(err);
	buf_puts(&b, path);
	repo_and_tag(&b, o->args[1]);
	return b.failed ? crl_fail_oom(err)
			: client_call(&cli->client, "POST", b.data, NULL, NULL, NULL, err);
}

const struct command cmd_tag = {
	.usage = "SOURCE_IMAGE[:TAG] TARGET_IMAGE[:TAG]",
	.summary = "Give an image a further name",
	.min_args = 2,
	.max_args = 2,
	.complete = COMPLETE_IMAGES,
	.run = tag_main,
};

/* ---- history ---- */

static const struct opt_spec history_opts[] = {
	{0, "format", OPT_STR, "string", "Format the output: table, json or a template"},
	{'H', "human", OPT_BOOL, NULL, "Print sizes and times for people", "true"},
	{0, "no-trunc", OPT_BOOL, NULL, "Do not shorten the output"},
	{'q', "quiet", OPT_BOOL, NULL, "Show IDs only"},
};

static const struct listing_column history_columns[] = {
	{"ID", "IMAGE"},
	{"CreatedSince", "CREATED"},
	{"CreatedAt", "CREATED AT"},
	{"CreatedBy", "CREATED BY"},
	{"Size", "SIZE"},
	{"Comment", "COMMENT"},
};

static const struct listing history_listing = {
	.columns = history_columns,
	.n_columns = ARRAY_SIZE(history_columns),
	.table = "{{.ID}}\t{{.CreatedSince}}\t{{.CreatedBy}}\t{{.Size}}\t{{.Comment}}",
	.quiet = "{{.ID}}",
};

static cJSON *history_row(const cJSON *layer, bool human, bool no_trunc)
{
	cJSON *row = cJSON_CreateObject();
	_cleanup_buf_ struct buf id = BUF_INIT;
	_cleanup_buf_ struct buf by = BUF_INIT;
	int64_t created = 0, size = 0;
	char text[64];
	(void)json_get_i64(layer, "Created", &created);
	(void)json_get_i64(layer, "Size", &size);
	format_short_id(&id, json_get_str(layer, "Id"), no_trunc);
	buf_puts(&by, "");
	format_ellipsis(&by, json_get_str(layer, "CreatedBy"), no_trunc ? 0 : 45);
	for (char *p = by.data; p && *p; p++)
		if (*p == '\t' || *p == '\n')
			*p = ' ';
	json_add_str(row, "Comment", json_get_str(layer, "Comment"));
	time_rfc3339(created * 1000000000, text);
	json_add_str(row, "CreatedAt", text);
	json_add_str(row, "CreatedBy", by.data);
	json_add_str(row, "CreatedSince", human ? format_ago(created, text, sizeof text) : text);
	json_add_str(row, "ID", id.data);
	if (human)
		str_size_decimal((double)size, text);
	else
		snprintf(text, sizeof text, "%lld", (long long)size);
	json_add_str(row, "Size", text);
	return row;
}

static int history_main(struct cli *cli, const struct opts *o, struct crl_err *err)
{
	_cleanup_cjson_ cJSON *list = NULL;
	_cleanup_cjson_ cJSON *rows = cJSON_CreateArray();
	_cleanup_free_ char *path = client_object_path("images", o->args[0], "history");
	const cJSON *layer;
	if (!path)
		return crl_fail_oom(err);
	if (client_get(&cli->client, path, &list, err) < 0)
		return -1;
	cJSON_ArrayForEach (layer, list)
		listing_add(rows, history_row(layer, opt_bool(o, "human"), opt_bool(o, "no-trunc")),
			    NULL);
	return listing_print(&history_listing, opt_str(o, "format"), opt_bool(o, "quiet"), rows,
			     err);
}

const struct command cmd_history = {
	.usage = "[OPTIONS] IMAGE",
	.summary = "Show the steps an image was made of",
	CLI_OPTS(history_opts),
	.min_args = 1,
	.max_args = 1,
	.complete = COMPLETE_IMAGES,
	.run = history_main,
};
