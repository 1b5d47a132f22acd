/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The child's half of a start: from the first instruction in the new
 * namespaces to execve, as two tables of steps. The first builds; then the
 * child says "ready" and waits; the second shuts the last doors and executes.
 *
 * The order is the design. Host files are opened before pivot_root, what may
 * fail comes before "ready", privileges go last, and nothing of the host is
 * open when the payload begins. Each step has an attack of its own in
 * tests/system.
 */
#include "dev.h"
#include "hooks.h"
#include "mask.h"
#include "message.h"
#include "mounts.h"
#include "namespaces.h"
#include "process.h"
#include "procfs.h"
#include "root.h"
#include "rt.h"
#include "sys.h"
#include "sysctl.h"
#include "user.h"
#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>

static int step_isolate(void *ctx, struct crl_err *err)
{
	struct crl_rt *rt = ctx;
	return process_isolate(rt->opt.no_new_keyring, rt->p.preserve_fds, err);
}

static int step_join(void *ctx, struct crl_err *err)
{
	struct crl_rt *rt = ctx;
	/* With a user namespace the process in between has joined them, with the host's rights. */
	if (rt->userns_fd < 0 && namespaces_join(&rt->ns, err) < 0)
		return -1;
	return namespaces_new_cgroup(&rt->ns, err);
}

static bool loopback_wanted(const void *ctx)
{
	return ((const struct crl_rt *)ctx)->ns.fresh[NS_NET];
}

static int step_loopback(void *ctx, struct crl_err *err)
{
	(void)ctx;
	return namespaces_loopback(err);
}

static int step_procfs(void *ctx, struct crl_err *err)
{
	struct crl_rt *rt = ctx;
	struct crl_err e = CRL_ERR_INIT;
	if (procfs_open(&rt->p.proc_fd, &e) == 0)
		return 0;
	/* In the host's pid namespace a container's root may not mount one; the host's is no fake
	 * either. */
	if (e.sys == EPERM && rt->userns_fd >= 0 && !rt->ns.fresh[NS_PID])
		return procfs_open_host(&rt->p.proc_fd, err);
	*err = e;
	return -1;
}

static int step_cwd_make(void *ctx, struct crl_err *err)
{
	return process_make_cwd(&((struct crl_rt *)ctx)->p, err);
}

static int step_limits(void *ctx, struct crl_err *err)
{
	return process_limits(&((struct crl_rt *)ctx)->p, err);
}

static bool limits_wanted(const void *ctx)
{
	const struct oci_process *p = ((const struct crl_rt *)ctx)->spec->process;
	/* In a user namespace the parent sets them, see outer.h. */
	return ((const struct crl_rt *)ctx)->userns_fd < 0 &&
	       (p->n_rlimits || p->oom_score_adj.set);
}

static bool create_hooks_wanted(const void *ctx)
{
	const struct oci_hooks *h = ((const struct crl_rt *)ctx)->spec->hooks;
	return h && (h->n_prestart || h->n_create_runtime || h->n_create_container);
}

static int step_create_hooks(void *ctx, struct crl_err *err)
{
	struct crl_rt *rt = ctx;
	struct message m = {.kind = MESSAGE_HOOKS};
	if (message_send(rt->sock, &m, -1, err) < 0 || message_receive(rt->sock, &m, NULL, err) < 0)
		return -1;
	if (m.kind != MESSAGE_GO)
		_exit(1); /* the parent reports its own error */
	const struct oci_hooks *h = rt->spec->hooks;
	struct hook_state s = {.spec = rt->spec,
			       .id = rt->id,
			       .bundle = rt->bundle,
			       .status = "creating",
			       .pid = m.pid};
	rt->pid = m.pid;
	if (hooks_run(h->create_container, h->n_create_container, &s, err) < 0)
		return crl_context(err, "createContainer");
	return 0;
}

static bool start_hooks_wanted(const void *ctx)
{
	const struct oci_hooks *h = ((const struct crl_rt *)ctx)->spec->hooks;
	return h && h->n_start_container;
}

static int step_start_hooks(void *ctx, struct crl_err *err)
{
	struct crl_rt *rt = ctx;
	struct hook_state s = {.spec = rt->spec,
			       .id = rt->id,
			       .bundle = rt->bundle,
			       .status = "created",
			       .pid = rt->pid};
	if (hooks_run(rt->spec->hooks->start_container, rt->spec->hooks->n_start_container, &s,
		      err) < 0)
		return crl_context(err, "startContainer");
	return 0;
}

static bool readonly_wanted(const void *ctx)
{
	const struct crl_rt *rt = ctx;
	return rt->spec->root && rt->spec->root->readonly;
}

static bool hostname_wanted(const void *ctx)
{
	const struct oci_spec *s = ((const struct crl_rt *)ctx)->spec;
	return !str_empty(s->hostname) || !str_empty(s->domainname);
}

