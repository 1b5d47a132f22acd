/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From the end of a log file backward to its n-th last line, a block at a time,
 * so that a long file holds up nobody.
 */
#ifndef DAEMON_LOG_TAIL_H
#define DAEMON_LOG_TAIL_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct log_tail {
	bool local;
	off_t end;  /* what lies behind it was counted */
	bool begun; /* json-file: the newline at the very end was passed */
};

enum log_tail_result {
	LOG_TAIL_MORE,  /* call again */
	LOG_TAIL_FOUND, /* *ret_at is where the wanted lines begin */
	LOG_TAIL_START, /* the file has no more than what was counted */
	LOG_TAIL_LOST,  /* damaged: it can be read forward only */
};

void log_tail_begin(struct log_tail *t, int fd, bool local);
/* One block. *left is counted down. */
enum log_tail_result log_tail_step(struct log_tail *t, int fd, int64_t *left, off_t *ret_at);

#endif
