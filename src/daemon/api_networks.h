/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Handlers of /networks. */
#ifndef DAEMON_API_NETWORKS_H
#define DAEMON_API_NETWORKS_H

struct http_req;

void api_networks_list(struct http_req *r);
void api_networks_inspect(struct http_req *r);
void api_networks_create(struct http_req *r);
void api_networks_remove(struct http_req *r);
void api_networks_connect(struct http_req *r);
void api_networks_disconnect(struct http_req *r);
void api_networks_prune(struct http_req *r);

#endif
