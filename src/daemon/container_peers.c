/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See container_peers.h. A peer's namespaces are named by its first process:
 * when that ends before they are joined, the start fails, since the path does.
 */
#include "container_peers.h"
#include "container_users.h"

#include <base/path.h>

static int not_running(const struct container *peer, struct crl_err *err)
{
	if (peer->state == FSM_RESTARTING)
		return crl_fail(err, CRL_CONFLICT,
				"container %s is restarting, wait until the container is running",
				peer->rec.id);
	return crl_fail(err, CRL_CONFLICT, "container %s is not running", peer->rec.id);
}

static int find_peer(struct container *c, const char *mode, struct container **ret,
		     struct crl_err *err)
{
	struct container *peer;
	if (!mode || !str_starts(mode, "container:"))
		return 0;
	if (container_find(c->d, mode + strlen("container:"), &peer, err) < 0)
		return -1;
	if (peer == c)
		return crl_fail(err, CRL_INVALID, "cannot join own namespace");
	*ret = peer;
	return 0;
}

static int join_path(const struct container *peer, const char *ns, char **ret, struct crl_err *err)
{
	*ret = path_printf("/proc/%lld/ns/%s", (long long)peer->rec.pid, ns);
	return *ret ? 0 : crl_fail_oom(err);
}

static int find_net(struct container *c, struct container_peers *p, struct crl_err *err)
{
	if (container_network_peer(c, &p->net, err) < 0)
		return -1;
	if (!p->net)
		return 0;
	if (!container_is_running(p->net))
		return p->net->state == FSM_RESTARTING
			       ? not_running(p->net, err)
			       : crl_fail(err, CRL_CONFLICT,
					  "cannot join network of a non running container: %s",
					  p->net->rec.id);
	p->net_dir = container_start_dir(p->net);
	if (!p->net_dir)
		return crl_fail_oom(err);
	return join_path(p->net, "net", &p->net_path, err);
}

/* "private" is the donor's word that nobody sees its shared memory. */
static bool shares_ipc(const struct container *peer)
{
	const char *mode = peer->rec.host_config.ipc_mode;
	return str_eq(mode, "shareable") || str_eq(mode, "host") ||
	       (mode && str_starts(mode, "container:"));
}

static int find_ipc(struct container *c, struct container_peers *p, struct crl_err *err)
{
	if (find_peer(c, c->rec.host_config.ipc_mode, &p->ipc, err) < 0)
		return -1;
	if (!p->ipc)
		return 0;
	if (!container_is_running(p->ipc))
		return not_running(p->ipc, err);
	if (!shares_ipc(p->ipc))
		return crl_fail(err, CRL_INVALID,
				"container %s: non-shareable IPC (hint: use IpcMode:shareable for "
				"the donor container)",
				p->ipc->rec.id);
	return join_path(p->ipc, "ipc", &p->ipc_path, err);
}

static int find_pid(struct container *c, struct container_peers *p, struct crl_err *err)
{
	if (find_peer(c, c->rec.host_config.pid_mode, &p->pid, err) < 0)
		return -1;
	if (!p->pid)
		return 0;
	if (!container_is_running(p->pid))
		return not_running(p->pid, err);
	return join_path(p->pid, "pid", &p->pid_path, err);
}

/* A namespace is in the hands of the users that own it: all peers and we have the same. */
static int find_users(struct container *c, struct container_peers *p, struct crl_err *err)
{
	const struct container *const peers[] = {p->net, p->ipc, p->pid};
	for (size_t i = 0; i < ARRAY_SIZE(peers); i++) {
		if (!peers[i])
			continue;
		if (container_users_check(c, peers[i], err) < 0)
			return -1;
		if (!p->users_path && container_users_own(&c->rec) &&
		    join_path(peers[i], "user", &p->users_path, err) < 0)
			return -1;
	}
	return 0;
}

int container_peers_find(struct container *c, struct container_peers *ret, struct crl_err *err)
{
	if (find_net(c, ret, err) < 0)
		return -1;
	if (find_pid(c, ret, err) < 0)
		return crl_context(err, "failed to join PID namespace");
	if (find_ipc(c, ret, err) < 0)
		return crl_context(err, "failed to join IPC namespace");
	return find_users(c, ret, err);
}

void container_peers_free(struct container_peers *p)
{
	free(p->net_path);
	free(p->ipc_path);
	free(p->pid_path);
	free(p->users_path);
	free(p->net_dir);
	*p = (struct container_peers){0};
}
