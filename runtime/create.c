/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The parent's half of a start, as a table of steps, and the life of a
 * container around it: create, start, destroy. The child's half is in init.c.
 * See clone(2) "clone3", pidfd_open(2), cgroups(7).
 */
#include "cgroup.h"
#include "device_filter.h"
#include "hooks.h"
#include "message.h"
#include "namespaces.h"
#include "outer.h"
#include "process.h"
#include "rt.h"
#include "seccomp_filter.h"
#include "sys.h"
#include "user.h"
#include <base/path.h>
#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

int rt_warn(struct crl_rt *rt, struct crl_err *err, const char *fmt, ...)
{
	char text[512];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return strv_push(&rt->warnings, text) < 0 ? crl_fail_oom(err) : 0;
}

static int step_check(void *ctx, struct crl_err *err)
{
	struct crl_rt *rt = ctx;
	if (check_spec(rt, err) < 0)
		return -1;
	rt->p.process = rt->spec->process;
	return process_caps(rt->spec->process, outer_userns_wanted(rt), &rt->p.caps, &rt->warnings,
			    err);
}

static int step_cgroup(void *ctx, struct crl_err *err)
{
	struct crl_rt *rt = ctx;
	if (!crl_cgroup_root())
		return rt_warn(rt, err,
			       "this host has no cgroup2 hierarchy: no limits, no device rules");
	if (cgroup_path_for(rt->spec->linux_->cgroups_path, rt->id, &rt->cgroup_path, err) < 0)
		return -1;
	if (cgroup_create(rt->cgroup_path, &rt->cgroup_fd, err) < 0)
		return -1;
	rt->cgroup_made = true;
	return 0;
}

static void undo_cgroup(void *ctx)
{
	struct crl_rt *rt = ctx;
	if (rt->cgroup_made)
		cgroup_remove_with_parent(rt->cgroup_path);
	rt->cgroup_made = false;
}

static bool has_cgroup(const void *ctx)
{
	return ((const struct crl_rt *)ctx)->cgroup_made;
}

static int step_limits(void *ctx, struct crl_err *err)
{
	struct crl_rt *rt = ctx;
	return crl_cgroup_apply(rt->cgroup_path, rt->spec->linux_->resources, &rt->warnings, err);
}

static int step_devices(void *ctx, struct crl_err *err)
{
	struct crl_rt *rt = ctx;
	return device_filter_attach(rt->spec->linux_->resources, rt->cgroup_fd, err);
}

static int step_seccomp(void *ctx, struct crl_err *err)
{
	struct crl_rt *rt = ctx;
	return seccomp_filter_get(rt->spec->linux_->seccomp, rt->opt.cache_dir, &rt->p.filter, err);
}

static bool has_seccomp(const void *ctx)
{
	const struct crl_rt *rt = ctx;
	return rt->spec->linux_ && rt->spec->linux_->seccomp;
}

static int step_channel(void *ctx, struct crl_err *err)
{
	struct crl_rt *rt = ctx;
	int pair[2];
	if (message_pair(pair, err) < 0)
		return -1;
	rt->sock = pair[0];
	rt->child_sock = pair[1];
	return 0;
}

/* Namespaces that are entered by being born into them: ours changes for a moment around the clone.
 */
int create_enter_for_children(struct crl_rt *rt, int own[2], struct crl_err *err)
{
	const struct oci_linux *l = rt->spec->linux_;
	if (rt->ns.join[NS_PID] >= 0) {
		own[0] = open("/proc/self/ns/pid", O_RDONLY | O_CLOEXEC);
		if (own[0] < 0 || setns(rt->ns.join[NS_PID], CLONE_NEWPID) < 0)
			return crl_fail_sys(err, errno, "join namespace pid");
	}
	bool offsets = rt->ns.fresh[NS_TIME] && l->n_time_offsets > 0;
	if (rt->ns.join[NS_TIME] < 0 && !offsets)
		return 0;
	own[1] = open("/proc/self/ns/time", O_RDONLY | O_CLOEXEC);
	if (own[1] < 0)
		return crl_fail_sys(err, errno, "/proc/self/ns/time");
	if (rt->ns.join[NS_TIME] >= 0)
		return setns(rt->ns.join[NS_TIME], CLONE_NEWTIME) < 0
			       ? crl_fail_sys(err, errno, "join namespace time")
			       : 0;
	if (unshare(CLONE_NEWTIME) < 0)
		return crl_fail_sys(err, errno, "new time namespace");
	for (size_t i = 0; i < l->n_time_offsets; i++) {
		_cleanup_free_ char *line = path_printf("%s %lld %u", l->time_offsets[i].key,
							(long long)l->time_offsets[i].secs,
							l->time_offsets[i].nanosecs);
		if (!line)
			return crl_fail_oom(err);
		if (path_write_string(AT_FDCWD, "/proc/self/timens_offsets", line, err) < 0)
			return -1;
	}
	return 0;
}

