/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The default policy as the kernel will see it: compiled, then asked call by
 * call in a small interpreter of classic BPF.
 */
#include "runtime/seccomp_filter.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#ifdef __x86_64__

static uint32_t ask(const struct seccomp_filter *f, const struct seccomp_data *d)
{
	uint32_t a = 0;
	for (unsigned pc = 0; pc < f->n; pc++) {
		const struct sock_filter *i = &f->insns[pc];
		bool jump = false;
		switch (i->code) {
		case BPF_LD | BPF_W | BPF_ABS:
			assert_true(i->k + 4 <= sizeof(*d));
			memcpy(&a, (const char *)d + i->k, 4);
			continue;
		case BPF_ALU | BPF_AND | BPF_K: a &= i->k; continue;
		case BPF_RET | BPF_K: return i->k;
		case BPF_JMP | BPF_JA: pc += i->k; continue;
		case BPF_JMP | BPF_JEQ | BPF_K: jump = a == i->k; break;
		case BPF_JMP | BPF_JGT | BPF_K: jump = a > i->k; break;
		case BPF_JMP | BPF_JGE | BPF_K: jump = a >= i->k; break;
		case BPF_JMP | BPF_JSET | BPF_K: jump = (a & i->k) != 0; break;
		default: fail_msg("instruction %#x", i->code);
		}
		pc += jump ? i->jt : i->jf;
	}
	fail_msg("fell off the end");
	return 0;
}

static uint32_t call(const struct seccomp_filter *f, int nr, uint64_t arg0)
{
	struct seccomp_data d = {.nr = nr, .arch = AUDIT_ARCH_X86_64, .args = {arg0}};
	return ask(f, &d);
}

static uint32_t call_i386(const struct seccomp_filter *f, int nr, uint64_t arg0)
{
	struct seccomp_data d = {.nr = nr, .arch = AUDIT_ARCH_I386, .args = {arg0}};
	return ask(f, &d);
}

static void compile_default(char *const *caps, struct seccomp_filter *ret)
{
	struct oci_linux_seccomp *profile;
	struct crl_err err = CRL_ERR_INIT;
	assert_int_equal(crl_seccomp_default(caps, &profile, &err), 0);
	if (seccomp_compile(profile, ret, &err) < 0)
		fail_msg("%s", err.msg);
	json_free(&oci_seccomp_json, profile);
	free(profile);
}

#define EPERM_RET (SECCOMP_RET_ERRNO | EPERM)
#define ENOSYS_RET (SECCOMP_RET_ERRNO | ENOSYS)

