// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Version prefixes and path patterns. Owns nothing; no I/O, no allocation.
 * The paths come from strangers: every length is checked here.
 */
#include "http_route.h"
#include "daemon.h"

#include <base/str.h>
#include <strings.h>

#define VERSION_LEN 16

static bool version_char(char c)
{
	return (c >= '0' && c <= '9') || c == '.';
}

/* "1.51" -> 151. Parts beyond the second are ignored; more than 99 counts as 99. */
static int version_number(const char *s, size_t len)
{
	int part[2] = {0, 0};
	size_t which = 0;

	for (size_t i = 0; i < len && which < 2; i++) {
		if (s[i] == '.')
			which++;
		else if (part[which] < 1000)
			part[which] = part[which] * 10 + (s[i] - '0');
	}
	if (part[1] > 99)
		part[1] = 99;
	return part[0] * 100 + part[1];
}

static int version_check(const char *text, size_t len, int version, struct crl_err *err)
{
	if (version > API_VERSION_MAX)
		return crl_fail(err, CRL_INVALID,
				"client version %.*s is too new. Maximum supported API version is "
				"%d.%d",
				(int)len, text, API_VERSION_MAX / 100, API_VERSION_MAX % 100);
	if (version < API_VERSION_MIN)
		return crl_fail(err, CRL_INVALID,
				"client version %.*s is too old. Minimum supported API version is "
				"%d.%d, please upgrade your client to a newer version",
				(int)len, text, API_VERSION_MIN / 100, API_VERSION_MIN % 100);
	return 0;
}

/* Length of a leading "/v1.51" (0: there is none), and what it says. */
static size_t version_prefix(const char *path, int *ret_version, struct crl_err *err)
{
	size_t len = 0;

	*ret_version = API_VERSION_MAX;
	if (path[0] != '/' || path[1] != 'v')
		return 0;
	while (version_char(path[2 + len]))
		len++;
	if (len == 0 || len > VERSION_LEN || path[2 + len] != '/')
		return 0;
	*ret_version = version_number(path + 2, len);
	(void)version_check(path + 2, len, *ret_version, err);
	return 2 + len;
}

struct piece {
	char *start;
	size_t len;
};

/* A star takes one or more path parts, as few as possible before the rest matches. */
static bool pattern_match(const char *pattern, char *path, struct piece *args, size_t n_args)
{
	while (*pattern && *pattern != '*') {
		if (*pattern++ != *path++)
			return false;
	}
	if (!*pattern)
		return !*path;
	if (!*path || *path == '/' || n_args == HTTP_MAX_ARGS)
		return false;
	for (size_t len = 1;; len++) {
		if (path[len] && path[len] != '/')
			continue;
		if (pattern_match(pattern + 1, path + len, args, n_args + 1)) {
			args[n_args] = (struct piece){path, len};
			return true;
		}
		if (!path[len])
			return false;
	}
}

static bool method_match(const struct http_route *route, const char *method)
{
	return strcmp(route->method, method) == 0;
}

static const struct http_route *table_find(const struct http_route *routes, size_t n,
					   const char *method, int version, char *path,
					   struct piece *args)
{
	for (size_t i = 0; i < n; i++) {
		if (method_match(&routes[i], method) && version >= routes[i].min_version &&
		    pattern_match(routes[i].pattern, path, args, 0))
			return &routes[i];
	}
	return NULL;
}

int http_route_find(const struct http_route *routes, size_t n, const char *method, char *path,
		    struct http_match *ret, struct crl_err *err)
{
	struct http_match match = {0};
	struct piece args[HTTP_MAX_ARGS] = {0};
	struct crl_err version_err = CRL_ERR_INIT;

	path += version_prefix(path, &match.version, &version_err);
	if (version_err.code) {
		if (err)
			*err = version_err;
		return -1;
	}
	match.route = table_find(routes, n, method, match.version, path, args);
	if (!match.route && strcmp(method, "HEAD") == 0)
		match.route = table_find(routes, n, "GET", match.version, path, args);
	if (!match.route)
		return crl_fail(err, CRL_NOT_FOUND, "page not found");
	for (size_t i = 0; i < HTTP_MAX_ARGS; i++) {
		match.args[i] = args[i].start ? args[i].start : "";
		if (args[i].start)
			args[i].start[args[i].len] = '\0';
	}
	*ret = match;
	return 0;
}

bool http_bool_value(const char *value)
{
	static const char *const no[] = {"0", "no", "false", "none"};

	if (str_empty(value))
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(no); i++) {
		if (strcasecmp(value, no[i]) == 0)
			return false;
	}
	return true;
}
