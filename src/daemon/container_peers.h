/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Other containers whose namespaces a container joins at its start
 * (--network, --ipc, --pid container:ID). Private to the container side.
 */
#ifndef DAEMON_CONTAINER_PEERS_H
#define DAEMON_CONTAINER_PEERS_H

#include "container.h"

struct container_peers {
	struct container *net, *ipc, *pid; /* NULL = none */
	char *net_path, *ipc_path, *pid_path, *users_path;
	char *net_dir; /* folder of the network peer's hosts and resolv.conf */
};

/*
 * Finds them; each must run, and the IPC one must share (Docker's words for what is not so).
 * Frees nothing on failure: the caller calls container_peers_free() in any case.
 */
int container_peers_find(struct container *c, struct container_peers *ret, struct crl_err *err);
void container_peers_free(struct container_peers *p);

#endif
