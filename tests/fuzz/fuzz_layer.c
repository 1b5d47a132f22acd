/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A layer into a real directory. Nothing outside of it may change, and what
 * was accepted can be packed again and unpacked again to the same tar.
 */
#include <image/pack.h>
#include <image/unpack.h>

#include <base/path.h>

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct place {
	char dir[40];
	int top, fs, again;
};

static void check(bool ok)
{
	if (!ok)
		abort();
}

static void place_make(struct place *p)
{
	strcpy(p->dir, "/tmp/crl-fuzz-XXXXXX");
	check(mkdtemp(p->dir));
	p->top = open(p->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	check(mkdirat(p->top, "fs", 0755) == 0 && mkdirat(p->top, "again", 0755) == 0 &&
	      mkdirat(p->top, "victim", 0700) == 0);
	p->fs = openat(p->top, "fs", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	p->again = openat(p->top, "again", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static void place_remove(struct place *p)
{
	struct crl_err err = CRL_ERR_INIT;
	struct stat st;

	/* A link count of 2: nothing was made in it. */
	check(fstatat(p->top, "victim", &st, AT_SYMLINK_NOFOLLOW) == 0 && st.st_nlink == 2 &&
	      (st.st_mode & 07777) == 0700);
	close(p->fs);
	close(p->again);
	close(p->top);
	check(path_remove_tree(AT_FDCWD, p->dir, &err) == 0);
}

static int unpack(const void *data, size_t size, int fd)
{
	_cleanup_stream_ struct stream *source = stream_from_memory(data, size), *plain = NULL;
	struct unpack_options options = UNPACK_DEFAULTS;
	struct unpack_result result;
	struct crl_err err = CRL_ERR_INIT;

	options.max_bytes = 1 << 20;
	options.max_entries = 1000;
	if (stream_inflate(source, &plain, NULL, &err) < 0 ||
	    unpack_tar(plain, fd, &options, &result, &err) < 0) {
		check(err.code != CRL_OK && *err.msg);
		return -1;
	}
	strv_free(result.implicit);
	return 0;
}

static int sink(void *data, const void *bytes, size_t len, struct crl_err *err)
{
	buf_add(data, bytes, len);
	return 0;
}

static int pack(int fd, struct buf *out)
{
	const struct pack_options options = {.diff = true};
	struct crl_err err = CRL_ERR_INIT;

	return pack_tree(fd, &options, sink, out, NULL, &err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_buf_ struct buf first = BUF_INIT, second = BUF_INIT;
	struct place p;

	place_make(&p);
	if (unpack(data, size, p.fs) == 0 && pack(p.fs, &first) == 0 &&
	    unpack(first.data, first.len, p.again) == 0) {
		check(pack(p.again, &second) == 0 && first.len == second.len);
		check(memcmp(first.data, second.data, first.len) == 0);
	}
	check(chdir("/") == 0);
	place_remove(&p);
	return 0;
}
