/* SPDX-License-Identifier: GPL-2.0-or-later */
/* run, create, start: a bundle becomes a container. */
#include "../cgroup.h"
#include "args.h"
#include "cli.h"
#include <base/ident.h>
#include <base/path.h>
#include <base/proc.h>
#include <errno.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>

struct run {
	struct cli *cli;
	const char *bundle, *pid_file, *console_socket, *config;
	int64_t preserve_fds;
	bool detach, no_pivot, no_new_keyring, keep, explain;
	const char *id;
	int dir; /* of the state */
	struct oci_spec spec;
	struct state state;
	char *config_text;
	size_t config_len;
	char *bundle_path;
	int master;
	int start_fd;
	struct crl_rt *rt;
};

static void explain_line(const char *step, const char *why, const char *see, uint64_t us,
			 const struct crl_err *err, void *data)
{
	fprintf(stderr, "%8llu us  %-20s %s  [%s]%s%s\n", (unsigned long long)us, step, why, see,
		err ? "  FAILED: " : "", err ? err->msg : "");
}

static int read_bundle(struct run *r, struct crl_err *err)
{
	r->bundle_path = realpath(r->bundle ? r->bundle : ".", NULL);
	if (!r->bundle_path)
		return crl_fail_sys(err, errno, "bundle %s", r->bundle ? r->bundle : ".");
	_cleanup_free_ char *file = r->config && r->config[0] == '/'
					    ? strdup(r->config)
					    : path_printf("%s/%s", r->bundle_path,
							  r->config ? r->config : "config.json");
	if (!file)
		return crl_fail_oom(err);
	if (path_read_file(AT_FDCWD, file, CLI_CONFIG_LIMIT, &r->config_text, &r->config_len, err) <
	    0)
		return -1;
	if (json_decode(&oci_spec_json, r->config_text, r->config_len, JSON_LAX, &r->spec, err) < 0)
		return crl_context(err, "%s", file);
	return 0;
}

static int check_terminal(const struct run *r, bool detached, struct crl_err *err)
{
	bool tty = r->spec.process && r->spec.process->terminal;
	if (detached && tty && !r->console_socket)
		return crl_fail(err, CRL_INVALID,
				"cannot allocate tty if runc will detach without "
				"setting console socket");
	if (r->console_socket && !tty)
		return crl_fail(err, CRL_INVALID,
				"cannot use console socket if runc will not detach "
				"or allocate tty");
	return 0;
}

/* With O_RDWR neither side waits for the other, and the reader sees no end of file. */
static int make_fifo(struct run *r, struct crl_err *err)
{
	if (mkfifoat(r->dir, STATE_FIFO, 0600) < 0)
		return crl_fail_sys(err, errno, "make " STATE_FIFO);
	r->start_fd = openat(r->dir, STATE_FIFO, O_RDWR | O_CLOEXEC);
	return r->start_fd < 0 ? crl_fail_sys(err, errno, "open " STATE_FIFO) : 0;
}

/*
 * Written before anything exists, with the cgroup to come: whatever kills us,
 * `delete --force` finds all there is.
 */
static int save_plan(struct run *r, struct crl_err *err)
{
	char created[TIME_BUF];
	struct state *s = &r->state;
	const char *cgroups_path = r->spec.linux_ ? r->spec.linux_->cgroups_path : NULL;
	if (crl_cgroup_root() && cgroup_path_for(cgroups_path, r->id, &s->cgroup, err) < 0)
		return -1;
	const char *root = r->spec.root ? r->spec.root->path : "";
	s->rootfs = root[0] == '/' ? strdup(root) : path_printf("%s/%s", r->bundle_path, root);
	s->oci_version = strdup(r->spec.oci_version);
	s->id = strdup(r->id);
	s->bundle = strdup(r->bundle_path);
	s->created = strdup(time_rfc3339(time_now_ns(), created));
	if (!s->rootfs || !s->oci_version || !s->id || !s->bundle || !s->created ||
	    strmap_copy(&s->annotations, &r->spec.annotations) < 0)
		return crl_fail_oom(err);
	if (path_write_atomic(r->dir, STATE_CONFIG, r->config_text, r->config_len, 0600, false,
			      err) < 0)
		return -1;
	return state_write(r->dir, s, err);
}

