// SPDX-License-Identifier: GPL-2.0-or-later
/* Counting, and the families about the engine. See metrics.h; metrics_containers.c has containers.
 */
#include "metrics.h"
#include "containers.h"
#include "daemon.h"
#include "events.h"
#include "metrics_text.h"

#include <base/ident.h>
#include <base/path.h>
#include <config.h>
#include <dirent.h>
#include <sys/resource.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>

static const double bounds[] = {0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10};
#define BOUNDS ARRAY_SIZE(bounds)

struct histogram {
	uint64_t buckets[BOUNDS + 1], count;
	double sum;
};

/* What dockerd times, and the routes that do it here. Only what succeeded is counted. */
static const struct action {
	const char *family, *action, *method, *pattern;
} actions[] = {
	{"container", "changes", "GET", "/containers/*/changes"},
	{"container", "commit", "POST", "/commit"},
	{"container", "create", "POST", "/containers/create"},
	{"container", "delete", "DELETE", "/containers/*"},
	{"container", "start", "POST", "/containers/*/start"},
	{"image", "delete", "DELETE", "/images/*"},
	{"network", "connect", "POST", "/networks/*/connect"},
	{"network", "create", "POST", "/networks/create"},
	{"network", "delete", "DELETE", "/networks/*"},
};
#define ACTIONS ARRAY_SIZE(actions)

struct metrics {
	struct histogram actions[ACTIONS];
	uint64_t answers[6]; /* by the status's first digit */
	uint64_t events, checks, failed_checks;
};

struct metrics *metrics_new(void)
{
	return calloc(1, sizeof(struct metrics));
}

void metrics_free(struct metrics *m)
{
	free(m);
}

static void observe(struct histogram *h, double seconds)
{
	size_t i = 0;

	while (i < BOUNDS && seconds > bounds[i])
		i++;
	h->buckets[i]++;
	h->count++;
	h->sum += seconds;
}

void metrics_answer(struct daemon *d, const struct http_route *route, int status, int64_t ns)
{
	struct metrics *m = d->metrics;

	if (!m)
		return;
	m->answers[status >= 100 && status < 600 ? status / 100 : 0]++;
	for (size_t i = 0; route && status < 300 && i < ACTIONS; i++) {
		if (str_eq(actions[i].method, route->method) &&
		    str_eq(actions[i].pattern, route->pattern))
			observe(&m->actions[i], (double)ns / 1e9);
	}
}

void metrics_event(struct daemon *d)
{
	if (d->metrics)
		d->metrics->events++;
}

void metrics_health_check(struct daemon *d, bool failed)
{
	if (!d->metrics)
		return;
	d->metrics->checks++;
	d->metrics->failed_checks += failed;
}

/* --- text --- */

static void add_histogram(struct buf *b, const struct action *a, const struct histogram *h)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < BOUNDS; i++) {
		sum += h->buckets[i];
		buf_printf(
			b,
			"engine_daemon_%s_actions_seconds_bucket{action=\"%s\",le=\"%g\"} %llu\n",
			a->family, a->action, bounds[i], (unsigned long long)sum);
	}
	buf_printf(b,
		   "engine_daemon_%s_actions_seconds_bucket{action=\"%s\",le=\"+Inf\"} %llu\n"
		   "engine_daemon_%s_actions_seconds_sum{action=\"%s\"} %.9g\n"
		   "engine_daemon_%s_actions_seconds_count{action=\"%s\"} %llu\n",
		   a->family, a->action, (unsigned long long)h->count, a->family, a->action, h->sum,
		   a->family, a->action, (unsigned long long)h->count);
}

/* The rows of one family stand together, as the format wants it. */
static void add_actions(const struct metrics *m, struct buf *b)
{
	const char *family = "";

	for (size_t i = 0; i < ACTIONS; i++) {
		if (!str_eq(actions[i].family, family)) {
			family = actions[i].family;
			buf_printf(b,
				   "# HELP engine_daemon_%s_actions_seconds The number of seconds "
				   "it takes to process each %s action\n"
				   "# TYPE engine_daemon_%s_actions_seconds histogram\n",
				   family, family, family);
		}
		add_histogram(b, &actions[i], &m->actions[i]);
	}
}

static void add_states(struct daemon *d, struct buf *b)
{
	struct containers_counts n = {0};

	containers_count(d, &n);
	metrics_family(b, "engine_daemon_container_states_containers", "gauge",
		       "The count of containers in various states");
	metrics_sample(b, (double)n.paused, "state", "paused", NULL);
	metrics_sample(b, (double)n.running, "state", "running", NULL);
	metrics_sample(b, (double)n.stopped, "state", "stopped", NULL);
}

