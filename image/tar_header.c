/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Fields of a tar header block: octal and base-256 numbers, checksums. Strict:
 * a field that is neither is an error, not a zero. See tar(5).
 */
#include "tar_header.h"

bool tar_is_zero(const uint8_t *b)
{
	return b[0] == 0 && memcmp(b, b + 1, TAR_BLOCK - 1) == 0;
}

/* GNU's base-256: the first bit set, the rest is a big-endian two's complement number. */
static bool parse_binary(const uint8_t *f, size_t len, int64_t *ret)
{
	bool negative = f[0] & 0x40;
	uint64_t v = negative ? UINT64_MAX : 0;

	for (size_t i = 0; i < len; i++) {
		uint8_t b = f[i];
		if (i == 0)
			b = negative ? (b | 0x80) : (b & 0x7f);
		if ((v >> 55) != (negative ? 0x1ff : 0))
			return false;
		v = v << 8 | b;
	}
	*ret = (int64_t)v;
	return true;
}

/* Octal digits between blanks; a field of blanks and NULs is 0. */
static bool parse_number(const char *field, size_t len, int64_t *ret)
{
	const uint8_t *f = (const uint8_t *)field;
	uint64_t v = 0;
	size_t i = 0;

	if (f[0] & 0x80)
		return parse_binary(f, len, ret);
	while (i < len && f[i] == ' ')
		i++;
	for (; i < len && f[i] >= '0' && f[i] <= '7'; i++)
		v = v << 3 | (uint64_t)(f[i] - '0');
	for (; i < len; i++)
		if (f[i] != ' ' && f[i] != '\0')
			return false;
	*ret = (int64_t)v;
	return true;
}

/* Historic writers summed signed characters: both sums count. */
bool tar_checksum_ok(const uint8_t *b)
{
	const struct tar_header *h = (const struct tar_header *)b;
	int64_t claimed, plus = 0, minus = 0;

	if (!parse_number(h->checksum, sizeof(h->checksum), &claimed))
		return false;
	for (size_t i = 0; i < TAR_BLOCK; i++) {
		bool in_sum = i >= offsetof(struct tar_header, checksum) &&
			      i < offsetof(struct tar_header, checksum) + sizeof(h->checksum);
		plus += in_sum ? ' ' : b[i];
		minus += in_sum ? ' ' : (int8_t)b[i];
	}
	return claimed == plus || claimed == minus;
}

bool tar_sniff(const uint8_t *block, size_t len)
{
	return len >= TAR_BLOCK && !tar_is_zero(block) && tar_checksum_ok(block);
}

int tar_number(const char *field, size_t len, int64_t min, int64_t max, const char *what,
	       int64_t *ret, struct crl_err *err)
{
	int64_t v;

	if (!parse_number(field, len, &v) || v < min || v > max)
		return crl_fail(err, CRL_INVALID, "header with a bad %s", what);
	*ret = v;
	return 0;
}
