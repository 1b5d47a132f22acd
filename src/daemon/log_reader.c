/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Owns the way through a container's log: first, with a tail, from the end back
 * to the file and place where the wanted lines begin; then forward, on to the
 * file being written, over rotations that happen meanwhile. One block a call.
 */
#include "log_reader.h"

#include "log_file.h"
#include "log_tail.h"

#include <base/ident.h>
#include <base/locallog.h>
#include <base/path.h>
#include <errno.h>

#define BLOCK (64U * 1024)
#define LINE_MAX_BYTES (1024U * 1024)

enum phase {
	BACKWARD, /* counting lines of a plain file from its end */
	FORWARD,  /* counting those of one that can only be read from its start */
	READING,
};

typedef void (*line_cb)(const struct log_line *line, void *data);

struct log_reader {
	char *path;
	bool local;
	struct log_query q;
	enum phase phase;
	struct log_file file;
	unsigned oldest;
	struct log_tail tail;
	int64_t left;    /* lines still to be found by the tail */
	int64_t before;  /* the same at the beginning of this file */
	int64_t counted; /* in this file, by FORWARD */
	int64_t skip;    /* lines to leave out before the first wanted one */
	bool last_look;  /* the file was rotated: what was written before that is read now */
	struct buf raw;  /* bytes of a line or record that is not complete yet */
	bool skipping;   /* within a line that is too long */
	struct buf text, attrs;
};

static void forget_line(struct log_reader *r)
{
	r->raw.len = 0;
	r->skipping = false;
}

static bool use_file(struct log_reader *r, unsigned index)
{
	log_file_close(&r->file);
	forget_line(r);
	r->attrs.len = 0;
	r->last_look = false;
	return log_file_open(r->path, index, &r->file);
}

/* --- lines --- */

/* False when the line lies behind `until`. */
static bool give(struct log_reader *r, struct log_line *l, line_cb cb, void *data)
{
	if (r->phase == FORWARD) {
		r->counted++;
		return true;
	}
	if (r->skip > 0) {
		r->skip--;
		return true;
	}
	if (r->q.until && l->time > r->q.until)
		return false;
	if (!r->q.since || l->time >= r->q.since)
		cb(l, data);
	return true;
}

static bool give_json(struct log_reader *r, const char *line, size_t len, line_cb cb, void *data)
{
	struct log_line l;
	return !log_line_parse(line, len, &r->text, &l) || give(r, &l, cb, data);
}

static bool feed_json(struct log_reader *r, const char *block, size_t n, line_cb cb, void *data)
{
	while (n > 0) {
		const char *nl = memchr(block, '\n', n);
		size_t part = nl ? (size_t)(nl - block) : n;
		bool more = true;
		if (!r->skipping && (r->raw.len || !nl))
			buf_add(&r->raw, block, part);
		if (nl && !r->skipping)
			more = r->raw.len ? give_json(r, r->raw.data, r->raw.len, cb, data)
					  : give_json(r, block, part, cb, data);
		r->skipping = nl ? false : r->skipping || r->raw.len > LINE_MAX_BYTES;
		if (nl || r->skipping)
			r->raw.len = 0;
		if (!more)
			return false;
		block += part + (nl != NULL);
		n -= part + (nl != NULL);
	}
	return true;
}

static bool give_local(struct log_reader *r, const struct locallog_record *rec, line_cb cb,
		       void *data)
{
	if (rec->kind == LOCALLOG_ATTRS) {
		r->attrs.len = 0;
		buf_add(&r->attrs, rec->body, rec->len);
		return true;
	}
	r->text.len = 0;
	buf_add(&r->text, rec->body, rec->len);
	if (rec->flags & LOCALLOG_NEWLINE)
		buf_putc(&r->text, '\n');
	struct log_line l = {.text = r->text.data ? r->text.data : "",
			     .len = r->text.len,
			     .stream = rec->flags & LOCALLOG_STDERR ? LOG_STDERR : LOG_STDOUT,
			     .time = rec->time,
			     .attrs = r->attrs.len ? r->attrs.data : NULL,
			     .attrs_len = r->attrs.len};
	return give(r, &l, cb, data);
}

static bool feed_local(struct log_reader *r, const char *block, size_t n, line_cb cb, void *data)
{
	size_t at = 0;
	bool more = true;
	buf_add(&r->raw, block, n);
	while (more && at < r->raw.len && !r->raw.failed) {
		struct locallog_record rec;
		ssize_t used = locallog_next(r->raw.data + at, r->raw.len - at, &rec);
		if (used == 0)
			break;
		if (used > 0)
			more = give_local(r, &rec, cb, data);
		at += used > 0 ? (size_t)used : locallog_skip(r->raw.data + at, r->raw.len - at);
	}
	buf_consume(&r->raw, at);
	return more;
}

static bool feed(struct log_reader *r, const char *block, size_t n, line_cb cb, void *data)
{
	return r->local ? feed_local(r, block, n, cb, data) : feed_json(r, block, n, cb, data);
}

