/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Self-checking records: the small files that objects on disk describe
 * themselves with. One header line, "crun-lite-KIND VERSION LENGTH SHA256",
 * then the body, usually JSON. Damage of any kind is noticed when reading.
 */
#ifndef BASE_RECORD_H
#define BASE_RECORD_H

#include <crun-lite/err.h>

/* The whole text of a record; NULL only when out of memory. The caller frees; *ret_len may be NULL.
 */
char *record_text(const char *kind, int version, const char *body, size_t *ret_len);

/*
 * The body inside `text` (NUL-terminated, `len` bytes), not copied. CRL_IO
 * "damaged record: ..." when anything does not fit; CRL_UNSUPPORTED when the
 * record's version is above `max_version`.
 */
int record_body(const char *kind, int max_version, const char *text, size_t len,
		const char **ret_body, size_t *ret_len, struct crl_err *err);

#endif
