/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A stopped container's file system, put together for one worker (src/worker/enter.h). */
#ifndef WORKER_ENTER_STOPPED_H
#define WORKER_ENTER_STOPPED_H

#include "verbs.h"

/*
 * Mounts the container's layers ("lowers" top first, "upper"; with "writable" and "work"
 * for writing, which nobody else may do meanwhile) and over them "mounts":
 * [{"source","destination","rw","recursive"}], in a private mount namespace,
 * and makes that the root. A mount whose place is missing gets one in a layer of
 * stubs at the bottom; nothing is left behind in the container.
 */
int enter_stopped(struct worker *w, struct crl_err *err);

#endif
