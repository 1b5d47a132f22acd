/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The users of a container: the host's, or a range of its own on the host that
 * no other container has (HostConfig.UsernsMode, userns-remap). The map is in
 * the record from create on, since the writable layer holds its ids; there are
 * no books beside the records, so nothing is to be recovered or freed.
 *
 * Private to the container side.
 */
#ifndef DAEMON_CONTAINER_USERS_H
#define DAEMON_CONTAINER_USERS_H

#include "container.h"

#include <base/userns.h>

/*
 * "" (the daemon's default), "host", "auto", "auto:size=N". CRL_INVALID otherwise; options that
 * other engines know are refused by name. *ret_size is 0 when none is given.
 */
int users_mode_parse(const char *mode, uint32_t *ret_size, struct crl_err *err);

/* Fills c->rec's map, or leaves it empty for the host's users. Docker's words for what excludes it.
 * Needs the record's host config, with peers pinned. */
int container_users_plan(struct container *c, struct crl_err *err);
/* At start: those whose namespaces are joined still have the same users. */
int container_users_check(const struct container *c, const struct container *peer,
			  struct crl_err *err);

/* Whether the container has users of its own. */
bool container_users_own(const struct container_record *rec);
struct userns_map container_users_map(const struct container_record *rec);
/* The host's ids of its root; 0, 0 without users of its own. */
void container_users_root(const struct container_record *rec, uint32_t *ret_uid, uint32_t *ret_gid);

/* A file that the daemon makes for the container becomes its root's. */
int container_users_give(const struct container *c, int fd, const char *path, struct crl_err *err);
/*
 * Whether a mount is shown through the map. Volumes are written with the ids that the container
 * means, so that all containers see the same owners. So are folders of the host, unless the mount
 * said otherwise; with userns-remap they are not, as with Docker: their owners were chosen for the
 * one range there is.
 */
bool container_users_maps(const struct container_record *rec, const struct container_mount *m);
/* "uid_map" and "gid_map" for a worker (src/worker/users.h); nothing without users of its own. */
void container_users_args(const struct container_record *rec, cJSON *args);

/* --- userns_ranges.c --- */

/*
 * The rows of /etc/subuid or /etc/subgid for `name` (or its number), concatenated as
 * usermod(8) means them: container ids count on from row to row. The text is the file's. Empty =
 * none. The caller frees.
 */
int subid_parse(const char *text, const char *name, int64_t number, struct oci_id_mapping **ret,
		size_t *ret_n, struct crl_err *err);
/* userns-remap: "default", "user", "user:group", "uid:gid" -> map, by /etc/subuid and /etc/subgid.
 */
int subid_remap(const char *remap, struct userns_map *ret, struct crl_err *err);
/* Where ranges for --userns=auto are taken from. Read once. */
#define SUBID_POOL_MAX 16
struct subid_pool {
	uint32_t start[SUBID_POOL_MAX], size[SUBID_POOL_MAX];
	size_t n;
};
int subid_pool_read(struct subid_pool *ret, struct crl_err *err);

/*
 * The first gap of `size` ids at or after `from` that no row in `taken` meets; around to the
 * beginning when there is none. CRL_LIMIT when the pool is used up.
 */
int subid_allocate(const struct subid_pool *pool, const struct oci_id_mapping *taken,
		   size_t n_taken, uint32_t size, uint32_t from, uint32_t *ret,
		   struct crl_err *err);

#endif
