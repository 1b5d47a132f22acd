/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Inside of the runtime library: one container on its way up, as parent and
 * child see it. The child of clone3(2) works on its own copy of this struct.
 *
 * Which file does what: create.c parent's steps, init.c child's steps, and one
 * small file per isolation: namespaces root mounts dev mask sysctl user
 * process seccomp device_filter.
 */
#ifndef RUNTIME_RT_H
#define RUNTIME_RT_H

#include <base/cleanup.h>
#include <base/step.h>
#include <base/str.h>
#include <crun-lite/runtime.h>
#include <linux/filter.h>

/* The namespaces of linux.namespaces, by kind. */
enum ns_kind { NS_USER, NS_CGROUP, NS_IPC, NS_UTS, NS_NET, NS_PID, NS_MOUNT, NS_TIME, NS_COUNT };

struct namespaces {
	bool fresh[NS_COUNT]; /* a new one is wanted */
	int join[NS_COUNT];   /* descriptor of one to join, or -1 */
	bool owned[NS_COUNT]; /* the descriptor was opened here and is closed here */
};

/* A loaded or compiled seccomp program, ready for seccomp(2). */
struct seccomp_filter {
	struct sock_filter *insns; /* NULL = unconfined */
	unsigned short n;
	unsigned flags; /* SECCOMP_FILTER_FLAG_* */
};

struct cap_sets {
	uint64_t bounding, effective, inheritable, permitted, ambient;
};

/* Who the process is, after looking names up in the container. */
struct identity {
	uint32_t uid, gid;
	gid_t *groups;
	size_t n_groups;
	char *home; /* from passwd; NULL = not looked up */
};

/* What init and exec have in common: from namespaces entered to execve. */
struct payload {
	const struct oci_process *process;
	const char *user;
	char *const *group_add;
	int stdio[3];
	int preserve_fds;
	struct cap_sets caps;
	struct seccomp_filter filter;
	int root_fd;    /* the container's "/" */
	int proc_fd;    /* our own procfs, see procfs.h */
	int devpts_fd;  /* the container's devpts, or -1 */
	int pty_master; /* made in the child, sent to the parent */
	int pty_slave;
	struct identity who;
	char **env;
	char *executable; /* path to execve */
};

/* A bind mount's source, cloned before the mount namespace is made private. */
struct bind_source {
	int fd; /* detached tree, -1 = the child makes this mount */
	bool is_dir;
	bool is_proc;
};

struct crl_rt {
	const struct oci_spec *spec;
	struct crl_rt_options opt;
	char *id;
	char *bundle;
	char **warnings;

	char *cgroup_path; /* NULL = none */
	int cgroup_fd;
	bool cgroup_made;
	struct namespaces ns;
	int sock;       /* our end; in the child: its end */
	int child_sock; /* parent only, until clone */
	pid_t pid;
	int pidfd;
	bool started;
	struct step_run run;

	int userns_fd;               /* the container's user namespace, -1 = the host's */
	bool userns_owned;           /* made here, and closed here */
	uint32_t root_uid, root_gid; /* the host's ids of the container's root */

	/* the child's side; with a user namespace the parent's, see outer.h */
	struct bind_source *binds; /* one per spec mount */
	int root_tree;             /* detached mount of the root */
	bool root_tree_owned;

	int dev_fd;   /* the container's /dev */
	int null_fd;  /* the host's /dev/null, verified */
	int empty_fd; /* an empty read-only directory, attached once */
	bool dev_is_bind;
	struct payload p;
};

/* Adds a warning for the caller; -1 = no memory. */
int rt_warn(struct crl_rt *rt, struct crl_err *err, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* check.c: what config.json asks for is valid, and nothing this runtime cannot do. */
int check_spec(struct crl_rt *rt, struct crl_err *err);
bool check_id(const char *id);

/* create.c: sets the caller up so that its children are born into the pid and time namespaces to
 * join; own[] are the descriptors to return by, or -1. */
int create_enter_for_children(struct crl_rt *rt, int own[2], struct crl_err *err);
uint64_t create_clone_flags(const struct crl_rt *rt);

/* init.c: runs in the child; never returns. */
_Noreturn void init_main(struct crl_rt *rt);

#endif
