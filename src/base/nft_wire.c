/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * nf_tables messages as bytes. All numbers in attributes are big endian,
 * except what a rule compares with a register, which is as the kernel loads it.
 */
#include <base/nft_wire.h>

#include <arpa/inet.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <stdlib.h>

#define FAMILY_INET 1 /* NFPROTO_INET */

/* --- attributes --- */

static void wire_pad(struct nft_wire *w)
{
	while (w->out.len % NLA_ALIGNTO && !w->out.failed)
		buf_putc(&w->out, '\0');
}

static void wire_attr(struct nft_wire *w, uint16_t type, const void *data, size_t len)
{
	struct nlattr a = {.nla_len = (uint16_t)(sizeof(a) + len), .nla_type = type};

	buf_add(&w->out, &a, sizeof(a));
	buf_add(&w->out, data, len);
	wire_pad(w);
}

static void wire_u32(struct nft_wire *w, uint16_t type, uint32_t v)
{
	v = htonl(v);
	wire_attr(w, type, &v, sizeof(v));
}

static void wire_str(struct nft_wire *w, uint16_t type, const char *s)
{
	wire_attr(w, type, s, strlen(s) + 1);
}

static size_t wire_nest(struct nft_wire *w, uint16_t type)
{
	size_t at = w->out.len;

	wire_attr(w, type | NLA_F_NESTED, "", 0);
	return at;
}

static void wire_nest_end(struct nft_wire *w, size_t at)
{
	if (w->out.failed)
		return;
	uint16_t len = (uint16_t)(w->out.len - at);
	memcpy(w->out.data + at, &len, sizeof(len)); /* nla_len is the first member */
}

static void wire_value(struct nft_wire *w, uint16_t type, const void *bytes, size_t len)
{
	size_t nest = wire_nest(w, type);

	wire_attr(w, NFTA_DATA_VALUE, bytes, len);
	wire_nest_end(w, nest);
}

/* --- messages --- */

static void wire_open(struct nft_wire *w, uint16_t type, uint16_t flags, uint8_t family,
		      uint16_t resource)
{
	struct nlmsghdr h = {.nlmsg_type = type,
			     .nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags),
			     .nlmsg_seq = ++w->seq};
	struct nfgenmsg g = {
		.nfgen_family = family, .version = NFNETLINK_V0, .res_id = htons(resource)};

	w->message = w->out.len;
	buf_add(&w->out, &h, sizeof(h));
	buf_add(&w->out, &g, sizeof(g));
}

static void wire_close(struct nft_wire *w)
{
	if (w->out.failed)
		return;
	uint32_t len = (uint32_t)(w->out.len - w->message);
	memcpy(w->out.data + w->message, &len, sizeof(len)); /* nlmsg_len is the first member */
}

/* Every message of ours names the table in the attribute with the number 1. */
static void wire_open_nft(struct nft_wire *w, uint16_t type, uint16_t flags)
{
	wire_open(w, (uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | type), flags, FAMILY_INET, 0);
	wire_str(w, NFTA_TABLE_NAME, w->table);
}

void nft_wire_free(struct nft_wire *w)
{
	buf_free(&w->out);
}

void nft_wire_begin(struct nft_wire *w, const char *table)
{
	w->table = table;
	wire_open(w, NFNL_MSG_BATCH_BEGIN, 0, 0, NFNL_SUBSYS_NFTABLES);
	wire_close(w);
}

void nft_wire_end(struct nft_wire *w)
{
	wire_open(w, NFNL_MSG_BATCH_END, 0, 0, NFNL_SUBSYS_NFTABLES);
	wire_close(w);
}

void nft_wire_table(struct nft_wire *w, bool add)
{
	wire_open_nft(w, add ? NFT_MSG_NEWTABLE : NFT_MSG_DELTABLE, add ? NLM_F_CREATE : 0);
	if (add)
		wire_u32(w, NFTA_TABLE_FLAGS, 0);
	wire_close(w);
}

/* --- sets --- */

