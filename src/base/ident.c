/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Ids, names, digests. */
#include <base/ident.h>
#include <base/str.h>

#include <ctype.h>
#include <errno.h>
#include <nettle/sha2.h>
#include <sys/random.h>

void ident_hex(const uint8_t *bytes, size_t n, char *ret)
{
	static const char digits[] = "0123456789abcdef";
	for (size_t i = 0; i < n; i++) {
		ret[2 * i] = digits[bytes[i] >> 4];
		ret[2 * i + 1] = digits[bytes[i] & 15];
	}
	ret[2 * n] = '\0';
}

int ident_hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static void fill_random(uint8_t *bytes, size_t n)
{
	size_t have = 0;
	while (have < n) {
		ssize_t got = getrandom(bytes + have, n - have, 0);
		if (got > 0)
			have += (size_t)got;
		else if (errno != EINTR)
			abort(); /* only before the kernel's pool is ready, or a filter of ours is
				    wrong */
	}
}

void ident_random(char ret[ID_HEX + 1])
{
	uint8_t bytes[ID_HEX / 2];
	do {
		fill_random(bytes, sizeof(bytes));
		ident_hex(bytes, sizeof(bytes), ret);
	} while (strspn(ret, "0123456789") >= 12);
}

bool ident_is_hex(const char *s, size_t min_len, size_t max_len)
{
	size_t n = strspn(s, "0123456789abcdef");
	return !s[n] && n >= min_len && n <= max_len;
}

bool ident_name_ok(const char *s)
{
	size_t n = strlen(s);
	if (n < 2 || n > 255 || !isalnum((unsigned char)s[0]))
		return false;
	for (const char *p = s; *p; p++)
		if (!isascii(*p) || (!isalnum((unsigned char)*p) && !strchr("_.-", *p)))
			return false;
	return true;
}

void ident_sha256(const void *data, size_t len, char ret_hex[SHA256_HEX + 1])
{
	struct sha256_ctx ctx;
	uint8_t digest[SHA256_DIGEST_SIZE];
	sha256_init(&ctx);
	sha256_update(&ctx, len, data);
	sha256_digest(&ctx, sizeof(digest), digest);
	ident_hex(digest, sizeof(digest), ret_hex);
}
