/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Checks one CDI file: what is wrong in it is said before a container is touched. See cdi.h. */
#include "cdi.h"

#include <base/str.h>
#include <ctype.h>

static const cJSON *member(const cJSON *o, const char *key)
{
	return cJSON_GetObjectItemCaseSensitive(o, key);
}

/* --- names --- */

static bool is_name(const char *s, size_t len, const char *inside)
{
	if (!len || !isalpha((unsigned char)s[0]) || !isalnum((unsigned char)s[len - 1]))
		return false;
	for (size_t i = 0; i < len; i++)
		if (!isalnum((unsigned char)s[i]) && !strchr(inside, s[i]))
			return false;
	return true;
}

static bool is_kind(const char *s)
{
	const char *slash = strchr(s, '/');
	return slash && is_name(s, (size_t)(slash - s), "_-.") &&
	       is_name(slash + 1, strlen(slash + 1), "_-");
}

/* Names of devices may begin with a digit, and hold a colon. */
static bool is_device_name(const char *s)
{
	size_t len = strlen(s);
	if (!len || !isalnum((unsigned char)s[0]) || !isalnum((unsigned char)s[len - 1]))
		return false;
	for (size_t i = 0; i < len; i++)
		if (!isalnum((unsigned char)s[i]) && !strchr("_-.:", s[i]))
			return false;
	return true;
}

/* --- edits --- */

static bool is_path(const cJSON *item)
{
	return cJSON_IsString(item) && item->valuestring[0] == '/';
}

static bool are_strings(const cJSON *list)
{
	const cJSON *item;
	if (list && !cJSON_IsArray(list))
		return false;
	cJSON_ArrayForEach (item, list)
		if (!cJSON_IsString(item))
			return false;
	return true;
}

static bool is_number_or_absent(const cJSON *n, double max)
{
	return !n || (cJSON_IsNumber(n) && n->valuedouble >= 0 && n->valuedouble <= max);
}

static int check_env(const cJSON *e, struct crl_err *err)
{
	const cJSON *item;
	if (!are_strings(e))
		return crl_fail(err, CRL_INVALID, "env: expected a list of texts");
	cJSON_ArrayForEach (item, e)
		if (!strchr(item->valuestring, '=') || item->valuestring[0] == '=')
			return crl_fail(err, CRL_INVALID, "env: invalid: \"%s\"",
					item->valuestring);
	return 0;
}

static int check_node(const cJSON *n, struct crl_err *err)
{
	const char *type = json_get_str(n, "type"), *access = json_get_str(n, "permissions");
	const cJSON *host = member(n, "hostPath");
	if (!cJSON_IsObject(n) || !is_path(member(n, "path")) || (host && !is_path(host)))
		return crl_fail(err, CRL_INVALID, "deviceNodes: expected an absolute path");
	if (type && *type && (!strchr("bcup", *type) || type[1]))
		return crl_fail(err, CRL_INVALID, "deviceNodes: invalid type \"%s\"", type);
	if (access && strspn(access, "rwm") != strlen(access))
		return crl_fail(err, CRL_INVALID, "deviceNodes: invalid permissions \"%s\"",
				access);
	static const char *const numbers[] = {"major", "minor", "fileMode", "uid", "gid"};
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
		if (!is_number_or_absent(member(n, numbers[i]), UINT32_MAX))
			return crl_fail(err, CRL_INVALID, "deviceNodes: invalid %s", numbers[i]);
	return 0;
}

static int check_mount(const cJSON *m, struct crl_err *err)
{
	if (!cJSON_IsObject(m) || !is_path(member(m, "hostPath")) ||
	    !is_path(member(m, "containerPath")))
		return crl_fail(err, CRL_INVALID,
				"mounts: hostPath and containerPath are absolute paths");
	return are_strings(member(m, "options"))
		       ? 0
		       : crl_fail(err, CRL_INVALID, "mounts: options: expected a list of texts");
}

