/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reads the logs that monitors write, in PATH and its rotated PATH.1, PATH.2.gz
 * ... (higher = older): json-file, {"log":"text\n","stream":"stdout","time":
 * "RFC3339Nano"} a line, and "local" (base/locallog.h). The writer may be at
 * work: an incomplete last line is left for later. Files may be damaged: such
 * lines are skipped.
 */
#ifndef DAEMON_LOG_READER_H
#define DAEMON_LOG_READER_H

#include <base/str.h>
#include <crun-lite/err.h>
#include <stdint.h>

enum log_stream { LOG_STDOUT = 1, LOG_STDERR = 2 };

struct log_line {
	const char *text; /* unescaped, with its newline when it had one; may hold NULs */
	size_t len;
	enum log_stream stream;
	int64_t time;      /* ns since the epoch */
	const char *attrs; /* a JSON object, NULL = none */
	size_t attrs_len;
};

struct log_query {
	int64_t since, until; /* ns; 0 = no bound */
	int64_t tail;         /* lines; -1 = all */
	bool attrs;           /* the lines' attributes are wanted, too */
};

struct log_reader;

/* A log that is not there yet reads as empty. */
int log_reader_open(const char *path, bool local, const struct log_query *q,
		    struct log_reader **ret, struct crl_err *err);
void log_reader_close(struct log_reader *r);
/*
 * Reads a block and calls cb for each line in it that the query wants. Returns
 * 1 when there may be more now, 0 at the end (call again when the file grew),
 * 2 when `until` was passed, -1 on errors. With a tail the first calls only look
 * for its beginning.
 */
int log_reader_next(struct log_reader *r, void (*cb)(const struct log_line *line, void *data),
		    void *data, struct crl_err *err);

/*
 * Parses one line (without its newline). `scratch` receives the text. False
 * for what is no log line. Exported for tests and the fuzzer.
 */
bool log_line_parse(const char *line, size_t len, struct buf *scratch, struct log_line *ret);

/* The 8 bytes in front of a frame of `len` bytes. */
void log_frame_header(struct buf *out, enum log_stream stream, size_t len);

#endif
