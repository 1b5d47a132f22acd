/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Owns POST /containers/create as a table of steps: what is made is recorded
 * first, and what fails is taken back. Nothing runs yet.
 */
#include "container.h"
#include "container_defaults.h"
#include "container_endpoints.h"
#include "container_hosts.h"
#include "container_merge.h"
#include "container_quota.h"
#include "container_users.h"
#include "volumes.h"
#include "images.h"
#include "runtimes.h"

#include <base/path.h>
#include <base/step.h>
#include <errno.h>
#include <sys/random.h>
#include <sys/stat.h>

struct creation {
	struct daemon *d;
	struct create_request *req;
	struct container *c;
	char **image_volumes;
	char **warnings;
};

/* --- names --- */

char *container_random_name(struct daemon *d)
{
	static const char *const left[] = {
		"amber", "brisk",  "calm",  "clever", "dapper", "eager", "fleet",  "gentle",
		"happy", "humble", "jolly", "keen",   "lucid",  "merry", "nimble", "placid",
		"quiet", "rapid",  "sunny", "tidy",   "upbeat", "vivid", "warm",   "zesty"};
	static const char *const right[] = {
		"aspen", "badger", "beech",  "cedar",   "crane", "elm",  "falcon", "fern",
		"finch", "heron",  "ibis",   "juniper", "lark",  "lynx", "maple",  "marten",
		"otter", "pine",   "plover", "raven",   "rowan", "tern", "willow", "wren"};
	for (unsigned try = 0;; try++) {
		uint32_t r[2] = {0};
		(void)!getrandom(r, sizeof(r), 0);
		const char *a = left[r[0] % ARRAY_SIZE(left)];
		const char *b = right[r[1] % ARRAY_SIZE(right)];
		char *name = try < 3 ? path_printf("%s_%s", a, b)
				     : path_printf("%s_%s%u", a, b, r[0] / 64 % 10000);
		if (!name || !container_by_name(d, name))
			return name;
		free(name);
	}
}

static int step_name(void *ctx, struct crl_err *err)
{
	struct creation *x = ctx;
	const char *name = x->req->name;
	if (name && *name == '/')
		name++;
	if (str_empty(name)) {
		x->c->rec.name = container_random_name(x->d);
		return x->c->rec.name ? 0 : crl_fail_oom(err);
	}
	if (container_check_name(name, err) < 0)
		return -1;
	const struct container *other = container_by_name(x->d, name);
	if (other)
		return crl_fail(err, CRL_CONFLICT,
				"Conflict. The container name \"/%s\" is already in use by "
				"container \"%s\". You have to remove (or rename) that container "
				"to be able to reuse that name.",
				name, other->rec.id);
	x->c->rec.name = strdup(name);
	return x->c->rec.name ? 0 : crl_fail_oom(err);
}

/* --- image --- */

/* "linux", "amd64", "linux/amd64", "linux/arm64/v8" */
static bool platform_fits(const char *platform, const char *os, const char *arch)
{
	_cleanup_strv_ char **p = strv_split(platform, "/", false);
	if (!p || !p[0])
		return false;
	if (!p[1])
		return str_eq(p[0], os) || str_eq(p[0], arch);
	return str_eq(p[0], os) && str_eq(p[1], arch);
}

/* Another one than was asked for is refused; another one than the host's may be meant so. */
static int check_platform(struct creation *x, const struct image *img, struct crl_err *err)
{
	const char *platform = x->req->platform;
	const char *os = img->spec.os ? img->spec.os : "linux";
	const char *arch = img->spec.architecture ? img->spec.architecture : "";
	if (!str_empty(platform) && !platform_fits(platform, os, arch))
		return crl_fail(err, CRL_NOT_FOUND,
				"image with reference %s was found but its platform (%s/%s) does "
				"not match the specified platform (%s)",
				x->c->rec.config.image, os, arch, platform);
	if (str_empty(platform) && *arch && !str_eq(arch, daemon_arch()))
		(void)strv_pushf(&x->warnings,
				 "The requested image's platform (%s/%s) does not match the "
				 "detected host platform (linux/%s) and no specific platform was "
				 "requested",
				 os, arch, daemon_arch());
	return 0;
}

static int set_command(struct container_record *rec, struct crl_err *err)
{
	_cleanup_strv_ char **all = NULL;
	for (char **e = rec->config.entrypoint; e && *e; e++)
		if (strv_push(&all, *e) < 0)
			return crl_fail_oom(err);
	for (char **e = rec->config.cmd; e && *e; e++)
		if (strv_push(&all, *e) < 0)
			return crl_fail_oom(err);
	if (!strv_len(all) || (strv_len(all) == 1 && !*all[0]))
		return crl_fail(err, CRL_INVALID, "No command specified");
	rec->path = strdup(all[0]);
	rec->args = strv_copy(all + 1);
	return rec->path && (rec->args || !all[1]) ? 0 : crl_fail_oom(err);
}

