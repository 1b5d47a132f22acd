/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Streams of JSON messages (build, load, import, pull, push): shown as they come, errors as values.
 */
#ifndef CLI_PROGRESS_H
#define CLI_PROGRESS_H

#include <cli/command.h>

struct progress {
	FILE *out;        /* NULL = show nothing */
	bool tty;         /* lines are redrawn in place */
	char *id;         /* the last {"aux":{"ID":...}}; owned */
	char **ids;       /* rows on the terminal, by id */
	struct buf quiet; /* with `keep`: what would have been shown */
	bool keep;
};
void progress_free(struct progress *p);
#define _cleanup_progress_ _cleanup_(progress_free)

/* Shows on `to` (NULL = nowhere). */
void progress_init(struct progress *p, FILE *to);

/*
 * Reads the body to its end. A message with an error ends it: the text is
 * printed whole on stderr and -1 returned with `err` naming it in short.
 */
int progress_read(struct progress *p, struct http_conn *conn, struct http_response *r,
		  struct crl_err *err);

/* One message, as text; what progress_read() does for every line. */
int progress_line(struct progress *p, const char *line, size_t len, struct crl_err *err);

/* POST /images/create for one name (":latest" when it has no tag). */
int progress_pull(struct cli *cli, const char *image, const char *platform, bool quiet, FILE *out,
		  struct crl_err *err);
/* The reference has a tag or a digest. */
bool progress_has_tag(const char *image);

#endif
