/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Owns who may write to a container's files from outside, and what is told to
 * workers about them. Mounts nothing itself. See src/worker/enter.h,
 * Documentation/filesystems/overlayfs.rst ("Changes to underlying filesystems").
 */
#include "container_root.h"

#include "container_users.h"
#include "mount_points.h"
#include "volumes.h"

#include <base/log.h>
#include <base/path.h>
#include <unistd.h>

#define HURRY_US (10ULL * 1000 * 1000)

/* --- what a worker is told --- */

void container_layer_args(struct container *c, cJSON *args)
{
	_cleanup_free_ char *upper = container_path_of(c, "upper");
	_cleanup_strv_ char **lowers = container_all_lowers(c);

	json_add_str(args, "upper", upper);
	json_add_strv(args, "lowers", lowers, false);
	container_users_args(&c->rec, args);
}

static cJSON *add_mount(cJSON *list, const char *source, const char *destination, bool rw)
{
	cJSON *m = cJSON_CreateObject();

	json_add_str(m, "source", source);
	json_add_str(m, "destination", destination);
	cJSON_AddBoolToObject(m, "rw", rw);
	cJSON_AddItemToArray(list, m);
	return m;
}

static bool has_mount_at(const struct container *c, const char *destination)
{
	for (size_t i = 0; i < c->rec.n_mounts; i++)
		if (str_eq(c->rec.mounts[i].destination, destination))
			return true;
	return false;
}

/* Docker shows the three files that it makes also while the container does not run. */
static void add_own_files(const struct container *c, cJSON *list)
{
	static const char *const files[] = {"hostname", "hosts", "resolv.conf"};

	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		_cleanup_free_ char *source = container_start_path(c, files[i]),
				    *at = path_printf("/etc/%s", files[i]);
		if (source && at && !has_mount_at(c, at) && access(source, F_OK) == 0)
			add_mount(list, source, at, !c->rec.host_config.readonly_rootfs);
	}
}

static void describe_mount(struct container *c, const struct container_mount *m, cJSON *o)
{
	bool volume = str_eq(m->type, "volume"), fresh = c->state == FSM_CREATED;
	struct volume_mount how;

	cJSON_AddBoolToObject(o, "recursive", !m->non_recursive && !volume);
	cJSON_AddBoolToObject(o, "mapped", container_users_maps(&c->rec, m));
	/* What the first start would copy into an empty volume is there before it, too. */
	cJSON_AddBoolToObject(o, "copy_up",
			      volume && m->rw && !m->no_copy && fresh && str_empty(m->subpath));
	if (!str_empty(m->subpath))
		json_add_str(o, "subpath", m->subpath);
	if (m->lowers)
		json_add_strv(o, "lowers", m->lowers, false);
	/* A file system of its own: it is mounted by those that run. */
	if (volume && volume_mount_of(c->d, m->name, &how))
		cJSON_AddBoolToObject(o, "absent", true);
}

static void add_mounts(struct container *c, cJSON *args)
{
	cJSON *list = cJSON_AddArrayToObject(args, "mounts");

	for (size_t i = 0; i < c->rec.n_mounts; i++) {
		const struct container_mount *m = &c->rec.mounts[i];
		if (!str_eq(m->type, "tmpfs"))
			describe_mount(c, m, add_mount(list, m->source, m->destination, m->rw));
	}
	add_own_files(c, list);
}

cJSON *container_root_args(struct container *c, bool writable)
{
	_cleanup_free_ char *work = container_path_of(c, "work");
	cJSON *args = cJSON_CreateObject();

	if (!args || !work) {
		cJSON_Delete(args);
		return NULL;
	}
	cJSON_AddBoolToObject(args, "read_only", c->rec.host_config.readonly_rootfs);
	json_add_str(args, "user", c->rec.config.user);
	if (container_is_running(c)) {
		json_add_i64(args, "pid", c->rec.pid);
		json_add_u64(args, "ticks", c->rec.start_ticks);
		return args;
	}
	container_layer_args(c, args);
	json_add_str(args, "work", work);
	cJSON_AddBoolToObject(args, "writable", writable);
	cJSON_AddBoolToObject(args, "durable", !c->rec.host_config.auto_remove);
	add_mounts(c, args);
	return args;
}

/* --- writers --- */

void container_writer_add(struct container *c, struct container_writer *w)
{
	w->c = c;
	w->next = c->writers;
	c->writers = w;
}

static void unlink_writer(struct container_writer *w)
{
	struct container_writer **at = &w->c->writers;

	while (*at && *at != w)
		at = &(*at)->next;
	if (*at)
		*at = w->next;
}

void container_writer_remove(struct container_writer *w)
{
	struct container *c = w->c;

	if (!c)
		return;
	unlink_writer(w);
	w->c = NULL;
	if (c->writers)
		return;
	c->writer_deadline = sd_event_source_disable_unref(c->writer_deadline);
	container_call_done(&c->writer_waiters, NULL, true);
}

static void end_all(struct container *c, const struct crl_err *why)
{
	while (c->writers) {
		struct container_writer *w = c->writers;
		unlink_writer(w);
		w->c = NULL;
		w->end(w->data, why);
	}
}

static int on_deadline(sd_event_source *source, uint64_t usec, void *data)
{
	struct container *c = data;
	struct crl_err why = CRL_ERR_INIT;

	c->writer_deadline = sd_event_source_disable_unref(c->writer_deadline);
	log_warn("a copy into the container was ended: it is to start", "container", c->rec.id,
		 NULL);
	crl_fail(&why, CRL_CONFLICT, "the container %s was started meanwhile", c->rec.id);
	end_all(c, &why);
	container_call_done(&c->writer_waiters, NULL, true);
	return 0;
}

bool container_await_writers(struct container *c, bool hurry, container_done cb, void *data)
{
	if (!c->writers || container_add_done(&c->writer_waiters, cb, data) < 0)
		return false;
	if (hurry && !c->writer_deadline &&
	    sd_event_add_time_relative(c->d->event, &c->writer_deadline, CLOCK_MONOTONIC, HURRY_US,
				       0, on_deadline, c) < 0)
		log_warn("timer", NULL);
	return true;
}

/* By its id: another start that waited may have failed meanwhile and taken the container along. */
struct later_start {
	struct daemon *d;
	char id[ID_HEX + 1];
	container_done cb;
	void *data;
};

static void start_now(const struct crl_err *err, bool modified, void *data)
{
	_cleanup_free_ struct later_start *s = data;
	struct crl_err gone = CRL_ERR_INIT;
	struct container *c = NULL;
	if (!err && container_find(s->d, s->id, &c, &gone) < 0)
		err = &gone;
	if (err)
		s->cb(err, false, s->data);
	else
		container_start(c, s->cb, s->data);
}

bool container_start_waits(struct container *c, container_done cb, void *data)
{
	struct later_start *s = c->writers ? malloc(sizeof(*s)) : NULL;
	if (!s)
		return false;
	*s = (struct later_start){.d = c->d, .cb = cb, .data = data};
	memcpy(s->id, c->rec.id, sizeof(s->id));
	if (container_await_writers(c, true, start_now, s))
		return true;
	free(s);
	return false;
}

void container_end_writers(struct container *c)
{
	struct crl_err why = CRL_ERR_INIT;

	c->writer_deadline = sd_event_source_disable_unref(c->writer_deadline);
	crl_fail(&why, CRL_NOT_FOUND, "No such container: %s", c->rec.id);
	end_all(c, &why);
	container_call_done(&c->writer_waiters, &why, false);
}
