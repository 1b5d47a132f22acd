/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Mount options, sysctl names, ids, exit codes: small parsers of config.json's words. */
#include "runtime/mount_options.h"
#include "runtime/namespaces.h"
#include "runtime/rt.h"
#include "runtime/sysctl.h"

#include <errno.h>
#include <sched.h>
#include <sys/mount.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static struct mount_options parse(char *const *words)
{
	struct mount_options o;
	struct crl_err err = CRL_ERR_INIT;
	assert_int_equal(mount_options_parse(words, &o, &err), 0);
	return o;
}

static void test_flags(void **state)
{
	char *words[] = {"rbind",   "ro",          "nosuid",  "rslave",
			 "size=5k", "newinstance", "rnoexec", NULL};
	struct mount_options o = parse(words);
	assert_true(o.bind && o.bind_below);
	assert_int_equal(o.set, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID);
	assert_int_equal(o.set_below, MOUNT_ATTR_NOEXEC);
	assert_int_equal(o.propagation, MS_SLAVE);
	assert_true(o.propagation_below);
	assert_string_equal(o.data[0], "size=5k");
	assert_string_equal(o.data[1], "newinstance");
	assert_null(o.data[2]);
	mount_options_free(&o);
}

static void test_last_word_wins(void **state)
{
	char *words[] = {"ro", "rw", "suid", "nosuid", NULL};
	struct mount_options o = parse(words);
	assert_int_equal(o.set, MOUNT_ATTR_NOSUID);
	assert_int_equal(o.clear, MOUNT_ATTR_RDONLY);
	mount_options_free(&o);
}

static void test_times_exclude_each_other(void **state)
{
	char *words[] = {"noatime", "strictatime", NULL};
	struct mount_options o = parse(words);
	assert_int_equal(o.set & MOUNT_ATTR__ATIME, MOUNT_ATTR_STRICTATIME);
	mount_options_free(&o);
}

static void test_idmap(void **state)
{
	char *words[] = {"idmap", "size=1m", NULL}, *below[] = {"ridmap", NULL};
	struct mount_options o = parse(words);
	assert_true(o.idmap && !o.idmap_below);
	assert_string_equal(o.data[0], "size=1m");
	mount_options_free(&o);
	o = parse(below);
	assert_true(o.idmap && o.idmap_below);
	mount_options_free(&o);
}

static void test_sysctl_names(void **state)
{
	static const struct {
		const char *key, *path; /* NULL = refused */
	} rows[] = {
		{"net.ipv4.ip_forward", "sys/net/ipv4/ip_forward"},
		{"net/ipv4/conf/eth0.1/rp_filter", "sys/net/ipv4/conf/eth0.1/rp_filter"},
		{"net.ipv4.conf.eth0/1.rp_filter", "sys/net/ipv4/conf/eth0.1/rp_filter"},
		{"kernel/../x", NULL},
		{"net//x", NULL},
		{"/etc/passwd", NULL},
		{".x", NULL},
		{"", NULL},
		{"net.ipv4./.x", NULL},
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char path[256];
		bool ok = sysctl_path(rows[i].key, path, sizeof(path));
		if (ok != (rows[i].path != NULL))
			fail_msg("key \"%s\": %s", rows[i].key, ok ? path : "refused");
		if (ok)
			assert_string_equal(path, rows[i].path);
	}
	char small[8];
	assert_false(sysctl_path("net.ipv4.ip_forward", small, sizeof(small)));
}

static int check(const char *key, bool net, bool ipc, struct crl_err *err)
{
	struct namespaces ns;
	namespaces_init(&ns);
	ns.fresh[NS_NET] = net;
	ns.fresh[NS_IPC] = ipc;
	struct strmap m = {0};
	strmap_set(&m, key, "1");
	int r = sysctl_check(&m, &ns, err);
	strmap_free(&m);
	return r;
}

