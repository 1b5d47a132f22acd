/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Verb "sweep": removes what the daemon moved to tmp/, so that large trees do not block it. */
#include "verbs.h"

#include <base/path.h>

#include <fcntl.h>

/* A name of one part: the daemon's own, but checked like any other. */
static bool plain_name(const char *s)
{
	return s && *s && !strchr(s, '/') && !str_eq(s, ".") && !str_eq(s, "..");
}

int sweep_run(struct worker *w, cJSON **ret_result, struct crl_err *err)
{
	const cJSON *item;
	_cleanup_close_ int tmp = openat(crl_store_root_fd(w->store), "tmp",
					 O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (tmp < 0)
		return crl_fail(err, CRL_IO, "tmp: not a folder");
	cJSON_ArrayForEach (item, cJSON_GetObjectItemCaseSensitive(w->args, "trash")) {
		const char *name = cJSON_IsString(item) ? item->valuestring : NULL;
		if (!plain_name(name))
			return crl_fail(err, CRL_INVALID, "trash: bad name");
		if (path_remove_tree(tmp, name, err) < 0)
			return -1;
	}
	*ret_result = cJSON_CreateObject();
	return 0;
}
