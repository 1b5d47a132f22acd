/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns the way backward through a log file. Pure but for pread(2). */
#include "log_tail.h"

#include <base/locallog.h>
#include <unistd.h>

#define BLOCK (64U * 1024)

static char block[BLOCK];

void log_tail_begin(struct log_tail *t, int fd, bool local)
{
	off_t end = lseek(fd, 0, SEEK_END);
	*t = (struct log_tail){.local = local, .end = end > 0 ? end : 0};
}

/* The newline that ends the last line does not begin a further one. */
static enum log_tail_result step_json(struct log_tail *t, size_t n, int64_t *left, off_t *ret_at)
{
	off_t begin = t->end - (off_t)n;
	for (size_t i = n; i-- > 0;) {
		if (block[i] != '\n')
			continue;
		if (t->begun && --*left == 0) {
			*ret_at = begin + (off_t)i + 1;
			return LOG_TAIL_FOUND;
		}
		t->begun = true;
	}
	t->end = begin;
	if (begin > 0)
		return LOG_TAIL_MORE;
	if (t->begun)
		--*left;
	*ret_at = 0;
	return *left <= 0 ? LOG_TAIL_FOUND : LOG_TAIL_START;
}

static enum log_tail_result step_local(struct log_tail *t, size_t n, int64_t *left, off_t *ret_at)
{
	struct locallog_record rec;
	size_t at = n, len;
	while (at > 0 && (len = locallog_last(block, at, &rec)) > 0) {
		at -= len;
		if (rec.kind == LOCALLOG_TEXT && --*left == 0) {
			*ret_at = t->end - (off_t)(n - at);
			return LOG_TAIL_FOUND;
		}
	}
	if (at == n)
		return LOG_TAIL_LOST;
	t->end -= (off_t)(n - at);
	*ret_at = 0;
	return t->end > 0 ? LOG_TAIL_MORE : LOG_TAIL_START;
}

enum log_tail_result log_tail_step(struct log_tail *t, int fd, int64_t *left, off_t *ret_at)
{
	size_t n = t->end < (off_t)BLOCK ? (size_t)t->end : BLOCK;
	*ret_at = 0;
	if (n == 0)
		return LOG_TAIL_START;
	if (pread(fd, block, n, t->end - (off_t)n) != (ssize_t)n)
		return LOG_TAIL_LOST;
	return t->local ? step_local(t, n, left, ret_at) : step_json(t, n, left, ret_at);
}
