/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The network helper: makes namespaces and veth pairs for the daemon, one
 * request at a time (crun-lite/netns_proto.h says why it is a process).
 *
 * Owns nothing that outlives a request: a namespace lives by the descriptor
 * that was handed over. It may not keep one, nor stay in one, or a container's
 * network would outlive the container.
 *
 * See network_namespaces(7), veth(4), rtnetlink(7), setns(2).
 */
#include "netns_dns.h"
#include "netns_msg.h"

#include <crun-lite/netns_proto.h>

#include <base/cleanup.h>
#include <base/fd.h>
#include <base/nlmsg.h>
#include <base/str.h>
#include <base/userns.h>
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_link.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>

#define REPLY_FDS 3 /* namespace, name server by UDP and TCP */

#define SLAVE_TRIES 50 /* one second */

struct helper {
	int host_ns;              /* the namespace we came from and return to */
	int host_nl;              /* netlink socket in it */
	struct netns_request req; /* the one being served */
	struct netns_reply reply;
	int dns[2]; /* sockets to answer with, -1 */
};

/* Notes the first failure for the daemon; `sys` 0 is success. */
static int helper_result(struct helper *h, int sys, const char *step)
{
	if (!sys)
		return 0;
	h->reply.sys = sys;
	snprintf(h->reply.step, sizeof(h->reply.step), "%s", step);
	return -1;
}

static int helper_veth(struct helper *h, int netns)
{
	struct nlmsg m = {0};

	netns_msg_veth(&m, &h->req, netns);
	return helper_result(h, nlmsg_talk(h->host_nl, &m), "veth pair");
}

static int helper_slave(struct helper *h, int netns)
{
	struct nlmsg m = {0};

	netns_msg_slave(&m, &h->req, netns);
	return helper_result(h, nlmsg_talk(h->host_nl, &m),
			     h->req.kind == NETNS_MACVLAN ? "macvlan" : "ipvlan");
}

static int helper_bridge_port(struct helper *h)
{
	struct nlmsg m = {0};

	nlmsg_bridge_port(&m, if_nametoindex(h->req.link), h->req.isolated);
	return helper_result(h, nlmsg_talk(h->host_nl, &m), "bridge port");
}

/* Writes a setting of one interface in the namespace we are in. */
static int helper_sysctl6(const char *ifname, const char *key, const char *value)
{
	char path[96];

	snprintf(path, sizeof(path), "/proc/sys/net/ipv6/conf/%s/%s", ifname, key);
	_cleanup_close_ int fd = open(path, O_WRONLY | O_CLOEXEC);
	return fd < 0 || write(fd, value, strlen(value)) < 0 ? -1 : 0;
}

/*
 * Routers announce themselves to hosts, not to containers: what a neighbour says must not
 * change a container's routes. No detection of duplicates, see netns_msg_address6().
 */
static int helper_ipv6(const char *ifname)
{
	if (helper_sysctl6(ifname, "accept_ra", "0") < 0 ||
	    helper_sysctl6(ifname, "accept_dad", "0") < 0)
		return -1;
	return helper_sysctl6(ifname, "disable_ipv6", "0");
}

/* Inside the namespace: lo, address, route, in one send. */
static int helper_configure(struct helper *h)
{
	const struct netns_request *q = &h->req;
	_cleanup_close_ int nl = -1;
	struct crl_err err = CRL_ERR_INIT;
	struct nlmsg m = {0};

	if (nlmsg_open(&nl, &err) < 0)
		return helper_result(h, err.sys, "netlink socket in the namespace");
	if (q->prefix6 && helper_ipv6(q->ifname) < 0)
		return helper_result(h, errno, "IPv6 in the namespace");
	netns_msg_up(&m, 1); /* lo */
	if (q->link[0]) {
		unsigned index = if_nametoindex(q->ifname);
		netns_msg_up(&m, index);
		if (q->prefix_len)
			netns_msg_address(&m, q, index);
		if (q->gateway || q->link_route)
			netns_msg_default_route(&m, q->gateway, index);
		if (q->prefix6)
			netns_msg_address6(&m, q, index);
		if (netns_msg_has_gateway6(q))
			netns_msg_default_route6(&m, q->gateway6, index);
	}
	return helper_result(h, nlmsg_talk(nl, &m), "address and route");
}

/*
 * A face of a parent with an address that was asked for: the one of the same container's last
 * run may not be taken apart yet, and says EADDRINUSE when it comes to opening this one.
 */
static int helper_open_slave(struct helper *h)
{
	const struct timespec pause = {.tv_nsec = 20 * 1000 * 1000};
	_cleanup_close_ int nl = -1;
	struct crl_err err = CRL_ERR_INIT;
	struct nlmsg m = {0};
	int sys = EADDRINUSE;

	if (nlmsg_open(&nl, &err) < 0)
		return helper_result(h, err.sys, "netlink socket in the namespace");
	for (int i = 0; i < SLAVE_TRIES && sys == EADDRINUSE; i++) {
		if (i > 0)
			nanosleep(&pause, NULL);
		netns_msg_up(&m, if_nametoindex(h->req.ifname));
		sys = nlmsg_talk(nl, &m);
	}
	return helper_result(h, sys, "bring the interface up");
}

