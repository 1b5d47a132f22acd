/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Header blocks: ustar (POSIX.1-1988) and pax records (POSIX.1-2001). Pure. */
#include <cli/tar_head.h>

#include <sys/sysmacros.h>

struct ustar {
	char name[100], mode[8], uid[8], gid[8], size[12], mtime[12], checksum[8], type;
	char target[100], magic[6], version[2], user[32], group[32], major[8], minor[8];
	char prefix[155], pad[12];
};
_Static_assert(sizeof(struct ustar) == TAR_BLOCK, "a header is one block");

#define MAX_OCTAL_12 077777777777LL /* 8 GiB - 1 */
#define MAX_OCTAL_8 07777777LL

/* Octal with a final NUL; what does not fit is in a pax record, here 0. */
static void octal(char *field, size_t size, long long value)
{
	char text[24];
	long long max = size == 12 ? MAX_OCTAL_12 : MAX_OCTAL_8;
	if (value < 0 || value > max)
		value = 0;
	snprintf(text, sizeof text, "%0*llo", (int)size - 1, value);
	memcpy(field, text, size);
}

/* Text without its NUL where the field is full. */
static void text(char *field, size_t size, const char *s)
{
	size_t n = strnlen(s, size);
	memcpy(field, s, n);
}

/* "LEN key=value\n", where LEN counts itself. */
static void record(struct buf *out, const char *key, const char *value)
{
	size_t rest = strlen(key) + strlen(value) + 3, digits = 1;
	while (true) {
		char number[24];
		size_t len = (size_t)snprintf(number, sizeof number, "%zu", rest + digits);
		if (len == digits)
			break;
		digits = len;
	}
	buf_printf(out, "%zu %s=%s\n", rest + digits, key, value);
}

static void record_number(struct buf *out, const char *key, long long value)
{
	char number[24];
	snprintf(number, sizeof number, "%lld", value);
	record(out, key, number);
}

/* Where a slash divides the name so that both parts fit ustar; NULL = nowhere. */
static const char *split_at(const char *name, size_t len)
{
	if (len <= 100)
		return name;
	for (const char *p = name + len; p > name; p--)
		if (*p == '/' && (size_t)(name + len - p - 1) <= 100 && p[1] &&
		    (size_t)(p - name) <= 155)
			return p + 1;
	return NULL;
}

static void set_name(struct ustar *h, const char *name)
{
	const char *last = split_at(name, strlen(name));
	if (!last) {
		text(h->name, sizeof h->name, name); /* cut; the pax record has it whole */
		return;
	}
	text(h->name, sizeof h->name, last);
	if (last > name)
		memcpy(h->prefix, name, (size_t)(last - name - 1));
}

static void finish(struct buf *out, struct ustar *h)
{
	unsigned sum = 0;
	memcpy(h->magic, "ustar", 6);
	memcpy(h->version, "00", 2);
	memset(h->checksum, ' ', sizeof h->checksum);
	for (size_t i = 0; i < sizeof *h; i++)
		sum += ((unsigned char *)h)[i];
	snprintf(h->checksum, sizeof h->checksum, "%06o", sum);
	buf_add(out, h, sizeof *h);
}

static void pad(struct buf *out, size_t len)
{
	static const char zero[TAR_BLOCK];
	if (len % TAR_BLOCK)
		buf_add(out, zero, TAR_BLOCK - len % TAR_BLOCK);
}

static void pax_header(struct buf *out, const struct buf *records)
{
	struct ustar h = {.type = 'x'};
	text(h.name, sizeof h.name, "PaxHeader");
	octal(h.mode, sizeof h.mode, 0644);
	octal(h.uid, sizeof h.uid, 0);
	octal(h.gid, sizeof h.gid, 0);
	octal(h.size, sizeof h.size, (long long)records->len);
	octal(h.mtime, sizeof h.mtime, 0);
	finish(out, &h);
	buf_add(out, records->data, records->len);
	pad(out, records->len);
}

static void pax_records(struct buf *records, const struct tar_entry *e, const char *name,
			long long size)
{
	if (!split_at(name, strlen(name)))
		record(records, "path", name);
	if (e->target && strlen(e->target) > 100)
		record(records, "linkpath", e->target);
	if (size > MAX_OCTAL_12)
		record_number(records, "size", size);
	if (e->st.st_uid > MAX_OCTAL_8)
		record_number(records, "uid", e->st.st_uid);
	if (e->st.st_gid > MAX_OCTAL_8)
		record_number(records, "gid", e->st.st_gid);
	if (e->st.st_mtim.tv_sec < 0 || e->st.st_mtim.tv_sec > MAX_OCTAL_12)
		record_number(records, "mtime", e->st.st_mtim.tv_sec);
}

void tar_head(struct buf *out, const struct tar_entry *e)
{
	struct ustar h = {.type = e->type};
	_cleanup_buf_ struct buf records = BUF_INIT;
	_cleanup_buf_ struct buf name = BUF_INIT;
	long long size = e->type == '0' ? e->st.st_size : 0;
	buf_printf(&name, "%s%s", e->name, e->type == '5' ? "/" : "");
	if (name.failed) {
		out->failed = true;
		return;
	}
	pax_records(&records, e, name.data, size);
	if (records.len)
		pax_header(out, &records);
	set_name(&h, name.data);
	octal(h.mode, sizeof h.mode, e->st.st_mode & 07777);
	octal(h.uid, sizeof h.uid, e->st.st_uid);
	octal(h.gid, sizeof h.gid, e->st.st_gid);
	octal(h.size, sizeof h.size, size);
	octal(h.mtime, sizeof h.mtime, e->st.st_mtim.tv_sec);
	if (e->target)
		text(h.target, sizeof h.target, e->target);
	octal(h.major, sizeof h.major, e->type == '3' || e->type == '4' ? major(e->st.st_rdev) : 0);
	octal(h.minor, sizeof h.minor, e->type == '3' || e->type == '4' ? minor(e->st.st_rdev) : 0);
	finish(out, &h);
	out->failed = out->failed || records.failed;
}
