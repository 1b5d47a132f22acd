/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Owns the hosts file of a container: written whole at a start, kept right in
 * place while it runs, since the container has this very inode mounted. The
 * container may write to it, too: its content is foreign. See hosts(5).
 */
#include "container_hosts.h"

#include "container_users.h"

#include <base/fd.h>
#include <base/path.h>
#include <errno.h>
#include <fcntl.h>

#define HOSTS_MAX (1024U * 1024)
#define OPEN_FLAGS (O_CLOEXEC | O_NOFOLLOW | O_NOCTTY)

static int replace_text(const struct container *c, const struct buf *b, struct crl_err *err)
{
	_cleanup_free_ char *path = container_start_path(c, "hosts");
	if (!path || b->failed)
		return crl_fail_oom(err);
	_cleanup_close_ int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | OPEN_FLAGS, 0644);
	if (fd < 0)
		return crl_fail_sys(err, errno, "%s", path);
	if (container_users_give(c, fd, path, err) < 0)
		return -1;
	return fd_write_all(fd, b->data ? b->data : "", b->len, err);
}

/* --- lines of ours --- */

/* "box.example.org box": docker puts the full name first, in whichever way it was given. */
static void own_names(const struct container *c, struct buf *b)
{
	const struct api_config *cfg = &c->rec.config;
	_cleanup_buf_ struct buf full = BUF_INIT;
	buf_puts(&full, cfg->hostname ? cfg->hostname : "");
	if (!str_empty(cfg->domainname))
		buf_printf(&full, ".%s", cfg->domainname);
	const char *text = full.data ? full.data : "";
	size_t host = strcspn(text, ".");
	buf_puts(b, text);
	if (text[host])
		buf_printf(b, " %.*s", (int)host, text);
}

/* "alias hostname name"; the name only where it is not the alias. */
static void link_names(const struct container *child, const char *alias, struct buf *b)
{
	buf_printf(b, "%s %s", alias, child->rec.config.hostname);
	if (!str_eq(alias, child->rec.name))
		buf_printf(b, " %s", child->rec.name);
}

static int add_line(char ***lines, const char *ip, const struct buf *names)
{
	if (str_empty(ip) || str_empty(names->data))
		return 0;
	return strv_pushf(lines, "%s\t%s", ip, names->data);
}

static int own_lines(const struct container *c, char ***lines, char ***texts)
{
	_cleanup_buf_ struct buf names = BUF_INIT;
	own_names(c, &names);
	if (names.failed || strv_push(texts, names.data) < 0)
		return -1;
	for (size_t i = 0; i < c->n_eps; i++)
		if (add_line(lines, c->eps[i].ip, &names) < 0 ||
		    add_line(lines, c->eps[i].ip6, &names) < 0)
			return -1;
	return 0;
}

static int link_lines(const struct container *c, char ***lines, char ***texts)
{
	struct container *child;
	const char *alias;
	for (size_t i = 0; container_link_at(c, i, &child, &alias); i++) {
		_cleanup_buf_ struct buf names = BUF_INIT;
		const struct net_endpoint *ep = container_ep(child, "bridge");
		link_names(child, alias, &names);
		if (names.failed || strv_push(texts, names.data) < 0 ||
		    (ep && add_line(lines, ep->ip, &names) < 0) ||
		    (ep && add_line(lines, ep->ip6, &names) < 0))
			return -1;
	}
	return 0;
}

/* The lines that must be there, and the names that only stand in lines of ours. */
static int our_lines(const struct container *c, char ***lines, char ***texts, struct crl_err *err)
{
	if (link_lines(c, lines, texts) < 0 || own_lines(c, lines, texts) < 0)
		return crl_fail_oom(err);
	return 0;
}

/* --- at a start --- */

static const char *host_address(const struct container *c)
{
	const struct net_endpoint *ep = container_gateway_ep(c);
	return ep ? ep->gateway : "127.0.0.1";
}

static void add_extra_hosts(const struct container *c, struct buf *b)
{
	for (char **h = c->rec.host_config.extra_hosts; h && *h; h++) {
		size_t n = strcspn(*h, ":=");
		const char *ip = (*h)[n] ? *h + n + 1 : "";
		if (str_eq(ip, "host-gateway"))
			ip = host_address(c);
		buf_printf(b, "%s\t%.*s\n", ip, (int)n, *h);
	}
}

static void add_head(const struct container *c, struct buf *b)
{
	_cleanup_free_ char *host = NULL;
	size_t len = 0;
	struct crl_err ignored;
	if (str_eq(c->rec.host_config.network_mode, "host") &&
	    path_read_file(AT_FDCWD, "/etc/hosts", HOSTS_MAX, &host, &len, &ignored) == 0) {
		buf_add(b, host, len);
		if (len && host[len - 1] != '\n')
			buf_putc(b, '\n');
		return;
	}
	buf_puts(b, "127.0.0.1\tlocalhost\n"
		    "::1\tlocalhost ip6-localhost ip6-loopback\n"
		    "fe00::\tip6-localnet\n"
		    "ff00::\tip6-mcastprefix\n"
		    "ff02::1\tip6-allnodes\n"
		    "ff02::2\tip6-allrouters\n");
}

int container_write_hosts(struct container *c, struct crl_err *err)
{
	_cleanup_buf_ struct buf b = BUF_INIT;
	_cleanup_strv_ char **lines = NULL, **texts = NULL;
	add_head(c, &b);
	add_extra_hosts(c, &b);
	if (our_lines(c, &lines, &texts, err) < 0)
		return -1;
	for (char **l = lines; l && *l; l++)
		buf_printf(&b, "%s\n", *l);
	return replace_text(c, &b, err);
}

/* --- while it runs --- */

static bool is_stale(const char *line, char *const *lines, char *const *texts)
{
	const char *tab = strchr(line, '\t');
	return tab && strv_contains(texts, tab + 1) && !strv_contains(lines, line);
}

int container_sync_hosts(struct container *c, struct crl_err *err)
{
	_cleanup_strv_ char **lines = NULL, **texts = NULL;
	_cleanup_free_ char *path = container_start_path(c, "hosts"), *text = NULL;
	_cleanup_buf_ struct buf b = BUF_INIT;
	size_t len = 0;
	if (!path)
		return crl_fail_oom(err);
	if (path_read_file(AT_FDCWD, path, HOSTS_MAX, &text, &len, err) < 0 ||
	    our_lines(c, &lines, &texts, err) < 0)
		return -1;
	_cleanup_strv_ char **old = strv_split(text, "\n", true);
	if (!old)
		return crl_fail_oom(err);
	for (char **o = old; *o; o++)
		if ((o[1] || **o) && !is_stale(*o, lines, texts))
			buf_printf(&b, "%s\n", *o);
	for (char **l = lines; l && *l; l++)
		if (!strv_contains(old, *l))
			buf_printf(&b, "%s\n", *l);
	if (b.len == len && !memcmp(b.data ? b.data : "", text, len))
		return 0;
	return replace_text(c, &b, err);
}
