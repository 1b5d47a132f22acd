/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See ws_frame.h, RFC 6455. Text is not checked for UTF-8: a terminal's bytes need not be. */
#include "ws_frame.h"

#include <string.h>

#define FIN 0x80
#define RESERVED 0x70
#define MASKED 0x80
#define STATUS_PROTOCOL 1002

static bool is_control(uint8_t opcode)
{
	return opcode & 8;
}

/* Length of the whole head as far as its first two bytes tell; a client's has a mask. */
static size_t head_size(const uint8_t *head)
{
	unsigned n = head[1] & 0x7f;

	return 2 + (n == 126 ? 2U : n == 127 ? 8U : 0U) + 4;
}

static bool opcode_ok(const struct ws_parser *p, uint8_t first)
{
	switch (first & 0xf) {
	case WS_CONTINUATION: return p->in_message;
	case WS_TEXT:
	case WS_BINARY: return !p->in_message;
	case WS_CLOSE:
	case WS_PING:
	case WS_PONG: return first & FIN;
	default: return false;
	}
}

static uint64_t payload_length(const uint8_t *head)
{
	unsigned n = head[1] & 0x7f, bytes = n == 126 ? 2 : n == 127 ? 8 : 0;
	uint64_t len = 0;

	if (!bytes)
		return n;
	for (unsigned i = 0; i < bytes; i++)
		len = len << 8 | head[2 + i];
	return len;
}

/* The shortest form is a must (5.2), and the highest bit is none of the number. */
static bool length_ok(const uint8_t *head, uint64_t len)
{
	unsigned n = head[1] & 0x7f;

	if (n == 126)
		return len > 125;
	if (n == 127)
		return len > 65535 && !(len >> 63);
	return true;
}

/* The head is complete. */
static bool begin_payload(struct ws_parser *p)
{
	uint8_t opcode = p->head[0] & 0xf;
	uint64_t len = payload_length(p->head);

	if (!length_ok(p->head, len) || (is_control(opcode) && len > WS_CONTROL_MAX))
		return false;
	memcpy(p->mask, p->head + p->head_len - 4, 4);
	p->mask_at = 0;
	p->left = len;
	p->opcode = opcode;
	p->control_len = 0;
	p->in_payload = true;
	if (!is_control(opcode))
		p->in_message = !(p->head[0] & FIN);
	p->head_len = 0;
	return true;
}

static bool first_bytes_ok(const struct ws_parser *p)
{
	return !(p->head[0] & RESERVED) && opcode_ok(p, p->head[0]) &&
	       (p->head_len < 2 || p->head[1] & MASKED);
}

/* Takes bytes of the head; false = against the protocol. */
static bool take_head(struct ws_parser *p, const uint8_t *data, size_t len, size_t *used)
{
	while (*used < len && !p->in_payload) {
		p->head[p->head_len++] = data[(*used)++];
		if (!first_bytes_ok(p))
			return false;
		if (p->head_len >= 2 && p->head_len == head_size(p->head) && !begin_payload(p))
			return false;
	}
	return true;
}

static size_t take_payload(struct ws_parser *p, uint8_t *data, size_t len)
{
	size_t n = p->left < len ? (size_t)p->left : len;

	for (size_t i = 0; i < n; i++)
		data[i] ^= p->mask[p->mask_at++ & 3];
	p->left -= n;
	return n;
}

enum ws_event ws_parse(struct ws_parser *p, uint8_t *data, size_t len, size_t *ret_used,
		       struct ws_piece *ret)
{
	size_t used = 0;

	if (!take_head(p, data, len, &used)) {
		*ret = (struct ws_piece){.status = STATUS_PROTOCOL};
		*ret_used = len;
		return WS_EV_BROKEN;
	}
	*ret_used = used;
	if (!p->in_payload)
		return WS_EV_MORE;
	size_t n = take_payload(p, data + used, len - used);
	*ret_used = used + n;
	*ret = (struct ws_piece){.opcode = p->opcode, .data = data + used, .len = n};
	p->in_payload = p->left > 0;
	if (!is_control(p->opcode))
		return n ? WS_EV_DATA : p->in_payload || *ret_used == len ? WS_EV_MORE : WS_EV_DATA;
	if (n)
		memcpy(p->control + p->control_len, data + used, n);
	p->control_len += n;
	if (p->in_payload)
		return WS_EV_MORE;
	ret->data = p->control;
	ret->len = p->control_len;
	return WS_EV_CONTROL;
}

size_t ws_head(uint8_t out[WS_HEAD_MAX], enum ws_opcode opcode, uint64_t len)
{
	unsigned bytes = len <= 125 ? 0 : len <= 65535 ? 2 : 8;

	out[0] = (uint8_t)(FIN | opcode);
	out[1] = bytes == 0 ? (uint8_t)len : bytes == 2 ? 126 : 127;
	for (unsigned i = 0; i < bytes; i++)
		out[2 + i] = (uint8_t)(len >> (8 * (bytes - 1 - i)));
	return 2 + bytes;
}

uint16_t ws_close_status(const uint8_t *data, size_t len)
{
	if (len == 0)
		return 0;
	unsigned status = len >= 2 ? (unsigned)data[0] << 8 | data[1] : 0;
	bool known = status >= 1000 && status <= 1014 && status != 1004 && status != 1005 &&
		     status != 1006;

	return known || (status >= 3000 && status <= 4999) ? (uint16_t)status : STATUS_PROTOCOL;
}
