/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Programs that config.json names for points in a container's life. See OCI config.md
 * "POSIX-platform Hooks". */
#ifndef RUNTIME_HOOKS_H
#define RUNTIME_HOOKS_H

#include <crun-lite/oci_spec.h>
#include <sys/types.h>

/* What a hook reads on stdin. */
struct hook_state {
	const struct oci_spec *spec;
	const char *id, *bundle;
	const char *status; /* "creating", "created", "running", "stopped" */
	pid_t pid;          /* in the host's numbering; 0 = none */
};

/*
 * Runs them in order, in the caller's namespaces. The first that fails, cannot
 * be executed or outlives its timeout (it is killed) is the error, with its
 * path. Blocks.
 */
int hooks_run(const struct oci_hook *hooks, size_t n, const struct hook_state *state,
	      struct crl_err *err);

#endif
