/* SPDX-License-Identifier: GPL-2.0-or-later */
/* References as Docker's clients read and print them. */
#include <crun-lite/image.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define HEX64 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static void test_good(void **state)
{
	static const struct {
		const char *text, *full, *familiar, *name;
	} rows[] = {
		{"nginx", "docker.io/library/nginx:latest", "nginx:latest", "nginx"},
		{"nginx:1.2", "docker.io/library/nginx:1.2", "nginx:1.2", "nginx"},
		{"a/b", "docker.io/a/b:latest", "a/b:latest", "a/b"},
		{"index.docker.io/x", "docker.io/library/x:latest", "x:latest", "x"},
		{"localhost/x:t", "localhost/x:t", "localhost/x:t", "localhost/x"},
		{"localhost:5000", "docker.io/library/localhost:5000", "localhost:5000",
		 "localhost"},
		{"127.0.0.1:5000/a__b/c-d", "127.0.0.1:5000/a__b/c-d:latest",
		 "127.0.0.1:5000/a__b/c-d:latest", "127.0.0.1:5000/a__b/c-d"},
		{"[::1]:80/x", "[::1]:80/x:latest", "[::1]:80/x:latest", "[::1]:80/x"},
		{"x@sha256:" HEX64, "docker.io/library/x@sha256:" HEX64, "x@sha256:" HEX64, "x"},
		{"x:t@sha256:" HEX64, "docker.io/library/x:t@sha256:" HEX64, "x:t@sha256:" HEX64,
		 "x"},
		{"docker.io/a.b/c", "docker.io/a.b/c:latest", "docker.io/a.b/c:latest",
		 "docker.io/a.b/c"},
		{"library/x/y", "docker.io/library/x/y:latest", "library/x/y:latest",
		 "library/x/y"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct crl_ref r;
		struct crl_err err = CRL_ERR_INIT;
		assert_int_equal(crl_ref_parse(rows[i].text, &r, &err), 0);
		_cleanup_free_ char *full = crl_ref_full(&r);
		_cleanup_free_ char *familiar = crl_ref_familiar(&r);
		_cleanup_free_ char *name = crl_ref_familiar_name(&r);
		assert_string_equal(full, rows[i].full);
		assert_string_equal(familiar, rows[i].familiar);
		assert_string_equal(name, rows[i].name);
		crl_ref_free(&r);
	}
}

static void test_bad(void **state)
{
	static const char *const rows[] = {
		"",
		"Nginx",
		"a/",
		"/a",
		"a//b",
		"a:",
		"a:-x",
		"a@sha256:1",
		"a@md5:" HEX64,
		"../../etc",
		"a_-b",
		"a.",
		"-a",
		"a b",
		"a\nb",
		HEX64,
		"h..o.t/x",
		"[::1/x",
		"host:po/rt/x",
		"a:b:c",
		"x@" HEX64,
		"a___b",
		":tag",
		"@",
		"localhost:/x",
		"[]/x",
	};
	struct crl_ref r;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct crl_err err = CRL_ERR_INIT;
		if (crl_ref_parse(rows[i], &r, &err) == 0)
			fail_msg("accepted: %s", rows[i]);
		assert_int_equal(err.code, CRL_INVALID);
	}
}

static void test_lengths(void **state)
{
	char text[1000];
	struct crl_ref r;
	struct crl_err err = CRL_ERR_INIT;

	memset(text, 'a', sizeof(text));
	text[2] = ':';
	text[2 + 1 + 128] = '\0';
	assert_int_equal(crl_ref_parse(text, &r, &err), 0);
	crl_ref_free(&r);
	text[2 + 1 + 128] = 'a';
	text[2 + 1 + 129] = '\0';
	assert_int_equal(crl_ref_parse(text, &r, &err), -1);
	memset(text, 'a', sizeof(text));
	text[255] = '\0'; /* with "docker.io/library/" in front it is too long */
	assert_int_equal(crl_ref_parse(text, &r, &err), -1);
}

static void test_digest(void **state)
{
	assert_true(crl_digest_ok("sha256:" HEX64));
	assert_false(crl_digest_ok("sha256:" HEX64 "0"));
	assert_false(crl_digest_ok("sha256:../../../../../../../../../../../../../../../../../e"));
	assert_false(crl_digest_ok("SHA256:" HEX64));
	assert_false(crl_digest_ok("sha256:"));
	assert_false(crl_digest_ok(NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_digest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
