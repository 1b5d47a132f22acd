/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Owns the files of /etc that the daemon makes for a container: hostname, hosts
 * (and resolv.conf, container_resolv.c). They are rewritten in place at each start
 * (a running container sees the same inode). See hosts(5), resolv.conf(5).
 */
#include "container_hosts.h"
#include "container_users.h"

#include <base/path.h>
#include <errno.h>
#include <fcntl.h>

int container_write_file(const struct container *c, const char *name, const struct buf *b,
			 struct crl_err *err)
{
	_cleanup_free_ char *path = container_start_path(c, name);
	if (!path || b->failed)
		return crl_fail_oom(err);
	_cleanup_close_ int fd =
		open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (fd < 0)
		return crl_fail_sys(err, errno, "%s", path);
	if (container_users_give(c, fd, path, err) < 0)
		return -1;
	ssize_t n = write(fd, b->data ? b->data : "", b->len);
	if (n < 0 || (size_t)n != b->len)
		return crl_fail_sys(err, n < 0 ? errno : ENOSPC, "%s", path);
	return 0;
}

int container_network_peer(struct container *c, struct container **ret, struct crl_err *err)
{
	const char *mode = c->rec.host_config.network_mode;
	*ret = NULL;
	if (!mode || !str_starts(mode, "container:"))
		return 0;
	struct container *peer;
	if (container_find(c->d, mode + strlen("container:"), &peer, err) < 0)
		return -1;
	if (peer == c)
		return crl_fail(err, CRL_INVALID, "cannot join own network namespace");
	*ret = peer;
	return 0;
}

static int write_hostname(struct container *c, struct crl_err *err)
{
	_cleanup_buf_ struct buf b = BUF_INIT;
	buf_printf(&b, "%s\n", c->rec.config.hostname);
	return container_write_file(c, "hostname", &b, err);
}

int container_write_files(struct container *c, struct crl_err *err)
{
	struct container *peer;
	if (container_network_peer(c, &peer, err) < 0)
		return -1;
	if (peer)
		return 0;
	if (write_hostname(c, err) < 0 || container_write_hosts(c, err) < 0)
		return -1;
	return container_write_resolv_conf(c, err);
}
