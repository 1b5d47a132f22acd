/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * All CDI files together: which device is where, and the edits of those that a
 * container asks for, merged. Folders given later win; two files of one folder
 * that name the same device make it unresolvable. See cdi.h.
 */
#include "cdi.h"

#include <base/path.h>
#include <base/str.h>
#include <errno.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

static const cJSON *member(const cJSON *o, const char *key)
{
	return cJSON_GetObjectItemCaseSensitive(o, key);
}

/* --- reading --- */

int cdi_registry_add(struct cdi_registry *r, cJSON *spec, int priority, struct crl_err *err)
{
	if (!r->specs && !(r->specs = cJSON_CreateArray())) {
		cJSON_Delete(spec);
		return crl_fail_oom(err);
	}
	cJSON_AddItemToArray(r->specs, spec);
	cJSON_AddNumberToObject(spec, "priority", priority);
	return 0;
}

void cdi_registry_free(struct cdi_registry *r)
{
	cJSON_Delete(r->specs);
	strv_free(r->warnings);
	*r = (struct cdi_registry){0};
}

static int add_file(struct cdi_registry *r, const char *dir, const char *name, int priority,
		    struct crl_err *err)
{
	_cleanup_free_ char *path = path_printf("%s/%s", dir, name), *text = NULL;
	struct crl_err why = CRL_ERR_INIT;
	cJSON *spec = NULL;
	size_t len;
	if (!path)
		return crl_fail_oom(err);
	if (path_read_file(AT_FDCWD, path, CDI_FILE_MAX, &text, &len, &why) < 0 ||
	    cdi_spec_parse(text, len, !str_ends(name, ".json"), &spec, &why) < 0)
		/* One bad file must not hide the devices of all others. */
		return strv_pushf(&r->warnings, "%s: %s", path, why.msg) < 0 ? crl_fail_oom(err)
									     : 0;
	return cdi_registry_add(r, spec, priority, err);
}

static int is_spec(const struct dirent *e)
{
	return str_ends(e->d_name, ".json") || str_ends(e->d_name, ".yaml") ||
	       str_ends(e->d_name, ".yml");
}

static int load_dir(struct cdi_registry *r, const char *dir, int priority, struct crl_err *err)
{
	struct dirent **names = NULL;
	int n = scandir(dir, &names, is_spec, alphasort), result = 0;
	if (n < 0 && errno != ENOENT)
		return strv_pushf(&r->warnings, "%s: %s", dir, strerror(errno)) < 0
			       ? crl_fail_oom(err)
			       : 0;
	for (int i = 0; i < n; i++) {
		if (result == 0)
			result = add_file(r, dir, names[i]->d_name, priority, err);
		free(names[i]);
	}
	free(names);
	return result;
}

int cdi_registry_load(char *const *dirs, struct cdi_registry *ret, struct crl_err *err)
{
	struct cdi_registry r = {0};
	for (int i = 0; dirs && dirs[i]; i++) {
		if (load_dir(&r, dirs[i], i, err) == 0)
			continue;
		cdi_registry_free(&r);
		return -1;
	}
	*ret = r;
	return 0;
}

/* --- looking up --- */

char **cdi_list(const struct cdi_registry *r)
{
	char **all = NULL;
	const cJSON *spec, *d;
	cJSON_ArrayForEach (spec, r->specs) {
		cJSON_ArrayForEach (d, member(spec, "devices")) {
			_cleanup_free_ char *name = path_printf("%s=%s", json_get_str(spec, "kind"),
								json_get_str(d, "name"));
			if (name && !strv_contains(all, name) && strv_push(&all, name) < 0)
				break;
		}
	}
	return all;
}

char *cdi_gpu_kind(const struct cdi_registry *r)
{
	static const char *const kinds[] = {"nvidia.com/gpu", "amd.com/gpu"};
	const cJSON *spec;
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		cJSON_ArrayForEach (spec, r->specs)
			if (str_eq(json_get_str(spec, "kind"), kinds[i]))
				return strdup(kinds[i]);
	return NULL;
}

static const cJSON *device_of(const cJSON *spec, const char *kind, size_t kind_len,
			      const char *name)
{
	const char *k = json_get_str(spec, "kind");
	const cJSON *d;
	if (strlen(k) != kind_len || strncmp(k, kind, kind_len) != 0)
		return NULL;
	cJSON_ArrayForEach (d, member(spec, "devices"))
		if (str_eq(json_get_str(d, "name"), name))
			return d;
	return NULL;
}

