/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * POST /networks/NAME/connect and /disconnect: reads and answers; what happens
 * is in container_connect.c. While a container is being started the request
 * waits for the outcome of that.
 */
#include "api_networks.h"

#include "api_containers.h"
#include "container_network.h"
#include "http.h"

struct connecting {
	struct late *late;
	struct daemon *d;
	char *network;
	struct api_network_connect body;
	bool connect;
};

static void connecting_free(struct connecting *x)
{
	json_free(&api_network_connect_json, &x->body);
	free(x->network);
	free(x);
}

/* Docker: force takes away what is left of a container that is gone. */
static int disconnect_gone(const struct connecting *x, struct crl_err *err)
{
	if (!x->body.force || err->code != CRL_NOT_FOUND)
		return -1;
	return net_release_gone(x->d, x->network, x->body.container, err);
}

static int run(struct connecting *x, struct container *c, struct crl_err *err)
{
	struct api_endpoint none = {0};
	if (!x->connect)
		return container_disconnect(c, x->network, x->body.force, err);
	return container_connect(c, x->network, x->body.endpoint ? x->body.endpoint : &none, err);
}

static void begin(struct connecting *x);

static void on_started(const struct crl_err *err, bool modified, void *data)
{
	begin(data);
}

/* By name again: the container may have been removed while we waited. */
static void begin(struct connecting *x)
{
	struct crl_err err = CRL_ERR_INIT;
	struct container *c;
	int r;
	if (str_empty(x->body.container))
		r = crl_fail(&err, CRL_INVALID, "Container: the name or id is missing");
	else if (container_find(x->d, x->body.container, &c, &err) < 0)
		r = x->connect ? -1 : disconnect_gone(x, &err);
	else if (c->state == FSM_STARTING &&
		 container_add_done(&c->start_waiters, on_started, x) == 0)
		return;
	else
		r = run(x, c, &err);
	late_done(r < 0 ? &err : NULL, true, x->late);
	connecting_free(x);
}

static void answer(struct http_req *r, bool connect)
{
	struct connecting *x = calloc(1, sizeof(*x));
	struct crl_err err = CRL_ERR_INIT;
	if (!x || !(x->network = strdup(http_arg(r, 0)))) {
		free(x);
		crl_fail_oom(&err);
		http_reply_error(r, &err);
		return;
	}
	x->d = http_daemon(r);
	x->connect = connect;
	if (http_decode_body(r, &api_network_connect_json, false, &x->body, &err) < 0) {
		http_reply_error(r, &err);
		connecting_free(x);
		return;
	}
	if ((x->late = late_new(r, 200, false)))
		begin(x);
	else
		connecting_free(x);
}

void api_networks_connect(struct http_req *r)
{
	answer(r, true);
}

void api_networks_disconnect(struct http_req *r)
{
	answer(r, false);
}
