/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The log drivers that give lines to somebody else: journald (its native
 * protocol) and syslog (RFC 3164, RFC 5424). What the receiver does not take
 * is kept up to a limit; what is lost after that is told in a line of its own.
 */
#ifndef MONITOR_LOG_REMOTE_H
#define MONITOR_LOG_REMOTE_H

#include <crun-lite/monitor_proto.h>

#include "log_socket.h"
#include "logfile.h"

struct log_remote {
	struct log_socket socket;
	void (*render)(struct log_remote *r, const struct log_record *rec, struct buf *out);
	struct buf fixed; /* journald: fields of every entry */
	char *tag, *hostname, *format;
	int facility;
	uint64_t lost_records, lost_bytes;
};

/* Connects; waits for a stream's connection up to some seconds (the container is not there yet). */
int log_remote_open(const struct mon_log *log, struct loop *loop, struct log_remote **ret,
		    struct crl_err *err);
void log_remote_put(struct log_remote *r, const struct log_record *rec);
/* Gives what is kept a moment to leave. NULL allowed. */
void log_remote_close(struct log_remote *r);

/* Fills in what the driver needs for rendering; log_journald.c, log_syslog.c. */
int log_journald_init(struct log_remote *r, const struct mon_log *log, struct crl_err *err);
int log_syslog_init(struct log_remote *r, const struct mon_log *log, struct crl_err *err);
/* A field's name as journald takes it: capitals, digits and '_', not beginning with '_'. */
void log_journald_name(const char *key, struct buf *out);

#endif
