/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * crun-lite-dns: started by the daemon with the listening socket of the daemon's
 * protocol as descriptor 3. Owns the loop and its end. It may not depend on the
 * daemon being alive.
 */
#include "dns.h"

#include <base/fd.h>
#include <base/log.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>

#define LISTEN_FD 3

static struct dns dns;

static int start(struct dns *d, struct crl_err *err)
{
	/* The terminal of who started the daemon is nothing to us; writing to a socket whose other
	 * end is gone is an error value. */
	(void)signal(SIGPIPE, SIG_IGN);
	(void)signal(SIGHUP, SIG_IGN);
	(void)mallopt(M_TRIM_THRESHOLD, 64 * 1024);
	fd_raise_nofile();
	if (dns_init(d, LISTEN_FD, err) < 0)
		return -1;
	return confine(err);
}

int main(int argc, char **argv)
{
	struct crl_err err = CRL_ERR_INIT;
	struct dns *d = &dns;

	if (argc != 2 || argv[1][0] == '-') {
		fprintf(stderr,
			"usage: crun-lite-dns SOCKET\n"
			"Started by crun-lited, with that socket listening as descriptor 3.\n");
		return 2;
	}
	int r = start(d, &err);
	while (r == 0 && !d->loop.stop)
		r = dns_round(d, -1, &err);
	if (r < 0)
		log_error("dns", "error", err.msg, NULL);
	dns_deinit(d);
	return r < 0;
}
