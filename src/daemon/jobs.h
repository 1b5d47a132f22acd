/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Worker jobs: spawns crun-lite-worker, feeds its input, reads its progress.
 *
 * The worker's descriptors: 0 input (body of the request or /dev/null),
 * 1 output (save, export; else /dev/null), 2 the daemon's log, 3 control: a
 * SOCK_SEQPACKET socket with one JSON object per message, worker -> daemon:
 *	{"stream":"text"} {"status":..., "id":..., "progressDetail":{...}} {"aux":{...}}
 *	                                   shown to the client as they are
 *	{"result":{...}}                   once, at success; not shown
 *	{"error":{"code":N,"message":"..."}} once, at failure
 *	{"call":"netns","seq":N}           the worker asks for a network namespace (build):
 *	                                   answer {"seq":N,"id":...} + descriptor, released with
 *	                                   {"call":"netns_release","id":...} or when the worker ends
 * At most 64 KiB a message.
 */
#ifndef DAEMON_JOBS_H
#define DAEMON_JOBS_H

#include <base/json.h>
#include <crun-lite/err.h>

struct daemon;
struct job;

struct job_spec {
	const char *verb;    /* "load", "import", "save", "build", ... */
	cJSON *args;         /* given to the worker as its second argument, JSON text in a memfd (fd 4) */
	int input_fd;        /* taken; -1 = /dev/null */
	int output_fd;       /* taken; -1 = /dev/null */
	/* Every message that is to be shown. */
	void (*progress)(struct job *j, const cJSON *message, void *data);
	/* Exactly once, also when the worker was killed. err->code == CRL_OK: result is valid. Not called after job_cancel(). */
	void (*done)(struct job *j, const cJSON *result, const struct crl_err *err, void *data);
	void *data;
};
int jobs_init(struct daemon *d, struct crl_err *err);
void jobs_free(struct jobs *j);
int job_start(struct daemon *d, const struct job_spec *spec, struct job **ret, struct crl_err *err);
/* Kills the worker; `done` will not be called; its leases end. */
void job_cancel(struct job *j);
/* Whether any worker runs: then garbage is not collected. */
bool jobs_running(struct daemon *d);

#endif
