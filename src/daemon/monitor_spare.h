/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One monitor in reserve: executed, linked and listening before a container
 * asks for it. It is made when the loop is idle after a start, since one start
 * is often followed by another, and it costs what an idle monitor costs.
 */
#ifndef DAEMON_MONITOR_SPARE_H
#define DAEMON_MONITOR_SPARE_H

#include "monitor_client.h"

struct monitor_spare;

int monitor_spare_new(struct daemon *d, struct monitor_spare **ret, struct crl_err *err);
void monitor_spare_free(struct monitor_spare *s);

/*
 * The reserve as the monitor of `spec`, or NULL when there is none: then
 * monitor_spawn() makes one. Either way a new one is made when the loop is
 * idle. It learns whose monitor it is from id in the start message.
 */
struct monitor *monitor_spare_take(struct monitor_spare *s, const struct monitor_spec *spec);

#endif
