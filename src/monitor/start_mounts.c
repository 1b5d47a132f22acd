/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Owns the steps of a start that mount and find: devices by name, volumes, folders inside volumes,
 * images, the container's users, its root. Each has its undo. See mount(2), user_namespaces(7).
 */
#include "start.h"

#include "cdi.h"
#include "monitor.h"
#include "source.h"
#include <base/cleanup.h>
#include <base/ident.h>
#include <base/log.h>
#include <base/path.h>
#include <base/proc.h>
#include <base/str.h>
#include <errno.h>
#include <fcntl.h>
#include <base/userns.h>
#include <crun-lite/image.h>

int start_add_devices(void *ctx, struct crl_err *err)
{
	struct start *s = ctx;
	s->group_add = strv_copy(s->rq->group_add);
	if (s->rq->group_add && !s->group_add)
		return crl_fail_oom(err);
	if (!s->rq->cdi)
		return 0;
	if (cdi_apply(s->rq->cdi, s->spec, &s->group_add, err) == 0)
		return 0;
	strv_free(take_ptr(s->group_add));
	return -1;
}

void start_forget_groups(void *ctx)
{
	struct start *s = ctx;
	strv_free(take_ptr(s->group_add));
}

bool start_wants_volumes(const void *ctx)
{
	return ((const struct start *)ctx)->rq->n_volumes > 0;
}

int start_mount_volumes(void *ctx, struct crl_err *err)
{
	struct start *s = ctx;
	struct container *c = s->c;
	c->volumes = calloc(s->rq->n_volumes, sizeof(*c->volumes));
	if (!c->volumes)
		return crl_fail_oom(err);
	for (size_t i = 0; i < s->rq->n_volumes; i++) {
		if (volume_use(&s->rq->volumes[i], &c->volumes[i], err) == 0) {
			c->n_volumes++;
			continue;
		}
		container_unuse_volumes(c);
		return -1;
	}
	return 0;
}

void start_unmount_volumes(void *ctx)
{
	container_unuse_volumes(((struct start *)ctx)->c);
}

bool start_wants_sources(const void *ctx)
{
	return ((const struct start *)ctx)->rq->n_sources > 0;
}

int start_open_sources(void *ctx, struct crl_err *err)
{
	struct start *s = ctx;
	return sources_open(s->rq->sources, s->rq->n_sources,
			    s->userns_fd >= 0 ? &s->userns_fd : NULL, &s->sources, err);
}

void start_close_sources(void *ctx)
{
	struct start *s = ctx;
	sources_close(take_ptr(s->sources), s->rq->n_sources);
}

static const struct oci_namespace *user_namespace(const struct start *s)
{
	const struct oci_linux *l = s->spec->linux_;
	for (size_t i = 0; l && i < l->n_namespaces; i++)
		if (str_eq(l->namespaces[i].type, "user"))
			return &l->namespaces[i];
	return NULL;
}

bool start_wants_userns(const void *ctx)
{
	return user_namespace(ctx) != NULL;
}

/*
 * Three kinds: another container's, by its path; the owner of the network
 * namespace, which was made ahead of time without a map; a new one.
 */
int start_open_userns(void *ctx, struct crl_err *err)
{
	struct start *s = ctx;
	const struct oci_linux *l = s->spec->linux_;
	const struct userns_map map = {.uids = l->uid_mappings,
				       .gids = l->gid_mappings,
				       .n_uids = l->n_uid_mappings,
				       .n_gids = l->n_gid_mappings};
	const char *path = user_namespace(s)->path;
	if (!str_empty(path)) {
		s->userns_fd = open(path, O_RDONLY | O_CLOEXEC);
		return s->userns_fd < 0 ? crl_fail_sys(err, errno, "%s", path) : 0;
	}
	if (s->netns_fd < 0)
		return userns_new(&map, &s->userns_fd, err);
	_cleanup_close_ int fd = -1;
	if (userns_owner(s->netns_fd, &fd, err) < 0)
		return -1;
	/* One of the host's: the container cannot change its network then. */
	if (userns_is_own(fd))
		return userns_new(&map, &s->userns_fd, err);
	if (userns_fill(fd, &map, err) < 0)
		return crl_context(err, "network namespace");
	s->userns_fd = take_fd(&fd);
	return 0;
}

void start_close_userns(void *ctx)
{
	struct start *s = ctx;
	cleanup_close_p(&s->userns_fd);
	s->userns_fd = -1;
}

bool start_wants_overlay(const void *ctx)
{
	const struct start *s = ctx;
	return s->rq->lowers && s->rq->lowers[0];
}

int start_mount_root(void *ctx, struct crl_err *err)
{
	struct start *s = ctx;
	if (!s->rq->durable)
		crl_overlay_forget_volatile(s->rq->work);
	struct crl_overlay o = {
		.lowers = s->rq->lowers,
		.upper = s->rq->upper,
		.work = s->rq->work,
		.is_volatile = !s->rq->durable,
		.userns = s->userns_fd >= 0 ? &s->userns_fd : NULL,
	};
	return crl_overlay_mount(&o, &s->rootfs_fd, err);
}

void start_unmount_root(void *ctx)
{
	struct start *s = ctx;
	cleanup_close_p(&s->rootfs_fd);
	s->rootfs_fd = -1;
}
