/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * DNS messages as far as a forwarder needs them: one question in, records of
 * three types out, and whether an answer belongs to a question. What servers
 * answer is passed on as bytes and not taken apart. See RFC 1035 section 4,
 * RFC 6891 (EDNS). Why not ldns: docs/adr/0090.
 */
#ifndef DNS_MESSAGE_H
#define DNS_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MESSAGE_HEADER 12
#define MESSAGE_QUESTION_MAX 4096 /* bytes; longer ones are refused */
#define MESSAGE_MAX 65535
#define MESSAGE_UDP_MIN 512
#define MESSAGE_UDP_MAX 4096
#define MESSAGE_NAME_MAX 256 /* text of a name with its NUL */

enum message_rcode {
	RCODE_OK = 0,
	RCODE_FORMERR = 1,
	RCODE_SERVFAIL = 2,
	RCODE_NXDOMAIN = 3,
	RCODE_NOTIMP = 4,
	RCODE_REFUSED = 5,
};

enum message_type {
	TYPE_A = 1,
	TYPE_PTR = 12,
	TYPE_AAAA = 28,
	TYPE_OPT = 41,
	TYPE_ANY = 255,
};
#define CLASS_IN 1

struct question {
	uint16_t id, type, class;
	/* Lower case, without the last dot; "" is the root. Empty as well, and `odd`, where a
	 * label holds a dot or a byte that is no printable ASCII: no container is called so. */
	char name[MESSAGE_NAME_MAX];
	bool odd;
	size_t end; /* offset behind the question */
	bool edns;
	uint8_t edns_version;
	uint16_t udp_size; /* what the asker can take by UDP, 512...4096 */
};

enum question_kind {
	QUESTION_OK,
	QUESTION_DROP, /* no question at all: nothing may be answered */
	QUESTION_FORMERR,
	QUESTION_NOTIMP,
};

/* Anything but QUESTION_OK leaves only id and, for the last two, what could be read. */
enum question_kind message_parse(const uint8_t *p, size_t n, struct question *ret);

/* An answer under construction, in a buffer of the caller's. */
struct reply {
	uint8_t *buf;
	size_t len, cap; /* cap leaves room for the OPT record */
	uint16_t answers;
	bool full; /* a record did not fit: the answer will say so */
	bool edns;
	uint8_t extended; /* upper bits of the code, in the OPT record */
};

/*
 * Begins an answer to question `p` with `rcode`. `cap` >= 512 is what may be
 * written in all. With rcode FORMERR only the header comes back.
 */
void reply_begin(struct reply *r, uint8_t *buf, size_t cap, const uint8_t *p,
		 const struct question *q, enum message_rcode rcode);
/* One address (4 or 16 bytes in network order) for the name asked. False: full. */
bool reply_address(struct reply *r, uint16_t type, uint32_t ttl, const void *addr, size_t len);
/* One PTR record; `name` is text without the last dot, with labels of at most 63 bytes. */
bool reply_name(struct reply *r, uint32_t ttl, const char *name);
/* Completes it; bytes in buf. */
size_t reply_end(struct reply *r);

/*
 * Is `p` an answer to the question in `q` (its first `q_end` bytes: header and
 * question) that went out under `id`? Errors of servers that do not repeat the
 * question are taken, too.
 */
bool message_answers(const uint8_t *p, size_t n, const uint8_t *q, size_t q_end, uint16_t id);
enum message_rcode message_rcode_of(const uint8_t *p);
bool message_truncated(const uint8_t *p);
void message_set_id(uint8_t *p, uint16_t id);

#endif
