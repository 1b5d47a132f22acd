/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Bodies of the container endpoints of the Engine API as C structs: what
 * POST /containers/create takes, and what inspect gives back of it. Field
 * names and meaning: ContainerConfig, HostConfig, EndpointSettings of the
 * API's schema, version 1.51. The tables are in src/base/api_container.c.
 *
 * Where Docker tells null from [] (MaskedPaths, Entrypoint), null is a NULL
 * pointer and [] a vector without members.
 */
#ifndef CRUN_LITE_API_CONTAINER_H
#define CRUN_LITE_API_CONTAINER_H

#include <base/json.h>

struct api_health_config { /* nanoseconds */
	char **test;
	int64_t interval, timeout, retries, start_period, start_interval;
};

struct api_config {
	char *hostname, *domainname, *user;
	bool attach_stdin, attach_stdout, attach_stderr;
	char **exposed_ports; /* "80/tcp" */
	bool tty, open_stdin, stdin_once;
	char **env;
	char **cmd;
	struct api_health_config *healthcheck;
	bool args_escaped;
	char *image;
	char **volumes;
	char *working_dir;
	char **entrypoint; /* NULL = not given; an empty vector = [] (differs from null) */
	bool network_disabled;
	char *mac_address;
	char **on_build;
	struct strmap labels;
	char *stop_signal;
	struct opt_i64 stop_timeout; /* seconds; -1 = wait for ever */
	char **shell;
};

struct api_log_config {
	char *type;
	struct strmap config;
};
struct api_restart_policy {
	char *name; /* "", no, always, unless-stopped, on-failure */
	int64_t maximum_retry_count;
};
struct api_weight_device {
	char *path;
	int64_t weight;
};
struct api_throttle_device {
	char *path;
	uint64_t rate;
};
struct api_device {
	char *path_on_host, *path_in_container, *cgroup_permissions;
};
struct api_device_request {
	char *driver;
	int64_t count; /* -1 = all */
	char **device_ids;
	cJSON *capabilities; /* [["gpu","compute"],...]: any of the lists will do */
	struct strmap options;
};
struct api_ulimit {
	char *name;
	int64_t soft, hard;
};
struct api_driver_config {
	char *name;
	struct strmap options;
};
struct api_bind_options {
	char *propagation;
	bool non_recursive, create_mountpoint, read_only_non_recursive, read_only_force_recursive;
};
struct api_volume_options {
	bool no_copy;
	struct strmap labels;
	struct api_driver_config *driver_config;
	char *subpath;
};
struct api_tmpfs_options {
	int64_t size_bytes;
	int64_t mode;
	cJSON *options; /* [["key","value"],["flag"]] */
};
struct api_image_options {
	char *subpath;
};
struct api_mount {
	char *type, *source, *target;
	bool read_only;
	char *consistency;
	struct api_bind_options *bind_options;
	struct api_volume_options *volume_options;
	struct api_tmpfs_options *tmpfs_options;
	struct api_image_options *image_options;
	cJSON *cluster_options; /* Swarm's; only known so that it can be refused */
};

/* Limits; also the body of POST /containers/{id}/update. */
struct api_resources {
	int64_t cpu_shares, memory, nano_cpus;
	char *cgroup_parent;
	int64_t blkio_weight;
	struct api_weight_device *blkio_weight_device;
	size_t n_blkio_weight_device;
	struct api_throttle_device *read_bps, *write_bps, *read_iops, *write_iops;
	size_t n_read_bps, n_write_bps, n_read_iops, n_write_iops;
	int64_t cpu_period, cpu_quota, cpu_rt_period, cpu_rt_runtime;
	char *cpuset_cpus, *cpuset_mems;
	struct api_device *devices;
	size_t n_devices;
	char **device_cgroup_rules;
	struct api_device_request *device_requests;
	size_t n_device_requests;
	int64_t kernel_memory_tcp, memory_reservation, memory_swap;
	struct opt_i64 memory_swappiness;
	struct opt_bool oom_kill_disable;
	struct opt_i64 pids_limit;
	struct api_ulimit *ulimits;
	size_t n_ulimits;
	int64_t cpu_count, cpu_percent, io_max_iops, io_max_bandwidth;
};

struct api_host_config {
	struct api_resources res; /* its keys stand in HostConfig itself */
	char **binds;
	char *container_id_file;
	struct api_log_config log_config;
	char *network_mode;
	cJSON *port_bindings; /* {"80/tcp":[{"HostIp","HostPort"}]} */
	struct api_restart_policy restart_policy;
	bool auto_remove;
	char *volume_driver;
	char **volumes_from;
	struct api_mount *mounts;
	size_t n_mounts;
	cJSON *console_size; /* [height, width] */
	struct strmap annotations;
	char **cap_add, **cap_drop;
	char *cgroupns_mode;
	char **dns, **dns_options, **dns_search, **extra_hosts, **group_add;
	char *ipc_mode, *cgroup;
	char **links;
	int64_t oom_score_adj;
	char *pid_mode;
	bool privileged, publish_all_ports, readonly_rootfs;
	char **security_opt;
	struct strmap storage_opt, tmpfs;
	char *uts_mode, *userns_mode;
	int64_t shm_size;
	struct strmap sysctls;
	char *runtime, *isolation;
	char **masked_paths, **readonly_paths; /* NULL = the defaults; empty = none */
	struct opt_bool init;
};

struct api_ipam_config {
	char *ipv4_address, *ipv6_address;
	char **link_local_ips;
};
struct api_endpoint {
	char *key; /* name of the network */
	struct api_ipam_config *ipam_config;
	char **links, **aliases;
	char *mac_address, *network_id;
	struct strmap driver_opts;
	int64_t gw_priority;
};
struct api_networking_config {
	struct api_endpoint *endpoints;
	size_t n_endpoints;
};

/* The bodies of connect and disconnect of a network. */
struct api_network_connect {
	char *container;
	struct api_endpoint *endpoint;
	bool force; /* of disconnect */
};

/* The body of create: the members of Config, HostConfig and NetworkingConfig beside them. */
struct api_create {
	struct api_config config;
	struct api_host_config *host_config;
	struct api_networking_config *networking;
};

struct api_update { /* POST update: limits, and the restart policy */
	struct api_resources res;
	struct api_restart_policy *restart_policy;
};

struct api_exec_create {
	bool attach_stdin, attach_stdout, attach_stderr, tty, privileged;
	char *detach_keys, *user, *working_dir;
	char **env, **cmd;
	cJSON *console_size;
};
struct api_exec_start {
	bool detach, tty;
	cJSON *console_size;
};

extern const struct json_table api_config_json, api_host_config_json, api_networking_config_json,
	api_network_connect_json, api_create_json, api_update_json, api_exec_create_json,
	api_exec_start_json;

#endif
