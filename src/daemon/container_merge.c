/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns the rules by which an image's config and the engine's defaults complete a request. */
#include "container_merge.h"

#include <base/str.h>
#include <crun-lite/runtime.h>

#define SHM_DEFAULT (64 * 1024 * 1024)

static int set_default(char **at, const char *value)
{
	if (!str_empty(*at))
		return 0;
	free(*at);
	*at = strdup(value ? value : "");
	return *at ? 0 : -1;
}

static int unite(char ***to, char *const *from)
{
	for (; from && *from; from++)
		if (!strv_contains(*to, *from) && strv_push(to, *from) < 0)
			return -1;
	return 0;
}

/* The image's variables first, then the request's; "NAME" alone in the request removes one. */
static int merge_env(char ***env, char *const *image)
{
	_cleanup_strv_ char **out = strv_copy(image);
	for (char **e = *env; e && *e; e++)
		if (strchr(*e, '=') ? strv_env_set(&out, *e) < 0 : false)
			return -1;
	_cleanup_strv_ char **kept = NULL;
	for (char **o = out; o && *o; o++) {
		_cleanup_free_ char *name = strndup(*o, strcspn(*o, "="));
		if (!name || (!strv_contains(*env, name) && strv_push(&kept, *o) < 0))
			return -1;
	}
	strv_free(*env);
	*env = kept ? take_ptr(kept) : calloc(1, sizeof(char *));
	return *env ? 0 : -1;
}

/* Docker: the image's Cmd belongs to the image's Entrypoint; a new Entrypoint drops both. */
static int merge_command(struct api_config *c, const struct crl_image_config *image)
{
	if (strv_len(c->entrypoint) == 0) {
		if (!strv_len(c->cmd)) {
			strv_free(c->cmd);
			c->cmd = strv_copy(image->cmd);
		}
		if (!c->entrypoint)
			c->entrypoint = strv_copy(image->entrypoint);
	}
	/* --entrypoint "" asks for none at all. */
	if (strv_len(c->entrypoint) == 1 && !*c->entrypoint[0]) {
		strv_free(c->entrypoint);
		c->entrypoint = NULL;
	}
	return 0;
}

static int merge_labels(struct strmap *to, const struct strmap *image)
{
	for (size_t i = 0; i < image->n; i++)
		if (!strmap_get(to, image->items[i].key) &&
		    strmap_set(to, image->items[i].key, image->items[i].value) < 0)
			return -1;
	return 0;
}

/* Member by member: --health-interval alone changes how often the image's own check runs. */
static int merge_health(struct api_config *c, const struct crl_healthcheck *image)
{
	if (!image)
		return 0;
	if (!c->healthcheck && !(c->healthcheck = calloc(1, sizeof(*c->healthcheck))))
		return -1;
	struct api_health_config *h = c->healthcheck;
	if (!strv_len(h->test)) {
		strv_free(h->test);
		h->test = strv_copy(image->test);
	}
	const struct {
		int64_t *to, from;
	} rows[] = {{&h->interval, image->interval},
		    {&h->timeout, image->timeout},
		    {&h->retries, image->retries},
		    {&h->start_period, image->start_period},
		    {&h->start_interval, image->start_interval}};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (*rows[i].to == 0)
			*rows[i].to = rows[i].from;
	return h->test || !image->test ? 0 : -1;
}

int container_merge_image(struct api_config *c, const struct crl_image_config *image,
			  struct crl_err *err)
{
	if (set_default(&c->user, image->user) < 0 ||
	    set_default(&c->working_dir, image->working_dir) < 0 ||
	    set_default(&c->stop_signal, image->stop_signal) < 0 ||
	    merge_env(&c->env, image->env) < 0 ||
	    unite(&c->exposed_ports, image->exposed_ports) < 0 || merge_command(c, image) < 0 ||
	    merge_labels(&c->labels, &image->labels) < 0 || merge_health(c, image->healthcheck) < 0)
		return crl_fail_oom(err);
	if (!c->shell && image->shell && !(c->shell = strv_copy(image->shell)))
		return crl_fail_oom(err);
	if (!c->on_build && image->on_build && !(c->on_build = strv_copy(image->on_build)))
		return crl_fail_oom(err);
	return 0;
}

static int default_paths(struct api_host_config *hc)
{
	if (hc->privileged)
		return 0;
	if (!hc->masked_paths)
		hc->masked_paths = crl_masked_paths(CRL_CPU_DIR);
	if (!hc->readonly_paths)
		hc->readonly_paths = strv_copy((char *const *)crl_default_readonly_paths);
	return hc->masked_paths && hc->readonly_paths ? 0 : -1;
}

static int default_trees(struct api_host_config *hc)
{
	if (!hc->port_bindings)
		hc->port_bindings = cJSON_CreateObject();
	if (!hc->console_size) {
		const int zero[2] = {0, 0};
		hc->console_size = cJSON_CreateIntArray(zero, 2);
	}
	return hc->port_bindings && hc->console_size ? 0 : -1;
}

int container_default_host_config(struct api_host_config *hc, struct crl_err *err)
{
	struct api_resources *r = &hc->res;
	if (str_empty(hc->network_mode) || str_eq(hc->network_mode, "default")) {
		free(hc->network_mode);
		hc->network_mode = strdup("bridge");
	}
	if (hc->shm_size == 0)
		hc->shm_size = SHM_DEFAULT;
	/* -1 is the command line's "not given". */
	if (r->memory_swappiness.set && r->memory_swappiness.v == -1)
		r->memory_swappiness.set = false;
	if (r->memory > 0 && r->memory_swap == 0)
		r->memory_swap = r->memory * 2;
	if (!hc->network_mode || set_default(&hc->log_config.type, "json-file") < 0 ||
	    set_default(&hc->restart_policy.name, "no") < 0 ||
	    set_default(&hc->ipc_mode, "private") < 0 ||
	    set_default(&hc->cgroupns_mode, "private") < 0 ||
	    set_default(&hc->runtime, "crun-lite") < 0 || default_paths(hc) < 0 ||
	    default_trees(hc) < 0)
		return crl_fail_oom(err);
	return 0;
}
