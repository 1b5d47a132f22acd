/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Every member of what create takes (API 1.51: ContainerConfig, HostConfig with Resources, Mount,
 * LogConfig, EndpointSettings, DeviceRequest, Healthcheck), and what becomes of it. A member of
 * the schema without a row of ours, a row of ours that the schema does not know, and a member
 * whose treatment is not what this table says: each fails.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <daemon/container_merge.h>
#include <daemon/oci_config.h>

enum treatment {
	EFFECT,  /* changes the container; `seen` is found in its config.json */
	KEPT,    /* has its effect elsewhere (name given), and is shown by inspect */
	WARNED,  /* create's answer says that it is not done: `seen` */
	REFUSED, /* create fails: `seen` */
	SHOWN    /* no meaning on Linux or for the daemon; inspect shows it */
};

struct fact {
	const char *key;
	enum treatment what;
	const char *value; /* JSON to try it with */
	const char *seen;  /* in config.json, in a warning, in the error; KEPT: where */
};

static const struct fact config_facts[] = {
	{"Hostname", EFFECT, "\"web1\"", "HOSTNAME=box"},
	{"Domainname", EFFECT, "\"example.org\"", "\"domainname\":\"example.org\""},
	{"User", KEPT, "\"7\"", "start message"},
	{"AttachStdin", KEPT, "true", "attach"},
	{"AttachStdout", KEPT, "true", "attach"},
	{"AttachStderr", KEPT, "true", "attach"},
	{"ExposedPorts", KEPT, "{\"80/tcp\":{}}", "network"},
	{"Tty", EFFECT, "true", "\"terminal\":true"},
	{"OpenStdin", KEPT, "true", "start message"},
	{"StdinOnce", KEPT, "true", "start message"},
	{"Env", EFFECT, "[\"K=value\"]", "K=value"},
	{"Cmd", KEPT, "[\"x\"]", "container_create.c makes args of it"},
	{"Healthcheck", KEPT, "{\"Test\":[\"CMD\",\"true\"]}", "health"},
	{"ArgsEscaped", SHOWN, "true", NULL},
	{"Image", KEPT, "\"busybox\"", "container_create.c"},
	{"Volumes", KEPT, "{\"/v\":{}}", "container_mounts.c"},
	{"WorkingDir", EFFECT, "\"/srv\"", "\"cwd\":\"/srv\""},
	{"Entrypoint", KEPT, "[\"x\"]", "container_create.c makes args of it"},
	{"NetworkDisabled", KEPT, "true", "container_start.c"},
	{"MacAddress", KEPT, "\"02:42:ac:11:00:02\"", "network"},
	{"OnBuild", SHOWN, "[\"RUN x\"]", NULL},
	{"Labels", KEPT, "{\"a\":\"b\"}", "list, events"},
	{"StopSignal", KEPT, "\"SIGINT\"", "container_stop.c"},
	{"StopTimeout", KEPT, "3", "container_stop.c"},
	{"Shell", KEPT, "[\"/bin/sh\"]", "health"},
};

