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
#include <sys/stat.h>
#include <sys/wait.h>

#define LINE_MAX_BYTES 16384U

/* --- files the step sees --- */

static int write_file(struct build_job *j, const char *name, const char *text, mode_t mode,
		      struct crl_err *err)
{
	return path_write_atomic(j->staging_fd, name, text, strlen(text), mode, false, err);
}

static int write_resolv_conf(struct build_job *j, struct crl_err *err)
{
	_cleanup_free_ char *text = NULL;
	const char *path = j->args.resolv_conf ? j->args.resolv_conf : "/etc/resolv.conf";
	size_t len;

	if (path_read_file(AT_FDCWD, path, 1U << 20, &text, &len, NULL) < 0)
		return write_file(j, "resolv.conf", "", 0644, err);
	return write_file(j, "resolv.conf", text, 0644, err);
}

static int write_hosts(struct build_job *j, const char *hostname, struct crl_err *err)
{
	_cleanup_buf_ struct buf out = BUF_INIT;
	_cleanup_free_ char *text = NULL;
	size_t len;

	if (j->args.hosts &&
	    path_read_file(AT_FDCWD, j->args.hosts, 1U << 20, &text, &len, NULL) == 0)
		buf_add(&out, text, len);
	else
		buf_puts(&out, "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n");
	for (size_t i = 0; j->args.extra_hosts && j->args.extra_hosts[i]; i++) {
		const char *entry = j->args.extra_hosts[i], *sep = strpbrk(entry, "=:");
		if (!sep)
			return crl_fail(err, CRL_INVALID,
					"extra host \"%s\": the form is name:address", entry);
		buf_printf(&out, "%s\t%.*s\n", sep + 1, (int)(sep - entry), entry);
	}
	buf_printf(&out, "127.0.0.1\t%.12s\n", hostname);
	return out.failed ? crl_fail_oom(err) : write_file(j, "hosts", out.data, 0644, err);
}

static int write_files(struct build_job *j, const struct crl_build_run *run, struct crl_err *err)
{
	char hostname[16];

	snprintf(hostname, sizeof(hostname), "%.12s\n", run->id);
	if (write_resolv_conf(j, err) < 0 || write_hosts(j, run->id, err) < 0 ||
	    write_file(j, "hostname", hostname, 0644, err) < 0)
		return -1;
	return run->script ? write_file(j, "script", run->script, 0755, err) : 0;
}

/*
 * --- mount points that the step's root does not have ---
 * They are made before the step and taken away after it, and the folders
 * around them get their times back unless the step changed them itself:
 * otherwise every RUN would leave a layer.
 */

static const struct {
	const char *path;
	bool is_dir;
} stubs[] = {{"/proc", true},
	     {"/sys", true},
	     {"/dev", true},
	     {"/etc", true},
	     {"/etc/hosts", false},
	     {"/etc/hostname", false},
	     {"/etc/resolv.conf", false}};

static const char *const stub_parents[] = {"/", "/etc"};

struct stub_state {
	unsigned made; /* bit i: stubs[i] */
	struct timespec before[ARRAY_SIZE(stub_parents)], after[ARRAY_SIZE(stub_parents)];
};

static void parent_times(int root_fd, struct timespec times[])
{
	for (size_t i = 0; i < ARRAY_SIZE(stub_parents); i++) {
		_cleanup_close_ int fd = -1;
		struct stat st;
		times[i] = (struct timespec){.tv_nsec = UTIME_OMIT};
		if (path_open_in_root(root_fd, stub_parents[i], O_RDONLY | O_DIRECTORY, 0, &fd,
				      NULL) == 0 &&
		    fstat(fd, &st) == 0)
			times[i] = st.st_mtim;
	}
}

/* The folder that holds a stub; *ret_name is its last component. */
static int stub_parent(int root_fd, const char *path, const char **ret_name)
{
	const char *slash = strrchr(path, '/');
	_cleanup_free_ char *dir = strndup(path, (size_t)(slash - path));
	int fd = -1;

	*ret_name = slash + 1;
	if (!dir ||
	    path_open_in_root(root_fd, *dir ? dir : "/", O_RDONLY | O_DIRECTORY, 0, &fd, NULL) < 0)
		return -1;
	return fd;
}

static void stubs_make(int root_fd, struct stub_state *s)
{
	*s = (struct stub_state){0};
	parent_times(root_fd, s->before);
	for (size_t i = 0; i < ARRAY_SIZE(stubs); i++) {
		const char *name;
		_cleanup_close_ int fd = stub_parent(root_fd, stubs[i].path, &name), file = -1;
		if (fd < 0)
			continue;
		if (stubs[i].is_dir)
			s->made |= mkdirat(fd, name, 0755) == 0 ? 1U << i : 0U;
		else if ((file = openat(fd, name,
					O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
					0644)) >= 0)
			s->made |= 1U << i;
	}
	parent_times(root_fd, s->after);
}

static void stubs_remove(int root_fd, const struct stub_state *s)
{
	struct timespec now[ARRAY_SIZE(stub_parents)];

	parent_times(root_fd, now);
	for (size_t i = ARRAY_SIZE(stubs); i-- > 0;) {
		const char *name;
		struct stat st;
		_cleanup_close_ int fd =
			s->made & (1U << i) ? stub_parent(root_fd, stubs[i].path, &name) : -1;
		if (fd < 0 || fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		if (S_ISDIR(st.st_mode))
			unlinkat(fd, name, AT_REMOVEDIR); /* only when empty */
		else if (S_ISREG(st.st_mode) && st.st_size == 0)
			unlinkat(fd, name, 0);
	}
	for (size_t i = 0; i < ARRAY_SIZE(stub_parents); i++) {
		const struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, s->before[i]};
		_cleanup_close_ int fd = -1;
		if (now[i].tv_sec == s->after[i].tv_sec && now[i].tv_nsec == s->after[i].tv_nsec &&
		    s->made &&
		    path_open_in_root(root_fd, stub_parents[i], O_RDONLY | O_DIRECTORY, 0, &fd,
				      NULL) == 0)
			futimens(fd, times);
	}
}

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
	o.user = str_empty(run->user) ? "0:0" : run->user;
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

	if (need_netns(j, network, err) < 0 || write_files(j, run, err) < 0)
		return -1;
	if (build_spec(j, run, network, &spec, err) < 0)
		return -1;
	struct stub_state stub;
	stubs_make(run->rootfs_fd, &stub);
	int r = run_container(j, &spec, run, network, ret_status, err);
	json_free(&oci_spec_json, &spec);
	stubs_remove(run->rootfs_fd, &stub);
	return r;
}
