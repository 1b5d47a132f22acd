/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Owns the plan of a container's mounts: Binds, Mounts, Tmpfs, VolumesFrom and
 * the image's VOLUMEs become one list in the record. Makes volumes and missing
 * bind sources (as Docker does for Binds); mounts nothing.
 */
#include "container.h"
#include "oci_config.h"
#include "volumes.h"

#include <base/path.h>
#include <errno.h>
#include <sys/stat.h>

static struct container_mount *new_mount(struct container_record *rec, const char *type,
					 const char *dest, struct crl_err *err)
{
	char *clean = path_clean(dest);
	if (!clean) {
		crl_fail_oom(err);
		return NULL;
	}
	for (size_t i = 0; i < rec->n_mounts; i++) {
		if (!str_eq(rec->mounts[i].destination, clean))
			continue;
		crl_fail(err, CRL_INVALID, "Duplicate mount point: %s", clean);
		free(clean);
		return NULL;
	}
	struct container_mount *m = oci_grow(&rec->mounts, &rec->n_mounts, sizeof(*m));
	if (!m) {
		free(clean);
		crl_fail_oom(err);
		return NULL;
	}
	m->destination = clean;
	m->type = strdup(type);
	m->mode = strdup("");
	m->propagation = strdup("");
	m->source = strdup("");
	m->rw = true;
	if (m->type && m->mode && m->propagation && m->source)
		return m;
	crl_fail_oom(err);
	return NULL;
}

static int check_destination(const char *dest, const char *spec, struct crl_err *err)
{
	if (dest[0] != '/')
		return crl_fail(err, CRL_INVALID,
				"invalid volume specification: '%s': invalid mount path: '%s' "
				"mount path must be absolute",
				spec, dest);
	_cleanup_free_ char *clean = path_clean(dest);
	if (str_eq(clean, "/"))
		return crl_fail(err, CRL_INVALID,
				"invalid volume specification: '%s': invalid specification: "
				"destination can't be '/'",
				spec);
	return 0;
}

static bool is_propagation(const char *s)
{
	static const char *const modes[] = {"shared", "rshared", "slave",
					    "rslave", "private", "rprivate"};
	for (size_t i = 0; i < ARRAY_SIZE(modes); i++)
		if (str_eq(s, modes[i]))
			return true;
	return false;
}

/* "ro,z,rslave": the third part of a bind. */
static int apply_mode(struct container_mount *m, const char *mode, struct crl_err *err)
{
	static const char *const ignored[] = {"rw",        "z",          "Z",      "cached",
					      "delegated", "consistent", "default"};
	_cleanup_strv_ char **parts = strv_split(mode, ",", false);
	for (char **p = parts; p && *p; p++) {
		bool known = false;
		for (size_t i = 0; i < ARRAY_SIZE(ignored); i++)
			known |= str_eq(*p, ignored[i]);
		if (str_eq(*p, "ro")) {
			m->rw = false;
		} else if (str_eq(*p, "nocopy")) {
			m->no_copy = true;
		} else if (is_propagation(*p)) {
			free(m->propagation);
			m->propagation = strdup(*p);
		} else if (!known) {
			return crl_fail(err, CRL_INVALID, "invalid mode: %s", mode);
		}
	}
	free(m->mode);
	m->mode = strdup(mode);
	return m->mode && m->propagation ? 0 : crl_fail_oom(err);
}

static int use_volume(struct daemon *d, struct container_mount *m, const char *name,
		      const struct strmap *labels, struct crl_err *err)
{
	bool created;
	char *vname = NULL, *path = NULL;
	if (volume_ensure(d, name, labels, &vname, &path, &created, err) < 0)
		return -1;
	free(m->source);
	m->source = path;
	m->name = vname;
	m->driver = strdup("local");
	return m->driver ? 0 : crl_fail_oom(err);
}

static int use_path(struct container_mount *m, const char *source, bool create, struct crl_err *err)
{
	struct stat st;
	if (stat(source, &st) < 0 && errno == ENOENT) {
		if (!create)
			return crl_fail(err, CRL_INVALID,
					"invalid mount config for type \"bind\": bind source path "
					"does not exist: %s",
					source);
		if (path_mkdir_p(source, 0755, err) < 0)
			return crl_context(err, "error while creating mount source path '%s'",
					   source);
	}
	free(m->source);
	m->source = path_clean(source);
	free(m->propagation);
	m->propagation = strdup("rprivate");
	return m->source && m->propagation ? 0 : crl_fail_oom(err);
}

/* --- HostConfig.Binds: "src:dst[:mode]", "name:dst[:mode]", "dst" --- */