static const struct {
	uint32_t type; /* nft(8)'s number of the type, so that it can show the set */
	uint32_t len;
} fields[] = {
	[FIELD_LINK] = {41, 16}, [FIELD_IP4] = {7, 4},   [FIELD_IP6] = {8, 16},
	[FIELD_L4] = {12, 1},    [FIELD_PORT] = {13, 2}, [FIELD_FAMILY] = {2, 1},
};

static uint32_t field_padded(enum nft_field f)
{
	return (fields[f].len + 3) & ~3U;
}

/* Type and length of fields behind one another. */
static size_t fields_sum(const enum nft_field *f, uint32_t *ret_type, uint32_t *ret_len)
{
	size_t n = 0;

	for (; n < 4 && f[n] != FIELD_NONE; n++) {
		*ret_type = *ret_type << 6 | fields[f[n]].type;
		*ret_len += field_padded(f[n]);
	}
	return n;
}

static void wire_set_fields(struct nft_wire *w, const enum nft_field *f, size_t n)
{
	size_t desc = wire_nest(w, NFTA_SET_DESC);
	size_t concat = wire_nest(w, NFTA_SET_DESC_CONCAT);

	for (size_t i = 0; i < n; i++) {
		size_t one = wire_nest(w, NFTA_LIST_ELEM);
		wire_u32(w, NFTA_SET_FIELD_LEN, fields[f[i]].len);
		wire_nest_end(w, one);
	}
	wire_nest_end(w, concat);
	wire_nest_end(w, desc);
}

/*
 * What nft(8) wants to know in order to show a set: byte order of key and data
 * (2 = big endian), and the comment. The kernel just keeps it. Type, length, value.
 */
static void wire_set_notes(struct nft_wire *w, const struct nft_set_def *set)
{
	struct buf notes = BUF_INIT;
	uint32_t order = set->key[0] == FIELD_LINK ? 1 : 2;
	size_t len = strlen(set->comment) + 1;

	buf_add(&notes, "\0\4", 2);
	buf_add(&notes, &order, sizeof(order));
	if (set->data[0] != FIELD_NONE) {
		order = 2;
		buf_add(&notes, "\1\4", 2);
		buf_add(&notes, &order, sizeof(order));
	}
	buf_putc(&notes, 7);
	buf_putc(&notes, (char)len);
	buf_add(&notes, set->comment, len);
	if (notes.failed)
		w->out.failed = true;
	else
		wire_attr(w, NFTA_SET_USERDATA, notes.data, notes.len);
	buf_free(&notes);
}

void nft_wire_set(struct nft_wire *w, const struct nft_set_def *set, uint32_t id)
{
	uint32_t key = 0, key_len = 0, data = 0, data_len = 0, flags = 0;
	size_t n = fields_sum(set->key, &key, &key_len);

	if (fields_sum(set->data, &data, &data_len) > 0)
		flags |= NFT_SET_MAP;
	if (set->interval)
		flags |= NFT_SET_INTERVAL | (n > 1 ? NFT_SET_CONCAT : 0);
	wire_open_nft(w, NFT_MSG_NEWSET, NLM_F_CREATE);
	wire_str(w, NFTA_SET_NAME, set->name);
	wire_u32(w, NFTA_SET_FLAGS, flags);
	wire_u32(w, NFTA_SET_KEY_TYPE, key);
	wire_u32(w, NFTA_SET_KEY_LEN, key_len);
	if (data_len) {
		wire_u32(w, NFTA_SET_DATA_TYPE, data);
		wire_u32(w, NFTA_SET_DATA_LEN, data_len);
	}
	wire_u32(w, NFTA_SET_ID, id);
	if (set->interval && n > 1)
		wire_set_fields(w, set->key, n);
	wire_set_notes(w, set);
	wire_close(w);
}

void nft_wire_flush_set(struct nft_wire *w, const char *set)
{
	wire_open_nft(w, NFT_MSG_DELSETELEM, 0);
	wire_str(w, NFTA_SET_ELEM_LIST_SET, set);
	wire_close(w);
}

