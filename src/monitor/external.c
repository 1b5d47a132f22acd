/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See external.h. Owns the command lines, and what a runtime's failure means.
 * Blocks while the runtime works: that is part of a start or an exec.
 */
#include "external.h"

#include <base/cleanup.h>
#include <base/fd.h>
#include <base/json.h>
#include <base/log.h>
#include <base/path.h>
#include <base/proc.h>
#include <base/str.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#ifndef P_PIDFD
#define P_PIDFD 3
#endif

#define RUNTIME_DEADLINE_MS 90000
#define CONSOLE_DEADLINE_MS 5000
#define LOG_MAX (256U * 1024)

int external_new(const struct mon_runtime *rt, const char *run_dir, const char *id,
		 struct external **ret, struct crl_err *err)
{
	struct external *x = calloc(1, sizeof(*x));
	if (!x)
		return crl_fail_oom(err);
	*x = (struct external){.id = id,
			       .name = strdup(rt->name),
			       .path = strdup(rt->path),
			       .args = strv_copy(rt->args),
			       .bundle = path_printf("%s/bundle", run_dir),
			       .dir_fd = -1,
			       .host_ns = -1};
	if (x->name && x->path && x->bundle && (x->args || !rt->args)) {
		*ret = x;
		return 0;
	}
	external_free(x);
	return crl_fail_oom(err);
}

void external_free(struct external *x)
{
	if (!x)
		return;
	if (x->host_ns >= 0 && setns(x->host_ns, CLONE_NEWNS) < 0)
		log_warn("mount namespace", "container", x->id, "error", strerror(errno), NULL);
	cleanup_close_p(&x->host_ns);
	cleanup_close_p(&x->dir_fd);
	free(x->name);
	free(x->path);
	strv_free(x->args);
	free(x->bundle);
	free(x);
}

/* --- what went wrong --- */

char *external_last_error(const char *log)
{
	_cleanup_strv_ char **lines = strv_split(log, "\n", false);
	char *last = NULL;
	for (char **l = lines; l && *l; l++) {
		_cleanup_cjson_ cJSON *line = NULL;
		struct crl_err ignored;
		if (json_parse(*l, strlen(*l), LOG_MAX, &line, &ignored) < 0)
			continue;
		const char *level = json_get_str(line, "level"), *msg = json_get_str(line, "msg");
		if (!msg || (!str_eq(level, "error") && !str_eq(level, "fatal")))
			continue;
		free(last);
		last = strdup(msg);
	}
	return last;
}

int external_exit_code(const char *message)
{
	static const struct {
		const char *words;
		int code;
	} table[] = {
		{"executable file", 127}, /* not found in $PATH: with and without the name */
		{"permission denied", 126}, {"is a directory", 126},
		{"exec format error", 126}, {"no such file or directory", 127},
	};
	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		if (strstr(message, table[i].words))
			return table[i].code;
	return 125;
}

/*
 * Runtimes in C say it in libc's words, clients look for Go's: docker's command
 * line takes its exit code from them.
 */
static void use_go_words(char *text)
{
	static const char *const words[] = {"No such file or directory", "Permission denied",
					    "Is a directory", "Exec format error"};
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		for (char *p = strstr(text, words[i]); p; p = strstr(p, words[i]))
			*p = (char)(*p - 'A' + 'a');
}

static int runtime_failed(struct external *x, const char *verb, int status, int *ret_exit_code,
			  struct crl_err *err)
{
	_cleanup_free_ char *text = NULL, *msg = NULL;
	size_t len;
	struct crl_err ignored;
	if (path_read_file(x->dir_fd, "log", LOG_MAX, &text, &len, &ignored) == 0)
		msg = external_last_error(text);
	if (msg)
		use_go_words(msg);
	if (ret_exit_code)
		*ret_exit_code = msg ? external_exit_code(msg) : 125;
	if (msg)
		return crl_fail(err, CRL_INTERNAL, "OCI runtime %s failed: %s", verb, msg);
	return crl_fail(err, CRL_INTERNAL, "OCI runtime %s failed: %s ended with status %d", verb,
			x->path, proc_exit_code(status));
}

/* --- running it --- */

static int wait_for(int pidfd, pid_t pid, int *ret_status, struct crl_err *err)
{
	struct pollfd p = {.fd = pidfd, .events = POLLIN};
	int r;
	while ((r = poll(&p, 1, RUNTIME_DEADLINE_MS)) < 0 && errno == EINTR)
		;
	if (r == 0)
		(void)proc_pidfd_kill(pidfd, SIGKILL, NULL);
	while (waitpid(pid, ret_status, 0) < 0)
		if (errno != EINTR)
			return crl_fail_sys(err, errno, "wait for the runtime");
	return r ? 0
		 : crl_fail(err, CRL_UNAVAILABLE, "the runtime did not answer for %d s",
			    RUNTIME_DEADLINE_MS / 1000);
}

