/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Owns the reading of /etc/subuid and /etc/subgid, and the choice of a free
 * range. Keeps nothing. See subuid(5), and https://systemd.io/UIDS-GIDS for
 * which ranges are whose.
 */
#include "container_users.h"

#include <base/path.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>

#define SUBID_FILE_MAX (1024U * 1024)
#define REMAP_DEFAULT "dockremap"
/* Above what systemd gives to containers, below what is negative as a signed number. */
#define BUILT_IN_START 0x70000000U
#define BUILT_IN_SIZE 0x0fff0000U

/* --- /etc/subuid --- */

static bool owner_matches(const char *owner, const char *name, int64_t number)
{
	int64_t n;
	return str_eq(owner, name) || (number >= 0 && str_to_i64(owner, &n) && n == number);
}

static int add_row(struct oci_id_mapping **rows, size_t *n, uint64_t start, uint64_t count,
		   struct crl_err *err)
{
	uint64_t inside = *n ? (*rows)[*n - 1].container_id + (uint64_t)(*rows)[*n - 1].size : 0;
	if (count == 0 || start + count > UINT32_MAX || inside + count > UINT32_MAX)
		return 0; /* a row that nobody can use */
	struct oci_id_mapping *grown = reallocarray(*rows, *n + 1, sizeof(*grown));
	if (!grown)
		return crl_fail_oom(err);
	grown[(*n)++] = (struct oci_id_mapping){.container_id = (uint32_t)inside,
						.host_id = (uint32_t)start,
						.size = (uint32_t)count};
	*rows = grown;
	return 0;
}

int subid_parse(const char *text, const char *name, int64_t number, struct oci_id_mapping **ret,
		size_t *ret_n, struct crl_err *err)
{
	struct oci_id_mapping *rows = NULL;
	size_t n = 0;
	_cleanup_strv_ char **lines = strv_split(text, "\n", false);
	for (char **l = lines; l && *l; l++) {
		uint64_t start, count;
		_cleanup_strv_ char **f = strv_split(*l, ":", true);
		if (strv_len(f) != 3 || **l == '#' || !owner_matches(f[0], name, number) ||
		    !str_to_u64(f[1], &start) || !str_to_u64(f[2], &count) || start > UINT32_MAX ||
		    count > UINT32_MAX)
			continue;
		if (add_row(&rows, &n, start, count, err) < 0) {
			free(rows);
			return -1;
		}
	}
	*ret = rows;
	*ret_n = n;
	return 0;
}

/* A missing file is an empty one. */
static int subid_read(const char *file, const char *name, int64_t number,
		      struct oci_id_mapping **ret, size_t *ret_n, struct crl_err *err)
{
	_cleanup_free_ char *text = NULL;
	size_t len;
	struct crl_err missing;
	if (path_read_file(AT_FDCWD, file, SUBID_FILE_MAX, &text, &len, &missing) < 0) {
		*ret = NULL;
		*ret_n = 0;
		return 0;
	}
	return subid_parse(text, name, number, ret, ret_n, err);
}

/* --- userns-remap --- */

struct owner {
	const char *name; /* NULL = none is known for the number */
	int64_t number;
};

/* The accounts are read at the daemon's start only: getpwnam may ask slow services. */
static int find_user(const char *text, struct owner *ret, int64_t *ret_group, struct crl_err *err)
{
	int64_t id;
	bool number = str_to_i64(text, &id);
	const struct passwd *pw = number ? getpwuid((uid_t)id) : getpwnam(text);
	if (!pw && !number)
		return crl_fail(err, CRL_INVALID,
				"user namespace remapping: user \"%s\" does not exist", text);
	*ret = (struct owner){.name = pw ? pw->pw_name : text,
			      .number = pw ? (int64_t)pw->pw_uid : id};
	*ret_group = pw ? (int64_t)pw->pw_gid : -1;
	return 0;
}

static int find_group(const char *text, struct owner *ret, struct crl_err *err)
{
	int64_t id;
	bool number = str_to_i64(text, &id);
	const struct group *gr = number ? getgrgid((gid_t)id) : getgrnam(text);
	if (!gr && !number)
		return crl_fail(err, CRL_INVALID,
				"user namespace remapping: group \"%s\" does not exist", text);
	*ret = (struct owner){.name = gr ? gr->gr_name : text,
			      .number = gr ? (int64_t)gr->gr_gid : id};
	return 0;
}

static int read_owned(const char *file, const struct owner *o, struct oci_id_mapping **ret,
		      size_t *ret_n, struct crl_err *err)
{
	if (subid_read(file, o->name, o->number, ret, ret_n, err) < 0)
		return -1;
	if (*ret_n)
		return 0;
	return crl_fail(err, CRL_INVALID, "user namespace remapping: no range for \"%s\" in %s",
			o->name, file);
}

