/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See df.h. The tables and their titles are docker's. */
#include <cli/df.h>

#include <base/ident.h>
#include <cli/format.h>
#include <cli/listing.h>

static void add_text(cJSON *row, const char *key, struct buf *text)
{
	json_add_str(row, key, text->data ? text->data : "");
	buf_free(text);
}

static double number(const cJSON *o, const char *key)
{
	const cJSON *n = cJSON_GetObjectItemCaseSensitive(o, key);
	return cJSON_IsNumber(n) && n->valuedouble > 0 ? n->valuedouble : 0;
}

static void add_size(cJSON *row, const char *key, double bytes)
{
	char text[32];
	json_add_str(row, key, format_size4(bytes, text));
}

static void add_number(cJSON *row, const char *key, double n)
{
	char text[32];
	snprintf(text, sizeof text, "%.0f", n);
	json_add_str(row, key, text);
}

static void add_id(cJSON *row, const char *key, const char *id)
{
	struct buf b = BUF_INIT;
	format_short_id(&b, id, false);
	add_text(row, key, &b);
}

static void add_ago(cJSON *row, const char *key, int64_t seconds)
{
	char text[64];
	json_add_str(row, key, format_ago(seconds, text, sizeof text));
}

static void add_rfc3339(cJSON *row, const char *key, const char *time)
{
	int64_t ns = 0;
	(void)(time && time_parse(time, time_now_ns(), &ns));
	add_ago(row, key, ns / 1000000000);
}

/* --- rows --- */

static void image_row(const cJSON *i, cJSON *row)
{
	const cJSON *tags = cJSON_GetObjectItemCaseSensitive(i, "RepoTags");
	const cJSON *first = cJSON_GetArrayItem(tags, 0);
	const char *name = cJSON_IsString(first) ? first->valuestring : "<none>:<none>";
	const char *colon = strrchr(name, ':');
	size_t len = colon ? (size_t)(colon - name) : strlen(name);
	struct buf repository = BUF_INIT;
	double shared = number(i, "SharedSize");
	buf_add(&repository, name, len);
	add_text(row, "Repository", &repository);
	json_add_str(row, "Tag", colon ? colon + 1 : "<none>");
	add_id(row, "ID", json_get_str(i, "Id"));
	add_ago(row, "Created", (int64_t)number(i, "Created"));
	add_size(row, "Size", number(i, "Size"));
	add_size(row, "Shared", shared);
	add_size(row, "Unique", number(i, "Size") - shared);
	add_number(row, "Containers", number(i, "Containers"));
}

static void container_row(const cJSON *c, cJSON *row)
{
	const cJSON *names = cJSON_GetObjectItemCaseSensitive(c, "Names"), *m;
	const cJSON *name = cJSON_GetArrayItem(names, 0);
	struct buf image = BUF_INIT, command = BUF_INIT;
	double volumes = 0;
	cJSON_ArrayForEach (m, cJSON_GetObjectItemCaseSensitive(c, "Mounts"))
		volumes += str_eq(json_get_str(m, "Type"), "volume");
	add_id(row, "ID", json_get_str(c, "Id"));
	format_image(&image, json_get_str(c, "Image"), false);
	add_text(row, "Image", &image);
	format_quoted(&command, json_get_str(c, "Command"), 20);
	add_text(row, "Command", &command);
	add_number(row, "Volumes", volumes);
	add_size(row, "Size", number(c, "SizeRw"));
	add_ago(row, "Created", (int64_t)number(c, "Created"));
	json_add_str(row, "Status", json_get_str(c, "Status"));
	json_add_str(row, "Names", cJSON_IsString(name) ? name->valuestring + 1 : "");
}

static void volume_row(const cJSON *v, cJSON *row)
{
	const cJSON *usage = cJSON_GetObjectItemCaseSensitive(v, "UsageData");
	json_add_str(row, "Name", json_get_str(v, "Name"));
	add_number(row, "Links", number(usage, "RefCount"));
	add_size(row, "Size", number(usage, "Size"));
}

