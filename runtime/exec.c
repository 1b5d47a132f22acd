/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A further process in a running container, in three hops:
 *
 *	caller --clone3--> helper --setns, close--> clone3(CLONE_PARENT) --> payload
 *
 * The helper joins every namespace by the container's pidfd while it is still
 * in the host's pid namespace, where nobody inside can see it, and closes all
 * of the host's descriptors. Only then the payload is born into the
 * container's pid namespace: whoever watches /proc there never sees a
 * descriptor, root or working directory of the host (CVE-2016-9962,
 * CVE-2024-21626). CLONE_PARENT makes it the caller's child all the same.
 */
#include "message.h"
#include "process.h"
#include "procfs.h"
#include "rt.h"
#include "seccomp_filter.h"
#include "sys.h"
#include "dev.h"
#include "user.h"
#include <base/path.h>
#include <base/userns.h>
#include <errno.h>
#include <linux/magic.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/vfs.h>
#include <sys/wait.h>

#define JOINED                                                                                     \
	(CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWNET | CLONE_NEWPID)

struct ex {
	const struct crl_rt_exec_options *opt;
	struct payload p;
	int cgroup_fd;
	int joined;  /* CLONE_NEW* */
	bool userns; /* the container has users of its own */
	int sock, child_sock;
	struct step_run run;
};

/* --- helper, still in the host's pid namespace --- */

static int step_hide(void *ctx, struct crl_err *err)
{
	struct ex *ex = ctx;
	return process_isolate(false, ex->p.preserve_fds, err);
}

/* Puts the payload's 0, 1, 2 in place, then closes everything but them and the channel. */
static int step_close(void *ctx, struct crl_err *err)
{
	struct ex *ex = ctx;
	if (process_stdio(&ex->p, err) < 0)
		return -1;
	unsigned from = 3 + (unsigned)ex->p.preserve_fds;
	unsigned keep[2] = {(unsigned)ex->opt->target_pidfd, (unsigned)ex->child_sock};
	if (keep[0] > keep[1]) {
		unsigned t = keep[0];
		keep[0] = keep[1];
		keep[1] = t;
	}
	for (int i = 0; i < 2; i++) {
		if (keep[i] > from)
			close_range(from, keep[i] - 1, 0);
		if (keep[i] >= from)
			from = keep[i] + 1;
	}
	if (close_range(from, ~0U, 0) < 0)
		return crl_fail_sys(err, errno, "close_range");
	return 0;
}

static int step_join(void *ctx, struct crl_err *err)
{
	struct ex *ex = ctx;
	if (setns(ex->opt->target_pidfd, ex->joined) < 0)
		return errno == ESRCH ? crl_fail(err, CRL_CONFLICT, "container not running")
				      : crl_fail_sys(err, errno, "join the container's namespaces");
	close(ex->opt->target_pidfd);
	return ex->userns ? userns_become_root(err) : 0;
}

static const struct step helper_steps[] = {
	{"ex.hide", "Not visible, no terminal, keys or signal settings of the caller",
	 "prctl(2), setsid(2)", step_hide},
	{"ex.close", "Nothing of the host stays open", "close_range(2)", step_close},
	{"ex.join", "All namespaces of the container at once, by its pidfd", "setns(2)", step_join},
};
STEPS_LISTED(helper_steps);

/* --- payload, inside the container --- */

/* The helper led a session, but it is gone: only a leader may take a controlling terminal. */
static int step_session(void *ctx, struct crl_err *err)
{
	return setsid() < 0 ? crl_fail_sys(err, errno, "setsid") : 0;
}

static int step_root(void *ctx, struct crl_err *err)
{
	struct ex *ex = ctx;
	ex->p.root_fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	return ex->p.root_fd < 0 ? crl_fail_sys(err, errno, "open /") : 0;
}

static bool wants_procfs(const void *ctx)
{
	const struct oci_process *p = ((const struct ex *)ctx)->p.process;
	return p->oom_score_adj.set || !str_empty(p->apparmor_profile) ||
	       !str_empty(p->selinux_label);
}

static int step_procfs(void *ctx, struct crl_err *err)
{
	return procfs_open(&((struct ex *)ctx)->p.proc_fd, err);
}

static bool wants_console(const void *ctx)
{
	return ((const struct ex *)ctx)->p.process->terminal;
}

