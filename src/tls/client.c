// SPDX-License-Identifier: GPL-2.0-or-later
/* One session from the command line's socket to a daemon elsewhere. See front.h. */
#include "front.h"
#include "keys.h"
#include "relay.h"

#include <base/fd.h>
#include <base/cleanup.h>
#include <base/path.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define PLAIN_FD 3
#define PEM_MAX (256U * 1024)
#define HANDSHAKE_MS 10000

static int read_pem(const char *variable, char **ret, struct crl_err *err)
{
	const char *path = getenv(variable);
	size_t len;

	if (!path)
		return crl_fail(err, CRL_INVALID, "%s is not set", variable);
	return path_read_file(AT_FDCWD, path, PEM_MAX, ret, &len, err);
}

static int load_keys(struct tls_keys *keys, struct crl_err *err)
{
	_cleanup_free_ char *ca = NULL, *cert = NULL, *key = NULL;
	int r;

	if (read_pem("CRUN_LITE_TLS_CA", &ca, err) < 0 ||
	    read_pem("CRUN_LITE_TLS_CERT", &cert, err) < 0 ||
	    read_pem("CRUN_LITE_TLS_KEY", &key, err) < 0)
		return -1;
	r = tls_keys_init(keys, ca, cert, key, err);
	explicit_bzero(key, strlen(key));
	return r;
}

static int connect_to(const char *host, const char *port, int *ret, struct crl_err *err)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *list = NULL;
	int r = getaddrinfo(host, port, &hints, &list), last = ENOENT, one = 1;

	if (r)
		return crl_fail(err, CRL_IO, "%s: %s", host, gai_strerror(r));
	for (struct addrinfo *a = list; a; a = a->ai_next) {
		_cleanup_close_ int fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

		if (fd >= 0 && connect(fd, a->ai_addr, a->ai_addrlen) == 0) {
			(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
			*ret = take_fd(&fd);
			freeaddrinfo(list);
			return 0;
		}
		last = errno;
	}
	freeaddrinfo(list);
	return crl_fail_sys(err, last,
			    "Cannot connect to the crun-lite daemon at tcp://%s:%s. Is it running?",
			    host, port);
}

static int shake(gnutls_session_t tls, int fd, struct crl_err *err)
{
	char why[256];
	int r;

	for (;;) {
		struct pollfd p = {.fd = fd, .events = POLLIN};

		r = gnutls_handshake(tls);
		if (r == GNUTLS_E_SUCCESS)
			return 0;
		if (gnutls_error_is_fatal(r))
			break;
		p.events = gnutls_record_get_direction(tls) ? POLLOUT : POLLIN;
		if (poll(&p, 1, HANDSHAKE_MS) == 0)
			return crl_fail(err, CRL_IO, "tls: no answer within ten seconds");
	}
	tls_handshake_reason(tls, r, why, sizeof(why));
	return crl_fail(err, CRL_UNAUTHORIZED, "tls: %s", why);
}

static struct loop loop;

static void on_done(struct relay *r)
{
	loop.stop = true;
}

int client_run(const char *host, const char *port, struct crl_err *err)
{
	struct tls_keys keys = {0};
	struct relay relay;
	gnutls_session_t tls = NULL;
	int fd = -1;

	if (load_keys(&keys, err) < 0 || connect_to(host, port, &fd, err) < 0 ||
	    fd_set_nonblock(fd, true, err) < 0 || fd_set_nonblock(PLAIN_FD, true, err) < 0 ||
	    tls_session_new(&keys, host, fd, &tls, err) < 0 || shake(tls, fd, err) < 0 ||
	    loop_init(&loop, err) < 0 || cage(false, err) < 0 ||
	    relay_start(&relay, &loop, tls, fd, PLAIN_FD, on_done, err) < 0)
		return -1;
	if (loop_run(&loop, err) < 0)
		return -1;
	/* With TLS 1.3 the server judges our certificate after the handshake. */
	if (relay.alert)
		return crl_fail(err, CRL_UNAUTHORIZED, "tls: the daemon refused: %s", relay.alert);
	return 0;
}
