/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Our nftables table in the kernel: sends the messages of nft_rules.c as
 * transactions, and notices when others change the table.
 *
 * May neither write nor read any table but ours: what others put into theirs must not
 * matter to us (ADR 0066). See netlink(7), nft(8).
 */
#include "nft.h"

#include <base/nlmsg.h>
#include <base/nft_wire.h>

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <sys/socket.h>

#define SEND_ROOM (16 * 1024 * 1024) /* the whole table with some ten thousand ports */
#define RECEIVE_ROOM (1024 * 1024)

struct nft {
	int sock;
	uint32_t port; /* our address in netlink: who makes a change */
	char table[32];
	size_t n_bridges; /* elements that the set "bridges" must have */
	size_t n_ports;   /* ... and the maps and sets of ports together */
};

static const char *const port_sets[] = {"ports_any",   "ports_addr", "ports_any6",
					"ports_addr6", "open_ports", "open_ports6"};

int nft_open(const char *table, struct nft **ret, struct crl_err *err)
{
	struct sockaddr_nl us = {.nl_family = AF_NETLINK};
	socklen_t len = sizeof(us);
	int send_room = SEND_ROOM, receive_room = RECEIVE_ROOM;
	struct nft *n = calloc(1, sizeof(*n));

	if (!n)
		return crl_fail_oom(err);
	snprintf(n->table, sizeof(n->table), "%s", table);
	n->sock = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);
	if (n->sock < 0 || bind(n->sock, (struct sockaddr *)&us, sizeof(us)) < 0 ||
	    getsockname(n->sock, (struct sockaddr *)&us, &len) < 0) {
		crl_fail_sys(err, errno, "nftables socket");
		nft_close(n);
		return -1;
	}
	/* Allowances, not memory in use. */
	setsockopt(n->sock, SOL_SOCKET, SO_SNDBUFFORCE, &send_room, sizeof(send_room));
	setsockopt(n->sock, SOL_SOCKET, SO_RCVBUFFORCE, &receive_room, sizeof(receive_room));
	n->port = us.nl_pid;
	*ret = n;
	return 0;
}

void nft_close(struct nft *n)
{
	if (!n)
		return;
	if (n->sock >= 0)
		close(n->sock);
	free(n);
}

static int nft_send(struct nft *n, const struct nft_wire *w)
{
	struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};

	if (w->out.failed)
		return ENOMEM;
	return sendto(n->sock, w->out.data, w->out.len, 0, (struct sockaddr *)&kernel,
		      sizeof(kernel)) < 0
		       ? errno
		       : 0;
}

/* The first refusal in what the kernel answered; the others follow from it. */
static int nft_refusal(const char *data, size_t n)
{
	for (const struct nlmsghdr *h = (const void *)data; NLMSG_OK(h, n); h = NLMSG_NEXT(h, n)) {
		const struct nlmsgerr *e = NLMSG_DATA(h);
		if (h->nlmsg_type == NLMSG_ERROR && h->nlmsg_len >= NLMSG_LENGTH(sizeof(*e)) &&
		    e->error < 0)
			return -e->error;
	}
	return 0;
}

/* The kernel works while we send: when that returns, all answers are there, or none will come. */
static int nft_answers(struct nft *n)
{
	_Alignas(NLMSG_ALIGNTO) static char data[16384];
	int first = 0;
	ssize_t got;

	while ((got = recv(n->sock, data, sizeof(data), MSG_DONTWAIT)) != 0) {
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0 && errno == EAGAIN)
			break;
		int sys = got < 0 ? errno : nft_refusal(data, (size_t)got);
		first = first ? first : sys;
		if (got < 0 && errno != ENOBUFS)
			break;
	}
	return first;
}

/* A transaction: everything or nothing. */
static int nft_run(struct nft *n, const struct nft_wire *w, struct crl_err *err)
{
	int sys = nft_send(n, w);

	if (sys == 0)
		sys = nft_answers(n);
	return sys ? crl_fail(err, CRL_KERNEL, "nftables table %s: %s", n->table, strerror(sys))
		   : 0;
}