static void cache_row(const cJSON *b, cJSON *row)
{
	add_id(row, "ID", json_get_str(b, "ID"));
	json_add_str(row, "Type", json_get_str(b, "Type"));
	add_size(row, "Size", number(b, "Size"));
	add_rfc3339(row, "Created", json_get_str(b, "CreatedAt"));
	add_rfc3339(row, "Used", json_get_str(b, "LastUsedAt"));
	add_number(row, "Usage", number(b, "UsageCount"));
	json_add_str(row, "Shared", json_get_bool(b, "Shared") ? "true" : "false");
}

/* --- tables --- */

static const struct listing_column image_columns[] = {
	{"Repository", "REPOSITORY"},
	{"Tag", "TAG"},
	{"ID", "IMAGE ID"},
	{"Created", "CREATED"},
	{"Size", "SIZE"},
	{"Shared", "SHARED SIZE"},
	{"Unique", "UNIQUE SIZE"},
	{"Containers", "CONTAINERS"},
};
static const struct listing_column container_columns[] = {
	{"ID", "CONTAINER ID"},       {"Image", "IMAGE"}, {"Command", "COMMAND"},
	{"Volumes", "LOCAL VOLUMES"}, {"Size", "SIZE"},   {"Created", "CREATED"},
	{"Status", "STATUS"},         {"Names", "NAMES"},
};
static const struct listing_column volume_columns[] = {
	{"Name", "VOLUME NAME"}, {"Links", "LINKS"}, {"Size", "SIZE"}};
static const struct listing_column cache_columns[] = {
	{"ID", "CACHE ID"},    {"Type", "CACHE TYPE"}, {"Size", "SIZE"},     {"Created", "CREATED"},
	{"Used", "LAST USED"}, {"Usage", "USAGE"},     {"Shared", "SHARED"},
};

static const struct kind {
	const char *title, *key;
	void (*row)(const cJSON *object, cJSON *row);
	struct listing listing;
} kinds[] = {
	{"Images space usage",
	 "Images",
	 image_row,
	 {image_columns, ARRAY_SIZE(image_columns),
	  "{{.Repository}}\t{{.Tag}}\t{{.ID}}\t{{.Created}}\t{{.Size}}\t{{.Shared}}\t{{.Unique}}\t"
	  "{{.Containers}}",
	  NULL}},
	{"Containers space usage",
	 "Containers",
	 container_row,
	 {container_columns, ARRAY_SIZE(container_columns),
	  "{{.ID}}\t{{.Image}}\t{{.Command}}\t{{.Volumes}}\t{{.Size}}\t{{.Created}}\t{{.Status}}\t"
	  "{{.Names}}",
	  NULL}},
	{"Local Volumes space usage",
	 "Volumes",
	 volume_row,
	 {volume_columns, ARRAY_SIZE(volume_columns), "{{.Name}}\t{{.Links}}\t{{.Size}}", NULL}},
	{"Build cache usage",
	 "BuildCache",
	 cache_row,
	 {cache_columns, ARRAY_SIZE(cache_columns),
	  "{{.ID}}\t{{.Type}}\t{{.Size}}\t{{.Created}}\t{{.Used}}\t{{.Usage}}\t{{.Shared}}", NULL}},
};

static int print_kind(const struct kind *k, const cJSON *df, struct crl_err *err)
{
	_cleanup_cjson_ cJSON *rows = cJSON_CreateArray();
	const cJSON *object;
	cJSON_ArrayForEach (object, cJSON_GetObjectItemCaseSensitive(df, k->key)) {
		cJSON *row = cJSON_CreateObject();
		k->row(object, row);
		listing_add(rows, row, NULL);
	}
	printf("%s:\n\n", k->title);
	return listing_print(&k->listing, NULL, false, rows, err);
}

int df_print_verbose(const cJSON *df, struct crl_err *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		if (i > 0)
			putchar('\n');
		if (print_kind(&kinds[i], df, err) < 0)
			return -1;
	}
	return 0;
}
