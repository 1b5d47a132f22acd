/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Our own procfs: made by fsopen(2), attached nowhere, so that nothing in the
 * container can stand in its place. Every write to /proc of a joining process
 * goes through it (CVE-2019-16884, CVE-2019-19921, CVE-2025-52881).
 */
#ifndef RUNTIME_PROCFS_H
#define RUNTIME_PROCFS_H

#include <crun-lite/err.h>

/* A detached procfs of the caller's pid namespace. */
int procfs_open(int *ret_fd, struct crl_err *err);
/* The host's /proc, before pivot_root; proven to be the root of a procfs. */
int procfs_open_host(int *ret_fd, struct crl_err *err);
/* Writes an existing file below it; no symlink but "self" is followed, no mount crossed. */
int procfs_write(int proc_fd, const char *path, const char *value, struct crl_err *err);

#endif