static int nft_apply_once(struct nft *n, const struct nft_state *state, bool keep_ports,
			  struct crl_err *err)
{
	_cleanup_nft_wire_ struct nft_wire w = NFT_WIRE_INIT;

	nft_wire_begin(&w, n->table);
	nft_rules_all(&w, n->table, state, keep_ports);
	nft_wire_end(&w);
	return nft_run(n, &w, err);
}

static size_t nft_dump(struct nft *n, const struct nft_wire *w, uint16_t type, int *ret_sys);

static size_t nft_count_ports(struct nft *n)
{
	size_t total = 0;
	int ignored;

	for (size_t i = 0; i < ARRAY_SIZE(port_sets); i++) {
		_cleanup_nft_wire_ struct nft_wire w = NFT_WIRE_INIT;
		nft_wire_dump_elements(&w, n->table, port_sets[i]);
		total += nft_dump(n, &w, NFT_MSG_NEWSETELEM, &ignored);
	}
	return total;
}

int nft_apply(struct nft *n, const struct nft_state *state, bool keep_ports, struct crl_err *err)
{
	struct crl_err first = CRL_ERR_INIT;
	bool kept = keep_ports && nft_apply_once(n, state, true, &first) == 0;

	if (!kept && nft_apply_once(n, state, false, err) < 0)
		return -1;
	n->n_bridges = state->n_nets;
	/* Two containers may open the same port of a routed network's address only by mistake, but
	 * what the kernel counts is what counts. */
	n->n_ports = nft_count_ports(n);
	return 0;
}

int nft_net(struct nft *n, const struct nft_net *net, bool add, struct crl_err *err)
{
	_cleanup_nft_wire_ struct nft_wire w = NFT_WIRE_INIT;

	nft_wire_begin(&w, n->table);
	nft_rules_net(&w, n->table, net, add);
	nft_wire_end(&w);
	if (nft_run(n, &w, err) < 0)
		return -1;
	n->n_bridges += add ? 1 : (size_t)-1;
	return 0;
}

int nft_ports(struct nft *n, const struct nft_port *ports, size_t count, bool add,
	      struct crl_err *err)
{
	_cleanup_nft_wire_ struct nft_wire w = NFT_WIRE_INIT;

	if (count == 0)
		return 0;
	nft_wire_begin(&w, n->table);
	nft_rules_ports(&w, n->table, ports, count, add);
	nft_wire_end(&w);
	if (nft_run(n, &w, err) < 0)
		return -1;
	n->n_ports += add ? count : -count;
	return 0;
}

/* --- looking at what is there --- */

static const struct nlattr *nft_attr(const struct nlmsghdr *h, uint16_t type)
{
	const char *first = (const char *)NLMSG_DATA(h) + NLMSG_ALIGN(sizeof(struct nfgenmsg));

	return nlmsg_find(first, (const char *)h + h->nlmsg_len, type);
}

/* All messages about tables and what is in them name the table in the attribute with number 1. */
static bool nft_is_ours(const struct nft *n, const struct nlmsghdr *h)
{
	const struct nlattr *a = nft_attr(h, NFTA_TABLE_NAME);
	size_t len = strlen(n->table) + 1;

	return a && a->nla_len == sizeof(*a) + len && memcmp(a + 1, n->table, len) == 0;
}

static size_t nft_count_elements(const struct nlmsghdr *h)
{
	const struct nlattr *list = nft_attr(h, NFTA_SET_ELEM_LIST_ELEMENTS);
	size_t count = 0;

	if (!list)
		return 0;
	const char *p = (const char *)(list + 1), *end = (const char *)list + list->nla_len;
	while (p + sizeof(struct nlattr) <= end) {
		const struct nlattr *a = (const void *)p;
		if (a->nla_len < sizeof(*a) || p + a->nla_len > end)
			break;
		count++;
		p += NLA_ALIGN(a->nla_len);
	}
	return count;
}

