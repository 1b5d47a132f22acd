/* SPDX-License-Identifier: GPL-2.0-or-later */
/* DNS messages: questions in all shapes, answers byte by byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>

#include "dns/message.h"

#define BYTES(s) (const uint8_t *)(s), sizeof(s) - 1
#define HEAD "\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00"
#define WEB_A HEAD "\3Web\4shop\0\0\1\0\1"
#define HEAD_OPT "\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x01"
#define OPT(size, version) "\0\0\x29" size "\0" version "\0\0\0\0"

static void test_question(void **state)
{
	struct question q;

	assert_int_equal(message_parse(BYTES(WEB_A), &q), QUESTION_OK);
	assert_int_equal(q.id, 0x1234);
	assert_string_equal(q.name, "web.shop");
	assert_int_equal(q.type, TYPE_A);
	assert_int_equal(q.class, CLASS_IN);
	assert_int_equal(q.end, sizeof(WEB_A) - 1);
	assert_false(q.edns);
	assert_int_equal(q.udp_size, 512);
}

static void test_edns(void **state)
{
	struct question q;

	assert_int_equal(message_parse(BYTES(HEAD_OPT "\1a\0\0\1\0\1" OPT("\x04\xd0", "\0")), &q),
			 QUESTION_OK);
	assert_true(q.edns);
	assert_int_equal(q.udp_size, 1232);
	assert_int_equal(message_parse(BYTES(HEAD_OPT "\1a\0\0\1\0\1" OPT("\0\1", "\1")), &q),
			 QUESTION_OK);
	assert_int_equal(q.udp_size, 512);
	assert_int_equal(q.edns_version, 1);
	assert_int_equal(message_parse(BYTES(HEAD_OPT "\1a\0\0\1\0\1" OPT("\xff\xff", "\0")), &q),
			 QUESTION_OK);
	assert_int_equal(q.udp_size, MESSAGE_UDP_MAX);
}

static void test_broken(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
		enum question_kind kind;
	} rows[] = {
#define ROW(s, k) {s, sizeof(s) - 1, k}
		ROW("", QUESTION_DROP),
		ROW("\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00", QUESTION_DROP),
		ROW("\x12\x34\x81\x00\x00\x01\x00\x00\x00\x00\x00\x00\1a\0\0\1\0\1", QUESTION_DROP),
		ROW("\x12\x34\x29\x00\x00\x01\x00\x00\x00\x00\x00\x00\1a\0\0\1\0\1",
		    QUESTION_NOTIMP),
		ROW("\x12\x34\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00", QUESTION_FORMERR),
		ROW("\x12\x34\x01\x00\x00\x02\x00\x00\x00\x00\x00\x00\1a\0\0\1\0\1",
		    QUESTION_FORMERR),
		ROW(HEAD "\1a", QUESTION_FORMERR),
		ROW(HEAD "\1a\0\0\1\0", QUESTION_FORMERR),
		ROW(HEAD "\xc0\x0c\0\1\0\1", QUESTION_FORMERR),
		ROW(HEAD "\x40"
			 "aaaa\0\0\1\0\1",
		    QUESTION_FORMERR),
		/* a record is announced that does not come, or is longer than the message */
		ROW(HEAD_OPT "\1a\0\0\1\0\1", QUESTION_FORMERR),
		ROW(HEAD_OPT "\1a\0\0\1\0\1\0\0\x29\x10\0\0\0\0\0\0\x9", QUESTION_FORMERR),
	};
	struct question q;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(message_parse((const uint8_t *)rows[i].bytes, rows[i].len, &q),
				 rows[i].kind);
}

/* 127 labels of one byte are the longest name there is; one more is too much. */
static void test_longest_name(void **state)
{
	uint8_t m[600] = HEAD;
	struct question q;
	size_t at = MESSAGE_HEADER;

	for (int i = 0; i < 127; i++, at += 2)
		memcpy(m + at, "\1a", 2);
	memcpy(m + at, "\0\0\1\0\1", 5);
	assert_int_equal(message_parse(m, at + 5, &q), QUESTION_OK);
	assert_int_equal(strlen(q.name), 253);
	memcpy(m + at, "\1a\0\0\1\0\1", 7);
	assert_int_equal(message_parse(m, at + 7, &q), QUESTION_FORMERR);
}

