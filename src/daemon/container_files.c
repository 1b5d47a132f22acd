/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Owns the three files of /etc that the daemon makes for a container:
 * hostname, hosts, resolv.conf. They are rewritten in place at each start
 * (a running container sees the same inode). See hosts(5), resolv.conf(5).
 */
#include "container_hosts.h"
#include "container_users.h"

#include <base/path.h>
#include <errno.h>
#include <fcntl.h>

static int write_file(const struct container *c, const char *name, const struct buf *b,
		      struct crl_err *err)
{
	_cleanup_free_ char *path = container_start_path(c, name);
	if (!path || b->failed)
		return crl_fail_oom(err);
	_cleanup_close_ int fd =
		open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (fd < 0)
		return crl_fail_sys(err, errno, "%s", path);
	uint32_t uid, gid;
	container_users_root(&c->rec, &uid, &gid);
	if (container_users_own(&c->rec) && fchown(fd, uid, gid) < 0)
		return crl_fail_sys(err, errno, "%s", path);
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
	return write_file(c, "hostname", &b, err);
}

/* --- resolv.conf --- */

/* A resolver on the host's loopback cannot be reached from another network namespace. */
static bool loopback_resolver(const char *line)
{
	const char *addr = line + strlen("nameserver");
	addr += strspn(addr, " \t");
	return str_starts(addr, "127.") || str_starts(addr, "::1");
}

struct resolv {
	struct buf out;
	size_t servers;
	bool keep_loopback, own_dns, own_search, own_options;
};

static void copy_line(struct resolv *r, const char *line)
{
	if (str_starts(line, "nameserver")) {
		if (r->own_dns || (!r->keep_loopback && loopback_resolver(line)))
			return;
		r->servers++;
	}
	if ((str_starts(line, "search") || str_starts(line, "domain")) && r->own_search)
		return;
	if (str_starts(line, "options") && r->own_options)
		return;
	if (*line && *line != '#' && *line != ';')
		buf_printf(&r->out, "%s\n", line);
}

static void copy_host(struct resolv *r)
{
	_cleanup_free_ char *text = NULL;
	size_t len = 0;
	struct crl_err ignored;
	if (path_read_file(AT_FDCWD, "/etc/resolv.conf", 64 * 1024, &text, &len, &ignored) < 0)
		return;
	_cleanup_strv_ char **lines = strv_split(text, "\n", false);
	for (char **l = lines; l && *l; l++)
		copy_line(r, *l);
}

static void add_list(struct buf *b, const char *key, char *const *v)
{
	if (!strv_len(v))
		return;
	buf_puts(b, key);
	for (; *v; v++)
		buf_printf(b, " %s", *v);
	buf_putc(b, '\n');
}

static int write_resolv_conf(struct container *c, struct crl_err *err)
{
	const struct api_host_config *hc = &c->rec.host_config;
	char *const *dns = strv_len(hc->dns) ? hc->dns : c->d->config.dns;
	struct resolv r = {.keep_loopback = str_eq(hc->network_mode, "host"),
			   .own_dns = strv_len(dns) > 0,
			   .own_search = strv_len(hc->dns_search) > 0,
			   .own_options = strv_len(hc->dns_options) > 0};
	copy_host(&r);
	for (char *const *d = dns; d && *d; d++, r.servers++)
		buf_printf(&r.out, "nameserver %s\n", *d);
	/* Docker's fallback: without any resolver names would not work at all. */
	if (r.servers == 0 && c->n_eps > 0)
		buf_puts(&r.out, "nameserver 8.8.8.8\nnameserver 8.8.4.4\n");
	if (!(r.own_search && str_eq(hc->dns_search[0], ".")))
		add_list(&r.out, "search", hc->dns_search);
	add_list(&r.out, "options", hc->dns_options);
	int ret = write_file(c, "resolv.conf", &r.out, err);
	buf_free(&r.out);
	return ret;
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
	return write_resolv_conf(c, err);
}
