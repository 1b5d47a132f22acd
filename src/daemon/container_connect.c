/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Owns connect and disconnect: of a container that does not run, a change of
 * the record; of one that runs, two tables of steps. What is begun is on record
 * first (rec.net_change), so that a daemon that is killed half-way finds it.
 *
 * May not be called while the container is being started.
 */
#include "container_endpoints.h"
#include "container_hosts.h"
#include "container_network.h"
#include "dns_client.h"

#include <base/log.h>
#include <base/path.h>
#include <base/proc.h>
#include <base/step.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

struct change {
	struct container *c;
	const char *network; /* its name */
	struct api_endpoint *asked;
	int netns;
	char before[65];        /* the endpoint that led out */
	struct net_port *ports; /* what it published, once it is gone */
	size_t n_ports;
};

/* --- the container's namespace --- */

static bool same_file(int fd, const char *path)
{
	struct stat a, b;
	return fstat(fd, &a) == 0 && stat(path, &b) == 0 && a.st_dev == b.st_dev &&
	       a.st_ino == b.st_ino;
}

int container_open_netns(const struct container *c, int *ret, struct crl_err *err)
{
	_cleanup_free_ char *path = path_printf("/proc/%lld/ns/net", (long long)c->rec.pid);
	_cleanup_close_ int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	_cleanup_close_ int pidfd = -1;
	if (fd < 0)
		return crl_fail_sys(err, path ? errno : ENOMEM, "network namespace of %s",
				    c->rec.name);
	/* The process number may have gone to another process before we opened its namespace. */
	if (proc_open_pidfd((pid_t)c->rec.pid, c->rec.start_ticks, &pidfd, err) < 0)
		return -1;
	/* A process with every privilege could have gone there itself: it is not ours to change. */
	if (same_file(fd, "/proc/self/ns/net"))
		return crl_fail(err, CRL_CONFLICT, "%s is in the host's network namespace",
				c->rec.name);
	*ret = take_fd(&fd);
	return 0;
}

/* --- the intent --- */

static int note(struct container *c, const char *op, const char *network, const char *ifname,
		struct crl_err *err)
{
	cJSON_Delete(c->rec.net_change);
	c->rec.net_change = cJSON_CreateObject();
	json_add_str(c->rec.net_change, "op", op);
	json_add_str(c->rec.net_change, "network", network);
	json_add_str(c->rec.net_change, "ifname", ifname);
	return container_save(c, err);
}

static void note_done(struct container *c)
{
	cJSON_Delete(take_ptr(c->rec.net_change));
}

static void save_or_log(struct container *c)
{
	struct crl_err err = CRL_ERR_INIT;
	if (container_save(c, &err) < 0)
		log_warn("record of a container", "container", c->rec.id, "error", err.msg, NULL);
}

static void sync_hosts(struct container *c)
{
	struct crl_err err = CRL_ERR_INIT;
	if (container_sync_hosts(c, &err) < 0)
		log_warn("hosts file", "container", c->rec.id, "error", err.msg, NULL);
}

/* Names, too, where the caller cannot fail any more. */
static void sync_names(struct container *c)
{
	struct crl_err err = CRL_ERR_INIT;
	sync_hosts(c);
	if (dns_update(c, &err) < 0)
		log_warn("name server", "container", c->rec.id, "error", err.msg, NULL);
}

/* --- connect --- */

static int step_connect_intent(void *ctx, struct crl_err *err)
{
	struct change *x = ctx;
	const char *wanted = strmap_get(&x->asked->driver_opts, NET_OPT_IFNAME);
	char ifname[16];
	(void)net_free_ifname(net_ifname_prefix(x->c->d, x->network), x->c->eps, x->c->n_eps,
			      ifname);
	struct api_endpoint *e = container_ask(&x->c->rec, x->asked, x->network, err);
	if (!e)
		return -1;
	x->asked = e;
	if (note(x->c, "connect", x->network, wanted ? wanted : ifname, err) == 0)
		return 0;
	container_unask(&x->c->rec, x->network);
	note_done(x->c);
	return -1;
}

