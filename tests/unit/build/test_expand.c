/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Variables in Dockerfile words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include <base/str.h>
#include "dockerfile.h"

static const char *get(const char *name, void *data)
{
	static const char *const vars[][2] = {{"a", "one"}, {"b", "two words"},
					      {"e", ""},    {"p", "usr/local/lib.tar.gz"},
					      {"q", "$a"},  {"s", "80 443"}};
	for (size_t i = 0; i < ARRAY_SIZE(vars); i++)
		if (str_eq(vars[i][0], name))
			return vars[i][1];
	return NULL;
}
static const struct dockerfile_vars vars = {.get = get};

static const struct {
	const char *in, *want; /* NULL = an error */
} words[] = {
	{"plain", "plain"},
	{"$a", "one"},
	{"x${a}y", "xoney"},
	{"$a.$nope.", "one.."},
	{"'$a'", "$a"},
	{"\"$a \\$a \\x\"", "one $a \\x"},
	{"\\$a\\b", "$ab"},
	{"$q", "$a"},
	{"$", "$"},
	{"$1$?$#x", "x"},
	{"${a:-d}", "one"},
	{"${e:-d}", "d"},
	{"${e-d}", ""},
	{"${n-d}", "d"},
	{"${n:-$a}", "one"},
	{"${n:-${m:-deep}}", "deep"},
	{"${a:+d}", "d"},
	{"${e:+d}", ""},
	{"${e+d}", "d"},
	{"${n+d}", ""},
	{"${a?m}", "one"},
	{"${n?m}", NULL},
	{"${e:?m}", NULL},
	{"${e?m}", ""},
	{"${p#*/}", "local/lib.tar.gz"},
	{"${p##*/}", "lib.tar.gz"},
	{"${p%.*}", "usr/local/lib.tar"},
	{"${p%%.*}", "usr/local/lib"},
	{"${p/l/L}", "usr/Local/lib.tar.gz"},
	{"${p//l/L}", "usr/LocaL/Lib.tar.gz"},
	{"${p//l}", "usr/oca/ib.tar.gz"},
	{"${p//\\//:}", "usr:local:lib.tar.gz"},
	{"${p/?sr/x}", "x/local/lib.tar.gz"},
	{"${a", NULL},
	{"${}", NULL},
	{"${a:}", NULL},
	{"${a:x}", NULL},
	{"${a:#x}", NULL},
	{"'open", NULL},
	{"\"open", NULL},
	{"'a'\"b\"c", "abc"},
	{"tail\\", "tail"},
};

static void test_words(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		_cleanup_free_ char *got = NULL;
		struct crl_err err = CRL_ERR_INIT;
		int r = dockerfile_expand(words[i].in, '\\', DOCKERFILE_EXPAND_WORD, &vars, &got,
					  &err);
		if ((r == 0) != (words[i].want != NULL))
			fail_msg("%s: %s", words[i].in, r == 0 ? got : err.msg);
		if (r == 0 && !str_eq(got, words[i].want))
			fail_msg("%s: got \"%s\", want \"%s\"", words[i].in, got, words[i].want);
	}
}

static void test_heredoc(void **state)
{
	_cleanup_free_ char *got = NULL;
	struct crl_err err = CRL_ERR_INIT;

	assert_int_equal(dockerfile_expand("'$a' \"${b}\" \\n \\$a\n", '`',
					   DOCKERFILE_EXPAND_HEREDOC, &vars, &got, &err),
			 0);
	assert_string_equal(got, "'one' \"two words\" \\n $a\n");
}

static void test_split(void **state)
{
	_cleanup_strv_ char **got = NULL;
	struct crl_err err = CRL_ERR_INIT;

	assert_int_equal(dockerfile_expand_split("$s", '\\', &vars, &got, &err), 0);
	assert_int_equal(strv_len(got), 2);
	assert_string_equal(got[0], "80");
	assert_string_equal(got[1], "443");
}

static void test_limits(void **state)
{
	struct buf b = BUF_INIT;
	_cleanup_free_ char *got = NULL;
	struct crl_err err = CRL_ERR_INIT;

	for (int i = 0; i < 200; i++)
		buf_puts(&b, "${n:-");
	_cleanup_free_ char *deep = buf_take(&b);
	assert_int_equal(dockerfile_expand(deep, '\\', DOCKERFILE_EXPAND_WORD, &vars, &got, &err),
			 -1);
	assert_int_equal(err.code, CRL_LIMIT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_heredoc),
		cmocka_unit_test(test_split),
		cmocka_unit_test(test_limits),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
