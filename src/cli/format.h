/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How docker writes ids, times, ports and the like in its lists. All append to `out`. */
#ifndef CLI_FORMAT_H
#define CLI_FORMAT_H

#include <base/json.h>

/* At most `width` characters, the last one "…" when something was cut; 0 = no limit. */
void format_ellipsis(struct buf *out, const char *s, size_t width);
/* The same in double quotes, which do not count. */
void format_quoted(struct buf *out, const char *s, size_t width);
/*
 * For a terminal: control characters other than line ends and tabs as \xNN, since some of them
 * are orders to it, and names and labels come from strangers.
 */
void format_safe(struct buf *out, const char *s);
/* 12 digits without "sha256:", or the whole id. */
void format_short_id(struct buf *out, const char *id, bool no_trunc);
/* An image as ps shows it: ids are shortened, names stay. */
void format_image(struct buf *out, const char *image, bool no_trunc);
/* "k=v,k=v" of an object of strings, sorted. */
void format_pairs(struct buf *out, const cJSON *object);
/* "a,b" of an object's keys, sorted. */
void format_keys(struct buf *out, const cJSON *object);
/* "0.0.0.0:8080->80/tcp, 443/tcp" of the API's list of ports; runs become ranges. */
void format_ports(struct buf *out, const cJSON *ports);
/* Decimal sizes with four digits ("1.985MB"), as docker's totals are. Returns buf. */
char *format_size4(double bytes, char buf[32]);
/* "3 minutes ago", from unix seconds; "N/A" for 0. Returns buf. */
char *format_ago(int64_t seconds, char *buf, size_t size);
/* "2026-01-02 15:04:05 +0000 UTC" in local time. Returns buf. */
char *format_local_time(int64_t seconds, char *buf, size_t size);

#endif
