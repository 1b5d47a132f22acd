/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Ready network namespaces: veth pair, address and routes are there before a
 * container asks. Taking one costs no system call; the helper makes new ones
 * while the event loop is idle.
 *
 * Owns the descriptors and addresses of what is ready. Nothing has to be
 * undone when the daemon dies: a namespace vanishes with its last descriptor.
 *
 * The default network keeps NET_POOL_DEFAULT ready from the start (configurable),
 * the others begin when they are used first. Each find of an empty pool adds two
 * to its size; ten seconds without one bring it back.
 */
#include "network_priv.h"

#include <arpa/inet.h>
#include <base/log.h>
#include <errno.h>

#define POOL_CALM_US (10ULL * 1000 * 1000)

struct net_pool {
	struct networks *n;
	struct network *net;
	struct net_ready ready[NET_POOL_MAX];
	size_t n_ready;
	struct pool_job *jobs; /* being made */
	size_t n_jobs;
	size_t base, target;
	unsigned generation; /* entries begun before a drain are dropped when they arrive */
	sd_event_source *defer, *calm;
	struct crl_err failure; /* of the last one; CRL_OK when it succeeded */
};

struct pool_job {
	struct net_pool *pool; /* NULL: the pool was freed meanwhile */
	struct networks *n;
	struct net_ready entry;
	unsigned generation;
	struct pool_job *next;
};

static void pool_unlink(struct net_pool *p, struct pool_job *job)
{
	for (struct pool_job **j = &p->jobs; *j; j = &(*j)->next) {
		if (*j != job)
			continue;
		*j = job->next;
		p->n_jobs--;
		return;
	}
}

static void pool_arrived(const struct netns_reply *reply, int netns_fd, void *data)
{
	struct pool_job *job = data;
	struct net_pool *p = job->pool;
	struct net_ready *entry = &job->entry;

	entry->netns_fd = netns_fd;
	if (p) {
		pool_unlink(p, job);
		p->failure.code = CRL_OK;
		if (reply->sys)
			crl_fail_sys(&p->failure, reply->sys, "network %s: %s", p->net->name,
				     reply->step);
	}
	if (p && !reply->sys && job->generation == p->generation && p->n_ready < NET_POOL_MAX)
		p->ready[p->n_ready++] = *entry;
	else {
		if (netns_fd >= 0)
			close(netns_fd);
		net_sockets_drop(job->n, entry->link);
		if (p)
			net_graves_add(p->n->graves, p->net, entry->ip, entry->link);
	}
	free(job);
}

/* Begins one entry; wanted_ip 0 = the next free address. */
static int pool_begin(struct net_pool *p, uint32_t wanted_ip, struct crl_err *err)
{
	struct pool_job *job = calloc(1, sizeof(*job));
	uint32_t ip = wanted_ip;

	if (!job)
		return crl_fail_oom(err);
	if (net_address_take(p->n, p->net, &ip, err) < 0) {
		free(job);
		return -1;
	}
	*job = (struct pool_job){
		.pool = p, .n = p->n, .generation = p->generation, .entry = {-1, ip}};
	networks_link_name(p->n, p->n->veth_prefix, job->entry.link);
	net_link_mac(ip, job->entry.mac);
	struct netns_request q = {.op = NETNS_MAKE,
				  .bridge = p->net->ifindex,
				  .mtu = (uint32_t)p->net->mtu,
				  .ip = htonl(ip),
				  .gateway = p->net->internal ? 0 : htonl(p->net->gateway),
				  .prefix_len = p->net->ipam.subnet.prefix_len,
				  .isolated = p->net->isolated,
				  .dns = network_has_dns(p->net),
				  .ifname = "eth0"};
	memcpy(q.link, job->entry.link, sizeof(q.link));
	memcpy(q.mac, job->entry.mac, sizeof(q.mac));
	if (net_helper_submit(p->n->helper, &q, -1, pool_arrived, job, err) < 0) {
		ipam_put(&p->net->ipam, ip);
		free(job);
		return -1;
	}
	job->next = p->jobs;
	p->jobs = job;
	p->n_jobs++;
	return 0;
}

static int pool_fill(sd_event_source *s, void *data)
{
	struct net_pool *p = data;
	struct crl_err err = CRL_ERR_INIT;

	while (p->n->swept && p->n_ready + p->n_jobs < p->target) {
		if (pool_begin(p, 0, &err) == 0)
			continue;
		log_warn("network pool", "network", p->net->name, "error", err.msg, NULL);
		break;
	}
	return 0;
}

/* Drops the newest entries until `keep` are left. */
static void pool_trim(struct net_pool *p, size_t keep)
{
	while (p->n_ready > keep) {
		struct net_ready *e = &p->ready[--p->n_ready];
		close(e->netns_fd);
		net_graves_add(p->n->graves, p->net, e->ip, e->link);
	}
}

/* A calm time without a miss: the burst is over, and idle namespaces cost kernel memory. */
static int pool_calm(sd_event_source *s, uint64_t usec, void *data)
{
	struct net_pool *p = data;

	p->target = p->base;
	pool_trim(p, p->target);
	return 0;
}

void net_pool_kick(struct net_pool *p)
{
	sd_event_source_set_enabled(p->defer, SD_EVENT_ONESHOT);
}

int net_pool_new(struct networks *n, struct network *net, struct net_pool **ret,
		 struct crl_err *err)
{
	struct net_pool *p = calloc(1, sizeof(*p));
	int size = n->d->config.netns_pool;

