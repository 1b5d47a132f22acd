/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the daemon's configuration gives containers that do not say otherwise. */
#ifndef DAEMON_CONTAINER_DEFAULTS_H
#define DAEMON_CONTAINER_DEFAULTS_H

#include "daemon.h"

#include <crun-lite/api_container.h>

int container_daemon_defaults(const struct daemon *d, struct api_host_config *hc,
			      struct crl_err *err);

#endif
