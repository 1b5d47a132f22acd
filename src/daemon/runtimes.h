/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * OCI runtimes by name: ours, and those of daemon.json's "runtimes". "runc" and
 * "io.containerd.runc.v2", which clients send by habit, mean ours unless the
 * configuration says otherwise (docs/adr/0055).
 */
#ifndef DAEMON_RUNTIMES_H
#define DAEMON_RUNTIMES_H

#include <base/json.h>
#include <crun-lite/err.h>
#include <crun-lite/monitor_proto.h>

#define RUNTIME_OWN "crun-lite"

struct daemon;
struct runtimes;

int runtimes_init(struct daemon *d, struct crl_err *err);
void runtimes_free(struct runtimes *r);

/* CRL_INVALID "unknown or invalid runtime name: x". */
int runtime_check(const struct daemon *d, const char *name, struct crl_err *err);
/* The name that containers get which ask for none. Static or the configuration's. */
const char *runtime_default(const struct daemon *d);
/*
 * What the monitor is told; *ret is NULL for our own. The caller frees by
 * runtime_free(). A program that is missing is CRL_INVALID in Docker's words.
 */
int runtime_find(const struct daemon *d, const char *name, struct mon_runtime **ret,
		 struct crl_err *err);
void runtime_free(struct mon_runtime *r);
bool runtime_is_own(const struct daemon *d, const char *name);
/*
 * Freezes or thaws a container that another runtime put into a group of the
 * first cgroup version; false: it has none of its own.
 */
bool runtime_freeze(int64_t pid, const char *id, bool freeze);
/*
 * Ends what another runtime left of a container whose monitor died: processes
 * in its groups, of all hierarchies, and the groups themselves.
 */
void runtime_end_groups(const struct daemon *d, const char *id, const char *parent);
/* Adds Runtimes and DefaultRuntime to info; "status" once the runtime has told its features. */
void runtimes_info(struct daemon *d, cJSON *info);

#endif
