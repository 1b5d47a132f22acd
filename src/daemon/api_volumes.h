/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Handlers of /volumes. */
#ifndef DAEMON_API_VOLUMES_H
#define DAEMON_API_VOLUMES_H

struct http_req;

void api_volumes_list(struct http_req *r);
void api_volumes_create(struct http_req *r);
void api_volumes_inspect(struct http_req *r);
void api_volumes_remove(struct http_req *r);
void api_volumes_update(struct http_req *r);
void api_volumes_prune(struct http_req *r);

#endif
