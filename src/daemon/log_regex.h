/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Regular expressions of log options (labels-regex, env-regex): strings of clients and daemon.json.
 */
#ifndef DAEMON_LOG_REGEX_H
#define DAEMON_LOG_REGEX_H

#include <regex.h>
#include <stdbool.h>

/*
 * regcomp(3) for extended expressions whose cost is bounded: libc recurses for each parenthesis,
 * copies what is repeated, and takes exponential time for references back. False: it is none, or
 * too costly. *ret is then left alone, else the caller calls regfree().
 */
bool log_regex_compile(const char *text, regex_t *ret);

#endif
