/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Layers for the builder, commit and import: from an upper directory or from
 * a tar into the store, and the manifest over them. Owns the way back from a
 * directory to a layer: the tar is made once, its digest, its compressed blob
 * and the unpacked files all come from the same bytes.
 */
#include "deflate.h"
#include "ingest.h"
#include "pack.h"
#include "unpack.h"

#include <base/fd.h>
#include <base/ident.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>

/* One direction of the commit: directory -> tar -> {digest, gzip -> blob, pipe -> unpacker}. */
struct packer {
	int upper_fd;
	struct pack_options options;
	struct sha256_ctx plain, packed;
	int64_t blob_size, entries;
	struct deflater *deflater;
	int blob_fd, pipe_fd;
	struct crl_err err;
	int result;
};

static void digest_text(struct sha256_ctx *ctx, char ret[80])
{
	uint8_t sum[SHA256_DIGEST_SIZE];

	sha256_digest(ctx, sizeof(sum), sum);
	memcpy(ret, "sha256:", 7);
	ident_hex(sum, sizeof(sum), ret + 7);
}

static int blob_sink(void *data, const void *bytes, size_t len, struct crl_err *err)
{
	struct packer *p = data;

	sha256_update(&p->packed, len, bytes);
	p->blob_size += (int64_t)len;
	return fd_write_all(p->blob_fd, bytes, len, err);
}

static int tar_bytes_sink(void *data, const void *bytes, size_t len, struct crl_err *err)
{
	struct packer *p = data;

	sha256_update(&p->plain, len, bytes);
	if (deflater_write(p->deflater, bytes, len, err) < 0)
		return -1;
	return fd_write_all(p->pipe_fd, bytes, len, err);
}

static void *packer_main(void *data)
{
	struct packer *p = data;

	p->result = pack_tree(p->upper_fd, &p->options, tar_bytes_sink, p, &p->entries, &p->err);
	if (p->result == 0)
		p->result = deflater_finish(p->deflater, &p->err);
	cleanup_close_p(&p->pipe_fd); /* the unpacker sees the end */
	p->pipe_fd = -1;
	return NULL;
}

static int unpack_pipe(int pipe_fd, int fs_fd, struct unpack_result *ret, struct crl_err *err)
{
	struct unpack_options options = UNPACK_DEFAULTS;
	_cleanup_stream_ struct stream *s = stream_from_fd(pipe_fd);

	return s ? unpack_tar(s, fs_fd, &options, ret, err) : crl_fail_oom(err);
}

/*
 * Packs in a thread, unpacks here. When one side fails, the other one's end of the pipe
 * tells it; the packer's reason counts first, since the unpacker then only sees a short tar.
 */
static int pack_and_unpack(struct packer *p, int read_end, int fs_fd, struct unpack_result *ret,
			   struct crl_err *err)
{
	_cleanup_close_ int pipe_fd = read_end;
	struct crl_err unpack_err = CRL_ERR_INIT;
	pthread_t thread;

	if (pthread_create(&thread, NULL, packer_main, p) != 0)
		return crl_fail_oom(err);
	int r = unpack_pipe(pipe_fd, fs_fd, ret, &unpack_err);
	close(take_fd(&pipe_fd));
	pthread_join(thread, NULL);
	bool broken_pipe = r < 0 && p->result < 0 && p->err.sys == EPIPE;
	if (r == 0 && p->result == 0)
		return 0;
	if (r == 0) {
		strv_free(ret->implicit);
		ret->implicit = NULL;
	}
	if (err)
		*err = p->result < 0 && !broken_pipe ? p->err : unpack_err;
	return -1;
}

static void take_info(struct staged *st, struct packer *p, struct unpack_result *r)
{
	digest_text(&p->plain, st->info.diff_id);
	digest_text(&p->packed, st->info.digest);
	st->info.blob_size = p->blob_size;
	st->info.bytes = st->record.bytes = r->bytes;
	st->info.entries = st->record.entries = p->entries;
	st->info.media_type = CRL_MT_OCI_LAYER_GZIP;
	st->record.cut = r->cut;
	st->record.implicit = take_ptr(r->implicit);
	st->is_layer = true;
}

