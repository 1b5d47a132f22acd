// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * crun-lite-tls: TLS, in a process of its own without rights. The daemon and the command line
 * speak plain HTTP on sockets that end here; neither links a TLS library.
 */
#include "front.h"

#include <base/log.h>
#include <base/str.h>
#include <signal.h>
#include <stdio.h>

#include "config.h"

int main(int argc, char **argv)
{
	struct crl_err err = CRL_ERR_INIT;

	if (argc == 2 && str_eq(argv[1], "--version")) {
		puts("crun-lite-tls " CRL_VERSION);
		return 0;
	}
	(void)signal(SIGPIPE, SIG_IGN);
	if (argc == 2 && str_eq(argv[1], "server")) {
		if (front_run(&err) == 0)
			return 0;
		log_error("tls front ends", "error", err.msg, NULL);
		return 1;
	}
	if (argc == 4 && str_eq(argv[1], "client")) {
		if (client_run(argv[2], argv[3], &err) == 0)
			return 0;
		fprintf(stderr, "crun-lite: %s\n", err.msg);
		return 1;
	}
	fputs("crun-lite-tls: it is started by crun-lited and crun-lite\n", stderr);
	return 125;
}
