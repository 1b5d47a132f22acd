/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns no memory; every read is behind a check of the length that arrived. */
#include "message.h"

#include <ctype.h>
#include <string.h>

#define FLAG_QR 0x80 /* of byte 2 */
#define FLAG_TC 0x02
#define FLAG_RD 0x01
#define FLAG_RA 0x80 /* of byte 3 */
#define OPT_SIZE 11
#define LABEL_MAX 63

static uint16_t get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static void put16(uint8_t *p, unsigned v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static void put32(uint8_t *p, uint32_t v)
{
	put16(p, v >> 16);
	put16(p + 2, v & 0xffff);
}

static unsigned opcode_of(const uint8_t *p)
{
	return (p[2] >> 3) & 15;
}

/* --- reading --- */

static bool plain(uint8_t c)
{
	return c > ' ' && c < 127 && c != '.';
}

/* The name at `at`, which may not be compressed: it is the first of its message. Returns the
 * offset behind it, 0 = broken. */
static size_t read_name(const uint8_t *p, size_t n, size_t at, struct question *q)
{
	size_t start = at, len = 0;

	while (at < n && p[at] != 0) {
		size_t label = p[at++];
		if (label > LABEL_MAX || at + label >= n || at + label + 1 - start > 255)
			return 0;
		if (len)
			q->name[len++] = '.';
		for (size_t i = 0; i < label; i++, at++) {
			q->odd |= !plain(p[at]);
			q->name[len++] = (char)tolower(p[at]);
		}
	}
	q->name[q->odd ? 0 : len] = '\0';
	return at < n ? at + 1 : 0;
}

/* Behind a name anywhere in the message; it is not followed. */
static size_t skip_name(const uint8_t *p, size_t n, size_t at)
{
	while (at < n && p[at] != 0) {
		if ((p[at] & 0xc0) == 0xc0)
			return at + 2;
		if (p[at] > LABEL_MAX)
			return 0;
		at += p[at] + 1U;
	}
	return at + 1;
}

/* Behind the record at `at`; 0 = broken. Notes EDNS. */
static size_t read_record(const uint8_t *p, size_t n, size_t at, struct question *q)
{
	size_t fixed = skip_name(p, n, at);

	if (fixed == 0 || fixed + 10 > n)
		return 0;
	size_t end = fixed + 10 + get16(p + fixed + 8);
	if (end > n)
		return 0;
	if (get16(p + fixed) == TYPE_OPT && p[at] == 0) {
		uint16_t size = get16(p + fixed + 2);
		q->edns = true;
		q->edns_version = p[fixed + 5];
		q->udp_size = size < MESSAGE_UDP_MIN   ? MESSAGE_UDP_MIN
			      : size > MESSAGE_UDP_MAX ? MESSAGE_UDP_MAX
						       : size;
	}
	return end;
}

enum question_kind message_parse(const uint8_t *p, size_t n, struct question *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->udp_size = MESSAGE_UDP_MIN;
	if (n < MESSAGE_HEADER || (p[2] & FLAG_QR))
		return QUESTION_DROP;
	ret->id = get16(p);
	if (opcode_of(p) != 0)
		return QUESTION_NOTIMP;
	if (get16(p + 4) != 1 || n > MESSAGE_QUESTION_MAX)
		return QUESTION_FORMERR;
	size_t at = read_name(p, n, MESSAGE_HEADER, ret);
	if (at == 0 || at + 4 > n)
		return QUESTION_FORMERR;
	ret->type = get16(p + at);
	ret->class = get16(p + at + 2);
	ret->end = at + 4;
	unsigned records = get16(p + 6) + get16(p + 8) + get16(p + 10);
	for (at = ret->end; records > 0; records--) {
		at = read_record(p, n, at, ret);
		if (at == 0)
			return QUESTION_FORMERR;
	}
	return QUESTION_OK;
}

static bool same_question(const uint8_t *p, const uint8_t *q, size_t end)
{
	/* Servers may change the case of letters; lengths of labels are below those. */
	for (size_t i = MESSAGE_HEADER; i < end - 4; i++)
		if (tolower(p[i]) != tolower(q[i]))
			return false;
	return memcmp(p + end - 4, q + end - 4, 4) == 0;
}

bool message_answers(const uint8_t *p, size_t n, const uint8_t *q, size_t q_end, uint16_t id)
{
	if (n < MESSAGE_HEADER || !(p[2] & FLAG_QR) || get16(p) != id ||
	    opcode_of(p) != opcode_of(q))
		return false;
	if (get16(p + 4) == 0) {
		enum message_rcode code = message_rcode_of(p);
		return code != RCODE_OK && code != RCODE_NXDOMAIN;
	}
	return get16(p + 4) == 1 && n >= q_end && same_question(p, q, q_end);
}

enum message_rcode message_rcode_of(const uint8_t *p)
{
	return p[3] & 15;
}

bool message_truncated(const uint8_t *p)
{
	return p[2] & FLAG_TC;
}

void message_set_id(uint8_t *p, uint16_t id)
{
	put16(p, id);
}

/* --- writing --- */

void reply_begin(struct reply *r, uint8_t *buf, size_t cap, const uint8_t *p,
		 const struct question *q, enum message_rcode rcode)
{
	bool whole = q->end > 0;

	*r = (struct reply){.buf = buf,
			    .cap = cap - (q->edns ? OPT_SIZE : 0),
			    .len = whole ? q->end : MESSAGE_HEADER,
			    .edns = q->edns};
	memcpy(buf, p, r->len);
	memset(buf + 4, 0, 8);
	buf[2] = (uint8_t)(FLAG_QR | (p[2] & 0x79)); /* opcode and RD come back */
	buf[3] = (uint8_t)(FLAG_RA | rcode);
	put16(buf + 4, whole);
}

/* Owner is always the name asked, which begins right behind the header. */
static uint8_t *record(struct reply *r, uint16_t type, uint32_t ttl, size_t len)
{
	if (r->full || r->len + 12 + len > r->cap) {
		r->full = true;
		return NULL;
	}
	uint8_t *p = r->buf + r->len;
	put16(p, 0xc000 | MESSAGE_HEADER);
	put16(p + 2, type);
	put16(p + 4, CLASS_IN);
	put32(p + 6, ttl);
	put16(p + 10, (unsigned)len);
	r->len += 12 + len;
	r->answers++;
	return p + 12;
}

bool reply_address(struct reply *r, uint16_t type, uint32_t ttl, const void *addr, size_t len)
{
	uint8_t *p = record(r, type, ttl, len);

	if (p)
		memcpy(p, addr, len);
	return p != NULL;
}

bool reply_name(struct reply *r, uint32_t ttl, const char *name)
{
	uint8_t wire[MESSAGE_NAME_MAX];
	size_t len = 0;

	while (*name) {
		size_t label = strcspn(name, ".");
		if (label == 0 || label > LABEL_MAX || len + label + 2 > 255)
			return false;
		wire[len++] = (uint8_t)label;
		memcpy(wire + len, name, label);
		len += label;
		name += label + (name[label] == '.');
	}
	wire[len++] = 0;
	uint8_t *p = record(r, TYPE_PTR, ttl, len);
	if (p)
		memcpy(p, wire, len);
	return p != NULL;
}

size_t reply_end(struct reply *r)
{
	put16(r->buf + 6, r->answers);
	if (r->full)
		r->buf[2] |= FLAG_TC;
	if (!r->edns)
		return r->len;
	uint8_t *p = r->buf + r->len;
	memset(p, 0, OPT_SIZE);
	put16(p + 1, TYPE_OPT);
	put16(p + 3, MESSAGE_UDP_MAX);
	p[5] = r->extended;
	put16(r->buf + 10, 1);
	return r->len + OPT_SIZE;
}
