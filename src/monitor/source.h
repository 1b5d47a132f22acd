/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sources of bind mounts that are no plain paths: a folder inside a volume, an image, another
 * container's folder. */
#ifndef MONITOR_SOURCE_H
#define MONITOR_SOURCE_H

#include <crun-lite/monitor_proto.h>
#include <crun-lite/runtime.h>

/*
 * A detached mount of it. The subpath is resolved inside the volume or image,
 * symlinks included, and never twice (CVE-2023-5528 and its like). An image is
 * shown with the ids of `userns`, unless that is NULL.
 */
int source_open(const struct mon_source *s, const int *userns, int *ret_fd, struct crl_err *err);

/* All of them, for crl_rt_options; the caller closes. NULL when n is 0. */
int sources_open(const struct mon_source *s, size_t n, const int *userns,
		 struct crl_rt_source **ret, struct crl_err *err);
void sources_close(struct crl_rt_source *sources, size_t n);

#endif
