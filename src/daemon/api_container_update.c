/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * POST /containers/{id}/update: new limits for a container, running or not,
 * and its restart policy. Zero means "leave it", as clients send whole structs.
 */
#include "api_containers.h"
#include "oci_config.h"

#include <crun-lite/runtime.h>

static void take_numbers(struct api_resources *to, const struct api_resources *from)
{
	const struct {
		int64_t *to;
		int64_t from;
	} rows[] = {{&to->cpu_shares, from->cpu_shares},
		    {&to->memory, from->memory},
		    {&to->nano_cpus, from->nano_cpus},
		    {&to->blkio_weight, from->blkio_weight},
		    {&to->cpu_period, from->cpu_period},
		    {&to->cpu_quota, from->cpu_quota},
		    {&to->memory_reservation, from->memory_reservation},
		    {&to->memory_swap, from->memory_swap}};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (rows[i].from != 0)
			*rows[i].to = rows[i].from;
	if (from->pids_limit.set && from->pids_limit.v != 0)
		to->pids_limit = from->pids_limit;
}

static int take_text(char **to, const char *from)
{
	if (str_empty(from))
		return 0;
	free(*to);
	*to = strdup(from);
	return *to ? 0 : -1;
}

/* Members that exclude each other: the new one wins over the old one. */
static void drop_conflicts(struct api_resources *to, const struct api_resources *from)
{
	if (from->nano_cpus)
		to->cpu_quota = to->cpu_period = 0;
	else if (from->cpu_quota || from->cpu_period)
		to->nano_cpus = 0;
	if (from->memory > 0 && !from->memory_swap && to->memory_swap > 0 &&
	    to->memory_swap < from->memory)
		to->memory_swap = from->memory * 2;
}

static int merge(struct api_host_config *hc, const struct api_update *u, struct crl_err *err)
{
	drop_conflicts(&hc->res, &u->res);
	take_numbers(&hc->res, &u->res);
	if (take_text(&hc->res.cpuset_cpus, u->res.cpuset_cpus) < 0 ||
	    take_text(&hc->res.cpuset_mems, u->res.cpuset_mems) < 0)
		return crl_fail_oom(err);
	if (u->restart_policy && !str_empty(u->restart_policy->name)) {
		if (container_validate_restart(u->restart_policy, hc->auto_remove, err) < 0)
			return -1;
		if (take_text(&hc->restart_policy.name, u->restart_policy->name) < 0)
			return crl_fail_oom(err);
		hc->restart_policy.maximum_retry_count = u->restart_policy->maximum_retry_count;
	}
	return container_validate_resources(&hc->res, err);
}

static int apply(struct container *c, const struct api_resources *res, char ***warnings,
		 struct crl_err *err)
{
	struct oci_linux_resources r = {0};
	if (!container_is_running(c) || str_empty(c->rec.cgroup))
		return 0;
	int ret = oci_resources_fill(res, &r, err);
	if (ret == 0)
		ret = crl_cgroup_apply(c->rec.cgroup, &r, warnings, err);
	json_free(&oci_resources_json, &r);
	return ret < 0 ? crl_context(err, "Cannot update container %s", c->rec.id) : 0;
}

static int update(struct container *c, const struct api_update *u, char ***warnings,
		  struct crl_err *err)
{
	struct api_host_config next = {0};
	if (json_copy(&api_host_config_json, &c->rec.host_config, &next, err) < 0)
		return -1;
	if (merge(&next, u, err) < 0 || apply(c, &next.res, warnings, err) < 0) {
		json_free(&api_host_config_json, &next);
		return -1;
	}
	json_free(&api_host_config_json, &c->rec.host_config);
	c->rec.host_config = next;
	container_limit_warnings(&u->res, warnings);
	if (container_save(c, err) < 0)
		return -1;
	container_publish(c, "update", NULL);
	return 0;
}

void api_containers_update(struct http_req *r)
{
	struct container *c;
	struct crl_err err = CRL_ERR_INIT;
	struct api_update u = {0};
	_cleanup_strv_ char **warnings = NULL;
	if (!api_container(r, &c))
		return;
	if (http_decode_body(r, &api_update_json, false, &u, &err) < 0) {
		http_reply_error(r, &err);
		return;
	}
	if (update(c, &u, &warnings, &err) < 0) {
		http_reply_error(r, &err);
	} else {
		cJSON *out = cJSON_CreateObject();
		json_add_strv(out, "Warnings", warnings, true);
		http_reply_json(r, 200, out);
	}
	json_free(&api_update_json, &u);
}
