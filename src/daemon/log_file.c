/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Owns an open file of a log and its decompression. Files change their names
 * while they are read: what they are is told by the inode, which a compressed
 * file remembers in its header (src/monitor/logfile_gzip.c). See RFC 1952.
 */
#include "log_file.h"

#include <base/cleanup.h>
#include <base/path.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#define IN_SIZE 16384U
#define GZIP_FORM (15 + 16)
#define FILES_MAX 1000U
#define FLAG_EXTRA 4

struct log_inflate {
	z_stream z;
	bool end;
	uint8_t in[IN_SIZE];
};

static int open_form(const char *path, unsigned index, const char *suffix)
{
	_cleanup_free_ char *name =
		index ? path_printf("%s.%u%s", path, index, suffix) : path_printf("%s", path);
	return name ? open(name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW) : -1;
}

static uint64_t inode_of(int fd)
{
	struct stat st;
	return fstat(fd, &st) == 0 ? st.st_ino : 0;
}

static uint64_t written_of(int fd)
{
	struct stat st;
	if (fstat(fd, &st) < 0)
		return 0;
	return (uint64_t)st.st_mtim.tv_sec * 1000000000 + (uint64_t)st.st_mtim.tv_nsec;
}

static uint64_t get64(const uint8_t *p)
{
	uint64_t v = 0;
	for (unsigned i = 0; i < 8; i++)
		v |= (uint64_t)p[i] << 8 * i;
	return v;
}

/* The subfield "cl" of the header. */
static void read_identity(struct log_file *f)
{
	uint8_t h[32];
	if (pread(f->fd, h, sizeof(h), 0) != (ssize_t)sizeof(h) || h[0] != 0x1F || h[1] != 0x8B ||
	    !(h[3] & FLAG_EXTRA) || h[10] != 20 || h[11] || memcmp(h + 12, "cl\x10\0", 4) != 0)
		return;
	f->inode = get64(h + 16);
	f->written = get64(h + 24);
}

/* Two plain files that are open at once are told apart by their inodes alone. */
static bool same_file(const struct log_file *a, const struct log_file *b)
{
	if (a->inode != b->inode)
		return false;
	if (!a->inflate && !b->inflate)
		return true;
	return (a->inflate ? a->written : written_of(a->fd)) ==
	       (b->inflate ? b->written : written_of(b->fd));
}

static struct log_inflate *inflate_new(void)
{
	struct log_inflate *i = calloc(1, sizeof(*i));
	if (i && inflateInit2(&i->z, GZIP_FORM) != Z_OK) {
		free(i);
		return NULL;
	}
	return i;
}

bool log_file_open(const char *path, unsigned index, struct log_file *ret)
{
	*ret = (struct log_file){.fd = open_form(path, index, ""), .index = index};
	if (ret->fd >= 0) {
		ret->inode = inode_of(ret->fd);
		return true;
	}
	if (!index || (ret->fd = open_form(path, index, ".gz")) < 0)
		return false;
	read_identity(ret);
	ret->inflate = inflate_new();
	if (ret->inflate)
		return true;
	log_file_close(ret);
	return false;
}

void log_file_close(struct log_file *f)
{
	if (f->inflate)
		(void)inflateEnd(&f->inflate->z);
	free(f->inflate);
	cleanup_close_p(&f->fd);
	*f = (struct log_file)LOG_FILE_INIT;
}

/* 1 = there is input, 0 = none is left, -1 = errno. */
static int refill(struct log_file *f)
{
	struct log_inflate *i = f->inflate;
	if (i->z.avail_in)
		return 1;
	ssize_t n;
	do
		n = read(f->fd, i->in, IN_SIZE);
	while (n < 0 && errno == EINTR);
	if (n <= 0)
		return (int)n;
	i->z.next_in = i->in;
	i->z.avail_in = (uInt)n;
	return 1;
}

static ssize_t read_inflated(struct log_file *f, void *buf, size_t size)
{
	struct log_inflate *i = f->inflate;
	i->z.next_out = buf;
	i->z.avail_out = (uInt)size;
	while (i->z.avail_out && !i->end) {
		int r = refill(f);
		if (r < 0)
			return -1;
		if (r == 0)
			break;
		r = inflate(&i->z, Z_NO_FLUSH);
		i->end = r != Z_OK && r != Z_BUF_ERROR;
	}
	return (ssize_t)(size - i->z.avail_out);
}

ssize_t log_file_read(struct log_file *f, void *buf, size_t size)
{
	return f->inflate ? read_inflated(f, buf, size) : read(f->fd, buf, size);
}

unsigned log_file_oldest(const char *path)
{
	unsigned n = 0;
	for (; n < FILES_MAX; n++) {
		_cleanup_free_ char *plain = path_printf("%s.%u", path, n + 1);
		_cleanup_free_ char *packed = path_printf("%s.%u.gz", path, n + 1);
		if (!plain || !packed || (access(plain, F_OK) < 0 && access(packed, F_OK) < 0))
			break;
	}
	return n;
}

bool log_file_find(const struct log_file *f, const char *path, unsigned *ret_index)
{
	unsigned oldest = log_file_oldest(path);
	for (unsigned i = 0; f->inode && i <= oldest; i++) {
		struct log_file other;
		bool same = log_file_open(path, i, &other) && same_file(&other, f);
		log_file_close(&other);
		if (!same)
			continue;
		*ret_index = i;
		return true;
	}
	return false;
}

bool log_file_rewound(const struct log_file *f)
{
	struct stat st;
	off_t at = f->inflate ? 0 : lseek(f->fd, 0, SEEK_CUR);
	return at > 0 && fstat(f->fd, &st) == 0 && st.st_size < at &&
	       lseek(f->fd, 0, SEEK_SET) == 0;
}
