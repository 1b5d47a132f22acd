/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Owns what a create or update body may say, and Docker's words for what it
 * may not (clients match on them). Pure.
 */
#include "container.h"
#include "container_users.h"
#include "log_opts.h"
#include "oci_config.h"

#include <base/proc.h>
#include <crun-lite/runtime.h>
#include <ctype.h>

#define MEMORY_MIN (6 * 1024 * 1024)

int container_check_name(const char *name, struct crl_err *err)
{
	if (strlen(name) >= 2 && ident_name_ok(name))
		return 0;
	return crl_fail(err, CRL_INVALID,
			"Invalid container name (%s), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed",
			name);
}

/* --- limits --- */

static int check_memory(const struct api_resources *r, struct crl_err *err)
{
	if (r->memory < 0 || (r->memory > 0 && r->memory < MEMORY_MIN))
		return crl_fail(err, CRL_INVALID, "Minimum memory limit allowed is 6MB");
	if (r->memory > 0 && r->memory_swap != -1 && r->memory_swap > 0 &&
	    r->memory_swap < r->memory)
		return crl_fail(err, CRL_INVALID,
				"Minimum memoryswap limit should be larger than memory limit, see "
				"usage");
	if (r->memory == 0 && r->memory_swap > 0)
		return crl_fail(err, CRL_INVALID,
				"You should always set the Memory limit when using Memoryswap "
				"limit, see usage");
	if (r->memory_swap < -1)
		return crl_fail(err, CRL_INVALID, "Invalid value for memory swap: %lld",
				(long long)r->memory_swap);
	if (r->memory_swappiness.set &&
	    (r->memory_swappiness.v < -1 || r->memory_swappiness.v > 100))
		return crl_fail(err, CRL_INVALID,
				"Invalid value: %lld, valid memory swappiness range is 0-100",
				(long long)r->memory_swappiness.v);
	if (r->memory_reservation < 0 ||
	    (r->memory_reservation > 0 && r->memory_reservation < MEMORY_MIN))
		return crl_fail(err, CRL_INVALID, "Minimum memory reservation allowed is 6MB");
	if (r->memory > 0 && r->memory_reservation > r->memory)
		return crl_fail(err, CRL_INVALID,
				"Minimum memory limit can not be less than memory reservation "
				"limit, see usage");
	return 0;
}

static int check_cpu_numbers(const struct api_resources *r, struct crl_err *err)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	if (r->nano_cpus < 0 || r->nano_cpus > cpus * 1000000000LL)
		return crl_fail(err, CRL_INVALID,
				"range of CPUs is from 0.01 to %ld.00, as there are only %ld CPUs "
				"available",
				cpus, cpus);
	if (r->nano_cpus > 0 && r->cpu_period > 0)
		return crl_fail(err, CRL_INVALID,
				"Conflicting options: Nano CPUs and CPU Period cannot both be set");
	if (r->nano_cpus > 0 && r->cpu_quota > 0)
		return crl_fail(err, CRL_INVALID,
				"Conflicting options: Nano CPUs and CPU Quota cannot both be set");
	if (r->cpu_shares < 0)
		return crl_fail(err, CRL_INVALID, "Invalid CPU shares: %lld",
				(long long)r->cpu_shares);
	if (r->cpu_period != 0 && (r->cpu_period < 1000 || r->cpu_period > 1000000))
		return crl_fail(err, CRL_INVALID,
				"CPU cfs period can not be less than 1ms (i.e. 1000) or larger "
				"than 1s (i.e. 1000000)");
	if (r->cpu_quota > 0 && r->cpu_quota < 1000)
		return crl_fail(err, CRL_INVALID,
				"CPU cfs quota can not be less than 1ms (i.e. 1000)");
	return 0;
}

