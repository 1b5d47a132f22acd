/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Long bodies: files up, archives down. */
#ifndef CLI_TRANSFER_H
#define CLI_TRANSFER_H

#include <cli/progress.h>

/* Gives the next piece of a body: the count, 0 at the end, -1 on error. */
typedef ssize_t (*transfer_source)(void *ctx, void *to, size_t size, struct crl_err *err);

/*
 * POST with a chunked body from `source`, then shows the answer's messages. A
 * daemon that answers before it has read everything (an error) is heard.
 */
int transfer_send(struct cli *cli, const struct http_request *r, transfer_source source, void *ctx,
		  struct progress *p, struct crl_err *err);

/* The same for a descriptor. */
int transfer_upload(struct cli *cli, const char *path, const char *content_type,
		    const char *headers, int fd, struct progress *p, struct crl_err *err);

/* GET into a file (made anew, replaced only when all is there) or, with NULL, to stdout. */
int transfer_download(struct cli *cli, const char *path, const char *output, struct crl_err *err);

#endif
