/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See message.h; unix(7). */
#include "message.h"
#include <base/cleanup.h>
#include <base/fd.h>
#include <errno.h>
#include <stddef.h>
#include <sys/socket.h>

int message_pair(int ret[2], struct crl_err *err)
{
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ret) < 0)
		return crl_fail_sys(err, errno, "socketpair");
	return 0;
}

/* Errors are the last member: messages without one are sent without its kilobyte. */
int message_send(int sock, const struct message *m, int fd, struct crl_err *err)
{
	size_t len = m->err.code == CRL_OK ? offsetof(struct message, err) : sizeof(*m);
	return fd_send_msg(sock, m, len, &fd, fd >= 0 ? 1 : 0, err);
}

int message_receive(int sock, struct message *ret, int *ret_fd, struct crl_err *err)
{
	size_t len = 0, n_fds = 0;
	int fd = -1;
	*ret = (struct message){.kind = MESSAGE_END};
	if (fd_recv_msg(sock, ret, sizeof(*ret), &len, &fd, ret_fd ? 1 : 0, &n_fds, err) < 0)
		return err->sys == ECONNRESET ? 0 : -1;
	if (ret_fd)
		*ret_fd = n_fds ? fd : -1;
	return 0;
}
