/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See process.h. What stands here runs in the container's namespaces, in the
 * order of the tables in init.c and exec.c. See credentials(7), setrlimit(2).
 */
#include "process.h"
#include "procfs.h"
#include "sys.h"
#include "user.h"
#include <base/path.h>
#include <errno.h>
#include <grp.h>
#include <linux/close_range.h>
#include <linux/keyctl.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <termios.h>

void payload_init(struct payload *p)
{
	*p = (struct payload){
		.stdio = {-1, -1, -1},
		.root_fd = -1,
		.proc_fd = -1,
		.devpts_fd = -1,
		.pty_master = -1,
		.pty_slave = -1,
	};
}

int process_isolate(bool no_new_keyring, int preserve_fds, struct crl_err *err)
{
	/* Nobody may ptrace us or open our /proc files while host descriptors are open
	 * (CVE-2016-9962). */
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return crl_fail_sys(err, errno, "PR_SET_DUMPABLE");
	/* What our caller left open without O_CLOEXEC ends here as well (CVE-2024-21626). */
	if (close_range(3 + (unsigned)preserve_fds, ~0U, CLOSE_RANGE_CLOEXEC) < 0)
		return crl_fail_sys(err, errno, "close_range");
	/* CLONE_CLEAR_SIGHAND leaves ignored signals ignored; the payload starts with defaults. */
	for (int s = 1; s < 65; s++)
		if (s != SIGKILL && s != SIGSTOP)
			signal(s, SIG_DFL);
	sigset_t none;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	umask(0);
	/* A session without a controlling terminal: the caller's cannot be written to (TIOCSTI). */
	if (setsid() < 0 && errno != EPERM)
		return crl_fail_sys(err, errno, "setsid");
	/*
	 * Keyrings are not namespaced: without an own one the host's keys are in
	 * reach. Without a name: a named one is joined when it exists, and may be
	 * another container's.
	 */
	if (!no_new_keyring &&
	    syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL, 0, 0, 0) < 0 &&
	    errno != ENOSYS && errno != EPERM)
		return crl_fail_sys(err, errno, "new session keyring");
	return 0;
}

static const struct {
	const char *name;
	int resource;
} rlimit_names[] = {
	{"RLIMIT_AS", RLIMIT_AS},
	{"RLIMIT_CORE", RLIMIT_CORE},
	{"RLIMIT_CPU", RLIMIT_CPU},
	{"RLIMIT_DATA", RLIMIT_DATA},
	{"RLIMIT_FSIZE", RLIMIT_FSIZE},
	{"RLIMIT_LOCKS", RLIMIT_LOCKS},
	{"RLIMIT_MEMLOCK", RLIMIT_MEMLOCK},
	{"RLIMIT_MSGQUEUE", RLIMIT_MSGQUEUE},
	{"RLIMIT_NICE", RLIMIT_NICE},
	{"RLIMIT_NOFILE", RLIMIT_NOFILE},
	{"RLIMIT_NPROC", RLIMIT_NPROC},
	{"RLIMIT_RSS", RLIMIT_RSS},
	{"RLIMIT_RTPRIO", RLIMIT_RTPRIO},
	{"RLIMIT_RTTIME", RLIMIT_RTTIME},
	{"RLIMIT_SIGPENDING", RLIMIT_SIGPENDING},
	{"RLIMIT_STACK", RLIMIT_STACK},
};

static int set_rlimit(pid_t pid, const struct oci_rlimit *want, struct crl_err *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(rlimit_names); i++) {
		if (!str_eq(want->type, rlimit_names[i].name))
			continue;
		struct rlimit r = {.rlim_cur = want->soft, .rlim_max = want->hard};
		if (prlimit(pid, (enum __rlimit_resource)rlimit_names[i].resource, &r, NULL) == 0)
			return 0;
		if (errno == EPERM)
			return crl_fail(err, CRL_FORBIDDEN,
					"%s: raising the hard limit needs CAP_SYS_RESOURCE",
					want->type);
		return crl_fail_sys(err, errno, "%s", want->type);
	}
	return crl_fail(err, CRL_INVALID, "unknown limit \"%s\"", want->type);
}

int process_check_offered(const struct oci_process *p, struct crl_err *err)
{
	const struct {
		const void *value;
		const char *field;
	} rows[] = {{p->scheduler, "scheduler"},
		    {p->io_priority, "ioPriority"},
		    {p->exec_cpu_affinity, "execCPUAffinity"}};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (rows[i].value)
			return crl_fail(err, CRL_UNSUPPORTED, "process.%s is not offered",
					rows[i].field);
	return 0;
}

