/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Volumes of the local driver. The folder is the truth:
 *
 *	DATA_ROOT/volumes/NAME/record.json   name, labels, time; written last
 *	DATA_ROOT/volumes/NAME/_data         what containers see
 *	DATA_ROOT/volumes/NAME/lock          users of a volume that is a mount
 *(src/monitor/volume.h)
 *
 * Owns the folder "volumes" and the list in memory, which is read from it at
 * start. Never looks into _data: a container may have written anything there.
 */
#include "sizes.h"
#include "volumes.h"

#include "daemon.h"
#include "events.h"
#include "trash.h"
#include "volume_record.h"

#include <base/fd.h>
#include <base/ident.h>
#include <base/log.h>
#include <base/path.h>
#include <dirent.h>
#include <errno.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>

#define ANONYMOUS_LABEL "com.docker.volume.anonymous"

struct volumes {
	struct volume **items; /* by name */
	size_t n;
	int dir; /* DATA_ROOT/volumes */
	struct trash *trash;
	const char *maker; /* while a container is being created */
};

static struct volume *volume_find(const struct volumes *vs, const char *name)
{
	for (size_t i = 0; i < vs->n; i++)
		if (str_eq(vs->items[i]->name, name))
			return vs->items[i];
	return NULL;
}

/* Keeps the list sorted, as clients show it. */
static int volumes_insert(struct volumes *vs, struct volume *v, struct crl_err *err)
{
	struct volume **more = realloc(vs->items, (vs->n + 1) * sizeof(*more));
	size_t at = vs->n;

	if (!more)
		return crl_fail_oom(err);
	vs->items = more;
	while (at > 0 && strcmp(vs->items[at - 1]->name, v->name) > 0) {
		vs->items[at] = vs->items[at - 1];
		at--;
	}
	vs->items[at] = v;
	vs->n++;
	return 0;
}

static void volumes_take_out(struct volumes *vs, const struct volume *v)
{
	for (size_t i = 0; i < vs->n; i++) {
		if (vs->items[i] != v)
			continue;
		memmove(&vs->items[i], &vs->items[i + 1], (vs->n - i - 1) * sizeof(*vs->items));
		vs->n--;
		return;
	}
}

/* --- start --- */

/*
 * Its users hold a lock (src/monitor/volume.h) and the last one unmounts. What a killed monitor or
 * machine left mounted is unmounted here; `force`: even in use, because it is being removed.
 */
static void volume_unmount(struct volumes *vs, const struct volume *v, bool force)
{
	_cleanup_free_ char *lock = path_printf("%s/lock", v->name);
	_cleanup_free_ char *data = path_printf("/proc/self/fd/%d/%s/_data", vs->dir, v->name);
	_cleanup_close_ int fd = -1;

	if (!lock || !data || !volume_needs_mount(v))
		return;
	fd = openat(vs->dir, lock, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || (flock(fd, LOCK_EX | LOCK_NB) < 0 && !force))
		return;
	if (umount2(data, MNT_DETACH | UMOUNT_NOFOLLOW) < 0 && errno != EINVAL)
		log_warn("volume not unmounted", "volume", v->name, "error", strerror(errno), NULL);
}

