/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Removal of big trees off the caller's path: a folder is renamed into
 * DATA_ROOT/tmp, and its content goes a slice at a time when the loop is idle.
 * What a crash leaves there is swept at the next start.
 */
#ifndef DAEMON_TRASH_H
#define DAEMON_TRASH_H

#include <crun-lite/err.h>

struct daemon;
struct trash;

int trash_new(struct daemon *d, struct trash **ret, struct crl_err *err);
void trash_free(struct trash *t);
/* Moves `path` (same file system as the data root) into the trash. Missing is success. */
int trash_take(struct trash *t, const char *path, struct crl_err *err);

#endif