/* Below /proc/sys/net of the namespace we are in; not all kernels have all of them. */
static void helper_setting(const char *name, const char *value)
{
	char path[96];
	snprintf(path, sizeof(path), "/proc/sys/net/%s", name);
	_cleanup_close_ int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd >= 0 && write(fd, value, strlen(value)) < 0)
		return;
}

/*
 * New links in the namespace get no IPv6 (lo keeps ::1), as with Docker: an
 * unasked-for link-local address is a way around rules made for IPv4. The
 * /proc/sys/net of the namespace we are in is written. A kernel without IPv6 has no such file.
 */
static void helper_no_ipv6(void)
{
	helper_setting("ipv6/conf/default/disable_ipv6", "1");
}

/*
 * As Docker since 20.10: any user of the container may listen below 1024 and send echo requests.
 * There are no users of others in the namespace who could be deceived.
 */
static void helper_settings(void)
{
	helper_setting("ipv4/ip_unprivileged_port_start", "0");
	helper_setting("ipv4/ping_group_range", "0 2147483647");
}

static int helper_attach(struct helper *h, int netns)
{
	bool veth = h->req.kind == NETNS_VETH;

	if (h->req.link[0] && (veth ? helper_veth(h, netns) : helper_slave(h, netns)) < 0)
		return -1;
	if (h->req.link[0] && !veth && helper_open_slave(h) < 0)
		return -1;
	return helper_configure(h);
}

static int helper_dns(struct helper *h)
{
	const char *step;
	int sys = netns_dns_open(h->dns, &step);

	h->reply.has_dns = sys == 0;
	return helper_result(h, sys, step);
}

static int helper_make(struct helper *h, int *ret_netns)
{
	_cleanup_close_ int netns = -1;
	struct crl_err err = CRL_ERR_INIT;

	if (h->req.own_users && (userns_new_owning(CLONE_NEWNET, "net", &netns, &err) < 0 ||
				 setns(netns, CLONE_NEWNET) < 0))
		return helper_result(h, err.sys ? err.sys : errno, "new user namespace");
	if (!h->req.own_users && unshare(CLONE_NEWNET) < 0)
		return helper_result(h, errno, "new network namespace");
	if (netns >= 0)
		close(take_fd(&netns));
	netns = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	if (netns < 0)
		return helper_result(h, errno, "/proc/thread-self/ns/net");
	helper_no_ipv6();
	helper_settings();
	if (helper_attach(h, netns) < 0 || (h->req.dns && helper_dns(h) < 0))
		return -1;
	*ret_netns = take_fd(&netns);
	return 0;
}

static int helper_delete(struct helper *h)
{
	struct ifinfomsg any = {0};
	struct nlmsg m = {0};

	nlmsg_begin(&m, RTM_DELLINK, 0, &any, sizeof(any));
	nlmsg_attr_str(&m, IFLA_IFNAME, h->req.link);
	int sys = nlmsg_talk(h->host_nl, &m);
	return helper_result(h, sys == ENODEV ? 0 : sys, "delete link");
}

static int helper_no_route(struct helper *h, int nl, uint8_t family)
{
	struct rtmsg any = {.rtm_family = family,
			    .rtm_table = RT_TABLE_MAIN,
			    .rtm_scope = RT_SCOPE_NOWHERE /* any */};
	struct nlmsg m = {0};
	int sys;

	do {
		nlmsg_begin(&m, RTM_DELROUTE, 0, &any, sizeof(any));
		sys = nlmsg_talk(nl, &m);
	} while (sys == 0);
	/* IPv6 has its own word for a table without one; a kernel without IPv6 has none either. */
	if (sys == ESRCH ||
	    (family == AF_INET6 && (sys == ENOENT || sys == EOPNOTSUPP || sys == EAFNOSUPPORT)))
		return 0;
	return helper_result(h, sys, "delete the default route");
}

/* Whether a default route was there or not: afterwards there is the one that is wanted. */
static int helper_route(struct helper *h)
{
	const struct netns_request *q = &h->req;
	unsigned index = if_nametoindex(q->ifname);
	_cleanup_close_ int nl = -1;
	struct crl_err err = CRL_ERR_INIT;
	struct nlmsg m = {0};

	if (nlmsg_open(&nl, &err) < 0)
		return helper_result(h, err.sys, "netlink socket in the namespace");
	if (helper_no_route(h, nl, AF_INET) < 0 || helper_no_route(h, nl, AF_INET6) < 0)
		return -1;
	if (q->gateway || q->link_route)
		netns_msg_default_route(&m, q->gateway, index);
	if (netns_msg_has_gateway6(q))
		netns_msg_default_route6(&m, q->gateway6, index);
	return m.count ? helper_result(h, nlmsg_talk(nl, &m), "default route") : 0;
}

