/* SPDX-License-Identifier: GPL-2.0-or-later */
/* health.c: what results change, and when the next check is due. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <daemon/health.h>

#define SECOND 1000000000LL

static bool result(struct health *h, const struct api_health_config *cfg, int code, int64_t age)
{
	struct health_result r = {.start = 1, .end = 2, .exit_code = code, .output = strdup("x")};
	return health_take(h, cfg, &r, age);
}

static struct health *begin(void)
{
	struct health *h = NULL;
	assert_int_equal(health_begin(&h), 0);
	assert_string_equal(h->status, HEALTH_STARTING);
	return h;
}

static void end(struct health *h)
{
	json_free(&health_json, h);
	free(h);
}

static void test_streak(void **state)
{
	struct health *h = begin();
	const struct api_health_config cfg = {.retries = 2};
	assert_true(result(h, &cfg, 0, 0));
	assert_string_equal(h->status, HEALTH_HEALTHY);
	assert_false(result(h, &cfg, 0, 0));
	assert_false(result(h, &cfg, 1, 0));
	assert_int_equal(h->failing_streak, 1);
	assert_string_equal(h->status, HEALTH_HEALTHY);
	assert_true(result(h, &cfg, -1, 0));
	assert_string_equal(h->status, HEALTH_UNHEALTHY);
	assert_false(result(h, &cfg, 1, 0));
	assert_int_equal(h->failing_streak, 3);
	assert_true(result(h, &cfg, 0, 0));
	assert_int_equal(h->failing_streak, 0);
	assert_int_equal(h->n_log, HEALTH_LOG_MAX);
	assert_int_equal(h->log[HEALTH_LOG_MAX - 1].exit_code, 0);
	assert_int_equal(h->log[HEALTH_LOG_MAX - 3].exit_code, -1);
	end(h);
}

static void test_default_retries(void **state)
{
	struct health *h = begin();
	const struct api_health_config cfg = {0};
	assert_false(result(h, &cfg, 1, 0));
	assert_false(result(h, &cfg, 1, 0));
	assert_true(result(h, &cfg, 1, 0));
	assert_string_equal(h->status, HEALTH_UNHEALTHY);
	end(h);
}

static void test_start_period(void **state)
{
	struct health *h = begin();
	const struct api_health_config cfg = {.retries = 1, .start_period = 10 * SECOND};
	assert_false(result(h, &cfg, 1, 9 * SECOND));
	assert_int_equal(h->failing_streak, 0);
	assert_int_equal(h->n_log, 1);
	/* A success ends the forgiving, also within the period. */
	assert_true(result(h, &cfg, 0, 3 * SECOND));
	assert_true(result(h, &cfg, 1, 4 * SECOND));
	assert_string_equal(h->status, HEALTH_UNHEALTHY);
	end(h);
	h = begin();
	assert_true(result(h, &cfg, 1, 10 * SECOND));
	/* The next run starts anew, but remembers. */
	assert_int_equal(health_begin(&h), 0);
	assert_string_equal(h->status, HEALTH_STARTING);
	assert_int_equal(h->failing_streak, 0);
	assert_int_equal(h->n_log, 1);
	end(h);
}

static void test_interval(void **state)
{
	struct health *h = begin();
	const struct api_health_config plain = {0};
	const struct api_health_config cfg = {
		.interval = 7 * SECOND, .start_period = 60 * SECOND, .start_interval = 2 * SECOND};
	assert_int_equal(health_interval(&plain, h, 0), 30 * SECOND);
	assert_int_equal(health_timeout(&plain), 30 * SECOND);
	assert_int_equal(health_interval(&cfg, h, 59 * SECOND), 2 * SECOND);
	assert_int_equal(health_interval(&cfg, h, 60 * SECOND), 7 * SECOND);
	health_set(h, HEALTH_HEALTHY);
	assert_int_equal(health_interval(&cfg, h, 0), 7 * SECOND);
	health_set(h, HEALTH_STARTING);
	const struct api_health_config period = {.start_period = SECOND};
	assert_int_equal(health_interval(&period, h, 0), 5 * SECOND);
	end(h);
}

static void test_wanted(void **state)
{
	char *shell[] = {(char *)"CMD-SHELL", (char *)"true", NULL};
	char *none[] = {(char *)"NONE", NULL}, *bare[] = {(char *)"CMD", NULL};
	char *odd[] = {(char *)"TCP", (char *)"80", NULL};
	const struct {
		char **test;
		bool wanted;
	} rows[] = {{shell, true}, {none, false}, {bare, false}, {odd, false}, {NULL, false}};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct api_health_config cfg = {.test = rows[i].test};
		assert_int_equal(health_wanted(&cfg), rows[i].wanted);
	}
	assert_false(health_wanted(NULL));
	assert_string_equal(health_status(NULL), "none");
}

static void assert_text(const char *in, size_t len, bool cut, const char *out)
{
	_cleanup_free_ char *t = health_text(in, len, cut);
	assert_string_equal(t, out);
}

static void test_text(void **state)
{
	static char large[HEALTH_OUTPUT_MAX + 1];
	assert_text("a\n", 2, false, "a\n");
	assert_text("a", 1, true, "a...");
	assert_text("\xC3\xA9", 2, false, "\xC3\xA9");
	assert_text("\xC3", 1, false, "\xEF\xBF\xBD");
	assert_text("\xED\xA0\x80", 3, false, "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD");
	assert_text("a\0b", 3, false,
		    "a\xEF\xBF\xBD"
		    "b");
	memset(large, 'x', sizeof(large));
	_cleanup_free_ char *t = health_text(large, sizeof(large), false);
	assert_int_equal(strlen(t), HEALTH_OUTPUT_MAX + 3);
}

static void test_duration(void **state)
{
	const struct {
		int64_t ns;
		const char *text;
	} rows[] = {{SECOND, "1s"},           {30 * SECOND, "30s"}, {90 * SECOND, "1m30s"},
		    {SECOND * 3 / 2, "1.5s"}, {300000000, "300ms"}, {1500000, "1.5ms"},
		    {3600 * SECOND, "1h0m0s"}};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char buf[48];
		assert_string_equal(health_duration(rows[i].ns, buf), rows[i].text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_streak),       cmocka_unit_test(test_default_retries),
		cmocka_unit_test(test_start_period), cmocka_unit_test(test_interval),
		cmocka_unit_test(test_wanted),       cmocka_unit_test(test_text),
		cmocka_unit_test(test_duration),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
