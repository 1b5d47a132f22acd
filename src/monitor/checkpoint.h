/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Checkpoints of the container: made by criu into a folder, and what a restore must know. */
#ifndef MONITOR_CHECKPOINT_H
#define MONITOR_CHECKPOINT_H

#include <crun-lite/monitor_proto.h>

struct monitor;

/* crun-lite.json beside the images: what criu was told to leave to us. */
#define CHECKPOINT_FILE "crun-lite.json"
struct checkpoint {
	char **mounts; /* mount points whose content is not in the images */
	char **pipes;  /* "pipe:[N]" of standard input, output, error; "" = none */
};
extern const struct json_table checkpoint_json;

/* Blocks until criu is through. With `exit` the container ends as by SIGKILL. */
int checkpoint_make(struct monitor *m, const struct mon_checkpoint *spec, struct crl_err *err);

/*
 * Mount points of a mountinfo text (proc_pid_mountinfo(5)) that are not the container's own: all
 * but the root, and whole file systems of the kernel that are mounted nowhere in `host`.
 */
int checkpoint_mounts(const char *mountinfo, const char *host, char ***ret, struct crl_err *err);

#endif
