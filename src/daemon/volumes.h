/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Named and anonymous volumes of the local driver: DATA_ROOT/volumes/NAME/_data. */
#ifndef DAEMON_VOLUMES_H
#define DAEMON_VOLUMES_H

#include <base/str.h>
#include <crun-lite/err.h>

struct daemon;
struct volumes;

int volumes_init(struct daemon *d, struct crl_err *err);
void volumes_free(struct volumes *v);
/* Finds or makes; name NULL = anonymous (64 hex, label com.docker.volume.anonymous). *ret_path and *ret_name: caller frees. */
int volume_ensure(struct daemon *d, const char *name, const struct strmap *labels, char **ret_name,
		  char **ret_path, bool *ret_created, struct crl_err *err);
/* Use counts by container id; a volume in use cannot be removed. */
void volume_hold(struct daemon *d, const char *name, const char *container_id);
void volume_drop(struct daemon *d, const char *name, const char *container_id);
/* CRL_NOT_FOUND "get x: no such volume"; CRL_CONFLICT "remove x: volume is in use - [ids]". */
int volume_remove(struct daemon *d, const char *name, struct crl_err *err);
/* rm -v: removes it when it is anonymous and nobody else holds it. */
void volume_remove_if_anonymous(struct daemon *d, const char *name);

#endif