static int add_bind(struct daemon *d, struct container_record *rec, const char *spec,
		    struct crl_err *err)
{
	_cleanup_strv_ char **p = strv_split(spec, ":", true);
	size_t n = strv_len(p);
	if (n > 3 || n < 1 || !*p[0] || (n > 1 && !*p[1]))
		return crl_fail(err, CRL_INVALID, "invalid volume specification: '%s'", spec);
	const char *source = n > 1 ? p[0] : NULL, *dest = n > 1 ? p[1] : p[0];
	if (check_destination(dest, spec, err) < 0)
		return -1;
	bool is_path = source && source[0] == '/';
	if (source && !is_path && !ident_name_ok(source))
		return crl_fail(err, CRL_INVALID,
				"invalid volume specification: '%s': \"%s\" includes invalid "
				"characters for a local volume name, only "
				"\"[a-zA-Z0-9][a-zA-Z0-9_.-]\" are allowed. If you intended to "
				"pass a host directory, use absolute path",
				spec, source);
	struct container_mount *m = new_mount(rec, is_path ? "bind" : "volume", dest, err);
	if (!m)
		return -1;
	if (is_path ? use_path(m, source, true, err) < 0 : use_volume(d, m, source, NULL, err) < 0)
		return -1;
	return n == 3 ? apply_mode(m, p[2], err) : 0;
}

/* --- HostConfig.Mounts --- */

static int mount_error(struct crl_err *err, const struct api_mount *in, const char *what)
{
	return crl_fail(err, CRL_INVALID, "invalid mount config for type \"%s\": %s",
			in->type ? in->type : "", what);
}

static int fill_bind(struct container_mount *m, const struct api_mount *in, struct crl_err *err)
{
	const struct api_bind_options *o = in->bind_options;
	if (str_empty(in->source))
		return mount_error(err, in, "field Source must not be empty");
	if (in->source[0] != '/')
		return mount_error(err, in, "invalid mount path: mount path must be absolute");
	if (use_path(m, in->source, o && o->create_mountpoint, err) < 0)
		return -1;
	m->non_recursive = o && o->non_recursive;
	if (o && !str_empty(o->propagation)) {
		if (!is_propagation(o->propagation))
			return mount_error(err, in, "invalid propagation mode");
		free(m->propagation);
		m->propagation = strdup(o->propagation);
	}
	return m->propagation ? 0 : crl_fail_oom(err);
}

static int fill_volume(struct daemon *d, struct container_mount *m, const struct api_mount *in,
		       struct crl_err *err)
{
	const struct api_volume_options *o = in->volume_options;
	const char *name = str_empty(in->source) ? NULL : in->source;
	if (name && !ident_name_ok(name))
		return mount_error(err, in, "invalid volume name");
	if (o && o->driver_config && !str_empty(o->driver_config->name) &&
	    !str_eq(o->driver_config->name, "local"))
		return crl_fail(err, CRL_NOT_FOUND,
				"error looking up volume plugin %s: plugin \"%s\" not found",
				o->driver_config->name, o->driver_config->name);
	m->no_copy = o && o->no_copy;
	return use_volume(d, m, name, o ? &o->labels : NULL, err);
}

static int fill_tmpfs(struct container_mount *m, const struct api_mount *in, struct crl_err *err)
{
	const struct api_tmpfs_options *o = in->tmpfs_options;
	_cleanup_buf_ struct buf b = BUF_INIT;
	if (!str_empty(in->source))
		return mount_error(err, in, "Source must not be specified");
	if (o && o->size_bytes > 0)
		buf_printf(&b, ",size=%lld", (long long)o->size_bytes);
	if (o && o->mode > 0)
		buf_printf(&b, ",mode=%llo", (unsigned long long)(o->mode & 07777));
	if (in->read_only)
		buf_puts(&b, ",ro");
	m->options = strdup(b.len ? b.data + 1 : "");
	return m->options && !b.failed ? 0 : crl_fail_oom(err);
}

static int add_mount(struct daemon *d, struct container_record *rec, const struct api_mount *in,
		     struct crl_err *err)
{
	bool bind = str_eq(in->type, "bind"), tmpfs = str_eq(in->type, "tmpfs");
	if (!bind && !tmpfs && !str_eq(in->type, "volume"))
		return mount_error(err, in, "mount type unknown");
	if (str_empty(in->target))
		return mount_error(err, in, "field Target must not be empty");
	if (in->target[0] != '/')
		return mount_error(err, in, "invalid mount path: mount path must be absolute");
	if (check_destination(in->target, in->target, err) < 0)
		return -1;
	struct container_mount *m = new_mount(rec, in->type, in->target, err);
	if (!m)
		return -1;
	m->rw = !in->read_only;
	if (bind)
		return fill_bind(m, in, err);
	return tmpfs ? fill_tmpfs(m, in, err) : fill_volume(d, m, in, err);
}

