/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Messages on their way to a receiver of logs over unix, unixgram, tcp or udp.
 * Sending never waits: what does not fit is kept up to a limit, a connection
 * that broke is made again in the background, longer and longer apart.
 */
#ifndef MONITOR_LOG_SOCKET_H
#define MONITOR_LOG_SOCKET_H

#include <base/loop.h>
#include <sys/socket.h>

#include "queue.h"

struct log_socket {
	struct loop *loop;
	struct loop_source source;
	struct loop_timer retry;
	struct sockaddr_storage addr;
	socklen_t addr_len;
	int type; /* SOCK_STREAM, SOCK_DGRAM */
	bool connecting, large_by_memfd;
	int64_t pause;      /* before the next try, ns */
	struct queue queue; /* messages, each behind its length */
	size_t max;
	size_t sent; /* of the first message */
};

void log_socket_init(struct log_socket *s, struct loop *loop, size_t max);
/*
 * Resolves and connects; waits up to OPEN_MS. "dial tcp 127.0.0.1:514: connect:
 * connection refused"; CRL_INVALID for an address that is none.
 */
int log_socket_open(struct log_socket *s, const char *url, struct crl_err *err);
/* false: there is no room for it. */
bool log_socket_send(struct log_socket *s, const void *data, size_t len);
/* At least half of the room is free. */
bool log_socket_has_room(const struct log_socket *s);
/* Waits a moment for what is kept to leave, then closes. */
void log_socket_close(struct log_socket *s);

#endif
