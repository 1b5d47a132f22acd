/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is mounted into a stopped container, as trees of our own (src/worker/enter_stopped.c). */
#ifndef WORKER_ENTER_SOURCE_H
#define WORKER_ENTER_SOURCE_H

#include <base/json.h>
#include <crun-lite/err.h>

/*
 * One row of "mounts" (src/daemon/jobs.h) as a detached mount: private, without devices, read-only
 * unless "rw". With userns >= 0 and "mapped" it is shown through that user namespace.
 * CRL_NOT_FOUND: its source is gone.
 */
int enter_source(const cJSON *mount, int userns, int *ret_fd, struct crl_err *err);

#endif