static void test_default(void **state)
{
	static const struct {
		int nr;
		uint64_t arg;
		uint32_t want;
	} rows[] = {
		{SYS_read, 0, SECCOMP_RET_ALLOW},
		{SYS_execve, 0, SECCOMP_RET_ALLOW},
		{SYS_chroot, 0, SECCOMP_RET_ALLOW}, /* CAP_SYS_CHROOT is a default one */
		{SYS_ptrace, 0, SECCOMP_RET_ALLOW},
		{SYS_mknodat, 0, SECCOMP_RET_ALLOW},
		{SYS_clone, 17, SECCOMP_RET_ALLOW},
		{SYS_clone, 0x10000000, EPERM_RET},
		{SYS_clone, 0x20000, EPERM_RET},
		{SYS_clone, 0x02000000, EPERM_RET},
		{SYS_clone3, 0, ENOSYS_RET},
		{SYS_socket, 1, SECCOMP_RET_ALLOW},
		{SYS_socket, 37, SECCOMP_RET_ALLOW},
		{SYS_socket, 38, EPERM_RET},
		{SYS_socket, 39, SECCOMP_RET_ALLOW},
		{SYS_socket, 40, EPERM_RET},
		{SYS_socket, 41, SECCOMP_RET_ALLOW},
		{SYS_personality, 0, SECCOMP_RET_ALLOW},
		{SYS_personality, 8, SECCOMP_RET_ALLOW},
		{SYS_personality, 0x20008, SECCOMP_RET_ALLOW},
		{SYS_personality, 0xffffffff, SECCOMP_RET_ALLOW},
		{SYS_personality, 0x0040000, EPERM_RET},
		{SYS_mount, 0, EPERM_RET},
		{SYS_umount2, 0, EPERM_RET},
		{SYS_unshare, 0, EPERM_RET},
		{SYS_setns, 0, EPERM_RET},
		{SYS_pivot_root, 0, EPERM_RET},
		{SYS_keyctl, 0, EPERM_RET},
		{SYS_add_key, 0, EPERM_RET},
		{SYS_bpf, 0, EPERM_RET},
		{SYS_perf_event_open, 0, EPERM_RET},
		{SYS_userfaultfd, 0, EPERM_RET},
		{SYS_io_uring_setup, 0, EPERM_RET},
		{SYS_kexec_load, 0, EPERM_RET},
		{SYS_init_module, 0, EPERM_RET},
		{SYS_reboot, 0, EPERM_RET},
		{SYS_swapon, 0, EPERM_RET},
		{SYS_syslog, 0, EPERM_RET},
		{SYS_open_by_handle_at, 0, EPERM_RET},
		{SYS_move_pages, 0, EPERM_RET},
		{SYS_settimeofday, 0, EPERM_RET},
		{452, 0, SECCOMP_RET_ALLOW}, /* fchmodat2: newer than some libseccomp */
		{457, 0, SECCOMP_RET_ALLOW}, /* statmount */
		{462, 0, SECCOMP_RET_ALLOW}, /* mseal */
		{459, 0, EPERM_RET},         /* lsm_get_self_attr */
		{467, 0, ENOSYS_RET},        /* newer than all the profile names */
		{5000, 0, ENOSYS_RET},
	};
	struct seccomp_filter f = {0};
	compile_default((char *const *)(uintptr_t)crl_default_capabilities, &f);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		uint32_t got = call(&f, rows[i].nr, rows[i].arg);
		if (got != rows[i].want)
			fail_msg("call %d(%#lx): %#x, expected %#x", rows[i].nr,
				 (unsigned long)rows[i].arg, got, rows[i].want);
	}
	seccomp_filter_free(&f);
}

static void test_capability_opens_calls(void **state)
{
	char *caps[] = {"CAP_SYS_ADMIN", "CAP_SYS_TIME", NULL};
	struct seccomp_filter f = {0};
	compile_default(caps, &f);
	assert_int_equal(call(&f, SYS_mount, 0), SECCOMP_RET_ALLOW);
	assert_int_equal(call(&f, SYS_clone, 0x10000000), SECCOMP_RET_ALLOW);
	assert_int_equal(call(&f, SYS_clone3, 0), SECCOMP_RET_ALLOW);
	assert_int_equal(call(&f, SYS_settimeofday, 0), SECCOMP_RET_ALLOW);
	assert_int_equal(call(&f, 459, 0), SECCOMP_RET_ALLOW);
	assert_int_equal(call(&f, SYS_chroot, 0), EPERM_RET);
	assert_int_equal(call(&f, SYS_io_uring_setup, 0), EPERM_RET);
	seccomp_filter_free(&f);
}

static void test_other_architectures(void **state)
{
	struct seccomp_filter f = {0};
	compile_default((char *const *)(uintptr_t)crl_default_capabilities, &f);
	struct seccomp_data d = {.nr = 21, .arch = AUDIT_ARCH_I386}; /* mount on i386 */
	assert_int_equal(ask(&f, &d), EPERM_RET);
	d.nr = 3; /* read */
	assert_int_equal(ask(&f, &d), SECCOMP_RET_ALLOW);
	d.nr = 600;
	assert_int_equal(ask(&f, &d), ENOSYS_RET);
	d = (struct seccomp_data){.nr = 0x40000000, .arch = AUDIT_ARCH_X86_64}; /* x32 read */
	assert_int_equal(ask(&f, &d), SECCOMP_RET_ALLOW);
	d = (struct seccomp_data){.nr = 63, .arch = AUDIT_ARCH_AARCH64};
	assert_int_equal(ask(&f, &d) & SECCOMP_RET_ACTION_FULL, SECCOMP_RET_KILL_THREAD);
	seccomp_filter_free(&f);
}

