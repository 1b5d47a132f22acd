/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See container_users.h. Owns which users a container gets; the ranges are userns_ranges.c's. */
#include "container_users.h"
#include "runtimes.h"

#include <base/path.h>
#include <errno.h>
#include <sys/random.h>

#define SIZE_DEFAULT 65536U

/* --- the mode --- */

static int take_option(const char *word, uint32_t *size, struct crl_err *err)
{
	static const char *const others[] = {"uidmapping=", "gidmapping="};
	uint64_t n;
	if (str_starts(word, "size=")) {
		if (!str_to_u64(word + strlen("size="), &n) || n == 0 || n > INT32_MAX)
			return crl_fail(err, CRL_INVALID,
					"invalid user namespace mode: %s: not a "
					"number of ids",
					word);
		*size = (uint32_t)n;
		return 0;
	}
	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		if (str_starts(word, others[i]))
			return crl_fail(err, CRL_INVALID,
					"user namespace mode auto: option %s is not supported: the "
					"range is chosen here, only size=N can be given",
					word);
	return crl_fail(err, CRL_INVALID, "user namespace mode auto: unknown option \"%s\"", word);
}

int users_mode_parse(const char *mode, uint32_t *ret_size, struct crl_err *err)
{
	*ret_size = 0;
	if (str_empty(mode) || str_eq(mode, "host") || str_eq(mode, "auto"))
		return 0;
	if (!str_starts(mode, "auto:"))
		return crl_fail(err, CRL_INVALID, "invalid user namespace mode: %s", mode);
	_cleanup_strv_ char **words = strv_split(mode + strlen("auto:"), ",", false);
	for (char **w = words; w && *w; w++)
		if (take_option(*w, ret_size, err) < 0)
			return -1;
	return 0;
}

/* --- what excludes it: Docker's words --- */

static int check_conflicts(const struct daemon *d, const struct api_host_config *hc,
			   struct crl_err *err)
{
	/* Its root would have to be mapped for it, and owned by others while it is made. */
	if (!runtime_is_own(d, hc->runtime))
		return crl_fail(err, CRL_INVALID,
				"user namespaces are not supported with runtime %s: use "
				"--userns=host, or the engine's own runtime",
				hc->runtime);
	if (hc->privileged)
		return crl_fail(err, CRL_INVALID,
				"privileged mode is incompatible with user namespaces.  You must "
				"run the container in the host namespace when running privileged "
				"mode");
	if (str_eq(hc->network_mode, "host"))
		return crl_fail(err, CRL_INVALID,
				"cannot share the host's network namespace when user namespaces "
				"are enabled");
	if (str_eq(hc->pid_mode, "host"))
		return crl_fail(err, CRL_INVALID,
				"cannot share the host PID namespace when user namespaces are "
				"enabled");
	if (str_eq(hc->uts_mode, "host"))
		return crl_fail(err, CRL_INVALID,
				"cannot share the host's UTS namespace when user namespaces are "
				"enabled");
	if (str_eq(hc->cgroupns_mode, "host"))
		return crl_fail(err, CRL_INVALID,
				"cannot share the host's cgroup namespace when user namespaces "
				"are enabled");
	return 0;
}

/* --- peers: who shares a namespace shares the users that own it --- */

static struct container *peer_by(struct container *c, const char *mode)
{
	struct container *peer = NULL;
	struct crl_err ignored;
	if (mode && str_starts(mode, "container:"))
		(void)container_find(c->d, mode + strlen("container:"), &peer, &ignored);
	return peer;
}

static struct container *any_peer(struct container *c)
{
	const struct api_host_config *hc = &c->rec.host_config;
	const char *const modes[] = {hc->network_mode, hc->ipc_mode, hc->pid_mode};
	for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
		struct container *peer = peer_by(c, modes[i]);
		if (peer)
			return peer;
	}
	return NULL;
}

static bool same_rows(const struct oci_id_mapping *a, size_t n, const struct oci_id_mapping *b,
		      size_t m)
{
	return n == m && (n == 0 || memcmp(a, b, n * sizeof(*a)) == 0);
}

