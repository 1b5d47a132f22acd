/* SPDX-License-Identifier: GPL-2.0-or-later */
/* GET /containers/{id}/changes and /export: a worker reads the tree, its output is the answer. */
#include "api_archive.h"

#include "api_containers.h"
#include "container_root.h"
#include "job_reply.h"

static cJSON *layer_args(struct container *c)
{
	cJSON *args = cJSON_CreateObject(), *mounts = cJSON_AddArrayToObject(args, "mounts");

	container_layer_args(c, args);
	for (size_t i = 0; i < c->rec.n_mounts; i++)
		cJSON_AddItemToArray(mounts, cJSON_CreateString(c->rec.mounts[i].destination));
	return args;
}

void api_containers_changes(struct http_req *r)
{
	struct container *c;

	if (api_container(r, &c))
		job_reply_download(r, "changes", layer_args(c), "application/json");
}

void api_containers_export(struct http_req *r)
{
	struct container *c;

	if (!api_container(r, &c))
		return;
	container_publish(c, "export", NULL);
	job_reply_download(r, "export", layer_args(c), "application/octet-stream");
}
