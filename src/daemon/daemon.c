// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Start and end of the daemon: the order in which its parts come up is the
 * table below, and they go down in reverse. A second daemon on the same roots
 * is refused by flock(2), which the kernel gives back whatever way we end.
 */
#include "daemon.h"
#include "containers.h"
#include "db.h"
#include "dns_client.h"
#include "events.h"
#include "http.h"
#include "images.h"
#include "jobs.h"
#include "metrics.h"
#include "sizes.h"
#include "network.h"
#include "runtimes.h"
#include "volumes.h"

#include <base/fd.h>
#include <base/ident.h>
#include <base/log.h>
#include <base/path.h>
#include <base/step.h>
#include <crun-lite/runtime.h>
#include <errno.h>
#include <sys/file.h>
#include <sys/utsname.h>

#define EXEC_ROOT_DEFAULT "/run/crun-lite"

int daemon_program(const struct daemon *d, const char *name, char **ret, struct crl_err *err)
{
	_cleanup_strv_ char **folders = strv_split(d->config.libexec_dir, ":", false);

	for (char **folder = folders; folder && *folder; folder++) {
		char *path = path_printf("%s/%s", *folder, name);

		if (path && access(path, X_OK) == 0) {
			*ret = path;
			return 0;
		}
		free(path);
	}
	return crl_fail(err, CRL_NOT_FOUND, "program %s not found in %s", name,
			d->config.libexec_dir);
}

const char *daemon_arch(void)
{
	static const char *const names[][2] = {
		{"x86_64", "amd64"}, {"aarch64", "arm64"},   {"armv7l", "arm"},
		{"i686", "386"},     {"riscv64", "riscv64"}, {"ppc64le", "ppc64le"},
	};
	static struct utsname u;

	if (!u.machine[0])
		(void)uname(&u);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (str_eq(names[i][0], u.machine))
			return names[i][1];
	}
	return u.machine;
}

/* --- steps --- */

/*
 * A daemon that was killed while it started a program may leave a child that holds the lock until
 * its execve(2); a daemon that lives holds it for good.
 */
static int lock_patiently(int fd)
{
	const struct timespec pause = {.tv_nsec = 20 * 1000 * 1000};
	int r = flock(fd, LOCK_EX | LOCK_NB);

	for (int i = 0; r < 0 && errno == EWOULDBLOCK && i < 50; i++) {
		nanosleep(&pause, NULL);
		r = flock(fd, LOCK_EX | LOCK_NB);
	}
	return r;
}

static int make_root(const char *path, mode_t mode, int *ret_fd, struct crl_err *err)
{
	_cleanup_close_ int fd = -1;

	if (path_mkdir_p(path, mode, err) < 0)
		return -1;
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return crl_fail_sys(err, errno, "open %s", path);
	/* An ext4 that met an error is read-only: said here, instead of by the database. */
	_cleanup_close_ int probe = openat(fd, ".", O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);
	if ((probe < 0 && errno == EROFS) || access(path, W_OK) < 0)
		return crl_fail_sys(err, errno, "%s cannot be written", path);
	if (lock_patiently(fd) < 0) {
		if (errno == EWOULDBLOCK)
			return crl_fail(err, CRL_CONFLICT, "another daemon is using %s", path);
		return crl_fail_sys(err, errno, "lock %s", path);
	}
	*ret_fd = take_fd(&fd);
	return 0;
}

static int lock_roots(void *ctx, struct crl_err *err)
{
	struct daemon *d = ctx;

	if (make_root(d->config.data_root, 0710, &d->data_lock, err) < 0)
		return -1;
	return make_root(d->config.exec_root, 0711, &d->exec_lock, err);
}

static void unlock_roots(void *ctx)
{
	struct daemon *d = ctx;

	cleanup_close_p(&d->data_lock);
	cleanup_close_p(&d->exec_lock);
	d->data_lock = d->exec_lock = -1;
}

/*
 * The file may be the rest of a daemon that was killed, and its number may be
 * anybody's by now: what counts is whether the file is locked.
 */
