/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A log file, in docker's json-file format or in that of "local"
 * (base/locallog.h), with rotation. Nothing here fails for the caller: what
 * cannot be written (full or read-only disk) is counted, and once writing works
 * again a record says how much is missing.
 */
#ifndef MONITOR_LOGFILE_H
#define MONITOR_LOGFILE_H

#include <base/loop.h>
#include <base/str.h>

#include "logline.h"

struct logfile_gzip;

/* A line, or a piece of one that is too long. */
struct log_record {
	const uint8_t *text;
	size_t len;
	int stream;   /* 1, 2 */
	bool newline; /* the text ends its line (the newline is not in it) */
	/* Pieces: 1, 2, ... of line number `line`; 0 = a whole line. */
	uint64_t line;
	uint32_t piece;
	int64_t time;          /* ns since the epoch */
	const char *time_text; /* RFC 3339 */
};

struct logfile_options {
	const char *path;
	bool local;                 /* else json-file */
	int64_t max_size, max_file; /* bytes; files */
	bool compress;
	const char *attrs; /* a JSON object that goes with each line, or NULL */
};

struct logfile {
	struct logline_sink sink;
	struct loop *loop;
	int fd;     /* -1: the file could not be opened (again) */
	char *path; /* NULL: there is none */
	char *attrs;
	bool local, compress;
	int64_t max_size, max_file;
	int64_t size;
	struct buf batch; /* whole records that are not in the file yet */
	uint64_t batch_bytes, batch_records;
	uint64_t lost_bytes, lost_records;
	int lost_errno;
	struct logfile_gzip *gzip; /* a compression under way */
};

/* Opens (appends). The options are copied. `loop` for the compression; NULL = none. */
int logfile_open(struct logfile *l, const struct logfile_options *o, struct loop *loop,
		 struct crl_err *err);
void logfile_put(struct logfile *l, const struct log_record *rec);
/* What was put is in the file when this returns, if the disk takes it. */
void logfile_flush(struct logfile *l);
/* With `durable`: on disk when this returns. Frees everything. Accepts a zeroed struct. */
void logfile_close(struct logfile *l, bool durable);

/*
 * Compresses `path` to `path`.gz in slices, and removes `path` in the end. The
 * header's extra field holds inode and time of the original, by which a reader that
 * has it open finds its place. logfile_gzip_stop() leaves the original.
 */
struct logfile_gzip *logfile_gzip_start(struct loop *loop, const char *path);
bool logfile_gzip_done(const struct logfile_gzip *g);
void logfile_gzip_stop(struct logfile_gzip *g);

#endif
