/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What build steps left behind (DATA_ROOT/buildcache), as the API shows and prunes it. */
#ifndef DAEMON_BUILD_CACHE_H
#define DAEMON_BUILD_CACHE_H

#include <base/json.h>
#include <crun-lite/err.h>

struct daemon;
struct http_req;

/* The list of /system/df. NULL when out of memory. */
cJSON *build_cache_json(struct daemon *d);

/* POST /build/prune */
void api_build_prune(struct http_req *r);

#endif