static void undo_connect_intent(void *ctx)
{
	struct change *x = ctx;
	container_unask(&x->c->rec, x->network);
	note_done(x->c);
	save_or_log(x->c);
}

static int step_connect_attach(void *ctx, struct crl_err *err)
{
	struct change *x = ctx;
	return container_attach_network(x->c, x->asked, x->netns, NULL, 0, err);
}

static void remember_gateway(struct change *x)
{
	const struct net_endpoint *now = container_gateway_ep(x->c);
	snprintf(x->before, sizeof(x->before), "%s", now ? now->id : "");
}

static int settle(struct change *x, struct crl_err *err)
{
	if (container_settle_gateway(x->c, x->before, x->netns, x->ports, x->n_ports, err) < 0)
		return -1;
	free(take_ptr(x->ports));
	x->n_ports = 0;
	remember_gateway(x);
	return 0;
}

/* The ports go with their endpoint, but the next one shall have the same. */
static int drop_endpoint(struct change *x, struct crl_err *err)
{
	const struct net_endpoint *ep = container_ep(x->c, x->network);
	if (ep && ep->n_ports > 0 && container_copy_ports(ep, &x->ports, &x->n_ports, err) < 0)
		return -1;
	container_detach_network(x->c, x->network, x->netns);
	return 0;
}

static void settle_again(struct change *x)
{
	struct crl_err err = CRL_ERR_INIT;
	if (settle(x, &err) < 0)
		log_warn("default route or ports", "container", x->c->rec.id, "error", err.msg,
			 NULL);
}

static void undo_connect_attach(void *ctx)
{
	struct change *x = ctx;
	struct crl_err err = CRL_ERR_INIT;
	remember_gateway(x);
	if (drop_endpoint(x, &err) < 0)
		container_detach_network(x->c, x->network, x->netns);
	settle_again(x);
	sync_names(x->c);
}

static int step_connect_route(void *ctx, struct crl_err *err)
{
	return settle(ctx, err);
}

/* The container may have made its file unusable: its loss, and no reason to refuse. */
static int step_connect_hosts(void *ctx, struct crl_err *err)
{
	struct change *x = ctx;
	sync_hosts(x->c);
	container_links_moved(x->c);
	return dns_update(x->c, err);
}

static int step_connect_record(void *ctx, struct crl_err *err)
{
	struct change *x = ctx;
	cJSON *begun = take_ptr(x->c->rec.net_change);
	if (container_record_endpoints(x->c, err) == 0 && container_save(x->c, err) == 0) {
		cJSON_Delete(begun);
		return 0;
	}
	x->c->rec.net_change = begun;
	return -1;
}

static const struct step connect_steps[] = {
	{.name = "net.connect_intent",
	 .why = "a daemon that is killed half-way must find what was begun",
	 .see = "rename(2)",
	 .run = step_connect_intent,
	 .undo = undo_connect_intent},
	{.name = "net.connect_attach",
	 .why = "a veth pair with its far end in the container, and an address",
	 .see = "veth(4)",
	 .run = step_connect_attach,
	 .undo = undo_connect_attach},
	{.name = "net.connect_route",
	 .why = "one network leads out; published ports come in over the same",
	 .see = "ip-route(8)",
	 .run = step_connect_route},
	{.name = "net.connect_hosts",
	 .why = "the container's own name has its new address, and the network knows it",
	 .see = "hosts(5)",
	 .run = step_connect_hosts},
	{.name = "net.connect_record",
	 .why = "what the caller is told survives a crash",
	 .see = "rename(2)",
	 .run = step_connect_record},
};
STEPS_LISTED(connect_steps);

static int run_change(struct change *x, const struct step *steps, size_t n, struct crl_err *err)
{
	struct step_run run = {0};
	x->netns = -1;
	if (container_open_netns(x->c, &x->netns, err) < 0)
		return -1;
	remember_gateway(x);
	int r = steps_run(steps, n, x, &run, err);
	if (r < 0)
		container_strip_step(steps, n, err);
	cleanup_close_p(&x->netns);
	free(take_ptr(x->ports));
	return r;
}

