/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Options of `run` and `create`: the table of what is accepted and the table
 * of where each value goes in the API body.
 */
#include <cli/create.h>

#include <cli/commands.h>
#include <cli/session.h>

/* clang-format off */
#define COMMON_OPTS \
	{'a', "attach", OPT_LIST, "list", "Attach to stdin, stdout or stderr"}, \
	{0, "add-host", OPT_LIST, "list", "Add a line to /etc/hosts (host:ip)"}, \
	{0, "annotation", OPT_LIST, "map", "Add an annotation for the OCI runtime"}, \
	{0, "blkio-weight", OPT_INT, "uint16", "Relative block IO weight, 10 to 1000, 0 = off"}, \
	{0, "blkio-weight-device", OPT_LIST, "list", "Relative block IO weight of one device"}, \
	{0, "cap-add", OPT_LIST, "list", "Add Linux capabilities"}, \
	{0, "cap-drop", OPT_LIST, "list", "Drop Linux capabilities"}, \
	{0, "cgroup-parent", OPT_STR, "string", "Parent cgroup of the container"}, \
	{0, "cgroupns", OPT_STR, "string", "Cgroup namespace: host or private"}, \
	{0, "cidfile", OPT_STR, "string", "Write the container's ID to this file"}, \
	{0, "cpu-count", OPT_INT, "int", "Number of CPUs (Windows only)"}, \
	{0, "cpu-percent", OPT_INT, "int", "Share of the CPUs (Windows only)"}, \
	{0, "cpu-period", OPT_INT, "int", "Length of a CPU quota period in microseconds"}, \
	{0, "cpu-quota", OPT_INT, "int", "CPU time per period in microseconds"}, \
	{0, "cpu-rt-period", OPT_INT, "int", "Real-time CPU period in microseconds"}, \
	{0, "cpu-rt-runtime", OPT_INT, "int", "Real-time CPU time per period in microseconds"}, \
	{'c', "cpu-shares", OPT_INT, "int", "Relative CPU weight"}, \
	{0, "cpus", OPT_STR, "decimal", "Number of CPUs, such as 1.5"}, \
	{0, "cpuset-cpus", OPT_STR, "string", "CPUs to run on (0-3, 0,1)"}, \
	{0, "cpuset-mems", OPT_STR, "string", "Memory nodes to use (0-3, 0,1)"}, \
	{0, "device", OPT_LIST, "list", "Make a device available: a path, or a name such as vendor.com/class=name"}, \
	{0, "device-cgroup-rule", OPT_LIST, "list", "Add a rule to the list of allowed devices"}, \
	{0, "device-read-bps", OPT_LIST, "list", "Limit reading from a device, bytes per second"}, \
	{0, "device-read-iops", OPT_LIST, "list", "Limit reading from a device, operations per second"}, \
	{0, "device-write-bps", OPT_LIST, "list", "Limit writing to a device, bytes per second"}, \
	{0, "device-write-iops", OPT_LIST, "list", "Limit writing to a device, operations per second"}, \
	{0, "disable-content-trust", OPT_BOOL, NULL, "Skip the verification of signatures; nothing is verified", "true"}, \
	{0, "dns", OPT_LIST, "list", "DNS servers"}, \
	{0, "dns-option", OPT_LIST, "list", "Options of the resolver"}, \
	{0, "dns-opt", OPT_LIST, "list", NULL, NULL, "dns-option"}, \
	{0, "dns-search", OPT_LIST, "list", "DNS search domains"}, \
	{0, "domainname", OPT_STR, "string", "NIS domain name of the container"}, \
	{0, "entrypoint", OPT_STR, "string", "Program to run instead of the image's ENTRYPOINT"}, \
	{'e', "env", OPT_LIST, "list", "Set environment variables"}, \
	{0, "env-file", OPT_LIST, "list", "Read environment variables from a file"}, \
	{0, "expose", OPT_LIST, "list", "Expose a port or a range of ports"}, \
	{0, "gpus", OPT_STR, "gpu-request", "GPU devices to add (all, a number, \"device=0,1\")"}, \
	{0, "group-add", OPT_LIST, "list", "Further groups of the process"}, \
	{0, "health-cmd", OPT_STR, "string", "Command that checks the container's health"}, \
	{0, "health-interval", OPT_STR, "duration", "Time between two checks (ms|s|m|h)"}, \
	{0, "health-retries", OPT_INT, "int", "Failures in a row that make it unhealthy"}, \
	{0, "health-start-interval", OPT_STR, "duration", "Time between checks in the start period"}, \
	{0, "health-start-period", OPT_STR, "duration", "Time in which failures do not count"}, \
	{0, "health-timeout", OPT_STR, "duration", "Longest time one check may take"}, \
	{'h', "hostname", OPT_STR, "string", "Host name of the container"}, \
	{0, "init", OPT_BOOL, NULL, "Run an init that forwards signals and reaps processes"}, \
	{'i', "interactive", OPT_BOOL, NULL, "Keep stdin open even if not attached"}, \
	{0, "io-maxbandwidth", OPT_STR, "bytes", "Limit of I/O bandwidth (Windows only)"}, \
	{0, "io-maxiops", OPT_INT, "uint", "Limit of I/O operations (Windows only)"}, \
	{0, "ip", OPT_STR, "string", "IPv4 address (172.30.100.104)"}, \
	{0, "ip6", OPT_STR, "string", "IPv6 address (2001:db8::33)"}, \
	{0, "ipc", OPT_STR, "string", "IPC namespace to use"}, \
	{0, "isolation", OPT_STR, "string", "Isolation technology; default is the only one"}, \
	{0, "kernel-memory", OPT_STR, "bytes", "Limit of kernel memory; kernels have none any more"}, \
	{'l', "label", OPT_LIST, "list", "Set labels"}, \
	{0, "label-file", OPT_LIST, "list", "Read labels from a file, one a line"}, \
	{0, "link", OPT_LIST, "list", "Link to another container"}, \
	{0, "link-local-ip", OPT_LIST, "list", "Link-local addresses"}, \
	{0, "log-driver", OPT_STR, "string", "Logging driver"}, \
	{0, "log-opt", OPT_LIST, "list", "Options of the logging driver"}, \
	{0, "mac-address", OPT_STR, "string", "MAC address (92:d0:c6:0a:29:33)"}, \
	{'m', "memory", OPT_STR, "bytes", "Memory limit"}, \
	{0, "memory-reservation", OPT_STR, "bytes", "Memory soft limit"}, \
	{0, "memory-swap", OPT_STR, "bytes", "Limit of memory and swap together, -1 = unlimited swap"}, \
	{0, "memory-swappiness", OPT_INT, "int", "Swappiness, 0 to 100"}, \
	{0, "mount", OPT_LIST, "mount", "Mount a bind, volume or tmpfs (type=...,source=...,target=...)"}, \
	{0, "name", OPT_STR, "string", "Name of the container"}, \
	{0, "network", OPT_LIST, "network", "Network to connect to"}, \
	{0, "net", OPT_LIST, "network", NULL, NULL, "network"}, \
	{0, "network-alias", OPT_LIST, "list", "Further names in the network"}, \
	{0, "net-alias", OPT_LIST, "list", NULL, NULL, "network-alias"}, \
	{0, "no-healthcheck", OPT_BOOL, NULL, "Disable the image's HEALTHCHECK"}, \
	{0, "oom-kill-disable", OPT_BOOL, NULL, "Disable the OOM killer"}, \
	{0, "oom-score-adj", OPT_INT, "int", "OOM preference, -1000 to 1000"}, \
	{0, "pid", OPT_STR, "string", "PID namespace to use"}, \
	{0, "pids-limit", OPT_INT, "int", "Greatest number of processes, -1 = unlimited"}, \
	{0, "platform", OPT_STR, "string", "Platform of the image (os/arch)"}, \
	{0, "privileged", OPT_BOOL, NULL, "Give all privileges to the container"}, \
	{'p', "publish", OPT_LIST, "list", "Publish ports on the host ([ip:]host:container[/proto])"}, \
	{'P', "publish-all", OPT_BOOL, NULL, "Publish all exposed ports to random ports"}, \
	{0, "pull", OPT_STR, "string", "Pull the image: always, missing or never", "missing"}, \
	{'q', "quiet", OPT_BOOL, NULL, "Do not show the progress of a pull"}, \
	{0, "read-only", OPT_BOOL, NULL, "Mount the root file system read-only"}, \
	{0, "restart", OPT_STR, "string", "Restart policy: no, always, unless-stopped, on-failure[:N]"}, \
	{0, "rm", OPT_BOOL, NULL, "Remove the container and its anonymous volumes when it ends"}, \
	{0, "runtime", OPT_STR, "string", "OCI runtime to use"}, \
	{0, "security-opt", OPT_LIST, "list", "Security options (seccomp=, no-new-privileges, ...)"}, \
	{0, "shm-size", OPT_STR, "bytes", "Size of /dev/shm"}, \
	{0, "stop-signal", OPT_STR, "string", "Signal that stops the container"}, \
	{0, "stop-timeout", OPT_INT, "int", "Seconds to wait before it is killed"}, \
	{0, "storage-opt", OPT_LIST, "list", "Options of the storage driver"}, \
	{0, "sysctl", OPT_LIST, "map", "Kernel parameters of the container's namespaces"}, \
	{0, "tmpfs", OPT_LIST, "list", "Mount a tmpfs (path[:options])"}, \
	{'t', "tty", OPT_BOOL, NULL, "Give the process a terminal"}, \
	{0, "ulimit", OPT_LIST, "ulimit", "Resource limits (name=soft[:hard])"}, \
	{0, "use-api-socket", OPT_BOOL, NULL, "Make the daemon's socket available in the container"}, \
	{'u', "user", OPT_STR, "string", "User of the process (name|uid[:group|gid])"}, \
	{0, "userns", OPT_STR, "string", "User namespace to use"}, \
	{0, "uts", OPT_STR, "string", "UTS namespace to use"}, \
	{'v', "volume", OPT_LIST, "list", "Mount a volume or a folder of the host ([source:]target[:options])"}, \
	{0, "volume-driver", OPT_STR, "string", "Driver of the volumes"}, \
	{0, "volumes-from", OPT_LIST, "list", "Mount the volumes of other containers"}, \
	{'w', "workdir", OPT_STR, "string", "Working directory of the process"}
