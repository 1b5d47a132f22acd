/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The server with real sockets on loopback, a container's without its namespace, and
 * other servers on ::1, which answer, lie, or say nothing.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <arpa/inet.h>
#include <base/ident.h>
#include <cmocka.h>
#include <errno.h>

#include "dns/dns.h"

#define HEAD "\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00"
#define ASK_WEB HEAD "\3web\0\0\1\0\1"
#define ASK_FOREIGN HEAD "\7example\3com\0\0\1\0\1"

static struct dns dns;
static int control, client;
static struct box *box;
static int upstream[2]; /* UDP, bound to ::1 */
static uint8_t got[65536];

static int udp(int family, union address *ret)
{
	union address a = {0};
	socklen_t len;
	int fd = socket(family, SOCK_DGRAM, 0);

	a.any.sa_family = (sa_family_t)family;
	if (family == AF_INET)
		a.v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	else
		a.v6.sin6_addr = in6addr_loopback;
	len = address_len(&a);
	if (fd < 0 || bind(fd, &a.any, len) < 0 || getsockname(fd, &a.any, &len) < 0)
		return -1;
	*ret = a;
	return fd;
}

static void tell(const char *text)
{
	assert_true(send(control, text, strlen(text), 0) > 0);
}

static void rounds(int n)
{
	struct crl_err err;

	for (int i = 0; i < n; i++)
		assert_int_equal(dns_round(&dns, 2, &err), 0);
}

/* Runs the server until something is there to read. */
static ssize_t answer_on(int fd, int max_ms, void *from, socklen_t *from_len)
{
	int64_t end = time_boot_ns() + max_ms * MS_NS;

	do {
		rounds(1);
		ssize_t n = recvfrom(fd, got, sizeof(got), MSG_DONTWAIT, from, from_len);
		if (n >= 0)
			return n;
	} while (time_boot_ns() < end);
	return -1;
}

static int listen_tcp(union address *ret)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	socklen_t len = sizeof(ret->v4);

	*ret = (union address){
		.v4 = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)}};
	if (fd < 0 || bind(fd, &ret->any, len) < 0 || listen(fd, 8) < 0 ||
	    getsockname(fd, &ret->any, &len) < 0)
		return -1;
	return fd;
}

static union address tcp_at;

static int setup(void **state)
{
	char name[64];
	struct {
		sa_family_t family;
		char path[108];
	} at = {.family = AF_UNIX};
	struct crl_err err = CRL_ERR_INIT;
	struct dns_ep ep = {.network_id = (char *)"i",
			    .network = (char *)"n",
			    .ip = (char *)"10.0.0.1",
			    .prefix = 16,
			    .names = (char *[]){(char *)"web", NULL}};
	struct dns_box b = {.id = (char *)"box", .eps = &ep, .n_eps = 1};
	union address udp_at;
	int fds[2], listener = socket(AF_UNIX, SOCK_SEQPACKET, 0);

	snprintf(name, sizeof(name), "crun-lite-dns-test-%d", (int)getpid());
	memcpy(at.path + 1, name, strlen(name));
	socklen_t len = (socklen_t)(sizeof(at.family) + 1 + strlen(name));
	if (bind(listener, (void *)&at, len) < 0 || listen(listener, 4) < 0 ||
	    dns_init(&dns, listener, &err) < 0)
		return -1;
	control = socket(AF_UNIX, SOCK_SEQPACKET, 0);
	if (connect(control, (void *)&at, len) < 0)
		return -1;
	fds[0] = udp(AF_INET, &udp_at);
	fds[1] = listen_tcp(&tcp_at);
	server_set(&dns, &b, fds);
	box = server_find(&dns, "box");
	for (size_t i = 0; i < 2; i++)
		if ((upstream[i] = udp(AF_INET6, &box->servers[i])) < 0)
			return -1;
	box->n_servers = 2;
	union address ignored;
	client = udp(AF_INET, &ignored);
	rounds(2);
	return connect(client, &udp_at.any, sizeof(udp_at.v4));
}

static int teardown(void **state)
{
	/* What one test found out about servers is not for the next. */
	for (size_t i = 0; i < 2; i++)
		resolv_judge(&box->servers[i], true, 0);
	dns_deinit(&dns);
	close(control);
	close(client);
	close(upstream[0]);
	close(upstream[1]);
	return 0;
}

#define ASK(m) assert_int_equal(send(client, m, sizeof(m) - 1, 0), sizeof(m) - 1)

