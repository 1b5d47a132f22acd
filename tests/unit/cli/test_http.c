/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The HTTP client against every way a server may cut its answers, and the frames of attach. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <cli/demux.h>
#include <cli/http.h>
#include <sys/socket.h>
#include <sys/wait.h>

static int parse(const char *text, struct http_response *r, struct crl_err *err)
{
	return (int)http_parse_head(text, strlen(text), false, r, err);
}

static void test_head(void **state)
{
	struct http_response r = {0};
	struct crl_err err = CRL_ERR_INIT;
	static const char text[] = "HTTP/1.1 200 OK\r\nContent-Length: 12\r\nApi-Version: 1.51\r\n"
				   "content-type:  application/json \r\n\r\nrest";
	assert_int_equal(parse(text, &r, &err), (int)strlen(text) - 4);
	assert_int_equal(r.status, 200);
	assert_int_equal(r.framing, HTTP_BODY_LENGTH);
	assert_int_equal(r.remaining, 12);
	assert_true(r.keep_alive);
	assert_string_equal(r.api_version, "1.51");
	assert_string_equal(r.content_type, "application/json");
}

static void test_head_incomplete(void **state)
{
	struct http_response r = {0};
	struct crl_err err = CRL_ERR_INIT;
	static const char text[] = "HTTP/1.1 204 No Content\r\nX: y\r\n\r\n";
	for (size_t n = 0; n + 1 < sizeof text - 1; n++)
		assert_int_equal(http_parse_head(text, n, false, &r, &err), 0);
	assert_int_equal(parse(text, &r, &err), (int)sizeof text - 1);
	assert_int_equal(r.framing, HTTP_BODY_NONE);
}

static void test_head_refused(void **state)
{
	static const char *const bad[] = {
		"SSH-2.0-x\r\n\r\n",
		"HTTP/1.1 20 OK\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 1a\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
		"HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
		"\r\n\r\n",
	};
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct http_response r = {0};
		struct crl_err err = CRL_ERR_INIT;
		assert_int_equal(parse(bad[i], &r, &err), -1);
	}
}

static void test_head_too_long(void **state)
{
	static char text[HTTP_MAX_HEAD + 100];
	struct http_response r = {0};
	struct crl_err err = CRL_ERR_INIT;
	memset(text, 'a', sizeof text);
	assert_int_equal(http_parse_head(text, sizeof text, false, &r, &err), -1);
}

/* A child writes `text` in pieces of `piece` bytes; the parent reads one answer. */
static int fetch(const char *text, size_t piece, char **ret, size_t *ret_len, bool *ret_more,
		 struct crl_err *err)
{
	int pair[2];
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	pid_t pid = fork();
	if (pid == 0) {
		size_t len = strlen(text);
		for (size_t at = 0; at < len; at += piece) {
			size_t n = len - at < piece ? len - at : piece;
			if (write(pair[1], text + at, n) < 0)
				_exit(1);
		}
		_exit(0);
	}
	close(pair[1]);
	_cleanup_conn_ struct http_conn c = {.fd = pair[0]};
	_cleanup_response_ struct http_response head = {0};
	int r = http_read_head(&c, false, &head, err);
	if (r == 0)
		r = http_read_all(&c, &head, 1000, ret, ret_len, err);
	*ret_more = http_has_buffered(&c);
	waitpid(pid, NULL, 0);
	return r;
}

static void test_bodies(void **state)
{
	static const struct {
		const char *text, *body;
	} good[] = {
		{"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", "hello"},
		{"HTTP/1.1 200 OK\r\nTransfer-Encoding: "
		 "chunked\r\n\r\n3\r\nhel\r\n2;x=y\r\nlo\r\n0\r\nT: x\r\n\r\n",
		 "hello"},
		{"HTTP/1.1 200 OK\r\n\r\nhello", "hello"},
		{"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", ""},
	};
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		for (size_t piece = 1; piece < 100; piece += piece < 8 ? 1 : 40) {
			_cleanup_free_ char *body = NULL;
			struct crl_err err = CRL_ERR_INIT;
			size_t len;
			bool more;
			assert_int_equal(fetch(good[i].text, piece, &body, &len, &more, &err), 0);
			assert_string_equal(body, good[i].body);
			assert_false(more);
		}
	}
}

static void test_bodies_refused(void **state)
{
	static const char *const bad[] = {
		"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0x5\r\nhello\r\n0\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhello\r\n0\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\nhello\r\n0\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n",
		"",
	};
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		_cleanup_free_ char *body = NULL;
		struct crl_err err = CRL_ERR_INIT;
		size_t len;
		bool more;
		assert_int_equal(fetch(bad[i], 7, &body, &len, &more, &err), -1);
		assert_true(err.code != CRL_OK);
	}
}

/* Two answers on one connection: the first must not eat the second. */
static void test_keeps_next_answer(void **state)
{
	_cleanup_free_ char *body = NULL;
	struct crl_err err = CRL_ERR_INIT;
	size_t len;
	bool more;
	assert_int_equal(
		fetch("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 204 X\r\n\r\n", 200,
		      &body, &len, &more, &err),
		0);
	assert_string_equal(body, "ok");
	assert_true(more);
}

static void test_escape(void **state)
{
	_cleanup_buf_ struct buf b = BUF_INIT;
	http_escape(&b, "a b/c:%\xc3\xa9");
	http_escape_path(&b, "x/y:z@s");
	assert_string_equal(b.data, "a%20b%2Fc%3A%25%C3%A9x/y:z@s");
}

struct sink {
	struct buf out, err;
};

static int collect(void *ctx, int stream, const void *data, size_t len, struct crl_err *err)
{
	struct sink *s = ctx;
	buf_add(stream == 2 ? &s->err : &s->out, data, len);
	return 0;
}

static void test_demux(void **state)
{
	static const char stream[] = "\1\0\0\0\0\0\0\3abc\2\0\0\0\0\0\0\2de\1\0\0\0\0\0\0\0"
				     "\1\0\0\0\0\0\0\1f";
	for (size_t piece = 1; piece < sizeof stream; piece++) {
		struct sink s = {0};
		struct demux d = {.sink = collect, .ctx = &s};
		for (size_t at = 0; at < sizeof stream - 1; at += piece) {
			size_t n = sizeof stream - 1 - at;
			assert_int_equal(demux_feed(&d, stream + at, n < piece ? n : piece, NULL),
					 0);
		}
		assert_string_equal(s.out.data, "abcf");
		assert_string_equal(s.err.data, "de");
		buf_free(&s.out);
		buf_free(&s.err);
	}
	struct demux d = {.sink = collect};
	struct crl_err err = CRL_ERR_INIT;
	assert_int_equal(demux_feed(&d, "hello world", 11, &err), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_head),
		cmocka_unit_test(test_head_incomplete),
		cmocka_unit_test(test_head_refused),
		cmocka_unit_test(test_head_too_long),
		cmocka_unit_test(test_bodies),
		cmocka_unit_test(test_bodies_refused),
		cmocka_unit_test(test_keeps_next_answer),
		cmocka_unit_test(test_escape),
		cmocka_unit_test(test_demux),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