static int step_image(void *ctx, struct crl_err *err)
{
	struct creation *x = ctx;
	struct container_record *rec = &x->c->rec;
	struct image *img = NULL;
	if (str_empty(rec->config.image))
		return crl_fail(err, CRL_INVALID, "No command specified");
	if (images_find(x->d, rec->config.image, &img, err) < 0 ||
	    check_platform(x, img, err) < 0 ||
	    container_merge_image(&rec->config, &img->spec.config, err) < 0 ||
	    images_lowers(x->d, img, &rec->lowers, err) < 0)
		return -1;
	rec->image_id = strdup(img->id);
	x->image_volumes = strv_copy(img->spec.config.volumes);
	return rec->image_id ? set_command(rec, err) : crl_fail_oom(err);
}

/* --- the request --- */

static int set_hostname(struct container *c, struct crl_err *err)
{
	struct api_config *cfg = &c->rec.config;
	struct container *peer = NULL;
	struct crl_err unknown;
	char host[256] = "";
	/* A container that is not there (yet) is the start's to complain of, as with Docker. */
	(void)container_network_peer(c, &peer, &unknown);
	if (!str_empty(cfg->hostname) && !peer)
		return 0;
	if (peer)
		snprintf(host, sizeof(host), "%s", peer->rec.config.hostname);
	else if (str_eq(c->rec.host_config.network_mode, "host"))
		(void)gethostname(host, sizeof(host) - 1);
	else
		snprintf(host, sizeof(host), "%.12s", c->rec.id);
	free(cfg->hostname);
	cfg->hostname = strdup(host);
	return cfg->hostname ? 0 : crl_fail_oom(err);
}

/* container:NAME becomes container:ID, so that a rename or a reused name changes nothing. */
static int pin_peer(struct container *c, char **mode, struct crl_err *err)
{
	struct container *peer;
	if (!*mode || !str_starts(*mode, "container:"))
		return 0;
	struct crl_err unknown;
	if (container_find(c->d, *mode + strlen("container:"), &peer, &unknown) < 0)
		return 0;
	char *pinned = path_printf("container:%s", peer->rec.id);
	if (!pinned)
		return crl_fail_oom(err);
	free(*mode);
	*mode = pinned;
	return 0;
}

static int expose_bindings(struct container_record *rec)
{
	const cJSON *b;
	cJSON_ArrayForEach (b, rec->host_config.port_bindings) {
		_cleanup_free_ char *port = strchr(b->string, '/')
						    ? strdup(b->string)
						    : path_printf("%s/tcp", b->string);
		if (!port || (!strv_contains(rec->config.exposed_ports, port) &&
			      strv_push(&rec->config.exposed_ports, port) < 0))
			return -1;
	}
	return 0;
}

/* Takes the request's structs over into the record. */
static int step_request(void *ctx, struct crl_err *err)
{
	struct creation *x = ctx;
	struct container_record *rec = &x->c->rec;
	struct api_create *body = x->req->body;
	rec->config = body->config;
	body->config = (struct api_config){0};
	if (body->host_config)
		rec->host_config = *body->host_config;
	if (body->networking)
		rec->networking = *body->networking;
	free(take_ptr(body->host_config));
	free(take_ptr(body->networking));
	if (container_log_defaults(x->d, &rec->host_config.log_config) < 0)
		return crl_fail_oom(err);
	/* No limit has one name, as in dockerd: inspect shows null. */
	struct api_resources *res = &rec->host_config.res;
	if (res->pids_limit.set && (res->pids_limit.v == 0 || res->pids_limit.v == -1))
		res->pids_limit.set = false;
	if (container_validate(&rec->config, &rec->host_config, err) < 0 ||
	    runtime_check(x->d, rec->host_config.runtime, err) < 0 ||
	    container_daemon_defaults(x->d, &rec->host_config, err) < 0 ||
	    container_default_host_config(&rec->host_config, err) < 0 ||
	    container_paths_apply(&rec->host_config, err) < 0)
		return -1;
	if (container_plan_networks(x->d, rec, x->req->api_version, &x->warnings, err) < 0 ||
	    container_plan_links(x->d, rec, err) < 0)
		return -1;
	if (pin_peer(x->c, &rec->host_config.network_mode, err) < 0 ||
	    pin_peer(x->c, &rec->host_config.ipc_mode, err) < 0 ||
	    pin_peer(x->c, &rec->host_config.pid_mode, err) < 0 || set_hostname(x->c, err) < 0)
		return -1;
	container_limit_warnings(&rec->host_config.res, &x->warnings);
	container_platform_warnings(&rec->host_config, &x->warnings);
	if (str_eq(rec->host_config.network_mode, "host") &&
	    (rec->host_config.publish_all_ports ||
	     cJSON_GetArraySize(rec->host_config.port_bindings) > 0))
		(void)strv_push(&x->warnings,
				"Published ports are discarded when using host network mode");
	return expose_bindings(rec) < 0 ? crl_fail_oom(err) : 0;
}

static int step_users(void *ctx, struct crl_err *err)
{
	return container_users_plan(((struct creation *)ctx)->c, err);
}

