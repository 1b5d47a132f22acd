/* SPDX-License-Identifier: GPL-2.0-or-later */
/* GET /containers/json: filters, order, and the summary of each. Answers from records only. */
#include "api_containers.h"
#include "container_ports.h"
#include "filters.h"
#include "images.h"
#include "sizes.h"

#include <ctype.h>
#include <inttypes.h>

/* --- status text --- */

static char *since(int64_t ns, char buf[TIME_BUF])
{
	int64_t age = time_now_ns() - ns;
	return time_human_duration(age < 0 ? 0 : age, buf);
}

char *api_status_text(const struct container *c)
{
	char t[TIME_BUF];
	struct buf b = BUF_INIT;
	const struct container_record *rec = &c->rec;
	switch (container_shown_state(c)) {
	case FSM_RUNNING:
		buf_printf(&b, "Up %s", since(rec->started_at, t));
		if (rec->health)
			buf_printf(&b, " (%s%s)",
				   str_eq(rec->health->status, HEALTH_STARTING) ? "health: " : "",
				   rec->health->status);
		break;
	case FSM_PAUSED: buf_printf(&b, "Up %s (Paused)", since(rec->started_at, t)); break;
	case FSM_RESTARTING:
		buf_printf(&b, "Restarting (%" PRId32 ") %s ago", rec->exit_code,
			   since(rec->finished_at, t));
		break;
	case FSM_REMOVING: buf_puts(&b, "Removal In Progress"); break;
	case FSM_DEAD: buf_puts(&b, "Dead"); break;
	case FSM_EXITED:
		buf_printf(&b, "Exited (%" PRId32 ") %s ago", rec->exit_code,
			   since(rec->finished_at, t));
		break;
	case FSM_CREATED:
	case FSM_STARTING:
	case FSM_GONE:
	case FSM_STATE_COUNT:
	default: buf_puts(&b, "Created"); break;
	}
	return buf_take(&b);
}

/* --- filters --- */

struct list_query {
	struct filters filters;
	bool all, size;
	int64_t limit;
	int64_t before, since; /* creation times; 0 = none */
	char **ancestors;      /* image ids */
	char ***layers;        /* theirs, top first */
	size_t n_layers;
	struct daemon *d;
};

static const char *const known_filters[] = {"ancestor", "before",    "expose",  "exited", "health",
					    "id",       "isolation", "is-task", "label",  "label!",
					    "name",     "network",   "publish", "since",  "status",
					    "volume",   NULL};

static bool match_exited(const struct container *c, char *const *codes)
{
	char code[16];
	if (!codes)
		return true;
	snprintf(code, sizeof(code), "%" PRId32, c->rec.exit_code);
	return c->state == FSM_EXITED && strv_contains(codes, code);
}

static bool match_network(const struct container *c, char *const *names)
{
	for (; names && *names; names++) {
		const struct api_networking_config *n = &c->rec.networking;
		if (str_eq(*names, c->rec.host_config.network_mode))
			return true;
		for (size_t i = 0; i < n->n_endpoints; i++)
			if (str_eq(*names, n->endpoints[i].key) ||
			    (n->endpoints[i].network_id &&
			     str_starts(n->endpoints[i].network_id, *names)))
				return true;
	}
	return false;
}

static bool match_volume(const struct container *c, char *const *names)
{
	for (; names && *names; names++)
		for (size_t i = 0; i < c->rec.n_mounts; i++) {
			const struct container_mount *m = &c->rec.mounts[i];
			if (str_eq(m->name, *names) || str_eq(m->source, *names) ||
			    str_eq(m->destination, *names))
				return true;
		}
	return false;
}

/* "80", "8000-8090/udp" */
struct port_range {
	long first, last;
	const char *proto;
};

static bool parse_range(const char *text, struct port_range *ret)
{
	char *end;
	if (!isdigit((unsigned char)*text))
		return false;
	ret->first = ret->last = strtol(text, &end, 10);
	if (*end == '-' && isdigit((unsigned char)end[1]))
		ret->last = strtol(end + 1, &end, 10);
	ret->proto = *end == '/' ? end + 1 : "tcp";
	return (*end == '/' || !*end) && ret->first <= ret->last && ret->last <= 65535;
}

