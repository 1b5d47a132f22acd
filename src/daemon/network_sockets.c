/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The name server's sockets of namespaces that are ready, between the helper that
 * opened them and the container that takes the namespace. Owns those descriptors; a
 * namespace is known by the host's end of its first veth pair.
 */
#include "network_priv.h"

#include <errno.h>

struct net_sockets {
	char link[IFNAMSIZ];
	int fds[2];
	struct net_sockets *next;
};

void net_sockets_put(struct networks *n, const char *link, int fds[2])
{
	struct net_sockets *s = calloc(1, sizeof(*s));

	if (!s) { /* they are asked for again when the container is there */
		close(take_fd(&fds[0]));
		close(take_fd(&fds[1]));
		return;
	}
	snprintf(s->link, sizeof(s->link), "%s", link);
	s->fds[0] = take_fd(&fds[0]);
	s->fds[1] = take_fd(&fds[1]);
	s->next = n->sockets;
	n->sockets = s;
}

bool net_sockets_take(struct networks *n, const char *link, int ret_fds[2])
{
	for (struct net_sockets **p = &n->sockets; *p; p = &(*p)->next) {
		struct net_sockets *s = *p;
		if (!str_eq(s->link, link))
			continue;
		*p = s->next;
		ret_fds[0] = s->fds[0];
		ret_fds[1] = s->fds[1];
		free(s);
		return true;
	}
	return false;
}

void net_sockets_drop(struct networks *n, const char *link)
{
	int fds[2];

	if (!net_sockets_take(n, link, fds))
		return;
	close(fds[0]);
	close(fds[1]);
}

void net_sockets_free(struct networks *n)
{
	while (n->sockets)
		net_sockets_drop(n, n->sockets->link);
}

static struct netns_request sockets_request(const char *key)
{
	struct netns_request q = {.op = NETNS_DNS};

	snprintf(q.link, sizeof(q.link), "%s", key);
	return q;
}

int net_sockets_open(struct networks *n, const char *key, int netns_fd, struct crl_err *err)
{
	struct netns_request q = sockets_request(key);

	return net_helper_call(n, &q, netns_fd, NULL, err);
}

int net_sockets_begin(struct networks *n, const char *key, int netns_fd, net_helper_cb cb,
		      void *data, struct crl_err *err)
{
	struct netns_request q = sockets_request(key);

	return net_helper_submit(n->helper, &q, netns_fd, cb, data, err);
}

bool network_has_dns(const struct network *net)
{
	return !str_eq(net->name, "bridge");
}
