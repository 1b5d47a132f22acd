/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Staging and publishing. Owns the order that makes an acknowledged image
 * survive a power cut: write everything, one syncfs, rename, fsync of the
 * folders. See syncfs(2), rename(2), flock(2).
 */
#include "ingest.h"
#include "unpack.h"

#include <base/fd.h>
#include <base/path.h>
#include <base/step.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/file.h>
#include <sys/stat.h>

#define JOB_PREFIX "job"

/* Points for faults, listed with the steps of tables. */
static const struct step points[] = {
	{.name = "image.unpack", .why = "a layer becomes a folder", .see = "ovl(5)"},
	{.name = "image.sync",
	 .why = "all is on the disk before it has a name",
	 .see = "syncfs(2)"},
	{.name = "image.publish", .why = "one rename makes it visible", .see = "rename(2)"},
};
STEPS_LISTED(points);

static void blob_name(const struct staged *st, char buf[16])
{
	snprintf(buf, 16, "b%u", st->number);
}

static void layer_name(const struct staged *st, char buf[16])
{
	snprintf(buf, 16, "l%u", st->number);
}

static int open_locked(int tmp_fd, const char *name)
{
	int fd = openat(tmp_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) < 0)
		cleanup_close_p(&fd), fd = -1;
	return fd;
}

