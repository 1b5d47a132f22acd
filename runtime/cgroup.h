/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A container's cgroup in the cgroup2 hierarchy; the exported part is in crun-lite/runtime.h. */
#ifndef RUNTIME_CGROUP_H
#define RUNTIME_CGROUP_H

#include <crun-lite/runtime.h>

/*
 * The absolute path for linux.cgroupsPath ("/docker/ID", "a/b") below
 * crl_cgroup_root(); NULL or "" gives /crun-lite/ID. ".." is refused. The
 * caller frees. CRL_UNSUPPORTED when the host has no cgroup2 hierarchy.
 */
int cgroup_path_for(const char *cgroups_path, const char *id, char **ret, struct crl_err *err);

/*
 * Makes the folder with its parents and hands the controllers down to it. An
 * existing one must be empty of processes and not frozen.
 */
int cgroup_create(const char *path, int *ret_fd, struct crl_err *err);

/* crl_cgroup_remove(), then the parent when nothing else is in it. Errors have nobody to go to. */
void cgroup_remove_with_parent(const char *path);

/* Whether a file exists in the cgroup, i.e. its controller was handed down. */
bool cgroup_has_file(const char *path, const char *file);

#endif
