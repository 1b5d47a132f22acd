/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Values of `run` and `create` options that have a grammar of their own; docker's grammar. */
#include <cli/create.h>

#include <base/ident.h>
#include <base/path.h>
#include <ctype.h>
#include <fcntl.h>

#define MAX_FILE (4U * 1024 * 1024)

static int invalid(struct crl_err *err, const char *what, const char *text)
{
	return crl_fail(err, CRL_INVALID, "invalid %s: %s", what, text);
}

/* ---- environment and maps ---- */

static int add_env(cJSON *list, const char *text, struct crl_err *err)
{
	if (!*text || *text == '=')
		return invalid(err, "environment variable", text);
	if (strchr(text, '=')) {
		cJSON_AddItemToArray(list, cJSON_CreateString(text));
		return 0;
	}
	const char *value = getenv(text);
	if (!value)
		return 0;
	_cleanup_free_ char *both = client_path("%s=%s", text, value);
	cJSON_AddItemToArray(list, cJSON_CreateString(both ? both : ""));
	return both ? 0 : crl_fail_oom(err);
}

/* Lines of a file without comments and empty ones. */
static int read_lines(const char *path, char ***ret, struct crl_err *err)
{
	_cleanup_free_ char *text = NULL;
	_cleanup_strv_ char **all = NULL;
	_cleanup_strv_ char **lines = NULL;
	size_t len;
	if (path_read_file(AT_FDCWD, path, MAX_FILE, &text, &len, err) < 0)
		return -1;
	all = strv_split(text, "\n", false);
	if (!all)
		return crl_fail_oom(err);
	for (char **l = all; *l; l++) {
		char *line = *l + strspn(*l, " \t");
		size_t n = strlen(line);
		while (n && line[n - 1] == '\r')
			line[--n] = 0;
		if (*line && *line != '#' && strv_push(&lines, line) < 0)
			return crl_fail_oom(err);
	}
	*ret = take_ptr(lines);
	return 0;
}

int create_env_list(cJSON *list, char *const *files, char *const *values, struct crl_err *err)
{
	for (; files && *files; files++) {
		_cleanup_strv_ char **lines = NULL;
		if (read_lines(*files, &lines, err) < 0)
			return -1;
		for (char **l = lines; l && *l; l++) {
			if (strcspn(*l, " \t") < strcspn(*l, "="))
				return crl_fail(
					err, CRL_INVALID,
					"invalid env file (%s): variable '%s' contains whitespaces",
					*files, *l);
			if (add_env(list, *l, err) < 0)
				return -1;
		}
	}
	for (; values && *values; values++)
		if (add_env(list, *values, err) < 0)
			return -1;
	return 0;
}

/* Both options at once, files first; called for whichever is set, works once. */
int create_env(struct create *c, const char *option, const char *key, struct crl_err *err)
{
	if (cJSON_GetObjectItemCaseSensitive(c->config, key))
		return 0;
	return create_env_list(create_array(c->config, key), opt_list(c->o, "env-file"),
			       opt_list(c->o, "env"), err);
}

static void add_pair(cJSON *map, const char *text)
{
	const char *eq = strchr(text, '=');
	_cleanup_free_ char *key = strndup(text, eq ? (size_t)(eq - text) : strlen(text));
	if (key)
		create_set(map, key, eq ? eq + 1 : "");
}

int create_map(struct create *c, const char *option, const char *key, struct crl_err *err)
{
	cJSON *map = create_object(c->host, key);
	for (char *const *v = opt_list(c->o, option); v && *v; v++) {
		if (!strchr(*v, '='))
			return crl_fail(err, CRL_INVALID,
					"invalid argument \"%s\" for \"--%s\" flag: %s must be "
					"formatted as key=value",
					*v, option, *v);
		add_pair(map, *v);
	}
	return 0;
}

int create_labels(struct create *c, const char *option, const char *key, struct crl_err *err)
{
	if (cJSON_GetObjectItemCaseSensitive(c->config, key))
		return 0;
	cJSON *map = create_object(c->config, key);
	for (char *const *f = opt_list(c->o, "label-file"); f && *f; f++) {
		_cleanup_strv_ char **lines = NULL;
		if (read_lines(*f, &lines, err) < 0)
			return -1;
		for (char **l = lines; l && *l; l++)
			add_pair(map, *l);
	}
	for (char *const *v = opt_list(c->o, "label"); v && *v; v++)
		add_pair(map, *v);
	return 0;
}

int create_log(struct create *c, const char *option, const char *key, struct crl_err *err)
{
	cJSON *log = create_object(c->host, "LogConfig");
	if (str_eq(key, "Type")) {
		create_set(log, key, opt_str(c->o, option));
		return 0;
	}
	for (char *const *v = opt_list(c->o, option); v && *v; v++)
		add_pair(create_object(log, key), *v);
	return 0;
}

/* ---- resources ---- */

int create_cpus(struct create *c, const char *option, const char *key, struct crl_err *err)
{
	const char *text = opt_str(c->o, option);
	char *end;
	double cpus = strtod(text, &end);
	if (end == text || *end || !(cpus >= 0 && cpus < 1e6))
		return invalid(err, "number of CPUs", text);
	json_add_i64(c->host, key, (int64_t)(cpus * 1e9 + 0.5));
	return 0;
}

