/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The JSON tables of config.json (OCI runtime specification 1.3). One row per
 * field, in the order of the specification. Nothing here judges values: that
 * is done where they are used. Keys of other platforms (windows, vm, zos ...)
 * are not in the tables and therefore ignored.
 */
#include <crun-lite/oci_spec.h>

#define OMIT JSON_OMIT_EMPTY
#define MUST JSON_REQUIRED

static const struct json_field id_mapping_fields[] = {
	JSON_U32(struct oci_id_mapping, container_id, "containerID", MUST),
	JSON_U32(struct oci_id_mapping, host_id, "hostID", MUST),
	JSON_U32(struct oci_id_mapping, size, "size", MUST),
};
static const struct json_table id_mapping_json =
	JSON_TABLE("IDMapping", struct oci_id_mapping, id_mapping_fields);

static const struct json_field box_fields[] = {
	JSON_U32(struct oci_box, height, "height", MUST),
	JSON_U32(struct oci_box, width, "width", MUST),
};
static const struct json_table box_json = JSON_TABLE("consoleSize", struct oci_box, box_fields);

static const struct json_field user_fields[] = {
	JSON_U32(struct oci_user, uid, "uid", 0),
	JSON_U32(struct oci_user, gid, "gid", 0),
	JSON_OPT_U64(struct oci_user, umask, "umask", OMIT),
	JSON_RAW(struct oci_user, additional_gids, "additionalGids", OMIT),
	JSON_STR(struct oci_user, username, "username", OMIT),
};
static const struct json_table user_json = JSON_TABLE("user", struct oci_user, user_fields);

static const struct json_field capabilities_fields[] = {
	JSON_STRV(struct oci_capabilities, bounding, "bounding", OMIT),
	JSON_STRV(struct oci_capabilities, effective, "effective", OMIT),
	JSON_STRV(struct oci_capabilities, inheritable, "inheritable", OMIT),
	JSON_STRV(struct oci_capabilities, permitted, "permitted", OMIT),
	JSON_STRV(struct oci_capabilities, ambient, "ambient", OMIT),
};
static const struct json_table capabilities_json =
	JSON_TABLE("capabilities", struct oci_capabilities, capabilities_fields);

static const struct json_field rlimit_fields[] = {
	JSON_STR(struct oci_rlimit, type, "type", MUST),
	JSON_U64(struct oci_rlimit, hard, "hard", MUST),
	JSON_U64(struct oci_rlimit, soft, "soft", MUST),
};
static const struct json_table rlimit_json = JSON_TABLE("rlimit", struct oci_rlimit, rlimit_fields);

static const struct json_field scheduler_fields[] = {
	JSON_STR(struct oci_scheduler, policy, "policy", MUST),
	JSON_I64(struct oci_scheduler, nice, "nice", OMIT),
	JSON_I64(struct oci_scheduler, priority, "priority", OMIT),
	JSON_STRV(struct oci_scheduler, flags, "flags", OMIT),
	JSON_U64(struct oci_scheduler, runtime, "runtime", OMIT),
	JSON_U64(struct oci_scheduler, deadline, "deadline", OMIT),
	JSON_U64(struct oci_scheduler, period, "period", OMIT),
};
static const struct json_table scheduler_json =
	JSON_TABLE("scheduler", struct oci_scheduler, scheduler_fields);

static const struct json_field io_priority_fields[] = {
	JSON_STR(struct oci_io_priority, class_, "class", MUST),
	JSON_I64(struct oci_io_priority, priority, "priority", 0),
};
static const struct json_table io_priority_json =
	JSON_TABLE("ioPriority", struct oci_io_priority, io_priority_fields);

static const struct json_field cpu_affinity_fields[] = {
	JSON_STR(struct oci_cpu_affinity, initial, "initial", OMIT),
	JSON_STR(struct oci_cpu_affinity, final, "final", OMIT),
};
static const struct json_table cpu_affinity_json =
	JSON_TABLE("execCPUAffinity", struct oci_cpu_affinity, cpu_affinity_fields);

