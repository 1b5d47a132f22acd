/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Owns the health checks of running containers: one timer a container, one
 * exec a check, run by the container's monitor, which keeps the output and the
 * time limit. So a check goes on when the daemon ends, and its result is there
 * when the next daemon asks. What was learned lies in the run folder, in
 * memory: it need not outlive the host. Rules: health.c.
 */
#include "container.h"
#include "exec.h"
#include "metrics.h"

#include <base/step.h>
#include <base/log.h>
#include <base/base64.h>
#include <base/path.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>

#define STATE_FILE "health.json"
#define STATE_LIMIT (512U * 1024)
#define START_DEADLINE_MS 30000U
#define RETRY_NS 1000000000LL

static const struct api_health_config *config_of(const struct container *c)
{
	const struct api_health_config *cfg = c->rec.config.healthcheck;
	return health_wanted(cfg) ? cfg : NULL;
}

static int64_t age_of(const struct container *c)
{
	return time_boot_ns() - c->started_boot;
}

/* --- what is remembered over a restart of the daemon --- */

/*
 * One write over what stood there, with blanks for the rest of it: no new file
 * for each check, and a daemon that is killed leaves the old or the new text.
 */
static void save(const struct container *c)
{
	_cleanup_free_ char *dir = container_run_dir(c);
	_cleanup_free_ char *path = dir ? path_printf("%s/" STATE_FILE, dir) : NULL;
	_cleanup_free_ char *json = json_encode(&health_json, c->rec.health);
	_cleanup_close_ int fd =
		path ? open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600) : -1;
	struct stat st;
	if (fd < 0 || !json || fstat(fd, &st) < 0)
		return;
	size_t len = strlen(json), size = (size_t)st.st_size > len ? (size_t)st.st_size : len;
	_cleanup_free_ char *text = malloc(size + 1);
	if (!text)
		return;
	memcpy(text, json, len);
	memset(text + len, ' ', size - len);
	if (pwrite(fd, text, size, 0) < 0)
		log_debug("health not saved", "container", c->rec.id, "error", strerror(errno),
			  NULL);
}

void container_health_load(struct container *c)
{
	struct crl_err err = CRL_ERR_INIT;
	struct health found = {0};
	_cleanup_free_ char *dir = container_run_dir(c);
	_cleanup_free_ char *path = dir ? path_printf("%s/" STATE_FILE, dir) : NULL;
	_cleanup_free_ char *text = NULL;
	size_t len;
	if (!path || !config_of(c) ||
	    path_read_file(AT_FDCWD, path, STATE_LIMIT, &text, &len, &err) < 0 ||
	    json_decode(&health_json, text, len, JSON_LAX, &found, &err) < 0)
		return;
	if (!c->rec.health && !(c->rec.health = calloc(1, sizeof(*c->rec.health)))) {
		json_free(&health_json, &found);
		return;
	}
	json_free(&health_json, c->rec.health);
	*c->rec.health = found;
}

/* --- one check --- */

static void arm(struct container *c, int64_t ns);

static void arm_next(struct container *c)
{
	arm(c, health_interval(config_of(c), c->rec.health, age_of(c)));
}

/* Its end is known already, or is about to be told: a check that died of it says nothing. */
static bool is_ending(const struct container *c)
{
	struct pollfd p = {.fd = c->init_pidfd, .events = POLLIN};
	return c->state != FSM_RUNNING || c->stop_requested ||
	       (c->init_pidfd >= 0 && poll(&p, 1, 0) == 1);
}

static void take_result(struct container *c, struct health_result *r)
{
	int64_t age = c->probe_boot - c->started_boot;
	if (c->probe_ignored || (r->exit_code != 0 && is_ending(c)) || c->state != FSM_RUNNING) {
		free(r->output);
		return;
	}
	bool failed_check = r->exit_code != 0;
	bool changed = health_take(c->rec.health, config_of(c), r, age);
	save(c);
	metrics_health_check(c->d, failed_check);
	if (changed) {
		char action[48];
		snprintf(action, sizeof(action), "health_status: %s", c->rec.health->status);
		container_publish(c, action, NULL);
	}
	arm_next(c);
}

