/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Further processes in a running container; in memory only. Kept some minutes after their end for
 * inspect. */
#ifndef DAEMON_EXEC_H
#define DAEMON_EXEC_H

#include "monitor_client.h"

#include <base/ident.h>
#include <crun-lite/api_container.h>
#include <crun-lite/monitor_proto.h>
#include <systemd/sd-event.h>

struct container;
struct daemon;

struct exec {
	char id[ID_HEX + 1];
	struct container *c;
	struct api_exec_create spec;
	bool started, running;
	bool probe; /* a health check's */
	int64_t pid;
	int32_t exit_code;
	bool has_exit_code;
	int64_t created_boot, finished_boot;
	int32_t rows, cols;
	struct exec *next;
};

struct exec *exec_find(struct daemon *d, const char *id);
void exec_on_exit(struct container *c, const struct mon_exit *e);
void exec_on_detach(struct container *c, const char *exec_id);
/* Where its output goes. */
struct exec_streams {
	int client; /* borrowed; -1 = detached */
	const struct mon_attach *attach;
	int64_t capture, timeout_ms; /* see struct mon_exec */
};
/* Makes the monitor start it; `reply` hears how that went. */
int exec_send(struct exec *e, const struct exec_streams *io, unsigned deadline_ms,
	      monitor_reply reply, void *data, struct crl_err *err);
/* Publishes "exec_create: /bin/sh -c true". */
void exec_publish(const struct exec *e, const char *action);
/* Takes it out of its container's table and frees it. */
void exec_forget(struct exec *e);

/* The container ended: what still runs ends with it. */
void execs_end(struct container *c);
void execs_free(struct container *c);
/* Restart of the daemon: the monitor told of this exec. */
void exec_adopt(struct container *c, const struct mon_exec_state *s);
/* Those that did not end yet, for inspect's ExecIDs. */
char **exec_running_ids(const struct container *c);

#endif
