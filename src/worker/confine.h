/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The worker locks itself in before it reads a stranger's first byte. */
#ifndef WORKER_CONFINE_H
#define WORKER_CONFINE_H

#include "verbs.h"

/*
 * By cage: no new privileges, only the capabilities that file ownership needs,
 * resource limits, no network, no programs, no mounts, no other processes
 * (seccomp), a root of its own (the store), and where the kernel has Landlock, no
 * writes but to blobs, layers and tmp.
 * What w holds open stays
 * readable. WORKER_ENTERS has the container's root for its own already; no code can be loaded
 * from there. Called once, single-threaded. Not for WORKER_BUILDS. Landlock missing is no
 * error: the other walls stand.
 */
int confine(enum worker_cage cage, const struct worker *w, struct crl_err *err);

#endif
