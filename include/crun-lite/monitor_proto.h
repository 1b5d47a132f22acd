/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What daemon and monitor say to each other.
 *
 * Start-up. The daemon makes the folder RUN_DIR (EXEC_ROOT/containers/ID), binds
 * and listens on RUN_DIR/monitor.sock (AF_UNIX, SOCK_SEQPACKET), connects to it
 * itself, and spawns the monitor from its sealed copy:
 *
 *	crun-lite-monitor --id ID --container-dir DIR --run-dir RUN_DIR
 *	fd 0,1: /dev/null   fd 2: the daemon's log   fd 3: the listening socket
 *
 * So there is one way in, at the first connection and after a daemon restart
 * alike. The monitor serves any number of connections; events go to all.
 * It ends after its container (and every exec) ended, and the exit was
 * acknowledged with op "release", or no daemon came for 10 s after the exit
 * (the exit record stays on disk).
 *
 * Messages: one JSON object per datagram, at most MON_MSG_MAX bytes, with
 * descriptors where the op says so. Requests carry "seq" (non-zero); the
 * answer is {"seq":N} plus fields, or {"seq":N,"error":{...}}. Events carry
 * "event" and no seq. Unknown keys are ignored, unknown ops answered with an
 * error: that is how versions N and N-1 talk (MON_PROTO_VERSION in hello).
 *
 *	op       struct            descriptors   answer
 *	hello    -                 -             struct mon_state
 *	start    mon_start         netns? ("netns":true), then one per mon_attach in "attach"
 *	                                         struct mon_started, once execve succeeded
 *	attach   mon_attach        client        {}
 *	exec     mon_exec          client? ("attach" set)   struct mon_started
 *	resize   mon_resize        -             {}   exec_id "" = the container
 *	close_stdin / release: only seq
 *	signal   mon_signal        -             {}   to init (or exec when exec_id is set)
 *	checkpoint mon_checkpoint  -             {}   when criu is through
 *
 *	event    struct
 *	exit     mon_exit          container ended, output drained, record written
 *	exec_exit mon_exit         (exec_id set)
 *	oom      -                 memory.events oom_kill grew
 *	detach   mon_exit          a client typed the detach keys (exec_id "" = attach)
 */
#ifndef CRUN_LITE_MONITOR_PROTO_H
#define CRUN_LITE_MONITOR_PROTO_H

#include <base/json.h>
#include <crun-lite/oci_spec.h>

#define MON_PROTO_VERSION 1
#define MON_MSG_MAX (192U * 1024)

/*
 * --id of a monitor that has no container yet. DIR and RUN_DIR end with it, and
 * with the start message all three take the container's id in its place. It
 * ends as soon as its daemon does: it has nothing to guard.
 */
#define MON_SPARE_ID "0000000000000000000000000000000000000000000000000000000000000000"

struct mon_attach {
	bool stdin_, stdout_, stderr_; /* "stdin", "stdout", "stderr" */
	bool framed;                   /* 8-byte frame headers (no tty); else raw */
	char *detach_keys;             /* "ctrl-p,ctrl-q"; NULL = none */
	char *early_input;             /* base64 of bytes that arrived with the upgrade request */
};

struct mon_log {
	char *driver; /* "json-file", "local", "journald", "syslog" or "none" */
	char *path;   /* file of json-file and local; of the others: a copy for readers, or NULL */
	int64_t max_size; /* bytes; 0 = unlimited */
	int64_t max_file; /* files kept, at least 1 */
	bool compress;    /* gzip files that are full */
	cJSON *attrs;     /* object of strings that goes with each line, or NULL */
	/* journald, syslog */
	char *tag;
	char *address;           /* unix, unixgram, tcp or udp URL; "" = the usual place */
	char *format;            /* syslog: "", rfc3164, rfc5424, rfc5424micro */
	int32_t facility;        /* syslog: 0..23 */
	char *id, *name, *image; /* journald: of the container */
	int64_t max_buffer; /* bytes kept for a receiver that does not take them; 0 = default */
};

/* A volume of the local driver that is a mount of its own; the monitor mounts it on DIR/_data. */
struct mon_volume {
	char *dir; /* DATA_ROOT/volumes/NAME */
	char *type, *device, *options;
};

/* The source of a bind mount that is no plain path of the host. */
struct mon_source {
	char *destination; /* as in config.json */
	char *root;        /* folder of the host ("" with lowers) */
	int64_t peer;      /* a process: root is a folder in its mount namespace; 0 = the host's */
	char **lowers;     /* an image's layers, top first: mounted read-only */
	char *subpath;     /* resolved inside root or image; "" = all of it */
};

/* Another OCI runtime than the library. */
struct mon_runtime {
	char *name; /* for texts */
	char *path;
	char **args; /* in front of the verb */
};