/* PATH ARGS --root DIR --log FILE --log-format json VERB... */
static char **command_line(const struct external *x, char *const *verb)
{
	_cleanup_strv_ char **argv = NULL;
	int r = strv_push(&argv, x->path);
	for (char **a = x->args; r == 0 && a && *a; a++)
		r = strv_push(&argv, *a);
	if (r < 0 || strv_push(&argv, "--root") < 0 ||
	    strv_pushf(&argv, "%s/state", x->bundle) < 0 || strv_push(&argv, "--log") < 0 ||
	    strv_pushf(&argv, "%s/log", x->bundle) < 0 || strv_push(&argv, "--log-format") < 0 ||
	    strv_push(&argv, "json") < 0)
		return NULL;
	for (; *verb; verb++)
		if (strv_push(&argv, *verb) < 0)
			return NULL;
	return take_ptr(argv);
}

static int run(struct external *x, char *const *verb, const int stdio[3], int *ret_exit_code,
	       struct crl_err *err)
{
	static char *const env[] = {
		(char *)"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", NULL};
	static const int none[3] = {-1, -1, -1};
	_cleanup_strv_ char **argv = command_line(x, verb);
	_cleanup_close_ int pidfd = -1;
	pid_t pid;
	int status = 0;
	if (!argv)
		return crl_fail_oom(err);
	(void)unlinkat(x->dir_fd, "log", 0);
	const struct proc_spawn s = {
		.path = x->path, .argv = argv, .env = env, .fds = stdio ? stdio : none, .n_fds = 3};
	if (proc_spawn(&s, &pid, &pidfd, err) < 0)
		return crl_context(err, "OCI runtime %s failed: unable to run %s", verb[0],
				   x->path);
	if (wait_for(pidfd, pid, &status, err) < 0)
		return crl_context(err, "OCI runtime %s failed", verb[0]);
	return status == 0 ? 0 : runtime_failed(x, verb[0], status, ret_exit_code, err);
}

/* --- the terminal, which the runtime makes and sends --- */

/* By the bundle's descriptor, since sun_path is shorter than our paths. */
static char *console_path(const struct external *x)
{
	return path_printf("/proc/%d/fd/%d/console.sock", (int)getpid(), x->dir_fd);
}

static int console_listen(struct external *x, int *ret, struct crl_err *err)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	_cleanup_free_ char *path = console_path(x);
	if (!path)
		return crl_fail_oom(err);
	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", path);
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	(void)unlinkat(x->dir_fd, "console.sock", 0);
	if (fd < 0 || bind(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0 || listen(fd, 1) < 0)
		return crl_fail_sys(err, errno, "console socket");
	*ret = take_fd(&fd);
	return 0;
}

static int console_receive(int sock, int *ret_master, struct crl_err *err)
{
	struct pollfd p = {.fd = sock, .events = POLLIN};
	char name[64];
	size_t len, n = 0;
	if (poll(&p, 1, CONSOLE_DEADLINE_MS) <= 0)
		return crl_fail(err, CRL_INTERNAL, "the runtime sent no terminal");
	_cleanup_close_ int peer = accept4(sock, NULL, NULL, SOCK_CLOEXEC);
	if (peer < 0)
		return crl_fail_sys(err, errno, "console socket");
	if (fd_recv_msg(peer, name, sizeof(name), &len, ret_master, 1, &n, err) < 0)
		return -1;
	return n == 1 ? 0 : crl_fail(err, CRL_INTERNAL, "the runtime sent no terminal");
}

/* --- what both create and exec leave: a process whose parent we become --- */

static int adopt(struct external *x, const char *pid_file, pid_t *ret_pid, int *ret_pidfd,
		 struct crl_err *err)
{
	_cleanup_free_ char *text = NULL;
	int64_t pid;
	if (path_read_file(x->dir_fd, pid_file, 64, &text, NULL, err) < 0)
		return crl_context(err, "the runtime's pid file");
	text[strcspn(text, "\n")] = '\0';
	if (!str_to_i64(text, &pid) || pid <= 1)
		return crl_fail(err, CRL_INTERNAL, "the runtime's pid file says \"%s\"", text);
	if (proc_open_pidfd((pid_t)pid, 0, ret_pidfd, err) < 0)
		return -1;
	*ret_pid = (pid_t)pid;
	return 0;
}