static const struct fact host_facts[] = {
	{"CpuShares", EFFECT, "512", "\"shares\":512"},
	{"Memory", EFFECT, "67108864", "\"limit\":67108864"},
	{"CgroupParent", EFFECT, "\"/mine\"", "\"/mine/0123456789abcdef\""},
	{"BlkioWeight", EFFECT, "300", "\"weight\":300"},
	{"BlkioWeightDevice", KEPT, "[]", "oci_resources.c; needs a block device"},
	{"BlkioDeviceReadBps", KEPT, "[]", "oci_resources.c; needs a block device"},
	{"BlkioDeviceWriteBps", KEPT, "[]", "oci_resources.c; needs a block device"},
	{"BlkioDeviceReadIOps", KEPT, "[]", "oci_resources.c; needs a block device"},
	{"BlkioDeviceWriteIOps", KEPT, "[]", "oci_resources.c; needs a block device"},
	{"CpuPeriod", EFFECT, "50000", "\"period\":50000"},
	{"CpuQuota", EFFECT, "25000", "\"quota\":25000"},
	{"CpuRealtimePeriod", REFUSED, "1000", "kernel does not support CPU real-time scheduler"},
	{"CpuRealtimeRuntime", REFUSED, "1000", "kernel does not support CPU real-time scheduler"},
	{"CpusetCpus", EFFECT, "\"0\"", "\"cpus\":\"0\""},
	{"CpusetMems", EFFECT, "\"0\"", "\"mems\":\"0\""},
	{"Devices", EFFECT,
	 "[{\"PathOnHost\":\"/dev/null\",\"PathInContainer\":\"/dev/nil\","
	 "\"CgroupPermissions\":\"r\"}]",
	 "\"path\":\"/dev/nil\""},
	{"DeviceCgroupRules", EFFECT, "[\"c 42:* rmw\"]", "\"major\":42"},
	{"DeviceRequests", KEPT, "[{\"Driver\":\"cdi\",\"DeviceIDs\":[\"a.b/c=d\"]}]",
	 "crun-lite-cdi"},
	{"KernelMemoryTCP", WARNED, "1048576", "kernel memory TCP"},
	{"MemoryReservation", EFFECT, "8388608", "\"reservation\":8388608"},
	{"MemorySwap", KEPT, "-1", "oci_resources.c; needs Memory"},
	{"MemorySwappiness", WARNED, "50", "swappiness"},
	{"NanoCpus", EFFECT, "500000000", "\"quota\":50000"},
	{"OomKillDisable", WARNED, "true", "OOM killer"},
	{"Init", EFFECT, "true", "docker-init"},
	{"PidsLimit", EFFECT, "77", "\"limit\":77"},
	{"Ulimits", EFFECT, "[{\"Name\":\"core\",\"Soft\":1,\"Hard\":2}]", "RLIMIT_CORE"},
	{"CpuCount", WARNED, "1", "CPU count"},
	{"CpuPercent", WARNED, "1", "CPU percent"},
	{"IOMaximumIOps", REFUSED, "1", "Invalid QoS settings"},
	{"IOMaximumBandwidth", REFUSED, "1", "Invalid QoS settings"},
	{"Binds", KEPT, "[\"/a:/b\"]", "container_mounts.c"},
	{"ContainerIDFile", SHOWN, "\"/x\"", NULL},
	{"LogConfig", KEPT, "{\"Type\":\"json-file\"}", "start message"},
	{"NetworkMode", EFFECT, "\"none\"", "\"type\":\"network\""},
	{"PortBindings", KEPT, "{\"80/tcp\":[{\"HostPort\":\"8080\"}]}", "network"},
	{"RestartPolicy", KEPT, "{\"Name\":\"always\"}", "container_exit.c"},
	{"AutoRemove", KEPT, "true", "container_exit.c"},
	{"VolumeDriver", REFUSED, "\"other\"", "error looking up volume plugin other"},
	{"VolumesFrom", KEPT, "[\"x\"]", "container_mounts.c"},
	{"Mounts", KEPT, "[{\"Type\":\"volume\",\"Target\":\"/x\"}]", "container_mounts_api.c"},
	{"ConsoleSize", KEPT, "[24,80]", "start message"},
	{"Annotations", EFFECT, "{\"org.example\":\"yes\"}", "\"org.example\":\"yes\""},
	{"CapAdd", EFFECT, "[\"SYS_TIME\"]", "CAP_SYS_TIME"},
	{"CapDrop", KEPT, "[\"KILL\"]", "oci_security.c"},
	{"CgroupnsMode", KEPT, "\"host\"", "oci_config.c leaves the namespace out"},
	{"Dns", KEPT, "[\"1.2.3.4\"]", "container_files.c"},
	{"DnsOptions", KEPT, "[\"ndots:2\"]", "container_files.c"},
	{"DnsSearch", KEPT, "[\"x.org\"]", "container_files.c"},
	{"ExtraHosts", KEPT, "[\"a:1.2.3.4\"]", "container_files.c"},
	{"GroupAdd", KEPT, "[\"9\"]", "start message"},
	{"IpcMode", KEPT, "\"host\"", "oci_config.c leaves the namespace out"},
	{"Cgroup", WARNED, "\"container:x\"", "Cgroup is not supported"},
	{"Links", KEPT, "[]", "network"},
	{"OomScoreAdj", EFFECT, "55", "\"oomScoreAdj\":55"},
	{"PidMode", KEPT, "\"host\"", "oci_config.c leaves the namespace out"},
	{"Privileged", EFFECT, "true", "CAP_SYS_ADMIN"},
	{"PublishAllPorts", KEPT, "true", "network"},
	{"ReadonlyRootfs", EFFECT, "true", "\"readonly\":true"},
	{"SecurityOpt", EFFECT, "[\"no-new-privileges\"]", "\"noNewPrivileges\":true"},
	{"StorageOpt", KEPT, "{\"size\":\"1g\"}", "container_quota.c"},
	{"Tmpfs", KEPT, "{\"/t\":\"size=1m\"}", "container_mounts.c"},
	{"UTSMode", KEPT, "\"host\"", "oci_config.c leaves the namespace out"},
	{"UsernsMode", KEPT, "\"host\"", "oci_config.c"},
	{"ShmSize", EFFECT, "1048576", "size=1048576"},
	{"Sysctls", EFFECT, "{\"net.core.somaxconn\":\"9\"}", "net.core.somaxconn"},
	{"Runtime", KEPT, "\"runc\"", "runtimes.c"},
	{"Isolation", REFUSED, "\"hyperv\"", "invalid isolation 'hyperv' on linux"},
	{"MaskedPaths", EFFECT, "[\"/proc/masked\"]", "/proc/masked"},
	{"ReadonlyPaths", EFFECT, "[\"/proc/ro\"]", "/proc/ro"},
};

