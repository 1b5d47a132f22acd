/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Finding and executing the payload, with Docker's texts for what can go wrong:
 * clients read them to tell 127 (not found) from 126 (cannot be executed).
 * See execve(2), and process.h.
 */
#include "process.h"
#include <base/path.h>
#include <errno.h>
#include <sys/stat.h>

#define DEFAULT_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

/* 0 = can be executed, else an errno value. */
static int executable(const char *path)
{
	struct stat st;
	if (stat(path, &st) < 0)
		return errno;
	if (S_ISDIR(st.st_mode))
		return EISDIR;
	return faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) < 0 ? errno : 0;
}

__attribute__((format(printf, 3, 4))) static int fail_exec(struct crl_err *err, int sys,
							   const char *fmt, ...)
{
	char text[512];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	crl_fail(err, sys == ENOENT ? CRL_NOT_FOUND : CRL_INVALID, "%s", text);
	if (err)
		err->sys = sys;
	return -1;
}

static const char *text_of(int sys)
{
	switch (sys) {
	case ENOENT: return "no such file or directory";
	case EACCES: return "permission denied";
	case EPERM: return "operation not permitted";
	case EISDIR: return "is a directory";
	case ENOTDIR: return "not a directory";
	case ENOEXEC: return "exec format error";
	default: return strerror(sys);
	}
}

static int search_path(struct payload *p, const char *name, struct crl_err *err)
{
	const char *path = strv_env_get(p->env, "PATH");
	_cleanup_strv_ char **dirs = strv_split(str_empty(path) ? DEFAULT_PATH : path, ":", false);
	if (!dirs)
		return crl_fail_oom(err);
	int found = ENOENT;
	for (size_t i = 0; dirs[i]; i++) {
		_cleanup_free_ char *full = path_printf("%s/%s", dirs[i], name);
		if (!full)
			return crl_fail_oom(err);
		int sys = executable(full);
		if (sys == 0) {
			p->executable = take_ptr(full);
			return 0;
		}
		if (sys == EACCES)
			found = sys;
	}
	if (found == EACCES)
		return fail_exec(err, found, "exec: \"%s\": %s", name, text_of(found));
	return fail_exec(err, ENOENT, "exec: \"%s\": executable file not found in $PATH", name);
}

int process_find(struct payload *p, struct crl_err *err)
{
	const char *name = p->process->args[0];
	if (!*name)
		return fail_exec(err, ENOENT, "exec: \"%s\": executable file not found in $PATH",
				 name);
	if (!strchr(name, '/'))
		return search_path(p, name, err);
	int sys = executable(name);
	if (sys == ENOENT || sys == ENOTDIR)
		return fail_exec(err, sys, "exec: \"%s\": stat %s: %s", name, name, text_of(sys));
	if (sys)
		return fail_exec(err, sys, "exec: \"%s\": %s", name, text_of(sys));
	p->executable = strdup(name);
	return p->executable ? 0 : crl_fail_oom(err);
}

int process_exec(struct payload *p, struct crl_err *err)
{
	execve(p->executable, p->process->args, p->env);
	int sys = errno;
	return fail_exec(err, sys, "exec %s: %s", p->executable, text_of(sys));
}

int crl_rt_exit_code_of(const struct crl_err *err)
{
	/* Only errors about the payload itself count: their texts begin with "exec". */
	const char *exec = strstr(err->msg, "exec");
	if (!exec || (exec[4] != ':' && exec[4] != ' '))
		return 125;
	if (err->sys == ENOENT)
		return 127;
	switch (err->sys) {
	case EACCES:
	case EPERM:
	case ENOEXEC:
	case ENOTDIR:
	case EISDIR:
	case ETXTBSY:
	case ELOOP: return 126;
	default: return 125;
	}
}
