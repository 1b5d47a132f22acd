/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The HTTP layer over a real socket, with a route table of its own: every kind
 * of answer, split and pipelined requests, clients that leave.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <base/fd.h>
#include <base/path.h>
#include <base/str.h>
#include <daemon/daemon.h>
#include <daemon/http.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>

static struct daemon d;
static char dir[64];
static struct http_req *held; /* the request a handler has not answered yet */
static int closed;            /* calls of on_close */
static int hijacked = -1;
static struct buf early;
static int body_done = -1, body_pipe = -1;

/* --- handlers --- */

static void h_fixed(struct http_req *r)
{
	http_add_header(r, "X-Arg", http_arg(r, 0));
	http_reply(r, 200, "text/plain", "fixed", 5);
}

static void h_empty(struct http_req *r)
{
	http_reply_empty(r, 204);
}

static void on_close(struct http_req *r, void *data)
{
	closed++;
	held = NULL;
}

static void h_late(struct http_req *r)
{
	held = r;
	http_on_close(r, on_close);
}

static void h_stream(struct http_req *r)
{
	held = r;
	http_on_close(r, on_close);
	http_stream(r, 200, "application/json");
}

static void on_hijack(struct http_req *r, int fd, const void *bytes, size_t len, void *data)
{
	hijacked = fd;
	buf_add(&early, bytes, len);
}

static void h_hijack(struct http_req *r)
{
	http_hijack(r, "application/vnd.docker.multiplexed-stream", on_hijack, NULL);
}

struct body {
	char *name;
};
static const struct json_field body_fields[] = {JSON_STR(struct body, name, "Name", 0)};
static const struct json_table body_json = JSON_TABLE("body", struct body, body_fields);

static void h_json(struct http_req *r)
{
	struct body b;
	struct crl_err err;

	if (http_decode_body(r, &body_json, http_query_bool(r, "optional", false), &b, &err) < 0) {
		http_reply_error(r, &err);
		return;
	}
	http_reply_message(r, 200, "%s", b.name ? b.name : "none");
	json_free(&body_json, &b);
}

static void on_body(struct http_req *r, bool ok, void *data)
{
	body_done = ok;
	http_reply_empty(r, ok ? 200 : 500);
}

static void h_body(struct http_req *r)
{
	int fds[2];

	assert_int_equal(pipe2(fds, O_CLOEXEC | O_NONBLOCK), 0);
	body_pipe = fds[0];
	http_body_to_fd(r, fds[1], on_body);
}

static void h_refuse_body(struct http_req *r)
{
	http_reply_message(r, 501, "no");
}

const struct http_route http_routes[] = {
	{"GET", "/fixed/*", 124, h_fixed, 0, "t"},
	{"POST", "/empty", 124, h_empty, 0, "t"},
	{"POST", "/late", 124, h_late, 0, "t"},
	{"GET", "/stream", 124, h_stream, 0, "t"},
	{"POST", "/hijack", 124, h_hijack, 0, "t"},
	{"POST", "/json", 124, h_json, 0, "t"},
	{"POST", "/body", 124, h_body, HTTP_STREAM_BODY, "t"},
	{"POST", "/refuse", 124, h_refuse_body, HTTP_STREAM_BODY, "t"},
};
const size_t http_n_routes = ARRAY_SIZE(http_routes);

/* --- a client --- */

static int setup(void **state)
{
	struct crl_err err;
	char host[128];

	(void)signal(SIGPIPE, SIG_IGN);
	(void)snprintf(dir, sizeof(dir), "/tmp/crl-http-XXXXXX");
	assert_non_null(mkdtemp(dir));
	assert_true(sd_event_new(&d.event) >= 0);
	assert_int_equal(http_server_new(&d, &d.http, &err), 0);
	(void)snprintf(host, sizeof(host), "unix://%s/s", dir);
	assert_int_equal(http_server_listen(d.http, host, &err), 0);
	held = NULL;
	closed = 0;
	body_done = -1;
	return 0;
}

static int teardown(void **state)
{
	http_server_free(d.http);
	d.event = sd_event_unref(d.event);
	buf_free(&early);
	early = (struct buf)BUF_INIT;
	return path_remove_tree(AT_FDCWD, dir, NULL);
}

/* Lets the server work until nothing happens for a moment. */
static void turn(void)
{
	while (sd_event_run(d.event, 20000) > 0)
		;
}

