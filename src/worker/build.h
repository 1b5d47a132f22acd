/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The verb "build": joins the builder (image/) with the runtime library and
 * with the daemon behind the control socket. Contract: src/daemon/jobs.h.
 */
#ifndef WORKER_BUILD_H
#define WORKER_BUILD_H

#include "verbs.h"

#include <crun-lite/build.h>
#include <crun-lite/runtime.h>
#include <time.h>

struct build_ulimit {
	char *name;
	int64_t soft, hard;
};

struct build_args {
	char *root, *dockerfile, *remote, *target, *platform, *arch;
	char **tags, **extra_hosts;
	cJSON *build_args; /* {"K":"V" or null} */
	struct strmap labels;
	bool no_cache, pull, no_new_privileges;
	char *network_mode;
	int64_t memory, mem_swap, cpu_shares, cpu_period, cpu_quota, shm_size;
	char *cpuset_cpus, *cpuset_mems;
	struct build_ulimit *ulimits;
	size_t n_ulimits;
	char *resolv_conf, *hosts, *cgroup_parent, *cache_dir;
};
extern const struct json_table build_args_json;

/* One build on its way. */
struct build_job {
	struct build_args args;
	int64_t seq;
	char *staging; /* DATA_ROOT/tmp/build-HEX, locked while we live */
	char name[48]; /* "build-HEX": of the folder and of the cgroup */
	int tmp_fd, staging_fd;
	char *netns_id; /* granted by the daemon for the whole build */
	int netns_fd;
	bool cancelled;
};

/* --- build_daemon.c: the control socket --- */
void build_send(struct build_job *j, cJSON *message); /* takes the message */
void build_stream(struct build_job *j, const char *text, size_t len);
/* Asks the daemon; *ret_fd may be NULL. CRL_NOT_FOUND with the daemon's words when it refuses. */
int build_call(struct build_job *j, cJSON *request, cJSON **ret_answer, int *ret_fd,
	       struct crl_err *err);
/* Whether the daemon went away; does not block. */
bool build_cancelled(struct build_job *j);

/* --- build_run.c, build_spec.c: RUN steps --- */
int build_run_step(struct build_job *j, const struct crl_build_run *run, int *ret_status,
		   struct crl_err *err);
/* The OCI spec of a step; freed with json_free(&oci_spec_json). */
int build_spec(const struct build_job *j, const struct crl_build_run *run, const char *network,
	       struct oci_spec *ret, struct crl_err *err);

/* --- build_files.c --- */
/* Writes resolv.conf, hosts, hostname and script to the staging folder. */
int build_files_write(struct build_job *j, const struct crl_build_run *run, const char *network,
		      struct crl_err *err);
#define BUILD_STUB_PARENTS 2
struct build_stubs {
	unsigned made; /* one bit for each mount point that was missing */
	struct timespec before[BUILD_STUB_PARENTS], after[BUILD_STUB_PARENTS];
};
void build_stubs_make(int root_fd, struct build_stubs *s);
void build_stubs_remove(int root_fd, const struct build_stubs *s);
/* The network of a step: its own --network or the build's. */
const char *build_network(const struct build_job *j, const struct crl_build_run *run);

#endif