static const struct json_field process_fields[] = {
	JSON_BOOL(struct oci_process, terminal, "terminal", OMIT),
	JSON_OBJP(struct oci_process, console_size, "consoleSize", OMIT, &box_json),
	JSON_OBJ(struct oci_process, user, "user", 0, &user_json),
	JSON_STRV(struct oci_process, args, "args", OMIT),
	JSON_STR(struct oci_process, command_line, "commandLine", OMIT),
	JSON_STRV(struct oci_process, env, "env", OMIT),
	JSON_STR(struct oci_process, cwd, "cwd", MUST),
	JSON_OBJP(struct oci_process, capabilities, "capabilities", OMIT, &capabilities_json),
	JSON_OBJV(struct oci_process, rlimits, n_rlimits, "rlimits", OMIT, &rlimit_json),
	JSON_BOOL(struct oci_process, no_new_privileges, "noNewPrivileges", OMIT),
	JSON_STR(struct oci_process, apparmor_profile, "apparmorProfile", OMIT),
	JSON_OPT_I64(struct oci_process, oom_score_adj, "oomScoreAdj", OMIT),
	JSON_OBJP(struct oci_process, scheduler, "scheduler", OMIT, &scheduler_json),
	JSON_STR(struct oci_process, selinux_label, "selinuxLabel", OMIT),
	JSON_OBJP(struct oci_process, io_priority, "ioPriority", OMIT, &io_priority_json),
	JSON_OBJP(struct oci_process, exec_cpu_affinity, "execCPUAffinity", OMIT,
		  &cpu_affinity_json),
};
const struct json_table oci_process_json =
	JSON_TABLE("process", struct oci_process, process_fields);

static const struct json_field root_fields[] = {
	JSON_STR(struct oci_root, path, "path", MUST),
	JSON_BOOL(struct oci_root, readonly, "readonly", OMIT),
};
static const struct json_table root_json = JSON_TABLE("root", struct oci_root, root_fields);

static const struct json_field mount_fields[] = {
	JSON_STR(struct oci_mount, destination, "destination", MUST),
	JSON_STR(struct oci_mount, type, "type", OMIT),
	JSON_STR(struct oci_mount, source, "source", OMIT),
	JSON_STRV(struct oci_mount, options, "options", OMIT),
	JSON_OBJV(struct oci_mount, uid_mappings, n_uid_mappings, "uidMappings", OMIT,
		  &id_mapping_json),
	JSON_OBJV(struct oci_mount, gid_mappings, n_gid_mappings, "gidMappings", OMIT,
		  &id_mapping_json),
};
static const struct json_table mount_json = JSON_TABLE("mount", struct oci_mount, mount_fields);

static const struct json_field hook_fields[] = {
	JSON_STR(struct oci_hook, path, "path", MUST),
	JSON_STRV(struct oci_hook, args, "args", OMIT),
	JSON_STRV(struct oci_hook, env, "env", OMIT),
	JSON_OPT_I64(struct oci_hook, timeout, "timeout", OMIT),
};
static const struct json_table hook_json = JSON_TABLE("hook", struct oci_hook, hook_fields);

#define HOOKS(m, key) JSON_OBJV(struct oci_hooks, m, n_##m, key, OMIT, &hook_json)
static const struct json_field hooks_fields[] = {
	HOOKS(prestart, "prestart"),
	HOOKS(create_runtime, "createRuntime"),
	HOOKS(create_container, "createContainer"),
	HOOKS(start_container, "startContainer"),
	HOOKS(poststart, "poststart"),
	HOOKS(poststop, "poststop"),
};
static const struct json_table hooks_json = JSON_TABLE("hooks", struct oci_hooks, hooks_fields);

static const struct json_field namespace_fields[] = {
	JSON_STR(struct oci_namespace, type, "type", MUST),
	JSON_STR(struct oci_namespace, path, "path", OMIT),
};
static const struct json_table namespace_json =
	JSON_TABLE("namespace", struct oci_namespace, namespace_fields);

