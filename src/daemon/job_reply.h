/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A worker job behind a request: its messages become lines of JSON of the
 * answer, or its output the body. The first byte decides the status: an error
 * before it is an ordinary HTTP error. A client that goes away cancels the job.
 */
#ifndef DAEMON_JOB_REPLY_H
#define DAEMON_JOB_REPLY_H

#include "http.h"

struct job_reply {
	const char *verb;
	cJSON *args;     /* taken */
	bool takes_body; /* the request's body is the worker's input (route with HTTP_STREAM_BODY)
			  */
	bool hold;       /* messages are shown only when the job fails */
	/*
	 * After the worker's success: does what only the daemon may do (names), shows closing lines
	 * with job_reply_line(). May be NULL. On failure the error is shown like one of the worker.
	 */
	int (*finish)(struct http_req *r, const cJSON *result, void *data, struct crl_err *err);
	void *data;
	void (*destroy)(void *data); /* of `data`, at the end of the request */
};

/* Answers the request, whatever happens. */
void job_reply_start(struct http_req *r, const struct job_reply *spec);
/* One line of the answer; takes the tree. Only from `finish`. */
void job_reply_line(struct http_req *r, cJSON *line);
/* {"stream": text} */
void job_reply_stream_line(struct http_req *r, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

struct job_download {
	const char *verb;
	cJSON *args; /* taken */
	const char *content_type;
	/*
	 * With it no byte of the body leaves before it returned true for one of the worker's
	 * messages: it may add headers. NULL: messages are ignored.
	 */
	bool (*head)(struct http_req *r, const cJSON *message, void *data);
	void (*failed)(struct crl_err *err, void *data); /* puts the error in other words; NULL */
	void *data;
	void (*destroy)(void *data); /* of `data`, at the end of the request; NULL: nobody's */
};
/* The worker's descriptor 1 is the body of the answer, with back-pressure. Answers whatever
 * happens. */
void job_reply_download_with(struct http_req *r, const struct job_download *spec);
/* The worker's descriptor 1 is the body of the answer, with back-pressure. Takes `args`. */
void job_reply_download(struct http_req *r, const char *verb, cJSON *args,
			const char *content_type);

#endif
