/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Handlers of /_ping, /version, /info, /system/df, /auth, and of what this engine answers but does
 * not have. */
#ifndef DAEMON_API_SYSTEM_H
#define DAEMON_API_SYSTEM_H

#include <base/json.h>

struct http_req;

void api_system_ping(struct http_req *r);
void api_system_ping_head(struct http_req *r);
void api_system_version(struct http_req *r);
void api_system_info(struct http_req *r);
void api_system_df(struct http_req *r);
void api_system_auth(struct http_req *r);
void api_plugins_list(struct http_req *r);
/* 503 with the text that every Docker client knows. */
void api_swarm_inactive(struct http_req *r);
/* 404: no BuildKit session here; buildx then says so. */
void api_system_no_session(struct http_req *r);

/* api_info_self.c: adds to the tree of /info. */
struct daemon;
void api_info_self(const struct daemon *d, cJSON *t, cJSON *warnings);

#endif
