/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See container_quota.h. Upper and work folder are one project: overlayfs renames between them,
 * and a rename out of a project is refused. See quotactl_fd(2), ioctl_fs(2), xfs_quota(8).
 */
#include "container_quota.h"

#include <base/log.h>
#include <base/path.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/quota.h>
#include <sys/random.h>
#include <sys/syscall.h>

#ifndef PRJQUOTA
#define PRJQUOTA 2
#endif
#ifndef SYS_quotactl_fd
#define SYS_quotactl_fd 443
#endif

/* Far from the small numbers that people write into /etc/projid. */
#define PROJECT_MIN 0x100000U
#define PROJECT_SPAN 0x70000000U
#define BLOCK 1024 /* QIF_DQBLKSIZE */

static int quotactl_fd_(int fd, int cmd, uint32_t id, void *addr)
{
	return (int)syscall(SYS_quotactl_fd, fd, (unsigned)QCMD(cmd, PRJQUOTA), id, addr);
}

int container_quota_parse(const struct strmap *storage_opt, int64_t *ret_size, struct crl_err *err)
{
	int64_t size = 0;
	for (size_t i = 0; i < storage_opt->n; i++) {
		if (!str_eq(storage_opt->items[i].key, "size"))
			return crl_fail(err, CRL_INVALID, "unknown option %s",
					storage_opt->items[i].key);
		if (str_parse_size(storage_opt->items[i].value, &size, err) < 0)
			return -1;
		if (size <= 0)
			return crl_fail(err, CRL_INVALID, "invalid size: '%s'",
					storage_opt->items[i].value);
	}
	*ret_size = size;
	return 0;
}

static int default_size(const struct daemon *d, int64_t *ret, struct crl_err *err)
{
	*ret = 0;
	for (char **o = d->config.storage_opts; o && *o; o++)
		if (str_starts(*o, "overlay2.size=") &&
		    str_parse_size(*o + strlen("overlay2.size="), ret, err) < 0)
			return -1;
	return 0;
}

/* A number that nothing on this file system uses. */
static int free_project(int fd, uint32_t *ret, struct crl_err *err)
{
	for (int try = 0; try < 16; try++) {
		struct dqblk q = {0};
		uint32_t id = 0;
		(void)!getrandom(&id, sizeof(id), 0);
		id = PROJECT_MIN + id % PROJECT_SPAN;
		if (quotactl_fd_(fd, Q_GETQUOTA, id, &q) < 0 && errno != ENOENT)
			return crl_fail(err, CRL_INVALID,
					"--storage-opt is supported only for overlay over xfs with "
					"'pquota' mount option (or ext4 with 'prjquota')");
		if (!q.dqb_bhardlimit && !q.dqb_curspace && !q.dqb_curinodes) {
			*ret = id;
			return 0;
		}
	}
	return crl_fail(err, CRL_UNAVAILABLE, "no free project number");
}

static int join_project(const char *path, uint32_t id, struct crl_err *err)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct fsxattr x = {0};
	if (fd < 0 || ioctl(fd, FS_IOC_FSGETXATTR, &x) < 0)
		return crl_fail_sys(err, errno, "%s", path);
	x.fsx_projid = id;
	x.fsx_xflags |= FS_XFLAG_PROJINHERIT;
	return ioctl(fd, FS_IOC_FSSETXATTR, &x) < 0
		       ? crl_fail_sys(err, errno, "project of %s", path)
		       : 0;
}

static int limit(int fd, uint32_t id, int64_t bytes)
{
	uint64_t blocks = ((uint64_t)bytes + BLOCK - 1) / BLOCK;
	struct dqblk q = {
		.dqb_bhardlimit = blocks, .dqb_bsoftlimit = blocks, .dqb_valid = QIF_BLIMITS};
	return quotactl_fd_(fd, Q_SETQUOTA, id, &q);
}

int container_quota_set(const struct container *c, struct crl_err *err)
{
	int64_t size;
	uint32_t id;
	if (container_quota_parse(&c->rec.host_config.storage_opt, &size, err) < 0 ||
	    (!size && default_size(c->d, &size, err) < 0))
		return -1;
	if (!size)
		return 0;
	_cleanup_free_ char *upper = container_path_of(c, "upper");
	_cleanup_free_ char *work = container_path_of(c, "work");
	if (!upper || !work)
		return crl_fail_oom(err);
	_cleanup_close_ int fd = open(upper, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return crl_fail_sys(err, errno, "%s", upper);
	if (free_project(fd, &id, err) < 0 || join_project(upper, id, err) < 0 ||
	    join_project(work, id, err) < 0)
		return -1;
	return limit(fd, id, size) < 0 ? crl_fail_sys(err, errno, "quota of the writable layer")
				       : 0;
}

void container_quota_clear(const struct container *c)
{
	_cleanup_free_ char *upper = container_path_of(c, "upper");
	_cleanup_close_ int fd =
		upper ? open(upper, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC) : -1;
	struct fsxattr x = {0};
	/* Only numbers of ours: another one may be the administrator's for the whole tree. */
	if (fd < 0 || ioctl(fd, FS_IOC_FSGETXATTR, &x) < 0 || x.fsx_projid < PROJECT_MIN)
		return;
	if (limit(fd, x.fsx_projid, 0) < 0)
		log_debug("quota not given back", "container", c->rec.id, "error", strerror(errno),
			  NULL);
}
