/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Unit tests of the monitor's log files: lines, escapes, rotation, gaps. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <base/cleanup.h>
#include <base/locallog.h>
#include <crun-lite/monitor_proto.h>
#include <errno.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "monitor/logger.h"
#include "folder.h"

struct log_test {
	struct logger l;
	char path[128];
};

static void open_log(struct log_test *t, const struct folder *f, int64_t max_size, int64_t max_file)
{
	snprintf(t->path, sizeof(t->path), "%s/log", f->path);
	struct mon_log spec = {
		.driver = "json-file", .path = t->path, .max_size = max_size, .max_file = max_file};
	assert_int_equal(logger_open(&t->l, &spec, NULL, NULL), 0);
}

static void log_text(struct log_test *t, int stream, const char *text)
{
	logger_write(&t->l, stream, (const uint8_t *)text, strlen(text));
}

/* The "log" strings of all records, one after another, as they stand in the file (escaped). */
static void read_log(const char *path, char *ret, size_t size)
{
	_cleanup_free_ char *text = NULL;
	size_t n = 0, len;
	assert_int_equal(path_read_file(AT_FDCWD, path, 1 << 22, &text, &len, NULL), 0);
	ret[0] = '\0';
	for (char *line = text, *end; *line; line = end + 1) {
		end = strchr(line, '\n');
		assert_non_null(end);
		assert_true(str_starts(line, "{\"log\":\""));
		char *stop = strstr(line, "\",\"stream\":\"std");
		assert_true(stop && stop < end && end[-1] == '}');
		n += (size_t)snprintf(ret + n, size - n, "%.*s", (int)(stop - line - 8), line + 8);
	}
}

static void test_log_lines(void **state)
{
	struct log_test t;
	char got[4096];
	open_log(&t, *state, 0, 0);
	log_text(&t, 1, "one\ntw");
	log_text(&t, 2, "err\n");
	log_text(&t, 1, "o\n\nthree");
	logger_close(&t.l, true);
	read_log(t.path, got, sizeof(got));
	assert_string_equal(got, "one\\nerr\\ntwo\\n\\nthree");
}

static void test_log_escapes(void **state)
{
	struct log_test t;
	char got[4096];
	open_log(&t, *state, 0, 0);
	log_text(&t, 1, "\"\\\t\x01<&>\x7f\r\n");
	log_text(&t, 1,
		 "\xe2\x82\xac \xe2\x80\xa8 \xff\xc3 \xed\xa0\x80 \xc0\x80 \xf4\x90\x80\x80\n");
	/* A character in two writes is one character. */
	log_text(&t, 1, "\xe2\x82");
	log_text(&t, 1, "\xac\n");
	logger_close(&t.l, false);
	read_log(t.path, got, sizeof(got));
	assert_string_equal(got, "\\\"\\\\\\u0009\\u0001\\u003c\\u0026\\u003e\x7f\\r\\n"
				 "\xe2\x82\xac \\u2028 \\ufffd\\ufffd \\ufffd\\ufffd\\ufffd "
				 "\\ufffd\\ufffd \\ufffd\\ufffd\\ufffd\\ufffd\\n"
				 "\xe2\x82\xac\\n");
}

static void test_log_long_line(void **state)
{
	struct log_test t;
	static char line[2 * LOGLINE_MAX + 2], got[3 * LOGLINE_MAX];
	memset(line, 'x', sizeof(line) - 1);
	/* The euro sign lies across the limit: it stays in one piece. */
	memcpy(line + LOGLINE_MAX - 1, "\xe2\x82\xac", 3);
	open_log(&t, *state, 0, 0);
	for (size_t i = 0; i < sizeof(line) - 1; i += 1000) {
		size_t n = sizeof(line) - 1 - i;
		logger_write(&t.l, 1, (uint8_t *)line + i, n < 1000 ? n : 1000);
	}
	log_text(&t, 1, "\n");
	logger_close(&t.l, false);
	read_log(t.path, got, sizeof(got));
	assert_int_equal(strlen(got), sizeof(line) - 1 + 2);
	assert_memory_equal(got, line, sizeof(line) - 1);
	_cleanup_free_ char *text = NULL;
	size_t len, lines = 0;
	assert_int_equal(path_read_file(AT_FDCWD, t.path, 1 << 20, &text, &len, NULL), 0);
	for (size_t i = 0; i < len; i++)
		lines += text[i] == '\n';
	assert_int_equal(lines, 3);
	assert_int_equal(strstr(text, "\",\"stream") - text, 8 + LOGLINE_MAX - 1);
}

static void test_log_rotates(void **state)
{
	struct log_test t;
	char name[160], got[4096];
	open_log(&t, *state, 100, 3);
	for (int i = 0; i < 10; i++) {
		char line[16];
		snprintf(line, sizeof(line), "%d\n", i);
		log_text(&t, 1, line);
	}
	logger_close(&t.l, false);
	/* Two records of about 70 bytes pass 100, so each file holds two. */
	read_log(t.path, got, sizeof(got));
	assert_string_equal(got, "8\\n9\\n");
	snprintf(name, sizeof(name), "%s.2", t.path);
	read_log(name, got, sizeof(got));
	assert_string_equal(got, "4\\n5\\n");
	snprintf(name, sizeof(name), "%s.3", t.path);
	assert_int_equal(access(name, F_OK), -1);
}

