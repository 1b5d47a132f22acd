// SPDX-License-Identifier: GPL-2.0-or-later
/* The part of GET /info that is about this process and its settings. */
#include "api_system.h"
#include "daemon.h"
#include "events.h"
#include "http.h"

#include <dirent.h>

static int64_t entries_of(const char *path)
{
	_cleanup_closedir_ DIR *dir = opendir(path);
	const struct dirent *e;
	int64_t n = 0;

	while (dir && (e = readdir(dir)))
		n += e->d_name[0] != '.';
	return n;
}

/* "http://user:word@host" is shown without the two. Caller frees. */
static char *without_login(const char *url)
{
	const char *start = url ? strstr(url, "://") : NULL;
	const char *end = start ? strchr(start + 3, '@') : NULL;
	struct buf b = BUF_INIT;

	if (!end)
		return strdup(url ? url : "");
	buf_add(&b, url, (size_t)(start + 3 - url));
	buf_printf(&b, "xxxxx:xxxxx%s", end);
	return buf_take(&b);
}

static void add_proxies(const struct daemon *d, cJSON *t)
{
	static const struct {
		const char *key, *setting, *upper, *lower;
	} rows[] = {
		{"HttpProxy", "http-proxy", "HTTP_PROXY", "http_proxy"},
		{"HttpsProxy", "https-proxy", "HTTPS_PROXY", "https_proxy"},
		{"NoProxy", "no-proxy", "NO_PROXY", "no_proxy"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const char *value = json_get_str(d->config.proxies, rows[i].setting);
		_cleanup_free_ char *shown = NULL;

		value = value ? value : getenv(rows[i].upper);
		value = value ? value : getenv(rows[i].lower);
		shown = without_login(value);
		json_add_str(t, rows[i].key, shown);
	}
}

/* Whoever reaches such a socket is root here: dockerd says it here, too. */
static void add_warnings(const struct daemon *d, cJSON *warnings)
{
	for (char **host = d->config.hosts; *host; host++) {
		_cleanup_buf_ struct buf b = BUF_INIT;

		if (!str_starts(*host, "tcp://") || d->config.tlsverify)
			continue;
		buf_printf(&b,
			   "WARNING: API is accessible on http://%s without encryption.\n"
			   "         Access to the remote API is equivalent to root access on the "
			   "host.",
			   *host + strlen("tcp://"));
		if (!b.failed)
			cJSON_AddItemToArray(warnings, cJSON_CreateString(b.data));
	}
}

void api_info_self(const struct daemon *d, cJSON *t, cJSON *warnings)
{
	cJSON *firewall = cJSON_AddObjectToObject(t, "FirewallBackend");

	cJSON_AddBoolToObject(t, "Debug", d->config.debug);
	json_add_i64(t, "NFd", entries_of("/proc/self/fd") - 1); /* less the one that counts */
	json_add_i64(t, "NGoroutines", entries_of("/proc/self/task"));
	json_add_i64(t, "NEventsListener", (int64_t)events_listeners(d));
	cJSON_AddBoolToObject(t, "LiveRestoreEnabled", d->config.live_restore);
	cJSON_AddBoolToObject(t, "ExperimentalBuild", false);
	json_add_strv(t, "Labels", d->config.labels, false);
	json_add_str(firewall, "Driver", "nftables");
	cJSON_AddNullToObject(t, "GenericResources");
	add_proxies(d, t);
	add_warnings(d, warnings);
}
