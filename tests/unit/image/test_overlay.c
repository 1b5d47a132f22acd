/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Overlay mounts by each of the ways that kernels need. Skipped without root. */
#include <image/overlay.h>

#include <base/path.h>
#include <base/userns.h>

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <sys/stat.h>

#include <cmocka.h>

#define LAYERS 40

struct tree {
	char root[64];
	char *lowers[LAYERS + 1];
	char *upper, *work;
};

/* Layer i holds a file "fI" and overrides "top": the first one must win. */
static int setup(void **state)
{
	struct tree *t = calloc(1, sizeof(*t));
	struct crl_err err;

	strcpy(t->root, "/tmp/crl-overlay-XXXXXX");
	if (!mkdtemp(t->root))
		return -1;
	for (int i = 0; i < LAYERS; i++) {
		t->lowers[i] = path_printf("%s/layer:with,odd name %d", t->root, i);
		if (mkdir(t->lowers[i], 0755) < 0)
			return -1;
		int fd = open(t->lowers[i], O_DIRECTORY | O_RDONLY);
		_cleanup_free_ char *name = path_printf("f%d", i);
		if (path_write_atomic(fd, name, name, strlen(name), 0644, false, &err) < 0 ||
		    path_write_atomic(fd, "top", name, strlen(name), 0644, false, &err) < 0)
			return -1;
		close(fd);
	}
	t->upper = path_printf("%s/upper", t->root);
	t->work = path_printf("%s/work", t->root);
	*state = t;
	return mkdir(t->upper, 0755) | mkdir(t->work, 0755);
}

static int teardown(void **state)
{
	struct tree *t = *state;
	struct crl_err err;

	for (int i = 0; i < LAYERS; i++)
		free(t->lowers[i]);
	free(t->upper);
	free(t->work);
	int r = path_remove_tree(AT_FDCWD, t->root, &err);
	free(t);
	return r;
}

static void check(int mount, int n, bool writable)
{
	struct crl_err err = CRL_ERR_INIT;
	_cleanup_free_ char *top = NULL, *last = path_printf("f%d", n - 1);
	size_t len;

	assert_int_equal(path_read_file(mount, "top", 100, &top, &len, &err), 0);
	assert_string_equal(top, "f0");
	assert_int_equal(faccessat(mount, last, F_OK, 0), 0);
	int fd = openat(mount, "new", O_CREAT | O_WRONLY, 0644);
	assert_int_equal(fd >= 0, writable);
	if (fd >= 0)
		close(fd);
	else
		assert_int_equal(errno, EROFS);
	unlinkat(mount, "new", 0);
}

static void try_way(struct tree *t, enum overlay_way way, int n, bool writable, bool is_volatile)
{
	struct crl_err err = CRL_ERR_INIT;
	struct crl_overlay o = {.lowers = t->lowers, .is_volatile = is_volatile};
	char *cut = t->lowers[n];
	int fd = -1;

	if (geteuid() != 0)
		skip();
	if (writable) {
		o.upper = t->upper;
		o.work = t->work;
	}
	t->lowers[n] = NULL;
	int r = overlay_mount_by(&o, way, &fd, &err);
	t->lowers[n] = cut;
	if (r < 0 && err.code == CRL_UNSUPPORTED)
		skip();
	if (r < 0)
		fail_msg("%s", err.msg);
	check(fd, n, writable);
	close(fd);
	if (is_volatile)
		assert_int_equal(path_remove_tree(AT_FDCWD, t->work, &err) | mkdir(t->work, 0755),
				 0);
}

static void test_plus(void **state)
{
	try_way(*state, OVERLAY_LOWERDIR_PLUS, LAYERS, true, false);
	try_way(*state, OVERLAY_LOWERDIR_PLUS, LAYERS, false, false);
	try_way(*state, OVERLAY_LOWERDIR_PLUS, 1, true, true);
}

static void test_one_string(void **state)
{
	try_way(*state, OVERLAY_ONE_STRING, 5, true, false);
	try_way(*state, OVERLAY_ONE_STRING, 5, false, false);
}

static void test_one_string_too_long(void **state)
{
	struct tree *t = *state;
	struct crl_overlay o = {.lowers = t->lowers};
	struct crl_err err = CRL_ERR_INIT;
	int fd = -1;

	if (geteuid() != 0)
		skip();
	assert_int_equal(overlay_mount_by(&o, OVERLAY_ONE_STRING, &fd, &err), -1);
	assert_int_equal(err.code, CRL_UNSUPPORTED);
}

