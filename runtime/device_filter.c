/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The device cgroup of cgroup2: a BPF program of type CGROUP_DEVICE that the
 * kernel asks at each mknod and open of a device. The cgroup2 hierarchy of
 * hybrid hosts takes it as well. See bpf(2), cgroup-v2.rst "Device controller".
 */
#include "device_filter.h"
#include "sys.h"
#include <errno.h>

#define ACCESS_ALL (BPF_DEVCG_ACC_MKNOD | BPF_DEVCG_ACC_READ | BPF_DEVCG_ACC_WRITE)
#define ANY (-1)
#define RULES_MAX 512

/* A rule with its words resolved. type 0 = character and block devices. */
struct rule {
	bool allow;
	int type;
	int64_t major, minor;
	unsigned access;
};

/* What every container may use; 10:200 (tun) was dropped from this list by runc 1.2, and is here.
 */
static const struct rule always[] = {
	{true, BPF_DEVCG_DEV_CHAR, ANY, ANY, BPF_DEVCG_ACC_MKNOD},
	{true, BPF_DEVCG_DEV_BLOCK, ANY, ANY, BPF_DEVCG_ACC_MKNOD},
	{true, BPF_DEVCG_DEV_CHAR, 1, 3, ACCESS_ALL},
	{true, BPF_DEVCG_DEV_CHAR, 1, 5, ACCESS_ALL},
	{true, BPF_DEVCG_DEV_CHAR, 1, 7, ACCESS_ALL},
	{true, BPF_DEVCG_DEV_CHAR, 1, 8, ACCESS_ALL},
	{true, BPF_DEVCG_DEV_CHAR, 1, 9, ACCESS_ALL},
	{true, BPF_DEVCG_DEV_CHAR, 5, 0, ACCESS_ALL},
	{true, BPF_DEVCG_DEV_CHAR, 5, 2, ACCESS_ALL},
	{true, BPF_DEVCG_DEV_CHAR, 136, ANY, ACCESS_ALL},
};

struct program {
	struct bpf_insn *insns;
	size_t n, size;
};

static void put(struct program *p, uint8_t code, uint8_t dst, uint8_t src, int16_t off, int32_t imm)
{
	struct bpf_insn insn = {.code = code, .off = off, .imm = imm};
	insn.dst_reg = dst & 0xfU;
	insn.src_reg = src & 0xfU;
	if (p->n < p->size)
		p->insns[p->n++] = insn;
}

/* r2 = type, r3 = access, r4 = major, r5 = minor */
static void put_head(struct program *p)
{
	put(p, BPF_LDX | BPF_W | BPF_MEM, BPF_REG_2, BPF_REG_1,
	    offsetof(struct bpf_cgroup_dev_ctx, access_type), 0);
	put(p, BPF_ALU64 | BPF_MOV | BPF_X, BPF_REG_3, BPF_REG_2, 0, 0);
	put(p, BPF_ALU64 | BPF_AND | BPF_K, BPF_REG_2, 0, 0, 0xffff);
	put(p, BPF_ALU64 | BPF_RSH | BPF_K, BPF_REG_3, 0, 0, 16);
	put(p, BPF_LDX | BPF_W | BPF_MEM, BPF_REG_4, BPF_REG_1,
	    offsetof(struct bpf_cgroup_dev_ctx, major), 0);
	put(p, BPF_LDX | BPF_W | BPF_MEM, BPF_REG_5, BPF_REG_1,
	    offsetof(struct bpf_cgroup_dev_ctx, minor), 0);
}

