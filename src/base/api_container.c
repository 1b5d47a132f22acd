/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * JSON tables of the container bodies of the Engine API. Only rows: what an
 * absent or empty value looks like in inspect follows Docker (nil slices are
 * null where its clients are used to null).
 */
#include <crun-lite/api_container.h>

#define H struct api_health_config
static const struct json_field health_fields[] = {
	JSON_STRV(H, test, "Test", JSON_OMIT_EMPTY | JSON_STR_OR_LIST),
	JSON_I64(H, interval, "Interval", JSON_OMIT_EMPTY),
	JSON_I64(H, timeout, "Timeout", JSON_OMIT_EMPTY),
	JSON_I64(H, retries, "Retries", JSON_OMIT_EMPTY),
	JSON_I64(H, start_period, "StartPeriod", JSON_OMIT_EMPTY),
	JSON_I64(H, start_interval, "StartInterval", JSON_OMIT_EMPTY),
};
static const struct json_table health_json = JSON_TABLE("Healthcheck", H, health_fields);
#undef H

/* The rows of ContainerConfig for the struct `S` in which its members are `P member`. */
#define CONFIG_ROWS(S, P)                                                                          \
	JSON_STR(S, P hostname, "Hostname", 0), JSON_STR(S, P domainname, "Domainname", 0),        \
		JSON_STR(S, P user, "User", 0), JSON_BOOL(S, P attach_stdin, "AttachStdin", 0),    \
		JSON_BOOL(S, P attach_stdout, "AttachStdout", 0),                                  \
		JSON_BOOL(S, P attach_stderr, "AttachStderr", 0),                                  \
		JSON_KEYSET(S, P exposed_ports, "ExposedPorts", JSON_OMIT_EMPTY),                  \
		JSON_BOOL(S, P tty, "Tty", 0), JSON_BOOL(S, P open_stdin, "OpenStdin", 0),         \
		JSON_BOOL(S, P stdin_once, "StdinOnce", 0), JSON_STRV(S, P env, "Env", 0),         \
		JSON_STRV(S, P cmd, "Cmd", JSON_NULL_EMPTY | JSON_STR_OR_LIST),                    \
		JSON_OBJP(S, P healthcheck, "Healthcheck", JSON_OMIT_EMPTY, &health_json),         \
		JSON_BOOL(S, P args_escaped, "ArgsEscaped", JSON_OMIT_EMPTY),                      \
		JSON_STR(S, P image, "Image", 0),                                                  \
		JSON_KEYSET(S, P volumes, "Volumes", JSON_NULL_EMPTY),                             \
		JSON_STR(S, P working_dir, "WorkingDir", 0),                                       \
		JSON_STRV(S, P entrypoint, "Entrypoint", JSON_NULL_EMPTY | JSON_STR_OR_LIST),      \
		JSON_BOOL(S, P network_disabled, "NetworkDisabled", JSON_OMIT_EMPTY),              \
		JSON_STR(S, P mac_address, "MacAddress", JSON_OMIT_EMPTY),                         \
		JSON_STRV(S, P on_build, "OnBuild", JSON_NULL_EMPTY),                              \
		JSON_STRMAP(S, P labels, "Labels", 0),                                             \
		JSON_STR(S, P stop_signal, "StopSignal", JSON_OMIT_EMPTY),                         \
		JSON_OPT_I64(S, P stop_timeout, "StopTimeout", JSON_OMIT_EMPTY),                   \
		JSON_STRV(S, P shell, "Shell", JSON_OMIT_EMPTY)

static const struct json_field config_fields[] = {CONFIG_ROWS(struct api_config, )};
const struct json_table api_config_json = JSON_TABLE("Config", struct api_config, config_fields);

#define L struct api_log_config
static const struct json_field log_fields[] = {
	JSON_STR(L, type, "Type", 0),
	JSON_STRMAP(L, config, "Config", 0),
};
static const struct json_table log_json = JSON_TABLE("LogConfig", L, log_fields);
#undef L

#define R struct api_restart_policy
static const struct json_field restart_fields[] = {
	JSON_STR(R, name, "Name", 0),
	JSON_I64(R, maximum_retry_count, "MaximumRetryCount", 0),
};
static const struct json_table restart_json = JSON_TABLE("RestartPolicy", R, restart_fields);
#undef R

