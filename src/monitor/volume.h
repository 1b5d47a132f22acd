/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Volumes of the local driver that are mounts of their own (nfs, tmpfs, bind,
 * a block device or an image of one). Who uses one holds a shared flock(2) on
 * DIR/lock for as long: the kernel counts, and a monitor that is killed counts
 * no more. The first one mounts on DIR/_data, the last one unmounts.
 */
#ifndef MONITOR_VOLUME_H
#define MONITOR_VOLUME_H

#include <crun-lite/monitor_proto.h>

struct volume_use {
	int lock; /* -1 = none */
	char *data;
};

/*
 * Mounts it unless it is mounted. Waits for another one that is just mounting.
 * Errors in Docker's words: "error while mounting volume '...': ...".
 */
int volume_use(const struct mon_volume *v, struct volume_use *ret, struct crl_err *err);
/* Ends the use, and unmounts when nobody else has one. Idempotent. */
void volume_unuse(struct volume_use *u);

/* The words of mount(8) in "o": flags, and what is left as data for the file system. For tests. */
int volume_parse_options(const char *text, unsigned long *ret_flags, bool *ret_loop,
			 char **ret_data, struct crl_err *err);

#endif
