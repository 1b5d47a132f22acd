/* SPDX-License-Identifier: GPL-2.0-or-later */
/* HostConfig -> OCI, validation texts, merging of an image's config, records. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <daemon/container_merge.h>
#include <daemon/oci_config.h>

static void decode(const char *json, struct container_record *rec)
{
	struct api_create body = {0};
	struct crl_err err = CRL_ERR_INIT;
	memset(rec, 0, sizeof(*rec));
	if (json_decode(&api_create_json, json, strlen(json), JSON_NOCASE, &body, &err) < 0)
		fail_msg("%s", err.msg);
	rec->config = body.config;
	if (body.host_config)
		rec->host_config = *body.host_config;
	free(body.host_config);
	if (body.networking)
		json_free(&api_networking_config_json, body.networking);
	free(body.networking);
	assert_int_equal(container_default_host_config(&rec->host_config, &err), 0);
	rec->id = strdup("0123456789abcdef");
	rec->name = strdup("web");
	rec->status = strdup("created");
	rec->path = strdup("sh");
}

static void build(const char *json, struct container_record *rec, struct oci_spec *spec,
		  bool *default_seccomp)
{
	struct crl_err err = CRL_ERR_INIT;
	decode(json, rec);
	const struct oci_input in = {.rec = rec, .dir = "/d", .hostname = "box", .init_path = "/i"};
	if (oci_config_build(&in, spec, default_seccomp, &err) < 0)
		fail_msg("%s", err.msg);
}

static void done(struct container_record *rec, struct oci_spec *spec)
{
	json_free(&oci_spec_json, spec);
	container_record_free(rec);
}

static const struct oci_mount *mount_at(const struct oci_spec *s, const char *dest)
{
	for (size_t i = 0; i < s->n_mounts; i++)
		if (str_eq(s->mounts[i].destination, dest))
			return &s->mounts[i];
	return NULL;
}

static bool has_namespace(const struct oci_spec *s, const char *type)
{
	for (size_t i = 0; i < s->linux_->n_namespaces; i++)
		if (str_eq(s->linux_->namespaces[i].type, type))
			return true;
	return false;
}

static void test_defaults(void **state)
{
	struct container_record rec;
	struct oci_spec s = {0};
	bool seccomp = false;
	build("{\"Image\":\"x\"}", &rec, &s, &seccomp);
	assert_true(seccomp);
	assert_int_equal(strv_len(s.process->capabilities->bounding), 14);
	assert_null(s.process->capabilities->ambient);
	assert_true(strv_contains(mount_at(&s, "/sys")->options, "ro"));
	assert_true(strv_contains(s.linux_->masked_paths, "/proc/kcore"));
	assert_string_equal(s.linux_->cgroups_path, "/docker/0123456789abcdef");
	assert_string_equal(s.process->cwd, "/");
	assert_true(strv_contains(s.process->env, "HOSTNAME=box"));
	static const char *const ns[] = {"mount", "network", "uts", "pid", "ipc", "cgroup"};
	for (size_t i = 0; i < ARRAY_SIZE(ns); i++)
		assert_true(has_namespace(&s, ns[i]));
	done(&rec, &s);
}

static void test_privileged(void **state)
{
	struct container_record rec;
	struct oci_spec s = {0};
	bool seccomp = true;
	build("{\"HostConfig\":{\"Privileged\":true,\"NetworkMode\":\"host\",\"PidMode\":\"host\"}"
	      "}",
	      &rec, &s, &seccomp);
	assert_false(seccomp);
	assert_null(s.linux_->masked_paths);
	assert_false(strv_contains(mount_at(&s, "/sys")->options, "ro"));
	assert_true(strv_len(s.process->capabilities->bounding) > 30);
	assert_false(has_namespace(&s, "network"));
	assert_false(has_namespace(&s, "pid"));
	done(&rec, &s);
}

static void test_limits(void **state)
{
	struct container_record rec;
	struct oci_spec s = {0};
	bool seccomp;
	build("{\"HostConfig\":{\"Memory\":67108864,\"NanoCpus\":1500000000,\"PidsLimit\":50,"
	      "\"CapDrop\":[\"all\"],\"CapAdd\":[\"net_admin\"],\"Ulimits\":[{\"Name\":\"nofile\","
	      "\"Soft\":64,\"Hard\":128}],\"Init\":true,\"ReadonlyRootfs\":true,"
	      "\"MaskedPaths\":[],\"ReadonlyPaths\":[]}}",
	      &rec, &s, &seccomp);
	const struct oci_linux_resources *r = s.linux_->resources;
	assert_int_equal(r->memory->limit.v, 67108864);
	assert_int_equal(r->memory->swap.v, 2 * 67108864);
	assert_int_equal(r->cpu->quota.v, 150000);
	assert_int_equal(r->pids->limit.v, 50);
	assert_int_equal(strv_len(s.process->capabilities->bounding), 1);
	assert_string_equal(s.process->capabilities->bounding[0], "CAP_NET_ADMIN");
	assert_int_equal(s.process->n_rlimits, 1);
	assert_int_equal(s.process->rlimits[0].soft, 64);
	assert_string_equal(s.process->args[0], "/sbin/docker-init");
	assert_string_equal(s.process->args[2], "sh");
	assert_true(s.root->readonly);
	assert_int_equal(strv_len(s.linux_->masked_paths), 0);
	done(&rec, &s);
}

/* The body, and Docker's words for what is wrong with it. */
static void test_refusals(void **state)
{
	static const char *const cases[][2] = {
		{"{\"HostConfig\":{\"Memory\":1000}}", "Minimum memory limit allowed is 6MB"},
		{"{\"HostConfig\":{\"CapAdd\":[\"FOO\"]}}",
		 "invalid CapAdd: unknown capability: \"CAP_FOO\""},
		{"{\"HostConfig\":{\"RestartPolicy\":{\"Name\":\"no\",\"MaximumRetryCount\":2}}}",
		 "invalid restart policy: maximum retry count can only be used with 'on-failure'"},
		{"{\"HostConfig\":{\"AutoRemove\":true,\"RestartPolicy\":{\"Name\":\"always\"}}}",
		 "can't create 'AutoRemove' container with restart policy"},
		{"{\"HostConfig\":{\"LogConfig\":{\"Type\":\"splunk\"}}}",
		 "logger: no log driver named 'splunk' is registered"},
		{"{\"HostConfig\":{\"SecurityOpt\":[\"nope\"]}}",
		 "invalid --security-opt 1: \"nope\""},
		{"{\"StopSignal\":\"NOPE\"}", "Invalid signal: NOPE"},
		{"{\"WorkingDir\":\"rel\"}",
		 "the working directory 'rel' is invalid, it needs to be an absolute path"},
		{"{\"HostConfig\":{\"PidMode\":\"nope\"}}", "invalid PID mode: nope"},
		{"{\"HostConfig\":{\"PortBindings\":{\"x/tcp\":[]}}}",
		 "invalid port specification: \"x/tcp\""},
		{"{\"HostConfig\":{\"CpusetCpus\":\"3-1\"}}", "Invalid value 3-1 for cpuset cpus"},
		{"{\"HostConfig\":{\"Ulimits\":[{\"Name\":\"x\"}]}}", "invalid ulimit type: x"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct api_create body = {0};
		struct api_host_config none = {0};
		struct crl_err err = CRL_ERR_INIT;
		assert_int_equal(json_decode(&api_create_json, cases[i][0], strlen(cases[i][0]),
					     JSON_NOCASE, &body, &err),
				 0);
		assert_int_equal(container_validate(&body.config,
						    body.host_config ? body.host_config : &none,
						    &err),
				 -1);
		assert_string_equal(err.msg, cases[i][1]);
		assert_int_equal(err.code, CRL_INVALID);
		json_free(&api_create_json, &body);
	}
}

static void test_merge(void **state)
{
	struct container_record rec;
	struct crl_err err = CRL_ERR_INIT;
	char *env[] = {(char *)"A=1", (char *)"B=2", NULL};
	char *cmd[] = {(char *)"serve", NULL}, *entry[] = {(char *)"/entry", NULL};
	const struct crl_image_config image = {
		.user = (char *)"web", .env = env, .cmd = cmd, .entrypoint = entry};
	decode("{\"Env\":[\"B=3\",\"A\"],\"Cmd\":[\"other\"]}", &rec);
	assert_int_equal(container_merge_image(&rec.config, &image, &err), 0);
	assert_string_equal(rec.config.user, "web");
	assert_int_equal(strv_len(rec.config.env), 1);
	assert_string_equal(rec.config.env[0], "B=3");
	assert_string_equal(rec.config.entrypoint[0], "/entry");
	assert_string_equal(rec.config.cmd[0], "other");
	container_record_free(&rec);
	/* A new entry point drops the image's command; an empty one drops both. */
	decode("{\"Entrypoint\":[\"\"],\"Cmd\":[\"sh\"]}", &rec);
	assert_int_equal(container_merge_image(&rec.config, &image, &err), 0);
	assert_null(rec.config.entrypoint);
	assert_string_equal(rec.config.cmd[0], "sh");
	container_record_free(&rec);
	decode("{\"Entrypoint\":\"/mine\"}", &rec);
	assert_int_equal(container_merge_image(&rec.config, &image, &err), 0);
	assert_int_equal(strv_len(rec.config.cmd), 0);
	container_record_free(&rec);
}

static void test_seccomp_profile(void **state)
{
	const char *profile =
		"{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"archMap\":[{\"architecture\":"
		"\"SCMP_ARCH_X86_64\",\"subArchitectures\":[\"SCMP_ARCH_X86\"]}],\"syscalls\":["
		"{\"names\":[\"read\"],\"action\":\"SCMP_ACT_ALLOW\"},"
		"{\"names\":[\"mount\"],\"action\":\"SCMP_ACT_ALLOW\",\"includes\":{\"caps\":"
		"[\"CAP_SYS_ADMIN\"]}},{\"name\":\"write\",\"action\":\"SCMP_ACT_ALLOW\","
		"\"excludes\":{\"caps\":[\"CAP_SYS_ADMIN\"]}}]}";
	char *caps[] = {(char *)"CAP_CHOWN", NULL};
	struct oci_linux_seccomp *s = NULL;
	struct crl_err err = CRL_ERR_INIT;
	assert_int_equal(oci_seccomp_from_profile(profile, caps, &s, &err), 0);
	assert_int_equal(s->n_syscalls, 2);
	assert_string_equal(s->syscalls[1].names[0], "write");
	json_free(&oci_seccomp_json, s);
	free(s);
	assert_int_equal(oci_seccomp_from_profile("[]", caps, &s, &err), -1);
}

/* A record survives its text; a damaged text is refused, never half read. */
static void test_record(void **state)
{
	struct container_record rec, back = {0};
	struct crl_err err = CRL_ERR_INIT;
	size_t len = 0;
	decode("{\"Image\":\"x\",\"Labels\":{\"a\":\"b\"}}", &rec);
	rec.version = 1;
	rec.started_at = 1767323042123456789LL;
	_cleanup_free_ char *text = container_record_text(&rec, &len);
	assert_int_equal(container_record_parse(text, len, &back, &err), 0);
	assert_true(back.started_at == rec.started_at);
	assert_string_equal(strmap_get(&back.config.labels, "a"), "b");
	container_record_free(&back);
	for (size_t i = 0; i + 1 < len; i++) {
		text[i] ^= 0x20;
		if (container_record_parse(text, len, &back, &err) == 0)
			container_record_free(&back);
		else
			assert_true(back.id == NULL);
		text[i] ^= 0x20;
	}
	text[len / 2] = '\0';
	assert_int_equal(container_record_parse(text, len / 2, &back, &err), -1);
	container_record_free(&rec);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults), cmocka_unit_test(test_privileged),
		cmocka_unit_test(test_limits),   cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_merge),    cmocka_unit_test(test_seccomp_profile),
		cmocka_unit_test(test_record),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