static const struct json_field weight_fields[] = {
	JSON_STR(struct api_weight_device, path, "Path", 0),
	JSON_I64(struct api_weight_device, weight, "Weight", 0),
};
static const struct json_table weight_json =
	JSON_TABLE("WeightDevice", struct api_weight_device, weight_fields);

static const struct json_field throttle_fields[] = {
	JSON_STR(struct api_throttle_device, path, "Path", 0),
	JSON_U64(struct api_throttle_device, rate, "Rate", 0),
};
static const struct json_table throttle_json =
	JSON_TABLE("ThrottleDevice", struct api_throttle_device, throttle_fields);

static const struct json_field device_fields[] = {
	JSON_STR(struct api_device, path_on_host, "PathOnHost", 0),
	JSON_STR(struct api_device, path_in_container, "PathInContainer", 0),
	JSON_STR(struct api_device, cgroup_permissions, "CgroupPermissions", 0),
};
static const struct json_table device_json =
	JSON_TABLE("DeviceMapping", struct api_device, device_fields);

#define D struct api_device_request
static const struct json_field device_request_fields[] = {
	JSON_STR(D, driver, "Driver", 0),
	JSON_I64(D, count, "Count", 0),
	JSON_STRV(D, device_ids, "DeviceIDs", JSON_NULL_EMPTY),
	JSON_RAW(D, capabilities, "Capabilities", 0),
	JSON_STRMAP(D, options, "Options", 0),
};
static const struct json_table device_request_json =
	JSON_TABLE("DeviceRequest", D, device_request_fields);
#undef D

static const struct json_field ulimit_fields[] = {
	JSON_STR(struct api_ulimit, name, "Name", 0),
	JSON_I64(struct api_ulimit, soft, "Soft", 0),
	JSON_I64(struct api_ulimit, hard, "Hard", 0),
};
static const struct json_table ulimit_json = JSON_TABLE("Ulimit", struct api_ulimit, ulimit_fields);

static const struct json_field driver_config_fields[] = {
	JSON_STR(struct api_driver_config, name, "Name", JSON_OMIT_EMPTY),
	JSON_STRMAP(struct api_driver_config, options, "Options", JSON_OMIT_EMPTY),
};
static const struct json_table driver_config_json =
	JSON_TABLE("DriverConfig", struct api_driver_config, driver_config_fields);

#define B struct api_bind_options
static const struct json_field bind_fields[] = {
	JSON_STR(B, propagation, "Propagation", JSON_OMIT_EMPTY),
	JSON_BOOL(B, non_recursive, "NonRecursive", JSON_OMIT_EMPTY),
	JSON_BOOL(B, create_mountpoint, "CreateMountpoint", JSON_OMIT_EMPTY),
	JSON_BOOL(B, read_only_non_recursive, "ReadOnlyNonRecursive", JSON_OMIT_EMPTY),
	JSON_BOOL(B, read_only_force_recursive, "ReadOnlyForceRecursive", JSON_OMIT_EMPTY),
};
static const struct json_table bind_json = JSON_TABLE("BindOptions", B, bind_fields);
#undef B

#define V struct api_volume_options
static const struct json_field volume_fields[] = {
	JSON_BOOL(V, no_copy, "NoCopy", JSON_OMIT_EMPTY),
	JSON_STRMAP(V, labels, "Labels", JSON_OMIT_EMPTY),
	JSON_OBJP(V, driver_config, "DriverConfig", JSON_OMIT_EMPTY, &driver_config_json),
	JSON_STR(V, subpath, "Subpath", JSON_OMIT_EMPTY),
};
static const struct json_table volume_json = JSON_TABLE("VolumeOptions", V, volume_fields);
#undef V

static const struct json_field tmpfs_fields[] = {
	JSON_I64(struct api_tmpfs_options, size_bytes, "SizeBytes", JSON_OMIT_EMPTY),
	JSON_I64(struct api_tmpfs_options, mode, "Mode", JSON_OMIT_EMPTY),
	JSON_RAW(struct api_tmpfs_options, options, "Options", JSON_OMIT_EMPTY),
};
static const struct json_table tmpfs_json =
	JSON_TABLE("TmpfsOptions", struct api_tmpfs_options, tmpfs_fields);

