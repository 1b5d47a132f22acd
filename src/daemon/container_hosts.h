/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The hosts file of a container, and links to other containers on the default bridge. */
#ifndef DAEMON_CONTAINER_HOSTS_H
#define DAEMON_CONTAINER_HOSTS_H

#include "container.h"

/* The whole file, at a start. */
int container_write_hosts(struct container *c, struct crl_err *err);
/*
 * Brings the lines that are ours (own addresses, links) up to date in the file of a running
 * container; what somebody in it wrote stays.
 */
int container_sync_hosts(struct container *c, struct crl_err *err);

/* --- container_links.c --- */
/* At create: HostConfig.Links are looked up and kept as "ID:alias"; docker's rules and texts. */
int container_plan_links(struct daemon *d, struct container_record *rec, struct crl_err *err);
/* The n-th link that still leads to a container; false = no more. `alias` stays the record's. */
bool container_link_at(const struct container *c, size_t n, struct container **ret_child,
		       const char **ret_alias);
/* Fails unless all linked containers run; variables as docker sets them are appended to *env. */
int container_link_env(const struct container *c, char ***env, struct crl_err *err);
/* "/child:/parent/alias" for inspect; the caller frees. */
char **container_links_shown(const struct container *c);
/* Others that link to this one learn its new address. */
void container_links_moved(struct container *child);
/* DELETE with link=1: "parent/alias". */
int container_unlink(struct daemon *d, const char *name, struct crl_err *err);

#endif
