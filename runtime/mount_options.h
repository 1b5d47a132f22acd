/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The words of a mount's "options", sorted into what the kernel's calls take. See mount(8),
 * mount_setattr(2). */
#ifndef RUNTIME_MOUNT_OPTIONS_H
#define RUNTIME_MOUNT_OPTIONS_H

#include <base/str.h>
#include <crun-lite/err.h>
#include <stdint.h>

struct mount_options {
	uint64_t set, clear;             /* MOUNT_ATTR_* of this mount */
	uint64_t set_below, clear_below; /* ... of it and all mounts below it (ro -> rro) */
	uint64_t propagation;            /* MS_PRIVATE, MS_SLAVE, MS_SHARED, MS_UNBINDABLE or 0 */
	bool propagation_below;          /* the r form */
	bool bind, bind_below;           /* bind, rbind */
	bool idmap, idmap_below;         /* idmap, ridmap */
	/* tmpcopyup, copyup: the new tmpfs, the empty volume starts with what it hides */
	bool copy_up;
	char **data; /* the file system's own: "size=64m", "newinstance" */
};

/* The strings of `data` are borrowed from `words`; free with mount_options_free(). */
int mount_options_parse(char *const *words, struct mount_options *ret, struct crl_err *err);
void mount_options_free(struct mount_options *o);
#define _cleanup_mount_options_ _cleanup_(mount_options_free)

/* Every word that is understood as a flag, NULL-terminated (for `features`). Static storage. */
const char *const *mount_options_known(void);

#endif
