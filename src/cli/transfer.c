/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Streaming request and response bodies. Owns no format. */
#include <cli/transfer.h>

#include <base/fd.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>

#define PIECE (256U * 1024)

/* The daemon has something to say although we are still sending. */
static bool answered(const struct http_conn *c)
{
	struct pollfd p = {.fd = c->fd, .events = POLLIN};
	return poll(&p, 1, 0) > 0;
}

static int send_body(struct http_conn *conn, transfer_source source, void *ctx, struct crl_err *err)
{
	_cleanup_free_ char *piece = malloc(PIECE);
	if (!piece)
		return crl_fail_oom(err);
	for (;;) {
		ssize_t n = source(ctx, piece, PIECE, err);
		if (n < 0)
			return -1;
		if (n == 0)
			return http_end_chunks(conn, err);
		if (answered(conn))
			return 0;
		/* A refusal closes our way in before we have looked: its answer is worth more than
		 * EPIPE. */
		if (http_write_chunk(conn, piece, (size_t)n, err) < 0)
			return answered(conn) ? 0 : -1;
	}
}

int transfer_send(struct cli *cli, const struct http_request *r, transfer_source source, void *ctx,
		  struct progress *p, struct crl_err *err)
{
	_cleanup_conn_ struct http_conn conn = HTTP_CONN_INIT;
	_cleanup_response_ struct http_response head = {0};
	if (client_open(&cli->client, r, &conn, &head, err) < 0 ||
	    send_body(&conn, source, ctx, err) < 0 || client_answer(&conn, false, &head, err) < 0)
		return -1;
	return progress_read(p, &conn, &head, err);
}

static ssize_t read_fd(void *ctx, void *to, size_t size, struct crl_err *err)
{
	ssize_t n;
	do
		n = read(*(int *)ctx, to, size);
	while (n < 0 && errno == EINTR);
	return n < 0 ? crl_fail_sys(err, errno, "read input") : n;
}

int transfer_upload(struct cli *cli, const char *path, const char *content_type,
		    const char *headers, int fd, struct progress *p, struct crl_err *err)
{
	struct http_request r = {.method = "POST",
				 .path = path,
				 .content_type = content_type,
				 .headers = headers,
				 .chunked = true};
	return transfer_send(cli, &r, read_fd, &fd, p, err);
}

static int copy_body(struct http_conn *conn, struct http_response *head, int to,
		     struct crl_err *err)
{
	_cleanup_free_ char *piece = malloc(PIECE);
	if (!piece)
		return crl_fail_oom(err);
	for (;;) {
		ssize_t n = http_read(conn, head, piece, PIECE, err);
		if (n <= 0)
			return (int)n;
		if (fd_write_all(to, piece, (size_t)n, err) < 0)
			return -1;
	}
}

/* "-o" may name a device or a pipe, which cannot be replaced by a rename. */
static bool replaceable(const char *path)
{
	struct stat st;
	return stat(path, &st) < 0 || S_ISREG(st.st_mode);
}

static int copy_to_file(struct http_conn *conn, struct http_response *head, const char *output,
			struct crl_err *err)
{
	bool replace = replaceable(output);
	_cleanup_free_ char *temporary = client_path("%s%s", output, replace ? ".part" : "");
	if (!temporary)
		return crl_fail_oom(err);
	_cleanup_close_ int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0)
		return crl_fail_sys(err, errno, "create %s", temporary);
	int r = copy_body(conn, head, fd, err);
	if (r == 0 && replace && rename(temporary, output) < 0)
		r = crl_fail_sys(err, errno, "rename %s", temporary);
	if (r < 0 && replace)
		(void)unlink(temporary);
	return r;
}

int transfer_download(struct cli *cli, const char *path, const char *output, struct crl_err *err)
{
	_cleanup_conn_ struct http_conn conn = HTTP_CONN_INIT;
	_cleanup_response_ struct http_response head = {0};
	struct http_request r = {.method = "GET", .path = path};
	if (client_open(&cli->client, &r, &conn, &head, err) < 0)
		return -1;
	return output ? copy_to_file(&conn, &head, output, err)
		      : copy_body(&conn, &head, STDOUT_FILENO, err);
}
