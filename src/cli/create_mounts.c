/* SPDX-License-Identifier: GPL-2.0-or-later */
/* -v, --mount and --tmpfs of `run` and `create`. */
#include <cli/create.h>

#include <limits.h>

/* Relative folders of the host are ours to resolve: the daemon has another working directory. */
static char *host_path(const char *path)
{
	char here[PATH_MAX];
	if (*path == '/')
		return strdup(path);
	if (*path == '~' && path[1] == '/' && getenv("HOME"))
		return client_path("%s%s", getenv("HOME"), path + 1);
	if (!getcwd(here, sizeof here))
		return NULL;
	if (str_eq(path, "."))
		return strdup(here);
	return client_path("%s/%s", here, str_starts(path, "./") ? path + 2 : path);
}

static bool is_path(const char *source)
{
	return *source == '/' || *source == '~' || *source == '.';
}

int create_volume(struct create *c, const char *option, const char *key, struct crl_err *err)
{
	for (char *const *v = opt_list(c->o, option); v && *v; v++) {
		const char *colon = strchr(*v, ':');
		if (!**v || **v == ':')
			return crl_fail(err, CRL_INVALID, "invalid volume specification: '%s'", *v);
		if (!colon) {
			(void)create_object(create_object(c->config, "Volumes"), *v);
			continue;
		}
		_cleanup_free_ char *source = strndup(*v, (size_t)(colon - *v));
		_cleanup_free_ char *resolved =
			source && is_path(source) ? host_path(source) : NULL;
		const char *from = resolved ? resolved : source;
		_cleanup_free_ char *bind = from ? client_path("%s%s", from, colon) : NULL;
		if (!bind)
			return crl_fail_oom(err);
		cJSON_AddItemToArray(create_array(c->host, key), cJSON_CreateString(bind));
	}
	return 0;
}

int create_tmpfs(struct create *c, const char *option, const char *key, struct crl_err *err)
{
	cJSON *map = create_object(c->host, key);
	for (char *const *v = opt_list(c->o, option); v && *v; v++) {
		const char *colon = strchr(*v, ':');
		_cleanup_free_ char *path = strndup(*v, colon ? (size_t)(colon - *v) : strlen(*v));
		if (!path)
			return crl_fail_oom(err);
		create_set(map, path, colon ? colon + 1 : "");
	}
	return 0;
}

/* ---- --mount ---- */

char **create_split_csv(const char *text)
{
	char **fields = NULL;
	while (text) {
		_cleanup_buf_ struct buf field = BUF_INIT;
		bool quoted = false;
		for (; *text && (quoted || *text != ','); text++) {
			if (*text != '"') {
				buf_putc(&field, *text);
			} else if (quoted && text[1] == '"') {
				buf_putc(&field, '"');
				text++;
			} else {
				quoted = !quoted;
			}
		}
		text = *text ? text + 1 : NULL;
		if (strv_take(&fields, buf_take(&field)) < 0) {
			strv_free(fields);
			return NULL;
		}
	}
	return fields;
}

enum mount_kind { MOUNT_STR, MOUNT_BOOL, MOUNT_SIZE, MOUNT_OCTAL, MOUNT_PAIR, MOUNT_RECURSIVE };

/* Fields of --mount and their place: group "" is the mount itself. */
static const struct mount_field {
	const char *name, *group, *key;
	enum mount_kind kind;
} mount_fields[] = {
	{"type", "", "Type", MOUNT_STR},
	{"source", "", "Source", MOUNT_STR},
	{"src", "", "Source", MOUNT_STR},
	{"target", "", "Target", MOUNT_STR},
	{"dst", "", "Target", MOUNT_STR},
	{"destination", "", "Target", MOUNT_STR},
	{"readonly", "", "ReadOnly", MOUNT_BOOL},
	{"ro", "", "ReadOnly", MOUNT_BOOL},
	{"consistency", "", "Consistency", MOUNT_STR},
	{"bind-propagation", "BindOptions", "Propagation", MOUNT_STR},
	{"bind-nonrecursive", "BindOptions", "NonRecursive", MOUNT_BOOL},
	{"bind-recursive", "BindOptions", "", MOUNT_RECURSIVE},
	{"bind-create-src", "BindOptions", "CreateMountpoint", MOUNT_BOOL},
	{"volume-nocopy", "VolumeOptions", "NoCopy", MOUNT_BOOL},
	{"volume-subpath", "VolumeOptions", "Subpath", MOUNT_STR},
	{"volume-label", "VolumeOptions", "Labels", MOUNT_PAIR},
	{"volume-driver", "VolumeOptions", "DriverConfig.Name", MOUNT_STR},
	{"volume-opt", "VolumeOptions", "DriverConfig.Options", MOUNT_PAIR},
	{"image-subpath", "ImageOptions", "Subpath", MOUNT_STR},
	{"tmpfs-size", "TmpfsOptions", "SizeBytes", MOUNT_SIZE},
	{"tmpfs-mode", "TmpfsOptions", "Mode", MOUNT_OCTAL},
};

