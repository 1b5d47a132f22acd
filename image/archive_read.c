/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The members of an image archive, in one pass: layers are unpacked as they
 * come, before anything has said that they are layers; small files are kept
 * in memory; the rest of the archive is not. May not interpret JSON.
 */
#include "image_archive.h"
#include "unpack.h"

#include <base/ident.h>

#include <inttypes.h>

#define MEMBERS_MAX 20000
#define TEXT_MAX (8 * 1024 * 1024)
#define ALL_TEXT_MAX (128 * 1024 * 1024)
#define LINK_HOPS 8

void members_free(struct members *m)
{
	for (size_t i = 0; i < m->n; i++) {
		free(m->v[i].name);
		free(m->v[i].text);
		free(m->v[i].target);
	}
	free(m->v);
	*m = (struct members){0};
}

/* The content of the current entry, with what was looked at first put back in front. */
struct entry_stream {
	struct stream s;
	struct tar_reader *tar;
	uint8_t head[TAR_BLOCK];
	size_t head_len, head_pos;
	const uint8_t *piece;
	size_t piece_len;
};

static ssize_t entry_fill(struct entry_stream *e, struct crl_err *err)
{
	int64_t offset;
	const void *piece;

	if (e->piece_len > 0)
		return 1;
	if (tar_data(e->tar, &piece, &e->piece_len, &offset, err) < 0)
		return -1;
	e->piece = piece;
	return e->piece_len > 0;
}

static ssize_t entry_read(struct stream *s, void *buf, size_t len, struct crl_err *err)
{
	struct entry_stream *e = (struct entry_stream *)s;
	size_t n = e->head_len - e->head_pos;

	if (n > 0) {
		n = n < len ? n : len;
		memcpy(buf, e->head + e->head_pos, n);
		e->head_pos += n;
		return (ssize_t)n;
	}
	ssize_t r = entry_fill(e, err);
	if (r <= 0)
		return r;
	n = e->piece_len < len ? e->piece_len : len;
	memcpy(buf, e->piece, n);
	e->piece += n;
	e->piece_len -= n;
	return (ssize_t)n;
}

static int entry_stream_init(struct entry_stream *e, struct tar_reader *tar, struct crl_err *err)
{
	*e = (struct entry_stream){.s = {.read = entry_read}, .tar = tar};
	ssize_t n = stream_read_full(&e->s, e->head, sizeof(e->head), err);
	if (n < 0)
		return -1;
	e->head_len = (size_t)n;
	return 0;
}

static bool all_zero(const uint8_t *b, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (b[i])
			return false;
	return true;
}

static bool looks_like_layer(const struct entry_stream *e)
{
	return compression_sniff(e->head, e->head_len) != COMPRESSION_NONE ||
	       tar_sniff(e->head, e->head_len) ||
	       (e->head_len == TAR_BLOCK && all_zero(e->head, e->head_len)); /* an empty layer */
}

static int read_text(struct members *m, struct member *x, struct entry_stream *e, int64_t size,
		     struct crl_err *err)
{
	char hex[SHA256_HEX + 1];

	m->text_bytes += size;
	if (m->text_bytes > ALL_TEXT_MAX)
		return crl_fail(err, CRL_LIMIT, "more than %d bytes of small files", ALL_TEXT_MAX);
	x->text = malloc((size_t)size + 1);
	if (!x->text)
		return crl_fail_oom(err);
	ssize_t n = stream_read_full(&e->s, x->text, (size_t)size, err);
	if (n < 0)
		return -1;
	x->len = (size_t)n;
	x->text[n] = '\0';
	ident_sha256(x->text, x->len, hex);
	snprintf(x->digest, sizeof(x->digest), "sha256:%s", hex);
	return 0;
}

/* A file below blobs/sha256 says by its name what must be in it. */
static int check_blob_name(const struct member *x, struct crl_err *err)
{
	const char *hex = strrchr(x->name, '/');
	const char *digest = x->staged ? x->staged->info.digest : x->digest;

	if (!str_starts(x->name, "blobs/sha256/"))
		return 0;
	if (strcmp(hex + 1, store_hex(digest)) != 0)
		return crl_fail(err, CRL_INVALID, "content has digest %s", digest);
	return 0;
}

static int read_file(struct ingest *in, struct members *m, struct member *x, struct tar_reader *tar,
		     int64_t size, archive_progress progress, void *data, struct crl_err *err)
{
	struct entry_stream e;

	if (entry_stream_init(&e, tar, err) < 0)
		return -1;
	if (!looks_like_layer(&e) && size <= TEXT_MAX) {
		if (read_text(m, x, &e, size, err) < 0)
			return -1;
		return check_blob_name(x, err);
	}
	if (ingest_stage(in, &e.s, INT64_MAX, &x->staged, err) < 0)
		return -1;
	if (!x->staged->is_layer)
		ingest_drop(in, x->staged);
	else if (progress)
		progress(data, x->staged->info.diff_id, x->staged->info.blob_size);
	return check_blob_name(x, err);
}

