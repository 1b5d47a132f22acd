/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The content store: blobs by digest, unpacked layers by diffID, index.json.
 * Owns the folder names and how things enter (staging, fsync, rename) and
 * leave. May not parse archives, and links nothing heavy: the daemon has it.
 * See rename(2), fsync(2), the OCI image layout specification.
 */
#include "store_private.h"

#include <base/fd.h>
#include <base/ident.h>
#include <base/path.h>

#include <dirent.h>
#include <errno.h>
#include <sys/stat.h>

#define LAYOUT_TEXT "{\"imageLayoutVersion\":\"1.0.0\"}"
#define EMPTY_INDEX "{\"schemaVersion\":2,\"mediaType\":\"" CRL_MT_OCI_INDEX "\",\"manifests\":[]}"
#define MANIFEST_MAX (4U * 1024 * 1024)
#define CONFIG_MAX (8U * 1024 * 1024)
#define INDEX_MAX (64U * 1024 * 1024)

void store_tmp_name(const char *prefix, char ret[STORE_TMP_NAME])
{
	char id[ID_HEX + 1];

	ident_random(id);
	snprintf(ret, STORE_TMP_NAME, "%.24s-%.32s", prefix, id);
}

const char *store_hex(const char *digest)
{
	return digest + strlen("sha256:");
}

static int check_digest(const char *digest, struct crl_err *err)
{
	if (!crl_digest_ok(digest))
		return crl_fail(err, CRL_INVALID, "invalid digest \"%.100s\"",
				digest ? digest : "");
	return 0;
}

void crl_store_close(struct crl_store *s)
{
	if (!s)
		return;
	cleanup_close_p(&s->tmp_fd);
	cleanup_close_p(&s->layers_fd);
	cleanup_close_p(&s->blobs_fd);
	cleanup_close_p(&s->root_fd);
	free(s->root);
	free(s);
}

