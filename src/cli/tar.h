/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A writer of tar archives (ustar, pax records where ustar is too small) that
 * gives its bytes piece by piece, so that a context of any size is streamed.
 */
#ifndef CLI_TAR_H
#define CLI_TAR_H

#include <base/str.h>
#include <sys/stat.h>
#include <sys/types.h>

struct tar;

struct tar_options {
	/* Decides whether `path` (relative, no leading ./) is sent. With *ret_descend false a
	 * folder's content is not even looked at. NULL = all. */
	bool (*wanted)(void *ctx, const char *path, bool is_dir, bool *ret_descend);
	void *ctx;
	bool keep_owner; /* else everything belongs to 0:0 */
};

/* Archives the content of `dir_fd` (which stays the caller's), names sorted. NULL = no memory. */
struct tar *tar_new(int dir_fd, const struct tar_options *options);
/* The same for one entry of the folder, stored as `as`. */
struct tar *tar_new_single(int dir_fd, const char *name, const char *as,
			   const struct tar_options *options);
/* Nothing but what tar_add_memory() puts in. */
struct tar *tar_new_empty(void);
void tar_free(struct tar *t);

/* A file of ours that is not in the folder: goes in front of the others. Copies. */
int tar_add_memory(struct tar *t, const char *name, const void *data, size_t len,
		   struct crl_err *err);

/* The next bytes: the count, 0 at the end of the archive, -1 on error. */
ssize_t tar_read(struct tar *t, void *to, size_t size, struct crl_err *err);

#endif