static int add_tmpfs(struct container_record *rec, const char *dest, const char *options,
		     struct crl_err *err)
{
	if (check_destination(dest, dest, err) < 0)
		return -1;
	struct container_mount *m = new_mount(rec, "tmpfs", dest, err);
	if (!m)
		return -1;
	m->options = strdup(options ? options : "");
	return m->options ? 0 : crl_fail_oom(err);
}

/* --- VolumesFrom: the mounts of another container, unless something is there already --- */

static bool destination_taken(const struct container_record *rec, const char *dest)
{
	for (size_t i = 0; i < rec->n_mounts; i++)
		if (str_eq(rec->mounts[i].destination, dest))
			return true;
	return false;
}

static int copy_mount(struct container_record *rec, const struct container_mount *from,
		      bool read_only, struct crl_err *err)
{
	struct container_mount *m = new_mount(rec, from->type, from->destination, err);
	if (!m)
		return -1;
	free(m->source);
	m->source = strdup(from->source ? from->source : "");
	m->name = from->name ? strdup(from->name) : NULL;
	m->driver = from->driver ? strdup(from->driver) : NULL;
	m->rw = from->rw && !read_only;
	m->no_copy = true;
	return m->source ? 0 : crl_fail_oom(err);
}

static int add_volumes_from(struct daemon *d, struct container_record *rec, const char *spec,
			    struct crl_err *err)
{
	struct container *other;
	_cleanup_strv_ char **p = strv_split(spec, ":", true);
	if (!p || !p[0] || container_find(d, p[0], &other, err) < 0)
		return p ? -1 : crl_fail_oom(err);
	bool read_only = p[1] && str_eq(p[1], "ro");
	for (size_t i = 0; i < other->rec.n_mounts; i++) {
		const struct container_mount *m = &other->rec.mounts[i];
		if (str_eq(m->type, "tmpfs") || destination_taken(rec, m->destination))
			continue;
		if (copy_mount(rec, m, read_only, err) < 0)
			return -1;
	}
	return 0;
}

static int add_anonymous(struct daemon *d, struct container_record *rec, char **volumes,
			 struct crl_err *err)
{
	for (; volumes && *volumes; volumes++) {
		_cleanup_free_ char *clean = path_clean(*volumes);
		if (!clean)
			return crl_fail_oom(err);
		if (check_destination(clean, *volumes, err) < 0)
			return -1;
		if (destination_taken(rec, clean))
			continue;
		struct container_mount *m = new_mount(rec, "volume", clean, err);
		if (!m || use_volume(d, m, NULL, NULL, err) < 0)
			return -1;
	}
	return 0;
}

int container_plan_mounts(struct daemon *d, struct container_record *rec, char **image_volumes,
			  struct crl_err *err)
{
	const struct api_host_config *hc = &rec->host_config;
	for (char **b = hc->binds; b && *b; b++)
		if (add_bind(d, rec, *b, err) < 0)
			return -1;
	for (size_t i = 0; i < hc->n_mounts; i++)
		if (add_mount(d, rec, &hc->mounts[i], err) < 0)
			return -1;
	for (size_t i = 0; i < hc->tmpfs.n; i++)
		if (add_tmpfs(rec, hc->tmpfs.items[i].key, hc->tmpfs.items[i].value, err) < 0)
			return -1;
	for (char **v = hc->volumes_from; v && *v; v++)
		if (add_volumes_from(d, rec, *v, err) < 0)
			return -1;
	if (add_anonymous(d, rec, rec->config.volumes, err) < 0)
		return -1;
	return add_anonymous(d, rec, image_volumes, err);
}

void container_hold_volumes(struct container *c)
{
	for (size_t i = 0; i < c->rec.n_mounts; i++)
		if (!str_empty(c->rec.mounts[i].name))
			volume_hold(c->d, c->rec.mounts[i].name, c->rec.id);
}

void container_drop_volumes(struct container *c, bool remove_anonymous)
{
	for (size_t i = 0; i < c->rec.n_mounts; i++) {
		const char *name = c->rec.mounts[i].name;
		if (str_empty(name))
			continue;
		volume_drop(c->d, name, c->rec.id);
		if (remove_anonymous)
			volume_remove_if_anonymous(c->d, name);
	}
}
