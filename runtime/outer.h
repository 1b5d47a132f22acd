/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Containers with users of their own: what has to be done from outside, with
 * the rights of the host's root, before and while the container is made.
 *
 *	caller --clone3--> outer --setns--> clone3(CLONE_PARENT) --> init
 *
 * The user namespace comes first (here, or the caller made it for a root with
 * mapped layers), so that everything which is made later belongs to it: the
 * process in between joins the namespaces that others own while it is still
 * the host's root, then the user namespace, and makes the new ones in one
 * clone3. From there on nobody in the container has a right on the host: what
 * needs one is prepared here as descriptors (sources of bind mounts, the
 * image, a /dev with nodes in it) or set from outside (limits, cgroup owner).
 * See user_namespaces(7), docs/adr/0015.
 */
#ifndef RUNTIME_OUTER_H
#define RUNTIME_OUTER_H

#include "mount_options.h"
#include "rt.h"

#include <base/userns.h>

bool outer_userns_wanted(const void *rt);
int outer_userns(void *rt, struct crl_err *err);

/* Mounts whose ids are mapped need the parent, also in a container of the host's users. */
bool outer_mounts_wanted(const void *rt);
int outer_mounts(void *rt, struct crl_err *err);

bool outer_cgroup_wanted(const void *rt);
int outer_cgroup(void *rt, struct crl_err *err);

/* The process in between; never returns. */
_Noreturn void outer_main(struct crl_rt *rt);

/* linux.uidMappings and gidMappings. */
struct userns_map outer_map(const struct crl_rt *rt);
/* mounts[].uidMappings and the options idmap and ridmap: which combinations there are. */
int outer_check_mount(const struct crl_rt *rt, const struct oci_mount *m, struct crl_err *err);
/* Maps a detached bind mount as its options say; nothing to do for most. */
int outer_map_mount(const struct crl_rt *rt, const struct oci_mount *m,
		    const struct mount_options *o, int tree, struct crl_err *err);

/* Closes what was prepared for the child. */
void outer_close(struct crl_rt *rt);

#endif