/* clang-format on */

/* `create` knows all but -d, --detach-keys and --sig-proxy. */
static const struct opt_spec create_opts[] = {COMMON_OPTS};

static const struct opt_spec run_opts[] = {
	COMMON_OPTS,
	{'d', "detach", OPT_BOOL, NULL, "Run in the background and print the container's ID"},
	{0, "detach-keys", OPT_STR, "string", "Keys that detach from the container"},
	{0, "sig-proxy", OPT_BOOL, NULL, "Forward signals to the process", "true"},
};
cJSON *create_object(cJSON *parent, const char *key)
{
	cJSON *item = cJSON_GetObjectItemCaseSensitive(parent, key);
	return item ? item : cJSON_AddObjectToObject(parent, key);
}

cJSON *create_array(cJSON *parent, const char *key)
{
	cJSON *item = cJSON_GetObjectItemCaseSensitive(parent, key);
	return item ? item : cJSON_AddArrayToObject(parent, key);
}

void create_set(cJSON *object, const char *key, const char *value)
{
	if (cJSON_GetObjectItemCaseSensitive(object, key))
		cJSON_ReplaceItemInObjectCaseSensitive(object, key, cJSON_CreateString(value));
	else
		cJSON_AddStringToObject(object, key, value);
}

/* ---- values that go in as they are ---- */

