/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What other runtimes say, the options of volumes, and the edits of devices. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <monitor/cdi.h>
#include <monitor/external.h>
#include <monitor/volume.h>
#include <sys/mount.h>

static void test_last_error(void **state)
{
	static const char log[] = "{\"level\":\"warning\",\"msg\":\"w\",\"time\":\"t\"}\n"
				  "{\"level\":\"error\",\"msg\":\"first\",\"time\":\"t\"}\n"
				  "no json at all\n"
				  "{\"msg\":\"last\",\"level\":\"error\",\"time\":\"t\"}\n"
				  "{\"level\":\"debug\",\"msg\":\"after\"}\n";
	char *text = external_last_error(log);
	assert_string_equal(text, "last");
	free(text);
	assert_null(external_last_error(""));
	assert_null(external_last_error("{\"level\":\"info\",\"msg\":\"fine\"}"));
}

static void test_exit_codes(void **state)
{
	static const struct {
		const char *text;
		int code;
	} rows[] = {
		{"exec: \"nope\": executable file not found in $PATH", 127},
		{"executable file `/x` not found in $PATH: no such file or directory", 127},
		{"exec: \"/x\": stat /x: no such file or directory", 127},
		{"exec: \"/etc\": permission denied", 126},
		{"exec: \"/etc\": is a directory", 126},
		{"exec format error", 126},
		{"cgroup: device or resource busy", 125},
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		assert_int_equal(external_exit_code(rows[i].text), rows[i].code);
}

static void check_options(const char *text, unsigned long flags, bool loop, const char *data)
{
	struct crl_err err = CRL_ERR_INIT;
	unsigned long f;
	bool l;
	char *d;
	assert_int_equal(volume_parse_options(text, &f, &l, &d, &err), 0);
	assert_int_equal(f, flags);
	assert_int_equal(l, loop);
	assert_string_equal(d, data);
	free(d);
}

static void test_volume_options(void **state)
{
	check_options(NULL, 0, false, "");
	check_options("bind", MS_BIND, false, "");
	check_options("rbind,ro", MS_BIND | MS_REC | MS_RDONLY, false, "");
	check_options("ro,rw", 0, false, "");
	check_options("addr=1.2.3.4,nolock,noatime,vers=4", MS_NOATIME, false,
		      "addr=1.2.3.4,nolock,vers=4");
	check_options("loop,nosuid,,nodev", MS_NOSUID | MS_NODEV, true, "");
	check_options("size=1m,uid=7", 0, false, "size=1m,uid=7");
}

static const char edits_text[] =
	"{\"env\":[\"A=new\",\"B=b\"],"
	"\"deviceNodes\":[{\"path\":\"/dev/x\",\"type\":\"c\",\"major\":1,\"minor\":5,"
	"\"permissions\":\"r\",\"fileMode\":416}],"
	"\"mounts\":[{\"hostPath\":\"/h\",\"containerPath\":\"/c\",\"options\":[\"ro\"]}],"
	"\"hooks\":[{\"hookName\":\"createContainer\",\"path\":\"/bin/x\",\"args\":[\"x\"],"
	"\"timeout\":9}],\"additionalGids\":[0,44]}";

static void test_edits(void **state)
{
	struct oci_process process = {0};
	struct oci_linux_resources resources = {0};
	struct oci_linux lin = {.resources = &resources};
	struct oci_spec spec = {.process = &process, .linux_ = &lin};
	struct crl_err err = CRL_ERR_INIT;
	char **groups = NULL;
	cJSON *edits = cJSON_Parse(edits_text);
	assert_int_equal(strv_push(&process.env, "A=old"), 0);
	assert_int_equal(cdi_apply_edits(edits, &spec, &groups, &err), 0);
	cJSON_Delete(edits);
	assert_string_equal(strv_env_get(process.env, "A"), "new");
	assert_string_equal(strv_env_get(process.env, "B"), "b");
	assert_int_equal(lin.n_devices, 1);
	assert_string_equal(lin.devices[0].path, "/dev/x");
	assert_int_equal(lin.devices[0].file_mode.v, 0640);
	assert_int_equal(resources.n_devices, 1);
	assert_string_equal(resources.devices[0].access, "r");
	assert_int_equal(spec.n_mounts, 1);
	assert_true(strv_contains(spec.mounts[0].options, "rbind"));
	assert_int_equal(spec.hooks->n_create_container, 1);
	assert_int_equal(spec.hooks->create_container[0].timeout.v, 9);
	assert_int_equal(strv_len(groups), 1); /* never root's */
	assert_string_equal(groups[0], "44");
	strv_free(groups);
	/* The inner structs are on the stack: freed by their tables' members alone. */
	spec.process = NULL;
	spec.linux_ = NULL;
	json_free(&oci_spec_json, &spec);
	json_free(&oci_process_json, &process);
	json_free(&oci_resources_json, &resources);
	free(lin.devices[0].path);
	free(lin.devices[0].type);
	free(lin.devices);
}

static void test_damaged_edits(void **state)
{
	static const char *const texts[] = {
		"{\"deviceNodes\":[{\"path\":\"/dev/x\"}]}",
		"{\"mounts\":[{\"hostPath\":\"/h\"}]}",
		"{\"hooks\":[{\"hookName\":\"never\",\"path\":\"/x\"}]}",
	};
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		struct oci_spec spec = {0};
		struct crl_err err = CRL_ERR_INIT;
		char **groups = NULL;
		cJSON *edits = cJSON_Parse(texts[i]);
		spec.linux_ = calloc(1, sizeof(*spec.linux_));
		assert_int_equal(cdi_apply_edits(edits, &spec, &groups, &err), -1);
		cJSON_Delete(edits);
		json_free(&oci_spec_json, &spec);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_last_error),     cmocka_unit_test(test_exit_codes),
		cmocka_unit_test(test_volume_options), cmocka_unit_test(test_edits),
		cmocka_unit_test(test_damaged_edits),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
