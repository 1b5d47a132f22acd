/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Owns the mounts of a container that does not run, for the life of this
 * process. See open_tree(2), move_mount(2), pivot_root(2),
 * Documentation/filesystems/overlayfs.rst.
 */
#include "enter_source.h"
#include "enter_stopped.h"
#include "users.h"

#include <base/fd.h>
#include <base/path.h>
#include <crun-lite/runtime.h>
#include <image/store_private.h>

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define STUB_BYTES "size=4m"
#define SAFE (MOUNT_ATTR_NODEV | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC)

struct plan {
	const cJSON *args;
	char **layers; /* top first; the upper directory is the first unless we write to it */
	const cJSON **mounts; /* by length of destination: parents first */
	size_t n_mounts;
	bool writable;
	int userns; /* of a container with users of its own; ids in archives are theirs */
};

static void plan_free(struct plan *p)
{
	strv_free(p->layers);
	free(p->mounts);
	cleanup_close_p(&p->userns);
}

static int compare_mounts(const void *a, const void *b)
{
	size_t x = strlen(json_get_str(*(const cJSON *const *)a, "destination")),
	       y = strlen(json_get_str(*(const cJSON *const *)b, "destination"));

	return (x > y) - (x < y);
}

static int plan_mounts(struct plan *p, struct crl_err *err)
{
	const cJSON *list = cJSON_GetObjectItemCaseSensitive(p->args, "mounts"), *m;

	p->mounts = calloc((size_t)cJSON_GetArraySize(list) + 1, sizeof(*p->mounts));
	if (!p->mounts)
		return crl_fail_oom(err);
	cJSON_ArrayForEach (m, list) {
		if (!json_get_str(m, "destination"))
			return crl_fail(err, CRL_INVALID, "mounts: without destination");
		p->mounts[p->n_mounts++] = m;
	}
	qsort(p->mounts, p->n_mounts, sizeof(*p->mounts), compare_mounts);
	return 0;
}

static int plan_layers(struct plan *p, struct crl_err *err)
{
	const char *upper = json_get_str(p->args, "upper");

	p->writable = json_get_bool(p->args, "writable");
	if (!upper || (p->writable && !json_get_str(p->args, "work")))
		return crl_fail(err, CRL_INVALID, "arguments without \"upper\" or \"work\"");
	if (!p->writable && strv_push(&p->layers, upper) < 0)
		return crl_fail_oom(err);
	return json_get_strv(p->args, "lowers", &p->layers, err);
}

/* --- stubs: places for mounts that no layer has --- */

/* The longest part of `path` that exists, as it is called without links, and what is missing. */
static int real_path(int root, const char *path, char **ret, struct crl_err *err)
{
	_cleanup_free_ char *prefix = strdup(path);
	char link[64], real[PATH_MAX];

	if (!prefix)
		return crl_fail_oom(err);
	for (;;) {
		_cleanup_close_ int fd = -1;
		if (path_open_in_root(root, *prefix ? prefix : "/", O_PATH, 0, &fd, NULL) == 0) {
			snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
			ssize_t n = readlink(link, real, sizeof(real) - 1);
			if (n < 0)
				return crl_fail_sys(err, errno, "%s", path);
			real[n] = '\0';
			*ret = path_printf("%s/%s", real, path + strlen(prefix));
			return *ret ? 0 : crl_fail_oom(err);
		}
		char *slash = strrchr(prefix, '/');
		if (!slash)
			return crl_fail(err, CRL_NOT_FOUND, "%s", path);
		*slash = '\0';
	}
}

static int make_stub(int stubs, const char *path, bool is_dir, struct crl_err *err)
{
	_cleanup_free_ char *folder = strdup(path);
	_cleanup_close_ int fd = -1;
	char *slash = folder ? strrchr(folder, '/') : NULL;

	if (is_dir)
		return path_mkdir_in_root(stubs, path, 0755, &fd, err);
	if (!slash)
		return crl_fail_oom(err);
	*slash = '\0';
	if (path_mkdir_in_root(stubs, folder, 0755, &fd, err) < 0)
		return -1;
	_cleanup_close_ int file =
		openat(fd, slash + 1, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0644);
	return file < 0 ? crl_fail_sys(err, errno, "%s", path) : 0;
}

/* Looks at the layers read-only, and makes what is missing below `stubs`; *ret tells if any. */
static int make_stubs(const struct plan *p, int root, int stubs, bool *ret, struct crl_err *err)
{
	for (size_t i = 0; i < p->n_mounts; i++) {
		const char *at = json_get_str(p->mounts[i], "destination");
		_cleanup_close_ int fd = -1, tree = -1;
		_cleanup_free_ char *real = NULL;
		struct stat st;
		if (path_open_in_root(root, at, O_PATH, 0, &fd, NULL) == 0 ||
		    enter_source(p->mounts[i], -1, &tree, err) < 0 || fstat(tree, &st) < 0)
			continue;
		if (real_path(root, at, &real, err) < 0 ||
		    make_stub(stubs, real, S_ISDIR(st.st_mode), err) < 0)
			return crl_context(err, "place for %s", at);
		*ret = true;
	}
	return 0;
}

