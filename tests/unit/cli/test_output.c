/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How things are written: ports, times, ids, JSON, detach keys. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <cli/format.h>
#include <cli/listing.h>
#include <cli/session.h>
#include <cli/start.h>

static void test_ports(void **state)
{
	static const struct {
		const char *json, *text;
	} cases[] = {
		{"[]", ""},
		{"[{\"IP\":\"0.0.0.0\",\"PrivatePort\":80,\"PublicPort\":8080,\"Type\":\"tcp\"}]",
		 "0.0.0.0:8080->80/tcp"},
		{"[{\"PrivatePort\":443,\"Type\":\"tcp\"},{\"IP\":\"::\",\"PrivatePort\":80,"
		 "\"PublicPort\":80,\"Type\":\"tcp\"}]",
		 "[::]:80->80/tcp, 443/tcp"},
		{"[{\"PrivatePort\":82,\"Type\":\"tcp\"},{\"PrivatePort\":80,\"Type\":\"tcp\"},{"
		 "\"PrivatePort\":81,\"Type\":\"tcp\"},{\"PrivatePort\":81,\"Type\":\"udp\"}]",
		 "80-82/tcp, 81/udp"},
		{"[{\"IP\":\"0.0.0.0\",\"PrivatePort\":81,\"PublicPort\":9001,\"Type\":\"tcp\"},{"
		 "\"IP\":\"0.0.0.0\",\"PrivatePort\":80,\"PublicPort\":9000,\"Type\":\"tcp\"},{"
		 "\"IP\":\"::\",\"PrivatePort\":81,\"PublicPort\":9001,\"Type\":\"tcp\"},{\"IP\":"
		 "\"::\",\"PrivatePort\":80,\"PublicPort\":9000,\"Type\":\"tcp\"}]",
		 "0.0.0.0:9000-9001->80-81/tcp, [::]:9000-9001->80-81/tcp"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_cjson_ cJSON *ports = cJSON_Parse(cases[i].json);
		_cleanup_buf_ struct buf b = BUF_INIT;
		format_ports(&b, ports);
		assert_string_equal(b.data, cases[i].text);
	}
}

static void test_cut(void **state)
{
	_cleanup_buf_ struct buf b = BUF_INIT;
	format_ellipsis(&b, "äöüß", 3);
	format_quoted(&b, "a\n\"b\"", 0);
	format_short_id(&b, "sha256:0123456789abcdef", false);
	assert_string_equal(b.data, "äö…\"a\\n\\\"b\\\"\"0123456789ab");
}

static void test_sizes(void **state)
{
	char text[32];
	assert_string_equal(format_size4(1984666, text), "1.985MB");
	assert_string_equal(format_size4(0, text), "0B");
	assert_string_equal(format_size4(999, text), "999B");
}

/* Numbers keep every digit: 2^53 + 1 does not survive a double. */
static void test_indent(void **state)
{
	_cleanup_buf_ struct buf b = BUF_INIT;
	listing_indent_json("{\"a\":9007199254740993, \"b\":[],\"c\":{ },\"d\":[\"x,{\\\"\",1]}", 0,
			    &b);
	assert_string_equal(b.data, "{\n    \"a\": 9007199254740993,\n    \"b\": [],\n    \"c\": "
				    "{},\n    \"d\": [\n        \"x,{\\\"\",\n        1\n    ]\n}");
}

static void test_columns(void **state)
{
	char *text = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);
	listing_columns("A\tLONG HEADER\tC\nväl\tx\tlast\n", 10, f);
	fclose(f);
	assert_string_equal(text, "A         LONG HEADER   C\nväl       x             last\n");
	free(text);
}

static void test_keys(void **state)
{
	struct session s = {0};
	struct crl_err err = CRL_ERR_INIT;
	assert_int_equal(session_parse_keys(NULL, &s, &err), 0);
	assert_int_equal(s.n_keys, 2);
	assert_memory_equal(s.keys, "\x10\x11", 2);
	assert_int_equal(session_parse_keys("a,ctrl-@,ctrl-_", &s, &err), 0);
	assert_memory_equal(s.keys, "a\0\x1f", 3);
	assert_int_equal(session_parse_keys("ctrl-", &s, &err), -1);
	assert_int_equal(session_parse_keys("ab", &s, &err), -1);
	assert_int_equal(session_parse_keys("a,,b", &s, &err), -1);
}

static void test_exit_codes(void **state)
{
	assert_int_equal(start_exit_code("exec: \"x\": executable file not found in $PATH"), 127);
	assert_int_equal(start_exit_code("stat /x: no such file or directory"), 127);
	assert_int_equal(start_exit_code("exec /etc/passwd: Permission denied"), 126);
	assert_int_equal(start_exit_code("exec /etc: is a directory"), 126);
	assert_int_equal(start_exit_code("address already in use"), 125);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ports),      cmocka_unit_test(test_cut),
		cmocka_unit_test(test_sizes),      cmocka_unit_test(test_indent),
		cmocka_unit_test(test_columns),    cmocka_unit_test(test_keys),
		cmocka_unit_test(test_exit_codes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
