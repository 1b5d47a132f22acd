/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What HEAD archive tells about a path, and how paths of docker cp are read. */
#ifndef WORKER_PATH_STAT_H
#define WORKER_PATH_STAT_H

#include <base/json.h>
#include <crun-lite/err.h>
#include <sys/stat.h>

/* st_mode as Go's os.FileMode, which is what clients of the Engine API decode. */
uint32_t path_stat_go_mode(mode_t mode);

/*
 * A path of a container as the client wrote it. With "/" or "/." behind it a
 * link at its end is followed, and it must be a directory.
 */
struct subject {
	char *clean;      /* absolute, without "..": lexically, as Docker joins it */
	bool directory;   /* "x/", "x/.", "/" */
	char *name;       /* last part as Docker shows it: "x", "." for "x/.", "/" */
	int dir_fd;       /* O_PATH: the folder it lies in, or itself */
	const char *base; /* in dir_fd; "." = dir_fd itself. Points into `clean` or is static. */
};
void subject_free(struct subject *s);
/* CRL_NOT_FOUND, CRL_INVALID "not a directory". Resolved below root_fd. */
int subject_open(int root_fd, const char *path, struct subject *ret, struct crl_err *err);

/* {"name","size","mode","mtime","linkTarget"}; not following a link, unless `directory`. The
 * caller frees. */
int path_stat_json(int root_fd, const struct subject *s, cJSON **ret, struct stat *ret_st,
		   struct crl_err *err);

#endif
