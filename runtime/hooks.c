/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See hooks.h. */
#include "hooks.h"
#include "sys.h"
#include <base/cleanup.h>
#include <base/fd.h>
#include <base/ident.h>
#include <base/proc.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>

static char *describe(const struct hook_state *s)
{
	_cleanup_cjson_ cJSON *o = cJSON_CreateObject();
	json_add_str(o, "ociVersion", s->spec->oci_version);
	json_add_str(o, "id", s->id);
	json_add_str(o, "status", s->status);
	if (s->pid > 0)
		json_add_i64(o, "pid", s->pid);
	json_add_str(o, "bundle", s->bundle);
	if (s->spec->annotations.n)
		json_add_strmap(o, "annotations", &s->spec->annotations);
	return cJSON_PrintUnformatted(o);
}

/* Until it ends or its time is over; then it is killed. */
static int wait_hook(int pidfd, const struct opt_i64 *timeout, int *ret_code, struct crl_err *err)
{
	int64_t end = timeout->set ? time_boot_ns() + timeout->v * INT64_C(1000000000) : 0;
	bool late = false;
	for (;;) {
		struct pollfd p = {.fd = pidfd, .events = POLLIN};
		int64_t left = timeout->set ? (end - time_boot_ns()) / 1000000 : 0;
		int ms = !timeout->set || left > INT32_MAX ? -1 : left < 0 ? 0 : (int)left;
		int r = poll(&p, 1, late ? -1 : ms);
		if (r > 0)
			break;
		if (r == 0) {
			late = true;
			proc_pidfd_kill(pidfd, SIGKILL, NULL);
		} else if (errno != EINTR) {
			return crl_fail_sys(err, errno, "poll");
		}
	}
	siginfo_t si = {0};
	while (waitid((idtype_t)P_PIDFD, (id_t)pidfd, &si, WEXITED) < 0)
		if (errno != EINTR)
			return crl_fail_sys(err, errno, "waitid");
	if (late)
		return crl_fail(err, CRL_UNAVAILABLE, "did not end within %lld s",
				(long long)timeout->v);
	*ret_code = si.si_code == CLD_EXITED ? si.si_status : 128 + si.si_status;
	return 0;
}

static int run_one(const struct oci_hook *h, int state_fd, struct crl_err *err)
{
	char *only_path[] = {h->path, NULL};
	static char *const no_env[] = {NULL};
	int fds[3] = {state_fd, -1, 2};
	struct proc_spawn spawn = {.path = h->path,
				   .argv = h->args && h->args[0] ? h->args : only_path,
				   .env = h->env ? h->env : no_env,
				   .fds = fds,
				   .n_fds = 3};
	if (h->path[0] != '/')
		return crl_fail(err, CRL_INVALID, "not an absolute path");
	_cleanup_close_ int pidfd = -1;
	pid_t pid;
	int code = 0;
	if (proc_spawn(&spawn, &pid, &pidfd, err) < 0 ||
	    wait_hook(pidfd, &h->timeout, &code, err) < 0)
		return -1;
	return code ? crl_fail(err, CRL_KERNEL, "ended with status %d", code) : 0;
}

int hooks_run(const struct oci_hook *hooks, size_t n, const struct hook_state *state,
	      struct crl_err *err)
{
	if (n == 0)
		return 0;
	char *text = describe(state);
	if (!text)
		return crl_fail_oom(err);
	_cleanup_close_ int fd = -1;
	int r = fd_sealed_memfd("state", text, strlen(text), &fd, err);
	cJSON_free(text);
	for (size_t i = 0; r == 0 && i < n; i++) {
		/* Each reads from the beginning: they share the offset. */
		if (lseek(fd, 0, SEEK_SET) < 0)
			return crl_fail_sys(err, errno, "seek");
		r = run_one(&hooks[i], fd, err);
		if (r < 0)
			crl_context(err, "hook %s", hooks[i].path);
	}
	return r;
}