static int check_connect(const struct container *c, const char *name, const char *driver,
			 struct crl_err *err)
{
	const char *mode = c->rec.host_config.network_mode;
	if (c->state == FSM_REMOVING || c->state == FSM_DEAD)
		return crl_fail(err, CRL_CONFLICT,
				"Container %s is marked for removal and cannot be connected or "
				"disconnected to the network",
				c->rec.id);
	if (str_starts(mode, "container:"))
		return crl_fail(err, CRL_INVALID, NET_HOST_SHARED);
	if (str_eq(driver, "host") || str_eq(mode, "host"))
		return crl_fail(err, CRL_INVALID,
				"container cannot be disconnected from host network or connected "
				"to host network");
	if (container_asked(&c->rec, name))
		return crl_fail(err, CRL_FORBIDDEN,
				"endpoint with name %s already exists in network %s", c->rec.name,
				name);
	if (c->rec.networking.n_endpoints > 0 &&
	    (str_eq(driver, "null") || container_asked(&c->rec, "none")))
		return crl_fail(err, CRL_INVALID, NET_NONE_SHARED);
	return 0;
}

static int connect_stopped(struct container *c, const char *network, struct api_endpoint *asked,
			   struct crl_err *err)
{
	if (!container_ask(&c->rec, asked, network, err))
		return -1;
	if (container_save(c, err) == 0)
		return 0;
	container_unask(&c->rec, network);
	return -1;
}

int container_connect(struct container *c, const char *network, struct api_endpoint *asked,
		      struct crl_err *err)
{
	const char *name, *driver;
	if (networks_find(c->d, network, NULL, &name, &driver, err) < 0 ||
	    check_connect(c, name, driver, err) < 0 ||
	    container_check_endpoint(c->d, name, asked, err) < 0)
		return -1;
	if (!container_is_running(c))
		return connect_stopped(c, name, asked, err);
	struct change x = {.c = c, .network = name, .asked = asked};
	return run_change(&x, connect_steps, ARRAY_SIZE(connect_steps), err);
}

/* --- disconnect --- */

static int step_disconnect_intent(void *ctx, struct crl_err *err)
{
	struct change *x = ctx;
	const struct net_endpoint *ep = container_ep(x->c, x->network);
	if (note(x->c, "disconnect", x->network, ep ? ep->ifname : "", err) == 0)
		return 0;
	note_done(x->c);
	return -1;
}

/* Only what comes before the interface is gone can be taken back. */
static void undo_disconnect_intent(void *ctx)
{
	struct change *x = ctx;
	note_done(x->c);
	if (!container_ep(x->c, x->network))
		container_unask(&x->c->rec, x->network);
	struct crl_err err = CRL_ERR_INIT;
	if (container_record_endpoints(x->c, &err) < 0)
		log_warn("endpoints", "container", x->c->rec.id, "error", err.msg, NULL);
	save_or_log(x->c);
}

static int step_disconnect_detach(void *ctx, struct crl_err *err)
{
	return drop_endpoint(ctx, err);
}

/* The interface does not come back; the rest is put in order as well as can be. */
static void undo_disconnect_detach(void *ctx)
{
	struct change *x = ctx;
	settle_again(x);
	sync_hosts(x->c);
}

static int step_disconnect_record(void *ctx, struct crl_err *err)
{
	struct change *x = ctx;
	container_unask(&x->c->rec, x->network);
	return step_connect_record(ctx, err);
}

