/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The cage of the image jobs. Owns the lists of what a verb may do; a hostile
 * archive that takes over the process gains a process that can write layers
 * and nothing else. Order matters: Landlock and capabilities while the calls
 * for them are still allowed, seccomp last.
 * See seccomp(2), landlock(7), capabilities(7), prctl(2).
 */
#include "confine.h"

#include <image/store_private.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <sched.h>
#include <seccomp.h>
#include <stdint.h>
#include <sys/capability.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#define NOFILE_MAX 4096
#define FILE_MAX (256ULL << 30)
#define MEMORY_MAX (1ULL << 30) /* address space: rings, a zstd window of 128 MiB, texts */

/* Everything the verbs call, in the order of a manual's sections; what is missing here is EPERM. */
static const int common_calls[] = {
	SCMP_SYS(read),
	SCMP_SYS(write),
	SCMP_SYS(pread64),
	SCMP_SYS(pwrite64),
	SCMP_SYS(readv),
	SCMP_SYS(writev),
	SCMP_SYS(lseek),
	SCMP_SYS(close),
	SCMP_SYS(poll),
	SCMP_SYS(ppoll),
	SCMP_SYS(dup),
	SCMP_SYS(fcntl),
	SCMP_SYS(pipe2),
	SCMP_SYS(fstat),
	SCMP_SYS(stat),
	SCMP_SYS(lstat),
	SCMP_SYS(newfstatat),
	SCMP_SYS(statx),
	SCMP_SYS(statfs),
	SCMP_SYS(fstatfs),
	SCMP_SYS(open),
	SCMP_SYS(openat),
	SCMP_SYS(openat2),
	SCMP_SYS(access),
	SCMP_SYS(faccessat),
	SCMP_SYS(faccessat2),
	SCMP_SYS(readlink),
	SCMP_SYS(readlinkat),
	SCMP_SYS(getdents64),
	SCMP_SYS(getcwd),
	SCMP_SYS(fchdir),
	SCMP_SYS(fgetxattr),
	SCMP_SYS(getxattr),
	SCMP_SYS(lgetxattr),
	SCMP_SYS(flistxattr),
	SCMP_SYS(llistxattr),
	SCMP_SYS(flock),
	SCMP_SYS(fadvise64),
	SCMP_SYS(munmap),
	SCMP_SYS(mremap),
	SCMP_SYS(madvise),
	SCMP_SYS(brk),
	SCMP_SYS(futex),
	SCMP_SYS(rseq),
	SCMP_SYS(set_robust_list),
	SCMP_SYS(rt_sigaction),
	SCMP_SYS(rt_sigprocmask),
	SCMP_SYS(rt_sigreturn),
	SCMP_SYS(sigaltstack),
	SCMP_SYS(sched_yield),
	SCMP_SYS(sched_getaffinity),
	SCMP_SYS(getpid),
	SCMP_SYS(gettid),
	SCMP_SYS(getuid),
	SCMP_SYS(geteuid),
	SCMP_SYS(getrandom),
	SCMP_SYS(clock_gettime),
	SCMP_SYS(clock_nanosleep),
	SCMP_SYS(nanosleep),
	SCMP_SYS(gettimeofday),
	SCMP_SYS(uname),
	SCMP_SYS(sysinfo),
	SCMP_SYS(exit),
	SCMP_SYS(exit_group),
	SCMP_SYS(restart_syscall),
	SCMP_SYS(tgkill),
	SCMP_SYS(umask),
	SCMP_SYS(sendmsg),
	SCMP_SYS(recvmsg),
	SCMP_SYS(sendto),
	SCMP_SYS(recvfrom),
};
/* Writing below the store. */
static const int writing_calls[] = {
	SCMP_SYS(mkdir),     SCMP_SYS(mkdirat),   SCMP_SYS(mknod),     SCMP_SYS(mknodat),
	SCMP_SYS(symlinkat), SCMP_SYS(linkat),    SCMP_SYS(unlink),    SCMP_SYS(unlinkat),
	SCMP_SYS(rename),    SCMP_SYS(renameat),  SCMP_SYS(renameat2), SCMP_SYS(rmdir),
	SCMP_SYS(ftruncate), SCMP_SYS(fallocate), SCMP_SYS(fchmod),    SCMP_SYS(fchmodat),
	SCMP_SYS(fchown),    SCMP_SYS(fchownat),  SCMP_SYS(utimensat), SCMP_SYS(fsetxattr),
	SCMP_SYS(fsync),     SCMP_SYS(fdatasync), SCMP_SYS(syncfs),    SCMP_SYS(sync_file_range),
};

