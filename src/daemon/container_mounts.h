/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files that plan a container's mounts share. Private to container_mounts*.c. */
#ifndef DAEMON_CONTAINER_MOUNTS_H
#define DAEMON_CONTAINER_MOUNTS_H

#include "container.h"

/* A new entry at `dest` with everything empty; CRL_INVALID "Duplicate mount point: ...". */
struct container_mount *mounts_add(struct container_record *rec, const char *type, const char *dest,
				   struct crl_err *err);
/* "shared", "rslave", ... */
bool mounts_is_propagation(const char *s);
/* Named or (name NULL) anonymous volume -> m. */
int mounts_use_volume(struct daemon *d, struct container_mount *m, const char *name,
		      const struct strmap *labels, const struct strmap *options,
		      struct crl_err *err);
/* A folder or file of the host -> m; `create`: a missing one is made. */
int mounts_use_path(struct container_mount *m, const char *source, bool create,
		    struct crl_err *err);
/* What inspect shows for a volume that was given without a mode: "z", as with Docker. */
int mounts_default_mode(struct container_mount *m, struct crl_err *err);
/* One entry of HostConfig.Mounts (container_mounts_api.c). */
int mounts_add_api(struct daemon *d, struct container_record *rec, const struct api_mount *in,
		   struct crl_err *err);

#endif
