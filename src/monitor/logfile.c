/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Owns the log file: lines, batches, rotation, and what happens when the disk
 * refuses. It may not wait for anything but the disk, and never reports a
 * failure up: the container goes on, the gap is visible in the log.
 * See open(2), ftruncate(2), rename(2).
 */
#include "logfile.h"

#include <base/cleanup.h>
#include <base/ident.h>
#include <base/log.h>
#include <base/loop.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#define BATCH_MAX 16384U
#define LOG_MODE 0640
#define LOG_FLAGS (O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW)

static void batch_put(struct logline_sink *s, const char *data, size_t len)
{
	buf_add(&CONTAINER_OF(s, struct logfile, sink)->batch, data, len);
}

/* After a crash in the middle of a write the file may end inside a record: ours starts on a line of
 * its own. */
static void end_torn_line(struct logfile *l)
{
	_cleanup_close_ int fd = open(l->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	char last = '\n';
	if (fd < 0 || pread(fd, &last, 1, l->size - 1) != 1 || last == '\n')
		return;
	if (write(l->fd, "\n", 1) == 1)
		l->size++;
}

static int open_file(struct logfile *l)
{
	l->fd = open(l->path, LOG_FLAGS, LOG_MODE);
	if (l->fd < 0)
		return -1;
	struct stat st;
	l->size = fstat(l->fd, &st) == 0 ? st.st_size : 0;
	if (l->size > 0)
		end_torn_line(l);
	return 0;
}

int logfile_open(struct logfile *l, const struct mon_log *log, struct crl_err *err)
{
	*l = (struct logfile){.fd = -1, .sink.put = batch_put};
	if (str_empty(log->driver) || str_eq(log->driver, "none"))
		return 0;
	if (!str_eq(log->driver, "json-file"))
		return crl_fail(err, CRL_INVALID, "log driver %s is not supported", log->driver);
	if (str_empty(log->path))
		return crl_fail(err, CRL_INVALID, "log driver json-file: path is missing");
	l->path = strdup(log->path);
	if (!l->path)
		return crl_fail_oom(err);
	l->max_size = log->max_size;
	l->max_file = log->max_file > 1 ? log->max_file : 1;
	if (open_file(l) == 0)
		return 0;
	int sys = errno;
	/* A full disk is no reason not to start: the gap will be on record. */
	if (sys == ENOSPC || sys == EDQUOT || sys == EROFS)
		return 0;
	crl_fail_sys(err, sys, "open log %s", l->path);
	logfile_close(l, false);
	return -1;
}

/* --- rotation --- */

static bool numbered(const struct logfile *l, int64_t n, char *buf, size_t size)
{
	int len = n ? snprintf(buf, size, "%s.%" PRId64, l->path, n)
		    : snprintf(buf, size, "%s", l->path);
	return len > 0 && (size_t)len < size;
}

/* PATH.(n-2) becomes PATH.(n-1), ..., PATH becomes PATH.1; with one file only, it starts again
 * empty. */
static void rotate(struct logfile *l)
{
	char from[PATH_MAX], to[PATH_MAX];
	if (l->max_file == 1) {
		if (ftruncate(l->fd, 0) == 0)
			l->size = 0;
		return;
	}
	for (int64_t n = l->max_file - 2; n >= 0; n--) {
		if (!numbered(l, n, from, sizeof(from)) || !numbered(l, n + 1, to, sizeof(to)))
			return;
		if (rename(from, to) < 0 && errno != ENOENT) {
			log_warn("log rotation", "file", from, "error", strerror(errno), NULL);
			return;
		}
	}
	int old = take_fd(&l->fd);
	if (open_file(l) < 0) {
		/* Better to go on in the renamed file than to lose lines. */
		l->fd = old;
		return;
	}
	close(old);
}

static bool is_full(const struct logfile *l)
{
	return l->max_size > 0 && l->size >= l->max_size;
}

/* --- writing --- */

/* All or nothing: a record that was cut off by a full disk is taken back. */
static int append(struct logfile *l, const char *data, size_t len)
{
	ssize_t n;
	do
		n = write(l->fd, data, len);
	while (n < 0 && errno == EINTR);
	if (n == (ssize_t)len) {
		l->size += n;
		return 0;
	}
	int sys = n < 0 ? errno : ENOSPC;
	struct stat st;
	if (n > 0 && fstat(l->fd, &st) == 0 && st.st_size >= n)
		(void)!ftruncate(l->fd, st.st_size - n);
	errno = sys;
	return -1;
}

/* The record that makes a gap visible; it is written before anything newer. */
static int report_gap(struct logfile *l)
{
	char text[256], time[TIME_BUF];
	int n = snprintf(text, sizeof(text),
			 "crun-lite: %" PRIu64 " lines (%" PRIu64
			 " bytes) of output are missing here: %s",
			 l->lost_records, l->lost_bytes, strerror(l->lost_errno));
	struct logfile gap = {.sink.put = batch_put};
	logline_record(&gap.sink, (const uint8_t *)text, (size_t)n, true, "stderr",
		       time_rfc3339(time_now_ns(), time));
	int r = gap.batch.failed ? -1 : append(l, gap.batch.data, gap.batch.len);
	buf_free(&gap.batch);
	if (r == 0)
		l->lost_records = l->lost_bytes = 0;
	return r;
}

static int write_batch(struct logfile *l)
{
	if (l->batch.failed) {
		errno = ENOMEM;
		return -1;
	}
	if (l->fd < 0 && open_file(l) < 0)
		return -1;
	if (l->lost_records && report_gap(l) < 0)
		return -1;
	return append(l, l->batch.data, l->batch.len);
}

static void flush(struct logfile *l)
{
	if (!l->batch_records)
		return;
	if (write_batch(l) < 0) {
		l->lost_errno = errno;
		if (!l->lost_records)
			log_warn("log not written", "file", l->path, "error",
				 strerror(l->lost_errno), NULL);
		l->lost_bytes += l->batch_bytes;
		l->lost_records += l->batch_records;
	}
	l->batch_bytes = l->batch_records = 0;
	if (l->batch.failed || l->batch.cap > 2 * BATCH_MAX)
		buf_free(&l->batch);
	l->batch.len = 0;
}

static void add_record(struct logfile *l, int stream, const uint8_t *text, size_t len, bool newline,
		       const char *time)
{
	if (l->max_size > 0 && l->size + (int64_t)l->batch.len >= l->max_size) {
		flush(l);
		if (l->fd >= 0 && is_full(l))
			rotate(l);
	}
	logline_record(&l->sink, text, len, newline, stream == 1 ? "stdout" : "stderr", time);
	l->batch_bytes += len + newline;
	l->batch_records++;
	if (l->batch.len >= BATCH_MAX || l->batch.failed)
		flush(l);
}

/* --- lines --- */

static void partial_free(struct logfile_partial *p)
{
	free(p->data);
	*p = (struct logfile_partial){0};
}

static bool partial_add(struct logfile_partial *p, const uint8_t *data, size_t len)
{
	if (p->len + len > p->cap) {
		size_t cap = p->cap ? p->cap : 256;
		while (cap < p->len + len)
			cap *= 2;
		uint8_t *d = realloc(p->data, cap);
		if (!d)
			return false;
		p->data = d;
		p->cap = cap;
	}
	memcpy(p->data + p->len, data, len);
	p->len += len;
	return true;
}

/* Writes out full pieces of a line that is too long; returns what is left of it. */
static size_t add_pieces(struct logfile *l, int stream, const uint8_t **text, size_t len,
			 const char *time)
{
	while (len > LOGLINE_MAX) {
		size_t n = logline_cut(*text, len);
		add_record(l, stream, *text, n, false, time);
		*text += n;
		len -= n;
	}
	return len;
}

/* One line or the start of one, at most a read buffer long, with what was kept of it before. */
static void add_text(struct logfile *l, int stream, const uint8_t *text, size_t len, bool ends,
		     const char *time)
{
	struct logfile_partial *p = &l->partial[stream - 1];
	if (p->len) {
		if (!partial_add(p, text, len)) {
			add_record(l, stream, p->data, p->len, false, time);
			partial_free(p);
		} else {
			text = p->data;
			len = p->len;
		}
	}
	len = add_pieces(l, stream, &text, len, time);
	if (ends) {
		add_record(l, stream, text, len, true, time);
		partial_free(p);
	} else if (p->data && text >= p->data && text < p->data + p->len) {
		memmove(p->data, text, len);
		p->len = len;
	} else {
		p->len = 0;
		if (!partial_add(p, text, len))
			add_record(l, stream, text, len, false, time);
	}
}

void logfile_write(struct logfile *l, int stream, const uint8_t *data, size_t len)
{
	if (!l->path)
		return;
	char time[TIME_BUF];
	time_rfc3339(time_now_ns(), time);
	while (len) {
		const uint8_t *end = memchr(data, '\n', len);
		size_t n = end ? (size_t)(end - data) : len;
		add_text(l, stream, data, n, end, time);
		n += end ? 1 : 0;
		data += n;
		len -= n;
	}
	flush(l);
}

void logfile_end(struct logfile *l, int stream)
{
	struct logfile_partial *p = &l->partial[stream - 1];
	if (l->path && p->len) {
		char time[TIME_BUF];
		add_record(l, stream, p->data, p->len, false, time_rfc3339(time_now_ns(), time));
		flush(l);
	}
	partial_free(p);
}

void logfile_close(struct logfile *l, bool durable)
{
	if (l->path) {
		for (int stream = 1; stream <= LOGFILE_STREAMS; stream++)
			logfile_end(l, stream);
		/* A last chance to put the gap on record. */
		if (l->lost_records && (l->fd >= 0 || open_file(l) == 0))
			(void)report_gap(l);
		if (l->fd >= 0 && durable && fdatasync(l->fd) < 0)
			log_warn("log not synced", "file", l->path, "error", strerror(errno), NULL);
		if (l->fd >= 0)
			close(l->fd);
	}
	buf_free(&l->batch);
	free(l->path);
	*l = (struct logfile){.fd = -1};
}
