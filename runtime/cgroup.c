/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Making, freezing and removing cgroups of the cgroup2 hierarchy, pure or
 * hybrid. Never touches v1 hierarchies, never moves a process. See
 * cgroups(7), Documentation/admin-guide/cgroup-v2.rst.
 */
#include "cgroup.h"
#include <base/cleanup.h>
#include <base/ident.h>
#include <base/path.h>
#include <base/str.h>
#include <errno.h>
#include <linux/magic.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/statfs.h>

#define REMOVE_TIMEOUT_NS (2 * INT64_C(1000000000))
#define FILE_MAX_BYTES 65536

const char *crl_cgroup_root(void)
{
	static const char *const candidates[] = {"/sys/fs/cgroup", "/sys/fs/cgroup/unified"};
	static const char *found;
	for (size_t i = 0; !found && i < ARRAY_SIZE(candidates); i++) {
		struct statfs fs;
		if (statfs(candidates[i], &fs) == 0 && fs.f_type == CGROUP2_SUPER_MAGIC)
			found = candidates[i];
	}
	return found;
}

static bool has_word(const char *text, const char *word)
{
	size_t len = strlen(word);
	for (const char *p = text; (p = strstr(p, word)); p += len)
		if ((p == text || p[-1] == ' ') && (!p[len] || p[len] == ' ' || p[len] == '\n'))
			return true;
	return false;
}

static char *read_cgroup_file(const char *dir, const char *file)
{
	_cleanup_free_ char *path = path_printf("%s/%s", dir, file);
	char *text = NULL;
	size_t len;
	if (!path || path_read_file(AT_FDCWD, path, FILE_MAX_BYTES, &text, &len, NULL) < 0)
		return NULL;
	return text;
}

bool crl_cgroup_has(const char *controller)
{
	static char *offered;
	const char *root = crl_cgroup_root();
	if (root && !offered)
		offered = read_cgroup_file(root, "cgroup.controllers");
	return offered && has_word(offered, controller);
}

bool cgroup_has_file(const char *path, const char *file)
{
	_cleanup_free_ char *full = path_printf("%s/%s", path, file);
	return full && access(full, F_OK) == 0;
}

int cgroup_path_for(const char *cgroups_path, const char *id, char **ret, struct crl_err *err)
{
	const char *root = crl_cgroup_root();
	if (!root)
		return crl_fail(err, CRL_UNSUPPORTED, "no cgroup2 hierarchy is mounted");
	_cleanup_strv_ char **parts =
		strv_split(str_empty(cgroups_path) ? "" : cgroups_path, "/", false);
	if (!parts)
		return crl_fail_oom(err);
	for (size_t i = 0; parts[i]; i++)
		if (str_eq(parts[i], ".."))
			return crl_fail(err, CRL_INVALID, "linux.cgroupsPath %s: \"..\" is refused",
					cgroups_path);
	_cleanup_free_ char *clean = str_empty(cgroups_path) ? path_printf("/crun-lite/%s", id)
							     : path_printf("/%s", cgroups_path);
	_cleanup_free_ char *tidy = clean ? path_clean(clean) : NULL;
	if (!tidy)
		return crl_fail_oom(err);
	if (str_eq(tidy, "/"))
		return crl_fail(err, CRL_INVALID, "linux.cgroupsPath: the root cgroup is refused");
	char *path = path_printf("%s%s", root, tidy);
	if (!path)
		return crl_fail_oom(err);
	*ret = path;
	return 0;
}

/* Writes "+c" one by one: one controller that cannot be had must not keep the others back. */
static void enable_controllers(const char *dir, const char *offered)
{
	_cleanup_strv_ char **names = strv_split(offered, " \n", false);
	_cleanup_free_ char *file = path_printf("%s/cgroup.subtree_control", dir);
	for (size_t i = 0; file && names && names[i]; i++) {
		_cleanup_free_ char *word = path_printf("+%s", names[i]);
		if (word)
			path_write_string(AT_FDCWD, file, word, NULL);
	}
}