/* Between two sockets that are open already. */
static const int relay_calls[] = {
	SCMP_SYS(read),         SCMP_SYS(write),         SCMP_SYS(recvfrom),
	SCMP_SYS(sendto),       SCMP_SYS(sendmsg),       SCMP_SYS(recvmsg),
	SCMP_SYS(poll),         SCMP_SYS(ppoll),         SCMP_SYS(close),
	SCMP_SYS(shutdown),     SCMP_SYS(fcntl),         SCMP_SYS(brk),
	SCMP_SYS(munmap),       SCMP_SYS(mremap),        SCMP_SYS(madvise),
	SCMP_SYS(futex),        SCMP_SYS(rt_sigaction),  SCMP_SYS(rt_sigprocmask),
	SCMP_SYS(rt_sigreturn), SCMP_SYS(clock_gettime), SCMP_SYS(getrandom),
	SCMP_SYS(exit),         SCMP_SYS(exit_group),    SCMP_SYS(restart_syscall),
	SCMP_SYS(tgkill),       SCMP_SYS(sched_yield),   SCMP_SYS(rseq),
};

static const cap_value_t writing_caps[] = {
	CAP_CHOWN, CAP_DAC_OVERRIDE, CAP_FOWNER,    CAP_FSETID,
	CAP_MKNOD, CAP_SETFCAP,      CAP_SYS_ADMIN, /* trusted.overlay.opaque; mounts and the rest
						       of it are beyond seccomp */
};
/* Files of others in a container's tree, and nothing that a container's root could not do there. */
static const cap_value_t entered_caps[] = {CAP_CHOWN,  CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH,
					   CAP_FOWNER, CAP_FSETID,       CAP_MKNOD,
					   CAP_SETFCAP};
static const cap_value_t reading_caps[] = {CAP_DAC_READ_SEARCH, CAP_FOWNER /* O_NOATIME */};

/* --- limits --- */
static int limit(int which, rlim_t value, const char *name, struct crl_err *err)
{
	struct rlimit now;

	if (getrlimit(which, &now) < 0)
		return crl_fail_sys(err, errno, "limit %s", name);
	if (now.rlim_max < value)
		value = now.rlim_max;
	const struct rlimit l = {value, value};
	return setrlimit(which, &l) < 0 ? crl_fail_sys(err, errno, "limit %s", name) : 0;
}

static int set_limits(struct crl_err *err)
{
	if (limit(RLIMIT_CORE, 0, "core", err) < 0 ||
	    limit(RLIMIT_NOFILE, NOFILE_MAX, "nofile", err) < 0 ||
	    limit(RLIMIT_FSIZE, FILE_MAX, "fsize", err) < 0)
		return -1;
#ifndef __SANITIZE_ADDRESS__ /* its shadow alone is terabytes of address space */
	return limit(RLIMIT_AS, MEMORY_MAX, "as", err);
#else
	return 0;
#endif
}

/* --- capabilities --- */
static int keep_caps(const cap_value_t *caps, int n, struct crl_err *err)
{
	/* The bounding set first: it needs CAP_SETPCAP, which goes with the rest. */
	for (cap_value_t c = 0; c <= CAP_LAST_CAP; c++) {
		bool kept = false;
		for (int i = 0; i < n; i++)
			kept = kept || caps[i] == c;
		if (!kept && prctl(PR_CAPBSET_DROP, c, 0, 0, 0) < 0 && errno != EINVAL &&
		    errno != EPERM)
			return crl_fail_sys(err, errno, "drop capability %d", c);
	}
	cap_t have = cap_get_proc(), want = cap_init();
	int r = have && want ? 0 : -1;
	for (int i = 0; r == 0 && i < n; i++) {
		cap_flag_value_t v = CAP_CLEAR;
		if (cap_get_flag(have, caps[i], CAP_PERMITTED, &v) == 0 && v == CAP_SET)
			r = cap_set_flag(want, CAP_PERMITTED, 1, &caps[i], CAP_SET) |
			    cap_set_flag(want, CAP_EFFECTIVE, 1, &caps[i], CAP_SET);
	}
	if (r == 0)
		r = cap_set_proc(want);
	int sys = errno;
	cap_free(have);
	cap_free(want);
	return r < 0 ? crl_fail_sys(err, sys, "capabilities") : 0;
}