static const struct json_field image_fields[] = {
	JSON_STR(struct api_image_options, subpath, "Subpath", JSON_OMIT_EMPTY),
};
static const struct json_table image_json =
	JSON_TABLE("ImageOptions", struct api_image_options, image_fields);

#define M struct api_mount
static const struct json_field mount_fields[] = {
	JSON_STR(M, type, "Type", JSON_OMIT_EMPTY),
	JSON_STR(M, source, "Source", JSON_OMIT_EMPTY),
	JSON_STR(M, target, "Target", JSON_OMIT_EMPTY),
	JSON_BOOL(M, read_only, "ReadOnly", JSON_OMIT_EMPTY),
	JSON_STR(M, consistency, "Consistency", JSON_OMIT_EMPTY),
	JSON_OBJP(M, bind_options, "BindOptions", JSON_OMIT_EMPTY, &bind_json),
	JSON_OBJP(M, volume_options, "VolumeOptions", JSON_OMIT_EMPTY, &volume_json),
	JSON_OBJP(M, tmpfs_options, "TmpfsOptions", JSON_OMIT_EMPTY, &tmpfs_json),
	JSON_OBJP(M, image_options, "ImageOptions", JSON_OMIT_EMPTY, &image_json),
	JSON_RAW(M, cluster_options, "ClusterOptions", JSON_OMIT_EMPTY),
};
static const struct json_table mount_json = JSON_TABLE("Mount", M, mount_fields);
#undef M

#define RESOURCE_ROWS(S)                                                                           \
	JSON_I64(S, res.cpu_shares, "CpuShares", 0), JSON_I64(S, res.memory, "Memory", 0),         \
		JSON_I64(S, res.nano_cpus, "NanoCpus", 0),                                         \
		JSON_STR(S, res.cgroup_parent, "CgroupParent", 0),                                 \
		JSON_I64(S, res.blkio_weight, "BlkioWeight", 0),                                   \
		JSON_OBJV(S, res.blkio_weight_device, res.n_blkio_weight_device,                   \
			  "BlkioWeightDevice", 0, &weight_json),                                   \
		JSON_OBJV(S, res.read_bps, res.n_read_bps, "BlkioDeviceReadBps", 0,                \
			  &throttle_json),                                                         \
		JSON_OBJV(S, res.write_bps, res.n_write_bps, "BlkioDeviceWriteBps", 0,             \
			  &throttle_json),                                                         \
		JSON_OBJV(S, res.read_iops, res.n_read_iops, "BlkioDeviceReadIOps", 0,             \
			  &throttle_json),                                                         \
		JSON_OBJV(S, res.write_iops, res.n_write_iops, "BlkioDeviceWriteIOps", 0,          \
			  &throttle_json),                                                         \
		JSON_I64(S, res.cpu_period, "CpuPeriod", 0),                                       \
		JSON_I64(S, res.cpu_quota, "CpuQuota", 0),                                         \
		JSON_I64(S, res.cpu_rt_period, "CpuRealtimePeriod", 0),                            \
		JSON_I64(S, res.cpu_rt_runtime, "CpuRealtimeRuntime", 0),                          \
		JSON_STR(S, res.cpuset_cpus, "CpusetCpus", 0),                                     \
		JSON_STR(S, res.cpuset_mems, "CpusetMems", 0),                                     \
		JSON_OBJV(S, res.devices, res.n_devices, "Devices", 0, &device_json),              \
		JSON_STRV(S, res.device_cgroup_rules, "DeviceCgroupRules", JSON_NULL_EMPTY),       \
		JSON_OBJV(S, res.device_requests, res.n_device_requests, "DeviceRequests",         \
			  JSON_NULL_EMPTY, &device_request_json),                                  \
		JSON_I64(S, res.kernel_memory_tcp, "KernelMemoryTCP", JSON_OMIT_EMPTY),            \
		JSON_I64(S, res.memory_reservation, "MemoryReservation", 0),                       \
		JSON_I64(S, res.memory_swap, "MemorySwap", 0),                                     \
		JSON_OPT_I64(S, res.memory_swappiness, "MemorySwappiness", 0),                     \
		JSON_OPT_BOOL(S, res.oom_kill_disable, "OomKillDisable", 0),                       \
		JSON_OPT_I64(S, res.pids_limit, "PidsLimit", 0),                                   \
		JSON_OBJV(S, res.ulimits, res.n_ulimits, "Ulimits", 0, &ulimit_json),              \
		JSON_I64(S, res.cpu_count, "CpuCount", 0),                                         \
		JSON_I64(S, res.cpu_percent, "CpuPercent", 0),                                     \
		JSON_I64(S, res.io_max_iops, "IOMaximumIOps", 0),                                  \
		JSON_I64(S, res.io_max_bandwidth, "IOMaximumBandwidth", 0)