static const struct step disconnect_steps[] = {
	{.name = "net.disconnect_intent",
	 .why = "a daemon that is killed half-way must find what was begun",
	 .see = "rename(2)",
	 .run = step_disconnect_intent,
	 .undo = undo_disconnect_intent},
	{.name = "net.disconnect_detach",
	 .why = "the interface, its address and its published ports are free for others",
	 .see = "veth(4)",
	 .run = step_disconnect_detach,
	 .undo = undo_disconnect_detach},
	{.name = "net.disconnect_route",
	 .why = "another network leads out now; published ports come in over the same",
	 .see = "ip-route(8)",
	 .run = step_connect_route},
	{.name = "net.disconnect_hosts",
	 .why = "the address belongs to nobody, or to somebody else",
	 .see = "hosts(5)",
	 .run = step_connect_hosts},
	{.name = "net.disconnect_record",
	 .why = "what the caller is told survives a crash",
	 .see = "rename(2)",
	 .run = step_disconnect_record},
};
STEPS_LISTED(disconnect_steps);

static int disconnect_stopped(struct container *c, const char *network, struct crl_err *err)
{
	if (!container_asked(&c->rec, network))
		return crl_fail(err, CRL_IO, "container %s is not connected to the network %s",
				c->rec.id, network);
	container_unask(&c->rec, network);
	return container_save(c, err);
}

int container_disconnect(struct container *c, const char *network, bool force, struct crl_err *err)
{
	const char *name = network, *driver = "";
	if (c->state == FSM_REMOVING || c->state == FSM_DEAD)
		return crl_fail(err, CRL_CONFLICT,
				"Container %s is marked for removal and cannot be connected or "
				"disconnected to the network",
				c->rec.id);
	bool found = networks_find(c->d, network, NULL, &name, &driver, err) == 0;
	if (!found && container_is_running(c) && !force)
		return -1;
	if (str_eq(driver, "host"))
		return crl_fail(err, CRL_INVALID,
				"container cannot be disconnected from host network or connected "
				"to host network");
	if (!container_is_running(c) || !found)
		return disconnect_stopped(c, name, err);
	if (!container_asked(&c->rec, name))
		return crl_fail(err, CRL_IO, "container %s is not connected to network %s",
				c->rec.id, name);
	if (!container_ep(c, name))
		return disconnect_stopped(c, name, err);
	struct change x = {.c = c, .network = name};
	return run_change(&x, disconnect_steps, ARRAY_SIZE(disconnect_steps), err);
}

/* --- recovery --- */

/* The interface is not an adopted endpoint's: `connect` was not finished. */
static void remove_interface(struct container *c, const char *ifname, int netns)
{
	struct crl_err err = CRL_ERR_INIT;
	for (size_t i = 0; i < c->n_eps; i++)
		if (str_eq(c->eps[i].ifname, ifname))
			return;
	if (!str_empty(ifname) && net_delete_interface(c->d, netns, ifname, &err) < 0)
		log_warn("interface of an unfinished connect", "container", c->rec.id, "error",
			 err.msg, NULL);
}

static void repair_running(struct container *c, const char *network, const char *ifname)
{
	struct crl_err err = CRL_ERR_INIT;
	struct change x = {.c = c, .network = network};
	_cleanup_close_ int netns = -1;
	if (container_open_netns(c, &netns, &err) < 0)
		return; /* it died, too: its end frees everything */
	x.netns = netns;
	if (drop_endpoint(&x, &err) < 0)
		log_warn("ports", "container", c->rec.id, "error", err.msg, NULL);
	remove_interface(c, ifname, netns);
	/* Whichever route there is: it is made anew. */
	snprintf(x.before, sizeof(x.before), "unknown");
	settle_again(&x);
	free(take_ptr(x.ports));
	sync_names(c);
	if (container_record_endpoints(c, &err) < 0)
		log_warn("endpoints", "container", c->rec.id, "error", err.msg, NULL);
}

void container_connect_recover(struct container *c)
{
	cJSON *begun = take_ptr(c->rec.net_change);
	const char *network = json_get_str(begun, "network");
	if (!network)
		return;
	log_info("a change of networks that was not finished", "container", c->rec.id, "network",
		 network, "op", json_get_str(begun, "op"), NULL);
	if (container_is_running(c))
		repair_running(c, network, json_get_str(begun, "ifname"));
	/* A connect is taken back, since nobody was told of it; a disconnect is finished. */
	container_unask(&c->rec, network);
	save_or_log(c);
	cJSON_Delete(begun);
}
