/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which servers to ask. Owns the copy of the host's /etc/resolv.conf and the
 * memory of which servers were dead. See resolv.conf(5).
 */
#include "dns.h"

#include <arpa/inet.h>
#include <base/ident.h>
#include <base/path.h>
#include <net/if.h>
#include <sys/stat.h>

#define RESOLV_CONF "/etc/resolv.conf"
#define LOOK_NS (1000 * MS_NS)
#define BAD_NS (15000 * MS_NS)
#define BAD_MAX 16
#define DNS_SERVER_PORT 53

bool resolv_parse(const char *text, union address *ret)
{
	char host[64];
	const char *zone = strchr(text, '%');
	size_t len = zone ? (size_t)(zone - text) : strlen(text);
	union address a = {0};

	if (len >= sizeof(host))
		return false;
	memcpy(host, text, len);
	host[len] = '\0';
	if (!zone && inet_pton(AF_INET, host, &a.v4.sin_addr) == 1) {
		a.v4.sin_family = AF_INET;
		a.v4.sin_port = htons(DNS_SERVER_PORT);
	} else if (inet_pton(AF_INET6, host, &a.v6.sin6_addr) == 1) {
		a.v6.sin6_family = AF_INET6;
		a.v6.sin6_port = htons(DNS_SERVER_PORT);
		if (zone && !(a.v6.sin6_scope_id = if_nametoindex(zone + 1)))
			return false;
	} else {
		return false;
	}
	*ret = a;
	return true;
}

size_t resolv_read(const char *text, union address ret[SERVERS_MAX])
{
	_cleanup_strv_ char **lines = strv_split(text, "\n", false);
	size_t n = 0;

	for (char **l = lines; l && *l && n < SERVERS_MAX; l++) {
		_cleanup_strv_ char **words = strv_split(*l, " \t\r", false);
		if (strv_len(words) >= 2 && str_eq(words[0], "nameserver") &&
		    resolv_parse(words[1], &ret[n]))
			n++;
	}
	return n;
}

/* What Docker asks where the host names nobody. */
static size_t fallback(union address ret[SERVERS_MAX])
{
	return (size_t)resolv_parse("8.8.8.8", &ret[0]) + resolv_parse("8.8.4.4", &ret[1]);
}

size_t resolv_host(union address ret[SERVERS_MAX])
{
	static union address servers[SERVERS_MAX];
	static size_t n;
	static int64_t looked;
	static struct stat seen;
	int64_t now = time_boot_ns();
	struct stat st;

	if (!looked || now - looked >= LOOK_NS) {
		bool there = stat(RESOLV_CONF, &st) == 0;
		looked = now;
		if (there && (st.st_ino != seen.st_ino || st.st_dev != seen.st_dev ||
			      st.st_size != seen.st_size ||
			      memcmp(&st.st_mtim, &seen.st_mtim, sizeof(st.st_mtim)) != 0)) {
			_cleanup_free_ char *text = NULL;
			struct crl_err ignored;
			size_t len;
			if (path_read_file(AT_FDCWD, RESOLV_CONF, 64 * 1024, &text, &len,
					   &ignored) == 0) {
				n = resolv_read(text, servers);
				seen = st;
			}
		}
	}
	if (n == 0)
		return fallback(ret);
	memcpy(ret, servers, sizeof(servers));
	return n;
}

/* --- addresses --- */

bool address_eq(const union address *a, const union address *b)
{
	if (a->any.sa_family != b->any.sa_family)
		return false;
	if (a->any.sa_family == AF_INET)
		return a->v4.sin_addr.s_addr == b->v4.sin_addr.s_addr &&
		       a->v4.sin_port == b->v4.sin_port;
	return memcmp(&a->v6.sin6_addr, &b->v6.sin6_addr, 16) == 0 &&
	       a->v6.sin6_port == b->v6.sin6_port && a->v6.sin6_scope_id == b->v6.sin6_scope_id;
}

socklen_t address_len(const union address *a)
{
	return a->any.sa_family == AF_INET ? sizeof(a->v4) : sizeof(a->v6);
}

bool address_is_loopback(const union address *a)
{
	return a->any.sa_family == AF_INET && (ntohl(a->v4.sin_addr.s_addr) >> 24) == 127;
}

/* --- which of them live --- */

static struct bad {
	union address server;
	int64_t until;
} bad[BAD_MAX];

static struct bad *find_bad(const union address *server)
{
	for (size_t i = 0; i < BAD_MAX; i++)
		if (bad[i].until && address_eq(&bad[i].server, server))
			return &bad[i];
	return NULL;
}

void resolv_judge(const union address *server, bool good, int64_t now)
{
	static size_t next;
	struct bad *b = find_bad(server);

	if (good) {
		if (b)
			b->until = 0;
		return;
	}
	if (!b)
		b = &bad[next++ % BAD_MAX];
	*b = (struct bad){.server = *server, .until = now + BAD_NS};
}

static bool is_bad(const union address *server, int64_t now)
{
	const struct bad *b = find_bad(server);

	return b && now < b->until;
}

void resolv_sort(union address *servers, size_t n, int64_t now)
{
	union address sorted[SERVERS_MAX];
	size_t k = 0;

	for (int want_bad = 0; want_bad < 2; want_bad++)
		for (size_t i = 0; i < n; i++)
			if (is_bad(&servers[i], now) == (want_bad == 1))
				sorted[k++] = servers[i];
	memcpy(servers, sorted, n * sizeof(*servers));
}