/* Relative to the member's folder for symlinks, to the archive's root for hard links; NULL =
 * outside. */
static char *link_target(const char *name, const struct tar_entry *e)
{
	_cleanup_strv_ char **parts = NULL;
	_cleanup_free_ char *joined = NULL;
	const char *slash = strrchr(name, '/');
	struct buf b = BUF_INIT;

	if (*e->link == '/')
		return NULL;
	if (asprintf(&joined, "%.*s/%s", e->type == '2' && slash ? (int)(slash - name) : 0, name,
		     e->link) < 0)
		return joined = NULL;
	parts = strv_split(joined, "/", false);
	size_t n = strv_len(parts), kept = 0;
	for (size_t i = 0; i < n; i++) {
		if (str_eq(parts[i], "."))
			continue;
		if (!str_eq(parts[i], "..")) {
			char *t = parts[kept];
			parts[kept++] = parts[i];
			parts[i] = t;
		} else if (kept-- == 0) {
			return NULL;
		}
	}
	for (size_t i = 0; i < kept; i++)
		buf_printf(&b, "%s%s", i ? "/" : "", parts[i]);
	return buf_take(&b);
}

static int add_member(struct members *m, const char *name, struct member **ret, struct crl_err *err)
{
	if (m->n == MEMBERS_MAX)
		return crl_fail(err, CRL_LIMIT, "more than %d members", MEMBERS_MAX);
	if ((m->n & (m->n - 1)) == 0) { /* grows at powers of two */
		size_t cap = m->n ? m->n * 2 : 1;
		struct member *v = reallocarray(m->v, cap, sizeof(*v));
		if (!v)
			return crl_fail_oom(err);
		m->v = v;
	}
	char *copy = strdup(name);
	if (!copy)
		return crl_fail_oom(err);
	m->v[m->n] = (struct member){.name = copy};
	*ret = &m->v[m->n++];
	return 0;
}

static int read_member(struct ingest *in, struct members *m, struct tar_reader *tar,
		       const struct tar_entry *e, archive_progress progress, void *data,
		       struct crl_err *err)
{
	char name[TAR_NAME_MAX];
	struct member *x = NULL;

	if (unpack_clean_name(e->name, name, err) < 0)
		return -1;
	if (e->type == '5' || !*name)
		return 0;
	if (e->type != '0' && e->type != '1' && e->type != '2')
		return crl_fail(err, CRL_INVALID, "neither a file nor a link");
	if (add_member(m, name, &x, err) < 0)
		return -1;
	if (e->type == '0') {
		if (e->sparse)
			return crl_fail(err, CRL_UNSUPPORTED, "sparse file in an image archive");
		return read_file(in, m, x, tar, e->size, progress, data, err);
	}
	x->target = link_target(name, e);
	if (!x->target)
		return crl_fail(err, CRL_INVALID, "link to %.200s leads out of the archive",
				e->link);
	return 0;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(((const struct member *)a)->name, ((const struct member *)b)->name);
}

/* Sorted for members_find(); two members of one name would be a matter of taste. */
static int sort_members(struct members *m, struct crl_err *err)
{
	if (m->n == 0)
		return 0;
	qsort(m->v, m->n, sizeof(*m->v), compare_names);
	for (size_t i = 1; i < m->n; i++)
		if (strcmp(m->v[i - 1].name, m->v[i].name) == 0)
			return crl_fail(err, CRL_INVALID, "%.200s: twice in the archive",
					m->v[i].name);
	return 0;
}

static int read_all(struct ingest *in, struct tar_reader *tar, archive_progress progress,
		    void *data, struct members *m, struct crl_err *err)
{
	const struct tar_entry *e;
	int r;

	while ((r = tar_next(tar, &e, err)) == 1)
		if (read_member(in, m, tar, e, progress, data, err) < 0)
			return crl_context(err, "%.200s", e->name);
	if (r < 0 || tar_finish(tar, err) < 0)
		return -1;
	return sort_members(m, err);
}

int members_read(struct ingest *in, int fd, archive_progress progress, void *data,
		 struct members *ret, struct crl_err *err)
{
	_cleanup_stream_ struct stream *source = stream_from_fd(fd), *plain = NULL;
	_cleanup_tar_reader_ struct tar_reader *tar = NULL;
	_cleanup_(members_free) struct members m = {0};

	if (!source)
		return crl_fail_oom(err);
	if (stream_inflate(source, &plain, NULL, err) < 0 || tar_reader_new(plain, &tar, err) < 0 ||
	    read_all(in, tar, progress, data, &m, err) < 0)
		return -1;
	*ret = m;
	m = (struct members){0};
	return 0;
}

const struct member *members_find(const struct members *m, const char *name)
{
	for (int hop = 0; hop < LINK_HOPS; hop++) {
		struct member key = {.name = (char *)name};
		const struct member *x =
			m->n ? bsearch(&key, m->v, m->n, sizeof(*m->v), compare_names) : NULL;
		if (!x || !x->target)
			return x;
		name = x->target;
	}
	return NULL;
}
