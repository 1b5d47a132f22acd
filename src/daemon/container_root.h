/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A container's files from outside: what a worker needs to enter them, and who
 * writes to them. An overlay must not be mounted twice for writing: so a start
 * waits for those who write to a stopped container, and these for each other.
 */
#ifndef DAEMON_CONTAINER_ROOT_H
#define DAEMON_CONTAINER_ROOT_H

#include "container.h"

/*
 * The arguments by which src/worker/enter.c gets in: the process of a running
 * container, or layers and mounts. NULL = out of memory. The caller owns the tree.
 */
cJSON *container_root_args(struct container *c, bool writable);
/* "upper", "lowers" (with the layer of mount points): for export, commit, changes. */
void container_layer_args(struct container *c, cJSON *args);

/* --- writers --- */
struct container_writer {
	struct container *c; /* NULL after `end` was called */
	struct container_writer *next;
	/* The writer must stop at once; it is not in the list any more. */
	void (*end)(void *data, const struct crl_err *why);
	void *data;
};
void container_writer_add(struct container *c, struct container_writer *w);
/* When it was the last one, those who wait go on. Does nothing after `end`. */
void container_writer_remove(struct container_writer *w);
/*
 * Calls `cb` once when nobody writes: false = nobody does, `cb` will not be called.
 * With `hurry` the writers have some seconds. When the container is removed meanwhile, cb
 * gets an error.
 */
bool container_await_writers(struct container *c, bool hurry, container_done cb, void *data);
/* container_start() asks it first: true = it is called again later. */
bool container_start_waits(struct container *c, container_done cb, void *data);
/* The container goes away. */
void container_end_writers(struct container *c);

#endif