static int step_console(void *ctx, struct crl_err *err)
{
	struct ex *ex = ctx;
	int fd = sys_openat2(ex->p.root_fd, "dev/pts", O_RDONLY | O_DIRECTORY,
			     RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS);
	struct statfs fs;
	if (fd < 0 || fstatfs(fd, &fs) < 0 || fs.f_type != DEVPTS_SUPER_MAGIC)
		return crl_fail(err, CRL_INVALID, "process.terminal: the container has no devpts");
	ex->p.devpts_fd = fd;
	return dev_new_pty(fd, ex->p.process, &ex->p.pty_master, &ex->p.pty_slave, err);
}

static int step_limits(void *ctx, struct crl_err *err)
{
	return process_limits(&((struct ex *)ctx)->p, err);
}

/* In a user namespace the caller sets them: the container's root may not. */
static bool own_limits(const void *ctx)
{
	return !((const struct ex *)ctx)->userns;
}

static int step_user(void *ctx, struct crl_err *err)
{
	struct ex *ex = ctx;
	if (user_resolve(&ex->p, err) < 0)
		return -1;
	return process_environment(&ex->p, err);
}

static int step_stdio(void *ctx, struct crl_err *err)
{
	return process_stdio(&((struct ex *)ctx)->p, err);
}

static int step_cwd(void *ctx, struct crl_err *err)
{
	return process_cwd(&((struct ex *)ctx)->p, err);
}

static int step_labels(void *ctx, struct crl_err *err)
{
	return process_labels(&((struct ex *)ctx)->p, err);
}

static int step_bounding(void *ctx, struct crl_err *err)
{
	return process_bounding(&((struct ex *)ctx)->p, err);
}

static int step_identity(void *ctx, struct crl_err *err)
{
	return process_identity(&((struct ex *)ctx)->p, err);
}

static int step_find(void *ctx, struct crl_err *err)
{
	return process_find(&((struct ex *)ctx)->p, err);
}

static const struct step payload_steps[] = {
	{"ex.session", "A session of its own, which the terminal's signals go to", "setsid(2)",
	 step_session},
	{"ex.root", "Take hold of the container's \"/\"", "open(2)", step_root},
	{"ex.procfs", "A private view of the kernel that nothing in the image can fake",
	 "fsopen(2), proc(5)", step_procfs, .wanted = wants_procfs},
	{"ex.console", "A terminal on the container's own devpts", "pts(4), ioctl_tty(2)",
	 step_console, .wanted = wants_console},
	{"ex.rlimits", "Limits of the process", "setrlimit(2)", step_limits, .wanted = own_limits},
	{"ex.user", "Names of users and groups mean what the image says", "passwd(5)", step_user},
	{"ex.stdio", "Input, output and the controlling terminal", "dup(2)", step_stdio,
	 .wanted = wants_console},
	{"ex.chdir", "The working directory, proven to lie inside the container", "getcwd(2)",
	 step_cwd},
	{"ex.labels", "AppArmor and SELinux labels for the program", "apparmor(7)", step_labels},
	{"ex.drop_bounding", "Powers of root that nothing started here can get back",
	 "capabilities(7)", step_bounding},
	{"ex.set_user", "Become the user", "setresuid(2), setgroups(2)", step_identity},
	{"ex.find_exec", "The program is there and may be executed", "execve(2)", step_find},
};
STEPS_LISTED(payload_steps);

static int step_privileges(void *ctx, struct crl_err *err)
{
	return process_privileges(&((struct ex *)ctx)->p, err);
}

static int step_exec(void *ctx, struct crl_err *err)
{
	return process_exec(&((struct ex *)ctx)->p, err);
}

static const struct step last_steps[] = {
	{"ex.drop_caps", "The last powers go, and the filter of system calls closes behind us",
	 "capabilities(7), seccomp(2)", step_privileges},
	{"ex.exec", "The program replaces us", "execve(2)", step_exec},
};
STEPS_LISTED(last_steps);

_Noreturn static void die(struct ex *ex, struct crl_err *err)
{
	static const char *const names[] = {"ex.find_exec: ", "ex.exec: "};
	struct message m = {.kind = MESSAGE_ERROR};
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (str_starts(err->msg, names[i]))
			memmove(err->msg, err->msg + strlen(names[i]),
				strlen(err->msg) - strlen(names[i]) + 1);
	m.err = *err;
	message_send(ex->child_sock, &m, -1, NULL);
	_exit(crl_rt_exit_code_of(err));
}

