/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Owns the log file: batches, rotation, and what happens when the disk
 * refuses. It may not wait for anything but the disk, and never reports a
 * failure up: the container goes on, the gap is visible in the log.
 * See open(2), ftruncate(2), rename(2).
 */
#include "logfile.h"

#include <base/cleanup.h>
#include <base/ident.h>
#include <base/locallog.h>
#include <base/log.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#define BATCH_MAX 16384U
#define LOG_MODE 0640
#define FILES_MAX 1000 /* each is renamed at a rotation, and readers look for no more */
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

static void put_attrs(struct logfile *l, struct buf *out)
{
	if (!l->local || !l->attrs)
		return;
	const struct locallog_record rec = {.kind = LOCALLOG_ATTRS,
					    .time = time_now_ns(),
					    .body = l->attrs,
					    .len = strlen(l->attrs)};
	locallog_add(out, &rec);
}

/* Each file, and each run, of a "local" log begins with its attributes. */
static void begin(struct logfile *l)
{
	_cleanup_buf_ struct buf b = BUF_INIT;
	put_attrs(l, &b);
	if (!b.failed && b.len && write(l->fd, b.data, b.len) == (ssize_t)b.len)
		l->size += (int64_t)b.len;
}

static int open_file(struct logfile *l)
{
	l->fd = open(l->path, LOG_FLAGS, LOG_MODE);
	if (l->fd < 0)
		return -1;
	struct stat st;
	l->size = fstat(l->fd, &st) == 0 ? st.st_size : 0;
	if (l->size > 0 && !l->local)
		end_torn_line(l);
	begin(l);
	return 0;
}

int logfile_open(struct logfile *l, const struct logfile_options *o, struct loop *loop,
		 struct crl_err *err)
{
	*l = (struct logfile){.fd = -1,
			      .sink.put = batch_put,
			      .loop = loop,
			      .local = o->local,
			      .compress = o->compress,
			      .max_size = o->max_size,
			      .max_file = o->max_file > FILES_MAX ? FILES_MAX
					  : o->max_file > 1       ? o->max_file
								  : 1};
	l->path = strdup(o->path);
	l->attrs = o->attrs ? strdup(o->attrs) : NULL;
	if (!l->path || (o->attrs && !l->attrs)) {
		logfile_close(l, false);
		return crl_fail_oom(err);
	}
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

static bool numbered(const struct logfile *l, int64_t n, const char *suffix, char *buf, size_t size)
{
	int len = n ? snprintf(buf, size, "%s.%" PRId64 "%s", l->path, n, suffix)
		    : snprintf(buf, size, "%s", l->path);
	return len > 0 && (size_t)len < size;
}

/* File n becomes n+1 in both forms; what stood there in either form goes. */
static bool shift(struct logfile *l, int64_t n)
{
	static const char *const suffixes[] = {"", ".gz"};
	char from[PATH_MAX], to[PATH_MAX];
	for (size_t i = 0; i < ARRAY_SIZE(suffixes); i++)
		if (numbered(l, n + 1, suffixes[i], to, sizeof(to)))
			(void)unlink(to);
	for (size_t i = 0; i < (n ? ARRAY_SIZE(suffixes) : 1); i++) {
		if (!numbered(l, n, suffixes[i], from, sizeof(from)) ||
		    !numbered(l, n + 1, suffixes[i], to, sizeof(to)))
			return false;
		if (rename(from, to) < 0 && errno != ENOENT) {
			log_warn("log rotation", "file", from, "error", strerror(errno), NULL);
			return false;
		}
	}
	return true;
}

/* One at a time: a log that fills its files faster than they are compressed leaves some as they
 * are. */
static void compress_first(struct logfile *l)
{
	char path[PATH_MAX];
	if (l->compress && l->loop && numbered(l, 1, "", path, sizeof(path)))
		l->gzip = logfile_gzip_start(l->loop, path);
}

/* PATH.(n-2) becomes PATH.(n-1), ..., PATH becomes PATH.1; with one file only, it starts again
 * empty. */
static void rotate(struct logfile *l)
{
	if (l->max_file == 1) {
		if (ftruncate(l->fd, 0) == 0)
			l->size = 0;
		begin(l);
		return;
	}
	logfile_gzip_stop(take_ptr(l->gzip));
	for (int64_t n = l->max_file - 2; n >= 0; n--)
		if (!shift(l, n))
			return;
	int old = take_fd(&l->fd);
	if (open_file(l) < 0) {
		/* Better to go on in the renamed file than to lose lines. */
		l->fd = old;
		return;
	}
	close(old);
	compress_first(l);
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

static void format(struct logfile *l, struct logline_sink *sink, struct buf *out,
		   const struct log_record *rec)
{
	if (!l->local) {
		logline_record(sink, rec->text, rec->len, rec->newline,
			       rec->stream == 1 ? "stdout" : "stderr", rec->time_text, l->attrs);
		return;
	}
	const struct locallog_record r = {.kind = LOCALLOG_TEXT,
					  .flags = (rec->stream == 2 ? LOCALLOG_STDERR : 0U) |
						   (rec->newline ? LOCALLOG_NEWLINE : 0U),
					  .time = rec->time,
					  .body = (const char *)rec->text,
					  .len = rec->len};
	locallog_add(out, &r);
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
	const struct log_record rec = {.text = (const uint8_t *)text,
				       .len = (size_t)n,
				       .stream = 2,
				       .newline = true,
				       .time = time_now_ns(),
				       .time_text = time_rfc3339(time_now_ns(), time)};
	format(l, &gap.sink, &gap.batch, &rec);
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

void logfile_flush(struct logfile *l)
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

void logfile_put(struct logfile *l, const struct log_record *rec)
{
	if (l->max_size > 0 && l->size + (int64_t)l->batch.len >= l->max_size) {
		logfile_flush(l);
		if (l->fd >= 0 && is_full(l))
			rotate(l);
	}
	if (l->gzip && logfile_gzip_done(l->gzip))
		logfile_gzip_stop(take_ptr(l->gzip));
	format(l, &l->sink, &l->batch, rec);
	l->batch_bytes += rec->len + rec->newline;
	l->batch_records++;
	if (l->batch.len >= BATCH_MAX || l->batch.failed)
		logfile_flush(l);
}

void logfile_close(struct logfile *l, bool durable)
{
	if (l->path) {
		logfile_flush(l);
		/* A last chance to put the gap on record. */
		if (l->lost_records && (l->fd >= 0 || open_file(l) == 0))
			(void)report_gap(l);
		if (l->fd >= 0 && durable && fdatasync(l->fd) < 0)
			log_warn("log not synced", "file", l->path, "error", strerror(errno), NULL);
		if (l->fd >= 0)
			close(l->fd);
	}
	logfile_gzip_stop(l->gzip);
	buf_free(&l->batch);
	free(l->path);
	free(l->attrs);
	*l = (struct logfile){.fd = -1};
}
