/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Unit tests of base/base64.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <base/base64.h>
#include <base/cleanup.h>
#include <stdlib.h>
#include <string.h>

static void test_base64(void **state)
{
	static const char *const pairs[][2] = {{"", ""},
					       {"f", "Zg=="},
					       {"fo", "Zm8="},
					       {"foo", "Zm9v"},
					       {"foob", "Zm9vYg=="},
					       {"\xff\xfe", "//4="},
					       {"fooba", "Zm9vYmE="}};
	static const char *const wrong[] = {"Z", "Zg=a", "Zg===", "Z m8", "Zm9vY", "Zm8-"};
	struct crl_err err = CRL_ERR_INIT;
	uint8_t *bytes;
	size_t n;

	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		const char *plain = pairs[i][0], *coded = pairs[i][1];
		_cleanup_free_ char *text = base64_text(plain, strlen(plain));
		assert_string_equal(text, coded);
		/* With and without its padding. */
		for (size_t len = strlen(coded);; len--) {
			assert_int_equal(base64_bytes(coded, len, &bytes, &n, &err), 0);
			assert_int_equal(n, strlen(plain));
			assert_string_equal((char *)bytes, plain);
			free(bytes);
			if (!len || coded[len - 1] != '=')
				break;
		}
	}
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_int_equal(base64_bytes(wrong[i], strlen(wrong[i]), &bytes, &n, &err), -1);
	assert_int_equal(base64_bytes("Zm\0v", 4, &bytes, &n, &err), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_base64)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
