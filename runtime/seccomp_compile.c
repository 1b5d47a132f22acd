/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * linux.seccomp to BPF by libseccomp, with a prologue of our own in front:
 *
 * - calls newer than the library, which it cannot name, are decided there
 *   (their numbers are the same on every architecture since Linux 5.1);
 * - calls newer than everything the profile knows answer ENOSYS instead of the
 *   default errno, so that C libraries fall back to what they did before.
 * - on i386, socketcall(SYS_SOCKET) hides the address family behind a pointer,
 *   and the library allows it as soon as any family is allowed: a profile that
 *   judges the family refuses it here.
 *
 * See seccomp(2), seccomp_rule_add_array(3), socketcall(2).
 */
#include "seccomp_filter.h"
#include "sys.h"
#include <errno.h>
#include <inttypes.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stddef.h>
#include <sys/mman.h>

#define X32_BIT 0x40000000U
#define I386_SOCKETCALL 102
#define SOCKETCALL_SOCKET 1
#define FIRST_NEW_CALL 424 /* from here on numbers are common to all architectures */

static const struct {
	const char *name;
	uint32_t number;
} newer_calls[] = {
	{"cachestat", 451},         {"fchmodat2", 452},        {"map_shadow_stack", 453},
	{"futex_wake", 454},        {"futex_wait", 455},       {"futex_requeue", 456},
	{"statmount", 457},         {"listmount", 458},        {"lsm_get_self_attr", 459},
	{"lsm_set_self_attr", 460}, {"lsm_list_modules", 461}, {"mseal", 462},
	{"setxattrat", 463},        {"getxattrat", 464},       {"listxattrat", 465},
	{"removexattrat", 466},     {"open_tree_attr", 467},   {"file_getattr", 468},
	{"file_setattr", 469},
};

static const struct {
	uint32_t scmp, audit;
} archs[] = {
	{SCMP_ARCH_X86_64, AUDIT_ARCH_X86_64},   {SCMP_ARCH_X86, AUDIT_ARCH_I386},
	{SCMP_ARCH_AARCH64, AUDIT_ARCH_AARCH64}, {SCMP_ARCH_ARM, AUDIT_ARCH_ARM},
	{SCMP_ARCH_PPC64LE, AUDIT_ARCH_PPC64LE}, {SCMP_ARCH_S390X, AUDIT_ARCH_S390X},
	{SCMP_ARCH_S390, AUDIT_ARCH_S390},       {SCMP_ARCH_RISCV64, AUDIT_ARCH_RISCV64},
};

static const struct {
	const char *name;
	uint32_t scmp, bpf;
} actions[] = {
	{"SCMP_ACT_KILL", SCMP_ACT_KILL_THREAD, SECCOMP_RET_KILL_THREAD},
	{"SCMP_ACT_KILL_THREAD", SCMP_ACT_KILL_THREAD, SECCOMP_RET_KILL_THREAD},
	{"SCMP_ACT_KILL_PROCESS", SCMP_ACT_KILL_PROCESS, SECCOMP_RET_KILL_PROCESS},
	{"SCMP_ACT_TRAP", SCMP_ACT_TRAP, SECCOMP_RET_TRAP},
	{"SCMP_ACT_LOG", SCMP_ACT_LOG, SECCOMP_RET_LOG},
	{"SCMP_ACT_ALLOW", SCMP_ACT_ALLOW, SECCOMP_RET_ALLOW},
};

static const struct {
	const char *name;
	enum scmp_compare op;
} operators[] = {
	{"SCMP_CMP_NE", SCMP_CMP_NE},
	{"SCMP_CMP_LT", SCMP_CMP_LT},
	{"SCMP_CMP_LE", SCMP_CMP_LE},
	{"SCMP_CMP_EQ", SCMP_CMP_EQ},
	{"SCMP_CMP_GE", SCMP_CMP_GE},
	{"SCMP_CMP_GT", SCMP_CMP_GT},
	{"SCMP_CMP_MASKED_EQ", SCMP_CMP_MASKED_EQ},
};

