/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The store on disk: layout, blobs, index, layer records; and what damage does. */
#include <image/store_private.h>

#include <base/ident.h>
#include <base/path.h>

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <sys/stat.h>

#include <cmocka.h>

#define MISSING "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

struct fixture {
	char root[64];
	struct crl_store *store;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct crl_err err;

	strcpy(f->root, "/tmp/crl-store-XXXXXX");
	*state = f;
	return !mkdtemp(f->root) || crl_store_open(f->root, &f->store, &err) < 0 ? -1 : 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	struct crl_err err;

	crl_store_close(f->store);
	int r = path_remove_tree(AT_FDCWD, f->root, &err);
	free(f);
	return r;
}

static void test_layout(void **state)
{
	struct fixture *f = *state;
	struct crl_err err = CRL_ERR_INIT;
	_cleanup_free_ char *text = NULL;
	size_t len;

	assert_int_equal(path_read_file(f->store->root_fd, "oci-layout", 100, &text, &len, &err),
			 0);
	assert_string_equal(text, "{\"imageLayoutVersion\":\"1.0.0\"}");
}

static void test_blob(void **state)
{
	struct fixture *f = *state;
	struct crl_err err = CRL_ERR_INIT;
	char digest[80];
	_cleanup_free_ char *data = NULL;
	size_t len;

	assert_int_equal(crl_store_add_blob(f->store, "hello", 5, digest, &err), 0);
	assert_string_equal(
		digest, "sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824");
	assert_true(crl_store_has_blob(f->store, digest));
	assert_int_equal(crl_store_read_blob(f->store, digest, 100, &data, &len, &err), 0);
	assert_int_equal(len, 5);
	assert_int_equal(crl_store_read_blob(f->store, digest, 4, &data, &len, &err), -1);
	assert_int_equal(err.code, CRL_LIMIT);

	/* The same bytes again heal a damaged blob. */
	int fd = openat(f->store->blobs_fd, store_hex(digest), O_WRONLY | O_TRUNC);
	assert_int_equal(write(fd, "hell0", 5), 5);
	close(fd);
	char *damaged;
	assert_int_equal(crl_store_read_blob(f->store, digest, 100, &damaged, &len, &err), -1);
	assert_int_equal(err.code, CRL_IO);
	assert_int_equal(crl_store_add_blob(f->store, "hello", 5, digest, &err), 0);
	free(take_ptr(data));
	assert_int_equal(crl_store_read_blob(f->store, digest, 100, &data, &len, &err), 0);

	assert_int_equal(crl_store_remove_blob(f->store, digest, &err), 0);
	assert_false(crl_store_has_blob(f->store, digest));
}

static void test_bad_digest(void **state)
{
	static const char *const rows[] = {"sha256:../../index.json",
					   "md5:d41d8cd98f00b204e9800998ecf8427e", "sha256:", "",
					   NULL};
	struct fixture *f = *state;
	struct crl_err err = CRL_ERR_INIT;
	int fd;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		assert_int_equal(crl_store_open_blob(f->store, rows[i], &fd, NULL, &err), -1);
		assert_int_equal(err.code, CRL_INVALID);
		assert_int_equal(crl_store_remove_blob(f->store, rows[i], &err), -1);
		assert_int_equal(crl_store_remove_layer(f->store, rows[i], &err), -1);
		assert_false(crl_store_has_layer(f->store, rows[i]));
		assert_null(crl_store_layer_path(f->store, rows[i]));
	}
	assert_int_equal(crl_store_open_blob(f->store, MISSING, &fd, NULL, &err), -1);
	assert_int_equal(err.code, CRL_NOT_FOUND);
}

static void test_blob_fifo(void **state)
{
	struct fixture *f = *state;
	struct crl_err err = CRL_ERR_INIT;
	int fd;

	assert_int_equal(mkfifoat(f->store->blobs_fd, store_hex(MISSING), 0600), 0);
	assert_false(crl_store_has_blob(f->store, MISSING));
	assert_int_equal(crl_store_open_blob(f->store, MISSING, &fd, NULL, &err), -1);
	assert_int_equal(crl_store_remove_blob(f->store, MISSING, &err), 0);
}

