/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Owns the way from "start" to a running process: a table of steps up to the
 * message to the monitor, then the monitor's answer. The monitor comes early, so
 * that it links while the rest is prepared; it does nothing before that message.
 */
#include "container.h"
#include "container_devices.h"
#include "container_peers.h"
#include "container_root.h"
#include "container_hosts.h"
#include "container_network.h"
#include "exec.h"
#include "images.h"
#include "monitor_spare.h"
#include "mount_points.h"
#include "oci_config.h"
#include "runtimes.h"

#include <base/fd.h>
#include <base/log.h>
#include <base/path.h>
#include <base/proc.h>
#include <base/step.h>
#include <crun-lite/runtime.h>
#include <errno.h>
#include <sys/stat.h>

/* An image may come with a slow disk behind it, and hooks may run. */
#define START_DEADLINE_MS 120000U

struct starting {
	struct container *c;
	struct oci_spec spec;
	struct container_peers peers;
	char *init_path, *dir, *start_dir;
	char **link_env;
};

/* --- steps --- */

static int step_peers(void *ctx, struct crl_err *err)
{
	struct starting *s = ctx;
	return container_peers_find(s->c, &s->peers, err);
}

static bool wants_network(const void *ctx)
{
	const struct starting *s = ctx;
	return container_wants_network(s->c);
}

static int step_network(void *ctx, struct crl_err *err)
{
	struct starting *s = ctx;
	return container_net_start(s->c, err);
}

static void undo_network(void *ctx)
{
	struct starting *s = ctx;
	container_net_release(s->c);
	cJSON_Delete(take_ptr(s->c->rec.endpoints));
}

static int step_files(void *ctx, struct crl_err *err)
{
	struct starting *s = ctx;
	return container_write_files(s->c, err);
}

/* The default profile is the same for the same capabilities: encoded once. */
static int default_seccomp(struct daemon *d, char *const *caps, const char **ret,
			   struct crl_err *err)
{
	struct containers *cs = d->containers;
	_cleanup_free_ char *key = strv_join(caps, ",");
	if (!key)
		return crl_fail_oom(err);
	if (!cs->seccomp_default || !str_eq(cs->seccomp_caps, key)) {
		struct oci_linux_seccomp *profile = NULL;
		if (crl_seccomp_default(caps, &profile, err) < 0)
			return -1;
		free(cs->seccomp_default);
		free(cs->seccomp_caps);
		cs->seccomp_default = json_encode(&oci_seccomp_json, profile);
		cs->seccomp_caps = take_ptr(key);
		json_free(&oci_seccomp_json, profile);
		free(profile);
	}
	*ret = cs->seccomp_default;
	return *ret ? 0 : crl_fail_oom(err);
}

static int find_init(struct starting *s, struct crl_err *err)
{
	const struct opt_bool *init = &s->c->rec.host_config.init;
	if (!init->set || !init->v)
		return 0;
	if (!str_empty(s->c->d->config.init_path)) {
		s->init_path = strdup(s->c->d->config.init_path);
		return s->init_path ? 0 : crl_fail_oom(err);
	}
	return daemon_program(s->c->d, "crun-lite-init", &s->init_path, err);
}

static int write_config(struct starting *s, const char *text, struct crl_err *err)
{
	_cleanup_free_ char *path = container_start_path(s->c, "config.json");
	if (!path)
		return crl_fail_oom(err);
	_cleanup_close_ int fd =
		open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return crl_fail_sys(err, errno, "%s", path);
	return fd_write_all(fd, text, strlen(text), err);
}

/* A peer's is named for the reader of config.json only: its mount is fetched from its namespace. */
static const char *shm_source(const struct starting *s)
{
	return s->peers.ipc || str_eq(s->c->rec.host_config.ipc_mode, "host") ? "/dev/shm" : NULL;
}

