/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The route table as shipped: versions, names with slashes, wrong methods, no row twice. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <daemon/http_route.h>
#include <base/str.h>

static int find(const char *method, const char *path, struct http_match *ret, struct crl_err *err)
{
	static char copy[HTTP_PATH_MAX];

	(void)snprintf(copy, sizeof(copy), "%s", path);
	*err = (struct crl_err)CRL_ERR_INIT;
	return http_route_find(http_routes, http_n_routes, method, copy, ret, err);
}

static void finds_rows(void **state)
{
	static const struct {
		const char *method, *path, *pattern, *arg;
		int version;
	} cases[] = {
		{"GET", "/_ping", "/_ping", "", 151},
		{"HEAD", "/v1.41/_ping", "/_ping", "", 141},
		{"GET", "/v1.24/version", "/version", "", 124},
		{"GET", "/images/json", "/images/json", "", 151},
		{"GET", "/images/x/json", "/images/*/json", "x", 151},
		{"GET", "/images/a/b/c:1/json", "/images/*/json", "a/b/c:1", 151},
		{"GET", "/images/127.0.0.1:5000/me/app/json", "/images/*/json",
		 "127.0.0.1:5000/me/app", 151},
		/* As few parts as possible: the image may itself be called json. */
		{"GET", "/images/json/json", "/images/*/json", "json", 151},
		{"GET", "/images/get", "/images/get", "", 151},
		{"GET", "/images/me/get/get", "/images/*/get", "me/get", 151},
		{"DELETE", "/v1.51/images/x/y:z", "/images/*", "x/y:z", 151},
		{"POST", "/v1.40/images/x/y/tag", "/images/*/tag", "x/y", 140},
		{"POST", "/v1.30/containers/abc/start", "/containers/*/start", "abc", 130},
		{"HEAD", "/images/json", "/images/json", "", 151},
		{"GET", "/nodes/x", "/nodes/*", "x", 151},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct http_match m = {0};
		struct crl_err err;

		assert_int_equal(find(cases[i].method, cases[i].path, &m, &err), 0);
		assert_string_equal(m.route->pattern, cases[i].pattern);
		assert_string_equal(m.args[0], cases[i].arg);
		assert_int_equal(m.version, cases[i].version);
	}
}

static void refuses(void **state)
{
	static const struct {
		const char *method, *path;
		enum crl_code code;
		const char *text;
	} cases[] = {
		{"GET", "/", CRL_NOT_FOUND, "page not found"},
		{"GET", "", CRL_NOT_FOUND, "page not found"},
		{"GET", "/vxx/version", CRL_NOT_FOUND, "page not found"},
		{"GET", "/v1.41", CRL_NOT_FOUND, "page not found"},
		{"PUT", "/version", CRL_NOT_FOUND, "page not found"}, /* 404, not 405 */
		{"GET", "/images//json", CRL_NOT_FOUND, "page not found"},
		{"GET", "/images/", CRL_NOT_FOUND, "page not found"},
		{"GET", "/v1.99/version", CRL_INVALID,
		 "client version 1.99 is too new. Maximum supported API version is 1.51"},
		{"GET", "/v1.10/version", CRL_INVALID,
		 "client version 1.10 is too old. Minimum supported API version is 1.24, please "
		 "upgrade your client to a newer version"},
		{"GET", "/v9/version", CRL_INVALID,
		 "client version 9 is too new. Maximum supported API version is 1.51"},
		{"GET", "/v1.23/version", CRL_INVALID,
		 "client version 1.23 is too old. Minimum supported API version is 1.24, please "
		 "upgrade your client to a newer version"},
		{"GET", "/v1.52/version", CRL_INVALID,
		 "client version 1.52 is too new. Maximum supported API version is 1.51"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct http_match m = {0};
		struct crl_err err;

		assert_int_equal(find(cases[i].method, cases[i].path, &m, &err), -1);
		assert_int_equal(err.code, cases[i].code);
		assert_string_equal(err.msg, cases[i].text);
	}
}

static void table_is_sound(void **state)
{
	for (size_t i = 0; i < http_n_routes; i++) {
		const struct http_route *a = &http_routes[i];

		assert_non_null(a->handler);
		assert_true(a->summary && a->summary[0]);
		assert_true(a->pattern[0] == '/');
		for (size_t j = i + 1; j < http_n_routes; j++)
			assert_false(str_eq(a->method, http_routes[j].method) &&
				     str_eq(a->pattern, http_routes[j].pattern));
	}
}

/* A row behind a more general one would never be found. */
static void no_row_is_hidden(void **state)
{
	for (size_t i = 0; i < http_n_routes; i++) {
		struct http_match m = {0};
		struct crl_err err;
		char path[256] = "";

		for (const char *p = http_routes[i].pattern; *p; p++)
			(void)snprintf(path + strlen(path), sizeof(path) - strlen(path),
				       *p == '*' ? "zz" : "%c", *p);
		assert_int_equal(find(http_routes[i].method, path, &m, &err), 0);
		assert_ptr_equal(m.route, &http_routes[i]);
	}
}

static void booleans(void **state)
{
	static const char *const no[] = {"", "0", "no", "False", "NONE", "false"};
	static const char *const yes[] = {"1", "True", "yes", "2", "x"};

	for (size_t i = 0; i < ARRAY_SIZE(no); i++)
		assert_false(http_bool_value(no[i]));
	for (size_t i = 0; i < ARRAY_SIZE(yes); i++)
		assert_true(http_bool_value(yes[i]));
	assert_false(http_bool_value(NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_rows),     cmocka_unit_test(refuses),
		cmocka_unit_test(table_is_sound), cmocka_unit_test(no_row_is_hidden),
		cmocka_unit_test(booleans),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
