/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One line per event: time, level, message, key=value pairs; as text or JSON,
 * to stderr or a file. Control characters are escaped. Libraries do not log
 * above debug.
 *
 *	log_info("container started", "container", id, "pid", log_i64(pid), NULL);
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <crun-lite/err.h>
#include <stdint.h>

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

void log_set_level(enum log_level level);
bool log_level_parse(const char *name,
		     enum log_level *ret); /* error warn(ing) info debug; fatal=error */
void log_set_json(bool json);
/* Descriptor to write to (default 2); not closed here. */
void log_set_fd(int fd);
bool log_enabled(enum log_level level);

/* Pairs of const char * key, value; ends with NULL. */
void log_write(enum log_level level, const char *message, ...) __attribute__((sentinel));
#define log_error(...) log_write(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warn(...) log_write(LOG_LEVEL_WARN, __VA_ARGS__)
#define log_info(...) log_write(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...)                                                                             \
	(log_enabled(LOG_LEVEL_DEBUG) ? log_write(LOG_LEVEL_DEBUG, __VA_ARGS__) : (void)0)

/* Formats into one of eight rotating static buffers, for use as a value above. */
const char *log_i64(int64_t v);
const char *log_fmt(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