static int save_pid(struct run *r, struct crl_err *err)
{
	r->state.pid = crl_rt_pid(r->rt);
	if (proc_start_time(crl_rt_pid(r->rt), &r->state.start_ticks, err) < 0)
		return -1;
	return state_write(r->dir, &r->state, err);
}

static int create(struct run *r, bool detached, struct crl_err *err)
{
	_cleanup_free_ char *cache = cli_cache_dir(r->cli);
	struct crl_rt_options o;
	crl_rt_options_init(&o);
	o.id = r->id;
	o.bundle_dir = r->bundle_path;
	o.cache_dir = cache;
	o.preserve_fds = (int)r->preserve_fds;
	o.no_new_keyring = r->no_new_keyring;
	o.start_fd = r->start_fd;
	o.explain = r->explain ? explain_line : NULL;
	bool tty = r->spec.process && r->spec.process->terminal;
	for (int i = 0; i < 3; i++)
		o.stdio[i] = tty ? -1 : i;
	o.ret_pty_master = &r->master;
	if (save_plan(r, err) < 0 || crl_rt_create(&r->spec, &o, &r->rt, err) < 0)
		return -1;
	cli_warn(crl_rt_warnings(r->rt));
	if (save_pid(r, err) < 0)
		return -1;
	if (tty && r->console_socket && console_send(r->console_socket, r->master, err) < 0)
		return -1;
	return cli_write_pid_file(r->pid_file, crl_rt_pid(r->rt), err);
}

static int prepare(struct run *r, bool detached, int argc, char **argv, struct crl_err *err)
{
	if (cli_one_id(detached ? "create" : "run", argc, argv, &r->id, err) < 0)
		return -1;
	if (r->no_pivot)
		return crl_fail(err, CRL_UNSUPPORTED,
				"--no-pivot is refused: without pivot_root the host's mounts stay "
				"in reach");
	if (r->preserve_fds < 0 || r->preserve_fds > 1024)
		return crl_fail(err, CRL_INVALID, "--preserve-fds: 0 to 1024");
	if (read_bundle(r, err) < 0 || check_terminal(r, detached, err) < 0)
		return -1;
	return state_reserve(r->cli, r->id, &r->dir, err);
}

static void give_up(struct run *r)
{
	crl_rt_destroy(r->rt);
	r->rt = NULL;
	if (r->dir >= 0)
		state_remove(r->cli, r->id);
}

static void run_free(struct run *r)
{
	if (r->rt)
		crl_rt_free(r->rt);
	json_free(&oci_spec_json, &r->spec);
	state_free(&r->state);
	free(r->config_text);
	free(r->bundle_path);
	int fds[] = {r->dir, r->master, r->start_fd};
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
		if (fds[i] >= 0)
			close(fds[i]);
}

/* The options create and run share; `run` adds its own behind. */
#define SHARED_ARGS                                                                                \
	{"bundle", 'b', ARG_STRING, &r.bundle, "folder with config.json (default: here)"},         \
		{"config", 'f', ARG_STRING, &r.config, "another config.json"},                     \
		{"pid-file", 0, ARG_STRING, &r.pid_file, "file to write the pid of init to"},      \
		{"console-socket", 0, ARG_STRING, &r.console_socket,                               \
		 "socket that receives the terminal"},                                             \
		{"preserve-fds", 0, ARG_NUMBER, &r.preserve_fds, "pass descriptors 3..3+N-1 on"},  \
		{"no-pivot", 0, ARG_FLAG, &r.no_pivot, "refused"},                                 \
		{"no-new-keyring", 0, ARG_FLAG, &r.no_new_keyring,                                 \
		 "keep the caller's session keyring"},                                             \
	{                                                                                          \
		"explain", 0, ARG_FLAG, &r.explain, "tell each step on stderr"                     \
	}

