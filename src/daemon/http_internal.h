/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the http*.c files share: server, connection, request. Nobody else includes this. */
#ifndef DAEMON_HTTP_INTERNAL_H
#define DAEMON_HTTP_INTERNAL_H

#include "daemon.h"
#include "http.h"
#include "http_listen.h"
#include "http_route.h"
#include "tls_front.h"

#include <base/ident.h>
#include <microhttpd.h>

/* What we say we are; clients compare it with their own ideas of Docker's releases. */
#define HTTP_API_VERSION_TEXT "1.51"
#define HTTP_SERVER_TEXT "Docker/" ENGINE_VERSION " (linux)"

struct http_listener {
	struct http_server *server;
	int fd;
	char *path; /* socket file we made, or NULL */
	bool is_unix;
	bool metrics; /* serves /metrics, and nothing else */
	sd_event_source *source;
	struct tls_front *front; /* it accepts, not we; fd is its own */
};

struct http_conn { /* one client connection; MHD's socket context */
	struct http_server *server;
	struct http_conn *prev, *next;
	int fd; /* MHD's, not closed here */
	uid_t uid;
	pid_t pid;
	bool is_unix;
	bool metrics;         /* its listener serves /metrics alone */
	bool remote;          /* TCP, in clear or behind the TLS front */
	char *subject;        /* of the client's certificate; NULL without TLS */
	char *from;           /* address of a remote client */
	bool busy;            /* a request is being worked on */
	struct http_req *req; /* it */
	int64_t idle_since;   /* CLOCK_BOOTTIME */
};

struct http_server {
	struct daemon *daemon;
	struct MHD_Daemon *mhd;
	sd_event_source *io;    /* MHD's epoll descriptor is readable */
	sd_event_source *again; /* MHD wants to run once more */
	sd_event_source *idle;  /* closes connections nobody uses */
	bool checked_soon;      /* within seconds, not a minute */
	sd_event_source *pause; /* ends a pause of accepting (no descriptors left) */
	struct http_listener **listeners;
	size_t n_listeners;
	struct http_conn *conns;
	size_t n_conns;
	struct http_conn *accepting; /* handed to MHD's connection notification */
	struct http_req *reqs;
};

struct http_req {
	struct http_server *server;
	struct MHD_Connection *conn;
	struct http_conn *peer;
	struct http_req *prev, *next;
	struct http_match match;
	const char *method;

	bool called;    /* the handler was called */
	bool answered;  /* the handler answered; for a stream: began to */
	bool body_end;  /* the whole request body was seen */
	bool discard;   /* what still comes of the body is thrown away */
	bool suspended; /* MHD does not look at the connection */
	bool gone;      /* the client is gone; nothing may be sent any more */
	bool close_now; /* drop the connection at the next call */

	int64_t began, moved; /* CLOCK_BOOTTIME: the request's head; the last bytes of its body */
	struct buf body;
	int sink_fd; /* -1; request body goes there */
	sd_event_source *sink_source;
	void (*sink_done)(struct http_req *r, bool ok, void *data);

	struct strmap headers; /* of the answer */
	struct MHD_Response *response;
	int status;

	bool stream, ended;
	struct buf out;
	size_t out_off;
	bool drain_wanted; /* http_write() returned false, on_drain is owed */
	void (*on_drain)(struct http_req *r, void *data);

	bool hijack, swapped;
	int hijack_fd;  /* the client's socket, once swapped */
	int hijack_far; /* the far end of what MHD now takes for the client */
	char *hijack_type;
	char *hijack_accept; /* Sec-WebSocket-Accept; NULL: no WebSocket */
	void (*hijack_done)(struct http_req *r, int fd, const void *early, size_t early_len,
			    void *data);
	void *hijack_data;

	void *data;
	void (*destroy)(void *data);
	void (*on_close)(struct http_req *r, void *data);
	sd_event_source *watch; /* the client's hang-up */
	char path[];
};

/*
 * http.c: a client of the TLS front. Takes `fd`, the clear end of the session; the texts, which
 * may be NULL, are copied.
 */
void http_server_take(struct http_server *s, int fd, const char *subject, const char *from);

/* http.c: a connection or body is not complete, so look after it in some seconds. */
void http_check_soon(struct http_server *s);

/* http_patience.c */
/*
 * Ends connections that nobody uses and requests that do not come: called every few seconds.
 * True when one of them may be due within seconds, false when a minute is soon enough.
 */
bool http_end_impatient(struct http_server *s);

/* http_access.c */
/*
 * Refuses what a browser was made to send: CRL_FORBIDDEN for an Origin, or over plain TCP for a
 * Host that is a name and not ours. Always 0 for unix sockets.
 */
int http_check_access(const struct http_req *r, struct crl_err *err);
/* One line in the log for every request that changes something: who, what. */
void http_audit(const struct http_req *r);

/* http_request.c */
enum MHD_Result http_on_request(void *cls, struct MHD_Connection *conn, const char *url,
				const char *method, const char *version, const char *upload_data,
				size_t *upload_data_size, void **con_cls);
void http_on_completed(void *cls, struct MHD_Connection *conn, void **con_cls,
		       enum MHD_RequestTerminationCode why);
/* Takes the connection out of MHD's hands until http_resume(); watches for the client's end. */
void http_suspend(struct http_req *r);
void http_resume(struct http_req *r);
/* The client is gone: tells the handler once, and lets MHD clean up. */
void http_abort(struct http_req *r);

/* http_reply.c */
void http_add_common_headers(struct http_req *r, struct MHD_Response *response);
void http_set_answer(struct http_req *r, int status, struct MHD_Response *response);

/* http_stream.c */
void http_sink_close(struct http_req *r, bool ok);
/* Passes on as much as fits; *size is what is left. */
void http_sink_feed(struct http_req *r, const char *data, size_t *size);

/* http_hijack.c */
enum MHD_Result http_hijack_queue(struct http_req *r);
void http_hijack_cleanup(struct http_req *r);

#endif