static int step_hostname(void *ctx, struct crl_err *err)
{
	const struct oci_spec *s = ((const struct crl_rt *)ctx)->spec;
	if (!str_empty(s->hostname) && sethostname(s->hostname, strlen(s->hostname)) < 0)
		return crl_fail_sys(err, errno, "hostname %s", s->hostname);
	if (!str_empty(s->domainname) && setdomainname(s->domainname, strlen(s->domainname)) < 0)
		return crl_fail_sys(err, errno, "domainname %s", s->domainname);
	return 0;
}

static int step_user(void *ctx, struct crl_err *err)
{
	struct crl_rt *rt = ctx;
	if (user_resolve(&rt->p, err) < 0)
		return -1;
	return process_environment(&rt->p, err);
}

static int step_stdio(void *ctx, struct crl_err *err)
{
	return process_stdio(&((struct crl_rt *)ctx)->p, err);
}

static int step_cwd(void *ctx, struct crl_err *err)
{
	return process_cwd(&((struct crl_rt *)ctx)->p, err);
}

static bool labels_wanted(const void *ctx)
{
	const struct oci_process *p = ((const struct crl_rt *)ctx)->spec->process;
	return !str_empty(p->apparmor_profile) || !str_empty(p->selinux_label);
}

static int step_labels(void *ctx, struct crl_err *err)
{
	return process_labels(&((struct crl_rt *)ctx)->p, err);
}

static int step_bounding(void *ctx, struct crl_err *err)
{
	return process_bounding(&((struct crl_rt *)ctx)->p, err);
}

static int step_identity(void *ctx, struct crl_err *err)
{
	struct crl_rt *rt = ctx;
	if (process_identity(&rt->p, err) < 0)
		return -1;
	/* Changing ids cleared it, so it is set after. */
	if (rt->opt.pdeathsig && prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0)
		return crl_fail_sys(err, errno, "PR_SET_PDEATHSIG");
	return 0;
}

static int step_find(void *ctx, struct crl_err *err)
{
	return process_find(&((struct crl_rt *)ctx)->p, err);
}

static int step_privileges(void *ctx, struct crl_err *err)
{
	return process_privileges(&((struct crl_rt *)ctx)->p, err);
}

static int step_exec(void *ctx, struct crl_err *err)
{
	return process_exec(&((struct crl_rt *)ctx)->p, err);
}

static const struct step build_steps[] = {
	{"rt.isolate", "Out of the caller's terminal, keys, descriptors and signal settings",
	 "setsid(2), keyctl(2), close_range(2)", step_isolate},
	{"rt.join_namespaces", "Enter namespaces that exist already, and make the cgroup namespace",
	 "setns(2), cgroup_namespaces(7)", step_join},
	{"rt.loopback", "A program may talk to itself over 127.0.0.1 without any network",
	 "netdevice(7)", step_loopback, .wanted = loopback_wanted},
	{"rt.bind_sources", "Take hold of the host folders to share, while they are still in sight",
	 "open_tree(2)", mounts_clone_sources, .wanted = mounts_want_sources},
	{"rt.private_mounts", "From here on no mount of ours reaches the host",
	 "mount_namespaces(7)", root_private_mounts},
	{"rt.procfs", "A private view of the kernel that nothing in the image can fake",
	 "fsopen(2), proc(5)", step_procfs},
	{"rt.mount_root", "The image becomes a mount of its own, the future \"/\"", "move_mount(2)",
	 root_mount},
	{"rt.mounts", "/proc, /sys, /dev, volumes: each built detached, attached by descriptor",
	 "fsopen(2), mount_setattr(2), openat2(2)", mounts_attach, .wanted = mounts_wanted},
	{"rt.dev_nodes", "The few devices every program expects", "null(4), random(4)", dev_nodes,
	 .wanted = dev_wanted},
	{"rt.dev_links", "/dev/fd, /dev/stdin and /dev/ptmx lead to the container's own", "pts(4)",
	 dev_links, .wanted = dev_wanted},
	{"rt.console", "A terminal of the container's own, not the caller's",
	 "ioctl_tty(2), pts(4)", dev_console, .wanted = dev_console_wanted},
	{"rt.sysctl", "Kernel settings of the container's own namespaces",
	 "sysctl(2), namespaces(7)", sysctl_write, .wanted = sysctl_wanted},
	{"rt.workdir", "The working directory exists before the root may become read-only",
	 "OCI runtime-spec config.md", step_cwd_make},
	{"rt.mask_paths", "Kernel files that tell or change things about the host are covered",
	 "proc(5)", mask_paths, .wanted = mask_wanted},
	{"rt.readonly_paths", "Kernel settings can be read, not changed", "proc(5)", mask_readonly,
	 .wanted = mask_readonly_wanted},
	{"rt.create_hooks",
	 "Programs of the host may finish the container before the host leaves the view",
	 "OCI runtime-spec config.md", step_create_hooks, .wanted = create_hooks_wanted},
	{"rt.pivot_root", "The image becomes \"/\", and the host's files leave the view for good",
	 "pivot_root(2)", root_pivot},
	{"rt.root_readonly", "The image itself cannot be changed", "mount_setattr(2)",
	 root_readonly, .wanted = readonly_wanted},
	{"rt.hostname", "The container's own name", "sethostname(2)", step_hostname,
	 .wanted = hostname_wanted},
	{"rt.rlimits", "Limits of each process, and who dies first when memory ends",
	 "setrlimit(2), proc(5)", step_limits, .wanted = limits_wanted},
	{"rt.user", "Names of users and groups mean what the image says", "passwd(5), group(5)",
	 step_user},
	{"rt.stdio", "Input, output and the controlling terminal", "dup(2), ioctl_tty(2)",
	 step_stdio},
	{"rt.chdir", "The working directory, proven to lie inside the container", "getcwd(2)",
	 step_cwd},
	{"rt.labels", "AppArmor and SELinux labels for the program", "apparmor(7)", step_labels,
	 .wanted = labels_wanted},
	{"rt.drop_bounding", "Powers of root that no program in here can ever get back",
	 "capabilities(7)", step_bounding},
	{"rt.set_user", "Become the user", "setresuid(2), setgroups(2)", step_identity},
	{"rt.find_exec", "The program is there and may be executed", "execve(2)", step_find},
};
STEPS_LISTED(build_steps);

