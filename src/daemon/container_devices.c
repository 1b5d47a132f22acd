/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Owns the step from DeviceRequests to names of devices. Which devices there are is written in the
 * administrator's files; those are read by crun-lite-cdi, for a container by its monitor, for info
 * in the background.
 */
#include "container_devices.h"

#include "background.h"
#include "oci_config.h"

#include <base/path.h>

#define CDI_PROGRAM "crun-lite-cdi"

char *const *cdi_spec_dirs(const struct daemon *d)
{
	static char *const preset[] = {(char *)"/etc/cdi", (char *)"/var/run/cdi", NULL};
	return d->config.cdi_spec_dirs ? d->config.cdi_spec_dirs : preset;
}

/* --- requests --- */

/* Any of the lists of capabilities will do. */
static bool asks_for(const struct api_device_request *r, const char *capability)
{
	const cJSON *list, *item;
	cJSON_ArrayForEach (list, r->capabilities)
		cJSON_ArrayForEach (item, list)
			if (cJSON_IsString(item) && str_eq(item->valuestring, capability))
				return true;
	return false;
}

/* [[gpu compute]]: as Go prints it. */
static void print_capabilities(struct buf *b, const cJSON *lists)
{
	const cJSON *list, *item;
	buf_putc(b, '[');
	cJSON_ArrayForEach (list, lists) {
		buf_puts(b, list == lists->child ? "[" : " [");
		cJSON_ArrayForEach (item, list)
			buf_printf(b, "%s%s", item == list->child ? "" : " ",
				   cJSON_IsString(item) ? item->valuestring : "");
		buf_putc(b, ']');
	}
	buf_putc(b, ']');
}

static char *no_driver(const struct api_device_request *r)
{
	_cleanup_buf_ struct buf b = BUF_INIT;
	buf_printf(&b, "could not select device driver \"%s\" with capabilities: ",
		   r->driver ? r->driver : "");
	print_capabilities(&b, r->capabilities);
	return buf_take(&b);
}

static int add_cdi(const struct api_device_request *r, struct mon_cdi *cdi, struct crl_err *err)
{
	if (r->count != 0)
		return crl_fail(err, CRL_INVALID, "unexpected count in CDI device request");
	if (r->options.n)
		return crl_fail(err, CRL_INVALID, "unexpected options in CDI device request");
	for (char **id = r->device_ids; id && *id; id++) {
		if (!strchr(*id, '/') || !strchr(*id, '='))
			return crl_fail(err, CRL_INVALID,
					"CDI device injection failed: unresolvable CDI devices %s",
					*id);
		if (strv_push(&cdi->devices, *id) < 0)
			return crl_fail_oom(err);
	}
	return 0;
}

static int add_gpu(const struct api_device_request *r, struct mon_cdi *cdi, struct crl_err *err)
{
	int failed = 0;
	if (r->count != 0 && strv_len(r->device_ids))
		return crl_fail(err, CRL_INVALID,
				"cannot set both Count and DeviceIDs on device request");
	if (!cdi->no_gpu && !(cdi->no_gpu = no_driver(r)))
		return crl_fail_oom(err);
	if (r->count < 0)
		failed = strv_push(&cdi->devices, "gpu=all");
	else if (r->count > 0)
		failed = strv_pushf(&cdi->devices, "gpu=count:%lld", (long long)r->count);
	for (char **id = r->device_ids; !failed && id && *id; id++)
		failed = strv_pushf(&cdi->devices, "gpu=%s", *id);
	return failed ? crl_fail_oom(err) : 0;
}

static int add_request(const struct api_device_request *r, struct mon_cdi *cdi, struct crl_err *err)
{
	if (str_eq(r->driver, "cdi"))
		return add_cdi(r, cdi, err);
	bool known =
		str_empty(r->driver) || str_eq(r->driver, "nvidia") || str_eq(r->driver, "amd");
	if (known && asks_for(r, "gpu"))
		return add_gpu(r, cdi, err);
	_cleanup_free_ char *text = no_driver(r);
	return text ? crl_fail(err, CRL_INTERNAL, "%s", text) : crl_fail_oom(err);
}

