/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Unit tests of src/base: errors, strings, JSON tables, paths, times, steps, messages. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <base/cleanup.h>
#include <base/fd.h>
#include <base/ident.h>
#include <base/json.h>
#include <base/path.h>
#include <base/proc.h>
#include <base/record.h>
#include <base/step.h>
#include <base/word.h>

#include <errno.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

static void test_err_context(void **state)
{
	struct crl_err err = CRL_ERR_INIT;
	assert_int_equal(crl_fail_sys(&err, EPERM, "/proc"), -1);
	crl_context(&err, "mount %s", "proc");
	crl_context(&err, "run web");
	assert_string_equal(err.msg, "run web: mount proc: /proc: Operation not permitted");
	assert_int_equal(err.code, CRL_KERNEL);
	assert_int_equal(err.sys, EPERM);
	crl_fail_sys(&err, ENOSPC, "x");
	assert_int_equal(err.code, CRL_IO);
	char big[3000];
	memset(big, 'a', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	crl_fail(&err, CRL_INVALID, "%s", big);
	assert_true(str_ends(err.msg, "..."));
}

/* A container's hosts file may be a million line ends: the time must grow with the length alone. */
static void test_split_of_many_parts(void **state)
{
	enum { PARTS = 1000000 };
	char *text = malloc(PARTS + 1);
	assert_non_null(text);
	memset(text, '\n', PARTS);
	text[PARTS] = '\0';
	clock_t begin = clock();
	char **parts = strv_split(text, "\n", true);
	assert_true(clock() - begin < 5 * CLOCKS_PER_SEC);
	assert_int_equal(strv_len(parts), PARTS + 1);
	strv_free(parts);
	for (size_t n = 0; n < 20; n++) {
		text[n] = '\0';
		parts = strv_split(text, "\n", true);
		assert_int_equal(strv_len(parts), n + 1);
		strv_free(parts);
		text[n] = '\n';
	}
	free(text);
}

static void test_sizes(void **state)
{
	static const struct {
		const char *text;
		int64_t bytes;
	} good[] = {{"0", 0},        {"1024", 1024}, {"64m", 64 << 20}, {"1.5g", 3LL << 29},
		    {"10kb", 10240}, {"2KiB", 2048}, {"3B", 3}};
	static const char *const bad[] = {"",     "m",   "-1",          "1x", "1mm",
					  "0x10", "1e3", "9999999999g", "inf"};
	int64_t v;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		assert_int_equal(str_parse_size(good[i].text, &v, NULL), 0);
		assert_true(v == good[i].bytes);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(str_parse_size(bad[i], &v, NULL), -1);
	char buf[32];
	assert_string_equal(str_size_decimal(7340000, buf), "7.34MB");
	assert_string_equal(str_size_binary(16043213, buf), "15.3MiB");
}

struct item {
	char *key;
	int64_t n;
};
static const struct json_field item_fields[] = {JSON_I64(struct item, n, "n", 0)};
static const struct json_table item_json = JSON_TABLE("item", struct item, item_fields);

struct sample {
	bool flag;
	int64_t big;
	struct opt_i64 maybe;
	char *name;
	char **list, **ports;
	struct strmap labels;
	struct item one, *ptr, *many, *map;
	size_t n_many, n_map;
	cJSON *raw;
};
static const struct json_field sample_fields[] = {
	JSON_BOOL(struct sample, flag, "Flag", 0),
	JSON_I64(struct sample, big, "Big", 0),
	JSON_OPT_I64(struct sample, maybe, "Maybe", JSON_OMIT_EMPTY),
	JSON_STR(struct sample, name, "Name", JSON_REQUIRED),
	JSON_STRV(struct sample, list, "List", JSON_NULL_EMPTY | JSON_STR_OR_LIST),
	JSON_KEYSET(struct sample, ports, "Ports", JSON_OMIT_EMPTY),
	JSON_STRMAP(struct sample, labels, "Labels", 0),
	JSON_OBJ(struct sample, one, "One", 0, &item_json),
	JSON_OBJP(struct sample, ptr, "Ptr", JSON_OMIT_EMPTY, &item_json),
	JSON_OBJV(struct sample, many, n_many, "Many", 0, &item_json),
	JSON_OBJMAP(struct sample, map, n_map, "Map", JSON_OMIT_EMPTY, &item_json),
	JSON_RAW(struct sample, raw, "Raw", JSON_OMIT_EMPTY),
};
static const struct json_table sample_json = JSON_TABLE("sample", struct sample, sample_fields);

static void test_json_round_trip(void **state)
{
	static const char text[] =
		"{\"Flag\":true,\"Big\":4503599627370496,\"Maybe\":-1,\"Name\":\"x\",\"List\":["
		"\"a\",\"b\"],"
		"\"Ports\":{\"80/"
		"tcp\":{}},\"Labels\":{\"k\":\"v\"},\"One\":{\"n\":1},\"Ptr\":{\"n\":2},"
		"\"Many\":[{\"n\":3},{\"n\":4}],\"Map\":{\"q\":{\"n\":5}},\"Raw\":[1,null]}";
	struct sample s = {0}, copy = {0};
	struct crl_err err = CRL_ERR_INIT;
	assert_int_equal(json_decode(&sample_json, text, strlen(text), 0, &s, &err), 0);
	assert_true(s.big == 4503599627370496 && s.maybe.set && s.maybe.v == -1);
	assert_string_equal(s.map[0].key, "q");
	_cleanup_free_ char *out = json_encode(&sample_json, &s);
	assert_string_equal(out, text);
	assert_int_equal(json_copy(&sample_json, &s, &copy, &err), 0);
	json_free(&sample_json, &s);
	assert_null(s.name);
	json_free(&sample_json, &copy);
}

static void test_json_refuses(void **state)
{
	static const struct {
		const char *text, *says;
	} bad[] = {
		{"{}", "sample.Name is missing"},
		{"{\"Name\":1}", "sample.Name: expected a string"},
		{"{\"Name\":\"a\",\"Name\":\"b\"}", "duplicate key \"Name\""},
		{"{\"Name\":\"a\"} x", "unexpected text"},
		{"{\"Name\":\"a\\u0000b\"}", "\\u0000"},
		{"{\"Name\":\"a\",\"Big\":9007199254740993}", "below 2^53"},
		{"{\"Name\":\"a\",\"Big\":1.5}", "an integer"},
		{"{\"Name\":\"a\",\"Many\":{}}", "a list"},
		{"{\"Name\":\"a\",\"Many\":[{\"n\":1},{\"n\":\"x\"}]}", "item.n"},
		{"[1]", "expected an object"},
		{"", "unexpected text"},
		{"{\"Name\":\"a\",}", "unexpected text"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct sample s = {0};
		struct crl_err err = CRL_ERR_INIT;
		assert_int_equal(
			json_decode(&sample_json, bad[i].text, strlen(bad[i].text), 0, &s, &err),
			-1);
		if (!strstr(err.msg, bad[i].says))
			fail_msg("%s: said \"%s\"", bad[i].text, err.msg);
		assert_null(s.name);
	}
	char deep[200];
	memset(deep, '[', sizeof(deep));
	cJSON *tree;
	struct crl_err err = CRL_ERR_INIT;
	assert_int_equal(json_parse(deep, sizeof(deep), sizeof(deep), &tree, &err), -1);
	assert_int_equal(err.code, CRL_LIMIT);
}

static void test_json_nocase(void **state)
{
	static const char text[] =
		"{\"name\":\"a\",\"NAME\":\"b\",\"flag\":true,\"list\":\"solo\"}";
	struct sample s = {0};
	assert_int_equal(json_decode(&sample_json, text, strlen(text), JSON_NOCASE, &s, NULL), 0);
	assert_string_equal(s.name, "b");
	assert_string_equal(s.list[0], "solo");
	json_free(&sample_json, &s);
}

static int make_tree(char dir[])
{
	assert_non_null(mkdtemp(dir));
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(fd >= 0);
	return fd;
}

static void test_paths_stay_inside(void **state)
{
	char dir[] = "/tmp/crl-base-XXXXXX";
	_cleanup_close_ int root = make_tree(dir);
	struct crl_err err = CRL_ERR_INIT;
	assert_int_equal(symlinkat("/", root, "up"), 0);
	assert_int_equal(symlinkat("../../../../etc", root, "etc"), 0);
	_cleanup_close_ int fd = -1;
	assert_int_equal(path_mkdir_in_root(root, "/etc/new", 0755, &fd, &err), -1);
	assert_int_equal(mkdirat(root, "real", 0755), 0);
	assert_int_equal(unlinkat(root, "etc", 0), 0);
	assert_int_equal(symlinkat("/real", root, "etc"), 0);
	assert_int_equal(path_mkdir_in_root(root, "/up/etc/a/../b", 0755, &fd, &err), 0);
	assert_int_equal(faccessat(root, "real/b", F_OK, 0), 0);
	_cleanup_close_ int host = -1;
	assert_int_equal(path_open_in_root(root, "/up/../../etc/passwd", O_RDONLY, 0, &host, &err),
			 -1);
	assert_int_equal(err.code, CRL_NOT_FOUND);
	assert_int_equal(path_open_beneath(root, "up/etc", O_RDONLY, 0, &host, &err), -1);
	assert_int_equal(path_write_atomic(root, "f", "one", 3, 0600, true, &err), 0);
	_cleanup_free_ char *text = NULL;
	assert_int_equal(path_read_file(root, "f", 10, &text, NULL, &err), 0);
	assert_string_equal(text, "one");
	assert_int_equal(path_remove_tree(AT_FDCWD, dir, &err), 0);
	assert_int_equal(access(dir, F_OK), -1);
	assert_int_equal(access("/etc/passwd", F_OK), 0);
}

static void test_path_clean(void **state)
{
	static const char *const rows[][2] = {{"/a//b/../c/.", "/a/c"},
					      {"..", "/"},
					      {"", "/"},
					      {"a/b", "/a/b"},
					      {"/../../x", "/x"}};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_free_ char *s = path_clean(rows[i][0]);
		assert_string_equal(s, rows[i][1]);
	}
}

static void test_times(void **state)
{
	char buf[TIME_BUF];
	int64_t ns;
	assert_string_equal(time_rfc3339(1767323045500000000, buf), "2026-01-02T03:04:05.5Z");
	assert_string_equal(time_rfc3339(0, buf), "0001-01-01T00:00:00Z");
	assert_true(time_parse("2026-01-02T03:04:05.5Z", 0, &ns) && ns == 1767323045500000000);
	assert_true(time_parse("2026-01-02T04:04:05.5+01:00", 0, &ns) && ns == 1767323045500000000);
	assert_true(time_parse("1795378290.000000001", 0, &ns) && ns == 1795378290000000001);
	assert_true(time_parse("10m", 700000000000, &ns) && ns == 100000000000);
	assert_false(time_parse("yesterday", 0, &ns));
	assert_true(time_parse_duration("1h2m3.5s", &ns) && ns == 3723500000000);
	assert_true(time_parse_duration("300ms", &ns) && ns == 300000000);
	assert_false(time_parse_duration("5", &ns));
	assert_string_equal(time_human_duration(75000000000, buf), "About a minute");
}

static void test_signals(void **state)
{
	assert_int_equal(proc_signal_number("KILL"), 9);
	assert_int_equal(proc_signal_number("sigterm"), 15);
	assert_int_equal(proc_signal_number("RTMIN+3"), 37);
	assert_int_equal(proc_signal_number("9"), 9);
	assert_int_equal(proc_signal_number("NOPE"), -1);
	assert_int_equal(proc_signal_number("0"), -1);
	assert_string_equal(proc_signal_name(9), "SIGKILL");
}

static char trail[64];
static int step_a(void *ctx, struct crl_err *err)
{
	strcat(trail, "a");
	return 0;
}
static int step_b(void *ctx, struct crl_err *err)
{
	return crl_fail(err, CRL_IO, "b broke");
}
static void undo_a(void *ctx)
{
	strcat(trail, "A");
}

static void test_steps_roll_back(void **state)
{
	static const struct step steps[] = {{.name = "t.a", .run = step_a, .undo = undo_a},
					    {.name = "t.a2", .run = step_a, .undo = undo_a},
					    {.name = "t.b", .run = step_b}};
	struct step_run run = {0};
	struct crl_err err = CRL_ERR_INIT;
	assert_int_equal(steps_run(steps, 3, NULL, &run, &err), -1);
	assert_string_equal(trail, "aaAA");
	assert_string_equal(err.msg, "t.b: b broke");
}

static void test_messages_carry_fds(void **state)
{
	int sv[2], got[2], pair[2] = {0, 1};
	size_t len, n;
	char buf[8];
	struct crl_err err = CRL_ERR_INIT;
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sv), 0);
	assert_int_equal(fd_send_msg(sv[0], "hello", 5, pair, 2, &err), 0);
	assert_int_equal(fd_recv_msg(sv[1], buf, sizeof(buf), &len, got, 1, &n, &err), 0);
	assert_int_equal(len, 5);
	assert_int_equal(n, 1);
	assert_true(fcntl(got[0], F_GETFD) & FD_CLOEXEC);
	close(got[0]);
	assert_int_equal(fd_send_msg(sv[0], "longer than buf", 15, NULL, 0, &err), 0);
	assert_int_equal(fd_recv_msg(sv[1], buf, sizeof(buf), &len, NULL, 0, &n, &err), -1);
	assert_int_equal(err.code, CRL_LIMIT);
	close(sv[0]);
	assert_int_equal(fd_recv_msg(sv[1], buf, sizeof(buf), &len, NULL, 0, &n, &err), 0);
	assert_int_equal(len, 0);
	close(sv[1]);
}