static const struct {
	const char *name;
	unsigned flag;
} filter_flags[] = {
	{"SECCOMP_FILTER_FLAG_TSYNC", 0}, /* one thread: nothing to synchronise */
	{"SECCOMP_FILTER_FLAG_LOG", SECCOMP_FILTER_FLAG_LOG},
	{"SECCOMP_FILTER_FLAG_SPEC_ALLOW", SECCOMP_FILTER_FLAG_SPEC_ALLOW},
	{"SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV", 0}, /* for listeners, which are refused */
};

/* A compilation under way. */
struct job {
	const struct oci_linux_seccomp *profile;
	scmp_filter_ctx ctx;
	uint32_t default_scmp, default_bpf;
	uint32_t newer[ARRAY_SIZE(
		newer_calls)]; /* SECCOMP_RET_* + 1 of calls decided in the prologue */
	bool judges_family;    /* a rule for socket(2) that looks at its arguments */
	bool frees_socketcall; /* the author named socketcall(2) without a condition */
	uint32_t highest;      /* number of the newest call the profile names */
	struct sock_filter
		pro[ARRAY_SIZE(newer_calls) * 2 * 4 + 64]; /* a host has up to 3 architectures */
	unsigned short n_pro;
};

static int action_of(const char *name, const struct opt_u64 *errno_ret, uint32_t *scmp,
		     uint32_t *bpf, struct crl_err *err)
{
	uint16_t data = (uint16_t)(errno_ret->set ? errno_ret->v : EPERM);
	if (errno_ret->set && errno_ret->v > 4095)
		return crl_fail(err, CRL_INVALID, "errnoRet %" PRIu64 ": too large", errno_ret->v);
	if (str_eq(name, "SCMP_ACT_ERRNO")) {
		*scmp = SCMP_ACT_ERRNO(data);
		*bpf = SECCOMP_RET_ERRNO | data;
		return 0;
	}
	if (str_eq(name, "SCMP_ACT_TRACE")) {
		*scmp = SCMP_ACT_TRACE(data);
		*bpf = SECCOMP_RET_TRACE | data;
		return 0;
	}
	for (size_t i = 0; i < ARRAY_SIZE(actions); i++)
		if (str_eq(name, actions[i].name)) {
			*scmp = actions[i].scmp;
			*bpf = actions[i].bpf;
			return 0;
		}
	return crl_fail(err, CRL_INVALID, "unknown action \"%s\"", name);
}

static int read_args(const struct oci_seccomp_syscall *rule, struct scmp_arg_cmp *ret,
		     struct crl_err *err)
{
	for (size_t i = 0; i < rule->n_args; i++) {
		const struct oci_seccomp_arg *a = &rule->args[i];
		size_t k = 0;
		while (k < ARRAY_SIZE(operators) && !str_eq(operators[k].name, a->op))
			k++;
		if (k == ARRAY_SIZE(operators) || a->index > 5)
			return crl_fail(err, CRL_INVALID, "argument %u, operator \"%s\"", a->index,
					a->op);
		ret[i] = (struct scmp_arg_cmp){.arg = a->index,
					       .op = operators[k].op,
					       .datum_a = a->value,
					       .datum_b = a->value_two};
	}
	return 0;
}

static bool take_newer(struct job *j, const char *name, uint32_t bpf, bool has_args)
{
	for (size_t i = 0; i < ARRAY_SIZE(newer_calls); i++) {
		if (!str_eq(name, newer_calls[i].name))
			continue;
		if (!has_args)
			j->newer[i] = bpf + 1;
		if (newer_calls[i].number > j->highest)
			j->highest = newer_calls[i].number;
		return true;
	}
	return false;
}

static void note_sockets(struct job *j, const char *name, size_t n_args)
{
	j->judges_family |= str_eq(name, "socket") && n_args > 0;
	j->frees_socketcall |= str_eq(name, "socketcall") && n_args == 0;
}