static int volume_load(struct volumes *vs, const char *name, struct crl_err *err)
{
	_cleanup_free_ char *data = path_printf("%s/_data", name);
	struct crl_err why = CRL_ERR_INIT;
	struct volume *v = NULL;
	struct stat st;

	if (!data)
		return crl_fail_oom(err);
	if (fstatat(vs->dir, data, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISDIR(st.st_mode))
		return 0; /* a creation that was interrupted: nobody was told of it */
	/* A record that cannot be read must not hide the data: the volume stays, without labels. */
	if (volume_record_read(vs->dir, name, &v, &why) < 0) {
		log_warn("volume's record is damaged", "volume", name, "error", why.msg, NULL);
		v = volume_without_record(name, (int64_t)st.st_mtim.tv_sec * 1000000000);
	}
	if (!v)
		return crl_fail_oom(err);
	if (volumes_insert(vs, v, err) < 0) {
		volume_free(v);
		return -1;
	}
	volume_unmount(vs, v, false);
	return 0;
}

static int volumes_scan(struct volumes *vs, struct crl_err *err)
{
	int copy = openat(vs->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_closedir_ DIR *dir = copy < 0 ? NULL : fdopendir(copy);

	if (!dir) {
		cleanup_close_p(&copy);
		return crl_fail_sys(err, errno, "volumes");
	}
	for (struct dirent *e = readdir(dir); e; e = readdir(dir))
		if (ident_name_ok(e->d_name) && volume_load(vs, e->d_name, err) < 0)
			return -1;
	return 0;
}

int volumes_init(struct daemon *d, struct crl_err *err)
{
	_cleanup_free_ char *path = path_printf("%s/volumes", d->config.data_root);
	struct volumes *vs = calloc(1, sizeof(*vs));

	if (!path || !vs) {
		free(vs);
		return crl_fail_oom(err);
	}
	vs->dir = -1;
	if (path_mkdir_p(path, 0711, err) == 0) {
		vs->dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (vs->dir < 0)
			crl_fail_sys(err, errno, "open %s", path);
	}
	if (vs->dir < 0 || trash_new(d, &vs->trash, err) < 0 || volumes_scan(vs, err) < 0) {
		volumes_free(vs);
		return -1;
	}
	d->volumes = vs;
	return 0;
}

void volumes_free(struct volumes *v)
{
	if (!v)
		return;
	for (size_t i = 0; i < v->n; i++)
		volume_free(v->items[i]);
	free(v->items);
	cleanup_close_p(&v->dir);
	trash_free(v->trash);
	free(v);
}

/* --- create --- */

static struct volume *volume_new(const char *name, const struct strmap *labels,
				 const struct strmap *options)
{
	_cleanup_(volume_free_p) struct volume *v = calloc(1, sizeof(*v));
	char id[ID_HEX + 1], now[TIME_BUF];

	if (!v)
		return NULL;
	ident_random(id);
	v->name = strdup(name ? name : id);
	/* Whole seconds, as dockerd's: some clients parse no fraction. */
	v->created = strdup(time_rfc3339(time_now_ns() / 1000000000 * 1000000000, now));
	if (!v->name || !v->created || (labels && strmap_copy(&v->labels, labels) < 0) ||
	    (options && strmap_copy(&v->options, options) < 0) ||
	    (!name && strmap_set(&v->labels, ANONYMOUS_LABEL, "") < 0))
		return NULL;
	return take_ptr(v);
}

static void volume_event(struct daemon *d, const char *action, const char *name)
{
	struct strmap attributes = {0};

	strmap_set(&attributes, "driver", "local");
	events_publish(d, "volume", action, name, &attributes);
	strmap_free(&attributes);
}

static int volume_create(struct daemon *d, const char *name, const struct strmap *labels,
			 const struct strmap *options, struct volume **ret, struct crl_err *err)
{
	_cleanup_(volume_free_p) struct volume *v = volume_new(name, labels, options);
	const char *maker = name ? NULL : d->volumes->maker;
	struct crl_err ignored;

	if (!v || (maker && !(v->maker = strdup(maker))))
		return crl_fail_oom(err);
	if (volume_record_write(d->volumes->dir, v, err) < 0 ||
	    volumes_insert(d->volumes, v, err) < 0) {
		path_remove_tree(d->volumes->dir, v->name, &ignored);
		return -1;
	}
	*ret = take_ptr(v);
	volume_event(d, "create", (*ret)->name);
	return 0;
}

/* The same volume asked for again is fine; another one under its name is not. */
static int check_same(const struct volume *v, const struct strmap *options, struct crl_err *err)
{
	bool same = !options || !options->n || options->n == v->options.n;
	for (size_t i = 0; same && options && i < options->n; i++)
		same = str_eq(strmap_get(&v->options, options->items[i].key),
			      options->items[i].value);
	if (same)
		return 0;
	return crl_fail(err, CRL_CONFLICT,
			"create %s: conflict: volume name must be unique: it exists with other "
			"driver options",
			v->name);
}

int volume_ensure(struct daemon *d, const char *name, const struct strmap *labels,
		  const struct strmap *options, char **ret_name, char **ret_path, bool *ret_created,
		  struct crl_err *err)
{
	struct volume *v = name ? volume_find(d->volumes, name) : NULL;
	_cleanup_free_ char *copy = NULL, *path = NULL;
	bool created = !v;

	if (name && !ident_name_ok(name))
		return crl_fail(
			err, CRL_INVALID,
			"create %s: \"%s\" includes invalid characters for a local volume name, "
			"only \"[a-zA-Z0-9][a-zA-Z0-9_.-]\" are allowed. If you intended to pass a "
			"host directory, use absolute path",
			name, name);
	if (options && volume_check_options(options, err) < 0)
		return crl_context(err, "create %s", name ? name : "");
	if (v && check_same(v, options, err) < 0)
		return -1;
	if (created && volume_create(d, name, labels, options, &v, err) < 0)
		return -1;
	copy = strdup(v->name);
	path = path_printf("%s/volumes/%s/_data", d->config.data_root, v->name);
	if (!copy || !path)
		return crl_fail_oom(err);
	if (ret_name)
		*ret_name = take_ptr(copy);
	if (ret_path)
		*ret_path = take_ptr(path);
	if (ret_created)
		*ret_created = created;
	return 0;
}

/* --- use --- */

void volume_hold(struct daemon *d, const char *name, const char *container_id)
{
	struct volume *v = volume_find(d->volumes, name);

	if (v && !strv_contains(v->users, container_id) && strv_push(&v->users, container_id) < 0)
		log_warn("volume use is not counted: out of memory", "volume", name, NULL);
}

void volume_drop(struct daemon *d, const char *name, const char *container_id)
{
	struct volume *v = volume_find(d->volumes, name);
	size_t n = v ? strv_len(v->users) : 0;

	for (size_t i = 0; i < n; i++) {
		if (!str_eq(v->users[i], container_id))
			continue;
		free(v->users[i]);
		memmove(&v->users[i], &v->users[i + 1], (n - i) * sizeof(*v->users));
		return;
	}
}

/* --- volumes that are mounts --- */

bool volume_mount_of(struct daemon *d, const char *name, struct volume_mount *ret)
{
	const struct volume *v = volume_find(d->volumes, name);

	if (!v || !volume_needs_mount(v))
		return false;
	*ret = (struct volume_mount){.type = strmap_get(&v->options, "type"),
				     .device = strmap_get(&v->options, "device"),
				     .options = strmap_get(&v->options, "o")};
	return true;
}

void volume_settle(struct daemon *d, const char *name)
{
	const struct volume *v = volume_find(d->volumes, name);

	if (v)
		volume_unmount(d->volumes, v, false);
}

/* --- remove --- */

/* One rename: the name is free at once, a crash leaves no half of it, and the content goes later.
 */
static int volume_discard(struct daemon *d, const char *name, struct crl_err *err)
{
	_cleanup_free_ char *path = path_printf("%s/volumes/%s", d->config.data_root, name);

	if (!path)
		return crl_fail_oom(err);
	if (trash_take(d->volumes->trash, path, err) < 0)
		return -1;
	if (fsync(d->volumes->dir) < 0)
		log_warn("volumes", "error", strerror(errno), NULL);
	return 0;
}

int volume_remove(struct daemon *d, const char *name, struct crl_err *err)
{
	struct volume *v = volume_find(d->volumes, name);

	if (!v)
		return crl_fail(err, CRL_NOT_FOUND, "get %s: no such volume", name);
	if (strv_len(v->users) > 0) {
		_cleanup_free_ char *ids = strv_join(v->users, ", ");
		return crl_fail(err, CRL_CONFLICT, "remove %s: volume is in use - [%s]", name,
				ids ? ids : "");
	}
	volume_unmount(d->volumes, v, true);
	if (volume_discard(d, name, err) < 0)
		return -1;
	volumes_take_out(d->volumes, v);
	volume_event(d, "destroy", v->name);
	volume_free(v);
	return 0;
}

void volume_remove_if_anonymous(struct daemon *d, const char *name)
{
	const struct volume *v = volume_find(d->volumes, name);
	struct crl_err err = CRL_ERR_INIT;

	if (!v || !strmap_get(&v->labels, ANONYMOUS_LABEL) || strv_len(v->users) > 0)
		return;
	if (volume_remove(d, name, &err) < 0)
		log_warn("remove anonymous volume", "volume", name, "error", err.msg, NULL);
}

void volumes_set_maker(struct daemon *d, const char *container_id)
{
	d->volumes->maker = container_id;
}

void volumes_remove_of(struct daemon *d, const char *container_id)
{
	struct volumes *vs = d->volumes;

	for (size_t i = vs->n; i > 0; i--)
		if (str_eq(vs->items[i - 1]->maker, container_id))
			volume_remove_if_anonymous(d, vs->items[i - 1]->name);
}

/* --- look --- */

struct size_paths {
	struct daemon *d;
	char **paths;
};

char *volume_size_path(struct daemon *d, const char *name)
{
	/* What is mounted there may be a server that does not answer. */
	const struct volume *v = volume_find(d->volumes, name);
	if (v && volume_needs_mount(v))
		return NULL;
	return path_printf("%s/volumes/%s/_data", d->config.data_root, name);
}

int64_t volume_size(struct daemon *d, const char *name)
{
	_cleanup_free_ char *path = volume_size_path(d, name);

	return sizes_get(d, path);
}

static int add_size_path(const struct volume_info *v, void *data)
{
	struct size_paths *p = data;
	_cleanup_free_ char *path = volume_size_path(p->d, v->name);

	if (path)
		(void)strv_push(&p->paths, path);
	return 0;
}

char **volumes_size_paths(struct daemon *d)
{
	struct size_paths p = {.d = d};

	(void)volumes_each(d, add_size_path, &p);
	return p.paths;
}

bool volume_is_anonymous(const struct volume_info *v)
{
	return strmap_get(v->labels, ANONYMOUS_LABEL) != NULL;
}

int volumes_each(struct daemon *d, int (*cb)(const struct volume_info *v, void *data), void *data)
{
	struct volumes *vs = d->volumes;

	for (size_t i = 0; i < vs->n;) {
		const struct volume *v = vs->items[i];
		struct volume_info info = {.name = v->name,
					   .driver = "local",
					   .labels = &v->labels,
					   .users = strv_len(v->users)};
		int r = cb(&info, data);
		if (r)
			return r;
		if (i < vs->n && vs->items[i] == v)
			i++;
	}
	return 0;
}

cJSON *volume_to_json(struct daemon *d, const char *name)
{
	const struct volume *v = volume_find(d->volumes, name);
	cJSON *o = v ? cJSON_CreateObject() : NULL;
	_cleanup_free_ char *path = NULL;

	if (!o)
		return NULL;
	path = path_printf("%s/volumes/%s/_data", d->config.data_root, v->name);
	json_add_str(o, "CreatedAt", v->created);
	json_add_str(o, "Driver", "local");
	if (v->labels.n > 0)
		json_add_strmap(o, "Labels", &v->labels);
	else
		cJSON_AddNullToObject(o, "Labels");
	json_add_str(o, "Mountpoint", path);
	json_add_str(o, "Name", v->name);
	if (v->options.n > 0)
		json_add_strmap(o, "Options", &v->options);
	else
		cJSON_AddNullToObject(o, "Options");
	json_add_str(o, "Scope", "local");
	return o;
}
