/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Strings, string vectors (NULL-terminated char **), string maps and growing buffers. */
#ifndef BASE_STR_H
#define BASE_STR_H

#include <base/cleanup.h>
#include <crun-lite/err.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

static inline bool str_eq(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}
static inline bool str_empty(const char *s)
{
	return !s || !*s;
}
/* NULL begins and ends with nothing: members of a body may be absent. */
bool str_starts(const char *s, const char *prefix);
bool str_ends(const char *s, const char *suffix);

/* Strict decimal parsers: whole string, no sign for u64, no blanks; false = not a number or out of
 * range. */
bool str_to_u64(const char *s, uint64_t *ret);
bool str_to_i64(const char *s, int64_t *ret);

/* "64m", "1.5GiB", "1024", "10kb" in bytes, powers of 1024 as docker does. CRL_INVALID names the
 * text. */
int str_parse_size(const char *s, int64_t *ret_bytes, struct crl_err *err);

/* As docker prints sizes: decimal ("7.34MB") and binary ("15.3MiB"). buf >= 32 bytes; returns buf.
 */
char *str_size_decimal(double bytes, char buf[32]);
char *str_size_binary(double bytes, char buf[32]);

/* --- string vectors --- */
void strv_free(char **v);
DEFINE_CLEANUP(char **, strv_free)
#define _cleanup_strv_ _cleanup_(strv_free_p)
size_t strv_len(char *const *v);
bool strv_contains(char *const *v, const char *s);
/* Appends a copy. *v may be NULL. -1 = out of memory (v unchanged). */
int strv_push(char ***v, const char *s);
/* Appends `s` itself (takes it, frees it on failure). */
int strv_take(char ***v, char *s);
int strv_pushf(char ***v, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
char **strv_copy(char *const *v);
/* Splits at any byte of `seps`; empty parts are kept when `keep_empty`. NULL = out of memory. */
char **strv_split(const char *s, const char *seps, bool keep_empty);
char *strv_join(char *const *v, const char *sep);
/* Environment: replaces or appends "KEY=VALUE". */
int strv_env_set(char ***env, const char *assignment);
/* Value of KEY or NULL; points into the vector. */
const char *strv_env_get(char *const *env, const char *key);

/* --- ordered string map --- */
struct strmap {
	struct strmap_item {
		char *key, *value;
	} * items;
	size_t n;
};
void strmap_free(struct strmap *m); /* frees the content, not m */
const char *strmap_get(const struct strmap *m, const char *key);
int strmap_set(struct strmap *m, const char *key, const char *value); /* copies; -1 = no memory */
int strmap_copy(struct strmap *to, const struct strmap *from);
void strmap_remove(struct strmap *m, const char *key);

/* --- growing buffer; `data` is always NUL-terminated once something was added --- */
struct buf {
	char *data;
	size_t len, cap;
	bool failed; /* sticky: an allocation failed; checked once at the end */
};
#define BUF_INIT                                                                                   \
	{                                                                                          \
		0                                                                                  \
	}
void buf_free(struct buf *b);
#define _cleanup_buf_ _cleanup_(buf_free)
void buf_add(struct buf *b, const void *data, size_t len);
void buf_puts(struct buf *b, const char *s);
void buf_putc(struct buf *b, char c);
void buf_printf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void buf_vprintf(struct buf *b, const char *fmt, va_list ap) __attribute__((format(printf, 2, 0)));
/* Drops the first n bytes. */
void buf_consume(struct buf *b, size_t n);
/* The string, owned by the caller; NULL when an allocation failed. Empty buffer gives "". */
char *buf_take(struct buf *b);

#endif