static void test_odd_names(void **state)
{
	struct question q;

	assert_int_equal(message_parse(BYTES(HEAD "\3a.b\0\0\1\0\1"), &q), QUESTION_OK);
	assert_true(q.odd);
	assert_string_equal(q.name, "");
	assert_int_equal(message_parse(BYTES(HEAD "\3a\0b\0\0\1\0\1"), &q), QUESTION_OK);
	assert_true(q.odd);
	assert_int_equal(message_parse(BYTES(HEAD "\0\0\1\0\1"), &q), QUESTION_OK);
	assert_false(q.odd);
	assert_string_equal(q.name, "");
}

static void test_reply(void **state)
{
	static const char expected[] = "\x12\x34\x81\x80\x00\x01\x00\x01\x00\x00\x00\x00"
				       "\3Web\4shop\0\0\1\0\1"
				       "\xc0\x0c\0\1\0\1\0\0\0\5\0\4\xac\x12\0\2";
	uint8_t buf[512];
	struct question q;
	struct reply r;

	assert_int_equal(message_parse(BYTES(WEB_A), &q), QUESTION_OK);
	reply_begin(&r, buf, sizeof(buf), (const uint8_t *)WEB_A, &q, RCODE_OK);
	assert_true(reply_address(&r, TYPE_A, 5, "\xac\x12\0\2", 4));
	assert_int_equal(reply_end(&r), sizeof(expected) - 1);
	assert_memory_equal(buf, expected, sizeof(expected) - 1);
}

/* 512 bytes hold 30 addresses for this name; the rest is announced by TC. */
static void test_truncated(void **state)
{
	uint8_t buf[512];
	struct question q;
	struct reply r;
	int n = 0;

	(void)message_parse(BYTES(WEB_A), &q);
	reply_begin(&r, buf, sizeof(buf), (const uint8_t *)WEB_A, &q, RCODE_OK);
	while (reply_address(&r, TYPE_A, 5, "\1\2\3\4", 4))
		n++;
	assert_int_equal(n, 30);
	assert_in_range(reply_end(&r), 0, 512);
	assert_true(message_truncated(buf));
	assert_int_equal(buf[7], 30);
}

static void test_reply_names(void **state)
{
	uint8_t buf[512];
	char label[80];
	struct question q;
	struct reply r;

	(void)message_parse(BYTES(WEB_A), &q);
	reply_begin(&r, buf, sizeof(buf), (const uint8_t *)WEB_A, &q, RCODE_OK);
	assert_true(reply_name(&r, 5, "web.my_net"));
	assert_memory_equal(buf + r.len - 12, "\3web\6my_net\0", 12);
	assert_false(reply_name(&r, 5, "a..b"));
	memset(label, 'x', sizeof(label));
	label[64] = '\0';
	assert_false(reply_name(&r, 5, label));
}

static void test_answers(void **state)
{
	uint8_t a[] = "\x99\x99\x81\x80\x00\x01\x00\x00\x00\x00\x00\x00\3wEB\4SHOP\0\0\1\0\1";
	const uint8_t *q = (const uint8_t *)WEB_A;
	size_t n = sizeof(a) - 1, end = sizeof(WEB_A) - 1;

	assert_true(message_answers(a, n, q, end, 0x9999));
	assert_false(message_answers(a, n, q, end, 0x9998));
	assert_false(message_answers(a, n - 1, q, end, 0x9999));
	a[n - 3] = 'A'; /* type 65, whose letter differs from 97 in case only */
	assert_false(message_answers(a, n, q, end, 0x9999));
	a[n - 3] = 1;
	a[13] = 'x';
	assert_false(message_answers(a, n, q, end, 0x9999));
	a[13] = 'w';
	a[2] = 0x01; /* a question */
	assert_false(message_answers(a, n, q, end, 0x9999));
	/* without the question: errors only */
	assert_false(message_answers(BYTES("\x99\x99\x81\x80\0\0\0\0\0\0\0\0"), q, end, 0x9999));
	assert_false(message_answers(BYTES("\x99\x99\x81\x83\0\0\0\0\0\0\0\0"), q, end, 0x9999));
	assert_true(message_answers(BYTES("\x99\x99\x81\x85\0\0\0\0\0\0\0\0"), q, end, 0x9999));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_question),  cmocka_unit_test(test_edns),
		cmocka_unit_test(test_broken),    cmocka_unit_test(test_longest_name),
		cmocka_unit_test(test_odd_names), cmocka_unit_test(test_reply),
		cmocka_unit_test(test_truncated), cmocka_unit_test(test_reply_names),
		cmocka_unit_test(test_answers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