/* Sub-objects: only that each member is known, and by whom it is used. */
struct sub_fact {
	const char *table, *members;
};
static const struct sub_fact sub_facts[] = {
	{"Healthcheck", "Test Interval Timeout Retries StartPeriod StartInterval"},
	{"LogConfig", "Type Config"},
	{"RestartPolicy", "Name MaximumRetryCount"},
	{"DeviceMapping", "PathOnHost PathInContainer CgroupPermissions"},
	{"DeviceRequest", "Driver Count DeviceIDs Capabilities Options"},
	{"WeightDevice", "Path Weight"},
	{"ThrottleDevice", "Path Rate"},
	{"Ulimit", "Name Soft Hard"},
	{"Mount", "Target Source Type ReadOnly Consistency BindOptions VolumeOptions ImageOptions "
		  "TmpfsOptions ClusterOptions"},
	{"BindOptions", "Propagation NonRecursive CreateMountpoint ReadOnlyNonRecursive "
			"ReadOnlyForceRecursive"},
	{"VolumeOptions", "NoCopy Labels DriverConfig Subpath"},
	{"DriverConfig", "Name Options"},
	{"ImageOptions", "Subpath"},
	{"TmpfsOptions", "SizeBytes Mode Options"},
	{"EndpointSettings", "IPAMConfig Links Aliases MacAddress NetworkID DriverOpts GwPriority"},
	{"IPAMConfig", "IPv4Address IPv6Address LinkLocalIPs"},
};

/* --- both lists say the same --- */

static bool has_key(const struct json_table *t, const char *key)
{
	for (size_t i = 0; i < t->n_fields; i++)
		if (str_eq(t->fields[i].key, key))
			return true;
	return false;
}

static void compare(const struct json_table *t, const struct fact *facts, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!has_key(t, facts[i].key))
			fail_msg("%s.%s is in the schema, but not decoded", t->name, facts[i].key);
	for (size_t i = 0; i < t->n_fields; i++) {
		size_t k = 0;
		while (k < n && !str_eq(facts[k].key, t->fields[i].key))
			k++;
		if (k == n)
			fail_msg("%s.%s has no line here: what becomes of it?", t->name,
				 t->fields[i].key);
	}
}

static void test_all_members(void **state)
{
	compare(&api_config_json, config_facts, ARRAY_SIZE(config_facts));
	compare(&api_host_config_json, host_facts, ARRAY_SIZE(host_facts));
}

static void check_sub(const struct json_table *t)
{
	for (size_t i = 0; i < ARRAY_SIZE(sub_facts); i++) {
		if (!str_eq(sub_facts[i].table, t->name))
			continue;
		_cleanup_strv_ char **members = strv_split(sub_facts[i].members, " ", false);
		for (char **m = members; *m; m++)
			if (!has_key(t, *m))
				fail_msg("%s.%s is not decoded", t->name, *m);
		for (size_t k = 0; k < t->n_fields; k++)
			if (!strv_contains(members, t->fields[k].key))
				fail_msg("%s.%s has no line here", t->name, t->fields[k].key);
		return;
	}
	fail_msg("%s has no line here", t->name);
}

static void walk(const struct json_table *t)
{
	for (size_t i = 0; i < t->n_fields; i++) {
		if (!t->fields[i].sub)
			continue;
		check_sub(t->fields[i].sub);
		walk(t->fields[i].sub);
	}
}

static void test_all_members_below(void **state)
{
	walk(&api_config_json);
	walk(&api_host_config_json);
	check_sub(api_networking_config_json.fields[0].sub);
	walk(api_networking_config_json.fields[0].sub);
}

/* --- and it is so --- */

static int decode(const struct fact *f, bool host, struct container_record *rec)
{
	char text[512];
	struct api_create body = {0};
	struct crl_err err = CRL_ERR_INIT;
	snprintf(text, sizeof(text), host ? "{\"HostConfig\":{\"%s\":%s}}" : "{\"%s\":%s}", f->key,
		 f->value);
	if (json_decode(&api_create_json, text, strlen(text), JSON_NOCASE, &body, &err) < 0)
		fail_msg("%s: %s", text, err.msg);
	*rec = (struct container_record){.config = body.config};
	if (body.host_config)
		rec->host_config = *body.host_config;
	free(body.host_config);
	return 0;
}

