/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Handlers that change a container's life: create, start, stop, restart,
 * kill, remove, prune, rename, pause, update, resize. They check and answer;
 * what happens is in container_*.c.
 */
#include "api_containers.h"
#include "events.h"

#include "container_hosts.h"
#include "container_network.h"
#include "filters.h"
#include "sizes.h"

#include <base/log.h>
#include <base/proc.h>
#include <crun-lite/runtime.h>
#include <signal.h>

bool api_container(struct http_req *r, struct container **ret)
{
	struct crl_err err = CRL_ERR_INIT;
	if (container_find(http_daemon(r), http_arg(r, 0), ret, &err) == 0)
		return true;
	http_reply_error(r, &err);
	return false;
}

/* --- answers that come later --- */

void late_unref(void *data)
{
	struct late *l = data;
	if (--l->refs == 0)
		free(l);
}

static void late_closed(struct http_req *r, void *data)
{
	struct late *l = data;
	l->r = NULL;
}

struct late *late_new(struct http_req *r, int ok_status, bool noop_304)
{
	struct late *l = calloc(1, sizeof(*l));
	struct crl_err err = CRL_ERR_INIT;
	if (!l) {
		crl_fail_oom(&err);
		http_reply_error(r, &err);
		return NULL;
	}
	/* One reference is the request's, one the operation's. */
	*l = (struct late){.r = r,
			   .d = http_daemon(r),
			   .refs = 2,
			   .ok_status = ok_status,
			   .noop_304 = noop_304};
	http_set_data(r, l, late_unref);
	http_on_close(r, late_closed);
	return l;
}

void late_done(const struct crl_err *err, bool modified, void *data)
{
	struct late *l = data;
	struct http_req *r = take_ptr(l->r);
	if (r && err)
		http_reply_error(r, err);
	else if (r)
		http_reply_empty(r, !modified && l->noop_304 ? 304 : l->ok_status);
	late_unref(l);
}

/* --- create --- */

static void reply_created(struct http_req *r, const struct container *c, char **warnings)
{
	cJSON *out = cJSON_CreateObject();
	json_add_str(out, "Id", c->rec.id);
	json_add_strv(out, "Warnings", warnings, false);
	http_reply_json(r, 201, out);
}

static bool body_is_null(const struct http_req *r)
{
	size_t len = 0;
	const char *body = http_body(r, &len);
	while (len && strchr(" \t\r\n", body[len - 1]))
		len--;
	return len == 0 || (len == 4 && memcmp(body, "null", 4) == 0);
}

void api_containers_create(struct http_req *r)
{
	struct crl_err err = CRL_ERR_INIT;
	struct api_create body = {0};
	struct container *c = NULL;
	_cleanup_strv_ char **warnings = NULL;
	if (body_is_null(r)) {
		http_reply_message(r, 400, "Config cannot be empty in order to create a container");
		return;
	}
	if (http_decode_body(r, &api_create_json, false, &body, &err) < 0) {
		http_reply_error(r, &err);
		return;
	}
	struct create_request req = {.name = http_query(r, "name"),
				     .body = &body,
				     .api_version = http_api_version(r),
				     .platform = http_query(r, "platform")};
	if (container_create(http_daemon(r), &req, &c, &warnings, &err) < 0)
		http_reply_error(r, &err);
	else
		reply_created(r, c, warnings);
	json_free(&api_create_json, &body);
}

/* --- start, stop, restart, kill --- */

void api_containers_start(struct http_req *r)
{
	struct container *c;
	struct late *l;
	if (api_container(r, &c) && api_checkpoints_start(r, c) && (l = late_new(r, 204, true)))
		container_start(c, late_done, l);
}

static int signal_of(struct http_req *r, int absent, int *ret, struct crl_err *err)
{
	const char *text = http_query(r, "signal");
	*ret = absent;
	if (str_empty(text))
		return 0;
	*ret = proc_signal_number(text);
	return *ret > 0 ? 0 : crl_fail(err, CRL_INVALID, "Invalid signal: %s", text);
}

static bool stop_args(struct http_req *r, int *ret_signal, int64_t *ret_timeout)
{
	struct crl_err err = CRL_ERR_INIT;
	if (signal_of(r, 0, ret_signal, &err) == 0 &&
	    http_query_i64(r, "t", STOP_TIMEOUT_DEFAULT, ret_timeout, &err) == 0)
		return true;
	http_reply_error(r, &err);
	return false;
}