static const struct json_field device_fields[] = {
	JSON_STR(struct oci_device, type, "type", MUST),
	JSON_STR(struct oci_device, path, "path", MUST),
	JSON_I64(struct oci_device, major, "major", 0),
	JSON_I64(struct oci_device, minor, "minor", 0),
	JSON_OPT_U64(struct oci_device, file_mode, "fileMode", OMIT),
	JSON_OPT_U64(struct oci_device, uid, "uid", OMIT),
	JSON_OPT_U64(struct oci_device, gid, "gid", OMIT),
};
static const struct json_table device_json = JSON_TABLE("device", struct oci_device, device_fields);

static const struct json_field device_cgroup_fields[] = {
	JSON_BOOL(struct oci_device_cgroup, allow, "allow", MUST),
	JSON_STR(struct oci_device_cgroup, type, "type", OMIT),
	JSON_OPT_I64(struct oci_device_cgroup, major, "major", OMIT),
	JSON_OPT_I64(struct oci_device_cgroup, minor, "minor", OMIT),
	JSON_STR(struct oci_device_cgroup, access, "access", OMIT),
};
static const struct json_table device_cgroup_json =
	JSON_TABLE("resources.devices", struct oci_device_cgroup, device_cgroup_fields);

static const struct json_field memory_fields[] = {
	JSON_OPT_I64(struct oci_memory, limit, "limit", OMIT),
	JSON_OPT_I64(struct oci_memory, reservation, "reservation", OMIT),
	JSON_OPT_I64(struct oci_memory, swap, "swap", OMIT),
	JSON_OPT_I64(struct oci_memory, kernel, "kernel", OMIT),
	JSON_OPT_I64(struct oci_memory, kernel_tcp, "kernelTCP", OMIT),
	JSON_OPT_U64(struct oci_memory, swappiness, "swappiness", OMIT),
	JSON_OPT_BOOL(struct oci_memory, disable_oom_killer, "disableOOMKiller", OMIT),
	JSON_OPT_BOOL(struct oci_memory, use_hierarchy, "useHierarchy", OMIT),
	JSON_OPT_BOOL(struct oci_memory, check_before_update, "checkBeforeUpdate", OMIT),
};
static const struct json_table memory_json = JSON_TABLE("memory", struct oci_memory, memory_fields);

static const struct json_field cpu_fields[] = {
	JSON_OPT_U64(struct oci_cpu, shares, "shares", OMIT),
	JSON_OPT_U64(struct oci_cpu, period, "period", OMIT),
	JSON_OPT_U64(struct oci_cpu, realtime_period, "realtimePeriod", OMIT),
	JSON_OPT_U64(struct oci_cpu, burst, "burst", OMIT),
	JSON_OPT_I64(struct oci_cpu, quota, "quota", OMIT),
	JSON_OPT_I64(struct oci_cpu, realtime_runtime, "realtimeRuntime", OMIT),
	JSON_OPT_I64(struct oci_cpu, idle, "idle", OMIT),
	JSON_STR(struct oci_cpu, cpus, "cpus", OMIT),
	JSON_STR(struct oci_cpu, mems, "mems", OMIT),
};
static const struct json_table cpu_json = JSON_TABLE("cpu", struct oci_cpu, cpu_fields);

static const struct json_field pids_fields[] = {
	JSON_OPT_I64(struct oci_pids, limit, "limit", OMIT),
};
static const struct json_table pids_json = JSON_TABLE("pids", struct oci_pids, pids_fields);

static const struct json_field throttle_device_fields[] = {
	JSON_I64(struct oci_throttle_device, major, "major", MUST),
	JSON_I64(struct oci_throttle_device, minor, "minor", MUST),
	JSON_U64(struct oci_throttle_device, rate, "rate", 0),
};
static const struct json_table throttle_device_json =
	JSON_TABLE("blockIODeviceThrottle", struct oci_throttle_device, throttle_device_fields);

static const struct json_field weight_device_fields[] = {
	JSON_I64(struct oci_weight_device, major, "major", MUST),
	JSON_I64(struct oci_weight_device, minor, "minor", MUST),
	JSON_OPT_U64(struct oci_weight_device, weight, "weight", OMIT),
	JSON_OPT_U64(struct oci_weight_device, leaf_weight, "leafWeight", OMIT),
};
static const struct json_table weight_device_json =
	JSON_TABLE("blockIODeviceWeight", struct oci_weight_device, weight_device_fields);