static void check_refused(const struct fact *f, const struct container_record *rec)
{
	struct crl_err err = CRL_ERR_INIT;
	bool refused = container_validate(&rec->config, &rec->host_config, &err) < 0;
	if (f->what == REFUSED) {
		if (!refused || !strstr(err.msg, f->seen) || err.code != CRL_INVALID)
			fail_msg("%s: expected \"%s\", got \"%s\"", f->key, f->seen, err.msg);
	} else if (refused) {
		fail_msg("%s: %s", f->key, err.msg);
	}
}

static void check_warned(const struct fact *f, const struct container_record *rec)
{
	_cleanup_strv_ char **warnings = NULL;
	container_limit_warnings(&rec->host_config.res, &warnings);
	container_platform_warnings(&rec->host_config, &warnings);
	_cleanup_free_ char *all = strv_join(warnings, "\n");
	if (f->what == WARNED && (!all || !strstr(all, f->seen)))
		fail_msg("%s: no warning with \"%s\": %s", f->key, f->seen, all ? all : "");
}

static char *config_text(struct container_record *rec)
{
	struct crl_err err = CRL_ERR_INIT;
	struct oci_spec spec = {0};
	bool seccomp;
	assert_int_equal(container_default_host_config(&rec->host_config, &err), 0);
	rec->id = strdup("0123456789abcdef");
	rec->name = strdup("web");
	rec->path = strdup("sh");
	rec->status = strdup("created");
	const struct oci_input in = {.rec = rec, .dir = "/d", .hostname = "box", .init_path = "/i"};
	if (oci_config_build(&in, &spec, &seccomp, &err) < 0)
		fail_msg("%s", err.msg);
	char *text = oci_config_text(&spec, NULL);
	json_free(&oci_spec_json, &spec);
	return text;
}

static void check_shown(const struct fact *f, bool host, const struct container_record *rec)
{
	_cleanup_cjson_ cJSON *tree =
		host ? json_encode_tree(&api_host_config_json, &rec->host_config)
		     : json_encode_tree(&api_config_json, &rec->config);
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(tree, f->key);
	if (!item)
		fail_msg("inspect does not show %s", f->key);
}

static void try_one(const struct fact *f, bool host)
{
	struct container_record rec;
	decode(f, host, &rec);
	check_refused(f, &rec);
	if (f->what == REFUSED) {
		container_record_free(&rec);
		return;
	}
	check_warned(f, &rec);
	check_shown(f, host, &rec);
	_cleanup_free_ char *text = config_text(&rec);
	if (f->what == EFFECT && !strstr(text, f->seen))
		fail_msg("%s: %s is not in %s", f->key, f->seen, text);
	container_record_free(&rec);
}

static void test_each_member(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(config_facts); i++)
		try_one(&config_facts[i], false);
	for (size_t i = 0; i < ARRAY_SIZE(host_facts); i++)
		try_one(&host_facts[i], true);
}

/* Parameters of the kernel and the namespaces they would change. */
static void test_sysctls(void **state)
{
	static const struct {
		const char *json, *text;
	} rows[] = {
		{"{\"NetworkMode\":\"host\",\"Sysctls\":{\"net.ipv4.ip_forward\":\"1\"}}",
		 "sysctl \"net.ipv4.ip_forward\" not allowed in host network namespace"},
		{"{\"IpcMode\":\"host\",\"Sysctls\":{\"kernel.shmmax\":\"1\"}}",
		 "sysctl \"kernel.shmmax\" not allowed in host ipc namespace"},
		{"{\"UTSMode\":\"host\",\"Sysctls\":{\"kernel.domainname\":\"x\"}}",
		 "sysctl \"kernel.domainname\" not allowed in host uts namespace"},
		{"{\"IpcMode\":\"host\",\"Sysctls\":{\"net.core.somaxconn\":\"1\"}}", NULL},
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct api_host_config hc = {0};
		struct crl_err err = CRL_ERR_INIT;
		assert_int_equal(json_decode(&api_host_config_json, rows[i].json,
					     strlen(rows[i].json), JSON_NOCASE, &hc, &err),
				 0);
		int r = container_validate_platform(&hc, &err);
		if (rows[i].text)
			assert_string_equal(err.msg, rows[i].text);
		else
			assert_int_equal(r, 0);
		json_free(&api_host_config_json, &hc);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_members),
		cmocka_unit_test(test_all_members_below),
		cmocka_unit_test(test_each_member),
		cmocka_unit_test(test_sysctls),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
