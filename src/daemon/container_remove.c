/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Owns removal as a table of steps. Big trees go to the trash by one rename,
 * so that the name is free at once; every step is safe to repeat, so that a
 * removal that failed can be tried again.
 */
#include "container.h"
#include "container_quota.h"
#include "db.h"
#include "trash.h"

#include <base/log.h>
#include <base/path.h>
#include <base/step.h>
#include <crun-lite/runtime.h>
#include <fcntl.h>
#include <signal.h>

struct removal {
	struct container *c;
	bool volumes;
};

static int step_run_dir(void *ctx, struct crl_err *err)
{
	struct removal *x = ctx;
	container_release(x->c);
	return 0;
}

/* The file first: a folder without record is swept at the next start, whatever happens now. */
static int step_files(void *ctx, struct crl_err *err)
{
	struct removal *x = ctx;
	_cleanup_free_ char *dir = container_dir(x->c);
	container_quota_clear(x->c);
	return dir ? trash_take(x->c->d->containers->trash, dir, err) : crl_fail_oom(err);
}

static bool in_database(const void *ctx)
{
	const struct removal *x = ctx;
	return !x->c->rec.host_config.auto_remove;
}

static int step_record(void *ctx, struct crl_err *err)
{
	struct removal *x = ctx;
	return db_delete(x->c->d->db, "container", x->c->rec.id, true, err);
}

static int step_volumes(void *ctx, struct crl_err *err)
{
	struct removal *x = ctx;
	container_drop_volumes(x->c, x->volumes);
	return 0;
}

static const struct step remove_steps[] = {
	{.name = "d.remove_run_dir",
	 .why = "address, ports and the monitor's socket are given back",
	 .see = "unlink(2)",
	 .run = step_run_dir},
	/* Before the files: those name the volumes, for a removal that is repeated. */
	{.name = "d.remove_volumes",
	 .why = "anonymous volumes go with their container",
	 .see = "Engine API, ContainerDelete",
	 .run = step_volumes},
	{.name = "d.remove_files",
	 .why = "one rename takes the whole folder out of sight",
	 .see = "rename(2)",
	 .run = step_files},
	{.name = "d.remove_record",
	 .why = "a restarted daemon must not find it again",
	 .see = "rename(2)",
	 .run = step_record,
	 .wanted = in_database},
};
STEPS_LISTED(remove_steps);

int container_remove_now(struct container *c, bool volumes, struct crl_err *err)
{
	struct removal x = {.c = c, .volumes = volumes};
	struct step_run run = {0};
	struct crl_err ignored;
	if (container_fire(c, FSM_EV_REMOVE, err) < 0)
		return -1;
	if (steps_run(remove_steps, ARRAY_SIZE(remove_steps), &x, &run, err) < 0) {
		container_strip_step(remove_steps, ARRAY_SIZE(remove_steps), err);
		(void)container_fire(c, FSM_EV_REMOVE_FAILED, &ignored);
		return crl_context(err, "container %s: driver failed to remove it", c->rec.id);
	}
	tombstone_add(c->d, c->rec.id, c->rec.exit_code);
	(void)container_fire(c, FSM_EV_REMOVED, &ignored);
	container_wait_fire_removed(c);
	container_free(c);
	return 0;
}

/* --- DELETE --- */

struct forced {
	struct daemon *d;
	char id[ID_HEX + 1];
	bool volumes;
	container_done cb;
	void *data;
};

/* The end of the process removes it (remove_on_exit); here it remains only when that failed. */
static void on_killed(const struct crl_err *err, bool modified, void *data)
{
	struct forced f = *(struct forced *)data;
	struct crl_err e = CRL_ERR_INIT, ignored;
	struct container *c;
	free(data);
	if (!err && container_find(f.d, f.id, &c, &ignored) == 0 &&
	    container_remove_now(c, f.volumes, &e) < 0)
		err = &e;
	f.cb(err, true, f.data);
}

static void remove_forced(struct container *c, bool volumes, container_done cb, void *data)
{
	struct crl_err err = CRL_ERR_INIT;
	struct forced *f = malloc(sizeof(*f));
	if (!f) {
		crl_fail_oom(&err);
		cb(&err, false, data);
		return;
	}
	*f = (struct forced){.d = c->d, .volumes = volumes, .cb = cb, .data = data};
	memcpy(f->id, c->rec.id, sizeof(f->id));
	c->remove_on_exit = true;
	c->remove_volumes = volumes;
	container_stop(c, SIGKILL, 0, on_killed, f);
}

static int refuse_running(const struct container *c, struct crl_err *err)
{
	const char *state = c->state == FSM_PAUSED       ? "paused"
			    : c->state == FSM_RESTARTING ? "restarting"
							 : "running";
	return crl_fail(err, CRL_CONFLICT,
			"You cannot remove a %s container %s. Stop the container before "
			"attempting removal or force remove",
			state, c->rec.id);
}

void container_remove(struct container *c, bool force, bool volumes, container_done cb, void *data)
{
	struct crl_err err = CRL_ERR_INIT;
	bool active =
		container_is_running(c) || c->state == FSM_STARTING || c->state == FSM_RESTARTING;
	if (c->state == FSM_REMOVING || c->remove_on_exit) {
		crl_fail(&err, CRL_CONFLICT, "removal of container %s is already in progress",
			 c->rec.id);
	} else if (active && !force) {
		refuse_running(c, &err);
	} else if (active && c->state != FSM_RESTARTING) {
		remove_forced(c, volumes, cb, data);
		return;
	} else {
		(void)container_remove_now(c, volumes, &err);
	}
	cb(err.code ? &err : NULL, true, data);
}