#define C struct api_host_config
static const struct json_field host_config_fields[] = {
	JSON_STRV(C, binds, "Binds", JSON_NULL_EMPTY),
	JSON_STR(C, container_id_file, "ContainerIDFile", 0),
	JSON_OBJ(C, log_config, "LogConfig", 0, &log_json),
	JSON_STR(C, network_mode, "NetworkMode", 0),
	JSON_RAW(C, port_bindings, "PortBindings", 0),
	JSON_OBJ(C, restart_policy, "RestartPolicy", 0, &restart_json),
	JSON_BOOL(C, auto_remove, "AutoRemove", 0),
	JSON_STR(C, volume_driver, "VolumeDriver", 0),
	JSON_STRV(C, volumes_from, "VolumesFrom", JSON_NULL_EMPTY),
	JSON_OBJV(C, mounts, n_mounts, "Mounts", JSON_OMIT_EMPTY, &mount_json),
	JSON_RAW(C, console_size, "ConsoleSize", 0),
	JSON_STRMAP(C, annotations, "Annotations", JSON_OMIT_EMPTY),
	JSON_STRV(C, cap_add, "CapAdd", JSON_NULL_EMPTY),
	JSON_STRV(C, cap_drop, "CapDrop", JSON_NULL_EMPTY),
	JSON_STR(C, cgroupns_mode, "CgroupnsMode", 0),
	JSON_STRV(C, dns, "Dns", 0),
	JSON_STRV(C, dns_options, "DnsOptions", 0),
	JSON_STRV(C, dns_search, "DnsSearch", 0),
	JSON_STRV(C, extra_hosts, "ExtraHosts", JSON_NULL_EMPTY),
	JSON_STRV(C, group_add, "GroupAdd", JSON_NULL_EMPTY),
	JSON_STR(C, ipc_mode, "IpcMode", 0),
	JSON_STR(C, cgroup, "Cgroup", 0),
	JSON_STRV(C, links, "Links", JSON_NULL_EMPTY),
	JSON_I64(C, oom_score_adj, "OomScoreAdj", 0),
	JSON_STR(C, pid_mode, "PidMode", 0),
	JSON_BOOL(C, privileged, "Privileged", 0),
	JSON_BOOL(C, publish_all_ports, "PublishAllPorts", 0),
	JSON_BOOL(C, readonly_rootfs, "ReadonlyRootfs", 0),
	JSON_STRV(C, security_opt, "SecurityOpt", JSON_NULL_EMPTY),
	JSON_STRMAP(C, storage_opt, "StorageOpt", JSON_OMIT_EMPTY),
	JSON_STRMAP(C, tmpfs, "Tmpfs", JSON_OMIT_EMPTY),
	JSON_STR(C, uts_mode, "UTSMode", 0),
	JSON_STR(C, userns_mode, "UsernsMode", 0),
	JSON_I64(C, shm_size, "ShmSize", 0),
	JSON_STRMAP(C, sysctls, "Sysctls", JSON_OMIT_EMPTY),
	JSON_STR(C, runtime, "Runtime", 0),
	JSON_STR(C, isolation, "Isolation", 0),
	JSON_STRV(C, masked_paths, "MaskedPaths", 0),
	JSON_STRV(C, readonly_paths, "ReadonlyPaths", 0),
	JSON_OPT_BOOL(C, init, "Init", JSON_OMIT_EMPTY),
	RESOURCE_ROWS(C),
};
const struct json_table api_host_config_json = JSON_TABLE("HostConfig", C, host_config_fields);
#undef C