static void test_index(void **state)
{
	struct fixture *f = *state;
	struct crl_err err = CRL_ERR_INIT;
	struct crl_index index;

	assert_int_equal(crl_store_read_index(f->store, &index, &err), 0);
	assert_int_equal(index.n_manifests, 0);
	index.n_manifests = 1;
	index.manifests = calloc(1, sizeof(*index.manifests));
	index.manifests[0].media_type = strdup(CRL_MT_OCI_MANIFEST);
	index.manifests[0].digest = strdup(MISSING);
	index.manifests[0].size = 7;
	strmap_set(&index.manifests[0].annotations, "io.containerd.image.name", "docker.io/x:1");
	assert_int_equal(crl_store_write_index(f->store, &index, &err), 0);
	json_free(&crl_index_json, &index);

	assert_int_equal(crl_store_read_index(f->store, &index, &err), 0);
	assert_int_equal(index.n_manifests, 1);
	assert_string_equal(strmap_get(&index.manifests[0].annotations, "io.containerd.image.name"),
			    "docker.io/x:1");
	json_free(&crl_index_json, &index);
}

static int make_layer(struct fixture *f, const char *diff_id, bool cut)
{
	struct layer_record r = {.diff_id = (char *)diff_id, .bytes = 42, .cut = cut};
	struct crl_err err;

	mkdirat(f->store->layers_fd, store_hex(diff_id), 0700);
	int fd = openat(f->store->layers_fd, store_hex(diff_id), O_DIRECTORY | O_RDONLY);
	int result = layer_record_write(fd, &r, &err);
	close(fd);
	return result;
}

static void test_layers(void **state)
{
	struct fixture *f = *state;
	struct crl_err err = CRL_ERR_INIT;
	char a[80], b[80], c[80];
	int64_t size;

	memcpy(a, MISSING, sizeof(MISSING));
	memcpy(b, MISSING, sizeof(MISSING));
	memcpy(c, MISSING, sizeof(MISSING));
	a[70] = 'a';
	b[70] = 'b';
	c[70] = 'c';
	assert_int_equal(make_layer(f, a, false) | make_layer(f, b, true) | make_layer(f, c, false),
			 0);
	assert_int_equal(crl_store_layer_size(f->store, a, &size, &err), 0);
	assert_int_equal(size, 42);

	_cleanup_strv_ char **lowers = NULL;
	char *chain[] = {a, b, c, NULL};
	assert_int_equal(crl_store_lowers(f->store, chain, &lowers, &err), 0);
	assert_int_equal(strv_len(lowers), 2); /* b hides a */
	_cleanup_free_ char *top = crl_store_layer_path(f->store, c);
	assert_string_equal(lowers[0], top);

	assert_int_equal(crl_store_remove_layer(f->store, a, &err), 0);
	assert_false(crl_store_has_layer(f->store, a));
	assert_int_equal(crl_store_remove_layer(f->store, a, &err), 0);
}

static void test_damaged_record(void **state)
{
	struct fixture *f = *state;
	struct crl_err err = CRL_ERR_INIT;

	assert_int_equal(make_layer(f, MISSING, false), 0);
	assert_true(crl_store_has_layer(f->store, MISSING));
	int dir = openat(f->store->layers_fd, store_hex(MISSING), O_DIRECTORY | O_RDONLY);
	int fd = openat(dir, STORE_LAYER_RECORD, O_WRONLY);
	lseek(fd, -2, SEEK_END);
	assert_int_equal(write(fd, "#", 1), 1);
	close(fd);
	close(dir);
	assert_false(crl_store_has_layer(f->store, MISSING));
	assert_int_equal(crl_store_remove_layer(f->store, MISSING, &err), 0);
}

static void test_no_layers_lowers(void **state)
{
	struct fixture *f = *state;
	struct crl_err err = CRL_ERR_INIT;
	_cleanup_strv_ char **lowers = NULL;

	assert_int_equal(crl_store_lowers(f->store, NULL, &lowers, &err), 0);
	assert_int_equal(strv_len(lowers), 1);
	assert_int_equal(access(lowers[0], F_OK), 0);
}

static void test_sweep(void **state)
{
	struct fixture *f = *state;
	struct crl_err err = CRL_ERR_INIT;

	assert_int_equal(mkdirat(f->store->tmp_fd, "layer-1", 0700), 0);
	assert_int_equal(mkdirat(f->store->tmp_fd, "layer-1/fs", 0700), 0);
	assert_int_equal(symlinkat("/etc", f->store->tmp_fd, "layer-1/fs/link"), 0);
	assert_int_equal(crl_store_sweep_tmp(f->store, &err), 0);
	assert_int_equal(faccessat(f->store->tmp_fd, "layer-1", F_OK, 0), -1);
	assert_int_equal(access("/etc/passwd", F_OK), 0);
}

