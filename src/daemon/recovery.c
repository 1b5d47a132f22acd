/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Owns the daemon's start on what an earlier one left: loads every record,
 * goes on with the monitors that live, reads the exit records of those that
 * do not, kills processes without a monitor, and sweeps what belongs to
 * nobody. Damage to one container never keeps the daemon or another one down.
 */
#include "recovery.h"

#include "container.h"
#include "container_endpoints.h"
#include "container_network.h"
#include "db.h"
#include "exec.h"
#include "runtimes.h"
#include "trash.h"
#include "volumes.h"

#include <base/log.h>
#include <base/path.h>
#include <base/proc.h>
#include <crun-lite/runtime.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>

#define EXIT_UNKNOWN 255

/* --- loading --- */

static void quarantine(struct daemon *d, const char *id, const char *why)
{
	_cleanup_free_ char *from = path_printf("%s/containers/%s", d->config.data_root, id);
	_cleanup_free_ char *to = path_printf("%s/containers/.damaged-%s", d->config.data_root, id);
	log_error("container is damaged and set aside", "container", id, "error", why, "folder",
		  to ? to : "", NULL);
	if (from && to && rename(from, to) < 0)
		log_error("not set aside", "container", id, "error", strerror(errno), NULL);
}

static int read_record(struct daemon *d, int dir_fd, const char *id, struct container_record *rec,
		       struct crl_err *err)
{
	_cleanup_free_ char *row = NULL;
	struct crl_err ignored;
	/* The row is written after the file, and durably: it is never older. */
	if (db_get(d->db, "container", id, &row, &ignored) == 0 &&
	    container_record_parse(row, strlen(row), rec, &ignored) == 0)
		return 0;
	return container_record_read(dir_fd, rec, err);
}

static bool was_active(enum fsm_state s)
{
	return s == FSM_RUNNING || s == FSM_PAUSED;
}

