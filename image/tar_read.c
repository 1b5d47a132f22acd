/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The tar reader. Strict where readers differ: checksums, numbers, sizes,
 * what follows a zero block. Bounded everywhere: nothing is allocated by a
 * size that an archive claims. Owns the archive's structure, not the meaning
 * of names (unpack.c). See tar(5), pax(1).
 */
#include "tar_header.h"

#include <inttypes.h>

#define BUFFER_SIZE (512U * 1024)

struct tar_reader {
	struct stream *source;
	uint8_t *buf;
	size_t pos, len;
	struct tar_entry entry;
	struct pax pax;
	char *long_name, *long_link;
	int64_t left;    /* bytes of the entry in the stream, not yet handed out */
	int64_t padding; /* zeros after them */
	size_t segment;  /* sparse: the one being read */
	int64_t offset;  /* where the next byte belongs in the file */
	bool ended;
};

void tar_entry_clear(struct tar_entry *e)
{
	for (size_t i = 0; i < e->n_xattrs; i++) {
		free(e->xattrs[i].name);
		free(e->xattrs[i].value);
	}
	free(e->xattrs);
	free(e->sparse);
	free(e->name);
	free(e->link);
	*e = (struct tar_entry){0};
}

void tar_reader_free(struct tar_reader *t)
{
	tar_entry_clear(&t->entry);
	pax_free(&t->pax);
	free(t->long_name);
	free(t->long_link);
	free(t->buf);
	free(t);
}

int tar_reader_new(struct stream *source, struct tar_reader **ret, struct crl_err *err)
{
	_cleanup_tar_reader_ struct tar_reader *t = calloc(1, sizeof(*t));

	if (!t)
		return crl_fail_oom(err);
	t->source = source;
	t->buf = malloc(BUFFER_SIZE);
	if (!t->buf)
		return crl_fail_oom(err);
	*ret = take_ptr(t);
	return 0;
}

static ssize_t fill(struct tar_reader *t, struct crl_err *err)
{
	if (t->pos < t->len)
		return (ssize_t)(t->len - t->pos);
	ssize_t n = stream_read(t->source, t->buf, BUFFER_SIZE, err);
	if (n < 0)
		return -1;
	t->pos = 0;
	t->len = (size_t)n;
	return n;
}

static int too_short(struct crl_err *err)
{
	return crl_fail(err, CRL_INVALID, "archive ends too early");
}

/* Copies exactly `len` bytes: 1, 0 = the stream had ended before the first one, -1. */
static int take(struct tar_reader *t, void *to, size_t len, struct crl_err *err)
{
	size_t got = 0;

	while (got < len) {
		ssize_t n = fill(t, err);
		if (n < 0)
			return -1;
		if (n == 0)
			return got == 0 ? 0 : too_short(err);
		size_t part = (size_t)n < len - got ? (size_t)n : len - got;
		memcpy((char *)to + got, t->buf + t->pos, part);
		t->pos += part;
		got += part;
	}
	return 1;
}

static int skip(struct tar_reader *t, int64_t len, struct crl_err *err)
{
	while (len > 0) {
		ssize_t n = fill(t, err);
		if (n < 0)
			return -1;
		if (n == 0)
			return too_short(err);
		if (n > len)
			n = (ssize_t)len;
		t->pos += (size_t)n;
		len -= n;
	}
	return 0;
}

/*
 * What fills the last block up. The docker client sends a context without it when the build
 * file is not in it, so an end there is the archive's end.
 */
static int skip_padding(struct tar_reader *t, int64_t len, struct crl_err *err)
{
	while (len > 0) {
		ssize_t n = fill(t, err);
		if (n <= 0)
			return (int)n;
		if (n > len)
			n = (ssize_t)len;
		t->pos += (size_t)n;
		len -= n;
	}
	return 0;
}

static int64_t round_up(int64_t n)
{
	return (n + TAR_BLOCK - 1) / TAR_BLOCK * TAR_BLOCK;
}

static char *field_string(const char *field, size_t size)
{
	return strndup(field, size);
}

/* ustar splits long names in two; GNU uses the place of the prefix for other things. */
static int header_names(const struct tar_header *h, struct tar_entry *e, struct crl_err *err)
{
	bool has_prefix = memcmp(h->magic, "ustar\0", 6) == 0 && h->prefix[0];

	e->link = field_string(h->link, sizeof(h->link));
	if (!has_prefix)
		e->name = field_string(h->name, sizeof(h->name));
	else if (asprintf(&e->name, "%.*s/%.*s", (int)sizeof(h->prefix), h->prefix,
			  (int)sizeof(h->name), h->name) < 0)
		e->name = NULL;
	return e->name && e->link ? 0 : crl_fail_oom(err);
}

