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
 *
 * Containers with users of their own need namespaces that belong to a user
 * namespace: a second pool beside each, which is made with the first of them.
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
	struct net_pool *users; /* beside this one; NULL = none yet */
	bool own_users;         /* this is one beside another */
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
			net_graves_add(p->n->graves, p->net, entry->ip, entry->ip6, entry->link);
	}
	free(job);
}

/* Begins one entry; wanted 0 = the next free address. */
static int pool_begin(struct net_pool *p, uint32_t ip, struct ip6 ip6, struct crl_err *err)
{
	struct pool_job *job = calloc(1, sizeof(*job));
	struct netns_request q = {.op = NETNS_MAKE};

	if (!job)
		return crl_fail_oom(err);
	if (net_address_take(p->n, p->net, &ip, &ip6, err) < 0) {
		free(job);
		return -1;
	}
	*job = (struct pool_job){.pool = p,
				 .n = p->n,
				 .generation = p->generation,
				 .entry = {-1, .ip = ip, .ip6 = ip6}};
	networks_link_name(p->n, p->n->veth_prefix, job->entry.link);
	net_link_mac(ip, ip6, job->entry.mac);
	net_link_fill(p->net, &job->entry, true, &q);
	q.dns = network_has_dns(p->net);
	q.own_users = p->own_users;
	snprintf(q.ifname, sizeof(q.ifname), "%s0", network_prefix(p->net));
	if (net_helper_submit(p->n->helper, &q, -1, pool_arrived, job, err) < 0) {
		net_address_put(p->net, ip, ip6);
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
		if (pool_begin(p, 0, (struct ip6){0}, &err) == 0)
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
		net_graves_add(p->n->graves, p->net, e->ip, e->ip6, e->link);
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
	if (p->users)
		net_pool_kick(p->users);
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

struct net_pool *net_pool_users(struct net_pool *p)
{
	struct crl_err err = CRL_ERR_INIT;

	if (!p->users && net_pool_new(p->n, p->net, &p->users, &err) == 0) {
		p->users->own_users = true;
		/* Where they are the exception none waits for them. */
		if (!str_eq(p->n->d->config.userns, "auto") &&
		    str_empty(p->n->d->config.userns_remap))
			p->users->base = p->users->target = 0;
	}
	return p->users;
}

void net_pool_drain(struct net_pool *p)
{
	if (p->users)
		net_pool_drain(p->users);
	p->generation++;
	pool_trim(p, 0);
}

void net_pool_free(struct net_pool *p)
{
	if (!p)
		return;
	net_pool_free(p->users);
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

static bool pool_wants(const struct net_ready *e, uint32_t ip, struct ip6 ip6)
{
	return (!ip || e->ip == ip) && (ip6_is_zero(ip6) || ip6_equal(e->ip6, ip6));
}

static bool pool_find(struct net_pool *p, uint32_t ip, struct ip6 ip6, struct net_ready *ret)
{
	for (size_t i = 0; i < p->n_ready; i++) {
		if (!pool_wants(&p->ready[i], ip, ip6))
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

static bool pool_is_coming(const struct net_pool *p, uint32_t ip, struct ip6 ip6)
{
	for (const struct pool_job *j = p->jobs; j; j = j->next)
		if (j->generation == p->generation && pool_wants(&j->entry, ip, ip6))
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

int net_pool_take(struct net_pool *p, uint32_t wanted_ip, struct ip6 wanted_ip6,
		  struct net_ready *ret, struct crl_err *err)
{
	bool any = !wanted_ip && ip6_is_zero(wanted_ip6);

	if (!any && p->users)
		net_pool_give_up(p->users, wanted_ip, wanted_ip6);
	if (pool_find(p, wanted_ip, wanted_ip6, ret))
		return 0;
	if (any)
		pool_missed(p);
	else if (!pool_is_coming(p, wanted_ip, wanted_ip6))
		net_pool_give_up(p, wanted_ip, wanted_ip6);
	while (!pool_find(p, wanted_ip, wanted_ip6, ret)) {
		if (!pool_is_coming(p, wanted_ip, wanted_ip6) &&
		    pool_begin(p, wanted_ip, wanted_ip6, err) < 0)
			return -1;
		if (pool_wait_one(p, err) < 0)
			return -1;
	}
	return 0;
}

static void pool_give_up_one(struct net_pool *p, uint32_t ip, struct ip6 ip6)
{
	struct net_ready entry;
	struct crl_err err = CRL_ERR_INIT;

	while (pool_is_coming(p, ip, ip6))
		if (pool_wait_one(p, &err) < 0)
			break;
	if (!pool_find(p, ip, ip6, &entry))
		return;
	close(entry.netns_fd);
	net_graves_add(p->n->graves, p->net, entry.ip, entry.ip6, entry.link);
}

/* Two entries may have one address each. */
void net_pool_give_up(struct net_pool *p, uint32_t ip, struct ip6 ip6)
{
	if (p->users)
		net_pool_give_up(p->users, ip, ip6);
	if (ip)
		pool_give_up_one(p, ip, (struct ip6){0});
	if (!ip6_is_zero(ip6))
		pool_give_up_one(p, 0, ip6);
}

void net_pool_return(struct net_pool *p, struct net_ready *ready)
{
	if (p->n_ready < NET_POOL_MAX) {
		memmove(&p->ready[1], &p->ready[0], p->n_ready * sizeof(p->ready[0]));
		p->ready[0] = *ready;
		p->n_ready++;
	} else {
		close(ready->netns_fd);
		net_graves_add(p->n->graves, p->net, ready->ip, ready->ip6, ready->link);
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
	return p->users && net_pool_has_link(p->users, link);
}
