/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See checkpoint.h. Owns what criu is told for a dump: the network namespace is taken as given
 * (criu runs in it), the cgroup and all mounts that come from outside are ours to make again.
 */
#include "checkpoint.h"

#include "criu.h"
#include "exec.h"
#include "monitor.h"
#include <base/cleanup.h>
#include <base/path.h>
#include <base/str.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MOUNTINFO_MAX (4U * 1024 * 1024)

static const struct json_field checkpoint_fields[] = {
	JSON_STRV(struct checkpoint, mounts, "mounts", 0),
	JSON_STRV(struct checkpoint, pipes, "pipes", JSON_REQUIRED),
};
const struct json_table checkpoint_json =
	JSON_TABLE("checkpoint", struct checkpoint, checkpoint_fields);

/* --- mounts --- */

/* The kernel writes blanks, newlines and backslashes as \ooo. */
static void unescape(char *s)
{
	char *to = s;
	for (; *s; s++) {
		bool octal = s[0] == '\\' && s[1] >= '0' && s[1] <= '3' && s[2] >= '0' &&
			     s[2] <= '7' && s[3] >= '0' && s[3] <= '7';
		*to++ = octal ? (char)((s[1] - '0') * 64 + (s[2] - '0') * 8 + (s[3] - '0')) : *s;
		s += octal ? 3 : 0;
	}
	*to = '\0';
}

static bool has_device(const char *mountinfo, const char *device)
{
	_cleanup_free_ char *word = path_printf(" %s ", device);
	return word && strstr(mountinfo, word);
}

static bool is_foreign(char *const *field, const char *type, const char *host)
{
	static const char *const own[] = {"proc", "tmpfs", "devpts", "mqueue"};
	if (!str_eq(field[3], "/") || has_device(host, field[2]))
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(own); i++)
		if (str_eq(type, own[i]))
			return false;
	return true;
}

int checkpoint_mounts(const char *mountinfo, const char *host, char ***ret, struct crl_err *err)
{
	_cleanup_strv_ char **lines = strv_split(mountinfo, "\n", false), **out = NULL;
	for (char **l = lines; l && *l; l++) {
		_cleanup_strv_ char **field = strv_split(*l, " ", false);
		size_t n = strv_len(field), dash = 6;
		while (dash < n && !str_eq(field[dash], "-"))
			dash++;
		if (dash + 1 >= n)
			return crl_fail(err, CRL_INVALID, "mountinfo: \"%s\"", *l);
		if (str_eq(field[4], "/") || !is_foreign(field, field[dash + 1], host))
			continue;
		unescape(field[4]);
		if (strv_push(&out, field[4]) < 0)
			return crl_fail_oom(err);
	}
	*ret = take_ptr(out);
	return 0;
}

static int find_mounts(pid_t pid, char ***ret, struct crl_err *err)
{
	_cleanup_free_ char *path = path_printf("/proc/%d/mountinfo", (int)pid);
	_cleanup_free_ char *text = NULL, *host = NULL;
	if (!path)
		return crl_fail_oom(err);
	if (path_read_file(AT_FDCWD, path, MOUNTINFO_MAX, &text, NULL, err) < 0 ||
	    path_read_file(AT_FDCWD, "/proc/self/mountinfo", MOUNTINFO_MAX, &host, NULL, err) < 0)
		return -1;
	return checkpoint_mounts(text, host, ret, err);
}

/* --- pipes: both ends have one number --- */

static int name_pipes(const struct streams *io, char ***ret, struct crl_err *err)
{
	const int ours[3] = {io->in.fd, io->out[0].source.fd, io->out[1].source.fd};
	for (int i = 0; i < 3; i++) {
		struct stat st;
		bool open = ours[i] >= 0 && fstat(ours[i], &st) == 0;
		if ((open ? strv_pushf(ret, "pipe:[%llu]", (unsigned long long)st.st_ino)
			  : strv_push(ret, "")) < 0)
			return crl_fail_oom(err);
	}
	return 0;
}

/* --- what cannot be done --- */

static int same_namespace(pid_t pid, const char *kind, bool *ret, struct crl_err *err)
{
	struct stat a, b;
	_cleanup_free_ char *path = path_printf("/proc/%d/ns/%s", (int)pid, kind);
	_cleanup_free_ char *own = path_printf("/proc/self/ns/%s", kind);
	if (!path || !own)
		return crl_fail_oom(err);
	if (stat(path, &a) < 0 || stat(own, &b) < 0)
		return crl_fail_sys(err, errno, "%s", path);
	*ret = a.st_ino == b.st_ino && a.st_dev == b.st_dev;
	return 0;
}