/* "0-3,7": false also for a reversed range. */
static bool cpuset_ok(const char *s, long max)
{
	while (*s) {
		char *end;
		long a = isdigit((unsigned char)*s) ? strtol(s, &end, 10) : -1;
		if (a < 0)
			return false;
		long b = a;
		if (*end == '-') {
			if (!isdigit((unsigned char)end[1]))
				return false;
			b = strtol(end + 1, &end, 10);
		}
		if (b < a || b > max || (*end && *end != ','))
			return false;
		s = *end ? end + 1 : end;
	}
	return true;
}

static int check_cpusets(const struct api_resources *r, struct crl_err *err)
{
	if (!str_empty(r->cpuset_cpus) && !cpuset_ok(r->cpuset_cpus, 8191))
		return crl_fail(err, CRL_INVALID, "Invalid value %s for cpuset cpus",
				r->cpuset_cpus);
	if (!str_empty(r->cpuset_cpus) &&
	    !cpuset_ok(r->cpuset_cpus, sysconf(_SC_NPROCESSORS_CONF) - 1))
		return crl_fail(err, CRL_INVALID, "Requested CPUs are not available - requested %s",
				r->cpuset_cpus);
	if (!str_empty(r->cpuset_mems) && !cpuset_ok(r->cpuset_mems, 1023))
		return crl_fail(err, CRL_INVALID, "Invalid value %s for cpuset mems",
				r->cpuset_mems);
	return 0;
}

static bool ulimit_known(const char *name)
{
	static const char *const names[] = {
		"core",   "cpu",   "data", "fsize",  "locks",  "memlock",    "msgqueue", "nice",
		"nofile", "nproc", "rss",  "rtprio", "rttime", "sigpending", "stack",    "as"};
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (str_eq(name, names[i]))
			return true;
	return false;
}

static int check_ulimits(const struct api_resources *r, struct crl_err *err)
{
	for (size_t i = 0; i < r->n_ulimits; i++) {
		const struct api_ulimit *u = &r->ulimits[i];
		if (!ulimit_known(u->name))
			return crl_fail(err, CRL_INVALID, "invalid ulimit type: %s",
					u->name ? u->name : "");
		if (u->hard != -1 && (u->soft == -1 || u->soft > u->hard))
			return crl_fail(err, CRL_INVALID,
					"ulimit soft limit must be less than or equal to hard "
					"limit: %lld > %lld",
					(long long)u->soft, (long long)u->hard);
	}
	return 0;
}

int container_validate_resources(const struct api_resources *r, struct crl_err *err)
{
	if (r->blkio_weight != 0 && (r->blkio_weight < 10 || r->blkio_weight > 1000))
		return crl_fail(err, CRL_INVALID, "Range of blkio weight is from 10 to 1000");
	if (r->pids_limit.set && r->pids_limit.v < -1)
		return crl_fail(err, CRL_INVALID, "Invalid value for pids limit: %lld",
				(long long)r->pids_limit.v);
	if (container_check_cgroup_parent(r->cgroup_parent, err) < 0)
		return -1;
	if (check_memory(r, err) < 0 || check_cpu_numbers(r, err) < 0 || check_cpusets(r, err) < 0)
		return -1;
	return check_ulimits(r, err);
}

/* --- restart policy --- */

int container_validate_restart(const struct api_restart_policy *p, bool auto_remove,
			       struct crl_err *err)
{
	const char *name = p->name ? p->name : "";
	bool plain = str_eq(name, "always") || str_eq(name, "no") ||
		     str_eq(name, "unless-stopped") || str_empty(name);
	if (!plain && !str_eq(name, "on-failure"))
		return crl_fail(err, CRL_INVALID,
				"invalid restart policy: unknown policy '%s'; use one of 'no', "
				"'always', 'on-failure', or 'unless-stopped'",
				name);
	if (p->maximum_retry_count < 0)
		return crl_fail(err, CRL_INVALID,
				"invalid restart policy: maximum retry count cannot be negative");
	if (plain && p->maximum_retry_count != 0)
		return crl_fail(err, CRL_INVALID,
				"invalid restart policy: maximum retry count can only be used with "
				"'on-failure'");
	if (auto_remove && !str_empty(name) && !str_eq(name, "no"))
		return crl_fail(err, CRL_INVALID,
				"can't create 'AutoRemove' container with restart policy");
	return 0;
}

