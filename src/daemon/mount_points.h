/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The lowest layer of every container: empty folders and files for what is
 * mounted in all of them (/proc, /etc/hosts ...). What the image has is above
 * and wins; what it lacks need not be made in the writable layer of each
 * container, and does not show up in what it changed.
 */
#ifndef DAEMON_MOUNT_POINTS_H
#define DAEMON_MOUNT_POINTS_H

struct daemon;

/* Its path, made at the first call; NULL when that failed (the runtime then makes what is missing).
 * Owned by the callee. */
const char *mount_points_layer(struct daemon *d);

#endif
