/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who is called what in which network: the answers for containers. Knows
 * neither sockets nor messages of DNS.
 *
 * A name is found in the networks of the container that asks and nowhere else.
 */
#ifndef DNS_NAMES_H
#define DNS_NAMES_H

#include <crun-lite/dns_proto.h>
#include <stdint.h>

#define NAMES_BUCKETS 1024
#define NAMES_GONE_MAX 128                          /* remembered per network */
#define NAMES_GONE_NS (3600LL * 1000 * 1000 * 1000) /* and for how long */
#define NAMES_ADDRS_MAX 512                         /* in one result */
#define NAMES_TEXT_MAX 256

struct names_gone {
	char *name;
	int64_t until; /* CLOCK_BOOTTIME */
};

struct names_net {       /* lives while a container is in it */
	char *id, *name; /* name in lower case */
	struct names_ep *eps;
	struct names_gone gone[NAMES_GONE_MAX]; /* names that ended here: a ring */
	size_t next_gone;
	struct names_net *next;
};

struct names_node { /* one name of one endpoint */
	struct names_ep *ep;
	const char *name;
	unsigned turn4, turn6; /* rotation; that of the first of its name counts */
	struct names_node *next;
};

struct names_ep {
	struct names_box *box;
	struct names_net *net;
	struct names_ep *next; /* in the network */
	bool has4, has6, internal;
	uint8_t ip[4], ip6[16];
	unsigned prefix, prefix6;
	struct names_node *nodes;
	size_t n_nodes;
	char **names; /* lower case */
	struct strmap links;
};

struct names_box {
	char id[65];
	struct names_ep *eps;
	size_t n_eps;
	bool foreign; /* some network of it leads out: names of others may be asked for */
	struct names_box *next;
};

struct names {
	struct names_node *buckets[NAMES_BUCKETS];
	struct names_net *nets;
	struct names_box *boxes;
};

/* Replaces what is known of b->id. The result stays where it is until dropped. NULL: `err`. */
struct names_box *names_set(struct names *t, const struct dns_box *b, struct crl_err *err);
/* Its names are remembered as gone where they are nobody else's. */
void names_drop(struct names *t, struct names_box *box);
struct names_box *names_find(const struct names *t, const char *id);
void names_deinit(struct names *t);

enum names_found {
	NAMES_FOREIGN, /* not ours: ask others */
	NAMES_HIT,
	NAMES_EMPTY, /* the name exists, but has nothing of this kind */
	NAMES_GONE,  /* was ours a while ago */
};

struct names_addrs {
	size_t n;
	uint8_t a[NAMES_ADDRS_MAX][16]; /* 4 or 16 bytes of each are used */
};

/*
 * Addresses of `name` (lower case, no last dot) for `box`; family AF_INET or
 * AF_INET6. Each call of a family begins with the next one of several.
 */
enum names_found names_lookup(struct names *t, const struct names_box *box, const char *name,
			      int family, struct names_addrs *ret);

/*
 * "4.3.2.1.in-addr.arpa" and the ip6.arpa form: "name.network" of an address in
 * one of the box's networks. NAMES_GONE where nobody in that subnet has it.
 */
enum names_found names_reverse(const struct names *t, const struct names_box *box, const char *name,
			       char *ret, size_t size);

#endif
