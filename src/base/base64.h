/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Base64 of RFC 4648, section 4: for bytes inside of JSON, headers and tar extensions. */
#ifndef BASE_BASE64_H
#define BASE_BASE64_H

#include <crun-lite/err.h>
#include <stddef.h>
#include <stdint.h>

/* Padded, one line. The caller frees; NULL without memory. */
char *base64_text(const void *data, size_t len);

/*
 * The bytes that `len` characters stand for; padding may be missing (libarchive leaves it away).
 * *ret has a NUL behind its end and is the caller's to free. CRL_INVALID: not base64.
 */
int base64_bytes(const char *text, size_t len, uint8_t **ret, size_t *ret_len, struct crl_err *err);

#endif
