/* SPDX-License-Identifier: GPL-2.0-or-later */
/* DeviceRequests: --gpus, and devices by the Container Device Interface. */
#ifndef DAEMON_CONTAINER_DEVICES_H
#define DAEMON_CONTAINER_DEVICES_H

#include "container.h"

/*
 * What the monitor must ask crun-lite-cdi for; *ret is NULL when nothing was
 * requested. A request that nobody here can fill fails in Docker's words.
 */
int container_cdi(const struct container *c, struct mon_cdi **ret, struct crl_err *err);
void container_cdi_free(struct mon_cdi *cdi);

/* Folders of CDI files: cdi-spec-dirs, or /etc/cdi and /var/run/cdi. Borrowed. */
char *const *cdi_spec_dirs(const struct daemon *d);
/* Adds CDISpecDirs and DiscoveredDevices to info: as they were a moment ago. */
void cdi_info(struct daemon *d, cJSON *info);

#endif