int container_users_check(const struct container *c, const struct container *peer,
			  struct crl_err *err)
{
	const struct container_record *a = &c->rec, *b = &peer->rec;
	if (same_rows(a->uid_map, a->n_uid_map, b->uid_map, b->n_uid_map) &&
	    same_rows(a->gid_map, a->n_gid_map, b->gid_map, b->n_gid_map))
		return 0;
	return crl_fail(err, CRL_CONFLICT,
			"cannot join a namespace of container %s: it has other users (--userns); "
			"create this container anew while that one exists",
			b->id);
}

/* --- the map --- */

static struct oci_id_mapping *copy_rows(const struct oci_id_mapping *rows, size_t n)
{
	struct oci_id_mapping *out = calloc(n + 1, sizeof(*out));
	if (out && n)
		memcpy(out, rows, n * sizeof(*out));
	return out;
}

static int set_map(struct container_record *rec, const struct userns_map *map, struct crl_err *err)
{
	rec->uid_map = copy_rows(map->uids, map->n_uids);
	rec->gid_map = copy_rows(map->gids, map->n_gids);
	if (!rec->uid_map || !rec->gid_map)
		return crl_fail_oom(err);
	rec->n_uid_map = map->n_uids;
	rec->n_gid_map = map->n_gids;
	return 0;
}

/* The rows of all containers: what is in a record is in use. */
static int taken_rows(const struct containers *cs, struct oci_id_mapping **ret, size_t *ret_n,
		      struct crl_err *err)
{
	size_t n = 0, cap = 0;
	for (size_t i = 0; i < cs->n; i++)
		cap += cs->items[i]->rec.n_uid_map + cs->items[i]->rec.n_gid_map;
	struct oci_id_mapping *rows = calloc(cap + 1, sizeof(*rows));
	if (!rows)
		return crl_fail_oom(err);
	for (size_t i = 0; i < cs->n; i++) {
		const struct container_record *r = &cs->items[i]->rec;
		for (size_t k = 0; k < r->n_uid_map; k++)
			rows[n++] = r->uid_map[k];
		for (size_t k = 0; k < r->n_gid_map; k++)
			rows[n++] = r->gid_map[k];
	}
	*ret = rows;
	*ret_n = n;
	return 0;
}

static uint32_t random_start(const struct subid_pool *pool)
{
	uint32_t r = 0;
	(void)!getrandom(&r, sizeof(r), 0);
	uint32_t slots = pool->size[0] / SIZE_DEFAULT;
	return pool->start[0] + (slots ? r % slots : 0) * SIZE_DEFAULT;
}

/*
 * From where the last one ended, not the lowest: ids of a container that is gone rest as long as
 * possible. The first one of a daemon's life begins anywhere, so that daemons do not meet.
 */
static int allocate(struct container *c, uint32_t size, struct crl_err *err)
{
	static struct subid_pool pool;
	static uint32_t next;
	_cleanup_free_ struct oci_id_mapping *taken = NULL;
	size_t n;
	uint32_t start;
	if (!pool.n) {
		if (subid_pool_read(&pool, err) < 0)
			return -1;
		next = random_start(&pool);
	}
	if (taken_rows(c->d->containers, &taken, &n, err) < 0 ||
	    subid_allocate(&pool, taken, n, size, next, &start, err) < 0)
		return -1;
	next = start + size;
	const struct oci_id_mapping row = {.container_id = 0, .host_id = start, .size = size};
	const struct userns_map map = {.uids = &row, .gids = &row, .n_uids = 1, .n_gids = 1};
	return set_map(&c->rec, &map, err);
}

static int remap(struct container *c, struct crl_err *err)
{
	struct userns_map map;
	if (subid_remap(c->d->config.userns_remap, &map, err) < 0)
		return -1;
	int r = set_map(&c->rec, &map, err);
	userns_map_free(&map);
	return r;
}

