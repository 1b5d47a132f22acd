/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A container's log in docker's json-file format, with rotation. Nothing here
 * fails for the caller: what cannot be written (full or read-only disk) is
 * counted, and once writing works again a record says how much is missing.
 */
#ifndef MONITOR_LOGFILE_H
#define MONITOR_LOGFILE_H

#include <crun-lite/monitor_proto.h>

#include "logline.h"

#define LOGFILE_STREAMS 2 /* stdout, stderr */

struct logfile_partial { /* the start of a line that has no end yet */
	uint8_t *data;
	size_t len, cap;
};

struct logfile {
	struct logline_sink sink;
	int fd;     /* -1: driver "none", or the file could not be opened (again) */
	char *path; /* NULL: driver "none" */
	int64_t max_size, max_file;
	int64_t size;
	struct buf batch; /* whole records that are not in the file yet */
	uint64_t batch_bytes, batch_records;
	uint64_t lost_bytes, lost_records;
	int lost_errno;
	struct logfile_partial partial[LOGFILE_STREAMS];
};

/* Opens (appends). `log` is copied. A driver that is not known is CRL_INVALID. */
int logfile_open(struct logfile *l, const struct mon_log *log, struct crl_err *err);

/* Output of stream 1 or 2. */
void logfile_write(struct logfile *l, int stream, const uint8_t *data, size_t len);

/* End of a stream: a line without an end is written as it is. */
void logfile_end(struct logfile *l, int stream);

/* With `durable`: on disk when this returns. Frees everything. Accepts a zeroed struct. */
void logfile_close(struct logfile *l, bool durable);

#endif