static void test_own_name(void **state)
{
	ASK(ASK_WEB);
	assert_int_equal(answer_on(client, 500, NULL, NULL), 21 + 16);
	assert_memory_equal(got, "\x12\x34\x81\x80\0\1\0\1\0\0\0\0", 12);
	assert_memory_equal(got + 33, "\12\0\0\1", 4);
}

/* What the daemon said before the question was asked counts, even if nobody looked yet. */
static void test_told_first(void **state)
{
	/* The container's socket is served first, and this question is in front of the other. */
	ASK(ASK_WEB);
	tell("{\"op\":\"set\",\"container\":{\"id\":\"x\",\"endpoints\":[{\"network_id\":\"i\","
	     "\"network\":\"n\",\"ip\":\"10.0.0.2\",\"prefix\":16,\"names\":[\"db\"]}]}}");
	ASK(HEAD "\2db\0\0\1\0\1");
	assert_int_equal(answer_on(client, 500, NULL, NULL), 21 + 16);
	assert_int_equal(answer_on(client, 500, NULL, NULL), 20 + 16);
	ASK(ASK_WEB);
	tell("{\"op\":\"drop\",\"id\":\"x\"}");
	ASK(HEAD "\2db\0\0\1\0\1");
	assert_int_equal(answer_on(client, 500, NULL, NULL), 21 + 16);
	assert_int_equal(answer_on(client, 500, NULL, NULL), 20);
	assert_int_equal(message_rcode_of(got), RCODE_NXDOMAIN);
	/* it has no sockets, and that was said */
	char said[200] = "";
	assert_true(recv(control, said, sizeof(said) - 1, MSG_DONTWAIT) > 0);
	assert_string_equal(said, "{\"op\":\"missing\",\"id\":\"x\"}");
}

/* For teardown(), where the test has dropped it. */
static void restore_box(void)
{
	struct dns_ep ep = {.network_id = (char *)"i", .network = (char *)"n"};
	struct dns_box b = {.id = (char *)"box", .eps = &ep, .n_eps = 1};

	assert_false(server_set(&dns, &b, NULL));
	box = server_find(&dns, "box");
}

static void test_commit(void **state)
{
	tell("{\"op\":\"begin\"}");
	rounds(2);
	assert_non_null(server_find(&dns, "box"));
	tell("{\"op\":\"commit\"}");
	tell("not json");
	tell("{\"op\":\"what\"}");
	rounds(3);
	assert_null(server_find(&dns, "box"));
	restore_box();
}

struct asked {
	uint8_t question[512];
	ssize_t len;
	union address from;
	socklen_t from_len;
};

/* The question as it comes to server i. */
static struct asked asked_at(int i, int max_ms)
{
	struct asked a = {.from_len = sizeof(a.from)};

	a.len = answer_on(upstream[i], max_ms, &a.from, &a.from_len);
	if (a.len > 0)
		memcpy(a.question, got, (size_t)a.len);
	return a;
}

static void reply_from(int fd, const struct asked *a, uint8_t rcode)
{
	uint8_t m[512];

	memcpy(m, a->question, (size_t)a->len);
	m[2] |= 0x80;
	m[3] = (uint8_t)(0x80 | rcode);
	assert_true(sendto(fd, m, (size_t)a->len, 0, &a->from.any, a->from_len) > 0 ||
		    errno == ECONNREFUSED);
}

static void test_forward(void **state)
{
	ASK(ASK_FOREIGN);
	struct asked a = asked_at(0, 500);
	assert_int_equal(a.len, sizeof(ASK_FOREIGN) - 1);
	assert_memory_equal(a.question + 2, &ASK_FOREIGN[2], sizeof(ASK_FOREIGN) - 3);
	ASK(ASK_FOREIGN); /* again, as impatient clients do */
	assert_int_equal(answer_on(upstream[0], 50, NULL, NULL), -1);
	reply_from(upstream[0], &a, RCODE_OK);
	assert_int_equal(answer_on(client, 500, NULL, NULL), a.len);
	assert_memory_equal(got, "\x12\x34\x81\x80", 4);
	assert_int_equal(dns.n_forwards, 0);
	assert_int_equal(box->n_forwards, 0);
}

