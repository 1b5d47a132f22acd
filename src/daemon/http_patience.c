// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * How long a client may take. A head has ten seconds; a JSON body may stand still for thirty and
 * take two minutes in all; between requests a connection is kept for five minutes. Streamed bodies
 * (build, load) have no limit: a pipe on the client's side may rest for hours, and costs a worker
 * that sleeps. Answers that nobody reads cost what the socket holds.
 */
#include "http_internal.h"

#include <base/log.h>
#include <sys/socket.h>

#define SECOND_NS (1000LL * 1000 * 1000)
#define IDLE_LIMIT_NS (300 * SECOND_NS)
#define HEAD_LIMIT_NS (10 * SECOND_NS)
#define BODY_PAUSE_NS (30 * SECOND_NS)
#define BODY_LIMIT_NS (120 * SECOND_NS)

/* MHD has sent nothing of this answer and will see the end of the connection. */
static void send_timeout(const struct http_conn *c)
{
	static const char text[] = "HTTP/1.1 408 Request Timeout\r\nConnection: close\r\n"
				   "Content-Type: application/json\r\nContent-Length: 47\r\n\r\n"
				   "{\"message\":\"the request did not come in time\"}\n";

	(void)send(c->fd, text, sizeof(text) - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static bool is_waiting_for_body(const struct http_req *r)
{
	return r && !r->body_end && !r->answered && !r->called && !r->suspended;
}

static bool is_due(const struct http_conn *c, int64_t now)
{
	const struct http_req *r = c->req;

	if (c->busy)
		return is_waiting_for_body(r) &&
		       (now - r->moved > BODY_PAUSE_NS || now - r->began > BODY_LIMIT_NS);
	if (c->idle_since < 0)
		return now + c->idle_since > HEAD_LIMIT_NS;
	return now - c->idle_since > IDLE_LIMIT_NS;
}

bool http_end_impatient(struct http_server *s)
{
	int64_t now = time_boot_ns();
	bool soon = false;

	for (struct http_conn *c = s->conns; c; c = c->next) {
		soon = soon || (c->busy ? is_waiting_for_body(c->req) : c->idle_since < 0);
		if (!is_due(c, now))
			continue;
		if (c->busy)
			send_timeout(c);
		(void)shutdown(c->fd, SHUT_RDWR);
	}
	return soon;
}