static int run_packer(struct packer *p, struct staged *st, int fs_fd, struct crl_err *err)
{
	struct unpack_result result;
	int ends[2];

	sha256_init(&p->plain);
	sha256_init(&p->packed);
	if (deflater_new(blob_sink, p, &p->deflater, err) < 0)
		return -1;
	if (pipe2(ends, O_CLOEXEC) < 0)
		return crl_fail_sys(err, errno, "pipe");
	fcntl(ends[1], F_SETPIPE_SZ, 1 << 20);
	p->pipe_fd = ends[1];
	int r = pack_and_unpack(p, ends[0], fs_fd, &result, err);
	cleanup_close_p(&p->pipe_fd);
	if (r == 0)
		take_info(st, p, &result);
	return r;
}

static int stage_upper(struct ingest *in, int upper_fd, const int *lowers, size_t n_lowers,
		       struct staged **ret, struct crl_err *err)
{
	_cleanup_close_ int blob_fd = -1, fs_fd = -1;
	struct staged *st;

	if (ingest_new(in, &st, &blob_fd, err) < 0 || ingest_make_fs(in, st, &fs_fd, err) < 0)
		return -1;
	struct packer p = {.upper_fd = upper_fd,
			   .options = {.diff = true, .lowers = lowers, .n_lowers = n_lowers},
			   .blob_fd = blob_fd,
			   .pipe_fd = -1};
	int r = run_packer(&p, st, fs_fd, err);
	if (p.deflater)
		deflater_free(p.deflater);
	*ret = st;
	return r;
}

int layer_commit(struct crl_store *s, int upper_fd, const struct layer_fds *lowers,
		 struct crl_layer_info *ret, struct crl_err *err)
{
	_cleanup_ingest_ struct ingest *in = NULL;
	struct staged *st;

	if (ingest_open(s, &in, err) < 0 ||
	    stage_upper(in, upper_fd, lowers->v, lowers->n, &st, err) < 0)
		return crl_context(err, "make a layer");
	if (st->info.entries > 0 && ingest_publish(in, &st, 1, err) < 0)
		return crl_context(err, "make a layer");
	*ret = st->info;
	return 0;
}

void layer_fds_close(struct layer_fds *l)
{
	for (size_t i = 0; i < l->n; i++)
		cleanup_close_p(&l->v[i]);
	free(l->v);
	*l = (struct layer_fds){0};
}

