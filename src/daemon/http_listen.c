// SPDX-License-Identifier: GPL-2.0-or-later
/* See http_listen.h, unix(7), sd_listen_fds(3). Changes the process umask for the moment of bind().
 */
#include "http_listen.h"

#include <base/fd.h>
#include <base/log.h>
#include <base/path.h>
#include <base/str.h>
#include <errno.h>
#include <grp.h>
#include <libgen.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <systemd/sd-daemon.h>

#define DEFAULT_GROUP "crun-lite"

/* A socket file that nobody listens on is the rest of a daemon that was killed. */
static int remove_stale(const char *path, const struct sockaddr_un *addr, struct crl_err *err)
{
	struct stat st;
	_cleanup_close_ int fd = -1;

	if (lstat(path, &st) < 0)
		return 0;
	if (!S_ISSOCK(st.st_mode))
		return crl_fail(err, CRL_CONFLICT, "%s exists and is not a socket", path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return crl_fail_sys(err, errno, "socket");
	if (connect(fd, (const struct sockaddr *)addr, sizeof(*addr)) == 0 || errno == EAGAIN)
		return crl_fail(err, CRL_CONFLICT, "%s: another daemon is listening there", path);
	if (errno == ECONNREFUSED && unlink(path) < 0)
		return crl_fail_sys(err, errno, "%s", path);
	return 0;
}

static int make_folder(const char *path, struct crl_err *err)
{
	_cleanup_free_ char *copy = strdup(path);

	return copy ? path_mkdir_p(dirname(copy), 0755, err) : crl_fail_oom(err);
}

/* The default group is a courtesy and may be missing; one that was asked for may not. */
static int set_group(const char *path, const char *group, struct crl_err *err)
{
	struct group *gr;

	if (str_empty(group) || geteuid() != 0)
		return 0;
	errno = 0;
	gr = getgrnam(group);
	if (!gr && str_eq(group, DEFAULT_GROUP)) {
		log_warn("no such group: the socket is for root alone (groupadd --system makes it)",
			 "group", group, NULL);
		return 0;
	}
	if (!gr)
		return crl_fail(err, CRL_INVALID, "group %s not found", group);
	if (lchown(path, (uid_t)-1, gr->gr_gid) < 0)
		return crl_fail_sys(err, errno, "%s: group %s", path, group);
	return 0;
}

static int bind_unix(int fd, const char *path, const struct sockaddr_un *addr, const char *group,
		     struct crl_err *err)
{
	/* Closed to everybody until owner and mode are as they should be. */
	mode_t old = umask(0177);
	int bound = bind(fd, (const struct sockaddr *)addr, sizeof(*addr));

	umask(old);
	if (bound < 0)
		return crl_fail_sys(err, errno, "bind %s", path);
	if (set_group(path, group, err) < 0)
		return -1;
	if (chmod(path, 0660) < 0)
		return crl_fail_sys(err, errno, "%s", path);
	if (listen(fd, SOMAXCONN) < 0)
		return crl_fail_sys(err, errno, "listen on %s", path);
	return 0;
}

static int open_unix(const char *path, const char *group, int **ret_fds, size_t *ret_n,
		     char **ret_path, struct crl_err *err)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	_cleanup_close_ int fd = -1;
	_cleanup_free_ char *copy = strdup(path);
	_cleanup_free_ int *fds = calloc(1, sizeof(*fds));

	if (!copy || !fds)
		return crl_fail_oom(err);
	if (path[0] != '/')
		return crl_fail(err, CRL_INVALID, "unix://%s: the path must be absolute", path);
	if (strlen(path) >= sizeof(addr.sun_path))
		return crl_fail(err, CRL_INVALID, "unix://%s: longer than %zu bytes", path,
				sizeof(addr.sun_path) - 1);
	memcpy(addr.sun_path, path, strlen(path) + 1);
	if (make_folder(path, err) < 0 || remove_stale(path, &addr, err) < 0)
		return -1;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return crl_fail_sys(err, errno, "socket");
	if (bind_unix(fd, path, &addr, group, err) < 0)
		return -1;
	fds[0] = take_fd(&fd);
	*ret_fds = take_ptr(fds);
	*ret_n = 1;
	*ret_path = take_ptr(copy);
	return 0;
}

static bool name_matches(const char *wanted, size_t i, char *const *names)
{
	uint64_t number;

	if (str_empty(wanted) || str_eq(wanted, "*"))
		return true;
	if (str_to_u64(wanted, &number))
		return number == i + SD_LISTEN_FDS_START;
	return names && str_eq(names[i], wanted);
}

static int open_inherited(const char *wanted, int **ret_fds, size_t *ret_n, struct crl_err *err)
{
	_cleanup_strv_ char **names = NULL;
	int n = sd_listen_fds_with_names(0, &names);
	_cleanup_free_ int *fds = calloc(n > 0 ? (size_t)n : 1, sizeof(*fds));
	size_t used = 0;

	if (!fds)
		return crl_fail_oom(err);
	for (int i = 0; i < n; i++) {
		int fd = SD_LISTEN_FDS_START + i;

		if (!name_matches(wanted, (size_t)i, names))
			continue;
		if (sd_is_socket(fd, AF_UNSPEC, SOCK_STREAM, 1) <= 0)
			return crl_fail(err, CRL_INVALID,
					"fd://%s: descriptor %d is no listening "
					"stream socket",
					wanted, fd);
		if (fd_set_nonblock(fd, true, err) < 0 || fd_set_cloexec(fd, true, err) < 0)
			return -1;
		fds[used++] = fd;
	}
	if (used == 0)
		return crl_fail(err, CRL_INVALID,
				"fd://%s: no such socket was passed by the service manager "
				"(socket activation needs crun-lite.socket)",
				wanted);
	*ret_fds = take_ptr(fds);
	*ret_n = used;
	return 0;
}

