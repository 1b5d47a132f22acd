/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Owns what this platform and kernel cannot give a container, member by member of HostConfig:
 * refused in Docker's words where doing without would be wrong, a warning that names it where
 * Docker warns. tests/unit/daemon/test_create_fields.c lists every member and what becomes of it.
 * Pure.
 */
#include "container.h"
#include "container_quota.h"
#include "oci_config.h"

#include <crun-lite/runtime.h>

/* --- refused --- */

static int check_scheduler(const struct api_resources *r, struct crl_err *err)
{
	/* Group scheduling of real-time processes went away with cgroup v1. */
	if (r->cpu_rt_period != 0 || r->cpu_rt_runtime != 0)
		return crl_fail(err, CRL_INVALID,
				"kernel does not support CPU real-time scheduler");
	if (r->io_max_iops != 0 || r->io_max_bandwidth != 0)
		return crl_fail(err, CRL_INVALID,
				"Invalid QoS settings: linux does not support Maximum IO Bandwidth "
				"or Maximum IO IOps");
	return 0;
}

/* A parameter of the kernel belongs to a namespace; with the host's it would be the host's. */
static int check_sysctls(const struct api_host_config *hc, struct crl_err *err)
{
	bool host_net = str_eq(hc->network_mode, "host"), host_ipc = str_eq(hc->ipc_mode, "host"),
	     host_uts = str_eq(hc->uts_mode, "host");
	for (size_t i = 0; i < hc->sysctls.n; i++) {
		const char *key = hc->sysctls.items[i].key;
		bool net = str_starts(key, "net.") || str_starts(key, "net/");
		bool uts = str_eq(key, "kernel.domainname") || str_eq(key, "kernel.hostname");
		bool ipc = !uts && (str_starts(key, "kernel.") || str_starts(key, "fs.mqueue."));
		if (net && host_net)
			return crl_fail(err, CRL_INVALID,
					"sysctl \"%s\" not allowed in host network namespace", key);
		if (ipc && host_ipc)
			return crl_fail(err, CRL_INVALID,
					"sysctl \"%s\" not allowed in host ipc namespace", key);
		if (uts && host_uts)
			return crl_fail(err, CRL_INVALID,
					"sysctl \"%s\" not allowed in host uts namespace", key);
	}
	return 0;
}

static int check_annotations(const struct api_host_config *hc, struct crl_err *err)
{
	for (size_t i = 0; i < hc->annotations.n; i++)
		if (!*hc->annotations.items[i].key)
			return crl_fail(err, CRL_INVALID,
					"invalid Annotations: the empty string is not permitted as "
					"an annotation key");
	return 0;
}

static int check_weights(const struct api_resources *r, struct crl_err *err)
{
	for (size_t i = 0; i < r->n_blkio_weight_device; i++) {
		int64_t w = r->blkio_weight_device[i].weight;
		if (w != 0 && (w < 10 || w > 1000))
			return crl_fail(err, CRL_INVALID,
					"Range of blkio weight is from 10 to 1000");
	}
	return 0;
}

static int check_devices(const struct api_resources *r, struct crl_err *err)
{
	for (size_t i = 0; i < r->n_devices; i++) {
		const char *access = r->devices[i].cgroup_permissions;
		if (access && strspn(access, "rwm") != strlen(access))
			return crl_fail(err, CRL_INVALID, "invalid device mode: %s", access);
	}
	for (char **rule = r->device_cgroup_rules; rule && *rule; rule++)
		if (oci_device_rule_check(*rule, err) < 0)
			return -1;
	return 0;
}

int container_validate_platform(const struct api_host_config *hc, struct crl_err *err)
{
	int64_t size;
	if (container_quota_parse(&hc->storage_opt, &size, err) < 0)
		return -1;
	if (check_scheduler(&hc->res, err) < 0 || check_sysctls(hc, err) < 0 ||
	    check_annotations(hc, err) < 0 || check_weights(&hc->res, err) < 0)
		return -1;
	return check_devices(&hc->res, err);
}

/* --- warned about --- */

void container_platform_warnings(const struct api_host_config *hc, char ***warnings)
{
	const struct {
		bool asked;
		const char *text;
	} rows[] = {
		{hc->res.cpu_percent > 0, "linux does not support CPU percent. Percent discarded."},
		{hc->res.cpu_count > 0, "linux does not support CPU count. Count discarded."},
		{hc->res.kernel_memory_tcp > 0,
		 "Your kernel does not support kernel memory TCP limits. Limitation discarded."},
		{!str_empty(hc->cgroup), "Cgroup is not supported: the container gets a cgroup of "
					 "its own. Cgroup discarded."},
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (rows[i].asked)
			(void)strv_push(warnings, rows[i].text);
}
