// SPDX-License-Identifier: GPL-2.0-or-later
/* GET /info. Nothing is run to find out; a few small files are read. */
#include "api_system.h"
#include "log_opts.h"
#include "containers.h"
#include "daemon.h"
#include "http.h"
#include "images_json.h"
#include "container_devices.h"
#include "runtimes.h"

#include <arpa/inet.h>
#include <base/ident.h>
#include <base/path.h>
#include <config.h>
#include <crun-lite/runtime.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <sys/vfs.h>

/* --- the host --- */

/* PRETTY_NAME of os-release(5). Caller frees. */
static char *os_name(void)
{
	_cleanup_free_ char *text = NULL;
	size_t len;
	char *start, *end;

	if (path_read_file(AT_FDCWD, "/etc/os-release", 64 * 1024, &text, &len, NULL) < 0 ||
	    !(start = strstr(text, "PRETTY_NAME=")))
		return strdup("Linux");
	start += strlen("PRETTY_NAME=");
	start += *start == '"';
	end = start + strcspn(start, "\"\n");
	*end = '\0';
	return strdup(start);
}

static bool cgroup_is_v2(void)
{
	return str_eq(crl_cgroup_root(), "/sys/fs/cgroup");
}

static bool file_is_one(const char *path)
{
	_cleanup_free_ char *text = NULL;
	size_t len;

	return path_read_file(AT_FDCWD, path, 64, &text, &len, NULL) == 0 && text[0] == '1';
}

static void add_host(cJSON *t, int version)
{
	struct utsname u = {0};
	struct sysinfo si = {0};
	_cleanup_free_ char *os = os_name();

	(void)uname(&u);
	(void)sysinfo(&si);
	json_add_str(t, "Name", u.nodename);
	json_add_str(t, "KernelVersion", u.release);
	json_add_str(t, "OperatingSystem", os);
	json_add_str(t, "OSType", "linux");
	json_add_str(t, "OSVersion", "");
	json_add_str(t, "Architecture", u.machine);
	json_add_i64(t, "NCPU", get_nprocs());
	json_add_i64(t, "MemTotal", (int64_t)si.totalram * si.mem_unit);
	cJSON_AddBoolToObject(t, "IPv4Forwarding", file_is_one("/proc/sys/net/ipv4/ip_forward"));
	if (version >= 150)
		return;
	cJSON_AddBoolToObject(t, "BridgeNfIptables",
			      file_is_one("/proc/sys/net/bridge/bridge-nf-call-iptables"));
	cJSON_AddBoolToObject(t, "BridgeNfIp6tables",
			      file_is_one("/proc/sys/net/bridge/bridge-nf-call-ip6tables"));
}

/* --- limits --- */

static void add_limits(cJSON *t, cJSON *warnings)
{
	static const struct {
		const char *key, *controller, *warning;
	} rows[] = {
		{"MemoryLimit", "memory", "WARNING: No memory limit support"},
		{"SwapLimit", "memory", "WARNING: No swap limit support"},
		{"CpuCfsPeriod", "cpu", "WARNING: No cpu cfs period support"},
		{"CpuCfsQuota", "cpu", "WARNING: No cpu cfs quota support"},
		{"CPUShares", "cpu", "WARNING: No cpu shares support"},
		{"CPUSet", "cpuset", "WARNING: No cpuset support"},
		{"PidsLimit", "pids", "WARNING: No pids limit support"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		bool has = crl_cgroup_has(rows[i].controller);

		cJSON_AddBoolToObject(t, rows[i].key, has);
		if (!has)
			cJSON_AddItemToArray(warnings, cJSON_CreateString(rows[i].warning));
	}
	cJSON_AddBoolToObject(t, "OomKillDisable", false);
	json_add_str(t, "CgroupDriver", "cgroupfs");
	json_add_str(t, "CgroupVersion", cgroup_is_v2() ? "2" : "1");
}

/* --- the engine --- */

static cJSON *strings(const char *const *list)
{
	cJSON *array = cJSON_CreateArray();

	for (; *list; list++)
		cJSON_AddItemToArray(array, cJSON_CreateString(*list));
	return array;
}

static void add_plugins(cJSON *t)
{
	static const char *const volume[] = {"local", NULL};
	static const char *const network[] = {"bridge", "host", "null", NULL};
	cJSON *plugins = cJSON_AddObjectToObject(t, "Plugins");

	cJSON_AddItemToObject(plugins, "Volume", strings(volume));
	cJSON_AddItemToObject(plugins, "Network", strings(network));
	cJSON_AddNullToObject(plugins, "Authorization");
	cJSON_AddItemToObject(plugins, "Log", strings(log_drivers));
}

static const char *fs_name(const char *path)
{
	static const struct {
		uint32_t magic;
		const char *name;
	} names[] = {{0xef53, "extfs"},     {0x58465342, "xfs"},       {0x9123683e, "btrfs"},
		     {0x01021994, "tmpfs"}, {0x794c7630, "overlayfs"}, {0xf2f52010, "f2fs"},
		     {0x2fc12fc1, "zfs"}};
	struct statfs st;

	if (statfs(path, &st) < 0)
		return "unknown";
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (names[i].magic == (uint32_t)st.f_type)
			return names[i].name;
	}
	return "unknown";
}

static void add_pair(cJSON *list, const char *key, const char *value)
{
	const char *const pair[] = {key, value, NULL};

	cJSON_AddItemToArray(list, strings(pair));
}