static int check(struct monitor *m, struct crl_err *err)
{
	const struct container *c = &m->container;
	bool host_users = false;
	if (c->status != CONTAINER_RUNNING || !task_alive(&c->task))
		return crl_fail(err, CRL_CONFLICT, "the container is not running");
	if (c->task.io.tty)
		return crl_fail(err, CRL_INVALID,
				"checkpoint not supported on containers with tty");
	if (c->external)
		return crl_fail(err, CRL_UNSUPPORTED,
				"checkpoint not supported with another runtime");
	if (!c->own_pidns)
		return crl_fail(err, CRL_UNSUPPORTED,
				"checkpoint not supported in a pid namespace of others");
	if (exec_any_alive(m))
		return crl_fail(err, CRL_CONFLICT, "checkpoint not possible while an exec runs");
	if (same_namespace(c->task.pid, "user", &host_users, err) < 0)
		return -1;
	return host_users ? 0
			  : crl_fail(err, CRL_UNSUPPORTED,
				     "checkpoint not supported with a user namespace");
}

/* --- the dump --- */

static char **command_line(const struct container *c, const char *criu,
			   const struct mon_checkpoint *spec, const char *dir,
			   const struct checkpoint *k)
{
	char **argv = NULL;
	int r = strv_push(&argv, criu) | strv_push(&argv, "dump") | strv_push(&argv, "--tree") |
		strv_pushf(&argv, "%d", (int)c->task.pid) | strv_push(&argv, "--images-dir") |
		strv_push(&argv, dir) | strv_push(&argv, "--work-dir") |
		strv_push(&argv, c->monitor->run_dir) | strv_push(&argv, "--log-file") |
		strv_push(&argv, "dump.log") | strv_push(&argv, "-v2") |
		strv_push(&argv, "--manage-cgroups=ignore") | strv_push(&argv, "--file-locks");
	if (!spec->exit)
		r |= strv_push(&argv, "--leave-running");
	for (char **p = k->mounts; p && *p; p++)
		r |= strv_push(&argv, "--external") | strv_pushf(&argv, "mnt[%s]:%s", *p, *p);
	if (r == 0)
		return argv;
	strv_free(argv);
	return NULL;
}

static int write_file(const char *path, const struct checkpoint *k, struct crl_err *err)
{
	_cleanup_free_ char *text = json_encode(&checkpoint_json, k);
	_cleanup_close_ int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (!text)
		return crl_fail_oom(err);
	if (dir < 0)
		return crl_fail_sys(err, errno, "%s", path);
	return path_write_atomic(dir, CHECKPOINT_FILE, text, strlen(text), 0600, false, err);
}

static int dump(struct monitor *m, const char *criu, const struct mon_checkpoint *spec,
		const char *dir, const struct checkpoint *k, struct crl_err *err)
{
	const struct container *c = &m->container;
	_cleanup_strv_ char **argv = command_line(c, criu, spec, dir, k);
	_cleanup_free_ char *log = path_printf("%s/dump.log", m->run_dir);
	_cleanup_free_ char *ns = path_printf("/proc/%d/ns/net", (int)c->task.pid);
	if (!argv || !log || !ns)
		return crl_fail_oom(err);
	_cleanup_close_ int netns = open(ns, O_RDONLY | O_CLOEXEC);
	if (netns < 0)
		return crl_fail_sys(err, errno, "%s", ns);
	const struct criu_run run = {.verb = "dump", .argv = argv, .netns = netns, .log = log};
	return criu_run(&run, err);
}

static int dump_into(struct monitor *m, const char *criu, const struct mon_checkpoint *spec,
		     const char *dir, struct crl_err *err)
{
	struct checkpoint k = {0};
	int r = find_mounts(m->container.task.pid, &k.mounts, err);
	if (r == 0)
		r = name_pipes(&m->container.task.io, &k.pipes, err);
	if (r == 0)
		r = write_file(dir, &k, err);
	if (r == 0)
		r = dump(m, criu, spec, dir, &k, err);
	json_free(&checkpoint_json, &k);
	return r;
}

/* Under a name that no checkpoint can have, until it is whole. */
int checkpoint_make(struct monitor *m, const struct mon_checkpoint *spec, struct crl_err *err)
{
	const char *criu, *slash = strrchr(spec->dir, '/');
	if (!slash)
		return crl_fail(err, CRL_INVALID, "checkpoint: \"%s\" is no path", spec->dir);
	if (check(m, err) < 0 || criu_find(&criu, err) < 0)
		return -1;
	_cleanup_free_ char *partial =
		path_printf("%.*s/.%s.partial", (int)(slash - spec->dir), spec->dir, slash + 1);
	struct crl_err ignored;
	if (!partial)
		return crl_fail_oom(err);
	(void)path_remove_tree(AT_FDCWD, partial, &ignored);
	if (mkdir(partial, 0700) < 0)
		return crl_fail_sys(err, errno, "%s", partial);
	int r = dump_into(m, criu, spec, partial, err);
	if (r == 0 && rename(partial, spec->dir) < 0)
		r = crl_fail_sys(err, errno, "%s", spec->dir);
	if (r < 0)
		(void)path_remove_tree(AT_FDCWD, partial, &ignored);
	return r;
}
