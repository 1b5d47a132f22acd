// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Every setting, as one table: what dockerd 28 has in daemon.json and as flags, and what is ours.
 * A key that is missing here is an error that names it, as in dockerd.
 */
#include "config_keys.h"

#define MEMBER(m) offsetof(struct daemon_config, m)
#define STR(opt, key_, m, arg, help_, ...)                                                         \
	{                                                                                          \
		.option = (opt), .key = (key_), .kind = CONFIG_STR, .offset = MEMBER(m),           \
		.argument = (arg), .help = (help_), __VA_ARGS__                                    \
	}
#define LIST(opt, key_, m, arg, help_, ...)                                                        \
	{                                                                                          \
		.option = (opt), .key = (key_), .kind = CONFIG_LIST, .offset = MEMBER(m),          \
		.argument = (arg), .help = (help_), __VA_ARGS__                                    \
	}
#define BOOL(name, m, help_, ...)                                                                  \
	{                                                                                          \
		.option = (name), .key = (name), .kind = CONFIG_BOOL, .offset = MEMBER(m),         \
		.help = (help_), __VA_ARGS__                                                       \
	}
#define INT(name, m, min_, max_, arg, help_, ...)                                                  \
	{                                                                                          \
		.option = (name), .key = (name), .kind = CONFIG_INT, .offset = MEMBER(m),          \
		.min = (min_), .max = (max_), .argument = (arg), .help = (help_), __VA_ARGS__      \
	}
#define TREE(opt, key_, m, arg, help_, ...)                                                        \
	{                                                                                          \
		.option = (opt), .key = (key_), .kind = CONFIG_TREE, .offset = MEMBER(m),          \
		.argument = (arg), .help = (help_), __VA_ARGS__                                    \
	}
/* Not (yet) honoured: the reason, and what may be said all the same. */
#define IGNORED(opt, key_, kind_, reason, plain_)                                                  \
	{                                                                                          \
		.option = (opt), .key = (key_), .kind = (kind_), .use = CONFIG_IGNORED,            \
		.help = (reason), .plain = (plain_)                                                \
	}
#define REFUSED(opt, key_, kind_, reason, plain_)                                                  \
	{                                                                                          \
		.option = (opt), .key = (key_), .kind = (kind_), .use = CONFIG_REFUSED,            \
		.help = (reason), .plain = (plain_)                                                \
	}

#define NO_SWARM "there are no swarm nodes here"
#define NO_REGISTRY "this build has no registry client"
#define NO_CONTAINERD "the engine keeps images and containers itself, without containerd"
#define NO_NETWORK_KEY "the default network is made without it"

