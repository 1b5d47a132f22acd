/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Owns what follows the end of a container's process, in the order clients
 * rely on: exit code recorded, die, network released, stop, waiters answered,
 * and with --rm: name free, destroy, `removed` waiters. Also the end nobody
 * announced: a monitor that died. And the restart policy's back-off.
 */
#include "container.h"
#include "exec.h"
#include "runtimes.h"

#include <base/log.h>
#include <base/path.h>
#include <base/proc.h>
#include <crun-lite/runtime.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/epoll.h>

#define SECOND 1000000000LL
#define BACKOFF_MIN (SECOND / 10)
#define BACKOFF_MAX (60 * SECOND)
#define BACKOFF_RESET (10 * SECOND)

/* --- restart policy --- */

bool container_wants_restart(const struct container *c)
{
	const struct api_restart_policy *p = &c->rec.host_config.restart_policy;
	if (c->d->ending || c->stop_requested || c->remove_on_exit || c->rec.manually_stopped)
		return false;
	if (str_eq(p->name, "always") || str_eq(p->name, "unless-stopped"))
		return true;
	return str_eq(p->name, "on-failure") && c->rec.exit_code != 0 &&
	       (p->maximum_retry_count == 0 || c->rec.restart_count < p->maximum_retry_count);
}

static void on_restarted(const struct crl_err *err, bool modified, void *data)
{
	struct container *c = data;
	struct crl_err ignored;
	if (!err)
		return;
	/* A policy does not give up because one start failed (a port not free yet). */
	if (c->state == FSM_EXITED && container_wants_restart(c))
		(void)container_fire(c, FSM_EV_BACKOFF, &ignored);
}

static int on_restart_time(sd_event_source *s, uint64_t usec, void *data)
{
	struct container *c = data;
	c->restart_timer = sd_event_source_disable_unref(c->restart_timer);
	c->rec.restart_count++;
	c->policy_start = true;
	container_start(c, on_restarted, c);
	return 0;
}

void container_arm_restart(struct container *c)
{
	bool ran_long = c->started_boot && time_boot_ns() - c->started_boot >= BACKOFF_RESET;
	if (c->backoff == 0 || ran_long)
		c->backoff = BACKOFF_MIN;
	else if (c->backoff < BACKOFF_MAX)
		c->backoff = c->backoff * 2 > BACKOFF_MAX ? BACKOFF_MAX : c->backoff * 2;
	if (sd_event_add_time_relative(c->d->event, &c->restart_timer, CLOCK_BOOTTIME,
				       (uint64_t)c->backoff / 1000, 0, on_restart_time, c) < 0)
		log_error("no timer for the restart", "container", c->rec.id, NULL);
}

/* --- resources of a run --- */

void container_release(struct container *c)
{
	container_net_release(c);
	container_publish_volumes(c, false);
	container_settle_volumes(c);
	_cleanup_free_ char *run_dir = container_run_dir(c);
	struct crl_err err = CRL_ERR_INIT;
	if (run_dir && path_remove_tree(AT_FDCWD, run_dir, &err) < 0)
		log_warn("run folder not removed", "container", c->rec.id, "error", err.msg, NULL);
}

/* --- the end --- */

static void finish(struct container *c, const char *why)
{
	struct crl_err err = CRL_ERR_INIT;
	bool again = container_wants_restart(c), stopped = c->stop_requested;
	int32_t code = c->rec.exit_code;
	free(c->rec.error);
	c->rec.error = why ? strdup(why) : NULL;
	c->rec.pid = 0;
	c->rec.start_ticks = 0;
	cJSON_Delete(take_ptr(c->rec.endpoints));
	container_health_end(c);
	if (c->rec.oom_killed)
		container_publish(c, "oom", NULL);
	if (container_fire(c, again ? FSM_EV_BACKOFF : FSM_EV_EXIT, &err) < 0)
		log_error("exit", "container", c->rec.id, "error", err.msg, NULL);
	c->death_source = sd_event_source_disable_unref(c->death_source);
	execs_end(c);
	container_drop_attaches(c);
	container_release(c);
	/* A forced removal kills and destroys: nobody asked for a stop. */
	if (stopped && !c->remove_on_exit)
		container_publish(c, "stop", NULL);
	c->stop_requested = false;
	container_wait_fire_exit(c, code);
	bool remove =
		!again && !c->keep_on_exit && (c->rec.host_config.auto_remove || c->remove_on_exit);
	c->keep_on_exit = false;
	struct done_item *waiters = take_ptr(c->exit_waiters);
	/* Callers of stop and rm hear of it when the name is free; `c` may be gone by then. */
	if (remove &&
	    container_remove_now(c, c->rec.host_config.auto_remove || c->remove_volumes, &err) < 0)
		log_warn("container not removed", "error", err.msg, NULL);
	container_call_done(&waiters, NULL, true);
}