/* A port as "80/tcp" names it. */
static bool in_ranges(const char *port, char *const *wanted)
{
	struct port_range have, r;
	if (!parse_range(port, &have))
		return false;
	for (; wanted && *wanted; wanted++)
		if (parse_range(*wanted, &r) && have.first <= r.last && have.last >= r.first &&
		    str_eq(have.proto, r.proto))
			return true;
	return false;
}

static bool match_exposed(const struct container *c, char *const *ports)
{
	for (char **p = c->rec.config.exposed_ports; p && *p; p++)
		if (in_ranges(*p, ports))
			return true;
	return false;
}

/* By the host's side of what is published now. */
static bool match_published(const struct container *c, char *const *ports)
{
	const struct net_endpoint *ep = container_gateway_ep(c);
	for (size_t i = 0; ep && i < ep->n_ports; i++) {
		char key[32];
		snprintf(key, sizeof(key), "%u/%s", ep->ports[i].host_port, ep->ports[i].proto);
		if (in_ranges(key, ports))
			return true;
	}
	return false;
}

/* Do the image's layers lie at the bottom of the container's? */
static bool stands_on(const struct container *c, char *const *lowers)
{
	size_t have = strv_len(c->rec.lowers), n = strv_len(lowers);
	if (n == 0 || n > have)
		return false;
	for (size_t i = 0; i < n; i++)
		if (!str_eq(c->rec.lowers[have - n + i], lowers[i]))
			return false;
	return true;
}

static bool match_ancestor(const struct container *c, const struct list_query *q,
			   char *const *names)
{
	if (strv_contains(names, c->rec.config.image) ||
	    strv_contains(q->ancestors, c->rec.image_id))
		return true;
	for (size_t i = 0; i < q->n_layers; i++)
		if (stands_on(c, q->layers[i]))
			return true;
	return false;
}

#define FILTERED(key, test)                                                                        \
	do {                                                                                       \
		char *const *v = filters_get(f, key);                                              \
		if (v && !(test))                                                                  \
			return false;                                                              \
	} while (0)

static bool matches(const struct container *c, const struct list_query *q)
{
	const struct filters *f = &q->filters;
	const char *state = fsm_state_name(container_shown_state(c));
	if (!filters_match_prefix(f, "id", c->rec.id) ||
	    !filters_match_name(f, "name", c->rec.name) ||
	    !filters_match_exact(f, "status", state) ||
	    !filters_match_labels(f, "label", &c->rec.config.labels) ||
	    !filters_exclude_labels(f, "label!", &c->rec.config.labels))
		return false;
	FILTERED("exited", match_exited(c, v));
	FILTERED("network", match_network(c, v));
	FILTERED("volume", match_volume(c, v));
	FILTERED("expose", match_exposed(c, v));
	FILTERED("publish", match_published(c, v));
	FILTERED("ancestor", match_ancestor(c, q, v));
	FILTERED("health", strv_contains(v, health_status(c->rec.health)));
	FILTERED("is-task", strv_contains(v, "false") || strv_contains(v, "0"));
	if (q->before && c->rec.created >= q->before)
		return false;
	if (q->since && c->rec.created <= q->since)
		return false;
	/* Asking for a status or an exit code means all containers, not those that run. */
	bool all = q->all || q->limit > 0 || filters_get(f, "status") || filters_get(f, "exited") ||
		   q->before || q->since;
	/* One in its back-off counts as running. */
	return all || container_is_running(c) || c->state == FSM_RESTARTING;
}

