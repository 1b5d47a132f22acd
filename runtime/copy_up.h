/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tmpcopyup, copyup: what a new tmpfs or an empty volume would hide is copied into it first. */
#ifndef RUNTIME_COPY_UP_H
#define RUNTIME_COPY_UP_H

#include <crun-lite/err.h>

/* Copies the content of directory `from` (O_PATH allowed) into `to`; owners, modes and times kept.
 */
int copy_up(int from, int to, struct crl_err *err);
/*
 * The same for a volume: only when it is empty, and with owner and mode of the
 * folder itself. Containers that start at the same time wait for each other.
 */
int copy_up_volume(int from, int to, struct crl_err *err);

#endif