/* --- where the tail begins --- */

/* Backward where that is possible: attributes stand before the lines they belong to. */
static void count_file(struct log_reader *r, unsigned index)
{
	bool there = use_file(r, index);
	r->counted = 0;
	r->before = r->left;
	r->phase = FORWARD;
	if (there && !r->file.inflate && !(r->local && r->q.attrs)) {
		r->phase = BACKWARD;
		log_tail_begin(&r->tail, r->file.fd, r->local);
	}
}

static void begin_reading(struct log_reader *r, int64_t skip)
{
	r->skip = skip;
	r->phase = READING;
}

/* A file was counted and there are not enough lines yet: on to the one before it. */
static void go_back(struct log_reader *r)
{
	unsigned index = r->file.fd >= 0 ? r->file.index : 0;
	if (index < r->oldest) {
		count_file(r, index + 1);
		return;
	}
	(void)use_file(r, index);
	begin_reading(r, 0);
}

static void step_backward(struct log_reader *r)
{
	off_t at;
	switch (log_tail_step(&r->tail, r->file.fd, &r->left, &at)) {
	case LOG_TAIL_MORE: break;
	case LOG_TAIL_FOUND:
		(void)lseek(r->file.fd, at, SEEK_SET);
		begin_reading(r, 0);
		break;
	case LOG_TAIL_START: go_back(r); break;
	case LOG_TAIL_LOST:
		/* Counted anew from the start, the blocks before this one included. */
		r->left = r->before;
		(void)lseek(r->file.fd, 0, SEEK_SET);
		r->phase = FORWARD;
		r->counted = 0;
		break;
	}
}

static void end_forward(struct log_reader *r)
{
	int64_t counted = r->counted;
	unsigned index = r->file.fd >= 0 ? r->file.index : 0;
	if (counted < r->left) {
		r->left -= counted;
		go_back(r);
		return;
	}
	(void)use_file(r, index);
	begin_reading(r, counted - r->left);
}

static int step_forward(struct log_reader *r)
{
	static char block[BLOCK];
	ssize_t n = r->file.fd >= 0 ? log_file_read(&r->file, block, sizeof(block)) : 0;
	if (n < 0 && errno == EINTR)
		return 1;
	if (n > 0)
		(void)feed(r, block, (size_t)n, NULL, NULL);
	else
		end_forward(r);
	return 1;
}

/* --- the reader --- */

int log_reader_open(const char *path, bool local, const struct log_query *q,
		    struct log_reader **ret, struct crl_err *err)
{
	struct log_reader *r = calloc(1, sizeof(*r));
	if (!r)
		return crl_fail_oom(err);
	r->file = (struct log_file)LOG_FILE_INIT;
	r->q = *q;
	r->local = local;
	r->path = strdup(path);
	if (!r->path) {
		log_reader_close(r);
		return crl_fail_oom(err);
	}
	r->oldest = log_file_oldest(path);
	r->left = q->tail;
	r->phase = READING;
	if (q->tail > 0)
		count_file(r, 0);
	else if (q->tail < 0)
		(void)use_file(r, r->oldest);
	else if (use_file(r, 0))
		(void)lseek(r->file.fd, 0, SEEK_END);
	*ret = r;
	return 0;
}

void log_reader_close(struct log_reader *r)
{
	if (!r)
		return;
	log_file_close(&r->file);
	buf_free(&r->raw);
	buf_free(&r->text);
	buf_free(&r->attrs);
	free(r->path);
	free(r);
}

/* At the end of a file: the next younger one. 0 = there is none yet. */
static int next_file(struct log_reader *r)
{
	unsigned at = r->file.index;
	if (r->file.fd < 0)
		return use_file(r, 0);
	if (r->file.index == 0 && log_file_rewound(&r->file)) {
		forget_line(r);
		return 1;
	}
	/* One that was dropped meanwhile is followed by the oldest that is left. */
	if (r->file.inode && !log_file_find(&r->file, r->path, &at))
		at = log_file_oldest(r->path) + 1;
	if (at == 0)
		return 0;
	if (!r->last_look) {
		r->last_look = true;
		return 1;
	}
	struct log_file next;
	if (!log_file_open(r->path, at - 1, &next))
		return 0;
	log_file_close(&next);
	return use_file(r, at - 1);
}

int log_reader_next(struct log_reader *r, line_cb cb, void *data, struct crl_err *err)
{
	static char block[BLOCK];
	if (r->phase == BACKWARD) {
		step_backward(r);
		return 1;
	}
	if (r->phase == FORWARD)
		return step_forward(r);
	ssize_t n = r->file.fd >= 0 ? log_file_read(&r->file, block, sizeof(block)) : 0;
	if (n < 0)
		return errno == EINTR ? 1 : crl_fail_sys(err, errno, "%s", r->path);
	if (n == 0)
		return next_file(r);
	return feed(r, block, (size_t)n, cb, data) ? 1 : 2;
}