static int dial(void)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/s", dir);
	assert_int_equal(connect(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	return fd;
}

static void say(int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
	turn();
}

/* What has come so far; "" when nothing. Static buffer. */
static const char *hear(int fd)
{
	static char text[65536];
	ssize_t n = recv(fd, text, sizeof(text) - 1, MSG_DONTWAIT);

	text[n > 0 ? n : 0] = '\0';
	return text;
}

static bool at_end(int fd)
{
	char c;

	return recv(fd, &c, 1, MSG_DONTWAIT) == 0;
}

#define GET(path) "GET " path " HTTP/1.1\r\nHost: x\r\n\r\n"
#define POST(path) "POST " path " HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"

static void assert_has(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("\"%s\" lacks \"%s\"", text, part);
}

/* --- tests --- */

static void fixed_with_common_headers(void **state)
{
	int fd = dial();
	const char *text;

	say(fd, GET("/v1.40/fixed/a%2Fb"));
	text = hear(fd);
	assert_has(text, "HTTP/1.1 200 OK\r\n");
	assert_has(text, "Api-Version: 1.51\r\n");
	assert_has(text, "Docker-Experimental: false\r\n");
	assert_has(text, "Ostype: linux\r\n");
	assert_has(text, "Server: Docker/");
	assert_has(text, "X-Arg: a/b\r\n");
	assert_has(text, "Content-Length: 5\r\n");
	assert_has(text, "\r\n\r\nfixed");
	say(fd, POST("/empty"));
	text = hear(fd);
	assert_has(text, "HTTP/1.1 204 No Content\r\n");
	assert_null(strstr(text, "Content-Length"));
	say(fd, GET("/nope"));
	assert_has(hear(fd), "{\"message\":\"page not found\"}");
	close(fd);
}

static void split_and_pipelined(void **state)
{
	int fd = dial();
	const char *text;

	say(fd, "GET /fixed/x HT");
	assert_string_equal(hear(fd), "");
	say(fd, "TP/1.1\r\nHost: x\r\n\r\n" GET("/fixed/y"));
	text = hear(fd);
	assert_has(text, "X-Arg: x\r\n");
	assert_has(text, "X-Arg: y\r\n");
	/* The body in a packet of its own. */
	say(fd,
	    "POST /json HTTP/1.1\r\nHost: x\r\nContent-Type: application/json; charset=utf-8\r\n"
	    "Content-Length: 13\r\n\r\n");
	assert_string_equal(hear(fd), "");
	say(fd, "{\"nAmE\":\"it\"}");
	assert_has(hear(fd), "{\"message\":\"it\"}");
	/* And chunked, without a length. */
	say(fd, "POST /json HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
		"Transfer-Encoding: chunked\r\n\r\n6\r\n{\"Name\r\n");
	say(fd, "7\r\n\":\"ch\"}\r\n0\r\n\r\n");
	assert_has(hear(fd), "{\"message\":\"ch\"}");
	close(fd);
}

static void bodies_are_checked(void **state)
{
	int fd = dial();

	say(fd,
	    "POST /json HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n"
	    "\r\n{}");
	assert_has(hear(fd), "Content-Type specified (text/plain) must be 'application/json'");
	say(fd, "POST /json HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
		"Content-Length: 2\r\n\r\n{]");
	assert_has(hear(fd), "HTTP/1.1 400 ");
	say(fd, POST("/json"));
	assert_has(hear(fd), "invalid JSON: got EOF while reading request body");
	say(fd, POST("/json?optional=1"));
	assert_has(hear(fd), "{\"message\":\"none\"}");
	say(fd, "POST /json HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
		"Content-Length: 99999999\r\n\r\n");
	assert_has(hear(fd), "HTTP/1.1 413 ");
	close(fd);
}

static void late_answer(void **state)
{
	int fd = dial();

	say(fd, POST("/late"));
	assert_non_null(held);
	assert_string_equal(hear(fd), "");
	/* A client that only shut down its sending side still wants the answer. */
	assert_int_equal(shutdown(fd, SHUT_WR), 0);
	turn();
	assert_int_equal(closed, 0);
	http_reply_message(held, 200, "at last");
	turn();
	assert_has(hear(fd), "at last");
	assert_int_equal(closed, 0);
	close(fd);
}

static void client_leaves(void **state)
{
	int fd = dial();

	say(fd, POST("/late"));
	assert_non_null(held);
	close(fd);
	turn();
	assert_int_equal(closed, 1);
	fd = dial();
	say(fd, GET("/stream"));
	close(fd);
	turn();
	assert_int_equal(closed, 2);
}

static void stream_flushes_headers_and_pieces(void **state)
{
	int fd = dial();
	const char *text;

	say(fd, GET("/stream"));
	text = hear(fd);
	assert_has(text, "HTTP/1.1 200 OK\r\n");
	assert_has(text, "Transfer-Encoding: chunked\r\n");
	assert_true(http_write(held, "one", 3));
	turn();
	assert_string_equal(hear(fd), "3\r\none\r\n");
	assert_true(http_write(held, "two", 3));
	assert_true(http_write(held, "3", 1));
	http_stream_end(held);
	turn();
	assert_has(hear(fd), "two3\r\n0\r\n\r\n");
	say(fd, GET("/fixed/again"));
	assert_has(hear(fd), "again");
	close(fd);
}

static void stream_is_bounded(void **state)
{
	static char block[100000];
	int fd = dial(), written = 0;

	say(fd, GET("/stream"));
	while (http_write(held, block, sizeof(block)))
		assert_true(++written < 100);
	assert_true(written >= 10); /* a mebibyte waits */
	close(fd);
	turn();
	assert_int_equal(closed, 1);
}

static void stream_abort_is_seen(void **state)
{
	int fd = dial();
	const char *text;

	say(fd, GET("/stream"));
	(void)http_write(held, "half", 4);
	turn();
	http_stream_abort(held);
	turn();
	text = hear(fd);
	assert_has(text, "half");
	assert_null(strstr(text, "\r\n0\r\n"));
	assert_true(at_end(fd));
	close(fd);
}

/* The socket that is handed over must work after HTTP let go of it, both ways. */
static void check_hijack(const char *request, const char *head)
{
	int fd = dial();
	const char *text;
	char c[8] = "";

	say(fd, request);
	assert_true(hijacked >= 0);
	text = hear(fd);
	assert_has(text, head);
	assert_null(strstr(text, "Content-Length"));
	assert_string_equal(early.data ? early.data : "", "early");
	assert_false(at_end(fd));
	assert_int_equal(write(hijacked, "out", 3), 3);
	assert_string_equal(hear(fd), "out");
	assert_int_equal(write(fd, "in", 2), 2);
	assert_int_equal(read(hijacked, c, sizeof(c)), 2);
	assert_string_equal(c, "in");
	close(hijacked);
	hijacked = -1;
	assert_true(at_end(fd));
	close(fd);
	buf_free(&early);
	early = (struct buf)BUF_INIT;
}

static void hijack(void **state)
{
	check_hijack("POST /hijack HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n"
		     "Content-Length: 0\r\n\r\nearly",
		     "HTTP/1.1 101 UPGRADED\r\nContent-Type: "
		     "application/vnd.docker.multiplexed-stream\r\nConnection: Upgrade\r\n"
		     "Upgrade: tcp\r\n");
	check_hijack("POST /hijack HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\nearly",
		     "HTTP/1.1 200 OK\r\nContent-Type: application/vnd.docker.raw-stream\r\n");
}

static void body_to_pipe_with_back_pressure(void **state)
{
	static char block[65536], in[65536];
	int fd = dial();
	size_t sent = 0, got = 0;
	ssize_t n;

	say(fd, "POST /body HTTP/1.1\r\nHost: x\r\nContent-Length: 1048576\r\n\r\n");
	assert_true(body_pipe >= 0);
	assert_int_equal(fd_set_nonblock(fd, true, NULL), 0);
	while (got < 1048576) {
		n = sent < 1048576 ? write(fd, block, sizeof(block)) : 0;
		sent += n > 0 ? (size_t)n : 0;
		turn();
		n = read(body_pipe, in, sizeof(in));
		got += n > 0 ? (size_t)n : 0;
		turn();
	}
	assert_int_equal(sent, 1048576);
	turn();
	assert_int_equal(body_done, 1);
	assert_int_equal(read(body_pipe, in, 1), 0); /* its end is closed */
	assert_has(hear(fd), "HTTP/1.1 200 OK\r\n");
	close(body_pipe);
	close(fd);
}

static void body_reader_leaves(void **state)
{
	static char block[1000];
	int fd = dial();

	say(fd, "POST /body HTTP/1.1\r\nHost: x\r\nContent-Length: 2000\r\n\r\n");
	close(body_pipe);
	assert_int_equal(write(fd, block, sizeof(block)), 1000);
	turn();
	assert_int_equal(body_done, 0);
	/* The rest is read and dropped, then comes the answer. */
	assert_int_equal(write(fd, block, sizeof(block)), 1000);
	turn();
	assert_has(hear(fd), "HTTP/1.1 500 ");
	say(fd, "POST /refuse HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nxx" GET("/fixed/z"));
	assert_has(hear(fd), "X-Arg: z");
	close(fd);
}

static void body_client_leaves(void **state)
{
	int fd = dial();

	say(fd, "POST /body HTTP/1.1\r\nHost: x\r\nContent-Length: 2000\r\n\r\nhalf");
	close(fd);
	turn();
	assert_int_equal(body_done, 0);
	close(body_pipe);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
		T(fixed_with_common_headers),
		T(split_and_pipelined),
		T(bodies_are_checked),
		T(late_answer),
		T(client_leaves),
		T(stream_flushes_headers_and_pieces),
		T(stream_is_bounded),
		T(stream_abort_is_seen),
		T(hijack),
		T(body_to_pipe_with_back_pressure),
		T(body_reader_leaves),
		T(body_client_leaves),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
