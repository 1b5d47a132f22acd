/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Host ports by bound sockets. See bind(2), ip(7). */
#include "ports.h"

#include <arpa/inet.h>
#include <base/str.h>
#include <errno.h>
#include <netinet/in.h>
#include <sys/random.h>
#include <sys/socket.h>

#define RANDOM_FIRST 49153
#define RANDOM_COUNT (65536 - RANDOM_FIRST)
#define RANDOM_TRIES 200

/* The texts of Go's runtime, which clients look for. */
static const char *ports_reason(int sys)
{
	switch (sys) {
	case EADDRINUSE: return "address already in use";
	case EADDRNOTAVAIL: return "cannot assign requested address";
	case EACCES: return "permission denied";
	default: return strerror(sys);
	}
}

static int ports_fail(const struct net_port *p, int sys, struct crl_err *err)
{
	crl_fail(err, CRL_IO, "listen %s4 %s:%u: bind: %s", p->proto,
		 *p->host_ip ? p->host_ip : "0.0.0.0", p->host_port, ports_reason(sys));
	if (err)
		err->sys = sys;
	return -1;
}

static int ports_socket(const struct net_port *p, int *ret_fd)
{
	bool tcp = str_eq(p->proto, "tcp"), udp = str_eq(p->proto, "udp");
	int fd = socket(AF_INET, (udp ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC,
			tcp   ? IPPROTO_TCP
			: udp ? IPPROTO_UDP
			      : IPPROTO_SCTP);

	if (fd < 0)
		return errno;
	*ret_fd = fd;
	return 0;
}

/*
 * SO_REUSEADDR lets the bind succeed while old connections of a program that
 * had the port are in TIME_WAIT. Taken back at once, it keeps others from
 * listening, though we do not listen ourselves: what the rules do not catch is
 * refused instead of hanging in a backlog.
 */
static int ports_bind(int fd, const struct net_port *p, bool tcp)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(p->host_port)};
	int on = 1, off = 0, small = 1;

	if (*p->host_ip && inet_pton(AF_INET, p->host_ip, &a.sin_addr) != 1)
		return EADDRNOTAVAIL;
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	if (tcp)
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	int sys = bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0 ? errno : 0;
	if (tcp)
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &off, sizeof(off));
	return sys;
}

static int ports_hold_exact(const struct net_port *p, int *ret_fd)
{
	_cleanup_close_ int fd = -1;
	int sys = ports_socket(p, &fd);

	if (sys == EPROTONOSUPPORT && str_eq(p->proto, "sctp")) {
		*ret_fd = -1;
		return 0;
	}
	if (sys == 0)
		sys = ports_bind(fd, p, str_eq(p->proto, "tcp"));
	if (sys == 0)
		*ret_fd = take_fd(&fd);
	return sys;
}

static int ports_hold_random(struct net_port *p, int *ret_fd, struct crl_err *err)
{
	struct net_port try = *p;
	uint16_t random;
	int sys = 0;

	if (getrandom(&random, sizeof(random), 0) != sizeof(random))
		return crl_fail_sys(err, errno, "random port");
	for (unsigned i = 0; i < RANDOM_TRIES; i++) {
		try.host_port = (uint16_t)(RANDOM_FIRST + (random + i) % RANDOM_COUNT);
		sys = ports_hold_exact(&try, ret_fd);
		if (sys == 0) {
			*p = try;
			return 0;
		}
		if (sys != EADDRINUSE)
			break;
	}
	return ports_fail(&try, sys, err);
}

int ports_hold(struct net_port *p, int *ret_fd, struct crl_err *err)
{
	if (p->host_port == 0)
		return ports_hold_random(p, ret_fd, err);
	int sys = ports_hold_exact(p, ret_fd);
	return sys ? ports_fail(p, sys, err) : 0;
}
