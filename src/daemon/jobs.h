/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Worker jobs: spawns crun-lite-worker, feeds its input, reads its progress.
 *
 * Started as "crun-lite-worker VERB" in a session of its own, with an environment that holds
 * PATH (and CRUN_LITE_FAIL) only. The arguments always have "root" (DATA_ROOT) and "log"
 * ("error".."debug"). A worker whose control socket reads end of file was cancelled: it ends.
 * The worker's descriptors: 0 input (body of the request or /dev/null),
 * 1 output (save, export; else /dev/null), 2 the daemon's log, 3 control: a
 * SOCK_SEQPACKET socket with one JSON object per message, worker -> daemon:
 *	{"stream":"text"} {"status":..., "id":..., "progressDetail":{...}} {"aux":{...}}
 *	                                   shown to the client as they are
 *	{"result":{...}}                   once, at success; not shown
 *	{"error":{"code":N,"message":"..."}} once, at failure
 *	{"call":...,"seq":N,...}            the worker asks, the daemon answers on the same socket
 *	                                   with {"seq":N,...} or {"seq":N,"error":"one sentence"}
 * At most 64 KiB a message.
 *
 * Verb "load" (POST /images/load). Input: an archive. {"quiet":bool}
 *	{"result":{"images":[{"id":"sha256:..","manifest":"sha256:..","names":["docker.io/library/x:1"]}]}}
 *	The handler gives them to images_add() and shows the "Loaded image" lines.
 * Verb "import" (POST /images/create?fromSrc=). Input: a root file system tar.
 *	{"changes":["CMD ..."], "message":"", "platform":"linux/amd64", "arch":"amd64"}
 *	{"result":{"id":"sha256:..","manifest":"sha256:.."}}
 * Verb "save" (GET /images/get). Output: the archive.
 *{"images":[{"manifest":"sha256:..","names":[..]}]}
 *	{"result":{}}; an error before the first byte is an ordinary HTTP error.
 * Verb "export" (GET /containers/ID/export). Output: one tar. {"upper":PATH, "lowers":[PATH.. top
 *first]}
 *	{"result":{}}
 * Verb "commit" (POST /commit). {"image":"sha256:.." (config, the parent), "manifest":"sha256:.."
 *(its manifest), "upper":PATH, "changes":["CMD ..."], "lowers":[PATH.. top first],
 *"config":{crl_image_config}, "author":"", "message":"", "command":"", "container":ID}
 *	{"result":{"id":"sha256:..","manifest":"sha256:.."}}
 * Verbs "archive-stat", "archive-get", "archive-put" (docker cp). Input of put: a tar, perhaps
 * compressed; output of get: a tar. {"path":"/as/given", and what gets it into the container:
 *	"pid":N, "ticks":N                 of a running container's process, or
 *	"upper":PATH, "work":PATH, "lowers":[PATH.. top first], "writable":bool, "durable":bool,
 *	"mounts":[{"source","destination","rw","recursive","copy_up","mapped","subpath",
 *		"lowers":[PATH..] (an image), "absent" (mounted only while it runs)}],
 *	put: "keep_kind":bool (noOverwriteDirNonDir), "copy_uid_gid":bool, "user":"",
 *"read_only":bool} archive-stat: {"result":{"name","size","mode","mtime","linkTarget"}}
 *	archive-get: {"stat":{the same}} before the first byte of output, then {"result":{}}
 *	archive-put: {"result":{}}
 * All verbs with "upper" take "uid_map" and "gid_map" ([{"container","host","size"}]) of containers
 * with users of their own (src/worker/users.h): ids of files are shown and written as they mean
 *them. Verb "changes" (GET /containers/ID/changes). Output: the answer. {"upper":PATH,
 *	"lowers":[PATH.. top first], "mounts":["/destination"..]} {"result":{}}
 * Verb "du". {"trees":[PATH..]} {"result":{"sizes":[bytes.., -1 = not there or too deep]}}
 * Verb "websocket" (attach/ws). Input: the client's socket, output: the monitor's end of an attach;
 *	both are written and read. {"text":bool, "early":base64} {"result":{}}
 * Verb "sweep": removes what the daemon moved to DATA_ROOT/tmp. {"trash":["gc-..."]} {"result":{}}
 *
 * Verb "build" (POST /build). Input: the context, a tar, perhaps compressed.
 * Arguments (those the client left out are absent):
 *	{"root":DATA_ROOT, "dockerfile":"Dockerfile", "remote":"...", "tags":[...],
 *	 "buildargs":{"K":"V" or null}, "labels":{...}, "target":"...", "nocache":bool, "pull":bool,
 *	 "platform":"linux/amd64", "networkmode":"default|bridge|none|host|NAME|container:ID",
 *	 "extrahosts":["name:ip"], "memory":N, "memswap":N, "cpushares":N, "cpuperiod":N,
 *	 "cpuquota":N, "cpusetcpus":"", "cpusetmems":"", "shmsize":N,
 *"ulimits":[{"Name","Soft","Hard"}], "resolv_conf":PATH, "hosts":PATH,   copied for RUN steps;
 *without "hosts" the worker writes one "cgroup_parent":"/docker",          steps get
 *PARENT/build-<random>; the worker removes it, the daemon's start sweeps PARENT/build-*
 *	 "cache_dir":PATH,                   compiled seccomp filters, as for the monitor
 *	 "arch":"amd64", "no_new_privileges":bool}
 * Calls:
 *	{"call":"image","seq":N,"name":"busybox:latest"}     a local name, id or id prefix
 *		-> {"seq":N,"id":"sha256:..","manifest":"sha256:.."}
 *		or {"seq":N,"error":"No such image: busybox:latest"}
 *	{"call":"netns","seq":N,"mode":"bridge"}             NAME of a network or container:ID;
 *		-> {"seq":N,"id":"..."} and one descriptor      never asked for none and host
 *	{"call":"netns_release","id":"..."}                  no answer; also when the worker ends
 *		(a container's namespace is lent, not freed)
 * Shown: the classic builder's lines up to {"aux":{"ID":..}} and "Successfully built ...".
 * When a RUN fails the worker itself sends, as a message to be shown,
 *	{"errorDetail":{"code":EXIT,"message":m},"error":m}
 * and then {"error":...} with the same text: the handler adds an errorDetail of its own only
 * when none was shown. An {"error":...} before anything was shown (a Dockerfile that does not
 * parse) is an ordinary HTTP error.
 * {"result":{"id":"sha256:..","manifest":"sha256:..","parent":"sha256:.." or ""}}: the handler
 * gives it to images_add() with the tags and shows "Successfully tagged x:latest\n" for each.
 * q=1 is the handler's: messages are held back and shown only when the build fails; on success
 * {"stream":"sha256:...\n"} alone.
 */
#ifndef DAEMON_JOBS_H
#define DAEMON_JOBS_H

#include <base/json.h>
#include <crun-lite/err.h>

struct daemon;
struct jobs;
struct job;

struct job_spec {
	const char *verb; /* "load", "import", "save", "build", ... */
	cJSON *args;   /* given to the worker as its second argument, JSON text in a memfd (fd 4) */
	int input_fd;  /* taken; -1 = /dev/null */
	int output_fd; /* taken; -1 = /dev/null */
	/* Every message that is to be shown. */
	void (*progress)(struct job *j, const cJSON *message, void *data);
	/* Exactly once, also when the worker was killed. err->code == CRL_OK: result is valid. Not
	 * called after job_cancel(). */
	void (*done)(struct job *j, const cJSON *result, const struct crl_err *err, void *data);
	void *data;
	bool outlives; /* it is not ended with the daemon: a session of a client */
};
int jobs_init(struct daemon *d, struct crl_err *err);
/*
 * The daemon's end: every worker is cancelled and waited for, builders with some
 * seconds for their own containers; leases end. Before the networks do. The jobs
 * stay, for those that point at them, until jobs_free().
 */
void jobs_end(struct jobs *j);
void jobs_free(struct jobs *j);
int job_start(struct daemon *d, const struct job_spec *spec, struct job **ret, struct crl_err *err);
/* Kills the worker; `done` will not be called; its leases end. */
void job_cancel(struct job *j);
/* Stops reading the worker's messages until it is switched off again: back-pressure. */
void job_pause(struct job *j, bool on);
/* Whether any worker runs that may add to the store (not those that only look): then garbage is not
 * collected. */
bool jobs_running(const struct daemon *d);

#endif
