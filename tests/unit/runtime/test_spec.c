/* SPDX-License-Identifier: GPL-2.0-or-later */
/* config.json through its tables and back. */
#include <base/path.h>
#include <crun-lite/runtime.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static const char full[] =
	"{\"ociVersion\":\"1.2.0\",\"root\":{\"path\":\"rootfs\",\"readonly\":true},"
	"\"process\":{\"terminal\":true,\"consoleSize\":{\"height\":25,\"width\":80},"
	"\"user\":{\"uid\":1,\"gid\":2,\"umask\":18,\"additionalGids\":[5,6]},"
	"\"args\":[\"sh\"],\"env\":[\"A=b\"],\"cwd\":\"/\","
	"\"capabilities\":{\"bounding\":[\"CAP_KILL\"]},"
	"\"rlimits\":[{\"type\":\"RLIMIT_NOFILE\",\"hard\":1024,\"soft\":1024}],"
	"\"noNewPrivileges\":true,\"oomScoreAdj\":0},\"hostname\":\"h\","
	"\"mounts\":[{\"destination\":\"/x\",\"type\":\"bind\",\"source\":\"/"
	"y\",\"options\":[\"ro\"]}],"
	"\"hooks\":{\"poststop\":[{\"path\":\"/bin/true\",\"timeout\":3}]},"
	"\"linux\":{\"namespaces\":[{\"type\":\"pid\"},{\"type\":\"network\",\"path\":\"/n\"}],"
	"\"timeOffsets\":{\"monotonic\":{\"secs\":5,\"nanosecs\":6}},"
	"\"devices\":[{\"type\":\"c\",\"path\":\"/dev/"
	"x\",\"major\":1,\"minor\":2,\"fileMode\":438}],"
	"\"cgroupsPath\":\"/a/b\",\"maskedPaths\":[\"/proc/keys\"],"
	"\"resources\":{\"devices\":[{\"allow\":false,\"access\":\"rwm\"}],"
	"\"memory\":{\"limit\":0},\"pids\":{\"limit\":-1},\"unified\":{\"memory.high\":\"5\"}},"
	"\"seccomp\":{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"defaultErrnoRet\":1,"
	"\"syscalls\":[{\"names\":[\"read\"],\"action\":\"SCMP_ACT_ALLOW\",\"args\":"
	"[{\"index\":0,\"value\":4294967295,\"op\":\"SCMP_CMP_EQ\"}]}]},"
	"\"sysctl\":{\"net.x\":\"1\"}},\"annotations\":{\"k\":\"v\"},\"windows\":{}}";

static void test_round_trip(void **state)
{
	struct oci_spec a = {0}, b = {0};
	struct crl_err err = CRL_ERR_INIT;
	if (json_decode(&oci_spec_json, full, strlen(full), JSON_LAX, &a, &err) < 0)
		fail_msg("%s", err.msg);
	assert_int_equal(a.process->user.umask.v, 18);
	assert_true(a.process->oom_score_adj.set);
	assert_int_equal(a.linux_->time_offsets[0].secs, 5);
	assert_string_equal(a.linux_->time_offsets[0].key, "monotonic");
	assert_true(a.linux_->resources->memory->limit.set);
	assert_false(a.linux_->resources->memory->swap.set);
	assert_int_equal(a.linux_->resources->pids->limit.v, -1);
	assert_int_equal(a.hooks->poststop[0].timeout.v, 3);
	assert_int_equal(a.linux_->seccomp->syscalls[0].args[0].value, 4294967295u);
	_cleanup_free_ char *first = json_encode(&oci_spec_json, &a);
	assert_int_equal(json_decode(&oci_spec_json, first, strlen(first), JSON_LAX, &b, &err), 0);
	_cleanup_free_ char *second = json_encode(&oci_spec_json, &b);
	assert_string_equal(first, second);
	/* A limit of 0 that was said is not the same as none. */
	assert_non_null(strstr(first, "\"memory\":{\"limit\":0}"));
	assert_null(strstr(first, "windows"));
	json_free(&oci_spec_json, &a);
	json_free(&oci_spec_json, &b);
}