static int leave_again(int own[2], struct crl_err *err)
{
	int r = 0;
	static const int flags[2] = {CLONE_NEWPID, CLONE_NEWTIME};
	for (int i = 0; i < 2; i++) {
		if (own[i] < 0)
			continue;
		if (setns(own[i], flags[i]) < 0)
			r = crl_fail_sys(err, errno, "return to the own namespace");
		close(own[i]);
	}
	return r;
}

uint64_t create_clone_flags(const struct crl_rt *rt)
{
	uint64_t flags = namespaces_clone_flags(&rt->ns);
	/* With offsets it was made ahead of the clone. */
	if (rt->spec->linux_->n_time_offsets > 0)
		flags &= ~(uint64_t)CLONE_NEWTIME;
	return flags;
}

/* One clone for all; with a user namespace for the process in between, which makes the namespaces.
 */
static int do_clone(struct crl_rt *rt, struct crl_err *err)
{
	bool outer = rt->userns_fd >= 0;
	int pidfd = -1;
	struct sys_clone_args args = {
		.flags = (outer ? 0 : create_clone_flags(rt)) | CLONE_PIDFD | CLONE_CLEAR_SIGHAND,
		.pidfd = (uint64_t)(uintptr_t)&pidfd,
		.exit_signal = SIGCHLD,
	};
	if (rt->cgroup_made) {
		args.flags |= CLONE_INTO_CGROUP;
		args.cgroup = (uint64_t)rt->cgroup_fd;
	}
	pid_t pid = sys_clone3(&args);
	if (pid == 0) {
		close(rt->sock);
		rt->sock = rt->child_sock;
		outer ? outer_main(rt) : init_main(rt);
	}
	if (pid < 0)
		return crl_fail_sys(err, errno, "clone3");
	rt->pid = pid;
	rt->pidfd = pidfd;
	return 0;
}

static int step_clone(void *ctx, struct crl_err *err)
{
	struct crl_rt *rt = ctx;
	int own[2] = {-1, -1};
	/*
	 * The child inherits this: in a pid namespace that others live in, it must
	 * not be open to them for a single moment (CVE-2016-9962).
	 */
	int dumpable = prctl(PR_GET_DUMPABLE, 0, 0, 0, 0);
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	int r = rt->userns_fd < 0 ? create_enter_for_children(rt, own, err) : 0;
	if (r == 0)
		r = do_clone(rt, err);
	if (dumpable == 1)
		prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
	if (leave_again(own, r == 0 ? err : NULL) < 0)
		r = -1;
	close(take_fd(&rt->child_sock));
	return r;
}

static bool has_userns(const void *ctx)
{
	return ((const struct crl_rt *)ctx)->userns_fd >= 0;
}

static void kill_and_reap(struct crl_rt *rt)
{
	if (rt->pidfd < 0)
		return;
	siginfo_t si;
	syscall(SYS_pidfd_send_signal, rt->pidfd, SIGKILL, NULL, 0);
	while (waitid((idtype_t)P_PIDFD, (id_t)rt->pidfd, &si, WEXITED) < 0 && errno == EINTR)
		;
}

static void undo_clone(void *ctx)
{
	struct crl_rt *rt = ctx;
	kill_and_reap(rt);
	if (rt->pidfd >= 0)
		close(take_fd(&rt->pidfd));
	rt->pid = 0;
}

/* prestart and createRuntime, while the child waits before pivot_root. */
static int run_create_hooks(struct crl_rt *rt, struct crl_err *err)
{
	const struct oci_hooks *h = rt->spec->hooks;
	struct hook_state s = {.spec = rt->spec,
			       .id = rt->id,
			       .bundle = rt->bundle,
			       .status = "creating",
			       .pid = rt->pid};
	if (hooks_run(h->prestart, h->n_prestart, &s, err) < 0)
		return crl_context(err, "prestart");
	if (hooks_run(h->create_runtime, h->n_create_runtime, &s, err) < 0)
		return crl_context(err, "createRuntime");
	struct message go = {.kind = MESSAGE_GO, .pid = rt->pid};
	return message_send(rt->sock, &go, -1, err);
}