static const struct step start_steps[] = {
	{"rt.start_hooks", "Programs of the image run before the one that was asked for",
	 "OCI runtime-spec config.md", step_start_hooks, .wanted = start_hooks_wanted},
	{"rt.drop_caps", "The last powers go, and the filter of system calls closes behind us",
	 "capabilities(7), seccomp(2)", step_privileges},
	{"rt.exec", "The program replaces us", "execve(2)", step_exec},
};
STEPS_LISTED(start_steps);

static void report_step(const struct step *step, uint64_t us, const struct crl_err *err, void *data)
{
	struct crl_rt *rt = data;
	struct message m = {.kind = MESSAGE_STEP, .step = step, .us = us};
	if (err)
		m.err = *err;
	message_send(rt->sock, &m, -1, NULL);
}

/* Clients look for texts that begin with "exec": a step's name must not stand before it. */
static void strip_step(struct crl_err *err)
{
	static const char *const names[] = {"rt.find_exec: ", "rt.exec: "};
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (str_starts(err->msg, names[i]))
			memmove(err->msg, err->msg + strlen(names[i]),
				strlen(err->msg) - strlen(names[i]) + 1);
}

_Noreturn static void die(struct crl_rt *rt, struct crl_err *err)
{
	struct message m = {.kind = MESSAGE_ERROR};
	strip_step(err);
	m.err = *err;
	/* With start_fd nobody listens any more: the payload's stderr is what is left. */
	if (message_send(rt->sock, &m, -1, NULL) < 0)
		dprintf(2, "%s\n", err->msg);
	_exit(crl_rt_exit_code_of(err));
}

static void run_or_die(struct crl_rt *rt, const struct step *steps, size_t n)
{
	struct step_run run = {0};
	struct crl_err err = CRL_ERR_INIT;
	if (rt->opt.explain) {
		run.observer = report_step;
		run.observer_data = rt;
	}
	if (steps_run(steps, n, rt, &run, &err) < 0)
		die(rt, &err);
}

/* Waits for the word to execute. Nobody left to give it: end. */
static void wait_for_start(struct crl_rt *rt)
{
	struct message m;
	char byte;
	if (rt->opt.start_fd < 0) {
		if (message_receive(rt->sock, &m, NULL, &(struct crl_err)CRL_ERR_INIT) < 0 ||
		    m.kind != MESSAGE_GO)
			_exit(1);
		return;
	}
	if (TEMP_FAILURE_RETRY(read(rt->opt.start_fd, &byte, 1)) != 1)
		_exit(1);
}

void init_main(struct crl_rt *rt)
{
	struct crl_err err = CRL_ERR_INIT;
	/* The parent knows us, has set limits, and the process in between is gone. */
	if (rt->userns_fd >= 0) {
		struct message go;
		if (message_receive(rt->sock, &go, NULL, &err) < 0 || go.kind != MESSAGE_GO)
			_exit(1);
	}
	run_or_die(rt, build_steps, ARRAY_SIZE(build_steps));
	struct message ready = {.kind = MESSAGE_READY};
	if (message_send(rt->sock, &ready, rt->p.pty_master, &err) < 0)
		_exit(1);
	if (rt->p.pty_master >= 0)
		close(rt->p.pty_master);
	wait_for_start(rt);
	run_or_die(rt, start_steps, ARRAY_SIZE(start_steps));
	_exit(1);
}
