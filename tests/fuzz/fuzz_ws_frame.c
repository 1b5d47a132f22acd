/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * WebSocket frames of a client. The same bytes, given at once and one by one,
 * must come to the same data, control frames and verdict.
 */
#include <worker/ws_frame.h>

#include <stdlib.h>
#include <string.h>

#define INPUT_MAX 65536

/* Everything that was told, as one row of bytes. */
struct story {
	uint8_t data[2 * INPUT_MAX + 64];
	size_t len;
};

static void tell(struct story *s, enum ws_event e, const struct ws_piece *p)
{
	if (e == WS_EV_CONTROL) {
		if (p->len > WS_CONTROL_MAX || !(p->opcode & 8))
			abort();
		(void)ws_close_status(p->data, p->len);
		s->data[s->len++] = (uint8_t)(0x80 | p->opcode);
	}
	if (e == WS_EV_BROKEN) {
		s->data[s->len++] = 0xff;
		return;
	}
	if (p->len)
		memcpy(s->data + s->len, p->data, p->len);
	s->len += p->len;
}

/* Feeds pieces of `step` bytes. */
static void run(const uint8_t *in, size_t size, size_t step, struct story *s)
{
	static uint8_t copy[INPUT_MAX];
	struct ws_parser parser = {0};

	memcpy(copy, in, size);
	s->len = 0;
	for (size_t at = 0; at < size;) {
		size_t n = size - at < step ? size - at : step, used = 0;
		struct ws_piece p = {0};
		enum ws_event e = ws_parse(&parser, copy + at, n, &used, &p);
		if (used > n || (used == 0 && n > 0))
			abort();
		if (e == WS_EV_DATA && p.len && (p.data < copy || p.data + p.len > copy + size))
			abort();
		if (e != WS_EV_MORE)
			tell(s, e, &p);
		if (e == WS_EV_BROKEN)
			return;
		at += used;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct story whole, pieces;

	if (size == 0 || size > INPUT_MAX)
		return 0;
	run(data, size, size, &whole);
	run(data, size, 1, &pieces);
	if (whole.len != pieces.len || memcmp(whole.data, pieces.data, whole.len) != 0)
		abort();
	return 0;
}
