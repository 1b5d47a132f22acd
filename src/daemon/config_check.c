// SPDX-License-Identifier: GPL-2.0-or-later
/* What single settings must look like. Called once the flags and the file are read. Pure. */
#include "config_keys.h"
#include "container_users.h"

#include "log_opts.h"

#include <arpa/inet.h>

static bool is_ip(const char *text)
{
	unsigned char address[sizeof(struct in6_addr)];

	return inet_pton(AF_INET, text, address) == 1 || inet_pton(AF_INET6, text, address) == 1;
}

int config_check_ips(const struct daemon_config *c, const struct config_row *row,
		     struct crl_err *err)
{
	char *const one[] = {row->kind == CONFIG_STR ? *(char **)config_member(c, row) : NULL,
			     NULL};
	char *const *list = row->kind == CONFIG_STR ? one : *(char ***)config_member(c, row);

	for (; list && *list; list++) {
		if (!is_ip(*list))
			return crl_fail(err, CRL_INVALID, "%s: %s is not an ip address", row->key,
					*list);
	}
	return 0;
}

int config_check_remap(const struct daemon_config *c, const struct config_row *row,
		       struct crl_err *err)
{
	struct userns_map map;

	if (str_empty(c->userns_remap))
		return 0;
	if (subid_remap(c->userns_remap, &map, err) < 0)
		return -1;
	int r = userns_check(&map, err);
	if (r == 0 && (userns_to_host(map.uids, map.n_uids, 0) < 0 ||
		       userns_to_host(map.gids, map.n_gids, 0) < 0))
		r = crl_fail(err, CRL_INVALID, "userns-remap: the ranges have no id 0");
	userns_map_free(&map);
	return r;
}

int config_check_userns(const struct daemon_config *c, const struct config_row *row,
			struct crl_err *err)
{
	if (str_empty(c->userns) || str_eq(c->userns, "host"))
		return 0;
	if (!str_eq(c->userns, "auto"))
		return crl_fail(err, CRL_INVALID, "userns: \"%s\": auto or host", c->userns);
	if (!str_empty(c->userns_remap))
		return crl_fail(err, CRL_INVALID,
				"userns and userns-remap exclude each other: a range for each "
				"container, or one for all");
	return 0;
}

/* Names of images and containers are in the metrics, and whoever reads them is not asked for a
 * name. */
int config_check_metrics(const struct daemon_config *c, const struct config_row *row,
			 struct crl_err *err)
{
	static const char *const loopback[] = {"127.", "[::1]:", "localhost:"};

	for (size_t i = 0; c->metrics_addr && i < ARRAY_SIZE(loopback); i++) {
		if (str_starts(c->metrics_addr, loopback[i]) && strchr(c->metrics_addr, ':'))
			return 0;
	}
	if (!c->metrics_addr)
		return 0;
	return crl_fail(err, CRL_INVALID,
			"metrics-addr: %s: only addresses of the loopback are served "
			"(127.0.0.1:9323); everybody could read what runs here",
			c->metrics_addr);
}

int config_check_ipc_mode(const struct daemon_config *c, const struct config_row *row,
			  struct crl_err *err)
{
	const char *mode = c->default_ipc_mode;

	if (!mode || str_eq(mode, "private") || str_eq(mode, "shareable"))
		return 0;
	return crl_fail(err, CRL_INVALID,
			"IPC mode \"%s\" is not supported as default value (private or shareable)",
			mode);
}

int config_check_cgroupns_mode(const struct daemon_config *c, const struct config_row *row,
			       struct crl_err *err)
{
	const char *mode = c->default_cgroupns_mode;

	if (!mode || str_eq(mode, "private") || str_eq(mode, "host"))
		return 0;
	return crl_fail(err, CRL_INVALID,
			"default cgroup namespace mode \"%s\" is invalid; use host or private",
			mode);
}

int config_check_labels(const struct daemon_config *c, const struct config_row *row,
			struct crl_err *err)
{
	for (char **label = c->labels; label && *label; label++) {
		size_t key = strcspn(*label, "=");

		if (!(*label)[key] || key == 0)
			return crl_fail(err, CRL_INVALID,
					"bad attribute format: %s (labels are KEY=VALUE)", *label);
		for (char **other = c->labels; other != label; other++) {
			if (strncmp(*other, *label, key + 1) == 0 && !str_eq(*other, *label))
				return crl_fail(err, CRL_INVALID,
						"conflict labels for %.*s=%s and %.*s=%s", (int)key,
						*other, *other + key + 1, (int)key, *label,
						*label + key + 1);
		}
	}
	return 0;
}

