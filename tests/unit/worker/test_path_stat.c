/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How docker cp reads paths, and what it says about a file: Go's mode bits, names, link targets. */
#include <worker/path_stat.h>

#include <base/path.h>
#include <base/str.h>

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cmocka.h>

static char dir[64];
static int root = -1;

static int setup(void **state)
{
	strcpy(dir, "/tmp/crl-path-stat-XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	root = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (mkdirat(root, "d", 0755) < 0 || mkdirat(root, "d/sub", 0755) < 0 ||
	    symlinkat("/d/sub", root, "abs") < 0 || symlinkat("d/../abs/f", root, "rel") < 0 ||
	    symlinkat("../../../d", root, "d/up") < 0 || symlinkat("self", root, "self") < 0 ||
	    symlinkat("/no/where/../x", root, "broken") < 0)
		return -1;
	int fd = openat(root, "d/sub/f", O_CREAT | O_WRONLY | O_CLOEXEC, 0640);
	if (fd < 0 || write(fd, "abc", 3) != 3)
		return -1;
	return close(fd);
}

static int teardown(void **state)
{
	close(root);
	return path_remove_tree(AT_FDCWD, dir, NULL);
}

static void test_go_mode(void **state)
{
	static const struct {
		mode_t mode;
		uint32_t go;
	} rows[] = {
		{S_IFREG | 0644, 0644},
		{S_IFDIR | 0755, 0x80000000U | 0755},
		{S_IFDIR | 01777, 0x80000000U | 0x100000U | 0777},
		{S_IFLNK | 0777, 0x8000000U | 0777},
		{S_IFREG | 04755, 0x800000U | 0755},
		{S_IFREG | 02755, 0x400000U | 0755},
		{S_IFCHR | 0666, 0x4000000U | 0x200000U | 0666},
		{S_IFBLK | 0660, 0x4000000U | 0660},
		{S_IFIFO | 0600, 0x2000000U | 0600},
		{S_IFSOCK | 0700, 0x1000000U | 0700},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		assert_int_equal(path_stat_go_mode(rows[i].mode), rows[i].go);
}

static void test_names(void **state)
{
	static const struct {
		const char *path, *clean, *name, *base;
		bool directory;
	} rows[] = {
		{"/d/sub/f", "/d/sub/f", "f", "f", false},
		{"d/sub/f", "/d/sub/f", "f", "f", false},
		{"/d/sub", "/d/sub", "sub", "sub", false},
		{"/d/sub/", "/d/sub", "sub", ".", true},
		{"/d/sub/.", "/d/sub", ".", ".", true},
		{"/d/sub/..", "/d", "d", ".", true},
		{"/", "/", "/", ".", true},
		{".", "/", "/", ".", true},
		{"/../../d//./sub", "/d/sub", "sub", "sub", false},
		{"/abs", "/abs", "abs", "abs", false},
		{"/abs/", "/abs", "abs", ".", true},
		{"/abs/f", "/abs/f", "f", "f", false},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct subject s = {.dir_fd = -1};
		struct crl_err err = CRL_ERR_INIT;
		assert_int_equal(subject_open(root, rows[i].path, &s, &err), 0);
		assert_string_equal(s.clean, rows[i].clean);
		assert_string_equal(s.name, rows[i].name);
		assert_string_equal(s.base, rows[i].base);
		assert_int_equal(s.directory, rows[i].directory);
		subject_free(&s);
	}
}

static void test_refused(void **state)
{
	static const struct {
		const char *path;
		enum crl_code code;
	} rows[] = {
		{"/none/x", CRL_NOT_FOUND},  {"/none/", CRL_NOT_FOUND}, {"/d/sub/f/", CRL_INVALID},
		{"/d/sub/f/x", CRL_INVALID}, {"/self/x", CRL_INVALID},  {"/broken/", CRL_NOT_FOUND},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct subject s = {.dir_fd = -1};
		struct crl_err err = CRL_ERR_INIT;
		assert_int_equal(subject_open(root, rows[i].path, &s, &err), -1);
		assert_int_equal(err.code, rows[i].code);
	}
}

static void check_target(const char *path, const char *target)
{
	_cleanup_cjson_ cJSON *o = NULL;
	struct subject s = {.dir_fd = -1};
	struct crl_err err = CRL_ERR_INIT;
	struct stat st;

	assert_int_equal(subject_open(root, path, &s, &err), 0);
	assert_int_equal(path_stat_json(root, &s, &o, &st, &err), 0);
	assert_string_equal(json_get_str(o, "linkTarget"), target);
	subject_free(&s);
}

/* As seen from inside: never a path of the host. */
static void test_targets(void **state)
{
	check_target("/abs", "/d/sub");
	check_target("/rel", "/d/sub/f");
	check_target("/d/up", "/d");
	check_target("/broken", "/no/x");
	check_target("/d/sub/f", "");
	check_target("/abs/", "");
	check_target("/self", ""); /* a circle has no end */
}

static void test_stat(void **state)
{
	_cleanup_cjson_ cJSON *o = NULL;
	struct subject s = {.dir_fd = -1};
	struct crl_err err = CRL_ERR_INIT;
	struct stat st;
	int64_t n;

	assert_int_equal(subject_open(root, "/abs/f", &s, &err), 0);
	assert_int_equal(path_stat_json(root, &s, &o, &st, &err), 0);
	assert_true(json_get_i64(o, "size", &n) && n == 3);
	assert_true(json_get_i64(o, "mode", &n) && n == 0640);
	assert_string_equal(json_get_str(o, "name"), "f");
	assert_int_equal(json_get_str(o, "mtime")[4], '-');
	subject_free(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_go_mode), cmocka_unit_test(test_names),
		cmocka_unit_test(test_refused), cmocka_unit_test(test_targets),
		cmocka_unit_test(test_stat),
	};

	umask(0);
	return cmocka_run_group_tests(tests, setup, teardown);
}
