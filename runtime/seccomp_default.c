/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Docker's default seccomp policy as rows: which calls, and for whom. An
 * allow-list: what is in no row answers EPERM. tests/unit/runtime compares the
 * effect with the published profile. See seccomp(2).
 *
 * Why what is missing is missing: kernel keyrings are not namespaced (keyctl),
 * io_uring and AF_ALG bypass filters or brought root holes, userfaultfd and
 * perf make exploits reliable, the rest changes the host (swapon, kexec_load).
 */
#include <base/str.h>
#include <crun-lite/runtime.h>
#include <errno.h>
#include <stdlib.h>

/* Calls that harm nobody but the caller; of every architecture, absent ones are passed over. */
static const char always[] =
	"_llseek _newselect accept accept4 access adjtimex alarm bind brk cachestat capget capset "
	"chdir chmod chown chown32 clock_adjtime clock_adjtime64 clock_getres clock_getres_time64 "
	"clock_gettime clock_gettime64 clock_nanosleep clock_nanosleep_time64 close close_range "
	"connect copy_file_range creat dup dup2 dup3 epoll_create epoll_create1 epoll_ctl "
	"epoll_ctl_old epoll_pwait epoll_pwait2 epoll_wait epoll_wait_old eventfd eventfd2 execve "
	"execveat exit exit_group faccessat faccessat2 fadvise64 fadvise64_64 fallocate "
	"fanotify_mark fchdir fchmod fchmodat fchmodat2 fchown fchown32 fchownat fcntl fcntl64 "
	"fdatasync fgetxattr flistxattr flock fork fremovexattr fsetxattr fstat fstat64 fstatat64 "
	"fstatfs fstatfs64 fsync ftruncate ftruncate64 futex futex_requeue futex_time64 "
	"futex_wait futex_waitv futex_wake futimesat get_robust_list get_thread_area getcpu "
	"getcwd getdents getdents64 getegid getegid32 geteuid geteuid32 getgid getgid32 getgroups "
	"getgroups32 getitimer getpeername getpgid getpgrp getpid getppid getpriority getrandom "
	"getresgid getresgid32 getresuid getresuid32 getrlimit getrusage getsid getsockname "
	"getsockopt gettid gettimeofday getuid getuid32 getxattr getxattrat inotify_add_watch "
	"inotify_init inotify_init1 inotify_rm_watch io_cancel io_destroy io_getevents "
	"io_pgetevents io_pgetevents_time64 io_setup io_submit ioctl ioprio_get ioprio_set ipc "
	"kill landlock_add_rule landlock_create_ruleset landlock_restrict_self lchown lchown32 "
	"lgetxattr link linkat listen listmount listxattr listxattrat llistxattr lremovexattr "
	"lseek lsetxattr lstat lstat64 madvise map_shadow_stack membarrier memfd_create "
	"memfd_secret mincore mkdir mkdirat mknod mknodat mlock mlock2 mlockall mmap mmap2 "
	"mprotect mq_getsetattr mq_notify mq_open mq_timedreceive mq_timedreceive_time64 "
	"mq_timedsend mq_timedsend_time64 mq_unlink mremap mseal msgctl msgget msgrcv msgsnd "
	"msync munlock munlockall munmap name_to_handle_at nanosleep newfstatat open openat "
	"openat2 pause pidfd_open pidfd_send_signal pipe pipe2 pkey_alloc pkey_free pkey_mprotect "
	"poll ppoll ppoll_time64 prctl pread64 preadv preadv2 prlimit64 process_mrelease "
	"process_vm_readv process_vm_writev pselect6 pselect6_time64 ptrace pwrite64 pwritev "
	"pwritev2 read readahead readlink readlinkat readv recv recvfrom recvmmsg recvmmsg_time64 "
	"recvmsg remap_file_pages removexattr removexattrat rename renameat renameat2 "
	"restart_syscall riscv_hwprobe rmdir rseq rt_sigaction rt_sigpending rt_sigprocmask "
	"rt_sigqueueinfo rt_sigreturn rt_sigsuspend rt_sigtimedwait rt_sigtimedwait_time64 "
	"rt_tgsigqueueinfo sched_get_priority_max sched_get_priority_min sched_getaffinity "
	"sched_getattr sched_getparam sched_getscheduler sched_rr_get_interval "
	"sched_rr_get_interval_time64 sched_setaffinity sched_setattr sched_setparam "
	"sched_setscheduler sched_yield seccomp select semctl semget semop semtimedop "
	"semtimedop_time64 send sendfile sendfile64 sendmmsg sendmsg sendto set_robust_list "
	"set_thread_area set_tid_address setfsgid setfsgid32 setfsuid setfsuid32 setgid setgid32 "
	"setgroups setgroups32 setitimer setpgid setpriority setregid setregid32 setresgid "
	"setresgid32 setresuid setresuid32 setreuid setreuid32 setrlimit setsid setsockopt setuid "
	"setuid32 setxattr setxattrat shmat shmctl shmdt shmget shutdown sigaltstack signalfd "
	"signalfd4 sigprocmask sigreturn socketpair splice stat stat64 statfs statfs64 "
	"statmount statx symlink symlinkat sync sync_file_range syncfs sysinfo tee tgkill time "
	"timer_create timer_delete timer_getoverrun timer_gettime timer_gettime64 timer_settime "
	"timer_settime64 timerfd_create timerfd_gettime timerfd_gettime64 timerfd_settime "
	"timerfd_settime64 times tkill truncate truncate64 ugetrlimit umask uname unlink unlinkat "
	"uretprobe utime utimensat utimensat_time64 utimes vfork vmsplice wait4 waitid waitpid "
	"write writev";

