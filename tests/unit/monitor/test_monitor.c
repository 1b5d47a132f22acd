/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Unit tests of the monitor's parts without a process: protocol tables, exit record, detach keys,
 * queue, timers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <base/cleanup.h>
#include <base/path.h>
#include <crun-lite/monitor_proto.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <base/keys.h>
#include <base/loop.h>
#include "monitor/queue.h"
#include "folder.h"

/* --- protocol --- */

static void test_start_round_trip(void **state)
{
	const char *text = "{\"op\":\"start\",\"seq\":3,\"config\":\"/c\",\"lowers\":[\"/a\",\"/"
			   "b\"],\"tty\":true,"
			   "\"log\":{\"driver\":\"json-file\",\"path\":\"/l\",\"max_size\":10},"
			   "\"attach\":[{\"stdin\":true,\"framed\":true,\"detach_keys\":\"a\"},{"
			   "\"stdout\":true}]}";
	struct mon_start s = {0};
	struct crl_err err;
	assert_int_equal(json_decode(&mon_start_json, text, strlen(text), 0, &s, &err), 0);
	assert_string_equal(s.lowers[1], "/b");
	assert_true(s.tty && !s.netns && s.log.max_size == 10);
	assert_int_equal(s.n_attach, 2);
	assert_true(s.attach[0].stdin_ && s.attach[0].framed && s.attach[1].stdout_);
	_cleanup_free_ char *out = json_encode(&mon_start_json, &s);
	assert_string_equal(out,
			    "{\"config\":\"/c\",\"lowers\":[\"/a\",\"/b\"],\"tty\":true,"
			    "\"log\":{\"driver\":\"json-file\",\"path\":\"/l\",\"max_size\":10},"
			    "\"attach\":[{\"stdin\":true,\"framed\":true,\"detach_keys\":\"a\"},{"
			    "\"stdout\":true}]}");
	json_free(&mon_start_json, &s);
	assert_int_equal(json_decode(&mon_start_json, "{}", 2, 0, &s, &err), -1);
}

static void test_exit_times_are_exact(void **state)
{
	struct mon_exit x = {.exit_code = 137, .signal = 9, .finished_at = 1767322984005000001};
	struct mon_exit back = {0};
	_cleanup_free_ char *text = json_encode(&mon_exit_json, &x);
	assert_int_equal(json_decode(&mon_exit_json, text, strlen(text), 0, &back, NULL), 0);
	assert_true(back.finished_at == x.finished_at && back.exit_code == 137);
	json_free(&mon_exit_json, &back);
}

/* --- exit record --- */

static void test_exit_record(void **state)
{
	struct folder *f = *state;
	struct mon_exit_record r = {0}, back;
	struct crl_err err;
	assert_int_equal(mon_exit_record_read(f->fd, &back, &err), -1);
	assert_int_equal(err.code, CRL_NOT_FOUND);
	assert_int_equal(mon_exit_record_write(f->fd, &r, true, &err), 0);
	r.state = 1;
	r.exit_code = 42;
	r.finished_at = INT64_MAX;
	assert_int_equal(mon_exit_record_write(f->fd, &r, false, &err), 0);
	assert_int_equal(mon_exit_record_read(f->fd, &back, &err), 0);
	assert_memory_equal(&r, &back, sizeof(r));
}

/* One flipped bit anywhere, a short file, an empty one: never a made-up status. */
static void test_exit_record_damaged(void **state)
{
	struct folder *f = *state;
	struct mon_exit_record r = {.state = 1, .exit_code = 3}, back;
	assert_int_equal(mon_exit_record_write(f->fd, &r, false, NULL), 0);
	_cleanup_close_ int fd = openat(f->fd, "exit", O_RDWR | O_CLOEXEC);
	for (size_t i = 0; i < sizeof(r); i++) {
		uint8_t bad[sizeof(r)];
		memcpy(bad, &r, sizeof(r));
		bad[i] ^= 0x10;
		assert_int_equal(pwrite(fd, bad, sizeof(bad), 0), sizeof(bad));
		struct crl_err err;
		assert_int_equal(mon_exit_record_read(f->fd, &back, &err), -1);
		assert_int_equal(err.code, CRL_INVALID);
	}
	assert_int_equal(pwrite(fd, &r, sizeof(r), 0), sizeof(r));
	assert_int_equal(ftruncate(fd, 127), 0);
	assert_int_equal(mon_exit_record_read(f->fd, &back, NULL), -1);
	assert_int_equal(ftruncate(fd, 0), 0);
	assert_int_equal(mon_exit_record_read(f->fd, &back, NULL), -1);
}

/* --- detach keys --- */

static void test_keys_parse(void **state)
{
	struct keys k;
	assert_int_equal(keys_parse("ctrl-p,ctrl-q", &k, NULL), 0);
	assert_true(k.n == 2 && k.seq[0] == 0x10 && k.seq[1] == 0x11);
	assert_int_equal(keys_parse("a,ctrl-@,ctrl-_,ctrl-[", &k, NULL), 0);
	assert_true(k.n == 4 && k.seq[1] == 0 && k.seq[2] == 0x1F && k.seq[3] == 0x1B);
	assert_int_equal(keys_parse("", &k, NULL), 0);
	assert_int_equal(k.n, 0);
	static const char *const bad[] = {
		",",       "a,",      "ctrl-1",   "ctrl-",
		"ctrl-pp", "shift-a", "\xc3\xa4", "a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a"};
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(keys_parse(bad[i], &k, NULL), -1);
}

