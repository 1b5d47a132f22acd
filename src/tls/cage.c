// SPDX-License-Identifier: GPL-2.0-or-later
/* See front.h; seccomp(2), network_namespaces(7), capabilities(7), landlock(7). Order: what needs
 * rights first, the filter last. */
#include "front.h"

#include <base/cleanup.h>
#include <errno.h>
#include <grp.h>
#include <linux/landlock.h>
#include <sched.h>
#include <seccomp.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#define NOBODY 65534

/* Bytes in, bytes out, time, memory. No open, no socket, no connect, no exec, no fork. */
static const int calls[] = {
	SCMP_SYS(read),         SCMP_SYS(write),
	SCMP_SYS(readv),        SCMP_SYS(writev),
	SCMP_SYS(recvfrom),     SCMP_SYS(recvmsg),
	SCMP_SYS(sendto),       SCMP_SYS(sendmsg),
	SCMP_SYS(shutdown),     SCMP_SYS(socketpair),
	SCMP_SYS(accept4),      SCMP_SYS(getpeername),
	SCMP_SYS(getsockopt),   SCMP_SYS(setsockopt),
	SCMP_SYS(epoll_wait),   SCMP_SYS(epoll_pwait),
	SCMP_SYS(epoll_ctl),    SCMP_SYS(poll),
	SCMP_SYS(ppoll),        SCMP_SYS(close),
	SCMP_SYS(fcntl),        SCMP_SYS(lseek),
	SCMP_SYS(fstat),        SCMP_SYS(mmap),
	SCMP_SYS(munmap),       SCMP_SYS(mremap),
	SCMP_SYS(mprotect),     SCMP_SYS(madvise),
	SCMP_SYS(brk),          SCMP_SYS(futex),
	SCMP_SYS(rt_sigaction), SCMP_SYS(rt_sigprocmask),
	SCMP_SYS(rt_sigreturn), SCMP_SYS(clock_gettime),
	SCMP_SYS(gettimeofday), SCMP_SYS(time),
	SCMP_SYS(getrandom),    SCMP_SYS(getrusage),
	SCMP_SYS(getpid),       SCMP_SYS(gettid),
	SCMP_SYS(tgkill),       SCMP_SYS(exit),
	SCMP_SYS(exit_group),   SCMP_SYS(restart_syscall),
};

static int install_filter(struct crl_err *err)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	int r = 0;

	if (!ctx)
		return crl_fail_oom(err);
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(calls); i++) {
		if (calls[i] != __NR_SCMP_ERROR)
			r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, calls[i], 0);
	}
	if (r == 0)
		r = seccomp_load(ctx);
	seccomp_release(ctx);
	return r < 0 ? crl_fail_sys(err, -r, "seccomp") : 0;
}

static int become_nobody(struct crl_err *err)
{
	/* Accepted sockets stay in the network of the listening one; new ones would be nowhere. */
	if (unshare(CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS) < 0)
		return crl_fail_sys(err, errno, "unshare");
	for (int cap = 0; prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; cap++)
		(void)prctl(PR_CAPBSET_DROP, cap, 0, 0, 0);
	if (setgroups(0, NULL) < 0 || setresgid(NOBODY, NOBODY, NOBODY) < 0 ||
	    setresuid(NOBODY, NOBODY, NOBODY) < 0)
		return crl_fail_sys(err, errno, "become nobody");
	return 0;
}

/* No path leads anywhere, should the filter have a hole. Kernels without Landlock go on. */
static void close_file_system(void)
{
	const struct landlock_ruleset_attr attr = {.handled_access_fs =
							   (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1};
	int ruleset = (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof(attr), 0);

	if (ruleset < 0)
		return;
	(void)syscall(SYS_landlock_restrict_self, ruleset, 0);
	close(ruleset);
}

int cage(bool drop_user, struct crl_err *err)
{
	const struct rlimit none = {0, 0};

	(void)setrlimit(RLIMIT_CORE, &none);
	if (drop_user && geteuid() == 0 && become_nobody(err) < 0)
		return -1;
	/* Keys are in this memory: nobody may attach, and no dump is written. After the change of
	 * user, which resets it. */
	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return crl_fail_sys(err, errno, "no_new_privs");
	close_file_system();
	return install_filter(err);
}
