// SPDX-License-Identifier: GPL-2.0-or-later
/* What the engine says about itself: _ping, version; and the doors to what it does not have. */
#include "api_system.h"
#include "daemon.h"
#include "http.h"

#include <base/ident.h>
#include <config.h>
#include <sys/stat.h>
#include <sys/utsname.h>

/* --- GET, HEAD /_ping --- */

static void ping_headers(struct http_req *r)
{
	http_add_header(r, "Builder-Version", "1");
	http_add_header(r, "Cache-Control", "no-cache, no-store, must-revalidate");
	http_add_header(r, "Pragma", "no-cache");
	http_add_header(r, "Swarm", "inactive");
}

void api_system_ping(struct http_req *r)
{
	ping_headers(r);
	http_reply(r, 200, "text/plain; charset=utf-8", "OK", 2);
}

/* Its own row, since clients expect "Content-Length: 0" here. */
void api_system_ping_head(struct http_req *r)
{
	ping_headers(r);
	http_reply(r, 200, "text/plain; charset=utf-8", "", 0);
}

/* --- GET /version --- */

/* When this program was installed: a date compiled in would make every build different. */
static void build_time(char ret[TIME_BUF])
{
	struct stat st;
	bool known = stat("/proc/self/exe", &st) == 0;

	(void)time_rfc3339(known ? (int64_t)st.st_mtim.tv_sec * 1000000000 : 0, ret);
}

static cJSON *component(cJSON *list, const char *name, const char *version)
{
	cJSON *item = cJSON_CreateObject(), *details = cJSON_CreateObject();

	json_add_str(item, "Name", name);
	json_add_str(item, "Version", version);
	cJSON_AddItemToObject(item, "Details", details);
	cJSON_AddItemToArray(list, item);
	return details;
}

static void engine_details(cJSON *details, const struct utsname *u, const char *built)
{
	json_add_str(details, "ApiVersion", "1.51");
	json_add_str(details, "MinAPIVersion", "1.24");
	json_add_str(details, "Arch", daemon_arch());
	json_add_str(details, "BuildTime", built);
	json_add_str(details, "Experimental", "false");
	json_add_str(details, "GitCommit", "crun-lite-" CRL_VERSION);
	json_add_str(details, "GoVersion", "none");
	json_add_str(details, "KernelVersion", u->release);
	json_add_str(details, "Os", "linux");
}

void api_system_version(struct http_req *r)
{
	char built[TIME_BUF];
	cJSON *tree = cJSON_CreateObject(), *platform, *components;
	struct utsname u = {0};

	(void)uname(&u);
	build_time(built);
	platform = cJSON_AddObjectToObject(tree, "Platform");
	json_add_str(platform, "Name", "crun-lite " CRL_VERSION);
	components = cJSON_AddArrayToObject(tree, "Components");
	engine_details(component(components, "Engine", ENGINE_VERSION), &u, built);
	json_add_str(component(components, "crun-lite", CRL_VERSION), "GitCommit", "");
	json_add_str(tree, "Version", ENGINE_VERSION);
	json_add_str(tree, "ApiVersion", "1.51");
	json_add_str(tree, "MinAPIVersion", "1.24");
	json_add_str(tree, "GitCommit", "crun-lite-" CRL_VERSION);
	json_add_str(tree, "GoVersion", "none");
	json_add_str(tree, "Os", "linux");
	json_add_str(tree, "Arch", daemon_arch());
	json_add_str(tree, "KernelVersion", u.release);
	json_add_str(tree, "BuildTime", built);
	http_reply_json(r, 200, tree);
}

/* --- POST /auth --- */

/*
 * Only a registry can say whether a password is right, and this build cannot
 * ask one: an honest refusal instead of "Login Succeeded".
 */
void api_system_auth(struct http_req *r)
{
	http_reply_message(r, 501,
			   "this build of crun-lite cannot log in: it has no registry client");
}

/* --- plugins, swarm, BuildKit: none --- */

void api_plugins_list(struct http_req *r)
{
	http_reply(r, 200, "application/json", "[]", 2);
}

void api_swarm_inactive(struct http_req *r)
{
	http_reply_message(r, 503,
			   "This node is not a swarm manager. Use \"docker swarm init\" or "
			   "\"docker swarm join\" to connect this node to swarm and try again.");
}

void api_system_no_session(struct http_req *r)
{
	http_reply_message(r, 404, "page not found");
}
