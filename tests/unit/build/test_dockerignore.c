/* SPDX-License-Identifier: GPL-2.0-or-later */
/* .dockerignore and the path patterns below it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include <base/str.h>
#include "dockerignore.h"
#include "pathglob.h"

static const struct {
	const char *pattern, *path;
	int want; /* -1: the pattern is refused */
} globs[] = {
	{"a", "a", 1},        {"a", "ab", 0},           {"*", "abc", 1},
	{"*", "a/b", 0},      {"*", ".x", 1},           {"a*c", "abbc", 1},
	{"a?c", "abc", 1},    {"a?c", "a/c", 0},        {"[a-c]x", "bx", 1},
	{"[^a-c]x", "bx", 0}, {"[^a-c]x", "dx", 1},     {"[^a]", "/", 0},
	{"[[]", "[", 1},      {"\\*", "*", 1},          {"\\*", "a", 0},
	{"**", "a/b/c", 1},   {"**/c", "c", 1},         {"**/c", "a/b/c", 1},
	{"**/c", "a/bc", 0},  {"a/**", "a", 0},         {"a/**", "a/b/c", 1},
	{"a/**/z", "a/z", 1}, {"a/**/z", "a/b/c/z", 1}, {"a/**/z", "az", 0},
	{"*.go", "x.go", 1},  {"*.go", "d/x.go", 0},    {"**/*.go", "d/e/x.go", 1},
	{"[", "x", -1},       {"[a", "x", -1},          {"[]a]", "a", -1},
	{"a\\", "x", -1},     {"[z-a]", "x", -1},       {"", "", 1},
};

static void test_globs(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(globs); i++) {
		struct crl_err err = CRL_ERR_INIT;
		_cleanup_pathglob_ struct pathglob *g = NULL;
		int r = pathglob_compile(globs[i].pattern, &g, &err);
		int got = r < 0 ? -1 : pathglob_match(g, globs[i].path);
		if (got != globs[i].want)
			fail_msg("%s ~ %s: %d", globs[i].pattern, globs[i].path, got);
	}
}

static void test_below(void **state)
{
	struct crl_err err = CRL_ERR_INIT;
	_cleanup_pathglob_ struct pathglob *g = NULL, *h = NULL;

	assert_int_equal(pathglob_compile("a/b*/c", &g, &err), 0);
	assert_true(pathglob_match_below(g, "a"));
	assert_true(pathglob_match_below(g, "a/bx"));
	assert_false(pathglob_match_below(g, "a/x"));
	assert_false(pathglob_match_below(g, "a/bx/c"));
	assert_int_equal(pathglob_compile("**/x", &h, &err), 0);
	assert_true(pathglob_match_below(h, "any/where"));
}

/* Backtracking matchers need exponential time here. */
static void test_linear(void **state)
{
	struct crl_err err = CRL_ERR_INIT;
	_cleanup_pathglob_ struct pathglob *g = NULL;
	char path[2001];

	memset(path, 'a', 2000);
	path[2000] = 0;
	assert_int_equal(pathglob_compile("*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*b", &g, &err), 0);
	assert_false(pathglob_match(g, path));
}

static const struct {
	const char *text, *path;
	bool excluded;
} rules[] = {
	{"node_modules", "node_modules/x/y", true},
	{"node_modules", "a/node_modules", false},
	{"**/node_modules", "a/node_modules/z", true},
	{"*.md\n!README.md", "x.md", true},
	{"*.md\n!README.md", "README.md", false},
	{"!README.md\n*.md", "README.md", true},
	{"d\n!d/keep", "d/keep", false},
	{"d\n!d/keep", "d/other", true},
	{"d/**", "d", false},
	{"d/**", "d/x", true},
	{"/abs", "abs", true},
	{"./a/../b/", "b/c", true},
	{"# c\n #c", "#c", true},
	{"  a  \r\n", "a", true},
	{"a\n! a", "a", false},
	{".", "a", false},
	{"*", "a/b", true},
	{"../a", "a", false},
	{"A", "a", false},
	{"\xef\xbb\xbf"
	 "a",
	 "a", true},
};

static void test_rules(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(rules); i++) {
		struct crl_err err = CRL_ERR_INIT;
		_cleanup_dockerignore_ struct dockerignore *ig = NULL;
		assert_int_equal(dockerignore_parse(".dockerignore", rules[i].text,
						    strlen(rules[i].text), &ig, &err),
				 0);
		if (dockerignore_excluded(ig, rules[i].path) != rules[i].excluded)
			fail_msg("%s ~ %s", rules[i].text, rules[i].path);
	}
}

static void test_walk(void **state)
{
	static const char text[] = "d\ne\n!d/a/keep\n";
	struct crl_err err = CRL_ERR_INIT;
	_cleanup_dockerignore_ struct dockerignore *ig = NULL;

	assert_int_equal(dockerignore_parse("x", text, strlen(text), &ig, &err), 0);
	assert_true(dockerignore_may_include_below(ig, "d"));
	assert_true(dockerignore_may_include_below(ig, "d/a"));
	assert_false(dockerignore_may_include_below(ig, "d/b"));
	assert_false(dockerignore_may_include_below(ig, "e"));
}

static void test_bad(void **state)
{
	struct crl_err err = CRL_ERR_INIT;
	struct dockerignore *ig = NULL;

	assert_int_equal(dockerignore_parse(".dockerignore", "a\n[\n", 4, &ig, &err), -1);
	assert_non_null(strstr(err.msg, ".dockerignore:2"));
	assert_int_equal(dockerignore_parse(".dockerignore", "!\n", 2, &ig, &err), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_globs),  cmocka_unit_test(test_below),
		cmocka_unit_test(test_linear), cmocka_unit_test(test_rules),
		cmocka_unit_test(test_walk),   cmocka_unit_test(test_bad),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
