/* SPDX-License-Identifier: GPL-2.0-or-later */
/* /dev: nodes, links and the console. Child's steps. */
#ifndef RUNTIME_DEV_H
#define RUNTIME_DEV_H

#include "rt.h"

/*
 * The nodes of a /dev that the host's root prepares for a container with users of its own, on a
 * new file system `dir`: they belong to the container's root.
 */
int dev_fill(struct crl_rt *rt, int dir, struct crl_err *err);
bool dev_wanted(const void *rt);
int dev_nodes(void *rt, struct crl_err *err);
int dev_links(void *rt, struct crl_err *err);
bool dev_console_wanted(const void *rt);
int dev_console(void *rt, struct crl_err *err);

/* Opens the host's /dev/null as O_PATH and proves that it is the real one, 1:3. */
int dev_open_null(int *ret_fd, struct crl_err *err);

/* A new pty on the given devpts: master and slave, both close-on-exec, the slave by TIOCGPTPEER. */
int dev_new_pty(int devpts_fd, const struct oci_process *process, int *ret_master, int *ret_slave,
		struct crl_err *err);

#endif
