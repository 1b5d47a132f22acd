/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What becomes of a container's output beside its clients: lines are cut here
 * and go to a file, to journald or to syslog, and with the latter two also to
 * a file that can be read back. Nothing here waits, and nothing fails for the
 * caller once it is open.
 */
#ifndef MONITOR_LOGGER_H
#define MONITOR_LOGGER_H

#include <crun-lite/monitor_proto.h>

#include "log_remote.h"
#include "logfile.h"

#define LOGGER_STREAMS 2 /* stdout, stderr */

struct logger_partial { /* the start of a line that has no end yet */
	uint8_t *data;
	size_t len, cap;
	uint64_t line;
	uint32_t pieces; /* written of this line so far */
};

struct logger {
	struct logfile file;       /* path NULL: none */
	struct log_remote *remote; /* NULL: none */
	uint64_t last_line;
	struct logger_partial partial[LOGGER_STREAMS];
};

/* `log` is copied. CRL_INVALID for a driver that is not known; what the driver says when its
 * receiver is not there. `loop` may be NULL for files. */
int logger_open(struct logger *l, const struct mon_log *log, struct loop *loop,
		struct crl_err *err);

/* Output of stream 1 or 2. */
void logger_write(struct logger *l, int stream, const uint8_t *data, size_t len);

/* End of a stream: a line without an end is written as it is. */
void logger_end(struct logger *l, int stream);

/* With `durable`: files are on disk when this returns. Frees everything. Accepts a zeroed struct.
 */
void logger_close(struct logger *l, bool durable);

#endif