static int add_rule(struct job *j, const char *name, uint32_t scmp, uint32_t bpf,
		    const struct scmp_arg_cmp *args, size_t n_args, struct crl_err *err)
{
	int nr = seccomp_syscall_resolve_name(name);
	if (nr == __NR_SCMP_ERROR) {
		/* Unknown names are passed over: a profile may be newer than this host. */
		take_newer(j, name, bpf, n_args > 0);
		return 0;
	}
	if (nr > 0 && (uint32_t)nr > j->highest)
		j->highest = (uint32_t)nr;
	if (scmp == j->default_scmp)
		return 0;
	note_sockets(j, name, n_args);
	/* Several conditions on one argument cannot be one rule: as runc does, each becomes its
	 * own. */
	bool repeated = false;
	for (size_t a = 0; a < n_args; a++)
		for (size_t b = a + 1; b < n_args; b++)
			repeated = repeated || args[a].arg == args[b].arg;
	int r = 0;
	if (!repeated)
		r = seccomp_rule_add_array(j->ctx, scmp, nr, (unsigned)n_args, args);
	for (size_t a = 0; repeated && r == 0 && a < n_args; a++)
		r = seccomp_rule_add_array(j->ctx, scmp, nr, 1, &args[a]);
	if (r < 0 && r != -EEXIST)
		return crl_fail_sys(err, -r, "rule for %s", name);
	return 0;
}

static int add_rules(struct job *j, struct crl_err *err)
{
	for (size_t i = 0; i < j->profile->n_syscalls; i++) {
		const struct oci_seccomp_syscall *rule = &j->profile->syscalls[i];
		uint32_t scmp, bpf;
		struct scmp_arg_cmp args[6];
		if (rule->n_args > 6)
			return crl_fail(err, CRL_INVALID, "a rule with %zu arguments",
					rule->n_args);
		if (action_of(rule->action, &rule->errno_ret, &scmp, &bpf, err) < 0 ||
		    read_args(rule, args, err) < 0)
			return -1;
		for (size_t k = 0; rule->names[k]; k++)
			if (add_rule(j, rule->names[k], scmp, bpf, args, rule->n_args, err) < 0)
				return -1;
	}
	return 0;
}

static int add_archs(struct job *j, struct crl_err *err)
{
	for (size_t i = 0; j->profile->architectures && j->profile->architectures[i]; i++) {
		const char *name = j->profile->architectures[i];
		char lower[32];
		size_t n = 0;
		if (!str_starts(name, "SCMP_ARCH_") || strlen(name) > 30)
			return crl_fail(err, CRL_INVALID, "architecture \"%s\"", name);
		for (const char *s = name + strlen("SCMP_ARCH_"); *s; s++)
			lower[n++] = (char)(*s >= 'A' && *s <= 'Z' ? *s + 32 : *s);
		lower[n] = '\0';
		uint32_t token = seccomp_arch_resolve_name(lower);
		if (!token)
			continue; /* one this library does not know cannot run here either */
		int r = seccomp_arch_add(j->ctx, token);
		if (r < 0 && r != -EEXIST && r != -EDOM) /* EDOM: the other byte order */
			return crl_fail_sys(err, -r, "architecture %s", name);
	}
	return 0;
}

static void emit(struct job *j, struct sock_filter insn)
{
	if (j->n_pro < ARRAY_SIZE(j->pro))
		j->pro[j->n_pro++] = insn;
}

/* With the number in the accumulator, and there again afterwards. */
static void emit_socketcall(struct job *j)
{
	emit(j, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, I386_SOCKETCALL, 0, 4));
	emit(j, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
					     offsetof(struct seccomp_data, args)));
	emit(j, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SOCKETCALL_SOCKET, 0, 1));
	emit(j, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, j->default_bpf));
	emit(j, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
					     offsetof(struct seccomp_data, nr)));
}

/* `if arch matches { if nr is a newer call: return its action; if nr > highest: return ENOSYS }` */
static void emit_arch(struct job *j, uint32_t audit)
{
	unsigned short skip_arch = j->n_pro;
	emit(j, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, audit, 0, 0));
	emit(j, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
					     offsetof(struct seccomp_data, nr)));
	/* x32 shares the architecture value, and has old calls at high numbers: not judged here. */
	unsigned short skip_x32 = j->n_pro;
	emit(j, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, X32_BIT, 0, 0));
	if (audit == AUDIT_ARCH_I386 && j->judges_family && !j->frees_socketcall)
		emit_socketcall(j);
	for (size_t i = 0; i < ARRAY_SIZE(newer_calls); i++) {
		if (!j->newer[i])
			continue;
		emit(j, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K,
						     newer_calls[i].number, 0, 1));
		emit(j, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, j->newer[i] - 1));
	}
	emit(j, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, j->highest, 0, 1));
	emit(j, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS));
	j->pro[skip_arch].jf = (uint8_t)(j->n_pro - skip_arch - 1);
	j->pro[skip_x32].jt = (uint8_t)(j->n_pro - skip_x32 - 1);
	/* The next block compares the architecture again. */
	emit(j, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
					     offsetof(struct seccomp_data, arch)));
}

