/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The side of `cp` that is on this machine: which entry is meant, and where an archive goes. */
#ifndef CLI_CP_LOCAL_H
#define CLI_CP_LOCAL_H

#include <base/str.h>
#include <cli/http.h>

/* "x/." and ".": the content of a directory and not the directory. */
bool cp_means_content(const char *path);
/* A slash, "." or ".." at the end: only a directory can be meant. */
bool cp_means_directory(const char *path);
/* Last part of a cleaned path ("/" for the root); the caller frees, NULL = no memory. */
char *cp_base_name(const char *path);
char *cp_dir_name(const char *path);

/* What is sent. */
struct cp_source {
	int dir_fd; /* the folder that `base` lies in */
	char *base; /* "." for the folder itself */
	char *name; /* how it is called in the archive when nothing else is asked for */
	bool is_dir, content;
};
int cp_source_open(const char *path, bool follow, struct cp_source *ret, struct crl_err *err);
void cp_source_free(struct cp_source *s);

/*
 * Docker's table of what becomes of a copy: source and destination are a directory or not, the
 * latter may be missing. The archive goes into the folder *ret_into (a part of dst, the caller
 * frees), its first part is renamed to *ret_as (NULL = stays). CRL_INVALID with docker's texts.
 */
struct cp_kind {
	bool exists, is_dir;
};
int cp_decide(const struct cp_kind *source, const char *dst, const struct cp_kind *destination,
	      char **ret_into, char **ret_as, struct crl_err *err);

/* Unpacks the body of an answer into the local folder; everything belongs to the caller. */
int cp_unpack(struct http_conn *conn, struct http_response *r, const char *into, const char *as,
	      int64_t *ret_bytes, struct crl_err *err);

#endif
