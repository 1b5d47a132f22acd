/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The layer tar reader behind the inflaters: bounded names, content exactly as long and where it
 * was announced. */
#include <image/tar.h>

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool ok)
{
	if (!ok)
		abort();
}

static void check_entry(const struct tar_entry *e)
{
	check(e->name && strlen(e->name) < TAR_NAME_MAX + 256);
	check(e->type >= '0' && e->type <= '6');
	check(e->mode <= 07777 && e->size >= 0 && e->stored >= 0);
	check(e->uid != UINT32_MAX && e->gid != UINT32_MAX);
	check(e->n_sparse || e->stored == e->size || e->stored == 0);
	for (size_t i = 0; i < e->n_xattrs; i++)
		check(*e->xattrs[i].name && e->xattrs[i].len <= TAR_XATTR_VALUE_MAX);
}

static bool read_content(struct tar_reader *t, const struct tar_entry *e)
{
	struct crl_err err = CRL_ERR_INIT;
	int64_t sum = 0, offset = 0, last = 0;
	const void *piece;
	size_t len;

	for (;;) {
		if (tar_data(t, &piece, &len, &offset, &err) < 0)
			return false;
		if (len == 0)
			break;
		check(offset >= last && offset + (int64_t)len <= e->size);
		last = offset + (int64_t)len;
		sum += (int64_t)len;
	}
	check(sum == e->stored);
	return true;
}

static void read_all(struct stream *plain)
{
	struct crl_err err = CRL_ERR_INIT;
	const struct tar_entry *e;
	struct tar_reader *t;
	int r;

	if (tar_reader_new(plain, &t, &err) < 0)
		return;
	while ((r = tar_next(t, &e, &err)) == 1) {
		check_entry(e);
		/* Every other entry is skipped, as unpackers do with what they refuse. */
		if (e->mtime % 2 == 0 && !read_content(t, e))
			break;
	}
	if (r == 0)
		(void)tar_finish(t, &err);
	tar_reader_free(t);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_stream_ struct stream *source = stream_from_memory(data, size), *plain = NULL;
	struct crl_err err = CRL_ERR_INIT;

	if (stream_inflate(source, &plain, NULL, &err) == 0)
		read_all(plain);
	return 0;
}
