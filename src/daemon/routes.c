// SPDX-License-Identifier: GPL-2.0-or-later
/* The API as one table. The first row that matches method and path wins. */
#include "api_system.h"
#include "events.h"
#include "http.h"

// clang-format off
const struct http_route http_routes[] = {
	{"HEAD",   "/_ping",                 124, api_system_ping_head, 0, "is the daemon there"},
	{"GET",    "/_ping",                 124, api_system_ping,      0, "is the daemon there"},
	{"GET",    "/version",               124, api_system_version,   0, "versions of engine and API"},
	{"GET",    "/events",                124, api_events,           0, "stream of events"},

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
