/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One container inside the daemon: its record (what survives), what only
 * lives in memory, and the operations on it. Private to the container side
 * (container*.c, recovery.c, api_*.c of containers); others use containers.h.
 *
 * Operations that take time return at once and call back once; `err` is NULL
 * on success. A callback may not free the container, but may start the next
 * operation.
 */
#ifndef DAEMON_CONTAINER_H
#define DAEMON_CONTAINER_H

#include "container_fsm.h"
#include "containers.h"
#include "daemon.h"
#include "health.h"
#include "monitor_client.h"
#include "network.h"

#include <base/ident.h>
#include <base/step.h>
#include <crun-lite/api_container.h>
#include <crun-lite/monitor_proto.h>

/* One entry of inspect's Mounts, and where the bind mount of config.json comes from. */
struct container_mount {
	char *type;   /* bind, volume, tmpfs, image */
	char *name;   /* of the volume; of an image as it was given */
	char *source; /* host path; "" for tmpfs, the id of an image */
	char *destination;
	char *driver; /* "local" for volumes */
	char *mode;   /* as given: "ro,z" */
	char *propagation;
	char *options; /* tmpfs: comma-separated mount options */
	bool rw;
	bool non_recursive;
	bool read_only_top; /* read-only without the mounts below it */
	bool no_copy;
	bool idmap, no_idmap; /* of a bind, where the container has users of its own */
	char *subpath;        /* inside the volume or image; resolved at the start */
	char **lowers;        /* layers of an image, top first */
};

/* record.json: everything about a container that survives the daemon. Times are ns since the epoch.
 */
struct container_record {
	int32_t version;
	char *id, *name; /* the name has no slash */
	int64_t created;
	char *image_id; /* "sha256:..." */
	char **lowers;  /* unpacked layers, top first */
	char *path;     /* argv[0] and the rest, as inspect shows them */
	char **args;
	struct api_config config;
	struct api_host_config host_config;
	struct api_networking_config networking;
	struct container_mount *mounts;
	size_t n_mounts;
	/* Users of its own (container_users.h); empty = the host's. */
	struct oci_id_mapping *uid_map, *gid_map;
	size_t n_uid_map, n_gid_map;

	char *status; /* fsm_state_name() */
	int64_t pid, monitor_pid;
	uint64_t start_ticks, monitor_ticks;
	char *cgroup; /* absolute path, "" when there is none */
	int32_t exit_code;
	char *error;
	bool oom_killed;
	int64_t started_at, finished_at;
	int64_t restart_count;
	bool manually_stopped; /* a person stopped it: unless-stopped leaves it alone */
	cJSON *endpoints;      /* array of net_endpoint_to_json(), while it runs */
	cJSON *endpoint;       /* the one of records before there could be several; read only */
	bool net_planned;      /* networking is complete; false in records of before */
	cJSON *net_change;     /* a connect or disconnect under way: container_connect.c */
	struct health *health; /* NULL without a health check, and before the first start */
};
extern const struct json_table container_record_json;

typedef void (*container_done)(const struct crl_err *err, bool modified, void *data);
struct done_item {
	container_done cb;
	void *data;
	struct done_item *next;
};

struct container_writer; /* container_root.h */
struct container_wait;   /* container_wait.c */
struct exec;             /* exec.h */

/* A client that attached before the start; container_attach.c. */
struct container_attach {
	struct container *c;
	int fd;
	struct mon_attach spec;
	sd_event_source *source;
	struct container_attach *next;
};

struct container {
	struct daemon *d;
	struct container_record rec;
	enum fsm_state state;
	enum fsm_state before_start; /* what STARTING shows as */

	struct monitor *monitor;  /* while STARTING, RUNNING, PAUSED */
	int init_pidfd;           /* -1 when no process */
	struct net_endpoint *eps; /* while it runs, in the order they were attached */
	size_t n_eps;
	bool has_dns; /* the name server knows of it: dns_client.h */

	struct container_attach *attaches;
	struct done_item *start_waiters, *exit_waiters;
	struct container_wait *waits;

	int64_t started_boot; /* CLOCK_BOOTTIME of the last start */
	int64_t backoff;      /* ns of the next back-off */
	sd_event_source *restart_timer, *stop_timer, *death_source;
	bool volumes_announced; /* as mounted, to those who listen */
	bool stop_requested;    /* a stop is under way: publish "stop" after "die" */
	bool remove_on_exit;    /* rm -f of a running container */
	bool remove_volumes;
	bool monitor_stuck; /* it was killed because it did not answer */
	bool keep_on_exit;  /* a restart of an --rm container: not its end */
	char *checkpoint;   /* folder that the next start goes on from, or NULL */
	bool policy_start;  /* the start under way is the restart policy's */
	int32_t tty_rows, tty_cols;
	struct exec *execs;
	sd_event_source *health_timer;    /* the next check */
	int64_t probe_started;            /* CLOCK_REALTIME of the check under way */
	int64_t probe_boot;               /* the same on CLOCK_BOOTTIME */
	bool probe_ignored;               /* it was begun before a pause */
	struct container_writer *writers; /* docker cp into it; container_root.h */
	struct done_item *writer_waiters;
	sd_event_source *writer_deadline;
};

