/* SPDX-License-Identifier: GPL-2.0-or-later */
/* maskedPaths and readonlyPaths. Child's steps. */
#ifndef RUNTIME_MASK_H
#define RUNTIME_MASK_H

#include "rt.h"

bool mask_wanted(const void *rt);
int mask_paths(void *rt, struct crl_err *err);
bool mask_readonly_wanted(const void *rt);
int mask_readonly(void *rt, struct crl_err *err);

#endif