static void test_parse(void **state)
{
	static const char *const bad[] = {
		"",
		"[]",
		"{}",
		"\xef\xbb\xbf{\"schemaVersion\":2}",
		"{\"schemaVersion\":2,\"config\":{\"mediaType\":\"x\",\"digest\":\"" MISSING
		"\",\"size\":-1},\"layers\":[]}",
		"{\"schemaVersion\":1,\"config\":{\"mediaType\":\"x\",\"digest\":\"" MISSING
		"\",\"size\":1},\"layers\":[]}",
		"{\"schemaVersion\":2,\"config\":{\"mediaType\":\"x\",\"digest\":\"" MISSING
		"\",\"size\":1},\"layers\":[],\"manifests\":[]}",
		"{\"schemaVersion\":2,\"config\":{\"mediaType\":\"x\",\"digest\":\"" MISSING
		"\",\"size\":1},\"layers\":[],\"layers\":[]}",
		"{\"schemaVersion\":2,\"config\":{\"mediaType\":\"x\",\"digest\":\"sha256:../../"
		"x\","
		"\"size\":1},\"layers\":[]}",
		"{\"schemaVersion\":2,\"mediaType\":\"" CRL_MT_OCI_INDEX
		"\",\"config\":{\"mediaType\":\"x\",\"digest\":\"" MISSING
		"\",\"size\":1},\"layers\":[]}",
	};
	static const char good[] =
		"{\"schemaVersion\":2,\"config\":{\"mediaType\":\"x\",\"digest\":\"" MISSING
		"\",\"size\":1},\"layers\":[]}";
	struct crl_manifest m;
	struct crl_err err = CRL_ERR_INIT;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		if (crl_manifest_parse(bad[i], strlen(bad[i]), &m, &err) == 0)
			fail_msg("accepted: %s", bad[i]);
	assert_int_equal(crl_manifest_parse(good, strlen(good), &m, &err), 0);
	json_free(&crl_manifest_json, &m);
}

static void test_parse_image(void **state)
{
	static const char good[] =
		"{\"os\":\"linux\",\"architecture\":\"amd64\",\"config\":{\"Entrypoint\":\"/x\","
		"\"Env\":null,\"ExposedPorts\":{\"80/tcp\":{}}},\"rootfs\":{\"type\":\"layers\","
		"\"diff_ids\":[\"" MISSING "\"]},\"unknown\":1}";
	static const char *const bad[] = {
		"{\"os\":\"windows\",\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[]}}",
		"{\"os\":\"linux\",\"rootfs\":{\"type\":\"bogus\",\"diff_ids\":[]}}",
		"{\"os\":\"linux\",\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\"sha256:x\"]}}",
		"{\"os\":\"linux\"}",
	};
	struct crl_image img;
	struct crl_err err = CRL_ERR_INIT;

	if (crl_image_parse(good, strlen(good), &img, &err) < 0)
		fail_msg("%s", err.msg);
	assert_string_equal(img.config.entrypoint[0], "/x");
	json_free(&crl_image_json, &img);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		if (crl_image_parse(bad[i], strlen(bad[i]), &img, &err) == 0)
			fail_msg("accepted: %s", bad[i]);
}

/* The daemon would search such lists for each member: hours, for eight megabytes. */
static void test_crowded_image(void **state)
{
	static const char *const members[] = {"\"Env\":[", "\"Labels\":{", "\"Cmd\":["};
	for (size_t k = 0; k < ARRAY_SIZE(members); k++)
		for (int n = 4096; n <= 4097; n++) {
			struct buf b = BUF_INIT;
			struct crl_image img = {0};
			struct crl_err err = CRL_ERR_INIT;
			bool map = k == 1;
			buf_printf(
				&b,
				"{\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[]},\"config\":{%s",
				members[k]);
			for (int i = 0; i < n; i++)
				buf_printf(&b, map ? "%s\"%x\":\"\"" : "%s\"%x=\"", i ? "," : "",
					   i);
			buf_puts(&b, map ? "}}}" : "]}}");
			assert_int_equal(crl_image_parse(b.data, b.len, &img, &err),
					 n > 4096 ? -1 : 0);
			if (n > 4096)
				assert_int_equal(err.code, CRL_LIMIT);
			else
				json_free(&crl_image_json, &img);
			buf_free(&b);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_layout),         cmocka_unit_test(test_blob),
		cmocka_unit_test(test_bad_digest),     cmocka_unit_test(test_blob_fifo),
		cmocka_unit_test(test_index),          cmocka_unit_test(test_layers),
		cmocka_unit_test(test_damaged_record), cmocka_unit_test(test_no_layers_lowers),
		cmocka_unit_test(test_sweep),          cmocka_unit_test(test_parse),
		cmocka_unit_test(test_parse_image),    cmocka_unit_test(test_crowded_image),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
