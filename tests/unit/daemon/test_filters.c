/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <daemon/filters.h>

static struct filters parse(const char *json)
{
	struct filters f = {0};
	struct crl_err err;

	assert_int_equal(filters_parse(json, &f, &err), 0);
	return f;
}

static void both_forms(void **state)
{
	static const char *const forms[] = {
		"{\"label\":{\"a=b\":true,\"c\":true,\"no\":false}}",
		"{\"label\":[\"a=b\",\"c\"]}",
	};

	for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
		struct filters f = parse(forms[i]);
		char *const *v = filters_get(&f, "label");

		assert_int_equal(strv_len(v), 2);
		assert_string_equal(v[0], "a=b");
		assert_string_equal(v[1], "c");
		assert_null(filters_get(&f, "name"));
		filters_free(&f);
	}
}

static void nothing_is_no_filter(void **state)
{
	static const char *const empty[] = {NULL, "", "{}", "null"};

	for (size_t i = 0; i < ARRAY_SIZE(empty); i++) {
		struct filters f = parse(empty[i]);

		assert_int_equal(f.n, 0);
		assert_true(filters_match_exact(&f, "x", "y"));
	}
}

static void bad_text(void **state)
{
	static const char *const bad[] = {
		"[]",   "1", "{", "{\"a\":1}", "{\"a\":\"b\"}", "{\"a\":[1]}", "{\"a\":{\"b\":1}}",
		"{} x",
	};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct filters f;
		struct crl_err err;

		assert_int_equal(filters_parse(bad[i], &f, &err), -1);
		assert_int_equal(err.code, CRL_INVALID);
	}
}

static void unknown_key(void **state)
{
	static const char *const known[] = {"label", NULL};
	struct filters f = parse("{\"nope\":[\"x\"]}");
	struct crl_err err;

	assert_int_equal(filters_check(&f, known, &err), -1);
	assert_string_equal(err.msg, "Invalid filter 'nope'");
	filters_free(&f);
}

static void names(void **state)
{
	static const struct {
		const char *filter, *value;
		bool hit;
	} cases[] = {
		{"{\"name\":[\"web\"]}", "/my-web-1", true},
		{"{\"name\":[\"^web$\"]}", "web", true},
		{"{\"name\":[\"^/web$\"]}", "/web", true},
		{"{\"name\":[\"^/web$\"]}", "/web2", false},
		{"{\"name\":[\"^web$\"]}", "my-web", false},
		{"{\"name\":[\"/web\"]}", "/web", true},
		{"{\"name\":[\"a\",\"b\"]}", "xbx", true},
		{"{\"name\":[\"w[0-9]+\"]}", "w12", true},
		{"{\"name\":[\"[\"]}", "a[b", true}, /* no regular expression: text */
		{"{\"name\":[]}", "anything", true},
		/* Would need gigabytes as an expression. */
		{"{\"name\":[\"(((a{1,99}){1,99}){1,99}){1,99}\"]}", "aaa", false},
		{"{\"name\":[\"(a++++++++++++++++++++++++++++++++++++++)\"]}", "aaa", false},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct filters f = parse(cases[i].filter);

		assert_int_equal(filters_match_name(&f, "name", cases[i].value), cases[i].hit);
		filters_free(&f);
	}
}

static void labels_are_anded(void **state)
{
	struct strmap labels = {0};
	struct filters both = parse("{\"label\":[\"a=1\",\"b\"]}"),
		       wrong = parse("{\"label\":[\"a=2\"]}"),
		       missing = parse("{\"label\":[\"a\",\"c\"]}");

	assert_int_equal(strmap_set(&labels, "a", "1"), 0);
	assert_int_equal(strmap_set(&labels, "b", ""), 0);
	assert_true(filters_match_labels(&both, "label", &labels));
	assert_false(filters_match_labels(&wrong, "label", &labels));
	assert_false(filters_match_labels(&missing, "label", &labels));
	assert_false(filters_exclude_labels(&missing, "label", &labels));
	assert_true(filters_exclude_labels(&wrong, "label", &labels));
	filters_free(&both);
	filters_free(&wrong);
	filters_free(&missing);
	strmap_free(&labels);
}

static void booleans_and_times(void **state)
{
	struct filters yes = parse("{\"dangling\":[\"true\"],\"until\":[\"100\"]}"),
		       bad = parse("{\"dangling\":[\"maybe\"],\"until\":[\"soon\"]}");
	struct crl_err err;
	bool value = false;
	int64_t ns;

	assert_int_equal(filters_bool(&yes, "dangling", false, &value, &err), 0);
	assert_true(value);
	assert_int_equal(filters_bool(&yes, "other", true, &value, &err), 0);
	assert_true(value);
	assert_int_equal(filters_time(&yes, "until", &ns, &err), 0);
	assert_int_equal(ns, 100LL * 1000000000);
	assert_int_equal(filters_bool(&bad, "dangling", false, &value, &err), -1);
	assert_string_equal(err.msg, "Invalid filter 'dangling=maybe'");
	assert_int_equal(filters_time(&bad, "until", &ns, &err), -1);
	filters_free(&yes);
	filters_free(&bad);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_forms),
		cmocka_unit_test(nothing_is_no_filter),
		cmocka_unit_test(bad_text),
		cmocka_unit_test(unknown_key),
		cmocka_unit_test(names),
		cmocka_unit_test(labels_are_anded),
		cmocka_unit_test(booleans_and_times),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