static int check_hook(const cJSON *h, struct crl_err *err)
{
	static const char *const names[] = {"prestart",       "createRuntime", "createContainer",
					    "startContainer", "poststart",     "poststop"};
	const char *name = json_get_str(h, "hookName");
	bool known = false;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		known |= str_eq(name, names[i]);
	if (!known)
		return crl_fail(err, CRL_INVALID, "hooks: invalid hookName \"%s\"",
				name ? name : "");
	if (!is_path(member(h, "path")) || !are_strings(member(h, "args")) ||
	    !is_number_or_absent(member(h, "timeout"), 1e9))
		return crl_fail(err, CRL_INVALID, "hooks: %s: invalid path, args or timeout", name);
	return check_env(member(h, "env"), err);
}

static int check_each(const cJSON *edits, const char *key,
		      int (*check)(const cJSON *, struct crl_err *), struct crl_err *err)
{
	const cJSON *list = member(edits, key), *item;
	if (list && !cJSON_IsArray(list))
		return crl_fail(err, CRL_INVALID, "%s: expected a list", key);
	cJSON_ArrayForEach (item, list)
		if (check(item, err) < 0)
			return -1;
	return 0;
}

static int check_gid(const cJSON *n, struct crl_err *err)
{
	return n && is_number_or_absent(n, INT32_MAX)
		       ? 0
		       : crl_fail(err, CRL_INVALID, "additionalGids: expected numbers");
}

static int check_edits(const cJSON *e, struct crl_err *err)
{
	if (!e || cJSON_IsNull(e))
		return 0;
	if (!cJSON_IsObject(e))
		return crl_fail(err, CRL_INVALID, "containerEdits: expected an object");
	if (member(e, "intelRdt"))
		return crl_fail(err, CRL_UNSUPPORTED, "containerEdits: intelRdt is not offered");
	if (check_env(member(e, "env"), err) < 0 ||
	    check_each(e, "deviceNodes", check_node, err) < 0 ||
	    check_each(e, "mounts", check_mount, err) < 0 ||
	    check_each(e, "hooks", check_hook, err) < 0)
		return -1;
	return check_each(e, "additionalGids", check_gid, err);
}

/* --- the file --- */

static int check_devices(const cJSON *devices, struct crl_err *err)
{
	const cJSON *d, *other;
	if (!cJSON_IsArray(devices) || !devices->child)
		return crl_fail(err, CRL_INVALID, "no devices");
	cJSON_ArrayForEach (d, devices) {
		const char *name = json_get_str(d, "name");
		if (!name || !is_device_name(name))
			return crl_fail(err, CRL_INVALID, "invalid name of a device: \"%s\"",
					name ? name : "");
		for (other = devices->child; other != d; other = other->next)
			if (str_eq(json_get_str(other, "name"), name))
				return crl_fail(err, CRL_INVALID, "device \"%s\" twice", name);
		if (check_edits(member(d, "containerEdits"), err) < 0)
			return crl_context(err, "device \"%s\"", name);
	}
	return 0;
}

static int check_spec(const cJSON *spec, struct crl_err *err)
{
	const char *version = json_get_str(spec, "cdiVersion"), *kind = json_get_str(spec, "kind");
	if (!version || (!str_starts(version, "0.") && !str_starts(version, "1.")))
		return crl_fail(err, CRL_INVALID, "cdiVersion \"%s\" is not known",
				version ? version : "");
	if (!kind || !is_kind(kind))
		return crl_fail(err, CRL_INVALID, "invalid kind \"%s\"", kind ? kind : "");
	if (check_edits(member(spec, "containerEdits"), err) < 0)
		return -1;
	return check_devices(member(spec, "devices"), err);
}

int cdi_spec_parse(const char *text, size_t len, bool yaml, cJSON **ret, struct crl_err *err)
{
	_cleanup_cjson_ cJSON *tree = NULL;
	if ((yaml ? cdi_yaml_parse(text, len, &tree, err)
		  : json_parse(text, len, CDI_FILE_MAX, &tree, err)) < 0 ||
	    check_spec(tree, err) < 0)
		return -1;
	*ret = take_ptr(tree);
	return 0;
}
