/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * WebSocket frames, the server's side (RFC 6455, section 5). Pure: no
 * descriptor, no allocation; the fuzz target runs it on anything.
 */
#ifndef WORKER_WS_FRAME_H
#define WORKER_WS_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WS_CONTROL_MAX 125
#define WS_HEAD_MAX 10 /* of frames that a server sends: without a mask */

enum ws_opcode {
	WS_CONTINUATION = 0,
	WS_TEXT = 1,
	WS_BINARY = 2,
	WS_CLOSE = 8,
	WS_PING = 9,
	WS_PONG = 10,
};

enum ws_event {
	WS_EV_MORE,    /* everything was consumed, nothing to tell */
	WS_EV_DATA,    /* a piece of a message; messages have no meaning here, it is a stream */
	WS_EV_CONTROL, /* a whole control frame: `opcode` */
	WS_EV_BROKEN,  /* against the protocol: close with `status`, read no more */
};

struct ws_parser {
	uint8_t head[14];
	size_t head_len;
	uint64_t left; /* of the frame's payload */
	uint8_t mask[4];
	unsigned mask_at;
	bool in_payload, in_message; /* the latter: a message goes on in another frame */
	uint8_t opcode;
	uint8_t control[WS_CONTROL_MAX];
	size_t control_len;
};

struct ws_piece {
	enum ws_opcode opcode;
	const uint8_t *data; /* into the input (DATA) or the parser (CONTROL) */
	size_t len;
	uint16_t status; /* BROKEN: 1002 */
};

/*
 * Looks at the next bytes, which are unmasked in place; *ret_used counts what
 * was consumed. To be called until it says WS_EV_MORE. Starts zeroed.
 */
enum ws_event ws_parse(struct ws_parser *p, uint8_t *data, size_t len, size_t *ret_used,
		       struct ws_piece *ret);
/* Head of an unfragmented frame from the server; returns its length. */
size_t ws_head(uint8_t out[WS_HEAD_MAX], enum ws_opcode opcode, uint64_t len);
/* Whether a close frame's payload carries a status that may be sent (section 7.4); 0 when it has
 * none, 1002 when it is broken. */
uint16_t ws_close_status(const uint8_t *data, size_t len);

#endif