/* New namespaces by clone(2): NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET. */
#define CLONE_NAMESPACES 0x7E020000

/* One row = one rule of the profile. */
struct row {
	const char *names;   /* separated by blanks */
	const char *with;    /* only when the process has this capability */
	const char *without; /* only when it has not */
	unsigned errno_ret;  /* 0 = allow, else refuse with this */
	const char *op;      /* argument 0 (1 on s390) compared, or NULL */
	uint64_t value, value_two;
};

#if defined(__s390__)
#define CLONE_FLAGS_ARG 1
#else
#define CLONE_FLAGS_ARG 0
#endif

static const struct row rows[] = {
	{.names = always},
	/* AF_ALG (38) reached kernel bugs, AF_VSOCK (40) reaches the hypervisor. */
	{.names = "socket", .op = "SCMP_CMP_LT", .value = 38},
	{.names = "socket", .op = "SCMP_CMP_EQ", .value = 39},
	{.names = "socket", .op = "SCMP_CMP_GT", .value = 40},
	/* Its SYS_SOCKET (1) hides the family behind a pointer, and C libraries have socket(2). */
	{.names = "socketcall", .op = "SCMP_CMP_GT", .value = 1},
	/* PER_LINUX, PER_LINUX32, both with UNAME26, and "tell me". */
	{.names = "personality", .op = "SCMP_CMP_EQ", .value = 0x0},
	{.names = "personality", .op = "SCMP_CMP_EQ", .value = 0x8},
	{.names = "personality", .op = "SCMP_CMP_EQ", .value = 0x20000},
	{.names = "personality", .op = "SCMP_CMP_EQ", .value = 0x20008},
	{.names = "personality", .op = "SCMP_CMP_EQ", .value = 0xffffffff},
#if defined(__powerpc64__)
	{.names = "sync_file_range2 swapcontext"},
#elif defined(__arm__) || defined(__aarch64__)
	{.names = "arm_fadvise64_64 arm_sync_file_range sync_file_range2 breakpoint cacheflush "
		  "set_tls"},
#elif defined(__x86_64__)
	{.names = "arch_prctl modify_ldt"},
#elif defined(__i386__)
	{.names = "modify_ldt"},
#elif defined(__s390__)
	{.names = "s390_pci_mmio_read s390_pci_mmio_write s390_runtime_instr"},
#elif defined(__riscv)
	{.names = "riscv_flush_icache"},
#endif
	{.names = "open_by_handle_at", .with = "CAP_DAC_READ_SEARCH"},
	{.names = "bpf clone clone3 fanotify_init fsconfig fsmount fsopen fspick lookup_dcookie "
		  "lsm_get_self_attr lsm_list_modules lsm_set_self_attr mount mount_setattr "
		  "move_mount open_tree perf_event_open quotactl quotactl_fd setdomainname "
		  "sethostname setns syslog umount umount2 unshare",
	 .with = "CAP_SYS_ADMIN"},
	{.names = "clone",
	 .without = "CAP_SYS_ADMIN",
	 .op = "SCMP_CMP_MASKED_EQ",
	 .value = CLONE_NAMESPACES,
	 .value_two = 0},
	/* Its flags are behind a pointer, out of a filter's reach: libraries fall back to clone. */
	{.names = "clone3", .without = "CAP_SYS_ADMIN", .errno_ret = ENOSYS},
	{.names = "reboot", .with = "CAP_SYS_BOOT"},
	{.names = "chroot", .with = "CAP_SYS_CHROOT"},
	{.names = "delete_module init_module finit_module", .with = "CAP_SYS_MODULE"},
	{.names = "acct", .with = "CAP_SYS_PACCT"},
	{.names = "kcmp pidfd_getfd process_madvise", .with = "CAP_SYS_PTRACE"},
	{.names = "iopl ioperm", .with = "CAP_SYS_RAWIO"},
	{.names = "settimeofday stime clock_settime clock_settime64", .with = "CAP_SYS_TIME"},
	{.names = "vhangup", .with = "CAP_SYS_TTY_CONFIG"},
	{.names = "get_mempolicy mbind set_mempolicy set_mempolicy_home_node",
	 .with = "CAP_SYS_NICE"},
	{.names = "syslog", .with = "CAP_SYSLOG"},
	{.names = "bpf", .with = "CAP_BPF"},
	{.names = "perf_event_open", .with = "CAP_PERFMON"},
};

