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
#include "nft.h"

#include <crun-lite/err.h>

/*
 * Holds p->host_port on p->host_ip, which is not empty; with host_port_end the first free one
 * up to that, with host_port 0 a free one from 49153 to 65535, and fills it in. *ret_fd is -1
 * where the host has no such protocol (sctp). Errors: "listen tcp4 0.0.0.0:80: bind: address
 * already in use", "listen tcp6 [::]:80: ...".
 */
int ports_hold(struct net_port *p, int *ret_fd, struct crl_err *err);

/*
 * UDP connections that the kernel tracked before a rule changed keep their old way: forgets
 * those to this port of the host (address 0 = any). Best effort.
 */
void ports_forget_flows(const struct nft_port *port);

#endif