int layer_fds_open(char *const *paths, struct layer_fds *l, struct crl_err *err)
{
	size_t n = strv_len(paths);

	l->v = calloc(n + 1, sizeof(*l->v));
	if (!l->v)
		return crl_fail_oom(err);
	for (; l->n < n; l->n++) {
		l->v[l->n] = open(paths[l->n], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (l->v[l->n] < 0)
			return crl_fail_sys(err, errno, "%s", paths[l->n]);
	}
	return 0;
}

int crl_layer_commit(struct crl_store *s, int upper_fd, char *const *lowers,
		     struct crl_layer_info *ret, struct crl_err *err)
{
	_cleanup_(layer_fds_close) struct layer_fds l = {0};

	if (layer_fds_open(lowers, &l, err) < 0)
		return -1;
	return layer_commit(s, upper_fd, &l, ret, err);
}

int crl_layer_unpack(struct crl_store *s, int fd, const struct crl_layer_expect *expect,
		     struct crl_layer_info *ret, struct crl_err *err)
{
	static const struct crl_layer_expect anything = {.size = -1};
	_cleanup_ingest_ struct ingest *in = NULL;
	_cleanup_stream_ struct stream *source = stream_from_fd(fd);
	struct staged *st;

	if (!source)
		return crl_fail_oom(err);
	if (!expect)
		expect = &anything;
	int64_t limit = expect->size >= 0 ? expect->size : INT64_MAX;
	if (ingest_open(s, &in, err) < 0 || ingest_stage(in, source, limit, &st, err) < 0 ||
	    staged_check(st, expect, err) < 0 || ingest_publish(in, &st, 1, err) < 0)
		return -1;
	*ret = st->info;
	return 0;
}

bool crl_tar_sniff(int fd)
{
	uint8_t head[TAR_BLOCK];
	off_t at = lseek(fd, 0, SEEK_CUR);
	size_t len = 0;

	while (len < sizeof(head)) {
		ssize_t n = pread(fd, head + len, sizeof(head) - len, at + (off_t)len);
		if (n <= 0)
			break;
		len += (size_t)n;
	}
	if (tar_sniff(head, len))
		return true;
	if (compression_sniff(head, len) == COMPRESSION_NONE)
		return false;
	/* A compressed file is an archive only if a tar comes out of it. */
	_cleanup_stream_ struct stream *source = stream_from_fd(fd), *plain = NULL;
	struct crl_err ignored;
	ssize_t n = -1;
	if (source && stream_inflate(source, &plain, NULL, &ignored) == 0)
		n = stream_read_full(plain, head, sizeof(head), &ignored);
	lseek(fd, at, SEEK_SET);
	return n == TAR_BLOCK && tar_sniff(head, TAR_BLOCK);
}

int crl_tar_extract(int fd, int dir_fd, int64_t uid, int64_t gid, struct crl_err *err)
{
	_cleanup_stream_ struct stream *source = stream_from_fd(fd), *plain = NULL;
	struct unpack_options options = UNPACK_DEFAULTS;
	struct unpack_result result;

	options.overlay = false;
	options.uid = uid;
	options.gid = gid;
	if (!source)
		return crl_fail_oom(err);
	if (stream_inflate(source, &plain, NULL, err) < 0 ||
	    unpack_tar(plain, dir_fd, &options, &result, err) < 0)
		return -1;
	strv_free(result.implicit);
	return 0;
}

static int check_chain(const struct crl_image *image, size_t n_layers, struct crl_err *err)
{
	if (strv_len(image->rootfs.diff_ids) != n_layers)
		return crl_fail(err, CRL_INTERNAL, "%zu layers for %zu diff ids", n_layers,
				strv_len(image->rootfs.diff_ids));
	return 0;
}

/* The manifest borrows everything but its config's digest. */
static char *manifest_text(const struct crl_descriptor *layers, size_t n_layers,
			   char *config_digest, int64_t config_size)
{
	struct crl_manifest m = {.schema_version = 2,
				 .media_type = (char *)CRL_MT_OCI_MANIFEST,
				 .config = {.media_type = (char *)CRL_MT_OCI_CONFIG,
					    .digest = config_digest,
					    .size = config_size},
				 .layers = (struct crl_descriptor *)layers,
				 .n_layers = n_layers};

	return json_encode(&crl_manifest_json, &m);
}

int crl_image_write(struct crl_store *s, const struct crl_image *image,
		    const struct crl_descriptor *layers, size_t n_layers,
		    char ret_manifest_digest[80], char ret_config_digest[80], struct crl_err *err)
{
	_cleanup_free_ char *config = json_encode(&crl_image_json, image), *manifest = NULL;
	char config_digest[80];

	if (!config)
		return crl_fail_oom(err);
	if (check_chain(image, n_layers, err) < 0 ||
	    crl_store_add_blob(s, config, strlen(config), config_digest, err) < 0)
		return -1;
	manifest = manifest_text(layers, n_layers, config_digest, (int64_t)strlen(config));
	if (!manifest)
		return crl_fail_oom(err);
	if (crl_store_add_blob(s, manifest, strlen(manifest), ret_manifest_digest, err) < 0)
		return -1;
	memcpy(ret_config_digest, config_digest, sizeof(config_digest));
	return 0;
}
