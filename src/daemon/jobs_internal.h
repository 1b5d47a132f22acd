/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One running worker: shared by jobs.c (its life) and jobs_calls.c (what it asks). */
#ifndef DAEMON_JOBS_INTERNAL_H
#define DAEMON_JOBS_INTERNAL_H

#include "jobs.h"
#include "network.h"

#include <systemd/sd-event.h>

struct lease { /* a network namespace that a worker has */
	struct lease *next;
	char id[65];
	struct net_endpoint endpoint;
};

struct job {
	struct daemon *daemon;
	struct job *prev, *next;
	char *verb;
	pid_t pid;
	int pidfd, control;
	sd_event_source *on_message, *on_exit, *deadline;
	bool cancelled, paused, outlives;
	cJSON *result;
	struct crl_err err; /* what the worker said went wrong */
	struct lease *leases;
	void (*progress)(struct job *j, const cJSON *message, void *data);
	void (*done)(struct job *j, const cJSON *result, const struct crl_err *err, void *data);
	void *data;
};

struct jobs {
	struct daemon *daemon;
	struct job *list;
};

/* Answers {"call":...}. */
void jobs_answer_call(struct job *j, const cJSON *message);
/* The worker ended: its namespaces go back. */
void jobs_end_leases(struct job *j);

#endif
