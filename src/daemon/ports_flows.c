/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Forgets tracked UDP flows to a published port. Address translation is
 * decided by a flow's first packet; a client that goes on sending from one
 * port would talk to a container that is gone, or never reach a new one.
 *
 * See netlink(7); messages of linux/netfilter/nfnetlink_conntrack.h.
 */
#include "ports.h"

#include <arpa/inet.h>
#include <base/nlmsg.h>
#include <base/str.h>
#include <errno.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <netinet/in.h>
#include <sys/socket.h>

/* Not in the header: the kernel's CTA_FILTER_FLAG(CTA_PROTO_NUM) and (CTA_PROTO_DST_PORT),
 * since 5.8. */
#define FILTER_PROTO_NUM (1U << 3)
#define FILTER_PROTO_DST_PORT (1U << 5)

static struct nfgenmsg flows_family(bool six)
{
	return (struct nfgenmsg){.nfgen_family = six ? AF_INET6 : AF_INET};
}

static const struct nlattr *flows_attr(const struct nlattr *nest, uint16_t type)
{
	return nlmsg_find(nest + 1, (const char *)nest + nest->nla_len, type);
}

/* The same for the attributes after a message's fixed part. */
static const struct nlattr *flows_message_attr(const struct nlmsghdr *h, uint16_t type)
{
	const char *first = (const char *)NLMSG_DATA(h) + NLMSG_ALIGN(sizeof(struct nfgenmsg));

	return nlmsg_find(first, (const char *)h + h->nlmsg_len, type);
}

static bool flows_equal(const struct nlattr *nest, uint16_t type, const void *value, size_t len)
{
	const struct nlattr *a = nest ? flows_attr(nest, type) : NULL;

	return a && a->nla_len == sizeof(*a) + len && memcmp(a + 1, value, len) == 0;
}

static bool flows_match_address(const struct nlattr *ip, const struct nft_port *p)
{
	uint32_t four = htonl(p->host_ip);
	uint8_t six[16];

	if (!p->six)
		return p->host_ip == 0 || flows_equal(ip, CTA_IP_V4_DST, &four, sizeof(four));
	ip6_to_bytes(p->host_ip6, six);
	return ip6_is_zero(p->host_ip6) || flows_equal(ip, CTA_IP_V6_DST, six, sizeof(six));
}

static bool flows_match(const struct nlattr *tuple, const struct nft_port *p)
{
	const struct nlattr *ip = flows_attr(tuple, CTA_TUPLE_IP);
	const struct nlattr *proto = flows_attr(tuple, CTA_TUPLE_PROTO);
	uint16_t port_be = htons(p->host_port);
	uint8_t udp = IPPROTO_UDP;

	return flows_equal(proto, CTA_PROTO_NUM, &udp, 1) &&
	       flows_equal(proto, CTA_PROTO_DST_PORT, &port_be, 2) && flows_match_address(ip, p);
}

/* Asks for all flows to the port; kernels before 5.8 ignore the filter and send all there are. */
static int flows_ask(int sock, const struct nft_port *p)
{
	struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
	struct nfgenmsg family = flows_family(p->six);
	uint16_t port_be = htons(p->host_port);
	struct nlmsg m = {0};

	nlmsg_begin(&m, NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_GET, NLM_F_DUMP, &family,
		    sizeof(family));
	size_t tuple = nlmsg_nest(&m, CTA_TUPLE_ORIG);
	size_t proto = nlmsg_nest(&m, CTA_TUPLE_PROTO);
	nlmsg_attr_u8(&m, CTA_PROTO_NUM, IPPROTO_UDP);
	nlmsg_attr(&m, CTA_PROTO_DST_PORT, &port_be, sizeof(port_be));
	nlmsg_end(&m, proto);
	nlmsg_end(&m, tuple);
	size_t filter = nlmsg_nest(&m, CTA_FILTER);
	nlmsg_attr_u32(&m, CTA_FILTER_ORIG_FLAGS, FILTER_PROTO_NUM | FILTER_PROTO_DST_PORT);
	nlmsg_attr_u32(&m, CTA_FILTER_REPLY_FLAGS, 0);
	nlmsg_end(&m, filter);
	return sendto(sock, m.data, m.len, 0, (struct sockaddr *)&kernel, sizeof(kernel)) < 0 ? -1
											      : 0;
}

/* Appends the original tuples of matching flows in one datagram; false at the end of the dump. */
static bool flows_collect(const char *data, size_t n, const struct nft_port *p, struct buf *tuples)
{
	for (const struct nlmsghdr *h = (const void *)data; NLMSG_OK(h, n); h = NLMSG_NEXT(h, n)) {
		if (h->nlmsg_type == NLMSG_DONE || h->nlmsg_type == NLMSG_ERROR)
			return false;
		const struct nlattr *t = flows_message_attr(h, CTA_TUPLE_ORIG);
		if (t && flows_match(t, p))
			buf_add(tuples, t, NLA_ALIGN(t->nla_len));
	}
	return true;
}

static void flows_delete(int sock, bool six, const struct buf *tuples)
{
	struct nfgenmsg family = flows_family(six);

	for (size_t at = 0; at < tuples->len;) {
		const struct nlattr *t = (const void *)(tuples->data + at);
		struct nlmsg m = {0};
		nlmsg_begin(&m, NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_DELETE, 0, &family,
			    sizeof(family));
		nlmsg_attr(&m, CTA_TUPLE_ORIG | NLA_F_NESTED, t + 1, t->nla_len - sizeof(*t));
		(void)nlmsg_talk(sock, &m); /* it may have ended by itself */
		at += NLA_ALIGN(t->nla_len);
	}
}

void ports_forget_flows(const struct nft_port *port)
{
	_Alignas(NLMSG_ALIGNTO) static char data[32768];
	_cleanup_close_ int sock = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);
	_cleanup_buf_ struct buf tuples = BUF_INIT;
	ssize_t n;

	if (sock < 0 || flows_ask(sock, port) < 0)
		return;
	do
		n = recv(sock, data, sizeof(data), 0);
	while (n > 0 && flows_collect(data, (size_t)n, port, &tuples));
	if (!tuples.failed)
		flows_delete(sock, port->six, &tuples);
}
