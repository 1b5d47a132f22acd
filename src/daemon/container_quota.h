/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Size limits of writable layers, by project quotas of the file system (xfs, ext4). */
#ifndef DAEMON_CONTAINER_QUOTA_H
#define DAEMON_CONTAINER_QUOTA_H

#include "container.h"

/* StorageOpt: only "size". CRL_INVALID in Docker's words. *ret_size 0 = no limit. */
int container_quota_parse(const struct strmap *storage_opt, int64_t *ret_size, struct crl_err *err);
/*
 * Limits the container's layer when it or the daemon (storage-opts) asks for it. After its empty
 * folders were made: what is made in them later inherits the project.
 */
int container_quota_set(const struct container *c, struct crl_err *err);
/* Gives the project's limit back, before the folders go. */
void container_quota_clear(const struct container *c);

#endif
