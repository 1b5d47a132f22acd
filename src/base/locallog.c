/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Owns the bytes of a record of the log driver "local". Pure. A reader may
 * trust nothing but the checksum: the file may be damaged, and what stands in
 * the records a container chose, also what looks like a record.
 */
#include "locallog.h"

#define MAGIC0 0xC1U
#define MAGIC1 0x0CU

/* The polynomial of zlib's crc32(), four bits at a time: the table fits two cache lines. */
static uint32_t crc_of(const uint8_t *p, size_t len)
{
	static const uint32_t table[16] = {0x00000000, 0x1DB71064, 0x3B6E20C8, 0x26D930AC,
					   0x76DC4190, 0x6B6B51F4, 0x4DB26158, 0x5005713C,
					   0xEDB88320, 0xF00F9344, 0xD6D6A3E8, 0xCB61B38C,
					   0x9B64C2B0, 0x86D3D2D4, 0xA00AE278, 0xBDBDF21C};
	uint32_t crc = ~0U;
	while (len--) {
		crc ^= *p++;
		crc = crc >> 4 ^ table[crc & 15];
		crc = crc >> 4 ^ table[crc & 15];
	}
	return ~crc;
}

static void put32(uint8_t *p, uint32_t v)
{
	for (int i = 0; i < 4; i++)
		p[i] = (uint8_t)(v >> 8 * i);
}

static uint32_t get32(const uint8_t *p)
{
	return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

void locallog_add(struct buf *out, const struct locallog_record *rec)
{
	uint8_t head[LOCALLOG_HEADER] = {MAGIC0, MAGIC1, (uint8_t)rec->kind, (uint8_t)rec->flags};
	uint8_t tail[LOCALLOG_TRAILER];
	size_t len = rec->len < LOCALLOG_BODY_MAX ? rec->len : LOCALLOG_BODY_MAX, at = out->len;
	put32(head + 4, (uint32_t)len);
	put32(head + 8, (uint32_t)rec->time);
	put32(head + 12, (uint32_t)((uint64_t)rec->time >> 32));
	buf_add(out, head, sizeof(head));
	buf_add(out, rec->body, len);
	if (out->failed)
		return;
	put32(tail, crc_of((const uint8_t *)out->data + at, out->len - at));
	put32(tail + 4, (uint32_t)(len + LOCALLOG_HEADER + LOCALLOG_TRAILER));
	buf_add(out, tail, sizeof(tail));
}

ssize_t locallog_next(const void *data, size_t len, struct locallog_record *ret)
{
	const uint8_t *p = data;
	if ((len > 0 && p[0] != MAGIC0) || (len > 1 && p[1] != MAGIC1))
		return -1;
	if (len < LOCALLOG_HEADER)
		return 0;
	uint32_t body = get32(p + 4);
	size_t total = LOCALLOG_HEADER + (size_t)body + LOCALLOG_TRAILER;
	if ((p[2] != LOCALLOG_TEXT && p[2] != LOCALLOG_ATTRS) || body > LOCALLOG_BODY_MAX)
		return -1;
	if (len < total)
		return 0;
	const uint8_t *tail = p + LOCALLOG_HEADER + body;
	if (get32(tail + 4) != total || get32(tail) != crc_of(p, LOCALLOG_HEADER + (size_t)body))
		return -1;
	*ret = (struct locallog_record){
		.kind = p[2],
		.flags = p[3],
		.time = (int64_t)(get32(p + 8) | (uint64_t)get32(p + 12) << 32),
		.body = (const char *)p + LOCALLOG_HEADER,
		.len = body};
	return (ssize_t)total;
}

size_t locallog_last(const void *data, size_t len, struct locallog_record *ret)
{
	const uint8_t *p = data;
	if (len < LOCALLOG_HEADER + LOCALLOG_TRAILER)
		return 0;
	size_t total = get32(p + len - 4);
	if (total < LOCALLOG_HEADER + LOCALLOG_TRAILER || total > len)
		return 0;
	return locallog_next(p + len - total, total, ret) == (ssize_t)total ? total : 0;
}

size_t locallog_skip(const void *data, size_t len)
{
	const uint8_t *p = data, *next = len > 1 ? memchr(p + 1, MAGIC0, len - 1) : NULL;
	return next ? (size_t)(next - p) : len;
}
