/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The OCI spec of a RUN step: an ordinary container with the default
 * capabilities, seccomp list and masks, without a terminal and without
 * volumes. Put together as a JSON tree, since the tables of the spec read that.
 */
#include "build.h"

#include <base/path.h>
#include <stdlib.h>

#define SHM_DEFAULT (64LL * 1024 * 1024)

static void add_list(cJSON *obj, const char *key, const char *const *items)
{
	cJSON *list = cJSON_AddArrayToObject(obj, key);

	for (size_t i = 0; items[i]; i++)
		cJSON_AddItemToArray(list, cJSON_CreateString(items[i]));
}

static void add_mount(cJSON *mounts, const char *dest, const char *type, const char *source,
		      const char *options)
{
	cJSON *m = cJSON_CreateObject();
	_cleanup_strv_ char **list = strv_split(options, ",", false);

	json_add_str(m, "destination", dest);
	json_add_str(m, "type", type);
	json_add_str(m, "source", source);
	if (list)
		json_add_strv(m, "options", list, false);
	cJSON_AddItemToArray(mounts, m);
}

static void add_file(const struct build_job *j, cJSON *mounts, const char *name, const char *dest,
		     const char *options)
{
	_cleanup_free_ char *source = path_printf("%s/%s", j->staging, name);

	add_mount(mounts, dest, "bind", source ? source : "", options);
}

static cJSON *spec_mounts(const struct build_job *j, const struct crl_build_run *run)
{
	cJSON *m = cJSON_CreateArray();
	char shm[80];

	snprintf(shm, sizeof(shm), "nosuid,noexec,nodev,mode=1777,size=%lld",
		 (long long)(j->args.shm_size > 0 ? j->args.shm_size : SHM_DEFAULT));
	add_mount(m, "/proc", "proc", "proc", "nosuid,noexec,nodev");
	add_mount(m, "/dev", "tmpfs", "tmpfs", "nosuid,strictatime,mode=755,size=65536k");
	add_mount(m, "/dev/pts", "devpts", "devpts",
		  "nosuid,noexec,newinstance,ptmxmode=0666,mode=0620,gid=5");
	add_mount(m, "/sys", "sysfs", "sysfs", "nosuid,noexec,nodev,ro");
	add_mount(m, "/sys/fs/cgroup", "cgroup", "cgroup", "ro,nosuid,noexec,nodev");
	add_mount(m, "/dev/mqueue", "mqueue", "mqueue", "nosuid,noexec,nodev");
	add_mount(m, "/dev/shm", "tmpfs", "shm", shm);
	add_file(j, m, "resolv.conf", "/etc/resolv.conf", "rbind,rprivate");
	add_file(j, m, "hosts", "/etc/hosts", "rbind,rprivate");
	add_file(j, m, "hostname", "/etc/hostname", "rbind,rprivate");
	if (run->script)
		add_file(j, m, "script", CRL_BUILD_SCRIPT, "rbind,rprivate,ro");
	return m;
}

static void add_rlimits(const struct build_job *j, cJSON *process)
{
	cJSON *list;

	if (j->args.n_ulimits == 0)
		return;
	list = cJSON_AddArrayToObject(process, "rlimits");
	for (size_t i = 0; i < j->args.n_ulimits; i++) {
		const struct build_ulimit *u = &j->args.ulimits[i];
		_cleanup_free_ char *type = path_printf("RLIMIT_%s", u->name ? u->name : "");
		cJSON *r = cJSON_CreateObject();
		for (char *c = type; c && *c; c++)
			*c = *c >= 'a' && *c <= 'z' ? (char)(*c - 32) : *c;
		json_add_str(r, "type", type);
		json_add_i64(r, "soft", u->soft);
		json_add_i64(r, "hard", u->hard);
		cJSON_AddItemToArray(list, r);
	}
}

static cJSON *spec_process(const struct build_job *j, const struct crl_build_run *run)
{
	static const char *const sets[] = {"bounding", "effective", "permitted"};
	cJSON *p = cJSON_CreateObject(), *user = cJSON_AddObjectToObject(p, "user"), *caps;

	json_add_i64(user, "uid", 0);
	json_add_i64(user, "gid", 0);
	json_add_strv(p, "args", run->argv, false);
	json_add_strv(p, "env", run->env, false);
	json_add_str(p, "cwd", run->cwd);
	cJSON_AddBoolToObject(p, "noNewPrivileges", j->args.no_new_privileges);
	caps = cJSON_AddObjectToObject(p, "capabilities");
	for (size_t i = 0; i < ARRAY_SIZE(sets); i++)
		add_list(caps, sets[i], crl_default_capabilities);
	add_rlimits(j, p);
	return p;
}