static void run_or_die(struct ex *ex, const struct step *steps, size_t n)
{
	struct step_run run = {0};
	struct crl_err err = CRL_ERR_INIT;
	if (steps_run(steps, n, ex, &run, &err) < 0)
		die(ex, &err);
}

_Noreturn static void payload_main(struct ex *ex)
{
	struct message go;
	if (ex->userns &&
	    (message_receive(ex->child_sock, &go, NULL, &(struct crl_err)CRL_ERR_INIT) < 0 ||
	     go.kind != MESSAGE_GO))
		_exit(1);
	/* The filter is in memory, the pty is made; what is sent here is only the pty's master. */
	run_or_die(ex, payload_steps, ARRAY_SIZE(payload_steps));
	if (ex->p.pty_master >= 0) {
		struct message m = {.kind = MESSAGE_READY};
		message_send(ex->child_sock, &m, ex->p.pty_master, NULL);
		close(ex->p.pty_master);
	}
	run_or_die(ex, last_steps, ARRAY_SIZE(last_steps));
	_exit(1);
}

_Noreturn static void helper_main(struct ex *ex)
{
	struct crl_err err = CRL_ERR_INIT;
	run_or_die(ex, helper_steps, ARRAY_SIZE(helper_steps));
	int pidfd = -1;
	struct sys_clone_args args = {.flags = CLONE_PARENT | CLONE_PIDFD,
				      .pidfd = (uint64_t)(uintptr_t)&pidfd};
	pid_t pid = sys_clone3(&args);
	if (pid == 0)
		payload_main(ex);
	if (pid < 0) {
		crl_fail_sys(&err, errno, "ex.clone: clone3");
		die(ex, &err);
	}
	struct message m = {.kind = MESSAGE_PID, .pid = pid};
	if (message_send(ex->child_sock, &m, pidfd, &err) < 0)
		syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, NULL, 0);
	_exit(0);
}

/* --- caller --- */

static bool frozen(const char *cgroup)
{
	char text[128];
	_cleanup_free_ char *path = path_printf("%s/cgroup.freeze", cgroup);
	_cleanup_close_ int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text));
	return n > 0 && text[0] == '1';
}

/* Joining the user namespace one is in is an error for the kernel; so is none else. */
static void look_at_namespaces(struct ex *ex)
{
	pid_t pid = ex->opt->target_pid;
	uint32_t uid, gid;
	ex->joined = JOINED;
	if (userns_differs(pid, "time"))
		ex->joined |= CLONE_NEWTIME;
	ex->userns = userns_differs(pid, "user");
	if (!ex->userns)
		return;
	ex->joined |= CLONE_NEWUSER;
	if (userns_root_of(pid, &uid, &gid, NULL) == 0)
		process_own_stdio(ex->p.stdio, uid, gid);
}

/* From outside: what the payload's root may not do itself. Then it goes on. */
static int admit(struct ex *ex, pid_t pid, struct crl_err *err)
{
	struct message go = {.kind = MESSAGE_GO};
	if (!ex->userns)
		return 0;
	if (process_limits_of(pid, ex->p.process, err) < 0)
		return -1;
	return message_send(ex->sock, &go, -1, err);
}