static int set_rlimits(pid_t pid, const struct oci_process *p, struct crl_err *err)
{
	for (size_t i = 0; i < p->n_rlimits; i++)
		if (set_rlimit(pid, &p->rlimits[i], err) < 0)
			return -1;
	return 0;
}

static int set_oom_score(int proc_fd, const char *file, const struct oci_process *p,
			 struct crl_err *err)
{
	char text[24];
	if (!p->oom_score_adj.set)
		return 0;
	snprintf(text, sizeof(text), "%lld", (long long)p->oom_score_adj.v);
	struct crl_err e = CRL_ERR_INIT;
	if (procfs_write(proc_fd, file, text, &e) == 0)
		return 0;
	if (e.sys == EACCES || e.sys == EPERM)
		return crl_fail(err, CRL_FORBIDDEN,
				"oomScoreAdj %s: lowering it needs CAP_SYS_RESOURCE", text);
	*err = e;
	return -1;
}

int process_limits(struct payload *p, struct crl_err *err)
{
	if (set_rlimits(0, p->process, err) < 0)
		return -1;
	return set_oom_score(p->proc_fd, "self/oom_score_adj", p->process, err);
}

int process_limits_of(pid_t pid, const struct oci_process *p, struct crl_err *err)
{
	char file[32];
	if (set_rlimits(pid, p, err) < 0)
		return -1;
	if (!p->oom_score_adj.set)
		return 0;
	_cleanup_close_ int proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (proc < 0)
		return crl_fail_sys(err, errno, "/proc");
	snprintf(file, sizeof(file), "%d/oom_score_adj", pid);
	return set_oom_score(proc, file, p, err);
}

void process_own_stdio(const int stdio[3], uint32_t uid, uint32_t gid)
{
	for (int i = 0; i < 3; i++) {
		struct stat st;
		if (stdio[i] < 0 || fstat(stdio[i], &st) < 0 || !S_ISFIFO(st.st_mode))
			continue;
		/* Not ours to give away: then it stays as the caller made it. */
		(void)!fchown(stdio[i], uid, gid);
	}
}

/* Our descriptors may sit on 0..2 in the wrong order: first all out of the way, then into place. */
static int place_stdio(const int want[3], int min_free, struct crl_err *err)
{
	int copy[3];
	for (int i = 0; i < 3; i++) {
		copy[i] = want[i] >= 0 && want[i] < 3 && want[i] != i
				  ? fcntl(want[i], F_DUPFD_CLOEXEC, min_free)
				  : want[i];
		if (want[i] >= 0 && copy[i] < 0)
			return crl_fail_sys(err, errno, "stdio");
	}
	for (int i = 0; i < 3; i++) {
		int r;
		if (copy[i] == i)
			r = fcntl(i, F_SETFD, 0);
		else
			r = dup2(copy[i], i);
		if (r < 0)
			return crl_fail_sys(err, errno, "stdio");
	}
	return 0;
}

/*
 * The host's null device becomes the container's, which is the same device by a path that exists in
 * here: a checkpoint can name it. Anything else that the image has at that place is not opened.
 */
static void own_null(int *fd)
{
	struct stat st;
	int flags = O_RDWR | O_CLOEXEC | O_NOFOLLOW;
	if (fstat(*fd, &st) < 0 || !S_ISCHR(st.st_mode) || st.st_rdev != makedev(1, 3))
		return;
	_cleanup_close_ int path = open("/dev/null", O_PATH | O_CLOEXEC | O_NOFOLLOW);
	if (path < 0 || fstat(path, &st) < 0 || !S_ISCHR(st.st_mode) || st.st_rdev != makedev(1, 3))
		return;
	int own = open("/dev/null", flags);
	if (own >= 0)
		*fd = own; /* the other goes with execve */
}

int process_stdio(struct payload *p, struct crl_err *err)
{
	if (p->pty_slave >= 0) {
		/* Docker gives the terminal to the user, as login(1) would. */
		if (fchown(p->pty_slave, p->who.uid, (gid_t)-1) < 0 && errno != EROFS &&
		    errno != EPERM)
			return crl_fail_sys(err, errno, "chown of the terminal");
		if (ioctl(p->pty_slave, TIOCSCTTY, 0) < 0)
			return crl_fail_sys(err, errno, "controlling terminal");
		for (int i = 0; i < 3; i++)
			p->stdio[i] = p->pty_slave;
	}
	_cleanup_close_ int null_fd = -1;
	for (int i = 0; i < 3; i++) {
		if (p->stdio[i] >= 0) {
			own_null(&p->stdio[i]);
			continue;
		}
		if (null_fd < 0 && (null_fd = open("/dev/null", O_RDWR | O_CLOEXEC)) < 0)
			return crl_fail_sys(err, errno, "/dev/null");
		p->stdio[i] = null_fd;
	}
	return place_stdio(p->stdio, 3 + p->preserve_fds, err);
}

