/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Descriptors: whole I/O, SCM_RIGHTS messages, sealed memfds. See unix(7), memfd_create(2),
 * fcntl(2) F_ADD_SEALS. */
#include <base/cleanup.h>
#include <base/fd.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>

int fd_write_all(int fd, const void *data, size_t len, struct crl_err *err)
{
	const char *p = data;
	while (len > 0) {
		ssize_t n = write(fd, p, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN) {
			struct pollfd pfd = {.fd = fd, .events = POLLOUT};
			poll(&pfd, 1, -1);
			continue;
		}
		if (n < 0)
			return crl_fail_sys(err, errno, "write");
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

static ssize_t read_waiting(int fd, void *buf, size_t size)
{
	for (;;) {
		ssize_t n = read(fd, buf, size);
		if (n >= 0)
			return n;
		if (errno == EAGAIN) {
			struct pollfd pfd = {.fd = fd, .events = POLLIN};
			poll(&pfd, 1, -1);
		} else if (errno != EINTR) {
			return -1;
		}
	}
}

int fd_read_all(int fd, size_t limit, char **ret_data, size_t *ret_len, struct crl_err *err)
{
	_cleanup_free_ char *data = NULL;
	size_t len = 0, cap = 0;
	for (;;) {
		if (len + 1 >= cap) {
			cap = cap ? cap * 2 : 4096;
			char *bigger = realloc(data, cap);
			if (!bigger)
				return crl_fail_oom(err);
			data = bigger;
		}
		ssize_t n = read_waiting(fd, data + len, cap - len - 1);
		if (n < 0)
			return crl_fail_sys(err, errno, "read");
		if (n == 0)
			break;
		len += (size_t)n;
		if (len > limit)
			return crl_fail(err, CRL_LIMIT, "more than %zu bytes", limit);
	}
	data[len] = '\0';
	*ret_data = take_ptr(data);
	if (ret_len)
		*ret_len = len;
	return 0;
}

int fd_set_nonblock(int fd, bool nonblock, struct crl_err *err)
{
	int flags = fcntl(fd, F_GETFL);
	if (flags < 0)
		return crl_fail_sys(err, errno, "fcntl F_GETFL");
	int want = nonblock ? flags | O_NONBLOCK : flags & ~O_NONBLOCK;
	if (want != flags && fcntl(fd, F_SETFL, want) < 0)
		return crl_fail_sys(err, errno, "fcntl F_SETFL");
	return 0;
}

int fd_set_cloexec(int fd, bool cloexec, struct crl_err *err)
{
	if (fcntl(fd, F_SETFD, cloexec ? FD_CLOEXEC : 0) < 0)
		return crl_fail_sys(err, errno, "fcntl F_SETFD");
	return 0;
}

union cmsg_space {
	char buf[CMSG_SPACE(sizeof(int) * FD_MSG_MAX_FDS)];
	struct cmsghdr align;
};

int fd_send_msg(int sock, const void *data, size_t len, const int *fds, size_t nfds,
		struct crl_err *err)
{
	union cmsg_space space;
	struct iovec iov = {.iov_base = (void *)(uintptr_t)data, .iov_len = len};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};

	if (nfds > FD_MSG_MAX_FDS)
		return crl_fail(err, CRL_LIMIT, "message with %zu descriptors", nfds);
	if (nfds > 0) {
		memset(&space, 0, sizeof(space));
		msg.msg_control = space.buf;
		msg.msg_controllen = CMSG_SPACE(sizeof(int) * nfds);
		struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int) * nfds);
		memcpy(CMSG_DATA(c), fds, sizeof(int) * nfds);
	}
	ssize_t n;
	do {
		n = sendmsg(sock, &msg, MSG_NOSIGNAL);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return crl_fail_sys(err, errno, "send message");
	if ((size_t)n != len)
		return crl_fail(err, CRL_IO, "send message: %zd of %zu bytes were taken", n, len);
	return 0;
}

static size_t collect_fds(struct msghdr *msg, int *ret_fds, size_t max_fds)
{
	size_t n = 0;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < count; i++) {
			int fd;
			memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(int));
			if (n < max_fds)
				ret_fds[n++] = fd;
			else
				close(fd);
		}
	}
	return n;
}

int fd_recv_msg(int sock, void *buf, size_t size, size_t *ret_len, int *ret_fds, size_t max_fds,
		size_t *ret_nfds, struct crl_err *err)
{
	union cmsg_space space;
	struct iovec iov = {.iov_base = buf, .iov_len = size};
	struct msghdr msg = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = space.buf,
			     .msg_controllen = sizeof(space.buf)};
	ssize_t n;
	do {
		n = recvmsg(sock, &msg, MSG_CMSG_CLOEXEC);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return crl_fail_sys(err, errno, "receive message");
	int fds[FD_MSG_MAX_FDS];
	size_t nfds = collect_fds(&msg, fds, FD_MSG_MAX_FDS);
	if (msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) {
		for (size_t i = 0; i < nfds; i++)
			close(fds[i]);
		return crl_fail(err, CRL_LIMIT, "received a message over %zu bytes", size);
	}
	for (size_t i = max_fds; i < nfds; i++)
		close(fds[i]);
	if (nfds > max_fds)
		nfds = max_fds;
	if (nfds > 0)
		memcpy(ret_fds, fds, nfds * sizeof(int));
	*ret_len = (size_t)n;
	if (ret_nfds)
		*ret_nfds = nfds;
	return 0;
}

#define ALL_SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

/* MFD_EXEC says that the copy is meant to be run (kernels before 6.3 do not know the flag). */
static int new_memfd(const char *name)
{
#ifndef MFD_EXEC
#define MFD_EXEC 0x0010U
#endif
	int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_EXEC);
	if (fd < 0 && errno == EINVAL)
		fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
	return fd;
}

static int seal(int fd, struct crl_err *err)
{
	if (fcntl(fd, F_ADD_SEALS, ALL_SEALS) < 0)
		return crl_fail_sys(err, errno, "seal a memfd");
	if (lseek(fd, 0, SEEK_SET) < 0)
		return crl_fail_sys(err, errno, "rewind a memfd");
	return 0;
}

int fd_sealed_memfd(const char *name, const void *data, size_t len, int *ret_fd,
		    struct crl_err *err)
{
	_cleanup_close_ int fd = new_memfd(name);
	if (fd < 0)
		return crl_fail_sys(err, errno, "memfd_create");
	if (fd_write_all(fd, data, len, err) < 0 || seal(fd, err) < 0)
		return -1;
	*ret_fd = take_fd(&fd);
	return 0;
}

int fd_sealed_copy(const char *path, int *ret_fd, struct crl_err *err)
{
	_cleanup_close_ int from = open(path, O_RDONLY | O_CLOEXEC);
	if (from < 0)
		return crl_fail_sys(err, errno, "open %s", path);
	_cleanup_close_ int to = new_memfd("crun-lite-sealed");
	if (to < 0)
		return crl_fail_sys(err, errno, "memfd_create");
	for (;;) {
		ssize_t n = sendfile(to, from, NULL, 16U << 20);
		if (n < 0)
			return crl_fail_sys(err, errno, "copy %s", path);
		if (n == 0)
			break;
	}
	if (seal(to, err) < 0)
		return -1;
	*ret_fd = take_fd(&to);
	return 0;
}

void fd_raise_nofile(void)
{
	struct rlimit rl;
	if (getrlimit(RLIMIT_NOFILE, &rl) == 0 && rl.rlim_cur < rl.rlim_max) {
		rl.rlim_cur = rl.rlim_max;
		setrlimit(RLIMIT_NOFILE, &rl);
	}
}