struct tombstone {
	char id[ID_HEX + 1];
	int32_t exit_code;
};
#define N_TOMBSTONES 256

struct containers {
	struct container **items; /* oldest first */
	size_t n, cap;
	struct tombstone tombstones[N_TOMBSTONES];
	size_t next_tombstone;
	struct trash *trash;
	struct monitor_spare *spare;
	char *seccomp_default; /* text of the default profile, by capability set */
	char *seccomp_caps;
};

/* --- containers.c: the table --- */
/* By full id, name (a leading slash allowed) or unique id prefix. CRL_NOT_FOUND "No such container:
 * x". */
int container_find(struct daemon *d, const char *text, struct container **ret, struct crl_err *err);
struct container *container_by_name(struct daemon *d, const char *name);
/* A zeroed container with pidfds at -1; not in the table yet. */
struct container *container_new(struct daemon *d);
void container_free(struct container *c);
int containers_insert(struct daemon *d, struct container *c, struct crl_err *err);
void containers_take_out(struct container *c);
/* Exit codes of removed containers, for waiters that come late. */
void tombstone_add(struct daemon *d, const char *id, int32_t exit_code);
bool tombstone_find(struct daemon *d, const char *id, int32_t *ret_exit_code);
/* Folders; the caller frees. */
char *container_dir(const struct container *c);
char *container_run_dir(const struct container *c);
/*
 * Folder of what each start writes anew: config.json, hostname, hosts,
 * resolv.conf. With --rm the run folder, since nothing of it is looked at after
 * the run, and files come and go faster in memory than on a disk.
 */
char *container_start_dir(const struct container *c);
char *container_start_path(const struct container *c, const char *file);
char *container_path_of(const struct container *c, const char *file);
char *container_log_path(const struct container *c);
bool container_is_running(const struct container *c); /* RUNNING or PAUSED */
/* State as clients see it: STARTING shows as what was before. */
enum fsm_state container_shown_state(const struct container *c);
int container_add_done(struct done_item **list, container_done cb, void *data);
/* Calls and empties; the list may grow again meanwhile. */
void container_call_done(struct done_item **list, const struct crl_err *err, bool modified);
/* Publishes a container event with image, name and labels; `extra` = key, value, ..., NULL. */
void container_publish(struct container *c, const char *action, ...) __attribute__((sentinel));
/* Events "mount" and "unmount" of its volumes; again the same is nothing. container_events.c */
void container_publish_volumes(struct container *c, bool mounted);
int container_fire(struct container *c, enum fsm_event event, struct crl_err *err);
/* Drops the step's name that steps_run() puts in front: clients match on whole texts. */
void container_strip_step(const struct step *steps, size_t n, struct crl_err *err);

/* --- container_record.c --- */
/* Writes record.json and, for containers that are kept, the database row; durable for those. */
int container_save(struct container *c, struct crl_err *err);
int container_record_read(int dir_fd, struct container_record *ret, struct crl_err *err);
int container_record_parse(const char *text, size_t len, struct container_record *ret,
			   struct crl_err *err);
char *container_record_text(const struct container_record *rec, size_t *ret_len);
void container_record_free(struct container_record *rec);

/* --- container_create.c --- */
struct create_request {
	const char *name;        /* NULL = choose one */
	struct api_create *body; /* consumed */
	int api_version;         /* 151; what the caller speaks */
	const char *platform;
};
int container_create(struct daemon *d, struct create_request *req, struct container **ret,
		     char ***ret_warnings, struct crl_err *err);
/* Validation of name (without slash), restart policy and host config; docker's texts. */
int container_check_name(const char *name, struct crl_err *err);
int container_validate(const struct api_config *config, const struct api_host_config *hc,
		       struct crl_err *err);
int container_validate_resources(const struct api_resources *r, struct crl_err *err);
int container_validate_restart(const struct api_restart_policy *p, bool auto_remove,
			       struct crl_err *err);
/* What Linux or this kernel does not have: refused, or one sentence each (container_platform.c). */
int container_validate_platform(const struct api_host_config *hc, struct crl_err *err);
void container_platform_warnings(const struct api_host_config *hc, char ***warnings);
/* Limits whose cgroup controller this host lacks, one sentence each. */
void container_limit_warnings(const struct api_resources *r, char ***warnings);
char *container_random_name(struct daemon *d);

/* --- container_mounts.c: Binds, Mounts, Tmpfs, volumes -> rec.mounts --- */
int container_plan_mounts(struct daemon *d, struct container_record *rec, char **image_volumes,
			  struct crl_err *err);
void container_hold_volumes(struct container *c);
void container_drop_volumes(struct container *c, bool remove_anonymous);

/* --- container_sources.c: what the monitor has to mount or find itself --- */
/* Fills volumes and sources of the start message; with container_sources_free(). */
int container_sources(const struct container *c, const struct container *ipc, struct mon_start *m,
		      struct crl_err *err);
