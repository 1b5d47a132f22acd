/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Header blocks of tar; private to the writer. */
#ifndef CLI_TAR_HEAD_H
#define CLI_TAR_HEAD_H

#include <cli/tar.h>

#define TAR_BLOCK 512

struct tar_entry {
	const char *name;   /* folders without the final slash */
	const char *target; /* of a symlink or hard link, else NULL */
	char type; /* '0' file, '1' hard link, '2' symlink, '3' '4' devices, '5' folder, '6' fifo */
	struct stat st;
};

/* Appends the header of an entry, with a pax header in front when something does not fit. */
void tar_head(struct buf *out, const struct tar_entry *e);

#endif
