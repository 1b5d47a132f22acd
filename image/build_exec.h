/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The execution of a plan: what its files share. Nothing here reads a Dockerfile. */
#ifndef IMAGE_BUILD_EXEC_H
#define IMAGE_BUILD_EXEC_H

#include "build_plan.h"
#include "dockerignore.h"

#include <sys/stat.h>

struct build {
	struct build_plan plan;
	struct crl_store *store;
	const struct crl_build_ops *ops;
	struct dockerignore *ignore; /* NULL = none */
	char *ignore_name;           /* which file it came from */
	int cache_fd;                /* DATA_ROOT/buildcache */
	unsigned n_staged;           /* numbers the folders in staging */
	size_t step_no;              /* "Step i/n" */
	int run_status;              /* of the RUN that failed */
};

void build_say(const struct build *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* --- build_cache.c: keys and records --- */

/* A key in the making: labelled, length-prefixed fields, so that no two inputs give one text. */
struct build_key {
	struct buf text;
};
void build_key_start(struct build_key *k, const struct build *b, const struct build_stage *s,
		     const char *kind);
void build_key_field(struct build_key *k, const char *label,
		     const char *value); /* NULL is not "" */
void build_key_list(struct build_key *k, const char *label, char *const *values);
int build_key_end(struct build_key *k, char ret_hex[65], struct crl_err *err);

struct build_record {
	char *diff_id; /* NULL with `empty` */
	struct crl_descriptor blob;
	int64_t created; /* ns */
	bool empty;      /* the step changed no file */
	char *what;      /* the instruction, for people */
};
int build_cache_open(struct build *b, const char *root, struct crl_err *err);
/* 1 = found and usable, 0 = not there (a damaged record is removed). */
int build_cache_get(struct build *b, const char *hex, struct build_record *ret);
int build_cache_put(struct build *b, const char *hex, const struct build_record *r,
		    struct crl_err *err);
void build_record_free(struct build_record *r);

/* --- build_layer.c: the file system a step sees, and what it left --- */
struct build_layer_dir {
	char *name; /* folder in staging */
	int staging_fd;
	int upper_fd;
	int mount_fd; /* the merged view, a detached mount */
	char **lowers;
	bool restore_times; /* folders that a copy only touched by the way keep their times */
};
int build_layer_open(struct build *b, const struct build_stage *s, struct build_layer_dir *ret,
		     struct crl_err *err);
/* Commits the upper directory; an empty one gives *ret with `empty` set. */
int build_layer_commit(struct build *b, struct build_layer_dir *d, struct build_record *ret,
		       struct crl_err *err);
void build_layer_close(struct build_layer_dir *d);
/* A read-only view of a stage's or an image's files. */
int build_view_open(struct build *b, char *const *diff_ids, int *ret_fd, struct crl_err *err);
char **build_stage_diff_ids(const struct build_stage *s);

/* --- build_tidy.c --- */
int build_tidy(int upper_fd, char *const *lowers, bool restore_times, int64_t epoch,
	       struct crl_err *err);

/* --- build_tree.c: a file or folder of a source, hashed by content --- */
struct build_filter {
	const struct dockerignore *ignore;  /* paths relative to the root */
	const struct dockerignore *exclude; /* --exclude, relative to the copied folder */
};
bool build_filter_skips(const struct build_filter *f, const char *path, const char *below,
			bool is_dir);
/* Sorted names of a folder, without "." and "..". */
int build_tree_list(int dir_fd, char ***ret, struct crl_err *err);
/*
 * Digest over type, mode, content, link target, attributes and names (of what
 * is below). Owners only with `owners`. Times never. *newest is raised.
 */
int build_tree_hash(int fd, const char *path, bool owners, const struct build_filter *filter,
		    char ret_hex[65], struct timespec *newest, struct crl_err *err);

/* --- build_source.c: words of COPY -> paths --- */
struct build_source {
	char *path; /* relative to the source root, "" = the root; symlinks are still in it */
	char *name; /* last component, the name in a destination folder */
	bool is_dir;
};
int build_sources_find(struct build *b, const struct build_copy *c, int root_fd,
		       struct build_source **ret, size_t *ret_n, struct crl_err *err);
/* Opens a source, its links followed inside the root. */
int build_source_open(int root_fd, const struct build_source *s, int *ret_fd, struct stat *ret_st,
		      struct crl_err *err);
void build_sources_free(struct build_source *s, size_t n);

/* --- build_owner.c: names of owners inside the image --- */
struct build_owner {
	bool set;
	uid_t uid;
	gid_t gid;
};
/* "user", "uid", "user:group"; a user alone gives its group of /etc/passwd (a number alone: the
 * same number). */
int build_owner_find(int root_fd, const char *text, struct build_owner *ret, struct crl_err *err);

/* --- build_copy.c --- */
struct build_copy_job {
	const struct build_copy *copy;
	int source_fd; /* root of the sources, -1 with heredocs only */
	struct build_source *sources;
	size_t n_sources;
	struct build_filter filter;
	struct build_owner owner; /* --chown */
	bool keep_owner;          /* --from: source's owners unless --chown */
	struct timespec mtime;    /* for folders that the copy makes */
};
int build_copy_run(const struct build_copy_job *job, int dest_root_fd, struct crl_err *err);
/* mkdir -p inside the root with 0755 and an owner; *ret_made tells whether something was missing.
 */
int build_make_dirs(int root_fd, const char *path, const struct build_owner *owner,
		    struct timespec mtime, bool *ret_made, struct crl_err *err);

/* --- build_steps.c: one step of each kind --- */
int build_step_exec(struct build *b, struct build_stage *s, struct build_step *st,
		    struct build_record *ret, bool *ret_cached, struct crl_err *err);

/* --- build_image.c: history, config and manifest of the result --- */
int build_history_add(struct build_stage *s, const struct build_step *st, int64_t created,
		      bool empty, struct crl_err *err);
int build_image_finish(struct build *b, struct build_stage *s, struct crl_build_result *ret,
		       struct crl_err *err);

#endif
