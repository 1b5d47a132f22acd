/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Handlers below /images, /build and /distribution. */
#ifndef DAEMON_API_IMAGES_H
#define DAEMON_API_IMAGES_H

struct http_req;

void api_images_list(struct http_req *r);
void api_images_inspect(struct http_req *r);
void api_images_history(struct http_req *r);
void api_images_tag(struct http_req *r);
void api_images_delete(struct http_req *r);
void api_images_prune(struct http_req *r);
/* Import; pull is refused (501): there is no registry client. */
void api_images_create(struct http_req *r);
void api_images_load(struct http_req *r);
void api_images_get(struct http_req *r);
void api_images_get_one(struct http_req *r);
/* 501 with one sentence: what needs a registry. */
void api_images_push(struct http_req *r);
void api_images_search(struct http_req *r);
void api_distribution_inspect(struct http_req *r);

void api_build_run(struct http_req *r);

#endif
