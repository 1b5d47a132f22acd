// SPDX-License-Identifier: GPL-2.0-or-later
/* The API as one table. The first row that matches method and path wins. */
#include "api_containers.h"
#include "api_images.h"
#include "api_system.h"
#include "events.h"
#include "http.h"

// clang-format off
const struct http_route http_routes[] = {
	{"HEAD",   "/_ping",                 124, api_system_ping_head, 0, "is the daemon there"},
	{"GET",    "/_ping",                 124, api_system_ping,      0, "is the daemon there"},
	{"GET",    "/version",               124, api_system_version,   0, "versions of engine and API"},
	{"GET",    "/events",                124, api_events,           0, "stream of events"},

	{"GET",    "/containers/json",       124, api_containers_list,    0, "list containers"},
	{"GET",    "/containers/*/json",     124, api_containers_inspect, 0, "one container"},
	{"GET",    "/containers/*/top",      124, api_containers_top,     0, "its processes"},
	{"GET",    "/containers/*/logs",     124, api_containers_logs,    0, "its output"},
	{"GET",    "/containers/*/stats",    124, api_containers_stats,   0, "what it uses"},
	{"POST",   "/containers/create",     124, api_containers_create,  0, "make a container"},
	{"POST",   "/containers/prune",      124, api_containers_prune,   0, "remove stopped ones"},
	{"POST",   "/containers/*/start",    124, api_containers_start,   0, "start it"},
	{"POST",   "/containers/*/stop",     124, api_containers_stop,    0, "end it politely, then by force"},
	{"POST",   "/containers/*/restart",  124, api_containers_restart, 0, "stop and start"},
	{"POST",   "/containers/*/kill",     124, api_containers_kill,    0, "send a signal"},
	{"POST",   "/containers/*/wait",     124, api_containers_wait,    0, "wait for its exit code"},
	{"POST",   "/containers/*/attach",   124, api_containers_attach,  0, "its stdin and output"},
	{"POST",   "/containers/*/resize",   124, api_containers_resize,  0, "size of its terminal"},
	{"POST",   "/containers/*/rename",   124, api_containers_rename,  0, "another name"},
	{"POST",   "/containers/*/pause",    124, api_containers_pause,   0, "freeze it"},
	{"POST",   "/containers/*/unpause",  124, api_containers_unpause, 0, "let it go on"},
	{"POST",   "/containers/*/update",   124, api_containers_update,  0, "other limits"},
	{"POST",   "/containers/*/exec",     124, api_containers_exec,    0, "prepare a process in it"},
	{"DELETE", "/containers/*",          124, api_containers_delete,  0, "remove it"},
	{"POST",   "/exec/*/start",          124, api_exec_start,         0, "run the prepared process"},
	{"POST",   "/exec/*/resize",         124, api_exec_resize,        0, "size of its terminal"},
	{"GET",    "/exec/*/json",           124, api_exec_inspect,       0, "how it went"},

	{"GET",    "/images/json",           124, api_images_list,      0, "list images"},
	{"GET",    "/images/get",            124, api_images_get,       0, "save images (names=)"},
	{"GET",    "/images/search",         124, api_images_search,    0, "search a registry: not here"},
	{"GET",    "/images/*/json",         124, api_images_inspect,   0, "one image"},
	{"GET",    "/images/*/history",      124, api_images_history,   0, "how an image was made"},
	{"GET",    "/images/*/get",          124, api_images_get_one,   0, "save one image"},
	{"POST",   "/images/create",         124, api_images_create,    HTTP_STREAM_BODY, "import (pull: not here)"},
	{"POST",   "/images/load",           124, api_images_load,      HTTP_STREAM_BODY, "load an archive"},
	{"POST",   "/images/prune",          124, api_images_prune,     0, "remove unused images"},
	{"POST",   "/images/*/tag",          124, api_images_tag,       0, "name an image"},
	{"POST",   "/images/*/push",         124, api_images_push,      0, "push: not here"},
	{"DELETE", "/images/*",              124, api_images_delete,    0, "untag, remove an image"},
	{"GET",    "/distribution/*/json",   124, api_distribution_inspect, 0, "ask a registry: not here"},
	{"POST",   "/build",                 124, api_build_run,        HTTP_STREAM_BODY, "build an image"},
	{"POST",   "/build/prune",           124, api_build_prune,      0, "empty the build cache"},

	{"GET",    "/plugins",               124, api_plugins_list,     0, "no plugins"},
	{"POST",   "/session",               124, api_system_no_session, 0, "BuildKit: not here"},
	{"POST",   "/grpc",                  124, api_system_no_session, 0, "BuildKit: not here"},
	{"GET",    "/swarm",                 124, api_swarm_inactive,   0, "not a swarm node"},
	{"GET",    "/nodes",                 124, api_swarm_inactive,   0, "not a swarm node"},
	{"GET",    "/services",              124, api_swarm_inactive,   0, "not a swarm node"},
	{"GET",    "/tasks",                 124, api_swarm_inactive,   0, "not a swarm node"},
	{"GET",    "/secrets",               124, api_swarm_inactive,   0, "not a swarm node"},
	{"GET",    "/configs",               124, api_swarm_inactive,   0, "not a swarm node"},
};
// clang-format on
const size_t http_n_routes = sizeof(http_routes) / sizeof(http_routes[0]);