static int check_values(struct list_query *q, struct crl_err *err)
{
	char *const *v = filters_get(&q->filters, "status");
	int64_t n;
	for (; v && *v; v++) {
		enum fsm_state s = fsm_state_parse(*v);
		if (s >= FSM_GONE || s == FSM_STARTING)
			return filters_bad_value(err, "status", *v);
	}
	for (v = filters_get(&q->filters, "health"); v && *v; v++)
		if (!str_eq(*v, "none") && !str_eq(*v, HEALTH_STARTING) &&
		    !str_eq(*v, HEALTH_HEALTHY) && !str_eq(*v, HEALTH_UNHEALTHY))
			return filters_bad_value(err, "health", *v);
	struct port_range range;
	for (size_t i = 0; i < 2; i++) {
		const char *key = i ? "publish" : "expose";
		for (v = filters_get(&q->filters, key); v && *v; v++)
			if (!parse_range(*v, &range))
				return filters_bad_value(err, key, *v);
	}
	for (v = filters_get(&q->filters, "is-task"); v && *v; v++)
		if (!str_eq(*v, "true") && !str_eq(*v, "false") && !str_eq(*v, "1") &&
		    !str_eq(*v, "0"))
			return filters_bad_value(err, "is-task", *v);
	for (v = filters_get(&q->filters, "exited"); v && *v; v++)
		if (!str_to_i64(*v, &n))
			return filters_bad_value(err, "exited", *v);
	return 0;
}

/* before and since name a container, as a filter or (old) as a query key. */
static int creation_of(struct http_req *r, struct list_query *q, const char *key, int64_t *ret,
		       struct crl_err *err)
{
	char *const *v = filters_get(&q->filters, key);
	const char *name = v && *v ? *v : http_query(r, key);
	struct container *c;
	if (str_empty(name))
		return 0;
	if (container_find(http_daemon(r), name, &c, err) < 0)
		return -1;
	*ret = c->rec.created;
	return 0;
}

static int find_ancestors(struct list_query *q, struct crl_err *err)
{
	char *const *v = filters_get(&q->filters, "ancestor");
	struct crl_err ignored;
	struct image *img;
	q->layers = calloc(strv_len(v) + 1, sizeof(*q->layers));
	if (!q->layers)
		return crl_fail_oom(err);
	for (; v && *v; v++) {
		if (images_find(q->d, *v, &img, &ignored) < 0)
			continue;
		if (strv_push(&q->ancestors, img->id) < 0)
			return crl_fail_oom(err);
		if (images_lowers(q->d, img, &q->layers[q->n_layers], &ignored) == 0)
			q->n_layers++;
	}
	return 0;
}

static void query_free(struct list_query *q)
{
	filters_free(&q->filters);
	strv_free(q->ancestors);
	for (size_t i = 0; i < q->n_layers; i++)
		strv_free(q->layers[i]);
	free(q->layers);
}

/* --- summary --- */

static cJSON *port_entry(const struct net_port *p)
{
	cJSON *o = cJSON_CreateObject();
	json_add_str(o, "IP", *p->host_ip ? p->host_ip : "0.0.0.0");
	json_add_i64(o, "PrivatePort", p->container_port);
	json_add_i64(o, "PublicPort", p->host_port);
	json_add_str(o, "Type", p->proto);
	return o;
}

static bool is_published(const struct container *c, const char *key)
{
	const struct net_endpoint *ep = container_gateway_ep(c);
	for (size_t i = 0; ep && i < ep->n_ports; i++) {
		char have[16];
		container_port_key(&ep->ports[i], have);
		if (str_eq(have, key))
			return true;
	}
	return false;
}

static cJSON *ports_list(const struct container *c)
{
	cJSON *list = cJSON_CreateArray();
	const struct net_endpoint *ep = container_gateway_ep(c);
	for (size_t i = 0; ep && i < ep->n_ports; i++)
		cJSON_AddItemToArray(list, port_entry(&ep->ports[i]));
	for (char **e = c->rec.config.exposed_ports; container_is_running(c) && e && *e; e++) {
		const char *slash = strchr(*e, '/');
		if (is_published(c, *e))
			continue;
		cJSON *o = cJSON_CreateObject();
		json_add_i64(o, "PrivatePort", atoi(*e));
		json_add_str(o, "Type", slash ? slash + 1 : "tcp");
		cJSON_AddItemToArray(list, o);
	}
	return list;
}

