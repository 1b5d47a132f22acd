/* SPDX-License-Identifier: GPL-2.0-or-later */
/* GET /containers/{id}/stats: one sample, two a second apart, or one each second until the client
 * or the container goes. */
#include "api_containers.h"
#include "cgroup_stats.h"

#include <base/log.h>

#define SECOND_US 1000000ULL

struct sample {
	int64_t at;
	bool running;
	uint64_t system_ns;
	struct cgroup_stats stats;
};

struct stats_stream {
	struct http_req *r;
	struct daemon *d;
	char id[ID_HEX + 1];
	struct sample previous;
	bool stream, one_shot, first;
	sd_event_source *timer;
};

/* --- JSON --- */

static cJSON *cpu_json(const struct sample *s)
{
	cJSON *o = cJSON_CreateObject(), *u = cJSON_AddObjectToObject(o, "cpu_usage"), *t;
	json_add_u64(u, "total_usage", s->stats.cpu_total_ns);
	json_add_u64(u, "usage_in_kernelmode", s->stats.cpu_system_ns);
	json_add_u64(u, "usage_in_usermode", s->stats.cpu_user_ns);
	if (s->running) {
		json_add_u64(o, "system_cpu_usage", s->system_ns);
		json_add_i64(o, "online_cpus", sysconf(_SC_NPROCESSORS_ONLN));
	}
	t = cJSON_AddObjectToObject(o, "throttling_data");
	json_add_u64(t, "periods", s->stats.periods);
	json_add_u64(t, "throttled_periods", s->stats.throttled_periods);
	json_add_u64(t, "throttled_time", s->stats.throttled_ns);
	return o;
}

static cJSON *memory_json(const struct sample *s)
{
	cJSON *o = cJSON_CreateObject();
	if (!s->running)
		return o;
	json_add_u64(o, "usage", s->stats.memory_usage);
	json_add_u64(o, "limit", s->stats.memory_limit);
	cJSON *st = cJSON_AddObjectToObject(o, "stats");
	for (size_t i = 0; i < s->stats.memory_stat.n; i++)
		json_add_u64(st, s->stats.memory_stat.items[i].key,
			     strtoull(s->stats.memory_stat.items[i].value, NULL, 10));
	if (!s->stats.memory_stat.n)
		json_add_u64(st, "inactive_file", 0);
	return o;
}

static void add_io(cJSON *list, const struct cgroup_io *io, const char *op, uint64_t value)
{
	cJSON *o = cJSON_CreateObject();
	json_add_i64(o, "major", io->major);
	json_add_i64(o, "minor", io->minor);
	json_add_str(o, "op", op);
	json_add_u64(o, "value", value);
	cJSON_AddItemToArray(list, o);
}

static cJSON *io_json(const struct sample *s)
{
	static const char *const empty[] = {"io_serviced_recursive",     "io_queue_recursive",
					    "io_service_time_recursive", "io_wait_time_recursive",
					    "io_merged_recursive",       "io_time_recursive",
					    "sectors_recursive"};
	cJSON *o = cJSON_CreateObject();
	cJSON *list = s->stats.n_io ? cJSON_CreateArray() : cJSON_CreateNull();
	for (size_t i = 0; i < s->stats.n_io; i++) {
		add_io(list, &s->stats.io[i], "read", s->stats.io[i].rbytes);
		add_io(list, &s->stats.io[i], "write", s->stats.io[i].wbytes);
	}
	cJSON_AddItemToObject(o, "io_service_bytes_recursive", list);
	for (size_t i = 0; i < ARRAY_SIZE(empty); i++)
		cJSON_AddNullToObject(o, empty[i]);
	return o;
}

static void add_network(cJSON *networks, const struct container *c, const struct net_endpoint *ep)
{
	struct net_stats n;
	struct crl_err ignored;
	if ((str_eq(ep->driver, "bridge")
		     ? net_stats_read(ep, &n, &ignored)
		     : net_stats_inside((pid_t)c->rec.pid, ep->ifname, &n, &ignored)) < 0)
		return;
	cJSON *eth = cJSON_AddObjectToObject(networks, ep->ifname);
	json_add_u64(eth, "rx_bytes", n.rx_bytes);
	json_add_u64(eth, "rx_packets", n.rx_packets);
	json_add_u64(eth, "rx_errors", n.rx_errors);
	json_add_u64(eth, "rx_dropped", n.rx_dropped);
	json_add_u64(eth, "tx_bytes", n.tx_bytes);
	json_add_u64(eth, "tx_packets", n.tx_packets);
	json_add_u64(eth, "tx_errors", n.tx_errors);
	json_add_u64(eth, "tx_dropped", n.tx_dropped);
}