static void failed(struct container *c, const char *why)
{
	struct health_result r = {.start = c->probe_started,
				  .end = time_now_ns(),
				  .exit_code = -1,
				  .output = health_text(why, strlen(why), false)};
	take_result(c, &r);
}

static struct exec *probe_of(const struct container *c)
{
	struct exec *e = c->execs;
	while (e && !e->probe)
		e = e->next;
	return e;
}

struct probe_call {
	struct daemon *d;
	char container[ID_HEX + 1], exec[ID_HEX + 1];
};

static void on_probe_started(const cJSON *answer, const struct crl_err *err, int exit_code,
			     void *data)
{
	_cleanup_free_ struct probe_call *call = data;
	struct exec *e = exec_find(call->d, call->exec);
	int64_t pid = 0;
	if (!e || e->has_exit_code)
		return;
	if (err->code == CRL_OK) {
		if (json_get_i64(answer, "pid", &pid))
			e->pid = pid;
		return;
	}
	struct container *c = e->c;
	exec_forget(e);
	char text[sizeof(err->msg) + 64];
	snprintf(text, sizeof(text), "OCI runtime exec failed: %s", step_skip_names(err->msg));
	failed(c, text);
}

static int fill_command(const struct container *c, struct exec *e)
{
	const struct api_health_config *cfg = config_of(c);
	if (str_eq(cfg->test[0], "CMD-SHELL")) {
		e->spec.cmd = strv_copy(c->rec.config.shell);
		if (!strv_len(e->spec.cmd) &&
		    (strv_push(&e->spec.cmd, "/bin/sh") < 0 || strv_push(&e->spec.cmd, "-c") < 0))
			return -1;
	}
	for (char **t = cfg->test + 1; *t; t++)
		if (strv_push(&e->spec.cmd, *t) < 0)
			return -1;
	e->spec.attach_stdout = e->spec.attach_stderr = true;
	return 0;
}

static struct exec *probe_new(struct container *c)
{
	struct exec *e = calloc(1, sizeof(*e));
	if (!e)
		return NULL;
	ident_random(e->id);
	e->c = c;
	e->probe = e->started = true;
	e->next = c->execs;
	c->execs = e;
	if (fill_command(c, e) == 0)
		return e;
	exec_forget(e);
	return NULL;
}

static void probe(struct container *c)
{
	struct crl_err err = CRL_ERR_INIT;
	const struct exec_streams io = {.client = -1,
					.capture = HEALTH_OUTPUT_MAX,
					.timeout_ms =
						(health_timeout(config_of(c)) + 999999) / 1000000};
	struct probe_call *call = calloc(1, sizeof(*call));
	struct exec *e = call ? probe_new(c) : NULL;
	if (!e) {
		free(call);
		arm(c, RETRY_NS);
		return;
	}
	call->d = c->d;
	memcpy(call->container, c->rec.id, ID_HEX);
	memcpy(call->exec, e->id, ID_HEX);
	c->probe_started = time_now_ns();
	c->probe_boot = time_boot_ns();
	c->probe_ignored = false;
	exec_publish(e, "exec_create");
	if (exec_send(e, &io, START_DEADLINE_MS, on_probe_started, call, &err) == 0)
		return;
	free(call);
	exec_forget(e);
	failed(c, err.msg);
}

static int on_time(sd_event_source *s, uint64_t usec, void *data)
{
	struct container *c = data;
	c->health_timer = sd_event_source_disable_unref(c->health_timer);
	/* One that is being stopped need not be well. */
	if (c->state != FSM_RUNNING || !c->monitor || c->stop_requested || probe_of(c))
		return 0;
	probe(c);
	return 0;
}

static void arm(struct container *c, int64_t ns)
{
	c->health_timer = sd_event_source_disable_unref(c->health_timer);
	/* A twentieth of slack lets the loop serve several of them at once. */
	uint64_t slack = (uint64_t)(ns > 0 ? ns : 0) / 20000;
	if (sd_event_add_time_relative(c->d->event, &c->health_timer, CLOCK_BOOTTIME,
				       (uint64_t)(ns > 0 ? ns : 0) / 1000,
				       slack > 100000 ? 100000 : slack + 1, on_time, c) < 0)
		log_error("no timer for the health check", "container", c->rec.id, NULL);
}