void nft_value_add(struct nft_value *v, const void *bytes, size_t len)
{
	size_t padded = (len + 3) & ~(size_t)3;

	if (v->len + padded > sizeof(v->bytes))
		abort(); /* the sets of nft_rules.c fit */
	memset(v->bytes + v->len, 0, padded);
	memcpy(v->bytes + v->len, bytes, len);
	v->len += padded;
}

void nft_value_link(struct nft_value *v, const char *name)
{
	char padded[16] = "";

	memcpy(padded, name, strnlen(name, sizeof(padded) - 1));
	nft_value_add(v, padded, sizeof(padded));
}

void nft_value_ip4(struct nft_value *v, uint32_t addr)
{
	addr = htonl(addr);
	nft_value_add(v, &addr, sizeof(addr));
}

void nft_value_ip6(struct nft_value *v, const uint8_t addr[16])
{
	nft_value_add(v, addr, 16);
}

void nft_value_port(struct nft_value *v, uint16_t port)
{
	port = htons(port);
	nft_value_add(v, &port, sizeof(port));
}

void nft_value_byte(struct nft_value *v, uint8_t byte)
{
	nft_value_add(v, &byte, 1);
}

static void wire_element(struct nft_wire *w, const struct nft_element *e, bool add)
{
	size_t one = wire_nest(w, NFTA_LIST_ELEM);

	wire_value(w, NFTA_SET_ELEM_KEY, e->key.bytes, e->key.len);
	if (e->key_end.len)
		wire_value(w, NFTA_SET_ELEM_KEY_END, e->key_end.bytes, e->key_end.len);
	if (e->data.len && add)
		wire_value(w, NFTA_SET_ELEM_DATA, e->data.bytes, e->data.len);
	if (e->interval_end)
		wire_u32(w, NFTA_SET_ELEM_FLAGS, NFT_SET_ELEM_INTERVAL_END);
	wire_nest_end(w, one);
}

void nft_wire_elements(struct nft_wire *w, const char *set, bool add,
		       const struct nft_element *elements, size_t n)
{
	wire_open_nft(w, add ? NFT_MSG_NEWSETELEM : NFT_MSG_DELSETELEM, add ? NLM_F_CREATE : 0);
	wire_str(w, NFTA_SET_ELEM_LIST_SET, set);
	size_t list = wire_nest(w, NFTA_SET_ELEM_LIST_ELEMENTS);
	for (size_t i = 0; i < n; i++)
		wire_element(w, &elements[i], add);
	wire_nest_end(w, list);
	wire_close(w);
}

/* --- chains and rules --- */

/* A chain that was there is emptied: the message without a rule's handle deletes all of them. */
static void wire_flush_chain(struct nft_wire *w, const char *name)
{
	wire_open_nft(w, NFT_MSG_DELRULE, 0);
	wire_str(w, NFTA_RULE_CHAIN, name);
	wire_close(w);
}

void nft_wire_chain(struct nft_wire *w, const char *name, const char *type, uint32_t hook,
		    int32_t priority)
{
	wire_open_nft(w, NFT_MSG_NEWCHAIN, NLM_F_CREATE);
	wire_str(w, NFTA_CHAIN_NAME, name);
	if (type) {
		size_t nest = wire_nest(w, NFTA_CHAIN_HOOK);
		wire_u32(w, NFTA_HOOK_HOOKNUM, hook);
		wire_u32(w, NFTA_HOOK_PRIORITY, (uint32_t)priority);
		wire_nest_end(w, nest);
		wire_u32(w, NFTA_CHAIN_POLICY, 1); /* NF_ACCEPT */
		wire_str(w, NFTA_CHAIN_TYPE, type);
	}
	wire_close(w);
	wire_flush_chain(w, name);
}

static void op_meta(struct nft_wire *w, const struct nft_op *op)
{
	wire_u32(w, NFTA_META_KEY, op->a);
	wire_u32(w, NFTA_META_DREG, op->reg);
}