/* --- namespaces --- */

static int bad_mode(struct crl_err *err, const char *what, const char *mode)
{
	return crl_fail(err, CRL_INVALID, "invalid %s mode: %s", what, mode);
}

static bool is_container_mode(const char *mode)
{
	return mode && str_starts(mode, "container:") && mode[strlen("container:")];
}

static int check_modes(const struct api_config *cfg, const struct api_host_config *hc,
		       struct crl_err *err)
{
	if (!str_empty(hc->pid_mode) && !str_eq(hc->pid_mode, "host") &&
	    !str_eq(hc->pid_mode, "private") && !is_container_mode(hc->pid_mode))
		return bad_mode(err, "PID", hc->pid_mode);
	if (!str_empty(hc->uts_mode) && !str_eq(hc->uts_mode, "host") &&
	    !str_eq(hc->uts_mode, "private"))
		return bad_mode(err, "UTS", hc->uts_mode);
	if (!str_empty(hc->cgroupns_mode) && !str_eq(hc->cgroupns_mode, "host") &&
	    !str_eq(hc->cgroupns_mode, "private"))
		return crl_fail(err, CRL_INVALID, "invalid cgroup namespace mode: %s",
				hc->cgroupns_mode);
	const char *ipc = hc->ipc_mode;
	if (!str_empty(ipc) && !str_eq(ipc, "host") && !str_eq(ipc, "private") &&
	    !str_eq(ipc, "shareable") && !str_eq(ipc, "none") && !is_container_mode(ipc))
		return crl_fail(err, CRL_INVALID, "invalid IPC mode: %s", ipc);
	uint32_t ids;
	if (users_mode_parse(hc->userns_mode, &ids, err) < 0)
		return -1;
	if (str_eq(hc->uts_mode, "host") && !str_empty(cfg->hostname))
		return crl_fail(err, CRL_INVALID, "conflicting options: hostname and the UTS mode");
	return 0;
}

static int check_network(const struct api_config *cfg, const struct api_host_config *hc,
			 struct crl_err *err)
{
	const char *mode = hc->network_mode;
	if (mode && str_starts(mode, "container:")) {
		if (!mode[strlen("container:")])
			return crl_fail(err, CRL_INVALID,
					"Invalid network mode: invalid container format "
					"container:<name|id>");
		if (!str_empty(cfg->hostname))
			return crl_fail(err, CRL_INVALID,
					"conflicting options: hostname and the network mode");
		if (strv_len(hc->links))
			return crl_fail(err, CRL_INVALID,
					"conflicting options: container type network can't be used "
					"with links. This would result in undefined behavior");
		if (strv_len(hc->dns))
			return crl_fail(err, CRL_INVALID,
					"conflicting options: dns and the network mode");
		if (strv_len(hc->extra_hosts))
			return crl_fail(err, CRL_INVALID,
					"conflicting options: custom host-to-IP mapping and the "
					"network mode");
		if (hc->publish_all_ports || cJSON_GetArraySize(hc->port_bindings) > 0)
			return crl_fail(err, CRL_INVALID,
					"conflicting options: port publishing and the container "
					"type network mode");
		if (strv_len(cfg->exposed_ports))
			return crl_fail(err, CRL_INVALID,
					"conflicting options: port exposing and the container type "
					"network mode");
	}
	if (str_eq(mode, "host") && strv_len(hc->links))
		return crl_fail(err, CRL_INVALID,
				"conflicting options: host type networking can't be used with "
				"links. This would result in undefined behavior");
	return 0;
}

/* --- ports --- */

/* "80/tcp", "53/udp", "80" */
static bool port_ok(const char *s)
{
	char *end;
	long port = isdigit((unsigned char)*s) ? strtol(s, &end, 10) : 0;
	if (port < 1 || port > 65535)
		return false;
	return !*end || str_eq(end, "/tcp") || str_eq(end, "/udp") || str_eq(end, "/sctp");
}

