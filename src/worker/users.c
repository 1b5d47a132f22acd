/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See users.h. Needs the host's root: before the cage closes. */
#include "users.h"

#include <errno.h>
#include <fcntl.h>

static int read_rows(const cJSON *args, const char *key, struct oci_id_mapping **ret, size_t *ret_n,
		     struct crl_err *err)
{
	const cJSON *list = cJSON_GetObjectItemCaseSensitive(args, key), *item;
	struct oci_id_mapping *rows = calloc((size_t)cJSON_GetArraySize(list) + 1, sizeof(*rows));
	size_t n = 0;

	if (!rows)
		return crl_fail_oom(err);
	cJSON_ArrayForEach (item, list) {
		int64_t v[3] = {-1, -1, -1};
		(void)json_get_i64(item, "container", &v[0]);
		(void)json_get_i64(item, "host", &v[1]);
		(void)json_get_i64(item, "size", &v[2]);
		for (int i = 0; i < 3; i++)
			if (v[i] < 0 || v[i] > UINT32_MAX) {
				free(rows);
				return crl_fail(err, CRL_INVALID, "%s: not a map of ids", key);
			}
		rows[n++] = (struct oci_id_mapping){(uint32_t)v[0], (uint32_t)v[1], (uint32_t)v[2]};
	}
	*ret = rows;
	*ret_n = n;
	return 0;
}

/* Empty without users of its own. */
static int read_map(const cJSON *args, struct userns_map *ret, struct crl_err *err)
{
	struct oci_id_mapping *uids = NULL, *gids = NULL;
	size_t n_uids = 0, n_gids = 0;

	if (read_rows(args, "uid_map", &uids, &n_uids, err) < 0)
		return -1;
	if (read_rows(args, "gid_map", &gids, &n_gids, err) < 0) {
		free(uids);
		return -1;
	}
	*ret = (struct userns_map){uids, gids, n_uids, n_gids};
	return 0;
}

int users_namespace(const cJSON *args, int *ret_fd, struct crl_err *err)
{
	_cleanup_(userns_map_free) struct userns_map map = {0};

	*ret_fd = -1;
	if (read_map(args, &map, err) < 0)
		return -1;
	return map.n_uids ? userns_new(&map, ret_fd, err) : 0;
}

int users_inverse(const cJSON *args, int *ret_fd, struct crl_err *err)
{
	_cleanup_(userns_map_free) struct userns_map map = {0}, back = {0};

	*ret_fd = -1;
	if (read_map(args, &map, err) < 0)
		return -1;
	if (!map.n_uids)
		return 0;
	if (userns_inverse(&map, &back, err) < 0)
		return -1;
	return userns_new(&back, ret_fd, err);
}

int users_open_upper(const cJSON *args, const char *upper, int *ret_fd, struct crl_err *err)
{
	_cleanup_close_ int userns = -1, tree = -1;

	if (users_inverse(args, &userns, err) < 0)
		return -1;
	if (userns >= 0 && crl_overlay_unshift(upper, userns, &tree, err) < 0)
		return -1;
	*ret_fd = tree >= 0 ? openat(tree, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
			    : open(upper, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return *ret_fd < 0 ? crl_fail_sys(err, errno, "%s", upper) : 0;
}
