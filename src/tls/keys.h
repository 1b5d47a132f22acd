/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Certificates, keys, and sessions: what is agreed on with every peer. */
#ifndef TLS_KEYS_H
#define TLS_KEYS_H

#include <crun-lite/err.h>
#include <gnutls/gnutls.h>
#include <stddef.h>

struct tls_keys {
	gnutls_certificate_credentials_t credentials;
	gnutls_priority_t priority;
};

/* From PEM texts: whom to believe, who we are. */
int tls_keys_init(struct tls_keys *k, const char *ca, const char *cert, const char *key,
		  struct crl_err *err);
void tls_keys_deinit(struct tls_keys *k);

/*
 * A session on `fd` (not taken). Server (host == NULL): the client must show a certificate for
 * client authentication that a CA of ours signed. Client: the server's must be for `host`.
 * TLS 1.2 and 1.3, no resumption: every connection is verified.
 */
int tls_session_new(const struct tls_keys *k, const char *host, int fd, gnutls_session_t *ret,
		    struct crl_err *err);

/* The peer's distinguished name (RFC 4514), cut to `size`; "" when there is none. */
void tls_peer_subject(gnutls_session_t session, char *ret, size_t size);
/* Why a handshake ended: the reason for the certificate where that was it. */
void tls_handshake_reason(gnutls_session_t session, int result, char *ret, size_t size);

#endif
