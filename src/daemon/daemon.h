/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The daemon's one object. Everything runs in one thread on one sd-event
 * loop; nothing here may block longer than a small file or a netlink call.
 */
#ifndef DAEMON_DAEMON_H
#define DAEMON_DAEMON_H

#include <base/json.h>
#include <base/str.h>
#include <crun-lite/err.h>
#include <crun-lite/image.h>
#include <systemd/sd-event.h>

#define API_VERSION_MAX 151
#define API_VERSION_MIN 124
/* The Docker Engine release whose API (1.51) this is; shown as ServerVersion to clients that
 * compare. */
#define ENGINE_VERSION "28.5.2"

struct db;
struct dns_client;
struct http_server;
struct containers;
struct images;
struct networks;
struct volumes;
struct runtimes;
struct jobs;
struct events;
struct metrics;

#define CONFIG_GIVEN_BITS 128

/*
 * Command line over --config-file (daemon.json) over defaults. Every member is a row of
 * config_table.c, which says what it means.
 */
struct daemon_config {
	char *data_root; /* /var/lib/crun-lite */
	char *exec_root; /* /run/crun-lite */
	char *pidfile;
	char **hosts; /* unix://... , fd:// , tcp://... */
	char *group;  /* owner group of the socket: "crun-lite" */
	bool tls, tlsverify;
	char *tlscacert, *tlscert, *tlskey;
	bool tcp_without_authentication;
	char *metrics_addr; /* NULL = no metrics */
	char *log_level, *log_format;
	char *bridge_subnet;  /* "bip": CIDR of the default bridge, NULL = choose a free one */
	char *bridge_subnet6; /* "bip6" */
	char *bridge_range, *bridge_range6;     /* "fixed-cidr", "fixed-cidr-v6" */
	char *bridge_gateway, *bridge_gateway6; /* default routes of its containers, if others */
	bool bridge_ipv6, bridge_icc, bridge_masquerade;
	int bridge_mtu;           /* 0 = 1500 */
	cJSON *address_pools;     /* [{"base","size"}] or NULL: the built-in ones */
	cJSON *network_opts;      /* {"bridge":{KEY:VALUE}} of networks to come, or NULL */
	char *default_publish_ip; /* "ip" */
	int netns_pool; /* "netns-pool": namespaces kept ready; 0 = default (4), -1 = none */
	char **dns, **dns_options, **dns_search;
	char **labels;
	cJSON *proxies; /* {"http-proxy","https-proxy","no-proxy"} or NULL */
	bool debug;
	bool live_restore;
	int shutdown_timeout; /* seconds; -1 = for ever */
	bool no_new_privileges;
	bool init;
	int64_t default_shm_size;
	cJSON *default_ulimits; /* {"nofile":{"Name","Soft","Hard"}} or NULL */
	char *userns_remap; /* "default", "user:group"; NULL = none. One range for all containers */
	char *userns;       /* "auto": a range for each container; "host" */
	char *default_ipc_mode, *default_cgroupns_mode;
	cJSON *runtimes;       /* {"name":{"path","runtimeArgs"}} or NULL */
	char *default_runtime; /* NULL = ours */
	char **storage_opts;   /* overlay2.size=BYTES */
	char **cdi_spec_dirs;
	char *init_path;        /* NULL = ours */
	char *log_driver;       /* of containers that name none */
	struct strmap log_opts; /* its options, where the container has none of that name */
	char *cgroup_parent;    /* NULL = "/docker" */
	char **registry_mirrors, **insecure_registries;
	char *libexec_dir; /* where worker and monitor are; env CRUN_LITE_LIBEXEC overrides the
			      built-in path */
	uint64_t given[CONFIG_GIVEN_BITS / 64]; /* rows that a flag or the file set */
	char **warnings;                        /* about keys that change nothing */
};

struct daemon {
	sd_event *event;
	struct daemon_config config;
	/*
	 * "" for the default exec root, else "-" and 6 hex digits of its hash: part of the
	 * names of bridge, nft table and the like, so that daemons do not meet.
	 */
	char suffix[8];
	char id[64]; /* stable over restarts, in the database */
	struct crl_store *store;
	struct db *db;
	struct http_server *http;
	struct events *events;
	struct metrics *metrics;
	struct jobs *jobs;
	struct sizes *sizes; /* made at the first use */
	struct images *images;
	struct networks *networks;
	struct dns_client *dns;
	struct volumes *volumes;
	struct runtimes *runtimes;
	struct containers *containers;
	int monitor_exe_fd; /* sealed copy of crun-lite-monitor */
	int64_t started_at;
	bool ending; /* containers are being stopped with us: policies start none again */
	int data_lock, exec_lock, pidfile_fd; /* flock(2)s that keep a second daemon away */
};

/*
 * Takes the locks, opens the store and the database, starts every part and
 * listens. On failure everything is undone.
 */
int daemon_start(struct daemon *d, struct crl_err *err);
/* This machine as Go and image configs spell it: "amd64", "arm64". */
const char *daemon_arch(void);
/* Containers go on running. */
void daemon_stop(struct daemon *d);
/* Path of one of our programs ("crun-lite-worker") by config.libexec_dir (folders joined by ':').
 * Caller frees. */
int daemon_program(const struct daemon *d, const char *name, char **ret, struct crl_err *err);

#endif
