// SPDX-License-Identifier: GPL-2.0-or-later
/* See self.h, capabilities(7), PR_SET_MDWE(2const). */
#include "self.h"

#include <base/cleanup.h>
#include <errno.h>
#include <linux/capability.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef PR_SET_MDWE
#define PR_SET_MDWE 65
#define PR_MDWE_REFUSE_EXEC_GAIN (1UL << 0)
#endif
#define MDWE_NO_INHERIT (1UL << 1) /* Linux 6.6 */

/* Not on this list, since they are used: CHOWN, DAC_*, FOWNER, KILL, MKNOD, NET_*, SETUID, SETGID,
 * SYS_ADMIN, SYS_CHROOT, SYS_NICE, SYS_PTRACE (other processes' namespaces), SYS_RESOURCE. */
static const int dropped[] = {
	CAP_AUDIT_CONTROL,
	CAP_AUDIT_READ,
	CAP_AUDIT_WRITE,
	CAP_BLOCK_SUSPEND,
	CAP_BPF,
	CAP_CHECKPOINT_RESTORE,
	CAP_IPC_OWNER,
	CAP_LEASE,
	CAP_MAC_ADMIN,
	CAP_MAC_OVERRIDE,
	CAP_PERFMON,
	CAP_SYS_BOOT,
	CAP_SYS_MODULE,
	CAP_SYS_PACCT,
	CAP_SYS_RAWIO,
	CAP_SYS_TIME,
	CAP_SYS_TTY_CONFIG,
	CAP_SYSLOG,
	CAP_WAKE_ALARM,
};

static int drop_capabilities(struct crl_err *err)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {{0}};

	if (syscall(SYS_capget, &head, data) < 0)
		return crl_fail_sys(err, errno, "capabilities");
	for (size_t i = 0; i < ARRAY_SIZE(dropped); i++) {
		uint32_t bit = UINT32_C(1) << (dropped[i] % 32);
		struct __user_cap_data_struct *word = &data[dropped[i] / 32];

		word->effective &= ~bit;
		word->permitted &= ~bit;
	}
	if (syscall(SYS_capset, &head, data) < 0)
		return crl_fail_sys(err, errno, "capabilities");
	return 0;
}

int self_confine(struct crl_err *err)
{
	/* Older kernels do not know it, and then it is no loss to what was there before. */
	(void)prctl(PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN | MDWE_NO_INHERIT, 0, 0, 0);
	return drop_capabilities(err);
}