int config_check_mirrors(const struct daemon_config *c, const struct config_row *row,
			 struct crl_err *err)
{
	for (char **mirror = c->registry_mirrors; mirror && *mirror; mirror++) {
		const char *host = str_starts(*mirror, "https://")  ? *mirror + 8
				   : str_starts(*mirror, "http://") ? *mirror + 7
								    : NULL;

		if (!host)
			return crl_fail(err, CRL_INVALID,
					"invalid mirror: \"%s\": unsupported scheme (http:// and "
					"https:// are)",
					*mirror);
		if (strchr(host, '@'))
			return crl_fail(err, CRL_INVALID,
					"invalid mirror: username/password not allowed in URI");
		if (!host[0] || strpbrk(host, "?#"))
			return crl_fail(err, CRL_INVALID,
					"invalid mirror: \"%s\" is not a valid mirror URI",
					*mirror);
	}
	return 0;
}

int config_check_proxies(const struct daemon_config *c, const struct config_row *row,
			 struct crl_err *err)
{
	static const char *const known[] = {"http-proxy", "https-proxy", "no-proxy"};
	const cJSON *item;

	cJSON_ArrayForEach (item, c->proxies) {
		bool found = false;

		for (size_t i = 0; item->string && i < ARRAY_SIZE(known); i++)
			found = found || str_eq(item->string, known[i]);
		if (!found)
			return crl_fail(err, CRL_INVALID,
					"the following directives don't match any configuration "
					"option: %s",
					item->string ? item->string : "proxies");
		if (!cJSON_IsString(item))
			return crl_fail(err, CRL_INVALID, "%s: expected a string", item->string);
	}
	return 0;
}

/* --- default-ulimits: {"nofile": {"Name": "nofile", "Soft": 1024, "Hard": 2048}} --- */

static int check_ulimit(const cJSON *item, struct crl_err *err)
{
	int64_t soft = 0, hard = 0;

	if (!cJSON_IsObject(item) || !json_get_i64(item, "Hard", &hard) ||
	    !json_get_i64(item, "Soft", &soft))
		return crl_fail(err, CRL_INVALID,
				"default-ulimits: %s: expected {\"Name\",\"Soft\",\"Hard\"}",
				item->string ? item->string : "");
	if (soft < -1 || hard < -1 || (hard != -1 && (soft > hard || soft == -1)))
		return crl_fail(err, CRL_INVALID,
				"default-ulimits: %s: ulimit soft limit must be less than or equal "
				"to hard limit: %lld > %lld",
				item->string ? item->string : "", (long long)soft, (long long)hard);
	return 0;
}

int config_check_ulimits(const struct daemon_config *c, const struct config_row *row,
			 struct crl_err *err)
{
	const cJSON *item;

	if (c->default_ulimits && !cJSON_IsObject(c->default_ulimits))
		return crl_fail(err, CRL_INVALID, "default-ulimits: expected an object");
	cJSON_ArrayForEach (item, c->default_ulimits) {
		if (check_ulimit(item, err) < 0)
			return -1;
	}
	return 0;
}

/* NAME=SOFT[:HARD] */
int config_add_ulimit(cJSON **tree, const char *value, struct crl_err *err)
{
	_cleanup_strv_ char **parts = strv_split(value, "=:", true);
	size_t n = strv_len(parts);
	int64_t soft, hard;
	cJSON *item;

	if (n < 2 || n > 3 || str_empty(parts[0]) || !str_to_i64(parts[1], &soft) ||
	    !str_to_i64(parts[n - 1], &hard))
		return crl_fail(err, CRL_INVALID, "invalid ulimit argument: %s", value);
	if (!*tree && !(*tree = cJSON_CreateObject()))
		return crl_fail_oom(err);
	cJSON_DeleteItemFromObjectCaseSensitive(*tree, parts[0]);
	item = cJSON_AddObjectToObject(*tree, parts[0]);
	json_add_str(item, "Name", parts[0]);
	(void)cJSON_AddNumberToObject(item, "Soft", (double)soft);
	(void)cJSON_AddNumberToObject(item, "Hard", (double)hard);
	return 0;
}

int config_check_log_opts(const struct daemon_config *c, const struct config_row *row,
			  struct crl_err *err)
{
	if (log_opts_check(c->log_driver, &c->log_opts, err) == 0)
		return 0;
	return crl_context(err, "%s", row->key);
}

int config_check_storage_opts(const struct daemon_config *c, const struct config_row *row,
			      struct crl_err *err)
{
	int64_t size;

	for (char **o = c->storage_opts; o && *o; o++) {
		const char *value = strchr(*o, '=');
		if (!value)
			return crl_fail(err, CRL_INVALID, "unable to parse storage-opt: %s", *o);
		/* What dockerd checks of its kernel by this is what we need anyway. */
		if (str_starts(*o, "overlay2.override_kernel_check="))
			continue;
		if (!str_starts(*o, "overlay2.size="))
			return crl_fail(err, CRL_INVALID, "overlay2: unknown option %.*s",
					(int)(value - *o), *o);
		if (str_parse_size(value + 1, &size, err) < 0)
			return crl_context(err, "storage-opts");
	}
	return 0;
}