/* --- tcp:// --- */

#define TCP_PORT "2375"
#define TLS_PORT "2376"
#define BIND_TRIES 50
#define BIND_PAUSE_US (20 * 1000)

/* "NAME:PORT", "[v6]:PORT", ":PORT", "NAME"; a path behind it means nothing. */
static int split_tcp(const char *host, bool tls, char **ret_name, char **ret_port,
		     struct crl_err *err)
{
	_cleanup_free_ char *copy = strndup(host, strcspn(host, "/"));
	char *name = copy, *port = copy ? strrchr(copy, ':') : NULL, *end;
	uint64_t n;

	if (!copy)
		return crl_fail_oom(err);
	if (*name == '[') {
		end = strchr(name, ']');
		if (!end || (end[1] && end[1] != ':'))
			return crl_fail(err, CRL_INVALID, "invalid host address: tcp://%s", host);
		*end = '\0';
		name++;
		port = end[1] ? end + 1 : NULL;
	}
	if (port)
		*port++ = '\0';
	if (str_empty(port))
		port = (char *)(uintptr_t)(tls ? TLS_PORT : TCP_PORT);
	if (!str_to_u64(port, &n) || n == 0 || n > UINT16_MAX)
		return crl_fail(err, CRL_INVALID, "invalid port in tcp://%s: %s", host, port);
	*ret_name = strdup(name);
	*ret_port = strdup(port);
	if (*ret_name && *ret_port)
		return 0;
	free(*ret_name);
	free(*ret_port);
	return crl_fail_oom(err);
}

/*
 * A front of a daemon that was killed a moment ago closes its socket as soon as it notices. Only
 * at the start, so waiting is no harm.
 */
static int bind_tcp(int fd, const struct addrinfo *a)
{
	int r = -1;

	for (int i = 0; i < BIND_TRIES; i++) {
		r = bind(fd, a->ai_addr, a->ai_addrlen);
		/* Two sockets may be bound with SO_REUSEADDR, but only one can listen. */
		if (r == 0)
			r = listen(fd, SOMAXCONN);
		if (r == 0 || errno != EADDRINUSE)
			break;
		(void)usleep(BIND_PAUSE_US);
	}
	return r;
}

static int listen_on(const struct addrinfo *a, int *ret)
{
	_cleanup_close_ int fd =
		socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int one = 1;

	if (fd < 0)
		return -1;
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (a->ai_family == AF_INET6)
		(void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one));
	if (bind_tcp(fd, a) < 0)
		return -1;
	*ret = take_fd(&fd);
	return 0;
}

static int listen_all(const struct addrinfo *list, const char *host, int **ret_fds, size_t *ret_n,
		      struct crl_err *err)
{
	_cleanup_free_ int *fds = NULL;
	size_t n = 0;

	for (const struct addrinfo *a = list; a; a = a->ai_next) {
		int *more = reallocarray(fds, n + 1, sizeof(*fds)), fd = -1;

		if (more)
			fds = more;
		/* A machine without IPv6 serves IPv4. */
		if (more && listen_on(a, &fd) < 0 && errno == EAFNOSUPPORT)
			continue;
		if (!more || fd < 0) {
			crl_fail_sys(err, errno, "listen on tcp://%s", host);
			while (n > 0)
				close(fds[--n]);
			return -1;
		}
		fds[n++] = fd;
	}
	if (n == 0)
		return crl_fail(err, CRL_INVALID, "tcp://%s: no address to listen on", host);
	*ret_fds = take_ptr(fds);
	*ret_n = n;
	return 0;
}

static int open_tcp(const char *host, bool tls, int **ret_fds, size_t *ret_n, struct crl_err *err)
{
	_cleanup_free_ char *name = NULL, *port = NULL;
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE}, *list = NULL;
	int r;

	if (split_tcp(host, tls, &name, &port, err) < 0)
		return -1;
	r = getaddrinfo(name[0] ? name : NULL, port, &hints, &list);
	if (r)
		return crl_fail(err, CRL_INVALID, "tcp://%s: %s", host, gai_strerror(r));
	r = listen_all(list, host, ret_fds, ret_n, err);
	freeaddrinfo(list);
	return r;
}

int http_listen_open(const char *host, const char *group, bool tls, int **ret_fds, size_t *ret_n,
		     char **ret_path, struct crl_err *err)
{
	if (str_starts(host, "unix://"))
		return open_unix(host + strlen("unix://"), group, ret_fds, ret_n, ret_path, err);
	if (str_starts(host, "fd://")) {
		*ret_path = NULL;
		return open_inherited(host + strlen("fd://"), ret_fds, ret_n, err);
	}
	if (str_starts(host, "tcp://"))
		return open_tcp(host + strlen("tcp://"), tls, ret_fds, ret_n, err);
	return crl_fail(err, CRL_INVALID,
			"host %s: unix://PATH, fd:// and tcp://ADDRESS:PORT are served", host);
}

bool http_listen_is_unix(int fd)
{
	int domain = 0;
	socklen_t len = sizeof(domain);

	return getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len) == 0 && domain == AF_UNIX;
}
