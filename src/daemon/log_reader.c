/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Owns the way through a container's log files: oldest wanted file first,
 * from the place where the wanted tail begins, on to the file being written,
 * over a rotation that happens meanwhile. Reads blocks, keeps one open file.
 */
#include "log_reader.h"

#include <base/ident.h>
#include <base/path.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#define BLOCK (64U * 1024)
#define LINE_MAX_BYTES (1024U * 1024)
#define MAX_FILES 1000

struct log_reader {
	char *path;
	struct log_query q;
	int fd;
	ino_t inode;
	unsigned index; /* 0 = PATH, n = PATH.n */
	struct buf raw; /* bytes of a line that is not complete yet */
	bool skipping;  /* within a line that is too long */
	struct buf text;
};

static int open_index(const char *path, unsigned index)
{
	_cleanup_free_ char *name = index ? path_printf("%s.%u", path, index) : strdup(path);
	return name ? open(name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW) : -1;
}

static ino_t inode_of(int fd)
{
	struct stat st;
	return fd >= 0 && fstat(fd, &st) == 0 ? st.st_ino : 0;
}

static void use_file(struct log_reader *r, int fd, unsigned index)
{
	cleanup_close_p(&r->fd);
	r->fd = fd;
	r->index = index;
	r->inode = inode_of(fd);
	r->raw.len = 0;
	r->skipping = false;
}

/* Where the last `*left` lines of a file begin; *left becomes what the file did not have. */
static off_t tail_offset(int fd, int64_t *left)
{
	static char block[BLOCK];
	off_t end = lseek(fd, 0, SEEK_END);
	/* The newline that ends the last line does not begin a further one. */
	bool last = true;
	while (end > 0) {
		size_t n = end < (off_t)sizeof(block) ? (size_t)end : sizeof(block);
		off_t begin = end - (off_t)n;
		if (pread(fd, block, n, begin) != (ssize_t)n)
			return 0;
		for (size_t i = n; i-- > 0;) {
			if (block[i] != '\n')
				continue;
			if (!last && --*left == 0)
				return begin + (off_t)i + 1;
			last = false;
		}
		end = begin;
	}
	if (!last)
		--*left;
	return 0;
}

static unsigned count_files(const char *path)
{
	unsigned n = 0;
	for (; n < MAX_FILES; n++) {
		_cleanup_free_ char *name = path_printf("%s.%u", path, n + 1);
		if (!name || access(name, F_OK) < 0)
			break;
	}
	return n;
}

/* The file and offset to begin with. */
static void seek_begin(struct log_reader *r)
{
	unsigned oldest = count_files(r->path);
	int64_t left = r->q.tail;
	if (left < 0) {
		use_file(r, open_index(r->path, oldest), oldest);
		return;
	}
	for (unsigned i = 0; i <= oldest; i++) {
		int fd = open_index(r->path, i);
		off_t at = fd >= 0 && left > 0    ? tail_offset(fd, &left)
			   : fd >= 0 && left <= 0 ? lseek(fd, 0, SEEK_END)
						  : 0;
		if (left <= 0 || i == oldest) {
			use_file(r, fd, i);
			if (fd >= 0)
				(void)lseek(fd, at, SEEK_SET);
			return;
		}
		cleanup_close_p(&fd);
	}
}

int log_reader_open(const char *path, const struct log_query *q, struct log_reader **ret,
		    struct crl_err *err)
{
	struct log_reader *r = calloc(1, sizeof(*r));
	if (!r)
		return crl_fail_oom(err);
	r->fd = -1;
	r->q = *q;
	r->path = strdup(path);
	if (!r->path) {
		log_reader_close(r);
		return crl_fail_oom(err);
	}
	seek_begin(r);
	*ret = r;
	return 0;
}

void log_reader_close(struct log_reader *r)
{
	if (!r)
		return;
	cleanup_close_p(&r->fd);
	buf_free(&r->raw);
	buf_free(&r->text);
	free(r->path);
	free(r);
}

/* False when the line lies behind `until`. */
static bool give(struct log_reader *r, const char *line, size_t len,
		 void (*cb)(const struct log_line *, void *), void *data)
{
	struct log_line l;
	if (!log_line_parse(line, len, &r->text, &l))
		return true;
	if (r->q.until && l.time > r->q.until)
		return false;
	if (!r->q.since || l.time >= r->q.since)
		cb(&l, data);
	return true;
}

static bool feed(struct log_reader *r, const char *block, size_t n,
		 void (*cb)(const struct log_line *, void *), void *data)
{
	while (n > 0) {
		const char *nl = memchr(block, '\n', n);
		size_t part = nl ? (size_t)(nl - block) : n;
		bool more = true;
		if (!r->skipping && (r->raw.len || !nl))
			buf_add(&r->raw, block, part);
		if (nl && !r->skipping)
			more = r->raw.len ? give(r, r->raw.data, r->raw.len, cb, data)
					  : give(r, block, part, cb, data);
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

/* At the end of a file: the next younger one. 0 = there is none yet. */
static int next_file(struct log_reader *r)
{
	unsigned at = 0;
	if (r->fd < 0) {
		int fd = open_index(r->path, 0);
		if (fd < 0)
			return 0;
		use_file(r, fd, 0);
		return 1;
	}
	/* A rotation may have renamed the open file: find where it stands now. */
	for (;; at++) {
		_cleanup_close_ int fd = open_index(r->path, at);
		if (fd < 0 && at > 0) {
			at = r->index; /* it was dropped: the oldest that is left follows */
			break;
		}
		if (inode_of(fd) == r->inode)
			break;
	}
	if (at == 0)
		return 0;
	int fd = open_index(r->path, at - 1);
	if (fd < 0)
		return 0;
	use_file(r, fd, at - 1);
	return 1;
}

int log_reader_next(struct log_reader *r, void (*cb)(const struct log_line *line, void *data),
		    void *data, struct crl_err *err)
{
	static char block[BLOCK];
	ssize_t n = r->fd >= 0 ? read(r->fd, block, sizeof(block)) : 0;
	if (n < 0)
		return errno == EINTR ? 1 : crl_fail_sys(err, errno, "%s", r->path);
	if (n == 0)
		return next_file(r);
	return feed(r, block, (size_t)n, cb, data) ? 1 : 2;
}
