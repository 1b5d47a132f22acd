/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The name server's sockets in a container's network namespace. */
#ifndef MONITOR_NETNS_DNS_H
#define MONITOR_NETNS_DNS_H

/*
 * In the caller's network namespace: UDP and listening TCP socket (ret_fds, in this
 * order) on 127.0.0.11:DNS_PORT, and the rules that lead port 53 of that address there and back.
 * lo must be up. Both may be there from an earlier server that is gone. Returns 0 or an errno
 * value; *ret_step says at what.
 */
int netns_dns_open(int ret_fds[2], const char **ret_step);

#endif