/* From the process in between to the container's: what is in rt->pid is replaced. */
static void meet_init(struct crl_rt *rt, pid_t pid, int pidfd)
{
	siginfo_t si;
	while (waitid((idtype_t)P_PIDFD, (id_t)rt->pidfd, &si, WEXITED) < 0 && errno == EINTR)
		;
	close(rt->pidfd);
	rt->pid = pid;
	/* Our table of descriptors was full: it waits for us, so the number is still its own. */
	rt->pidfd = pidfd >= 0 ? pidfd : (int)syscall(SYS_pidfd_open, pid, 0);
}

/* Reads what the child says until it is ready, executed, or ended with an error. */
static int listen_to_child(struct crl_rt *rt, enum message_kind until, struct crl_err *err)
{
	for (;;) {
		struct message m;
		int fd = -1;
		if (message_receive(rt->sock, &m, &fd, err) < 0)
			return -1;
		if (m.kind == MESSAGE_PID)
			meet_init(rt, m.pid, take_fd(&fd));
		if (m.kind == MESSAGE_STEP) {
			if (rt->opt.explain)
				rt->opt.explain(m.step->name, m.step->why, m.step->see, m.us,
						m.err.code ? &m.err : NULL, rt->opt.explain_data);
			continue;
		}
		if (m.kind == MESSAGE_HOOKS) {
			if (run_create_hooks(rt, err) < 0)
				return -1;
			continue;
		}
		if (m.kind == MESSAGE_ERROR) {
			*err = m.err;
			return -1;
		}
		if (m.kind == until) {
			if (m.kind == MESSAGE_READY && rt->opt.ret_pty_master)
				*rt->opt.ret_pty_master = take_fd(&fd);
			if (fd >= 0)
				close(fd);
			return 0;
		}
		if (m.kind == MESSAGE_END)
			return crl_fail(err, CRL_KERNEL,
					"the container's init died while starting");
	}
}

static int step_meet(void *ctx, struct crl_err *err)
{
	return listen_to_child(ctx, MESSAGE_PID, err);
}

static int step_admit(void *ctx, struct crl_err *err)
{
	struct crl_rt *rt = ctx;
	struct message go = {.kind = MESSAGE_GO};
	if (process_limits_of(rt->pid, rt->spec->process, err) < 0)
		return -1;
	return message_send(rt->sock, &go, -1, err);
}

static const struct step parent_steps[] = {
	{"rt.check", "Refuse a wrong or impossible configuration before anything exists",
	 "OCI runtime-spec config.md", step_check},
	{"rt.cgroup",
	 "A group of its own: what the container uses is counted, limited and killed as one",
	 "cgroups(7)", step_cgroup, undo_cgroup},
	{"rt.limits", "Memory, CPU, processes and I/O end where the configuration says",
	 "cgroup-v2.rst", step_limits, .wanted = has_cgroup},
	{"rt.devices", "A program in the kernel decides which devices may be opened or made",
	 "bpf(2)", step_devices, .wanted = has_cgroup},
	{"rt.seccomp_filter", "The list of allowed system calls, as a program the kernel will ask",
	 "seccomp(2)", step_seccomp, .wanted = has_seccomp},
	{"rt.userns", "Users of its own: root in the container is nobody in particular on the host",
	 "user_namespaces(7)", outer_userns, .wanted = outer_userns_wanted},
	{"rt.outer_mounts",
	 "What only the host's root may open or map: shared folders, the image, device nodes",
	 "open_tree(2), mount_setattr(2)", outer_mounts, .wanted = outer_mounts_wanted},
	{"rt.own_cgroup", "The container's root manages its own cgroup where that was asked for",
	 "cgroups(7)", outer_cgroup, .wanted = outer_cgroup_wanted},
	{"rt.channel", "A socket over which the child reports what it did and what went wrong",
	 "socketpair(2)", step_channel},
	{"rt.clone",
	 "One call makes the first process with its own view of mounts, processes, network, "
	 "names and IPC, inside the cgroup from its first instruction",
	 "clone(2), namespaces(7)", step_clone, undo_clone},
	{"rt.meet_init",
	 "In a user namespace a process in between enters it, and makes the first process there",
	 "setns(2), pidfd_open(2)", step_meet, .wanted = has_userns},
	{"rt.outer_limits", "Limits that its own root may not raise are set from outside",
	 "prlimit(2)", step_admit, .wanted = has_userns},
};
STEPS_LISTED(parent_steps);