/* Ids and ports of questions cannot be foretold. */
static void test_random(void **state)
{
	uint16_t ids[20], ports[20];
	int same_ids = 0, same_ports = 0, in_order = 0;

	for (int i = 0; i < 20; i++) {
		ASK(ASK_FOREIGN);
		struct asked a = asked_at(0, 500);
		ids[i] = (uint16_t)(a.question[0] << 8 | a.question[1]);
		ports[i] = ntohs(a.from.v6.sin6_port);
		reply_from(upstream[0], &a, RCODE_OK);
		assert_true(answer_on(client, 500, NULL, NULL) > 0);
		same_ids += i && ids[i] == ids[i - 1];
		same_ports += i && ports[i] == ports[i - 1];
		in_order += i && (uint16_t)(ids[i] - ids[i - 1]) < 16;
	}
	assert_in_range(same_ids, 0, 1);
	assert_in_range(same_ports, 0, 2);
	assert_in_range(in_order, 0, 2);
}

/* Wrong id, wrong question, wrong server: none of them is believed, and the right answer is. */
static void test_forged(void **state)
{
	ASK(ASK_FOREIGN);
	struct asked a = asked_at(0, 500), wrong = a;

	wrong.question[1] ^= 1;
	reply_from(upstream[0], &wrong, RCODE_OK);
	wrong = a;
	wrong.question[15] ^= 1;
	reply_from(upstream[0], &wrong, RCODE_OK);
	reply_from(upstream[1], &a, RCODE_OK);
	assert_int_equal(send(client, "\0", 1, 0), 1);
	assert_int_equal(answer_on(client, 100, NULL, NULL), -1);
	reply_from(upstream[0], &a, RCODE_OK);
	assert_int_equal(answer_on(client, 500, NULL, NULL), a.len);
}

/* An answer after the end of the question goes nowhere. */
static void test_dead_first(void **state)
{
	ASK(ASK_FOREIGN);
	struct asked first = asked_at(0, 500);
	int64_t begin = time_boot_ns();
	struct asked second = asked_at(1, 2500);
	assert_in_range((time_boot_ns() - begin) / MS_NS, 1000, 2000);
	reply_from(upstream[1], &second, RCODE_OK);
	assert_int_equal(answer_on(client, 500, NULL, NULL), second.len);
	reply_from(upstream[0], &first, RCODE_OK);
	assert_int_equal(answer_on(client, 50, NULL, NULL), -1);
	/* and is remembered: the next question goes to the second one at once */
	ASK(ASK_FOREIGN);
	second = asked_at(1, 300);
	assert_true(second.len > 0);
	reply_from(upstream[1], &second, RCODE_OK);
	assert_true(answer_on(client, 500, NULL, NULL) > 0);
}

/* Slower than a turn: the first server's answer is as good as the second one's. */
static void test_slow_first(void **state)
{
	ASK(ASK_FOREIGN);
	struct asked first = asked_at(0, 500), second = asked_at(1, 2500);
	assert_true(second.len > 0);
	reply_from(upstream[0], &first, RCODE_NXDOMAIN);
	assert_int_equal(answer_on(client, 500, NULL, NULL), first.len);
	assert_int_equal(message_rcode_of(got), RCODE_NXDOMAIN);
}

static void test_refused(void **state)
{
	ASK(ASK_FOREIGN);
	struct asked a = asked_at(0, 500);
	reply_from(upstream[0], &a, RCODE_REFUSED);
	a = asked_at(1, 300);
	assert_true(a.len > 0);
	reply_from(upstream[1], &a, RCODE_SERVFAIL);
	assert_int_equal(answer_on(client, 300, NULL, NULL), a.len);
	assert_int_equal(message_rcode_of(got), RCODE_SERVFAIL);
	assert_int_equal(dns.n_forwards, 0);
}

/* Nobody there at all: refused at once by the kernel, and nobody waits. */
static void test_nobody(void **state)
{
	for (size_t i = 0; i < 2; i++) {
		union address ignored;
		close(upstream[i]);
		upstream[i] = udp(AF_INET6, &ignored);
	}
	int64_t begin = time_boot_ns();
	ASK(ASK_FOREIGN);
	assert_true(answer_on(client, 1000, NULL, NULL) > 0);
	assert_int_equal(message_rcode_of(got), RCODE_SERVFAIL);
	assert_in_range((time_boot_ns() - begin) / MS_NS, 0, 800);
}

static void test_silence(void **state)
{
	ASK(ASK_FOREIGN);
	assert_true(answer_on(client, 5500, NULL, NULL) > 0);
	assert_int_equal(message_rcode_of(got), RCODE_SERVFAIL);
	assert_int_equal(dns.n_forwards, 0);
}

