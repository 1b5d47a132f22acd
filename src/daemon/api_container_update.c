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

static bool is_given(const struct api_resources *r)
{
	return r->cpu_shares || r->memory || r->nano_cpus || r->blkio_weight || r->cpu_period ||
	       r->cpu_quota || r->memory_reservation || r->memory_swap ||
	       (r->pids_limit.set && r->pids_limit.v) || !str_empty(r->cpuset_cpus) ||
	       !str_empty(r->cpuset_mems);
}

/* What cannot stand beside the limits that are there; Docker's words. */
static int check_conflicts(const struct api_resources *have, const struct api_resources *add,
			   struct crl_err *err)
{
	const struct {
		bool conflict;
		const char *text;
	} rows[] = {
		{add->nano_cpus > 0 && have->cpu_period > 0,
		 "Conflicting options: Nano CPUs cannot be updated as CPU Period has already been "
		 "set"},
		{add->nano_cpus > 0 && have->cpu_quota > 0,
		 "Conflicting options: Nano CPUs cannot be updated as CPU Quota has already been "
		 "set"},
		{add->cpu_period > 0 && have->nano_cpus > 0,
		 "Conflicting options: CPU Period cannot be updated as NanoCPUs has already been "
		 "set"},
		{add->cpu_quota > 0 && have->nano_cpus > 0,
		 "Conflicting options: CPU Quota cannot be updated as NanoCPUs has already been "
		 "set"},
		{have->memory_swap > 0 && add->memory > have->memory_swap && !add->memory_swap,
		 "Memory limit should be smaller than already set memoryswap limit, update the "
		 "memoryswap at the same time"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (rows[i].conflict)
			return crl_fail(err, CRL_CONFLICT, "%s", rows[i].text);
	return 0;
}

static int merge_restart(struct api_host_config *hc, const struct api_restart_policy *p,
			 struct crl_err *err)
{
	if (!p || str_empty(p->name))
		return 0;
	if (container_validate_restart(p, false, err) < 0)
		return -1;
	if (hc->auto_remove && !str_eq(p->name, "no"))
		return crl_fail(err, CRL_CONFLICT,
				"Restart policy cannot be updated because AutoRemove is enabled "
				"for the container");
	if (take_text(&hc->restart_policy.name, p->name) < 0)
		return crl_fail_oom(err);
	hc->restart_policy.maximum_retry_count = p->maximum_retry_count;
	return 0;
}

static int merge(struct api_host_config *hc, const struct api_update *u, struct crl_err *err)
{
	if (check_conflicts(&hc->res, &u->res, err) < 0)
		return -1;
	/* With memory alone the swap is as at create: as much again. */
	bool adds_swap = u->res.memory > 0 && !hc->res.memory_swap && !u->res.memory_swap;
	take_numbers(&hc->res, &u->res);
	if (adds_swap)
		hc->res.memory_swap = hc->res.memory * 2;
	if (take_text(&hc->res.cpuset_cpus, u->res.cpuset_cpus) < 0 ||
	    take_text(&hc->res.cpuset_mems, u->res.cpuset_mems) < 0)
		return crl_fail_oom(err);
	if (merge_restart(hc, u->restart_policy, err) < 0)
		return -1;
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
	return ret;
}

/* A limit that is not there is told in the words of create, and once. */
static void add_warnings(char ***to, char *const *from)
{
	for (; from && *from; from++)
		if (!strstr(*from, "is not applied: controller"))
			(void)strv_push(to, *from);
}

static int update(struct container *c, const struct api_update *u, char ***warnings,
		  struct crl_err *err)
{
	struct api_host_config next = {0};
	_cleanup_strv_ char **applied = NULL;
	if (c->state == FSM_REMOVING || c->state == FSM_DEAD)
		return crl_fail(err, CRL_CONFLICT,
				"container is marked for removal and cannot be \"update\"");
	if (container_validate_resources(&u->res, err) < 0 ||
	    json_copy(&api_host_config_json, &c->rec.host_config, &next, err) < 0)
		return -1;
	if (merge(&next, u, err) < 0 ||
	    (is_given(&u->res) && apply(c, &next.res, &applied, err) < 0)) {
		json_free(&api_host_config_json, &next);
		return crl_context(err, "Cannot update container %s", c->rec.id);
	}
	json_free(&api_host_config_json, &c->rec.host_config);
	c->rec.host_config = next;
	if (is_given(&u->res))
		container_limit_warnings(&u->res, warnings);
	add_warnings(warnings, applied);
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
