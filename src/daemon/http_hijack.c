// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Taking the client's socket out of HTTP.
 *
 * MHD's upgrade support hands over the bytes it had read too far, but writes
 * its own status line (never "200"), and shuts the socket down when it lets go
 * of it, which would cut off whoever holds a copy. So, while the connection is
 * suspended and out of MHD's epoll set, its descriptor is replaced by one end
 * of a fresh socket pair. MHD upgrades that; the real socket is ours alone.
 */
#include "http_internal.h"
#include "metrics.h"

#include <base/fd.h>
#include <base/log.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>

void http_hijack(struct http_req *r, const char *content_type,
		 void (*done)(struct http_req *r, int fd, const void *early, size_t early_len,
			      void *data),
		 void *data)
{
	bool upgrade = http_header(r, MHD_HTTP_HEADER_UPGRADE) != NULL;

	if (r->gone || r->answered)
		return;
	r->answered = r->hijack = true;
	metrics_answer(r->server->daemon, r->match.route, 101, 0);
	r->status = upgrade ? MHD_HTTP_SWITCHING_PROTOCOLS : MHD_HTTP_OK;
	/* The un-upgraded form always calls itself raw-stream. */
	r->hijack_type = strdup(upgrade ? content_type : "application/vnd.docker.raw-stream");
	r->hijack_done = done;
	r->hijack_data = data;
	http_resume(r);
}

void http_hijack_websocket(struct http_req *r, const char *accept,
			   void (*done)(struct http_req *r, int fd, const void *early,
					size_t early_len, void *data),
			   void *data)
{
	if (r->gone || r->answered)
		return;
	r->hijack_accept = strdup(accept);
	http_hijack(r, "", done, data);
}

static int swap_socket(struct http_req *r, struct crl_err *err)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) < 0)
		return crl_fail_sys(err, errno, "socketpair");
	r->hijack_far = pair[1];
	r->hijack_fd = fcntl(r->peer->fd, F_DUPFD_CLOEXEC, 3);
	if (r->hijack_fd < 0 || dup3(pair[0], r->peer->fd, O_CLOEXEC) < 0) {
		crl_fail_sys(err, errno, "client socket");
		close(pair[0]);
		return -1;
	}
	close(pair[0]);
	r->swapped = true;
	return 0;
}

static void add_docker_head(const struct http_req *r, struct buf *head)
{
	buf_printf(head, "HTTP/1.1 %s\r\nContent-Type: %s\r\n",
		   r->status == MHD_HTTP_OK ? "200 OK" : "101 UPGRADED",
		   r->hijack_type ? r->hijack_type : "application/octet-stream");
	if (r->status != MHD_HTTP_OK)
		buf_puts(head, "Connection: Upgrade\r\nUpgrade: tcp\r\n");
}

static void send_head(struct http_req *r, struct crl_err *err)
{
	_cleanup_buf_ struct buf head = BUF_INIT;

	if (r->hijack_accept)
		buf_printf(&head,
			   "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
			   "Connection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n",
			   r->hijack_accept);
	else
		add_docker_head(r, &head);
	buf_puts(&head, "Api-Version: " HTTP_API_VERSION_TEXT "\r\nDocker-Experimental: false\r\n"
			"Ostype: linux\r\nServer: " HTTP_SERVER_TEXT "\r\n\r\n");
	if (head.failed)
		crl_fail_oom(err);
	else if (send(r->hijack_fd, head.data, head.len, MSG_NOSIGNAL) != (ssize_t)head.len)
		crl_fail_sys(err, errno, "answer");
}

/* Hands the socket to the handler. */
static void hijack_finish(struct http_req *r, const char *early, size_t early_len)
{
	void (*done)(struct http_req *, int, const void *, size_t, void *) =
		take_ptr(r->hijack_done);
	struct crl_err err = CRL_ERR_INIT;

	if (!done)
		return;
	r->on_close = NULL;
	send_head(r, &err);
	/* A client that is already gone is the handler's to notice, at the first read or write. */
	if (err.code)
		log_debug("hijack", "error", err.msg, NULL);
	done(r, take_fd(&r->hijack_fd), early, early_len, r->hijack_data);
}

static void on_upgrade(void *cls, struct MHD_Connection *conn, void *con_cls, const char *extra_in,
		       size_t extra_in_size, MHD_socket sock, struct MHD_UpgradeResponseHandle *urh)
{
	hijack_finish(cls, extra_in, extra_in_size);
	(void)MHD_upgrade_action(urh, MHD_UPGRADE_ACTION_CLOSE);
}

static enum MHD_Result queue_upgrade(struct http_req *r)
{
	struct MHD_Response *response = MHD_create_response_for_upgrade(on_upgrade, r);
	enum MHD_Result queued = MHD_NO;

	if (response) {
		(void)MHD_add_response_header(response, MHD_HTTP_HEADER_UPGRADE, "tcp");
		queued = MHD_queue_response(r->conn, MHD_HTTP_SWITCHING_PROTOCOLS, response);
		MHD_destroy_response(response);
	}
	if (queued == MHD_NO) /* an HTTP/1.0 client: MHD refuses, the socket is ours all the same */
		hijack_finish(r, NULL, 0);
	return queued;
}

enum MHD_Result http_hijack_queue(struct http_req *r)
{
	struct crl_err err;

	if (r->swapped)
		return queue_upgrade(r);
	http_suspend(r);
	r->watch = sd_event_source_disable_unref(r->watch); /* it is bound to the real socket */
	if (swap_socket(r, &err) < 0) {
		log_warn("hijack", "error", err.msg, NULL);
		http_abort(r);
		return MHD_YES;
	}
	http_resume(r);
	return MHD_YES;
}

void http_hijack_cleanup(struct http_req *r)
{
	cleanup_close_p(&r->hijack_fd);
	cleanup_close_p(&r->hijack_far);
	free(r->hijack_type);
	free(r->hijack_accept);
}