void api_containers_stop(struct http_req *r)
{
	struct container *c;
	struct late *l;
	int signal;
	int64_t timeout;
	if (api_container(r, &c) && stop_args(r, &signal, &timeout) && (l = late_new(r, 204, true)))
		container_stop(c, signal, timeout, late_done, l);
}

void api_containers_restart(struct http_req *r)
{
	struct container *c;
	struct late *l;
	int signal;
	int64_t timeout;
	if (api_container(r, &c) && stop_args(r, &signal, &timeout) &&
	    (l = late_new(r, 204, false)))
		container_restart(c, signal, timeout, late_done, l);
}

/* `kill` with SIGKILL answers when the container is dead, as people expect of it. */
void api_containers_kill(struct http_req *r)
{
	struct container *c;
	struct crl_err err = CRL_ERR_INIT;
	int signal;
	if (!api_container(r, &c))
		return;
	if (signal_of(r, SIGKILL, &signal, &err) == 0 && c->state == FSM_RESTARTING) {
		/* There is no process: what is meant is that it shall not come back. */
		struct late *late = late_new(r, 204, false);
		if (late)
			container_stop(c, signal, 0, late_done, late);
		return;
	}
	if (err.code || container_kill(c, signal, &err) < 0) {
		http_reply_error(r, &err);
		return;
	}
	struct late *l = signal == SIGKILL ? late_new(r, 204, false) : NULL;
	if (signal != SIGKILL)
		http_reply_empty(r, 204);
	else if (l && container_add_done(&c->exit_waiters, late_done, l) < 0)
		late_done(NULL, true, l);
}

/* --- remove, prune --- */

void api_containers_delete(struct http_req *r)
{
	struct container *c;
	struct late *l;
	struct crl_err err = CRL_ERR_INIT;
	if (http_query_bool(r, "link", false)) {
		if (container_unlink(http_daemon(r), http_arg(r, 0), &err) < 0)
			http_reply_error(r, &err);
		else
			http_reply_empty(r, 204);
		return;
	}
	if (!api_container(r, &c))
		return;
	if ((l = late_new(r, 204, false)))
		container_remove(c, http_query_bool(r, "force", false),
				 http_query_bool(r, "v", false), late_done, l);
}

static bool prunable(const struct container *c, const struct filters *f, int64_t until)
{
	if (c->state != FSM_CREATED && c->state != FSM_EXITED && c->state != FSM_DEAD)
		return false;
	if (until && c->rec.created > until)
		return false;
	return filters_match_labels(f, "label", &c->rec.config.labels) &&
	       filters_exclude_labels(f, "label!", &c->rec.config.labels);
}

static void prune(struct daemon *d, const struct filters *f, int64_t until, cJSON *deleted,
		  int64_t *space)
{
	for (size_t i = d->containers->n; i-- > 0;) {
		struct container *c = d->containers->items[i];
		struct crl_err err = CRL_ERR_INIT;
		char id[ID_HEX + 1];
		int64_t rw = 0, root = 0;
		if (!prunable(c, f, until))
			continue;
		memcpy(id, c->rec.id, sizeof(id));
		api_sizes(c, &rw, &root);
		if (container_remove_now(c, false, &err) < 0) {
			log_warn("prune", "error", err.msg, NULL);
			continue;
		}
		*space += rw > 0 ? rw : 0;
		cJSON_AddItemToArray(deleted, cJSON_CreateString(id));
	}
}

struct prune_query {
	const struct filters *filters;
	int64_t until;
};

static bool is_prunable(const struct container *c, const void *data)
{
	const struct prune_query *q = data;
	return prunable(c, q->filters, q->until);
}

void api_containers_prune(struct http_req *r)
{
	static const char *const known[] = {"label", "label!", "until", NULL};
	_cleanup_filters_ struct filters f = {0};
	struct crl_err err = CRL_ERR_INIT;
	int64_t until = 0, space = 0;
	if (filters_from_request(r, known, &f, &err) < 0 ||
	    filters_time(&f, "until", &until, &err) < 0) {
		http_reply_error(r, &err);
		return;
	}
	const struct prune_query q = {&f, until};
	if (sizes_await_containers(r, is_prunable, &q, api_containers_prune))
		return;
	cJSON *deleted = cJSON_CreateArray(), *out = cJSON_CreateObject();
	prune(http_daemon(r), &f, until, deleted, &space);
	if (cJSON_GetArraySize(deleted) == 0) {
		cJSON_Delete(deleted);
		deleted = cJSON_CreateNull();
	}
	cJSON_AddItemToObject(out, "ContainersDeleted", deleted);
	json_add_i64(out, "SpaceReclaimed", space);
	events_publish_prune(http_daemon(r), "container", space);
	http_reply_json(r, 200, out);
}