static int check_ports(const struct api_config *cfg, const struct api_host_config *hc,
		       struct crl_err *err)
{
	const cJSON *list, *b;
	for (char **p = cfg->exposed_ports; p && *p; p++)
		if (!port_ok(*p) && !strchr(*p, '-'))
			return crl_fail(err, CRL_INVALID, "invalid port specification: \"%s\"", *p);
	if (hc->port_bindings && !cJSON_IsObject(hc->port_bindings))
		return crl_fail(err, CRL_INVALID, "invalid JSON: PortBindings: expected an object");
	cJSON_ArrayForEach (list, hc->port_bindings) {
		if (!port_ok(list->string))
			return crl_fail(err, CRL_INVALID, "invalid port specification: \"%s\"",
					list->string);
		cJSON_ArrayForEach (b, list) {
			const char *host = cJSON_GetStringValue(cJSON_GetObjectItem(b, "HostPort"));
			if (!str_empty(host) && (!port_ok(host) || strchr(host, '/')) &&
			    !strchr(host, '-') && !str_eq(host, "0"))
				return crl_fail(err, CRL_INVALID,
						"invalid port specification: \"%s\"", host);
		}
	}
	return 0;
}

/* --- the rest --- */

/* One word of a line of hosts(5) or resolv.conf(5): it may not begin another line or field. */
static bool is_word(const char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s <= ' ' || *s == 127)
			return false;
	return true;
}

static int check_words(char *const *words, const char *what, struct crl_err *err)
{
	for (; words && *words; words++)
		if (!is_word(*words))
			return crl_fail(err, CRL_INVALID, "invalid %s: \"%s\"", what, *words);
	return 0;
}

static int check_hosts(const struct api_host_config *hc, struct crl_err *err)
{
	if (check_words(hc->extra_hosts, "add-host", err) < 0 ||
	    check_words(hc->dns_search, "DNS search domain", err) < 0 ||
	    check_words(hc->dns_options, "DNS option", err) < 0)
		return -1;
	for (char **h = hc->extra_hosts; h && *h; h++)
		if (!strchr(*h, ':') && !strchr(*h, '='))
			return crl_fail(err, CRL_INVALID, "bad format for add-host: \"%s\"", *h);
	for (char **d = hc->dns; d && *d; d++)
		if (strspn(*d, "0123456789abcdefABCDEF.:") != strlen(*d) || !**d)
			return crl_fail(err, CRL_INVALID, "invalid DNS address: %s", *d);
	return 0;
}

static int check_config(const struct api_config *cfg, struct crl_err *err)
{
	if (!str_empty(cfg->working_dir) && cfg->working_dir[0] != '/')
		return crl_fail(err, CRL_INVALID,
				"the working directory '%s' is invalid, it needs to be an absolute "
				"path",
				cfg->working_dir);
	if (!str_empty(cfg->stop_signal) && proc_signal_number(cfg->stop_signal) <= 0)
		return crl_fail(err, CRL_INVALID, "Invalid signal: %s", cfg->stop_signal);
	for (char **e = cfg->env; e && *e; e++)
		if (!**e || **e == '=')
			return crl_fail(err, CRL_INVALID, "invalid environment variable: %s", *e);
	if (!str_empty(cfg->hostname) &&
	    (strlen(cfg->hostname) > 63 ||
	     strspn(cfg->hostname, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				   "0123456789-._") != strlen(cfg->hostname)))
		return crl_fail(err, CRL_INVALID, "invalid hostname format: %s", cfg->hostname);
	if (cfg->domainname && (strlen(cfg->domainname) > 64 || !is_word(cfg->domainname)))
		return crl_fail(err, CRL_INVALID, "invalid domain name format: %s",
				cfg->domainname);
	return 0;
}