static void op_payload(struct nft_wire *w, const struct nft_op *op)
{
	wire_u32(w, NFTA_PAYLOAD_DREG, op->reg);
	wire_u32(w, NFTA_PAYLOAD_BASE, op->a);
	wire_u32(w, NFTA_PAYLOAD_OFFSET, op->b);
	wire_u32(w, NFTA_PAYLOAD_LEN, op->len);
}

static void op_ct(struct nft_wire *w, const struct nft_op *op)
{
	wire_u32(w, NFTA_CT_KEY, op->a);
	wire_u32(w, NFTA_CT_DREG, op->reg);
}

static void op_fib(struct nft_wire *w, const struct nft_op *op)
{
	wire_u32(w, NFTA_FIB_FLAGS, op->a);
	wire_u32(w, NFTA_FIB_RESULT, NFT_FIB_RESULT_ADDRTYPE);
	wire_u32(w, NFTA_FIB_DREG, op->reg);
}

static void op_compare(struct nft_wire *w, const struct nft_op *op)
{
	wire_u32(w, NFTA_CMP_SREG, op->reg);
	wire_u32(w, NFTA_CMP_OP, op->kind == OP_EQUAL ? NFT_CMP_EQ : NFT_CMP_NEQ);
	wire_value(w, NFTA_CMP_DATA, op->bytes, op->len);
}

/* Keeps the bits of `a`; the comparison with zero is the next expression. */
static void op_bits(struct nft_wire *w, const struct nft_op *op)
{
	uint32_t zero = 0;

	wire_u32(w, NFTA_BITWISE_SREG, op->reg);
	wire_u32(w, NFTA_BITWISE_DREG, op->reg);
	wire_u32(w, NFTA_BITWISE_LEN, sizeof(op->a));
	wire_value(w, NFTA_BITWISE_MASK, &op->a, sizeof(op->a));
	wire_value(w, NFTA_BITWISE_XOR, &zero, sizeof(zero));
}

static void op_lookup(struct nft_wire *w, const struct nft_op *op)
{
	wire_str(w, NFTA_LOOKUP_SET, op->name);
	wire_u32(w, NFTA_LOOKUP_SREG, op->reg);
	if (op->kind == OP_MAP)
		wire_u32(w, NFTA_LOOKUP_DREG, op->reg);
	if (op->kind == OP_NOT_IN)
		wire_u32(w, NFTA_LOOKUP_FLAGS, NFT_LOOKUP_F_INV);
}

static void op_verdict(struct nft_wire *w, const struct nft_op *op)
{
	wire_u32(w, NFTA_IMMEDIATE_DREG, NFT_REG_VERDICT);
	size_t data = wire_nest(w, NFTA_IMMEDIATE_DATA);
	size_t verdict = wire_nest(w, NFTA_DATA_VERDICT);
	wire_u32(w, NFTA_VERDICT_CODE, op->a);
	if (op->name)
		wire_str(w, NFTA_VERDICT_CHAIN, op->name);
	wire_nest_end(w, verdict);
	wire_nest_end(w, data);
}

static void op_dnat(struct nft_wire *w, const struct nft_op *op)
{
	wire_u32(w, NFTA_NAT_TYPE, NFT_NAT_DNAT);
	wire_u32(w, NFTA_NAT_FAMILY, op->a);
	wire_u32(w, NFTA_NAT_REG_ADDR_MIN, op->reg);
	wire_u32(w, NFTA_NAT_REG_PROTO_MIN, op->b);
}

static void op_masquerade(struct nft_wire *w, const struct nft_op *op)
{
}

