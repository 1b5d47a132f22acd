/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Containers with users of their own, as workers see them: "uid_map" and
 * "gid_map" of the arguments ([{"container","host","size"}], see src/daemon/jobs.h).
 * Layers and volumes hold the ids that the container means; its upper directory holds
 * the host's ids of its users.
 */
#ifndef WORKER_USERS_H
#define WORKER_USERS_H

#include "verbs.h"

#include <base/userns.h>

/* The container's user namespace, or -1 when it has the host's users. */
int users_namespace(const cJSON *args, int *ret_fd, struct crl_err *err);
/* The one that shows its upper directory with the ids the container means, or -1. */
int users_inverse(const cJSON *args, int *ret_fd, struct crl_err *err);
/* The upper directory for reading, with the ids that the container means. */
int users_open_upper(const cJSON *args, const char *upper, int *ret_fd, struct crl_err *err);

#endif