static int check_runtime(const struct api_host_config *hc, struct crl_err *err)
{
	if (!str_empty(hc->isolation) && !str_eq(hc->isolation, "default"))
		return crl_fail(err, CRL_INVALID,
				"invalid isolation '%s' on linux: only 'default' is allowed",
				hc->isolation);
	if (!str_empty(hc->volume_driver) && !str_eq(hc->volume_driver, "local"))
		/* Not as 404, which dockerd answers: clients would go and pull the image. */
		return crl_fail(err, CRL_INVALID,
				"error looking up volume plugin %s: plugin \"%s\" not found",
				hc->volume_driver, hc->volume_driver);
	if (hc->shm_size < 0)
		return crl_fail(err, CRL_INVALID, "SHM size can not be less than 0");
	if (hc->oom_score_adj < -1000 || hc->oom_score_adj > 1000)
		return crl_fail(err, CRL_INVALID,
				"Invalid value %lld, range for oom score adj is [-1000, 1000]",
				(long long)hc->oom_score_adj);
	return 0;
}

int container_validate(const struct api_config *config, const struct api_host_config *hc,
		       struct crl_err *err)
{
	_cleanup_strv_ char **caps = NULL;
	struct oci_security sec = {0};
	if (check_config(config, err) < 0 || health_validate(config->healthcheck, err) < 0 ||
	    check_runtime(hc, err) < 0 || container_validate_resources(&hc->res, err) < 0 ||
	    container_validate_platform(hc, err) < 0 ||
	    container_validate_restart(&hc->restart_policy, hc->auto_remove, err) < 0 ||
	    check_modes(config, hc, err) < 0 || check_network(config, hc, err) < 0 ||
	    check_ports(config, hc, err) < 0 ||
	    log_opts_check(hc->log_config.type, &hc->log_config.config, err) < 0 ||
	    check_hosts(hc, err) < 0 || container_check_tmpfs(hc, err) < 0 ||
	    oci_caps(hc, &caps, err) < 0 || oci_security_parse(hc, &sec, err) < 0)
		return -1;
	struct oci_linux_seccomp *profile = NULL;
	int r = sec.seccomp_profile
			? oci_seccomp_from_profile(sec.seccomp_profile, caps, &profile, err)
			: 0;
	if (profile)
		json_free(&oci_seccomp_json, profile);
	free(profile);
	oci_security_free(&sec);
	return r;
}

/* --- warnings --- */

static void warn_limit(char ***warnings, const char *controller, const char *what)
{
	(void)strv_pushf(warnings,
			 "This host has no cgroup v2 controller \"%s\": the %s is not enforced.",
			 controller, what);
}

void container_limit_warnings(const struct api_resources *r, char ***warnings)
{
	bool memory = r->memory || r->memory_reservation || r->memory_swap;
	bool cpu = r->nano_cpus || r->cpu_quota || r->cpu_shares || r->cpu_period;
	bool cpuset = !str_empty(r->cpuset_cpus) || !str_empty(r->cpuset_mems);
	bool io = r->blkio_weight || r->n_read_bps || r->n_write_bps || r->n_read_iops ||
		  r->n_write_iops || r->n_blkio_weight_device;
	if (memory && !crl_cgroup_has("memory"))
		warn_limit(warnings, "memory", "memory limit");
	if (cpu && !crl_cgroup_has("cpu"))
		warn_limit(warnings, "cpu", "CPU limit");
	if (cpuset && !crl_cgroup_has("cpuset"))
		warn_limit(warnings, "cpuset", "choice of CPUs");
	if (r->pids_limit.set && r->pids_limit.v > 0 && !crl_cgroup_has("pids"))
		warn_limit(warnings, "pids", "limit of processes");
	if (io && !crl_cgroup_has("io"))
		warn_limit(warnings, "io", "I/O limit");
	/* Both were left behind with the first version of cgroups. */
	if (r->memory_swappiness.set && r->memory_swappiness.v != -1)
		(void)strv_push(warnings, "cgroup v2 has no memory swappiness of its own: it is "
					  "not changed.");
	if (r->oom_kill_disable.set && r->oom_kill_disable.v)
		(void)strv_push(warnings, "cgroup v2 cannot switch the OOM killer off: it stays "
					  "on.");
}
