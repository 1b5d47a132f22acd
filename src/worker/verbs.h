/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table of the worker's verbs; main.c runs one of them per process. */
#ifndef WORKER_VERBS_H
#define WORKER_VERBS_H

#include <base/json.h>
#include <crun-lite/image.h>
#include <image/ingest.h>

struct worker {
	const cJSON *args;       /* what the daemon said; see src/daemon/jobs.h */
	struct crl_store *store; /* args.root */
	struct layer_fds layers; /* opened by prepare; top first */
	int top_fd; /* commit: the upper directory, export: the mounted root; -1 = none */
};

/* How far a verb is locked in before it reads its first byte (src/worker/confine.h). */
enum worker_cage {
	WORKER_UNPACKS, /* writes files below the store only; no network, no programs */
	WORKER_READS,   /* reads the store only */
	WORKER_ENTERS,  /* is in a container's root (enter.h), and can do there what its root can */
	WORKER_RELAYS,  /* its descriptors, and no file at all */
	WORKER_BUILDS,  /* runs containers: it confines what it starts */
};

struct worker_verb {
	const char *name;
	enum worker_cage cage;
	/* Opens what lies outside of the cage; NULL: nothing. */
	int (*prepare)(struct worker *w, struct crl_err *err);
	/* *ret_result goes to the daemon at success. */
	int (*run)(struct worker *w, cJSON **ret_result, struct crl_err *err);
	bool outlives; /* goes on without the daemon */
};

int archive_prepare(struct worker *w, struct crl_err *err);
int archive_get_run(struct worker *w, cJSON **ret_result, struct crl_err *err);
int archive_put_run(struct worker *w, cJSON **ret_result, struct crl_err *err);
int archive_stat_run(struct worker *w, cJSON **ret_result, struct crl_err *err);
int changes_prepare(struct worker *w, struct crl_err *err);
int changes_run(struct worker *w, cJSON **ret_result, struct crl_err *err);
int commit_prepare(struct worker *w, struct crl_err *err);
int du_prepare(struct worker *w, struct crl_err *err);
int du_run(struct worker *w, cJSON **ret_result, struct crl_err *err);
int export_prepare(struct worker *w, struct crl_err *err);
int commit_run(struct worker *w, cJSON **ret_result, struct crl_err *err);
int export_run(struct worker *w, cJSON **ret_result, struct crl_err *err);
int import_run(struct worker *w, cJSON **ret_result, struct crl_err *err);
int load_run(struct worker *w, cJSON **ret_result, struct crl_err *err);
int save_run(struct worker *w, cJSON **ret_result, struct crl_err *err);
int sweep_run(struct worker *w, cJSON **ret_result, struct crl_err *err);
int websocket_prepare(struct worker *w, struct crl_err *err);
int websocket_run(struct worker *w, cJSON **ret_result, struct crl_err *err);
int build_run(struct worker *w, cJSON **ret_result, struct crl_err *err);

#endif
