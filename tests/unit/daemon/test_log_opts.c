/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Values of log options as a client or daemon.json may give them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <base/str.h>
#include <daemon/log_opts.h>
#include <daemon/log_regex.h>
#include <stdlib.h>

static int check(const char *key, const char *value)
{
	struct strmap config = {0};
	struct crl_err err = CRL_ERR_INIT;
	assert_int_equal(strmap_set(&config, key, value), 0);
	int r = log_opts_check("json-file", &config, &err);
	strmap_free(&config);
	return r;
}

static char *repeated(const char *before, const char *middle, const char *after, size_t n)
{
	struct buf b = BUF_INIT;
	for (size_t i = 0; i < n; i++)
		buf_puts(&b, before);
	buf_puts(&b, middle);
	for (size_t i = 0; i < n; i++)
		buf_puts(&b, after);
	return buf_take(&b);
}

static void test_expressions(void **state)
{
	static const char *const good[] = {
		"^(os|customer)", "com\\.example\\..+",
		"[0-9a-f]{64}",   "^[a-z0-9]{1,63}(\\.[a-z0-9]{1,63})*$",
		"[]{(x]",         "[[:alpha:](]{2,}",
		"a{0,3}b?c*|d",   "((a|b)+x){3}",
	};
	for (size_t i = 0; i < ARRAY_SIZE(good); i++)
		assert_int_equal(check("labels-regex", good[i]), 0);
	regex_t re;
	assert_true(log_regex_compile("^[0-9a-f]{4}$", &re));
	assert_int_equal(regexec(&re, "0aF1", 0, NULL, 0), REG_NOMATCH);
	assert_int_equal(regexec(&re, "0af1", 0, NULL, 0), 0);
	regfree(&re);
}

/* Each of these ends a process that gives it to regcomp(3), by its stack or its memory. */
static void test_costly_expressions(void **state)
{
	static const char *const bad[] = {
		"((a{255}){255}){255}",
		"(a{1,32767}){1,32767}",
		"(a{9000,}){9}",
		"a{500}{500}{500}",
		"((a){2}){9000}",
		"(.*)\\1",
		"a{",
		"[a",
		"a\\",
		"(a{90}){90}+",
		"(((a{20}){20}){20}){20}",
	};
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(check("env-regex", bad[i]), -1);
	char *deep = repeated("(", "a", ")", 200000), *nested = repeated("(", "a", "+)", 30);
	char *chain = repeated("", "a", "+", 40);
	assert_int_equal(check("labels-regex", deep), -1);
	assert_int_equal(check("labels-regex", nested), -1);
	assert_int_equal(check("labels-regex", chain), -1);
	free(deep);
	free(nested);
	free(chain);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_expressions),
		cmocka_unit_test(test_costly_expressions),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
