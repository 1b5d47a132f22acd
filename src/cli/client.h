/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The daemon as the commands see it: API calls over HTTP, version agreement,
 * and the daemon's error texts as values. Everything blocks.
 */
#ifndef CLI_CLIENT_H
#define CLI_CLIENT_H

#include <base/json.h>
#include <cli/http.h>

/* The newest API version this client was written for. */
#define CLIENT_API_VERSION "1.51"
/* Lists of thousands of containers are fine, endless answers are not. */
#define CLIENT_MAX_REPLY (256U * 1024 * 1024)

struct client {
	const char *host;
	char version[16];      /* what we speak; lowered when the daemon is older */
	bool agreed;           /* the daemon has accepted it */
	struct http_conn conn; /* kept between calls */
	/* Called between a request and its answer; -1 gives up (a signal, while signals are
	 * blocked). */
	int (*await)(const struct client *c, struct crl_err *err);
};

/* Reads -H, CRUN_LITE_HOST, DOCKER_HOST and DOCKER_API_VERSION; connects to nothing yet. */
void client_init(struct client *c, const char *host);
void client_close(struct client *c);

/*
 * One call on the kept connection. `body` may be NULL. Answers of 400 and more
 * become errors "Error response from daemon: ..." with the code of the status.
 * *ret_text (may be NULL) is the whole answer, the caller's.
 */
int client_call(struct client *c, const char *method, const char *path, const cJSON *body,
		int *ret_status, char **ret_text, struct crl_err *err);
/* The same; the answer parsed. The caller deletes the tree. */
int client_json(struct client *c, const char *method, const char *path, const cJSON *body,
		cJSON **ret, struct crl_err *err);
int client_get(struct client *c, const char *path, cJSON **ret, struct crl_err *err);

/*
 * A request on a connection of its own, for answers that are streams. Returns
 * when the head of a good answer (below 400, or 101) is there. With
 * `r->chunked` it returns at once and client_answer() takes the head.
 * `r->path` has no version prefix.
 */
int client_open(struct client *c, const struct http_request *r, struct http_conn *ret_conn,
		struct http_response *ret, struct crl_err *err);
/* After a chunked request body: the head of the answer, errors as above. */
int client_answer(struct http_conn *conn, bool head, struct http_response *ret,
		  struct crl_err *err);
/* Finds the version both sides speak (HEAD /_ping) where a retry would not be possible. */
int client_agree(struct client *c, struct crl_err *err);

/* printf into a path; arguments must be escaped where they come from outside. */
char *client_path(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* "/containers/NAME/action" with NAME escaped. NULL = no memory. */
char *client_object_path(const char *kind, const char *name, const char *action);

#endif
