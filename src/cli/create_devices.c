/* SPDX-License-Identifier: GPL-2.0-or-later */
/* --device, --gpus and --use-api-socket of `run` and `create`. */
#include <cli/create.h>

#include <cli/session.h>

#define API_SOCKET "/var/run/docker.sock"

/* --- --device --- */

static bool device_mode(const char *s)
{
	return *s && strspn(s, "rwm") == strlen(s);
}

/* vendor.com/class=name: described by a file of the Container Device Interface. */
static bool is_cdi(const char *s)
{
	const char *slash = strchr(s, '/'), *eq = slash ? strchr(slash, '=') : NULL;
	return slash && slash > s && *s != '/' && eq && eq > slash + 1 && eq[1];
}

static void add_request(struct create *c, cJSON *request)
{
	cJSON_AddItemToArray(create_array(c->host, "DeviceRequests"), request);
}

/* All of them are one request, as docker sends them. */
static int add_cdi(struct create *c, const char *name)
{
	cJSON *request, *list = create_array(c->host, "DeviceRequests");
	cJSON_ArrayForEach (request, list)
		if (str_eq(json_get_str(request, "Driver"), "cdi"))
			break;
	if (!request) {
		request = cJSON_CreateObject();
		json_add_str(request, "Driver", "cdi");
		cJSON_AddArrayToObject(request, "DeviceIDs");
		cJSON_AddItemToArray(list, request);
	}
	cJSON *ids = cJSON_GetObjectItemCaseSensitive(request, "DeviceIDs");
	return cJSON_AddItemToArray(ids, cJSON_CreateString(name)) ? 0 : -1;
}

/* host[:container[:rwm]] or host:rwm */
static int add_device(struct create *c, const char *text, const char *key, struct crl_err *err)
{
	_cleanup_strv_ char **part = strv_split(text, ":", true);
	size_t n = strv_len(part);
	if (!part)
		return crl_fail_oom(err);
	bool mode_second = n == 2 && device_mode(part[1]);
	if (n > 3 || !*part[0] || (n == 3 && !device_mode(part[2])))
		return crl_fail(err, CRL_INVALID, "invalid device specification: %s", text);
	cJSON *item = cJSON_CreateObject();
	json_add_str(item, "PathOnHost", part[0]);
	json_add_str(item, "PathInContainer", n > 1 && !mode_second ? part[1] : part[0]);
	json_add_str(item, "CgroupPermissions", n == 3 ? part[2] : mode_second ? part[1] : "rwm");
	cJSON_AddItemToArray(create_array(c->host, key), item);
	return 0;
}

int create_device(struct create *c, const char *option, const char *key, struct crl_err *err)
{
	for (char *const *v = opt_list(c->o, option); v && *v; v++) {
		if (is_cdi(*v) ? add_cdi(c, *v) < 0 : add_device(c, *v, key, err) < 0)
			return is_cdi(*v) ? crl_fail_oom(err) : -1;
	}
	return 0;
}

/* --- --gpus --- */

static int set_count(cJSON *request, const char *text)
{
	int64_t n = -1;
	if (!str_eq(text, "all") && !str_to_i64(text, &n))
		return -1;
	json_add_i64(request, "Count", n);
	return 0;
}

static int set_list(cJSON *request, const char *key, const char *text, const char *last)
{
	_cleanup_strv_ char **items = strv_split(text, ",", false);
	if (!items || (last && strv_push(&items, last) < 0))
		return -1;
	if (!last) {
		json_add_strv(request, key, items, false);
		return 0;
	}
	cJSON *outer = cJSON_AddArrayToObject(request, key);
	cJSON *inner = cJSON_CreateArray();
	for (char **i = items; *i; i++)
		cJSON_AddItemToArray(inner, cJSON_CreateString(*i));
	return cJSON_AddItemToArray(outer, inner) ? 0 : -1;
}

static int set_options(cJSON *request, const char *text)
{
	_cleanup_strv_ char **items = strv_split(text, ",", false);
	cJSON *map = create_object(request, "Options");
	for (char **i = items; i && *i; i++) {
		char *eq = strchr(*i, '=');
		if (eq)
			*eq++ = '\0';
		create_set(map, *i, eq ? eq : "");
	}
	return items ? 0 : -1;
}

static int gpu_field(cJSON *request, char *field)
{
	char *value = strchr(field, '=');
	if (!value)
		return set_count(request, field);
	*value++ = '\0';
	if (str_eq(field, "count"))
		return set_count(request, value);
	if (str_eq(field, "device"))
		return set_list(request, "DeviceIDs", value, NULL);
	if (str_eq(field, "capabilities"))
		return set_list(request, "Capabilities", value, "gpu");
	if (str_eq(field, "options"))
		return set_options(request, value);
	if (!str_eq(field, "driver"))
		return -1;
	create_set(request, "Driver", value);
	return 0;
}

int create_gpus(struct create *c, const char *option, const char *key, struct crl_err *err)
{
	const char *text = opt_str(c->o, option);
	_cleanup_strv_ char **fields = create_split_csv(text);
	_cleanup_cjson_ cJSON *request = cJSON_CreateObject();
	for (char **f = fields; f && *f; f++)
		if (gpu_field(request, *f) < 0)
			return crl_fail(err, CRL_INVALID,
					"invalid argument \"%s\" for \"--gpus\" flag", text);
	if (!cJSON_HasObjectItem(request, "Count") && !cJSON_HasObjectItem(request, "DeviceIDs"))
		json_add_i64(request, "Count", 1);
	if (!cJSON_HasObjectItem(request, "Capabilities"))
		(void)set_list(request, "Capabilities", "", "gpu");
	(void)create_object(request, "Options");
	add_request(c, take_ptr(request));
	return 0;
}

/* --- --use-api-socket --- */

int create_api_socket(const char *host, const struct opts *o, cJSON *body, struct crl_err *err)
{
	if (!opt_bool(o, "use-api-socket"))
		return 0;
	if (!str_starts(host, "unix://"))
		return crl_fail(err, CRL_INVALID,
				"flag --use-api-socket can only be used with a unix socket, not %s",
				host);
	cJSON *mount = cJSON_CreateObject();
	json_add_str(mount, "Type", "bind");
	json_add_str(mount, "Source", host + strlen("unix://"));
	json_add_str(mount, "Target", API_SOCKET);
	cJSON *list = create_array(create_object(body, "HostConfig"), "Mounts");
	return cJSON_AddItemToArray(list, mount) ? 0 : crl_fail_oom(err);
}
