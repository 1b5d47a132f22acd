/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One start under way, and the steps of its table (start.c) that lie in files of their own. */
#ifndef MONITOR_START_H
#define MONITOR_START_H

#include "container.h"

struct start {
	struct container *c;
	const struct mon_start *rq;
	int netns_fd;
	int userns_fd; /* the container's own users, -1 = the host's */
	int rootfs_fd;
	int child[3]; /* the process' ends of the pipes */
	int master;
	int explain_fd;
	struct oci_spec *spec;
	struct crl_rt_source *sources;
	char **group_add; /* the request's, and those of devices */
	struct crl_rt *rt;
	pid_t pid; /* of another runtime's container */
	int pidfd;
	int exit_code;
};

/* start_mounts.c: devices, volumes, sources, users, the root. Steps: `ctx` is a struct start. */
int start_add_devices(void *ctx, struct crl_err *err);
void start_forget_groups(void *ctx);
bool start_wants_volumes(const void *ctx);
int start_mount_volumes(void *ctx, struct crl_err *err);
void start_unmount_volumes(void *ctx);
bool start_wants_sources(const void *ctx);
int start_open_sources(void *ctx, struct crl_err *err);
void start_close_sources(void *ctx);
bool start_wants_userns(const void *ctx);
int start_open_userns(void *ctx, struct crl_err *err);
void start_close_userns(void *ctx);
bool start_wants_overlay(const void *ctx);
int start_mount_root(void *ctx, struct crl_err *err);
void start_unmount_root(void *ctx);

/* start_external.c: another runtime in place of the library. */
int start_take_terminal(struct start *s, struct crl_err *err);
bool start_is_ours(const void *ctx);
bool start_is_external(const void *ctx);
int start_make_bundle(void *ctx, struct crl_err *err);
void start_remove_bundle(void *ctx);
int start_create_external(void *ctx, struct crl_err *err);
void start_destroy_external(void *ctx);
int start_let_external_go(void *ctx, struct crl_err *err);
bool start_has_own_pidns(const struct oci_spec *spec);
int start_keep_external(struct start *s, struct crl_err *err);

/* start_restore.c: the process comes from a checkpoint. */
bool start_is_fresh(const void *ctx);
bool start_is_restore(const void *ctx);
int start_restore(void *ctx, struct crl_err *err);

#endif
