// SPDX-License-Identifier: GPL-2.0-or-later
/* Events about a container's volumes, which come and go with each run. */
#include "container.h"
#include "events.h"

static void publish_volume(struct container *c, const struct container_mount *m, bool mounted)
{
	struct strmap a = {0};

	(void)strmap_set(&a, "driver", str_empty(m->driver) ? "local" : m->driver);
	(void)strmap_set(&a, "container", c->rec.id);
	if (mounted) {
		(void)strmap_set(&a, "destination", m->destination);
		(void)strmap_set(&a, "read/write", m->rw ? "true" : "false");
		(void)strmap_set(&a, "propagation", m->propagation ? m->propagation : "");
	}
	events_publish(c->d, "volume", mounted ? "mount" : "unmount", m->name, &a);
	strmap_free(&a);
}

void container_publish_volumes(struct container *c, bool mounted)
{
	if (c->volumes_announced == mounted)
		return;
	c->volumes_announced = mounted;
	for (size_t i = 0; i < c->rec.n_mounts; i++) {
		if (str_eq(c->rec.mounts[i].type, "volume"))
			publish_volume(c, &c->rec.mounts[i], mounted);
	}
}
