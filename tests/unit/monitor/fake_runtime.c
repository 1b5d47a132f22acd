/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A stand-in for the runtime library: the same calls, but the "container" is a
 * plain child process. With it the whole monitor is tested in seconds, without
 * root: see monitor_harness.py. Isolation is the runtime's own tests' matter.
 */
#include <crun-lite/runtime.h>

#include <base/cleanup.h>
#include <base/str.h>
#include <errno.h>
#include <fcntl.h>
#include <pty.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

struct crl_rt {
	pid_t pid;
	int pidfd;
	int go;     /* closing lets it execve */
	int failed; /* receives errno of a failed execve */
};

void crl_rt_options_init(struct crl_rt_options *o)
{
	*o = (struct crl_rt_options){.rootfs_fd = -1, .netns_fd = -1, .stdio = {-1, -1, -1}};
}

void crl_rt_exec_options_init(struct crl_rt_exec_options *o)
{
	*o = (struct crl_rt_exec_options){.target_pidfd = -1, .stdio = {-1, -1, -1}};
}

struct launch {
	const struct oci_process *process;
	const int *stdio;
	int slave; /* of a terminal, or -1 */
	int go, failed;
	bool pdeathsig;
};

static void child(const struct launch *l)
{
	setsid();
	if (l->pdeathsig)
		prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (int i = 0; i < 3; i++)
		dup2(l->slave >= 0 ? l->slave : l->stdio[i], i);
	char c;
	if (l->go >= 0)
		(void)!read(l->go, &c, 1);
	if (l->process->cwd)
		(void)!chdir(l->process->cwd);
	execvpe(l->process->args[0], l->process->args,
		l->process->env ? l->process->env : (char *[]){"PATH=/usr/bin:/bin", NULL});
	int error = errno;
	(void)!write(l->failed, &error, sizeof(error));
	_exit(127);
}

static int launch(struct launch *l, int *ret_master, struct crl_rt *rt, struct crl_err *err)
{
	int go[2], failed[2], master = -1;
	l->slave = -1;
	if (pipe2(go, O_CLOEXEC) < 0 || pipe2(failed, O_CLOEXEC) < 0)
		return crl_fail_sys(err, errno, "pipe");
	if (ret_master) {
		if (openpty(&master, &l->slave, NULL, NULL, NULL) < 0)
			return crl_fail_sys(err, errno, "openpty");
		fcntl(master, F_SETFD, FD_CLOEXEC);
		fcntl(l->slave, F_SETFD, FD_CLOEXEC);
	}
	l->go = go[0];
	l->failed = failed[1];
	pid_t pid = fork();
	if (pid == 0) {
		close(go[1]);
		child(l);
	}
	close(go[0]);
	close(failed[1]);
	cleanup_close_p(&l->slave);
	if (ret_master)
		*ret_master = master;
	*rt = (struct crl_rt){.pid = pid,
			      .pidfd = (int)syscall(SYS_pidfd_open, pid, 0),
			      .go = go[1],
			      .failed = failed[0]};
	return 0;
}

int crl_rt_create(const struct oci_spec *spec, const struct crl_rt_options *o, struct crl_rt **ret,
		  struct crl_err *err)
{
	if (!spec->process || strv_len(spec->process->args) == 0)
		return crl_fail(err, CRL_INVALID, "process.args is empty");
	struct crl_rt *rt = calloc(1, sizeof(*rt));
	struct launch l = {.process = spec->process, .stdio = o->stdio, .pdeathsig = o->pdeathsig};
	if (launch(&l, o->ret_pty_master, rt, err) < 0) {
		free(rt);
		return -1;
	}
	*ret = rt;
	return 0;
}

static int wait_execve(struct crl_rt *rt, const char *name, struct crl_err *err)
{
	int error;
	close(rt->go);
	rt->go = -1;
	if (read(rt->failed, &error, sizeof(error)) != sizeof(error))
		return 0;
	if (error == ENOENT) {
		crl_fail(err, CRL_NOT_FOUND, "exec: \"%s\": executable file not found in $PATH",
			 name);
		err->sys = ENOENT;
		return -1;
	}
	return crl_fail_sys(err, error, "exec: \"%s\"", name);
}

int crl_rt_start(struct crl_rt *rt, struct crl_err *err)
{
	return wait_execve(rt, "command", err);
}

int crl_rt_exit_code_of(const struct crl_err *err)
{
	return err->sys == ENOENT ? 127 : err->sys == EACCES || err->sys == ENOEXEC ? 126 : 125;
}

/* Nothing here restores. */
void crl_rt_replace(struct crl_rt *rt, pid_t pid, int pidfd)
{
	abort();
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
	static char *none[] = {NULL};
	return none;
}
const char *crl_rt_cgroup_path(const struct crl_rt *rt)
{
	return NULL;
}

int crl_rt_take_seccomp(struct crl_rt *rt, struct crl_seccomp **ret, struct crl_err *err)
{
	*ret = NULL;
	return 0;
}
void crl_seccomp_free(struct crl_seccomp *s)
{
}

void crl_rt_free(struct crl_rt *rt)
{
	if (!rt)
		return;
	cleanup_close_p(&rt->go);
	cleanup_close_p(&rt->failed);
	cleanup_close_p(&rt->pidfd);
	free(rt);
}
void crl_rt_destroy(struct crl_rt *rt)
{
	crl_rt_free(rt);
}

int crl_rt_exec(const struct crl_rt_exec_options *o, pid_t *ret_pid, int *ret_pidfd,
		struct crl_err *err)
{
	struct crl_rt rt;
	struct launch l = {.process = o->process, .stdio = o->stdio};
	if (launch(&l, o->ret_pty_master, &rt, err) < 0)
		return -1;
	if (wait_execve(&rt, o->process->args[0], err) < 0) {
		waitpid(rt.pid, NULL, 0);
		close(rt.failed);
		close(rt.pidfd);
		return -1;
	}
	close(rt.failed);
	*ret_pid = rt.pid;
	*ret_pidfd = rt.pidfd;
	return 0;
}

int crl_rt_user(int root_fd, const char *user, char *const *group_add, struct oci_user *ret,
		char **ret_home, struct crl_err *err)
{
	return crl_fail(err, CRL_UNSUPPORTED, "no users here");
}

int crl_rt_copy_up(int from, int volume_fd, struct crl_err *err)
{
	return 0;
}