static int write_pidfile(void *ctx, struct crl_err *err)
{
	struct daemon *d = ctx;
	const char *path = d->config.pidfile;
	_cleanup_close_ int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
	char text[32] = "";

	if (fd < 0)
		return crl_fail_sys(err, errno, "pid file %s", path);
	if (lock_patiently(fd) < 0) {
		(void)!read(fd, text, sizeof(text) - 1);
		text[strcspn(text, "\n")] = '\0';
		return crl_fail(err, CRL_CONFLICT, "pid file %s: process %s holds it", path, text);
	}
	(void)snprintf(text, sizeof(text), "%d\n", (int)getpid());
	if (ftruncate(fd, 0) < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		/* A full disk must not keep the daemon from starting. */
		log_warn("pid file not written", "path", path, "error", strerror(errno), NULL);
	d->pidfile_fd = take_fd(&fd);
	return 0;
}

static void remove_pidfile(void *ctx)
{
	struct daemon *d = ctx;

	(void)unlink(d->config.pidfile);
	cleanup_close_p(&d->pidfile_fd);
	d->pidfile_fd = -1;
}

static int open_store(void *ctx, struct crl_err *err)
{
	struct daemon *d = ctx;

	if (crl_store_open(d->config.data_root, &d->store, err) < 0)
		return -1;
	return crl_store_sweep_tmp(d->store, err);
}

static void close_store(void *ctx)
{
	struct daemon *d = ctx;

	crl_store_close(d->store);
	d->store = NULL;
}

static int load_id(struct daemon *d, struct crl_err *err)
{
	_cleanup_free_ char *body = NULL;
	struct crl_err none;
	char id[ID_HEX + 1];

	if (db_get(d->db, "daemon", "id", &body, &none) == 0 && strlen(body) == 36) {
		memcpy(d->id, body, 37);
		return 0;
	}
	ident_random(id);
	(void)snprintf(d->id, sizeof(d->id), "%.8s-%.4s-%.4s-%.4s-%.12s", id, id + 8, id + 12,
		       id + 16, id + 20);
	return db_put(d->db, "daemon", "id", d->id, true, err);
}

static int open_db(void *ctx, struct crl_err *err)
{
	struct daemon *d = ctx;
	_cleanup_free_ char *path = path_printf("%s/state.db", d->config.data_root);
	bool fresh = false;

	if (!path)
		return crl_fail_oom(err);
	if (db_open(path, &d->db, &fresh, err) < 0)
		return -1;
	if (fresh)
		log_info("a new database was made", "path", path, NULL);
	return load_id(d, err);
}

static void close_db(void *ctx)
{
	struct daemon *d = ctx;

	db_close(d->db);
	d->db = NULL;
}

static int start_events(void *ctx, struct crl_err *err)
{
	struct daemon *d = ctx;

	d->metrics = metrics_new();
	d->events = events_new(d);
	return d->events && d->metrics ? 0 : crl_fail_oom(err);
}

static void stop_events(void *ctx)
{
	struct daemon *d = ctx;

	events_free(take_ptr(d->events));
	metrics_free(take_ptr(d->metrics));
}

static int start_jobs(void *ctx, struct crl_err *err)
{
	return jobs_init(ctx, err);
}

static void stop_jobs(void *ctx)
{
	struct daemon *d = ctx;

	jobs_free(d->jobs);
	d->jobs = NULL;
	sizes_free(d->sizes);
	d->sizes = NULL;
}

static int start_images(void *ctx, struct crl_err *err)
{
	return images_init(ctx, err);
}

static void stop_images(void *ctx)
{
	struct daemon *d = ctx;

	images_free(take_ptr(d->images));
}

static int start_networks(void *ctx, struct crl_err *err)
{
	return networks_init(ctx, err);
}

static void stop_networks(void *ctx)
{
	struct daemon *d = ctx;

	jobs_end(d->jobs);
	networks_free(take_ptr(d->networks));
}

static int start_dns(void *ctx, struct crl_err *err)
{
	struct daemon *d = ctx;

	return dns_client_new(d, &d->dns, err);
}

static void stop_dns(void *ctx)
{
	struct daemon *d = ctx;

	dns_client_free(take_ptr(d->dns));
}

static int start_volumes(void *ctx, struct crl_err *err)
{
	return volumes_init(ctx, err);
}

static void stop_volumes(void *ctx)
{
	struct daemon *d = ctx;

	volumes_free(take_ptr(d->volumes));
}

static int start_runtimes(void *ctx, struct crl_err *err)
{
	return runtimes_init(ctx, err);
}

static void stop_runtimes(void *ctx)
{
	struct daemon *d = ctx;

	runtimes_free(take_ptr(d->runtimes));
}

static int start_containers(void *ctx, struct crl_err *err)
{
	return containers_init(ctx, err);
}

/*
 * The parent of the containers' cgroups stays while we live, so that a start
 * need not make it and hand controllers down again. With containers in it,
 * ours that run on or another daemon's, rmdir(2) leaves it alone.
 */
static void drop_cgroup_parent(void)
{
	const char *root = crl_cgroup_root();
	_cleanup_free_ char *parent = root ? path_printf("%s/docker", root) : NULL;

	if (parent && rmdir(parent) < 0 && errno != EBUSY && errno != ENOENT)
		log_warn("cgroup not removed", "path", parent, "error", strerror(errno), NULL);
}

static void stop_containers(void *ctx)
{
	struct daemon *d = ctx;

	containers_free(take_ptr(d->containers));
	drop_cgroup_parent();
}

/* One copy in memory for all containers: starting one reads no file, and an upgrade changes none.
 */
static int load_monitor(void *ctx, struct crl_err *err)
{
	struct daemon *d = ctx;
	_cleanup_free_ char *path = NULL;

	if (daemon_program(d, "crun-lite-monitor", &path, err) < 0)
		return -1;
	return fd_sealed_copy(path, &d->monitor_exe_fd, err);
}

static void close_monitor(void *ctx)
{
	struct daemon *d = ctx;

	cleanup_close_p(&d->monitor_exe_fd);
	d->monitor_exe_fd = -1;
}

static int start_http(void *ctx, struct crl_err *err)
{
	struct daemon *d = ctx;

	if (http_server_new(d, &d->http, err) < 0)
		return -1;
	for (char **host = d->config.hosts; *host; host++) {
		if (http_server_listen(d->http, *host, err) < 0) {
			http_server_free(take_ptr(d->http));
			return -1;
		}
	}
	if (d->config.metrics_addr &&
	    http_server_listen_metrics(d->http, d->config.metrics_addr, err) < 0) {
		http_server_free(take_ptr(d->http));
		return -1;
	}
	return 0;
}

static void stop_http(void *ctx)
{
	struct daemon *d = ctx;

	http_server_free(take_ptr(d->http));
}

static int sweep_networks(void *ctx, struct crl_err *err)
{
	networks_sweep(ctx);
	dns_client_recovered(ctx);
	return 0;
}

static const struct step start_steps[] = {
	{.name = "daemon.lock_roots",
	 .why = "two daemons never share a root",
	 .see = "flock(2)",
	 .run = lock_roots,
	 .undo = unlock_roots},
	{.name = "daemon.pidfile",
	 .why = "service scripts find the daemon",
	 .see = "flock(2)",
	 .run = write_pidfile,
	 .undo = remove_pidfile},
	{.name = "daemon.store",
	 .why = "images; what an interrupted job left is thrown away",
	 .see = "image-layout.md",
	 .run = open_store,
	 .undo = close_store},
	{.name = "daemon.db",
	 .why = "the index over all records",
	 .see = "sqlite3(1)",
	 .run = open_db,
	 .undo = close_db},
	{.name = "daemon.events",
	 .why = "every part may publish",
	 .see = "docker-events(1)",
	 .run = start_events,
	 .undo = stop_events},
	{.name = "daemon.jobs",
	 .why = "workers",
	 .see = "pidfd_open(2)",
	 .run = start_jobs,
	 .undo = stop_jobs},
	{.name = "daemon.images",
	 .why = "names of images",
	 .see = "image-layout.md",
	 .run = start_images,
	 .undo = stop_images},
	/* Before recovery, so that a taken socket is found out first; clients wait in the backlog.
	 */
	{.name = "daemon.http",
	 .why = "sockets",
	 .see = "unix(7)",
	 .run = start_http,
	 .undo = stop_http},
	{.name = "daemon.monitor",
	 .why = "the program that is every container's parent",
	 .see = "memfd_create(2)",
	 .run = load_monitor,
	 .undo = close_monitor},
	{.name = "daemon.networks",
	 .why = "addresses and rules that running containers have",
	 .see = "nft(8)",
	 .run = start_networks,
	 .undo = stop_networks},
	{.name = "daemon.dns",
	 .why = "names of containers on user-defined networks",
	 .see = "resolv.conf(5)",
	 .run = start_dns,
	 .undo = stop_dns},
	{.name = "daemon.volumes",
	 .why = "data that outlives containers",
	 .see = "mount(8)",
	 .run = start_volumes,
	 .undo = stop_volumes},
	{.name = "daemon.runtimes",
	 .why = "which other runtimes there are, and what they can",
	 .see = "runc(8)",
	 .run = start_runtimes,
	 .undo = stop_runtimes},
	{.name = "daemon.containers",
	 .why = "records; monitors that live are taken up again",
	 .see = "unix(7)",
	 .run = start_containers,
	 .undo = stop_containers},
	{.name = "daemon.sweep_networks",
	 .why = "links and rules that no container has any more",
	 .see = "nft(8)",
	 .run = sweep_networks},
};
STEPS_LISTED(start_steps);

static struct step_run start_run;

int daemon_start(struct daemon *d, struct crl_err *err)
{
	char hex[SHA256_HEX + 1];

	d->data_lock = d->exec_lock = d->pidfile_fd = d->monitor_exe_fd = -1;
	d->started_at = time_now_ns();
	if (!str_eq(d->config.exec_root, EXEC_ROOT_DEFAULT)) {
		ident_sha256(d->config.exec_root, strlen(d->config.exec_root), hex);
		(void)snprintf(d->suffix, sizeof(d->suffix), "-%.6s", hex);
	}
	start_run = (struct step_run){0};
	return steps_run(start_steps, ARRAY_SIZE(start_steps), d, &start_run, err);
}

void daemon_stop(struct daemon *d)
{
	steps_undo(start_steps, d, &start_run);
}