int subid_remap(const char *remap, struct userns_map *ret, struct crl_err *err)
{
	const char *text = str_eq(remap, "default") ? REMAP_DEFAULT : remap;
	_cleanup_strv_ char **p = strv_split(text, ":", true);
	struct owner user, group;
	struct oci_id_mapping *uids = NULL, *gids = NULL;
	int64_t gid;
	size_t n_uids = 0, n_gids = 0;
	if (!p)
		return crl_fail_oom(err);
	if (strv_len(p) > 2 || !*p[0] || (p[1] && !*p[1]))
		return crl_fail(err, CRL_INVALID,
				"invalid user/group specification in userns-remap: \"%s\"", remap);
	if (find_user(p[0], &user, &gid, err) < 0 ||
	    read_owned("/etc/subuid", &user, &uids, &n_uids, err) < 0)
		return -1;
	/* Without a group the one of the user's name, whose rows stand under that name. */
	group = (struct owner){.name = user.name, .number = gid};
	if ((p[1] && find_group(p[1], &group, err) < 0) ||
	    read_owned("/etc/subgid", &group, &gids, &n_gids, err) < 0) {
		free(uids);
		return -1;
	}
	*ret = (struct userns_map){uids, gids, n_uids, n_gids};
	return 0;
}

/* --- --userns=auto --- */

static void add_common(struct subid_pool *pool, const struct oci_id_mapping *u,
		       const struct oci_id_mapping *g)
{
	uint64_t start = u->host_id > g->host_id ? u->host_id : g->host_id;
	uint64_t u_end = (uint64_t)u->host_id + u->size, g_end = (uint64_t)g->host_id + g->size;
	uint64_t end = u_end < g_end ? u_end : g_end;
	if (start >= end || pool->n == SUBID_POOL_MAX)
		return;
	pool->start[pool->n] = (uint32_t)start;
	pool->size[pool->n++] = (uint32_t)(end - start);
}

static int read_pool_of(const char *name, struct subid_pool *pool, struct crl_err *err)
{
	_cleanup_free_ struct oci_id_mapping *uids = NULL, *gids = NULL;
	size_t n_uids, n_gids;
	if (subid_read("/etc/subuid", name, -1, &uids, &n_uids, err) < 0 ||
	    subid_read("/etc/subgid", name, -1, &gids, &n_gids, err) < 0)
		return -1;
	/* User and group ids of a container are the same numbers: what is in both lists. */
	for (size_t i = 0; i < n_uids; i++)
		for (size_t k = 0; k < n_gids; k++)
			add_common(pool, &uids[i], &gids[k]);
	return 0;
}

int subid_pool_read(struct subid_pool *ret, struct crl_err *err)
{
	static const char *const names[] = {"crun-lite", "containers"};
	*ret = (struct subid_pool){0};
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (read_pool_of(names[i], ret, err) < 0)
			return -1;
		if (ret->n)
			return 0;
	}
	*ret = (struct subid_pool){.start = {BUILT_IN_START}, .size = {BUILT_IN_SIZE}, .n = 1};
	return 0;
}

/* Where the search goes on after `at`: behind a range that is in the way, or `at` itself. */
static uint64_t behind_taken(const struct oci_id_mapping *taken, size_t n, uint64_t at,
			     uint32_t size)
{
	for (size_t i = 0; i < n; i++)
		if (at < (uint64_t)taken[i].host_id + taken[i].size && taken[i].host_id < at + size)
			return (uint64_t)taken[i].host_id + taken[i].size;
	return at;
}

static bool find_gap(uint64_t start, uint64_t end, const struct oci_id_mapping *taken, size_t n,
		     uint32_t size, uint32_t *ret)
{
	for (uint64_t at = start; at + size <= end;) {
		uint64_t next = behind_taken(taken, n, at, size);
		if (next == at) {
			*ret = (uint32_t)at;
			return true;
		}
		at = next;
	}
	return false;
}

int subid_allocate(const struct subid_pool *pool, const struct oci_id_mapping *taken,
		   size_t n_taken, uint32_t size, uint32_t from, uint32_t *ret, struct crl_err *err)
{
	for (int pass = 0; pass < 2; pass++)
		for (size_t i = 0; i < pool->n; i++) {
			uint64_t start = pool->start[i], end = start + pool->size[i];
			if (pass == 0 && from >= end)
				continue;
			if (pass == 0 && from > start)
				start = from;
			if (find_gap(start, end, taken, n_taken, size, ret))
				return 0;
		}
	return crl_fail(err, CRL_LIMIT,
			"no %u user ids in a row are left for --userns=auto: remove containers, or "
			"give user \"crun-lite\" more in /etc/subuid and /etc/subgid",
			size);
}