/*
 * Hands every controller the hierarchy offers down to `dir` (a parent of
 * containers): their accounting is wanted even where no limit is set. A
 * refusal is no error here: a limit that cannot be applied is reported later
 * by name.
 */
static void delegate_controllers(const char *dir)
{
	_cleanup_free_ char *offered = read_cgroup_file(dir, "cgroup.controllers");
	_cleanup_free_ char *enabled = read_cgroup_file(dir, "cgroup.subtree_control");
	if (!offered || !enabled || str_eq(offered, enabled))
		return;
	_cleanup_strv_ char **names = strv_split(offered, " \n", false);
	bool missing = false;
	for (size_t i = 0; names && names[i]; i++)
		missing =
			missing || (!has_word(enabled, names[i]) && !str_eq(names[i], "hugetlb") &&
				    !str_eq(names[i], "rdma") && !str_eq(names[i], "misc"));
	if (missing)
		enable_controllers(dir, offered);
}

static int make_once(const char *path, struct crl_err *err)
{
	const char *root = crl_cgroup_root();
	_cleanup_free_ char *copy = strdup(path);
	if (!copy)
		return crl_fail_oom(err);
	for (char *p = copy + strlen(root);; p++) {
		if (*p != '/' && *p)
			continue;
		char saved = *p;
		*p = '\0';
		bool is_root = str_eq(copy, root);
		if (!is_root && mkdir(copy, 0755) < 0 && errno != EEXIST)
			return crl_fail_sys(err, errno, "make cgroup %s", copy);
		if (!saved)
			return 0;
		delegate_controllers(copy);
		*p = saved;
		while (p[1] == '/')
			p++;
	}
}

/* Another container's end may remove the common parent between our two steps: then once more. */
static int make_with_parents(const char *path, struct crl_err *err)
{
	struct crl_err e = CRL_ERR_INIT;
	for (int tries = 0; tries < 100; tries++) {
		if (make_once(path, &e) == 0)
			return 0;
		if (e.sys != ENOENT)
			break;
	}
	*err = e;
	return -1;
}

/* A cgroup somebody uses would mix two containers' limits and kills; a frozen one would hang us. */
static int refuse_used(const char *path, struct crl_err *err)
{
	_cleanup_free_ char *events = read_cgroup_file(path, "cgroup.events");
	if (events && strstr(events, "populated 1"))
		return crl_fail(err, CRL_CONFLICT, "cgroup %s has processes already", path);
	if (events && strstr(events, "frozen 1"))
		return crl_fail(err, CRL_CONFLICT, "cgroup %s is frozen", path);
	return 0;
}

int cgroup_create(const char *path, int *ret_fd, struct crl_err *err)
{
	if (make_with_parents(path, err) < 0 || refuse_used(path, err) < 0)
		return -1;
	/* Not O_PATH: clone3 and bpf want a readable one on older kernels. */
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return crl_fail_sys(err, errno, "open cgroup %s", path);
	*ret_fd = fd;
	return 0;
}

static bool below_root(const char *path)
{
	const char *root = crl_cgroup_root();
	return root && str_starts(path, root) && path[strlen(root)] == '/' &&
	       path[strlen(root) + 1] && !strstr(path, "/../");
}

/* Waits until `word` stands in cgroup.events; the kernel raises POLLPRI at each change. */
static bool wait_events(int events_fd, const char *word, int64_t deadline)
{
	for (;;) {
		char text[256];
		ssize_t n = pread(events_fd, text, sizeof(text) - 1, 0);
		if (n < 0)
			return errno == ENODEV;
		text[n] = '\0';
		if (strstr(text, word))
			return true;
		int64_t left = deadline - time_boot_ns();
		if (left <= 0)
			return false;
		struct pollfd p = {.fd = events_fd, .events = POLLPRI};
		poll(&p, 1, (int)(left / 1000000) + 1);
	}
}