void container_cdi_free(struct mon_cdi *cdi)
{
	if (!cdi)
		return;
	free(cdi->program);
	free(cdi->no_gpu);
	strv_free(cdi->dirs);
	strv_free(cdi->devices);
	free(cdi);
}

static int fill(const struct container *c, struct mon_cdi *cdi, struct crl_err *err)
{
	const struct api_resources *res = &c->rec.host_config.res;
	for (size_t i = 0; i < res->n_device_requests; i++)
		if (add_request(&res->device_requests[i], cdi, err) < 0)
			return -1;
	if (!(cdi->dirs = strv_copy(cdi_spec_dirs(c->d))))
		return crl_fail_oom(err);
	return daemon_program(c->d, CDI_PROGRAM, &cdi->program, err);
}

int container_cdi(const struct container *c, struct mon_cdi **ret, struct crl_err *err)
{
	*ret = NULL;
	if (!c->rec.host_config.res.n_device_requests)
		return 0;
	struct mon_cdi *cdi = calloc(1, sizeof(*cdi));
	if (!cdi)
		return crl_fail_oom(err);
	if (fill(c, cdi, err) < 0) {
		container_cdi_free(cdi);
		return -1;
	}
	*ret = cdi;
	return 0;
}

/* --- info --- */

static struct {
	struct background *running;
	cJSON *devices, *warnings;
} discovered; /* of the one daemon of this process */

static void on_list(const char *text, size_t len, void *data)
{
	_cleanup_cjson_ cJSON *tree = NULL;
	struct crl_err ignored;
	const cJSON *item;
	if (!text || json_parse(text, len, JSON_MAX_SIZE, &tree, &ignored) < 0)
		return;
	cJSON_Delete(discovered.devices);
	discovered.devices = cJSON_CreateArray();
	cJSON_ArrayForEach (item, cJSON_GetObjectItemCaseSensitive(tree, "devices")) {
		cJSON *o = cJSON_CreateObject();
		json_add_str(o, "Source", "cdi");
		json_add_str(o, "ID", cJSON_IsString(item) ? item->valuestring : "");
		cJSON_AddItemToArray(discovered.devices, o);
	}
	cJSON_Delete(discovered.warnings);
	discovered.warnings = cJSON_DetachItemFromObjectCaseSensitive(tree, "warnings");
}

static bool any_folder(char *const *dirs)
{
	for (; *dirs; dirs++)
		if (access(*dirs, F_OK) == 0)
			return true;
	return false;
}

/* Asked anew with each info, answered with the next: the files rarely change. */
static void refresh(struct daemon *d)
{
	_cleanup_free_ char *program = NULL;
	_cleanup_strv_ char **argv = NULL;
	struct crl_err ignored;
	if (!any_folder(cdi_spec_dirs(d))) {
		cJSON_Delete(take_ptr(discovered.devices));
		return;
	}
	background_free(take_ptr(discovered.running));
	if (daemon_program(d, CDI_PROGRAM, &program, &ignored) < 0 ||
	    strv_push(&argv, program) < 0 || strv_push(&argv, "list") < 0)
		return;
	for (char *const *dir = cdi_spec_dirs(d); *dir; dir++)
		if (strv_push(&argv, *dir) < 0)
			return;
	(void)background_run(d, argv, on_list, d, &discovered.running, &ignored);
}

void cdi_info(struct daemon *d, cJSON *info)
{
	const cJSON *item;
	json_add_strv(info, "CDISpecDirs", cdi_spec_dirs(d), false);
	refresh(d);
	if (cJSON_GetArraySize(discovered.devices) > 0)
		cJSON_AddItemToObject(info, "DiscoveredDevices",
				      cJSON_Duplicate(discovered.devices, true));
	cJSON *warnings = cJSON_GetObjectItemCaseSensitive(info, "Warnings");
	cJSON_ArrayForEach (item, discovered.warnings)
		if (cJSON_IsArray(warnings))
			cJSON_AddItemToArray(warnings, cJSON_Duplicate(item, true));
}