/* The value goes through a register: wire_op() puts the first half in front. */
static void op_rewrite(struct nft_wire *w, const struct nft_op *op)
{
	wire_u32(w, NFTA_PAYLOAD_SREG, op->reg);
	wire_u32(w, NFTA_PAYLOAD_BASE, op->a);
	wire_u32(w, NFTA_PAYLOAD_OFFSET, op->b);
	wire_u32(w, NFTA_PAYLOAD_LEN, op->len);
	wire_u32(w, NFTA_PAYLOAD_CSUM_TYPE, NFT_PAYLOAD_CSUM_INET);
	wire_u32(w, NFTA_PAYLOAD_CSUM_OFFSET, op->sum);
}

static void op_load(struct nft_wire *w, const struct nft_op *op)
{
	wire_u32(w, NFTA_IMMEDIATE_DREG, op->reg);
	wire_value(w, NFTA_IMMEDIATE_DATA, op->bytes, op->len);
}

static const struct {
	const char *name;
	void (*write)(struct nft_wire *w, const struct nft_op *op);
} ops_table[] = {
	[OP_META] = {"meta", op_meta},
	[OP_PAYLOAD] = {"payload", op_payload},
	[OP_CT] = {"ct", op_ct},
	[OP_FIB] = {"fib", op_fib},
	[OP_EQUAL] = {"cmp", op_compare},
	[OP_DIFFERENT] = {"cmp", op_compare},
	[OP_ANY_BIT] = {"bitwise", op_bits},
	[OP_IN] = {"lookup", op_lookup},
	[OP_NOT_IN] = {"lookup", op_lookup},
	[OP_MAP] = {"lookup", op_lookup},
	[OP_VERDICT] = {"immediate", op_verdict},
	[OP_DNAT] = {"nat", op_dnat},
	[OP_MASQUERADE] = {"masq", op_masquerade},
	[OP_REWRITE] = {"payload", op_rewrite},
	[OP_LOAD] = {"immediate", op_load},
};

static void wire_op(struct nft_wire *w, const struct nft_op *op)
{
	if (op->kind == OP_REWRITE) {
		struct nft_op load = *op;
		load.kind = OP_LOAD;
		wire_op(w, &load);
	}
	size_t one = wire_nest(w, NFTA_LIST_ELEM);
	wire_str(w, NFTA_EXPR_NAME, ops_table[op->kind].name);
	size_t data = wire_nest(w, NFTA_EXPR_DATA);
	ops_table[op->kind].write(w, op);
	wire_nest_end(w, data);
	wire_nest_end(w, one);
	if (op->kind == OP_ANY_BIT)
		wire_op(w, &(struct nft_op){.kind = OP_DIFFERENT, .reg = op->reg, .len = 4});
}

/* Type 0, length, text: libnftnl's form of a rule's comment. */
static void wire_rule_comment(struct nft_wire *w, const char *comment)
{
	char note[130];
	size_t len = strnlen(comment, sizeof(note) - 3);

	note[0] = 0;
	note[1] = (char)(len + 1);
	memcpy(note + 2, comment, len);
	note[2 + len] = '\0';
	wire_attr(w, NFTA_RULE_USERDATA, note, len + 3);
}

void nft_wire_rule(struct nft_wire *w, const char *chain, const struct nft_op *ops,
		   const char *comment)
{
	wire_open_nft(w, NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND);
	wire_str(w, NFTA_RULE_CHAIN, chain);
	size_t list = wire_nest(w, NFTA_RULE_EXPRESSIONS);
	for (; ops->kind != OP_END; ops++)
		wire_op(w, ops);
	wire_nest_end(w, list);
	if (comment)
		wire_rule_comment(w, comment);
	wire_close(w);
}

/* --- questions --- */

void nft_wire_dump_rules(struct nft_wire *w, const char *table)
{
	w->table = table;
	wire_open_nft(w, NFT_MSG_GETRULE, NLM_F_DUMP);
	wire_close(w);
}

void nft_wire_dump_elements(struct nft_wire *w, const char *table, const char *set)
{
	w->table = table;
	wire_open_nft(w, NFT_MSG_GETSETELEM, NLM_F_DUMP);
	wire_str(w, NFTA_SET_ELEM_LIST_SET, set);
	wire_close(w);
}