/* Kernels before 5.14 have no cgroup.kill: signal what cgroup.procs lists. */
static void kill_listed(int dir)
{
	_cleanup_close_ int fd = openat(dir, "cgroup.procs", O_RDONLY | O_CLOEXEC);
	_cleanup_fclose_ FILE *f = fd < 0 ? NULL : fdopen(take_fd(&fd), "re");
	int pid;
	while (f && fscanf(f, "%d", &pid) == 1)
		if (pid > 0)
			kill(pid, SIGKILL);
}

static int remove_dir(int parent, const char *name, int64_t deadline, struct crl_err *err);

static int remove_children(int dir, int64_t deadline, struct crl_err *err)
{
	int dup_fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_closedir_ DIR *d = dup_fd < 0 ? NULL : fdopendir(dup_fd);
	struct dirent *e;
	while (d && (e = readdir(d))) {
		if (e->d_type != DT_DIR || e->d_name[0] == '.')
			continue;
		if (remove_dir(dir, e->d_name, deadline, err) < 0)
			return -1;
	}
	return 0;
}

static int remove_dir(int parent, const char *name, int64_t deadline, struct crl_err *err)
{
	if (unlinkat(parent, name, AT_REMOVEDIR) == 0 || errno == ENOENT)
		return 0;
	_cleanup_close_ int dir =
		openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (dir < 0)
		return errno == ENOENT ? 0 : crl_fail_sys(err, errno, "open cgroup %s", name);
	if (path_write_string(dir, "cgroup.kill", "1", NULL) < 0)
		kill_listed(dir);
	_cleanup_close_ int events = openat(dir, "cgroup.events", O_RDONLY | O_CLOEXEC);
	if (events >= 0 && !wait_events(events, "populated 0", deadline))
		return crl_fail(err, CRL_UNAVAILABLE, "cgroup %s: its processes do not end", name);
	if (remove_children(dir, deadline, err) < 0)
		return -1;
	if (unlinkat(parent, name, AT_REMOVEDIR) < 0 && errno != ENOENT)
		return crl_fail_sys(err, errno, "remove cgroup %s", name);
	return 0;
}

int crl_cgroup_remove(const char *path, struct crl_err *err)
{
	if (!below_root(path))
		return crl_fail(err, CRL_INVALID, "%s is not a cgroup below the cgroup2 mount",
				path);
	/* Frozen processes do not die before they are thawed on kernels without cgroup.kill. */
	return remove_dir(AT_FDCWD, path, time_boot_ns() + REMOVE_TIMEOUT_NS, err);
}

void cgroup_remove_with_parent(const char *path)
{
	if (crl_cgroup_remove(path, NULL) < 0)
		return;
	_cleanup_free_ char *parent = strdup(path);
	char *slash = parent ? strrchr(parent, '/') : NULL;
	if (!slash)
		return;
	*slash = '\0';
	if (below_root(parent))
		rmdir(parent);
}

int crl_cgroup_freeze(const char *path, bool freeze, struct crl_err *err)
{
	if (!below_root(path))
		return crl_fail(err, CRL_INVALID, "%s is not a cgroup below the cgroup2 mount",
				path);
	_cleanup_close_ int dir = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return crl_fail_sys(err, errno, "open cgroup %s", path);
	_cleanup_close_ int events = openat(dir, "cgroup.events", O_RDONLY | O_CLOEXEC);
	if (events < 0)
		return crl_fail_sys(err, errno, "open %s/cgroup.events", path);
	if (path_write_string(dir, "cgroup.freeze", freeze ? "1" : "0", err) < 0)
		return -1;
	if (wait_events(events, freeze ? "frozen 1" : "frozen 0",
			time_boot_ns() + REMOVE_TIMEOUT_NS))
		return 0;
	if (freeze) /* never leave a container half frozen behind an error */
		path_write_string(dir, "cgroup.freeze", "0", NULL);
	return crl_fail(err, CRL_UNAVAILABLE, "cgroup %s does not %s within 2 s", path,
			freeze ? "freeze" : "thaw");
}
