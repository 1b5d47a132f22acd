/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * File descriptors: whole reads and writes, and messages with descriptors
 * over unix sockets (unix(7), SCM_RIGHTS). All descriptors are O_CLOEXEC.
 */
#ifndef BASE_FD_H
#define BASE_FD_H

#include <crun-lite/err.h>
#include <stdint.h>
#include <sys/types.h>

/* Writes all of it; retries EINTR and short writes; waits by poll() on EAGAIN. Blocks. */
int fd_write_all(int fd, const void *data, size_t len, struct crl_err *err);

/*
 * Reads to end of file. The result is NUL-terminated (the NUL not counted),
 * owned by the caller (free). More than `limit` bytes: CRL_LIMIT. Blocks.
 */
int fd_read_all(int fd, size_t limit, char **ret_data, size_t *ret_len, struct crl_err *err);

int fd_set_nonblock(int fd, bool nonblock, struct crl_err *err);
int fd_set_cloexec(int fd, bool cloexec, struct crl_err *err);

#define FD_MSG_MAX_FDS 16

/*
 * Sends one message with `nfds` descriptors. With MSG_NOSIGNAL. Returns 0, or
 * -1; err->sys is EAGAIN when the socket is non-blocking and full.
 */
int fd_send_msg(int sock, const void *data, size_t len, const int *fds, size_t nfds,
		struct crl_err *err);

/*
 * Receives one message of at most `size` bytes and up to `max_fds` descriptors.
 * *ret_len is 0 at end of stream. Descriptors are close-on-exec and belong to
 * the caller; surplus ones are closed. A truncated message is CRL_LIMIT.
 * err->sys is EAGAIN when nothing is there.
 */
int fd_recv_msg(int sock, void *buf, size_t size, size_t *ret_len, int *ret_fds, size_t max_fds,
		size_t *ret_nfds, struct crl_err *err);

/* A memfd (memfd_create(2)) with `data` in it, sealed against every change, offset 0. */
int fd_sealed_memfd(const char *name, const void *data, size_t len, int *ret_fd,
		    struct crl_err *err);

/* A sealed memfd copy of a whole file, executable with execveat(2) or /proc/self/fd/N. */
int fd_sealed_copy(const char *path, int *ret_fd, struct crl_err *err);

/* Raises the soft RLIMIT_NOFILE to the hard limit (never the hard one). */
void fd_raise_nofile(void);

#endif
