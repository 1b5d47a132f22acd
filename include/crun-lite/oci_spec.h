/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * config.json of the OCI runtime specification (1.3) as C structs. The JSON
 * tables are in runtime/spec.c. Names follow the specification; `oci_` in
 * front. Optional numbers are opt_*; absent objects are NULL pointers.
 */
#ifndef CRUN_LITE_OCI_SPEC_H
#define CRUN_LITE_OCI_SPEC_H

#include <base/json.h>

struct oci_id_mapping {
	uint32_t container_id, host_id, size;
};
struct oci_box {
	uint32_t height, width;
};
struct oci_user {
	uint32_t uid, gid;
	struct opt_u64 umask;
	cJSON *additional_gids; /* array of numbers */
	char *username;
};
struct oci_capabilities {
	char **bounding, **effective, **inheritable, **permitted, **ambient;
};
struct oci_rlimit {
	char *type;
	uint64_t hard, soft;
};
struct oci_scheduler {
	char *policy;
	int64_t nice, priority;
	char **flags;
	uint64_t runtime, deadline, period;
};
struct oci_io_priority {
	char *class_;
	int64_t priority;
};
struct oci_cpu_affinity {
	char *initial, *final;
};
struct oci_process {
	bool terminal;
	struct oci_box *console_size;
	struct oci_user user;
	char **args;
	char *command_line;
	char **env;
	char *cwd;
	struct oci_capabilities *capabilities;
	struct oci_rlimit *rlimits;
	size_t n_rlimits;
	bool no_new_privileges;
	char *apparmor_profile;
	struct opt_i64 oom_score_adj;
	struct oci_scheduler *scheduler;
	char *selinux_label;
	struct oci_io_priority *io_priority;
	struct oci_cpu_affinity *exec_cpu_affinity;
};
struct oci_root {
	char *path;
	bool readonly;
};
struct oci_mount {
	char *destination, *type, *source;
	char **options;
	struct oci_id_mapping *uid_mappings, *gid_mappings;
	size_t n_uid_mappings, n_gid_mappings;
};
struct oci_hook {
	char *path;
	char **args, **env;
	struct opt_i64 timeout; /* seconds */
};
struct oci_hooks {
	struct oci_hook *prestart, *create_runtime, *create_container, *start_container, *poststart,
		*poststop;
	size_t n_prestart, n_create_runtime, n_create_container, n_start_container, n_poststart,
		n_poststop;
};
struct oci_namespace {
	char *type; /* pid network ipc uts mount user cgroup time */
	char *path; /* NULL or "" = a new one */
};
struct oci_device {
	char *type, *path;
	int64_t major, minor;
	struct opt_u64 file_mode, uid, gid;
};
struct oci_device_cgroup {
	bool allow;
	char *type;
	struct opt_i64 major, minor;
	char *access;
};
struct oci_memory {
	struct opt_i64 limit, reservation, swap, kernel, kernel_tcp;
	struct opt_u64 swappiness;
	struct opt_bool disable_oom_killer, use_hierarchy, check_before_update;
};
struct oci_cpu {
	struct opt_u64 shares, period, realtime_period, burst;
	struct opt_i64 quota, realtime_runtime, idle;
	char *cpus, *mems;
};
struct oci_pids {
	struct opt_i64 limit; /* -1 = max */
};
struct oci_throttle_device {
	int64_t major, minor;
	uint64_t rate;
};
struct oci_weight_device {
	int64_t major, minor;
	struct opt_u64 weight, leaf_weight;
};
struct oci_block_io {
	struct opt_u64 weight, leaf_weight;
	struct oci_weight_device *weight_device;
	size_t n_weight_device;
	struct oci_throttle_device *throttle_read_bps, *throttle_write_bps, *throttle_read_iops,
		*throttle_write_iops;
	size_t n_throttle_read_bps, n_throttle_write_bps, n_throttle_read_iops,
		n_throttle_write_iops;
};
struct oci_hugepage_limit {
	char *page_size;
	uint64_t limit;
};
struct oci_linux_resources {
	struct oci_device_cgroup *devices;
	size_t n_devices;
	struct oci_memory *memory;
	struct oci_cpu *cpu;
	struct oci_pids *pids;
	struct oci_block_io *block_io;
	struct oci_hugepage_limit *hugepage_limits;
	size_t n_hugepage_limits;
	cJSON *network, *rdma;
	struct strmap unified;
};
struct oci_seccomp_arg {
	uint32_t index;
	uint64_t value, value_two;
	char *op; /* SCMP_CMP_* */
};
struct oci_seccomp_syscall {
	char **names;
	char *action; /* SCMP_ACT_* */
	struct opt_u64 errno_ret;
	struct oci_seccomp_arg *args;
	size_t n_args;
};
struct oci_linux_seccomp {
	char *default_action;
	struct opt_u64 default_errno_ret;
	char **architectures; /* SCMP_ARCH_* */
	char **flags;
	char *listener_path, *listener_metadata;
	struct oci_seccomp_syscall *syscalls;
	size_t n_syscalls;
};
struct oci_time_offset {
	char *key; /* "monotonic", "boottime" */
	int64_t secs;
	uint32_t nanosecs;
};
struct oci_linux {
	struct oci_namespace *namespaces;
	size_t n_namespaces;
	struct oci_id_mapping *uid_mappings, *gid_mappings;
	size_t n_uid_mappings, n_gid_mappings;
	struct oci_time_offset *time_offsets;
	size_t n_time_offsets;
	struct oci_device *devices;
	size_t n_devices;
	char *cgroups_path;
	char *rootfs_propagation;
	char **masked_paths, **readonly_paths;
	char *mount_label;
	cJSON *intel_rdt, *personality, *memory_policy, *net_devices;
	struct oci_linux_resources *resources;
	struct oci_linux_seccomp *seccomp;
	struct strmap sysctl;
};
struct oci_spec {
	char *oci_version;
	struct oci_root *root;
	struct oci_process *process;
	char *hostname, *domainname;
	struct oci_mount *mounts;
	size_t n_mounts;
	struct oci_hooks *hooks;
	struct oci_linux *linux_; /* "linux" */
	struct strmap annotations;
};

extern const struct json_table oci_spec_json, oci_process_json, oci_resources_json,
	oci_seccomp_json;

/*
 * What Docker adds to the specification and our monitor needs travels as
 * annotations, so that other runtimes ignore it:
 */
#define OCI_ANNOTATION_INIT                                                                        \
	"org.crun-lite.init" /* "true": informative; the init binary is args[0] */

#endif
