/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Another OCI runtime in place of the library: runc, crun, youki, kata, or our
 * own command line. The monitor mounts the root in a mount namespace of its
 * own, writes a bundle, and drives the runtime's command line; as subreaper it
 * is the parent of what the runtime leaves behind. See runc(8), prctl(2).
 */
#ifndef MONITOR_EXTERNAL_H
#define MONITOR_EXTERNAL_H

#include <crun-lite/monitor_proto.h>
#include <crun-lite/runtime.h>

struct external {
	const char *id;
	char *name, *path;
	char **args;
	char *bundle; /* RUN_DIR/bundle: config.json, rootfs, state, log */
	int dir_fd;   /* the bundle */
	int host_ns;  /* the mount namespace we came from */
};

int external_new(const struct mon_runtime *rt, const char *run_dir, const char *id,
		 struct external **ret, struct crl_err *err);
/* Returns to the host's mount namespace: what was mounted for the bundle goes away. */
void external_free(struct external *x);

struct external_root {         /* what the bundle is made of */
	struct oci_spec *spec; /* adapted to it */
	int rootfs_fd;         /* detached; -1 = spec->root.path */
	struct crl_rt_source *sources;
	size_t n_sources;
	const char *user; /* as in mon_start */
	char **group_add;
	int netns_fd;
};
/*
 * Leaves out capabilities that we do not hold: other runtimes fail over one
 * that they cannot give ("--privileged" inside a container).
 */
void external_limit_caps(struct oci_process *p);
/* external_bundle.c: own mount namespace, mounts, config.json. */
int external_bundle(struct external *x, const struct external_root *root, struct crl_err *err);

/*
 * create: `stdio` are the container's descriptors, or with ret_master (terminal)
 * -1. The process waits for external_start(). Errors carry the runtime's own
 * last words; *ret_exit_code as crl_rt_exit_code_of().
 */
int external_create(struct external *x, const int stdio[3], int *ret_master, pid_t *ret_pid,
		    int *ret_pidfd, int *ret_exit_code, struct crl_err *err);
int external_start(struct external *x, int *ret_exit_code, struct crl_err *err);
/* A further process; `process` is written for `exec --process`. */
int external_exec(struct external *x, const char *exec_id, const struct oci_process *process,
		  const int stdio[3], int *ret_master, pid_t *ret_pid, int *ret_pidfd,
		  int *ret_exit_code, struct crl_err *err);
/* delete --force. */
void external_delete(struct external *x);
/* Folder of the process' own group in the cgroup2 hierarchy, or NULL; the caller frees. */
char *external_cgroup(const struct external *x, pid_t pid);

/* 127, 126 or 125 by the words of runc, crun and ours; for tests. */
int external_exit_code(const char *message);
/* The last error of a log in the form that runc and crun share; NULL = none. The caller frees. */
char *external_last_error(const char *log);

#endif