static int config_str(struct create *c, const char *option, const char *key, struct crl_err *err)
{
	create_set(c->config, key, opt_str(c->o, option));
	return 0;
}

static int config_int(struct create *c, const char *option, const char *key, struct crl_err *err)
{
	json_add_i64(c->config, key, opt_int(c->o, option));
	return 0;
}

static int config_bool(struct create *c, const char *option, const char *key, struct crl_err *err)
{
	cJSON_AddBoolToObject(c->config, key, opt_bool(c->o, option));
	return 0;
}

static int host_str(struct create *c, const char *option, const char *key, struct crl_err *err)
{
	create_set(c->host, key, opt_str(c->o, option));
	return 0;
}

static int host_int(struct create *c, const char *option, const char *key, struct crl_err *err)
{
	json_add_i64(c->host, key, opt_int(c->o, option));
	return 0;
}

static int host_bool(struct create *c, const char *option, const char *key, struct crl_err *err)
{
	cJSON_AddBoolToObject(c->host, key, opt_bool(c->o, option));
	return 0;
}

static int host_list(struct create *c, const char *option, const char *key, struct crl_err *err)
{
	json_add_strv(c->host, key, opt_list(c->o, option), false);
	return 0;
}

static int host_size(struct create *c, const char *option, const char *key, struct crl_err *err)
{
	const char *text = opt_str(c->o, option);
	int64_t bytes = -1;
	if (!str_eq(text, "-1") && str_parse_size(text, &bytes, err) < 0)
		return crl_context(err, "invalid argument \"%s\" for --%s", text, option);
	json_add_i64(c->host, key, bytes);
	return 0;
}

