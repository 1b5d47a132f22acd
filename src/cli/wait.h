/* SPDX-License-Identifier: GPL-2.0-or-later */
/* POST /containers/ID/wait in two halves: registered before the start, answered after the end. */
#ifndef CLI_WAIT_H
#define CLI_WAIT_H

#include <cli/client.h>

struct wait_call {
	struct http_conn conn;
	struct http_response head;
};
#define WAIT_CALL_INIT                                                                             \
	{                                                                                          \
		.conn = HTTP_CONN_INIT                                                             \
	}

/*
 * Registers the wait and returns when the daemon has confirmed it (it sends
 * the head at once). `condition` may be NULL. Takes over the client's kept
 * connection; the client opens another one when it needs it.
 */
int wait_begin(struct client *client, const char *name, const char *condition,
	       struct wait_call *ret, struct crl_err *err);
/* The exit code. `timeout_ms` < 0 waits without end; a time-out is CRL_UNAVAILABLE. */
int wait_finish(struct wait_call *w, int timeout_ms, int *ret_code, struct crl_err *err);
void wait_close(struct wait_call *w);

#endif
