/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The root of the container: from a host folder or a detached mount to "/". Child's steps. */
#ifndef RUNTIME_ROOT_H
#define RUNTIME_ROOT_H

#include "rt.h"

/* The host folder of root.path as a detached tree of its own, rt->root_tree. */
int root_clone(struct crl_rt *rt, struct crl_err *err);
int root_private_mounts(void *rt, struct crl_err *err);
int root_mount(void *rt, struct crl_err *err);
int root_pivot(void *rt, struct crl_err *err);
int root_readonly(void *rt, struct crl_err *err);

#endif