static void add_networks(cJSON *o, const struct container *c)
{
	bool any = c->n_eps > 0 && c->eps[0].ifname[0]; /* host and none: nothing to count */
	cJSON *networks = any ? cJSON_AddObjectToObject(o, "networks") : NULL;
	for (size_t i = 0; any && i < c->n_eps; i++)
		add_network(networks, c, &c->eps[i]);
}

static cJSON *sample_json(const struct container *c, const struct sample *now,
			  const struct sample *before)
{
	char t[TIME_BUF], name[300];
	cJSON *o = cJSON_CreateObject(), *pids;
	snprintf(name, sizeof(name), "/%s", c->rec.name);
	json_add_str(o, "name", name);
	json_add_str(o, "id", c->rec.id);
	json_add_str(o, "read", time_rfc3339(now->at, t));
	json_add_str(o, "preread", time_rfc3339(before->at, t));
	pids = cJSON_AddObjectToObject(o, "pids_stats");
	if (now->running) {
		json_add_u64(pids, "current", now->stats.pids_current);
		json_add_u64(pids, "limit",
			     now->stats.pids_limit ? now->stats.pids_limit : UINT64_MAX);
	}
	cJSON_AddItemToObject(o, "blkio_stats", io_json(now));
	json_add_i64(o, "num_procs", 0);
	cJSON_AddObjectToObject(o, "storage_stats");
	cJSON_AddItemToObject(o, "cpu_stats", cpu_json(now));
	cJSON_AddItemToObject(o, "precpu_stats", cpu_json(before));
	cJSON_AddItemToObject(o, "memory_stats", memory_json(now));
	add_networks(o, c);
	return o;
}

/* --- sampling --- */

static void take_sample(const struct container *c, struct sample *ret)
{
	*ret = (struct sample){.running = container_is_running(c)};
	if (!ret->running)
		return;
	ret->at = time_now_ns();
	ret->system_ns = host_cpu_ns();
	cgroup_stats_read(c->rec.cgroup, &ret->stats);
}

static void state_free(void *data)
{
	struct stats_stream *s = data;
	sd_event_source_disable_unref(s->timer);
	cgroup_stats_free(&s->previous.stats);
	free(s);
}

static void on_close(struct http_req *r, void *data)
{
	struct stats_stream *s = data;
	s->timer = sd_event_source_disable_unref(s->timer);
}

static void write_sample(struct stats_stream *s, const struct container *c,
			 const struct sample *now)
{
	_cleanup_cjson_ cJSON *tree = sample_json(c, now, &s->previous);
	_cleanup_free_ char *text = tree ? cJSON_PrintUnformatted(tree) : NULL;
	/* A client that does not read misses samples, nothing else. */
	if (text && http_write(s->r, text, strlen(text)))
		http_write(s->r, "\n", 1);
}

static int on_second(sd_event_source *src, uint64_t usec, void *data)
{
	struct stats_stream *s = data;
	struct crl_err ignored;
	struct container *c;
	struct sample now;
	if (container_find(s->d, s->id, &c, &ignored) < 0) {
		http_stream_end(s->r);
		return 0;
	}
	take_sample(c, &now);
	bool silent = !s->stream && !s->one_shot && s->first && now.running;
	if (!silent)
		write_sample(s, c, &now);
	s->first = false;
	cgroup_stats_free(&s->previous.stats);
	s->previous = now;
	if (!s->stream && !silent) {
		http_stream_end(s->r);
		return 0;
	}
	sd_event_source_set_time_relative(src, SECOND_US);
	sd_event_source_set_enabled(src, SD_EVENT_ONESHOT);
	return 0;
}

void api_containers_stats(struct http_req *r)
{
	struct container *c;
	struct crl_err err = CRL_ERR_INIT;
	if (!api_container(r, &c))
		return;
	struct stats_stream *s = calloc(1, sizeof(*s));
	if (!s) {
		crl_fail_oom(&err);
		http_reply_error(r, &err);
		return;
	}
	s->r = r;
	s->d = c->d;
	s->first = true;
	memcpy(s->id, c->rec.id, sizeof(s->id));
	s->stream = http_query_bool(r, "stream", true);
	s->one_shot = http_query_bool(r, "one-shot", false);
	if (s->stream && s->one_shot) {
		free(s);
		http_reply_message(r, 400, "cannot have stream=true and one-shot=true");
		return;
	}
	http_set_data(r, s, state_free);
	http_on_close(r, on_close);
	http_stream(r, 200, "application/json");
	if (sd_event_add_time_relative(s->d->event, &s->timer, CLOCK_BOOTTIME, 0, 1000, on_second,
				       s) < 0)
		http_stream_end(r);
}