int process_make_cwd(struct payload *p, struct crl_err *err)
{
	_cleanup_close_ int fd = -1;
	if (path_mkdir_in_root(p->root_fd, p->process->cwd, 0755, &fd, err) < 0)
		return crl_context(err, "working directory");
	return 0;
}

int process_cwd(struct payload *p, struct crl_err *err)
{
	_cleanup_close_ int fd = -1;
	if (path_open_in_root(p->root_fd, p->process->cwd, O_PATH | O_DIRECTORY, 0, &fd, err) < 0)
		return crl_context(err, "working directory");
	if (fchdir(fd) < 0)
		return crl_fail_sys(err, errno, "working directory %s", p->process->cwd);
	/* A directory outside of the root has no name here: the kernel says "(unreachable)". */
	char cwd[4096];
	long n = syscall(SYS_getcwd, cwd, sizeof(cwd));
	if (n < 0 || cwd[0] != '/')
		return crl_fail(err, CRL_FORBIDDEN,
				"working directory %s is outside of the container",
				p->process->cwd);
	return 0;
}

int process_environment(struct payload *p, struct crl_err *err)
{
	_cleanup_strv_ char **env =
		p->process->env ? strv_copy(p->process->env) : calloc(1, sizeof(char *));
	if (!env)
		return crl_fail_oom(err);
	if (str_empty(strv_env_get(env, "HOME"))) {
		_cleanup_free_ char *home = path_printf("HOME=%s", p->who.home ? p->who.home : "/");
		if (!home || strv_env_set(&env, home) < 0)
			return crl_fail_oom(err);
	}
	p->env = take_ptr(env);
	return 0;
}

static int fail_id(struct crl_err *err, int sys, const char *call, uint32_t id)
{
	if (sys == EINVAL)
		return crl_fail(err, CRL_INVALID,
				"%s %u: the container's user namespace does not have this id", call,
				id);
	return crl_fail_sys(err, sys, "%s %u", call, id);
}

int process_identity(struct payload *p, struct crl_err *err)
{
	const struct identity *who = &p->who;
	/* /dev/stdout can be opened again by whoever the program runs as. */
	if (who->uid)
		process_own_stdio((const int[]){0, 1, 2}, who->uid, (gid_t)-1);
	/* In a user namespace of somebody else's setgroups may be denied; without groups none is
	 * missing. */
	if (setgroups(who->n_groups, who->groups) < 0 && (errno != EPERM || who->n_groups))
		return fail_id(err, errno, "setgroups", who->gid);
	if (setresgid(who->gid, who->gid, who->gid) < 0)
		return fail_id(err, errno, "setresgid", who->gid);
	/* Permitted capabilities stay until process_privileges() sets what is left of them. */
	if (who->uid && prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0)
		return crl_fail_sys(err, errno, "PR_SET_KEEPCAPS");
	if (setresuid(who->uid, who->uid, who->uid) < 0)
		return fail_id(err, errno, "setresuid", who->uid);
	umask(p->process->user.umask.set ? (mode_t)(p->process->user.umask.v & 0777) : 0022);
	return 0;
}

/* Refused, not skipped, where the kernel cannot: a label that is not set protects nobody. */
static int set_label(struct payload *p, const char *path, const char *value, const char *what,
		     struct crl_err *err)
{
	struct crl_err e = CRL_ERR_INIT;
	if (procfs_write(p->proc_fd, path, value, &e) == 0)
		return 0;
	if (e.code == CRL_NOT_FOUND || e.sys == EINVAL)
		return crl_fail(err, CRL_UNSUPPORTED,
				"%s is asked for, but not enabled in this kernel", what);
	*err = e;
	return crl_context(err, "%s", what);
}

int process_labels(struct payload *p, struct crl_err *err)
{
	if (!str_empty(p->process->apparmor_profile)) {
		_cleanup_free_ char *text = path_printf("exec %s", p->process->apparmor_profile);
		if (!text)
			return crl_fail_oom(err);
		if (set_label(p, "self/attr/apparmor/exec", text, "an AppArmor profile", err) < 0)
			return -1;
	}
	if (!str_empty(p->process->selinux_label))
		return set_label(p, "self/attr/exec", p->process->selinux_label, "an SELinux label",
				 err);
	return 0;
}
