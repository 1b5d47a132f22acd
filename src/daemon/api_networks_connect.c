/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * POST /networks/NAME/connect and /disconnect for containers that do not run:
 * the place in the record is exchanged, the next start takes it. docker-compose
 * does this with every container between create and start. A running container
 * and more than one network are refused in a plain sentence.
 */
#include "api_networks.h"

#include "container.h"
#include "http.h"
#include "network_priv.h"

#include <base/log.h>

struct place { /* what a request is about */
	struct network *net;
	struct container *c;
};

static int find_place(struct daemon *d, const char *network, const char *container,
		      struct place *ret, struct crl_err *err)
{
	ret->net = networks_lookup(d->networks, network);
	if (!ret->net)
		return crl_fail(err, CRL_NOT_FOUND, "network %s not found", network);
	if (str_empty(container))
		return crl_fail(err, CRL_INVALID, "Container: the name or id is missing");
	if (container_find(d, container, &ret->c, err) < 0)
		return -1;
	const char *mode = ret->c->rec.host_config.network_mode;
	if (str_eq(ret->net->name, "host") || str_eq(mode, "host"))
		return crl_fail(err, CRL_INVALID,
				"container cannot be disconnected from host network or connected "
				"to host network");
	if (str_starts(mode, "container:"))
		return crl_fail(err, CRL_INVALID,
				"container sharing network namespace with another container or "
				"host cannot be connected to any other network");
	return 0;
}

static bool is_in(const struct place *p)
{
	return networks_lookup(p->c->d->networks, p->c->rec.host_config.network_mode) == p->net;
}

static int check_stopped(const struct place *p, struct crl_err *err)
{
	if (!p->c->monitor && !container_is_running(p->c))
		return 0;
	return crl_fail(err, CRL_UNSUPPORTED,
			"the networks of a running container cannot be changed yet: stop %s first",
			p->c->rec.name);
}

/* Consumes `endpoints`. On failure everything is as before. */
static int move(struct container *c, const char *network, struct api_networking_config *endpoints,
		struct crl_err *err)
{
	struct api_host_config *hc = &c->rec.host_config;
	struct api_networking_config old = c->rec.networking;
	char *old_mode = hc->network_mode;
	hc->network_mode = strdup(network);
	c->rec.networking = *endpoints;
	if (hc->network_mode && container_save(c, err) == 0) {
		free(old_mode);
		json_free(&api_networking_config_json, &old);
		return 0;
	}
	if (!hc->network_mode)
		crl_fail_oom(err);
	free(hc->network_mode);
	hc->network_mode = old_mode;
	json_free(&api_networking_config_json, &c->rec.networking);
	c->rec.networking = old;
	return -1;
}

static int check_connect(const struct place *p, struct crl_err *err)
{
	const char *mode = p->c->rec.host_config.network_mode;
	if (str_eq(p->net->name, "none"))
		return crl_fail(err, CRL_FORBIDDEN,
				"container cannot be connected to multiple networks with one of "
				"the networks in private (none) mode");
	if (is_in(p))
		return crl_fail(err, CRL_FORBIDDEN,
				"endpoint with name %s already exists in network %s",
				p->c->rec.name, p->net->name);
	if (check_stopped(p, err) < 0)
		return -1;
	if (!str_eq(mode, "none"))
		return crl_fail(err, CRL_UNSUPPORTED,
				"a container can be in one network only yet: disconnect %s from %s "
				"first",
				p->c->rec.name, mode);
	return 0;
}

static int connect_one(struct daemon *d, const char *network, struct api_network_connect *body,
		       struct crl_err *err)
{
	struct place p;
	if (find_place(d, network, body->container, &p, err) < 0 || check_connect(&p, err) < 0)
		return -1;
	struct api_endpoint *e = body->endpoint ? take_ptr(body->endpoint) : calloc(1, sizeof(*e));
	if (!e)
		return crl_fail_oom(err);
	struct api_networking_config now = {.endpoints = e, .n_endpoints = 1};
	free(e->key);
	e->key = strdup(p.net->name);
	if (!e->key) {
		json_free(&api_networking_config_json, &now);
		return crl_fail_oom(err);
	}
	return move(p.c, p.net->name, &now, err);
}

static int disconnect_one(struct daemon *d, const char *network,
			  const struct api_network_connect *body, struct crl_err *err)
{
	struct place p;
	if (find_place(d, network, body->container, &p, err) < 0)
		return -1;
	if (!is_in(&p))
		return crl_fail(err, CRL_IO, "container %s is not connected to network %s",
				p.c->rec.id, p.net->name);
	if (check_stopped(&p, err) < 0)
		return -1;
	return move(p.c, "none", &(struct api_networking_config){0}, err);
}

static void answer(struct http_req *r, bool connect)
{
	struct daemon *d = http_daemon(r);
	struct api_network_connect body = {0};
	struct crl_err err = CRL_ERR_INIT;
	int rc = http_decode_body(r, &api_network_connect_json, false, &body, &err);
	if (rc == 0)
		rc = connect ? connect_one(d, http_arg(r, 0), &body, &err)
			     : disconnect_one(d, http_arg(r, 0), &body, &err);
	if (rc < 0)
		http_reply_error(r, &err);
	else
		http_reply_empty(r, 200);
	json_free(&api_network_connect_json, &body);
}

void api_networks_connect(struct http_req *r)
{
	answer(r, true);
}

void api_networks_disconnect(struct http_req *r)
{
	answer(r, false);
}
