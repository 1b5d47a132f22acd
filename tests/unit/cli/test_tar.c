/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The tar writer, read back by tar(1). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <base/fd.h>
#include <base/path.h>
#include <base/proc.h>
#include <cli/tar.h>
#include <fcntl.h>

static char folder[] = "/tmp/cli-tar-XXXXXX";
static int dir = -1;

static void put(const char *name, const char *text)
{
	_cleanup_close_ int fd = openat(dir, name, O_WRONLY | O_CREAT | O_TRUNC, 0640);
	assert_true(fd >= 0);
	assert_int_equal(fd_write_all(fd, text, strlen(text), NULL), 0);
}

static int make_tree(void **state)
{
	char longname[201];
	assert_non_null(mkdtemp(folder));
	dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(mkdirat(dir, "in", 0755) | mkdirat(dir, "in/sub", 0700), 0);
	put("in/b", "bee");
	put("in/sub/c", "");
	assert_int_equal(linkat(dir, "in/b", dir, "in/hard", 0), 0);
	assert_int_equal(symlinkat("b", dir, "in/sym"), 0);
	memset(longname, 'n', sizeof longname - 1);
	longname[sizeof longname - 1] = 0;
	memcpy(longname, "in/", 3);
	put(longname, "long");
	return 0;
}

static int remove_tree(void **state)
{
	close(dir);
	return path_remove_tree(AT_FDCWD, folder, NULL);
}

static void write_archive(struct tar *t, size_t piece)
{
	_cleanup_close_ int fd = openat(dir, "out.tar", O_WRONLY | O_CREAT | O_TRUNC, 0600);
	char data[1000];
	struct crl_err err = CRL_ERR_INIT;
	ssize_t n;
	size_t total = 0;
	while ((n = tar_read(t, data, piece, &err)) > 0) {
		assert_int_equal(fd_write_all(fd, data, (size_t)n, NULL), 0);
		total += (size_t)n;
	}
	assert_int_equal(n, 0);
	assert_int_equal(total % 512, 0);
}

static char *list(const char *options)
{
	_cleanup_free_ char *file = NULL;
	char *output = NULL;
	int status = -1;
	assert_true(asprintf(&file, "%s/out.tar", folder) > 0);
	char *argv[] = {(char *)"/bin/tar", (char *)options, file, NULL};
	char *env[] = {(char *)"PATH=/usr/bin:/bin", (char *)"LC_ALL=C", (char *)"TZ=UTC", NULL};
	assert_int_equal(proc_run(argv, env, true, 100000, &output, &status, NULL), 0);
	assert_int_equal(status, 0);
	return output;
}

static void test_folder(void **state)
{
	_cleanup_close_ int in = openat(dir, "in", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (size_t piece = 1; piece <= 1000; piece += 333) {
		struct tar *t = tar_new(in, NULL);
		assert_non_null(t);
		write_archive(t, piece);
		tar_free(t);
		_cleanup_free_ char *names = list("tf");
		assert_true(str_starts(names, "b\nhard\nnnn"));
		assert_non_null(strstr(names, "n\nsub/\nsub/c\nsym\n"));
		assert_int_equal(strcspn(strchr(names, 'n'), "\n"), 197);
		_cleanup_free_ char *details = list("tvf");
		assert_non_null(strstr(details, "hard link to b"));
		assert_non_null(strstr(details, "sym -> b"));
		assert_non_null(strstr(details, "-rw-r----- 0/0 "));
	}
}

static bool no_subs(void *ctx, const char *path, bool is_dir, bool *ret_descend)
{
	*ret_descend = ctx != NULL;
	return !str_eq(path, "sub") && !str_starts(path, "n");
}

static void test_wanted(void **state)
{
	_cleanup_close_ int in = openat(dir, "in", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	const struct tar_options never = {.wanted = no_subs};
	const struct tar_options into = {.wanted = no_subs, .ctx = (void *)1};
	struct tar *t = tar_new(in, &never);
	write_archive(t, 1000);
	tar_free(t);
	_cleanup_free_ char *names = list("tf");
	assert_string_equal(names, "b\nhard\nsym\n");
	t = tar_new(in, &into);
	write_archive(t, 1000);
	tar_free(t);
	_cleanup_free_ char *deeper = list("tf");
	assert_string_equal(deeper, "b\nhard\nsub/c\nsym\n");
}

static void test_memory(void **state)
{
	struct tar *t = tar_new_empty();
	assert_int_equal(tar_add_memory(t, "Dockerfile", "FROM scratch\n", 13, NULL), 0);
	write_archive(t, 1000);
	tar_free(t);
	_cleanup_free_ char *content = list("xOf");
	assert_string_equal(content, "FROM scratch\n");
}

/* The daemon must get the size that the header promised, whatever happens to the file. */
static void test_shrinking_file(void **state)
{
	_cleanup_close_ int in = openat(dir, "in", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct tar *t = tar_new(in, NULL);
	char head[512];
	assert_int_equal(tar_read(t, head, sizeof head, NULL), 512);
	assert_string_equal(head, "b");
	int fd = openat(in, "b", O_WRONLY | O_TRUNC);
	close(fd);
	char body[512];
	assert_int_equal(tar_read(t, body, sizeof body, NULL), 3);
	assert_memory_equal(body, "\0\0\0", 3);
	tar_free(t);
	put("in/b", "bee");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_folder),
		cmocka_unit_test(test_wanted),
		cmocka_unit_test(test_memory),
		cmocka_unit_test(test_shrinking_file),
	};
	return cmocka_run_group_tests(tests, make_tree, remove_tree);
}
