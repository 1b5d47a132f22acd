/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Links of running containers, made again. The kernel's note comes from network_watch.c. */
#include "container_net_repair.h"

#include "container_network.h"

#include <base/log.h>

static const struct net_endpoint *endpoint_of(const struct container *c, const char *id)
{
	for (size_t i = 0; i < c->n_eps; i++)
		if (str_eq(c->eps[i].id, id))
			return &c->eps[i];
	return NULL;
}

void container_net_lost(struct daemon *d, const char *container_id, const char *endpoint_id)
{
	struct crl_err err = CRL_ERR_INIT;
	_cleanup_close_ int netns = -1;
	const struct net_endpoint *ep;
	struct container *c;

	if (!d->containers || container_find(d, container_id, &c, &err) < 0 ||
	    !container_is_running(c) || !(ep = endpoint_of(c, endpoint_id)))
		return;
	if (container_open_netns(c, &netns, &err) < 0 ||
	    net_reattach(d, ep, netns, container_gateway_ep(c) == ep, &err) < 0) {
		log_warn("link of a container is lost", "container", c->rec.id, "network",
			 ep->network, "error", err.msg, NULL);
		return;
	}
	log_warn("somebody removed a container's link: made again", "container", c->rec.id,
		 "network", ep->network, NULL);
}