#define THROTTLE(m, key) JSON_OBJV(struct oci_block_io, m, n_##m, key, OMIT, &throttle_device_json)
static const struct json_field block_io_fields[] = {
	JSON_OPT_U64(struct oci_block_io, weight, "weight", OMIT),
	JSON_OPT_U64(struct oci_block_io, leaf_weight, "leafWeight", OMIT),
	JSON_OBJV(struct oci_block_io, weight_device, n_weight_device, "weightDevice", OMIT,
		  &weight_device_json),
	THROTTLE(throttle_read_bps, "throttleReadBpsDevice"),
	THROTTLE(throttle_write_bps, "throttleWriteBpsDevice"),
	THROTTLE(throttle_read_iops, "throttleReadIOPSDevice"),
	THROTTLE(throttle_write_iops, "throttleWriteIOPSDevice"),
};
static const struct json_table block_io_json =
	JSON_TABLE("blockIO", struct oci_block_io, block_io_fields);

static const struct json_field hugepage_limit_fields[] = {
	JSON_STR(struct oci_hugepage_limit, page_size, "pageSize", MUST),
	JSON_U64(struct oci_hugepage_limit, limit, "limit", MUST),
};
static const struct json_table hugepage_limit_json =
	JSON_TABLE("hugepageLimits", struct oci_hugepage_limit, hugepage_limit_fields);

static const struct json_field resources_fields[] = {
	JSON_OBJV(struct oci_linux_resources, devices, n_devices, "devices", OMIT,
		  &device_cgroup_json),
	JSON_OBJP(struct oci_linux_resources, memory, "memory", OMIT, &memory_json),
	JSON_OBJP(struct oci_linux_resources, cpu, "cpu", OMIT, &cpu_json),
	JSON_OBJP(struct oci_linux_resources, pids, "pids", OMIT, &pids_json),
	JSON_OBJP(struct oci_linux_resources, block_io, "blockIO", OMIT, &block_io_json),
	JSON_OBJV(struct oci_linux_resources, hugepage_limits, n_hugepage_limits, "hugepageLimits",
		  OMIT, &hugepage_limit_json),
	JSON_RAW(struct oci_linux_resources, network, "network", OMIT),
	JSON_RAW(struct oci_linux_resources, rdma, "rdma", OMIT),
	JSON_STRMAP(struct oci_linux_resources, unified, "unified", OMIT),
};
const struct json_table oci_resources_json =
	JSON_TABLE("resources", struct oci_linux_resources, resources_fields);

static const struct json_field seccomp_arg_fields[] = {
	JSON_U32(struct oci_seccomp_arg, index, "index", MUST),
	JSON_U64(struct oci_seccomp_arg, value, "value", MUST),
	JSON_U64(struct oci_seccomp_arg, value_two, "valueTwo", OMIT),
	JSON_STR(struct oci_seccomp_arg, op, "op", MUST),
};
static const struct json_table seccomp_arg_json =
	JSON_TABLE("seccomp.args", struct oci_seccomp_arg, seccomp_arg_fields);

static const struct json_field seccomp_syscall_fields[] = {
	JSON_STRV(struct oci_seccomp_syscall, names, "names", MUST),
	JSON_STR(struct oci_seccomp_syscall, action, "action", MUST),
	JSON_OPT_U64(struct oci_seccomp_syscall, errno_ret, "errnoRet", OMIT),
	JSON_OBJV(struct oci_seccomp_syscall, args, n_args, "args", OMIT, &seccomp_arg_json),
};
static const struct json_table seccomp_syscall_json =
	JSON_TABLE("seccomp.syscalls", struct oci_seccomp_syscall, seccomp_syscall_fields);