static void test_wrong_types(void **state)
{
	static const char *const bad[] = {
		"{}",
		"{\"ociVersion\":1}",
		"{\"ociVersion\":\"1.0.0\",\"process\":{\"cwd\":\"/\",\"args\":\"sh\"}}",
		"{\"ociVersion\":\"1.0.0\",\"process\":{\"args\":[\"sh\"]}}",
		"{\"ociVersion\":\"1.0.0\",\"process\":{\"cwd\":\"/"
		"\",\"user\":{\"uid\":-1,\"gid\":0}}}",
		"{\"ociVersion\":\"1.0.0\",\"process\":{\"cwd\":\"/\",\"user\":{\"uid\":4294967296,"
		"\"gid\":0}}}",
		"{\"ociVersion\":\"1.0.0\",\"linux\":{\"namespaces\":[{}]}}",
		"{\"ociVersion\":\"1.0.0\",\"ociVersion\":\"1.0.0\"}",
	};
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct oci_spec s = {0};
		struct crl_err err = CRL_ERR_INIT;
		if (json_decode(&oci_spec_json, bad[i], strlen(bad[i]), JSON_LAX, &s, &err) == 0)
			fail_msg("accepted: %s", bad[i]);
		assert_int_equal(err.code, CRL_INVALID);
	}
}

static void test_default_policy(void **state)
{
	size_t n = strv_len((char *const *)(uintptr_t)crl_default_capabilities);
	assert_int_equal(n, 14);
	assert_string_equal(crl_all_capabilities()[0], "CAP_CHOWN");
	for (size_t i = 0; i < n; i++)
		assert_true(strv_contains((char *const *)(uintptr_t)crl_all_capabilities(),
					  crl_default_capabilities[i]));
	assert_true(
		strv_contains((char *const *)(uintptr_t)crl_default_masked_paths, "/proc/kcore"));
	assert_true(
		strv_contains((char *const *)(uintptr_t)crl_default_readonly_paths, "/proc/sys"));
}

static void make_cpu(const char *dir, const char *name, const char *below)
{
	char path[400];
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	assert_int_equal(mkdir(path, 0755), 0);
	if (!below)
		return;
	snprintf(path, sizeof(path), "%s/%s/%s", dir, name, below);
	assert_int_equal(mkdir(path, 0755), 0);
}

static void test_thermal_masks(void **state)
{
	char dir[] = "/tmp/crl-cpus.XXXXXX", *const *base = (char *const *)(uintptr_t)
						     crl_default_masked_paths;
	struct crl_err err = CRL_ERR_INIT;
	assert_non_null(mkdtemp(dir));
	make_cpu(dir, "cpu0", "thermal_throttle");
	make_cpu(dir, "cpu11", "thermal_throttle");
	make_cpu(dir, "cpu2", NULL);
	make_cpu(dir, "cpuidle", "thermal_throttle");
	char **list = crl_masked_paths(dir);
	assert_non_null(list);
	assert_int_equal(strv_len(list), strv_len(base) + 2);
	assert_true(strv_contains(list, "/sys/devices/system/cpu/cpu0/thermal_throttle"));
	assert_true(strv_contains(list, "/sys/devices/system/cpu/cpu11/thermal_throttle"));
	for (size_t i = 0; base[i]; i++)
		assert_true(strv_contains(list, base[i]));
	strv_free(list);
	assert_int_equal(path_remove_tree(AT_FDCWD, dir, &err), 0);
	/* A host without the folder: the plain list. */
	list = crl_masked_paths(dir);
	assert_int_equal(strv_len(list), strv_len(base));
	strv_free(list);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_wrong_types),
		cmocka_unit_test(test_default_policy),
		cmocka_unit_test(test_thermal_masks),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