static int header_ids(const struct tar_header *h, struct tar_entry *e, struct crl_err *err)
{
	int64_t mode, uid, gid, mtime, major = 0, minor = 0;

	if (TAR_NUMBER(h->mode, 0, INT64_MAX, "mode", &mode, err) < 0 ||
	    TAR_NUMBER(h->uid, 0, (int64_t)UINT32_MAX - 1, "owner", &uid, err) < 0 ||
	    TAR_NUMBER(h->gid, 0, (int64_t)UINT32_MAX - 1, "group", &gid, err) < 0 ||
	    TAR_NUMBER(h->mtime, INT64_MIN / 2, INT64_MAX / 2, "time", &mtime, err) < 0)
		return -1;
	if ((h->type == '3' || h->type == '4') &&
	    (TAR_NUMBER(h->major, 0, 0xfff, "device number", &major, err) < 0 ||
	     TAR_NUMBER(h->minor, 0, 0xfffff, "device number", &minor, err) < 0))
		return -1;
	e->mode = (uint32_t)(mode & 07777);
	e->uid = (uint32_t)uid;
	e->gid = (uint32_t)gid;
	e->mtime = mtime;
	e->major = (uint32_t)major;
	e->minor = (uint32_t)minor;
	return 0;
}

static int old_gnu_segment(struct tar_entry *e, const char *at, struct crl_err *err)
{
	int64_t offset, size;

	if (at[0] == '\0')
		return 0;
	if (tar_number(at, 12, 0, TAR_SIZE_MAX, "sparse map", &offset, err) < 0 ||
	    tar_number(at + 12, 12, 0, TAR_SIZE_MAX, "sparse map", &size, err) < 0)
		return -1;
	return tar_entry_add_segment(e, offset, size, err);
}

static int old_gnu_sparse(struct tar_reader *t, const struct tar_header *h, struct crl_err *err)
{
	struct tar_entry *e = &t->entry;
	char more[TAR_BLOCK];
	bool extended = h->gnu.is_extended;

	if (TAR_NUMBER(h->gnu.real_size, 0, TAR_SIZE_MAX, "size", &e->size, err) < 0)
		return -1;
	for (int i = 0; i < 4; i++)
		if (old_gnu_segment(e, h->gnu.sparse[i], err) < 0)
			return -1;
	while (extended) {
		int r = take(t, more, sizeof(more), err);
		if (r <= 0)
			return r < 0 ? -1 : too_short(err);
		for (int i = 0; i < 21; i++)
			if (old_gnu_segment(e, more + i * 24, err) < 0)
				return -1;
		extended = more[504];
		/* A block without a single piece would let a chain of them go on for ever. */
		if (extended && more[0] == '\0')
			return crl_fail(err, CRL_INVALID, "malformed sparse map");
	}
	return 0;
}

/* One decimal line of the map that pax 1.0 puts in front of the data; counts what it took. */
static int map_line(struct tar_reader *t, int64_t *ret, struct crl_err *err)
{
	int64_t v = 0;
	uint8_t c = 0;

	for (int digits = 0;; digits++) {
		if (t->entry.stored <= 0)
			return crl_fail(err, CRL_INVALID, "malformed sparse map");
		int r = take(t, &c, 1, err);
		if (r <= 0)
			return r < 0 ? -1 : too_short(err);
		t->entry.stored--;
		if (c == '\n' && digits > 0)
			break;
		if (c < '0' || c > '9' || digits > 16)
			return crl_fail(err, CRL_INVALID, "malformed sparse map");
		v = v * 10 + (c - '0');
	}
	*ret = v;
	return 0;
}

static int pax_1_0_sparse(struct tar_reader *t, struct crl_err *err)
{
	int64_t before = t->entry.stored, n, offset, size;

	if (map_line(t, &n, err) < 0)
		return -1;
	if (n > TAR_SPARSE_MAX)
		return crl_fail(err, CRL_LIMIT, "sparse file with more than %d pieces",
				TAR_SPARSE_MAX);
	for (; n > 0; n--)
		if (map_line(t, &offset, err) < 0 || map_line(t, &size, err) < 0 ||
		    tar_entry_add_segment(&t->entry, offset, size, err) < 0)
			return -1;
	int64_t used = before - t->entry.stored, fill_up = round_up(used) - used;
	if (fill_up > t->entry.stored)
		return crl_fail(err, CRL_INVALID, "malformed sparse map");
	t->entry.stored -= fill_up;
	return skip(t, fill_up, err);
}

