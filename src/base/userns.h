/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * User namespaces as descriptors, and mounts seen through them.
 *
 * A user namespace is a table: ids inside -> ids of the host. Two uses:
 *
 *	a container joins it, so that its root is nobody in particular outside;
 *	a mount is given it (id-mapped): ids on the disk are taken for ids inside,
 *	and shown as what they are outside. A layer or volume owned by root on
 *	the disk belongs to the container's root then, without any chown.
 *
 * The way back (userns_inverse()): a mount of what such a container wrote on a
 * plain mount (its upper directory), shown with the ids that it meant.
 *
 * See user_namespaces(7), mount_setattr(2) "ID-mapped mounts".
 */
#ifndef BASE_USERNS_H
#define BASE_USERNS_H

#include <crun-lite/err.h>
#include <crun-lite/oci_spec.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct userns_map { /* borrowed arrays */
	const struct oci_id_mapping *uids, *gids;
	size_t n_uids, n_gids;
};

/* What linux.uidMappings and gidMappings may be: not empty, no overlap on either side, no overflow,
 * at most 340 rows. CRL_INVALID names the list. */
int userns_check(const struct userns_map *map, struct crl_err *err);

/*
 * A new user namespace with this map; it lives by the descriptor, nobody is in it. Needs root of
 * the host. Forks a child for an instant: blocks for a fraction of a millisecond, not for the
 * daemon.
 */
int userns_new(const struct userns_map *map, int *ret_fd, struct crl_err *err);
/* Writes the map of one that was made without (the network helper's); once only, kernel rule. */
int userns_fill(int userns_fd, const struct userns_map *map, struct crl_err *err);
/*
 * A namespace of the kind `flag` (CLONE_NEWNET), `name` in /proc/PID/ns, that belongs to a new user
 * namespace without a map: to be made ahead of time.
 */
int userns_new_owning(int flag, const char *name, int *ret_ns_fd, struct crl_err *err);
/* The host's ids of its root; CRL_INVALID when the map has no 0. Forks as userns_new(). */
int userns_root(int userns_fd, uint32_t *ret_uid, uint32_t *ret_gid, struct crl_err *err);
/* The same by a process that is in it. */
int userns_root_of(pid_t pid, uint32_t *ret_uid, uint32_t *ret_gid, struct crl_err *err);
/* Whether a process is in another user (or "time" ...) namespace than the caller. */
bool userns_differs(pid_t pid, const char *ns);
/* The user namespace that owns a network (or other) namespace. */
int userns_owner(int ns_fd, int *ret_fd, struct crl_err *err);
/* Whether it is the caller's own. */
bool userns_is_own(int userns_fd);

/*
 * The map that undoes `map`; the caller frees both arrays of *ret (they are not const for it). Of
 * uid 5 on the disk nothing is known then: it shows as nobody.
 */
int userns_inverse(const struct userns_map *map, struct userns_map *ret, struct crl_err *err);
void userns_map_free(struct userns_map *map);

/* The host's id of the container's `id`, or -1 when the map has none. */
int64_t userns_to_host(const struct oci_id_mapping *rows, size_t n, uint32_t id);

/*
 * Gives a detached mount (open_tree(OPEN_TREE_CLONE)) the map of `userns_fd`; with `below` all
 * mounts under it as well. CRL_INVALID names the file system that cannot (ext4, xfs, btrfs and,
 * since Linux 6.3, tmpfs can). `what` names the mount in errors.
 */
int userns_map_mount(int tree_fd, int userns_fd, bool below, const char *what, struct crl_err *err);

/*
 * In a child that has joined one: become its root (uid, gid 0, no groups). CRL_INVALID when the map
 * has no 0.
 */
int userns_become_root(struct crl_err *err);

#endif