/* Counts rules or elements of our table in one part of a dump; false at its end. */
static bool nft_dump_part(const struct nft *n, const char *data, size_t left, uint16_t type,
			  size_t *count, int *sys)
{
	for (const struct nlmsghdr *h = (const void *)data; NLMSG_OK(h, left);
	     h = NLMSG_NEXT(h, left)) {
		if (h->nlmsg_type == NLMSG_DONE || h->nlmsg_type == NLMSG_ERROR) {
			*sys = h->nlmsg_type == NLMSG_ERROR ? nft_refusal(data, left) : 0;
			return false;
		}
		if (h->nlmsg_type != (NFNL_SUBSYS_NFTABLES << 8 | type) || !nft_is_ours(n, h))
			continue;
		*count += type == NFT_MSG_NEWSETELEM ? nft_count_elements(h) : 1;
	}
	return true;
}

static size_t nft_dump(struct nft *n, const struct nft_wire *w, uint16_t type, int *ret_sys)
{
	_Alignas(NLMSG_ALIGNTO) static char data[65536];
	size_t count = 0;
	ssize_t got;

	*ret_sys = nft_send(n, w);
	if (*ret_sys)
		return 0;
	do
		got = recv(n->sock, data, sizeof(data), 0);
	while ((got > 0 && nft_dump_part(n, data, (size_t)got, type, &count, ret_sys)) ||
	       (got < 0 && errno == EINTR));
	if (got < 0)
		*ret_sys = errno;
	return count;
}

bool nft_intact(struct nft *n)
{
	_cleanup_nft_wire_ struct nft_wire rules = NFT_WIRE_INIT, bridges = NFT_WIRE_INIT;
	int sys;

	nft_wire_dump_rules(&rules, n->table);
	if (nft_dump(n, &rules, NFT_MSG_NEWRULE, &sys) != nft_rules_count() || sys)
		return false;
	nft_wire_dump_elements(&bridges, n->table, "bridges");
	if (nft_dump(n, &bridges, NFT_MSG_NEWSETELEM, &sys) != n->n_bridges || sys)
		return false;
	return nft_count_ports(n) == n->n_ports;
}

void nft_delete_table(struct nft *n)
{
	_cleanup_nft_wire_ struct nft_wire w = NFT_WIRE_INIT;
	struct crl_err ignored;

	nft_wire_begin(&w, n->table);
	nft_wire_table(&w, true); /* deleting what is not there would be an error */
	nft_wire_table(&w, false);
	nft_wire_end(&w);
	(void)nft_run(n, &w, &ignored);
}

/* --- changes by others --- */

int nft_watch_open(int *ret_fd, struct crl_err *err)
{
	struct sockaddr_nl any = {.nl_family = AF_NETLINK};
	int group = NFNLGRP_NFTABLES, room = RECEIVE_ROOM;
	_cleanup_close_ int fd =
		socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_NETFILTER);

	if (fd < 0 || bind(fd, (struct sockaddr *)&any, sizeof(any)) < 0 ||
	    setsockopt(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)) < 0)
		return crl_fail_sys(err, errno, "watch nftables");
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room));
	*ret_fd = take_fd(&fd);
	return 0;
}

static bool nft_watch_messages(const struct nft *n, const char *data, size_t left)
{
	for (const struct nlmsghdr *h = (const void *)data; NLMSG_OK(h, left);
	     h = NLMSG_NEXT(h, left))
		if (h->nlmsg_type >> 8 == NFNL_SUBSYS_NFTABLES && h->nlmsg_pid != n->port &&
		    (h->nlmsg_type & 255) != NFT_MSG_NEWGEN && nft_is_ours(n, h))
			return true;
	return false;
}

bool nft_watch_read(const struct nft *n, int fd)
{
	_Alignas(NLMSG_ALIGNTO) static char data[65536];
	bool foreign = false;
	ssize_t got;

	while ((got = recv(fd, data, sizeof(data), MSG_TRUNC)) != 0) {
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0 && errno == ENOBUFS) { /* messages were lost: suspect the worst */
			foreign = true;
			continue;
		}
		if (got < 0)
			break;
		foreign |= (size_t)got > sizeof(data) || nft_watch_messages(n, data, (size_t)got);
	}
	return foreign;
}