static int check_sparse(const struct tar_entry *e, struct crl_err *err)
{
	int64_t sum = 0, end = 0;

	for (size_t i = 0; i < e->n_sparse; i++) {
		sum += e->sparse[i].size;
		end = e->sparse[i].offset + e->sparse[i].size;
		if (sum > TAR_SIZE_MAX)
			break;
	}
	if (sum != e->stored || end > e->size)
		return crl_fail(err, CRL_INVALID, "sparse map does not fit the file's size");
	return 0;
}

static int sparse_maps(struct tar_reader *t, const struct tar_header *h, struct crl_err *err)
{
	struct tar_entry *e = &t->entry;
	const char *major = strmap_get(&t->pax.values, "GNU.sparse.major");
	bool is_1_0 = str_eq(major, "1");

	if (h->type == 'S' && old_gnu_sparse(t, h, err) < 0)
		return -1;
	if (is_1_0 && pax_1_0_sparse(t, err) < 0)
		return -1;
	if (h->type == 'S' || is_1_0 || e->n_sparse > 0 || e->size != e->stored)
		return check_sparse(e, err);
	return 0;
}

/* Moves a long name read before into place. */
static void apply_long_names(struct tar_reader *t)
{
	if (t->long_name) {
		free(t->entry.name);
		t->entry.name = take_ptr(t->long_name);
	}
	if (t->long_link) {
		free(t->entry.link);
		t->entry.link = take_ptr(t->long_link);
	}
}

static int entry_type(const struct tar_header *h, struct tar_entry *e, struct crl_err *err)
{
	size_t len = strlen(e->name);

	switch (h->type) {
	case '\0':
	case '0':
	case '7':
	case 'S':
		/* V7 had no type for directories but a slash at the end. */
		e->type = len > 0 && e->name[len - 1] == '/' ? '5' : '0';
		return 0;
	case '1':
	case '2':
	case '3':
	case '4':
	case '5':
	case '6': e->type = h->type; return 0;
	default:
		return crl_fail(err, CRL_UNSUPPORTED, "%.200s: unknown entry type '%c'", e->name,
				h->type >= 32 && h->type < 127 ? h->type : '?');
	}
}

static int begin_data(struct tar_reader *t, const struct tar_header *h, int64_t size,
		      struct crl_err *err)
{
	struct tar_entry *e = &t->entry;

	/* The rest of the types has no content, whatever the header says (as Go's reader has it).
	 */
	if (e->type != '0' && e->type != '1')
		e->size = e->stored = size = 0;
	else if (sparse_maps(t, h, err) < 0)
		return -1;
	t->left = e->stored;
	t->padding = round_up(size) - size;
	t->segment = 0;
	t->offset = 0;
	return 0;
}

static int parse_entry(struct tar_reader *t, const struct tar_header *h, struct crl_err *err)
{
	struct tar_entry *e = &t->entry;
	int64_t size;

	if (header_names(h, e, err) < 0)
		return -1;
	apply_long_names(t);
	if (TAR_NUMBER(h->size, 0, TAR_SIZE_MAX, "size", &e->stored, err) < 0 ||
	    header_ids(h, e, err) < 0 || pax_apply(&t->pax, e, err) < 0)
		return crl_context(err, "%.200s", e->name);
	size = e->stored;
	if (entry_type(h, e, err) < 0)
		return -1;
	if (begin_data(t, h, size, err) < 0)
		return crl_context(err, "%.200s", e->name);
	return 0;
}

/* Body of an extension header, NUL-terminated. */
static int extension(struct tar_reader *t, const struct tar_header *h, char **ret, size_t *ret_len,
		     struct crl_err *err)
{
	int64_t size;

	if (TAR_NUMBER(h->size, 0, TAR_SIZE_MAX, "size", &size, err) < 0)
		return -1;
	if (size > TAR_EXTENSION_MAX)
		return crl_fail(err, CRL_LIMIT, "extended header of %" PRId64 " bytes, at most %d",
				size, TAR_EXTENSION_MAX);
	_cleanup_free_ char *body = malloc((size_t)size + 1);
	if (!body)
		return crl_fail_oom(err);
	int r = size > 0 ? take(t, body, (size_t)size, err) : 1;
	if (r <= 0)
		return r < 0 ? -1 : too_short(err);
	body[size] = '\0';
	if (skip(t, round_up(size) - size, err) < 0)
		return -1;
	*ret = take_ptr(body);
	*ret_len = (size_t)size;
	return 0;
}