static int take_peers(struct container *c, const struct container *peer, struct crl_err *err)
{
	const struct userns_map map = container_users_map(&peer->rec);
	if (map.n_uids)
		return check_conflicts(c->d, &c->rec.host_config, err) < 0
			       ? -1
			       : set_map(&c->rec, &map, err);
	if (str_starts(c->rec.host_config.userns_mode, "auto"))
		return crl_fail(err, CRL_INVALID,
				"cannot join a namespace of container %s with users of one's own: "
				"it runs with the host's",
				peer->rec.id);
	return 0;
}

int container_users_plan(struct container *c, struct crl_err *err)
{
	struct api_host_config *hc = &c->rec.host_config;
	const struct daemon_config *config = &c->d->config;
	bool by_default = str_empty(hc->userns_mode);
	uint32_t size = 0;
	if (users_mode_parse(hc->userns_mode, &size, err) < 0)
		return -1;
	const struct container *peer = any_peer(c);
	if (str_eq(hc->userns_mode, "host"))
		return peer ? container_users_check(c, peer, err) : 0;
	bool remapped = by_default && !str_empty(config->userns_remap);
	if (by_default && !remapped && !str_eq(config->userns, "auto"))
		return peer ? take_peers(c, peer, err) : 0;
	if (check_conflicts(c->d, hc, err) < 0)
		return -1;
	if (peer)
		return take_peers(c, peer, err);
	if (remapped)
		return remap(c, err);
	if (by_default) {
		free(hc->userns_mode);
		hc->userns_mode = strdup("auto");
		if (!hc->userns_mode)
			return crl_fail_oom(err);
	}
	return allocate(c, size ? size : SIZE_DEFAULT, err);
}

bool container_users_own(const struct container_record *rec)
{
	return rec->n_uid_map > 0;
}

struct userns_map container_users_map(const struct container_record *rec)
{
	return (struct userns_map){.uids = rec->uid_map,
				   .gids = rec->gid_map,
				   .n_uids = rec->n_uid_map,
				   .n_gids = rec->n_gid_map};
}

void container_users_root(const struct container_record *rec, uint32_t *ret_uid, uint32_t *ret_gid)
{
	int64_t uid = userns_to_host(rec->uid_map, rec->n_uid_map, 0);
	int64_t gid = userns_to_host(rec->gid_map, rec->n_gid_map, 0);
	*ret_uid = uid > 0 ? (uint32_t)uid : 0;
	*ret_gid = gid > 0 ? (uint32_t)gid : 0;
}

int container_users_give(const struct container *c, int fd, const char *path, struct crl_err *err)
{
	uint32_t uid, gid;
	if (!container_users_own(&c->rec))
		return 0;
	container_users_root(&c->rec, &uid, &gid);
	return fchown(fd, uid, gid) < 0 ? crl_fail_sys(err, errno, "%s", path) : 0;
}

bool container_users_maps(const struct container_record *rec, const struct container_mount *m)
{
	if (!container_users_own(rec))
		return false;
	if (str_eq(m->type, "volume"))
		return true;
	if (!str_eq(m->type, "bind") || m->no_idmap)
		return false;
	return m->idmap || !str_empty(rec->host_config.userns_mode);
}

static void add_rows(cJSON *args, const char *key, const struct oci_id_mapping *rows, size_t n)
{
	cJSON *list = n ? cJSON_AddArrayToObject(args, key) : NULL;
	for (size_t i = 0; list && i < n; i++) {
		cJSON *row = cJSON_CreateObject();
		json_add_u64(row, "container", rows[i].container_id);
		json_add_u64(row, "host", rows[i].host_id);
		json_add_u64(row, "size", rows[i].size);
		cJSON_AddItemToArray(list, row);
	}
}

void container_users_args(const struct container_record *rec, cJSON *args)
{
	add_rows(args, "uid_map", rec->uid_map, rec->n_uid_map);
	add_rows(args, "gid_map", rec->gid_map, rec->n_gid_map);
}
