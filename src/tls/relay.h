/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One connection between TLS on a TCP socket and plain bytes on a stream
 * socket, both ways, with back-pressure and half closes:
 *	close_notify received -> shutdown(plain, SHUT_WR)
 *	end of file on plain  -> close_notify sent
 * A TCP FIN is more than that: the peer is gone, and so is the plain side at
 * once, because the daemon takes a half close for a client that still listens.
 */
#ifndef TLS_RELAY_H
#define TLS_RELAY_H

#include <base/loop.h>
#include <gnutls/gnutls.h>

#define RELAY_BUFFER 16384 /* the largest record */

struct relay_way {
	char *data; /* RELAY_BUFFER */
	size_t start, len;
	bool eof;    /* nothing more comes */
	bool closed; /* and that was passed on */
	bool drop;   /* the other side takes no more: read and throw away */
};

struct relay {
	struct loop *loop;
	gnutls_session_t tls; /* after its handshake; owned */
	struct loop_source net, plain;
	struct relay_way up, down; /* from TLS to plain; from plain to TLS */
	struct loop_timer linger;
	const char *alert; /* what the peer said when it broke off, or NULL; not owned */
	bool lingering;    /* only waiting for the peer to have read everything */
	void (*done)(struct relay *r); /* all is closed; r may be freed */
};

/*
 * Takes tls and both descriptors (non-blocking), also on failure. Buffers of 32 KiB are
 * allocated here. `done` may be called before this returns.
 */
int relay_start(struct relay *r, struct loop *loop, gnutls_session_t tls, int net, int plain,
		void (*done)(struct relay *r), struct crl_err *err);
void relay_deinit(struct relay *r);

#endif