static int set_bool(cJSON *at, const char *key, const char *value)
{
	bool yes = !value || str_eq(value, "true") || str_eq(value, "1");
	if (!yes && !str_eq(value, "false") && !str_eq(value, "0"))
		return -1;
	cJSON_DeleteItemFromObjectCaseSensitive(at, key);
	cJSON_AddBoolToObject(at, key, yes);
	return 0;
}

static int set_number(cJSON *at, const char *key, const char *value, bool octal)
{
	int64_t n;
	char *end = NULL;
	if (str_empty(value))
		return -1;
	if (octal) {
		n = strtol(value, &end, 8);
		if (*end || n < 0 || n > 07777)
			return -1;
	} else if (str_parse_size(value, &n, NULL) < 0) {
		return -1;
	}
	json_add_i64(at, key, n);
	return 0;
}

static int set_pair(cJSON *at, const char *key, const char *value)
{
	cJSON *map = create_object(at, key);
	const char *eq = value ? strchr(value, '=') : NULL;
	_cleanup_free_ char *name =
		value ? strndup(value, eq ? (size_t)(eq - value) : strlen(value)) : NULL;
	if (!name || !map)
		return -1;
	create_set(map, name, eq ? eq + 1 : "");
	return 0;
}

/* bind-recursive=enabled|disabled|writable|readonly: how far a bind and its ro reach. */
static int set_recursive(cJSON *at, const char *value)
{
	static const struct {
		const char *word, *key;
	} words[] = {{"enabled", NULL},
		     {"disabled", "NonRecursive"},
		     {"writable", "ReadOnlyNonRecursive"},
		     {"readonly", "ReadOnlyForceRecursive"}};
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (str_eq(value, words[i].word))
			return words[i].key ? set_bool(at, words[i].key, NULL) : 0;
	return -1;
}

static int set_field(cJSON *mount, const struct mount_field *f, const char *value)
{
	cJSON *at = *f->group ? create_object(mount, f->group) : mount;
	const char *key = f->key;
	if (str_starts(key, "DriverConfig.")) {
		at = create_object(at, "DriverConfig");
		key += strlen("DriverConfig.");
	}
	switch (f->kind) {
	case MOUNT_BOOL: return set_bool(at, key, value);
	case MOUNT_RECURSIVE: return set_recursive(at, value);
	case MOUNT_SIZE:
	case MOUNT_OCTAL: return set_number(at, key, value, f->kind == MOUNT_OCTAL);
	case MOUNT_PAIR: return set_pair(at, key, value);
	case MOUNT_STR:
	default:
		if (!value)
			return -1;
		create_set(at, key, value);
		return 0;
	}
}

static int mount_field(cJSON *mount, char *text, struct crl_err *err)
{
	char *value = strchr(text, '=');
	if (value)
		*value++ = 0;
	for (size_t i = 0; i < ARRAY_SIZE(mount_fields); i++) {
		if (!str_eq(mount_fields[i].name, text))
			continue;
		if (set_field(mount, &mount_fields[i], value) == 0)
			return 0;
		return crl_fail(err, CRL_INVALID, "invalid value for %s: %s", text,
				value ? value : "(none)");
	}
	return crl_fail(err, CRL_INVALID, "unknown option '%s' in --mount", text);
}

static int add_mount(cJSON *list, const char *text, struct crl_err *err)
{
	_cleanup_strv_ char **fields = create_split_csv(text);
	_cleanup_cjson_ cJSON *mount = cJSON_CreateObject();
	create_set(mount, "Type", "volume");
	for (char **f = fields; f && *f; f++)
		if (mount_field(mount, *f, err) < 0)
			return crl_context(err, "invalid argument \"%s\" for \"--mount\" flag",
					   text);
	if (!json_get_str(mount, "Target"))
		return crl_fail(err, CRL_INVALID,
				"invalid argument \"%s\" for \"--mount\" flag: target is required",
				text);
	const char *source = json_get_str(mount, "Source");
	if (source && str_eq(json_get_str(mount, "Type"), "bind") && is_path(source)) {
		_cleanup_free_ char *resolved = host_path(source);
		if (!resolved)
			return crl_fail_oom(err);
		create_set(mount, "Source", resolved);
	}
	cJSON_AddItemToArray(list, take_ptr(mount));
	return 0;
}

int create_mount(struct create *c, const char *option, const char *key, struct crl_err *err)
{
	for (char *const *v = opt_list(c->o, option); v && *v; v++)
		if (add_mount(create_array(c->host, key), *v, err) < 0)
			return -1;
	return 0;
}
