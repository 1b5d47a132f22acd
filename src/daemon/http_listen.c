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
		log_debug("no such group: the socket stays with root", "group", group, NULL);
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

int http_listen_open(const char *host, const char *group, int **ret_fds, size_t *ret_n,
		     char **ret_path, struct crl_err *err)
{
	if (str_starts(host, "unix://"))
		return open_unix(host + strlen("unix://"), group, ret_fds, ret_n, ret_path, err);
	if (str_starts(host, "fd://")) {
		*ret_path = NULL;
		return open_inherited(host + strlen("fd://"), ret_fds, ret_n, err);
	}
	return crl_fail(err, CRL_INVALID, "host %s: only unix://PATH and fd:// are served", host);
}

bool http_listen_is_unix(int fd)
{
	int domain = 0;
	socklen_t len = sizeof(domain);

	return getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len) == 0 && domain == AF_UNIX;
}