int verb_create(struct cli *cli, int argc, char **argv, struct crl_err *err)
{
	struct run r = {.cli = cli, .dir = -1, .master = -1, .start_fd = -1};
	const struct arg args[] = {SHARED_ARGS, {0}};
	int at = args_parse(args, argc, argv, err);
	int rc = 1;
	if (at >= 0 && prepare(&r, true, argc - at, argv + at, err) == 0) {
		if (make_fifo(&r, err) == 0 && create(&r, true, err) == 0)
			rc = 0;
		else
			give_up(&r);
	}
	run_free(&r);
	return rc;
}

static int run_foreground(struct run *r)
{
	int code = console_wait(crl_rt_pidfd(r->rt), r->console_socket ? -1 : r->master);
	if (!r->keep) {
		crl_rt_destroy(take_ptr(r->rt));
		state_remove(r->cli, r->id);
		cli_poststop(&r->spec, &r->state);
	}
	return code;
}

int verb_run(struct cli *cli, int argc, char **argv, struct crl_err *err)
{
	struct run r = {.cli = cli, .dir = -1, .master = -1, .start_fd = -1};
	const struct arg args[] = {
		SHARED_ARGS,
		{"detach", 'd', ARG_FLAG, &r.detach, "return once it runs"},
		{"keep", 0, ARG_FLAG, &r.keep, "do not delete the container at its end"},
		{"no-subreaper", 0, ARG_IGNORED, NULL, NULL},
		{0},
	};
	int at = args_parse(args, argc, argv, err);
	int rc = 1;
	if (at >= 0 && prepare(&r, r.detach, argc - at, argv + at, err) == 0) {
		if (create(&r, r.detach, err) == 0 && crl_rt_start(r.rt, err) == 0 &&
		    cli_poststart(&r.spec, &r.state, err) == 0)
			rc = r.detach ? 0 : run_foreground(&r);
		else {
			rc = crl_rt_exit_code_of(err);
			rc = rc == 125 ? 1 : rc;
			give_up(&r);
		}
	}
	run_free(&r);
	return rc;
}

static int let_go(int dir, struct crl_err *err)
{
	/* O_NONBLOCK: an init that died meanwhile is an error (ENXIO), not a wait for ever. */
	_cleanup_close_ int fifo = openat(dir, STATE_FIFO, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
	if (fifo < 0 || write(fifo, "1", 1) != 1)
		return crl_fail_sys(err, errno, "start");
	unlinkat(dir, STATE_FIFO, 0);
	return 0;
}

static int start(struct cli *cli, const char *id, struct crl_err *err)
{
	_cleanup_state_ struct state s = {0};
	_cleanup_close_ int dir = -1;
	struct oci_spec spec = {0};
	if (state_read(cli, id, &s, err) < 0)
		return -1;
	const char *status = state_status(cli, &s);
	if (!str_eq(status, "created"))
		return crl_fail(err, CRL_CONFLICT, "cannot start a container that is %s", status);
	if (state_open_dir(cli, id, &dir, err) < 0 || state_read_config(cli, id, &spec, err) < 0)
		return -1;
	int r = let_go(dir, err);
	if (r == 0 && (r = cli_poststart(&spec, &s, err)) < 0)
		kill((pid_t)s.pid, SIGKILL);
	json_free(&oci_spec_json, &spec);
	return r;
}

int verb_start(struct cli *cli, int argc, char **argv, struct crl_err *err)
{
	const char *id;
	if (cli_one_id("start", argc, argv, &id, err) < 0)
		return 1;
	return start(cli, id, err) < 0;
}
