/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * GET /containers/{id}/json in Docker's full shape (API 1.51). Answers from
 * the record and from memory, never from a process. What is null and what is
 * empty follows Docker: clients iterate and compare.
 */
#include "api_containers.h"
#include "container_hosts.h"
#include "container_ports.h"
#include "exec.h"
#include "images.h"
#include "sizes.h"

#include <base/path.h>
#include <fcntl.h>
#include <sys/stat.h>

/* --- sizes --- */

void api_sizes(const struct container *c, int64_t *ret_rw, int64_t *ret_root)
{
	_cleanup_free_ char *upper = container_path_of(c, "upper");
	struct crl_err ignored;
	struct image *img;
	*ret_rw = *ret_root = sizes_get(c->d, upper);
	if (*ret_rw >= 0 && images_find(c->d, c->rec.image_id, &img, &ignored) == 0)
		*ret_root += img->size;
}

static bool is_this(const struct container *c, const void *data)
{
	return c == data;
}

/* --- pieces --- */

cJSON *api_mounts_json(const struct container *c)
{
	cJSON *list = cJSON_CreateArray();
	for (size_t i = 0; i < c->rec.n_mounts; i++) {
		const struct container_mount *m = &c->rec.mounts[i];
		/* --tmpfs is no mount of inspect's list, --mount type=tmpfs is: Docker's way. */
		if (str_eq(m->type, "tmpfs") &&
		    strmap_get(&c->rec.host_config.tmpfs, m->destination))
			continue;
		cJSON *o = cJSON_CreateObject();
		json_add_str(o, "Type", m->type);
		if (!str_empty(m->name))
			json_add_str(o, "Name", m->name);
		json_add_str(o, "Source", m->source);
		json_add_str(o, "Destination", m->destination);
		if (!str_empty(m->driver))
			json_add_str(o, "Driver", m->driver);
		json_add_str(o, "Mode", m->mode);
		cJSON_AddBoolToObject(o, "RW", m->rw);
		json_add_str(o, "Propagation", m->propagation);
		cJSON_AddItemToArray(list, o);
	}
	return list;
}

cJSON *api_ports_map(const struct container *c)
{
	cJSON *o = cJSON_CreateObject();
	for (char **e = c->rec.config.exposed_ports; container_is_running(c) && e && *e; e++)
		cJSON_AddNullToObject(o, *e);
	const struct net_endpoint *ep = container_gateway_ep(c);
	for (size_t i = 0; ep && i < ep->n_ports; i++) {
		const struct net_port *p = &ep->ports[i];
		char key[16], port[8];
		container_port_key(p, key);
		cJSON *list = cJSON_GetObjectItemCaseSensitive(o, key);
		if (!cJSON_IsArray(list)) {
			cJSON_DeleteItemFromObjectCaseSensitive(o, key);
			list = cJSON_AddArrayToObject(o, key);
		}
		cJSON *b = cJSON_CreateObject();
		snprintf(port, sizeof(port), "%u", p->host_port);
		json_add_str(b, "HostIp", *p->host_ip ? p->host_ip : "0.0.0.0");
		json_add_str(b, "HostPort", port);
		cJSON_AddItemToArray(list, b);
	}
	return o;
}

/* --- the whole --- */

static void add_time(cJSON *o, const char *key, int64_t ns)
{
	char buf[TIME_BUF];
	json_add_str(o, key, time_rfc3339(ns, buf));
}

static cJSON *state_json(const struct container *c)
{
	const struct container_record *rec = &c->rec;
	enum fsm_state s = container_shown_state(c);
	cJSON *o = cJSON_CreateObject();
	json_add_str(o, "Status", fsm_state_name(s));
	/* Docker counts a container in its back-off as running. */
	cJSON_AddBoolToObject(o, "Running",
			      s == FSM_RUNNING || s == FSM_PAUSED || s == FSM_RESTARTING);
	cJSON_AddBoolToObject(o, "Paused", s == FSM_PAUSED);
	cJSON_AddBoolToObject(o, "Restarting", s == FSM_RESTARTING);
	cJSON_AddBoolToObject(o, "OOMKilled", rec->oom_killed);
	cJSON_AddBoolToObject(o, "Dead", s == FSM_DEAD);
	json_add_i64(o, "Pid", container_is_running(c) ? rec->pid : 0);
	json_add_i64(o, "ExitCode", rec->exit_code);
	json_add_str(o, "Error", rec->error);
	add_time(o, "StartedAt", rec->started_at);
	add_time(o, "FinishedAt", rec->finished_at);
	if (rec->health)
		cJSON_AddItemToObject(o, "Health", health_inspect(rec->health));
	return o;
}

