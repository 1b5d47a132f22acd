/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Owns the form of a container's record on disk: record.json in its folder,
 * a self-checking record (base/record.h) of JSON. The database
 * row is the same JSON. Only this file knows which member is stored.
 */
#include "container.h"
#include "db.h"

#include <base/path.h>
#include <base/record.h>
#include <errno.h>
#include <fcntl.h>

#define RECORD_KIND "container"
#define RECORD_VERSION 1
#define RECORD_LIMIT (4U * 1024 * 1024)

#define M struct container_mount
static const struct json_field mount_fields[] = {
	JSON_STR(M, type, "Type", 0),
	JSON_STR(M, name, "Name", JSON_OMIT_EMPTY),
	JSON_STR(M, source, "Source", 0),
	JSON_STR(M, destination, "Destination", 0),
	JSON_STR(M, driver, "Driver", JSON_OMIT_EMPTY),
	JSON_STR(M, mode, "Mode", 0),
	JSON_STR(M, propagation, "Propagation", 0),
	JSON_STR(M, options, "Options", JSON_OMIT_EMPTY),
	JSON_BOOL(M, rw, "RW", 0),
	JSON_BOOL(M, non_recursive, "NonRecursive", JSON_OMIT_EMPTY),
	JSON_BOOL(M, read_only_top, "ReadOnlyTop", JSON_OMIT_EMPTY),
	JSON_BOOL(M, no_copy, "NoCopy", JSON_OMIT_EMPTY),
	JSON_BOOL(M, idmap, "IDMap", JSON_OMIT_EMPTY),
	JSON_BOOL(M, no_idmap, "NoIDMap", JSON_OMIT_EMPTY),
	JSON_STR(M, subpath, "Subpath", JSON_OMIT_EMPTY),
	JSON_STRV(M, lowers, "Lowers", JSON_OMIT_EMPTY),
};
static const struct json_table mount_json = JSON_TABLE("mount", M, mount_fields);
#undef M

#define I struct oci_id_mapping
static const struct json_field id_fields[] = {
	JSON_U32(I, container_id, "container", JSON_REQUIRED),
	JSON_U32(I, host_id, "host", JSON_REQUIRED),
	JSON_U32(I, size, "size", JSON_REQUIRED),
};
static const struct json_table id_json = JSON_TABLE("id map", I, id_fields);
#undef I

#define R struct container_record
static const struct json_field record_fields[] = {
	JSON_I32(R, version, "version", JSON_REQUIRED),
	JSON_STR(R, id, "id", JSON_REQUIRED),
	JSON_STR(R, name, "name", JSON_REQUIRED),
	JSON_I64S(R, created, "created", 0),
	JSON_STR(R, image_id, "image", 0),
	JSON_STRV(R, lowers, "lowers", JSON_OMIT_EMPTY),
	JSON_STR(R, path, "path", 0),
	JSON_STRV(R, args, "args", JSON_OMIT_EMPTY),
	JSON_OBJ(R, config, "config", JSON_REQUIRED, &api_config_json),
	JSON_OBJ(R, host_config, "host_config", JSON_REQUIRED, &api_host_config_json),
	JSON_OBJ(R, networking, "networking", 0, &api_networking_config_json),
	JSON_OBJV(R, mounts, n_mounts, "mounts", JSON_OMIT_EMPTY, &mount_json),
	JSON_OBJV(R, uid_map, n_uid_map, "uid_map", JSON_OMIT_EMPTY, &id_json),
	JSON_OBJV(R, gid_map, n_gid_map, "gid_map", JSON_OMIT_EMPTY, &id_json),
	JSON_STR(R, status, "status", JSON_REQUIRED),
	JSON_I64(R, pid, "pid", JSON_OMIT_EMPTY),
	JSON_I64(R, monitor_pid, "monitor_pid", JSON_OMIT_EMPTY),
	JSON_U64(R, start_ticks, "start_ticks", JSON_OMIT_EMPTY),
	JSON_U64(R, monitor_ticks, "monitor_ticks", JSON_OMIT_EMPTY),
	JSON_STR(R, cgroup, "cgroup", JSON_OMIT_EMPTY),
	JSON_I32(R, exit_code, "exit_code", 0),
	JSON_STR(R, error, "error", JSON_OMIT_EMPTY),
	JSON_BOOL(R, oom_killed, "oom_killed", JSON_OMIT_EMPTY),
	JSON_I64S(R, started_at, "started_at", JSON_OMIT_EMPTY),
	JSON_I64S(R, finished_at, "finished_at", JSON_OMIT_EMPTY),
	JSON_I64(R, restart_count, "restart_count", JSON_OMIT_EMPTY),
	JSON_BOOL(R, manually_stopped, "manually_stopped", JSON_OMIT_EMPTY),
	JSON_RAW(R, endpoints, "endpoints", JSON_OMIT_EMPTY),
	JSON_OBJP(R, health, "health", JSON_OMIT_EMPTY, &health_json),
	JSON_RAW(R, endpoint, "endpoint", JSON_OMIT_EMPTY),
	JSON_RAW(R, net_change, "net_change", JSON_OMIT_EMPTY),
	JSON_BOOL(R, net_planned, "net_planned", JSON_OMIT_EMPTY),
};
const struct json_table container_record_json = JSON_TABLE("container record", R, record_fields);
#undef R

void container_record_free(struct container_record *rec)
{
	json_free(&container_record_json, rec);
}

char *container_record_text(const struct container_record *rec, size_t *ret_len)
{
	_cleanup_free_ char *body = json_encode(&container_record_json, rec);
	return body ? record_text(RECORD_KIND, RECORD_VERSION, body, ret_len) : NULL;
}

int container_record_parse(const char *text, size_t len, struct container_record *ret,
			   struct crl_err *err)
{
	const char *body;
	size_t body_len;
	if (record_body(RECORD_KIND, RECORD_VERSION, text, len, &body, &body_len, err) < 0)
		return -1;
	return json_decode(&container_record_json, body, body_len, JSON_LAX, ret, err);
}

int container_record_read(int dir_fd, struct container_record *ret, struct crl_err *err)
{
	_cleanup_free_ char *text = NULL;
	size_t len = 0;
	if (path_read_file(dir_fd, "record.json", RECORD_LIMIT, &text, &len, err) < 0)
		return -1;
	return container_record_parse(text, len, ret, err);
}

static int save_file(struct container *c, const char *text, size_t len, bool durable,
		     struct crl_err *err)
{
	_cleanup_free_ char *dir = container_dir(c);
	_cleanup_close_ int fd = dir ? open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	if (fd < 0)
		return dir ? crl_fail_sys(err, errno, "%s", dir) : crl_fail_oom(err);
	return path_write_atomic(fd, "record.json", text, len, 0600, durable, err);
}

int container_save(struct container *c, struct crl_err *err)
{
	size_t len = 0;
	c->rec.version = RECORD_VERSION;
	_cleanup_free_ char *text = container_record_text(&c->rec, &len);
	if (!text)
		return crl_fail_oom(err);
	/* An --rm container is not kept over a power cut, so its record need not be. */
	if (c->rec.host_config.auto_remove)
		return save_file(c, text, len, false, err);
	/* The database's commit is the durable one; the file lets the database be rebuilt. */
	bool first = str_eq(c->rec.status, "created");
	if (save_file(c, text, len, first, err) < 0)
		return -1;
	return db_put(c->d->db, "container", c->rec.id, text, true, err);
}