static void test_child(void **state)
{
	try_way(*state, OVERLAY_CHILD, LAYERS, true, false);
	try_way(*state, OVERLAY_CHILD, LAYERS, false, false);
}

static void test_single_read_only(void **state)
{
	try_way(*state, OVERLAY_LOWERDIR_PLUS, 1, false, false);
}

#define BASE 1879048192U
static const struct oci_id_mapping ids = {.container_id = 0, .host_id = BASE, .size = 65536};
static const struct userns_map map = {.uids = &ids, .gids = &ids, .n_uids = 1, .n_gids = 1};

static uid_t owner_of(int dir, const char *name)
{
	struct stat st;

	assert_int_equal(fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW), 0);
	return st.st_uid;
}

static void try_mapped(struct tree *t, enum overlay_way way)
{
	struct crl_err err = CRL_ERR_INIT;
	_cleanup_close_ int userns = -1, mount = -1;

	if (geteuid() != 0)
		skip();
	assert_int_equal(userns_new(&map, &userns, &err), 0);
	char *lowers[] = {t->lowers[0], t->lowers[1], NULL};
	const struct crl_overlay o = {
		.lowers = lowers, .upper = t->upper, .work = t->work, .userns = &userns};
	if (overlay_mount_by(&o, way, &mount, &err) < 0) {
		if (err.code == CRL_UNSUPPORTED)
			skip();
		fail_msg("%s", err.msg);
	}
	/* Root's on the disk, the namespace's root here; what is copied up keeps that owner. */
	assert_int_equal(owner_of(mount, "top"), BASE);
	assert_int_equal(owner_of(mount, "f1"), BASE);
	int fd = openat(mount, "f1", O_WRONLY | O_APPEND);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "x", 1), 1);
	close(fd);
	_cleanup_free_ char *copied = path_printf("%s/f1", t->upper);
	assert_int_equal(owner_of(AT_FDCWD, copied), BASE);
	assert_int_equal(owner_of(AT_FDCWD, t->lowers[1]), 0);
	assert_int_equal(unlink(copied), 0);
}

static void test_mapped(void **state)
{
	try_mapped(*state, OVERLAY_LOWERDIR_PLUS);
}

static void test_mapped_child(void **state)
{
	try_mapped(*state, OVERLAY_CHILD);
}

static void test_unshift(void **state)
{
	struct tree *t = *state;
	struct crl_err err = CRL_ERR_INIT;
	struct userns_map back;
	_cleanup_close_ int userns = -1, mount = -1;

	if (geteuid() != 0)
		skip();
	_cleanup_free_ char *name = path_printf("%s/shifted", t->upper);
	close(open(name, O_CREAT | O_WRONLY, 0644));
	assert_int_equal(chown(name, BASE + 1000, BASE + 7), 0);
	assert_int_equal(userns_inverse(&map, &back, &err), 0);
	assert_int_equal(userns_new(&back, &userns, &err), 0);
	userns_map_free(&back);
	if (crl_overlay_unshift(t->upper, userns, &mount, &err) < 0)
		fail_msg("%s", err.msg);
	assert_int_equal(owner_of(mount, "shifted"), 1000);
	assert_int_equal(openat(mount, "shifted", O_WRONLY), -1);
	assert_int_equal(errno, EROFS);
	/* The same on top of layers, which are shown as they are. */
	close(take_fd(&mount));
	char *lowers[] = {t->upper, t->lowers[0], NULL};
	const struct crl_overlay o = {.lowers = lowers, .top_userns = &userns};
	if (crl_overlay_mount(&o, &mount, &err) < 0)
		fail_msg("%s", err.msg);
	assert_int_equal(owner_of(mount, "shifted"), 1000);
	assert_int_equal(owner_of(mount, "f0"), 0);
	unlink(name);
}

static void test_missing_layer(void **state)
{
	struct tree *t = *state;
	char *lowers[] = {t->lowers[0], "/nonexistent/layer", NULL};
	struct crl_overlay o = {.lowers = lowers};
	struct crl_err err = CRL_ERR_INIT;
	int fd = -1;

	assert_int_equal(crl_overlay_mount(&o, &fd, &err), -1);
	assert_non_null(strstr(err.msg, "/nonexistent/layer"));
	assert_int_equal(fd, -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plus),
		cmocka_unit_test(test_one_string),
		cmocka_unit_test(test_one_string_too_long),
		cmocka_unit_test(test_child),
		cmocka_unit_test(test_single_read_only),
		cmocka_unit_test(test_mapped),
		cmocka_unit_test(test_mapped_child),
		cmocka_unit_test(test_unshift),
		cmocka_unit_test(test_missing_layer),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
