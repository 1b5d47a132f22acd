/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See http_tls.h; the other end is src/tls/client.c. */
#include <cli/http_tls.h>

#include <base/path.h>
#include <base/proc.h>
#include <base/str.h>
#include <errno.h>
#include <sys/socket.h>

#include "config.h"

#define PROGRAM "crun-lite-tls"
#define TLS_PORT "2376"

static struct {
	bool verify;
	const char *ca, *cert, *key;
} given;

void http_tls_set(bool verify, const char *ca, const char *cert, const char *key)
{
	given.verify = verify || ca || cert || key;
	given.ca = ca;
	given.cert = cert;
	given.key = key;
}

bool http_tls_wanted(void)
{
	return given.verify || !str_empty(getenv("DOCKER_TLS_VERIFY"));
}

static int find_program(char **ret, struct crl_err *err)
{
	const char *env = getenv("CRUN_LITE_LIBEXEC");
	_cleanup_strv_ char **folders =
		strv_split(str_empty(env) ? CRL_LIBEXECDIR : env, ":", false);
	for (char **folder = folders; folder && *folder; folder++) {
		_cleanup_free_ char *path = path_printf("%s/" PROGRAM, *folder);
		if (path && access(path, X_OK) == 0) {
			*ret = take_ptr(path);
			return 0;
		}
	}
	return crl_fail(err, CRL_UNSUPPORTED,
			"tcp:// with TLS needs the program " PROGRAM ", which is not in %s",
			str_empty(env) ? CRL_LIBEXECDIR : env);
}

static int add_file(char ***env, const char *variable, const char *path, const char *name,
		    struct crl_err *err)
{
	const char *folder = getenv("DOCKER_CERT_PATH"), *home = getenv("HOME");
	int r;
	if (path)
		r = strv_pushf(env, "%s=%s", variable, path);
	else if (!str_empty(folder))
		r = strv_pushf(env, "%s=%s/%s", variable, folder, name);
	else
		r = strv_pushf(env, "%s=%s/.docker/%s", variable, home ? home : "/root", name);
	return r < 0 ? crl_fail_oom(err) : 0;
}

/* Brackets of an IPv6 address are cut off in place. */
static int split(char *host, const char **ret_name, const char **ret_port, struct crl_err *err)
{
	char *port = strrchr(host, ':'), *end;
	host[strcspn(host, "/")] = '\0';
	*ret_name = host;
	if (*host == '[') {
		end = strchr(host, ']');
		if (!end)
			return crl_fail(err, CRL_INVALID, "invalid host address: tcp://%s", host);
		*end = '\0';
		*ret_name = host + 1;
		port = end[1] == ':' ? end + 1 : NULL;
	}
	if (port)
		*port++ = '\0';
	*ret_port = str_empty(port) ? TLS_PORT : port;
	if (str_empty(*ret_name))
		*ret_name = "localhost";
	return 0;
}

int http_tls_connect(const char *host, int *ret_fd, struct crl_err *err)
{
	_cleanup_free_ char *path = NULL, *copy = strdup(host);
	_cleanup_strv_ char **env = NULL;
	_cleanup_close_ int ours = -1, theirs = -1, pidfd = -1;
	const char *name, *port;
	int pair[2];
	pid_t pid;
	if (!copy)
		return crl_fail_oom(err);
	if (split(copy, &name, &port, err) < 0 || find_program(&path, err) < 0 ||
	    add_file(&env, "CRUN_LITE_TLS_CA", given.ca, "ca.pem", err) < 0 ||
	    add_file(&env, "CRUN_LITE_TLS_CERT", given.cert, "cert.pem", err) < 0 ||
	    add_file(&env, "CRUN_LITE_TLS_KEY", given.key, "key.pem", err) < 0)
		return -1;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return crl_fail_sys(err, errno, "socketpair");
	ours = pair[0];
	theirs = pair[1];
	char *const argv[] = {(char *)PROGRAM, (char *)"client", (char *)(uintptr_t)name,
			      (char *)(uintptr_t)port, NULL};
	const int fds[] = {-1, -1, STDERR_FILENO, theirs};
	/* Ctrl-C is for this program to handle; its connection ends when this one does. */
	const struct proc_spawn p = {.path = path,
				     .argv = argv,
				     .env = env,
				     .fds = fds,
				     .n_fds = ARRAY_SIZE(fds),
				     .new_session = true};
	if (proc_spawn(&p, &pid, &pidfd, err) < 0)
		return -1;
	*ret_fd = take_fd(&ours);
	return 0;
}