	if (!p)
		return crl_fail_oom(err);
	p->n = n;
	p->net = net;
	if (str_eq(net->name, "bridge"))
		p->base = size == 0 ? NET_POOL_DEFAULT : size < 0 ? 0 : (size_t)size;
	if (p->base > NET_POOL_MAX)
		p->base = NET_POOL_MAX;
	p->target = p->base;
	int r = sd_event_add_defer(n->d->event, &p->defer, pool_fill, p);
	if (r >= 0)
		r = sd_event_source_set_priority(p->defer, SD_EVENT_PRIORITY_IDLE);
	if (r >= 0)
		r = sd_event_source_set_enabled(p->defer, SD_EVENT_OFF);
	if (r >= 0)
		r = sd_event_add_time_relative(n->d->event, &p->calm, CLOCK_MONOTONIC, POOL_CALM_US,
					       1000 * 1000, pool_calm, p);
	if (r >= 0)
		r = sd_event_source_set_enabled(p->calm, SD_EVENT_OFF);
	if (r < 0) {
		net_pool_free(p);
		return crl_fail_sys(err, -r, "network pool");
	}
	*ret = p;
	return 0;
}

void net_pool_drain(struct net_pool *p)
{
	p->generation++;
	pool_trim(p, 0);
}

void net_pool_free(struct net_pool *p)
{
	if (!p)
		return;
	for (size_t i = 0; i < p->n_ready; i++) {
		close(p->ready[i].netns_fd);
		net_sockets_drop(p->n, p->ready[i].link);
	}
	for (struct pool_job *j = p->jobs; j; j = j->next)
		j->pool = NULL;
	sd_event_source_disable_unref(p->defer);
	sd_event_source_disable_unref(p->calm);
	free(p);
}

/* Takes entry i out, keeping the order: the oldest goes first, so addresses come in sequence. */
static void pool_pick(struct net_pool *p, size_t i, struct net_ready *ret)
{
	*ret = p->ready[i];
	p->n_ready--;
	memmove(&p->ready[i], &p->ready[i + 1], (p->n_ready - i) * sizeof(p->ready[0]));
}

static bool pool_find(struct net_pool *p, uint32_t wanted_ip, struct net_ready *ret)
{
	for (size_t i = 0; i < p->n_ready; i++) {
		if (wanted_ip && p->ready[i].ip != wanted_ip)
			continue;
		pool_pick(p, i, ret);
		return true;
	}
	return false;
}

static void pool_missed(struct net_pool *p)
{
	sd_event_source_set_time_relative(p->calm, POOL_CALM_US);
	sd_event_source_set_enabled(p->calm, SD_EVENT_ONESHOT);
	p->target += 2;
	if (p->base == 0 && p->n->d->config.netns_pool < 0)
		p->target = 0;
	if (p->target > NET_POOL_MAX)
		p->target = NET_POOL_MAX;
}

static bool pool_is_coming(const struct net_pool *p, uint32_t ip)
{
	for (const struct pool_job *j = p->jobs; j; j = j->next)
		if (j->generation == p->generation && (!ip || j->entry.ip == ip))
			return true;
	return false;
}

/* Waits until one more entry has arrived, well or not. */
static int pool_wait_one(struct net_pool *p, struct crl_err *err)
{
	size_t before = p->n_jobs;

	while (p->n_jobs >= before)
		if (net_helper_wait(p->n->helper, err) < 0)
			return -1;
	if (p->failure.code == CRL_OK)
		return 0;
	*err = p->failure;
	return -1;
}

int net_pool_take(struct net_pool *p, uint32_t wanted_ip, struct net_ready *ret,
		  struct crl_err *err)
{
	if (pool_find(p, wanted_ip, ret))
		return 0;
	if (!wanted_ip)
		pool_missed(p);
	while (!pool_find(p, wanted_ip, ret)) {
		if (!pool_is_coming(p, wanted_ip) && pool_begin(p, wanted_ip, err) < 0)
			return -1;
		if (pool_wait_one(p, err) < 0)
			return -1;
	}
	return 0;
}

bool net_pool_give_up(struct net_pool *p, uint32_t ip)
{
	struct net_ready entry;
	struct crl_err err = CRL_ERR_INIT;

	while (pool_is_coming(p, ip))
		if (pool_wait_one(p, &err) < 0)
			break;
	if (!pool_find(p, ip, &entry))
		return false;
	close(entry.netns_fd);
	net_graves_add(p->n->graves, NULL, 0, entry.link);
	return true;
}

void net_pool_return(struct net_pool *p, struct net_ready *ready)
{
	if (p->n_ready < NET_POOL_MAX) {
		memmove(&p->ready[1], &p->ready[0], p->n_ready * sizeof(p->ready[0]));
		p->ready[0] = *ready;
		p->n_ready++;
	} else {
		close(ready->netns_fd);
		net_graves_add(p->n->graves, p->net, ready->ip, ready->link);
	}
	ready->netns_fd = -1;
}

bool net_pool_has_link(const struct net_pool *p, const char *link)
{
	for (size_t i = 0; i < p->n_ready; i++)
		if (str_eq(p->ready[i].link, link))
			return true;
	for (const struct pool_job *j = p->jobs; j; j = j->next)
		if (str_eq(j->entry.link, link))
			return true;
	return false;
}
