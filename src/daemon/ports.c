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

static bool ports_is_six(const struct net_port *p)
{
	return strchr(p->host_ip, ':') != NULL;
}

static int ports_fail(const struct net_port *p, int sys, struct crl_err *err)
{
	bool six = ports_is_six(p);

	crl_fail(err, CRL_IO, "listen %s%c %s%s%s:%u: bind: %s", p->proto, six ? '6' : '4',
		 six ? "[" : "", p->host_ip, six ? "]" : "", p->host_port, ports_reason(sys));
	if (err)
		err->sys = sys;
	return -1;
}

static int ports_socket(const struct net_port *p, int *ret_fd)
{
	bool tcp = str_eq(p->proto, "tcp"), udp = str_eq(p->proto, "udp");
	int fd = socket(ports_is_six(p) ? AF_INET6 : AF_INET,
			(udp ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC,
			tcp   ? IPPROTO_TCP
			: udp ? IPPROTO_UDP
			      : IPPROTO_SCTP);

	if (fd < 0)
		return errno;
	*ret_fd = fd;
	return 0;
}

/* The other family has a socket of its own. */
static int ports_bind_six(int fd, const struct net_port *p)
{
	struct sockaddr_in6 a = {.sin6_family = AF_INET6, .sin6_port = htons(p->host_port)};
	int on = 1;

	if (inet_pton(AF_INET6, p->host_ip, &a.sin6_addr) != 1)
		return EADDRNOTAVAIL;
	if (setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) < 0)
		return errno;
	return bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0 ? errno : 0;
}

static int ports_bind_four(int fd, const struct net_port *p)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(p->host_port)};

	if (inet_pton(AF_INET, p->host_ip, &a.sin_addr) != 1)
		return EADDRNOTAVAIL;
	return bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0 ? errno : 0;
}

/*
 * SO_REUSEADDR lets the bind succeed while old connections of a program that
 * had the port are in TIME_WAIT. Taken back at once, it keeps others from
 * listening, though we do not listen ourselves: what the rules do not catch is
 * refused instead of hanging in a backlog.
 */
static int ports_bind(int fd, const struct net_port *p, bool tcp)
{
	int on = 1, off = 0, small = 1;

	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	if (tcp)
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	int sys = ports_is_six(p) ? ports_bind_six(fd, p) : ports_bind_four(fd, p);
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

static int ports_hold_range(struct net_port *p, int *ret_fd, struct crl_err *err)
{
	struct net_port try = *p;
	int sys = EADDRINUSE;

	for (unsigned port = p->host_port; port <= p->host_port_end && sys == EADDRINUSE; port++) {
		try.host_port = (uint16_t)port;
		sys = ports_hold_exact(&try, ret_fd);
	}
	if (sys)
		return ports_fail(&try, sys, err);
	p->host_port = try.host_port;
	p->host_port_end = 0;
	return 0;
}

int ports_hold(struct net_port *p, int *ret_fd, struct crl_err *err)
{
	if (p->host_port == 0)
		return ports_hold_random(p, ret_fd, err);
	if (p->host_port_end > p->host_port)
		return ports_hold_range(p, ret_fd, err);
	int sys = ports_hold_exact(p, ret_fd);
	return sys ? ports_fail(p, sys, err) : 0;
}
