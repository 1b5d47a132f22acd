/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns the detach keys. Pure: no descriptor, no memory. */
#include "keys.h"

#include <base/str.h>
#include <string.h>

static int parse_one(const char *s, size_t len, uint8_t *ret, struct crl_err *err)
{
	if (len == 1 && (unsigned char)s[0] < 0x80) {
		*ret = (uint8_t)s[0];
		return 0;
	}
	if (len == 6 && strncmp(s, "ctrl-", 5) == 0) {
		char c = s[5];
		if (c >= 'a' && c <= 'z')
			c = (char)(c - 'a' + 'A');
		/* The control character of a key is its code without bits 5 and 6. */
		if (c >= '@' && c <= '_') {
			*ret = (uint8_t)(c - '@');
			return 0;
		}
	}
	return crl_fail(err, CRL_INVALID, "detach keys: unknown key %.*s", (int)len, s);
}

int keys_parse(const char *text, struct keys *ret, struct crl_err *err)
{
	struct keys k = {0};
	if (str_empty(text)) {
		*ret = k;
		return 0;
	}
	for (const char *p = text;; p++) {
		size_t len = strcspn(p, ",");
		if (k.n == KEYS_MAX)
			return crl_fail(err, CRL_LIMIT, "detach keys: more than %d keys", KEYS_MAX);
		if (parse_one(p, len, &k.seq[k.n], err) < 0)
			return -1;
		k.n++;
		p += len;
		if (!*p)
			break;
	}
	*ret = k;
	return 0;
}

/*
 * A key that breaks a partial match may itself start another one ("a,a,b" in
 * "aaab"): give back one held key at a time until the rest fits again.
 */
static size_t fall_back(struct keys *k, uint8_t key, uint8_t *out)
{
	size_t given = 0;
	while (k->matched && k->seq[k->matched] != key) {
		size_t held = k->matched;
		do
			out[given++] = k->seq[k->matched - held--];
		while (held && memcmp(k->seq, k->seq + (k->matched - held), held) != 0);
		k->matched = held;
	}
	return given;
}

bool keys_feed(struct keys *k, const uint8_t *in, size_t len, uint8_t *out, size_t *ret_len)
{
	size_t n = 0;
	for (size_t i = 0; i < len; i++) {
		n += fall_back(k, in[i], out + n);
		if (k->n && k->seq[k->matched] == in[i]) {
			if (++k->matched == k->n) {
				*ret_len = n;
				return true;
			}
		} else {
			out[n++] = in[i];
		}
	}
	*ret_len = n;
	return false;
}