static int step_config(void *ctx, struct crl_err *err)
{
	struct starting *s = ctx;
	const char *seccomp = NULL;
	bool use_default = false;
	if (find_init(s, err) < 0)
		return -1;
	s->start_dir = container_start_dir(s->c);
	struct oci_input in = {.rec = &s->c->rec,
			       .dir = s->start_dir,
			       .hosts_dir = s->peers.net_dir,
			       .hostname = s->c->rec.config.hostname,
			       .netns_path = s->peers.net_path,
			       .ipc_path = s->peers.ipc_path,
			       .pid_path = s->peers.pid_path,
			       .userns_path = s->peers.users_path,
			       .shm_source = shm_source(s),
			       .init_path = s->init_path,
			       .no_new_privileges = s->c->d->config.no_new_privileges};
	if (!s->start_dir)
		return crl_fail_oom(err);
	if (container_link_env(s->c, &s->link_env, err) < 0)
		return -1;
	in.link_env = s->link_env;
	if (oci_config_build(&in, &s->spec, &use_default, err) < 0)
		return -1;
	if (use_default &&
	    default_seccomp(s->c->d, s->spec.process->capabilities->bounding, &seccomp, err) < 0)
		return -1;
	_cleanup_free_ char *text = oci_config_text(&s->spec, seccomp);
	return text ? write_config(s, text, err) : crl_fail_oom(err);
}

static int step_monitor(void *ctx, struct crl_err *err)
{
	struct starting *s = ctx;
	_cleanup_free_ char *run_dir = container_run_dir(s->c);
	s->dir = container_dir(s->c);
	if (!run_dir || !s->dir)
		return crl_fail_oom(err);
	const struct monitor_spec spec = {.d = s->c->d,
					  .id = s->c->rec.id,
					  .container_dir = s->dir,
					  .run_dir = run_dir,
					  .events = &container_monitor_events,
					  .data = s->c};
	s->c->monitor = monitor_spare_take(s->c->d->containers->spare, &spec);
	if (!s->c->monitor && monitor_spawn(&spec, &s->c->monitor, err) < 0)
		return -1;
	s->c->rec.monitor_pid = monitor_pid(s->c->monitor);
	s->c->rec.monitor_ticks = monitor_ticks(s->c->monitor);
	return 0;
}

static void undo_monitor(void *ctx)
{
	struct starting *s = ctx;
	monitor_kill(take_ptr(s->c->monitor));
}

/* --- the start message --- */

/* The image's layers, and below them all the places that every container mounts on. */
char **container_all_lowers(const struct container *c)
{
	char **lowers = strv_copy(c->rec.lowers);
	const char *points = mount_points_layer(c->d);
	if (lowers && lowers[0] && points)
		(void)strv_push(&lowers, points);
	return lowers;
}

static void fill_start(struct starting *s, struct mon_start *m)
{
	struct container *c = s->c;
	const struct api_config *cfg = &c->rec.config;
	m->id = c->rec.id;
	m->config = container_start_path(c, "config.json");
	m->lowers = container_all_lowers(c);
	m->upper = container_path_of(c, "upper");
	m->work = container_path_of(c, "work");
	/* Root's groups, too, are those that the image names (Docker does so). */
	m->user = str_empty(cfg->user) ? (char *)"0" : cfg->user;
	m->group_add = c->rec.host_config.group_add;
	m->tty = cfg->tty;
	m->open_stdin = cfg->open_stdin;
	m->stdin_once = cfg->stdin_once;
	m->durable = !c->rec.host_config.auto_remove;
	m->netns = c->n_eps > 0 && c->eps[0].netns_fd >= 0;
	m->checkpoint = c->checkpoint;
	m->cache_dir = path_printf("%s/cache", c->d->config.exec_root);
	m->tty_rows = c->tty_rows;
	m->tty_cols = c->tty_cols;
	if (s->spec.process->console_size && !m->tty_rows) {
		m->tty_rows = (int32_t)s->spec.process->console_size->height;
		m->tty_cols = (int32_t)s->spec.process->console_size->width;
	}
}

static void on_started(const cJSON *answer, const struct crl_err *err, int exit_code, void *data);

/* Only what fill_start() and fill_requests() allocated: the rest is the record's. */
static void free_start(struct mon_start *m)
{
	container_sources_free(m);
	container_cdi_free(m->cdi);
	runtime_free(m->runtime);
	free(m->config);
	strv_free(m->lowers);
	free(m->upper);
	free(m->work);
	free(m->cache_dir);
	json_free(&mon_log_json, &m->log);
}

/* What may not be there: a log driver, a runtime, a device. */
static int fill_requests(struct starting *s, struct mon_start *m, struct crl_err *err)
{
	struct container *c = s->c;
	if (container_log_fill(c, &m->log, err) < 0 ||
	    runtime_find(c->d, c->rec.host_config.runtime, &m->runtime, err) < 0 ||
	    container_cdi(c, &m->cdi, err) < 0)
		return -1;
	return container_sources(c, s->peers.ipc, m, err);
}