static void add_engine(struct daemon *d, struct buf *b)
{
	struct utsname u = {0};
	struct sysinfo si = {0};

	(void)uname(&u);
	(void)sysinfo(&si);
	metrics_family(b, "engine_daemon_engine_info", "gauge",
		       "The information related to the engine and the OS it is running on");
	metrics_sample(b, 1, "architecture", u.machine, "commit", "crun-lite-" CRL_VERSION,
		       "daemon_id", d->id, "graphdriver", "overlay2", "kernel", u.release, "os",
		       u.sysname, "os_type", "linux", "version", ENGINE_VERSION, NULL);
	metrics_family(b, "engine_daemon_engine_cpus_cpus", "gauge",
		       "The number of cpus that the host system of the engine has");
	metrics_sample(b, get_nprocs(), NULL);
	metrics_family(b, "engine_daemon_engine_memory_bytes", "gauge",
		       "The number of bytes of memory that the host system of the engine has");
	metrics_sample(b, (double)si.totalram * si.mem_unit, NULL);
}

static void add_counters(struct daemon *d, struct buf *b)
{
	static const char *const classes[] = {"other", "1xx", "2xx", "3xx", "4xx", "5xx"};
	const struct metrics *m = d->metrics;

	metrics_family(b, "engine_daemon_events_total", "counter", "The number of events logged");
	metrics_sample(b, (double)m->events, NULL);
	metrics_family(b, "engine_daemon_events_subscribers_total", "gauge",
		       "The number of current subscribers to events");
	metrics_sample(b, (double)events_listeners(d), NULL);
	metrics_family(b, "engine_daemon_health_checks_total", "counter",
		       "The total number of health checks");
	metrics_sample(b, (double)m->checks, NULL);
	metrics_family(b, "engine_daemon_health_checks_failed_total", "counter",
		       "The total number of failed health checks");
	metrics_sample(b, (double)m->failed_checks, NULL);
	metrics_family(b, "crun_lite_http_answers_total", "counter",
		       "Answers of the API by class of status");
	for (size_t i = 0; i < ARRAY_SIZE(classes); i++)
		metrics_sample(b, (double)m->answers[i], "class", classes[i], NULL);
	metrics_family(b, "crun_lite_http_connections", "gauge", "Connections to the API");
	metrics_sample(b, (double)http_server_connections(d->http), NULL);
}

/* --- the process, under the names every exporter has --- */

static double count_fds(void)
{
	_cleanup_closedir_ DIR *dir = opendir("/proc/self/fd");
	const struct dirent *e;
	double n = 0;

	while (dir && (e = readdir(dir)))
		n += e->d_name[0] != '.';
	return n - 1; /* less the one that counts */
}

static void add_process(const struct daemon *d, struct buf *b)
{
	_cleanup_free_ char *text = NULL;
	unsigned long long size = 0, resident = 0;
	struct rusage u = {0};
	struct rlimit l = {0};
	size_t len;

	(void)getrusage(RUSAGE_SELF, &u);
	(void)getrlimit(RLIMIT_NOFILE, &l);
	if (path_read_file(AT_FDCWD, "/proc/self/statm", 256, &text, &len, NULL) == 0)
		(void)sscanf(text, "%llu %llu", &size, &resident);
	metrics_family(b, "process_cpu_seconds_total", "counter",
		       "Total user and system CPU time spent in seconds.");
	metrics_sample(b,
		       (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
			       (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6,
		       NULL);
	metrics_family(b, "process_open_fds", "gauge", "Number of open file descriptors.");
	metrics_sample(b, count_fds(), NULL);
	metrics_family(b, "process_max_fds", "gauge", "Maximum number of open file descriptors.");
	metrics_sample(b, (double)l.rlim_cur, NULL);
	metrics_family(b, "process_resident_memory_bytes", "gauge",
		       "Resident memory size in bytes.");
	metrics_sample(b, (double)resident * (double)sysconf(_SC_PAGESIZE), NULL);
	metrics_family(b, "process_virtual_memory_bytes", "gauge", "Virtual memory size in bytes.");
	metrics_sample(b, (double)size * (double)sysconf(_SC_PAGESIZE), NULL);
	metrics_family(b, "process_start_time_seconds", "gauge",
		       "Start time of the process since unix epoch in seconds.");
	metrics_sample(b, (double)d->started_at / 1e9, NULL);
}

void api_metrics(struct http_req *r)
{
	_cleanup_buf_ struct buf b = BUF_INIT;
	struct daemon *d = http_daemon(r);

	add_actions(d->metrics, &b);
	add_states(d, &b);
	add_engine(d, &b);
	add_counters(d, &b);
	add_process(d, &b);
	metrics_containers(d, &b);
	if (b.failed)
		http_reply_message(r, 503, "out of memory");
	else
		http_reply(r, 200, "text/plain; version=0.0.4; charset=utf-8", b.data, b.len);
}
