/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Maps of user namespaces: what is refused, the way back, and one made in the kernel. */
#include <base/userns.h>

#include <base/cleanup.h>
#include <base/path.h>

#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/mount.h>
#include <sys/wait.h>

#include <cmocka.h>

static int check(const struct oci_id_mapping *rows, size_t n)
{
	static const struct oci_id_mapping good = {0, 100000, 1};
	struct crl_err err = CRL_ERR_INIT;
	const struct userns_map as_uids = {rows, &good, n, 1}, as_gids = {&good, rows, 1, n};
	int r = userns_check(&as_uids, &err);

	assert_int_equal(userns_check(&as_gids, &err), r);
	return r;
}

static void test_check(void **state)
{
	(void)state;
	static const struct oci_id_mapping apart[] = {{0, 100000, 10}, {10, 200000, 10}};
	static const struct oci_id_mapping inside[] = {{0, 100000, 10}, {9, 200000, 10}};
	static const struct oci_id_mapping outside[] = {{0, 100000, 10}, {10, 100009, 10}};
	static const struct oci_id_mapping none[] = {{0, 100000, 0}};
	static const struct oci_id_mapping high[] = {{0, 4294967290U, 6}};
	static const struct oci_id_mapping last[] = {{0, 4294967290U, 5}};
	static struct oci_id_mapping many[341];

	for (uint32_t i = 0; i < 341; i++)
		many[i] = (struct oci_id_mapping){i, 100000 + i, 1};
	assert_int_equal(check(apart, 2), 0);
	assert_int_equal(check(inside, 2), -1);
	assert_int_equal(check(outside, 2), -1);
	assert_int_equal(check(none, 1), -1);
	assert_int_equal(check(none, 0), -1);
	assert_int_equal(check(high, 1), -1);
	assert_int_equal(check(last, 1), 0);
	assert_int_equal(check(many, 340), 0);
	assert_int_equal(check(many, 341), -1);
}

static void test_lookup(void **state)
{
	(void)state;
	static const struct oci_id_mapping rows[] = {{0, 100000, 10}, {50, 7, 2}};

	assert_int_equal(userns_to_host(rows, 2, 0), 100000);
	assert_int_equal(userns_to_host(rows, 2, 9), 100009);
	assert_int_equal(userns_to_host(rows, 2, 10), -1);
	assert_int_equal(userns_to_host(rows, 2, 51), 8);
	assert_int_equal(userns_to_host(rows, 2, 52), -1);
}

/* The ids of a child that joined: the map is there, and nobody but its root. */
static void test_made(void **state)
{
	(void)state;
	static const struct oci_id_mapping uids[] = {{0, 300000, 1000}}, gids[] = {{0, 400000, 9}};
	const struct userns_map map = {uids, gids, 1, 1};
	struct crl_err err = CRL_ERR_INIT;
	_cleanup_close_ int fd = -1;
	int status;

	if (geteuid() != 0)
		skip();
	if (userns_new(&map, &fd, &err) < 0)
		fail_msg("%s", err.msg);
	pid_t pid = fork();
	if (pid == 0) {
		_cleanup_free_ char *text = NULL;
		size_t len;
		if (setns(fd, CLONE_NEWUSER) < 0 || userns_become_root(&err) < 0 || getuid() != 0)
			_exit(1);
		if (path_read_file(AT_FDCWD, "/proc/self/uid_map", 100, &text, &len, &err) < 0 ||
		    !strstr(text, " 300000 ") || !strstr(text, " 1000\n"))
			_exit(2);
		/* Root in here only: a file of the host's root cannot be written. */
		_exit(open("/etc/passwd", O_WRONLY | O_CLOEXEC) < 0 ? 0 : 3);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	/* A map is written once. */
	assert_int_equal(userns_fill(fd, &map, &err), -1);
}

/* Nobody's wait() finds the process that the map was written through. */
static void test_no_child_left(void **state)
{
	(void)state;
	static const struct oci_id_mapping rows[] = {{0, 300000, 1000}};
	const struct userns_map map = {rows, rows, 1, 1};
	struct crl_err err = CRL_ERR_INIT;
	_cleanup_close_ int fd = -1;

	if (geteuid() != 0)
		skip();
	assert_int_equal(userns_new(&map, &fd, &err), 0);
	assert_int_equal(waitpid(-1, NULL, WNOHANG | __WALL), -1);
}

static void test_unmappable(void **state)
{
	(void)state;
	static const struct oci_id_mapping rows[] = {{0, 300000, 1000}};
	const struct userns_map map = {rows, rows, 1, 1};
	struct crl_err err = CRL_ERR_INIT;
	_cleanup_close_ int fd = -1, tree = -1;

	if (geteuid() != 0)
		skip();
	assert_int_equal(userns_new(&map, &fd, &err), 0);
	tree = open_tree(AT_FDCWD, "/proc", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	assert_int_equal(userns_map_mount(tree, fd, false, "mount /x", &err), -1);
	assert_int_equal(err.code, CRL_INVALID);
	assert_non_null(strstr(err.msg, "mount /x: its file system (proc)"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_check),      cmocka_unit_test(test_lookup),
		cmocka_unit_test(test_made),       cmocka_unit_test(test_no_child_left),
		cmocka_unit_test(test_unmappable),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