static int prepare(struct ex *ex, struct crl_err *err)
{
	const struct crl_rt_exec_options *o = ex->opt;
	const struct oci_process *p = o->process;
	if (!p->args || !p->args[0])
		return crl_fail(err, CRL_INVALID, "process.args: no command is given");
	if (str_empty(p->cwd) || p->cwd[0] != '/')
		return crl_fail(err, CRL_INVALID, "process.cwd \"%s\": not an absolute path",
				p->cwd ? p->cwd : "");
	/* It would not run before the thaw, and neither would our answer. */
	if (o->cgroup_path && frozen(o->cgroup_path))
		return crl_fail(err, CRL_CONFLICT, "the container is paused");
	look_at_namespaces(ex);
	if (process_check_offered(p, err) < 0 ||
	    process_caps(p, ex->userns, &ex->p.caps, NULL, err) < 0)
		return -1;
	if (o->filter)
		ex->p.filter = o->filter->filter;
	else if (seccomp_filter_get(o->seccomp, o->cache_dir, &ex->p.filter, err) < 0)
		return -1;
	int pair[2];
	if (message_pair(pair, err) < 0)
		return -1;
	ex->sock = pair[0];
	ex->child_sock = pair[1];
	if (str_empty(o->cgroup_path))
		return 0;
	ex->cgroup_fd = open(o->cgroup_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (ex->cgroup_fd < 0)
		return crl_fail_sys(err, errno, "cgroup %s", o->cgroup_path);
	return 0;
}

static pid_t clone_helper(struct ex *ex, struct crl_err *err)
{
	struct sys_clone_args args = {.flags = CLONE_CLEAR_SIGHAND, .exit_signal = SIGCHLD};
	if (ex->cgroup_fd >= 0) {
		args.flags |= CLONE_INTO_CGROUP;
		args.cgroup = (uint64_t)ex->cgroup_fd;
	}
	int dumpable = prctl(PR_GET_DUMPABLE, 0, 0, 0, 0);
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	pid_t pid = sys_clone3(&args);
	if (pid == 0)
		helper_main(ex);
	if (pid < 0)
		crl_fail_sys(err, errno, "clone3");
	if (dumpable == 1)
		prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
	close(take_fd(&ex->child_sock));
	return pid;
}

/* Collects pid and pty until execve closes the channel, or an error ends it. */
static int listen_to_both(struct ex *ex, pid_t *pid, int *pidfd, int *master, struct crl_err *err)
{
	for (;;) {
		struct message m;
		int fd = -1;
		if (message_receive(ex->sock, &m, &fd, err) < 0)
			return -1;
		if (m.kind == MESSAGE_END)
			return *pid > 0 ? 0 : crl_fail(err, CRL_KERNEL, "the exec helper died");
		if (m.kind == MESSAGE_ERROR) {
			*err = m.err;
			return -1;
		}
		if (m.kind == MESSAGE_PID) {
			*pid = m.pid;
			*pidfd = fd;
			if (admit(ex, m.pid, err) < 0)
				return -1;
		} else if (m.kind == MESSAGE_READY) {
			*master = fd;
		}
	}
}

static void reap(int pidfd)
{
	siginfo_t si;
	syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, NULL, 0);
	while (waitid((idtype_t)P_PIDFD, (id_t)pidfd, &si, WEXITED) < 0 && errno == EINTR)
		;
}

static int start(struct ex *ex, pid_t *ret_pid, int *ret_pidfd, struct crl_err *err)
{
	pid_t helper = clone_helper(ex, err), pid = 0;
	int pidfd = -1, master = -1;
	if (helper < 0)
		return -1;
	int r = listen_to_both(ex, &pid, &pidfd, &master, err);
	while (waitpid(helper, NULL, 0) < 0 && errno == EINTR)
		;
	if (r < 0) {
		if (pidfd >= 0) {
			reap(pidfd);
			close(pidfd);
		}
		if (master >= 0)
			close(master);
		return -1;
	}
	if (master >= 0 && ex->opt->ret_pty_master)
		*ex->opt->ret_pty_master = master;
	*ret_pid = pid;
	*ret_pidfd = pidfd;
	return 0;
}

int crl_rt_exec(const struct crl_rt_exec_options *o, pid_t *ret_pid, int *ret_pidfd,
		struct crl_err *err)
{
	struct ex ex = {.opt = o, .cgroup_fd = -1, .sock = -1, .child_sock = -1};
	payload_init(&ex.p);
	ex.p.process = o->process;
	ex.p.user = o->user;
	ex.p.group_add = o->group_add;
	ex.p.preserve_fds = o->preserve_fds;
	memcpy(ex.p.stdio, o->stdio, sizeof(ex.p.stdio));
	int r = prepare(&ex, err);
	if (r == 0)
		r = start(&ex, ret_pid, ret_pidfd, err);
	int fds[] = {ex.cgroup_fd, ex.sock, ex.child_sock};
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
		if (fds[i] >= 0)
			close(fds[i]);
	if (!o->filter)
		seccomp_filter_free(&ex.p.filter);
	return r;
}