/* Quoted where a shell would need it, as docker ps shows commands. */
static char *command_text(const struct container_record *rec)
{
	struct buf b = BUF_INIT;
	buf_puts(&b, rec->path ? rec->path : "");
	for (char **a = rec->args; a && *a; a++) {
		bool plain = **a && !strpbrk(*a, " \t\n\"'\\$&|;<>()*?`#");
		buf_printf(&b, plain ? " %s" : " '%s'", *a);
	}
	return buf_take(&b);
}

static cJSON *summary(const struct container *c, bool size)
{
	cJSON *o = cJSON_CreateObject(), *hc, *ns;
	_cleanup_free_ char *command = command_text(&c->rec);
	_cleanup_free_ char *status = api_status_text(c);
	char name[300];
	snprintf(name, sizeof(name), "/%s", c->rec.name);
	const char *const names[] = {name};
	json_add_str(o, "Id", c->rec.id);
	cJSON_AddItemToObject(o, "Names", cJSON_CreateStringArray(names, 1));
	json_add_str(o, "Image", c->rec.config.image);
	json_add_str(o, "ImageID", c->rec.image_id);
	json_add_str(o, "Command", command);
	json_add_i64(o, "Created", c->rec.created / 1000000000);
	cJSON_AddItemToObject(o, "Ports", ports_list(c));
	json_add_strmap(o, "Labels", &c->rec.config.labels);
	json_add_str(o, "State", fsm_state_name(container_shown_state(c)));
	json_add_str(o, "Status", status);
	hc = cJSON_AddObjectToObject(o, "HostConfig");
	json_add_str(hc, "NetworkMode", c->rec.host_config.network_mode);
	ns = cJSON_AddObjectToObject(o, "NetworkSettings");
	cJSON_AddItemToObject(ns, "Networks", api_networks_json(c, 151));
	cJSON_AddItemToObject(o, "Mounts", api_mounts_json(c));
	if (size) {
		int64_t rw = 0, root = 0;
		api_sizes(c, &rw, &root);
		json_add_i64(o, "SizeRw", rw);
		json_add_i64(o, "SizeRootFs", root);
	}
	return o;
}

cJSON *api_containers_df(struct daemon *d)
{
	cJSON *list = cJSON_CreateArray();

	for (size_t i = d->containers->n; i-- > 0;)
		cJSON_AddItemToArray(list, summary(d->containers->items[i], true));
	return list;
}

static int parse(struct http_req *r, struct list_query *q, struct crl_err *err)
{
	q->d = http_daemon(r);
	q->all = http_query_bool(r, "all", false);
	q->size = http_query_bool(r, "size", false);
	if (http_query_i64(r, "limit", -1, &q->limit, err) < 0 ||
	    filters_from_request(r, known_filters, &q->filters, err) < 0 ||
	    check_values(q, err) < 0 || creation_of(r, q, "before", &q->before, err) < 0 ||
	    creation_of(r, q, "since", &q->since, err) < 0)
		return -1;
	return find_ancestors(q, err);
}

static bool is_listed(const struct container *c, const void *data)
{
	return matches(c, data);
}

void api_containers_list(struct http_req *r)
{
	struct list_query q = {0};
	struct crl_err err = CRL_ERR_INIT;
	if (parse(r, &q, &err) < 0) {
		http_reply_error(r, &err);
	} else if (!q.size || !sizes_await_containers(r, is_listed, &q, api_containers_list)) {
		cJSON *list = cJSON_CreateArray();
		int64_t n = 0;
		for (size_t i = q.d->containers->n; i-- > 0 && (q.limit <= 0 || n < q.limit);) {
			const struct container *c = q.d->containers->items[i];
			if (!matches(c, &q))
				continue;
			cJSON_AddItemToArray(list, summary(c, q.size));
			n++;
		}
		http_reply_json(r, 200, list);
	}
	query_free(&q);
}