/* socketcall(SYS_SOCKET, pointer) would give AF_ALG and AF_VSOCK to whoever enters by int 0x80. */
static void test_i386_socket(void **state)
{
	struct seccomp_filter f = {0};
	compile_default((char *const *)(uintptr_t)crl_default_capabilities, &f);
	assert_int_equal(call_i386(&f, 102, 1), EPERM_RET);
	for (uint64_t other = 2; other <= 20; other++)
		assert_int_equal(call_i386(&f, 102, other), SECCOMP_RET_ALLOW);
	assert_int_equal(call_i386(&f, 359, 2), SECCOMP_RET_ALLOW);
	assert_int_equal(call_i386(&f, 359, 38), EPERM_RET);
	assert_int_equal(call_i386(&f, 359, 40), EPERM_RET);
	seccomp_filter_free(&f);
}

static void test_bad_profiles(void **state)
{
	static const char *const texts[] = {
		"{\"defaultAction\":\"SCMP_ACT_NOPE\"}",
		"{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"architectures\":[\"x\"]}",
		"{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"flags\":[\"X\"]}",
		"{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"defaultErrnoRet\":99999}",
		"{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"syscalls\":[{\"names\":[\"read\"],"
		"\"action\":"
		"\"SCMP_ACT_ALLOW\",\"args\":[{\"index\":6,\"value\":0,\"op\":\"SCMP_CMP_EQ\"}]}]}",
	};
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		struct oci_linux_seccomp p = {0};
		struct seccomp_filter f = {0};
		struct crl_err err = CRL_ERR_INIT;
		assert_int_equal(
			json_decode(&oci_seccomp_json, texts[i], strlen(texts[i]), 0, &p, &err), 0);
		assert_int_equal(seccomp_compile(&p, &f, &err), -1);
		assert_null(f.insns);
		json_free(&oci_seccomp_json, &p);
	}
}

static void damage(const char *dir)
{
	_cleanup_free_ char *cmd = NULL;
	assert_true(asprintf(&cmd,
			     "for f in %s/*; do printf X | dd of=$f bs=1 seek=200 "
			     "conv=notrunc 2>/dev/null; done",
			     dir) > 0);
	assert_int_equal(system(cmd), 0);
}

static void test_cache(void **state)
{
	char dir[] = "/tmp/crl-seccomp.XXXXXX";
	assert_non_null(mkdtemp(dir));
	struct oci_linux_seccomp *p;
	struct seccomp_filter a = {0}, b = {0}, c = {0};
	struct crl_err err = CRL_ERR_INIT;
	assert_int_equal(crl_seccomp_default(NULL, &p, &err), 0);
	assert_int_equal(seccomp_filter_get(p, dir, &a, &err), 0);
	assert_int_equal(seccomp_filter_get(p, dir, &b, &err), 0);
	assert_int_equal(a.n, b.n);
	assert_memory_equal(a.insns, b.insns, a.n * sizeof(*a.insns));
	/* A damaged file is not believed. */
	damage(dir);
	assert_int_equal(seccomp_filter_get(p, dir, &c, &err), 0);
	assert_int_equal(a.n, c.n);
	assert_memory_equal(a.insns, c.insns, a.n * sizeof(*a.insns));
	seccomp_filter_free(&a);
	seccomp_filter_free(&b);
	seccomp_filter_free(&c);
	/* Nor is a folder that others may write to: the file in it stays damaged, unread. */
	damage(dir);
	assert_int_equal(chmod(dir, 0777), 0);
	assert_int_equal(seccomp_filter_get(p, dir, &c, &err), 0);
	seccomp_filter_free(&c);
	json_free(&oci_seccomp_json, p);
	free(p);
	_cleanup_free_ char *cmd = NULL;
	assert_true(asprintf(&cmd, "rm -r %s", dir) > 0);
	assert_int_equal(system(cmd), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_default),
		cmocka_unit_test(test_capability_opens_calls),
		cmocka_unit_test(test_other_architectures),
		cmocka_unit_test(test_i386_socket),
		cmocka_unit_test(test_bad_profiles),
		cmocka_unit_test(test_cache),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

#else
int main(void)
{
	return 77; /* the call numbers above are amd64's */
}
#endif