/* --- files and table --- */

static int make_dir(const char *path, mode_t mode, struct crl_err *err)
{
	if (mkdir(path, mode) == 0)
		return 0;
	if (errno != ENOENT)
		return crl_fail_sys(err, errno, "%s", path);
	return path_mkdir_p(path, mode, err);
}

static void undo_dir(void *ctx)
{
	struct creation *x = ctx;
	struct crl_err ignored;
	_cleanup_free_ char *dir = container_dir(x->c);
	container_quota_clear(x->c);
	if (dir)
		(void)path_remove_tree(AT_FDCWD, dir, &ignored);
}

static int step_dir(void *ctx, struct crl_err *err)
{
	struct creation *x = ctx;
	_cleanup_free_ char *dir = container_dir(x->c);
	_cleanup_free_ char *upper = container_path_of(x->c, "upper");
	_cleanup_free_ char *work = container_path_of(x->c, "work");
	if (!dir || !upper || !work)
		return crl_fail_oom(err);
	if (make_dir(dir, 0710, err) < 0 || make_dir(upper, 0755, err) < 0)
		return -1;
	/* "/" of the container: its root's, as everything it will make in there. */
	uint32_t uid, gid;
	container_users_root(&x->c->rec, &uid, &gid);
	if (container_users_own(&x->c->rec) && chown(upper, uid, gid) < 0)
		return crl_fail_sys(err, errno, "%s", upper);
	if (make_dir(work, 0700, err) < 0)
		return -1;
	if (container_quota_set(x->c, err) == 0)
		return 0;
	undo_dir(ctx);
	return -1;
}

static int step_mounts(void *ctx, struct crl_err *err)
{
	struct creation *x = ctx;
	volumes_set_maker(x->d, x->c->rec.id);
	int r = container_plan_mounts(x->d, &x->c->rec, x->image_volumes, err);
	volumes_set_maker(x->d, NULL);
	if (r < 0) {
		container_drop_volumes(x->c, true);
		return -1;
	}
	container_hold_volumes(x->c);
	return 0;
}

static void undo_mounts(void *ctx)
{
	struct creation *x = ctx;
	container_drop_volumes(x->c, true);
}

static int step_record(void *ctx, struct crl_err *err)
{
	struct creation *x = ctx;
	return container_save(x->c, err);
}

static int step_insert(void *ctx, struct crl_err *err)
{
	struct creation *x = ctx;
	return containers_insert(x->d, x->c, err);
}

static const struct step create_steps[] = {
	{.name = "d.create_request",
	 .why = "a wrong request must fail before anything is made",
	 .see = "Engine API, ContainerCreate",
	 .run = step_request},
	{.name = "d.create_name",
	 .why = "names are unique, ids random",
	 .see = "Engine API, ContainerCreate",
	 .run = step_name},
	{.name = "d.create_image",
	 .why = "the image's config completes the request, its layers are the root",
	 .see = "image-spec, config.md",
	 .run = step_image},
	{.name = "d.create_users",
	 .why = "a range of user ids that no other container has, where it is asked for",
	 .see = "user_namespaces(7)",
	 .run = step_users},
	{.name = "d.create_dir",
	 .why = "the writable layer and the container's files live in one folder",
	 .see = "mkdir(2)",
	 .run = step_dir,
	 .undo = undo_dir},
	{.name = "d.create_mounts",
	 .why = "volumes are made and held, so that nobody removes them",
	 .see = "mount(8)",
	 .run = step_mounts,
	 .undo = undo_mounts},
	{.name = "d.create_record",
	 .why = "what the caller is told survives a crash",
	 .see = "rename(2)",
	 .run = step_record},
	{.name = "d.create_insert",
	 .why = "from here on it can be found",
	 .see = "Engine API, ContainerList",
	 .run = step_insert},
};
STEPS_LISTED(create_steps);

static int init_record(struct container *c, struct crl_err *err)
{
	c->rec.id = malloc(ID_HEX + 1);
	c->rec.status = strdup("created");
	if (!c->rec.id || !c->rec.status)
		return crl_fail_oom(err);
	ident_random(c->rec.id);
	c->rec.created = time_now_ns();
	c->state = FSM_CREATED;
	return 0;
}

int container_create(struct daemon *d, struct create_request *req, struct container **ret,
		     char ***ret_warnings, struct crl_err *err)
{
	struct creation x = {.d = d, .req = req, .c = container_new(d)};
	struct step_run run = {0};
	if (!x.c)
		return crl_fail_oom(err);
	int r = init_record(x.c, err);
	if (r == 0)
		r = steps_run(create_steps, ARRAY_SIZE(create_steps), &x, &run, err);
	strv_free(x.image_volumes);
	if (r < 0) {
		container_strip_step(create_steps, ARRAY_SIZE(create_steps), err);
		strv_free(x.warnings);
		container_free(x.c);
		return -1;
	}
	container_publish(x.c, "create", NULL);
	*ret = x.c;
	*ret_warnings = x.warnings;
	return 0;
}
