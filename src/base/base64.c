/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Base64. */
#include <base/base64.h>
#include <base/cleanup.h>

#include <stdlib.h>
#include <string.h>

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

char *base64_text(const void *data, size_t len)
{
	const uint8_t *in = data;
	char *out = malloc((len + 2) / 3 * 4 + 1), *p = out;

	if (!out)
		return NULL;
	for (size_t i = 0; i < len; i += 3) {
		uint32_t v = (uint32_t)in[i] << 16;
		v |= i + 1 < len ? (uint32_t)in[i + 1] << 8 : 0;
		v |= i + 2 < len ? in[i + 2] : 0;
		*p++ = digits[v >> 18];
		*p++ = digits[v >> 12 & 63];
		*p++ = i + 1 < len ? digits[v >> 6 & 63] : '=';
		*p++ = i + 2 < len ? digits[v & 63] : '=';
	}
	*p = '\0';
	return out;
}

static int value_of(char c)
{
	const char *p = c ? strchr(digits, c) : NULL;

	return p ? (int)(p - digits) : -1;
}

int base64_bytes(const char *text, size_t len, uint8_t **ret, size_t *ret_len, struct crl_err *err)
{
	_cleanup_free_ uint8_t *out = malloc(len / 4 * 3 + 3);
	uint32_t bits = 0;
	unsigned n_bits = 0;
	size_t n = 0;

	if (!out)
		return crl_fail_oom(err);
	for (size_t padding = 0; padding < 2 && len > 0 && text[len - 1] == '='; padding++)
		len--;
	for (size_t i = 0; i < len; i++) {
		int v = value_of(text[i]);
		if (v < 0)
			return crl_fail(err, CRL_INVALID, "not base64");
		bits = (bits << 6 | (unsigned)v) & 0xffffff;
		n_bits += 6;
		if (n_bits >= 8) {
			n_bits -= 8;
			out[n++] = (uint8_t)(bits >> n_bits);
		}
	}
	if (n_bits == 6) /* a single character is less than a byte */
		return crl_fail(err, CRL_INVALID, "not base64");
	out[n] = '\0';
	*ret = take_ptr(out);
	*ret_len = n;
	return 0;
}