static int step_send(void *ctx, struct crl_err *err)
{
	struct starting *s = ctx;
	struct container *c = s->c;
	struct mon_attach attach[FD_MSG_MAX_FDS - 1];
	int fds[FD_MSG_MAX_FDS];
	size_t n = 0;
	struct mon_start m = {0};
	if (fill_requests(s, &m, err) < 0) {
		free_start(&m);
		return -1;
	}
	fill_start(s, &m);
	if (m.netns)
		fds[n++] = c->eps[0].netns_fd;
	for (struct container_attach *a = c->attaches; a && n < FD_MSG_MAX_FDS; a = a->next) {
		attach[m.n_attach++] = a->spec;
		fds[n++] = a->fd;
	}
	m.attach = attach;
	cJSON *body = json_encode_tree(&mon_start_json, &m);
	int r = monitor_call(c->monitor, "start", body, fds, n, START_DEADLINE_MS, on_started, c,
			     err);
	free_start(&m);
	return r;
}

static const struct step start_steps[] = {
	{.name = "d.start_peers",
	 .why = "namespaces of other containers are joined by their processes",
	 .see = "namespaces(7)",
	 .run = step_peers},
	{.name = "d.start_network",
	 .why = "a network namespace with an address, and the published ports",
	 .see = "network_namespaces(7)",
	 .run = step_network,
	 .undo = undo_network,
	 .wanted = wants_network},
	{.name = "d.start_monitor",
	 .why = "a parent that outlives the daemon",
	 .see = "pidfd_open(2)",
	 .run = step_monitor,
	 .undo = undo_monitor},
	{.name = "d.start_files",
	 .why = "names resolve inside: hostname, hosts, resolv.conf",
	 .see = "hosts(5)",
	 .run = step_files},
	{.name = "d.start_config",
	 .why = "everything the runtime must know, in the OCI's words",
	 .see = "runtime-spec, config.md",
	 .run = step_config},
	{.name = "d.start_send",
	 .why = "the monitor makes the container; the answer comes later",
	 .see = "unix(7)",
	 .run = step_send},
};
STEPS_LISTED(start_steps);

/* Made at the first start of a daemon's life, for the compiled seccomp filters. */
static void ensure_cache(struct daemon *d)
{
	static bool done;
	struct crl_err ignored;
	_cleanup_free_ char *dir = path_printf("%s/cache", d->config.exec_root);
	if (!done && dir)
		done = path_mkdir_p(dir, 0700, &ignored) == 0;
}

/* --- outcome --- */

#define EXIT_CODE_SETUP_FAILED 128 /* what Docker records when network or files failed */

/* Clients decide by text and status: a program that cannot run is the caller's mistake. */
static void start_failed(struct container *c, struct crl_err *err, int exit_code)
{
	struct crl_err ignored;
	bool first = c->before_start == FSM_CREATED;
	free(take_ptr(c->checkpoint));
	free(c->rec.error);
	c->rec.error = strdup(err->msg);
	c->rec.exit_code = exit_code;
	(void)container_fire(c, first ? FSM_EV_START_FAILED : FSM_EV_RESTART_FAILED, &ignored);
	container_drop_attaches(c);
	log_warn("container did not start", "container", c->rec.id, "error", err->msg, NULL);
	container_wait_fire_exit(c, exit_code);
	struct done_item *waiters = take_ptr(c->start_waiters);
	if (c->rec.host_config.auto_remove && container_remove_now(c, true, &ignored) < 0)
		log_warn("container not removed", "error", ignored.msg, NULL);
	/* A caller may have removed it already: `c` is not touched any more. */
	container_call_done(&waiters, err, false);
}

static void give_up(struct container *c)
{
	struct starting s = {.c = c};
	monitor_kill(take_ptr(c->monitor));
	if (!runtime_is_own(c->d, c->rec.host_config.runtime))
		runtime_end_groups(c->d, c->rec.id, c->rec.host_config.res.cgroup_parent);
	container_settle_volumes(c);
	undo_network(&s);
}

