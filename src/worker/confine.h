/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The worker locks itself in before it reads a stranger's first byte. */
#ifndef WORKER_CONFINE_H
#define WORKER_CONFINE_H

#include "verbs.h"

/*
 * By cage: no new privileges, only the capabilities that file ownership needs,
 * resource limits, no network, no programs, no mounts, no other processes
 * (seccomp), and where the kernel has Landlock, no files but the store's.
 * Called once, single-threaded. Not for WORKER_BUILDS. Landlock missing is no
 * error: the other walls stand.
 */
int confine(enum worker_cage cage, const struct crl_store *store, struct crl_err *err);

#endif
