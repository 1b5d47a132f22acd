/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * /containers/{id}/checkpoints: make, list, remove, and the start from one. Owns names and folders;
 * the monitor and criu do the work (docs/adr/0019). A checkpoint is a folder that appears whole.
 */
#include "api_containers.h"
#include "trash.h"

#include <base/cleanup.h>
#include <base/path.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define ID_MAX 200
#define DEADLINE_MS 120000U /* all memory of the container goes to the disk */

struct api_checkpoint {
	char *id, *dir;
	bool exit;
};
static const struct json_field checkpoint_fields[] = {
	JSON_STR(struct api_checkpoint, id, "CheckpointID", 0),
	JSON_STR(struct api_checkpoint, dir, "CheckpointDir", 0),
	JSON_BOOL(struct api_checkpoint, exit, "Exit", 0),
};
static const struct json_table api_checkpoint_json =
	JSON_TABLE("CheckpointCreateOptions", struct api_checkpoint, checkpoint_fields);

/* --- names and folders --- */

/* One component of a path, never "." or "..": it begins with a letter or digit. */
static bool id_ok(const char *id)
{
	static const char alnum[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
	if (str_empty(id) || !strchr(alnum, id[0]))
		return false;
	size_t len = strlen(id), i = 1;
	while (i < len && (strchr(alnum, id[i]) || strchr("_.-", id[i])))
		i++;
	return i == len && len <= ID_MAX;
}

static int check_id(const char *id, struct crl_err *err)
{
	if (id_ok(id))
		return 0;
	return crl_fail(err, CRL_INVALID,
			"Invalid checkpoint ID (%s), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed",
			id ? id : "");
}

/* The folder that holds the container's checkpoints; a client's own may be named. */
static int parent_of(const struct container *c, const char *dir, char **ret, struct crl_err *err)
{
	if (!str_empty(dir) && dir[0] != '/')
		return crl_fail(err, CRL_INVALID, "checkpoint directory %s is no absolute path",
				dir);
	*ret = str_empty(dir) ? container_path_of(c, "checkpoints") : path_clean(dir);
	return *ret ? 0 : crl_fail_oom(err);
}

static int path_for(const struct container *c, const char *dir, const char *id, char **ret,
		    struct crl_err *err)
{
	_cleanup_free_ char *parent = NULL;
	if (check_id(id, err) < 0 || parent_of(c, dir, &parent, err) < 0)
		return -1;
	*ret = path_printf("%s/%s", parent, id);
	return *ret ? 0 : crl_fail_oom(err);
}

/* One that must be there. */
static int find(const struct container *c, const char *dir, const char *id, char **ret,
		struct crl_err *err)
{
	struct stat st;
	_cleanup_free_ char *path = NULL;
	if (path_for(c, dir, id, &path, err) < 0)
		return -1;
	if (lstat(path, &st) < 0)
		return crl_fail(err, CRL_NOT_FOUND, "checkpoint %s does not exist for container %s",
				id, c->rec.name);
	if (!S_ISDIR(st.st_mode))
		return crl_fail(err, CRL_INVALID, "%s exists and is not a directory", path);
	*ret = take_ptr(path);
	return 0;
}

/* --- create --- */

struct making {
	struct late *late;
	struct daemon *d;
	char *container, *id;
	bool exit, was_stopped;
};

static void making_free(struct making *k)
{
	free(k->container);
	free(k->id);
	free(k);
}

static void on_made(const cJSON *answer, const struct crl_err *err, int exit_code, void *data)
{
	struct making *k = data;
	struct container *c = NULL;
	struct crl_err e = *err, ignored = CRL_ERR_INIT;
	(void)container_find(k->d, k->container, &c, &ignored);
	if (e.code) {
		if (c && k->exit)
			c->rec.manually_stopped = k->was_stopped;
		crl_context(&e, "Cannot checkpoint container %s", c ? c->rec.name : k->container);
		late_done(&e, false, k->late);
	} else {
		if (c)
			container_publish(c, "checkpoint", NULL);
		/* With `exit` the client hears of it when the container may be started again. */
		if (!c || !k->exit || !container_is_running(c) ||
		    container_add_done(&c->exit_waiters, late_done, k->late) < 0)
			late_done(NULL, true, k->late);
	}
	making_free(k);
}

static int check_container(const struct container *c, struct crl_err *err)
{
	const struct api_host_config *hc = &c->rec.host_config;
	if (!container_is_running(c) || !c->monitor)
		return crl_fail(err, CRL_CONFLICT, "Container %s not running", c->rec.name);
	if (c->state == FSM_PAUSED)
		return crl_fail(err, CRL_CONFLICT,
				"cannot checkpoint a paused container, try unpause instead");
	if (c->rec.config.tty)
		return crl_fail(err, CRL_INVALID,
				"checkpoint not supported on containers with tty");
	if (str_starts(hc->ipc_mode ? hc->ipc_mode : "", "container:"))
		return crl_fail(err, CRL_UNSUPPORTED,
				"checkpoint not supported with the IPC of another container");
	return 0;
}

static int new_path(const struct container *c, const struct api_checkpoint *b, char **ret,
		    struct crl_err *err)
{
	struct stat st;
	_cleanup_free_ char *parent = NULL, *path = NULL;
	if (path_for(c, b->dir, b->id, &path, err) < 0 || parent_of(c, b->dir, &parent, err) < 0)
		return -1;
	if (lstat(path, &st) == 0)
		return S_ISDIR(st.st_mode)
			       ? crl_fail(err, CRL_CONFLICT,
					  "cannot checkpoint container %s: checkpoint with name %s "
					  "already exists for container %s",
					  c->rec.name, b->id, c->rec.name)
			       : crl_fail(err, CRL_INVALID, "%s exists and is not a directory",
					  path);
	if (path_mkdir_p(parent, 0700, err) < 0)
		return crl_context(err, "cannot checkpoint container %s", c->rec.name);
	*ret = take_ptr(path);
	return 0;
}

static int send(struct http_req *r, struct container *c, const struct api_checkpoint *b,
		const char *path, struct crl_err *err)
{
	const struct mon_checkpoint m = {.dir = (char *)(uintptr_t)path, .exit = b->exit};
	struct making *k = calloc(1, sizeof(*k));
	if (!k)
		return crl_fail_oom(err);
	*k = (struct making){.d = c->d,
			     .container = strdup(c->rec.id),
			     .id = strdup(b->id),
			     .exit = b->exit,
			     .was_stopped = c->rec.manually_stopped};
	if (!k->container || !k->id || !(k->late = late_new(r, 201, false))) {
		bool answered = k->container && k->id;
		making_free(k);
		return answered ? 0 : crl_fail_oom(err);
	}
	/* Its end is wanted: no policy brings it back. */
	if (b->exit)
		c->rec.manually_stopped = true;
	if (monitor_call(c->monitor, "checkpoint", json_encode_tree(&mon_checkpoint_json, &m), NULL,
			 0, DEADLINE_MS, on_made, k, err) == 0)
		return 0;
	on_made(NULL, err, 0, k);
	return 0;
}

void api_checkpoints_create(struct http_req *r)
{
	struct crl_err err = CRL_ERR_INIT;
	struct api_checkpoint body = {0};
	struct container *c;
	_cleanup_free_ char *path = NULL;
	if (!api_container(r, &c))
		return;
	if (http_decode_body(r, &api_checkpoint_json, false, &body, &err) < 0 ||
	    check_container(c, &err) < 0 || new_path(c, &body, &path, &err) < 0 ||
	    send(r, c, &body, path, &err) < 0)
		http_reply_error(r, &err);
	json_free(&api_checkpoint_json, &body);
}

/* --- list, remove --- */

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int read_names(const char *parent, char ***ret, struct crl_err *err)
{
	DIR *d = opendir(parent);
	if (!d)
		return errno == ENOENT ? 0 : crl_fail_sys(err, errno, "%s", parent);
	int r = 0;
	for (struct dirent *e; r == 0 && (e = readdir(d));) {
		struct stat st;
		if (id_ok(e->d_name) &&
		    fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		    S_ISDIR(st.st_mode))
			r = strv_push(ret, e->d_name);
	}
	closedir(d);
	if (r == 0 && *ret)
		qsort(*ret, strv_len(*ret), sizeof(**ret), by_name);
	return r == 0 ? 0 : crl_fail_oom(err);
}

void api_checkpoints_list(struct http_req *r)
{
	struct crl_err err = CRL_ERR_INIT;
	struct container *c;
	_cleanup_free_ char *parent = NULL;
	_cleanup_strv_ char **names = NULL;
	if (!api_container(r, &c))
		return;
	if (parent_of(c, http_query(r, "dir"), &parent, &err) < 0 ||
	    read_names(parent, &names, &err) < 0) {
		http_reply_error(r, &err);
		return;
	}
	cJSON *out = cJSON_CreateArray();
	for (char **n = names; n && *n; n++) {
		cJSON *item = cJSON_CreateObject();
		json_add_str(item, "Name", *n);
		cJSON_AddItemToArray(out, item);
	}
	http_reply_json(r, 200, out);
}

void api_checkpoints_delete(struct http_req *r)
{
	struct crl_err err = CRL_ERR_INIT, other = CRL_ERR_INIT;
	struct container *c;
	_cleanup_free_ char *path = NULL;
	if (!api_container(r, &c))
		return;
	/* A folder of the client's may lie on another file system than the trash. */
	if (find(c, http_query(r, "dir"), http_arg(r, 1), &path, &err) < 0 ||
	    (trash_take(c->d->containers->trash, path, &other) < 0 &&
	     path_remove_tree(AT_FDCWD, path, &err) < 0))
		http_reply_error(r, &err);
	else
		http_reply_empty(r, 204);
}

/* --- start --- */

bool api_checkpoints_start(struct http_req *r, struct container *c)
{
	struct crl_err err = CRL_ERR_INIT;
	const char *id = http_query(r, "checkpoint"), *dir = http_query(r, "checkpoint-dir");
	_cleanup_free_ char *path = NULL;
	if (str_empty(id) && str_empty(dir))
		return true;
	if (find(c, dir, id, &path, &err) == 0) {
		if (container_is_running(c) || c->state == FSM_STARTING)
			crl_fail(&err, CRL_CONFLICT,
				 "cannot start from a checkpoint: container %s is running",
				 c->rec.name);
		else if (c->rec.config.tty)
			crl_fail(&err, CRL_INVALID,
				 "checkpoint not supported on containers with tty");
	}
	if (err.code) {
		http_reply_error(r, &err);
		return false;
	}
	free(c->checkpoint);
	c->checkpoint = take_ptr(path);
	return true;
}
