/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Owns the plan of a container's mounts: Binds, Mounts, Tmpfs, VolumesFrom and
 * the image's VOLUMEs become one list in the record. Makes volumes and missing
 * bind sources (as Docker does for Binds); mounts nothing.
 */
#include "container_mounts.h"
#include "oci_config.h"
#include "volumes.h"

#include <base/array.h>
#include <base/path.h>
#include <errno.h>
#include <sys/stat.h>

struct container_mount *mounts_add(struct container_record *rec, const char *type, const char *dest,
				   struct crl_err *err)
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
	struct container_mount *m = array_grow(&rec->mounts, &rec->n_mounts, sizeof(*m));
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

bool mounts_is_propagation(const char *s)
{
	static const char *const modes[] = {"shared", "rshared", "slave",
					    "rslave", "private", "rprivate"};
	for (size_t i = 0; i < ARRAY_SIZE(modes); i++)
		if (str_eq(s, modes[i]))
			return true;
	return false;
}

/* The third part of a bind, "ro,z,rslave": at most one word of each kind. */
enum mode_kind {
	MODE_RW,
	MODE_LABEL,
	MODE_PROPAGATION,
	MODE_COPY,
	MODE_CONSISTENCY,
	MODE_IDS,
	MODE_KINDS
};

static int mode_kind(const char *word)
{
	static const struct {
		const char *word;
		enum mode_kind kind;
	} words[] = {
		{"ro", MODE_RW},
		{"rw", MODE_RW},
		{"z", MODE_LABEL},
		{"Z", MODE_LABEL},
		{"nocopy", MODE_COPY},
		/* ours: with users of its own, whether owners are shown through the map */
		{"idmap", MODE_IDS},
		{"noidmap", MODE_IDS},
		{"consistent", MODE_CONSISTENCY},
		{"cached", MODE_CONSISTENCY},
		{"delegated", MODE_CONSISTENCY},
	};
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (str_eq(word, words[i].word))
			return words[i].kind;
	return mounts_is_propagation(word) ? MODE_PROPAGATION : -1;
}

static bool mode_ok(char *const *parts)
{
	unsigned seen[MODE_KINDS] = {0};
	for (; parts && *parts; parts++) {
		int kind = mode_kind(*parts);
		if (kind < 0 || seen[kind]++)
			return false;
	}
	return true;
}

static int apply_mode(struct container_mount *m, const char *mode, struct crl_err *err)
{
	_cleanup_strv_ char **parts = strv_split(mode, ",", true);
	if (*mode && !mode_ok(parts))
		return crl_fail(err, CRL_INVALID, "invalid mode: %s", mode);
	for (char **p = parts; p && *p; p++) {
		if (str_eq(*p, "ro"))
			m->rw = false;
		else if (str_eq(*p, "nocopy"))
			m->no_copy = true;
		else if (str_eq(*p, "idmap"))
			m->idmap = true;
		else if (str_eq(*p, "noidmap"))
			m->no_idmap = true;
		if (!mounts_is_propagation(*p))
			continue;
		free(m->propagation);
		m->propagation = strdup(*p);
	}
	free(m->mode);
	m->mode = strdup(mode);
	return m->mode && m->propagation ? 0 : crl_fail_oom(err);
}

int mounts_use_volume(struct daemon *d, struct container_mount *m, const char *name,
		      const struct strmap *labels, const struct strmap *options,
		      struct crl_err *err)
{
	bool created;
	char *vname = NULL, *path = NULL;
	if (volume_ensure(d, name, labels, options, &vname, &path, &created, err) < 0)
		return -1;
	free(m->source);
	m->source = path;
	m->name = vname;
	m->driver = strdup("local");
	return m->driver ? 0 : crl_fail_oom(err);
}

int mounts_use_path(struct container_mount *m, const char *source, bool create, struct crl_err *err)
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

int mounts_default_mode(struct container_mount *m, struct crl_err *err)
{
	if (!str_eq(m->type, "volume") || !str_empty(m->mode))
		return 0;
	free(m->mode);
	m->mode = strdup("z");
	return m->mode ? 0 : crl_fail_oom(err);
}

/* --- HostConfig.Binds: "src:dst[:mode]", "name:dst[:mode]", "dst" --- */

