/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Owns a container's /etc/resolv.conf, made from the host's and from what was asked
 * for, in Docker's manner. On user-defined networks it names 127.0.0.11, and the
 * servers are those that crun-lite-dns asks. See resolv.conf(5).
 */
#include "container.h"
#include "dns_client.h"

#include <base/path.h>
#include <crun-lite/dns_proto.h>

#define HOST_FILE "/etc/resolv.conf"
/* The servers that systemd-resolved asks, where the host's file names only its stub. */
#define RESOLVED_FILE "/run/systemd/resolve/resolv.conf"
#define RESOLVED_STUB "127.0.0.53"

struct resolv {
	char **servers, **search, **options;
	char **other; /* lines that are copied */
};

static void resolv_clear(struct resolv *r)
{
	strv_free(r->servers);
	strv_free(r->search);
	strv_free(r->options);
	strv_free(r->other);
	*r = (struct resolv){0};
}
#define _cleanup_resolv_ _cleanup_(resolv_clear)

/* --- reading --- */

static int replace(char ***list, char *const *by)
{
	char **copy = NULL;
	bool failed = false;

	for (; by && *by; by++)
		failed |= strv_push(&copy, *by) < 0;
	strv_free(*list);
	*list = copy;
	return failed ? -1 : 0;
}

static int read_line(struct resolv *r, const char *line)
{
	_cleanup_strv_ char **words = strv_split(line, " \t\r", false);
	int failed = words ? 0 : -1;

	if (strv_len(words) == 0 || words[0][0] == '#' || words[0][0] == ';')
		return failed;
	if (str_eq(words[0], "nameserver"))
		return words[1] ? strv_push(&r->servers, words[1]) : 0;
	if (str_eq(words[0], "search") || str_eq(words[0], "domain")) /* the last one counts */
		return words[1] ? replace(&r->search, words + 1) : 0;
	if (!str_eq(words[0], "options"))
		return strv_push(&r->other, line);
	for (char **o = words + 1; *o; o++)
		failed |= strv_push(&r->options, *o);
	return failed;
}

static int read_file(const char *path, struct resolv *r, struct crl_err *err)
{
	_cleanup_free_ char *text = NULL;
	size_t len = 0;

	if (path_read_file(AT_FDCWD, path, 64 * 1024, &text, &len, err) < 0)
		return -1;
	_cleanup_strv_ char **lines = strv_split(text, "\n", false);
	for (char **l = lines; l && *l; l++)
		if (read_line(r, *l) < 0)
			return crl_fail_oom(err);
	return 0;
}

/* A host without the file has no servers. */
static void read_host(struct resolv *r)
{
	struct resolv real = {0};
	struct crl_err ignored;

	(void)read_file(HOST_FILE, r, &ignored);
	if (strv_len(r->servers) != 1 || !str_eq(r->servers[0], RESOLVED_STUB))
		return;
	if (read_file(RESOLVED_FILE, &real, &ignored) == 0) {
		resolv_clear(r);
		*r = real;
	} else {
		resolv_clear(&real);
	}
}

/* --- changing --- */

/* What the request says, else what the daemon's configuration says, else the host's. */
static int override(char ***list, char *const *asked, char *const *configured)
{
	char *const *by = strv_len(asked) ? asked : configured;

	return strv_len(by) ? replace(list, by) : 0;
}

/* "--dns-search ." means none. */
static int drop_root(char ***search)
{
	char **kept = NULL;
	bool failed = false;

	for (char **s = *search; s && *s; s++)
		if (!str_eq(*s, "."))
			failed |= strv_push(&kept, *s) < 0;
	strv_free(*search);
	*search = kept;
	return failed ? -1 : 0;
}

static bool is_loopback(const char *server)
{
	return str_starts(server, "127.") || str_eq(server, "::1");
}

static bool has_ip6(const struct container *c)
{
	for (size_t i = 0; i < c->n_eps; i++)
		if (c->eps[i].ip6[0])
			return true;
	return false;
}

/* Servers of the host that the container reaches by itself; Docker's own choice where none is. */
static int reachable_servers(const struct container *c, struct resolv *r)
{
	char **kept = NULL;
	bool failed = false;

	for (char **s = r->servers; s && *s; s++)
		if (!is_loopback(*s) && (!strchr(*s, ':') || has_ip6(c)))
			failed |= strv_push(&kept, *s) < 0;
	if (!kept && c->n_eps > 0 && c->eps[0].ifname[0]) {
		failed |= strv_push(&kept, "8.8.8.8") < 0;
		failed |= strv_push(&kept, "8.8.4.4") < 0;
	}
	strv_free(r->servers);
	r->servers = kept;
	return failed ? -1 : 0;
}

static bool valid_ndots(const char *option)
{
	uint64_t n;

	return str_to_u64(option + strlen("ndots:"), &n);
}

/* Names without a dot are asked for as they are, first; who chose otherwise is left alone. */
static int add_ndots(struct resolv *r)
{
	char **kept = NULL;
	bool failed = false, chosen = false;

	for (char **o = r->options; o && *o; o++) {
		bool ndots = str_starts(*o, "ndots:");
		if (ndots && !valid_ndots(*o))
			continue;
		chosen |= ndots;
		failed |= strv_push(&kept, *o) < 0;
	}
	if (!chosen)
		failed |= strv_push(&kept, "ndots:0") < 0;
	strv_free(r->options);
	r->options = kept;
	return failed ? -1 : 0;
}

static int use_own_server(struct resolv *r)
{
	strv_free(take_ptr(r->servers));
	return strv_push(&r->servers, DNS_ADDRESS) < 0 || add_ndots(r) < 0 ? -1 : 0;
}

static int build(struct container *c, struct resolv *r)
{
	const struct api_host_config *hc = &c->rec.host_config;
	const struct daemon_config *cfg = &c->d->config;
	bool own_servers = strv_len(hc->dns) || strv_len(cfg->dns);

	read_host(r);
	if (override(&r->servers, hc->dns, cfg->dns) < 0 ||
	    override(&r->search, hc->dns_search, cfg->dns_search) < 0 ||
	    override(&r->options, hc->dns_options, cfg->dns_options) < 0 ||
	    drop_root(&r->search) < 0)
		return -1;
	if (dns_wanted(c))
		return use_own_server(r);
	if (own_servers || str_eq(hc->network_mode, "host"))
		return 0;
	return reachable_servers(c, r);
}

/* --- writing --- */

static void add_list(struct buf *b, const char *key, char *const *v)
{
	if (!strv_len(v))
		return;
	buf_puts(b, key);
	for (; *v; v++)
		buf_printf(b, " %s", *v);
	buf_putc(b, '\n');
}

int container_write_resolv_conf(struct container *c, struct crl_err *err)
{
	_cleanup_resolv_ struct resolv r = {0};
	_cleanup_buf_ struct buf out = BUF_INIT;

	if (build(c, &r) < 0)
		return crl_fail_oom(err);
	for (char **s = r.servers; s && *s; s++)
		buf_printf(&out, "nameserver %s\n", *s);
	add_list(&out, "search", r.search);
	add_list(&out, "options", r.options);
	for (char **o = r.other; o && *o; o++)
		buf_printf(&out, "%s\n", *o);
	return container_write_file(c, "resolv.conf", &out, err);
}
