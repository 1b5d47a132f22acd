/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tcp:// by mutual TLS. The command line links no TLS library: a process of
 * crun-lite-tls per connection has it, and this program talks to that.
 */
#ifndef CLI_HTTP_TLS_H
#define CLI_HTTP_TLS_H

#include <crun-lite/err.h>
#include <stdbool.h>

/* Whether DOCKER_TLS_VERIFY (or --tlsverify, which sets it) asks for TLS. */
bool http_tls_wanted(void);
/*
 * Connects to NAME:PORT (default 2376). The files are --tlscacert, --tlscert and --tlskey (by
 * http_tls_set_files()), else ca.pem, cert.pem and key.pem of DOCKER_CERT_PATH or ~/.docker.
 * What goes wrong later is on stderr, and the connection ends.
 */
int http_tls_connect(const char *host, int *ret_fd, struct crl_err *err);
/* The global options; NULL = not given. The strings must live on. */
void http_tls_set(bool verify, const char *ca, const char *cert, const char *key);

#endif
