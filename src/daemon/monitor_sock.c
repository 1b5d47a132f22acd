/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The socket of a monitor in its run folder: where it is made and how it is reached. See unix(7).
 */
#include "monitor_sock.h"

#include <base/cleanup.h>
#include <base/path.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* The folder's descriptor keeps the socket's name short: sun_path has 108 bytes. */
static int socket_address(int dir_fd, struct sockaddr_un *ret)
{
	*ret = (struct sockaddr_un){.sun_family = AF_UNIX};
	int n = snprintf(ret->sun_path, sizeof(ret->sun_path), "/proc/self/fd/%d/monitor.sock",
			 dir_fd);
	return n > 0 && (size_t)n < sizeof(ret->sun_path) ? 0 : -1;
}

int monitor_sock_dir(const char *path, bool create, int *ret, struct crl_err *err)
{
	if (create && mkdir(path, 0700) < 0 && errno == ENOENT) {
		if (path_mkdir_p(path, 0700, err) < 0)
			return -1;
	}
	int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? crl_fail(err, CRL_NOT_FOUND, "%s is missing", path)
				       : crl_fail_sys(err, errno, "%s", path);
	*ret = fd;
	return 0;
}

int monitor_sock_listen(int dir_fd, int *ret, struct crl_err *err)
{
	struct sockaddr_un addr;
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return crl_fail_sys(err, errno, "socket");
	socket_address(dir_fd, &addr);
	if (unlinkat(dir_fd, "monitor.sock", 0) < 0 && errno != ENOENT)
		return crl_fail_sys(err, errno, "monitor.sock");
	if (bind(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0 || listen(fd, 16) < 0)
		return crl_fail_sys(err, errno, "monitor.sock");
	*ret = take_fd(&fd);
	return 0;
}

int monitor_sock_connect(int dir_fd, int *ret, struct crl_err *err)
{
	struct sockaddr_un addr;
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return crl_fail_sys(err, errno, "socket");
	socket_address(dir_fd, &addr);
	if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0)
		return errno == ENOENT || errno == ECONNREFUSED
			       ? crl_fail(err, CRL_NOT_FOUND, "no monitor listens")
			       : crl_fail_sys(err, errno, "monitor.sock");
	*ret = take_fd(&fd);
	return 0;
}
