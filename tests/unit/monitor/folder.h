/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A folder for each test, in *state; gone after it. */
#ifndef TESTS_MONITOR_FOLDER_H
#define TESTS_MONITOR_FOLDER_H

#include <base/path.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct folder {
	char path[64];
	int fd;
};

static inline int make_folder(void **state)
{
	struct folder *f = calloc(1, sizeof(*f));
	if (!f)
		return -1;
	snprintf(f->path, sizeof(f->path), "/tmp/crl-monitor-XXXXXX");
	if (!mkdtemp(f->path))
		return -1;
	f->fd = open(f->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	*state = f;
	return f->fd < 0 ? -1 : 0;
}

static inline int remove_folder(void **state)
{
	struct folder *f = *state;
	close(f->fd);
	path_remove_tree(AT_FDCWD, f->path, NULL);
	free(f);
	return 0;
}

#define IN_FOLDER(t) cmocka_unit_test_setup_teardown(t, make_folder, remove_folder)

#endif
