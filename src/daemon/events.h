/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The event bus behind GET /events: a ring of the last 1000 events, and subscribers. */
#ifndef DAEMON_EVENTS_H
#define DAEMON_EVENTS_H

#include <base/str.h>
#include <crun-lite/err.h>

struct daemon;
struct http_req;
struct events;
struct events *events_new(struct daemon *d);
void events_free(struct events *e);
/*
 * Publishes {Type,Action,Actor{ID,Attributes},scope,time,timeNano} plus the
 * legacy fields status, id, from (containers and images only). `attributes` is
 * copied; may be NULL.
 */
void events_publish(struct daemon *d, const char *type, const char *action, const char *actor_id,
		    const struct strmap *attributes);
/* How many clients listen. */
size_t events_listeners(const struct daemon *d);
/* The event that ends a prune: {Type: type, Action: "prune", Attributes: {reclaimed}}. */
void events_publish_prune(struct daemon *d, const char *type, int64_t bytes);
void api_events(struct http_req *r);

#endif
