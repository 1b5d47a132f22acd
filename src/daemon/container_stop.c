/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Owns signals to containers: stop with its grace period, restart, kill, and
 * the freezer behind pause. Signals go to the init process's pidfd, so that
 * they never meet a stranger. See pidfd_send_signal(2), cgroups(7).
 */
#include "container.h"
#include "runtimes.h"

#include <base/log.h>
#include <base/proc.h>
#include <crun-lite/runtime.h>
#include <signal.h>

#define STOP_SECONDS 10
/* After SIGKILL the end is reported within this, else the monitor is asked whether it lives. */
#define KILL_GRACE_US (5 * 1000 * 1000ULL)
#define HELLO_DEADLINE_MS 3000

int container_stop_signal(const struct container *c)
{
	int n = str_empty(c->rec.config.stop_signal)
			? SIGTERM
			: proc_signal_number(c->rec.config.stop_signal);
	return n > 0 ? n : SIGTERM;
}

int container_signal(struct container *c, int signal, struct crl_err *err)
{
	char text[16];
	if (c->init_pidfd < 0)
		return crl_fail(err, CRL_CONFLICT, "Container %s is not running", c->rec.id);
	if (proc_pidfd_kill(c->init_pidfd, signal, err) < 0) {
		/* It ended a moment ago; the monitor's word is on its way. */
		if (err->code == CRL_NOT_FOUND)
			return 0;
		return -1;
	}
	snprintf(text, sizeof(text), "%d", signal);
	container_publish(c, "kill", "signal", text, NULL);
	return 0;
}

/* A frozen process acts on its signal only when it runs again. */
static void thaw(struct container *c)
{
	struct crl_err err = CRL_ERR_INIT;
	if (c->state == FSM_PAUSED && container_pause(c, false, &err) < 0)
		log_warn("not thawed", "container", c->rec.id, "error", err.msg, NULL);
}

/* --- the end after a SIGKILL --- */

static void give_up_stop(struct container *c, const char *why)
{
	struct crl_err err = CRL_ERR_INIT;
	crl_fail(&err, CRL_UNAVAILABLE, "cannot stop container: %s: %s", c->rec.name, why);
	c->stop_requested = false;
	c->remove_on_exit = false;
	container_call_done(&c->exit_waiters, &err, false);
}

static int on_kill_failed(sd_event_source *s, uint64_t usec, void *data)
{
	struct container *c = data;
	c->stop_timer = sd_event_source_disable_unref(c->stop_timer);
	give_up_stop(c, "it was killed, but the process is stuck in the kernel");
	return 0;
}

/* A monitor that answers waits as we do; one that does not is worth nothing to its container. */
static void on_still_there(const cJSON *answer, const struct crl_err *err, int exit_code,
			   void *data)
{
	struct container *c = data;
	if (!container_is_running(c))
		return;
	if (err->code == CRL_OK) {
		give_up_stop(c, "it was killed, but the process is stuck in the kernel");
		return;
	}
	sd_event_add_time_relative(c->d->event, &c->stop_timer, CLOCK_BOOTTIME, KILL_GRACE_US, 0,
				   on_kill_failed, c);
	container_monitor_stuck(c);
}

static int on_no_end(sd_event_source *s, uint64_t usec, void *data)
{
	struct container *c = data;
	struct crl_err err = CRL_ERR_INIT;
	c->stop_timer = sd_event_source_disable_unref(c->stop_timer);
	if (!c->monitor || monitor_call(c->monitor, "hello", NULL, NULL, 0, HELLO_DEADLINE_MS,
					on_still_there, c, &err) < 0)
		on_still_there(NULL, &err, 0, c);
	return 0;
}

static void expect_end(struct container *c)
{
	c->stop_timer = sd_event_source_disable_unref(c->stop_timer);
	sd_event_add_time_relative(c->d->event, &c->stop_timer, CLOCK_BOOTTIME, KILL_GRACE_US, 0,
				   on_no_end, c);
}

/* --- kill --- */

int container_kill(struct container *c, int signal, struct crl_err *err)
{
	if (!container_is_running(c))
		return crl_fail(err, CRL_CONFLICT,
				"Cannot kill container: %s: Container %s is not running",
				c->rec.name, c->rec.id);
	bool ends = signal == SIGKILL || signal == container_stop_signal(c);
	if (container_signal(c, signal, err) < 0)
		return crl_context(err, "Cannot kill container: %s", c->rec.name);
	if (ends) {
		c->rec.manually_stopped = true;
		thaw(c);
	}
	if (signal == SIGKILL)
		expect_end(c);
	return 0;
}

/* --- stop --- */

static void kill_now(struct container *c)
{
	struct crl_err err = CRL_ERR_INIT;
	if (container_signal(c, SIGKILL, &err) < 0)
		log_warn("kill", "container", c->rec.id, "error", err.msg, NULL);
	thaw(c);
	expect_end(c);
}

static int on_stop_time(sd_event_source *s, uint64_t usec, void *data)
{
	kill_now(data);
	return 0;
}

