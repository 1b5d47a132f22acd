/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whatever answers on the socket: the head, then body and frames over a pipe's bytes. */
#include <stdint.h>
#include <unistd.h>

#include <cli/demux.h>
#include <cli/http.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int ignore(void *ctx, int stream, const void *data, size_t len, struct crl_err *err)
{
	return stream == 1 || stream == 2 ? 0 : -1;
}

/* The bytes as a connection that ends behind them. */
static void read_answers(const uint8_t *data, size_t size)
{
	struct http_conn c = HTTP_CONN_INIT;
	struct crl_err err = CRL_ERR_INIT;
	buf_add(&c.in, data, size);
	for (int i = 0; i < 4; i++) {
		struct http_response r = {0};
		char *body = NULL;
		size_t len;
		if (http_read_head(&c, i == 2, &r, &err) < 0)
			break;
		if (http_read_all(&c, &r, 1U << 20, &body, &len, &err) == 0)
			free(body);
		http_response_free(&r);
	}
	http_close(&c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct demux d = {.sink = ignore};
	struct crl_err err = CRL_ERR_INIT;
	read_answers(data, size);
	for (size_t at = 0; at < size; at += 7)
		if (demux_feed(&d, data + at, size - at < 7 ? size - at : 7, &err) < 0)
			break;
	return 0;
}
