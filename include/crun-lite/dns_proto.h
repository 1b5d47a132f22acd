/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Between the daemon and the DNS server of user-defined networks (crun-lite-dns).
 *
 * The socket EXEC_ROOT/dns.sock is SOCK_SEQPACKET; one message is one JSON object
 * (struct dns_msg). Unknown keys and operations are ignored by both ends, so that a
 * server may be older or newer than its daemon. Nothing is acknowledged: the server
 * reads all that the daemon has sent before it answers a question, so what was sent
 * before a client was told is true for every question asked afterwards.
 *
 * A container is described by one message that replaces what was known of it. Its
 * two sockets, opened in its network namespace by the network helper, come with that
 * message as descriptors (UDP, then listening TCP); without descriptors the server
 * keeps those it has, or asks for them with "missing".
 */
#ifndef CRUN_LITE_DNS_PROTO_H
#define CRUN_LITE_DNS_PROTO_H

#include <base/json.h>
#include <base/str.h>

#define DNS_PROTO_VERSION 1
#define DNS_MSG_MAX (256U * 1024)

/* What resolv.conf names. Port 53 of it stays free for the container's own servers: rules in
 * its namespace lead questions to DNS_PORT (src/monitor/netns_dns.c). */
#define DNS_ADDRESS "127.0.0.11"
#define DNS_PORT 64053

struct dns_ep { /* a container's place in a network */
	char *network_id, *network;
	char *ip; /* "172.18.0.2"; NULL = no IPv4 */
	int32_t prefix;
	char *ip6;
	int32_t prefix6;
	bool internal;       /* the network leads nowhere */
	char **names;        /* the first is what a reverse look-up gives */
	struct strmap links; /* alias that only this container sees -> full id of the other */
};

struct dns_box { /* one container */
	char *id;
	struct dns_ep *eps;
	size_t n_eps;
	char **servers; /* asked for foreign names; empty = those of the host */
};

/*
 * Daemon to server:
 *	hello   version; first message of a connection, answered with the same
 *	begin   everything is told anew
 *	set     box, and 0 or 2 descriptors
 *	drop    id
 *	commit  what was not set since begin is dropped
 *	quit    no container needs the server any more
 * Server to daemon:
 *	hello   version, pid, ticks: of its process
 *	missing id: its sockets are wanted
 */
struct dns_msg {
	char *op;
	int32_t version;
	int64_t pid;
	uint64_t ticks; /* proc_start_time() */
	char *id;
	struct dns_box *box;
};

extern const struct json_table dns_msg_json;

#endif