/* --- rename --- */

static int rename_container(struct container *c, const char *name, struct crl_err *err)
{
	if (name && *name == '/')
		name++;
	if (str_empty(name))
		return crl_fail(err, CRL_INVALID, "Neither old nor new names may be empty");
	if (str_eq(name, c->rec.name))
		return crl_fail(err, CRL_INVALID,
				"Renaming a container with the same name as its current name");
	if (container_check_name(name, err) < 0)
		return -1;
	const struct container *other = container_by_name(c->d, name);
	if (other)
		return crl_fail(err, CRL_CONFLICT,
				"Error when allocating new name: Conflict. The container name "
				"\"/%s\" is already in use by container \"%s\". You have to remove "
				"(or rename) that container to be able to reuse that name.",
				name, other->rec.id);
	char *old = c->rec.name;
	c->rec.name = strdup(name);
	if (!c->rec.name || container_save(c, err) < 0) {
		free(c->rec.name);
		c->rec.name = old;
		return err->code ? -1 : crl_fail_oom(err);
	}
	_cleanup_free_ char *slashed = old;
	char attr[300];
	snprintf(attr, sizeof(attr), "/%s", slashed);
	container_net_renamed(c);
	container_publish(c, "rename", "oldName", attr, NULL);
	return 0;
}

void api_containers_rename(struct http_req *r)
{
	struct container *c;
	struct crl_err err = CRL_ERR_INIT;
	if (!api_container(r, &c))
		return;
	if (rename_container(c, http_query(r, "name"), &err) < 0)
		http_reply_error(r, &err);
	else
		http_reply_empty(r, 204);
}

/* --- pause --- */

static void set_paused(struct http_req *r, bool pause)
{
	struct container *c;
	struct crl_err err = CRL_ERR_INIT;
	if (!api_container(r, &c))
		return;
	if (container_pause(c, pause, &err) < 0)
		http_reply_error(r, &err);
	else
		http_reply_empty(r, 204);
}

void api_containers_pause(struct http_req *r)
{
	set_paused(r, true);
}

void api_containers_unpause(struct http_req *r)
{
	set_paused(r, false);
}

/* --- resize --- */

int api_size(struct http_req *r, int32_t *ret_rows, int32_t *ret_cols, struct crl_err *err)
{
	int64_t h = 0, w = 0;
	if (http_query_i64(r, "h", 0, &h, err) < 0 || http_query_i64(r, "w", 0, &w, err) < 0)
		return -1;
	if (h < 0 || w < 0 || h > 65535 || w > 65535)
		return crl_fail(err, CRL_INVALID, "invalid terminal size: %lldx%lld", (long long)h,
				(long long)w);
	*ret_rows = (int32_t)h;
	*ret_cols = (int32_t)w;
	return 0;
}

void api_console_size(const cJSON *size, int32_t *rows, int32_t *cols)
{
	if (!cJSON_IsArray(size) || cJSON_GetArraySize(size) != 2)
		return;
	double h = cJSON_GetNumberValue(cJSON_GetArrayItem(size, 0));
	double w = cJSON_GetNumberValue(cJSON_GetArrayItem(size, 1));
	if (h > 0 && h < 65536 && w > 0 && w < 65536) {
		*rows = (int32_t)h;
		*cols = (int32_t)w;
	}
}

void api_containers_resize(struct http_req *r)
{
	struct container *c;
	struct crl_err err = CRL_ERR_INIT;
	int32_t rows = 0, cols = 0;
	if (!api_container(r, &c))
		return;
	if (api_size(r, &rows, &cols, &err) < 0) {
		http_reply_error(r, &err);
		return;
	}
	if (!container_is_running(c) && c->state != FSM_STARTING) {
		http_reply_message(r, 409, "Container %s is not running", c->rec.id);
		return;
	}
	c->tty_rows = rows;
	c->tty_cols = cols;
	struct mon_resize m = {.exec_id = (char *)"", .rows = rows, .cols = cols};
	if (c->monitor && monitor_call(c->monitor, "resize", json_encode_tree(&mon_resize_json, &m),
				       NULL, 0, 0, NULL, NULL, &err) < 0) {
		http_reply_error(r, &err);
		return;
	}
	char height[16], width[16];
	snprintf(height, sizeof(height), "%d", rows);
	snprintf(width, sizeof(width), "%d", cols);
	container_publish(c, "resize", "height", height, "width", width, NULL);
	http_reply_empty(r, 200);
}
