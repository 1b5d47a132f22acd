/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Things on their way into the store: everything lies in one folder
 * tmp/job-RANDOM that its process holds a lock on, and enters the store
 * together after one syncfs. The folder goes when the ingest is closed; that
 * of a process which died is removed by the next one.
 */
#ifndef IMAGE_INGEST_H
#define IMAGE_INGEST_H

#include "store_private.h"
#include "stream.h"
#include "tar.h"

#include <crun-lite/layer.h>

struct staged {
	struct staged *next;
	unsigned number; /* files bN (blob), lN (layer) in the job's folder */
	struct crl_layer_info info;
	struct layer_record record;
	bool is_layer; /* unpacked; else only a blob, `why_not` tells */
	bool published;
	struct crl_err why_not;
};

struct ingest {
	struct crl_store *store;
	char name[STORE_TMP_NAME];
	int fd;
	unsigned next_number;
	struct staged *staged;
};

int ingest_open(struct crl_store *s, struct ingest **ret, struct crl_err *err);
void ingest_close(struct ingest *in);
DEFINE_CLEANUP(struct ingest *, ingest_close)
#define _cleanup_ingest_ _cleanup_(ingest_close_p)

/*
 * Reads `source` to its end into a staged blob and unpacks it beside. What is
 * no layer is still a blob: then is_layer is false and why_not says what the
 * unpacker found. Fails only when the bytes could not be kept. Borrowed result.
 */
int ingest_stage(struct ingest *in, struct stream *source, int64_t limit, struct staged **ret,
		 struct crl_err *err);
/* Checks a staged layer against what a manifest says about it. */
int staged_check(const struct staged *st, const struct crl_layer_expect *expect,
		 struct crl_err *err);
/*
 * Makes the layers part of the store; the array may name one twice. All or,
 * after a failure, some of them are in the store: without a name that reaches
 * them they are garbage.
 */
int ingest_publish(struct ingest *in, struct staged *const *layers, size_t n, struct crl_err *err);
/* Folders without an entry of their own get the attributes of those below; `layers` bottom first.
 */
int ingest_inherit(struct ingest *in, struct staged *const *layers, size_t n, struct crl_err *err);
/* Drops a staged thing that is not needed, before the end. */
void ingest_drop(struct ingest *in, struct staged *st);
/* A new numbered slot with an open blob file, for what writes layers itself. */
int ingest_new(struct ingest *in, struct staged **ret, int *ret_blob_fd, struct crl_err *err);
/* Makes lN/fs. */
int ingest_make_fs(struct ingest *in, const struct staged *st, int *ret_fs_fd, struct crl_err *err);

/* --- commit with everything opened beforehand, for the worker's cage (image/layer.c) --- */
struct layer_fds {
	int *v; /* top first */
	size_t n;
};
int layer_fds_open(char *const *paths, struct layer_fds *l, struct crl_err *err);
void layer_fds_close(struct layer_fds *l);
int layer_commit(struct crl_store *s, int upper_fd, const struct layer_fds *lowers,
		 struct crl_layer_info *ret, struct crl_err *err);

#endif