const struct config_row config_rows[] = {
	/* --- places --- */
	STR("data-root", "data-root", data_root, "DIR", "everything that lasts",
	    .preset = "/var/lib/crun-lite"),
	STR("exec-root", "exec-root", exec_root, "DIR", "run-time state",
	    .preset = "/run/crun-lite"),
	STR("pidfile", "pidfile", pidfile, "FILE", "default EXEC_ROOT/crun-lited.pid"),

	/* --- who may talk to us --- */
	LIST("host", "hosts", hosts, "URL",
	     "-H: unix://PATH, fd:// or tcp://ADDR:PORT to listen on, repeatable"),
	STR("group", "group", group, "NAME", "group of the unix socket", .preset = "crun-lite"),
	BOOL("tls", tls, "encrypt tcp:// without asking clients for a certificate: refused"),
	BOOL("tlsverify", tlsverify,
	     "tcp:// by TLS, for clients with a certificate of --tlscacert"),
	STR("tlscacert", "tlscacert", tlscacert, "FILE", "certificates that clients are signed by"),
	STR("tlscert", "tlscert", tlscert, "FILE", "our certificate"),
	STR("tlskey", "tlskey", tlskey, "FILE", "its key"),
	BOOL("tcp-without-authentication", tcp_without_authentication,
	     "let everybody who reaches tcp:// be root on this machine"),
	STR("metrics-addr", "metrics-addr", metrics_addr, "ADDR:PORT",
	    "Prometheus metrics on this address of the loopback", .check = config_check_metrics),

	/* --- what is said and logged --- */
	BOOL("debug", debug, "-D: the same as --log-level debug", .flags = CONFIG_RELOAD),
	STR("log-level", "log-level", log_level, "LEVEL", "-l: debug, info, warn, error (info)",
	    .flags = CONFIG_RELOAD),
	STR("log-format", "log-format", log_format, "FORMAT", "text or json", .preset = "text"),
	LIST("label", "labels", labels, "KEY=VALUE",
	     "label of this daemon, shown by info, repeatable", .flags = CONFIG_RELOAD,
	     .check = config_check_labels),
	TREE(NULL, "proxies", proxies, NULL, "http-proxy, https-proxy, no-proxy; shown by info",
	     .flags = CONFIG_RELOAD, .check = config_check_proxies),

	/* --- life of containers --- */
	BOOL("live-restore", live_restore, "containers run on when the daemon ends",
	     .preset = "true", .flags = CONFIG_RELOAD),
	INT("shutdown-timeout", shutdown_timeout, -1, 0, "SECONDS",
	    "for containers to stop when the daemon ends without --live-restore", .preset = "15",
	    .flags = CONFIG_RELOAD),
	BOOL("no-new-privileges", no_new_privileges, "set no_new_privs in every container",
	     .flags = CONFIG_RELOAD),
	BOOL("init", init, "containers get an init process unless they say no"),
	{.option = "default-shm-size",
	 .key = "default-shm-size",
	 .kind = CONFIG_SIZE,
	 .offset = MEMBER(default_shm_size),
	 .argument = "BYTES",
	 .help = "size of /dev/shm",
	 .preset = "64m",
	 .flags = CONFIG_RELOAD},
	TREE("default-ulimit", "default-ulimits", default_ulimits, "NAME=SOFT[:HARD]",
	     "limit of containers that do not set it, repeatable", .flags = CONFIG_RELOAD,
	     .add = config_add_ulimit, .check = config_check_ulimits),
	STR("userns-remap", "userns-remap", userns_remap, "USER[:GROUP]",
	    "run containers with this account's ids of /etc/subuid", .check = config_check_remap),
	STR("userns", "userns", userns, "MODE",
	    "auto: containers have users of their own, unless they say host", .preset = "host",
	    .check = config_check_userns),
	STR("default-ipc-mode", "default-ipc-mode", default_ipc_mode, "MODE",
	    "private or shareable", .preset = "private", .check = config_check_ipc_mode),
	STR("default-cgroupns-mode", "default-cgroupns-mode", default_cgroupns_mode, "MODE",
	    "private or host", .preset = "private", .check = config_check_cgroupns_mode),
	LIST("storage-opt", "storage-opts", storage_opts, "KEY=VALUE",
	     "overlay2.size=BYTES: limit of writable layers, where there are project quotas",
	     .check = config_check_storage_opts),
	STR("init-path", "init-path", init_path, "FILE",
	    "process 1 of containers with --init (crun-lite-init)"),
	LIST("cdi-spec-dir", "cdi-spec-dirs", cdi_spec_dirs, "DIR",
	     "descriptions of devices, repeatable (/etc/cdi, /var/run/cdi)"),
	TREE("add-runtime", "runtimes", runtimes, "NAME=PATH",
	     "another OCI runtime that containers may ask for, repeatable", .flags = CONFIG_RELOAD,
	     .add = config_add_runtime, .check = config_check_runtimes),
	STR("default-runtime", "default-runtime", default_runtime, "NAME",
	    "for containers that ask for none (crun-lite)", .flags = CONFIG_RELOAD,
	    .check = config_check_default_runtime),
	STR("cgroup-parent", "cgroup-parent", cgroup_parent, "PATH",
	    "cgroup that containers are put under (/docker)"),

	STR("log-driver", "log-driver", log_driver, "NAME",
	    "json-file, local, journald, syslog or none; for containers that name none",
	    .preset = "json-file"),
	{.option = "log-opt",
	 .key = "log-opts",
	 .kind = CONFIG_MAP,
	 .offset = MEMBER(log_opts),
	 .argument = "KEY=VALUE",
	 .help = "option of that log driver, repeatable",
	 .check = config_check_log_opts},

	/* --- networks --- */
	STR("bip", "bip", bridge_subnet, "CIDR", "address and size of the default bridge network",
	    .check = config_check_bridge),
	STR("bip6", "bip6", bridge_subnet6, "CIDR", "the same for IPv6"),
	STR("fixed-cidr", "fixed-cidr", bridge_range, "CIDR",
	    "where in it containers get their addresses"),
	STR("fixed-cidr-v6", "fixed-cidr-v6", bridge_range6, "CIDR", "the same for IPv6"),
	STR("default-gateway", "default-gateway", bridge_gateway, "IP",
	    "default route of its containers, where it is not the bridge"),
	STR("default-gateway-v6", "default-gateway-v6", bridge_gateway6, "IP", "the same for IPv6"),
	BOOL("ipv6", bridge_ipv6, "give the default network IPv6"),
	BOOL("icc", bridge_icc, "its containers reach each other", .preset = "true"),
	BOOL("ip-masq", bridge_masquerade, "its containers leave under the host's address",
	     .preset = "true"),
	INT("mtu", bridge_mtu, 0, 65535, "N", "MTU of the default network (1500)"),
	TREE("default-address-pool", "default-address-pools", address_pools, "base=CIDR,size=N",
	     "where networks get their subnets from, repeatable", .add = config_add_pool,
	     .check = config_check_pools),
	TREE("default-network-opt", "default-network-opts", network_opts, "DRIVER=KEY=VALUE",
	     "option of networks to come, repeatable", .add = config_add_network_opt,
	     .check = config_check_network_opts),
	STR("ip", "ip", default_publish_ip, "IP",
	    "address that ports are published on when none is named", .check = config_check_ips),
	LIST("dns", "dns", dns, "IP", "name server of the containers, repeatable",
	     .check = config_check_ips),
	LIST("dns-opt", "dns-opts", dns_options, "OPTION",
	     "resolver option of the containers, repeatable"),
	LIST("dns-search", "dns-search", dns_search, "DOMAIN",
	     "search domain of the containers, repeatable"),
	INT("netns-pool", netns_pool, -1, 1024, "N",
	    "network namespaces kept ready (4); -1 = none"),

	/* --- registries --- */
	LIST("registry-mirror", "registry-mirrors", registry_mirrors, "URL",
	     "asked before the registry itself, repeatable (shown by info)", .flags = CONFIG_RELOAD,
	     .check = config_check_mirrors),
	LIST("insecure-registry", "insecure-registries", insecure_registries, "HOST|CIDR",
	     "may be spoken to without verified TLS, repeatable (shown by info)",
	     .flags = CONFIG_RELOAD),

	/* --- keys of dockerd that change nothing here --- */
	IGNORED(NULL, "allow-nondistributable-artifacts", CONFIG_LIST, NO_REGISTRY, NULL),
	IGNORED("max-concurrent-downloads", "max-concurrent-downloads", CONFIG_INT, NO_REGISTRY,
		"3"),
	IGNORED("max-concurrent-uploads", "max-concurrent-uploads", CONFIG_INT, NO_REGISTRY, "5"),
	IGNORED("max-download-attempts", "max-download-attempts", CONFIG_INT, NO_REGISTRY, "5"),
	IGNORED("containerd", "containerd", CONFIG_STR, NO_CONTAINERD, NULL),
	IGNORED("containerd-namespace", "containerd-namespace", CONFIG_STR, NO_CONTAINERD, "moby"),
	IGNORED("containerd-plugins-namespace", "containerd-plugins-namespace", CONFIG_STR,
		NO_CONTAINERD, "plugins.moby"),
	IGNORED(NULL, "builder", CONFIG_TREE,
		"the build cache is emptied by builder prune, not by itself", NULL),
	IGNORED(NULL, "features", CONFIG_TREE, "what is built in cannot be switched",
		"{\"buildkit\":false}|{\"containerd-snapshotter\":false}|{\"cdi\":true}"),
	IGNORED("experimental", "experimental", CONFIG_BOOL, "nothing here is experimental",
		"false"),
	IGNORED("raw-logs", "raw-logs", CONFIG_BOOL, "the daemon's log has no colours", "false"),
	IGNORED("oom-score-adjust", "oom-score-adjust", CONFIG_INT,
		"it is set by OOMScoreAdjust= of the service", "0"),
	IGNORED("cpu-rt-period", "cpu-rt-period", CONFIG_INT,
		"kernels with cgroup v2 have no real-time group scheduling", "0"),
	IGNORED("cpu-rt-runtime", "cpu-rt-runtime", CONFIG_INT,
		"kernels with cgroup v2 have no real-time group scheduling", "0"),
	IGNORED("node-generic-resource", "node-generic-resources", CONFIG_LIST, NO_SWARM, NULL),
	IGNORED("swarm-default-advertise-addr", "swarm-default-advertise-addr", CONFIG_STR,
		NO_SWARM, NULL),
	IGNORED("network-control-plane-mtu", "network-control-plane-mtu", CONFIG_INT, NO_SWARM,
		"1500"),
	IGNORED("userland-proxy", "userland-proxy", CONFIG_BOOL,
		"published ports need no process of their own", "false"),
	IGNORED("userland-proxy-path", "userland-proxy-path", CONFIG_STR,
		"published ports need no process of their own", NULL),
	IGNORED("ip-forward-no-drop", "ip-forward-no-drop", CONFIG_BOOL,
		"the host's forward policy is never changed", "true"),
	IGNORED(NULL, "min-api-version", CONFIG_STR, "API 1.24 and newer are served", "1.24"),
	IGNORED("host-gateway-ip", "host-gateway-ip", CONFIG_STR,
		"host-gateway is the bridge's address", NULL),
	IGNORED(NULL, "host-gateway-ips", CONFIG_LIST, "host-gateway is the bridge's address",
		NULL),
	/* --- keys of dockerd that would be missed --- */
	REFUSED("api-cors-header", "api-cors-header", CONFIG_STR, "dockerd 28 has removed it, too",
		NULL),
	REFUSED("authorization-plugin", "authorization-plugins", CONFIG_LIST,
		"without plugins requests would go through unasked", NULL),
	REFUSED("selinux-enabled", "selinux-enabled", CONFIG_BOOL,
		"containers would run without their labels", "false"),
	REFUSED("seccomp-profile", "seccomp-profile", CONFIG_STR,
		"containers get the built-in profile", "builtin"),
	REFUSED("storage-driver", "storage-driver", CONFIG_STR, "overlayfs is what there is",
		"overlay2|overlayfs|overlay"),
	REFUSED("exec-opt", "exec-opts", CONFIG_LIST,
		"cgroups are driven without systemd (native.cgroupdriver=cgroupfs)",
		"native.cgroupdriver=cgroupfs|[native.cgroupdriver=cgroupfs]"),
	REFUSED("rootless", "rootless", CONFIG_BOOL, "the daemon needs root", "false"),
	REFUSED("iptables", "iptables", CONFIG_BOOL,
		"published ports and masquerading are rules of a table of our own", "true"),
	REFUSED("ip6tables", "ip6tables", CONFIG_BOOL,
		"published ports and masquerading are rules of a table of our own", "true"),
	REFUSED("firewall-backend", "firewall-backend", CONFIG_STR, "rules are nftables rules",
		"nftables"),
	REFUSED("ip-forward", "ip-forward", CONFIG_BOOL, "bridge networks need forwarding", "true"),
	REFUSED("allow-direct-routing", "allow-direct-routing", CONFIG_BOOL, NO_NETWORK_KEY,
		"false"),
	REFUSED("bridge", "bridge", CONFIG_STR, "the default network has a bridge of its own",
		NULL),
	REFUSED("bridge-accept-fwmark", "bridge-accept-fwmark", CONFIG_STR, NO_NETWORK_KEY, NULL),
};
const size_t config_n_rows = ARRAY_SIZE(config_rows);

_Static_assert(ARRAY_SIZE(config_rows) <= CONFIG_GIVEN_BITS, "given[] is too small");
