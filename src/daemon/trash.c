/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Owns what was thrown away: a stack of open folders that are emptied a slice
 * at a time. It follows no symlink and leaves other mounts alone. It waits for a
 * quiet moment: removing files costs more than the rest of a short run, and the
 * loop that does it would be missing to the run that comes next.
 * See unlinkat(2), openat2(2).
 */
#include "trash.h"

#include "daemon.h"

#include <base/ident.h>
#include <base/log.h>
#include <base/path.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#define SLICE 16
#define QUIET_US (100 * 1000ULL)
#define BACKLOG 64 /* without a quiet moment: no more than this many are kept */
#define MAX_DEPTH 4096

struct level {
	DIR *dir;
	char *name; /* below the level above */
};

struct trash {
	struct daemon *d;
	int tmp_fd; /* DATA_ROOT/tmp */
	char **names;
	struct level *stack;
	size_t depth;
	sd_event_source *source, *quiet;
};

static int on_idle(sd_event_source *s, void *data);
static int on_quiet(sd_event_source *s, uint64_t usec, void *data);

int trash_new(struct daemon *d, struct trash **ret, struct crl_err *err)
{
	_cleanup_free_ char *tmp = path_printf("%s/tmp", d->config.data_root);
	if (!tmp)
		return crl_fail_oom(err);
	if (path_mkdir_p(tmp, 0700, err) < 0)
		return -1;
	struct trash *t = calloc(1, sizeof(*t));
	if (!t)
		return crl_fail_oom(err);
	t->d = d;
	t->tmp_fd = open(tmp, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r = t->tmp_fd < 0 ? -errno : sd_event_add_defer(d->event, &t->source, on_idle, t);
	if (r >= 0)
		r = sd_event_add_time_relative(d->event, &t->quiet, CLOCK_MONOTONIC, QUIET_US, 0,
					       on_quiet, t);
	if (r < 0) {
		trash_free(t);
		return crl_fail_sys(err, -r, "%s", tmp);
	}
	sd_event_source_set_priority(t->source, SD_EVENT_PRIORITY_IDLE);
	sd_event_source_set_enabled(t->source, SD_EVENT_OFF);
	sd_event_source_set_enabled(t->quiet, SD_EVENT_OFF);
	*ret = t;
	return 0;
}

static void pop(struct trash *t)
{
	struct level *l = &t->stack[--t->depth];
	closedir(l->dir);
	free(l->name);
}

void trash_free(struct trash *t)
{
	if (!t)
		return;
	while (t->depth > 0)
		pop(t);
	free(t->stack);
	strv_free(t->names);
	sd_event_source_disable_unref(t->source);
	sd_event_source_disable_unref(t->quiet);
	cleanup_close_p(&t->tmp_fd);
	free(t);
}

int trash_take(struct trash *t, const char *path, struct crl_err *err)
{
	static unsigned counter; /* of all trashes: they share the folder */
	char name[64];
	snprintf(name, sizeof(name), "rm-%d-%u", (int)getpid(), counter++);
	if (renameat(AT_FDCWD, path, t->tmp_fd, name) < 0)
		return errno == ENOENT ? 0 : crl_fail_sys(err, errno, "remove %s", path);
	if (strv_push(&t->names, name) < 0)
		return 0; /* the next start sweeps it */
	if (strv_len(t->names) >= BACKLOG) {
		sd_event_source_set_enabled(t->source, SD_EVENT_ON);
	} else {
		sd_event_source_set_time_relative(t->quiet, QUIET_US);
		sd_event_source_set_enabled(t->quiet, SD_EVENT_ONESHOT);
	}
	return 0;
}

static int parent_fd(const struct trash *t)
{
	return t->depth ? dirfd(t->stack[t->depth - 1].dir) : t->tmp_fd;
}

static int push(struct trash *t, const char *name)
{
	_cleanup_close_ int fd =
		openat(parent_fd(t), name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || t->depth >= MAX_DEPTH)
		return -1;
	struct level *stack = realloc(t->stack, (t->depth + 1) * sizeof(*stack));
	if (!stack)
		return -1;
	t->stack = stack;
	char *copy = strdup(name);
	DIR *dir = copy ? fdopendir(fd) : NULL;
	if (!dir) {
		free(copy);
		return -1;
	}
	take_fd(&fd);
	stack[t->depth++] = (struct level){.dir = dir, .name = copy};
	return 0;
}

/* Removes a name, or descends into it. */
static void remove_name(struct trash *t, const char *name)
{
	if (unlinkat(parent_fd(t), name, 0) == 0 || errno == ENOENT)
		return;
	if (unlinkat(parent_fd(t), name, AT_REMOVEDIR) == 0)
		return;
	if (push(t, name) < 0)
		log_warn("cannot remove", "name", name, "error", strerror(errno), NULL);
}

static void one_step(struct trash *t)
{
	if (t->depth == 0) {
		size_t n = strv_len(t->names);
		_cleanup_free_ char *name = t->names[n - 1];
		t->names[n - 1] = NULL;
		remove_name(t, name);
		return;
	}
	struct level *top = &t->stack[t->depth - 1];
	struct dirent *e = readdir(top->dir);
	if (e) {
		if (!str_eq(e->d_name, ".") && !str_eq(e->d_name, ".."))
			remove_name(t, e->d_name);
		return;
	}
	_cleanup_free_ char *name = take_ptr(top->name);
	pop(t);
	/* A busy or immutable rest stays; the sweep at the next start tries again. */
	if (unlinkat(parent_fd(t), name, AT_REMOVEDIR) < 0)
		log_debug("folder not removed", "name", name, "error", strerror(errno), NULL);
}

static int on_quiet(sd_event_source *s, uint64_t usec, void *data)
{
	struct trash *t = data;
	sd_event_source_set_enabled(t->source, SD_EVENT_ON);
	return 0;
}

static int on_idle(sd_event_source *s, void *data)
{
	struct trash *t = data;
	for (int i = 0; i < SLICE && (t->depth || strv_len(t->names)); i++)
		one_step(t);
	if (!t->depth && !strv_len(t->names))
		sd_event_source_set_enabled(s, SD_EVENT_OFF);
	return 0;
}
