/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Handlers of the container endpoints, and what they share. */
#ifndef DAEMON_API_CONTAINERS_H
#define DAEMON_API_CONTAINERS_H

#include "container.h"
#include "http.h"

void api_containers_create(struct http_req *r);
void api_containers_list(struct http_req *r);
void api_containers_inspect(struct http_req *r);
/* --- api_checkpoints.c --- */
void api_checkpoints_create(struct http_req *r);
void api_checkpoints_list(struct http_req *r);
void api_checkpoints_delete(struct http_req *r);
/* "?checkpoint=" of a start, noted for it; false = it was answered. */
bool api_checkpoints_start(struct http_req *r, struct container *c);

void api_containers_start(struct http_req *r);
void api_containers_stop(struct http_req *r);
void api_containers_restart(struct http_req *r);
void api_containers_kill(struct http_req *r);
void api_containers_wait(struct http_req *r);
void api_containers_delete(struct http_req *r);
void api_containers_prune(struct http_req *r);
void api_containers_rename(struct http_req *r);
void api_containers_pause(struct http_req *r);
void api_containers_unpause(struct http_req *r);
void api_containers_update(struct http_req *r);
void api_containers_resize(struct http_req *r);
void api_containers_top(struct http_req *r);
void api_containers_logs(struct http_req *r);
void api_containers_attach(struct http_req *r);
void api_containers_attach_ws(struct http_req *r);
void api_containers_stats(struct http_req *r);
void api_containers_exec(struct http_req *r);
void api_exec_start(struct http_req *r);
void api_exec_inspect(struct http_req *r);
void api_exec_resize(struct http_req *r);

/* The container of the route's first argument; false = 404 was answered. */
bool api_container(struct http_req *r, struct container **ret);

/* An answer that comes later; the client may vanish meanwhile. */
struct late {
	struct http_req *r; /* NULL when the client is gone */
	struct daemon *d;
	unsigned refs;
	int ok_status; /* 204; 304 when nothing was to do and `noop` says so */
	bool noop_304;
};
struct late *late_new(struct http_req *r, int ok_status, bool noop_304);
void late_unref(void *late);
/* A container_done: answers and lets go of the object. */
void late_done(const struct crl_err *err, bool modified, void *late);

/* Height and width of a query or a ConsoleSize; CRL_INVALID for what is no number. */
int api_size(struct http_req *r, int32_t *ret_rows, int32_t *ret_cols, struct crl_err *err);
void api_console_size(const cJSON *size, int32_t *rows, int32_t *cols);

/* Attach options of query parameters, for attach and exec start. */
const char *api_stream_type(const struct http_req *r, bool tty);

/* "Up 5 seconds", "Exited (7) 3 seconds ago": docker ps. Caller frees. */
char *api_status_text(const struct container *c);
/* All containers with their sizes, as GET /containers/json has them: for /system/df. */
cJSON *api_containers_df(struct daemon *d);
/* Pieces of inspect and list. */
cJSON *api_mounts_json(const struct container *c);
/* NetworkSettings.Networks; API versions before 1.45 have the short id among the aliases. */
cJSON *api_networks_json(const struct container *c, int version);
cJSON *api_ports_map(const struct container *c);
/* Bytes in the writable layer, and with the image's; -1 unless measured before (sizes.h). */
void api_sizes(const struct container *c, int64_t *ret_rw, int64_t *ret_root);

#endif