/* The machine's own architecture first, then those its kernel can run beside it. */
static const char *const architectures[] = {
#if defined(__x86_64__)
	"SCMP_ARCH_X86_64",
	"SCMP_ARCH_X86",
	"SCMP_ARCH_X32",
#elif defined(__i386__)
	"SCMP_ARCH_X86",
#elif defined(__aarch64__)
	"SCMP_ARCH_AARCH64",
	"SCMP_ARCH_ARM",
#elif defined(__arm__)
	"SCMP_ARCH_ARM",
#elif defined(__s390x__)
	"SCMP_ARCH_S390X",
	"SCMP_ARCH_S390",
#elif defined(__riscv)
	"SCMP_ARCH_RISCV64",
#elif defined(__powerpc64__)
	"SCMP_ARCH_PPC64LE",
#elif defined(__loongarch64)
	"SCMP_ARCH_LOONGARCH64",
#endif
	NULL,
};

static bool row_applies(const struct row *row, char *const *caps)
{
	if (row->with && !strv_contains(caps, row->with))
		return false;
	return !row->without || !strv_contains(caps, row->without);
}

static int rule_fill(const struct row *row, struct oci_seccomp_syscall *rule)
{
	rule->names = strv_split(row->names, " ", false);
	rule->action = strdup(row->errno_ret ? "SCMP_ACT_ERRNO" : "SCMP_ACT_ALLOW");
	if (!rule->names || !rule->action)
		return -1;
	if (row->errno_ret)
		rule->errno_ret = (struct opt_u64){true, row->errno_ret};
	if (!row->op)
		return 0;
	rule->args = calloc(1, sizeof(*rule->args));
	if (!rule->args)
		return -1;
	rule->n_args = 1;
	*rule->args = (struct oci_seccomp_arg){
		.index = str_eq(row->names, "clone") ? CLONE_FLAGS_ARG : 0,
		.value = row->value,
		.value_two = row->value_two,
		.op = strdup(row->op),
	};
	return rule->args->op ? 0 : -1;
}

static int profile_fill(char *const *caps, struct oci_linux_seccomp *profile)
{
	profile->default_action = strdup("SCMP_ACT_ERRNO");
	profile->default_errno_ret = (struct opt_u64){true, EPERM};
	profile->architectures = strv_copy((char *const *)architectures);
	profile->syscalls = calloc(ARRAY_SIZE(rows), sizeof(*profile->syscalls));
	if (!profile->default_action || !profile->architectures || !profile->syscalls)
		return -1;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		if (!row_applies(&rows[i], caps))
			continue;
		if (rule_fill(&rows[i], &profile->syscalls[profile->n_syscalls++]) < 0)
			return -1;
	}
	return 0;
}

int crl_seccomp_default(char *const *caps, struct oci_linux_seccomp **ret, struct crl_err *err)
{
	struct oci_linux_seccomp *profile = calloc(1, sizeof(*profile));
	if (!profile)
		return crl_fail_oom(err);
	if (profile_fill(caps, profile) < 0) {
		json_free(&oci_seccomp_json, profile);
		free(profile);
		return crl_fail_oom(err);
	}
	*ret = profile;
	return 0;
}