void container_exited(struct container *c, const struct mon_exit *e, const char *why)
{
	if (!container_is_running(c))
		return;
	c->rec.exit_code = e->exit_code;
	c->rec.finished_at = e->finished_at ? e->finished_at : time_now_ns();
	c->rec.oom_killed = e->oom_killed;
	/* It may end now: what it had to say is in our hands. */
	monitor_release(take_ptr(c->monitor));
	finish(c, why);
}

/* --- a monitor that is gone --- */

static void settle_orphan(struct container *c)
{
	struct mon_exit_record rec;
	struct crl_err err = CRL_ERR_INIT;
	_cleanup_free_ char *dir = container_dir(c);
	_cleanup_close_ int fd = dir ? open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;
	struct mon_exit e = {.exit_code = 137, .finished_at = time_now_ns()};
	const char *why = c->monitor_stuck
				  ? "the container's monitor did not answer and was "
				    "killed, and the container with it"
				  : "the container's monitor died; the container was killed";
	c->monitor_stuck = false;
	if (fd >= 0 && mon_exit_record_read(fd, &rec, &err) == 0 && rec.state == 1 &&
	    (rec.start_ticks == c->rec.start_ticks || !c->rec.start_ticks)) {
		e.exit_code = rec.exit_code;
		e.oom_killed = rec.oom_killed != 0;
		e.finished_at = rec.finished_at;
		why = NULL;
	}
	if (!str_empty(c->rec.cgroup) && crl_cgroup_remove(c->rec.cgroup, &err) < 0)
		log_warn("cgroup not removed", "container", c->rec.id, "error", err.msg, NULL);
	if (!runtime_is_own(c->d, c->rec.host_config.runtime))
		runtime_end_groups(c->d, c->rec.id, c->rec.host_config.res.cgroup_parent);
	monitor_kill(take_ptr(c->monitor));
	container_exited(c, &e, why);
}

static int on_orphan_dead(sd_event_source *s, int fd, uint32_t revents, void *data)
{
	struct container *c = data;
	c->death_source = sd_event_source_disable_unref(c->death_source);
	settle_orphan(c);
	return 0;
}

/* Without its monitor nobody reads the container's output or records its end: it is ended. */
void container_monitor_gone(struct container *c)
{
	struct crl_err err = CRL_ERR_INIT;
	monitor_kill(take_ptr(c->monitor));
	if (c->state == FSM_STARTING)
		return; /* the pending call fails, and with it the start */
	if (!container_is_running(c))
		return;
	log_warn("monitor is gone: its container is killed", "container", c->rec.id, "monitor",
		 log_i64(c->rec.monitor_pid), NULL);
	if (c->init_pidfd >= 0 && proc_pidfd_kill(c->init_pidfd, SIGKILL, &err) == 0 &&
	    sd_event_add_io(c->d->event, &c->death_source, c->init_pidfd, EPOLLIN, on_orphan_dead,
			    c) >= 0)
		return;
	settle_orphan(c);
}

void container_monitor_stuck(struct container *c)
{
	log_warn("monitor does not answer: it is killed", "container", c->rec.id, "monitor",
		 log_i64(c->rec.monitor_pid), NULL);
	c->monitor_stuck = true;
	container_monitor_gone(c);
}

/* --- what monitors tell --- */

static void on_exited(const struct mon_exit *e, void *data)
{
	struct container *c = data;
	if (!str_empty(e->exec_id))
		exec_on_exit(c, e);
	else
		container_exited(c, e, NULL);
}

static void on_oom(void *data)
{
	struct container *c = data;
	container_publish(c, "oom", NULL);
}

static void on_detached(const char *exec_id, void *data)
{
	struct container *c = data;
	if (*exec_id)
		exec_on_detach(c, exec_id);
	else
		container_publish(c, "detach", NULL);
}

static void on_gone(void *data)
{
	container_monitor_gone(data);
}

const struct monitor_events container_monitor_events = {on_exited, on_oom, on_detached, on_gone};