static int mount_layers(const struct plan *p, bool writable, int *ret_fd, struct crl_err *err)
{
	/* The upper directory among the layers has the ids of the host already. */
	static const int as_it_is = -1;
	const struct crl_overlay o = {
		.lowers = p->layers,
		.userns = p->userns >= 0 ? &p->userns : NULL,
		.top_userns = p->userns >= 0 && !p->writable ? &as_it_is : NULL,
		.upper = writable ? json_get_str(p->args, "upper") : NULL,
		.work = writable ? json_get_str(p->args, "work") : NULL,
	};

	return crl_overlay_mount(&o, ret_fd, err);
}

static int probe(const struct plan *p, int stubs, bool *ret, struct crl_err *err)
{
	_cleanup_close_ int root = -1;

	if (p->n_mounts == 0)
		return 0;
	if (mount_layers(p, false, &root, err) < 0)
		return -1;
	return make_stubs(p, root, stubs, ret, err);
}

/* A small file system over the store's tmp folder, which this namespace has no other use for. */
static int mount_scratch(const struct worker *w, int *ret_fd, char **ret_path, struct crl_err *err)
{
	const char *root = json_get_str(w->args, "root");
	_cleanup_free_ char *tmp = path_printf("%s/tmp", root);

	if (!tmp)
		return crl_fail_oom(err);
	if (mount("tmpfs", tmp, "tmpfs", MS_NODEV | MS_NOSUID | MS_NOEXEC, STUB_BYTES ",mode=755") <
	    0)
		return crl_fail_sys(err, errno, "%s", tmp);
	*ret_fd = open(tmp, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (*ret_fd < 0)
		return crl_fail_sys(err, errno, "%s", tmp);
	*ret_path = take_ptr(tmp);
	return 0;
}

/* --- the mounts --- */

static int mount_root(const struct worker *w, struct plan *p, int *ret_fd, struct crl_err *err)
{
	struct mount_attr attr = {.attr_set = SAFE};
	_cleanup_close_ int stubs = -1, root = -1;
	_cleanup_free_ char *stubs_path = NULL;
	bool any = false;

	if (mount_scratch(w, &stubs, &stubs_path, err) < 0 || probe(p, stubs, &any, err) < 0)
		return -1;
	if (any && strv_push(&p->layers, stubs_path) < 0)
		return crl_fail_oom(err);
	if (p->writable && !json_get_bool(p->args, "durable"))
		crl_overlay_forget_volatile(json_get_str(p->args, "work"));
	if (mount_layers(p, p->writable, &root, err) < 0)
		return -1;
	if (mount_setattr(root, "", AT_EMPTY_PATH, &attr, sizeof(attr)) < 0)
		return crl_fail_sys(err, errno, "root: mount options");
	/* On top of "/": lookups of host paths go on below, where our root directory is. */
	if (move_mount(root, "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH) < 0)
		return crl_fail_sys(err, errno, "attach the root");
	*ret_fd = take_fd(&root);
	return 0;
}

/* What the image has in the volume's place belongs into a volume that was never used. */
static int fill_volume(const cJSON *m, int tree, int target, struct crl_err *err)
{
	_cleanup_close_ int from = -1;

	if (!json_get_bool(m, "copy_up") || json_get_bool(m, "absent"))
		return 0;
	from = openat(target, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return from < 0 ? 0 : crl_rt_copy_up(from, tree, err);
}

static int attach(const struct plan *p, int root, const cJSON *m, struct crl_err *err)
{
	const char *at = json_get_str(m, "destination");
	_cleanup_close_ int tree = -1, target = -1;

	/* Its place lies in a volume that lacks it, or its source is gone: the start would tell. */
	if (path_open_in_root(root, at, O_PATH, 0, &target, NULL) < 0)
		return 0;
	if (enter_source(m, p->userns, &tree, err) < 0)
		return err->code == CRL_NOT_FOUND ? 0 : -1;
	if (fill_volume(m, tree, target, err) < 0)
		return -1;
	if (move_mount(tree, "", target, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
		return crl_fail_sys(err, errno, "attach");
	return 0;
}

static int pivot(int root, struct crl_err *err)
{
	if (fchdir(root) < 0)
		return crl_fail_sys(err, errno, "chdir to the container's root");
	/* The old root ends up on top of the new one; detaching it takes every host path away. */
	if (syscall(SYS_pivot_root, ".", ".") < 0)
		return crl_fail_sys(err, errno, "pivot_root");
	return umount2(".", MNT_DETACH) < 0 ? crl_fail_sys(err, errno, "detach the host's root")
					    : 0;
}

int enter_stopped(struct worker *w, struct crl_err *err)
{
	_cleanup_(plan_free) struct plan p = {.args = w->args, .userns = -1};
	_cleanup_close_ int root = -1;

	if (plan_layers(&p, err) < 0 || plan_mounts(&p, err) < 0 ||
	    users_namespace(w->args, &p.userns, err) < 0)
		return -1;
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return crl_fail_sys(err, errno, "mount namespace");
	if (mount_root(w, &p, &root, err) < 0)
		return -1;
	for (size_t i = 0; i < p.n_mounts; i++)
		if (attach(&p, root, p.mounts[i], err) < 0)
			return crl_context(err, "mount %s",
					   json_get_str(p.mounts[i], "destination"));
	if (pivot(root, err) < 0)
		return -1;
	if (p.userns < 0)
		return 0;
	/* As in a running one: nobody here has a right on the host any more. */
	if (setns(p.userns, CLONE_NEWUSER) < 0)
		return crl_fail_sys(err, errno, "join the user namespace");
	return userns_become_root(err);
}
