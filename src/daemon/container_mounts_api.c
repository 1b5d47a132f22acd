/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Owns HostConfig.Mounts: type by type from the API's words to the entries of the record, and
 * Docker's words for what does not fit. Mounts nothing.
 */
#include "container_mounts.h"
#include "images.h"

#include <base/path.h>
#include <errno.h>
#include <sys/stat.h>

static int mount_error(struct crl_err *err, const struct api_mount *in, const char *what)
{
	return crl_fail(err, CRL_INVALID, "invalid mount config for type \"%s\": %s",
			in->type ? in->type : "", what);
}

/* Options of one type with a mount of another are a mistake, not something to ignore. */
static int check_foreign_options(const struct api_mount *in, struct crl_err *err)
{
	const struct {
		const char *type, *key;
		bool given;
	} options[] = {
		{"bind", "BindOptions", in->bind_options != NULL},
		{"volume", "VolumeOptions", in->volume_options != NULL},
		{"image", "ImageOptions", in->image_options != NULL},
		{"tmpfs", "TmpfsOptions", in->tmpfs_options != NULL},
		{"cluster", "ClusterOptions", in->cluster_options != NULL},
	};
	for (size_t i = 0; i < ARRAY_SIZE(options); i++)
		if (options[i].given && !str_eq(in->type, options[i].type))
			return crl_fail(err, CRL_INVALID,
					"invalid mount config for type \"%s\": field %s must not "
					"be specified",
					in->type ? in->type : "", options[i].key);
	return 0;
}

/* A path that cannot leave the folder it is below, by its text alone. */
static bool is_local(const char *path)
{
	int depth = 0;
	if (*path == '/')
		return false;
	_cleanup_strv_ char **parts = strv_split(path, "/", false);
	for (char **p = parts; p && *p; p++) {
		if (str_eq(*p, ".."))
			depth--;
		else if (!str_eq(*p, "."))
			depth++;
		if (depth < 0)
			return false;
	}
	return parts != NULL;
}

static int set_subpath(struct container_mount *m, const struct api_mount *in, const char *subpath,
		       struct crl_err *err)
{
	if (str_empty(subpath))
		return 0;
	if (!is_local(subpath))
		return mount_error(err, in, "subpath must be a relative path within the volume");
	m->subpath = strdup(subpath);
	return m->subpath ? 0 : crl_fail_oom(err);
}

/* --- bind --- */

static int read_only_kind(struct container_mount *m, const struct api_mount *in,
			  const struct api_bind_options *o, struct crl_err *err)
{
	if (o->read_only_non_recursive && o->read_only_force_recursive)
		return mount_error(err, in,
				   "mount options conflict: ReadOnlyNonRecursive && "
				   "ReadOnlyForceRecursive");
	m->non_recursive = o->non_recursive;
	m->read_only_top = o->read_only_non_recursive;
	return 0;
}

static int fill_bind(struct daemon *d, struct container_mount *m, const struct api_mount *in,
		     struct crl_err *err)
{
	const struct api_bind_options *o = in->bind_options;
	if (str_empty(in->source))
		return mount_error(err, in, "field Source must not be empty");
	if (in->source[0] != '/')
		return crl_fail(err, CRL_INVALID,
				"invalid mount config for type \"bind\": invalid mount path: '%s' "
				"mount path must be absolute",
				in->source);
	if (o && !str_empty(o->propagation) && !mounts_is_propagation(o->propagation))
		return crl_fail(err, CRL_INVALID,
				"invalid mount config for type \"bind\": invalid propagation mode: "
				"%s",
				o->propagation);
	if (mounts_use_path(m, in->source, o && o->create_mountpoint, err) < 0)
		return -1;
	if (!o)
		return 0;
	if (read_only_kind(m, in, o, err) < 0)
		return -1;
	if (str_empty(o->propagation))
		return 0;
	free(m->propagation);
	m->propagation = strdup(o->propagation);
	return m->propagation ? 0 : crl_fail_oom(err);
}

/* --- volume --- */

static int fill_volume(struct daemon *d, struct container_mount *m, const struct api_mount *in,
		       struct crl_err *err)
{
	const struct api_volume_options *o = in->volume_options;
	const struct api_driver_config *driver = o ? o->driver_config : NULL;
	const char *name = str_empty(in->source) ? NULL : in->source;
	if (o && !str_empty(o->subpath) && !name)
		return mount_error(err, in, "must not set Subpath when using anonymous volumes");
	if (o && set_subpath(m, in, o->subpath, err) < 0)
		return -1;
	if (driver && !str_empty(driver->name) && !str_eq(driver->name, "local"))
		/* Not as 404: clients would go and pull the image. */
		return crl_fail(err, CRL_INVALID,
				"error looking up volume plugin %s: plugin \"%s\" not found",
				driver->name, driver->name);
	m->no_copy = o && (o->no_copy || m->subpath);
	if (mounts_use_volume(d, m, name, o ? &o->labels : NULL, driver ? &driver->options : NULL,
			      err) < 0)
		return -1;
	return mounts_default_mode(m, err);
}

