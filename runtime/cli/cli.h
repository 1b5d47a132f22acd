/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the verbs of crun-lite-runtime share: global options and the state on disk. */
#ifndef RUNTIME_CLI_H
#define RUNTIME_CLI_H

#include <base/json.h>
#include <crun-lite/runtime.h>

#define CLI_DEFAULT_ROOT "/run/crun-lite-runtime"
#define CLI_CONFIG_LIMIT (16U * 1024 * 1024)

struct cli {
	const char *root;
	const char *log;
	bool log_json;
	bool debug;
};

/* A verb gets the words after its name; its result is the exit code (1 with err set = error). */
typedef int (*cli_verb)(struct cli *cli, int argc, char **argv, struct crl_err *err);
int verb_run(struct cli *cli, int argc, char **argv, struct crl_err *err);
int verb_create(struct cli *cli, int argc, char **argv, struct crl_err *err);
int verb_start(struct cli *cli, int argc, char **argv, struct crl_err *err);
int verb_exec(struct cli *cli, int argc, char **argv, struct crl_err *err);
int verb_state(struct cli *cli, int argc, char **argv, struct crl_err *err);
int verb_list(struct cli *cli, int argc, char **argv, struct crl_err *err);
int verb_kill(struct cli *cli, int argc, char **argv, struct crl_err *err);
int verb_delete(struct cli *cli, int argc, char **argv, struct crl_err *err);
int verb_pause(struct cli *cli, int argc, char **argv, struct crl_err *err);
int verb_resume(struct cli *cli, int argc, char **argv, struct crl_err *err);
int verb_update(struct cli *cli, int argc, char **argv, struct crl_err *err);
int verb_ps(struct cli *cli, int argc, char **argv, struct crl_err *err);
int verb_spec(struct cli *cli, int argc, char **argv, struct crl_err *err);
int verb_features(struct cli *cli, int argc, char **argv, struct crl_err *err);

/*
 * ROOT/ID/state.json. The status is not stored: it follows from the process
 * and from the exec fifo, which exists until the container was started.
 */
struct state {
	char *oci_version, *id, *bundle, *rootfs;
	int64_t pid;
	uint64_t start_ticks;
	char *cgroup;  /* "" = none */
	char *created; /* RFC 3339 */
	struct strmap annotations;
};
extern const struct json_table state_json;
#define _cleanup_state_ _cleanup_(state_free)
void state_free(struct state *s);

/* Makes ROOT/ID; CRL_CONFLICT when it is there. ret_dir is a descriptor of it. */
int state_reserve(struct cli *cli, const char *id, int *ret_dir, struct crl_err *err);
int state_open_dir(struct cli *cli, const char *id, int *ret_dir, struct crl_err *err);
int state_write(int dir, const struct state *s, struct crl_err *err);
/* CRL_NOT_FOUND with the text callers look for: container "x" does not exist. */
int state_read(struct cli *cli, const char *id, struct state *ret, struct crl_err *err);
void state_remove(struct cli *cli, const char *id);
/* "created", "running", "paused", "stopped". */
const char *state_status(struct cli *cli, const struct state *s);
/* The config.json kept beside the state. */
int state_read_config(struct cli *cli, const char *id, struct oci_spec *ret, struct crl_err *err);

#define STATE_FIFO "exec.fifo"
#define STATE_CONFIG "config.json"

/* poststart (an error kills the container) and poststop (errors are warnings). */
int cli_poststart(const struct oci_spec *spec, const struct state *s, struct crl_err *err);
void cli_poststop(const struct oci_spec *spec, const struct state *s);

/* The only operand, or an error that names the verb. */
int cli_one_id(const char *verb, int argc, char **argv, const char **ret, struct crl_err *err);
/* ROOT/.cache for compiled seccomp filters, made when missing; NULL when it cannot be. Caller
 * frees. */
char *cli_cache_dir(struct cli *cli);
int cli_write_pid_file(const char *path, pid_t pid, struct crl_err *err);
int cli_warn(char *const *warnings);

/* console.c: sends the pty master to the socket as callers of runc expect. */
int console_send(const char *socket_path, int master, struct crl_err *err);
/*
 * Waits for the process, forwards signals to it and, with a pty master, copies
 * between it and our terminal. Returns the payload's exit code.
 */
int console_wait(int pidfd, int master);

/* seal.c: goes on in a sealed copy of this program (CVE-2019-5736). */
int seal_self(char **argv, struct crl_err *err);

#endif
