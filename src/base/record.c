/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Self-checking records; see base/record.h. */
#include <base/ident.h>
#include <base/path.h>
#include <base/record.h>
#include <base/str.h>

#define RECORD_PREFIX "crun-lite-"

char *record_text(const char *kind, int version, const char *body, size_t *ret_len)
{
	char hex[SHA256_HEX + 1];
	size_t len = strlen(body);
	ident_sha256(body, len, hex);
	char *text = path_printf(RECORD_PREFIX "%s %d %zu %s\n%s\n", kind, version, len, hex, body);
	if (text && ret_len)
		*ret_len = strlen(text);
	return text;
}

static int damaged(struct crl_err *err, const char *how)
{
	return crl_fail(err, CRL_IO, "damaged record: %s", how);
}

int record_body(const char *kind, int max_version, const char *text, size_t len,
		const char **ret_body, size_t *ret_len, struct crl_err *err)
{
	char expected[SHA256_HEX + 1], hex[SHA256_HEX + 1];
	size_t prefix = strlen(RECORD_PREFIX), kind_len = strlen(kind), body_len = 0;
	int version = 0, header = 0;

	if (len <= prefix + kind_len || memcmp(text, RECORD_PREFIX, prefix) != 0 ||
	    memcmp(text + prefix, kind, kind_len) != 0)
		return damaged(err, "no header");
	if (sscanf(text + prefix + kind_len, " %9d %18zu %64[0-9a-f]%n", &version, &body_len,
		   expected, &header) != 3)
		return damaged(err, "no header");
	size_t start = prefix + kind_len + (size_t)header + 1;
	if (version > max_version)
		return crl_fail(err, CRL_UNSUPPORTED,
				"record version %d is newer than this program", version);
	if (start > len || text[start - 1] != '\n' || body_len > len - start)
		return damaged(err, "cut short");
	if (len - start - body_len != 1 || text[len - 1] != '\n')
		return damaged(err, "bytes behind its end");
	ident_sha256(text + start, body_len, hex);
	if (!str_eq(hex, expected))
		return damaged(err, "wrong checksum");
	*ret_body = text + start;
	*ret_len = body_len;
	return 0;
}