/* --- tmpfs --- */

/* [["exec"],["size","1m"]]: Docker takes exec and noexec. */
static int tmpfs_options(struct buf *b, const struct api_mount *in, const cJSON *options,
			 struct crl_err *err)
{
	const cJSON *item;
	cJSON_ArrayForEach (item, options) {
		int n = cJSON_IsArray(item) ? cJSON_GetArraySize(item) : 0;
		const char *key = cJSON_GetStringValue(cJSON_GetArrayItem(item, 0));
		if (n < 1 || n > 2 || !key)
			return mount_error(err, in, "invalid option array length");
		if (!str_eq(key, "exec") && !str_eq(key, "noexec"))
			return crl_fail(err, CRL_INVALID,
					"invalid mount config for type \"tmpfs\": invalid option: "
					"%s",
					key);
		buf_printf(b, ",%s", key);
	}
	return 0;
}

static int fill_tmpfs(struct daemon *d, struct container_mount *m, const struct api_mount *in,
		      struct crl_err *err)
{
	const struct api_tmpfs_options *o = in->tmpfs_options;
	_cleanup_buf_ struct buf b = BUF_INIT;
	if (!str_empty(in->source))
		return mount_error(err, in, "field Source must not be specified");
	if (o && o->size_bytes > 0)
		buf_printf(&b, ",size=%lld", (long long)o->size_bytes);
	if (o && o->mode > 0)
		buf_printf(&b, ",mode=%llo", (unsigned long long)(o->mode & 07777));
	if (o && tmpfs_options(&b, in, o->options, err) < 0)
		return -1;
	if (in->read_only)
		buf_puts(&b, ",ro");
	m->options = strdup(b.len ? b.data + 1 : "");
	return m->options && !b.failed ? 0 : crl_fail_oom(err);
}

/* --- image --- */

static int fill_image(struct daemon *d, struct container_mount *m, const struct api_mount *in,
		      struct crl_err *err)
{
	struct image *img = NULL;
	if (str_empty(in->source))
		return mount_error(err, in, "field Source must not be empty");
	if (in->image_options && set_subpath(m, in, in->image_options->subpath, err) < 0)
		return -1;
	if (images_find(d, in->source, &img, err) < 0 || images_lowers(d, img, &m->lowers, err) < 0)
		return -1;
	free(m->source);
	free(m->propagation);
	m->source = strdup(img->id);
	m->name = strdup(in->source);
	m->propagation = strdup("rprivate");
	m->rw = false;
	if (!m->source || !m->name || !m->propagation)
		return crl_fail_oom(err);
	return strv_len(m->lowers) ? 0 : mount_error(err, in, "the image has no layers to mount");
}

static const struct {
	const char *type;
	int (*fill)(struct daemon *d, struct container_mount *m, const struct api_mount *in,
		    struct crl_err *err);
} types[] = {
	{"bind", fill_bind},
	{"volume", fill_volume},
	{"tmpfs", fill_tmpfs},
	{"image", fill_image},
};

static int check_target(const struct api_mount *in, struct crl_err *err)
{
	_cleanup_free_ char *clean = NULL;
	if (str_empty(in->target))
		return mount_error(err, in, "field Target must not be empty");
	if (in->target[0] != '/')
		return crl_fail(err, CRL_INVALID,
				"invalid mount config for type \"%s\": invalid mount path: '%s' "
				"mount path must be absolute",
				in->type, in->target);
	if (!(clean = path_clean(in->target)))
		return crl_fail_oom(err);
	if (str_eq(clean, "/"))
		return mount_error(err, in, "invalid specification: destination can't be '/'");
	return 0;
}

int mounts_add_api(struct daemon *d, struct container_record *rec, const struct api_mount *in,
		   struct crl_err *err)
{
	if (check_foreign_options(in, err) < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		if (!str_eq(in->type, types[i].type))
			continue;
		struct container_mount *m;
		if (check_target(in, err) < 0 || !(m = mounts_add(rec, in->type, in->target, err)))
			return -1;
		m->rw = !in->read_only;
		return types[i].fill(d, m, in, err);
	}
	return mount_error(err, in, "mount type unknown");
}