static int open_folder(int root_fd, const char *name, mode_t mode, int *ret_fd, struct crl_err *err)
{
	if (mkdirat(root_fd, name, mode) < 0 && errno != EEXIST)
		return crl_fail_sys(err, errno, "%s", name);
	int fd = openat(root_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return crl_fail_sys(err, errno, "%s", name);
	*ret_fd = fd;
	return 0;
}

/* Two processes may open a new store at once: the loser of the race finds the same content. */
static int make_file(int root_fd, const char *name, const char *text, struct crl_err *err)
{
	if (faccessat(root_fd, name, F_OK, 0) == 0)
		return 0;
	return path_write_atomic(root_fd, name, text, strlen(text), 0644, true, err);
}

static int open_folders(struct crl_store *s, const char *root, struct crl_err *err)
{
	_cleanup_close_ int blobs = -1, empty = -1;

	if (path_mkdir_p(root, 0711, err) < 0)
		return -1;
	s->root = realpath(root, NULL);
	if (!s->root)
		return crl_fail_sys(err, errno, "%s", root);
	s->root_fd = open(s->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (s->root_fd < 0)
		return crl_fail_sys(err, errno, "%s", root);
	if (open_folder(s->root_fd, "blobs", 0700, &blobs, err) < 0 ||
	    open_folder(blobs, "sha256", 0700, &s->blobs_fd, err) < 0 ||
	    open_folder(s->root_fd, "layers", 0700, &s->layers_fd, err) < 0 ||
	    open_folder(s->root_fd, "tmp", 0700, &s->tmp_fd, err) < 0 ||
	    open_folder(s->root_fd, "empty", 0755, &empty, err) < 0)
		return -1;
	if (make_file(s->root_fd, "oci-layout", LAYOUT_TEXT, err) < 0)
		return -1;
	return make_file(s->root_fd, "index.json", EMPTY_INDEX, err);
}

int crl_store_open(const char *root, struct crl_store **ret, struct crl_err *err)
{
	_cleanup_store_ struct crl_store *s = calloc(1, sizeof(*s));

	if (!s)
		return crl_fail_oom(err);
	s->root_fd = s->blobs_fd = s->layers_fd = s->tmp_fd = -1;
	if (open_folders(s, root, err) < 0)
		return crl_context(err, "open image store %s", root);
	*ret = take_ptr(s);
	return 0;
}

int crl_store_root_fd(const struct crl_store *s)
{
	return s->root_fd;
}

int crl_store_open_blob(struct crl_store *s, const char *digest, int *ret_fd, int64_t *ret_size,
			struct crl_err *err)
{
	struct stat st;

	if (check_digest(digest, err) < 0)
		return -1;
	_cleanup_close_ int fd = openat(s->blobs_fd, store_hex(digest),
					O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return crl_fail(err, CRL_NOT_FOUND, "blob %s: not in the store", digest);
	if (fd < 0 || fstat(fd, &st) < 0)
		return crl_fail_sys(err, errno, "blob %s", digest);
	if (!S_ISREG(st.st_mode))
		return crl_fail(err, CRL_IO, "blob %s: not a regular file", digest);
	*ret_fd = take_fd(&fd);
	if (ret_size)
		*ret_size = st.st_size;
	return 0;
}

int crl_store_read_blob(struct crl_store *s, const char *digest, size_t limit, char **ret_data,
			size_t *ret_len, struct crl_err *err)
{
	_cleanup_close_ int fd = -1;
	_cleanup_free_ char *data = NULL;
	char hex[SHA256_HEX + 1];
	size_t len;

	if (crl_store_open_blob(s, digest, &fd, NULL, err) < 0)
		return -1;
	if (fd_read_all(fd, limit, &data, &len, err) < 0)
		return crl_context(err, "blob %s", digest);
	ident_sha256(data, len, hex);
	if (strcmp(hex, store_hex(digest)) != 0)
		return crl_fail(err, CRL_IO, "blob %s: damaged on disk, its digest is sha256:%s",
				digest, hex);
	*ret_data = take_ptr(data);
	*ret_len = len;
	return 0;
}

bool crl_store_has_blob(struct crl_store *s, const char *digest)
{
	struct stat st;

	return crl_digest_ok(digest) &&
	       fstatat(s->blobs_fd, store_hex(digest), &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	       S_ISREG(st.st_mode);
}

static int write_staged(struct crl_store *s, const char *tmp, const void *data, size_t len,
			struct crl_err *err)
{
	_cleanup_close_ int fd =
		openat(s->tmp_fd, tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (fd < 0)
		return crl_fail_sys(err, errno, "tmp/%s", tmp);
	if (fd_write_all(fd, data, len, err) < 0)
		return -1;
	return fsync(fd) < 0 ? crl_fail_sys(err, errno, "fsync tmp/%s", tmp) : 0;
}

int crl_store_add_blob(struct crl_store *s, const void *data, size_t len, char ret_digest[80],
		       struct crl_err *err)
{
	char hex[SHA256_HEX + 1], tmp[STORE_TMP_NAME];

	ident_sha256(data, len, hex);
	store_tmp_name("blob", tmp);
	/* Written again even when present: an earlier copy may have been damaged by a power cut. */
	if (write_staged(s, tmp, data, len, err) < 0) {
		unlinkat(s->tmp_fd, tmp, 0);
		return crl_context(err, "blob sha256:%s", hex);
	}
	if (renameat(s->tmp_fd, tmp, s->blobs_fd, hex) < 0) {
		int sys = errno;
		unlinkat(s->tmp_fd, tmp, 0);
		return crl_fail_sys(err, sys, "blob sha256:%s", hex);
	}
	if (fsync(s->blobs_fd) < 0)
		return crl_fail_sys(err, errno, "fsync blobs/sha256");
	snprintf(ret_digest, 80, "sha256:%s", hex);
	return 0;
}

int crl_store_remove_blob(struct crl_store *s, const char *digest, struct crl_err *err)
{
	if (check_digest(digest, err) < 0)
		return -1;
	if (unlinkat(s->blobs_fd, store_hex(digest), 0) < 0 && errno != ENOENT)
		return crl_fail_sys(err, errno, "blob %s", digest);
	return 0;
}

int store_layer_record(struct crl_store *s, const char *diff_id, struct layer_record *ret,
		       struct crl_err *err)
{
	if (check_digest(diff_id, err) < 0)
		return -1;
	_cleanup_close_ int dir = openat(s->layers_fd, store_hex(diff_id),
					 O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (dir < 0 && errno == ENOENT)
		return crl_fail(err, CRL_NOT_FOUND, "layer %s: not in the store", diff_id);
	if (dir < 0)
		return crl_fail_sys(err, errno, "layer %s", diff_id);
	struct layer_record r;
	if (layer_record_read(dir, &r, err) < 0)
		return crl_context(err, "layer %s", diff_id);
	if (!str_eq(r.diff_id, diff_id)) {
		json_free(&layer_record_json, &r);
		return crl_fail(err, CRL_IO, "layer %s: its record names another layer", diff_id);
	}
	*ret = r;
	return 0;
}

bool crl_store_has_layer(struct crl_store *s, const char *diff_id)
{
	struct layer_record r;
	struct crl_err err = CRL_ERR_INIT;

	if (store_layer_record(s, diff_id, &r, &err) < 0)
		return false;
	json_free(&layer_record_json, &r);
	return true;
}

char *crl_store_layer_path(struct crl_store *s, const char *diff_id)
{
	if (!crl_digest_ok(diff_id))
		return NULL;
	return path_printf("%s/layers/%s/" STORE_LAYER_FS, s->root, store_hex(diff_id));
}

int crl_store_layer_size(struct crl_store *s, const char *diff_id, int64_t *ret,
			 struct crl_err *err)
{
	struct layer_record r;

	if (store_layer_record(s, diff_id, &r, err) < 0)
		return -1;
	*ret = r.bytes;
	json_free(&layer_record_json, &r);
	return 0;
}

int crl_store_lowers(struct crl_store *s, char *const *diff_ids, char ***ret, struct crl_err *err)
{
	_cleanup_strv_ char **v = NULL;

	for (size_t i = strv_len(diff_ids); i > 0; i--) {
		struct layer_record r;
		if (store_layer_record(s, diff_ids[i - 1], &r, err) < 0)
			return -1;
		bool cut = r.cut;
		json_free(&layer_record_json, &r);
		_cleanup_free_ char *path = crl_store_layer_path(s, diff_ids[i - 1]);
		/*
		 * The same layer twice: overlay refuses that (ELOOP), and the
		 * lower one can show nothing that the upper one does not have.
		 */
		if (!path || (!strv_contains(v, path) && strv_push(&v, path) < 0))
			return crl_fail_oom(err);
		if (cut)
			break;
	}
	if (!v && strv_take(&v, path_printf("%s/empty", s->root)) < 0)
		return crl_fail_oom(err);
	*ret = take_ptr(v);
	return 0;
}

int crl_store_remove_layer(struct crl_store *s, const char *diff_id, struct crl_err *err)
{
	char tmp[STORE_TMP_NAME];

	if (check_digest(diff_id, err) < 0)
		return -1;
	/* Out of sight at once; a crash in the middle leaves only something in tmp/. */
	store_tmp_name("rm", tmp);
	if (renameat(s->layers_fd, store_hex(diff_id), s->tmp_fd, tmp) < 0)
		return errno == ENOENT ? 0 : crl_fail_sys(err, errno, "layer %s", diff_id);
	return path_remove_tree(s->tmp_fd, tmp, err);
}

int crl_store_sweep_tmp(struct crl_store *s, struct crl_err *err)
{
	int fd = openat(s->tmp_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_closedir_ DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;

	if (!dir) {
		int sys = errno;
		cleanup_close_p(&fd);
		return crl_fail_sys(err, sys, "tmp");
	}
	while ((errno = 0, e = readdir(dir))) {
		if (str_eq(e->d_name, ".") || str_eq(e->d_name, ".."))
			continue;
		if (path_remove_tree(s->tmp_fd, e->d_name, err) < 0)
			return crl_context(err, "tmp");
	}
	return errno ? crl_fail_sys(err, errno, "tmp") : 0;
}

int crl_store_read_index(struct crl_store *s, struct crl_index *ret, struct crl_err *err)
{
	_cleanup_free_ char *text = NULL;
	_cleanup_cjson_ cJSON *tree = NULL;
	struct crl_index index = {0};
	size_t len;

	if (path_read_file(s->root_fd, "index.json", INDEX_MAX, &text, &len, err) < 0 ||
	    json_parse(text, len, INDEX_MAX, &tree, err) < 0 ||
	    json_decode_tree(&crl_index_json, tree, JSON_LAX, &index, err) < 0)
		return crl_context(err, "index.json");
	*ret = index;
	return 0;
}

int crl_store_write_index(struct crl_store *s, const struct crl_index *index, struct crl_err *err)
{
	_cleanup_free_ char *text = json_encode(&crl_index_json, index);

	if (!text)
		return crl_fail_oom(err);
	if (path_write_atomic(s->root_fd, "index.json", text, strlen(text), 0644, true, err) < 0)
		return crl_context(err, "index.json");
	return 0;
}

int crl_store_load_manifest(struct crl_store *s, const char *digest, struct crl_manifest *ret,
			    struct crl_err *err)
{
	_cleanup_free_ char *text = NULL;
	size_t len;

	if (crl_store_read_blob(s, digest, MANIFEST_MAX, &text, &len, err) < 0 ||
	    crl_manifest_parse(text, len, ret, err) < 0)
		return crl_context(err, "manifest %s", digest);
	return 0;
}

int crl_store_load_image(struct crl_store *s, const char *config_digest, struct crl_image *ret,
			 struct crl_err *err)
{
	_cleanup_free_ char *text = NULL;
	size_t len;

	if (crl_store_read_blob(s, config_digest, CONFIG_MAX, &text, &len, err) < 0 ||
	    crl_image_parse(text, len, ret, err) < 0)
		return crl_context(err, "image config %s", config_digest);
	return 0;
}
