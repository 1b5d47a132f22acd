/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Bytes of a container's output as lines of docker's json-file format:
 *	{"log":"text\n","stream":"stdout","time":"2026-01-02T03:04:05.000000006Z"}
 * A line of more than LOGLINE_MAX bytes becomes several records, of which only
 * the last ends with "\n". Bytes that are not UTF-8 become U+FFFD.
 */
#ifndef MONITOR_LOGLINE_H
#define MONITOR_LOGLINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LOGLINE_MAX 16384U

/* Receives pieces of a record. */
struct logline_sink {
	void (*put)(struct logline_sink *s, const char *data, size_t len);
};

/* Writes `len` bytes as the inside of a JSON string, escaped as docker does. */
void logline_escape(struct logline_sink *sink, const uint8_t *data, size_t len);

/* One whole record; `newline`: the text ends the line. `time` in RFC 3339 form. `attrs`: a JSON
 * object, or NULL. */
void logline_record(struct logline_sink *sink, const uint8_t *text, size_t len, bool newline,
		    const char *stream, const char *time, const char *attrs);

/*
 * How many of the first LOGLINE_MAX bytes of a longer line go into one record:
 * all, but a UTF-8 character that the limit would cut is left for the next.
 */
size_t logline_cut(const uint8_t *text, size_t len);

#endif
