/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A running container whose link somebody deleted. */
#ifndef DAEMON_CONTAINER_NET_REPAIR_H
#define DAEMON_CONTAINER_NET_REPAIR_H

struct daemon;

/*
 * Gives the endpoint of a running container its link again, under the same name and with the same
 * addresses; logs what fails. One that does not run, or is unknown, gets nothing. May wait for the
 * network helper.
 */
void container_net_lost(struct daemon *d, const char *container_id, const char *endpoint_id);

#endif
