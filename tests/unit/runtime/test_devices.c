/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The device program, asked access by access in a small interpreter of eBPF. */
#include "runtime/device_filter.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define R BPF_DEVCG_ACC_READ
#define W BPF_DEVCG_ACC_WRITE
#define M BPF_DEVCG_ACC_MKNOD
#define C BPF_DEVCG_DEV_CHAR
#define B BPF_DEVCG_DEV_BLOCK

static bool ask(const struct bpf_insn *p, size_t n, unsigned type, unsigned access, unsigned major,
		unsigned minor)
{
	struct bpf_cgroup_dev_ctx ctx = {access << 16 | type, major, minor};
	uint64_t r[11] = {0};
	for (size_t pc = 0; pc < n; pc++) {
		const struct bpf_insn *i = &p[pc];
		uint64_t *d = &r[i->dst_reg];
		switch (i->code) {
		case BPF_LDX | BPF_W | BPF_MEM: {
			uint32_t v;
			memcpy(&v, (const char *)&ctx + i->off, 4);
			*d = v;
			break;
		}
		case BPF_ALU64 | BPF_MOV | BPF_X: *d = r[i->src_reg]; break;
		case BPF_ALU64 | BPF_MOV | BPF_K: *d = (uint64_t)(int64_t)i->imm; break;
		case BPF_ALU64 | BPF_AND | BPF_K: *d &= (uint64_t)(int64_t)i->imm; break;
		case BPF_ALU64 | BPF_RSH | BPF_K: *d >>= i->imm; break;
		case BPF_JMP | BPF_JNE | BPF_K:
			pc += *d != (uint64_t)(int64_t)i->imm ? i->off : 0;
			break;
		case BPF_JMP | BPF_JEQ | BPF_K:
			pc += *d == (uint64_t)(int64_t)i->imm ? i->off : 0;
			break;
		case BPF_JMP | BPF_EXIT: return r[0] != 0;
		default: fail_msg("instruction %#x", i->code);
		}
	}
	fail_msg("fell off the end");
	return false;
}

static struct bpf_insn *build(const struct oci_device_cgroup *rules, size_t n, size_t *ret_n)
{
	struct bpf_insn *p = NULL;
	struct crl_err err = CRL_ERR_INIT;
	if (device_filter_build(rules, n, &p, ret_n, &err) < 0)
		fail_msg("%s", err.msg);
	return p;
}

static void test_defaults(void **state)
{
	size_t n;
	_cleanup_free_ struct bpf_insn *p = build(NULL, 0, &n);
	assert_non_null(p);
	assert_true(ask(p, n, C, R | W, 1, 3));
	assert_true(ask(p, n, C, R | W, 136, 7));
	assert_true(ask(p, n, B, M, 8, 0)); /* a node may be made, not opened */
	assert_false(ask(p, n, B, R, 8, 0));
	assert_false(ask(p, n, B, R | M, 8, 0));
	assert_false(ask(p, n, C, R, 1, 1));        /* /dev/mem */
	assert_false(ask(p, n, C, R | W, 10, 200)); /* tun */
	assert_false(ask(p, n, B, R, 1, 3));        /* the number alone does not make it null */
}

static void test_all_allowed_needs_no_program(void **state)
{
	size_t n;
	struct oci_device_cgroup all = {.allow = true, .type = "a", .access = "rwm"};
	assert_null(build(&all, 1, &n));
}

static void test_later_rules_win(void **state)
{
	size_t n;
	struct oci_device_cgroup rules[] = {
		{.allow = true, .type = "a", .access = "rwm"},
		{.allow = false, .type = "b", .major = {true, 8}, .access = "w"},
	};
	_cleanup_free_ struct bpf_insn *p = build(rules, 2, &n);
	assert_non_null(p);
	assert_true(ask(p, n, B, R, 8, 1));
	assert_false(ask(p, n, B, W, 8, 1));
	assert_false(ask(p, n, B, R | W, 8, 1));
	assert_true(ask(p, n, B, W, 9, 1));
}

static void test_allow_needs_every_access(void **state)
{
	size_t n;
	struct oci_device_cgroup rules[] = {
		{.allow = false, .type = "a", .access = "rwm"},
		{.allow = true,
		 .type = "c",
		 .major = {true, 10},
		 .minor = {true, 229},
		 .access = "r"},
		{.allow = true,
		 .type = "b",
		 .major = {true, -1},
		 .minor = {true, 5},
		 .access = "rw"},
	};
	_cleanup_free_ struct bpf_insn *p = build(rules, 3, &n);
	assert_true(ask(p, n, C, R, 10, 229));
	assert_false(ask(p, n, C, R | W, 10, 229));
	assert_false(ask(p, n, C, R, 10, 228));
	assert_true(ask(p, n, B, R | W, 77, 5));
	assert_false(ask(p, n, B, R | W, 77, 6));
}

static void test_bad_words(void **state)
{
	struct oci_device_cgroup rules[] = {{.allow = true, .type = "x"},
					    {.allow = true, .type = "c", .access = "rq"}};
	for (size_t i = 0; i < ARRAY_SIZE(rules); i++) {
		struct bpf_insn *p = NULL;
		size_t n;
		struct crl_err err = CRL_ERR_INIT;
		assert_int_equal(device_filter_build(&rules[i], 1, &p, &n, &err), -1);
		assert_int_equal(err.code, CRL_INVALID);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_all_allowed_needs_no_program),
		cmocka_unit_test(test_later_rules_win),
		cmocka_unit_test(test_allow_needs_every_access),
		cmocka_unit_test(test_bad_words),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