static cJSON *network_settings(const struct container *c, int version)
{
	const struct net_endpoint none = {0}, *ep = container_ep(c, "bridge");
	if (!ep)
		ep = &none;
	char key[64] = "";
	if (container_is_running(c))
		snprintf(key, sizeof(key), "/proc/%lld/ns/net", (long long)c->rec.pid);
	cJSON *o = cJSON_CreateObject();
	json_add_str(o, "Bridge", "");
	json_add_str(o, "SandboxID", c->n_eps ? c->eps[0].id : "");
	json_add_str(o, "SandboxKey", key);
	cJSON_AddItemToObject(o, "Ports", api_ports_map(c));
	cJSON_AddBoolToObject(o, "HairpinMode", false);
	json_add_str(o, "LinkLocalIPv6Address", "");
	json_add_i64(o, "LinkLocalIPv6PrefixLen", 0);
	cJSON_AddNullToObject(o, "SecondaryIPAddresses");
	cJSON_AddNullToObject(o, "SecondaryIPv6Addresses");
	json_add_str(o, "EndpointID", ep->id);
	json_add_str(o, "Gateway", ep->gateway);
	json_add_str(o, "GlobalIPv6Address", ep->ip6);
	json_add_i64(o, "GlobalIPv6PrefixLen", ep->prefix6);
	json_add_str(o, "IPAddress", ep->ip);
	json_add_i64(o, "IPPrefixLen", ep->prefix_len);
	json_add_str(o, "IPv6Gateway", ep->gateway6);
	json_add_str(o, "MacAddress", ep->mac);
	cJSON_AddItemToObject(o, "Networks", api_networks_json(c, version));
	return o;
}

static cJSON *host_config_json(const struct container *c)
{
	cJSON *o = json_encode_tree(&api_host_config_json, &c->rec.host_config);
	_cleanup_strv_ char **links = container_links_shown(c);
	cJSON_DeleteItemFromObjectCaseSensitive(o, "Links");
	json_add_strv(o, "Links", links, true);
	return o;
}

static cJSON *graph_driver(const struct container *c)
{
	cJSON *o = cJSON_CreateObject(), *data = cJSON_AddObjectToObject(o, "Data");
	_cleanup_free_ char *upper = container_path_of(c, "upper");
	_cleanup_free_ char *work = container_path_of(c, "work");
	_cleanup_free_ char *lower = strv_join(c->rec.lowers, ":");
	_cleanup_free_ char *merged =
		c->rec.pid > 0 ? path_printf("/proc/%d/root", (int)c->rec.pid) : NULL;
	json_add_str(data, "LowerDir", lower);
	/* The merged tree is mounted in the container's namespace alone: this way leads into it. */
	json_add_str(data, "MergedDir", merged ? merged : "");
	json_add_str(data, "UpperDir", upper);
	json_add_str(data, "WorkDir", work);
	json_add_str(o, "Name", "overlay2");
	return o;
}

static void add_path(cJSON *o, const struct container *c, const char *key, const char *file)
{
	struct container *peer = NULL;
	struct crl_err ignored;
	(void)container_network_peer((struct container *)c, &peer, &ignored);
	_cleanup_free_ char *path = container_start_path(peer ? peer : c, file);
	json_add_str(o, key, path);
}

static void add_files(cJSON *o, const struct container *c)
{
	_cleanup_free_ char *log = container_log_path(c);
	add_path(o, c, "ResolvConfPath", "resolv.conf");
	add_path(o, c, "HostnamePath", "hostname");
	add_path(o, c, "HostsPath", "hosts");
	json_add_str(o, "LogPath", log);
}

static void add_identity(cJSON *o, const struct container *c)
{
	char name[300];
	snprintf(name, sizeof(name), "/%s", c->rec.name);
	json_add_str(o, "Id", c->rec.id);
	add_time(o, "Created", c->rec.created);
	json_add_str(o, "Path", c->rec.path);
	json_add_strv(o, "Args", c->rec.args, false);
	cJSON_AddItemToObject(o, "State", state_json(c));
	json_add_str(o, "Image", c->rec.image_id);
	add_files(o, c);
	json_add_str(o, "Name", name);
	json_add_i64(o, "RestartCount", c->rec.restart_count);
	json_add_str(o, "Driver", "overlay2");
	json_add_str(o, "Platform", "linux");
	json_add_str(o, "MountLabel", "");
	json_add_str(o, "ProcessLabel", "");
	json_add_str(o, "AppArmorProfile", "");
}

static void add_sizes(cJSON *o, const struct container *c)
{
	int64_t rw = 0, root = 0;
	api_sizes(c, &rw, &root);
	json_add_i64(o, "SizeRw", rw);
	json_add_i64(o, "SizeRootFs", root);
}

void api_containers_inspect(struct http_req *r)
{
	struct container *c;
	if (!api_container(r, &c))
		return;
	bool size = http_query_bool(r, "size", false);
	if (size && sizes_await_containers(r, is_this, c, api_containers_inspect))
		return;
	cJSON *o = cJSON_CreateObject();
	_cleanup_strv_ char **execs = exec_running_ids(c);
	add_identity(o, c);
	json_add_strv(o, "ExecIDs", execs, true);
	cJSON_AddItemToObject(o, "HostConfig", host_config_json(c));
	cJSON_AddItemToObject(o, "GraphDriver", graph_driver(c));
	if (size)
		add_sizes(o, c);
	cJSON_AddItemToObject(o, "Mounts", api_mounts_json(c));
	cJSON_AddItemToObject(o, "Config", json_encode_tree(&api_config_json, &c->rec.config));
	cJSON_AddItemToObject(o, "NetworkSettings", network_settings(c, http_api_version(r)));
	http_reply_json(r, 200, o);
}
