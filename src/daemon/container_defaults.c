/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Owns the step from daemon.json to a container: runtime, /dev/shm, limits, namespaces. What a
 * container is created with stays with it, whatever the configuration says later.
 */
#include "container_defaults.h"

#include "oci_config.h"
#include "runtimes.h"

#include <base/array.h>

static int set_text(char **at, const char *value)
{
	if (!str_empty(*at) || str_empty(value))
		return 0;
	free(*at);
	*at = strdup(value);
	return *at ? 0 : -1;
}

static bool has_ulimit(const struct api_resources *r, const char *name)
{
	for (size_t i = 0; i < r->n_ulimits; i++)
		if (str_eq(r->ulimits[i].name, name))
			return true;
	return false;
}

static int add_ulimits(const struct daemon *d, struct api_resources *r)
{
	const cJSON *item;
	cJSON_ArrayForEach (item, d->config.default_ulimits) {
		int64_t soft = 0, hard = 0;
		if (has_ulimit(r, item->string) || !json_get_i64(item, "Soft", &soft) ||
		    !json_get_i64(item, "Hard", &hard))
			continue;
		struct api_ulimit *u = array_grow(&r->ulimits, &r->n_ulimits, sizeof(*u));
		if (!u || !(u->name = strdup(item->string)))
			return -1;
		u->soft = soft;
		u->hard = hard;
	}
	return 0;
}

int container_daemon_defaults(const struct daemon *d, struct api_host_config *hc,
			      struct crl_err *err)
{
	const struct daemon_config *c = &d->config;
	if (hc->shm_size == 0)
		hc->shm_size = c->default_shm_size;
	if (c->init && !hc->init.set)
		hc->init = (struct opt_bool){true, true};
	if (set_text(&hc->runtime, runtime_default(d)) < 0 ||
	    set_text(&hc->res.cgroup_parent, c->cgroup_parent) < 0 ||
	    set_text(&hc->ipc_mode, c->default_ipc_mode) < 0 ||
	    (!hc->privileged && set_text(&hc->cgroupns_mode, c->default_cgroupns_mode) < 0) ||
	    add_ulimits(d, &hc->res) < 0)
		return crl_fail_oom(err);
	return 0;
}