/* Feeds in every possible split; gives what the process got, and "|" where it detached. */
static void feed_split(const char *keys, const char *in, size_t split, char *got)
{
	struct keys k;
	assert_int_equal(keys_parse(keys, &k, NULL), 0);
	uint8_t out[256];
	size_t len = strlen(in), n, total = 0;
	const size_t parts[2] = {split, len - split};
	for (int i = 0; i < 2; i++) {
		bool over = keys_feed(&k, (const uint8_t *)in, parts[i], out, &n);
		memcpy(got + total, out, n);
		total += n;
		in += parts[i];
		if (over) {
			got[total++] = '|';
			break;
		}
	}
	got[total] = '\0';
}

static void test_keys_feed(void **state)
{
	static const struct {
		const char *keys, *in, *got;
	} cases[] = {
		{"a,b", "xxabyy", "xx|"},     {"a,b", "aab", "a|"},
		{"a,b", "acb", "acb"},        {"a,a,b", "aaab", "a|"},
		{"a,b,a,c", "ababac", "ab|"}, {"a,b", "xa", "x"},
		{"", "abc", "abc"},           {"a", "ba", "b|"},
		{"a,a,b", "aacaab", "aac|"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		for (size_t split = 0; split <= strlen(cases[i].in); split++) {
			char got[256];
			feed_split(cases[i].keys, cases[i].in, split, got);
			assert_string_equal(got, cases[i].got);
		}
	}
}

/* --- queue --- */

static void test_queue(void **state)
{
	struct queue q = {0};
	int s[2];
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, s), 0);
	static char big[600000], back[600000];
	for (size_t i = 0; i < sizeof(big); i++)
		big[i] = (char)(i * 7 + i / 256);
	size_t in = 0, out = 0, taken;
	while (out < sizeof(big)) {
		size_t n = sizeof(big) - in < 50000 ? sizeof(big) - in : 50000;
		assert_true(queue_add(&q, big + in, n));
		in += n;
		assert_int_equal(queue_flush(&q, s[0], true, &taken), 0);
		ssize_t r = recv(s[1], back + out, 30000, MSG_DONTWAIT);
		assert_true(r > 0);
		out += (size_t)r;
	}
	assert_memory_equal(big, back, sizeof(big));
	assert_int_equal(q.len, 0);
	assert_null(q.data);
	close(s[1]);
	assert_true(queue_add(&q, "x", 1));
	assert_int_equal(queue_flush(&q, s[0], true, &taken), -1);
	assert_int_equal(errno, EPIPE);
	queue_free(&q);
	close(s[0]);
}

/* --- loop --- */

struct timed {
	struct loop_timer t;
	int *order, mark;
};

static void fired(struct loop_timer *t)
{
	struct timed *x = CONTAINER_OF(t, struct timed, t);
	*x->order = *x->order * 10 + x->mark;
}

static void test_timers_fire_in_order(void **state)
{
	struct loop l;
	int order = 0;
	struct timed a = {.t.fire = fired, .order = &order, .mark = 1}, b = a, c = a, d = a;
	b.mark = 2, c.mark = 3, d.mark = 4;
	assert_int_equal(loop_init(&l, NULL), 0);
	loop_timer_set(&l, &b.t, 2000000);
	loop_timer_set(&l, &a.t, 1000000);
	loop_timer_set(&l, &d.t, 3000000);
	loop_timer_set(&l, &c.t, 1000);
	loop_timer_set(&l, &c.t, 2500000);
	loop_timer_stop(&l, &d.t);
	for (int i = 0; i < 10 && l.timers; i++)
		assert_int_equal(loop_once(&l, 100, NULL), 0);
	assert_int_equal(order, 123);
	loop_deinit(&l);
}

/* Closing a source drops its event even when epoll reported it together with the one in hand. */
static struct loop closing_loop;
static struct loop_source closing[2];
static int closing_calls;

static void close_the_other(struct loop_source *s, uint32_t events)
{
	closing_calls++;
	loop_close(&closing_loop, s == &closing[0] ? &closing[1] : &closing[0]);
}

static void test_closed_source_is_not_called(void **state)
{
	int p[2][2];
	assert_int_equal(loop_init(&closing_loop, NULL), 0);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(pipe(p[i]), 0);
		assert_int_equal(write(p[i][1], "x", 1), 1);
		closing[i] = (struct loop_source){.fd = p[i][0], .ready = close_the_other};
		assert_int_equal(loop_watch(&closing_loop, &closing[i], EPOLLIN, NULL), 0);
	}
	assert_int_equal(loop_once(&closing_loop, 1000, NULL), 0);
	assert_int_equal(closing_calls, 1);
	for (int i = 0; i < 2; i++) {
		loop_close(&closing_loop, &closing[i]);
		close(p[i][1]);
	}
	loop_deinit(&closing_loop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_start_round_trip),
		cmocka_unit_test(test_exit_times_are_exact),
		IN_FOLDER(test_exit_record),
		IN_FOLDER(test_exit_record_damaged),
		cmocka_unit_test(test_keys_parse),
		cmocka_unit_test(test_keys_feed),
		cmocka_unit_test(test_queue),
		cmocka_unit_test(test_timers_fire_in_order),
		cmocka_unit_test(test_closed_source_is_not_called),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
