/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Capabilities, no_new_privs and the seccomp filter: the last doors that are
 * shut before execve. See capabilities(7), seccomp(2), and process.h.
 */
#include "caps.h"
#include "process.h"
#include "sys.h"
#include <errno.h>
#include <linux/capability.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>

#define BIT(n) (UINT64_C(1) << (n))

static int capset64(const struct cap_sets *s, uint64_t extra, struct crl_err *err)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	uint64_t e = s->effective | extra, p = s->permitted | extra, i = s->inheritable;
	struct __user_cap_data_struct data[2] = {
		{(uint32_t)e, (uint32_t)p, (uint32_t)i},
		{(uint32_t)(e >> 32), (uint32_t)(p >> 32), (uint32_t)(i >> 32)},
	};
	if (syscall(SYS_capset, &header, data) < 0)
		return crl_fail_sys(err, errno, "capset");
	return 0;
}

static int held_caps(uint64_t *ret, struct crl_err *err)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2];
	if (syscall(SYS_capget, &header, data) < 0)
		return crl_fail_sys(err, errno, "capget");
	*ret = data[0].permitted | (uint64_t)data[1].permitted << 32;
	return 0;
}

/* One set; what the caller does not hold or nobody knows is left out, and said once. */
static int read_set(char *const *names, uint64_t held, uint64_t *ret, uint64_t *warned,
		    char ***warnings, struct crl_err *err)
{
	*ret = 0;
	for (size_t i = 0; names && names[i]; i++) {
		int n = caps_number(names[i]);
		if (n >= 0 && (held & BIT(n))) {
			*ret |= BIT(n);
			continue;
		}
		if (n >= 0 && (*warned & BIT(n)))
			continue;
		if (n >= 0)
			*warned |= BIT(n);
		if (warnings &&
		    strv_pushf(warnings, "capability %s is not given: %s", names[i],
			       n < 0 ? "unknown name" : "the caller does not hold it") < 0)
			return crl_fail_oom(err);
	}
	return 0;
}

int process_caps(const struct oci_process *p, bool userns, struct cap_sets *ret, char ***warnings,
		 struct crl_err *err)
{
	*ret = (struct cap_sets){0};
	const struct oci_capabilities *c = p->capabilities;
	uint64_t held = 0, warned = 0;
	if (!c)
		return 0;
	if ((userns ? (held = ~UINT64_C(0), 0) : held_caps(&held, err)) < 0 ||
	    read_set(c->bounding, held, &ret->bounding, &warned, warnings, err) < 0 ||
	    read_set(c->effective, held, &ret->effective, &warned, warnings, err) < 0 ||
	    read_set(c->inheritable, held, &ret->inheritable, &warned, warnings, err) < 0 ||
	    read_set(c->permitted, held, &ret->permitted, &warned, warnings, err) < 0 ||
	    read_set(c->ambient, held, &ret->ambient, &warned, warnings, err) < 0)
		return -1;
	/* The kernel's own rules, here rather than as EPERM later. */
	ret->effective &= ret->permitted;
	uint64_t ambient = ret->ambient & ret->permitted & ret->inheritable;
	if (ambient != ret->ambient && warnings &&
	    strv_push(warnings, "ambient capabilities that are not permitted and inheritable are "
				"left out") < 0)
		return crl_fail_oom(err);
	ret->ambient = ambient;
	return 0;
}

int process_bounding(struct payload *p, struct crl_err *err)
{
	for (unsigned n = 0; n < 64; n++) {
		if (p->caps.bounding & BIT(n))
			continue;
		if (prctl(PR_CAPBSET_DROP, n, 0, 0, 0) == 0)
			continue;
		if (errno == EINVAL)
			return 0; /* past the last one this kernel knows */
		return crl_fail_sys(err, errno, "drop capability %u", n);
	}
	return 0;
}

static int load_filter(const struct seccomp_filter *f, struct crl_err *err)
{
	if (!f->insns)
		return 0;
	struct sock_fprog prog = {.len = f->n, .filter = f->insns};
	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, f->flags, &prog) < 0)
		return crl_fail_sys(err, errno, "load the seccomp filter");
	return 0;
}

static int raise_ambient(uint64_t set, struct crl_err *err)
{
	for (unsigned n = 0; set && n < 64; n++)
		if ((set & BIT(n)) && prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, n, 0, 0) < 0)
			return crl_fail_sys(err, errno, "ambient capability %u", n);
	return 0;
}

/*
 * The filter last, where no_new_privs lets anybody load one. Without it,
 * loading takes CAP_SYS_ADMIN: filter first, capabilities after.
 */
int process_privileges(struct payload *p, struct crl_err *err)
{
	if (p->process->no_new_privileges) {
		if (capset64(&p->caps, 0, err) < 0 || raise_ambient(p->caps.ambient, err) < 0)
			return -1;
		if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
			return crl_fail_sys(err, errno, "PR_SET_NO_NEW_PRIVS");
		return load_filter(&p->filter, err);
	}
	/* Leaving uid 0 emptied the effective set; CAP_SYS_ADMIN is still permitted. */
	if (p->filter.insns && p->who.uid && capset64(&p->caps, BIT(CAP_SYS_ADMIN), err) < 0)
		return -1;
	if (load_filter(&p->filter, err) < 0 || capset64(&p->caps, 0, err) < 0)
		return -1;
	return raise_ambient(p->caps.ambient, err);
}
