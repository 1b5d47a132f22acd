/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Runs one RUN step with the runtime library and passes its output on, line
 * by line. The container dies with this process (PR_SET_PDEATHSIG), and what
 * it leaves in the background dies with its pid namespace.
 */
#include "build.h"
#include "control.h"

#include <base/fd.h>
#include <base/path.h>
#include <base/proc.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/wait.h>

#define LINE_MAX_BYTES 16384U

/* --- output --- */

static void pass_lines(struct build_job *j, struct buf *pending, bool all)
{
	while (pending->len > 0) {
		const char *nl = memchr(pending->data, '\n', pending->len);
		size_t n = nl ? (size_t)(nl - pending->data) + 1 : pending->len;
		if (!nl && !all && pending->len < LINE_MAX_BYTES)
			return;
		build_stream(j, pending->data, n);
		buf_consume(pending, n);
	}
}

/* One read; false at the end. */
static bool pump(struct build_job *j, int fd, struct buf *pending)
{
	char chunk[16384];
	ssize_t n = read(fd, chunk, sizeof(chunk));

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return true;
	if (n <= 0)
		return false;
	buf_add(pending, chunk, (size_t)n);
	pass_lines(j, pending, false);
	return true;
}

/* Passes output on until the step ended; false = cancelled. */
static bool follow(struct build_job *j, int pidfd, int out, struct buf *pending)
{
	bool open = true;

	for (;;) {
		struct pollfd p[] = {{.fd = pidfd, .events = POLLIN},
				     {.fd = CONTROL_FD, .events = POLLRDHUP},
				     {.fd = open ? out : -1, .events = POLLIN}};
		if (poll(p, ARRAY_SIZE(p), -1) < 0 && errno != EINTR)
			return false;
		if (open && (p[2].revents & (POLLIN | POLLHUP | POLLERR)))
			open = pump(j, out, pending);
		else if (p[0].revents)
			return true;
		if ((p[1].revents & (POLLHUP | POLLRDHUP | POLLERR)) || j->cancelled) {
			j->cancelled = true;
			return false;
		}
	}
}

/* What is still in the pipe when all writers are gone. */
static void drain(struct build_job *j, int out, struct buf *pending)
{
	fd_set_nonblock(out, true, NULL);
	for (;;) {
		char chunk[16384];
		ssize_t n = read(out, chunk, sizeof(chunk));
		if (n <= 0)
			break;
		buf_add(pending, chunk, (size_t)n);
	}
	pass_lines(j, pending, true);
}

/* --- the step --- */

const char *build_network(const struct build_job *j, const struct crl_build_run *run)
{
	const char *mode = run->network;

	if (str_empty(mode) || str_eq(mode, "default"))
		mode = j->args.network_mode;
	return str_empty(mode) || str_eq(mode, "default") ? "bridge" : mode;
}

/* One namespace for all steps that want the build's network. */
static int need_netns(struct build_job *j, const char *network, struct crl_err *err)
{
	_cleanup_cjson_ cJSON *answer = NULL;
	cJSON *request;

	if (j->netns_fd >= 0 || str_eq(network, "none") || str_eq(network, "host"))
		return 0;
	request = cJSON_CreateObject();
	if (request) {
		json_add_str(request, "call", "netns");
		json_add_str(request, "mode", network);
	}
	if (build_call(j, request, &answer, &j->netns_fd, err) < 0)
		return crl_context(err, "network %s", network);
	if (j->netns_fd < 0)
		return crl_fail(err, CRL_INTERNAL, "network %s: no namespace came", network);
	const char *id = json_get_str(answer, "id");
	free(j->netns_id);
	j->netns_id = id ? strdup(id) : NULL;
	return 0;
}

static int wait_status(struct build_job *j, struct crl_rt *rt, int out, int *ret_status,
		       struct crl_err *err)
{
	_cleanup_buf_ struct buf pending = BUF_INIT;
	bool ended = follow(j, crl_rt_pidfd(rt), out, &pending);
	int status = 0;

	if (!ended)
		proc_pidfd_kill(crl_rt_pidfd(rt), SIGKILL, NULL);
	while (waitpid(crl_rt_pid(rt), &status, 0) < 0)
		if (errno != EINTR)
			return crl_fail_sys(err, errno, "wait for the step");
	if (!ended)
		return crl_fail(err, CRL_UNAVAILABLE, "the build was cancelled");
	drain(j, out, &pending);
	*ret_status = proc_exit_code(status);
	return 0;
}

/* A command that cannot be executed is its failure, as in docker: 127 or 126 and the reason as
 * output. */
static int start_failed(struct build_job *j, const struct crl_err *why, int *ret_status,
			struct crl_err *err)
{
	int code = crl_rt_exit_code_of(why);

	if (code != 126 && code != 127) {
		if (err)
			*err = *why;
		return -1;
	}
	build_stream(j, why->msg, strlen(why->msg));
	build_stream(j, "\n", 1);
	*ret_status = code;
	return 0;
}

static int run_container(struct build_job *j, const struct oci_spec *spec,
			 const struct crl_build_run *run, const char *network, int *ret_status,
			 struct crl_err *err)
{
	_cleanup_close_ int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	struct crl_rt_options o;
	struct crl_err why = CRL_ERR_INIT;
	struct crl_rt *rt = NULL;
	int pipe_fds[2];

	if (null < 0 || pipe2(pipe_fds, O_CLOEXEC) < 0)
		return crl_fail_sys(err, errno, "pipe");
	_cleanup_close_ int out = pipe_fds[0], in = pipe_fds[1];
	crl_rt_options_init(&o);
	o.id = run->id;
	o.rootfs_fd = run->rootfs_fd;
	o.stdio[0] = null;
	o.stdio[1] = o.stdio[2] = in;
	o.netns_fd = str_eq(network, "none") || str_eq(network, "host") ? -1 : j->netns_fd;
	o.cache_dir = j->args.cache_dir;
	o.user = str_empty(run->user) ? "0" : run->user;
	o.pdeathsig = true;
	if (crl_rt_create(spec, &o, &rt, &why) < 0)
		return start_failed(j, &why, ret_status, err);
	cleanup_close_p(&in);
	in = -1;
	int r = crl_rt_start(rt, &why);
	if (r < 0) {
		proc_pidfd_kill(crl_rt_pidfd(rt), SIGKILL, NULL);
		waitpid(crl_rt_pid(rt), NULL, 0);
		r = start_failed(j, &why, ret_status, err);
	} else {
		r = wait_status(j, rt, out, ret_status, err);
	}
	crl_rt_destroy(rt);
	return r;
}

int build_run_step(struct build_job *j, const struct crl_build_run *run, int *ret_status,
		   struct crl_err *err)
{
	const char *network = build_network(j, run);
	struct oci_spec spec = {0};

	if (need_netns(j, network, err) < 0 || build_files_write(j, run, network, err) < 0)
		return -1;
	if (build_spec(j, run, network, &spec, err) < 0)
		return -1;
	struct build_stubs stub;
	build_stubs_make(run->rootfs_fd, &stub);
	int r = run_container(j, &spec, run, network, ret_status, err);
	json_free(&oci_spec_json, &spec);
	build_stubs_remove(run->rootfs_fd, &stub);
	return r;
}