static void test_sysctl_belongs_to_a_namespace(void **state)
{
	struct crl_err err = CRL_ERR_INIT;
	assert_int_equal(check("net.ipv4.ip_forward", true, false, &err), 0);
	assert_int_equal(check("net.ipv4.ip_forward", false, true, &err), -1);
	assert_int_equal(check("kernel.shmmax", false, true, &err), 0);
	assert_int_equal(check("kernel.shmmax_x", false, true, &err), -1);
	assert_int_equal(check("kernel.core_pattern", true, true, &err), -1);
	assert_int_equal(check("vm.overcommit_memory", true, true, &err), -1);
	assert_int_equal(check("network.x", true, true, &err), -1);
}

static void test_ids(void **state)
{
	static const char *const good[] = {"a", "A_b+c-1.2", "-x", "0"};
	static const char *const bad[] = {"", ".", "..", ".a", "a/b", "a b", "a\nb", "\xc3\xa4"};
	for (size_t i = 0; i < ARRAY_SIZE(good); i++)
		assert_true(check_id(good[i]));
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_false(check_id(bad[i]));
	char lng[1026];
	memset(lng, 'a', sizeof(lng));
	lng[1025] = '\0';
	assert_false(check_id(lng));
	lng[1024] = '\0';
	assert_true(check_id(lng));
}

static void test_namespaces(void **state)
{
	struct oci_namespace list[] = {{"pid", NULL}, {"network", ""}, {"cgroup", NULL}};
	struct oci_linux l = {.namespaces = list, .n_namespaces = 3};
	struct namespaces ns;
	struct crl_err err = CRL_ERR_INIT;
	namespaces_init(&ns);
	assert_int_equal(namespaces_open(&ns, &l, -1, &err), 0);
	assert_true(ns.fresh[NS_PID] && ns.fresh[NS_NET] && ns.fresh[NS_CGROUP]);
	assert_int_equal(namespaces_clone_flags(&ns), CLONE_NEWPID | CLONE_NEWNET);
	list[1].type = "pid";
	namespaces_init(&ns);
	assert_int_equal(namespaces_open(&ns, &l, -1, &err), -1);
	assert_non_null(strstr(err.msg, "given twice"));
	list[1] = (struct oci_namespace){"network", "/proc/self/ns/uts"};
	namespaces_init(&ns);
	assert_int_equal(namespaces_open(&ns, &l, -1, &err), -1);
	assert_non_null(strstr(err.msg, "another kind"));
	namespaces_close(&ns);
	list[1].path = "/dev/null";
	namespaces_init(&ns);
	assert_int_equal(namespaces_open(&ns, &l, -1, &err), -1);
	assert_non_null(strstr(err.msg, "not a namespace"));
	namespaces_close(&ns);
}

static void test_exit_codes(void **state)
{
	struct crl_err e = CRL_ERR_INIT;
	crl_fail(&e, CRL_NOT_FOUND, "exec: \"x\": executable file not found in $PATH");
	e.sys = ENOENT;
	assert_int_equal(crl_rt_exit_code_of(&e), 127);
	crl_fail(&e, CRL_INVALID, "exec: \"x\": permission denied");
	e.sys = EACCES;
	assert_int_equal(crl_rt_exit_code_of(&e), 126);
	crl_fail_sys(&e, ENOENT, "rt.mount_root: root.path /x");
	assert_int_equal(crl_rt_exit_code_of(&e), 125);
	crl_fail_sys(&e, EACCES, "executing hooks");
	assert_int_equal(crl_rt_exit_code_of(&e), 125);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_flags),
		cmocka_unit_test(test_last_word_wins),
		cmocka_unit_test(test_times_exclude_each_other),
		cmocka_unit_test(test_idmap),
		cmocka_unit_test(test_sysctl_names),
		cmocka_unit_test(test_sysctl_belongs_to_a_namespace),
		cmocka_unit_test(test_ids),
		cmocka_unit_test(test_namespaces),
		cmocka_unit_test(test_exit_codes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