static void test_spawn(void **state)
{
	char *argv[] = {"/bin/sh", "-c", "echo out; ls /proc/self/fd | wc -l; exit 3", NULL};
	_cleanup_free_ char *out = NULL;
	int status;
	struct crl_err err = CRL_ERR_INIT;
	char *env[] = {"PATH=/bin:/usr/bin", NULL};
	assert_int_equal(proc_run(argv, env, true, 1000, &out, &status, &err), 0);
	assert_string_equal(out, "out\n4\n");
	assert_int_equal(proc_exit_code(status), 3);
	argv[0] = "/nonexistent";
	assert_int_equal(proc_run(argv, env, true, 1000, &out, &status, &err), -1);
}

/* A sealed copy is run by its descriptor, though the child inherits none but those it was given. */
static void test_spawn_sealed(void **state)
{
	int fd, status;
	char path[40];
	char *argv[] = {path, "-c", "echo sealed", NULL};
	_cleanup_free_ char *out = NULL;
	struct crl_err err = CRL_ERR_INIT;

	assert_int_equal(fd_sealed_copy("/bin/sh", &fd, &err), 0);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	assert_int_equal(proc_run(argv, NULL, true, 1000, &out, &status, &err), 0);
	assert_string_equal(out, "sealed\n");
	close(fd);
}

