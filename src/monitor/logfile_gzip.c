/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Owns the compression of a log file that is full: a slice a turn of the loop,
 * since the container's output must not wait for it, under another name until
 * it is whole. It may fail at any time: then the file stays as it was.
 * See RFC 1952 (header, extra field), rename(2).
 */
#include "logfile.h"

#include <base/cleanup.h>
#include <base/log.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#define SLICE 32768U
#define PAUSE_NS 1000000LL
#define GZIP_FORM (15 + 16)
#define MEMORY_LEVEL 8

struct logfile_gzip {
	struct loop *loop;
	struct loop_timer turn;
	char path[PATH_MAX], to[PATH_MAX], part[PATH_MAX];
	int in, out;
	bool done, deflating;
	z_stream z;
	gz_header header;
	uint8_t extra[20];
	uint8_t raw[SLICE], packed[SLICE];
};

/* The part goes when it is not whole; all memory but the handle's is given back. */
static void finish(struct logfile_gzip *g, bool whole)
{
	if (g->done)
		return;
	g->done = true;
	loop_timer_stop(g->loop, &g->turn);
	if (g->deflating)
		(void)deflateEnd(&g->z);
	cleanup_close_p(&g->in);
	cleanup_close_p(&g->out);
	if (whole && rename(g->part, g->to) == 0)
		(void)unlink(g->path);
	else
		(void)unlink(g->part);
}

static bool write_packed(struct logfile_gzip *g)
{
	size_t len = SLICE - g->z.avail_out;
	const uint8_t *p = g->packed;
	while (len) {
		ssize_t n = write(g->out, p, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		p += n;
		len -= (size_t)n;
	}
	return true;
}

/* 1 = there is more, 0 = whole, -1 = failed. */
static int slice(struct logfile_gzip *g)
{
	ssize_t n = read(g->in, g->raw, SLICE);
	if (n < 0)
		return errno == EINTR ? 1 : -1;
	g->z.next_in = g->raw;
	g->z.avail_in = (uInt)n;
	int r;
	do {
		g->z.next_out = g->packed;
		g->z.avail_out = SLICE;
		r = deflate(&g->z, n ? Z_NO_FLUSH : Z_FINISH);
		if (r == Z_STREAM_ERROR || !write_packed(g))
			return -1;
	} while (g->z.avail_out == 0);
	return r == Z_STREAM_END ? 0 : 1;
}

static void on_turn(struct loop_timer *t)
{
	struct logfile_gzip *g = CONTAINER_OF(t, struct logfile_gzip, turn);
	int r = slice(g);
	if (r > 0)
		loop_timer_set(g->loop, &g->turn, PAUSE_NS);
	else
		finish(g, r == 0);
}

static void put64(uint8_t *p, uint64_t v)
{
	for (unsigned i = 0; i < 8; i++)
		p[i] = (uint8_t)(v >> 8 * i);
}

/* Subfield "cl": the inode, and when it was last written (numbers of inodes come back). */
static void set_header(struct logfile_gzip *g, const struct stat *st)
{
	static const uint8_t id[4] = {'c', 'l', 16, 0};
	memcpy(g->extra, id, sizeof(id));
	put64(g->extra + 4, st->st_ino);
	put64(g->extra + 12,
	      (uint64_t)st->st_mtim.tv_sec * NS_PER_SEC + (uint64_t)st->st_mtim.tv_nsec);
	g->header = (gz_header){.os = 3, .extra = g->extra, .extra_len = sizeof(g->extra)};
	(void)deflateSetHeader(&g->z, &g->header);
}

static bool open_both(struct logfile_gzip *g, const char *path)
{
	struct stat st;
	int a = snprintf(g->path, PATH_MAX, "%s", path);
	int b = snprintf(g->to, PATH_MAX, "%s.gz", path);
	int c = snprintf(g->part, PATH_MAX, "%s.gz.part", path);
	if (a >= PATH_MAX || b >= PATH_MAX || c >= PATH_MAX)
		return false;
	g->in = open(g->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	g->out = open(g->part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0640);
	if (g->in < 0 || g->out < 0 || fstat(g->in, &st) < 0 ||
	    deflateInit2(&g->z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, GZIP_FORM, MEMORY_LEVEL,
			 Z_DEFAULT_STRATEGY) != Z_OK)
		return false;
	g->deflating = true;
	set_header(g, &st);
	return true;
}

struct logfile_gzip *logfile_gzip_start(struct loop *loop, const char *path)
{
	struct logfile_gzip *g = calloc(1, sizeof(*g));
	if (!g)
		return NULL;
	g->loop = loop;
	g->turn.fire = on_turn;
	g->in = g->out = -1;
	if (!open_both(g, path)) {
		log_warn("log not compressed", "file", path, NULL);
		logfile_gzip_stop(g);
		return NULL;
	}
	loop_timer_set(loop, &g->turn, PAUSE_NS);
	return g;
}

bool logfile_gzip_done(const struct logfile_gzip *g)
{
	return g->done;
}

void logfile_gzip_stop(struct logfile_gzip *g)
{
	if (g)
		finish(g, false);
	free(g);
}
