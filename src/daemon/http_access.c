// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Who asks, and whether a browser was tricked into asking for somebody else: a page on the web
 * can send requests to any TCP port of its reader's machine, also under a name of its own that
 * it points there (DNS rebinding). Such a request carries an Origin or a foreign Host.
 */
#include "http_internal.h"

#include <arpa/inet.h>
#include <base/log.h>
#include <strings.h>
#include <unistd.h>

/* "[::1]:2375" -> "::1". Caller frees. */
static char *host_name(const char *header)
{
	const char *end;

	if (header[0] == '[') {
		end = strchr(header, ']');
		return strndup(header + 1, end ? (size_t)(end - header - 1) : strlen(header + 1));
	}
	return strndup(header, strcspn(header, ":"));
}

static bool host_is_ours(const char *header)
{
	_cleanup_free_ char *name = host_name(header);
	unsigned char address[16];
	char own[256] = "";

	if (!name)
		return false;
	(void)gethostname(own, sizeof(own) - 1);
	return inet_pton(AF_INET, name, address) == 1 || inet_pton(AF_INET6, name, address) == 1 ||
	       strcasecmp(name, "localhost") == 0 || strcasecmp(name, own) == 0 ||
	       /* What the Go client sends when it was told a socket and no name. */
	       str_eq(name, "docker") || str_eq(name, "api.moby.localhost");
}

int http_check_access(const struct http_req *r, struct crl_err *err)
{
	const char *host = http_header(r, MHD_HTTP_HEADER_HOST);

	if (!r->peer->remote)
		return 0;
	if (http_header(r, MHD_HTTP_HEADER_ORIGIN))
		return crl_fail(err, CRL_FORBIDDEN,
				"requests of web pages (header Origin) are not served over TCP");
	/* With TLS the name was in the certificate that the client checked. */
	if (!r->peer->subject && !str_empty(host) && !host_is_ours(host))
		return crl_fail(err, CRL_FORBIDDEN,
				"host %s is not this machine: use its address, its name or "
				"localhost",
				host);
	return 0;
}

void http_audit(const struct http_req *r)
{
	const struct http_route *route = r->match.route;
	const struct http_conn *c = r->peer;

	if (str_eq(route->method, "GET") || str_eq(route->method, "HEAD") ||
	    route->flags & HTTP_READS)
		return;
	if (c->remote)
		log_info("request", "method", route->method, "route", route->pattern, "object",
			 http_arg(r, 0), "from", c->from ? c->from : "?", "certificate",
			 c->subject ? c->subject : "none", NULL);
	else
		log_info("request", "method", route->method, "route", route->pattern, "object",
			 http_arg(r, 0), "uid", log_i64((int64_t)c->uid), "pid", log_i64(c->pid),
			 NULL);
}
