/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Host ports of published container ports. A port is held by a bound socket
 * that nobody reads: it finds out that a program has the port already, and
 * keeps others from taking it later. The packets themselves never reach the
 * socket; nftables sends them to the container.
 */
#ifndef DAEMON_PORTS_H
#define DAEMON_PORTS_H

#include "network.h"

#include <crun-lite/err.h>

/*
 * Holds p->host_port on p->host_ip; with host_port 0 chooses a free one from
 * 49153 to 65535 and fills it in. *ret_fd is -1 where the host has no such protocol
 * (sctp). Errors: "listen tcp4 0.0.0.0:80: bind: address already in use".
 */
int ports_hold(struct net_port *p, int *ret_fd, struct crl_err *err);

/*
 * UDP connections that the kernel tracked before a rule changed keep their old way: forgets
 * those to this port of the host (0 = any address). Best effort.
 */
void ports_forget_flows(uint32_t host_ip, uint16_t host_port);

#endif
