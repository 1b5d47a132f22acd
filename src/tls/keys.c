// SPDX-License-Identifier: GPL-2.0-or-later
/* See keys.h, gnutls_certificate_set_x509_trust_mem(3), RFC 8446, RFC 5280 4.2.1.12. */
#include "keys.h"

#include <arpa/inet.h>
#include <base/str.h>
#include <gnutls/x509.h>
#include <stdio.h>

/* 1.2 is what the oldest clients in use speak; without CBC and without SHA-1. */
#define PRIORITY                                                                                   \
	"SECURE128:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:-CIPHER-ALL:+AES-256-GCM:+AES-128-GCM:"     \
	"+CHACHA20-POLY1305:%SERVER_PRECEDENCE"

static int fail(struct crl_err *err, const char *what, int r)
{
	return crl_fail(err, CRL_INVALID, "%s: %s", what, gnutls_strerror(r));
}

static gnutls_datum_t datum(const char *text)
{
	return (gnutls_datum_t){.data = (unsigned char *)(uintptr_t)text,
				.size = (unsigned)strlen(text)};
}

int tls_keys_init(struct tls_keys *k, const char *ca, const char *cert, const char *key,
		  struct crl_err *err)
{
	const gnutls_datum_t ca_pem = datum(ca), cert_pem = datum(cert), key_pem = datum(key);
	int r = gnutls_certificate_allocate_credentials(&k->credentials);

	if (r < 0)
		return fail(err, "tls", r);
	r = gnutls_certificate_set_x509_trust_mem(k->credentials, &ca_pem, GNUTLS_X509_FMT_PEM);
	if (r <= 0)
		return r < 0 ? fail(err, "tlscacert", r)
			     : crl_fail(err, CRL_INVALID, "tlscacert: no certificate in it");
	r = gnutls_certificate_set_x509_key_mem(k->credentials, &cert_pem, &key_pem,
						GNUTLS_X509_FMT_PEM);
	if (r < 0)
		return fail(err, "tlscert, tlskey", r);
	gnutls_certificate_set_flags(k->credentials, GNUTLS_CERTIFICATE_SKIP_OCSP_RESPONSE_CHECK);
	r = gnutls_priority_init(&k->priority, PRIORITY, NULL);
	return r < 0 ? fail(err, "tls priorities", r) : 0;
}

void tls_keys_deinit(struct tls_keys *k)
{
	if (k->priority)
		gnutls_priority_deinit(k->priority);
	if (k->credentials)
		gnutls_certificate_free_credentials(k->credentials);
	*k = (struct tls_keys){0};
}

/* Of an address: its bytes, which is how certificates have it. 0 = it is a name. */
static unsigned address_bytes(const char *host, unsigned char ret[16])
{
	if (inet_pton(AF_INET, host, ret) == 1)
		return 4;
	return inet_pton(AF_INET6, host, ret) == 1 ? 16 : 0;
}

/*
 * Whom the peer must be: the purpose of its certificate and, of a server, its name. GnuTLS keeps
 * the pointers until the session ends; a program has sessions with one server only.
 */
static void set_verification(gnutls_session_t s, const char *host)
{
	static gnutls_typed_vdata_st client = {.type = GNUTLS_DT_KEY_PURPOSE_OID,
					       .data = (unsigned char *)GNUTLS_KP_TLS_WWW_CLIENT};
	static gnutls_typed_vdata_st server[2] = {
		{.type = GNUTLS_DT_KEY_PURPOSE_OID,
		 .data = (unsigned char *)GNUTLS_KP_TLS_WWW_SERVER}};
	static unsigned char address[16];

	if (!host) {
		gnutls_certificate_server_set_request(s, GNUTLS_CERT_REQUIRE);
		gnutls_session_set_verify_cert2(s, &client, 1, 0);
		return;
	}
	server[1] = (gnutls_typed_vdata_st){.type = GNUTLS_DT_IP_ADDRESS,
					    .data = address,
					    .size = address_bytes(host, address)};
	if (server[1].size == 0) {
		server[1].type = GNUTLS_DT_DNS_HOSTNAME;
		server[1].data = (unsigned char *)(uintptr_t)host;
		(void)gnutls_server_name_set(s, GNUTLS_NAME_DNS, host, strlen(host));
	}
	gnutls_session_set_verify_cert2(s, server, 2, 0);
}

int tls_session_new(const struct tls_keys *k, const char *host, int fd, gnutls_session_t *ret,
		    struct crl_err *err)
{
	unsigned side = host ? GNUTLS_CLIENT : GNUTLS_SERVER;
	gnutls_datum_t http = datum("http/1.1");
	gnutls_session_t s = NULL;
	int r = gnutls_init(&s, side | GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL | GNUTLS_NO_TICKETS);

	if (r < 0)
		return fail(err, "tls session", r);
	if ((r = gnutls_priority_set(s, k->priority)) < 0 ||
	    (r = gnutls_credentials_set(s, GNUTLS_CRD_CERTIFICATE, k->credentials)) < 0 ||
	    (r = gnutls_alpn_set_protocols(s, &http, 1, 0)) < 0) {
		gnutls_deinit(s);
		return fail(err, "tls session", r);
	}
	set_verification(s, host);
	gnutls_transport_set_int(s, fd);
	*ret = s;
	return 0;
}

void tls_peer_subject(gnutls_session_t session, char *ret, size_t size)
{
	unsigned n = 0;
	const gnutls_datum_t *list = gnutls_certificate_get_peers(session, &n);
	gnutls_x509_crt_t crt = NULL;

	ret[0] = '\0';
	if (!list || n == 0 || gnutls_x509_crt_init(&crt) < 0)
		return;
	if (gnutls_x509_crt_import(crt, &list[0], GNUTLS_X509_FMT_DER) < 0 ||
	    gnutls_x509_crt_get_dn(crt, ret, &size) < 0)
		ret[0] = '\0';
	gnutls_x509_crt_deinit(crt);
}

void tls_handshake_reason(gnutls_session_t session, int result, char *ret, size_t size)
{
	gnutls_datum_t text = {0};
	unsigned status = gnutls_session_get_verify_cert_status(session);

	if (result == GNUTLS_E_CERTIFICATE_VERIFICATION_ERROR &&
	    gnutls_certificate_verification_status_print(status, GNUTLS_CRT_X509, &text, 0) == 0) {
		(void)snprintf(ret, size, "%s", (const char *)text.data);
		gnutls_free(text.data);
	} else if (result == GNUTLS_E_FATAL_ALERT_RECEIVED) {
		const char *alert = gnutls_alert_get_name(gnutls_alert_get(session));

		(void)snprintf(ret, size, "the peer refused: %s", alert ? alert : "unknown alert");
	} else {
		(void)snprintf(ret, size, "%s", gnutls_strerror(result));
	}
}