static int long_name(char *body, char **ret, struct crl_err *err)
{
	_cleanup_free_ char *own = body;

	if (strlen(own) >= TAR_NAME_MAX)
		return crl_fail(err, CRL_LIMIT, "name longer than %d bytes: %.80s...",
				TAR_NAME_MAX - 1, own);
	free(*ret);
	*ret = take_ptr(own);
	return 0;
}

/* 1 = it was one and is dealt with, 0 = an ordinary header. */
static int read_extension(struct tar_reader *t, const struct tar_header *h, struct crl_err *err)
{
	_cleanup_free_ char *body = NULL;
	size_t len = 0;

	if (h->type != 'x' && h->type != 'g' && h->type != 'L' && h->type != 'K')
		return 0;
	if (extension(t, h, &body, &len, err) < 0)
		return -1;
	if (h->type == 'L')
		return long_name(take_ptr(body), &t->long_name, err) < 0 ? -1 : 1;
	if (h->type == 'K')
		return long_name(take_ptr(body), &t->long_link, err) < 0 ? -1 : 1;
	/* Global records would rename every entry after them; layers have no use for any. */
	if (h->type == 'g')
		return 1;
	return pax_parse(body, len, &t->pax, err) < 0 ? -1 : 1;
}

/* 1 = a header, 0 = the end, -1. */
static int read_header(struct tar_reader *t, uint8_t *block, struct crl_err *err)
{
	int r = take(t, block, TAR_BLOCK, err);

	if (r <= 0)
		return r;
	if (!tar_is_zero(block)) {
		if (!tar_checksum_ok(block))
			return crl_fail(err, CRL_INVALID, "not a tar header (checksum)");
		return 1;
	}
	r = take(t, block, TAR_BLOCK, err);
	if (r == 1 && !tar_is_zero(block))
		return crl_fail(err, CRL_INVALID, "entry after a lone zero block");
	return r < 0 ? -1 : 0;
}

int tar_next(struct tar_reader *t, const struct tar_entry **ret, struct crl_err *err)
{
	_Alignas(struct tar_header) uint8_t block[TAR_BLOCK];
	bool pending = false;
	int r;

	if (t->ended)
		return 0;
	if (skip(t, t->left, err) < 0 || skip_padding(t, t->padding, err) < 0)
		return t->entry.name ? crl_context(err, "%.200s", t->entry.name) : -1;
	t->left = t->padding = 0;
	tar_entry_clear(&t->entry);
	pax_free(&t->pax);
	while ((r = read_header(t, block, err)) == 1) {
		const struct tar_header *h = (const struct tar_header *)block;
		r = read_extension(t, h, err);
		if (r < 0)
			return -1;
		pending = r == 1;
		if (pending)
			continue;
		if (parse_entry(t, h, err) < 0)
			return -1;
		*ret = &t->entry;
		return 1;
	}
	if (r == 0 && pending)
		return too_short(err);
	t->ended = r == 0;
	return r;
}

/* Steps over segments without data and limits *len to the current one. */
static void place_segment(struct tar_reader *t, size_t *len)
{
	const struct tar_entry *e = &t->entry;
	const struct tar_segment *s = &e->sparse[t->segment];

	while (t->offset >= s->offset + s->size && t->segment + 1 < e->n_sparse) {
		s = &e->sparse[++t->segment];
		if (t->offset < s->offset)
			t->offset = s->offset;
	}
	if (t->offset < s->offset)
		t->offset = s->offset;
	if (s->offset + s->size - t->offset < (int64_t)*len)
		*len = (size_t)(s->offset + s->size - t->offset);
}

int tar_data(struct tar_reader *t, const void **ret, size_t *ret_len, int64_t *ret_offset,
	     struct crl_err *err)
{
	*ret_len = 0;
	if (t->left == 0)
		return 0;
	ssize_t n = fill(t, err);
	if (n < 0)
		return -1;
	if (n == 0)
		return too_short(err);
	size_t len = (size_t)(n < t->left ? n : t->left);
	if (t->entry.n_sparse)
		place_segment(t, &len);
	*ret = t->buf + t->pos;
	*ret_len = len;
	*ret_offset = t->offset;
	t->pos += len;
	t->left -= (int64_t)len;
	t->offset += (int64_t)len;
	return 0;
}

int tar_finish(struct tar_reader *t, struct crl_err *err)
{
	t->pos = t->len = 0;
	return stream_drain(t->source, err);
}
