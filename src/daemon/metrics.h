/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Prometheus metrics (text format 0.0.4): dockerd's names where dockerd has them, cAdvisor's for
 * containers, ours for the rest. Counting is always on, and a few additions; the text is made when
 * it is asked for, from what the daemon knows and small kernel files.
 */
#ifndef DAEMON_METRICS_H
#define DAEMON_METRICS_H

#include "http.h"

struct metrics;

struct metrics *metrics_new(void);
void metrics_free(struct metrics *m);

/* All of these accept a daemon without metrics (tests). */
/* An answer of a route, `ns` after its head had come. */
void metrics_answer(struct daemon *d, const struct http_route *route, int status, int64_t ns);
void metrics_event(struct daemon *d);
void metrics_health_check(struct daemon *d, bool failed);

/* GET /metrics, on the listener of --metrics-addr alone. */
void api_metrics(struct http_req *r);

#endif