/* A number that somebody meant as "no limit": a rotation must not count to it. */
static void test_log_rotates_with_any_number(void **state)
{
	struct log_test t;
	char name[160];
	open_log(&t, *state, 100, INT64_MAX);
	for (int i = 0; i < 6; i++)
		log_text(&t, 1, "x\n");
	logger_close(&t.l, false);
	snprintf(name, sizeof(name), "%s.2", t.path);
	assert_int_equal(access(name, F_OK), 0);
}

static void test_log_one_file_starts_again(void **state)
{
	struct log_test t;
	char got[4096];
	open_log(&t, *state, 100, 1);
	log_text(&t, 1, "a\nb\nc\n");
	logger_close(&t.l, false);
	read_log(t.path, got, sizeof(got));
	assert_string_equal(got, "c\\n");
}

/* RLIMIT_FSIZE stands for a full disk: writes fail, also in the middle of a record. */
static void test_log_gap(void **state)
{
	struct log_test t;
	char got[4096];
	struct rlimit old, full;
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	full = old;
	open_log(&t, *state, 0, 0);
	log_text(&t, 1, "before\n");
	full.rlim_cur = (rlim_t)t.l.file.size + 20;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &full), 0);
	log_text(&t, 1, "lost\n");
	log_text(&t, 1, "lost\ntoo\n");
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	log_text(&t, 1, "after\n");
	logger_close(&t.l, false);
	read_log(t.path, got, sizeof(got));
	assert_string_equal(got,
			    "before\\ncrun-lite: 3 lines (14 bytes) of output are missing here: "
			    "No space left on device\\nafter\\n");
}

/* The same in the form of "local": what is before, the gap, and what is after it can be read. */
static void test_log_gap_local(void **state)
{
	struct folder *f = *state;
	char path[128];
	struct logger l;
	struct rlimit old, full;
	snprintf(path, sizeof(path), "%s/local", f->path);
	const struct mon_log spec = {.driver = "local", .path = path};
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	full = old;
	assert_int_equal(logger_open(&l, &spec, NULL, NULL), 0);
	logger_write(&l, 1, (const uint8_t *)"before\n", 7);
	full.rlim_cur = (rlim_t)l.file.size + 20;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &full), 0);
	logger_write(&l, 2, (const uint8_t *)"lost\n", 5);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	logger_write(&l, 1, (const uint8_t *)"after", 5);
	logger_close(&l, false);
	_cleanup_free_ char *text = NULL;
	size_t len, at = 0;
	assert_int_equal(path_read_file(AT_FDCWD, path, 4096, &text, &len, NULL), 0);
	static const char *const want[] = {
		"before",
		"crun-lite: 1 lines (5 bytes) of output are missing here: No space left on device",
		"after"};
	for (size_t i = 0; i < ARRAY_SIZE(want); i++) {
		struct locallog_record r;
		ssize_t n = locallog_next(text + at, len - at, &r);
		assert_true(n > 0);
		assert_int_equal(r.len, strlen(want[i]));
		assert_memory_equal(r.body, want[i], r.len);
		assert_int_equal(r.flags & LOCALLOG_NEWLINE, i < 2 ? LOCALLOG_NEWLINE : 0);
		at += (size_t)n;
	}
	assert_int_equal(at, len);
}

/* A monitor that died in the middle of a write leaves half a record: ours does not continue it. */
static void test_log_after_torn_line(void **state)
{
	struct folder *f = *state;
	_cleanup_close_ int fd = openat(f->fd, "log", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_int_equal(write(fd, "{\"log\":\"ha", 10), 10);
	struct log_test t;
	open_log(&t, f, 0, 0);
	log_text(&t, 1, "new\n");
	logger_close(&t.l, false);
	_cleanup_free_ char *text = NULL;
	size_t len;
	assert_int_equal(path_read_file(AT_FDCWD, t.path, 4096, &text, &len, NULL), 0);
	assert_true(str_starts(text, "{\"log\":\"ha\n{\"log\":\"new\\n\""));
}

static void test_log_drivers(void **state)
{
	struct logger l;
	struct mon_log spec = {.driver = "none"};
	assert_int_equal(logger_open(&l, &spec, NULL, NULL), 0);
	logger_write(&l, 1, (const uint8_t *)"x\n", 2);
	logger_close(&l, true);
	spec.driver = "smoke-signs";
	assert_int_equal(logger_open(&l, &spec, NULL, NULL), -1);
	spec = (struct mon_log){.driver = "json-file", .path = "/nope/dir/log"};
	assert_int_equal(logger_open(&l, &spec, NULL, NULL), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_FOLDER(test_log_lines),
		IN_FOLDER(test_log_escapes),
		IN_FOLDER(test_log_long_line),
		IN_FOLDER(test_log_rotates),
		IN_FOLDER(test_log_rotates_with_any_number),
		IN_FOLDER(test_log_one_file_starts_again),
		IN_FOLDER(test_log_gap),
		IN_FOLDER(test_log_gap_local),
		IN_FOLDER(test_log_after_torn_line),
		cmocka_unit_test(test_log_drivers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
