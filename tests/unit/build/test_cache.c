/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Build cache: keys that tell inputs apart, records that check themselves; content hashes of trees.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <base/path.h>
#include "build_exec.h"

struct fixture {
	char dir[64];
	int fd;
	struct build b;
};

static int set_up(void **state)
{
	static struct fixture f;
	struct crl_err err = CRL_ERR_INIT;

	f = (struct fixture){.dir = "/tmp/crl-cache-XXXXXX",
			     .b = {.cache_fd = -1, .plan.epoch = -1}};
	assert_non_null(mkdtemp(f.dir));
	f.fd = open(f.dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(build_cache_open(&f.b, f.dir, &err), 0);
	*state = &f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	close(f->b.cache_fd);
	close(f->fd);
	return path_remove_tree(AT_FDCWD, f->dir, NULL);
}

static void test_keys(void **state)
{
	struct fixture *f = *state;
	const struct build_stage s = {0};
	char *const split[] = {"ab", "c", NULL}, *const joined[] = {"a", "bc", NULL};
	char one[65], two[65], three[65];
	struct build_key k;
	struct crl_err err;

	build_key_start(&k, &f->b, &s, "RUN");
	build_key_list(&k, "argv", split);
	assert_int_equal(build_key_end(&k, one, &err), 0);
	build_key_start(&k, &f->b, &s, "RUN");
	build_key_list(&k, "argv", joined);
	assert_int_equal(build_key_end(&k, two, &err), 0);
	assert_string_not_equal(one, two);
	build_key_start(&k, &f->b, &s, "RUN");
	build_key_field(&k, "user", NULL);
	assert_int_equal(build_key_end(&k, one, &err), 0);
	build_key_start(&k, &f->b, &s, "RUN");
	build_key_field(&k, "user", "");
	assert_int_equal(build_key_end(&k, three, &err), 0);
	assert_string_not_equal(one, three);
}

static const char hex[] = "0123456789012345678901234567890123456789012345678901234567890123";

static void test_record(void **state)
{
	struct fixture *f = *state;
	const struct build_record in = {.created = 1795396040020812971, .empty = true};
	struct build_record out = {0};
	struct crl_err err = CRL_ERR_INIT;

	assert_int_equal(build_cache_get(&f->b, hex, &out), 0);
	assert_int_equal(build_cache_put(&f->b, hex, &in, &err), 0);
	assert_int_equal(build_cache_get(&f->b, hex, &out), 1);
	assert_true(out.created == in.created); /* exact beyond 2^53 */
	build_record_free(&out);
}

/* A torn or changed record is a miss, and is taken away. */
static void test_damage(void **state)
{
	struct fixture *f = *state;
	const struct build_record in = {.created = 7, .empty = true};
	struct build_record out = {0};
	struct crl_err err = CRL_ERR_INIT;
	size_t len;

	for (size_t cut = 0; cut < 3; cut++) {
		_cleanup_free_ char *text = NULL;
		assert_int_equal(build_cache_put(&f->b, hex, &in, &err), 0);
		assert_int_equal(path_read_file(f->b.cache_fd, hex, 4096, &text, &len, &err), 0);
		if (cut == 0)
			text[len - 3] ^= 1;
		else
			len = cut == 1 ? len / 2 : 0;
		assert_int_equal(
			path_write_atomic(f->b.cache_fd, hex, text, len, 0600, false, &err), 0);
		assert_int_equal(build_cache_get(&f->b, hex, &out), 0);
		assert_int_equal(faccessat(f->b.cache_fd, hex, F_OK, 0), -1);
	}
}

/* --- content --- */

static void put(const struct fixture *f, const char *path, const char *text)
{
	assert_int_equal(path_write_atomic(f->fd, path, text, strlen(text), 0644, false, NULL), 0);
}

static void hash(const struct fixture *f, char ret[65])
{
	const struct build_filter none = {0};
	struct timespec newest = {0};
	struct crl_err err = CRL_ERR_INIT;
	_cleanup_close_ int fd = openat(f->fd, "tree", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(build_tree_hash(fd, "tree", false, &none, ret, &newest, &err), 0);
}

static void test_tree(void **state)
{
	struct fixture *f = *state;
	const struct timespec old[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};
	char first[65], now[65];

	assert_int_equal(mkdirat(f->fd, "tree", 0755), 0);
	put(f, "tree/a", "AAAA");
	assert_int_equal(utimensat(f->fd, "tree/a", old, 0), 0);
	hash(f, first);
	/* The same size and time, other content: what others miss. */
	put(f, "tree/a", "BBBB");
	assert_int_equal(utimensat(f->fd, "tree/a", old, 0), 0);
	hash(f, now);
	assert_string_not_equal(first, now);
	/* Another time, the same content. */
	put(f, "tree/a", "AAAA");
	hash(f, now);
	assert_string_equal(first, now);
	/* Names and modes count. */
	assert_int_equal(renameat(f->fd, "tree/a", f->fd, "tree/b"), 0);
	hash(f, now);
	assert_string_not_equal(first, now);
	assert_int_equal(renameat(f->fd, "tree/b", f->fd, "tree/a"), 0);
	assert_int_equal(fchmodat(f->fd, "tree/a", 0600, 0), 0);
	hash(f, now);
	assert_string_not_equal(first, now);
	assert_int_equal(fchmodat(f->fd, "tree/a", 0644, 0), 0);
	hash(f, now);
	assert_string_equal(first, now);
	/* a/b in one folder is not a and b side by side. */
	assert_int_equal(mkdirat(f->fd, "tree/d", 0755), 0);
	put(f, "tree/d/x", "");
	hash(f, first);
	assert_int_equal(renameat(f->fd, "tree/d/x", f->fd, "tree/x"), 0);
	hash(f, now);
	assert_string_not_equal(first, now);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_keys, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_record, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_damage, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_tree, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
