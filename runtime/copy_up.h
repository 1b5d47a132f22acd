/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tmpcopyup: what a new tmpfs would hide is copied into it first. */
#ifndef RUNTIME_COPY_UP_H
#define RUNTIME_COPY_UP_H

#include <crun-lite/err.h>

/* Copies the content of directory `from` (O_PATH allowed) into `to`; owners, modes and times kept.
 */
int copy_up(int from, int to, struct crl_err *err);

#endif