/* --- Landlock --- */
static int landlock_rule(int ruleset, int fd, uint64_t access, struct crl_err *err)
{
	const struct landlock_path_beneath_attr rule = {.allowed_access = access, .parent_fd = fd};

	if (syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) < 0)
		return crl_fail_sys(err, errno, "landlock rule");
	return 0;
}

/* What each version of the interface knows about; unknown bits would be refused. */
static uint64_t landlock_rights(int abi)
{
	uint64_t all = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1;

	if (abi >= 2)
		all |= 1ULL << 13; /* REFER: rename and link between folders */
	if (abi >= 3)
		all |= 1ULL << 14; /* TRUNCATE */
	return all;
}

/* What prepare() opened outside of the store, for reading. */
static int landlock_prepared(int ruleset, const struct worker *w, uint64_t reading,
			     struct crl_err *err)
{
	if (w->top_fd >= 0 && landlock_rule(ruleset, w->top_fd, reading, err) < 0)
		return -1;
	for (size_t i = 0; i < w->layers.n; i++)
		if (w->layers.v[i] >= 0 && landlock_rule(ruleset, w->layers.v[i], reading, err) < 0)
			return -1;
	return 0;
}

static int landlock_worker(const struct worker *w, bool writes, struct crl_err *err)
{
	const struct crl_store *store = w->store;

	int abi =
		(int)syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	/* Version 1 cannot allow renames between folders at all, which is how things enter the
	 * store. */
	if (abi < 2)
		return 0;
	uint64_t all = landlock_rights(abi);
	uint64_t reading = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;
	const struct landlock_ruleset_attr attr = {.handled_access_fs = all};
	_cleanup_close_ int ruleset =
		(int)syscall(SYS_landlock_create_ruleset, &attr, sizeof(attr), 0);
	if (ruleset < 0)
		return crl_fail_sys(err, errno, "landlock");
	uint64_t writing = all & ~(uint64_t)LANDLOCK_ACCESS_FS_EXECUTE;
	/* Writes only where blobs and layers go: not the daemon's state, not containers. */
	if (landlock_rule(ruleset, store->root_fd, reading, err) < 0 ||
	    landlock_prepared(ruleset, w, reading, err) < 0 ||
	    (writes && (landlock_rule(ruleset, store->blobs_fd, writing, err) < 0 ||
			landlock_rule(ruleset, store->layers_fd, writing, err) < 0 ||
			landlock_rule(ruleset, store->tmp_fd, writing, err) < 0)))
		return -1;
	if (syscall(SYS_landlock_restrict_self, ruleset, 0) < 0)
		return crl_fail_sys(err, errno, "landlock");
	return 0;
}

/* --- seccomp --- */
static int allow(scmp_filter_ctx ctx, const int *calls, size_t n)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < n; i++)
		if (calls[i] != __NR_SCMP_ERROR)
			r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, calls[i], 0);
	return r;
}

/* The thread that reads ahead, and nothing else: no namespaces, no processes. */
static int allow_threads(scmp_filter_ctx ctx)
{
	const uint64_t thread = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD;

	/* clone3 hides its flags from the filter; ENOSYS makes the library fall back to clone. */
	int r = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
	if (r == 0)
		r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1,
				     SCMP_A0(SCMP_CMP_MASKED_EQ, thread, thread));
	if (r == 0)
		r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(prctl), 1,
				     SCMP_A0(SCMP_CMP_EQ, PR_SET_NAME));
	return r;
}

