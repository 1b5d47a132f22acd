/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The OCI runtime as a library: the monitor runs ordinary containers with it,
 * the worker runs build steps, crun-lite-runtime offers it as a command line.
 *
 * Life: crl_rt_create() clones the init process, which stops right before
 * execve(2); crl_rt_start() lets it go and reports whether execve succeeded;
 * the caller is the parent and reaps it (pidfd); crl_rt_destroy() frees what
 * the kernel holds for it (cgroup). Thread: single-threaded callers only.
 */
#ifndef CRUN_LITE_RUNTIME_H
#define CRUN_LITE_RUNTIME_H

#include <crun-lite/err.h>
#include <crun-lite/oci_spec.h>
#include <stdint.h>
#include <sys/types.h>

struct crl_rt; /* one container */

/*
 * The source of a bind mount that the caller made itself: a detached mount
 * (open_tree(2), fsmount(2)) in place of the path that config.json names. Not
 * closed by the library, but used up: a detached mount can be attached once.
 */
struct crl_rt_source {
	const char *destination; /* of the mount it belongs to, as config.json spells it */
	int fd;
};

/* One line of narration per step, for --explain; see base/step.h. */
typedef void (*crl_rt_explain)(const char *step, const char *why, const char *see, uint64_t us,
			       const struct crl_err *err, void *data);

struct crl_rt_options {
	const char *id;
	const char *bundle_dir; /* relative root.path is below it; may be NULL with rootfs_fd */
	/*
	 * A detached mount (fsmount/open_tree) to use as root instead of root.path;
	 * -1 = use root.path. Not closed by the library.
	 */
	int rootfs_fd;
	/* What becomes 0, 1, 2 of the container's process. With a terminal: -1 for all. */
	int stdio[3];
	/*
	 * process.terminal: the library makes the pty on the container's own devpts
	 * (TIOCGPTPEER) and returns the master here (owned by the caller).
	 */
	int *ret_pty_master;
	/*
	 * Descriptor of a network namespace to join (setns) in place of the
	 * path in linux.namespaces; -1 = do as the spec says.
	 */
	int netns_fd;
	/*
	 * Descriptor of the user namespace to join in place of what linux.namespaces says about
	 * "user" (its map is linux.uidMappings); -1 = as the spec says. The caller needs it before
	 * the runtime does, for a root with mapped layers (base/userns.h).
	 */
	int userns_fd;
	/* Folder for compiled seccomp filters, named by hash; NULL = no cache. */
	const char *cache_dir;
	/*
	 * Docker user string ("name", "uid", "name:group", "uid:gid") to look up in
	 * the container's /etc/passwd and /etc/group; NULL = take process.user as
	 * it is. `group_add`: names or numbers, NULL-terminated or NULL.
	 */
	const char *user;
	char *const *group_add;
	bool pdeathsig; /* SIGKILL the container when the caller dies */
	/*
	 * Where another process than the caller starts the container: init reads
	 * one byte from this descriptor (a fifo) instead of waiting for
	 * crl_rt_start(). -1 = crl_rt_start() does it. Not closed by the library.
	 */
	int start_fd;
	int preserve_fds; /* descriptors 3 .. 3+n-1 stay open in the payload */
	bool no_new_keyring;
	const struct crl_rt_source *sources; /* borrowed until create returned */
	size_t n_sources;
	crl_rt_explain explain;
	void *explain_data;
};
void crl_rt_options_init(struct crl_rt_options *o);

/*
 * Builds the container: namespaces, mounts, devices, masks, cgroup, limits,
 * network namespace, seccomp. `spec` must outlive the crl_rt. Warnings (a
 * capability the caller does not hold, a cgroup controller that is missing)
 * are collected, see crl_rt_warnings(). Blocks for milliseconds.
 */
int crl_rt_create(const struct oci_spec *spec, const struct crl_rt_options *options,
		  struct crl_rt **ret, struct crl_err *err);

pid_t crl_rt_pid(const struct crl_rt *rt);
int crl_rt_pidfd(const struct crl_rt *rt); /* borrowed */
char *const *crl_rt_warnings(const struct crl_rt *rt);
/* Folder of its cgroup below the cgroup2 mount as an absolute host path, or NULL when there is
 * none. */
const char *crl_rt_cgroup_path(const struct crl_rt *rt);

/*
 * Lets the process execve. CRL_NOT_FOUND with err->sys ENOENT: executable not
 * found (exit code 127); CRL_KERNEL/CRL_INVALID with EACCES, ENOEXEC,
 * ENOTDIR, EISDIR: cannot be executed (126). Texts follow Docker's:
 * `exec: "nope": executable file not found in $PATH`.
 */
int crl_rt_start(struct crl_rt *rt, struct crl_err *err);

