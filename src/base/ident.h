/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Identifiers, names, digests and times as Docker and OCI write them. */
#ifndef BASE_IDENT_H
#define BASE_IDENT_H

#include <crun-lite/err.h>
#include <stdint.h>
#include <time.h>

#define ID_HEX 64 /* characters of a full id, without the NUL */

/* 32 bytes of getrandom(2) as 64 hex digits; never all decimal digits in the first 12 (docker's
 * rule: it must not look like a number). */
void ident_random(char ret[ID_HEX + 1]);
bool ident_is_hex(const char *s, size_t min_len, size_t max_len);
/* Docker's container and volume names: [a-zA-Z0-9][a-zA-Z0-9_.-]+ , at most 255. */
bool ident_name_ok(const char *s);

#define SHA256_HEX 64
/* sha256 of a buffer as hex. */
void ident_sha256(const void *data, size_t len, char ret_hex[SHA256_HEX + 1]);
void ident_hex(const uint8_t *bytes, size_t n, char *ret /* 2n+1 */);
/* The value of a hex digit in either case, or -1. */
int ident_hex_digit(char c);

/* Nanoseconds since the epoch, CLOCK_REALTIME. */
int64_t time_now_ns(void);
/* CLOCK_BOOTTIME nanoseconds: for every interval and time-out. */
int64_t time_boot_ns(void);
#define TIME_BUF 40
/* RFC3339Nano UTC, trailing zeros trimmed ("2026-01-02T03:04:05.5Z"); ns == 0 gives
 * "0001-01-01T00:00:00Z". Returns buf. */
char *time_rfc3339(int64_t ns, char buf[TIME_BUF]);
/* The same with nine fixed digits (log timestamps). */
char *time_rfc3339_fixed(int64_t ns, char buf[TIME_BUF]);
/* RFC3339, or unix seconds with optional fraction, or a Go duration ("10m") meaning that long ago.
 */
bool time_parse(const char *s, int64_t now_ns, int64_t *ret_ns);
/* Go durations: "1h2m3.5s", "300ms". */
bool time_parse_duration(const char *s, int64_t *ret_ns);
/* "5 seconds", "About a minute", "2 hours", "3 weeks" as docker ps prints. Returns buf. */
char *time_human_duration(int64_t ns, char buf[TIME_BUF]);

#endif
