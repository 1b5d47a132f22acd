/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An interactive session over an upgraded connection (attach, exec): terminal
 * in raw mode, window size, signals, detach keys, half close.
 */
#ifndef CLI_SESSION_H
#define CLI_SESSION_H

#include <cli/client.h>

#define SESSION_MAX_KEYS 16

struct session {
	struct http_conn *conn; /* upgraded */
	bool tty;               /* raw bytes, no frames */
	bool use_stdin;
	bool sig_proxy;  /* forward signals by `kill` */
	bool detachable; /* the keys are looked for when stdin is a terminal */
	unsigned char keys[SESSION_MAX_KEYS];
	size_t n_keys;
	struct client *control;  /* a client of its own for resize and kill */
	const char *resize_path; /* "/containers/ID/resize" */
	const char *kill_path;   /* NULL = signals are not forwarded */
};

enum session_end { SESSION_ENDED, SESSION_DETACHED };

/* "ctrl-p,ctrl-q", "a,ctrl-]" into bytes; NULL gives docker's default. */
int session_parse_keys(const char *text, struct session *s, struct crl_err *err);

/* Blocks the signals that will be forwarded, so that none is lost before session_run(). */
void session_block_signals(bool sig_proxy);

/*
 * For `struct client`'s await, while signals are blocked: a signal gives the
 * daemon two more seconds to answer, so that one that hangs cannot hold us.
 * The signal stays pending and is forwarded by session_run().
 */
int session_await(const struct client *c, struct crl_err *err);

/* Raw mode when stdin is a terminal and `tty`; undone by session_restore() and at exit. */
void session_raw_mode(const struct session *s);
void session_restore(void);

/* Tells the daemon the terminal's size; does nothing without a terminal. */
void session_resize(const struct session *s);
/* The same by way of another size: only a change makes a program paint its screen again. */
void session_redraw(const struct session *s);

/* Copies both ways until the stream ends. */
int session_run(struct session *s, enum session_end *ret, struct crl_err *err);

/* The terminal's size; false when there is none. */
bool session_window(unsigned *ret_rows, unsigned *ret_columns);

#endif
