/* SPDX-License-Identifier: GPL-2.0-or-later */
/* PortBindings and PublishAllPorts -> what the network publishes. */
#ifndef DAEMON_CONTAINER_PORTS_H
#define DAEMON_CONTAINER_PORTS_H

#include "container.h"

/* *ret: caller frees. Host port 0 = the network chooses. */
int container_ports(const struct container_record *rec, struct net_port **ret, size_t *ret_n,
		    struct crl_err *err);
/* "80/tcp" of a port. */
void container_port_key(const struct net_port *p, char ret[16]);

#endif
