/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Owns how a container's log options become those of its monitor, and where a
 * reader finds what was logged. Of drivers that cannot be read there is a copy
 * (Docker's dual logging), unless cache-disabled says no.
 */
#include "container.h"
#include "log_opts.h"
#include "log_tag.h"

#include <base/path.h>

#define MIB (1024LL * 1024)
/* A bound by default: a chatty container must not fill the disk (docs/adr/0051). */
#define JSON_SIZE (100 * MIB)
#define JSON_FILES 3
#define LOCAL_SIZE (20 * MIB)
#define LOCAL_FILES 5

static const char *driver_of(const struct container *c)
{
	return c->rec.host_config.log_config.type;
}

static const struct strmap *options_of(const struct container *c)
{
	return &c->rec.host_config.log_config.config;
}

static bool is_remote(const char *driver)
{
	return str_eq(driver, "journald") || str_eq(driver, "syslog");
}

int container_log_defaults(struct daemon *d, struct api_log_config *log)
{
	const char *driver = d->config.log_driver;
	if (str_empty(log->type)) {
		free(log->type);
		log->type = strdup(str_empty(driver) ? "json-file" : driver);
	}
	if (!log->type)
		return -1;
	if (!str_eq(log->type, driver))
		return 0;
	for (size_t i = 0; i < d->config.log_opts.n; i++) {
		const struct strmap_item *o = &d->config.log_opts.items[i];
		if (!strmap_get(&log->config, o->key) &&
		    strmap_set(&log->config, o->key, o->value) < 0)
			return -1;
	}
	return 0;
}

/* --- where --- */

char *container_log_path(const struct container *c)
{
	if (!str_eq(driver_of(c), "json-file"))
		return strdup("");
	return path_printf("%s/containers/%s/%s-json.log", c->d->config.data_root, c->rec.id,
			   c->rec.id);
}

char *container_log_source(const struct container *c, bool *ret_local)
{
	const char *driver = driver_of(c);
	*ret_local = !str_eq(driver, "json-file");
	if (!*ret_local)
		return container_log_path(c);
	if (str_eq(driver, "local"))
		return container_path_of(c, "local.log");
	if (is_remote(driver) && !log_opt_bool(options_of(c), "cache-disabled", false))
		return container_path_of(c, "cached.log");
	return strdup("");
}

/* --- the monitor's options --- */

static int64_t size_of(const struct strmap *o, const char *key, int64_t absent)
{
	const char *text = strmap_get(o, key);
	struct crl_err ignored;
	int64_t n;
	if (!text)
		return absent;
	return str_eq(text, "-1") || str_parse_size(text, &n, &ignored) < 0 ? 0 : n;
}

static int64_t count_of(const struct strmap *o, const char *key, int64_t absent)
{
	const char *text = strmap_get(o, key);
	return text ? atoll(text) : absent;
}

static void fill_file(const struct container *c, struct mon_log *m)
{
	const struct strmap *o = options_of(c);
	if (str_eq(m->driver, "json-file")) {
		m->max_size = size_of(o, "max-size", JSON_SIZE);
		m->max_file = count_of(o, "max-file", strmap_get(o, "max-size") ? 1 : JSON_FILES);
		m->compress = log_opt_bool(o, "compress", false);
	} else if (str_eq(m->driver, "local")) {
		m->max_size = size_of(o, "max-size", LOCAL_SIZE);
		m->max_file = count_of(o, "max-file", LOCAL_FILES);
		m->compress = log_opt_bool(o, "compress", true);
	} else {
		m->max_size = size_of(o, "cache-max-size", LOCAL_SIZE);
		m->max_file = count_of(o, "cache-max-file", LOCAL_FILES);
		m->compress = log_opt_bool(o, "cache-compress", true) && m->max_file > 1;
	}
}

static int fill_tag(const struct container *c, struct mon_log *m, struct crl_err *err)
{
	const char *tag = strmap_get(options_of(c), "tag");
	_cleanup_free_ char *args = strv_join(c->rec.args, " ");
	_cleanup_free_ char *command = path_printf("%s%s%s", c->rec.path ? c->rec.path : "",
						   str_empty(args) ? "" : " ", args ? args : "");
	const struct log_info info = {.id = c->rec.id,
				      .name = c->rec.name,
				      .image_id = c->rec.image_id,
				      .image_name = c->rec.config.image,
				      .command = command};
	/* In a file the tag is one more attribute, and only when it was asked for. */
	if (str_empty(tag) && !is_remote(m->driver))
		return 0;
	if (log_tag_expand(str_empty(tag) ? "{{.ID}}" : tag, &info, &m->tag, err) < 0)
		return -1;
	if (!str_empty(tag) && !is_remote(m->driver)) {
		cJSON_DeleteItemFromObjectCaseSensitive(m->attrs, "tag");
		json_add_str(m->attrs, "tag", m->tag);
	}
	return 0;
}

static char *copy_option(const struct container *c, const char *key)
{
	const char *value = strmap_get(options_of(c), key);
	return str_empty(value) ? NULL : strdup(value);
}

static void fill_remote(const struct container *c, struct mon_log *m)
{
	m->address = copy_option(c, "syslog-address");
	m->format = copy_option(c, "syslog-format");
	m->facility = log_facility(strmap_get(options_of(c), "syslog-facility"));
	m->max_buffer = size_of(options_of(c), "max-buffer-size", 0);
	m->id = strdup(c->rec.id);
	m->name = strdup(c->rec.name);
	m->image = strdup(c->rec.config.image ? c->rec.config.image : "");
}

int container_log_fill(const struct container *c, struct mon_log *m, struct crl_err *err)
{
	bool local;
	*m = (struct mon_log){.driver = strdup(driver_of(c)),
			      .path = container_log_source(c, &local),
			      .attrs = log_attrs(options_of(c), &c->rec.config)};
	if (!m->driver || !m->path || !m->attrs) {
		json_free(&mon_log_json, m);
		return crl_fail_oom(err);
	}
	fill_file(c, m);
	if (is_remote(m->driver))
		fill_remote(c, m);
	if (fill_tag(c, m, err) == 0)
		return 0;
	json_free(&mon_log_json, m);
	return -1;
}