/* Devices by the Container Device Interface, added to config.json before anything is made. */
struct mon_cdi {
	char *program; /* crun-lite-cdi */
	char **dirs;
	char **devices; /* vendor.com/class=name; gpu=all, gpu=ID, gpu=count:N */
	char *no_gpu;   /* what to say when no vendor describes GPUs */
};

struct mon_start {
	char *id;     /* the container's; of a monitor spawned as MON_SPARE_ID it becomes its own */
	char *config; /* path of the OCI config.json */
	char **lowers; /* overlay, top first; empty: config's root.path is used */
	char *upper, *work;
	char *user; /* docker user string, resolved inside the root */
	char **group_add;
	bool tty, open_stdin, stdin_once;
	bool durable;    /* fsync the exit record and the log at exit (not for --rm) */
	bool netns;      /* descriptor 0 of the message is the network namespace */
	char *cache_dir; /* compiled seccomp filters */
	struct mon_log log;
	struct mon_attach *attach; /* clients that attached before the start */
	size_t n_attach;
	int32_t tty_rows, tty_cols;
	struct mon_volume *volumes; /* mounted before all else, and unmounted after the last user */
	size_t n_volumes;
	struct mon_source *sources;
	size_t n_sources;
	struct mon_runtime *runtime; /* NULL = ours */
	struct mon_cdi *cdi;         /* NULL = none */
	char *checkpoint;            /* folder of one to go on from, or NULL */
	char *explain; /* path of a file that receives the narration of the steps as JSON lines, or
			  NULL */
};

struct mon_exec {
	char *exec_id;
	struct oci_process process;
	char *user;
	char **group_add;
	bool tty, open_stdin;
	bool unconfined;           /* privileged exec: no seccomp */
	struct mon_attach *attach; /* NULL = detached */
	int32_t tty_rows, tty_cols;
	/*
	 * Of a health check: output is kept up to so many bytes (0 = not kept) and told with
	 * the end, so that a daemon that was away meanwhile learns it, too.
	 */
	int64_t capture;
	int64_t timeout_ms; /* then the exec is killed with its children; 0 = never */
};

struct mon_started {
	int64_t pid;
	uint64_t start_ticks; /* proc_start_time() */
	int64_t started_at;   /* CLOCK_REALTIME ns */
	char *cgroup;         /* absolute path or "" */
	char **warnings;
};

struct mon_resize {
	char *exec_id;
	int32_t rows, cols;
};

struct mon_signal {
	char *exec_id;
	int32_t signal;
};

struct mon_checkpoint {
	char *dir; /* folder to make; what is above it is there */
	bool exit; /* the container ends with it */
};

struct mon_exit {
	char *exec_id;     /* "" = the container */
	int32_t exit_code; /* 0..255, 128+n */
	int32_t signal;    /* 0 = exited by itself */
	bool oom_killed;
	int64_t finished_at; /* ns */
	/* of an exec with "capture" */
	bool capture, truncated, timed_out;
	char *output; /* base64 */
};

struct mon_state {
	int32_t version;
	int64_t monitor_pid;
	char *status; /* "idle", "running", "exited" */
	struct mon_started started;
	struct mon_exit exit;
	struct mon_exec_state {
		char *exec_id;
		bool running;
		int64_t pid;
		int32_t exit_code;
		int64_t started_at, finished_at; /* ns */
		bool capture, truncated, timed_out;
		char *output; /* base64 */
	} * execs;
	size_t n_execs;
};

struct mon_error {                    /* "error" of an answer: a crl_err over the wire */
	int32_t code, sys, exit_code; /* exit_code: 125, 126, 127 */
	char *message;
};

extern const struct json_table mon_attach_json, mon_log_json, mon_start_json, mon_exec_json,
	mon_started_json, mon_resize_json, mon_signal_json, mon_checkpoint_json, mon_exit_json,
	mon_state_json, mon_error_json;

/*
 * The exit record: CONTAINER_DIR/exit, one 128-byte slot that the monitor
 * writes (and syncs, when durable) as "empty" before the start and fills with
 * one pwrite before it does anything else about an exit. Little-endian.
 */
#define MON_EXIT_MAGIC 0x58455243U /* "CREX" */
struct mon_exit_record {
	uint32_t magic, version; /* version 1 */
	uint32_t state;          /* 0 = started, end not seen; 1 = ended */
	int32_t exit_code, signal;
	uint32_t oom_killed;
	int64_t pid;
	uint64_t start_ticks;
	int64_t started_at, finished_at;
	uint8_t reserved[68];
	uint32_t crc; /* crc32 (zlib) of everything before */
};
_Static_assert(sizeof(struct mon_exit_record) == 128, "the exit record has a fixed size");

/* Reads a record; a short, damaged or foreign one is CRL_INVALID, none CRL_NOT_FOUND. */
int mon_exit_record_read(int dir_fd, struct mon_exit_record *ret, struct crl_err *err);
int mon_exit_record_write(int dir_fd, struct mon_exit_record *rec, bool durable,
			  struct crl_err *err);

#endif