static const struct json_field ipam_fields[] = {
	JSON_STR(struct api_ipam_config, ipv4_address, "IPv4Address", JSON_OMIT_EMPTY),
	JSON_STR(struct api_ipam_config, ipv6_address, "IPv6Address", JSON_OMIT_EMPTY),
	JSON_STRV(struct api_ipam_config, link_local_ips, "LinkLocalIPs", JSON_OMIT_EMPTY),
};
static const struct json_table ipam_json =
	JSON_TABLE("IPAMConfig", struct api_ipam_config, ipam_fields);

#define E struct api_endpoint
static const struct json_field endpoint_fields[] = {
	JSON_OBJP(E, ipam_config, "IPAMConfig", 0, &ipam_json),
	JSON_STRV(E, links, "Links", JSON_NULL_EMPTY),
	JSON_STRV(E, aliases, "Aliases", JSON_NULL_EMPTY),
	JSON_STR(E, mac_address, "MacAddress", 0),
	JSON_STR(E, network_id, "NetworkID", 0),
	JSON_STRMAP(E, driver_opts, "DriverOpts", JSON_NULL_EMPTY),
	JSON_I64(E, gw_priority, "GwPriority", 0),
};
static const struct json_table endpoint_json = JSON_TABLE("EndpointSettings", E, endpoint_fields);
#undef E

static const struct json_field networking_fields[] = {
	JSON_OBJMAP(struct api_networking_config, endpoints, n_endpoints, "EndpointsConfig", 0,
		    &endpoint_json),
};
const struct json_table api_networking_config_json =
	JSON_TABLE("NetworkingConfig", struct api_networking_config, networking_fields);

static const struct json_field network_connect_fields[] = {
	JSON_STR(struct api_network_connect, container, "Container", 0),
	JSON_BOOL(struct api_network_connect, force, "Force", 0),
	JSON_OBJP(struct api_network_connect, endpoint, "EndpointConfig", 0, &endpoint_json),
};
const struct json_table api_network_connect_json =
	JSON_TABLE("connect", struct api_network_connect, network_connect_fields);

static const struct json_field create_fields[] = {
	CONFIG_ROWS(struct api_create, config.),
	JSON_OBJP(struct api_create, host_config, "HostConfig", 0, &api_host_config_json),
	JSON_OBJP(struct api_create, networking, "NetworkingConfig", 0,
		  &api_networking_config_json),
};
const struct json_table api_create_json = JSON_TABLE("create", struct api_create, create_fields);

static const struct json_field update_fields[] = {
	RESOURCE_ROWS(struct api_update),
	JSON_OBJP(struct api_update, restart_policy, "RestartPolicy", 0, &restart_json),
};
const struct json_table api_update_json = JSON_TABLE("update", struct api_update, update_fields);

#define X struct api_exec_create
static const struct json_field exec_create_fields[] = {
	JSON_BOOL(X, attach_stdin, "AttachStdin", 0),
	JSON_BOOL(X, attach_stdout, "AttachStdout", 0),
	JSON_BOOL(X, attach_stderr, "AttachStderr", 0),
	JSON_BOOL(X, tty, "Tty", 0),
	JSON_BOOL(X, privileged, "Privileged", 0),
	JSON_STR(X, detach_keys, "DetachKeys", 0),
	JSON_STR(X, user, "User", 0),
	JSON_STR(X, working_dir, "WorkingDir", 0),
	JSON_STRV(X, env, "Env", 0),
	JSON_STRV(X, cmd, "Cmd", JSON_STR_OR_LIST),
	JSON_RAW(X, console_size, "ConsoleSize", 0),
};
const struct json_table api_exec_create_json = JSON_TABLE("exec", X, exec_create_fields);
#undef X

static const struct json_field exec_start_fields[] = {
	JSON_BOOL(struct api_exec_start, detach, "Detach", 0),
	JSON_BOOL(struct api_exec_start, tty, "Tty", 0),
	JSON_RAW(struct api_exec_start, console_size, "ConsoleSize", 0),
};
const struct json_table api_exec_start_json =
	JSON_TABLE("exec start", struct api_exec_start, exec_start_fields);