static void explain_parent(const struct step *step, uint64_t us, const struct crl_err *err,
			   void *data)
{
	struct crl_rt *rt = data;
	rt->opt.explain(step->name, step->why, step->see, us, err, rt->opt.explain_data);
}

static struct crl_rt *new_rt(const struct oci_spec *spec, const struct crl_rt_options *o)
{
	struct crl_rt *rt = calloc(1, sizeof(*rt));
	if (!rt)
		return NULL;
	*rt = (struct crl_rt){.spec = spec,
			      .opt = *o,
			      .cgroup_fd = -1,
			      .sock = -1,
			      .child_sock = -1,
			      .pidfd = -1,
			      .root_tree = -1,
			      .userns_fd = -1,
			      .dev_fd = -1,
			      .null_fd = -1,
			      .empty_fd = -1};
	namespaces_init(&rt->ns);
	payload_init(&rt->p);
	rt->id = strdup(o->id ? o->id : "");
	rt->bundle = o->bundle_dir ? strdup(o->bundle_dir) : NULL;
	rt->p.user = o->user;
	rt->p.group_add = o->group_add;
	rt->p.preserve_fds = o->preserve_fds;
	memcpy(rt->p.stdio, o->stdio, sizeof(rt->p.stdio));
	if (rt->id && (rt->bundle || !o->bundle_dir))
		return rt;
	crl_rt_free(rt);
	return NULL;
}

int crl_rt_create(const struct oci_spec *spec, const struct crl_rt_options *options,
		  struct crl_rt **ret, struct crl_err *err)
{
	struct crl_rt *rt = new_rt(spec, options);
	if (!rt)
		return crl_fail_oom(err);
	if (options->explain) {
		rt->run.observer = explain_parent;
		rt->run.observer_data = rt;
	}
	int r = steps_run(parent_steps, ARRAY_SIZE(parent_steps), rt, &rt->run, err);
	/* Not a step: what the child reports carries the name of its own step already. */
	if (r == 0 && (r = listen_to_child(rt, MESSAGE_READY, err)) < 0)
		steps_undo(parent_steps, rt, &rt->run);
	if (r < 0) {
		crl_rt_free(rt);
		return -1;
	}
	/* What only the way up needed. */
	namespaces_close(&rt->ns);
	outer_close(rt);
	*ret = rt;
	return 0;
}

int crl_rt_start(struct crl_rt *rt, struct crl_err *err)
{
	struct message go = {.kind = MESSAGE_GO};
	if (rt->started)
		return crl_fail(err, CRL_CONFLICT, "the container was started already");
	if (message_send(rt->sock, &go, -1, err) < 0)
		return crl_fail(err, CRL_CONFLICT, "the container's init is gone");
	/* execve closes the child's end; before that it may tell why not. */
	if (listen_to_child(rt, MESSAGE_END, err) < 0)
		return -1;
	rt->started = true;
	close(take_fd(&rt->sock));
	return 0;
}

void crl_rt_replace(struct crl_rt *rt, pid_t pid, int pidfd)
{
	kill_and_reap(rt);
	close(rt->pidfd);
	rt->pid = pid;
	rt->pidfd = pidfd;
	rt->started = true;
	close(take_fd(&rt->sock));
}

pid_t crl_rt_pid(const struct crl_rt *rt)
{
	return rt->pid;
}

int crl_rt_pidfd(const struct crl_rt *rt)
{
	return rt->pidfd;
}

char *const *crl_rt_warnings(const struct crl_rt *rt)
{
	static char *const none[] = {NULL};
	return rt->warnings ? rt->warnings : none;
}

const char *crl_rt_cgroup_path(const struct crl_rt *rt)
{
	return rt->cgroup_made ? rt->cgroup_path : NULL;
}

void crl_rt_destroy(struct crl_rt *rt)
{
	if (!rt)
		return;
	if (!rt->started)
		kill_and_reap(rt);
	else if (rt->pidfd >= 0)
		syscall(SYS_pidfd_send_signal, rt->pidfd, SIGKILL, NULL, 0);
	undo_cgroup(rt);
	crl_rt_free(rt);
}

void crl_rt_free(struct crl_rt *rt)
{
	if (!rt)
		return;
	namespaces_close(&rt->ns);
	outer_close(rt);
	seccomp_filter_free(&rt->p.filter);
	int *const fds[] = {&rt->cgroup_fd, &rt->sock, &rt->child_sock, &rt->pidfd};
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
		if (*fds[i] >= 0)
			close(*fds[i]);
	strv_free(rt->warnings);
	free(rt->cgroup_path);
	free(rt->bundle);
	free(rt->id);
	free(rt);
}
