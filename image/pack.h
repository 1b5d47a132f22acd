/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From a directory to a deterministic tar. */
#ifndef IMAGE_PACK_H
#define IMAGE_PACK_H

#include "tar.h"

struct pack_options {
	bool diff; /* an overlay's upper directory: its marks become whiteouts */
	/* With diff: files that equal the ones in these layers are left out; top first. */
	const int *lowers;
	size_t n_lowers;
	/*
	 * Others write to the tree meanwhile: what vanishes or cannot be opened below the first
	 * entry is left out, what becomes shorter is filled up with zeros.
	 */
	bool live;
	/* Whether to go down into a directory, else it is written as empty. NULL: always. */
	bool (*enter)(int dir_fd, void *data);
	void *enter_data;
};
/*
 * Writes everything below dir_fd to `sink`, names sorted by their bytes, then
 * the end blocks. *ret_entries counts them. Never follows a link, skips
 * sockets. Errors name the file. Changes the working directory.
 */
int pack_tree(int dir_fd, const struct pack_options *o, tar_sink sink, void *data,
	      int64_t *ret_entries, struct crl_err *err);

/*
 * Writes the one entry `base` of dir_fd under the name `name`, with everything
 * below it, then the end blocks. A directory itself is base ".". Otherwise as
 * pack_tree().
 */
int pack_entry_as(int dir_fd, const char *base, const char *name, const struct pack_options *o,
		  tar_sink sink, void *data, struct crl_err *err);

/* Whether NAME of an upper directory is in the layers below just as `st` has it
 * (image/pack_lower.c). */
bool pack_unchanged(const int *lowers, size_t n, const char *name, int fd,
		    const struct tar_entry *e);

#endif