static bool arch_present(const struct job *j, size_t i)
{
	return seccomp_arch_exist(j->ctx, archs[i].scmp) == 0;
}

/* Only where the default refuses: a deny-list lets new calls pass, and that was its author's
 * choice. */
static void build_prologue(struct job *j)
{
	bool refuses = str_eq(j->profile->default_action, "SCMP_ACT_ERRNO");
	if (!refuses || j->highest < FIRST_NEW_CALL)
		return;
	emit(j, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
					     offsetof(struct seccomp_data, arch)));
	for (size_t i = 0; i < ARRAY_SIZE(archs); i++)
		if (arch_present(j, i))
			emit_arch(j, archs[i].audit);
}

/* The library writes its program to a descriptor; the prologue goes in front of it. */
static int export(struct job *j, struct seccomp_filter *ret, struct crl_err *err)
{
	_cleanup_close_ int fd = memfd_create("seccomp", MFD_CLOEXEC);
	if (fd < 0)
		return crl_fail_sys(err, errno, "memfd_create");
	int r = seccomp_export_bpf(j->ctx, fd);
	if (r < 0)
		return crl_fail_sys(err, -r, "compile the filter");
	off_t size = lseek(fd, 0, SEEK_END);
	size_t n = (size_t)size / sizeof(struct sock_filter);
	if (size <= 0 || n + j->n_pro > BPF_MAXINSNS)
		return crl_fail(err, CRL_LIMIT,
				"the filter has %zu instructions, the kernel takes %d", n,
				BPF_MAXINSNS);
	struct sock_filter *insns = calloc(n + j->n_pro, sizeof(*insns));
	if (!insns)
		return crl_fail_oom(err);
	memcpy(insns, j->pro, j->n_pro * sizeof(*insns));
	if (pread(fd, insns + j->n_pro, (size_t)size, 0) != size) {
		free(insns);
		return crl_fail(err, CRL_IO, "read the compiled filter");
	}
	ret->insns = insns;
	ret->n = (unsigned short)(n + j->n_pro);
	return 0;
}

static int read_flags(const struct oci_linux_seccomp *p, unsigned *ret, struct crl_err *err)
{
	*ret = 0;
	for (size_t i = 0; p->flags && p->flags[i]; i++) {
		size_t k = 0;
		while (k < ARRAY_SIZE(filter_flags) && !str_eq(filter_flags[k].name, p->flags[i]))
			k++;
		if (k == ARRAY_SIZE(filter_flags))
			return crl_fail(err, CRL_INVALID, "unknown flag \"%s\"", p->flags[i]);
		*ret |= filter_flags[k].flag;
	}
	return 0;
}

static int compile(struct job *j, struct seccomp_filter *ret, struct crl_err *err)
{
	if (read_flags(j->profile, &ret->flags, err) < 0 || add_archs(j, err) < 0)
		return -1;
	/* no_new_privs is the caller's to set; 2 = search by binary tree instead of a list */
	seccomp_attr_set(j->ctx, SCMP_FLTATR_CTL_NNP, 0);
	seccomp_attr_set(j->ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	if (add_rules(j, err) < 0)
		return -1;
	build_prologue(j);
	return export(j, ret, err);
}

int seccomp_compile(const struct oci_linux_seccomp *profile, struct seccomp_filter *ret,
		    struct crl_err *err)
{
	struct job j = {.profile = profile};
	if (action_of(profile->default_action, &profile->default_errno_ret, &j.default_scmp,
		      &j.default_bpf, err) < 0)
		return crl_context(err, "linux.seccomp");
	j.ctx = seccomp_init(j.default_scmp);
	if (!j.ctx)
		return crl_fail_oom(err);
	struct seccomp_filter f = {0};
	int r = compile(&j, &f, err);
	seccomp_release(j.ctx);
	if (r < 0)
		return crl_context(err, "linux.seccomp");
	*ret = f;
	return 0;
}
