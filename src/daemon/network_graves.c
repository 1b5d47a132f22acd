/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Links of ended containers. The kernel removes a veth pair with the
 * namespace its far end is in, in its own time; deleting it ourselves as well
 * would only wait for the same lock. So the address rests here until the link
 * is seen to be gone. A namespace that somebody else keeps alive loses its link after
 * GRAVE_PATIENCE.
 */
#include "network_priv.h"

#include <base/log.h>

#define GRAVE_LOOK_US (100 * 1000)
#define GRAVE_PATIENCE_NS (2LL * 1000 * 1000 * 1000)

struct grave {
	struct network *net; /* NULL: no address to free */
	uint32_t ip;
	struct ip6 ip6;
	char link[IFNAMSIZ];
	int64_t since;
	bool asked; /* the helper was told to delete it */
	struct grave *next;
};

struct net_graves {
	struct networks *n;
	struct grave *first;
	sd_event_source *timer;
};

static void grave_asked(const struct netns_reply *reply, int netns_fd, void *data)
{
	if (reply->sys)
		log_warn("delete link", "step", reply->step, "error", strerror(reply->sys), NULL);
}

static void grave_delete_link(struct net_graves *g, struct grave *grave)
{
	struct netns_request q = {.op = NETNS_DELETE};
	struct crl_err err = CRL_ERR_INIT;

	memcpy(q.link, grave->link, sizeof(q.link));
	if (net_helper_submit(g->n->helper, &q, -1, grave_asked, NULL, &err) < 0)
		log_warn("delete link", "link", grave->link, "error", err.msg, NULL);
	grave->asked = true;
}

static int graves_look(sd_event_source *s, uint64_t usec, void *data)
{
	struct net_graves *g = data;
	int64_t now = time_boot_ns();

	for (struct grave **p = &g->first; *p;) {
		struct grave *grave = *p;
		if (if_nametoindex(grave->link) != 0) {
			if (!grave->asked && now - grave->since > GRAVE_PATIENCE_NS)
				grave_delete_link(g, grave);
			p = &grave->next;
			continue;
		}
		if (grave->net)
			net_address_put(grave->net, grave->ip, grave->ip6);
		*p = grave->next;
		free(grave);
	}
	if (g->first) {
		sd_event_source_set_time_relative(g->timer, GRAVE_LOOK_US);
		sd_event_source_set_enabled(g->timer, SD_EVENT_ONESHOT);
	}
	return 0;
}

struct net_graves *net_graves_new(struct networks *n)
{
	struct net_graves *g = calloc(1, sizeof(*g));

	if (!g)
		return NULL;
	g->n = n;
	if (sd_event_add_time_relative(n->d->event, &g->timer, CLOCK_MONOTONIC, GRAVE_LOOK_US,
				       50 * 1000, graves_look, g) < 0 ||
	    sd_event_source_set_enabled(g->timer, SD_EVENT_OFF) < 0) {
		net_graves_free(g);
		return NULL;
	}
	return g;
}

void net_graves_free(struct net_graves *g)
{
	if (!g)
		return;
	while (g->first) {
		struct grave *next = g->first->next;
		free(g->first);
		g->first = next;
	}
	sd_event_source_disable_unref(g->timer);
	free(g);
}

void net_graves_add(struct net_graves *g, struct network *net, uint32_t ip, struct ip6 ip6,
		    const char *link)
{
	struct grave *grave = calloc(1, sizeof(*grave));
	int enabled = SD_EVENT_OFF;

	net_sockets_drop(g->n, link);
	if (!grave) /* the address stays taken until the daemon restarts: harmless, unlike using it
		       twice */
		return;
	*grave = (struct grave){
		.net = net, .ip = ip, .ip6 = ip6, .since = time_boot_ns(), .next = g->first};
	snprintf(grave->link, sizeof(grave->link), "%s", link);
	g->first = grave;
	sd_event_source_get_enabled(g->timer, &enabled);
	if (enabled != SD_EVENT_OFF)
		return;
	sd_event_source_set_time_relative(g->timer, GRAVE_LOOK_US);
	sd_event_source_set_enabled(g->timer, SD_EVENT_ONESHOT);
}

bool net_graves_claim(struct net_graves *g, const struct network *net, uint32_t ip)
{
	for (struct grave *grave = g->first; grave; grave = grave->next) {
		if (grave->net != net || grave->ip != ip)
			continue;
		grave->ip = 0;
		return true;
	}
	return false;
}

bool net_graves_claim6(struct net_graves *g, const struct network *net, struct ip6 ip6)
{
	for (struct grave *grave = g->first; grave; grave = grave->next) {
		if (grave->net != net || !ip6_equal(grave->ip6, ip6))
			continue;
		grave->ip6 = (struct ip6){0};
		return true;
	}
	return false;
}

void net_graves_forget(struct net_graves *g, const struct network *net)
{
	for (struct grave *grave = g->first; grave; grave = grave->next)
		if (grave->net == net)
			grave->net = NULL;
}