static int add_bind(struct daemon *d, struct container_record *rec, const char *spec,
		    struct crl_err *err)
{
	_cleanup_strv_ char **p = strv_split(spec, ":", true);
	size_t n = strv_len(p);
	if (n > 3 || n < 1 || !*p[0] || (n > 1 && !*p[1]))
		return crl_fail(err, CRL_INVALID, "invalid volume specification: '%s'", spec);
	_cleanup_strv_ char **modes = n == 2 ? strv_split(p[1], ",", true) : NULL;
	if (modes && mode_ok(modes)) /* "/data:ro" */
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
	struct container_mount *m = mounts_add(rec, is_path ? "bind" : "volume", dest, err);
	if (!m)
		return -1;
	if (is_path ? mounts_use_path(m, source, true, err) < 0
		    : mounts_use_volume(d, m, source, NULL, NULL, err) < 0)
		return -1;
	if (n == 3 && apply_mode(m, p[2], err) < 0)
		return -1;
	return mounts_default_mode(m, err);
}

static int add_tmpfs(struct container_record *rec, const char *dest, const char *options,
		     struct crl_err *err)
{
	if (check_destination(dest, dest, err) < 0)
		return -1;
	struct container_mount *m = mounts_add(rec, "tmpfs", dest, err);
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
	struct container_mount *m = mounts_add(rec, from->type, from->destination, err);
	if (!m)
		return -1;
	free(m->source);
	m->source = strdup(from->source ? from->source : "");
	m->name = from->name ? strdup(from->name) : NULL;
	m->driver = from->driver ? strdup(from->driver) : NULL;
	m->options = from->options ? strdup(from->options) : NULL;
	m->rw = from->rw && !read_only;
	free(m->propagation);
	m->propagation = strdup(from->propagation ? from->propagation : "");
	m->subpath = from->subpath ? strdup(from->subpath) : NULL;
	m->lowers = strv_copy(from->lowers);
	m->non_recursive = from->non_recursive;
	m->read_only_top = from->read_only_top;
	m->idmap = from->idmap;
	m->no_idmap = from->no_idmap;
	m->no_copy = true;
	return m->source && m->propagation ? 0 : crl_fail_oom(err);
}

/* "ro", "z" and the like; what is the other container's own business is refused. */
static int volumes_from_mode(const char *mode, bool *ret_read_only, struct crl_err *err)
{
	_cleanup_strv_ char **parts = strv_split(mode ? mode : "", ",", true);
	*ret_read_only = strv_contains(parts, "ro");
	bool ok = str_empty(mode) || mode_ok(parts);
	for (char **p = parts; ok && !str_empty(mode) && p && *p; p++)
		ok = mode_kind(*p) != MODE_PROPAGATION && mode_kind(*p) != MODE_COPY;
	return ok ? 0 : crl_fail(err, CRL_INVALID, "invalid mode: %s", mode);
}

static int add_volumes_from(struct daemon *d, struct container_record *rec, const char *spec,
			    struct crl_err *err)
{
	struct container *other;
	const char *colon = strchr(spec, ':');
	_cleanup_free_ char *name = strndup(spec, colon ? (size_t)(colon - spec) : strlen(spec));
	bool read_only;
	if (!name)
		return crl_fail_oom(err);
	if (!*spec)
		return crl_fail(err, CRL_INVALID,
				"volumes-from specification cannot be an empty string");
	if (volumes_from_mode(colon ? colon + 1 : NULL, &read_only, err) < 0)
		return -1;
	if (container_find(d, name, &other, err) < 0) {
		/* Not as 404: clients would go and pull the image. */
		err->code = CRL_INVALID;
		return -1;
	}
	for (size_t i = 0; i < other->rec.n_mounts; i++) {
		const struct container_mount *m = &other->rec.mounts[i];
		if (destination_taken(rec, m->destination))
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
		struct container_mount *m = mounts_add(rec, "volume", clean, err);
		if (!m || mounts_use_volume(d, m, NULL, NULL, NULL, err) < 0)
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
		if (mounts_add_api(d, rec, &hc->mounts[i], err) < 0)
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
		if (str_eq(c->rec.mounts[i].type, "volume"))
			volume_hold(c->d, c->rec.mounts[i].name, c->rec.id);
}

void container_drop_volumes(struct container *c, bool remove_anonymous)
{
	for (size_t i = 0; i < c->rec.n_mounts; i++) {
		const char *name = c->rec.mounts[i].name;
		if (!str_eq(c->rec.mounts[i].type, "volume"))
			continue;
		volume_drop(c->d, name, c->rec.id);
		if (remove_anonymous)
			volume_remove_if_anonymous(c->d, name);
	}
}
