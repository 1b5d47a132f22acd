/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Messages about a container's interface; each is appended to `m`. */
#ifndef MONITOR_NETNS_MSG_H
#define MONITOR_NETNS_MSG_H

#include <base/nlmsg.h>
#include <crun-lite/netns_proto.h>
#include <stdbool.h>

/* For the host's namespace: the link of the request, its other end in the namespace `netns`. */
void netns_msg_veth(struct nlmsg *m, const struct netns_request *q, int netns);
void netns_msg_slave(struct nlmsg *m, const struct netns_request *q, int netns);

/* For the namespace itself; `index` is the interface's. */
void netns_msg_up(struct nlmsg *m, unsigned index);
void netns_msg_address(struct nlmsg *m, const struct netns_request *q, unsigned index);
void netns_msg_address6(struct nlmsg *m, const struct netns_request *q, unsigned index);
bool netns_msg_has_gateway6(const struct netns_request *q);
void netns_msg_default_route(struct nlmsg *m, uint32_t gateway, unsigned index);
void netns_msg_default_route6(struct nlmsg *m, const uint8_t gateway[16], unsigned index);

#endif