static void put_return(struct program *p, bool allow)
{
	put(p, BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, allow);
	put(p, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
}

/* A comparison whose failure skips to the end of the rule; the offset is filled in afterwards. */
static void put_test(struct program *p, uint8_t jump, uint8_t reg, int64_t value)
{
	put(p, (uint8_t)(BPF_JMP | jump | BPF_K), reg, 0, 0, (int32_t)value);
}

static void put_rule(struct program *p, const struct rule *r)
{
	size_t begin = p->n;
	if (r->type)
		put_test(p, BPF_JNE, BPF_REG_2, r->type);
	if (r->access != ACCESS_ALL) {
		/* allow: nothing is asked beyond the rule; deny: something of the rule is asked */
		put(p, BPF_ALU64 | BPF_MOV | BPF_X, BPF_REG_1, BPF_REG_3, 0, 0);
		put(p, BPF_ALU64 | BPF_AND | BPF_K, BPF_REG_1, 0, 0,
		    (int32_t)(r->allow ? ~r->access & ACCESS_ALL : r->access));
		put_test(p, r->allow ? BPF_JNE : BPF_JEQ, BPF_REG_1, 0);
	}
	if (r->major != ANY)
		put_test(p, BPF_JNE, BPF_REG_4, r->major);
	if (r->minor != ANY)
		put_test(p, BPF_JNE, BPF_REG_5, r->minor);
	put_return(p, r->allow);
	for (size_t i = begin; i < p->n; i++)
		if (BPF_CLASS(p->insns[i].code) == BPF_JMP && BPF_OP(p->insns[i].code) != BPF_EXIT)
			p->insns[i].off = (int16_t)(p->n - i - 1);
}

static int read_rule(const struct oci_device_cgroup *in, struct rule *ret, struct crl_err *err)
{
	struct rule r = {.allow = in->allow,
			 .major = in->major.set && in->major.v >= 0 ? in->major.v : ANY,
			 .minor = in->minor.set && in->minor.v >= 0 ? in->minor.v : ANY};
	const char *type = str_empty(in->type) ? "a" : in->type;
	if (str_eq(type, "c") || str_eq(type, "u"))
		r.type = BPF_DEVCG_DEV_CHAR;
	else if (str_eq(type, "b"))
		r.type = BPF_DEVCG_DEV_BLOCK;
	else if (!str_eq(type, "a"))
		return crl_fail(err, CRL_INVALID, "resources.devices: type \"%s\"", type);
	for (const char *s = str_empty(in->access) ? "rwm" : in->access; *s; s++) {
		if (*s == 'r')
			r.access |= BPF_DEVCG_ACC_READ;
		else if (*s == 'w')
			r.access |= BPF_DEVCG_ACC_WRITE;
		else if (*s == 'm')
			r.access |= BPF_DEVCG_ACC_MKNOD;
		else
			return crl_fail(err, CRL_INVALID, "resources.devices: access \"%s\"",
					in->access);
	}
	/* "a" speaks of all devices, whatever numbers stand beside it. */
	if (!r.type)
		r.major = r.minor = ANY;
	*ret = r;
	return 0;
}

static bool is_total(const struct rule *r)
{
	return !r->type && r->access == ACCESS_ALL;
}

int device_filter_build(const struct oci_device_cgroup *rules, size_t n,
			struct bpf_insn **ret_insns, size_t *ret_n, struct crl_err *err)
{
	if (n > RULES_MAX)
		return crl_fail(err, CRL_LIMIT, "resources.devices: more than %d rules", RULES_MAX);
	_cleanup_free_ struct rule *all = calloc(n + ARRAY_SIZE(always) + 1, sizeof(*all));
	if (!all)
		return crl_fail_oom(err);
	bool denies = true;
	for (size_t i = 0; i < n; i++) {
		if (read_rule(&rules[i], &all[i], err) < 0)
			return -1;
		denies = is_total(&all[i]) ? !all[i].allow : denies || !all[i].allow;
	}
	if (!denies) {
		*ret_insns = NULL;
		*ret_n = 0;
		return 0;
	}
	memcpy(&all[n], always, sizeof(always));
	/* at most 10 instructions a rule, 6 of head, 2 at the end */
	struct program p = {.size = (n + ARRAY_SIZE(always)) * 10 + 8};
	p.insns = calloc(p.size, sizeof(*p.insns));
	if (!p.insns)
		return crl_fail_oom(err);
	put_head(&p);
	/* The last rule that matches decides: so it is asked first. */
	bool ended = false;
	for (size_t i = n + ARRAY_SIZE(always); i-- > 0 && !ended;) {
		put_rule(&p, &all[i]);
		ended = is_total(&all[i]);
	}
	if (!ended)
		put_return(&p, false);
	*ret_insns = p.insns;
	*ret_n = p.n;
	return 0;
}

static int bpf(int cmd, union bpf_attr *attr)
{
	return (int)syscall(SYS_bpf, cmd, attr, sizeof(*attr));
}

int device_filter_attach(const struct oci_linux_resources *r, int cgroup_fd, struct crl_err *err)
{
	_cleanup_free_ struct bpf_insn *insns = NULL;
	size_t n = 0;
	if (device_filter_build(r ? r->devices : NULL, r ? r->n_devices : 0, &insns, &n, err) < 0)
		return -1;
	if (!insns)
		return 0;
	union bpf_attr load = {.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE,
			       .insn_cnt = (uint32_t)n,
			       .insns = (uint64_t)(uintptr_t)insns,
			       .license = (uint64_t)(uintptr_t) "GPL"};
	_cleanup_close_ int prog = bpf(BPF_PROG_LOAD, &load);
	if (prog < 0)
		return crl_fail_sys(err, errno, "load the device program");
	union bpf_attr attach = {.target_fd = (uint32_t)cgroup_fd,
				 .attach_bpf_fd = (uint32_t)prog,
				 .attach_type = BPF_CGROUP_DEVICE,
				 .attach_flags = BPF_F_ALLOW_MULTI};
	if (bpf(BPF_PROG_ATTACH, &attach) < 0)
		return crl_fail_sys(err, errno, "attach the device program");
	return 0;
}
