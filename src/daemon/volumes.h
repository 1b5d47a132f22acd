/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Named and anonymous volumes of the local driver: DATA_ROOT/volumes/NAME/_data. */
#ifndef DAEMON_VOLUMES_H
#define DAEMON_VOLUMES_H

#include <base/json.h>
#include <base/str.h>
#include <crun-lite/err.h>

struct daemon;
struct volumes;

int volumes_init(struct daemon *d, struct crl_err *err);
void volumes_free(struct volumes *v);
/*
 * Finds or makes; name NULL = anonymous (64 hex, label com.docker.volume.anonymous). `options` of
 * the local driver (NULL = none given): an existing volume with others is CRL_CONFLICT. *ret_path
 * and *ret_name: caller frees.
 */
int volume_ensure(struct daemon *d, const char *name, const struct strmap *labels,
		  const struct strmap *options, char **ret_name, char **ret_path, bool *ret_created,
		  struct crl_err *err);
/* What is to be mounted on its _data (borrowed until the volume goes); false: it is a folder. */
struct volume_mount {
	const char *type, *device, *options;
};
bool volume_mount_of(struct daemon *d, const char *name, struct volume_mount *ret);
/* Unmounts what has no user any more, after the end of a monitor or an earlier daemon. */
void volume_settle(struct daemon *d, const char *name);
/* Use counts by container id; a volume in use cannot be removed. */
void volume_hold(struct daemon *d, const char *name, const char *container_id);
void volume_drop(struct daemon *d, const char *name, const char *container_id);
/* CRL_NOT_FOUND "get x: no such volume"; CRL_CONFLICT "remove x: volume is in use - [ids]". */
int volume_remove(struct daemon *d, const char *name, struct crl_err *err);
/* For the API: what GET /volumes/NAME answers; NULL = no such volume. */
cJSON *volume_to_json(struct daemon *d, const char *name);
/* Calls cb for each in the order of their names; non-zero stops. cb may remove the volume it got.
 */
struct volume_info {
	const char *name, *driver;
	const struct strmap *labels;
	size_t users; /* containers that hold it */
};
int volumes_each(struct daemon *d, int (*cb)(const struct volume_info *v, void *data), void *data);
/* The folder whose size is the volume's; NULL for one that must be mounted first. Caller frees. */
char *volume_size_path(struct daemon *d, const char *name);
/* Of all volumes, for sizes_await(). Caller frees. */
char **volumes_size_paths(struct daemon *d);
/* Bytes in the volume, -1 unless measured before (sizes.h). */
int64_t volume_size(struct daemon *d, const char *name);
/* Whether nobody named it: `docker volume prune` takes only these. */
bool volume_is_anonymous(const struct volume_info *v);
/* rm -v: removes it when it is anonymous and nobody else holds it. */
void volume_remove_if_anonymous(struct daemon *d, const char *name);
/* Until the next call, anonymous volumes note the container they are made for; NULL ends that. */
void volumes_set_maker(struct daemon *d, const char *container_id);
/* Removes the unused anonymous volumes made for a container whose creation was not finished. */
void volumes_remove_of(struct daemon *d, const char *container_id);

#endif
