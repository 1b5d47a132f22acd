/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Notices that somebody deleted a bridge of ours or the link of a running
 * container, and has it made again shortly after.
 *
 * A look follows the kernel's note after some time: a container's link also goes when
 * the container ends, and then nobody is to be given a new one.
 */
#include "network_priv.h"

#include "container_net_repair.h"

#include <arpa/inet.h>
#include <base/log.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#define WATCH_DELAY_US (150 * 1000)
#define WATCH_REPAIRS 5 /* of one endpoint: whoever deletes it again and again means it */

struct net_watch {
	struct networks *n;
	sd_event_source *io, *timer;
};

/* The name of the link in the message, "" when it has none. */
static void watch_name(const struct nlmsghdr *h, char ret[IFNAMSIZ])
{
	const struct ifinfomsg *info = NLMSG_DATA(h);
	size_t left = h->nlmsg_len > NLMSG_LENGTH(sizeof(*info))
			      ? h->nlmsg_len - NLMSG_LENGTH(sizeof(*info))
			      : 0;

	ret[0] = '\0';
	for (const struct rtattr *a = IFLA_RTA(info); RTA_OK(a, left); a = RTA_NEXT(a, left))
		if (a->rta_type == IFLA_IFNAME)
			snprintf(ret, IFNAMSIZ, "%.*s", (int)RTA_PAYLOAD(a),
				 (const char *)RTA_DATA(a));
}

static bool watch_is_ours(const struct networks *n, const struct nlmsghdr *h)
{
	const struct ifinfomsg *info = NLMSG_DATA(h);
	char name[IFNAMSIZ];

	/* AF_BRIDGE: a port left its bridge, the link itself lives on. */
	if (h->nlmsg_type != RTM_DELLINK || h->nlmsg_len < NLMSG_LENGTH(sizeof(*info)) ||
	    info->ifi_family == AF_BRIDGE)
		return false;
	watch_name(h, name);
	for (size_t i = 0; i < n->n_items; i++)
		if (network_is_bridge(n->items[i]) && str_eq(n->items[i]->link, name))
			return true;
	for (size_t i = 0; i < n->n_attachments; i++)
		if (str_eq(n->attachments[i]->ep.link, name))
			return true;
	return false;
}

static int watch_read(sd_event_source *s, int fd, uint32_t revents, void *data)
{
	_Alignas(NLMSG_ALIGNTO) static char room[16384];
	struct net_watch *w = data;
	bool ours = false;
	ssize_t got;

	while ((got = recv(fd, room, sizeof(room), MSG_DONTWAIT)) != 0) {
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0) {
			ours |= errno == ENOBUFS; /* notes were lost: look */
			if (errno == ENOBUFS)
				continue;
			break;
		}
		size_t left = (size_t)got;
		for (const struct nlmsghdr *h = (const void *)room; NLMSG_OK(h, left);
		     h = NLMSG_NEXT(h, left))
			ours |= watch_is_ours(w->n, h);
	}
	if (!ours)
		return 0;
	sd_event_source_set_time_relative(w->timer, WATCH_DELAY_US);
	sd_event_source_set_enabled(w->timer, SD_EVENT_ONESHOT);
	return 0;
}

static void watch_bridges(struct networks *n)
{
	struct crl_err err = CRL_ERR_INIT;

	for (size_t i = 0; i < n->n_items; i++)
		if (network_is_bridge(n->items[i]) && network_repair(n, n->items[i], &err) < 0)
			log_warn("repair bridge", "network", n->items[i]->name, "error", err.msg,
				 NULL);
}

/* An attachment at a time, and from the start again: the container's part may change the list. */
static void watch_links(struct networks *n)
{
	for (size_t i = 0; i < n->n_attachments; i++) {
		struct net_attachment *a = n->attachments[i];
		if (!a->ep.link[0] || if_nametoindex(a->ep.link) != 0 ||
		    a->repairs >= WATCH_REPAIRS)
			continue;
		a->repairs++;
		container_net_lost(n->d, a->ep.container_id, a->ep.id);
		i = (size_t)-1;
	}
}

static int watch_look(sd_event_source *s, uint64_t usec, void *data)
{
	struct net_watch *w = data;

	if (!w->n->swept)
		return 0;
	watch_bridges(w->n);
	watch_links(w->n);
	return 0;
}

void net_watch_look(struct net_watch *w)
{
	sd_event_source_set_time_relative(w->timer, WATCH_DELAY_US);
	sd_event_source_set_enabled(w->timer, SD_EVENT_ONESHOT);
}

/* Every start and end of a container makes a dozen notes; only deletions wake us. */
static int watch_filter(int fd)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_H | BPF_ABS, offsetof(struct nlmsghdr, nlmsg_type)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htons(RTM_DELLINK), 0, 1),
		BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	struct sock_fprog program = {.len = ARRAY_SIZE(code), .filter = code};

	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program));
}

static int watch_open(struct net_watch *w, struct crl_err *err)
{
	struct sockaddr_nl links = {.nl_family = AF_NETLINK, .nl_groups = RTMGRP_LINK};
	_cleanup_close_ int fd =
		socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);

	if (fd < 0 || watch_filter(fd) < 0 ||
	    bind(fd, (struct sockaddr *)&links, sizeof(links)) < 0)
		return crl_fail_sys(err, errno, "watch links");
	int r = sd_event_add_io(w->n->d->event, &w->io, fd, EPOLLIN, watch_read, w);
	if (r >= 0)
		r = sd_event_source_set_io_fd_own(w->io, 1);
	if (r < 0)
		return crl_fail_sys(err, -r, "watch links");
	(void)take_fd(&fd);
	r = sd_event_add_time_relative(w->n->d->event, &w->timer, CLOCK_MONOTONIC, WATCH_DELAY_US,
				       0, watch_look, w);
	if (r >= 0)
		r = sd_event_source_set_enabled(w->timer, SD_EVENT_OFF);
	return r < 0 ? crl_fail_sys(err, -r, "watch links") : 0;
}

int net_watch_new(struct networks *n, struct net_watch **ret, struct crl_err *err)
{
	struct net_watch *w = calloc(1, sizeof(*w));

	if (!w)
		return crl_fail_oom(err);
	w->n = n;
	if (watch_open(w, err) < 0) {
		net_watch_free(w);
		return -1;
	}
	*ret = w;
	return 0;
}

void net_watch_free(struct net_watch *w)
{
	if (!w)
		return;
	sd_event_source_disable_unref(w->io);
	sd_event_source_disable_unref(w->timer);
	free(w);
}