/*
 * With a stranger's files below "/" no library may come from there (CVE-2019-14271):
 * all that is needed is mapped already, and nothing becomes executable any more.
 */
static int allow_mappings(scmp_filter_ctx ctx, bool code)
{
	const int calls[] = {SCMP_SYS(mmap), SCMP_SYS(mprotect)};
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(calls); i++)
		r = code ? seccomp_rule_add(ctx, SCMP_ACT_ALLOW, calls[i], 0)
			 : seccomp_rule_add(ctx, SCMP_ACT_ALLOW, calls[i], 1,
					    SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
	return r;
}

static int allow_for(scmp_filter_ctx ctx, enum worker_cage cage)
{
	if (cage == WORKER_RELAYS)
		return allow(ctx, relay_calls, ARRAY_SIZE(relay_calls));
	int r = allow(ctx, common_calls, ARRAY_SIZE(common_calls));
	if (r == 0 && cage != WORKER_READS)
		r = allow(ctx, writing_calls, ARRAY_SIZE(writing_calls));
	return r == 0 ? allow_threads(ctx) : r;
}

static int install_filter(enum worker_cage cage, struct crl_err *err)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ERRNO(EPERM));

	if (!ctx)
		return crl_fail_oom(err);
	int r = allow_for(ctx, cage);
	if (r == 0)
		r = allow_mappings(ctx, cage != WORKER_ENTERS && cage != WORKER_RELAYS);
	if (r == 0)
		r = seccomp_load(ctx);
	seccomp_release(ctx);
	return r < 0 ? crl_fail_sys(err, -r, "seccomp") : 0;
}

/* The store is the root of all that may be seen: the wall for kernels without Landlock, too. */
static int stay_in_store(const struct worker *w, bool writes, struct crl_err *err)
{
	if (landlock_worker(w, writes, err) < 0)
		return -1;
	if (fchdir(w->store->root_fd) < 0 || chroot(".") < 0)
		return crl_fail_sys(err, errno, "chroot");
	return 0;
}

/* Where there is Landlock: not even what is open by path. The filter has no open() either way. */
static int landlock_nothing(struct crl_err *err)
{
	int abi =
		(int)syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	const struct landlock_ruleset_attr attr = {.handled_access_fs = landlock_rights(abi)};
	if (abi < 1)
		return 0;
	_cleanup_close_ int ruleset =
		(int)syscall(SYS_landlock_create_ruleset, &attr, sizeof(attr), 0);
	if (ruleset < 0 || syscall(SYS_landlock_restrict_self, ruleset, 0) < 0)
		return crl_fail_sys(err, errno, "landlock");
	return 0;
}

static int limit_files(enum worker_cage cage, const struct worker *w, struct crl_err *err)
{
	switch (cage) {
	case WORKER_UNPACKS: return stay_in_store(w, true, err);
	case WORKER_READS: return stay_in_store(w, false, err);
	case WORKER_RELAYS: return landlock_nothing(err);
	case WORKER_ENTERS: /* its root is the container's */
	case WORKER_BUILDS:
	default: return 0;
	}
}

static int limit_caps(enum worker_cage cage, struct crl_err *err)
{
	switch (cage) {
	case WORKER_UNPACKS: return keep_caps(writing_caps, (int)ARRAY_SIZE(writing_caps), err);
	case WORKER_ENTERS: return keep_caps(entered_caps, (int)ARRAY_SIZE(entered_caps), err);
	case WORKER_READS: return keep_caps(reading_caps, (int)ARRAY_SIZE(reading_caps), err);
	case WORKER_RELAYS:
	case WORKER_BUILDS:
	default: return keep_caps(NULL, 0, err);
	}
}

int confine(enum worker_cage cage, const struct worker *w, struct crl_err *err)
{
	if (set_limits(err) < 0)
		return crl_context(err, "confine");
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return crl_fail_sys(err, errno, "confine: no_new_privs");
	/* Nobody may attach to this process, and its /proc files belong to root. */
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	if (limit_files(cage, w, err) < 0 || limit_caps(cage, err) < 0 ||
	    install_filter(cage, err) < 0)
		return crl_context(err, "confine");
	return 0;
}