static int load_one(struct daemon *d, int parent, const char *id, char ***unfinished)
{
	struct crl_err err = CRL_ERR_INIT;
	_cleanup_close_ int dir = openat(parent, id, O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct container *c = container_new(d);
	if (dir < 0 || !c) {
		container_free(c);
		return -1;
	}
	if (read_record(d, dir, id, &c->rec, &err) < 0) {
		container_free(c);
		/* A folder without a record: the daemon died before the caller was told of it. */
		if (err.code == CRL_NOT_FOUND) {
			(void)strv_push(unfinished, id);
			_cleanup_free_ char *path =
				path_printf("%s/containers/%s", d->config.data_root, id);
			return path ? trash_take(d->containers->trash, path, &err) : -1;
		}
		quarantine(d, id, err.msg);
		return -1;
	}
	c->state = fsm_state_parse(c->rec.status);
	if (!str_eq(c->rec.id, id) || c->state >= FSM_GONE) {
		quarantine(d, id, "the record is not this container's");
		container_free(c);
		return -1;
	}
	if (containers_insert(d, c, &err) < 0) {
		container_free(c);
		return -1;
	}
	return 0;
}

static int by_creation(const void *a, const void *b)
{
	const struct container *x = *(struct container *const *)a;
	const struct container *y = *(struct container *const *)b;
	return x->rec.created < y->rec.created ? -1 : x->rec.created > y->rec.created;
}

static int load_all(struct daemon *d, char ***unfinished, struct crl_err *err)
{
	_cleanup_free_ char *path = path_printf("%s/containers", d->config.data_root);
	if (!path)
		return crl_fail_oom(err);
	if (path_mkdir_p(path, 0710, err) < 0)
		return -1;
	_cleanup_closedir_ DIR *dir = opendir(path);
	if (!dir)
		return crl_fail_sys(err, errno, "%s", path);
	struct dirent *e;
	while ((e = readdir(dir)))
		if (ident_is_hex(e->d_name, ID_HEX, ID_HEX))
			(void)load_one(d, dirfd(dir), e->d_name, unfinished);
	if (d->containers->n)
		qsort(d->containers->items, d->containers->n, sizeof(struct container *),
		      by_creation);
	return 0;
}

/* --- adoption --- */

/* The end of a run that this daemon did not see: from the record the monitor wrote, or 255. */
static void end_unseen(struct container *c, const char *why)
{
	struct mon_exit_record rec;
	struct crl_err err = CRL_ERR_INIT;
	_cleanup_free_ char *path = container_dir(c);
	_cleanup_close_ int dir = path ? open(path, O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;
	struct mon_exit e = {.exit_code = EXIT_UNKNOWN, .finished_at = time_now_ns()};
	bool seen = dir >= 0 && mon_exit_record_read(dir, &rec, &err) == 0 && rec.state == 1;
	if (seen) {
		e.exit_code = rec.exit_code;
		e.oom_killed = rec.oom_killed != 0;
		e.finished_at = rec.finished_at;
	}
	if (!str_empty(c->rec.cgroup) && crl_cgroup_remove(c->rec.cgroup, &err) < 0)
		log_warn("cgroup not removed", "container", c->rec.id, "error", err.msg, NULL);
	if (!runtime_is_own(c->d, c->rec.host_config.runtime))
		runtime_end_groups(c->d, c->rec.id, c->rec.host_config.res.cgroup_parent);
	container_exited(c, &e, seen ? NULL : why);
}

/* A process that lives without its monitor is killed: nobody could report its end. */
static void kill_ghost(struct container *c)
{
	_cleanup_close_ int fd = -1;
	struct crl_err err = CRL_ERR_INIT;
	if (c->rec.pid > 0 && c->rec.start_ticks &&
	    proc_open_pidfd((pid_t)c->rec.pid, c->rec.start_ticks, &fd, &err) == 0)
		(void)proc_pidfd_kill(fd, SIGKILL, &err);
}

static void adopt_execs(struct container *c, const struct mon_state *s)
{
	for (size_t i = 0; i < s->n_execs; i++)
		exec_adopt(c, &s->execs[i]);
}

/* When its process began, on the clock of our timers; "now" when it cannot be told. */
static int64_t started_boot(const struct mon_started *s)
{
	long per_second = sysconf(_SC_CLK_TCK);
	if (!s->start_ticks || per_second <= 0)
		return time_boot_ns();
	return (int64_t)(s->start_ticks * (1000000000ULL / (uint64_t)per_second));
}

static void on_hello(const cJSON *answer, const struct crl_err *err, int exit_code, void *data)
{
	struct container *c = data;
	struct mon_state s = {0};
	struct crl_err e = *err;
	if (e.code == CRL_OK)
		(void)json_decode_tree(&mon_state_json, answer, JSON_LAX, &s, &e);
	if (e.code != CRL_OK) {
		/* Stopped, perhaps: it is not declared dead for that. stop and rm say why they
		 * wait. */
		log_warn("monitor does not answer", "container", c->rec.id, "error", e.msg, NULL);
		return;
	}
	if (str_eq(s.status, "running")) {
		bool paused = c->state == FSM_PAUSED;
		container_running(c, &s.started);
		c->started_boot = started_boot(&s.started);
		c->state = paused ? FSM_PAUSED : FSM_RUNNING;
		container_health_load(c);
		adopt_execs(c, &s);
		container_health_rearm(c);
		log_info("container adopted", "container", c->rec.id, "pid", log_i64(c->rec.pid),
			 NULL);
	} else if (str_eq(s.status, "exited")) {
		c->state = FSM_RUNNING;
		container_exited(c, &s.exit, NULL);
	} else {
		monitor_kill(take_ptr(c->monitor));
		end_unseen(c, "the daemon ended while the container was being started");
	}
	json_free(&mon_state_json, &s);
}

static int reconnect(struct container *c, struct crl_err *err)
{
	_cleanup_free_ char *dir = container_dir(c);
	_cleanup_free_ char *run_dir = container_run_dir(c);
	if (!dir || !run_dir)
		return crl_fail_oom(err);
	const struct monitor_spec spec = {.d = c->d,
					  .id = c->rec.id,
					  .container_dir = dir,
					  .run_dir = run_dir,
					  .events = &container_monitor_events,
					  .data = c};
	if (monitor_reconnect(&spec, (pid_t)c->rec.monitor_pid, c->rec.monitor_ticks, &c->monitor,
			      err) < 0)
		return -1;
	return monitor_call(c->monitor, "hello", NULL, NULL, 0, 0, on_hello, c, err);
}

static void adopt_running(struct container *c)
{
	struct crl_err err = CRL_ERR_INIT;
	container_net_adopt(c);
	c->volumes_announced = true; /* by the daemon that started it */
	container_connect_recover(c);
	/* Known at once, so that stop works before hello was answered. */
	if (c->rec.pid > 0 && c->rec.start_ticks)
		(void)proc_open_pidfd((pid_t)c->rec.pid, c->rec.start_ticks, &c->init_pidfd, &err);
	if (reconnect(c, &err) == 0)
		return;
	monitor_kill(take_ptr(c->monitor));
	kill_ghost(c);
	end_unseen(c, "the end was not seen: daemon and monitor were not running");
}

/*
 * The record says created or exited, yet a monitor listens: the daemon died
 * between the spawn and the record of the start. The caller was never told
 * that it runs, so it is taken down.
 */
static void sweep_unrecorded(struct container *c)
{
	struct crl_err err = CRL_ERR_INIT;
	_cleanup_free_ char *run_dir = container_run_dir(c);
	if (!run_dir || access(run_dir, F_OK) < 0)
		return;
	log_info("a start that was not finished is taken back", "container", c->rec.id, NULL);
	pid_t pid = monitor_find(run_dir);
	if (pid > 0)
		(void)kill(pid, SIGKILL);
	const char *root = crl_cgroup_root();
	const char *parent = c->rec.host_config.res.cgroup_parent;
	_cleanup_free_ char *cgroup =
		root ? path_printf("%s/%s/%s", root, str_empty(parent) ? "docker" : parent,
				   c->rec.id)
		     : NULL;
	if (cgroup && access(cgroup, F_OK) == 0 && crl_cgroup_remove(cgroup, &err) < 0)
		log_warn("cgroup not removed", "container", c->rec.id, "error", err.msg, NULL);
	container_release(c);
}

/* --- after all are loaded --- */

/* Docker: always comes back even after a stop, unless-stopped only when nobody stopped it. */
static bool wanted_at_start(const struct container *c)
{
	const char *policy = c->rec.host_config.restart_policy.name;
	if (c->state != FSM_EXITED)
		return false;
	if (str_eq(policy, "always"))
		return true;
	if (str_eq(policy, "unless-stopped"))
		return !c->rec.manually_stopped;
	return false;
}

static void on_boot_started(const struct crl_err *err, bool modified, void *data)
{
	/* container_start() logged it. */
}

static int on_loop(sd_event_source *s, void *data)
{
	struct daemon *d = data;
	for (size_t i = 0; i < d->containers->n; i++) {
		struct container *c = d->containers->items[i];
		if (c->state == FSM_RESTARTING)
			container_arm_restart(c);
		else if (wanted_at_start(c))
			container_start(c, on_boot_started, NULL);
	}
	return 0;
}

/* A record of a version in which a container was in one network, its mode. */
static void plan_networks(struct container *c)
{
	_cleanup_strv_ char **warnings = NULL;
	struct crl_err err = CRL_ERR_INIT;
	if (!c->rec.net_planned && container_plan_networks(c->d, &c->rec, 144, &warnings, &err) < 0)
		log_warn("networks of a container", "container", c->rec.id, "error", err.msg, NULL);
}

static void recover_one(struct container *c)
{
	struct crl_err err = CRL_ERR_INIT;
	plan_networks(c);
	container_hold_volumes(c);
	if (was_active(c->state))
		adopt_running(c);
	else if (c->state == FSM_REMOVING || c->state == FSM_DEAD ||
		 (c->state == FSM_EXITED && c->rec.host_config.auto_remove)) {
		c->state = FSM_DEAD;
		if (container_remove_now(c, c->rec.host_config.auto_remove, &err) < 0)
			log_warn("container not removed", "error", err.msg, NULL);
	} else {
		container_connect_recover(c);
		sweep_unrecorded(c);
	}
}

/* Run folders of containers that do not exist. */
static void sweep_run_dirs(struct daemon *d)
{
	struct crl_err err = CRL_ERR_INIT;
	_cleanup_free_ char *path = path_printf("%s/containers", d->config.exec_root);
	_cleanup_closedir_ DIR *dir = path ? opendir(path) : NULL;
	struct dirent *e;
	while (dir && (e = readdir(dir))) {
		struct container *c;
		if (ident_is_hex(e->d_name, ID_HEX, ID_HEX) &&
		    container_find(d, e->d_name, &c, &err) < 0)
			(void)path_remove_tree(dirfd(dir), e->d_name, &err);
	}
}

/* A folder that is gone leaves its row behind when the daemon died between the two. */
static int drop_row(const char *id, const char *body, void *data)
{
	struct daemon *d = data;
	struct crl_err err = CRL_ERR_INIT;
	struct container *c;
	_cleanup_free_ char *path = path_printf("%s/containers/%s", d->config.data_root, id);
	_cleanup_free_ char *damaged =
		path_printf("%s/containers/.damaged-%s", d->config.data_root, id);
	if (container_find(d, id, &c, &err) < 0 && path && damaged && access(path, F_OK) < 0)
		(void)db_delete(d->db, "container", id, false, &err);
	return 0;
}

int recovery_run(struct daemon *d, struct crl_err *err)
{
	_cleanup_free_ struct container **all = NULL;
	_cleanup_strv_ char **unfinished = NULL;
	if (load_all(d, &unfinished, err) < 0)
		return -1;
	/* A recovery may take its container out of the table. */
	size_t n = d->containers->n;
	all = calloc(n + 1, sizeof(struct container *));
	if (!all)
		return crl_fail_oom(err);
	if (n)
		memcpy(all, d->containers->items, n * sizeof(struct container *));
	for (size_t i = 0; i < n; i++)
		recover_one(all[i]);
	for (char **id = unfinished; id && *id; id++)
		volumes_remove_of(d, *id);
	sweep_run_dirs(d);
	struct crl_err ignored;
	(void)db_each(d->db, "container", drop_row, d, &ignored);
	int r = sd_event_add_defer(d->event, NULL, on_loop, d);
	return r < 0 ? crl_fail_sys(err, -r, "recovery") : 0;
}
