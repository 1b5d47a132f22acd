/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a client of the API sends, below the HTTP parser: the first line is a
 * method and a path, the second the `filters` of the query, the rest a body.
 */
#include <crun-lite/api_container.h>
#include <daemon/config.h>
#include <daemon/filters.h>
#include <daemon/http_route.h>

#define TEXT_MAX (64U * 1024)

static void try_route(char *line)
{
	char *path = strchr(line, ' ');
	struct http_match m;
	struct crl_err err;

	if (!path || strlen(path) > HTTP_PATH_MAX)
		return;
	*path++ = '\0';
	if (http_route_find(http_routes, http_n_routes, line, path, &m, &err) < 0)
		return;
	for (size_t i = 0; i < HTTP_MAX_ARGS; i++)
		(void)http_bool_value(m.args[i]);
}

static void try_filters(const char *json)
{
	_cleanup_filters_ struct filters f = {0};
	struct strmap labels = {0};
	struct crl_err err;
	bool value;
	int64_t ns;

	if (filters_parse(json, &f, &err) < 0)
		return;
	(void)strmap_set(&labels, "a", "b");
	for (size_t i = 0; i < f.n; i++) {
		const char *key = f.items[i].key;

		(void)filters_match_exact(&f, key, "value");
		(void)filters_match_name(&f, key, "my-web_1");
		(void)filters_match_prefix(&f, key, "value");
		(void)filters_match_labels(&f, key, &labels);
		(void)filters_exclude_labels(&f, key, &labels);
		(void)filters_bool(&f, key, false, &value, &err);
		(void)filters_time(&f, key, &ns, &err);
	}
	strmap_free(&labels);
}

static void try_body(const char *text, size_t len)
{
	static const struct json_table *const tables[] = {
		&api_create_json, &api_update_json, &api_exec_create_json, &api_exec_start_json};
	union {
		struct api_create create;
		struct api_update update;
		struct api_exec_create exec;
		struct api_exec_start exec_start;
	} body;
	struct daemon_config settings = {0};
	struct crl_err err;

	for (size_t i = 0; i < ARRAY_SIZE(tables); i++) {
		memset(&body, 0, sizeof(body));
		if (json_decode(tables[i], text, len, JSON_NOCASE, &body, &err) < 0)
			continue;
		free(json_encode(tables[i], &body));
		json_free(tables[i], &body);
	}
	(void)config_parse_file(text, len, &(struct daemon_config){0}, &settings, &err);
	config_free(&settings);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *text = NULL;
	char *filters, *body;

	if (size > TEXT_MAX)
		return 0;
	text = malloc(size + 1);
	if (!text)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	filters = strchr(text, '\n');
	if (!filters)
		return 0;
	*filters++ = '\0';
	body = strchr(filters, '\n');
	if (!body)
		return 0;
	*body++ = '\0';
	try_route(text);
	try_filters(filters);
	try_body(body, size - (size_t)(body - text));
	return 0;
}
