/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The way of a worker into a container's file system, and the loss of
 * everything else: docker cp must be able to touch nothing of the host
 * whatever the container does with its links and mounts meanwhile
 * (CVE-2018-15664, CVE-2019-14271).
 */
#ifndef WORKER_ENTER_H
#define WORKER_ENTER_H

#include "verbs.h"

/*
 * By the arguments (src/daemon/jobs.h, "Verbs archive-*"): a running
 * container's mount namespace is joined and copied, or a stopped one's root and volumes
 * are mounted in a namespace of our own. In both cases the mounts seen afterwards
 * are private copies without device files and set-user-ID; they end with the process.
 * Afterwards "/" is the container's root and no descriptor leads elsewhere; the store is closed.
 * CRL_CONFLICT: the container's process has ended meanwhile.
 */
int enter_container(struct worker *w, struct crl_err *err);

#endif
