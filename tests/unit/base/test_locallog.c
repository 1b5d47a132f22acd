/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Records of the log driver "local": there and back, in both directions, and over damage. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <base/locallog.h>

static void add(struct buf *b, const char *text, unsigned flags, int64_t time)
{
	const struct locallog_record rec = {.kind = LOCALLOG_TEXT,
					    .flags = flags,
					    .time = time,
					    .body = text,
					    .len = strlen(text)};
	locallog_add(b, &rec);
	assert_false(b->failed);
}

static void test_there_and_back(void **state)
{
	_cleanup_buf_ struct buf b = BUF_INIT;
	struct locallog_record r;
	add(&b, "one", LOCALLOG_NEWLINE, 1795404763983666336);
	add(&b, "", LOCALLOG_STDERR, -1);
	size_t first = LOCALLOG_HEADER + 3 + LOCALLOG_TRAILER;
	assert_int_equal(locallog_next(b.data, b.len, &r), first);
	assert_memory_equal(r.body, "one", 3);
	assert_int_equal(r.len, 3);
	assert_int_equal(r.flags, LOCALLOG_NEWLINE);
	assert_true(r.time == 1795404763983666336);
	assert_int_equal(locallog_next(b.data + first, b.len - first, &r), b.len - first);
	assert_int_equal(r.len, 0);
	assert_true(r.time == -1);
	assert_int_equal(locallog_last(b.data, b.len, &r), b.len - first);
	assert_int_equal(locallog_last(b.data, first, &r), first);
	/* Any part of a record asks for more, and its end is no record's. */
	for (size_t n = 0; n < first; n++) {
		assert_int_equal(locallog_next(b.data, n, &r), 0);
		assert_int_equal(locallog_last(b.data, n, &r), 0);
	}
}

static void test_damage(void **state)
{
	_cleanup_buf_ struct buf b = BUF_INIT;
	struct locallog_record r;
	add(&b, "one\xC1\x0C\x01", LOCALLOG_NEWLINE, 7);
	size_t first = b.len;
	add(&b, "two", LOCALLOG_NEWLINE, 8);
	/* No single damaged byte goes unnoticed. */
	for (size_t i = 0; i < first; i++) {
		b.data[i] ^= 0x40;
		ssize_t n = locallog_next(b.data, b.len, &r);
		/* A length may ask for more than there is. */
		assert_true(n == -1 || (n == 0 && i >= 4 && i < 8));
		b.data[i] ^= 0x40;
	}
	b.data[first / 2] ^= 1;
	size_t at = 0;
	while (at < b.len && locallog_next(b.data + at, b.len - at, &r) < 0)
		at += locallog_skip(b.data + at, b.len - at);
	assert_int_equal(at, first);
	assert_memory_equal(r.body, "two", 3);
}

static void test_limit(void **state)
{
	static char large[LOCALLOG_BODY_MAX + 10];
	_cleanup_buf_ struct buf b = BUF_INIT;
	struct locallog_record r;
	memset(large, 'x', sizeof(large) - 1);
	add(&b, large, 0, 1);
	assert_true(locallog_next(b.data, b.len, &r) > 0);
	assert_int_equal(r.len, LOCALLOG_BODY_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_there_and_back),
		cmocka_unit_test(test_damage),
		cmocka_unit_test(test_limit),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