/*
 * Another process takes the place of the one that waits in what crl_rt_create() built (a restore
 * from a checkpoint, in the same cgroup): that one is killed and reaped, and `pid` with `pidfd`
 * (taken), a child of the caller, counts as started.
 */
void crl_rt_replace(struct crl_rt *rt, pid_t pid, int pidfd);

/* 127, 126 or 125 for an error of create/start/exec, by docker's rules. */
int crl_rt_exit_code_of(const struct crl_err *err);

/* Kills what is left in the cgroup, removes the cgroup, frees rt (NULL allowed). */
void crl_rt_destroy(struct crl_rt *rt);
/* Frees the memory and descriptors only: the container lives on. */
void crl_rt_free(struct crl_rt *rt);

/*
 * The container's seccomp filter as compiled by crl_rt_create(), for execs: a
 * tenth of the profile's memory and nothing to hash or read. *ret is NULL when
 * the container is unconfined. Once; the caller frees it.
 */
struct crl_seccomp;
int crl_rt_take_seccomp(struct crl_rt *rt, struct crl_seccomp **ret, struct crl_err *err);
void crl_seccomp_free(struct crl_seccomp *s); /* NULL allowed */

/* --- a further process in a running container --- */
struct crl_rt_exec_options {
	int target_pidfd; /* the container's init */
	pid_t target_pid;
	const char *cgroup_path; /* as crl_rt_cgroup_path(); NULL = none */
	const struct oci_process *process;
	const struct oci_linux_seccomp *seccomp; /* NULL = unconfined, or see filter */
	const struct crl_seccomp *filter;        /* in place of `seccomp`; borrowed */
	const char *user;                        /* as in crl_rt_options */
	char *const *group_add;
	int stdio[3];
	int *ret_pty_master;
	const char *cache_dir;
	int preserve_fds;
};
void crl_rt_exec_options_init(struct crl_rt_exec_options *o);
/* Returns once execve succeeded or failed (errors as crl_rt_start). The caller reaps the child. */
int crl_rt_exec(const struct crl_rt_exec_options *o, pid_t *ret_pid, int *ret_pidfd,
		struct crl_err *err);

/*
 * Who a Docker user string ("", "name", "uid:gid") is below `root_fd`, and its
 * home; for callers that let another runtime make the process. `ret` as in
 * config.json (additional_gids is the caller's), *ret_home may be NULL.
 */
int crl_rt_user(int root_fd, const char *user, char *const *group_add, struct oci_user *ret,
		char **ret_home, struct crl_err *err);
/* What an empty volume takes over from the folder it will cover: owner, mode, content. Both are
 * directories. */
int crl_rt_copy_up(int from, int volume_fd, struct crl_err *err);

/* --- cgroups (v2; on hybrid hosts the unified hierarchy with what it offers) --- */
/* Mount point of the cgroup2 hierarchy ("/sys/fs/cgroup" or ".../unified"), or NULL when there is
 * none. Static storage. */
const char *crl_cgroup_root(void);
/* Whether a controller ("memory", "cpu", "pids", "io", "cpuset") can be had in the cgroup2
 * hierarchy. */
bool crl_cgroup_has(const char *controller);
/* Kills everything below the cgroup and removes it (cgroup.kill, then rmdir with retries up to 2
 * s). Missing = success. */
int crl_cgroup_remove(const char *path, struct crl_err *err);
int crl_cgroup_freeze(const char *path, bool freeze, struct crl_err *err);
/* Applies linux.resources to an existing cgroup (docker update); warnings as in create. */
int crl_cgroup_apply(const char *path, const struct oci_linux_resources *r, char ***warnings,
		     struct crl_err *err);

/* --- the default policy, also used by the daemon when it writes config.json --- */
/* Docker's fourteen capabilities, "CAP_"-prefixed, NULL-terminated. Static storage. */
extern const char *const crl_default_capabilities[];
/* All capabilities the running kernel knows. Static storage. */
const char *const *crl_all_capabilities(void);
/* Masked and read-only paths, NULL-terminated. */
#define CRL_CPU_DIR "/sys/devices/system/cpu"
/*
 * The masked paths of this host: the list below, and thermal_throttle of each processor found in
 * `cpus` (CRL_CPU_DIR; tests name another). The caller frees it with strv_free; NULL = no memory.
 */
char **crl_masked_paths(const char *cpus);
extern const char *const crl_default_masked_paths[];
extern const char *const crl_default_readonly_paths[];
/*
 * Docker's default seccomp allow-list for a process with `caps`, in OCI form,
 * freshly allocated (json_free with oci_seccomp_json, then free).
 */
int crl_seccomp_default(char *const *caps, struct oci_linux_seccomp **ret, struct crl_err *err);

#endif
