/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The "mounts" of config.json. Child's steps. */
#ifndef RUNTIME_MOUNTS_H
#define RUNTIME_MOUNTS_H

#include "rt.h"

/* Clones the sources of bind mounts while the host's tree is still in sight. */
int mounts_clone_sources(void *rt, struct crl_err *err);
bool mounts_want_sources(const void *rt);
bool mounts_wanted(const void *rt);
bool mounts_is_bind(const struct oci_mount *m);
struct mount_options;
/* A detached new file system with the mount's options. */
int mounts_new_filesystem(const char *type, const struct oci_mount *m,
			  const struct mount_options *o, int *ret_fd, struct crl_err *err);
/* Makes and attaches all of them in order. */
int mounts_attach(void *rt, struct crl_err *err);

/*
 * A file at `path` inside root_fd to mount on (O_PATH). Missing parents and a
 * missing file are made below descriptors (CVE-2024-45310); an existing one is
 * never opened for writing.
 */
int mounts_file_target(int root_fd, const char *path, int *ret_fd, struct crl_err *err);

#endif