static int run_with_console(struct external *x, char *const *verb, const int stdio[3],
			    const char *pid_file, int *ret_master, pid_t *ret_pid, int *ret_pidfd,
			    int *ret_exit_code, struct crl_err *err)
{
	_cleanup_strv_ char **all = NULL;
	_cleanup_close_ int sock = -1;
	size_t n = strv_len(verb);
	if (ret_master && console_listen(x, &sock, err) < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		_cleanup_free_ char *path = i == n - 1 && ret_master ? console_path(x) : NULL;
		/* Options stand before the container's id. */
		if ((path &&
		     (strv_push(&all, "--console-socket") < 0 || strv_push(&all, path) < 0)) ||
		    strv_push(&all, verb[i]) < 0)
			return crl_fail_oom(err);
	}
	(void)unlinkat(x->dir_fd, pid_file, 0);
	if (run(x, all, ret_master ? NULL : stdio, ret_exit_code, err) < 0)
		return -1;
	if (ret_master && console_receive(sock, ret_master, err) < 0)
		return -1;
	return adopt(x, pid_file, ret_pid, ret_pidfd, err);
}

int external_create(struct external *x, const int stdio[3], int *ret_master, pid_t *ret_pid,
		    int *ret_pidfd, int *ret_exit_code, struct crl_err *err)
{
	_cleanup_free_ char *pid_file = path_printf("%s/pid", x->bundle);
	char *const verb[] = {
		(char *)"create", (char *)"--bundle",       x->bundle, (char *)"--pid-file",
		pid_file,         (char *)(uintptr_t)x->id, NULL};
	if (!pid_file)
		return crl_fail_oom(err);
	if (run_with_console(x, verb, stdio, "pid", ret_master, ret_pid, ret_pidfd, ret_exit_code,
			     err) == 0)
		return 0;
	/* The pid file may have been missing alone. */
	external_delete(x);
	return -1;
}

int external_start(struct external *x, int *ret_exit_code, struct crl_err *err)
{
	char *const verb[] = {(char *)"start", (char *)(uintptr_t)x->id, NULL};
	return run(x, verb, NULL, ret_exit_code, err);
}

int external_exec(struct external *x, const char *exec_id, const struct oci_process *process,
		  const int stdio[3], int *ret_master, pid_t *ret_pid, int *ret_pidfd,
		  int *ret_exit_code, struct crl_err *err)
{
	_cleanup_free_ char *text = json_encode(&oci_process_json, process);
	_cleanup_free_ char *name = path_printf("%.16s.json", exec_id);
	_cleanup_free_ char *file = path_printf("%s/%.16s.json", x->bundle, exec_id);
	_cleanup_free_ char *pid_name = path_printf("%.16s.pid", exec_id);
	_cleanup_free_ char *pid_file = path_printf("%s/%.16s.pid", x->bundle, exec_id);
	if (!text || !name || !file || !pid_name || !pid_file)
		return crl_fail_oom(err);
	if (path_write_atomic(x->dir_fd, name, text, strlen(text), 0600, false, err) < 0)
		return -1;
	char *const verb[] = {(char *)"exec",
			      (char *)"--process",
			      file,
			      (char *)"--detach",
			      (char *)"--pid-file",
			      pid_file,
			      (char *)(uintptr_t)x->id,
			      NULL};
	int r = run_with_console(x, verb, stdio, pid_name, ret_master, ret_pid, ret_pidfd,
				 ret_exit_code, err);
	(void)unlinkat(x->dir_fd, name, 0);
	(void)unlinkat(x->dir_fd, pid_name, 0);
	return r;
}

void external_delete(struct external *x)
{
	struct crl_err err = CRL_ERR_INIT;
	char *const verb[] = {(char *)"delete", (char *)"--force", (char *)(uintptr_t)x->id, NULL};
	if (run(x, verb, NULL, NULL, &err) < 0)
		log_warn("runtime's container not deleted", "container", x->id, "error", err.msg,
			 NULL);
}

char *external_cgroup(const struct external *x, pid_t pid)
{
	_cleanup_free_ char *path = path_printf("/proc/%d/cgroup", (int)pid), *text = NULL;
	const char *root = crl_cgroup_root();
	struct crl_err ignored;
	if (!path || !root || path_read_file(AT_FDCWD, path, LOG_MAX, &text, NULL, &ignored) < 0)
		return NULL;
	_cleanup_strv_ char **lines = strv_split(text, "\n", false);
	for (char **l = lines; l && *l; l++)
		/* A group that is not its own (hybrid hosts) is somebody else's: hands off. */
		if (str_starts(*l, "0::/") && strstr(*l, x->id))
			return path_printf("%s%s", root, *l + 3);
	return NULL;
}