/* Whatever numbers the sources have, none is overwritten while they are put in place. */
static void test_spawn_many_fds(void **state)
{
	struct crl_err err = CRL_ERR_INIT;
	char *argv[] = {"/bin/sh", "-c", "echo here >&3", NULL};

	for (int at = 4; at < 160; at++) {
		int p[2], pidfd;
		pid_t pid;
		char text[8] = "";
		assert_int_equal(pipe2(p, O_CLOEXEC), 0);
		int high = fcntl(p[1], F_DUPFD_CLOEXEC, at);
		assert_true(high >= at);
		close(p[1]);
		int fds[] = {-1, -1, -1, high};
		struct proc_spawn spawn = {.path = argv[0], .argv = argv, .fds = fds, .n_fds = 4};
		assert_int_equal(proc_spawn(&spawn, &pid, &pidfd, &err), 0);
		close(high);
		assert_int_equal(read(p[0], text, sizeof(text) - 1), 5);
		assert_string_equal(text, "here\n");
		assert_int_equal(waitpid(pid, NULL, 0), pid);
		close(p[0]);
		close(pidfd);
	}
}

static void test_idents(void **state)
{
	char id[ID_HEX + 1], hex[SHA256_HEX + 1];
	ident_random(id);
	assert_true(ident_is_hex(id, 64, 64));
	ident_sha256("abc", 3, hex);
	assert_string_equal(hex,
			    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	assert_true(ident_name_ok("web_1.x-y"));
	assert_false(ident_name_ok("a"));
	assert_false(ident_name_ok("../x"));
	assert_false(ident_name_ok("-ab"));
}

/* Deeper than there are descriptors, and with the names taken that the removal would use. */
static void test_remove_deep_tree(void **state)
{
	char dir[] = "/tmp/crl-base-XXXXXX";
	struct crl_err err = CRL_ERR_INIT;
	assert_non_null(mkdtemp(dir));
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(mkdirat(fd, "crl-deep-0", 0700), 0);
	assert_int_equal(symlinkat("/etc", fd, "crl-deep-1"), 0);
	for (int i = 0; i < 5000; i++) {
		assert_int_equal(mkdirat(fd, "d", 0700), 0);
		int sub = openat(fd, "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		assert_true(sub >= 0);
		close(fd);
		fd = sub;
	}
	close(fd);
	if (path_remove_tree(AT_FDCWD, dir, &err) < 0)
		fail_msg("%s", err.msg);
	assert_int_equal(access(dir, F_OK), -1);
	assert_int_equal(access("/etc/passwd", F_OK), 0);
}

static void test_records_notice_damage(void **state)
{
	struct crl_err err = CRL_ERR_INIT;
	const char *body;
	size_t len, body_len;
	_cleanup_free_ char *text = record_text("thing", 2, "{\"a\":1}", &len);
	assert_int_equal(record_body("thing", 2, text, len, &body, &body_len, &err), 0);
	assert_int_equal(body_len, 7);
	assert_memory_equal(body, "{\"a\":1}", 7);
	assert_int_equal(record_body("thin", 2, text, len, &body, &body_len, &err), -1);
	assert_int_equal(record_body("thing", 1, text, len, &body, &body_len, &err), -1);
	assert_int_equal(err.code, CRL_UNSUPPORTED);
	for (size_t cut = 0; cut < len; cut++) {
		_cleanup_free_ char *part = strndup(text, cut);
		assert_int_equal(record_body("thing", 2, part, cut, &body, &body_len, &err), -1);
	}
	for (size_t i = 0; i < len; i++) {
		char saved = text[i];
		text[i] = (char)(saved ^ 0x15);
		assert_int_equal(record_body("thing", 2, text, len, &body, &body_len, &err), -1);
		text[i] = saved;
	}
}

static void test_word_distance(void **state)
{
	assert_int_equal(word_distance("run", "run"), 0);
	assert_int_equal(word_distance("RNU", "run"), 1);
	assert_int_equal(word_distance("imgaes", "images"), 1);
	assert_int_equal(word_distance("stp", "stop"), 1);
	assert_int_equal(word_distance("sttop", "stop"), 1);
	assert_int_equal(word_distance("", "stop"), 4);
	assert_int_equal(word_distance("kitten", "sitting"), 3);
	assert_int_equal(word_distance("a word of more than thirty-two bytes", "a"), WORD_FAR);
}

static void test_json_lists_of_strings(void **state)
{
	static const char text[] = "{\"a\":[\"x\",\"y\"],\"b\":[1],\"c\":\"x\",\"d\":[]}";
	_cleanup_cjson_ cJSON *o = NULL;
	_cleanup_strv_ char **v = NULL;
	struct crl_err err = CRL_ERR_INIT;

	assert_int_equal(json_parse(text, strlen(text), 1000, &o, &err), 0);
	assert_int_equal(json_get_strv(o, "missing", &v, &err), 0);
	assert_int_equal(json_get_strv(o, "d", &v, &err), 0);
	assert_null(v);
	assert_int_equal(json_get_strv(o, "a", &v, &err), 0);
	assert_int_equal(json_get_strv(o, "a", &v, &err), 0);
	assert_int_equal(strv_len(v), 4);
	assert_string_equal(v[3], "y");
	assert_int_equal(json_get_strv(o, "b", &v, &err), -1);
	assert_int_equal(json_get_strv(o, "c", &v, &err), -1);
	assert_int_equal(err.code, CRL_INVALID);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_err_context),
		cmocka_unit_test(test_remove_deep_tree),
		cmocka_unit_test(test_split_of_many_parts),
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_json_round_trip),
		cmocka_unit_test(test_json_refuses),
		cmocka_unit_test(test_json_nocase),
		cmocka_unit_test(test_paths_stay_inside),
		cmocka_unit_test(test_path_clean),
		cmocka_unit_test(test_times),
		cmocka_unit_test(test_signals),
		cmocka_unit_test(test_steps_roll_back),
		cmocka_unit_test(test_messages_carry_fds),
		cmocka_unit_test(test_spawn),
		cmocka_unit_test(test_spawn_sealed),
		cmocka_unit_test(test_spawn_many_fds),
		cmocka_unit_test(test_idents),
		cmocka_unit_test(test_records_notice_damage),
		cmocka_unit_test(test_word_distance),
		cmocka_unit_test(test_json_lists_of_strings),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