static int entrypoint(struct create *c, const char *option, const char *key, struct crl_err *err)
{
	cJSON *list = create_array(c->config, key);
	cJSON_AddItemToArray(list, cJSON_CreateString(opt_str(c->o, option)));
	return 0;
}

static const struct create_rule rules[] = {
	{"add-host", create_hosts, "ExtraHosts"},
	{"annotation", create_map, "Annotations"},
	{"blkio-weight", host_int, "BlkioWeight"},
	{"blkio-weight-device", create_throttle, "BlkioWeightDevice"},
	{"cap-add", host_list, "CapAdd"},
	{"cap-drop", host_list, "CapDrop"},
	{"cgroup-parent", host_str, "CgroupParent"},
	{"cgroupns", host_str, "CgroupnsMode"},
	{"cpu-count", host_int, "CpuCount"},
	{"cpu-percent", host_int, "CpuPercent"},
	{"cpu-period", host_int, "CpuPeriod"},
	{"cpu-quota", host_int, "CpuQuota"},
	{"cpu-rt-period", host_int, "CpuRealtimePeriod"},
	{"cpu-rt-runtime", host_int, "CpuRealtimeRuntime"},
	{"cpu-shares", host_int, "CpuShares"},
	{"cpus", create_cpus, "NanoCpus"},
	{"cpuset-cpus", host_str, "CpusetCpus"},
	{"cpuset-mems", host_str, "CpusetMems"},
	{"device", create_device, "Devices"},
	{"device-cgroup-rule", host_list, "DeviceCgroupRules"},
	{"device-read-bps", create_throttle, "BlkioDeviceReadBps"},
	{"device-read-iops", create_throttle, "BlkioDeviceReadIOps"},
	{"device-write-bps", create_throttle, "BlkioDeviceWriteBps"},
	{"device-write-iops", create_throttle, "BlkioDeviceWriteIOps"},
	{"dns", host_list, "Dns"},
	{"dns-option", host_list, "DnsOptions"},
	{"dns-search", host_list, "DnsSearch"},
	{"domainname", config_str, "Domainname"},
	{"entrypoint", entrypoint, "Entrypoint"},
	{"env", create_env, "Env"},
	{"env-file", create_env, "Env"},
	{"expose", create_expose, "ExposedPorts"},
	{"gpus", create_gpus, NULL},
	{"group-add", host_list, "GroupAdd"},
	{"health-cmd", create_health, NULL},
	{"health-interval", create_health, "Interval"},
	{"health-retries", create_health, "Retries"},
	{"health-start-interval", create_health, "StartInterval"},
	{"health-start-period", create_health, "StartPeriod"},
	{"health-timeout", create_health, "Timeout"},
	{"hostname", config_str, "Hostname"},
	{"init", host_bool, "Init"},
	{"interactive", config_bool, "OpenStdin"},
	{"io-maxbandwidth", host_size, "IOMaximumBandwidth"},
	{"io-maxiops", host_int, "IOMaximumIOps"},
	{"ipc", host_str, "IpcMode"},
	{"isolation", host_str, "Isolation"},
	{"kernel-memory", host_size, "KernelMemory"},
	{"label", create_labels, "Labels"},
	{"label-file", create_labels, "Labels"},
	{"log-driver", create_log, "Type"},
	{"log-opt", create_log, "Config"},
	{"memory", host_size, "Memory"},
	{"memory-reservation", host_size, "MemoryReservation"},
	{"memory-swap", host_size, "MemorySwap"},
	{"memory-swappiness", host_int, "MemorySwappiness"},
	{"mount", create_mount, "Mounts"},
	{"no-healthcheck", create_health, NULL},
	{"oom-kill-disable", host_bool, "OomKillDisable"},
	{"oom-score-adj", host_int, "OomScoreAdj"},
	{"pid", host_str, "PidMode"},
	{"pids-limit", host_int, "PidsLimit"},
	{"privileged", host_bool, "Privileged"},
	{"publish", create_port, "PortBindings"},
	{"publish-all", host_bool, "PublishAllPorts"},
	{"read-only", host_bool, "ReadonlyRootfs"},
	{"restart", create_restart, "RestartPolicy"},
	{"rm", host_bool, "AutoRemove"},
	{"runtime", host_str, "Runtime"},
	{"security-opt", create_security, "SecurityOpt"},
	{"shm-size", host_size, "ShmSize"},
	{"stop-signal", config_str, "StopSignal"},
	{"stop-timeout", config_int, "StopTimeout"},
	{"storage-opt", create_map, "StorageOpt"},
	{"sysctl", create_map, "Sysctls"},
	{"tmpfs", create_tmpfs, "Tmpfs"},
	{"tty", config_bool, "Tty"},
	{"ulimit", create_ulimit, "Ulimits"},
	{"user", config_str, "User"},
	{"userns", host_str, "UsernsMode"},
	{"uts", host_str, "UTSMode"},
	{"volume", create_volume, "Binds"},
	{"volume-driver", host_str, "VolumeDriver"},
	{"volumes-from", host_list, "VolumesFrom"},
	{"workdir", config_str, "WorkingDir"},
};