static void add_storage(const struct daemon *d, cJSON *t)
{
	cJSON *status = cJSON_AddArrayToObject(t, "DriverStatus");

	json_add_str(t, "Driver", "overlay2");
	add_pair(status, "Backing Filesystem", fs_name(d->config.data_root));
	add_pair(status, "Supports d_type", "true");
	add_pair(status, "Native Overlay Diff", "true");
	json_add_str(t, "DockerRootDir", d->config.data_root);
}

static void add_counts(struct daemon *d, cJSON *t)
{
	struct containers_counts n = {0};

	containers_count(d, &n);
	json_add_i64(t, "Containers", (int64_t)n.total);
	json_add_i64(t, "ContainersRunning", (int64_t)n.running);
	json_add_i64(t, "ContainersPaused", (int64_t)n.paused);
	json_add_i64(t, "ContainersStopped", (int64_t)n.stopped);
	json_add_i64(t, "Images", (int64_t)images_count(d));
}

static void add_security(const struct daemon *d, cJSON *t)
{
	cJSON *list = cJSON_AddArrayToObject(t, "SecurityOptions");

	cJSON_AddItemToArray(list, cJSON_CreateString("name=seccomp,profile=builtin"));
	if (cgroup_is_v2())
		cJSON_AddItemToArray(list, cJSON_CreateString("name=cgroupns"));
	if (d->config.no_new_privileges)
		cJSON_AddItemToArray(list, cJSON_CreateString("name=no-new-privileges"));
	if (!str_empty(d->config.userns_remap))
		cJSON_AddItemToArray(list, cJSON_CreateString("name=userns"));
}

static bool is_cidr(const char *text)
{
	const char *slash = strchr(text, '/');
	_cleanup_free_ char *ip = slash ? strndup(text, (size_t)(slash - text)) : NULL;
	unsigned char address[16];

	return ip &&
	       (inet_pton(AF_INET, ip, address) == 1 || inet_pton(AF_INET6, ip, address) == 1);
}

static void add_index(cJSON *indexes, const char *name, char *const *mirrors, bool secure,
		      bool official)
{
	cJSON *index = cJSON_AddObjectToObject(indexes, name);

	json_add_str(index, "Name", name);
	json_add_strv(index, "Mirrors", mirrors, false);
	cJSON_AddBoolToObject(index, "Secure", secure);
	cJSON_AddBoolToObject(index, "Official", official);
}

/* Networks and hosts of "insecure-registries" go to different lists; the loopback is always one. */
static void add_registry(const struct daemon *d, cJSON *t)
{
	cJSON *registry = cJSON_AddObjectToObject(t, "RegistryConfig");
	cJSON *cidrs = cJSON_AddArrayToObject(registry, "InsecureRegistryCIDRs");
	cJSON *indexes = cJSON_AddObjectToObject(registry, "IndexConfigs");

	cJSON_AddItemToArray(cidrs, cJSON_CreateString("::1/128"));
	cJSON_AddItemToArray(cidrs, cJSON_CreateString("127.0.0.0/8"));
	for (char **r = d->config.insecure_registries; r && *r; r++) {
		if (is_cidr(*r))
			cJSON_AddItemToArray(cidrs, cJSON_CreateString(*r));
		else
			add_index(indexes, *r, NULL, false, false);
	}
	add_index(indexes, "docker.io", d->config.registry_mirrors, true, true);
	json_add_strv(registry, "Mirrors", d->config.registry_mirrors, false);
	json_add_str(t, "IndexServerAddress", "https://index.docker.io/v1/");
}

static void add_swarm(cJSON *t)
{
	cJSON *swarm = cJSON_AddObjectToObject(t, "Swarm");

	json_add_str(swarm, "NodeID", "");
	json_add_str(swarm, "NodeAddr", "");
	json_add_str(swarm, "LocalNodeState", "inactive");
	cJSON_AddBoolToObject(swarm, "ControlAvailable", false);
	json_add_str(swarm, "Error", "");
	cJSON_AddNullToObject(swarm, "RemoteManagers");
}

static void add_engine(struct daemon *d, cJSON *t)
{
	char now[TIME_BUF];

	json_add_str(t, "ID", d->id);
	json_add_str(t, "ServerVersion", ENGINE_VERSION);
	json_add_str(t, "SystemTime", time_rfc3339(time_now_ns(), now));
	json_add_str(t, "LoggingDriver", d->config.log_driver);
	json_add_str(t, "Isolation", "");
	json_add_str(cJSON_AddObjectToObject(t, "ContainerdCommit"), "ID", "");
	json_add_str(cJSON_AddObjectToObject(t, "RuncCommit"), "ID", "crun-lite " CRL_VERSION);
	json_add_str(cJSON_AddObjectToObject(t, "InitCommit"), "ID", "crun-lite " CRL_VERSION);
}

void api_system_info(struct http_req *r)
{
	struct daemon *d = http_daemon(r);
	cJSON *t = cJSON_CreateObject(), *warnings = cJSON_CreateArray();

	add_engine(d, t);
	api_info_self(d, t, warnings);
	add_counts(d, t);
	add_storage(d, t);
	add_plugins(t);
	add_limits(t, warnings);
	add_host(t, http_api_version(r));
	add_registry(d, t);
	runtimes_info(d, t);
	json_add_str(t, "InitBinary", "crun-lite-init");
	add_swarm(t);
	add_security(d, t);
	cJSON_AddItemToObject(t, "Warnings", warnings);
	cdi_info(d, t);
	http_reply_json(r, 200, t);
}
