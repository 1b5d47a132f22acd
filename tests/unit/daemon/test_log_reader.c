/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The json-file log reader: lines, tail over rotated files, follow, damage. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <base/path.h>
#include <daemon/log_reader.h>
#include <fcntl.h>
#include <stdio.h>

static char dir[] = "/tmp/crl-log-XXXXXX";
static char path[64];

static void append(const char *file, int from, int to)
{
	FILE *f = fopen(file, "ae");
	for (int i = from; i < to; i++)
		fprintf(f,
			"{\"log\":\"line "
			"%d\\n\",\"stream\":\"%s\",\"time\":\"2026-01-02T03:04:%02dZ\"}\n",
			i, i % 2 ? "stderr" : "stdout", i % 60);
	fclose(f);
}

static void collect(const struct log_line *l, void *data)
{
	buf_add(data, l->text, l->len);
}

static int read_all(struct log_reader *r, struct buf *b)
{
	struct crl_err err;
	int n;
	while ((n = log_reader_next(r, collect, b, &err)) == 1)
		;
	return n;
}

static char *read_query(const struct log_query *q)
{
	struct log_reader *r = NULL;
	struct crl_err err;
	struct buf b = BUF_INIT;
	assert_int_equal(log_reader_open(path, false, q, &r, &err), 0);
	assert_true(read_all(r, &b) >= 0);
	log_reader_close(r);
	return buf_take(&b);
}

static void expect(const struct log_query *q, const char *text)
{
	_cleanup_free_ char *got = read_query(q);
	assert_string_equal(got, text);
}

static int begin(void **state)
{
	snprintf(path, sizeof(path), "%s/x.log", dir);
	char old[80];
	for (int i = 0; i < 4; i++) {
		snprintf(old, sizeof(old), i ? "%s.%d" : "%s", path, i);
		unlink(old);
	}
	return 0;
}

static void test_tail(void **state)
{
	char old[80];
	snprintf(old, sizeof(old), "%s.1", path);
	append(old, 0, 3);
	append(path, 3, 5);
	expect(&(struct log_query){.tail = -1}, "line 0\nline 1\nline 2\nline 3\nline 4\n");
	expect(&(struct log_query){.tail = 0}, "");
	expect(&(struct log_query){.tail = 1}, "line 4\n");
	expect(&(struct log_query){.tail = 2}, "line 3\nline 4\n");
	expect(&(struct log_query){.tail = 4}, "line 1\nline 2\nline 3\nline 4\n");
	expect(&(struct log_query){.tail = 99}, "line 0\nline 1\nline 2\nline 3\nline 4\n");
}

static void test_times(void **state)
{
	append(path, 0, 5);
	int64_t second = 1767323042LL * 1000000000; /* 2026-01-02T03:04:02Z */
	expect(&(struct log_query){.tail = -1, .since = second}, "line 2\nline 3\nline 4\n");
	expect(&(struct log_query){.tail = -1, .until = second}, "line 0\nline 1\nline 2\n");
}

/* Follow: half a line waits for its rest, and a rotation loses nothing. */
static void test_follow(void **state)
{
	struct log_reader *r = NULL;
	struct crl_err err;
	struct buf b = BUF_INIT;
	char old[80];
	const struct log_query q = {.tail = -1};
	snprintf(old, sizeof(old), "%s.1", path);
	assert_int_equal(log_reader_open(path, false, &q, &r, &err), 0);
	assert_int_equal(read_all(r, &b), 0); /* not there yet */
	append(path, 0, 1);
	FILE *f = fopen(path, "ae");
	fputs("{\"log\":\"ha", f);
	fclose(f);
	assert_int_equal(read_all(r, &b), 0);
	assert_string_equal(b.data, "line 0\n");
	f = fopen(path, "ae");
	fputs("lf\\n\",\"stream\":\"stdout\",\"time\":\"2026-01-02T03:04:00Z\"}\n", f);
	fclose(f);
	assert_int_equal(rename(path, old), 0);
	append(path, 7, 8);
	assert_int_equal(read_all(r, &b), 0);
	assert_string_equal(b.data, "line 0\nhalf\nline 7\n");
	log_reader_close(r);
	buf_free(&b);
}

static void test_damage(void **state)
{
	FILE *f = fopen(path, "ae");
	fputs("garbage\n{\"log\":\"no time\"}\n\n{\"log\":\"unterminated\n", f);
	fclose(f);
	append(path, 0, 1);
	expect(&(struct log_query){.tail = -1}, "line 0\n");
}

static void test_lines(void **state)
{
	struct buf b = BUF_INIT;
	struct log_line l;
	const char *line = "{\"time\":\"2026-01-02T03:04:05.5Z\",\"attrs\":{\"a\":[1,\"}\"]},"
			   "\"stream\":\"stderr\",\"log\":\"\\u00e9\\ud83d\\ude00\\t\\\"\"}";
	assert_true(log_line_parse(line, strlen(line), &b, &l));
	assert_int_equal(l.stream, LOG_STDERR);
	assert_int_equal(l.len, 8);
	assert_memory_equal(l.text, "\xc3\xa9\xf0\x9f\x98\x80\t\"", 8);
	assert_int_equal(l.time % 1000000000, 500000000);
	static const char *const bad[] = {"",
					  "{",
					  "{}",
					  "[]",
					  "{\"log\":1}",
					  "{\"log\":\"\\u12\"}",
					  "{\"log\":\"x\",\"time\":\"yesterday\"}"};
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_false(log_line_parse(bad[i], strlen(bad[i]), &b, &l));
	buf_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_tail, begin),
		cmocka_unit_test_setup(test_times, begin),
		cmocka_unit_test_setup(test_follow, begin),
		cmocka_unit_test_setup(test_damage, begin),
		cmocka_unit_test(test_lines),
	};
	if (!mkdtemp(dir))
		return 1;
	int r = cmocka_run_group_tests(tests, NULL, NULL);
	struct crl_err err;
	(void)path_remove_tree(AT_FDCWD, dir, &err);
	return r;
}
