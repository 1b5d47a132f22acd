/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A writer of nf_tables messages: batches, tables, sets, chains, rules and
 * elements as the kernel's netlink interface wants them. Pure: makes bytes, sends
 * none. See linux/netfilter/nf_tables.h, libnftnl for what the attributes mean.
 */
#ifndef BASE_NFT_WIRE_H
#define BASE_NFT_WIRE_H

#include <base/str.h>
#include <linux/netfilter/nf_tables.h>

struct nft_wire {
	struct buf out;
	size_t message; /* where the open message begins */
	uint32_t seq;
	const char *table;
};
#define NFT_WIRE_INIT                                                                              \
	{                                                                                          \
		.out = BUF_INIT                                                                    \
	}
void nft_wire_free(struct nft_wire *w);
#define _cleanup_nft_wire_ _cleanup_(nft_wire_free)

/* --- values in keys and data: what a field of a set is --- */
enum nft_field { FIELD_NONE, FIELD_LINK, FIELD_IP4, FIELD_IP6, FIELD_L4, FIELD_PORT, FIELD_FAMILY };

struct nft_set_def {
	const char *name, *comment;
	enum nft_field key[4], data[4]; /* FIELD_NONE ends; data: of a map */
	bool interval;                  /* keys are ranges */
};

struct nft_value { /* a key or a map's data: fields one after the other, each padded to 4 bytes */
	uint8_t bytes[64];
	size_t len;
};
void nft_value_add(struct nft_value *v, const void *bytes, size_t len);
void nft_value_link(struct nft_value *v, const char *name);
void nft_value_ip4(struct nft_value *v, uint32_t addr);
void nft_value_ip6(struct nft_value *v, const uint8_t addr[16]);
void nft_value_port(struct nft_value *v, uint16_t port);
void nft_value_byte(struct nft_value *v, uint8_t byte);

/* --- rules: a list of instructions over the registers 8 to 23, of 4 bytes each --- */
enum nft_op_kind {
	OP_END,
	OP_META,      /* reg = packet's property a */
	OP_PAYLOAD,   /* reg = len bytes at b of header a */
	OP_CT,        /* reg = connection's property a */
	OP_FIB,       /* reg = kind of the address, by flags a */
	OP_EQUAL,     /* goes on when reg is `bytes`, len long */
	OP_DIFFERENT, /* ... when it is not */
	OP_ANY_BIT,   /* ... when reg and a have bits in common */
	OP_IN,        /* ... when reg is in set `name` */
	OP_NOT_IN,    /* ... when it is not */
	OP_MAP,       /* reg = value of reg in map `name`; ends when there is none */
	OP_VERDICT,   /* a = verdict, name = chain to jump to */
	OP_DNAT,      /* family a, address in reg, port in b */
	OP_MASQUERADE,
	OP_REWRITE, /* `bytes`, len long, at b of header a, whose checksum at `sum` follows; by way
		       of reg */
	OP_LOAD,    /* reg = `bytes`, len long */
};
struct nft_op {
	enum nft_op_kind kind;
	uint32_t reg, a, b;
	uint32_t len, sum;
	const char *name;
	uint8_t bytes[16];
};

/* --- messages --- */
void nft_wire_begin(struct nft_wire *w, const char *table);
void nft_wire_end(struct nft_wire *w);
void nft_wire_table(struct nft_wire *w, bool add);
void nft_wire_set(struct nft_wire *w, const struct nft_set_def *set, uint32_t id);
void nft_wire_flush_set(struct nft_wire *w, const char *set);
/* type NULL: no hook, a chain to jump to. */
void nft_wire_chain(struct nft_wire *w, const char *name, const char *type, uint32_t hook,
		    int32_t priority);
/* `ops` ends with OP_END. */
void nft_wire_rule(struct nft_wire *w, const char *chain, const struct nft_op *ops,
		   const char *comment);
struct nft_element {
	struct nft_value key, key_end, data; /* len 0 = none */
	bool interval_end;
};
void nft_wire_elements(struct nft_wire *w, const char *set, bool add,
		       const struct nft_element *elements, size_t n);

/* A request that dumps: rules of the table, or elements of one of its sets. */
void nft_wire_dump_rules(struct nft_wire *w, const char *table);
void nft_wire_dump_elements(struct nft_wire *w, const char *table, const char *set);

#endif