/* name=soft[:hard] */
int create_ulimit(struct create *c, const char *option, const char *key, struct crl_err *err)
{
	for (char *const *v = opt_list(c->o, option); v && *v; v++) {
		_cleanup_free_ char *copy = strdup(*v);
		char *soft = copy ? strchr(copy, '=') : NULL, *hard;
		int64_t s, h;
		if (!copy)
			return crl_fail_oom(err);
		if (!soft)
			return invalid(err, "ulimit argument", *v);
		*soft++ = 0;
		hard = strchr(soft, ':');
		if (hard)
			*hard++ = 0;
		if (!str_to_i64(soft, &s) || (hard && !str_to_i64(hard, &h)))
			return invalid(err, "ulimit argument", *v);
		if (!hard)
			h = s;
		if (h != -1 && (s > h || s == -1))
			return crl_fail(
				err, CRL_INVALID,
				"ulimit soft limit must be less than or equal to hard limit: %s",
				*v);
		cJSON *item = cJSON_CreateObject();
		json_add_str(item, "Name", copy);
		json_add_i64(item, "Soft", s);
		json_add_i64(item, "Hard", h);
		cJSON_AddItemToArray(create_array(c->host, key), item);
	}
	return 0;
}

/* /dev/x:RATE; weights and operations are plain numbers, bytes may have a unit. */
int create_throttle(struct create *c, const char *option, const char *key, struct crl_err *err)
{
	bool weight = str_eq(option, "blkio-weight-device");
	for (char *const *v = opt_list(c->o, option); v && *v; v++) {
		const char *colon = strrchr(*v, ':');
		int64_t rate;
		if (!colon || **v != '/')
			return crl_fail(err, CRL_INVALID, "bad format for path: %s", *v);
		if (str_ends(option, "bps") ? str_parse_size(colon + 1, &rate, NULL) < 0
					    : !str_to_i64(colon + 1, &rate))
			return invalid(err, "rate for device", *v);
		_cleanup_free_ char *path = strndup(*v, (size_t)(colon - *v));
		cJSON *item = cJSON_CreateObject();
		json_add_str(item, "Path", path);
		json_add_i64(item, weight ? "Weight" : "Rate", rate);
		cJSON_AddItemToArray(create_array(c->host, key), item);
	}
	return 0;
}

int create_restart(struct create *c, const char *option, const char *key, struct crl_err *err)
{
	const char *text = opt_str(c->o, option), *colon = strchr(text, ':');
	int64_t count = 0;
	if (colon && (!str_to_i64(colon + 1, &count) || count < 0))
		return crl_fail(
			err, CRL_INVALID,
			"invalid restart policy format: maximum retry count must be an integer");
	_cleanup_free_ char *name = strndup(text, colon ? (size_t)(colon - text) : strlen(text));
	cJSON *policy = create_object(c->host, key);
	create_set(policy, "Name", name ? name : "");
	json_add_i64(policy, "MaximumRetryCount", count);
	return name ? 0 : crl_fail_oom(err);
}

/* ---- health ---- */

int create_health(struct create *c, const char *option, const char *key, struct crl_err *err)
{
	cJSON *health = create_object(c->config, "Healthcheck");
	int64_t ns;
	if (opt_bool(c->o, "no-healthcheck")) {
		if (!str_eq(option, "no-healthcheck"))
			return crl_fail(err, CRL_INVALID,
					"--no-healthcheck conflicts with --health-* options");
		cJSON_AddItemToArray(create_array(health, "Test"), cJSON_CreateString("NONE"));
	} else if (str_eq(option, "health-cmd")) {
		cJSON *test = create_array(health, "Test");
		cJSON_AddItemToArray(test, cJSON_CreateString("CMD-SHELL"));
		cJSON_AddItemToArray(test, cJSON_CreateString(opt_str(c->o, option)));
	} else if (str_eq(option, "health-retries")) {
		json_add_i64(health, key, opt_int(c->o, option));
	} else if (key) {
		if (!time_parse_duration(opt_str(c->o, option), &ns) || ns < 0)
			return crl_fail(err, CRL_INVALID,
					"invalid argument \"%s\" for \"--%s\" flag: not a duration",
					opt_str(c->o, option), option);
		json_add_i64(health, key, ns);
	}
	return 0;
}

/* ---- security ---- */

/* A seccomp profile is read here: the daemon may be elsewhere. */
static int add_seccomp(cJSON *list, const char *path, struct crl_err *err)
{
	_cleanup_free_ char *text = NULL;
	_cleanup_free_ char *compact = NULL;
	_cleanup_cjson_ cJSON *tree = NULL;
	size_t len;
	if (path_read_file(AT_FDCWD, path, MAX_FILE, &text, &len, err) < 0)
		return crl_context(err, "opening seccomp profile (%s)", path);
	if (json_parse(text, len, MAX_FILE, &tree, err) < 0)
		return crl_context(err, "seccomp profile (%s)", path);
	compact = cJSON_PrintUnformatted(tree);
	_cleanup_free_ char *option = compact ? client_path("seccomp=%s", compact) : NULL;
	if (!option)
		return crl_fail_oom(err);
	cJSON_AddItemToArray(list, cJSON_CreateString(option));
	return 0;
}

int create_security(struct create *c, const char *option, const char *key, struct crl_err *err)
{
	cJSON *list = create_array(c->host, key);
	for (char *const *v = opt_list(c->o, option); v && *v; v++) {
		const char *file = str_starts(*v, "seccomp=") ? *v + 8 : NULL;
		if (str_eq(*v, "systempaths=unconfined")) {
			(void)create_array(c->host, "MaskedPaths");
			(void)create_array(c->host, "ReadonlyPaths");
		} else if (file && !str_eq(file, "unconfined") && !str_eq(file, "builtin")) {
			if (add_seccomp(list, file, err) < 0)
				return -1;
		} else {
			cJSON_AddItemToArray(list, cJSON_CreateString(*v));
		}
	}
	return 0;
}