static int check_conflicts(const struct opts *o, struct crl_err *err)
{
	const char *restart = opt_str(o, "restart");
	if (opt_bool(o, "rm") && !str_empty(restart) && !str_eq(restart, "no"))
		return crl_fail(err, CRL_INVALID,
				"conflicting options: cannot specify both --restart and --rm");
	if (opt_known(o, "detach") && opt_bool(o, "detach") && opt_set(o, "attach"))
		return crl_fail(err, CRL_INVALID,
				"conflicting options: cannot specify both --attach and --detach");
	return 0;
}

static int apply_rules(struct create *c, struct crl_err *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(rules); i++)
		if (opt_set(c->o, rules[i].option) &&
		    rules[i].apply(c, rules[i].option, rules[i].key, err) < 0)
			return -1;
	return create_network(c, "network", NULL, err);
}

static void set_console_size(struct create *c)
{
	unsigned rows, columns;
	if (!opt_bool(c->o, "tty") || !session_window(&rows, &columns))
		return;
	cJSON *size = create_array(c->host, "ConsoleSize");
	cJSON_AddItemToArray(size, cJSON_CreateNumber(rows));
	cJSON_AddItemToArray(size, cJSON_CreateNumber(columns));
}

int create_body(const struct opts *o, bool attach_stdin, bool attach_stdout, bool attach_stderr,
		cJSON **ret, struct crl_err *err)
{
	_cleanup_cjson_ cJSON *config = cJSON_CreateObject();
	struct create c = {.o = o, .config = config};
	if (check_conflicts(o, err) < 0)
		return -1;
	create_set(config, "Image", o->args[0]);
	if (o->n_args > 1)
		json_add_strv(config, "Cmd", o->args + 1, false);
	cJSON_AddBoolToObject(config, "AttachStdin", attach_stdin);
	cJSON_AddBoolToObject(config, "AttachStdout", attach_stdout);
	cJSON_AddBoolToObject(config, "AttachStderr", attach_stderr);
	cJSON_AddBoolToObject(config, "StdinOnce", attach_stdin && opt_bool(o, "interactive"));
	c.host = create_object(config, "HostConfig");
	c.endpoints = create_object(create_object(config, "NetworkingConfig"), "EndpointsConfig");
	if (!c.host || !c.endpoints)
		return crl_fail_oom(err);
	if (apply_rules(&c, err) < 0)
		return -1;
	set_console_size(&c);
	*ret = take_ptr(config);
	return 0;
}