static void begin_stop(struct container *c, int signal, int64_t timeout)
{
	struct crl_err err = CRL_ERR_INIT;
	c->stop_requested = true;
	if (signal == 0)
		signal = container_stop_signal(c);
	if (timeout == STOP_TIMEOUT_DEFAULT)
		timeout = c->rec.config.stop_timeout.set ? c->rec.config.stop_timeout.v
							 : STOP_SECONDS;
	c->stop_timer = sd_event_source_disable_unref(c->stop_timer);
	if (signal == SIGKILL) {
		kill_now(c);
		return;
	}
	if (container_signal(c, signal, &err) < 0)
		log_warn("stop", "container", c->rec.id, "error", err.msg, NULL);
	thaw(c);
	if (timeout < 0)
		return;
	if (timeout == 0)
		kill_now(c);
	else
		sd_event_add_time_relative(c->d->event, &c->stop_timer, CLOCK_BOOTTIME,
					   (uint64_t)timeout * 1000000, 0, on_stop_time, c);
}

static void cancel_restart(struct container *c, container_done cb, void *data)
{
	struct crl_err err = CRL_ERR_INIT;
	c->rec.manually_stopped = true;
	(void)container_fire(c, FSM_EV_CANCEL, &err);
	container_publish(c, "stop", NULL);
	container_wait_fire_exit(c, c->rec.exit_code);
	cb(NULL, true, data);
}

struct stop_later {
	struct container *c;
	int signal;
	int64_t timeout;
	container_done cb;
	void *data;
};

static void on_start_settled(const struct crl_err *err, bool modified, void *data)
{
	struct stop_later l = *(struct stop_later *)data;
	free(data);
	/* A start that failed may have removed the container (--rm): nothing is left to stop. */
	if (err)
		l.cb(NULL, false, l.data);
	else
		container_stop(l.c, l.signal, l.timeout, l.cb, l.data);
}

void container_stop(struct container *c, int signal, int64_t timeout, container_done cb, void *data)
{
	struct crl_err err = CRL_ERR_INIT;
	if (c->state == FSM_RESTARTING) {
		cancel_restart(c, cb, data);
		return;
	}
	if (c->state == FSM_STARTING) {
		struct stop_later *l = malloc(sizeof(*l));
		if (l) {
			*l = (struct stop_later){c, signal, timeout, cb, data};
			if (container_add_done(&c->start_waiters, on_start_settled, l) == 0)
				return;
			free(l);
		}
		crl_fail_oom(&err);
		cb(&err, false, data);
		return;
	}
	if (!container_is_running(c)) {
		cb(NULL, false, data);
		return;
	}
	bool under_way = c->stop_requested && timeout != 0;
	if (container_add_done(&c->exit_waiters, cb, data) < 0) {
		crl_fail_oom(&err);
		cb(&err, false, data);
		return;
	}
	c->rec.manually_stopped = true;
	if (!under_way)
		begin_stop(c, signal, timeout);
}

void container_stop_for_end(struct container *c)
{
	if (!c->stop_requested)
		begin_stop(c, 0, STOP_TIMEOUT_DEFAULT);
}

/* --- restart --- */

struct restart {
	struct container *c;
	container_done cb;
	void *data;
};

static void on_restart_started(const struct crl_err *err, bool modified, void *data)
{
	struct restart *r = data;
	if (!err)
		container_publish(r->c, "restart", NULL);
	r->cb(err, true, r->data);
	free(r);
}

static void on_restart_stopped(const struct crl_err *err, bool modified, void *data)
{
	struct restart *r = data;
	if (!err) {
		container_start(r->c, on_restart_started, r);
		return;
	}
	r->cb(err, false, r->data);
	free(r);
}

void container_restart(struct container *c, int signal, int64_t timeout, container_done cb,
		       void *data)
{
	struct restart *r = malloc(sizeof(*r));
	struct crl_err err = CRL_ERR_INIT;
	if (!r) {
		crl_fail_oom(&err);
		cb(&err, false, data);
		return;
	}
	*r = (struct restart){.c = c, .cb = cb, .data = data};
	c->keep_on_exit = container_is_running(c);
	container_stop(c, signal, timeout, on_restart_stopped, r);
}

/* --- pause --- */

int container_pause(struct container *c, bool pause, struct crl_err *err)
{
	if (!pause && c->state != FSM_PAUSED)
		return crl_fail(err, CRL_CONFLICT, "Container %s is not paused", c->rec.id);
	if (!container_is_running(c))
		return crl_fail(err, CRL_CONFLICT, "Container %s is not running", c->rec.id);
	if (pause && c->state == FSM_PAUSED)
		return crl_fail(err, CRL_CONFLICT, "Container %s is already paused", c->rec.id);
	if (str_empty(c->rec.cgroup) && runtime_freeze(c->rec.pid, c->rec.id, pause))
		return container_fire(c, pause ? FSM_EV_PAUSE : FSM_EV_UNPAUSE, err);
	if (str_empty(c->rec.cgroup))
		return crl_fail(err, CRL_UNSUPPORTED,
				"cannot pause container %s: it has no cgroup v2 group", c->rec.id);
	if (crl_cgroup_freeze(c->rec.cgroup, pause, err) < 0)
		return crl_context(err, "Cannot %s container %s", pause ? "pause" : "unpause",
				   c->rec.id);
	if (container_fire(c, pause ? FSM_EV_PAUSE : FSM_EV_UNPAUSE, err) < 0)
		return -1;
	if (pause)
		container_health_pause(c);
	else
		container_health_resume(c);
	return 0;
}