static const struct json_field seccomp_fields[] = {
	JSON_STR(struct oci_linux_seccomp, default_action, "defaultAction", MUST),
	JSON_OPT_U64(struct oci_linux_seccomp, default_errno_ret, "defaultErrnoRet", OMIT),
	JSON_STRV(struct oci_linux_seccomp, architectures, "architectures", OMIT),
	JSON_STRV(struct oci_linux_seccomp, flags, "flags", OMIT),
	JSON_STR(struct oci_linux_seccomp, listener_path, "listenerPath", OMIT),
	JSON_STR(struct oci_linux_seccomp, listener_metadata, "listenerMetadata", OMIT),
	JSON_OBJV(struct oci_linux_seccomp, syscalls, n_syscalls, "syscalls", OMIT,
		  &seccomp_syscall_json),
};
const struct json_table oci_seccomp_json =
	JSON_TABLE("seccomp", struct oci_linux_seccomp, seccomp_fields);

static const struct json_field time_offset_fields[] = {
	JSON_I64(struct oci_time_offset, secs, "secs", 0),
	JSON_U32(struct oci_time_offset, nanosecs, "nanosecs", 0),
};
static const struct json_table time_offset_json =
	JSON_TABLE("timeOffsets", struct oci_time_offset, time_offset_fields);

static const struct json_field linux_fields[] = {
	JSON_OBJV(struct oci_linux, namespaces, n_namespaces, "namespaces", OMIT, &namespace_json),
	JSON_OBJV(struct oci_linux, uid_mappings, n_uid_mappings, "uidMappings", OMIT,
		  &id_mapping_json),
	JSON_OBJV(struct oci_linux, gid_mappings, n_gid_mappings, "gidMappings", OMIT,
		  &id_mapping_json),
	JSON_OBJMAP(struct oci_linux, time_offsets, n_time_offsets, "timeOffsets", OMIT,
		    &time_offset_json),
	JSON_OBJV(struct oci_linux, devices, n_devices, "devices", OMIT, &device_json),
	JSON_STR(struct oci_linux, cgroups_path, "cgroupsPath", OMIT),
	JSON_STR(struct oci_linux, rootfs_propagation, "rootfsPropagation", OMIT),
	JSON_STRV(struct oci_linux, masked_paths, "maskedPaths", OMIT),
	JSON_STRV(struct oci_linux, readonly_paths, "readonlyPaths", OMIT),
	JSON_STR(struct oci_linux, mount_label, "mountLabel", OMIT),
	JSON_RAW(struct oci_linux, intel_rdt, "intelRdt", OMIT),
	JSON_RAW(struct oci_linux, personality, "personality", OMIT),
	JSON_RAW(struct oci_linux, memory_policy, "memoryPolicy", OMIT),
	JSON_RAW(struct oci_linux, net_devices, "netDevices", OMIT),
	JSON_OBJP(struct oci_linux, resources, "resources", OMIT, &oci_resources_json),
	JSON_OBJP(struct oci_linux, seccomp, "seccomp", OMIT, &oci_seccomp_json),
	JSON_STRMAP(struct oci_linux, sysctl, "sysctl", OMIT),
};
static const struct json_table linux_json = JSON_TABLE("linux", struct oci_linux, linux_fields);

static const struct json_field spec_fields[] = {
	JSON_STR(struct oci_spec, oci_version, "ociVersion", MUST),
	JSON_OBJP(struct oci_spec, root, "root", OMIT, &root_json),
	JSON_OBJP(struct oci_spec, process, "process", OMIT, &oci_process_json),
	JSON_STR(struct oci_spec, hostname, "hostname", OMIT),
	JSON_STR(struct oci_spec, domainname, "domainname", OMIT),
	JSON_OBJV(struct oci_spec, mounts, n_mounts, "mounts", OMIT, &mount_json),
	JSON_OBJP(struct oci_spec, hooks, "hooks", OMIT, &hooks_json),
	JSON_OBJP(struct oci_spec, linux_, "linux", OMIT, &linux_json),
	JSON_STRMAP(struct oci_spec, annotations, "annotations", OMIT),
};
const struct json_table oci_spec_json = JSON_TABLE("config.json", struct oci_spec, spec_fields);
