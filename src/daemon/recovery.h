/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Start-up of the container side: see recovery.c. */
#ifndef DAEMON_RECOVERY_H
#define DAEMON_RECOVERY_H

#include <crun-lite/err.h>

struct daemon;
/* Loads all records, re-adopts living monitors, reads exit records, sweeps the rest. Damage never
 * fails it. */
int recovery_run(struct daemon *d, struct crl_err *err);

#endif