/* --- its end --- */

static char *timeout_text(const struct container *c, const char *output)
{
	char t[48];
	struct buf b = BUF_INIT;
	buf_printf(&b, "Health check exceeded timeout (%s)",
		   health_duration(health_timeout(config_of(c)), t));
	if (!str_empty(output))
		buf_printf(&b, ": %s", output);
	return buf_take(&b);
}

void container_health_probed(struct container *c, struct exec *e, const struct mon_exit *x)
{
	const char *coded = x->output ? x->output : "";
	struct crl_err ignored = CRL_ERR_INIT;
	_cleanup_free_ uint8_t *raw = NULL;
	size_t len;
	struct health_result r = {.start = c->probe_started,
				  .end = time_now_ns(),
				  .exit_code = x->timed_out ? -1 : x->exit_code};
	exec_forget(e);
	if (!c->rec.health || !config_of(c))
		return;
	/* What the monitor coded; without memory the check has no output. */
	if (base64_bytes(coded, strlen(coded), &raw, &len, &ignored) == 0)
		r.output = health_text((char *)raw, len, x->truncated);
	if (x->timed_out) {
		char *text = timeout_text(c, r.output);
		free(r.output);
		r.output = text;
	}
	take_result(c, &r);
}

void container_health_drop(struct container *c)
{
	struct exec *e;
	while ((e = probe_of(c)))
		exec_forget(e);
}

/* --- the container's life --- */

void container_health_begin(struct container *c)
{
	if (!config_of(c))
		return;
	if (health_begin(&c->rec.health) < 0) {
		log_error("no health check: out of memory", "container", c->rec.id, NULL);
		return;
	}
	save(c);
	arm_next(c);
}

void container_health_pause(struct container *c)
{
	struct crl_err err = CRL_ERR_INIT;
	struct exec *e = probe_of(c);
	c->health_timer = sd_event_source_disable_unref(c->health_timer);
	if (!e || !c->monitor)
		return;
	/* It cannot end while it is frozen, and its time would run on. */
	c->probe_ignored = true;
	const struct mon_signal m = {.exec_id = e->id, .signal = SIGKILL};
	(void)monitor_call(c->monitor, "signal", json_encode_tree(&mon_signal_json, &m), NULL, 0, 0,
			   NULL, NULL, &err);
}

void container_health_resume(struct container *c)
{
	if (config_of(c) && c->rec.health)
		arm_next(c);
}

/* Docker calls a container unhealthy that no longer runs; scripts wait for that word. */
void container_health_end(struct container *c)
{
	c->health_timer = sd_event_source_disable_unref(c->health_timer);
	if (c->rec.health)
		(void)health_set(c->rec.health, HEALTH_UNHEALTHY);
}

/* --- the daemon came back --- */

void container_health_adopt(struct container *c, struct exec *e, const struct mon_exec_state *s)
{
	c->probe_started = s->started_at;
	c->probe_boot = time_boot_ns() - (time_now_ns() - s->started_at);
	c->probe_ignored = c->state == FSM_PAUSED;
	if (s->running)
		return;
	const struct mon_exit x = {.exec_id = e->id,
				   .exit_code = s->exit_code,
				   .timed_out = s->timed_out,
				   .truncated = s->truncated,
				   .output = s->output};
	container_health_probed(c, e, &x);
}

void container_health_rearm(struct container *c)
{
	const struct health *h = c->rec.health;
	if (!config_of(c) || c->state != FSM_RUNNING)
		return;
	if (!h) {
		container_health_begin(c);
		return;
	}
	if (c->health_timer || probe_of(c))
		return;
	int64_t wait = health_interval(config_of(c), h, age_of(c));
	int64_t gone = h->n_log ? time_now_ns() - h->log[h->n_log - 1].end : age_of(c);
	/* A clock that was set meanwhile must neither hurry nor delay it by more than a turn. */
	arm(c, gone < 0 || gone > wait ? 0 : wait - gone);
}
