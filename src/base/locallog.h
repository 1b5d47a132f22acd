/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Records of the log driver "local": written by monitors, read by the daemon.
 *
 *	0   2  magic C1 0C
 *	2   1  kind: 1 = text, 2 = attributes of what follows (a JSON object)
 *	3   1  flags: 1 = stderr, 2 = the text ends its line
 *	4   4  length of the body
 *	8   8  time, ns since the epoch
 *	16  n  body
 *	+0  4  CRC-32 of everything before
 *	+4  4  length of the whole record, so that a file can be read from its end
 *
 * All numbers are little-endian. A file is records and nothing else; what a
 * crash or a disk made of it is skipped up to the next record that checks.
 */
#ifndef BASE_LOCALLOG_H
#define BASE_LOCALLOG_H

#include <base/str.h>
#include <stdint.h>
#include <sys/types.h>

#define LOCALLOG_HEADER 16U
#define LOCALLOG_TRAILER 8U
#define LOCALLOG_BODY_MAX (1024U * 1024)

enum locallog_kind { LOCALLOG_TEXT = 1, LOCALLOG_ATTRS = 2 };
enum locallog_flag { LOCALLOG_STDERR = 1 << 0, LOCALLOG_NEWLINE = 1 << 1 };

struct locallog_record {
	enum locallog_kind kind;
	unsigned flags;
	int64_t time;
	const char *body; /* points into the file's bytes */
	size_t len;
};

/* Appends a record; the body is cut at LOCALLOG_BODY_MAX. */
void locallog_add(struct buf *out, const struct locallog_record *rec);

/* The record that begins at `data`: its length, 0 when more bytes are needed to tell, -1 when there
 * is none. */
ssize_t locallog_next(const void *data, size_t len, struct locallog_record *ret);

/* The record that ends at data + len: its length, 0 when there is none within these bytes. */
size_t locallog_last(const void *data, size_t len, struct locallog_record *ret);

/* Bytes to skip from a place that is no record to one that may be: at least 1, at most len. */
size_t locallog_skip(const void *data, size_t len);

#endif
