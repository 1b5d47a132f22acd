/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Log drivers and their options: which there are, and Docker's words for what cannot be. Pure. */
#ifndef DAEMON_LOG_OPTS_H
#define DAEMON_LOG_OPTS_H

#include <base/str.h>
#include <crun-lite/err.h>

/* Drivers by name, for info; NULL-terminated. */
extern const char *const log_drivers[];

/* CRL_INVALID for a driver that is not there, an option it does not have, a value that is none. */
int log_opts_check(const char *driver, const struct strmap *config, struct crl_err *err);

/* 0..23; -1 = no facility of syslog. NULL and "" are "daemon". */
int log_facility(const char *name);

/* An option that is "true" or "1"; absent: `absent`. */
bool log_opt_bool(const struct strmap *config, const char *key, bool absent);

#endif