/* ---- update ---- */

/* Resources and the restart policy; each row is one of COMMON_OPTS, with the same rule. */
static const struct opt_spec update_opts[] = {
	{0, "blkio-weight", OPT_INT, "uint16", "Relative block IO weight, 10 to 1000, 0 = off"},
	{0, "cpu-period", OPT_INT, "int", "Length of a CPU quota period in microseconds"},
	{0, "cpu-quota", OPT_INT, "int", "CPU time per period in microseconds"},
	{0, "cpu-rt-period", OPT_INT, "int", "Real-time CPU period in microseconds"},
	{0, "cpu-rt-runtime", OPT_INT, "int", "Real-time CPU time per period in microseconds"},
	{'c', "cpu-shares", OPT_INT, "int", "Relative CPU weight"},
	{0, "cpus", OPT_STR, "decimal", "Number of CPUs, such as 1.5"},
	{0, "cpuset-cpus", OPT_STR, "string", "CPUs to run on (0-3, 0,1)"},
	{0, "cpuset-mems", OPT_STR, "string", "Memory nodes to use (0-3, 0,1)"},
	{'m', "memory", OPT_STR, "bytes", "Memory limit"},
	{0, "memory-reservation", OPT_STR, "bytes", "Memory soft limit"},
	{0, "memory-swap", OPT_STR, "bytes", "Limit of memory and swap together"},
	{0, "pids-limit", OPT_INT, "int", "Greatest number of processes, -1 = unlimited"},
	{0, "restart", OPT_STR, "string",
	 "Restart policy: no, always, unless-stopped, on-failure[:N]"},
};

/* The body of an update is what HostConfig is in a create. */
static int update_body(const struct opts *o, cJSON **ret, struct crl_err *err)
{
	_cleanup_cjson_ cJSON *host = cJSON_CreateObject();
	struct create c = {.o = o, .host = host};
	for (size_t i = 0; i < ARRAY_SIZE(rules); i++)
		if (opt_known(o, rules[i].option) && opt_set(o, rules[i].option) &&
		    rules[i].apply(&c, rules[i].option, rules[i].key, err) < 0)
			return -1;
	if (!host || !host->child)
		return crl_fail(err, CRL_INVALID,
				"you must provide one or more flags when using this command");
	*ret = take_ptr(host);
	return 0;
}

static int update_one(struct cli *cli, const struct opts *o, const char *name, struct crl_err *err)
{
	_cleanup_cjson_ cJSON *body = NULL;
	_cleanup_cjson_ cJSON *reply = NULL;
	_cleanup_free_ char *path = client_object_path("containers", name, "update");
	if (!path)
		return crl_fail_oom(err);
	if (update_body(o, &body, err) < 0 ||
	    client_json(&cli->client, "POST", path, body, &reply, err) < 0)
		return -1;
	puts(name);
	create_print_warnings(reply);
	return 0;
}

static int update_main(struct cli *cli, const struct opts *o, struct crl_err *err)
{
	return cli_for_each(cli, o, update_one);
}

const struct command cmd_update = {
	.usage = "[OPTIONS] CONTAINER [CONTAINER...]",
	.summary = "Change the limits of containers",
	CLI_OPTS(update_opts),
	.min_args = 1,
	.max_args = CLI_MANY,
	.complete = COMPLETE_CONTAINERS,
	.run = update_main,
};

/* ---- run, create ---- */

const struct command cmd_run = {
	.usage = "[OPTIONS] IMAGE [COMMAND] [ARG...]",
	.summary = "Create a container from an image and run it",
	CLI_OPTS(run_opts),
	.min_args = 1,
	.max_args = CLI_MANY,
	.stop_at_arg = true,
	.engine_exit = true,
	.complete = COMPLETE_IMAGES,
	.run = run_main,
};

const struct command cmd_create = {
	.usage = "[OPTIONS] IMAGE [COMMAND] [ARG...]",
	.summary = "Create a container without starting it",
	CLI_OPTS(create_opts),
	.min_args = 1,
	.max_args = CLI_MANY,
	.stop_at_arg = true,
	.complete = COMPLETE_IMAGES,
	.run = create_main,
};