/* Folders of processes that died: their locks are free. */
static void remove_orphans(struct crl_store *s)
{
	int fd = openat(s->tmp_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_closedir_ DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct crl_err ignored;
	struct dirent *e;

	while (dir && (e = readdir(dir))) {
		if (!str_starts(e->d_name, JOB_PREFIX "-"))
			continue;
		_cleanup_close_ int job = open_locked(s->tmp_fd, e->d_name);
		if (job >= 0)
			(void)path_remove_tree(s->tmp_fd, e->d_name, &ignored);
	}
}

static int make_job_folder(struct ingest *in, struct crl_err *err)
{
	struct stat st;

	/* Between mkdir and lock another process may take the folder for an orphan: then once more.
	 */
	for (int i = 0; i < 100; i++) {
		store_tmp_name(JOB_PREFIX, in->name);
		if (mkdirat(in->store->tmp_fd, in->name, 0700) < 0)
			return crl_fail_sys(err, errno, "tmp/%s", in->name);
		in->fd = open_locked(in->store->tmp_fd, in->name);
		if (in->fd >= 0 && fstat(in->fd, &st) == 0 && st.st_nlink > 0)
			return 0;
		cleanup_close_p(&in->fd);
		in->fd = -1;
	}
	return crl_fail(err, CRL_UNAVAILABLE, "tmp: no folder of its own");
}

int ingest_open(struct crl_store *s, struct ingest **ret, struct crl_err *err)
{
	_cleanup_ingest_ struct ingest *in = calloc(1, sizeof(*in));

	if (!in)
		return crl_fail_oom(err);
	in->store = s;
	in->fd = -1;
	remove_orphans(s);
	if (make_job_folder(in, err) < 0)
		return -1;
	*ret = take_ptr(in);
	return 0;
}

void ingest_close(struct ingest *in)
{
	struct crl_err ignored;

	while (in->staged) {
		struct staged *st = in->staged;
		in->staged = st->next;
		json_free(&layer_record_json, &st->record);
		free(st);
	}
	if (in->fd >= 0) {
		(void)path_remove_tree(in->store->tmp_fd, in->name, &ignored);
		cleanup_close_p(&in->fd);
	}
	free(in);
}

void ingest_drop(struct ingest *in, struct staged *st)
{
	struct crl_err ignored;
	char name[16];

	layer_name(st, name);
	(void)path_remove_tree(in->fd, name, &ignored);
	blob_name(st, name);
	unlinkat(in->fd, name, 0);
}

int ingest_new(struct ingest *in, struct staged **ret, int *ret_blob_fd, struct crl_err *err)
{
	struct staged *st = calloc(1, sizeof(*st));
	char name[16];

	if (!st)
		return crl_fail_oom(err);
	st->number = in->next_number++;
	st->next = in->staged;
	in->staged = st;
	blob_name(st, name);
	int fd = openat(in->fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (fd < 0)
		return crl_fail_sys(err, errno, "staging");
	*ret = st;
	*ret_blob_fd = fd;
	return 0;
}

int ingest_make_fs(struct ingest *in, const struct staged *st, int *ret_fs_fd, struct crl_err *err)
{
	char name[16];

	layer_name(st, name);
	if (mkdirat(in->fd, name, 0700) < 0)
		return crl_fail_sys(err, errno, "staging");
	_cleanup_close_ int dir = openat(in->fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0 || mkdirat(dir, STORE_LAYER_FS, 0755) < 0)
		return crl_fail_sys(err, errno, "staging");
	int fd = openat(dir, STORE_LAYER_FS, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return crl_fail_sys(err, errno, "staging");
	/* Whatever umask the process had: the root of a layer is the root of a container. */
	if (fchmod(fd, 0755) < 0) {
		cleanup_close_p(&fd);
		return crl_fail_sys(err, errno, "staging");
	}
	*ret_fs_fd = fd;
	return 0;
}

static const char *media_type_of(enum compression kind)
{
	switch (kind) {
	case COMPRESSION_GZIP: return CRL_MT_OCI_LAYER_GZIP;
	case COMPRESSION_ZSTD: return CRL_MT_OCI_LAYER_ZSTD;
	case COMPRESSION_XZ: return CRL_MT_OCI_LAYER "+xz";
	case COMPRESSION_BZIP2: return CRL_MT_OCI_LAYER "+bzip2";
	case COMPRESSION_NONE: break;
	}
	return CRL_MT_OCI_LAYER;
}

static void take_result(struct staged *st, struct unpack_result *r)
{
	st->info.bytes = r->bytes;
	st->info.entries = r->entries;
	st->record.bytes = r->bytes;
	st->record.entries = r->entries;
	st->record.cut = r->cut;
	st->record.implicit = take_ptr(r->implicit);
}

/* Inflates what `in_digest` reads, with a second digest over the plain bytes, and unpacks that. */
static int unpack_staged(struct stream_digest *blob, struct staged *st, int fs_fd,
			 struct crl_err *err)
{
	_cleanup_stream_ struct stream *plain = NULL, *ahead = NULL;
	struct unpack_options options = UNPACK_DEFAULTS;
	struct unpack_result result;
	struct stream_digest digest;
	enum compression kind;

	if (stream_inflate(&blob->s, &plain, &kind, err) < 0)
		return -1;
	stream_digest_init(&digest, plain, INT64_MAX, -1);
	digest.ratio_base = &blob->count;
	struct stream *top = kind == COMPRESSION_NONE ? plain : &digest.s;
	if (stream_ahead(top, &ahead, err) < 0 ||
	    unpack_tar(ahead, fs_fd, &options, &result, err) < 0)
		return -1;
	take_result(st, &result);
	st->info.media_type = media_type_of(kind);
	if (kind != COMPRESSION_NONE)
		stream_digest_final(&digest, st->info.diff_id);
	return 0;
}

/* True: the bytes look like something the unpacker should try. */
static int try_unpack(struct ingest *in, struct staged *st, struct stream_digest *blob,
		      struct crl_err *err)
{
	_cleanup_close_ int fs_fd = -1;
	struct crl_err ignored;
	char name[16];

	if (ingest_make_fs(in, st, &fs_fd, err) < 0)
		return -1;
	st->is_layer = unpack_staged(blob, st, fs_fd, &st->why_not) == 0;
	if (!st->is_layer) {
		layer_name(st, name);
		(void)path_remove_tree(in->fd, name, &ignored);
		/* A full disk is no property of the archive. */
		if (st->why_not.code == CRL_IO || st->why_not.code == CRL_UNAVAILABLE) {
			if (err)
				*err = st->why_not;
			return -1;
		}
	}
	return 0;
}

int ingest_stage(struct ingest *in, struct stream *source, int64_t limit, struct staged **ret,
		 struct crl_err *err)
{
	_cleanup_close_ int blob_fd = -1;
	struct stream_digest blob;
	struct staged *st;

	if (ingest_new(in, &st, &blob_fd, err) < 0)
		return -1;
	stream_digest_init(&blob, source, limit, blob_fd);
	if (failpoint("image.unpack", false, err) < 0 || try_unpack(in, st, &blob, err) < 0 ||
	    stream_drain(&blob.s, err) < 0)
		return -1;
	stream_digest_final(&blob, st->info.digest);
	st->info.blob_size = blob.count;
	if (st->is_layer && !st->info.diff_id[0])
		memcpy(st->info.diff_id, st->info.digest, sizeof(st->info.diff_id));
	*ret = st;
	return 0;
}

int staged_check(const struct staged *st, const struct crl_layer_expect *expect,
		 struct crl_err *err)
{
	const struct crl_layer_info *i = &st->info;

	if (expect->digest && !str_eq(expect->digest, i->digest))
		return crl_fail(err, CRL_INVALID, "layer %s: content has digest %s", expect->digest,
				i->digest);
	if (expect->size >= 0 && expect->size != i->blob_size)
		return crl_fail(err, CRL_INVALID,
				"layer %s: has %" PRId64 " bytes where the manifest says %" PRId64,
				i->digest, i->blob_size, expect->size);
	if (!st->is_layer) {
		if (err)
			*err = st->why_not;
		return crl_context(err, "layer %s", i->digest);
	}
	if (expect->diff_id && !str_eq(expect->diff_id, i->diff_id))
		return crl_fail(err, CRL_INVALID,
				"layer %s: unpacked content has digest %s where the image says %s",
				i->digest, i->diff_id, expect->diff_id);
	return 0;
}

static int write_record(struct ingest *in, struct staged *st, struct crl_err *err)
{
	char name[16];

	free(st->record.diff_id);
	free(st->record.blob);
	st->record.diff_id = strdup(st->info.diff_id);
	st->record.blob = strdup(st->info.digest);
	st->record.blob_size = st->info.blob_size;
	if (!st->record.diff_id || !st->record.blob)
		return crl_fail_oom(err);
	layer_name(st, name);
	_cleanup_close_ int dir = openat(in->fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return crl_fail_sys(err, errno, "staging");
	return layer_record_write(dir, &st->record, err);
}

static int publish_layer(struct ingest *in, struct staged *st, struct crl_err *err)
{
	struct crl_store *s = in->store;
	const char *hex = store_hex(st->info.diff_id);
	char name[16];

	if (crl_store_has_layer(s, st->info.diff_id))
		return 0;
	layer_name(st, name);
	if (renameat2(in->fd, name, s->layers_fd, hex, RENAME_NOREPLACE) == 0)
		return 0;
	if (errno != EEXIST)
		return crl_fail_sys(err, errno, "layer %s", st->info.diff_id);
	/* Another worker was faster, or what is there has no valid record. */
	if (crl_store_has_layer(s, st->info.diff_id))
		return 0;
	if (crl_store_remove_layer(s, st->info.diff_id, err) < 0)
		return -1;
	if (renameat2(in->fd, name, s->layers_fd, hex, RENAME_NOREPLACE) < 0 && errno != EEXIST)
		return crl_fail_sys(err, errno, "layer %s", st->info.diff_id);
	return 0;
}

static int publish_one(struct ingest *in, struct staged *st, struct crl_err *err)
{
	char name[16];

	if (st->published)
		return 0;
	blob_name(st, name);
	if (renameat(in->fd, name, in->store->blobs_fd, store_hex(st->info.digest)) < 0)
		return crl_fail_sys(err, errno, "blob %s", st->info.digest);
	if (publish_layer(in, st, err) < 0)
		return -1;
	st->published = true;
	return 0;
}

int ingest_publish(struct ingest *in, struct staged *const *layers, size_t n, struct crl_err *err)
{
	for (size_t i = 0; i < n; i++)
		if (!layers[i]->published && write_record(in, layers[i], err) < 0)
			return -1;
	if (failpoint("image.sync", false, err) < 0)
		return -1;
	/* One for all of them: a sync per file is eighteen times slower, and none loses files. */
	if (syncfs(in->fd) < 0)
		return crl_fail_sys(err, errno, "syncfs");
	if (failpoint("image.publish", false, err) < 0)
		return -1;
	for (size_t i = 0; i < n; i++)
		if (publish_one(in, layers[i], err) < 0)
			return -1;
	if (fsync(in->store->layers_fd) < 0 || fsync(in->store->blobs_fd) < 0)
		return crl_fail_sys(err, errno, "fsync");
	return 0;
}