void container_running(struct container *c, const struct mon_started *m)
{
	struct crl_err err = CRL_ERR_INIT;
	c->rec.pid = m->pid;
	c->rec.start_ticks = m->start_ticks;
	c->rec.started_at = m->started_at;
	free(c->rec.cgroup);
	c->rec.cgroup = strdup(m->cgroup ? m->cgroup : "");
	if (c->init_pidfd < 0 &&
	    proc_open_pidfd((pid_t)m->pid, m->start_ticks, &c->init_pidfd, &err) < 0)
		log_debug("container ended at once", "container", c->rec.id, NULL);
}

static void on_started(const cJSON *answer, const struct crl_err *err, int exit_code, void *data)
{
	struct container *c = data;
	struct mon_started m = {0};
	struct crl_err e = *err;
	if (e.code == CRL_OK && json_decode_tree(&mon_started_json, answer, JSON_LAX, &m, &e) < 0)
		exit_code = 125;
	if (e.code != CRL_OK) {
		log_debug("start", "container", c->rec.id, "error", e.msg, NULL);
		const char *plain = step_skip_names(e.msg);
		memmove(e.msg, plain, strlen(plain) + 1);
		if (!str_starts(e.msg, "error while mounting volume") &&
		    !str_starts(e.msg, "could not select device driver") &&
		    !str_starts(e.msg, "CDI device injection failed"))
			crl_context(&e, "failed to create task for container");
		if (exit_code == 126 || exit_code == 127)
			e.code = CRL_INVALID;
		give_up(c);
		start_failed(c, &e, exit_code ? exit_code : 125);
		return;
	}
	container_drop_attaches(c); /* our copies: the monitor has its own */
	if (c->n_eps > 0) {
		cleanup_close_p(&c->eps[0].netns_fd);
		c->eps[0].netns_fd = -1;
	}
	container_running(c, &m);
	free(take_ptr(c->checkpoint));
	free(take_ptr(c->rec.error));
	c->rec.exit_code = 0;
	c->rec.oom_killed = false;
	for (char **w = m.warnings; w && *w; w++)
		log_warn("container", "container", c->rec.id, "warning", *w, NULL);
	json_free(&mon_started_json, &m);
	(void)container_fire(c, FSM_EV_STARTED, &e);
	container_links_moved(c);
	container_call_done(&c->start_waiters, NULL, true);
}

static int run_steps(struct container *c, struct crl_err *err)
{
	struct starting s = {.c = c};
	struct step_run run = {0};
	ensure_cache(c->d);
	int r = steps_run(start_steps, ARRAY_SIZE(start_steps), &s, &run, err);
	if (r < 0)
		container_strip_step(start_steps, ARRAY_SIZE(start_steps), err);
	json_free(&oci_spec_json, &s.spec);
	container_peers_free(&s.peers);
	free(s.init_path);
	free(s.dir);
	free(s.start_dir);
	strv_free(s.link_env);
	return r;
}

void container_start(struct container *c, container_done cb, void *data)
{
	struct crl_err err = CRL_ERR_INIT;
	if (!container_is_running(c) && c->state != FSM_STARTING &&
	    container_start_waits(c, cb, data))
		return;
	if (container_is_running(c)) {
		if (c->state == FSM_PAUSED)
			crl_fail(&err, CRL_CONFLICT,
				 "cannot start a paused container, try unpause instead");
		cb(err.code ? &err : NULL, false, data);
		return;
	}
	if (c->state != FSM_STARTING && container_fire(c, FSM_EV_START, &err) < 0) {
		crl_fail(&err, CRL_CONFLICT,
			 "container is marked for removal and cannot be started");
		cb(&err, false, data);
		return;
	}
	bool under_way = c->start_waiters != NULL || c->monitor != NULL;
	if (container_add_done(&c->start_waiters, cb, data) < 0) {
		crl_fail_oom(&err);
		cb(&err, false, data);
		return;
	}
	if (under_way)
		return;
	c->restart_timer = sd_event_source_disable_unref(c->restart_timer);
	c->stop_requested = false;
	c->rec.manually_stopped = false;
	/* Somebody wants it to run: the policy counts from the beginning. */
	if (!c->policy_start)
		c->rec.restart_count = c->backoff = 0;
	c->policy_start = false;
	if (run_steps(c, &err) < 0)
		start_failed(c, &err, EXIT_CODE_SETUP_FAILED);
}
