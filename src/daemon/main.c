// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * crun-lited: options, signals, and the loop. SIGTERM and SIGINT end the
 * daemon and, with live-restore, leave the containers running; SIGHUP reads the configuration
 * file again. See sd-event(3), sd_notify(3).
 */
#include "config.h"
#include "container_fsm.h"
#include "containers.h"
#include "daemon.h"
#include "events.h"
#include "http.h"
#include "self.h"

#include <base/fd.h>
#include <base/ident.h>
#include <base/log.h>
#include <base/step.h>
#include <config.h>
#include <malloc.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <systemd/sd-daemon.h>

static void apply_log(const struct daemon_config *c)
{
	enum log_level level = LOG_LEVEL_INFO;

	(void)log_level_parse(c->debug ? "debug" : c->log_level, &level);
	log_set_level(level);
	log_set_json(str_eq(c->log_format, "json"));
}

static void log_warnings(const struct daemon_config *c)
{
	for (char **warning = c->warnings; warning && *warning; warning++)
		log_warn("setting", "warning", *warning, NULL);
}

static void print_routes(void)
{
	for (size_t i = 0; i < http_n_routes; i++)
		printf("%-6s %-36s %d.%d  %s\n", http_routes[i].method, http_routes[i].pattern,
		       http_routes[i].min_version / 100, http_routes[i].min_version % 100,
		       http_routes[i].summary);
}

struct program {
	struct daemon daemon;
	struct config_cli cli;
};

static void on_ended(void *data)
{
	struct program *p = data;

	(void)sd_event_exit(p->daemon.event, 0);
}

static int on_end(sd_event_source *source, const struct signalfd_siginfo *si, void *data)
{
	struct program *p = data;

	log_info("ending", "signal", log_i64(si->ssi_signo), NULL);
	sd_notify(0, "STOPPING=1");
	if (p->daemon.config.live_restore || !p->daemon.containers)
		on_ended(p);
	else
		containers_shutdown(&p->daemon, on_ended, p);
	return 0;
}

static void publish_reload(struct daemon *d)
{
	struct strmap attributes = {0};
	struct utsname u = {0};

	(void)uname(&u);
	config_reloadable(&d->config, &attributes);
	(void)strmap_set(&attributes, "name", u.nodename);
	events_publish(d, "daemon", "reload", d->id, &attributes);
	strmap_free(&attributes);
}

static int on_reload(sd_event_source *source, const struct signalfd_siginfo *si, void *data)
{
	struct program *p = data;
	struct crl_err err = CRL_ERR_INIT;
	uint64_t now = 0;

	(void)sd_event_now(p->daemon.event, CLOCK_MONOTONIC, &now);
	sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%llu", (unsigned long long)now);
	if (config_reload(&p->cli, &p->daemon.config, &err) < 0) {
		log_error("reload: the old settings stay", "error", err.msg, NULL);
	} else {
		apply_log(&p->daemon.config);
		http_server_renew_keys(p->daemon.http);
		publish_reload(&p->daemon);
		log_info("reloaded", NULL);
	}
	sd_notify(0, "READY=1");
	return 0;
}

static int add_signals(struct program *p, struct crl_err *err)
{
	sd_event *event = p->daemon.event;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0 ||
	    sd_event_add_signal(event, NULL, SIGTERM, on_end, p) < 0 ||
	    sd_event_add_signal(event, NULL, SIGINT, on_end, p) < 0 ||
	    sd_event_add_signal(event, NULL, SIGHUP, on_reload, p) < 0)
		return crl_fail(err, CRL_INTERNAL, "signal handlers");
	return 0;
}

static void prepare_process(void)
{
	(void)umask(022);
	(void)signal(SIGPIPE, SIG_IGN);
	fd_raise_nofile();
	/* One thread, small blocks: give memory back early instead of keeping it for a next peak.
	 */
	(void)mallopt(M_ARENA_MAX, 1);
	(void)mallopt(M_TRIM_THRESHOLD, 256 * 1024);
	(void)mallopt(M_MMAP_THRESHOLD, 128 * 1024);
}

static int serve(struct program *p, struct crl_err *err)
{
	int status;

	if (daemon_start(&p->daemon, err) < 0)
		return -1;
	for (char **host = p->daemon.config.hosts; *host; host++)
		log_info("listening", "on", *host, NULL);
	sd_notify(0, "READY=1");
	status = sd_event_loop(p->daemon.event);
	daemon_stop(&p->daemon);
	if (status < 0)
		return crl_fail_sys(err, -status, "event loop");
	return 0;
}

static int run_daemon(struct program *p, struct crl_err *err)
{
	if (config_load(&p->cli, &p->daemon.config, err) < 0)
		return -1;
	apply_log(&p->daemon.config);
	log_warnings(&p->daemon.config);
	if (geteuid() != 0)
		return crl_fail(err, CRL_FORBIDDEN, "crun-lited must be started as root");
	prepare_process();
	if (sd_event_new(&p->daemon.event) < 0)
		return crl_fail_oom(err);
	/* Pings the service manager from the loop itself: a loop that stands still does not. */
	(void)sd_event_set_watchdog(p->daemon.event, true);
	if (add_signals(p, err) < 0 || self_confine(err) < 0)
		return -1;
	return serve(p, err);
}

/* Reads what a start would read, and touches nothing. */
static int validate(struct program *p, struct crl_err *err)
{
	if (config_load(&p->cli, &p->daemon.config, err) < 0)
		return -1;
	log_warnings(&p->daemon.config);
	fputs("configuration OK\n", stderr);
	return 0;
}

static int act(struct program *p, struct crl_err *err)
{
	switch (p->cli.action) {
	case CONFIG_HELP: config_print_help(stdout); return 0;
	case CONFIG_VERSION: printf("crun-lited %s (API %s)\n", CRL_VERSION, "1.51"); return 0;
	case CONFIG_ROUTES: print_routes(); return 0;
	case CONFIG_FSM: fsm_print(stdout); return 0;
	case CONFIG_STEPS: steps_print(stdout); return 0;
	case CONFIG_SETTINGS: config_print_settings(stdout); return 0;
	case CONFIG_VALIDATE: return validate(p, err);
	case CONFIG_RUN: return run_daemon(p, err);
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct program p = {0};
	struct crl_err err = CRL_ERR_INIT;
	int r = config_parse_args(argc, argv, &p.cli, &err);

	if (r < 0)
		fprintf(stderr, "crun-lited: %s\nSee crun-lited --help.\n", err.msg);
	else if ((r = act(&p, &err)) < 0)
		log_error("crun-lited ends", "error", err.msg, NULL);
	config_free(&p.daemon.config);
	config_cli_free(&p.cli);
	sd_event_unref(p.daemon.event);
	return r < 0 ? 1 : 0;
}
