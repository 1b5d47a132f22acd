/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Containers as other parts of the daemon see them; the life of one is container_fsm.c. */
#ifndef DAEMON_CONTAINERS_H
#define DAEMON_CONTAINERS_H

#include <base/str.h>
#include <crun-lite/err.h>

struct containers;
struct daemon;
struct containers;

/* Loads the records, re-adopts running monitors, sweeps what is left over. After networks_init()
 * and images_init(). */
int containers_init(struct daemon *d, struct crl_err *err);
/* Frees memory; containers go on running. */
void containers_free(struct containers *c);

/*
 * For a daemon without live-restore: stops what runs, and calls `done` once all have ended or the
 * time of dockerd's rule is over: "shutdown-timeout", or five seconds more than the longest time
 * of a container. At once when nothing runs. Called again: gives up waiting.
 */
void containers_shutdown(struct daemon *d, void (*done)(void *data), void *data);

struct containers_counts {
	size_t total, running, paused, stopped;
};
void containers_count(struct daemon *d, struct containers_counts *ret);
/* Calls cb(id, name, image_id, running, data) for each; non-zero stops. */
int containers_each(struct daemon *d,
		    int (*cb)(const char *id, const char *name, const char *image_id, bool running,
			      void *data),
		    void *data);

#endif