/* The one of the highest priority; NULL also when two of the same are at odds. */
static const cJSON *find(const struct cdi_registry *r, const char *qualified,
			 const cJSON **ret_spec)
{
	const char *eq = strchr(qualified, '=');
	const cJSON *spec, *best = NULL;
	double priority = -1;
	bool conflict = false;
	if (!eq)
		return NULL;
	cJSON_ArrayForEach (spec, r->specs) {
		const cJSON *d = device_of(spec, qualified, (size_t)(eq - qualified), eq + 1);
		double p = cJSON_GetNumberValue(member(spec, "priority"));
		if (!d || p < priority)
			continue;
		conflict = p <= priority;
		priority = p;
		best = d;
		*ret_spec = spec;
	}
	return conflict ? NULL : best;
}

/* --- merging --- */

static int complete_node(cJSON *n, struct crl_err *err)
{
	const char *host = json_get_str(n, "hostPath"), *type = json_get_str(n, "type");
	struct stat st;
	if (!host)
		host = json_get_str(n, "path");
	if (!str_empty(type) && member(n, "major"))
		return 0;
	if (str_eq(type, "p"))
		return 0;
	if (stat(host, &st) < 0)
		return crl_fail_sys(err, errno, "failed to stat CDI host device \"%s\"", host);
	if (!S_ISCHR(st.st_mode) && !S_ISBLK(st.st_mode))
		return crl_fail(err, CRL_INVALID, "CDI host device \"%s\" is no device", host);
	cJSON_DeleteItemFromObjectCaseSensitive(n, "type");
	cJSON_DeleteItemFromObjectCaseSensitive(n, "major");
	cJSON_DeleteItemFromObjectCaseSensitive(n, "minor");
	json_add_str(n, "type", S_ISCHR(st.st_mode) ? "c" : "b");
	json_add_i64(n, "major", major(st.st_rdev));
	json_add_i64(n, "minor", minor(st.st_rdev));
	if (!member(n, "fileMode"))
		json_add_i64(n, "fileMode", st.st_mode & 0777);
	return 0;
}

static int merge(cJSON *to, const cJSON *edits, struct crl_err *err)
{
	static const char *const keys[] = {"env", "deviceNodes", "mounts", "hooks",
					   "additionalGids"};
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		const cJSON *item;
		cJSON *list = cJSON_GetObjectItemCaseSensitive(to, keys[i]);
		if (!list)
			list = cJSON_AddArrayToObject(to, keys[i]);
		cJSON_ArrayForEach (item, member(edits, keys[i])) {
			cJSON *copy = cJSON_Duplicate(item, true);
			if (!list || !cJSON_AddItemToArray(list, copy))
				return crl_fail_oom(err);
			if (str_eq(keys[i], "deviceNodes") && complete_node(copy, err) < 0)
				return -1;
		}
	}
	return 0;
}

static int check_all(const struct cdi_registry *r, char *const *devices, struct crl_err *err)
{
	_cleanup_strv_ char **missing = NULL;
	const cJSON *spec;
	for (char *const *d = devices; *d; d++)
		if (!find(r, *d, &spec) && strv_push(&missing, *d) < 0)
			return crl_fail_oom(err);
	if (!missing)
		return 0;
	_cleanup_free_ char *list = strv_join(missing, ", ");
	return crl_fail(err, CRL_NOT_FOUND, "unresolvable CDI devices %s", list ? list : "");
}

int cdi_inject(const struct cdi_registry *r, char *const *devices, cJSON **ret, struct crl_err *err)
{
	_cleanup_cjson_ cJSON *out = cJSON_CreateObject();
	if (check_all(r, devices, err) < 0)
		return -1;
	for (char *const *d = devices; *d; d++) {
		const cJSON *spec = NULL, *device = find(r, *d, &spec), *earlier = NULL;
		/* What a file wants for all its devices is done once. */
		for (char *const *e = devices; e != d && earlier != spec; e++)
			(void)find(r, *e, &earlier);
		if ((earlier != spec && merge(out, member(spec, "containerEdits"), err) < 0) ||
		    merge(out, member(device, "containerEdits"), err) < 0)
			return -1;
	}
	*ret = take_ptr(out);
	return 0;
}
