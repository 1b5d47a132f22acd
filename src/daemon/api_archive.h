/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Handlers that move a container's files: docker cp, export, diff, commit. */
#ifndef DAEMON_API_ARCHIVE_H
#define DAEMON_API_ARCHIVE_H

#include "http.h"

void api_containers_archive_head(struct http_req *r);
void api_containers_archive_get(struct http_req *r);
void api_containers_archive_put(struct http_req *r);
void api_containers_changes(struct http_req *r);
void api_containers_export(struct http_req *r);
void api_commit(struct http_req *r);

#endif