/* A flood is bounded, is told so, and own names are answered all the same. */
static void test_flood(void **state)
{
	uint8_t m[] = ASK_FOREIGN;
	int refused = 0;

	for (int i = 0; i < FORWARDS_PER_BOX + 50; i++) {
		m[0] = (uint8_t)(i >> 8);
		m[1] = (uint8_t)i;
		assert_true(send(client, m, sizeof(m) - 1, 0) > 0);
		rounds(1);
	}
	while (answer_on(client, 20, NULL, NULL) > 0)
		refused += message_rcode_of(got) == RCODE_SERVFAIL;
	assert_int_equal(refused, 50);
	assert_int_equal(dns.n_forwards, FORWARDS_PER_BOX);
	ASK(ASK_WEB);
	assert_true(answer_on(client, 100, NULL, NULL) > 0);
	assert_int_equal(message_rcode_of(got), RCODE_OK);
	server_drop(&dns, box);
	assert_int_equal(dns.n_forwards, 0);
	restore_box();
}

static void test_internal(void **state)
{
	box->names->foreign = false;
	ASK(ASK_FOREIGN);
	assert_true(answer_on(client, 500, NULL, NULL) > 0);
	assert_int_equal(message_rcode_of(got), RCODE_SERVFAIL);
	assert_int_equal(answer_on(upstream[0], 50, NULL, NULL), -1);
}

static int connect_tcp(void)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	assert_int_equal(connect(fd, &tcp_at.any, sizeof(tcp_at.v4)), 0);
	return fd;
}

static void test_tcp(void **state)
{
	int fd = connect_tcp();

	/* byte by byte, and two questions on one connection */
	for (int k = 0; k < 2; k++) {
		const char m[] = "\0\x15" ASK_WEB;
		for (size_t i = 0; i < sizeof(m) - 1; i++) {
			assert_int_equal(send(fd, m + i, 1, 0), 1);
			rounds(1);
		}
		assert_int_equal(answer_on(fd, 500, NULL, NULL), 2 + 21 + 16);
		assert_memory_equal(got, "\0\x25\x12\x34\x81\x80", 6);
	}
	/* too long a question ends it */
	assert_int_equal(send(fd, "\xff\xff", 2, 0), 2);
	assert_int_equal(answer_on(fd, 500, NULL, NULL), 0);
	assert_int_equal(dns.n_streams, 0);
	close(fd);
}

static void test_tcp_bounds(void **state)
{
	int fds[STREAMS_PER_BOX + 4], closed = 0;

	for (size_t i = 0; i < ARRAY_SIZE(fds); i++) {
		fds[i] = connect_tcp();
		rounds(2);
	}
	assert_int_equal(dns.n_streams, STREAMS_PER_BOX);
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
		closed += recv(fds[i], got, 1, MSG_DONTWAIT) == 0;
	assert_int_equal(closed, 4);
	/* those that stall go when their time is over */
	(void)stream_tick(&dns, time_boot_ns() + 11000 * MS_NS);
	assert_int_equal(dns.n_streams, 0);
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
		close(fds[i]);
}

static void test_resolv(void **state)
{
	union address s[SERVERS_MAX];

	assert_int_equal(resolv_read("# nameserver 9.9.9.9\nsearch a\nnameserver 127.0.0.53\r\n"
				     "\tnameserver  1.1.1.1 x\nnameserver nonsense\n"
				     "nameserver ::1\nnameserver 4.4.4.4",
				     s),
			 3);
	assert_true(address_is_loopback(&s[0]));
	assert_int_equal(s[1].v4.sin_addr.s_addr, htonl(0x01010101));
	assert_int_equal(s[2].any.sa_family, AF_INET6);
	assert_int_equal(resolv_read("", s), 0);
	assert_true(resolv_parse("fe80::1%lo", &s[0]));
	assert_true(s[0].v6.sin6_scope_id != 0);
	assert_false(resolv_parse("fe80::1%nosuchlink", &s[0]));
	assert_false(resolv_parse("1.2.3.4%lo", &s[0]));
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_own_name),   T(test_told_first),
		T(test_commit),     T(test_forward),
		T(test_random),     T(test_forged),
		T(test_dead_first), T(test_slow_first),
		T(test_refused),    T(test_nobody),
		T(test_silence),    T(test_flood),
		T(test_internal),   T(test_tcp),
		T(test_tcp_bounds), cmocka_unit_test(test_resolv),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
