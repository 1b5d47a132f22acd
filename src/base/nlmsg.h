/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A builder for short netlink requests, for programs that must start fast and
 * therefore link no netlink library (the daemon uses libnl). See netlink(7),
 * rtnetlink(7). Several messages may be put into one buffer and are answered
 * in order.
 */
#ifndef BASE_NLMSG_H
#define BASE_NLMSG_H

#include <crun-lite/err.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stdint.h>

struct nlmsg {
	_Alignas(NLMSG_ALIGNTO) char data[1024];
	size_t len;
	size_t start; /* of the message being built */
	unsigned count;
	bool overflow; /* sticky; nlmsg_talk() refuses then */
};

/* Starts a message with its fixed part; NLM_F_REQUEST | NLM_F_ACK are added. */
void nlmsg_begin(struct nlmsg *m, uint16_t type, uint16_t flags, const void *fixed, size_t len);
void nlmsg_attr(struct nlmsg *m, uint16_t type, const void *data, size_t len);
void nlmsg_attr_u32(struct nlmsg *m, uint16_t type, uint32_t v);
void nlmsg_attr_u8(struct nlmsg *m, uint16_t type, uint8_t v);
void nlmsg_attr_str(struct nlmsg *m, uint16_t type, const char *s);
/* Opens an attribute that holds others; nlmsg_end() with its result closes it. */
size_t nlmsg_nest(struct nlmsg *m, uint16_t type);
/* Raw bytes inside a nest (the ifinfomsg in VETH_INFO_PEER). */
void nlmsg_raw(struct nlmsg *m, const void *data, size_t len);
void nlmsg_end(struct nlmsg *m, size_t nest);

/*
 * The settings of a bridge's port: hairpin (a container reaches its own published port also where
 * bridged packets pass the firewall), and whether frames pass between it and other such ports.
 */
void nlmsg_bridge_port(struct nlmsg *m, unsigned index, bool isolated);

/* The first attribute of this type between two places in a message, or NULL; lengths are checked.
 */
const struct nlattr *nlmsg_find(const void *from, const void *end, uint16_t type);

/* A NETLINK_ROUTE socket in the caller's network namespace. */
int nlmsg_open(int *ret_fd, struct crl_err *err);
/*
 * Sends all messages at once, waits for all answers, empties the buffer.
 * Blocks. 0, or the errno value (positive) of the first message that failed.
 */
int nlmsg_talk(int sock, struct nlmsg *m);

#endif
