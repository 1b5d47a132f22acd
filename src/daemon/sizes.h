/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How large trees are: a worker walks them ("du"), several in one job, and the
 * result is remembered for some seconds. A handler asks for what it needs
 * before it begins, and is called once more when all is known:
 *
 *	if (sizes_await(r, paths, api_x_y))
 *		return;
 *	... sizes_get(d, path) ...
 */
#ifndef DAEMON_SIZES_H
#define DAEMON_SIZES_H

#include "http.h"

#include <stdint.h>

struct sizes;
struct container;

/*
 * False: all sizes are known and fresh. True: `again` is called with the request later, unless the
 * client goes away. The handler may not have set data of its own.
 */
bool sizes_await(struct http_req *r, char *const *paths, http_handler again);
/* The same for containers' writable layers: those for which `want` is true. */
bool sizes_await_containers(struct http_req *r,
			    bool (*want)(const struct container *c, const void *data),
			    const void *data, http_handler again);
/* Bytes as Docker counts them: all but directories by length, hard links once. -1 = not known: not
 * asked for, too slow, or gone. */
int64_t sizes_get(const struct daemon *d, const char *path);
/* NULL allowed. After the jobs. */
void sizes_free(struct sizes *s);

#endif
