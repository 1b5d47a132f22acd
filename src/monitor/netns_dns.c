/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The name server inside a namespace. It may not take port 53: a container that is
 * a name server itself binds it on all addresses. So the sockets have another port,
 * and ports are rewritten on the way, in the packets and without connection tracking,
 * which would cost every packet of the container.
 *
 * See crun-lite/dns_proto.h, nft(8), docs/adr/0091.
 */
#include "netns_dns.h"

#include <base/cleanup.h>
#include <base/nft_wire.h>
#include <crun-lite/dns_proto.h>

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_arp.h>
#include <linux/netfilter.h>
#include <linux/netlink.h>
#include <sys/socket.h>

#define TABLE "crun-lite-dns"
#define CHAIN "ports"
#define HOOK_LOCAL_OUT 3
#define BACKLOG 64

#define R0 8      /* a register of nft's machine */
#define SUM_UDP 6 /* where the checksum is in the header */
#define SUM_TCP 16
#define SOURCE 0 /* where the ports are */
#define DESTINATION 2
#define ADDRESS_SOURCE 12 /* where the addresses are in the one before */
#define ADDRESS_DESTINATION 16

/* --- sockets --- */

/* A server that was told to go may need a moment. */
static int bind_when_free(int fd, const struct sockaddr_in *at)
{
	for (int i = 0; i < 50; i++) {
		if (bind(fd, (const struct sockaddr *)at, sizeof(*at)) == 0)
			return 0;
		if (errno != EADDRINUSE)
			return errno;
		(void)usleep(10 * 1000);
	}
	return EADDRINUSE;
}

static int open_socket(int type, int *ret_fd)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(DNS_PORT)};
	_cleanup_close_ int fd = socket(AF_INET, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int one = 1;

	if (fd < 0 || inet_pton(AF_INET, DNS_ADDRESS, &at.sin_addr) != 1)
		return errno;
	/* TCP connections of an earlier server rest for a minute. */
	if (type == SOCK_STREAM && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) < 0)
		return errno;
	int sys = bind_when_free(fd, &at);
	if (sys)
		return sys;
	if (type == SOCK_STREAM && listen(fd, BACKLOG) < 0)
		return errno;
	*ret_fd = take_fd(&fd);
	return 0;
}

/* --- rules --- */

static struct nft_op op_port(enum nft_op_kind kind, uint32_t at, uint32_t sum, uint16_t port)
{
	return (struct nft_op){.kind = kind,
			       .reg = R0,
			       .a = NFT_PAYLOAD_TRANSPORT_HEADER,
			       .b = at,
			       .sum = sum,
			       .len = 2,
			       .bytes = {(uint8_t)(port >> 8), (uint8_t)port}};
}

static struct nft_op op_load(enum nft_payload_bases base, uint32_t at, uint32_t len)
{
	return (struct nft_op){.kind = OP_PAYLOAD, .reg = R0, .a = base, .b = at, .len = len};
}

/* Packets of protocol `l4` with 127.0.0.11 at `address`: port `from` becomes `to`. */
static void rule_port(struct nft_wire *w, uint8_t l4, uint32_t address, uint16_t from, uint16_t to)
{
	uint32_t at = address == ADDRESS_SOURCE ? SOURCE : DESTINATION;
	uint32_t sum = l4 == IPPROTO_UDP ? SUM_UDP : SUM_TCP;
	const struct nft_op ops[] = {
		{.kind = OP_META, .reg = R0, .a = NFT_META_NFPROTO},
		{.kind = OP_EQUAL, .reg = R0, .len = 1, .bytes = {NFPROTO_IPV4}},
		op_load(NFT_PAYLOAD_NETWORK_HEADER, address, 4),
		{.kind = OP_EQUAL, .reg = R0, .len = 4, .bytes = {127, 0, 0, 11}},
		{.kind = OP_META, .reg = R0, .a = NFT_META_L4PROTO},
		{.kind = OP_EQUAL, .reg = R0, .len = 1, .bytes = {l4}},
		op_load(NFT_PAYLOAD_TRANSPORT_HEADER, at, 2),
		op_port(OP_EQUAL, 0, 0, from),
		op_port(OP_REWRITE, at, sum, to),
		{.kind = OP_END},
	};

	nft_wire_rule(w, CHAIN, ops, NULL);
}

/* What leaves by a real interface is done with the first rule. */
static void rule_elsewhere(struct nft_wire *w)
{
	const uint16_t lo = ARPHRD_LOOPBACK;
	struct nft_op ops[] = {
		{.kind = OP_META, .reg = R0, .a = NFT_META_OIFTYPE},
		{.kind = OP_DIFFERENT, .reg = R0, .len = 2},
		{.kind = OP_VERDICT, .a = NF_ACCEPT},
		{.kind = OP_END},
	};

	memcpy(ops[1].bytes, &lo, sizeof(lo));
	nft_wire_rule(w, CHAIN, ops, NULL);
}

static void write_rules(struct nft_wire *w)
{
	static const uint8_t protocols[] = {IPPROTO_UDP, IPPROTO_TCP};

	nft_wire_begin(w, TABLE);
	nft_wire_table(w, true);
	nft_wire_chain(w, CHAIN, "filter", HOOK_LOCAL_OUT, 0);
	rule_elsewhere(w);
	for (size_t i = 0; i < ARRAY_SIZE(protocols); i++) {
		rule_port(w, protocols[i], ADDRESS_DESTINATION, 53, DNS_PORT);
		rule_port(w, protocols[i], ADDRESS_SOURCE, DNS_PORT, 53);
	}
	nft_wire_end(w);
}

/* The first error in what the kernel answered; 0 = none. Nothing is answered when all is well. */
static int refusal(int sock)
{
	_Alignas(NLMSG_ALIGNTO) char data[4096];
	ssize_t n = recv(sock, data, sizeof(data), MSG_DONTWAIT);

	if (n < 0)
		return errno == EAGAIN ? 0 : errno;
	size_t left = (size_t)n;
	for (const struct nlmsghdr *h = (const void *)data; NLMSG_OK(h, left);
	     h = NLMSG_NEXT(h, left))
		if (h->nlmsg_type == NLMSG_ERROR)
			return -((const struct nlmsgerr *)NLMSG_DATA(h))->error;
	return 0;
}

static int set_rules(void)
{
	_cleanup_nft_wire_ struct nft_wire w = NFT_WIRE_INIT;
	_cleanup_close_ int sock = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);

	if (sock < 0)
		return errno;
	write_rules(&w);
	if (w.out.failed)
		return ENOMEM;
	/* The transaction is over when send(2) returns, and errors wait in the socket. */
	if (send(sock, w.out.data, w.out.len, 0) < 0)
		return errno;
	return refusal(sock);
}

int netns_dns_open(int ret_fds[2], const char **ret_step)
{
	_cleanup_close_ int udp = -1, tcp = -1;

	*ret_step = "the name server's socket";
	int sys = open_socket(SOCK_DGRAM, &udp);
	if (sys == 0)
		sys = open_socket(SOCK_STREAM, &tcp);
	if (sys == 0) {
		*ret_step = "the name server's rules";
		sys = set_rules();
	}
	if (sys)
		return sys;
	ret_fds[0] = take_fd(&udp);
	ret_fds[1] = take_fd(&tcp);
	return 0;
}