void container_sources_free(struct mon_start *m);
/* Unmounts volumes that a monitor did not get to unmount. */
void container_settle_volumes(struct container *c);

/* --- container_paths.c --- */
/* Masked and read-only paths of the (completed) host config after the words of SecurityOpt. */
int container_paths_apply(struct api_host_config *hc, struct crl_err *err);
/* Docker's words for an option that tmpfs does not have, before anything is made. */
int container_check_tmpfs(const struct api_host_config *hc, struct crl_err *err);
int container_check_cgroup_parent(const char *parent, struct crl_err *err);

/* --- container_files.c --- */
int container_write_files(struct container *c, struct crl_err *err);
int container_write_file(const struct container *c, const char *name, const struct buf *b,
			 struct crl_err *err);
/* --- container_resolv.c --- */
/* In place: a running container sees it. */
int container_write_resolv_conf(struct container *c, struct crl_err *err);
/* The container whose network namespace this one shares (container:ID), or NULL. */
int container_network_peer(struct container *c, struct container **ret, struct crl_err *err);

/* --- container_network.c: the endpoints of a run --- */
/* Acquires what the record asks for; on failure nothing is held. */
int container_net_start(struct container *c, struct crl_err *err);
/* Releases all; tolerates what is gone. */
void container_net_release(struct container *c);
/* After a restart of the daemon: takes over what the record of a running container says. */
void container_net_adopt(struct container *c);
/* The network's endpoint by the network's name or full id; NULL. */
const struct net_endpoint *container_ep(const struct container *c, const char *network);
/* The one with the default route, where ports are published; NULL when no network leads out. */
const struct net_endpoint *container_gateway_ep(const struct container *c);

/* --- container_log.c --- */
/* Driver and options of daemon.json for what a request leaves open. -1 = no memory. */
int container_log_defaults(struct daemon *d, struct api_log_config *log);
/* The monitor's options; free with json_free(&mon_log_json). */
int container_log_fill(const struct container *c, struct mon_log *ret, struct crl_err *err);
/* The file that can be read back, "" when there is none. Caller frees. */
char *container_log_source(const struct container *c, bool *ret_local);

/* --- container_start.c --- */
/* modified = false: it was running already (304). */
void container_start(struct container *c, container_done cb, void *data);
/* Takes the client's socket. Before the start it is kept, afterwards given to the monitor. */
int container_attach(struct container *c, int fd, const struct mon_attach *spec,
		     struct crl_err *err);
void container_drop_attaches(struct container *c);
/* What the monitor tells; also used by recovery. */
extern const struct monitor_events container_monitor_events;
void container_running(struct container *c, const struct mon_started *s);

/* The image's layers, and below them the places that every container mounts on. Caller frees. */
char **container_all_lowers(const struct container *c);

/* --- container_exit.c --- */
void container_exited(struct container *c, const struct mon_exit *e, const char *why);
/* The monitor died or is out of reach. */
void container_monitor_gone(struct container *c);
/* The monitor lives but does not answer: it is killed, and what follows is as if it had died. */
void container_monitor_stuck(struct container *c);
void container_release(struct container *c);
bool container_wants_restart(const struct container *c);
void container_arm_restart(struct container *c);

/* --- container_health.c --- */
/* A run begins, is frozen, goes on, ends; no-ops without a health check. */
void container_health_begin(struct container *c);
void container_health_pause(struct container *c);
void container_health_resume(struct container *c);
void container_health_end(struct container *c);
/* A check ended; `e` is freed. */
void container_health_probed(struct container *c, struct exec *e, const struct mon_exit *x);
/* Forgets the checks of a run that is over. */
void container_health_drop(struct container *c);
/* The daemon came back: what it knew, the check that ran meanwhile, and the next one. */
void container_health_load(struct container *c);
void container_health_adopt(struct container *c, struct exec *e, const struct mon_exec_state *s);
void container_health_rearm(struct container *c);

/* --- container_stop.c --- */
/* timeout: seconds, -1 = for ever, INT64_MIN = the container's own. modified = false: it was not
 * running (304). */
#define STOP_TIMEOUT_DEFAULT INT64_MIN
void container_stop(struct container *c, int signal, int64_t timeout, container_done cb,
		    void *data);
void container_restart(struct container *c, int signal, int64_t timeout, container_done cb,
		       void *data);
/* Begins to stop it for the daemon's end, which is no person's stop: policies bring it back. */
void container_stop_for_end(struct container *c);
int container_kill(struct container *c, int signal, struct crl_err *err);
int container_signal(struct container *c, int signal, struct crl_err *err);
int container_stop_signal(const struct container *c);
int container_pause(struct container *c, bool pause, struct crl_err *err);

/* --- container_remove.c --- */
/* Removes now what is not running; with force kills first. */
void container_remove(struct container *c, bool force, bool volumes, container_done cb, void *data);
int container_remove_now(struct container *c, bool volumes, struct crl_err *err);

/* --- container_wait.c --- */
void container_wait_fire_exit(struct container *c, int32_t exit_code);
void container_wait_fire_removed(struct container *c);

#endif
