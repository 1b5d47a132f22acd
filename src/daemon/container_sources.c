/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Owns what the start message says about sources of mounts that are no plain
 * folders: volumes that are file systems of their own, folders inside volumes,
 * images. The daemon mounts none of them: a server may not answer, and what lies
 * in a volume belongs to strangers.
 */
#include "container.h"
#include "oci_config.h"
#include "volumes.h"

#include <base/array.h>
#include <base/path.h>

#define SHM "/dev/shm"

static int add_volume(const struct container *c, const struct container_mount *mount,
		      struct mon_start *m, struct crl_err *err)
{
	struct volume_mount how;
	if (!str_eq(mount->type, "volume") || !volume_mount_of(c->d, mount->name, &how))
		return 0;
	_cleanup_free_ char *dir =
		path_printf("%s/volumes/%s", c->d->config.data_root, mount->name);
	if (!dir)
		return crl_fail_oom(err);
	for (size_t i = 0; i < m->n_volumes; i++)
		if (str_eq(m->volumes[i].dir, dir))
			return 0; /* mounted at two places */
	struct mon_volume *v = array_grow(&m->volumes, &m->n_volumes, sizeof(*v));
	if (!v)
		return crl_fail_oom(err);
	*v = (struct mon_volume){.dir = take_ptr(dir),
				 .type = (char *)(uintptr_t)how.type,
				 .device = (char *)(uintptr_t)how.device,
				 .options = (char *)(uintptr_t)how.options};
	return 0;
}

static int add_source(const struct container_mount *mount, struct mon_start *m, struct crl_err *err)
{
	bool image = str_eq(mount->type, "image");
	if (!image && str_empty(mount->subpath))
		return 0;
	struct mon_source *s = array_grow(&m->sources, &m->n_sources, sizeof(*s));
	if (!s)
		return crl_fail_oom(err);
	*s = (struct mon_source){.destination = mount->destination,
				 .root = image ? NULL : mount->source,
				 .lowers = image ? mount->lowers : NULL,
				 .subpath = mount->subpath};
	return 0;
}

/* /dev/shm of the container whose IPC namespace is joined, unless something else is mounted there.
 */
static int add_shm(const struct container *c, const struct container *ipc, struct mon_start *m,
		   struct crl_err *err)
{
	for (size_t i = 0; ipc && i < c->rec.n_mounts; i++)
		if (str_eq(c->rec.mounts[i].destination, SHM))
			return 0;
	struct mon_source *s = ipc ? array_grow(&m->sources, &m->n_sources, sizeof(*s)) : NULL;
	if (s)
		*s = (struct mon_source){.destination = SHM, .root = SHM, .peer = ipc->rec.pid};
	return ipc && !s ? crl_fail_oom(err) : 0;
}

int container_sources(const struct container *c, const struct container *ipc, struct mon_start *m,
		      struct crl_err *err)
{
	if (add_shm(c, ipc, m, err) < 0)
		return -1;
	for (size_t i = 0; i < c->rec.n_mounts; i++)
		if (add_volume(c, &c->rec.mounts[i], m, err) < 0 ||
		    add_source(&c->rec.mounts[i], m, err) < 0) {
			container_sources_free(m);
			return -1;
		}
	return 0;
}

/* All but the folders of volumes is borrowed from the record. */
void container_sources_free(struct mon_start *m)
{
	for (size_t i = 0; i < m->n_volumes; i++)
		free(m->volumes[i].dir);
	free(take_ptr(m->volumes));
	free(take_ptr(m->sources));
	m->n_volumes = m->n_sources = 0;
}

void container_settle_volumes(struct container *c)
{
	for (size_t i = 0; i < c->rec.n_mounts; i++)
		if (str_eq(c->rec.mounts[i].type, "volume"))
			volume_settle(c->d, c->rec.mounts[i].name);
}
