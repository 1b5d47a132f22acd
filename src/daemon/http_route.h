/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From a method and a path to a row of a route table; pure text, no sockets (tests and fuzzing use
 * it alone). */
#ifndef DAEMON_HTTP_ROUTE_H
#define DAEMON_HTTP_ROUTE_H

#include "http.h"

#define HTTP_MAX_ARGS 2
#define HTTP_PATH_MAX 4096

struct http_match {
	const struct http_route *route;
	int version;                     /* 151 */
	const char *args[HTTP_MAX_ARGS]; /* into `path`; "" when the pattern has fewer stars */
};

/*
 * Finds the row for a decoded path. `path` is the caller's and is cut into
 * pieces; the match points into it. CRL_NOT_FOUND "page not found" (also for a
 * known path with another method, as dockerd); CRL_INVALID for a version
 * prefix outside API_VERSION_MIN..MAX.
 */
int http_route_find(const struct http_route *routes, size_t n, const char *method, char *path,
		    struct http_match *ret, struct crl_err *err);

/* Docker's reading of a boolean query value. */
bool http_bool_value(const char *value);

#endif
