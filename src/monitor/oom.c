/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Owns the descriptor of memory.events, which kernfs marks with EPOLLPRI on
 * every change until it is read again. See cgroups(7), Documentation/admin-guide/cgroup-v2.rst.
 */
#include "oom.h"

#include <base/path.h>
#include <base/str.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static uint64_t read_kills(int fd)
{
	char buf[512];
	ssize_t n = pread(fd, buf, sizeof(buf) - 1, 0);
	if (n <= 0)
		return 0;
	buf[n] = '\0';
	const char *p = strstr(buf, "\noom_kill ");
	return p ? strtoull(p + strlen("\noom_kill "), NULL, 10) : 0;
}

void oom_check(struct oom *o)
{
	if (o->source.fd < 0)
		return;
	uint64_t kills = read_kills(o->source.fd);
	if (kills <= o->kills)
		return;
	o->kills = kills;
	o->grew(o);
}

static void events_changed(struct loop_source *s, uint32_t events)
{
	oom_check(CONTAINER_OF(s, struct oom, source));
}

void oom_watch(struct oom *o, struct loop *loop, const char *cgroup)
{
	o->loop = loop;
	o->source = (struct loop_source){.fd = -1, .ready = events_changed};
	char path[PATH_MAX];
	int n = snprintf(path, sizeof(path), "%s/memory.events", cgroup ? cgroup : "");
	if (str_empty(cgroup) || n < 0 || (size_t)n >= sizeof(path))
		return;
	o->source.fd = open(path, O_RDONLY | O_CLOEXEC);
	if (o->source.fd < 0)
		return;
	o->kills = read_kills(o->source.fd);
	(void)loop_watch(loop, &o->source, EPOLLPRI, NULL);
}

void oom_deinit(struct oom *o)
{
	if (o->loop)
		loop_close(o->loop, &o->source);
}
