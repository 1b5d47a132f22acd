/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the name server is told of a container, and the sockets that it gets in the
 * container's namespace. Owns no state.
 */
#include "dns_tell.h"

#include "container_network.h"
#include "network_priv.h"

#include <base/log.h>
#include <crun-lite/dns_proto.h>
#include <errno.h>
#include <fcntl.h>

static bool has_names(const struct net_endpoint *ep)
{
	/* In host and none there is nobody to answer to: no interface either. */
	return ep->ifname[0] && !str_eq(ep->network, "bridge");
}

bool dns_wanted(const struct container *c)
{
	for (size_t i = 0; i < c->n_eps; i++)
		if (has_names(&c->eps[i]))
			return true;
	return c->has_dns;
}

/* --- the message --- */

/* "container:alias"; a container that is not there has no address either. */
static int add_links(struct daemon *d, const struct net_endpoint *ep, struct strmap *ret)
{
	for (char **l = ep->links; l && *l; l++) {
		const char *colon = strrchr(*l, ':');
		size_t len = colon ? (size_t)(colon - *l) : strlen(*l);
		_cleanup_free_ char *name = strndup(*l, len);
		struct crl_err ignored;
		struct container *target;
		if (!name)
			return -1;
		if (container_find(d, name, &target, &ignored) == 0 &&
		    strmap_set(ret, colon ? colon + 1 : name, target->rec.id) < 0)
			return -1;
	}
	return 0;
}

static int fill_endpoint(struct daemon *d, const struct net_endpoint *ep, struct dns_ep *ret)
{
	ret->network_id = (char *)ep->network_id;
	ret->network = ep->network;
	ret->ip = (char *)ep->ip;
	ret->prefix = ep->prefix_len;
	ret->ip6 = (char *)ep->ip6;
	ret->prefix6 = ep->prefix6;
	ret->internal = !ep->gateway[0] && !ep->gateway6[0];
	/* The default network's are known to nobody, as with Docker. */
	ret->names = has_names(ep) ? ep->dns_names : NULL;
	return add_links(d, ep, &ret->links);
}

/* Only the links are ours: everything else is borrowed from the container. */
void dns_tell(struct container *c, int *fds)
{
	struct dns_ep *eps = calloc(c->n_eps + 1, sizeof(*eps));
	char **own = c->rec.host_config.dns;
	struct dns_box box = {.id = c->rec.id,
			      .eps = eps,
			      .n_eps = c->n_eps,
			      .servers = strv_len(own) ? own : c->d->config.dns};
	bool failed = !eps;

	for (size_t i = 0; !failed && i < c->n_eps; i++)
		failed = fill_endpoint(c->d, &c->eps[i], &eps[i]) < 0;
	if (failed)
		log_warn("name server not told", "container", c->rec.id, "error", "no memory",
			 NULL);
	else
		dns_send(c->d->dns, &(struct dns_msg){.op = (char *)"set", .box = &box}, fds);
	for (size_t i = 0; eps && i < c->n_eps; i++)
		strmap_free(&eps[i].links);
	free(eps);
}

/* --- sockets --- */

static int namespace_of(const struct container *c, int *ret, struct crl_err *err)
{
	if (c->eps[0].netns_fd < 0)
		return container_open_netns(c, ret, err);
	*ret = fcntl(c->eps[0].netns_fd, F_DUPFD_CLOEXEC, 3);
	return *ret < 0 ? crl_fail_sys(err, errno, "dup") : 0;
}

/* Of a namespace that came with them. */
static bool take_ready(struct container *c, int fds[2])
{
	for (size_t i = 0; i < c->n_eps; i++)
		if (c->eps[i].link[0] && net_sockets_take(c->d->networks, c->eps[i].link, fds))
			return true;
	return false;
}

/* Not every endpoint has a link on the host; the container's id has no '-' in front. */
static void sockets_key(const struct container *c, char ret[IFNAMSIZ])
{
	snprintf(ret, IFNAMSIZ, "-%.14s", c->rec.id);
}

static int open_now(struct container *c, int fds[2], struct crl_err *err)
{
	_cleanup_close_ int netns = -1;
	char key[IFNAMSIZ];

	if (take_ready(c, fds))
		return 0;
	sockets_key(c, key);
	if (namespace_of(c, &netns, err) < 0 ||
	    net_sockets_open(c->d->networks, key, netns, err) < 0)
		return crl_context(err, "name server");
	if (!net_sockets_take(c->d->networks, key, fds))
		return crl_fail(err, CRL_INTERNAL, "name server: no sockets");
	return 0;
}

struct opening {
	struct daemon *d;
	char id[ID_HEX + 1], endpoint[ID_HEX + 1], key[IFNAMSIZ];
};

static void opened(const struct netns_reply *reply, int netns_fd, void *data)
{
	struct opening *o = data;
	struct crl_err err = CRL_ERR_INIT;
	struct container *c;
	int fds[2];

	if (reply->sys)
		log_warn("no name server for a container", "container", o->id, "step", reply->step,
			 "error", strerror(reply->sys), NULL);
	if (net_sockets_take(o->d->networks, o->key, fds)) {
		/* Still the same run? A new one has new endpoints. */
		if (container_find(o->d, o->id, &c, &err) == 0 && c->has_dns && c->n_eps > 0 &&
		    str_eq(c->eps[0].id, o->endpoint))
			dns_tell(c, fds);
		close(fds[0]);
		close(fds[1]);
	}
	free(o);
}

void dns_tell_missing(struct daemon *d, const char *id)
{
	_cleanup_close_ int netns = -1;
	struct crl_err err = CRL_ERR_INIT;
	struct container *c;

	if (container_find(d, id, &c, &err) < 0 || !c->has_dns || c->n_eps == 0)
		return;
	struct opening *o = calloc(1, sizeof(*o));
	if (!o)
		return;
	o->d = d;
	snprintf(o->id, sizeof(o->id), "%s", id);
	snprintf(o->endpoint, sizeof(o->endpoint), "%s", c->eps[0].id);
	sockets_key(c, o->key);
	if (namespace_of(c, &netns, &err) == 0 &&
	    net_sockets_begin(d->networks, o->key, netns, opened, o, &err) == 0)
		return;
	log_warn("no name server for a container", "container", id, "error", err.msg, NULL);
	free(o);
}

/* --- for others --- */

int dns_update(struct container *c, struct crl_err *err)
{
	struct dns_client *dns = c->d->dns;
	bool first = !c->has_dns;
	int fds[2] = {-1, -1};

	/* Once it has the name server it keeps it to the end of its run. */
	if (!dns_wanted(c))
		return 0;
	if (dns_ensure(dns, err) < 0)
		return -1;
	/* After a restart of the daemon the server has them; if not, it says so. */
	bool open = first && !dns_recovering(dns);
	if (open && open_now(c, fds, err) < 0)
		return -1;
	dns_count(dns, c, true);
	dns_tell(c, open ? fds : NULL);
	cleanup_close_p(&fds[0]);
	cleanup_close_p(&fds[1]);
	return first && container_is_running(c) && !dns_recovering(dns)
		       ? container_write_resolv_conf(c, err)
		       : 0;
}

void dns_drop(struct container *c)
{
	if (!c->has_dns)
		return;
	dns_send(c->d->dns, &(struct dns_msg){.op = (char *)"drop", .id = c->rec.id}, NULL);
	dns_count(c->d->dns, c, false);
}
