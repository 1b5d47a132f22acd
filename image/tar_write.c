/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The tar writer: one spelling for every entry, so that the same files give
 * the same bytes and the same digest anywhere. ustar, and a pax header only
 * for what ustar cannot hold; numeric owners; whole seconds; nothing of the
 * machine it runs on. See pax(1).
 */
#include "tar.h"

#include <inttypes.h>

#define OCTAL_ID_MAX 07777777         /* 7 digits */
#define OCTAL_SIZE_MAX 077777777777LL /* 11 digits */

struct ustar {
	char name[100], mode[8], uid[8], gid[8], size[12], mtime[12], checksum[8], type, link[100];
	char magic[6], version[2], uname[32], gname[32], major[8], minor[8], prefix[155], pad[12];
};
_Static_assert(sizeof(struct ustar) == TAR_BLOCK, "a tar header is one block");

static void octal(char *field, size_t size, uint64_t v)
{
	field[size - 1] = '\0';
	for (size_t i = size - 1; i > 0; i--, v >>= 3)
		field[i - 1] = (char)('0' + (v & 7));
}

static void checksum(struct ustar *h)
{
	const uint8_t *b = (const uint8_t *)h;
	unsigned sum = 0;

	memset(h->checksum, ' ', sizeof(h->checksum));
	for (size_t i = 0; i < TAR_BLOCK; i++)
		sum += b[i];
	octal(h->checksum, 7, sum);
	h->checksum[7] = ' ';
}

static void fill(struct ustar *h, const struct tar_entry *e)
{
	bool time_fits = e->mtime >= 0 && e->mtime <= OCTAL_SIZE_MAX;

	memset(h, 0, sizeof(*h));
	memcpy(h->name, e->name, strnlen(e->name, sizeof(h->name)));
	if (e->link)
		memcpy(h->link, e->link, strnlen(e->link, sizeof(h->link)));
	octal(h->mode, sizeof(h->mode), e->mode & 07777);
	octal(h->uid, sizeof(h->uid), e->uid <= OCTAL_ID_MAX ? e->uid : 0);
	octal(h->gid, sizeof(h->gid), e->gid <= OCTAL_ID_MAX ? e->gid : 0);
	octal(h->size, sizeof(h->size), e->size <= OCTAL_SIZE_MAX ? (uint64_t)e->size : 0);
	octal(h->mtime, sizeof(h->mtime), time_fits ? (uint64_t)e->mtime : 0);
	h->type = e->type;
	memcpy(h->magic, "ustar", 6);
	memcpy(h->version, "00", 2);
	octal(h->major, sizeof(h->major), e->major);
	octal(h->minor, sizeof(h->minor), e->minor);
	checksum(h);
}

/* "LENGTH key=value\n", where LENGTH counts itself. */
static void add_record(struct buf *b, const char *key, const char *prefix, const void *value,
		       size_t len)
{
	size_t body = strlen(prefix) + strlen(key) + len + 3, total = body + 1, digits;

	for (;;) {
		digits = (size_t)snprintf(NULL, 0, "%zu", total);
		if (body + digits == total)
			break;
		total = body + digits;
	}
	buf_printf(b, "%zu %s%s=", total, prefix, key);
	buf_add(b, value, len);
	buf_putc(b, '\n');
}

static void add_number(struct buf *b, const char *key, int64_t v)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRId64, v);
	add_record(b, key, "", text, strlen(text));
}

static int compare_xattrs(const void *a, const void *b)
{
	return strcmp(((const struct tar_xattr *)a)->name, ((const struct tar_xattr *)b)->name);
}

/* Sorted by key; capital letters come first, as in ASCII. */
static void collect(struct buf *b, const struct tar_entry *e)
{
	if (e->n_xattrs > 1)
		qsort(e->xattrs, e->n_xattrs, sizeof(*e->xattrs), compare_xattrs);
	for (size_t i = 0; i < e->n_xattrs; i++)
		add_record(b, e->xattrs[i].name, "SCHILY.xattr.", e->xattrs[i].value,
			   e->xattrs[i].len);
	if (e->gid > OCTAL_ID_MAX)
		add_number(b, "gid", e->gid);
	if (e->link && strlen(e->link) > sizeof(((struct ustar *)0)->link))
		add_record(b, "linkpath", "", e->link, strlen(e->link));
	if (e->mtime < 0 || e->mtime > OCTAL_SIZE_MAX)
		add_number(b, "mtime", e->mtime);
	if (strlen(e->name) > sizeof(((struct ustar *)0)->name))
		add_record(b, "path", "", e->name, strlen(e->name));
	if (e->size > OCTAL_SIZE_MAX)
		add_number(b, "size", e->size);
	if (e->uid > OCTAL_ID_MAX)
		add_number(b, "uid", e->uid);
}

int tar_write_padding(int64_t size, tar_sink sink, void *data, struct crl_err *err)
{
	static const char zeros[TAR_BLOCK];
	size_t n = (size_t)(-size & (TAR_BLOCK - 1));

	return n ? sink(data, zeros, n, err) : 0;
}

static int write_pax(const struct buf *records, tar_sink sink, void *data, struct crl_err *err)
{
	struct tar_entry x = {.name = (char *)"PaxHeaders/entry",
			      .type = 'x',
			      .mode = 0644,
			      .size = (int64_t)records->len};
	struct ustar h;

	fill(&h, &x);
	if (sink(data, &h, sizeof(h), err) < 0 || sink(data, records->data, records->len, err) < 0)
		return -1;
	return tar_write_padding(x.size, sink, data, err);
}

int tar_write_header(const struct tar_entry *e, tar_sink sink, void *data, struct crl_err *err)
{
	_cleanup_buf_ struct buf records = BUF_INIT;
	struct ustar h;

	collect(&records, e);
	if (records.failed)
		return crl_fail_oom(err);
	if (records.len && write_pax(&records, sink, data, err) < 0)
		return -1;
	fill(&h, e);
	return sink(data, &h, sizeof(h), err);
}

int tar_write_end(tar_sink sink, void *data, struct crl_err *err)
{
	static const char zeros[2 * TAR_BLOCK];

	return sink(data, zeros, sizeof(zeros), err);
}
