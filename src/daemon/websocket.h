/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The daemon's part of a WebSocket: the handshake, and a relay process for what comes after it. */
#ifndef DAEMON_WEBSOCKET_H
#define DAEMON_WEBSOCKET_H

#include "http.h"

/*
 * Checks the request (RFC 6455, 4.2.1) and hijacks the connection as http_hijack() does. When it
 * is no good handshake, it is answered with 400, and false returned: `done` is not called.
 */
bool websocket_accept(struct http_req *r,
		      void (*done)(struct http_req *r, int fd, const void *early, size_t early_len,
				   void *data),
		      void *data);
/*
 * Puts a relay between the client's socket (taken) and *ret_fd, which carries plain bytes from then
 * on. `text`: the client gets text frames instead of binary ones.
 */
int websocket_relay(struct daemon *d, int client_fd, const void *early, size_t early_len, bool text,
		    int *ret_fd, struct crl_err *err);

#endif
