/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The cage. What takes over this process through a packet can answer and ask
 * questions of DNS, read resolv.conf, and nothing else: its sockets in containers'
 * namespaces were opened by somebody else. Order matters: the file system and the
 * user while the calls for them are still allowed, seccomp last.
 * See seccomp(2), landlock(7), prctl(2), credentials(7).
 */
#include "dns.h"

#include <base/cleanup.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

/* Nobody's number: processes of "nobody" may signal each other. */
#define USER_ID 65533

#if defined(__x86_64__)
#define ARCH_HERE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCH_HERE AUDIT_ARCH_AARCH64
#elif defined(__riscv) && __riscv_xlen == 64
#define ARCH_HERE AUDIT_ARCH_RISCV64
#endif

/* --- files --- */

static int landlock_allow(int ruleset, const char *dir, struct crl_err *err)
{
	_cleanup_close_ int fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	const struct landlock_path_beneath_attr rule = {
		.allowed_access = LANDLOCK_ACCESS_FS_READ_FILE, .parent_fd = fd};

	if (fd < 0)
		return errno == ENOENT ? 0 : crl_fail_sys(err, errno, "%s", dir);
	if (syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) < 0)
		return crl_fail_sys(err, errno, "landlock rule");
	return 0;
}

/* resolv.conf is in /etc, or a link to a file of systemd-resolved, resolvconf or NetworkManager in
 * /run. */
static int only_resolv_conf(struct crl_err *err)
{
	const struct landlock_ruleset_attr attr = {.handled_access_fs =
							   (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1};
	_cleanup_close_ int ruleset =
		(int)syscall(SYS_landlock_create_ruleset, &attr, sizeof(attr), 0);

	if (ruleset < 0) /* a kernel without Landlock: the user's rights have to do */
		return errno == ENOSYS || errno == EOPNOTSUPP
			       ? 0
			       : crl_fail_sys(err, errno, "landlock");
	if (landlock_allow(ruleset, "/etc", err) < 0 || landlock_allow(ruleset, "/run", err) < 0)
		return -1;
	if (syscall(SYS_landlock_restrict_self, ruleset, 0) < 0)
		return crl_fail_sys(err, errno, "landlock");
	return 0;
}

/* --- user --- */

static int another_user(struct crl_err *err)
{
	if (geteuid() != 0)
		return 0;
	/* A new user without capabilities: setresuid(2) takes them away. */
	if (setgroups(0, NULL) < 0 || setresgid(USER_ID, USER_ID, USER_ID) < 0 ||
	    setresuid(USER_ID, USER_ID, USER_ID) < 0)
		return crl_fail_sys(err, errno, "another user");
	return 0;
}

/* --- system calls --- */

#ifdef ARCH_HERE
static const int calls[] = {
	SYS_recvfrom,
	SYS_sendto,
	SYS_recvmsg,
	SYS_sendmsg,
	SYS_read,
	SYS_write,
	SYS_close,
	SYS_socket,
	SYS_connect,
	SYS_accept4,
	SYS_getsockopt,
	SYS_epoll_ctl,
#ifdef SYS_epoll_wait
	SYS_epoll_wait,
#endif
	SYS_epoll_pwait,
	SYS_fcntl,
	SYS_ioctl, /* if_nametoindex(3) */
	SYS_getrandom,
	SYS_clock_gettime,
	SYS_openat,
	SYS_fstat,
	SYS_newfstatat,
	SYS_lseek,
	SYS_mmap,
	SYS_munmap,
	SYS_mremap,
	SYS_brk,
	SYS_madvise,
	SYS_futex,
	SYS_rt_sigreturn,
	SYS_rt_sigprocmask,
	SYS_getpid,
	SYS_gettid,
	SYS_tgkill, /* abort(3) */
	SYS_restart_syscall,
	SYS_exit,
	SYS_exit_group,
};
#define N_CALLS ARRAY_SIZE(calls)

/* No library: the one for this costs a third of the program's memory. */
static int only_calls(struct crl_err *err)
{
	struct sock_filter f[N_CALLS + 6];
	size_t n = 0;

	f[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
					      offsetof(struct seccomp_data, arch));
	f[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCH_HERE, 1, 0);
	f[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
	f[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
					      offsetof(struct seccomp_data, nr));
	for (size_t i = 0; i < N_CALLS; i++)
		f[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)calls[i],
						      (uint8_t)(N_CALLS - i), 0);
	f[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM);
	f[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	const struct sock_fprog prog = {.len = (unsigned short)n, .filter = f};
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog) < 0)
		return crl_fail_sys(err, errno, "seccomp");
	return 0;
}
#else
static int only_calls(struct crl_err *err)
{
	return 0;
}
#endif

int confine(struct crl_err *err)
{
	const struct rlimit none = {0, 0};

	(void)setrlimit(RLIMIT_CORE, &none);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return crl_fail_sys(err, errno, "no_new_privs");
	if (only_resolv_conf(err) < 0 || another_user(err) < 0)
		return -1;
	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
#ifdef __SANITIZE_ADDRESS__ /* it has calls of its own */
	return 0;
#else
	return only_calls(err);
#endif
}