static void add_namespace(cJSON *list, const char *type)
{
	cJSON *ns = cJSON_CreateObject();

	json_add_str(ns, "type", type);
	cJSON_AddItemToArray(list, ns);
}

static cJSON *spec_resources(const struct build_args *a)
{
	cJSON *r = cJSON_CreateObject(), *memory, *cpu, *devices, *deny;

	devices = cJSON_AddArrayToObject(r, "devices");
	deny = cJSON_CreateObject();
	cJSON_AddBoolToObject(deny, "allow", false);
	json_add_str(deny, "access", "rwm");
	cJSON_AddItemToArray(devices, deny);
	if (a->memory > 0 || a->mem_swap != 0) {
		memory = cJSON_AddObjectToObject(r, "memory");
		if (a->memory > 0)
			json_add_i64(memory, "limit", a->memory);
		if (a->mem_swap != 0)
			json_add_i64(memory, "swap", a->mem_swap);
	}
	cpu = cJSON_CreateObject();
	if (a->cpu_shares > 0)
		json_add_i64(cpu, "shares", a->cpu_shares);
	if (a->cpu_period > 0)
		json_add_i64(cpu, "period", a->cpu_period);
	if (a->cpu_quota > 0)
		json_add_i64(cpu, "quota", a->cpu_quota);
	if (!str_empty(a->cpuset_cpus))
		json_add_str(cpu, "cpus", a->cpuset_cpus);
	if (!str_empty(a->cpuset_mems))
		json_add_str(cpu, "mems", a->cpuset_mems);
	if (cJSON_GetArraySize(cpu) > 0)
		cJSON_AddItemToObject(r, "cpu", cpu);
	else
		cJSON_Delete(cpu);
	return r;
}

static cJSON *spec_linux(const struct build_job *j, const char *network)
{
	static const char *const namespaces[] = {"pid", "ipc", "uts", "mount", "cgroup"};
	_cleanup_cjson_ cJSON *l = cJSON_CreateObject();
	_cleanup_strv_ char **masked = crl_masked_paths(CRL_CPU_DIR);
	cJSON *ns = cJSON_AddArrayToObject(l, "namespaces");

	if (!masked)
		return NULL;
	for (size_t i = 0; i < ARRAY_SIZE(namespaces); i++)
		add_namespace(ns, namespaces[i]);
	if (!str_eq(network, "host"))
		add_namespace(ns, "network");
	_cleanup_free_ char *cgroup = path_printf(
		"%s/%s", j->args.cgroup_parent ? j->args.cgroup_parent : "/docker", j->name);
	json_add_str(l, "cgroupsPath", cgroup);
	json_add_strv(l, "maskedPaths", masked, false);
	add_list(l, "readonlyPaths", crl_default_readonly_paths);
	cJSON_AddItemToObject(l, "resources", spec_resources(&j->args));
	return take_ptr(l);
}

static cJSON *spec_tree(const struct build_job *j, const struct crl_build_run *run,
			const char *network)
{
	cJSON *l = spec_linux(j, network), *spec = l ? cJSON_CreateObject() : NULL, *root;
	char hostname[13];

	/* Without its masks a step must not run. */
	if (!l || !spec) {
		cJSON_Delete(l);
		return NULL;
	}

	cJSON_AddItemToObject(spec, "linux", l);
	snprintf(hostname, sizeof(hostname), "%.12s", run->id);
	json_add_str(spec, "ociVersion", "1.2.0");
	root = cJSON_AddObjectToObject(spec, "root");
	json_add_str(root, "path", "rootfs");
	json_add_str(spec, "hostname", hostname);
	cJSON_AddItemToObject(spec, "process", spec_process(j, run));
	cJSON_AddItemToObject(spec, "mounts", spec_mounts(j, run));
	return spec;
}

int build_spec(const struct build_job *j, const struct crl_build_run *run, const char *network,
	       struct oci_spec *ret, struct crl_err *err)
{
	_cleanup_cjson_ cJSON *tree = spec_tree(j, run, network);
	struct oci_spec spec = {0};

	if (!tree)
		return crl_fail_oom(err);
	if (json_decode_tree(&oci_spec_json, tree, 0, &spec, err) < 0)
		return -1;
	/* Not by way of JSON: a tree has doubles where filters have 64-bit numbers. */
	if (crl_seccomp_default((char *const *)crl_default_capabilities, &spec.linux_->seccomp,
				err) < 0) {
		json_free(&oci_spec_json, &spec);
		return -1;
	}
	*ret = spec;
	return 0;
}