static int helper_detach(struct helper *h)
{
	_cleanup_close_ int nl = -1;
	struct ifinfomsg any = {0};
	struct crl_err err = CRL_ERR_INIT;
	struct nlmsg m = {0};

	if (nlmsg_open(&nl, &err) < 0)
		return helper_result(h, err.sys, "netlink socket in the namespace");
	nlmsg_begin(&m, RTM_DELLINK, 0, &any, sizeof(any));
	nlmsg_attr_str(&m, IFLA_IFNAME, h->req.ifname);
	int sys = nlmsg_talk(nl, &m);
	return helper_result(h, sys == ENODEV ? 0 : sys, "delete interface");
}

static int helper_inside(struct helper *h, int netns)
{
	if (setns(netns, CLONE_NEWNET) < 0)
		return helper_result(h, errno, "enter the namespace");
	switch (h->req.op) {
	case NETNS_ATTACH: return helper_attach(h, netns);
	case NETNS_ROUTE: return helper_route(h);
	case NETNS_DNS: return helper_dns(h);
	default: return helper_detach(h);
	}
}

/* Runs one request; *netns is the descriptor that came with it, and then the one to answer with. */
static void helper_serve(struct helper *h, int *netns)
{
	int r = -1;

	switch (h->req.op) {
	case NETNS_MAKE: r = helper_make(h, netns); break;
	case NETNS_ATTACH:
	case NETNS_ROUTE:
	case NETNS_DNS:
	case NETNS_DETACH: r = helper_inside(h, *netns); break;
	case NETNS_DELETE: r = helper_delete(h); break;
	default: helper_result(h, EBADRQC, "unknown request");
	}
	/* Staying inside would keep the container's namespace alive. */
	if (setns(h->host_ns, CLONE_NEWNET) < 0)
		r = helper_result(h, errno, "return to the host's namespace");
	if (r == 0 && h->req.link[0] && h->req.kind == NETNS_VETH &&
	    (h->req.op == NETNS_MAKE || h->req.op == NETNS_ATTACH))
		helper_bridge_port(h);
}

/* The namespace that was made, the sockets that were opened. */
static int helper_reply(struct helper *h, int sock, int netns)
{
	bool fine = h->reply.sys == 0, made = fine && h->req.op == NETNS_MAKE;
	struct crl_err err = CRL_ERR_INIT;
	int fds[REPLY_FDS];
	size_t n = 0;

	if (made)
		fds[n++] = netns;
	for (size_t i = 0; fine && h->reply.has_dns && i < ARRAY_SIZE(h->dns); i++)
		fds[n++] = h->dns[i];
	int r = fd_send_msg(sock, &h->reply, sizeof(h->reply), fds, n, &err);
	for (size_t i = 0; i < ARRAY_SIZE(h->dns); i++) {
		cleanup_close_p(&h->dns[i]);
		h->dns[i] = -1;
	}
	return r;
}

/* 1 = go on, 0 = the daemon is gone, -1 = broken socket. */
static int helper_turn(struct helper *h, int sock)
{
	struct netns_request *req = &h->req;
	struct crl_err err = CRL_ERR_INIT;
	_cleanup_close_ int netns = -1;
	size_t len, nfds = 0;

	*req = (struct netns_request){0};
	if (fd_recv_msg(sock, req, sizeof(*req), &len, &netns, 1, &nfds, &err) < 0)
		return -1;
	if (len == 0)
		return 0;
	if (nfds == 0)
		netns = -1;
	req->link[sizeof(req->link) - 1] = req->ifname[sizeof(req->ifname) - 1] = '\0';
	h->reply = (struct netns_reply){.seq = req->seq};
	if (len != sizeof(*req))
		helper_result(h, EBADMSG, "request of the wrong size");
	else
		helper_serve(h, &netns);
	return helper_reply(h, sock, netns) < 0 ? -1 : 1;
}

int netns_helper_main(int argc, char **argv)
{
	struct helper h = {.host_ns = -1, .host_nl = -1, .dns = {-1, -1}};
	struct crl_err err = CRL_ERR_INIT;
	uint64_t sock;
	int r;

	if (argc != 4 || !str_eq(argv[2], "--socket-fd") || !str_to_u64(argv[3], &sock)) {
		fprintf(stderr, "usage: crun-lite-monitor --make-netns --socket-fd N\n");
		return 125;
	}
	h.host_ns = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	if (h.host_ns < 0 || nlmsg_open(&h.host_nl, &err) < 0) {
		fprintf(stderr, "crun-lite-monitor --make-netns: %s\n",
			h.host_ns < 0 ? strerror(errno) : err.msg);
		return 1;
	}
	do
		r = helper_turn(&h, (int)sock);
	while (r > 0);
	return r < 0;
}
