/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The image builder: a Dockerfile and a context become an image in the store.
 *
 * The whole Dockerfile is turned into a plan first (stages, their order, every
 * variable expanded, every flag checked), so that what can be wrong is found
 * before anything runs; then the plan is executed step by step. Steps that
 * change files are keyed by the content of what goes into them; metadata
 * instructions edit the config and nothing else.
 *
 * The builder knows neither the runtime nor the daemon: who calls it fills in
 * `struct crl_build_ops`.
 */
#ifndef CRUN_LITE_BUILD_H
#define CRUN_LITE_BUILD_H

#include <base/str.h>
#include <crun-lite/err.h>
#include <crun-lite/image.h>

/* Where a RUN heredoc that begins with "#!" is found. */
#define CRL_BUILD_SCRIPT "/dev/build-script"

/* A RUN step, ready to be executed. All pointers live until `run` returns. */
struct crl_build_run {
	const char *id; /* 64 hex digits */
	int rootfs_fd;  /* detached overlay mount */
	char *const *argv;
	char *const *env;
	const char *user;    /* docker user string or NULL */
	const char *cwd;     /* absolute; exists already */
	const char *script;  /* text that must be executable at CRL_BUILD_SCRIPT, or NULL */
	const char *network; /* --network of the step: "default", "none", "host", or NULL */
};

struct crl_build_ops {
	/* Local image by name or id. CRL_NOT_FOUND with docker's words. Strings are the caller's.
	 */
	int (*find_image)(void *data, const char *name, char **ret_id, char **ret_manifest,
			  struct crl_err *err);
	/* Runs to the end. *ret_status is 0..255; output goes to the client as it comes. */
	int (*run)(void *data, const struct crl_build_run *run, int *ret_status,
		   struct crl_err *err);
	/* One message for the client, of at most some kilobytes. */
	void (*say)(void *data, const char *text, size_t len);
	/* The client left or the daemon ended: steps stop at the next occasion. */
	bool (*cancelled)(void *data);
	void *data;
};

struct crl_build_options {
	struct crl_store *store;
	const char *root;    /* path of the store */
	int context_fd;      /* the unpacked context */
	const char *staging; /* an empty folder on the store's file system; the caller removes it */
	const char *dockerfile; /* path in the context */
	const char *target;     /* NULL = the last stage */
	struct strmap args;     /* --build-arg; a NULL value means "not set" */
	struct strmap labels;   /* --label */
	const char *platform;   /* "linux/amd64" or NULL */
	const char *arch;       /* of this machine, in Go's words; NULL = ask uname */
	const char *network;    /* part of the cache key of RUN */
	bool no_cache;
};

struct crl_build_result {
	char id[80], manifest[80];
	char parent[80]; /* id of the base image, "" for none */
};

/*
 * Builds. On failure nothing but finished, cached layers stays in the store.
 * A RUN that ends with a status other than 0 gives CRL_INVALID, docker's
 * sentence, and *ret_run_status != 0.
 */
int crl_build(const struct crl_build_options *options, const struct crl_build_ops *ops,
	      struct crl_build_result *ret, int *ret_run_status, struct crl_err *err);

#endif
